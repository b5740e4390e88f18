//! The end of an attempt: what was expected of it, its output, and its evidence.
//!
//! Promise: the result is put down last, when the evidence is on disk and the place is free. Rejected: writing evidence from the report (a report may
//! end before its run does).

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Run;
use crate::attempt::{Attempt, lock};
use crate::event::{Ended, Event};
use crate::evidence::{Facts, Left};
use crate::outcome::{Outcome, Times};
use crate::stores::Torn;

impl Run {
    /// Reports the result of an attempt, and frees its place unless another attempt follows.
    pub(super) fn finish(
        &self,
        attempt: &Attempt,
        outcome: Outcome,
        times: Times,
        torn: Torn,
        again: bool,
    ) {
        let planned = attempt.planned;
        // What is to be tried again keeps what it was given.
        let torn = match again {
            true => torn,
            false => torn.and(self.hand_devices_back(planned)),
        };
        let mut outcome = self.as_expected(attempt, outcome);
        if let Some(why) = lock(&attempt.no_baseline).take()
            && outcome == Outcome::Passed
        {
            outcome = match self.options.require_baseline {
                true => Outcome::Failed(format!("no baseline: {why} (--require-baseline)")),
                false => Outcome::NoBaseline(why),
            };
        }
        let mut notes = std::mem::take(&mut *lock(&attempt.notes));
        notes.extend(torn.notes);
        if !torn.errors.is_empty() {
            let text = torn.errors.join("\n");
            match outcome {
                Outcome::Passed
                | Outcome::ExpectedFailure(_)
                | Outcome::NoBaseline(_)
                | Outcome::Skipped(_) => outcome = Outcome::TeardownFailed(text),
                // What is left behind fails the run, and a figure alone does not say so.
                Outcome::Regressed(_) | Outcome::Inconclusive(_) | Outcome::Invalid(_) => {
                    notes.push(outcome.text());
                    outcome = Outcome::TeardownFailed(text);
                }
                _ => notes.push(text),
            }
        }
        let open = attempt.records.open();
        if !attempt.judged.load(Ordering::SeqCst) {
            // A process of its own has said so in its notes.
            notes.extend(crate::records::notes(&open));
        }
        if !again {
            lock(&self.open).add(&open);
            outcome = self.after_earlier(attempt, outcome, &mut notes);
        }
        let failed = outcome.is_failure();
        if failed {
            self.sort(attempt, &outcome);
        }
        let waived = match failed {
            true => self.waived(planned, &mut notes),
            false => None,
        };
        let kept = self.evidence.keeps(outcome.was_executed(), failed);
        let mut output = self
            .capture
            .end(planned, failed || kept || self.options.show_output);
        let log = std::mem::take(&mut *lock(&attempt.log));
        if !log.is_empty() {
            output.own.extend_from_slice(&log);
        }
        let mut ended = Ended {
            planned,
            attempt: attempt.number,
            at: Instant::now(),
            outcome,
            class: lock(&attempt.class).clone().filter(|_| failed),
            waived,
            times,
            output,
            notes,
            rows: std::mem::take(&mut *lock(&attempt.rows)),
            open,
            figures: attempt.records.figures(),
            evidence: None,
            folder: None,
        };
        if failed {
            self.fell(attempt, times);
        }
        self.settle_evidence(attempt, &mut ended);
        if again {
            self.remember(attempt, &ended.outcome, ended.evidence.as_deref());
            self.emit(Event::AttemptEnded(ended));
            return;
        }
        self.leave(planned, ended.blocks());
        self.put(ended);
    }

    /// Why a failure of a case does not fail the run, where it does not.
    fn waived(&self, planned: usize, notes: &mut Vec<String>) -> Option<String> {
        let marks = &self.catalog.cases[self.plan.cases[planned].case].marks;
        let quarantine = marks.quarantine.as_ref()?;
        if quarantine.holds(self.options.today) {
            return Some(quarantine.text());
        }
        notes.push(format!(
            "its quarantine ended on {}, so that it fails the run again ({})",
            quarantine.until, quarantine.issue
        ));
        None
    }

    /// Keeps or removes the evidence of an attempt.
    fn settle_evidence(&self, attempt: &Attempt, ended: &mut Ended) {
        let (executed, failed) = (ended.outcome.was_executed(), ended.outcome.is_failure());
        let keeps = self.evidence.keeps(executed, failed);
        let writers = std::mem::take(&mut *lock(&attempt.writers));
        if keeps && !writers.is_empty() {
            match attempt.folder() {
                Ok(folder) => {
                    for write in writers {
                        if let Err(e) = write(&folder) {
                            ended.notes.push(format!("the evidence is incomplete: {e}"));
                        }
                    }
                }
                Err(e) => ended.notes.push(format!("the evidence is incomplete: {e}")),
            }
        }
        let folder = lock(&attempt.folder).take();
        if !keeps {
            self.evidence.drop_attempt(folder);
            return;
        }
        let p = &self.plan.cases[ended.planned];
        let mut failure = ended.outcome.text();
        for note in &ended.notes {
            failure.push_str(&format!("\nnote: {note}"));
        }
        ended.folder = self.evidence.keep_attempt(Left {
            folder,
            facts: Facts {
                case: &attempt.name,
                level: attempt.level.as_deref(),
                isolated: self.catalog.cases[p.case].marks.isolated,
                fixtures: std::mem::take(&mut *lock(&attempt.fixtures)),
                limits: [Some(p.setup_limit), p.limit, Some(p.teardown_limit)],
                times: ended.times,
                started: attempt.started,
                outcome: ended.outcome.word(),
            },
            failure,
            output: ended.output.text(),
            logs: std::mem::take(&mut *lock(&attempt.logs)),
            records: &attempt.records,
        });
        let folder = ended.folder.as_deref();
        ended.evidence = folder.map(|folder| self.evidence.shown(folder));
        // After its evidence is there, so that who reads the end finds it.
        ended.at = Instant::now();
    }
}
