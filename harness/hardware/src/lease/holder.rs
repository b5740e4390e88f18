//! Who has, or waits for, what: for the people who wait.
//!
//! Promise: the process, its command, since when and what, so that a reader can decide whether to wait or to end it. Rejected: the
//! pid alone, which says nothing once its process has handed the lease to a server and ended.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::claim::Claim;
use crate::process::Process;

/// One who has a lease or waits for one.
#[derive(Clone, Debug, PartialEq)]
pub struct HolderInfo {
    /// The process that took it. It may have ended: then another that it handed the lease to holds it.
    pub process: Process,
    /// Its command line, without the program's folder and without values that look like secrets, cut to some ninety bytes.
    pub command: String,
    /// Since when it has held, or waited for, it.
    pub since: SystemTime,
    /// Whether it waits and does not hold anything yet.
    pub waits: bool,
    /// What it holds or waits for; long names are cut.
    pub claim: Claim,
}

/// ``pid 4242 (`suites-1f -m smoke`, test `a::b`) holds 12 GiB of GPU-1 since 14:03:11 UTC``
impl fmt::Display for HolderInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let does = if self.waits { "waits for" } else { "holds" };
        write!(
            f,
            "{} {does} {} since {}",
            Who(self),
            self.claim,
            Clock(self.since)
        )
    }
}

/// Says in one sentence whom a claim waits for: ``waits for 12 GiB of GPU-1, held by pid 4242 (`suites-1f`) since 14:03:11
/// UTC``. At most three of them are named.
pub fn waits_for(claim: &Claim, blockers: &[HolderInfo]) -> String {
    const NAMED: usize = 3;
    let named: Vec<String> = blockers
        .iter()
        .take(NAMED)
        .map(|info| {
            let state = if info.waits {
                "which was before in the queue"
            } else {
                "which holds"
            };
            let what = &info.claim;
            format!("{}, {state} {what} since {}", Who(info), Clock(info.since))
        })
        .collect();
    let more = match blockers.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!("; and for {n} more"),
    };
    match named.len() {
        0 => format!("waits for {claim}, which is free now"),
        _ => format!("waits for {claim}: for {}{more}", named.join("; for ")),
    }
}

/// ``pid 4242 (`suites-1f`, `a::b`)``
struct Who<'a>(&'a HolderInfo);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HolderInfo {
            process,
            command,
            claim,
            ..
        } = self.0;
        write!(f, "pid {} (`{command}`", process.pid)?;
        if !claim.label.is_empty() {
            write!(f, ", {}", claim.label)?;
        }
        if process.runs() == Some(false) {
            f.write_str("; it has ended and left the lease to a process of its own")?;
        }
        f.write_str(")")
    }
}

/// `14:03:11 UTC`; with the day where that is more than a day ago.
struct Clock(SystemTime);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: u64 = 24 * 3600;
        let seconds = self
            .0
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let of_day = seconds % DAY;
        let (hours, minutes) = (of_day / 3600, of_day / 60 % 60);
        write!(f, "{hours:02}:{minutes:02}:{:02} UTC", of_day % 60)?;
        let age = SystemTime::now()
            .duration_since(self.0)
            .unwrap_or(Duration::ZERO);
        match age.as_secs() / DAY {
            0 => Ok(()),
            1 => f.write_str(" (more than a day ago)"),
            days => write!(f, " (more than {days} days ago)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::claim::{Amount, Capacity, DeviceClaim};
    use super::*;

    fn info(pid: u32, waits: bool) -> HolderInfo {
        HolderInfo {
            process: Process {
                pid,
                start_time: None,
            },
            command: "suites-1f".into(),
            since: UNIX_EPOCH + Duration::from_secs(50_591),
            waits,
            claim: Claim {
                devices: vec![DeviceClaim {
                    key: "GPU-1".into(),
                    amount: Amount::Bytes(12 << 30),
                    capacity: Capacity::default(),
                }],
                label: "a::b".into(),
                ..Claim::default()
            },
        }
    }

    #[test]
    fn the_sentence_names_who_what_and_since_when() {
        let wanted = Claim {
            devices: vec![DeviceClaim {
                amount: Amount::Whole,
                ..info(1, false).claim.devices[0].clone()
            }],
            ..Claim::default()
        };
        let text = waits_for(&wanted, &[info(4242, false), info(4243, true)]);
        assert!(
            text.starts_with(
                "waits for GPU-1 (whole): for pid 4242 (`suites-1f`, a::b), which holds 12 GiB of GPU-1 since 14:03:11 UTC (more than "
            ),
            "{text}"
        );
        assert!(text.contains("for pid 4243 (`suites-1f`, a::b), which was before in the queue"));
        let many: Vec<HolderInfo> = (0..9).map(|pid| info(pid, false)).collect();
        assert!(waits_for(&wanted, &many).ends_with("; and for 6 more"));
        assert_eq!(
            waits_for(&wanted, &[]),
            "waits for GPU-1 (whole), which is free now"
        );
    }

    #[test]
    fn who_took_it_and_ended_is_said_to_have_ended() {
        let mut ended = info(std::process::id(), false);
        ended.process = Process::this();
        assert!(!ended.to_string().contains("ended"), "{ended}");
        ended.process.start_time = ended.process.start_time.map(|t| t - 1);
        assert!(ended.to_string().contains("it has ended"), "{ended}");
    }
}
