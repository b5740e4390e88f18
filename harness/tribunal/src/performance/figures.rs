//! The figures of a step for the event log.
//!
//! Promise: those that decide, with interval and samples as they were measured first; the baseline beside them where one was asked. Rejected: all of them
//! (a run has two hundred; the file of its results has them).

use tribunal_baseline::{Base, Verdict};
use tribunal_events::Figure;
use tribunal_traffic::{Direction, Metrics};

/// The figures of these names, as far as the run tells them.
pub(super) fn of(step: &str, names: &[String], metrics: &Metrics) -> Vec<Figure> {
    let told = names.iter().filter_map(|name| {
        let figure = metrics.get(name)?;
        Some(Figure {
            step: step.to_owned(),
            metric: name.clone(),
            value: figure.value,
            unit: figure.unit.to_owned(),
            interval: figure.interval,
            samples: Some(figure.samples),
            better: match figure.direction {
                Direction::LowerIsBetter => "lower",
                Direction::HigherIsBetter => "higher",
                Direction::Informational => "",
            }
            .to_owned(),
            ..Figure::default()
        })
    });
    told.collect()
}

/// With what they were held against.
pub(super) fn held(figures: &mut [Figure], verdict: &Verdict, base: &Base) {
    for figure in figures {
        let judged = verdict.metrics.iter().find(|m| m.metric == figure.metric);
        let Some(judged) = judged else { continue };
        figure.verdict = match judged.state.name() {
            "passed" => "pass",
            name => name,
        }
        .to_owned();
        figure.baseline = judged.effect.as_ref().map(|effect| effect.base);
        let accepted = base.runs.iter();
        figure.history = accepted
            .filter_map(|run| run.figures.get(&figure.metric)?.value)
            .collect();
    }
}

/// Tells them to the event log; those that say nothing of the server say so.
pub(super) fn tell(figures: Vec<Figure>, invalid: bool) {
    for mut figure in figures {
        if invalid {
            figure.verdict = "invalid".to_owned();
        }
        tribunal_runner::figure(figure);
    }
}
