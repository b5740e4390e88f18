//! Events of the runner as lines of the log.
//!
//! Promise: every text that may hold a secret is masked. Rejected: masking whole lines (a secret that is a word of the schema would break them).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tribunal_events::{
    CaseEnded, CaseLine, CaseStarted, Disposition as Done, Expected, Fault, Figure, Line,
    OpenCheck, Outcome, PhaseName, Place, Quarantine, Row, RunEnded, SharedOutput, Times,
};
use tribunal_history::Past;
use tribunal_runner::{Disposition, Ended, Event, GateKind, Mask, Phase, Run, Summary, Unmet};
use tribunal_vocabulary::{MarkerSet, Vocabulary};

use super::about::{About, epoch, started};
use super::files;
use crate::closing;
use crate::context::Context;

/// Makes lines of events.
pub(super) struct Lines {
    context: Arc<Context>,
    run: Arc<Run>,
    folder: Option<PathBuf>,
    mask: Mask,
    /// One moment on both clocks.
    zero: (Instant, f64),
}

impl Lines {
    pub fn new(context: &Arc<Context>, run: &Arc<Run>, folder: Option<PathBuf>) -> Lines {
        Lines {
            context: context.clone(),
            run: run.clone(),
            folder,
            mask: Mask::of_environment(),
            zero: (Instant::now(), epoch(SystemTime::now())),
        }
    }

    fn at(&self, at: Instant) -> f64 {
        let (zero, epoch) = self.zero;
        let ms = match at.checked_duration_since(zero) {
            Some(after) => after.as_secs_f64() * 1000.0,
            None => -(zero.duration_since(at).as_secs_f64() * 1000.0),
        };
        // Microseconds are as much as a clock of this kind can tell.
        ((epoch + ms) * 1000.0).round() / 1000.0
    }

    fn now(&self) -> f64 {
        self.at(Instant::now())
    }

    /// The lines before the first event: the run and its cases.
    pub fn beginning(&self, about: &About) -> impl Iterator<Item = Line> {
        let folder = self.folder.as_deref();
        let first = started(
            about,
            &self.context,
            &self.run,
            folder,
            &self.mask,
            self.now(),
        );
        let cases = (0..self.run.plan().cases.len()).map(|i| Line::Case(Box::new(self.case(i))));
        std::iter::once(Line::RunStarted(Box::new(first))).chain(cases)
    }

    fn case(&self, index: usize) -> CaseLine {
        const GIB: f64 = (1u64 << 30) as f64;
        let (catalog, plan, v) = (self.run.catalog(), self.run.plan(), self.context.vocabulary);
        let planned = &plan.cases[index];
        let case = &catalog.cases[planned.case];
        let test = &catalog.tests[case.test];
        let place = case.place(catalog);
        let job = plan.resources.as_ref().and_then(|r| r.job(index));
        let amount = job
            .zip(plan.resources.as_ref())
            .and_then(|(job, r)| (job.gang > 0).then(|| r.amount(job)).flatten());
        let level = planned.level.and_then(|l| v.levels().get(l));
        CaseLine {
            case: index,
            name: case.name.clone(),
            test: test.name.clone(),
            place: Place {
                file: place.file.to_owned(),
                line: place.line,
                column: place.column,
            },
            doc: test.entry.doc.lines().next().unwrap_or("").to_owned(),
            markers: markers(&case.marks.set, v),
            level: level.map(|l| l.name.clone()),
            deployment: case.deployment(catalog).map(str::to_owned),
            disposition: disposition(&planned.disposition),
            limit: planned.limit.map(|d| d.as_secs_f64()),
            quarantine: case.marks.quarantine.as_ref().map(|q| Quarantine {
                reason: q.reason.clone(),
                issue: q.issue.clone(),
                until: q.until.to_string(),
            }),
            expected: match (planned.expected, job) {
                (Some(known), _) => Some(Expected {
                    seconds: known.as_secs_f64(),
                    from: "history".to_owned(),
                }),
                (None, Some(job)) => Some(Expected {
                    seconds: job.expected,
                    from: match planned.limit.map(|d| d.as_secs_f64()) == Some(job.expected) {
                        true => "limit".to_owned(),
                        false => "profile".to_owned(),
                    },
                }),
                (None, None) => None,
            },
            vram_gib: amount
                .map(|bytes| bytes as f64 / GIB)
                .or(case.marks.max_vram_gib),
        }
    }

    /// The line of an event, if it has one.
    pub fn of(&mut self, event: &Event) -> Option<Line> {
        Some(match event {
            // It was written before.
            Event::RunStarted { .. } | Event::Awaiting(_) => return None,
            // Nothing is attempted: its end says so.
            Event::CaseStarted { attempt: 0, .. } => return None,
            Event::CaseStarted {
                planned,
                at,
                attempt,
                devices,
                fixtures,
            } => Line::CaseStarted(CaseStarted {
                at: self.at(*at),
                case: *planned,
                attempt: *attempt,
                devices: devices.clone(),
                fixtures: self.texts(fixtures),
            }),
            Event::Phase {
                planned,
                attempt,
                phase,
                at,
            } => Line::Phase {
                at: self.at(*at),
                case: *planned,
                attempt: *attempt,
                phase: match phase {
                    Phase::SetUp => PhaseName::SetUp,
                    Phase::Body => PhaseName::Body,
                    Phase::Teardown => PhaseName::Teardown,
                },
            },
            Event::Fault {
                planned,
                attempt,
                at,
                step,
            } => Line::Fault(Fault {
                at: self.at(*at),
                case: *planned,
                attempt: *attempt,
                fault: self.mask.text(&step.fault),
                step: step.step.clone(),
                detail: self.mask.text(&step.detail),
            }),
            Event::AttemptEnded(ended) => self.ended(ended, true),
            Event::CaseEnded(ended) => self.ended(ended, false),
            Event::StrayPanic { text, running } => Line::StrayPanic {
                at: self.now(),
                text: self.mask.text(text),
                running: running.clone(),
            },
            Event::Stopping(why) => Line::Stopping {
                at: self.now(),
                why: self.mask.text(why),
            },
            Event::RunEnded(summary) => self.end(summary),
        })
    }

    fn texts(&self, texts: &[String]) -> Vec<String> {
        texts.iter().map(|t| self.mask.text(t)).collect()
    }

    fn bytes(&self, bytes: &[u8]) -> String {
        match bytes.is_empty() {
            true => String::new(),
            false => self.mask.text(&String::from_utf8_lossy(bytes)),
        }
    }

    fn ended(&mut self, e: &Ended, retried: bool) -> Line {
        let text = e.outcome.text();
        if !text.is_empty() || !e.output.is_empty() || !e.notes.is_empty() || !e.rows.is_empty() {
            // Tests may have set some since.
            self.mask = Mask::of_environment();
        }
        let rows = e.rows.iter().map(|row| Row {
            table: self.mask.text(&row.table),
            place: row.group.0,
            group: self.mask.text(&row.group.1),
            cells: row
                .cells
                .iter()
                .map(|(column, text)| (column.clone(), self.mask.text(text)))
                .collect(),
        });
        let shared = e.output.shared.iter().map(|(by, text)| SharedOutput {
            by: by.clone(),
            text: self.bytes(text),
        });
        let open = e.open.iter().map(|(check, times)| OpenCheck {
            ending: check.ending.clone(),
            rule: check.rule.clone(),
            why: self.mask.text(&check.why),
            times: *times,
        });
        let figures = e.figures.iter().map(|figure| Figure {
            step: self.mask.text(&figure.step),
            ..figure.clone()
        });
        Line::CaseEnded(Box::new(CaseEnded {
            at: self.at(e.at),
            case: e.planned,
            attempt: e.attempt,
            retried,
            // The words are the same; a test holds them together.
            outcome: Outcome::of_word(e.outcome.word()).unwrap_or_default(),
            text: self.mask.text(&text),
            class: e.class.as_ref().map(|c| c.class.clone()),
            class_because: e.class.as_ref().map(|c| self.mask.text(&c.because)),
            waived: e.waived.clone(),
            times: times(e),
            output: self.bytes(&e.output.own),
            shared_output: shared.collect(),
            notes: self.texts(&e.notes),
            rows: rows.collect(),
            open: open.collect(),
            figures: figures.collect(),
            evidence: e.folder.as_deref().map(|folder| self.beside(folder)),
            attachments: e.folder.as_deref().map(files::of).unwrap_or_default(),
        }))
    }

    /// The end of a case as the next runs will know it.
    pub fn past(&self, e: &Ended) -> Past {
        let (catalog, planned) = (self.run.catalog(), &self.run.plan().cases[e.planned]);
        let case = &catalog.cases[planned.case];
        let levels = self.context.vocabulary.levels();
        let level = planned.level.and_then(|l| levels.get(l));
        Past {
            at: self.at(e.at),
            run: String::new(),
            case: case.name.clone(),
            outcome: Outcome::of_word(e.outcome.word()).unwrap_or_default(),
            class: e.class.as_ref().map(|c| c.class.clone()),
            attempts: e.attempt,
            times: times(e),
            commit: None,
            branch: None,
            deployment: case.deployment(catalog).map(str::to_owned),
            level: level.map(|l| l.name.clone()),
        }
    }

    /// A path below the run's folder, as seen from there.
    fn beside(&self, path: &Path) -> String {
        let run = self.folder.as_deref();
        let below = run.and_then(|run| path.strip_prefix(run).ok());
        below.unwrap_or(path).to_string_lossy().into_owned()
    }

    fn end(&self, summary: &Summary) -> Line {
        Line::RunEnded(Box::new(RunEnded {
            at: self.now(),
            code: closing::exit_code(&self.context, summary),
            signal: summary.signal,
            late_errors: self.texts(&summary.late_errors),
            notes: self.texts(&summary.notes),
            telemetry: summary.telemetry.clone(),
        }))
    }
}

fn times(e: &Ended) -> Times {
    Times {
        set_up: e.times.set_up.as_secs_f64(),
        body: e.times.body.as_secs_f64(),
        teardown: e.times.teardown.as_secs_f64(),
    }
}

fn disposition(of: &Disposition) -> Done {
    match of {
        Disposition::Run => Done::Run,
        Disposition::Ignored(why) => Done::Ignored { why: why.clone() },
        Disposition::Gated(unmet) => Done::Skipped {
            why: unmet.reason.clone(),
            gate: gate(unmet).to_owned(),
        },
        Disposition::Refused(unmet, because) => Done::Refused {
            why: unmet.reason.clone(),
            because: (*because).to_owned(),
        },
    }
}

fn gate(unmet: &Unmet) -> &'static str {
    match unmet.kind {
        GateKind::Skip => "skip",
        GateKind::Feature => "feature",
        GateKind::Device => "device",
        GateKind::Platform => "platform",
        GateKind::Env => "environment",
        GateKind::Program => "program",
        GateKind::Deployment => "deployment",
        GateKind::NotInstalled => "not installed",
        GateKind::Broken => "broken",
    }
}

/// The markers of a case as they could be written.
fn markers(set: &MarkerSet, v: &Vocabulary) -> Vec<String> {
    let mut out = vec![];
    for id in set.iter() {
        let mut bare = true;
        for args in set.args(id) {
            bare = false;
            let args: Vec<String> = args
                .iter()
                .map(|(key, value)| match key.is_empty() {
                    true => value.to_string(),
                    false => format!("{key} = {value}"),
                })
                .collect();
            out.push(format!("{}({})", v.name(id), args.join(", ")));
        }
        if bare {
            out.push(v.name(id).to_owned());
        }
    }
    out
}
