//! The numbers by which AWS Neuron's runtime knows the cores of a device.
//!
//! Promise: numbers are given only where all that makes them is known: every device of the machine, from the first on, with how many cores it has.
//! Rejected: a table of models and their cores (how many there are depends on how the driver joins them).

use serde::{Deserialize, Serialize};

use crate::device::Device;

/// No device has more.
const MOST: u32 = 1024;

/// The cores of one device, which have numbers throughout the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cores {
    /// The number of the first.
    pub first: u32,
    /// How many.
    pub count: u32,
}

impl Cores {
    /// Their numbers.
    pub fn numbers(self) -> std::ops::Range<u32> {
        self.first..self.first.saturating_add(self.count)
    }
}

/// Numbers the cores of devices that stand in the order of their numbers; `count` says how many one has.
pub(crate) fn number(devices: &mut [Device], count: impl Fn(&Device) -> Option<u32>) {
    let mut first = 0;
    let mut all = Vec::with_capacity(devices.len());
    for (place, device) in (0u32..).zip(devices.iter()) {
        // Where a device is left out (a container), nobody knows from where the others count.
        let count = count(device).filter(|count| (1..=MOST).contains(count));
        let Some(count) = count.filter(|_| device.index == place) else {
            return;
        };
        all.push(Cores { first, count });
        first += count;
    }
    for (device, cores) in devices.iter_mut().zip(all) {
        device.cores = Some(cores);
    }
}

/// What `NEURON_RT_VISIBLE_CORES` lists: `0-3`, `0,1,4`, both; `None`: it cannot be read.
pub(crate) fn listed(value: &str) -> Option<Vec<u32>> {
    let mut out = vec![];
    for entry in value.split(',').map(str::trim) {
        let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
        let (first, last) = (first.parse().ok()?, last.parse::<u32>().ok()?);
        let size = last.checked_sub(first)?;
        if size >= MOST || out.len() >= MOST as usize {
            return None;
        }
        out.extend(first..=last);
    }
    Some(out)
}

/// The variable's value for these devices; `None`: of one the cores are not known.
pub fn visible_cores(devices: impl IntoIterator<Item = Option<Cores>>) -> Option<String> {
    let mut all = vec![];
    for cores in devices {
        all.extend(cores?.numbers());
    }
    all.sort_unstable();
    let (first, last) = (*all.first()?, *all.last()?);
    if all.len() > 1 && all.iter().copied().eq(first..=last) {
        return Some(format!("{first}-{last}"));
    }
    let numbers: Vec<String> = all.iter().map(u32::to_string).collect();
    Some(numbers.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(numbers: &[u32], counts: &[Option<u32>]) -> Vec<Option<Cores>> {
        let device = |n: &u32| Device::new("neuron", *n, "x");
        let mut devices: Vec<Device> = numbers.iter().map(device).collect();
        number(&mut devices, |d| counts[d.index as usize]);
        devices.iter().map(|d| d.cores).collect()
    }

    #[test]
    fn cores_are_numbered_throughout_the_machine_or_not_at_all() {
        let cores = |first, count| Some(Cores { first, count });
        assert_eq!(
            numbered(&[0, 1, 2], &[Some(2), Some(4), Some(2)]),
            [cores(0, 2), cores(2, 4), cores(6, 2)]
        );
        assert_eq!(numbered(&[0, 1], &[Some(2), None]), [None, None]);
        assert_eq!(numbered(&[0, 1], &[Some(2), Some(0)]), [None, None]);
        assert_eq!(numbered(&[0, 1], &[Some(2), Some(u32::MAX)]), [None, None]);
        assert_eq!(
            numbered(&[1], &[Some(2), Some(2)]),
            [None],
            "one is left out"
        );
    }

    #[test]
    fn the_variable_is_read_and_written_as_the_runtime_does() {
        assert_eq!(listed("0-3"), Some(vec![0, 1, 2, 3]));
        assert_eq!(listed("5, 1-2"), Some(vec![5, 1, 2]));
        for wrong in ["", "x", "3-1", "0-99999999", "-1", "1,,2"] {
            assert_eq!(listed(wrong), None, "{wrong}");
        }
        let cores = |first, count| Some(Cores { first, count });
        let text = |all: &[Option<Cores>]| visible_cores(all.iter().copied());
        assert_eq!(text(&[cores(2, 2), cores(0, 2)]).unwrap(), "0-3");
        assert_eq!(text(&[cores(0, 2), cores(4, 2)]).unwrap(), "0,1,4,5");
        assert_eq!(text(&[cores(3, 1)]).unwrap(), "3");
        assert_eq!(text(&[cores(0, 2), None]), None);
        assert_eq!(text(&[]), None);
    }
}
