//! libtest's JSON events, one object per line.
//!
//! Promise: `started` is written when a case starts; every end has `exec_time`; reasons stand in `message`; lines are written whole, so
//! that nothing tears them; what is ours stands in the additional object `"harness"`, which readers of libtest's events ignore.
//!
//! Rejected: libtest-mimic's JSON (it writes `started` after the test has finished, and leaves times and reasons out).

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use serde_json::{Value, json};
use tribunal_runner::registry::Cases;
use tribunal_runner::{Ended, Event, Outcome, Run, Summary};

use crate::closing;
use crate::context::Context;
use crate::terminal::Screen;

/// Writes a run as JSON until it ends; returns its summary.
pub fn run_json(
    context: &Context,
    run: &Arc<Run>,
    events: &Receiver<Event>,
    screen: Screen,
) -> std::io::Result<Summary> {
    let Screen { out, mut err } = screen;
    let mut lines = Lines { out, ready: vec![] };
    let mut suite = json!({"type": "suite", "event": "started", "test_count": run.plan().cases.len(), "harness": {"run_level": context.level.name}});
    if let Some(seed) = context.options.shuffle {
        suite["shuffle_seed"] = json!(seed);
    }
    lines.push(&suite)?;
    // Cases that are known only at start-up have no node of their own in an editor; their test has.
    let mut bases: HashMap<usize, Base> = HashMap::new();
    if !context.options.show_output {
        for planned in &run.plan().cases {
            let test = run.catalog().cases[planned.case].test;
            if matches!(run.catalog().tests[test].entry.cases, Cases::From(_)) {
                bases.entry(test).or_default().left += 1;
            }
        }
    }
    loop {
        let event = match events.try_recv() {
            Ok(event) => event,
            Err(_) => {
                // Nothing else has happened yet: what has is shown now.
                lines.flush()?;
                let Ok(event) = events.recv() else {
                    unreachable!("a run always sends its summary")
                };
                event
            }
        };
        match event {
            // One start and one end per case: what was repeated stands in the end.
            Event::RunStarted { .. }
            | Event::Awaiting(_)
            | Event::Stopping(_)
            | Event::AttemptEnded(_)
            | Event::Phase { .. }
            | Event::Fault { .. }
            | Event::CaseStarted { attempt: 2.., .. } => {}
            Event::CaseStarted { planned, .. } => {
                let test = run.catalog().cases[run.plan().cases[planned].case].test;
                if let Some(base) = bases.get_mut(&test)
                    && !base.started
                {
                    base.started = true;
                    lines.push(
                        &json!({"type": "test", "event": "started", "name": run.catalog().tests[test].name}),
                    )?;
                }
                lines.push(
                    &json!({"type": "test", "event": "started", "name": &**run.name(planned)}),
                )?;
            }
            Event::CaseEnded(ended) => {
                lines.push(&end(context, run, &ended))?;
                let test = run.catalog().cases[run.plan().cases[ended.planned].case].test;
                if let Some(base) = bases.get_mut(&test) {
                    base.left -= 1;
                    base.seconds += ended.times.total().as_secs_f64();
                    if ended.blocks() {
                        base.failed.push(run.name(ended.planned).to_string());
                    }
                    if base.left == 0 {
                        lines.push(&base.end(&run.catalog().tests[test].name))?;
                    }
                }
            }
            Event::StrayPanic { text, running } => {
                // Lines that are no events are shown as they are; standard error keeps them out of the stream.
                writeln!(
                    err,
                    "error: a thread that belongs to no test panicked (running were: {}); this fails the run\n{text}",
                    running.join(", ")
                )?;
            }
            Event::RunEnded(summary) => {
                let c = summary.counts;
                let ok = closing::exit_code(context, &summary) == 0;
                let removed: serde_json::Map<String, Value> = context
                    .removed
                    .iter()
                    .map(|(f, n)| (f.name().to_owned(), json!(n)))
                    .collect();
                lines.push(&json!({
                    "type": "suite", "event": if ok { "ok" } else { "failed" }, "passed": c.passed, "failed": c.failed, "ignored": c.ignored + c.skipped + c.quarantined, "measured": 0,
                    "filtered_out": c.filtered_out, "exec_time": summary.elapsed.as_secs_f64(),
                    "harness": {"skipped": c.skipped, "not_run": c.not_run, "expected_failures": c.expected_failures, "no_baseline": c.no_baseline, "flaky": c.flaky, "quarantined": c.quarantined, "retries": c.retries, "regressed": c.regressed, "inconclusive": c.inconclusive, "invalid": c.invalid, "stray_panics": summary.stray_panics, "removed": removed, "errors": summary.late_errors, "notes": summary.notes, "tables": summary.tables.iter().map(tribunal_runner::Table::to_json).collect::<Vec<_>>(), "telemetry": summary.telemetry, "evidence": summary.evidence},
                }))?;
                lines.flush()?;
                return Ok(*summary);
            }
        }
    }
}

/// Whole lines on their way out.
struct Lines {
    out: File,
    ready: Vec<u8>,
}

/// A pipe takes this much at once.
const ENOUGH: usize = 1 << 16;

impl Lines {
    fn push(&mut self, value: &Value) -> std::io::Result<()> {
        serde_json::to_writer(&mut self.ready, value)?;
        self.ready.push(b'\n');
        if self.ready.len() >= ENOUGH {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.write_all(&self.ready)?;
        self.ready.clear();
        Ok(())
    }
}

#[derive(Default)]
struct Base {
    started: bool,
    left: usize,
    seconds: f64,
    failed: Vec<String>,
}

impl Base {
    fn end(&self, name: &str) -> Value {
        let mut v = json!({"type": "test", "name": name, "event": if self.failed.is_empty() { "ok" } else { "failed" }, "exec_time": self.seconds});
        if !self.failed.is_empty() {
            v["stdout"] = json!(format!("failed cases: {}\n", self.failed.join(", ")));
        }
        v
    }
}

fn end(context: &Context, run: &Run, ended: &Ended) -> Value {
    let event = match &ended.outcome {
        Outcome::Passed
        | Outcome::ExpectedFailure(_)
        | Outcome::NoBaseline(_)
        | Outcome::Flaky(_) => "ok",
        _ if ended.waived.is_some() => "ignored",
        Outcome::Skipped(_) | Outcome::Ignored(_) | Outcome::NotRun(_) => "ignored",
        _ => "failed",
    };
    let mut v = json!({"type": "test", "name": &**run.name(ended.planned), "event": event, "exec_time": ended.times.total().as_secs_f64()});
    match &ended.outcome {
        Outcome::Skipped(r) | Outcome::Ignored(r) | Outcome::NotRun(r) if !r.is_empty() => {
            v["message"] = json!(r)
        }
        outcome if ended.waived.is_some() => {
            v["message"] = json!(format!("in quarantine, and {}", outcome.word()));
        }
        Outcome::TimedOut(..) => v["reason"] = json!("time limit exceeded"),
        _ => {}
    }
    if ended.outcome.is_failure() {
        v["stdout"] = json!(closing::failure(ended) + "\n");
    } else if context.options.show_output && !ended.output.is_empty() {
        v["stdout"] = json!(ended.output.text());
    }
    let mut harness = json!({
        "outcome": ended.outcome.word(),
        "set_up": ended.times.set_up.as_secs_f64(), "body": ended.times.body.as_secs_f64(), "teardown": ended.times.teardown.as_secs_f64(),
    });
    if let Some(level) = run.plan().cases[ended.planned].level {
        harness["level"] = json!(context.vocabulary.levels()[level].name);
    }
    if let Outcome::ExpectedFailure(reason)
    | Outcome::NoBaseline(reason)
    | Outcome::Flaky(reason)
    | Outcome::Regressed(reason)
    | Outcome::Inconclusive(reason)
    | Outcome::Invalid(reason) = &ended.outcome
    {
        harness["reason"] = json!(reason);
    }
    if ended.attempt > 1 {
        harness["attempt"] = json!(ended.attempt);
    }
    if let Some(class) = &ended.class {
        harness["class"] = json!(class.class);
        harness["class_because"] = json!(class.because);
    }
    if let Some(waived) = &ended.waived {
        harness["waived"] = json!(waived);
    }
    if !ended.notes.is_empty() {
        harness["notes"] = json!(ended.notes);
    }
    if !ended.rows.is_empty() {
        harness["rows"] = ended
            .rows
            .iter()
            .map(tribunal_runner::Row::to_json)
            .collect();
    }
    if let Some(folder) = &ended.evidence {
        harness["evidence"] = json!(folder);
    }
    if run.catalog().cases[run.plan().cases[ended.planned].case]
        .marks
        .isolated
    {
        harness["isolated"] = json!(true);
    }
    v["harness"] = harness;
    v
}
