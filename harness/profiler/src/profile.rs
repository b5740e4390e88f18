//! What a trace says for each device.

use crate::TOLERANCE;
use crate::phase::{Phase, phases};
use crate::trace::{Sample, Trace};

/// What was seen of one device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceProfile {
    /// The index of the device.
    pub device: usize,
    /// Its memory, where known.
    pub total: Option<u64>,
    /// The last reading before the test; `None` where there was none.
    pub baseline: Option<u64>,
    /// The largest reading of all.
    pub peak: u64,
    /// When it was read.
    pub peak_at: f64,
    /// The last reading.
    pub last: u64,
    /// How many readings were made while the test ran.
    pub during: usize,
    /// The phases, in the order of time.
    pub phases: Vec<Phase>,
}

impl DeviceProfile {
    /// What the test added at its peak; all of it where nothing was read before the test.
    pub fn used(&self) -> u64 {
        self.peak - self.baseline.unwrap_or(0).min(self.peak)
    }

    /// What was left after the end, beyond what was there before: negative where somebody else gave memory back.
    pub fn delta(&self) -> Option<i64> {
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.baseline
            .map(|baseline| signed(self.last) - signed(baseline))
    }

    /// Whether the memory did not come back to where it was.
    pub fn leaked(&self) -> bool {
        self.delta()
            .is_some_and(|delta| delta.unsigned_abs() >= TOLERANCE)
    }
}

/// What was seen of all devices during one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// One for each device that was sampled, in order.
    pub devices: Vec<DeviceProfile>,
    /// Whether this is the memory of the test's processes alone.
    pub of_tree: bool,
}

impl Profile {
    /// Reads it off a trace.
    pub fn of(trace: &Trace) -> Profile {
        let one = |device: usize| {
            let samples = || trace.samples.iter().filter(|s| s.device == device);
            // The first of equal peaks: when it was reached.
            let top = samples().fold(None, |top: Option<&Sample>, s| match top {
                Some(top) if top.used >= s.used => Some(top),
                _ => Some(s),
            })?;
            Some(DeviceProfile {
                device,
                total: samples().find_map(|s| s.total),
                baseline: samples()
                    .take_while(|s| s.at <= trace.baseline_end)
                    .last()
                    .map(|s| s.used),
                peak: top.used,
                peak_at: top.at,
                last: samples().next_back()?.used,
                during: samples()
                    .filter(|s| s.at > trace.baseline_end && s.at <= trace.test_end)
                    .count(),
                phases: phases(trace, device),
            })
        };
        Profile {
            devices: trace.devices().into_iter().filter_map(one).collect(),
            of_tree: trace.of_tree,
        }
    }

    /// The largest peak of a device; `None` where nothing was read while the test ran: what was read before and after it says nothing of it.
    pub fn peak(&self) -> Option<u64> {
        self.devices
            .iter()
            .filter(|device| device.during > 0)
            .map(|device| device.peak)
            .max()
    }

    /// The readings of a device while the test ran; the fewest.
    pub fn during(&self) -> usize {
        self.devices
            .iter()
            .map(|device| device.during)
            .min()
            .unwrap_or(0)
    }

    /// The most that the test added to a device.
    pub fn used(&self) -> u64 {
        self.devices
            .iter()
            .map(DeviceProfile::used)
            .max()
            .unwrap_or(0)
    }

    /// The devices that the test used.
    pub fn count(&self) -> usize {
        self.devices
            .iter()
            .filter(|device| device.used() > TOLERANCE)
            .count()
    }

    /// Whether a model was loaded.
    pub fn loads_a_model(&self) -> bool {
        self.devices
            .iter()
            .any(|device| device.phases.iter().any(Phase::loads_a_model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::MIB;
    use crate::trace::Sample;

    fn trace(rows: &[(f64, usize, u64)]) -> Trace {
        let samples = rows.iter().map(|(at, device, used)| Sample {
            at: *at,
            device: *device,
            used: used * MIB,
            total: Some(24 * 1024 * MIB),
            utilization: None,
        });
        Trace {
            samples: samples.collect(),
            baseline_end: 3.0,
            test_end: 10.0,
            of_tree: false,
        }
    }

    #[test]
    fn baseline_peak_last_and_leak_of_each_device() {
        let profile = Profile::of(&trace(&[
            (0.0, 0, 900),
            (0.0, 1, 5),
            (3.0, 0, 100),
            (3.0, 1, 5),
            (5.0, 0, 5000),
            (6.0, 0, 5000),
            (6.0, 1, 55),
            (12.0, 0, 149),
            (12.0, 1, 5),
        ]));
        let [first, second] = &profile.devices[..] else {
            panic!("{profile:?}")
        };
        assert_eq!(
            (first.baseline, first.peak, first.peak_at, first.last),
            (Some(100 * MIB), 5000 * MIB, 5.0, 149 * MIB)
        );
        assert_eq!(first.used(), 4900 * MIB);
        assert!(!first.leaked(), "49 MiB are noise");
        assert_eq!(second.used(), 50 * MIB);
        assert_eq!(profile.count(), 1, "50 MiB are no use");
        assert_eq!(profile.peak(), Some(5000 * MIB));
    }

    #[test]
    fn memory_that_stays_is_a_leak_from_50_mib() {
        let profile = Profile::of(&trace(&[(0.0, 0, 100), (5.0, 0, 900), (12.0, 0, 150)]));
        assert!(profile.devices[0].leaked());
        assert_eq!(profile.devices[0].delta(), Some(50 * MIB as i64));
    }

    #[test]
    fn without_a_reading_before_the_test_no_leak_is_told() {
        let profile = Profile::of(&trace(&[(5.0, 0, 900), (12.0, 0, 850)]));
        let device = &profile.devices[0];
        assert_eq!((device.baseline, device.delta()), (None, None));
        assert!(!device.leaked());
        assert_eq!(device.used(), 900 * MIB);
        assert_eq!(Profile::of(&Trace::default()).peak(), None);
    }

    #[test]
    fn without_a_reading_during_the_test_its_peak_is_unknown() {
        let profile = Profile::of(&trace(&[(0.0, 0, 700), (3.0, 0, 100), (12.0, 0, 100)]));
        assert_eq!((profile.peak(), profile.during()), (None, 0));
        let profile = Profile::of(&trace(&[(3.0, 0, 100), (3.1, 0, 900), (12.0, 0, 100)]));
        assert_eq!((profile.peak(), profile.during()), (Some(900 * MIB), 1));
    }
}
