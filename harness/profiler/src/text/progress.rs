//! One line of a terminal that is written again and again while a run lasts.

use std::time::Duration;

use crate::probe::Probe;

const BAR: usize = 24;

/// How far a run is, and how long the search will still take. `expected` is the length of a run, once there was one.
pub fn progress(probe: &Probe, elapsed: Duration, expected: Option<Duration>) -> String {
    let place = format!("[probe {}/{}]", probe.number, probe.of);
    let now = elapsed.as_secs_f64();
    let Some(expected) = expected.filter(|expected| !expected.is_zero()) else {
        // Nothing to compare with: the first run tells.
        return format!("{place} {now:.0}s, at most {}", clock(probe.limit));
    };
    let share = (now / expected.as_secs_f64()).min(1.0);
    let done = (share * BAR as f64) as usize;
    let bar: String = (0..BAR).map(|i| if i < done { '#' } else { '.' }).collect();
    let left = expected.saturating_sub(elapsed) + expected * probe.left as u32;
    format!(
        "{place} [{bar}] {now:.0}s of ~{}, ~{} left, ETA ~{}",
        clock(expected),
        probe.left,
        clock(left)
    )
}

/// Seconds, or minutes and seconds.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        _ => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Allowed, Kind};

    #[test]
    fn the_time_left_counts_this_run_and_those_after_it() {
        let probe = Probe {
            number: 3,
            of: 6,
            allowed: Allowed::Fraction(0.275),
            kind: Kind::Bisection,
            left: 3,
            limit: Duration::from_secs(300),
        };
        let s = Duration::from_secs;
        assert_eq!(
            progress(&probe, s(12), Some(s(48))),
            "[probe 3/6] [######..................] 12s of ~48s, ~3 left, ETA ~3m00s"
        );
        // Longer than expected: only the others are left to count.
        assert!(progress(&probe, s(90), Some(s(48))).ends_with("~3 left, ETA ~2m24s"));
        assert_eq!(
            progress(&probe, s(12), None),
            "[probe 3/6] 12s, at most 5m00s"
        );
    }
}
