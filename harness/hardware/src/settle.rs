//! Whether a device is as it was before a server came.
//!
//! Promise: what counts is the memory of the whole device, so that a process that nobody attributes to anybody is seen too; what
//! others on the same device took or gave meanwhile is subtracted where the driver says how much it was, and where it does not, there is no
//! verdict. Rejected: asking only whether processes of the tree are left (in a container that question is always answered with no).

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::live::{DeviceProcess, Live, LiveDevice};

/// How far a device may stay above its reading from before the start: 50 MiB.
pub const SETTLE_TOLERANCE: u64 = 50 << 20;
/// How long it may take to come back.
pub const SETTLE_BOUND: Duration = Duration::from_secs(30);
/// Between two readings. Drivers take some tens of milliseconds to give memory back.
const LOOK: Duration = Duration::from_millis(200);

/// What a comparison of two readings says about one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// It is back at its reading from before, within the tolerance.
    Clean,
    /// More is taken than before, and it is not the others'.
    Above(Residue),
    /// It cannot be told, for this reason.
    NotMade(String),
}

/// What is left on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Residue {
    /// In use before the start, in bytes.
    pub before: u64,
    /// In use now.
    pub now: u64,
    /// What of the growth is not the others', in bytes.
    pub left: u64,
    /// Processes that came after the first reading and are not the others': whose it may be.
    pub processes: Vec<DeviceProcess>,
}

/// Compares a device with its reading from before. `others`: whether a pid belongs to somebody who uses the device by right
/// (another lease); processes that used it before count as others by themselves.
pub fn settled(
    before: &LiveDevice,
    now: &LiveDevice,
    others: &dyn Fn(u32) -> bool,
    tolerance: u64,
) -> Settled {
    let unmeasured = |when| Settled::NotMade(format!("memory in use is unmeasured {when}"));
    let Some(used_before) = before.memory_used else {
        return unmeasured("before the start");
    };
    let Some(used_now) = now.memory_used else {
        return unmeasured("after the stop");
    };
    let none = Vec::new();
    let (were, are) = (
        before.processes.as_ref().unwrap_or(&none),
        now.processes.as_ref().unwrap_or(&none),
    );
    let (theirs, ours): (Vec<&DeviceProcess>, Vec<&DeviceProcess>) = are
        .iter()
        .partition(|one| others(one.pid) || were.iter().any(|old| old.is(one)));
    let growth = i128::from(used_now) - i128::from(used_before);
    let held = |all: &mut dyn Iterator<Item = &DeviceProcess>| -> Option<i128> {
        all.map(|one| one.bytes.map(i128::from)).sum()
    };
    let change = held(&mut theirs.iter().copied())
        .zip(held(&mut were.iter()))
        .map(|(now, before)| now - before);
    let left = match change {
        Some(change) => growth - change,
        // Nobody can say what the others did; but a device that is where it was needs no subtraction.
        None if growth <= i128::from(tolerance) => growth,
        None => {
            return Settled::NotMade(
                "the driver does not say how much others on the device hold".into(),
            );
        }
    };
    if left <= i128::from(tolerance) {
        return Settled::Clean;
    }
    Settled::Above(Residue {
        before: used_before,
        now: used_now,
        left: u64::try_from(left).unwrap_or(u64::MAX),
        processes: ours.into_iter().cloned().collect(),
    })
}

/// What came of waiting for the devices of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Handover {
    /// By the devices' keys, in the order asked for.
    pub devices: Vec<(String, Settled)>,
    /// How long it was waited.
    pub waited: Duration,
}

impl Handover {
    /// Whether every device that could be compared is clean.
    pub fn is_clean(&self) -> bool {
        !self
            .devices
            .iter()
            .any(|(_, settled)| matches!(settled, Settled::Above(_)))
    }
}

/// Reads again and again until every one of the devices (by key) is back, or the bound is over; reads at least once. A device that is not
/// in a reading is waited for like one that is above: a driver that restarts shows none for a moment.
pub fn settle(
    before: &Live,
    keys: &[String],
    mut read: impl FnMut() -> Live,
    others: &dyn Fn(u32) -> bool,
    tolerance: u64,
    bound: Duration,
) -> Handover {
    let begin = Instant::now();
    loop {
        let now = read();
        let devices: Vec<(String, Settled)> = keys
            .iter()
            .map(|key| (key.clone(), one(before, &now, key, others, tolerance)))
            .collect();
        let back = |settled: &Settled| match settled {
            Settled::Clean => true,
            Settled::Above(_) => false,
            // What was not measured before cannot become comparable; what is missing only now can.
            Settled::NotMade(_) => true,
        };
        let missing = keys
            .iter()
            .any(|key| before.device(key).is_some() && now.device(key).is_none());
        let waited = begin.elapsed();
        if (devices.iter().all(|(_, settled)| back(settled)) && !missing) || waited >= bound {
            return Handover { devices, waited };
        }
        std::thread::sleep(LOOK.min(bound.saturating_sub(waited)));
    }
}

fn one(
    before: &Live,
    now: &Live,
    key: &str,
    others: &dyn Fn(u32) -> bool,
    tolerance: u64,
) -> Settled {
    match (before.device(key), now.device(key)) {
        (Some(before), Some(now)) => settled(before, now, others, tolerance),
        (None, _) => Settled::NotMade("the device was not read before the start".into()),
        (_, None) => Settled::NotMade("the device could not be read after the stop".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn device(used: Option<u64>, processes: Option<&[(u32, Option<u64>)]>) -> LiveDevice {
        let processes = processes.map(|all| {
            let all = all.iter();
            all.map(|(pid, mib)| DeviceProcess::new(*pid, mib.map(|mib| mib * MIB)))
                .collect()
        });
        LiveDevice {
            memory_used: used.map(|mib| mib * MIB),
            processes,
            ..LiveDevice::new("cuda", 0, "x")
        }
    }

    fn left(settled: Settled) -> (u64, Vec<u32>) {
        match settled {
            Settled::Above(residue) => (
                residue.left / MIB,
                residue.processes.iter().map(|one| one.pid).collect(),
            ),
            other => panic!("{other:?}"),
        }
    }

    fn compared(before: &LiveDevice, now: &LiveDevice, others: &[u32]) -> Settled {
        settled(before, now, &|pid| others.contains(&pid), SETTLE_TOLERANCE)
    }

    #[test]
    fn a_device_of_ones_own_must_be_back() {
        let before = device(Some(400), Some(&[]));
        assert_eq!(
            compared(&before, &device(Some(450), Some(&[])), &[]),
            Settled::Clean
        );
        assert_eq!(
            compared(&before, &device(Some(10), Some(&[])), &[]),
            Settled::Clean
        );
        let orphan = device(Some(2400), Some(&[(9, Some(2000))]));
        assert_eq!(left(compared(&before, &orphan, &[])), (2000, vec![9]));
        // In a container the driver lists nothing, and the device still says it.
        let hidden = device(Some(2400), None);
        assert_eq!(left(compared(&before, &hidden, &[])), (2000, vec![]));
    }

    #[test]
    fn what_others_took_or_gave_is_subtracted() {
        let before = device(Some(5000), Some(&[(1, Some(4000))]));
        // The old neighbour grew by 1000, a new one with a lease holds 3000.
        let now = device(Some(9000), Some(&[(1, Some(5000)), (2, Some(3000))]));
        assert_eq!(compared(&before, &now, &[2]), Settled::Clean);
        assert_eq!(left(compared(&before, &now, &[])), (3000, vec![2]));
        // The old neighbour left; what it gave back must not hide what stays.
        let now = device(Some(2500), Some(&[(7, Some(1500))]));
        assert_eq!(left(compared(&before, &now, &[])), (1500, vec![7]));
    }

    #[test]
    fn a_pid_that_was_used_again_is_not_the_old_neighbour() {
        let start = |mut device: LiveDevice, start| {
            for process in device.processes.iter_mut().flatten() {
                process.start_time = Some(start);
            }
            device
        };
        let before = start(device(Some(1000), Some(&[(1, Some(900))])), 5);
        let now = start(device(Some(1000), Some(&[(1, Some(900))])), 6);
        assert_eq!(left(compared(&before, &now, &[])), (900, vec![1]));
    }

    #[test]
    fn what_cannot_be_told_is_not_made() {
        let measured = device(Some(1), Some(&[]));
        let unmeasured = device(None, None);
        for (before, now, word) in [
            (&unmeasured, &measured, "before"),
            (&measured, &unmeasured, "after"),
        ] {
            let settled = compared(before, now, &[]);
            assert!(
                matches!(&settled, Settled::NotMade(why) if why.contains(word)),
                "{settled:?}"
            );
        }
        let before = device(Some(1000), Some(&[(1, None)]));
        let now = device(Some(3000), Some(&[(1, None)]));
        assert!(matches!(compared(&before, &now, &[]), Settled::NotMade(_)));
        assert_eq!(compared(&before, &before, &[]), Settled::Clean);
    }

    fn live(used: u64) -> Live {
        Live {
            devices: vec![device(Some(used), Some(&[]))],
            ..Live::default()
        }
    }

    #[test]
    fn a_device_that_comes_back_late_is_waited_for() {
        let mut readings = [live(5000), Live::default(), live(410)].into_iter();
        let handover = settle(
            &live(400),
            &["cuda:0".into()],
            || readings.next().unwrap(),
            &|_| false,
            SETTLE_TOLERANCE,
            Duration::from_secs(60),
        );
        assert!(handover.is_clean());
        assert_eq!(handover.devices, [("cuda:0".to_string(), Settled::Clean)]);
        assert_eq!(readings.len(), 0);
    }

    #[test]
    fn one_that_does_not_come_back_is_told_after_the_bound() {
        let mut looks = 0;
        let handover = settle(
            &live(400),
            &["cuda:0".into(), "cuda:7".into()],
            || {
                looks += 1;
                live(900)
            },
            &|_| false,
            SETTLE_TOLERANCE,
            Duration::ZERO,
        );
        assert_eq!(looks, 1);
        assert!(!handover.is_clean());
        assert!(matches!(&handover.devices[1].1, Settled::NotMade(_)));
    }
}
