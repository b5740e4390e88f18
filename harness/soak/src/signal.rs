//! What may drift: which series, in which unit, from which slope on.
//!
//! Promise: one table; a series is drawn from lines alone. What is judged of host memory is what belongs to no file: pages of files come and go as the
//! system likes.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use tribunal_statistics::drift::DriftLimit;

use crate::line::Line;
use crate::measured::Measured;

/// What may drift.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Resident memory of no file, in bytes.
    Memory,
    /// Resident shared memory, in bytes.
    SharedMemory,
    /// Memory of a device, in bytes: what the server holds, where that is known, else what is used.
    Device(String),
    /// Open descriptors.
    Descriptors,
    /// Threads.
    Threads,
    /// Median latency of the intervals, in milliseconds.
    Latency,
    /// 95th percentile of the latencies of the intervals, in milliseconds.
    LatencyP95,
    /// Median time to the first output of the intervals, in milliseconds.
    First,
    /// Requests answered for each second.
    Throughput,
}

impl Signal {
    /// Whether it is of times, which the client can spoil.
    pub(crate) fn is_speed(&self) -> bool {
        matches!(
            self,
            Self::Latency | Self::LatencyP95 | Self::First | Self::Throughput
        )
    }

    /// The unit in which people are shown it, and how much of it that is.
    pub(crate) fn unit(&self) -> (&'static str, f64) {
        match self {
            Self::Memory | Self::SharedMemory | Self::Device(_) => ("MB", 1e6),
            Self::Descriptors | Self::Threads => ("", 1.0),
            Self::Latency | Self::LatencyP95 | Self::First => ("ms", 1.0),
            Self::Throughput => ("/s", 1.0),
        }
    }

    /// How a value of it is written.
    pub(crate) fn text(&self, value: f64) -> String {
        match self {
            Self::Memory | Self::SharedMemory | Self::Device(_) => {
                format!("{:.1} MB", value / 1e6)
            }
            Self::Descriptors | Self::Threads => format!("{value:.1}"),
            Self::Latency | Self::LatencyP95 | Self::First => format!("{value:.2} ms"),
            Self::Throughput => format!("{value:.2}/s"),
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("host memory"),
            Self::SharedMemory => f.write_str("shared memory"),
            Self::Device(key) => write!(f, "memory of device {key}"),
            Self::Descriptors => f.write_str("descriptors"),
            Self::Threads => f.write_str("threads"),
            Self::Latency => f.write_str("latency, median"),
            Self::LatencyP95 => f.write_str("latency, p95"),
            Self::First => f.write_str("first output, median"),
            Self::Throughput => f.write_str("throughput"),
        }
    }
}

/// From which slopes on something drifts. Each is half of what is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriftLimits {
    /// Memory of host and devices, in bytes for each hour, or one per cent where that is more: 100 MB.
    pub memory: f64,
    /// Descriptors and threads for each hour, or one per cent: 30.
    pub handles: f64,
    /// Latencies and throughput, as a share for each hour: 0.1.
    pub speed: f64,
    /// Latencies, in milliseconds for each hour, where that is more than the share: 5. Answers of two milliseconds wander by more than a tenth.
    pub latency_ms: f64,
    /// A shorter series is insufficient, in seconds: 1800.
    pub shortest: f64,
    /// Where the warm-up ends, in seconds of a segment; else its first quarter is left out.
    pub warm_until: Option<f64>,
}

impl Default for DriftLimits {
    fn default() -> Self {
        Self {
            memory: 100e6,
            handles: 30.0,
            speed: 0.1,
            latency_ms: 5.0,
            shortest: 1800.0,
            warm_until: None,
        }
    }
}

impl DriftLimits {
    /// The same detector for a run that is `times` as fast: slopes so many times as steep within a series that is so many times as short. What
    /// is found then is a leak that is so many times as large, and no smaller one.
    #[must_use]
    pub fn scaled(self, times: f64) -> Self {
        Self {
            memory: self.memory * times,
            handles: self.handles * times,
            speed: self.speed * times,
            latency_ms: self.latency_ms * times,
            shortest: self.shortest / times,
            warm_until: self.warm_until.map(|seconds| seconds / times),
        }
    }

    pub(crate) fn of(&self, signal: &Signal) -> DriftLimit {
        let limit = match signal {
            Signal::Memory | Signal::SharedMemory | Signal::Device(_) => {
                DriftLimit::growth(self.memory)
            }
            Signal::Descriptors | Signal::Threads => DriftLimit::growth(self.handles),
            Signal::Latency | Signal::LatencyP95 | Signal::First => {
                let mut limit = DriftLimit::share(self.speed, false);
                limit.per_hour = self.latency_ms;
                limit
            }
            Signal::Throughput => DriftLimit::share(self.speed, true),
        };
        let limit = limit.shortest(self.shortest);
        match self.warm_until {
            Some(seconds) => limit.warm_until(seconds),
            None => limit,
        }
    }
}

/// (seconds, value) of every signal that the lines have, with `shift` added to their times; `measured`: of all lines that belong together.
pub(crate) fn series<'a>(
    lines: impl IntoIterator<Item = &'a Line>,
    shift: f64,
    measured: &Measured<'_>,
    into: &mut BTreeMap<Signal, Vec<(f64, f64)>>,
) {
    for line in lines {
        let mut add = |signal: Signal, at: f64, value: Option<f64>| {
            if let Some(value) = value {
                into.entry(signal).or_default().push((at + shift, value));
            }
        };
        match line {
            Line::Sample(sample) => {
                let number = |value: Option<u64>| value.map(|value| value as f64);
                add(Signal::Memory, sample.at, number(measured.memory(sample)));
                add(Signal::SharedMemory, sample.at, number(sample.shared));
                add(Signal::Descriptors, sample.at, number(sample.descriptors));
                add(Signal::Threads, sample.at, number(sample.threads));
                for device in &sample.devices {
                    let signal = Signal::Device(device.device.clone());
                    add(signal, sample.at, number(measured.device(device)));
                }
            }
            Line::Traffic(interval) if interval.seconds > 0.0 => {
                let at = interval.at;
                add(Signal::Latency, at, interval.latency_ms);
                add(Signal::LatencyP95, at, interval.latency_p95_ms);
                add(Signal::First, at, interval.first_ms);
                let rate = interval.counts.ok as f64 / interval.seconds;
                add(Signal::Throughput, at, Some(rate));
            }
            _ => {}
        }
    }
}
