//! What a run's samples come to.
//!
//! Promise: plain data for records and reports; a mean is over the samples that have the figure, and `None` where none has. The
//! figures answer one question first: was a slow run slow because of the code (full clock, busy), the host (full clock, not busy) or
//! the card (low clock, throttled)? Rejected: percentiles (a reader who wants them has the lines).

use std::collections::BTreeMap;

use serde::Serialize;

use super::watch::DevicePeak;
use crate::live::Driver;
use crate::note::Note;

/// All of a run, or of the part of it until now.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TelemetrySummary {
    /// Samples taken.
    pub samples: u64,
    /// From the first sample to the last.
    pub seconds: f64,
    /// What the sampler itself computed, in seconds.
    pub sampler_cpu_seconds: f64,
    /// Why there are no devices in it; `None`: there are.
    pub reason: Option<String>,
    /// By device, in the order of the inventory.
    pub devices: Vec<DeviceSummary>,
    /// The machine.
    pub host: HostSummary,
    /// The trees of processes that were followed, in the order of their start.
    pub trees: Vec<TreeSummary>,
    /// The drivers.
    pub drivers: Vec<Driver>,
    /// What the last sample had to explain.
    pub notes: Vec<Note>,
}

/// The smallest, the mean and the largest of the samples that have a figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    /// The smallest.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
}

/// One device over the run. *Busy* are the samples with a utilisation of 50 % or more.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceSummary {
    /// The key: uuid, else `platform:index`.
    pub device: String,
    /// The driver's name of it.
    pub name: String,
    /// Whether it is a device of a ledger: then nothing here was measured on hardware.
    pub simulated: bool,
    /// Samples in which it was read.
    pub samples: u64,
    /// Samples in which it was not, although an earlier one had it.
    pub missing: u64,
    /// Busy samples; `None`: the utilisation was never measured.
    pub busy_samples: Option<u64>,
    /// Utilisation in percent.
    pub utilisation: Option<Range>,
    /// Mean utilisation of the busy samples.
    pub busy_utilisation_mean: Option<f64>,
    /// Clock of the computing units in the busy samples, in MHz.
    pub busy_core_clock_mhz: Option<Range>,
    /// Its mean, as a share of the highest clock that the card can have.
    pub busy_core_clock_ratio: Option<f64>,
    /// Mean clock of the memory in the busy samples, in MHz.
    pub busy_memory_clock_mhz: Option<f64>,
    /// Most power drawn.
    pub power_watts_max: Option<f64>,
    /// Highest temperature.
    pub temperature_celsius_max: Option<u32>,
    /// In how many samples something held the clocks down, by name and without idling; `None`: never measured.
    pub throttle: Option<BTreeMap<&'static str, u64>>,
    /// All memory, in bytes.
    pub memory_total: Option<u64>,
    /// Least memory in use, in bytes.
    pub memory_used_min: Option<u64>,
    /// Most memory in use, in bytes.
    pub memory_used_max: Option<u64>,
}

/// The machine over the run. Sizes are bytes.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HostSummary {
    /// All memory.
    pub memory_total: Option<u64>,
    /// Least memory that could be had.
    pub memory_available_min: Option<u64>,
    /// The tightest limit of a control group.
    pub memory_limit: Option<u64>,
    /// Most that was used of it.
    pub memory_limited_used_max: Option<u64>,
    /// Load of the last minute.
    pub load_1: Option<Range>,
    /// Processors that this process may use.
    pub cpus: Option<u32>,
    /// Processors that the control groups' quota allows.
    pub cpu_quota: Option<f64>,
}

/// One tree of processes over the time that it was followed.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TreeSummary {
    /// What the run calls it.
    pub label: String,
    /// Samples in which it was alive.
    pub samples: u64,
    /// Most resident memory of all its processes together, in bytes. Pages that several share count in each.
    pub rss_max: Option<u64>,
    /// Most memory of all its processes, each shared page divided among those that have it, in the samples that looked; `None`: it could not be told.
    pub pss_max: Option<u64>,
    /// CPU time of all its processes, in seconds; what one used after its last sample is missing.
    pub cpu_seconds: Option<f64>,
    /// Processors that it kept busy from its first sample to its last, on average.
    pub cores_mean: Option<f64>,
    /// Most processors that it kept busy between two samples.
    pub cores_max: Option<f64>,
    /// What it held, by device.
    pub devices: Vec<DevicePeak>,
}
