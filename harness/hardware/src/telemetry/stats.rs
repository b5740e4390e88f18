//! Counters behind the summary.
//!
//! Promise: a sample costs the same at the end of a week as at the start; nothing is kept of it but sums and extremes. Rejected: the
//! list of samples (its size is the length of the run).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::summary::{DeviceSummary, HostSummary, Range, TelemetrySummary};
use super::watch::Watches;
use crate::live::{Live, LiveDevice};
use crate::load::HostLoad;

/// From this utilisation on a sample is busy.
const BUSY_PERCENT: u32 = 50;

#[derive(Default)]
pub(super) struct Stats {
    samples: u64,
    first: Option<Duration>,
    last: Duration,
    latest: Option<Arc<Live>>,
    /// In the order in which the devices were first seen.
    devices: Vec<DeviceStats>,
    host: HostSummary,
    load: Spread,
}

/// Smallest, largest, sum and number of what was measured.
#[derive(Clone, Copy, Default)]
struct Spread {
    range: Option<(f64, f64)>,
    sum: f64,
    count: u64,
}

impl Spread {
    fn add(&mut self, figure: Option<f64>) {
        let Some(figure) = figure else { return };
        let (min, max) = self.range.unwrap_or((figure, figure));
        self.range = Some((min.min(figure), max.max(figure)));
        self.sum += figure;
        self.count += 1;
    }

    fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    fn range(&self) -> Option<Range> {
        let ((min, max), mean) = self.range.zip(self.mean())?;
        Some(Range { min, mean, max })
    }
}

#[derive(Default)]
struct DeviceStats {
    key: String,
    name: String,
    simulated: bool,
    samples: u64,
    missing: u64,
    busy: u64,
    utilisation: Spread,
    busy_utilisation: Spread,
    busy_core_clock: Spread,
    core_clock_max: Option<u32>,
    busy_memory_clock: Spread,
    power: Spread,
    temperature: Option<u32>,
    throttle: Option<BTreeMap<&'static str, u64>>,
    memory_total: Option<u64>,
    memory_min: Option<u64>,
    memory_max: Option<u64>,
}

impl DeviceStats {
    fn add(&mut self, device: &LiveDevice) {
        self.samples += 1;
        self.utilisation
            .add(device.utilisation_percent.map(f64::from));
        if device
            .utilisation_percent
            .is_some_and(|percent| percent >= BUSY_PERCENT)
        {
            self.busy += 1;
            self.busy_utilisation
                .add(device.utilisation_percent.map(f64::from));
            self.busy_core_clock
                .add(device.core_clock_mhz.map(f64::from));
            self.busy_memory_clock
                .add(device.memory_clock_mhz.map(f64::from));
        }
        self.core_clock_max = self.core_clock_max.max(device.core_clock_max_mhz);
        self.power.add(device.power_watts);
        self.temperature = self.temperature.max(device.temperature_celsius);
        if let Some(reasons) = &device.throttle {
            let counts = self.throttle.get_or_insert_default();
            for reason in reasons.iter().filter(|reason| reason.slows()) {
                *counts.entry(reason.name()).or_insert(0) += 1;
            }
        }
        self.memory_total = device.memory_total.or(self.memory_total);
        self.memory_min = least(self.memory_min, device.memory_used);
        self.memory_max = self.memory_max.max(device.memory_used);
    }

    fn summary(&self) -> DeviceSummary {
        let busy_core_clock_mhz = self.busy_core_clock.range();
        let highest = self.core_clock_max.filter(|mhz| *mhz > 0).map(f64::from);
        DeviceSummary {
            device: self.key.clone(),
            name: self.name.clone(),
            simulated: self.simulated,
            samples: self.samples,
            missing: self.missing,
            busy_samples: (self.utilisation.count > 0).then_some(self.busy),
            utilisation: self.utilisation.range(),
            busy_utilisation_mean: self.busy_utilisation.mean(),
            busy_core_clock_mhz,
            busy_core_clock_ratio: busy_core_clock_mhz
                .zip(highest)
                .map(|(clock, highest)| clock.mean / highest),
            busy_memory_clock_mhz: self.busy_memory_clock.mean(),
            power_watts_max: self.power.range().map(|range| range.max),
            temperature_celsius_max: self.temperature,
            throttle: self.throttle.clone(),
            memory_total: self.memory_total,
            memory_used_min: self.memory_min,
            memory_used_max: self.memory_max,
        }
    }
}

fn least(one: Option<u64>, two: Option<u64>) -> Option<u64> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}

impl Stats {
    pub(super) fn add(&mut self, at: Duration, live: &Arc<Live>, load: &HostLoad) {
        self.samples += 1;
        self.first.get_or_insert(at);
        self.last = at;
        self.latest = Some(Arc::clone(live));
        for known in &mut self.devices {
            match live.device(&known.key) {
                Some(device) => known.add(device),
                None => known.missing += 1,
            }
        }
        for device in &live.devices {
            let key = device.key();
            if self.devices.iter().all(|known| known.key != key) {
                let mut new = DeviceStats {
                    key,
                    name: device.name.clone(),
                    simulated: device.simulated,
                    ..DeviceStats::default()
                };
                new.add(device);
                self.devices.push(new);
            }
        }
        let host = &mut self.host;
        host.memory_total = load.memory_total.or(host.memory_total);
        host.memory_available_min = least(host.memory_available_min, load.memory_available);
        host.memory_limit = load.memory_limit.or(host.memory_limit);
        host.memory_limited_used_max = host.memory_limited_used_max.max(load.memory_limited_used);
        host.cpus = load.cpus.or(host.cpus);
        host.cpu_quota = load.cpu_quota.or(host.cpu_quota);
        self.load.add(load.load_1);
    }

    pub(super) fn summary(&self, watches: &Watches) -> TelemetrySummary {
        let reason = if self.samples == 0 {
            Some("nothing was sampled".to_string())
        } else {
            self.devices
                .is_empty()
                .then(|| "no device was found".to_string())
        };
        let latest = self.latest.as_deref().cloned().unwrap_or_default();
        TelemetrySummary {
            samples: self.samples,
            sampler_cpu_seconds: 0.0,
            seconds: self
                .first
                .map_or(0.0, |first| (self.last - first).as_secs_f64()),
            reason,
            devices: self.devices.iter().map(DeviceStats::summary).collect(),
            host: HostSummary {
                load_1: self.load.range(),
                ..self.host.clone()
            },
            trees: watches.summaries(),
            drivers: latest.drivers,
            notes: latest.notes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Throttle;

    fn sample(percent: Option<u32>, mhz: u32, used: Option<u64>) -> LiveDevice {
        LiveDevice {
            utilisation_percent: percent,
            core_clock_mhz: Some(mhz),
            core_clock_max_mhz: Some(2000),
            memory_used: used,
            throttle: Some(vec![Throttle::Idle, Throttle::SwPowerCap]),
            ..LiveDevice::new("cuda", 0, "x")
        }
    }

    fn of(samples: Vec<Option<LiveDevice>>) -> TelemetrySummary {
        let mut stats = Stats::default();
        for (at, device) in samples.into_iter().enumerate() {
            let live = Live {
                devices: device.into_iter().collect(),
                ..Live::default()
            };
            stats.add(
                Duration::from_secs(at as u64),
                &Arc::new(live),
                &HostLoad::default(),
            );
        }
        stats.summary(&Watches::default())
    }

    #[test]
    fn busy_samples_tell_a_slow_card_from_an_idle_one() {
        let summary = of(vec![
            Some(sample(Some(0), 300, Some(10))),
            Some(sample(Some(90), 1000, Some(30))),
            Some(sample(Some(50), 1500, Some(20))),
            Some(sample(Some(49), 1, Some(5))),
        ]);
        let device = &summary.devices[0];
        assert_eq!((device.samples, device.busy_samples), (4, Some(2)));
        assert_eq!(device.utilisation.unwrap().mean, 47.25);
        assert_eq!(device.busy_utilisation_mean, Some(70.0));
        assert_eq!(
            device.busy_core_clock_mhz,
            Some(Range {
                min: 1000.0,
                mean: 1250.0,
                max: 1500.0
            })
        );
        assert_eq!(device.busy_core_clock_ratio, Some(0.625));
        assert_eq!(
            (device.memory_used_min, device.memory_used_max),
            (Some(5), Some(30))
        );
        // Idling is no throttling.
        assert_eq!(device.throttle, Some(BTreeMap::from([("sw_power_cap", 4)])));
        assert_eq!((summary.samples, summary.seconds), (4, 3.0));
    }

    #[test]
    fn what_was_not_measured_is_none_and_what_was_not_read_is_missing() {
        let bare = LiveDevice::new("npu", 0, "y");
        let summary = of(vec![
            Some(bare.clone()),
            None,
            Some(LiveDevice {
                memory_used: Some(7),
                ..bare
            }),
        ]);
        let device = &summary.devices[0];
        assert_eq!((device.samples, device.missing), (2, 1));
        assert_eq!(
            (
                device.busy_samples,
                device.utilisation,
                device.power_watts_max
            ),
            (None, None, None)
        );
        assert_eq!(device.memory_used_min, Some(7), "the unmeasured is no 0");
        assert_eq!(device.throttle, None);
    }

    #[test]
    fn a_run_without_devices_or_samples_says_so() {
        assert_eq!(of(vec![None]).reason.unwrap(), "no device was found");
        assert_eq!(of(vec![]).reason.unwrap(), "nothing was sampled");
    }
}
