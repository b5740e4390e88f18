//! What the end of a body means, before it is held against what was expected of it.
//!
//! Promise: a panic of the body, of a task and of a thread of the test are told apart, and each fails it. Rejected: the last panic alone (the one that
//! matters is often the first).

use std::sync::atomic::Ordering;

use super::Run;
use crate::attempt::{Attempt, lock};
use crate::body::{Error, Skip, TestResult};
use crate::outcome::{Outcome, Phase};

impl Run {
    /// What the end of a body means.
    pub(super) fn judge(
        &self,
        attempt: &Attempt,
        should_panic: Option<&'static str>,
        expects_failure: bool,
        result: std::thread::Result<TestResult>,
    ) -> Outcome {
        if attempt.expired.load(Ordering::SeqCst) {
            return Outcome::TimedOut(
                Phase::Body,
                attempt.limit.unwrap_or_default(),
                String::new(),
            );
        }
        let asserted = matches!(&result, Ok(Err(e)) if e.asserted);
        attempt.asserted.store(asserted, Ordering::SeqCst);
        let panics = std::mem::take(&mut *lock(&attempt.panics));
        let (own, spawned): (Vec<_>, Vec<_>) = panics.into_iter().partition(|p| p.in_body);
        if expects_failure && !spawned.is_empty() | matches!(&result, Err(p) if !p.is::<Skip>()) {
            // Nobody reads the text of an expected failure, and the first backtrace takes long to write.
            return Outcome::Failed(String::new());
        }
        let texts = |list: &[crate::panics::PanicRecord]| {
            list.iter()
                .map(|p| p.text(&attempt.name))
                .collect::<Vec<_>>()
                .join("\n")
        };
        match (result, should_panic) {
            (Err(payload), _) if payload.is::<Skip>() => {
                let Skip(reason) = payload
                    .downcast_ref::<Skip>()
                    .cloned()
                    .unwrap_or(Skip(String::new()));
                self.skipped(reason)
            }
            (Err(_), Some("")) => Outcome::Passed,
            (Err(payload), Some(expected)) => {
                let message = own.last().map_or_else(
                    || crate::panics::payload_text(&*payload),
                    |p| p.message.clone(),
                );
                if message.contains(expected) {
                    Outcome::Passed
                } else {
                    Outcome::Failed(format!(
                        "{}panic did not contain expected string\n      panic message: {message:?}\n expected substring: {expected:?}",
                        texts(&own)
                    ))
                }
            }
            (Ok(Ok(())), Some(_)) => Outcome::Failed("test did not panic as expected".into()),
            (Ok(Err(e)), _) if e.skip.is_some() => {
                self.skipped(e.skip.map_or(String::new(), |s| s.0))
            }
            (Ok(Err(e)), Some(_)) => Outcome::Failed(format!(
                "test did not panic as expected, it returned an error: {e}"
            )),
            (Err(payload), None) => Outcome::Failed(match own.last() {
                // The last one ended the body; earlier ones were caught.
                Some(last) => format!(
                    "{}{}",
                    last.text(&attempt.name),
                    if spawned.is_empty() {
                        String::new()
                    } else {
                        format!("\n{}", texts(&spawned))
                    }
                ),
                None => format!("panicked: {}", crate::panics::payload_text(&*payload)),
            }),
            // A figure is worth nothing where something broke beside it.
            (
                Ok(Err(Error {
                    measured: Some(measured),
                    ..
                })),
                None,
            ) if spawned.is_empty() => measured.outcome(),
            (Ok(Err(e)), None) => Outcome::Failed(if spawned.is_empty() {
                format!("Error: {e}")
            } else {
                format!("Error: {e}\n{}", texts(&spawned))
            }),
            (Ok(Ok(())), None) if !spawned.is_empty() => Outcome::Failed(format!(
                "a task or thread of this test panicked:\n{}",
                texts(&spawned)
            )),
            (Ok(Ok(())), None) => Outcome::Passed,
        }
    }

    /// What a skip at run time means.
    pub(super) fn skipped(&self, reason: String) -> Outcome {
        match self.options.deny_skips {
            Some(why) => Outcome::Failed(format!("skipped: {reason} ({why})")),
            None => Outcome::Skipped(reason),
        }
    }
}
