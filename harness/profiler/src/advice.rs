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
        if wall < UNIT && grown {
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
            0 => say(Marker::Gpus(0), "no GPU memory used".into()),
            n => say(
                Marker::Gpus(n),
                format!("{n} GPU(s) used, peak {}", size(peak)),
            ),
        }
        let needed = needed_gib(peak);
        if used > TOLERANCE {
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
        if used > TOLERANCE {
            for tier in split(needed).1 {
                advice.warnings.push(format!("Will OOM on {tier}."));
            }
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
mod tests {
    use super::*;
    use crate::size::MIB;
    use crate::trace::{Sample, Trace};

    /// A run whose memory goes from nothing to this and back, in one step.
    fn profile(peaks_mib: &[u64], last_mib: u64) -> Profile {
        let mut samples = vec![];
        for (device, peak) in peaks_mib.iter().enumerate() {
            for (at, used) in [
                (0.0, 0),
                (1.0, 0),
                (2.0, *peak),
                (3.0, *peak),
                (9.0, last_mib),
            ] {
                samples.push(Sample {
                    at,
                    device,
                    used: used * MIB,
                    total: None,
                    utilization: None,
                });
            }
        }
        Profile::of(&Trace {
            samples,
            baseline_end: 0.5,
            test_end: 5.0,
            of_tree: true,
        })
    }

    fn markers(wall: f64, peaks_mib: &[u64]) -> Vec<String> {
        let measured = Measurement {
            profile: profile(peaks_mib, 0),
            wall,
            ..Measurement::default()
        };
        let items = Advice::of(&measured).items;
        items.iter().map(|item| item.marker.rust()).collect()
    }

    fn warnings(wall: f64, last_mib: u64) -> Vec<String> {
        let measured = Measurement {
            profile: profile(&[300], last_mib),
            wall,
            ..Measurement::default()
        };
        Advice::of(&measured).warnings
    }

    #[test]
    fn kinds_by_time_and_memory() {
        assert_eq!(
            markers(0.4, &[49]),
            ["unit", "pre_merge", "gpu_0", "timeout(\"10s\")"]
        );
        assert_eq!(markers(0.4, &[50])[0], "integration");
        assert_eq!(markers(1.0, &[0])[0], "integration");
        assert_eq!(markers(29.9, &[200])[0], "integration");
        assert_eq!(markers(2.0, &[201])[0], "e2e");
        assert_eq!(markers(30.0, &[0])[0], "e2e");
    }

    #[test]
    fn the_golden_figures() {
        let golden = markers(41.2, &[18944]);
        assert_eq!(
            golden,
            ["e2e", "gpu_1", "max_vram_gib(21)", "timeout(\"124s\")"]
        );
        assert_eq!(
            (limit(41.2), limit(1.0), limit(10.0 / 3.0 + 1e-12)),
            (124, 10, 10)
        );
        assert_eq!(limit(50.0), 150);
    }

    #[test]
    fn the_largest_device_counts_and_so_does_each() {
        assert_eq!(
            markers(60.0, &[4000, 9000])[1..3],
            ["gpu_2", "max_vram_gib(10)"]
        );
        assert_eq!(markers(60.0, &[4000; 3])[1], "cards_3");
    }

    #[test]
    fn when_a_test_is_slow() {
        assert!(markers(19.9, &[0]).contains(&"pre_merge".to_owned()));
        assert!(!markers(20.0, &[0]).contains(&"pre_merge".to_owned()));
        assert!(!warnings(19.9, 0).iter().any(|w| w.contains("slow")));
        assert!(warnings(20.0, 0)[0].contains("too slow for pre_merge (> 20s)"));
        assert!(warnings(299.9, 0)[0].contains("too slow for pre_merge"));
        assert!(warnings(300.0, 0)[0].contains("very slow (> 300s)"));
    }

    #[test]
    fn a_leak_is_warned_of_from_50_mib() {
        assert!(!warnings(1.0, 49).iter().any(|w| w.contains("leak")));
        assert_eq!(
            warnings(1.0, 50).last().unwrap(),
            "GPU 0 did not return to its baseline: +50 MiB after the test ended (possible leak)."
        );
    }

    #[test]
    fn what_a_person_decided_is_not_written() {
        let advice = Advice::of(&Measurement {
            profile: profile(&[18944], 0),
            wall: 5.0,
            model: Some("a/b"),
            ..Measurement::default()
        });
        let written = |present: &[&str]| {
            let all = advice.to_write(present);
            all.iter().map(Marker::rust).collect::<Vec<_>>().join(" ")
        };
        let measured = "max_vram_gib(21) timeout(\"15s\")";
        assert_eq!(
            written(&[]),
            format!("model(\"a/b\") e2e pre_merge gpu_1 {measured}")
        );
        assert_eq!(
            written(&[
                "stress",
                "weekly",
                "gpu_1",
                "model",
                "timeout",
                "max_vram_gib"
            ]),
            measured
        );
        assert_eq!(
            written(&["unit", "nightly", "model", "cpu", "gpu_0"]),
            format!("gpu_1 {measured}")
        );
        assert_eq!(
            written(&["e2e", "nightly", "model", "hardware_test"]),
            measured
        );
    }

    #[test]
    fn phases_timed_apart_have_limits_of_their_own() {
        let measured = Measurement {
            wall: 60.0,
            body: Some(2.0),
            set_up: Some(50.0),
            model: Some("a/b"),
            cache: Some(("requested_vllm_kv_cache_bytes", 1000)),
            ..Measurement::default()
        };
        let advice = Advice::of(&measured);
        let all: Vec<String> = advice.items.iter().map(|i| i.marker.rust()).collect();
        assert_eq!(
            all,
            [
                "model(\"a/b\")",
                "e2e",
                "gpu_0",
                "requested_vllm_kv_cache_bytes(1000)",
                "timeout(\"10s\")"
            ]
        );
        assert_eq!(
            advice.ready_within,
            Some((150, "3x observed set-up 50.0s".into()))
        );
        assert_eq!(advice.items[4].reason, "3x observed body 2.0s");
    }
}
