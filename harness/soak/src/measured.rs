//! Which of two readings a series is made of.
//!
//! Promise: all values of a series are of one kind. A driver that now and then does not say what the server holds must not make a series jump to what
//! everybody holds. Rejected: for each sample whatever it has.

use std::collections::BTreeMap;

use crate::line::{DeviceSample, Line, Sample};

/// How many samples have the better reading, and how many the other.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    better: u64,
    other: u64,
}

impl Count {
    fn add(&mut self, better: Option<u64>, other: Option<u64>) {
        self.better += u64::from(better.is_some());
        self.other += u64::from(other.is_some());
    }

    /// The better one, where it is not much rarer.
    fn pick(self, better: Option<u64>, other: Option<u64>) -> Option<u64> {
        match self.better > 0 && self.better * 2 >= self.other {
            true => better,
            false => other,
        }
    }
}

/// What the samples of one server process mostly have.
#[derive(Debug, Default)]
pub(crate) struct Measured<'a> {
    memory: Count,
    devices: BTreeMap<&'a str, Count>,
}

impl<'a> Measured<'a> {
    /// Of these lines.
    pub(crate) fn of(lines: impl IntoIterator<Item = &'a Line>) -> Self {
        let mut measured = Self::default();
        for line in lines {
            let Line::Sample(sample) = line else { continue };
            measured.memory.add(sample.anonymous, sample.rss);
            for device in &sample.devices {
                let count = measured.devices.entry(&device.device).or_default();
                count.add(device.own, device.used);
            }
        }
        measured
    }

    /// Memory of no file; of a server that somebody else runs, where only the whole is known, that.
    pub(crate) fn memory(&self, sample: &Sample) -> Option<u64> {
        self.memory.pick(sample.anonymous, sample.rss)
    }

    /// What the server holds of a device; where that is not known, what is used.
    pub(crate) fn device(&self, device: &DeviceSample) -> Option<u64> {
        let count = self.devices.get(&*device.device);
        count
            .copied()
            .unwrap_or_default()
            .pick(device.own, device.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(own: &[Option<u64>]) -> Vec<Line> {
        let sample = |own: &Option<u64>| {
            let device = DeviceSample {
                device: "cuda:0".into(),
                own: *own,
                used: Some(900),
                ..DeviceSample::default()
            };
            Line::Sample(Box::new(Sample {
                rss: Some(70),
                anonymous: own.map(|_| 50),
                devices: vec![device],
                ..Sample::default()
            }))
        };
        own.iter().map(sample).collect()
    }

    fn series(own: &[Option<u64>]) -> Vec<(Option<u64>, Option<u64>)> {
        let lines = lines(own);
        let measured = Measured::of(&lines);
        let value = |line: &Line| match line {
            Line::Sample(sample) => (measured.memory(sample), measured.device(&sample.devices[0])),
            _ => (None, None),
        };
        lines.iter().map(value).collect()
    }

    #[test]
    fn a_series_is_of_one_kind() {
        let (own, used) = ((Some(50), Some(300)), (Some(70), Some(900)));
        for (given, expected) in [
            (vec![Some(300); 3], vec![own; 3]),
            (
                vec![Some(300), None, Some(300)],
                vec![own, (None, None), own],
            ),
            (vec![None; 3], vec![used; 3]),
            (vec![None, None, None, Some(300)], vec![used; 4]),
        ] {
            assert_eq!(series(&given), expected, "{given:?}");
        }
    }
}
