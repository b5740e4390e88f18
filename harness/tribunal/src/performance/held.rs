//! The figures of a step beside its baseline.
//!
//! Promise: runs are compared only with accepted runs of the same key, and a key has all that figures are known to depend on, but what is done to the server on
//! purpose; a run that is worse is never accepted by the way.

use sha2::{Digest, Sha256};
use tribunal_baseline::{
    Base, BaselineError, Checks, Gate, Key, Next as Judged, RunRecord, State, Store, Validity,
    Verdict, judge,
};
use tribunal_runner::Error;
use tribunal_traffic::{Route, Validity as Valid};

use super::found::Found;
use super::sample::Checked;
use super::step::{Measured, Step};

/// The figures that decide where a step names none.
pub(super) fn usual(route: Route) -> Vec<String> {
    let names: &[&str] = match route {
        Route::Chat | Route::Completions => {
            &["median_ttft_ms", "median_tpot_ms", "request_throughput"]
        }
        Route::Speech => &["median_audio_ttfp_ms", "median_audio_rtf"],
        Route::Images | Route::ImageEdits | Route::Videos | Route::Transcriptions => {
            &["median_e2el_ms", "request_throughput"]
        }
        Route::Embeddings => &["median_e2el_ms", "request_throughput"],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What is known of a step and its runs.
pub(super) struct Held {
    store: Store,
    base: Base,
    gate: Gate,
    runs: Vec<RunRecord>,
    verdict: Option<Verdict>,
    /// Figures that decide nothing here.
    left_out: Vec<String>,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Send the load again.
    Again,
    /// It is decided.
    Done,
}

impl Held {
    pub fn open(key: &Key, gates: &[String]) -> Result<Held, Error> {
        let gate = Gate::new(gates.iter().cloned()).map_err(Error::of)?;
        let store = Store::new(crate::asked::baselines());
        let base = store.base(key).map_err(Error::of)?;
        Ok(Held {
            store,
            base,
            gate,
            runs: vec![],
            verdict: None,
            left_out: vec![],
        })
    }

    /// Takes a run in.
    pub fn next(&mut self, run: RunRecord) -> Next {
        if self.runs.is_empty() {
            self.leave_out(&run);
        }
        self.runs.push(run);
        match judge(&self.base, &self.runs, &self.gate) {
            Judged::MoreRuns(_) => Next::Again,
            Judged::Done(verdict) => {
                self.verdict = Some(verdict);
                Next::Done
            }
        }
    }

    /// A figure that this run cannot tell and no accepted run could decides nothing: a server that answers in one piece has no time between tokens.
    fn leave_out(&mut self, run: &RunRecord) {
        let tells = |run: &RunRecord, metric: &str| {
            let figure = run.figures.get(metric);
            figure.is_some_and(|f| f.no_gate.is_none() && f.value.is_some_and(|v| v > 0.0))
        };
        let (told, out): (Vec<String>, Vec<String>) =
            self.gate.primary().iter().cloned().partition(|metric| {
                tells(run, metric) || self.base.runs.iter().any(|run| tells(run, metric))
            });
        if let (false, Ok(gate)) = (out.is_empty(), Gate::new(told)) {
            self.gate = gate;
            self.left_out = out;
        }
    }

    /// Puts what they were held against beside figures.
    pub fn beside(&self, figures: &mut [tribunal_events::Figure]) {
        if let Some(verdict) = &self.verdict {
            super::figures::held(figures, verdict, &self.base);
        }
    }

    /// What it comes to; runs are accepted where that was asked for, unless something is `wrong` with them.
    pub fn conclude(self, wrong: bool) -> Result<Found, Error> {
        let mut found = Found::default();
        let Some(verdict) = self.verdict else {
            return Ok(found);
        };
        let text = verdict.to_string().trim_end().to_owned();
        tribunal_runner::log(format_args!("{text}"));
        // The outcome says it already.
        let state = format!("{}: ", verdict.state);
        let text = text.strip_prefix(&state).unwrap_or(&text).to_owned();
        if !self.left_out.is_empty() {
            tribunal_runner::log(format_args!(
                "no sample, or too few, of {}: it decides nothing",
                self.left_out.join(", ")
            ));
        }
        let none = verdict.metrics.iter().find_map(|metric| metric.why.clone());
        let worse = verdict.state == State::Regressed;
        if crate::accepts_baseline() && !wrong {
            match worse {
                true => found.notes.push(
                    "its runs were not added to the baseline, which they are worse than: `cargo tribunal baseline accept RESULT…` adds them on purpose".to_owned(),
                ),
                false => accept(&self.store, &self.runs, &mut found)?,
            }
        }
        match verdict.state {
            State::Passed => {}
            State::Improved => found
                .notes
                .push(format!("better than its baseline: {text}")),
            State::Regressed => found.regressed.push(text),
            State::Inconclusive => found.undecided.push(text),
            State::Invalid => found.invalid.push(text),
            State::NoBaseline => {
                found.no_baseline = Some(none.unwrap_or_else(|| "no accepted runs".to_owned()));
            }
        }
        Ok(found)
    }
}

fn accept(store: &Store, runs: &[RunRecord], found: &mut Found) -> Result<(), Error> {
    let Some(run) = sample(runs) else {
        return Ok(());
    };
    match store.accept(run) {
        Ok(_) => {
            let count = store.base(&run.key).map_err(Error::of)?.runs.len();
            found.notes.push(format!(
                "its first good run was added to the baseline, which has {count} now"
            ));
            Ok(())
        }
        Err(BaselineError::Refused { why, .. }) => {
            found
                .notes
                .push(format!("not added to the baseline: {why}"));
            Ok(())
        }
        Err(e) => Err(Error::of(e)),
    }
}

/// The run of a test that may be accepted: one is one sample of the machine's luck, and those that were made to be sure of it stand for it together with it. The
/// first that counts; one that is no good does not keep the one that was made in its place out.
fn sample(runs: &[RunRecord]) -> Option<&RunRecord> {
    let good = runs.iter().find(|run| run.refused().is_none());
    good.or(runs.first())
}

/// The key of a step.
pub(super) fn key(step: &Step) -> Key {
    let about = step.bench.about();
    let hash = |text: &str| -> String {
        let digest = Sha256::digest(text.as_bytes());
        digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    Key {
        step: step.title(),
        hardware: about.hardware.clone(),
        count: about.count,
        driver: about.driver.clone(),
        server: match &about.version {
            Some(version) => format!("{} {version}", about.deployment),
            None => about.deployment.clone(),
        },
        model: about.model.clone(),
        revision: String::new(),
        config: hash(&about.configuration),
        data: format!("{} {}", step.route_name(), hash(&step.digest_of_data())),
        seed: step.load.seed,
        harness: format!(
            "{} {}",
            step.measure.dialect,
            env!("CARGO_PKG_VERSION_MAJOR")
        ),
    }
}

/// A run as it is kept and judged.
pub(super) fn record(
    key: &Key,
    measured: &Measured,
    checked: &Checked,
    wrong: &[String],
) -> RunRecord {
    let mut run = RunRecord::new(key.clone());
    run.validity = match measured.run.validity() {
        Valid::Valid => Validity::Valid,
        Valid::Invalid(reasons) => Validity::Invalid(reasons),
    };
    run.checks = match (wrong, checked) {
        ([], Checked::Right(count)) => Checks::Passed(*count),
        ([], Checked::NotMade(why)) => Checks::NotMade(why.clone()),
        (wrong, _) => Checks::Failed(wrong.to_vec()),
    };
    run.figures(&measured.metrics);
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(validity: Validity) -> RunRecord {
        let mut run = RunRecord::new(Key::default());
        run.checks = Checks::Passed(2);
        run.validity = validity;
        run
    }

    #[test]
    fn a_run_that_is_no_good_does_not_keep_the_one_in_its_place_out() {
        let bad = run(Validity::Invalid(vec!["late".to_owned()]));
        let (good, third) = (run(Validity::Valid), run(Validity::Valid));
        let picked = |runs: &[RunRecord]| sample(runs).map(|run| run.id.clone());
        let all = [bad.clone(), good.clone(), third];
        assert_eq!(picked(&all), Some(good.id.clone()));
        assert_eq!(picked(&all[1..]), Some(good.id));
        // Where none counts, the first says why.
        assert_eq!(picked(&all[..1]), Some(bad.id));
        assert_eq!(picked(&[]), None);
    }
}
