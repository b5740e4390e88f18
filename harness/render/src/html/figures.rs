//! What a run measured, for a page: with baselines, and where its history changed.
//!
//! Promise: the change points are those of `tribunal-statistics`, over the accepted runs and this one; figures that were judged come before those that are only shown,
//! and how many are left out is said. Rejected: change points in the page's own script (two programs that say something different of one history).

use serde::Serialize;
use tribunal_events::{Figure, RunLog};
use tribunal_statistics::change::{How, change_points};

use super::text::{Cut, shown};

/// So many figures are shown.
const MOST: usize = 3000;
/// So many accepted runs of each.
const HISTORY: usize = 200;
/// A history is looked at for changes from so many values on; less tells nothing from chance.
const FEWEST: usize = 8;

/// All figures.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    all: usize,
    shown: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    case: usize,
    step: String,
    metric: String,
    unit: String,
    value: Option<f64>,
    interval: Option<(f64, f64)>,
    samples: Option<u64>,
    baseline: Option<f64>,
    history: Vec<f64>,
    /// The first value after a change, the means before and after it, and how likely it is without one.
    changes: Vec<(usize, f64, f64, f64)>,
    verdict: String,
    better: String,
}

/// The figures of a run.
pub(crate) fn figures(run: &RunLog) -> Figures {
    let mut all: Vec<(usize, &Figure)> = Vec::new();
    for (case, log) in run.cases.iter().enumerate() {
        let figures = log.end().map(|end| end.figures.as_slice());
        all.extend(figures.unwrap_or_default().iter().map(|f| (case, f)));
    }
    let urgency = |figure: &Figure| match figure.verdict.as_str() {
        "regressed" | "invalid" => 0,
        "inconclusive" => 1,
        "" => 3,
        _ => 2,
    };
    all.sort_by_key(|(case, figure)| (urgency(figure), *case));
    Figures {
        all: all.len(),
        shown: all
            .iter()
            .take(MOST)
            .map(|(case, f)| row(*case, f))
            .collect(),
    }
}

fn row(case: usize, figure: &Figure) -> Row {
    let finite = |value: &f64| value.is_finite();
    let history: Vec<f64> = figure.history.iter().copied().filter(finite).collect();
    let mut history = history[history.len().saturating_sub(HISTORY)..].to_vec();
    let value = figure.value.filter(finite);
    history.extend(value);
    let changes = match history.len() < FEWEST {
        true => Vec::new(),
        false => change_points(&history, &How::default()),
    };
    if value.is_some() {
        history.pop();
    }
    let line = |text: &str| shown(text, 300, Cut::Middle);
    Row {
        case,
        step: line(&figure.step),
        metric: line(&figure.metric),
        unit: line(&figure.unit),
        value,
        interval: figure.interval.filter(|(a, b)| finite(a) && finite(b)),
        samples: figure.samples,
        baseline: figure.baseline.filter(finite),
        history,
        changes: changes
            .iter()
            .map(|c| (c.index, c.before, c.after, c.p))
            .collect(),
        verdict: line(&figure.verdict),
        better: line(&figure.better),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tribunal_events::{AttemptLog, CaseEnded, CaseLog};

    fn of(figures: Vec<Figure>) -> Figures {
        let ended = Some(CaseEnded {
            figures,
            ..CaseEnded::default()
        });
        let attempts = vec![AttemptLog {
            ended,
            ..AttemptLog::default()
        }];
        super::figures(&RunLog {
            cases: vec![CaseLog {
                attempts,
                ..CaseLog::default()
            }],
            ..RunLog::default()
        })
    }

    #[test]
    fn a_step_in_the_history_is_a_change() {
        let wobble = |at: usize| ((at * 7) % 5) as f64 * 0.1;
        let history = (0..40).map(|at| if at < 20 { 10.0 } else { 13.0 } + wobble(at));
        let figure = Figure {
            metric: "p50".into(),
            value: Some(13.1),
            history: history.collect(),
            ..Figure::default()
        };
        let flat = Figure {
            history: (0..40).map(wobble).collect(),
            value: Some(0.1),
            ..Figure::default()
        };
        let found = of(vec![figure, flat]);
        let [(index, before, after, p)] = found.shown[0].changes[..] else {
            panic!("{:?}", found.shown[0].changes);
        };
        assert_eq!(index, 20);
        assert!(before < 11.0 && after > 12.9 && p < 0.001);
        assert_eq!(found.shown[0].history.len(), 40);
        assert!(found.shown[1].changes.is_empty());
    }

    #[test]
    fn what_regressed_is_first_and_nothing_unknown_is_a_number() {
        let figure = |verdict: &str, value| Figure {
            verdict: verdict.into(),
            value,
            ..Figure::default()
        };
        let found = of(vec![
            figure("", None),
            figure("pass", Some(f64::NAN)),
            figure("regressed", Some(1.0)),
        ]);
        let verdicts: Vec<&str> = found.shown.iter().map(|row| row.verdict.as_str()).collect();
        assert_eq!(verdicts, ["regressed", "pass", ""]);
        assert_eq!(found.shown[1].value, None);
        assert_eq!(found.all, 3);
    }
}
