//! Whether a claim fits beside others, and which of them are in its way.
//!
//! Promise: a pure function. For every claim and every set of others, a claim that fits beside the set fits beside every
//! part of it; so one that was granted beside all who wait delays none of them. Rejected: letting a later claim pass that
//! *probably* ends before the earlier one can start (a wrong guess would make the earlier one wait, and again).

use super::claim::{Amount, Capacity, HostLimits};

/// A claim as it is compared: keys and names are digests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) devices: Vec<DeviceNeed>,
    pub(crate) names: Vec<u128>,
    pub(crate) cpus: u32,
    pub(crate) memory: u64,
    pub(crate) limits: HostLimits,
    pub(crate) exclusive: bool,
    pub(crate) server: bool,
    /// Its record could not be understood: it is in everybody's way, since what is unknown is not nothing.
    pub(crate) unreadable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeviceNeed {
    pub(crate) key: u128,
    pub(crate) amount: Amount,
    pub(crate) capacity: Capacity,
}

impl Needs {
    fn device(&self, key: u128) -> Option<&DeviceNeed> {
        self.devices.iter().find(|device| device.key == key)
    }
}

/// Those of `others` that are in the way of `claim`; none: it fits. Where a sum is too large, all who are part of it.
pub(crate) fn in_the_way(claim: &Needs, others: &[&Needs]) -> Vec<usize> {
    let mut way = vec![false; others.len()];
    for (at, other) in others.iter().enumerate() {
        way[at] = other.unreadable
            || (claim.exclusive && !other.server)
            || (other.exclusive && !claim.server)
            || claim.names.iter().any(|name| other.names.contains(name));
    }
    let mut users = Vec::new();
    for mine in &claim.devices {
        users.clear();
        users.extend(
            others
                .iter()
                .enumerate()
                .filter_map(|(at, other)| Some((at, other.device(mine.key)?))),
        );
        if !users.is_empty() && !shares(mine, users.iter().map(|(_, theirs)| *theirs)) {
            users.iter().for_each(|(at, _)| way[*at] = true);
        }
    }
    let weight = |way: &mut Vec<bool>, of: &dyn Fn(&Needs) -> (u64, Option<u64>)| {
        let (mine, limit) = of(claim);
        let beside: Vec<usize> = (0..others.len())
            .filter(|at| of(others[*at]).0 > 0)
            .collect();
        if mine == 0 || beside.is_empty() {
            return;
        }
        // What is unknown to one of them is no reason to trust the other.
        let sum = beside.iter().try_fold((mine, limit), |(sum, limit), at| {
            let (theirs, seen) = of(others[*at]);
            Some((sum.checked_add(theirs)?, Some(limit?.min(seen?))))
        });
        if !matches!(sum, Some((sum, Some(limit))) if sum <= limit) {
            beside.iter().for_each(|at| way[*at] = true);
        }
    };
    weight(&mut way, &|n| {
        (u64::from(n.cpus), n.limits.cpus.map(u64::from))
    });
    weight(&mut way, &|n| (n.memory, n.limits.memory));
    (0..others.len()).filter(|at| way[*at]).collect()
}

/// Whether a claim of a device fits beside others of the same.
fn shares<'a>(mine: &'a DeviceNeed, theirs: impl Iterator<Item = &'a DeviceNeed>) -> bool {
    let mut sum: u64 = 0;
    let mut room = u64::MAX;
    for one in theirs.chain([mine]) {
        let (Amount::Bytes(bytes), Some(shared)) = (one.amount, one.capacity.shared) else {
            return false;
        };
        sum = sum.saturating_add(bytes);
        // Room for several is never more than there is for one.
        room = room.min(shared).min(one.capacity.total.unwrap_or(shared));
    }
    sum <= room
}

#[cfg(test)]
mod tests;
