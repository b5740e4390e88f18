//! The markers that follow from a measurement, and what to be warned of.
//!
//! Promise: a marker stands for something measured, with the figure it follows from. When a slow test is to run is never decided here:
//! that is a question of what it guards, and no instrument reads it.

use crate::TOLERANCE;
use crate::profile::{DeviceProfile, Profile};
use crate::size::{difference, gib, size};
use crate::tier::{needed_gib, split};

/// What was measured of a test.
#[derive(Clone, Debug, Default)]
pub struct Measurement<'a> {
    /// The devices, in the run that the advice is for.
    pub profile: Profile,
    /// Seconds of the whole test; the mean of the runs that passed.
    pub wall: f64,
    /// Seconds of its body alone, where they were told apart.
    pub body: Option<f64>,
    /// Seconds of its set-up alone: the start of its server.
    pub set_up: Option<f64>,
    /// The model, where the test names one.
    pub model: Option<&'a str>,
    /// A KV cache that the test is to ask for: the marker, and its amount.
    pub cache: Option<(&'a str, u64)>,
}

/// A recommended marker.
#[derive(Clone, Debug, PartialEq)]
pub enum Marker {
    /// The model that the test uses.
    Model(String),
    /// `unit`, `integration` or `e2e`.
    Kind(&'static str),
    /// `pre_merge`.
    PreMerge,
    /// How many devices.
    Gpus(usize),
    /// The peak per device in GiB, with a tenth more.
    MaxVramGib(u64),
    /// The limit of the body, in seconds.
    Timeout(u64),
    /// The KV cache to ask an engine for: the marker's name, and the amount.
    Cache(String, u64),
}

/// A marker, and the figure it follows from.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The marker.
    pub marker: Marker,
    /// Why.
    pub reason: String,
}

/// What follows from a measurement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advice {
    /// The markers, in the order in which they are written.
    pub items: Vec<Item>,
    /// What to think about.
    pub warnings: Vec<String>,
    /// How long the deployment's server may take to be ready, in seconds, and why; where set-up was timed apart.
    pub ready_within: Option<(u64, String)>,
}

/// A test faster than this and without device memory tests one part alone.
const UNIT: f64 = 1.0;
/// Faster than this and without a model: several parts, the engine imitated.
const INTEGRATION: f64 = 30.0;
/// From this on a test holds up whoever waits for a merge.
const SLOW: f64 = 20.0;
/// From this on it holds up everybody.
const VERY_SLOW: f64 = 300.0;
/// Limits are this often what was observed.
const ROOM: f64 = 3.0;
/// No limit is shorter: a loaded machine is no failure.
const LEAST_LIMIT: u64 = 10;

/// With fewer readings than these a peak is easily missed.
const FEW: usize = 3;

/// The limit for something that took so long.
fn limit(seconds: f64) -> u64 {
    // A float of 3 × 41.2 is a little more or less than it should be; a second for that would be one too much.
    let room = (seconds * ROOM * 1e6).round() / 1e6;
    (room.ceil() as u64).max(LEAST_LIMIT)
}

impl Advice {
    /// What follows from a measurement.
    pub fn of(measured: &Measurement<'_>) -> Advice {
        let Measurement { profile, wall, .. } = measured;
        let wall = *wall;
        let mut advice = Advice::default();
        let mut say = |marker, reason: String| advice.items.push(Item { marker, reason });
        let (used, peak) = (profile.used(), profile.peak().unwrap_or(0));
        let grown = profile
            .devices
            .iter()
            .map(DeviceProfile::used)
            .all(|used| used < TOLERANCE);

        if let Some(model) = measured.model {
            say(Marker::Model(model.into()), "as the test says".into());
        }
        let took = format!("wall time {wall:.1}s");
        let measured_memory = profile.peak().is_some();
        if !measured_memory {
            // What sort of test it is, and what it needs, follow from its memory.
        } else if wall < UNIT && grown {
            say(Marker::Kind("unit"), format!("{took}, no GPU memory used"));
        } else if wall < INTEGRATION && !profile.loads_a_model() {
            say(
                Marker::Kind("integration"),
                format!("{took}, loads no real model"),
            );
        } else if profile.loads_a_model() {
            say(Marker::Kind("e2e"), format!("{took}, loads a real model"));
        } else {
            say(Marker::Kind("e2e"), took.clone());
        }
        if wall < SLOW {
            say(Marker::PreMerge, format!("{took} < {SLOW:.0}s"));
        }
        match profile.count() {
            _ if !measured_memory => {}
            0 => say(Marker::Gpus(0), "no GPU memory used".into()),
            n => say(
                Marker::Gpus(n),
                format!("{n} GPU(s) used, peak {}", size(peak)),
            ),
        }
        let needed = needed_gib(peak);
        if measured_memory && used > TOLERANCE {
            let safe = gib(peak as f64 * 1.1);
            say(
                Marker::MaxVramGib(needed),
                format!("peak {} GPU RAM used (+10% safety: {safe})", size(peak)),
            );
        }
        if let Some((name, amount)) = measured.cache {
            say(
                Marker::Cache(name.into(), amount),
                "twice the least KV cache that passed".into(),
            );
        }
        let (seconds, what) = match measured.body {
            Some(body) => (body, "observed body "),
            None => (wall, "observed "),
        };
        say(
            Marker::Timeout(limit(seconds)),
            format!("3x {what}{seconds:.1}s"),
        );
        advice.ready_within = measured
            .set_up
            .map(|set_up| (limit(set_up), format!("3x observed set-up {set_up:.1}s")));

        if wall >= VERY_SLOW {
            advice.warnings.push(format!(
                "Wall time {wall:.1}s is very slow (> {VERY_SLOW:.0}s). Consider nightly instead."
            ));
        } else if wall >= SLOW {
            advice.warnings.push(format!(
                "Wall time {wall:.1}s is too slow for pre_merge (> {SLOW:.0}s). Consider post_merge or nightly instead."
            ));
        }
        if measured_memory && used > TOLERANCE {
            for tier in split(needed).1 {
                advice.warnings.push(format!("Will OOM on {tier}."));
            }
        }
        match profile.during() {
            0 => advice.warnings.push(
                "No reading of a device fell into the test: nothing is known of its memory. Use a shorter --interval.".into(),
            ),
            n if n < FEW => advice.warnings.push(format!(
                "Only {n} reading(s) fell into the test: its peak may be higher. Use a shorter --interval."
            )),
            _ => {}
        }
        for device in profile.devices.iter().filter(|device| device.leaked()) {
            advice.warnings.push(format!(
                "GPU {} did not return to its baseline: {} after the test ended (possible leak).",
                device.device,
                difference(device.delta().unwrap_or(0))
            ));
        }
        advice
    }

    /// The markers to write into the source of a test that has these already, by itself or from its module. What was measured is
    /// written anew; what a person decides (what sort of test it is, and when it runs) only where nobody has.
    pub fn to_write(&self, present: &[&str]) -> Vec<Marker> {
        const KINDS: [&str; 7] = [
            "unit",
            "integration",
            "e2e",
            "benchmark",
            "performance",
            "stress",
            "multimodal",
        ];
        const LIFECYCLE: [&str; 5] = ["pre_merge", "post_merge", "nightly", "weekly", "release"];
        let has = |names: &[&str]| present.iter().any(|name| names.contains(name));
        let wanted = |marker: &Marker| match marker {
            Marker::Model(_) => !has(&["model"]),
            Marker::Kind(_) => !has(&KINDS),
            Marker::PreMerge => !has(&LIFECYCLE),
            // Which device and how many is said together, and better.
            Marker::Gpus(_) => !has(&["hardware_test", marker.rust().as_str()]),
            Marker::MaxVramGib(_) | Marker::Timeout(_) | Marker::Cache(..) => true,
        };
        let markers = self.items.iter().map(|item| item.marker.clone());
        markers.filter(wanted).collect()
    }

    /// The GiB of its `max_vram_gib`, where it has one.
    pub fn max_vram_gib(&self) -> Option<u64> {
        self.items.iter().find_map(|item| match item.marker {
            Marker::MaxVramGib(gib) => Some(gib),
            _ => None,
        })
    }
}

impl Marker {
    /// As an attribute of a Rust test, without `#[` and `]`.
    pub fn rust(&self) -> String {
        match self {
            Marker::Model(id) => format!("model({id:?})"),
            Marker::Kind(kind) => (*kind).to_owned(),
            Marker::PreMerge => "pre_merge".to_owned(),
            // These counts have a marker of their own; the others count cards.
            Marker::Gpus(n @ (0 | 1 | 2 | 4 | 8)) => format!("gpu_{n}"),
            Marker::Gpus(n) => format!("cards_{n}"),
            Marker::MaxVramGib(gib) => format!("max_vram_gib({gib})"),
            Marker::Timeout(seconds) => format!("timeout(\"{seconds}s\")"),
            Marker::Cache(name, amount) => format!("{name}({amount})"),
        }
    }

    /// As pytest has it, without `@pytest.mark.`.
    pub fn pytest(&self) -> String {
        match self {
            Marker::Gpus(n) => format!("gpu_{n}"),
            Marker::Timeout(seconds) => format!("timeout({seconds})"),
            other => other.rust(),
        }
    }
}

#[cfg(test)]
#[path = "advice_tests.rs"]
mod tests;
