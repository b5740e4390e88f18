//! One benchmark of a file: its load or its questions, the file's own limit, and what this project says of the same run.
//!
//! Promise: the file's limit is asked of the plain figure, as it is meant: output tokens per second at least threshold × baseline, right answers of a hundred no further
//! than the threshold from the baseline. Requests that failed fail it, whatever the figure is. Rejected: our sample sizes and intervals before the
//! limit (the other program has none, and a file that passes there must pass here).

use std::path::Path;
use std::sync::Arc;

use serde_json::Map;
use tribunal_runner::Error;
use tribunal_traffic::Metrics;
use tribunal_workload::{Amount, DataSpec, Purpose, Step, Threshold, WorkCase};

use super::list::Ruling;
use super::result::{self, Ours, Task, rounded};
use crate::examined::points;
use crate::performance::{Bench, Found, FromFile, shown};

/// What is known of a benchmark that is done.
pub(super) struct Measured {
    pub task: Task,
    /// The figures, for comparisons.
    pub metrics: Option<Metrics>,
}

/// The key of a benchmark in its file.
pub(super) fn key<'a>(case: &WorkCase, step: &'a Step) -> &'a str {
    let before = format!("{}-", case.test_name);
    step.label.strip_prefix(&before).unwrap_or(&step.label)
}

/// Sends a benchmark.
pub(super) async fn run(
    file: &Path,
    case: &Arc<WorkCase>,
    step: &Step,
    bench: &Bench,
    rehearsed: bool,
) -> Measured {
    let from = FromFile {
        file: file.to_path_buf(),
        case: case.clone(),
        step: match rehearsed {
            true => shortened(step.clone()),
            false => step.clone(),
        },
    };
    let key = key(case, step);
    let mut measured = match &step.refused {
        Some(refusal) => none(Ruling::NotMade(format!(
            "{}: {}",
            refusal.why, refusal.help
        ))),
        None => match step.purpose {
            Purpose::Performance => performance(&from, bench, rehearsed).await,
            Purpose::Accuracy => accuracy(&from, bench, key, rehearsed).await,
            Purpose::Stability => none(Ruling::NotMade(
                "a soak is none of the benchmarks of such files".to_owned(),
            )),
        },
    };
    key.clone_into(&mut measured.task.key);
    measured.task.written = step.written.clone();
    measured
}

/// The embedded engine makes up to three tokens of what is one to a real model: so long a prompt would not fit where it does there.
const SHORTER: u32 = 3;

/// A step whose random prompts are as long to the embedded engine as they are to the model that the file means.
fn shortened(mut step: Step) -> Step {
    let shorter = |length: u32| (length / SHORTER).max(1);
    if let DataSpec::Random(text) = &mut step.data {
        text.input = match text.input {
            Amount::Fixed(length) => Amount::Fixed(shorter(length)),
            Amount::Range(low, high) => Amount::Range(shorter(low), shorter(high)),
        };
        text.prefix /= SHORTER;
    }
    step
}

fn none(ruling: Ruling) -> Measured {
    Measured {
        task: Task {
            key: String::new(),
            written: Map::new(),
            figures: Map::new(),
            ruling,
            ours: Ours::default(),
        },
        metrics: None,
    }
}

async fn performance(from: &FromFile, bench: &Bench, rehearsed: bool) -> Measured {
    let step = || {
        let step = from.step_on(bench);
        match rehearsed {
            // Its figures are those of the embedded engine under another name.
            true => step.without_baseline(),
            false => step,
        }
    };
    let mut found = match step().find().await {
        Ok(found) => found,
        Err(error) => return none(failed(&error)),
    };
    if found.metrics.is_none() && !found.broken.is_empty() {
        // An answer was judged wrong before any load. That is our verdict; theirs is of the load.
        let why = std::mem::take(&mut found.broken);
        match step().sample(0).find().await {
            Ok(again) => {
                let mut ours = ours(&again);
                "failed".clone_into(&mut ours.verdict);
                ours.reasons.splice(0..0, why);
                return of_run(from, again, ours, rehearsed);
            }
            Err(error) => return none(failed(&error)),
        }
    }
    let ours = ours(&found);
    of_run(from, found, ours, rehearsed)
}

fn of_run(from: &FromFile, found: Found, ours: Ours, rehearsed: bool) -> Measured {
    let value = |metric: &str| found.metrics.as_ref()?.value(metric);
    let ruling = match found.broken.is_empty() {
        false => Ruling::Failed(found.broken.join("\n")),
        true => ruling(&from.step.thresholds, &value, rehearsed),
    };
    let mut measured = none(ruling);
    measured.task.ours = ours;
    if let Some(metrics) = &found.metrics {
        measured.task.figures = result::figures(metrics);
    }
    measured.metrics = found.metrics;
    measured
}

/// The limits of the file on plain figures.
fn ruling(limits: &[Threshold], value: &dyn Fn(&str) -> Option<f64>, rehearsed: bool) -> Ruling {
    let mut missed = vec![];
    for limit in limits {
        match value(&limit.metric) {
            None => missed.push(format!("{}: the run gave no such figure", limit.words())),
            Some(figure) if limit.holds(figure) => {}
            Some(figure) => missed.push(format!("{}: it is {}", limit.words(), shown(figure))),
        }
    }
    match (rehearsed, missed.is_empty()) {
        (true, _) => Ruling::Rehearsed,
        (false, true) => Ruling::Passed,
        (false, false) => Ruling::Failed(missed.join("\n")),
    }
}

/// Our verdict, in the words of outcomes.
fn ours(found: &Found) -> Ours {
    let (verdict, reasons) = if !found.broken.is_empty() {
        ("failed", found.broken.clone())
    } else if !found.invalid.is_empty() {
        ("invalid", found.invalid.clone())
    } else if !found.regressed.is_empty() {
        ("regressed", found.regressed.clone())
    } else if !found.undecided.is_empty() {
        ("inconclusive", found.undecided.clone())
    } else if let Some(why) = &found.no_baseline {
        ("no baseline", vec![why.clone()])
    } else {
        ("passed", vec![])
    };
    Ours {
        verdict: verdict.to_owned(),
        reasons: [reasons, found.notes.clone()].concat(),
    }
}

async fn accuracy(from: &FromFile, bench: &Bench, key: &str, rehearsed: bool) -> Measured {
    let results = async {
        let folder = tribunal_runner::evidence()?.join("accuracy");
        let folder = folder.join(tribunal_vocabulary::slug(key));
        from.answers(bench.api(), &folder).await
    };
    let results = match results.await {
        Ok(results) => results,
        Err(error) => return none(failed(&error)),
    };
    let tally = results.tally();
    let Some(accuracy) = tally.accuracy() else {
        let first = results.records.iter().find(|r| r.mark.word() == "failed");
        return none(Ruling::Failed(format!(
            "the server failed on {} of {} questions, so its accuracy is not known; the first: {}",
            tally.failed(),
            tally.rows(),
            first.map_or("", |record| &record.said)
        )));
    };
    let figure = points(accuracy);
    let interval = tally.interval();
    let interval = interval.map(|i| (100.0 * i.low, 100.0 * i.high));
    let mut measured = none(ruling(
        &from.step.thresholds,
        &|metric| (metric == "accuracy").then_some(figure),
        rehearsed,
    ));
    let figures = &mut measured.task.figures;
    figures.insert("accuracy".to_owned(), rounded(figure).into());
    measured.task.ours = of_band(&from.step.thresholds, interval, tally.right(), tally.rows());
    measured
}

/// Our verdict on a rate: what it may be as well, by chance, against the band.
fn of_band(limits: &[Threshold], interval: Option<(f64, f64)>, right: usize, rows: usize) -> Ours {
    let Some((low, high)) = interval else {
        return Ours {
            verdict: "inconclusive".to_owned(),
            reasons: vec!["no question was asked".to_owned()],
        };
    };
    let within = |figure: f64| limits.iter().all(|limit| limit.holds(figure));
    let beside = limits.iter().any(|limit| {
        // A band is one piece: where neither end is in it and its middle is not between them, nothing is.
        !limit.holds(low) && !limit.holds(high) && !(low..=high).contains(&limit.value)
    });
    let verdict = match (within(low) && within(high), beside) {
        (true, _) => "passed",
        (false, true) => "failed",
        (false, false) => "inconclusive",
    };
    Ours {
        verdict: verdict.to_owned(),
        reasons: vec![format!(
            "{right} of {rows} are right; 95 times of 100 the rate lies between {low:.2} and {high:.2} of 100"
        )],
    }
}

fn failed(error: &Error) -> Ruling {
    Ruling::Failed(error.message().to_owned())
}

#[cfg(test)]
mod tests {
    use tribunal_workload::Compare;

    use super::*;

    fn limit(metric: &str, compare: Compare, value: f64) -> Threshold {
        Threshold {
            metric: metric.to_owned(),
            compare,
            value,
            hardware: None,
            line: 1,
        }
    }

    #[test]
    fn throughput_must_reach_threshold_times_baseline() {
        // The golden figures of the reference: 1108.865 × 0.97 and 1050 × 0.97.
        for (baseline, threshold, figure, passes) in [
            (1108.865, 0.97, 1075.6, true),
            (1108.865, 0.97, 1075.5, false),
            (1050.0, 0.97, 1018.5, true),
            (1050.0, 0.97, 1018.4, false),
            (5.0, 0.97, 4.85, true),
            (1.0, 0.97, 0.0, false),
        ] {
            let limits = [limit(
                "output_throughput",
                Compare::AtLeast,
                threshold * baseline,
            )];
            let ruled = ruling(&limits, &|_| Some(figure), false);
            assert_eq!(ruled == Ruling::Passed, passes, "{figure}: {ruled:?}");
            let rehearsed = ruling(&limits, &|_| Some(figure), true);
            assert_eq!(rehearsed, Ruling::Rehearsed);
        }
        let limits = [limit("output_throughput", Compare::AtLeast, 4.85)];
        let Ruling::Failed(why) = ruling(&limits, &|_| Some(3.0), false) else {
            panic!("too slow");
        };
        assert_eq!(why, "output_throughput >= 4.85: it is 3.000");
        let none = ruling(&limits, &|_| None, false);
        assert!(matches!(none, Ruling::Failed(why) if why.contains("no such figure")));
    }

    #[test]
    fn accuracy_must_be_within_the_band_on_both_sides() {
        let limits = [limit("accuracy", Compare::Within(1.0), 1.0)];
        for (figure, passes) in [(0.0, true), (2.0, true), (2.01, false), (1.0, true)] {
            let ruled = ruling(&limits, &|_| Some(figure), false);
            assert_eq!(ruled == Ruling::Passed, passes, "{figure}");
        }
    }

    #[test]
    fn our_verdict_on_a_rate_knows_what_chance_may_do() {
        let limits = [limit("accuracy", Compare::Within(5.0), 90.0)];
        for (low, high, verdict) in [
            (86.0, 94.0, "passed"),
            (70.0, 99.0, "inconclusive"),
            (88.0, 97.0, "inconclusive"),
            (20.0, 80.0, "failed"),
            (96.0, 99.0, "failed"),
        ] {
            let ours = of_band(&limits, Some((low, high)), 9, 10);
            assert_eq!(ours.verdict, verdict, "{low} to {high}");
        }
        assert_eq!(of_band(&limits, None, 0, 0).verdict, "inconclusive");
    }

    #[test]
    fn our_verdict_has_the_words_of_outcomes() {
        let some = vec!["why".to_owned()];
        let word = |found: Found| ours(&found).verdict;
        assert_eq!(word(Found::default()), "passed");
        for (found, verdict) in [
            (
                Found {
                    broken: some.clone(),
                    invalid: some.clone(),
                    ..Found::default()
                },
                "failed",
            ),
            (
                Found {
                    invalid: some.clone(),
                    regressed: some.clone(),
                    ..Found::default()
                },
                "invalid",
            ),
            (
                Found {
                    regressed: some.clone(),
                    undecided: some.clone(),
                    ..Found::default()
                },
                "regressed",
            ),
            (
                Found {
                    undecided: some.clone(),
                    ..Found::default()
                },
                "inconclusive",
            ),
            (
                Found {
                    no_baseline: Some("none".to_owned()),
                    ..Found::default()
                },
                "no baseline",
            ),
        ] {
            assert_eq!(word(found), verdict);
        }
    }
}
