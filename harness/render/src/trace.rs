//! The run as a trace of Chrome's format, for Perfetto and `chrome://tracing`: attempts on the devices and slots that they had, their phases, the memory
//! of devices over time.
//!
//! Promise: each row holds spans that do not overlap but for phases within their attempt; an attempt without an end goes up to the log's last line.
//! Rejected: Perfetto's own binary format (a schema compiler for what a page of JSON says).

mod samples;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use tribunal_events::{AttemptLog, CaseLog, PhaseName, RunLog};

use crate::standing;
use crate::text::{gist, plain, shortened};

pub use samples::{MemorySample, memory_samples};

/// The process of devices in the trace, and that of slots.
const DEVICES: u32 = 1;
const SLOTS: u32 = 2;

/// The trace of a run. `memory` becomes counters: [`memory_samples`] has what the run recorded.
pub fn trace(run: &RunLog, memory: &[MemorySample]) -> String {
    let mut events = Events::default();
    let mut attempts: Vec<(&CaseLog, &AttemptLog)> = run
        .cases
        .iter()
        .flat_map(|case| case.attempts.iter().map(move |attempt| (case, attempt)))
        .collect();
    attempts.sort_by(|a, b| a.1.started.at.total_cmp(&b.1.started.at));
    // When each slot is free again.
    let mut slots: Vec<f64> = Vec::new();
    let mut rows: BTreeMap<(u32, u32), String> = BTreeMap::new();
    for (case, attempt) in attempts {
        let begin = attempt.started.at;
        let end = attempt.ended.as_ref().map_or(run.last, |e| e.at).max(begin);
        if attempt.started.devices.is_empty() {
            let slot = match slots.iter().position(|free| *free <= begin) {
                Some(slot) => slot,
                None => {
                    slots.push(0.0);
                    slots.len() - 1
                }
            };
            slots[slot] = end;
            let row = (SLOTS, slot as u32 + 1);
            rows.entry(row)
                .or_insert_with(|| format!("slot {}", slot + 1));
            spans(&mut events, run, case, attempt, row, end);
        }
        for device in &attempt.started.devices {
            let row = (DEVICES, device.saturating_add(1));
            rows.entry(row).or_insert_with(|| device_name(run, *device));
            spans(&mut events, run, case, attempt, row, end);
        }
        for fault in &attempt.faults {
            let name = plain(&format!("{}: {}", fault.step, fault.fault)).into_owned();
            let detail = json!({"case": case.line.name, "detail": fault.detail});
            events.add(&instant(run, &name, fault.at, "fault", detail));
        }
    }
    for (at, text) in &run.stray_panics {
        events.add(&instant(
            run,
            "stray panic",
            *at,
            "panic",
            json!({"text": text}),
        ));
    }
    if let Some((at, why)) = &run.stopping {
        events.add(&instant(run, "stopping", *at, "run", json!({"why": why})));
    }
    for sample in memory {
        events.add(&json!({
            "ph": "C", "pid": DEVICES, "name": format!("memory of {}, GiB", plain(&sample.device)),
            "ts": micros(run, sample.at), "args": {"used": gib(sample.used)},
        }));
    }
    for named in names(&rows) {
        events.add(&named);
    }
    let started = &run.started;
    let about = json!({
        "run": started.run, "level": started.level.name, "host": started.host.name, "began": crate::text::iso(started.at),
    });
    format!(
        "{{\"displayTimeUnit\":\"ms\",\"otherData\":{about},\"traceEvents\":[\n{}\n]}}\n",
        events.0
    )
}

/// The events as they are written: a long run has too many to hold them as values.
#[derive(Default)]
struct Events(String);

impl Events {
    fn add(&mut self, event: &impl Serialize) {
        // Numbers, texts and maps with texts as keys: there is nothing here that JSON does not have.
        let Ok(text) = serde_json::to_string(event) else {
            return;
        };
        if !self.0.is_empty() {
            self.0.push_str(",\n");
        }
        self.0.push_str(&text);
    }
}

/// A span of a row.
#[derive(Serialize)]
struct Span<'a, A> {
    ph: &'static str,
    pid: u32,
    tid: u32,
    name: &'a str,
    cat: &'a str,
    ts: i64,
    dur: i64,
    args: A,
}

/// What is told of an attempt.
#[derive(Serialize)]
struct About<'a> {
    outcome: &'a str,
    attempt: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    text: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    markers: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    fixtures: &'a [String],
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    devices: &'a [u32],
    place: String,
}

/// What is told of a phase.
#[derive(Serialize)]
struct Nothing {}

/// Whole microseconds since the run began; the trace is of its own time.
fn micros(run: &RunLog, at: f64) -> i64 {
    ((at - run.started.at) * 1000.0).round() as i64
}

fn gib(bytes: u64) -> f64 {
    bytes as f64 / (1u64 << 30) as f64
}

fn device_name(run: &RunLog, index: u32) -> String {
    let device = run.started.host.devices.iter().find(|d| d.index == index);
    match device {
        Some(d) if d.simulated && !d.name.contains("simulated") => {
            format!("device {index}: {} (simulated)", d.name)
        }
        Some(d) => format!("device {index}: {}", d.name),
        None => format!("device {index}"),
    }
}

/// An attempt and its phases, in one row.
fn spans(
    events: &mut Events,
    run: &RunLog,
    case: &CaseLog,
    attempt: &AttemptLog,
    (pid, tid): (u32, u32),
    end: f64,
) {
    let (line, ended) = (&case.line, attempt.ended.as_ref());
    let text = shortened(ended.map_or("", |e| gist(&e.text)), 500);
    let from = attempt.started.at;
    events.add(&Span {
        ph: "X",
        pid,
        tid,
        name: &plain(&line.name),
        cat: standing::word(case),
        ts: micros(run, from),
        dur: (micros(run, end) - micros(run, from)).max(0),
        args: About {
            outcome: ended.map_or("cut off", |e| e.outcome.word()),
            attempt: attempt.started.attempt,
            text: &plain(&text),
            markers: &line.markers,
            deployment: line.deployment.as_deref(),
            fixtures: &attempt.started.fixtures,
            devices: &attempt.started.devices,
            place: format!("{}:{}", line.place.file, line.place.line),
        },
    });
    for (index, (phase, from)) in attempt.phases.iter().enumerate() {
        let next = attempt.phases.get(index + 1).map_or(end, |next| next.1);
        let to = next.clamp(*from, end.max(*from));
        events.add(&Span {
            ph: "X",
            pid,
            tid,
            name: match phase {
                PhaseName::SetUp => "set-up",
                PhaseName::Body => "body",
                PhaseName::Teardown => "teardown",
            },
            cat: "phase",
            ts: micros(run, *from),
            dur: micros(run, to) - micros(run, *from),
            args: Nothing {},
        });
    }
}

fn instant(run: &RunLog, name: &str, at: f64, category: &str, args: Value) -> Value {
    json!({"ph": "i", "s": "g", "pid": SLOTS, "tid": 0, "name": name, "cat": category, "ts": micros(run, at), "args": args})
}

fn names(rows: &BTreeMap<(u32, u32), String>) -> Vec<Value> {
    let mut all = Vec::new();
    for (pid, name) in [(DEVICES, "devices"), (SLOTS, "slots")] {
        all.push(json!({"ph": "M", "pid": pid, "name": "process_name", "args": {"name": name}}));
    }
    for ((pid, tid), name) in rows {
        let named = json!({"ph": "M", "pid": pid, "tid": tid, "name": "thread_name", "args": {"name": plain(name)}});
        all.push(named);
    }
    all
}
