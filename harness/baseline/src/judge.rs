//! New runs beside accepted ones.
//!
//! Promise: first whether the runs are measurements at all, then one decision for each of the few metrics that decide, from the same runs. A metric that
//! regressed wins; while one needs more runs and none did, more are asked for; what allows no decision is never a pass. Rejected: a decision over all
//! metrics at once (with thirty of them, one is always worse).

use tribunal_statistics::compare::{Decision, Effect, FEWEST, decide};
use tribunal_statistics::{Alternative, holm, mann_whitney_exact, median, ratio_of_medians};
use tribunal_traffic::{Direction, known};

use crate::verdict::{Judged, State, Verdict, Warning};
use crate::{Base, Gate, RunRecord};

/// So many new runs that are no good may be made again.
const SPARE: usize = 1;
/// With fewer new runs ranks cannot tell anything.
const FEWEST_FOR_WARNINGS: usize = 3;
/// From which p-value on, corrected, another metric warns.
const WARN: f64 = 0.05;

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Measure so many more times, and ask again with all runs.
    MoreRuns(u32),
    /// It is decided.
    Done(Verdict),
}

/// Judges all new runs of a step, in the order in which they were made.
pub fn judge(base: &Base, new: &[RunRecord], gate: &Gate) -> Next {
    let good: Vec<&RunRecord> = new.iter().filter(|run| run.refused().is_none()).collect();
    let bad: Vec<String> = new.iter().filter_map(RunRecord::refused).collect();
    let mut notes: Vec<String> = bad
        .iter()
        .map(|why| format!("a run was left out: {why}"))
        .collect();
    notes.extend(base.notes.iter().cloned());
    if bad.len() > SPARE {
        return Next::Done(Verdict {
            state: State::Invalid,
            metrics: Vec::new(),
            warnings: Vec::new(),
            others: 0,
            base_runs: base.runs.len(),
            new_runs: good.len(),
            notes,
        });
    }
    if good.is_empty() {
        return Next::MoreRuns(1);
    }
    let (mut metrics, mut more) = (Vec::new(), 0);
    for metric in gate.primary() {
        match one(base, &good, metric, gate) {
            Ok(judged) => metrics.push(judged),
            Err(runs) => more = more.max(runs),
        }
    }
    let has = |state: State| metrics.iter().any(|judged| judged.state == state);
    if more > 0 && !has(State::Regressed) {
        return Next::MoreRuns(more);
    }
    let order = [
        State::Regressed,
        State::Inconclusive,
        State::NoBaseline,
        State::Improved,
    ];
    let state = order
        .into_iter()
        .find(|state| has(*state))
        .unwrap_or(State::Passed);
    let (warnings, others) = warnings(base, &good, gate);
    Next::Done(Verdict {
        state,
        metrics,
        warnings,
        others,
        base_runs: base.runs.len(),
        new_runs: good.len(),
        notes,
    })
}

/// One metric that decides, or how many more runs it needs.
fn one(base: &Base, new: &[&RunRecord], metric: &str, gate: &Gate) -> Result<Judged, u32> {
    let rule = *gate.of(metric);
    let (direction, unit) = what(new, metric);
    let judged = |state: State, effect: Option<Effect>, why: Option<String>| Judged {
        metric: metric.to_owned(),
        unit,
        direction,
        state,
        rule,
        effect,
        why,
    };
    let undecided = |why: String| Ok(judged(State::Inconclusive, None, Some(why)));
    if direction == Direction::Informational {
        return undecided(
            "neither more nor less of it is better: it says what was measured".into(),
        );
    }
    let mut values = Vec::with_capacity(new.len());
    for run in new {
        match run.figures.get(metric) {
            None => return undecided("the run has no such figure".into()),
            Some(figure) => match (&figure.no_gate, figure.value) {
                (Some(why), _) => return undecided(why.clone()),
                (None, None) => return undecided("it has no sample in the run".into()),
                (None, Some(value)) => values.push(value),
            },
        }
    }
    let accepted = base.values(metric);
    match decide(
        &accepted,
        &values,
        direction == Direction::HigherIsBetter,
        &rule,
    ) {
        Decision::MoreRuns(runs) => Err(runs),
        Decision::Pass(effect) => Ok(judged(State::Passed, Some(effect), None)),
        Decision::Regressed(effect) => Ok(judged(State::Regressed, Some(effect), None)),
        Decision::Improved(effect) => Ok(judged(State::Improved, Some(effect), None)),
        Decision::NoBaseline { have, need } => {
            let whole = base.runs.len();
            let without = if whole > have {
                format!(" ({} more have no such figure)", whole - have)
            } else {
                String::new()
            };
            let why = format!("{have} of the {need} accepted runs that it takes{without}");
            Ok(judged(State::NoBaseline, None, Some(why)))
        }
        Decision::TooNoisy { mad, most } => undecided(format!(
            "too noisy to gate: the accepted runs lie {:.1} % from their median, {:.1} % is the most for a limit of {} %",
            mad * 100.0,
            most * 100.0,
            rule.limit() * 100.0
        )),
        Decision::Incomparable => {
            undecided("there is no ratio: a value is zero or below, or the limit is".into())
        }
    }
}

/// Which way a metric is better, and its unit: as the table has it, else as the run says.
fn what(new: &[&RunRecord], metric: &str) -> (Direction, &'static str) {
    if let Ok(row) = known(metric) {
        return (row.direction, row.unit);
    }
    let said = new.iter().find_map(|run| run.figures.get(metric));
    (
        said.map_or(Direction::Informational, |figure| figure.direction),
        "",
    )
}

/// The metrics that do not decide: those that ranks show to be worse, although so many were looked at.
fn warnings(base: &Base, new: &[&RunRecord], gate: &Gate) -> (Vec<Warning>, usize) {
    if new.len() < FEWEST_FOR_WARNINGS {
        return (Vec::new(), 0);
    }
    let (mut looked, mut ps) = (Vec::new(), Vec::new());
    for metric in new[0]
        .figures
        .keys()
        .filter(|metric| !gate.primary().contains(metric))
    {
        let (direction, unit) = what(new, metric);
        let higher = match direction {
            Direction::Informational => continue,
            Direction::HigherIsBetter => true,
            Direction::LowerIsBetter => false,
        };
        let accepted = base.values(metric);
        let values: Vec<f64> = new
            .iter()
            .filter_map(|run| run.gate_value(metric))
            .collect();
        if accepted.len() < FEWEST || values.len() < FEWEST_FOR_WARNINGS {
            continue;
        }
        let (Some(before), Some(after)) = (median(&accepted), median(&values)) else {
            continue;
        };
        if before <= 0.0 {
            continue;
        }
        ps.push(mann_whitney_exact(
            &values,
            &accepted,
            if higher {
                Alternative::Less
            } else {
                Alternative::Greater
            },
        ));
        let effect = Effect {
            base: before,
            new: after,
            ratio: after / before,
            interval: ratio_of_medians(&accepted, &values, 0.95, 0),
            base_runs: accepted.len(),
            new_runs: values.len(),
        };
        looked.push((
            higher,
            Warning {
                metric: metric.clone(),
                unit,
                direction,
                effect,
                p: 1.0,
            },
        ));
    }
    let others = looked.len();
    let corrected = looked
        .into_iter()
        .zip(holm(&ps))
        .map(|((higher, warning), p)| (higher, Warning { p, ..warning }));
    let worse = corrected.filter(|(higher, warning)| {
        warning.p < WARN && warning.effect.worse(*higher) > gate.of(&warning.metric).limit()
    });
    (worse.map(|(_, warning)| warning).collect(), others)
}
