//! Failures that are repeated: what class one is of, whether another attempt follows, and what that means for the case.
//!
//! Promise: an attempt is set-up, body and teardown, with evidence of its own; only the last one is the case's result, and the earlier ones stand in
//! it. Devices and exclusive names stay with the case in between. A fixture that could not be made is made anew; a shared one that is still good stays.
//! A run has so many retries and no more. Rejected: putting a failed case back into the queue (its server would be taken down and started again).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tribunal_events::{Failure, Fallen, poisoned};

use super::Run;
use crate::attempt::{Attempt, lock};
use crate::evidence::log_tail;
use crate::marks::Xfail;
use crate::outcome::{Outcome, Phase, Times};
use crate::stores::{Key, Store, Torn};

/// How much of an earlier attempt's text its case repeats.
const BRIEF: usize = 200;

/// What a run has repeated.
#[derive(Default)]
pub(super) struct Retried {
    spent: usize,
    refused: usize,
    /// Attempts that would have been repeated if nobody else did that.
    left_to_others: usize,
    /// What ended before, by planned case.
    earlier: HashMap<usize, Vec<String>>,
    fallen: Vec<Fallen>,
}

/// The end of an attempt, before anything is taken down.
pub(super) struct End {
    pub outcome: Outcome,
    pub set_up: Duration,
    pub body: Duration,
}

impl Run {
    /// Takes an attempt down and puts its end down; true where another attempt of the case is to follow.
    pub(super) fn end_attempt(
        &self,
        attempt: &Attempt,
        store: &Arc<Store>,
        keys: &Arc<Vec<Key>>,
        end: End,
    ) -> bool {
        self.mark_logs(attempt, keys, store);
        let mut again = self.again(attempt, &end.outcome);
        let released: Arc<Vec<Key>> = if again { Arc::default() } else { keys.clone() };
        if !keys.is_empty() || !store.is_empty() {
            self.tell_phase(attempt, Phase::Teardown);
        }
        let (mut torn, mut teardown) = self.tear_down(attempt.planned, store, &released);
        if again {
            torn = torn.and(self.forget_failed(attempt.planned, keys));
            if !torn.errors.is_empty() {
                // What is left behind would be the next attempt's trouble.
                again = false;
                lock(&self.retried).spent -= 1;
                let (more, took) = self.tear_down(attempt.planned, &Arc::default(), keys);
                torn = torn.and(more);
                teardown += took;
            }
        }
        let times = Times {
            set_up: end.set_up,
            body: end.body,
            teardown,
        };
        self.finish(attempt, end.outcome, times, torn, again);
        again
    }

    /// Sorts a failure, and says whether another attempt follows: that is then one of those that the run has.
    pub(super) fn again(&self, attempt: &Attempt, outcome: &Outcome) -> bool {
        let outcome = self.as_expected(attempt, outcome.clone());
        if !outcome.is_failure() {
            return false;
        }
        self.sort(attempt, &outcome);
        if self.cancel.is_cancelled() || crate::isolated::is_child() {
            return false;
        }
        let policy = &self.options.retries;
        let marks = &self.catalog.cases[self.plan.cases[attempt.planned].case].marks;
        let class = lock(&attempt.class).clone();
        let repeated = policy
            .of(marks.retries.as_ref())
            .is_some_and(|r| r.repeat(attempt.number, &outcome, class.as_ref()));
        if !repeated {
            return false;
        }
        let mut retried = lock(&self.retried);
        if policy.off.is_some() {
            retried.left_to_others += 1;
            return false;
        }
        if retried.spent >= policy.cap {
            retried.refused += 1;
            return false;
        }
        retried.spent += 1;
        true
    }

    /// What was expected of an attempt, applied to how it ended.
    pub(super) fn as_expected(&self, attempt: &Attempt, outcome: Outcome) -> Outcome {
        if attempt.judged.load(Ordering::SeqCst) {
            return outcome;
        }
        let said = lock(&attempt.expected).clone().map(|reason| Xfail {
            reason,
            strict: true,
        });
        let marked = &self.catalog.cases[self.plan.cases[attempt.planned].case].marks;
        match (outcome, said.as_ref().or(marked.xfail.as_ref())) {
            (o, Some(x)) if o.is_failure() && !o.says_nothing() => {
                Outcome::ExpectedFailure(x.reason.clone())
            }
            (Outcome::Passed, Some(x)) if x.strict => Outcome::UnexpectedPass(x.reason.clone()),
            (o, _) => o,
        }
    }

    /// Finds the class of a failure, unless the case's own process has said it.
    pub(super) fn sort(&self, attempt: &Attempt, outcome: &Outcome) {
        let mut class = lock(&attempt.class);
        let Some(word) = tribunal_events::Outcome::of_word(outcome.word()) else {
            return;
        };
        if class.is_some() {
            return;
        }
        let logs: Vec<String> = lock(&attempt.logs).iter().map(log_tail).collect();
        let phase = match outcome {
            Outcome::TimedOut(Phase::SetUp, ..) => Some(tribunal_events::PhaseName::SetUp),
            Outcome::TimedOut(Phase::Teardown, ..) => Some(tribunal_events::PhaseName::Teardown),
            _ => None,
        };
        *class = (self.options.classes)().of(&Failure {
            outcome: word,
            phase,
            text: &outcome.text(),
            asserted: attempt.asserted.load(Ordering::SeqCst),
            log: &logs.join("\n"),
        });
    }

    /// Takes down those shared fixtures that could not be made, so that the next attempt makes them.
    fn forget_failed(&self, planned: usize, keys: &[Key]) -> Torn {
        let failed = self.run_store.take_failed(keys);
        if failed.is_empty() {
            return Torn::default();
        }
        let limit = self.plan.cases[planned].teardown_limit;
        let task = async move { tokio::spawn(crate::stores::tear_down(failed, limit)).await };
        let torn = self.runtime().block_on(task);
        torn.unwrap_or_else(|e| Torn::failed(e.to_string()))
    }

    /// Remembers how an attempt ended that is followed by another.
    pub(super) fn remember(&self, attempt: &Attempt, outcome: &Outcome, evidence: Option<&str>) {
        let class = lock(&attempt.class).clone();
        let mut text = format!("attempt {}: {}", attempt.number, outcome.word());
        if let Some(class) = class {
            text.push_str(&format!(" ({})", class.class));
        }
        text.push_str(&format!(": {}", brief(&outcome.text())));
        if let Some(evidence) = evidence {
            text.push_str(&format!("; evidence: {evidence}"));
        }
        let mut retried = lock(&self.retried);
        retried
            .earlier
            .entry(attempt.planned)
            .or_default()
            .push(text);
    }

    /// How a case ended whose earlier attempts had failed.
    pub(super) fn after_earlier(
        &self,
        attempt: &Attempt,
        outcome: Outcome,
        notes: &mut Vec<String>,
    ) -> Outcome {
        let earlier = lock(&self.retried).earlier.remove(&attempt.planned);
        let Some(earlier) = earlier else {
            return outcome;
        };
        match outcome {
            Outcome::Passed => {
                let text = format!(
                    "passed on attempt {}\n{}",
                    attempt.number,
                    earlier.join("\n")
                );
                match self.options.retries.flaky_fails {
                    true => Outcome::Failed(format!(
                        "flaky, which fails the run (--flaky-result fail): {text}"
                    )),
                    false => Outcome::Flaky(text),
                }
            }
            outcome => {
                notes.extend(earlier);
                outcome
            }
        }
    }

    /// Remembers a failure, so that the end of the run can tell whether many came at one instant.
    pub(super) fn fell(&self, attempt: &Attempt, times: Times) {
        let case = &self.catalog.cases[self.plan.cases[attempt.planned].case];
        let fallen = Fallen {
            at: self.started.elapsed().as_secs_f64(),
            seconds: times.total().as_secs_f64(),
            test: self.catalog.tests[case.test].name.clone(),
            shared: lock(&attempt.fixtures).clone(),
        };
        lock(&self.retried).fallen.push(fallen);
    }

    /// What the end of the run says of what was repeated.
    pub(super) fn tell_of_retries(&self) {
        let retried = lock(&self.retried);
        lock(&self.counts).retries = retried.spent;
        let policy = &self.options.retries;
        if retried.refused > 0 {
            self.evidence.note(format!(
                "{} failed attempt{} not repeated, because a run has {} retries (--max-retries-per-run)",
                retried.refused,
                if retried.refused == 1 { " was" } else { "s were" },
                policy.cap
            ));
        }
        if let (Some(why), 1..) = (policy.off, retried.left_to_others) {
            self.evidence
                .note(format!("nothing was repeated here: {why}"));
        }
        for instant in poisoned(&retried.fallen) {
            self.evidence.note(instant.text());
        }
    }

    /// When a slot begins an attempt that is not its case's first.
    pub(super) fn begins(&self, planned: usize, attempt: u32) -> Instant {
        let at = Instant::now();
        let granted = self.devices(planned);
        let devices = granted.granted().map(|grant| grant.devices());
        let devices = devices.map(|all| all.iter().map(|d| d.index).collect());
        let entry = self.test(planned).entry;
        let mut keys: Vec<Key> = vec![];
        if !entry.fixtures.is_empty() {
            crate::stores::shared_keys(entry.fixtures, &self.asker(planned), &mut keys);
        }
        self.emit(crate::event::Event::CaseStarted {
            planned,
            at,
            attempt,
            devices: devices.unwrap_or_default(),
            fixtures: keys.iter().map(Key::shown).collect(),
        });
        at
    }
}

/// The beginning of a text, on one line.
fn brief(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut out = lines.next().unwrap_or_default().to_owned();
    // The first line of a panic only says where.
    if out.contains(" panicked at ")
        && let Some(next) = lines.next()
    {
        out.push(' ');
        out.push_str(next);
    }
    match out.char_indices().nth(BRIEF) {
        Some((at, _)) => format!("{}…", &out[..at]),
        None => out,
    }
}

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn a_panic_is_told_with_what_it_says() {
        let text = "thread 'a' panicked at a.rs:1:2:\nsaid no\nnote: more";
        assert_eq!(brief(text), "thread 'a' panicked at a.rs:1:2: said no");
        assert_eq!(brief("\n  one\ntwo"), "one");
        assert_eq!(brief(""), "");
        assert!(brief(&"é".repeat(999)).ends_with('…'));
    }
}
