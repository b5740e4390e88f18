//! The phases of a run, told from how its memory grows.

use crate::size::MIB;
use crate::trace::Trace;

/// A growth above this between two readings ends a phase.
pub(crate) const JUMP: u64 = 200 * MIB;

/// What a test does, in the order in which engines do it.
const NAMES: [&str; 3] = ["Model load", "KV cache alloc", "Inference"];

/// A stretch of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// `Baseline`, `Model load`, `KV cache alloc`, `Inference` or `Teardown`.
    pub name: &'static str,
    /// When it began, in seconds of the trace.
    pub from: f64,
    /// When it ended.
    pub to: f64,
    /// Memory at its beginning.
    pub start: u64,
    /// The most memory in it.
    pub peak: u64,
    /// Memory at its end.
    pub end: u64,
}

impl Phase {
    fn of(name: &'static str, stretch: &[(f64, u64)]) -> Option<Phase> {
        let (first, last) = (stretch.first()?, stretch.last()?);
        Some(Phase {
            name,
            from: first.0,
            to: last.0,
            start: first.1,
            peak: stretch.iter().map(|(_, used)| *used).max()?,
            end: last.1,
        })
    }

    /// Whether a model was loaded in it: the load phase, with a growth that is no noise.
    pub(crate) fn loads_a_model(&self) -> bool {
        self.name == NAMES[0] && self.peak.saturating_sub(self.start) > JUMP
    }
}

/// The phases of one device. The reading after a jump belongs to both phases: it is where the one has arrived and the next begins. The
/// last reading before the test is where its first phase begins, so that a server that starts between two readings is seen.
pub(crate) fn phases(trace: &Trace, device: usize) -> Vec<Phase> {
    let all: Vec<(f64, u64)> = trace
        .samples
        .iter()
        .filter(|sample| sample.device == device)
        .map(|sample| (sample.at, sample.used))
        .collect();
    let before = all.partition_point(|(at, _)| *at <= trace.baseline_end);
    let until = all
        .partition_point(|(at, _)| *at <= trace.test_end)
        .max(before);
    let test = match until > before {
        true => &all[before.saturating_sub(1)..until],
        false => &[],
    };

    let mut phases: Vec<Phase> = Phase::of("Baseline", &all[..before]).into_iter().collect();
    let (mut begin, mut name) = (0, 0);
    for i in 1..test.len() {
        let grown = test[i].1.saturating_sub(test[i - 1].1);
        if grown > JUMP && name + 1 < NAMES.len() {
            phases.extend(Phase::of(NAMES[name], &test[begin..=i]));
            (begin, name) = (i, name + 1);
        }
    }
    phases.extend(Phase::of(NAMES[name], &test[begin.min(test.len())..]).filter(|p| p.to > p.from));
    phases.extend(Phase::of("Teardown", &all[until..]));
    phases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Sample;

    fn trace(used: &[u64], baseline_end: f64, test_end: f64) -> Trace {
        let samples = used.iter().enumerate().map(|(i, used)| Sample {
            at: i as f64,
            device: 0,
            used: used * MIB,
            total: None,
            utilization: None,
        });
        Trace {
            samples: samples.collect(),
            baseline_end,
            test_end,
            of_tree: true,
        }
    }

    fn told(phases: &[Phase]) -> Vec<(&str, f64, f64, u64, u64, u64)> {
        let mib = |bytes: u64| bytes / MIB;
        phases
            .iter()
            .map(|p| (p.name, p.from, p.to, mib(p.start), mib(p.peak), mib(p.end)))
            .collect()
    }

    #[test]
    fn an_engine_loads_allocates_and_answers() {
        let used = [10, 10, 10, 10, 100, 4000, 4100, 18000, 18100, 18050, 20, 10];
        let phases = phases(&trace(&used, 2.0, 9.0), 0);
        assert_eq!(
            told(&phases),
            [
                ("Baseline", 0.0, 2.0, 10, 10, 10),
                ("Model load", 2.0, 5.0, 10, 4000, 4000),
                ("KV cache alloc", 5.0, 7.0, 4000, 18000, 18000),
                ("Inference", 7.0, 9.0, 18000, 18100, 18050),
                ("Teardown", 10.0, 11.0, 20, 20, 10),
            ]
        );
        assert!(phases[1].loads_a_model() && !phases[2].loads_a_model());
    }

    #[test]
    fn growth_up_to_the_jump_is_one_phase() {
        let phases = phases(&trace(&[0, 0, 200, 400, 600], 0.0, 9.0), 0);
        assert_eq!(told(&phases)[1], ("Model load", 0.0, 4.0, 0, 600, 600));
        assert!(phases[1].loads_a_model());
    }

    #[test]
    fn a_third_jump_opens_nothing_and_an_empty_phase_is_left_out() {
        let third = phases(&trace(&[0, 0, 300, 600, 900, 1200], 0.0, 9.0), 0);
        assert_eq!(told(&third)[1], ("Model load", 0.0, 2.0, 0, 300, 300));
        assert_eq!(told(&third)[3], ("Inference", 3.0, 5.0, 600, 1200, 1200));
        let last = phases(&trace(&[0, 0, 300], 0.0, 9.0), 0);
        assert_eq!(told(&last)[1..], [("Model load", 0.0, 2.0, 0, 300, 300)]);
        let none = phases(&trace(&[0, 0, 300], 5.0, 9.0), 0);
        assert_eq!(told(&none), [("Baseline", 0.0, 2.0, 0, 300, 300)]);
    }

    #[test]
    fn nothing_sampled_gives_no_phase() {
        assert_eq!(phases(&Trace::default(), 0), []);
        assert_eq!(phases(&trace(&[1, 2], 0.0, 5.0), 3), []);
    }
}
