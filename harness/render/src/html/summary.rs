//! What a page tells of the run as a whole.
//!
//! Promise: what the log says, bounded; a log that ends before its run did is said to. Rejected: a word for the whole run beside its exit code (there is one truth).

use serde::Serialize;
use serde_json::Value;
use tribunal_events::{RunLog, RunStarted};

use super::text::{Cut, first_line, shown};

/// Lines of anything.
const LINES: usize = 200;
/// Of a line.
const LINE: usize = 1000;

/// The run.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    title: String,
    name: String,
    harness: String,
    package: String,
    target: String,
    level: (String, String),
    command: String,
    /// Milliseconds since the Unix epoch.
    at: f64,
    seconds: f64,
    host: String,
    cpus: usize,
    devices: Vec<(u32, String, Option<f64>, bool)>,
    commit: String,
    branch: String,
    changed: Option<bool>,
    deployments: Vec<String>,
    shard: Option<(usize, usize)>,
    shuffle: Option<u64>,
    /// None: the log ends before the run did.
    code: Option<u8>,
    signal: Option<i32>,
    stopping: Option<(f64, String)>,
    stray_panics: Vec<(f64, String)>,
    late_errors: Vec<String>,
    notes: Vec<String>,
    wrong: Vec<String>,
    removed: Vec<(String, usize)>,
    parts: Vec<String>,
    telemetry: Option<Value>,
}

/// The title of the page.
pub(crate) fn title(run: &RunLog, given: Option<&str>) -> String {
    match given {
        Some(title) => first_line(title, LINE),
        None if run.started.level.name.is_empty() => first_line(&run.started.package, LINE),
        None => first_line(
            &format!("{} · {}", run.started.package, run.started.level.name),
            LINE,
        ),
    }
}

/// What is told of a run.
pub(crate) fn summary(run: &RunLog, given: Option<&str>) -> Summary {
    let started = &run.started;
    let ended = run.ended.as_ref();
    let line = |text: &str| first_line(text, LINE);
    let end = ended.map_or(run.last, |ended| ended.at).max(run.last);
    Summary {
        title: title(run, given),
        name: line(&started.run),
        harness: line(&started.harness),
        package: line(&started.package),
        target: line(&started.target),
        level: (line(&started.level.name), line(&started.level.because)),
        command: shown(&started.args.join(" "), 4 * LINE, Cut::Middle),
        at: started.at,
        seconds: (end - started.at).max(0.0) / 1000.0,
        host: line(&format!(
            "{} ({})",
            started.host.name, started.host.platform
        )),
        cpus: started.host.cpus,
        devices: started
            .host
            .devices
            .iter()
            .take(LINES)
            .map(|d| (d.index, line(&d.name), d.memory_gib, d.simulated))
            .collect(),
        commit: line(started.vcs.commit.as_deref().unwrap_or_default()),
        branch: line(started.vcs.branch.as_deref().unwrap_or_default()),
        changed: started.vcs.changed,
        deployments: lines(&started.deployments),
        shard: started.shard.map(|shard| (shard.index, shard.count)),
        shuffle: started.shuffle,
        code: ended.map(|ended| ended.code),
        signal: ended.and_then(|ended| ended.signal),
        stopping: run
            .stopping
            .as_ref()
            .map(|(at, why)| ((at - started.at) / 1000.0, line(why))),
        stray_panics: run
            .stray_panics
            .iter()
            .take(LINES)
            .map(|(at, text)| {
                (
                    (at - started.at) / 1000.0,
                    shown(text, 4 * LINE, Cut::Middle),
                )
            })
            .collect(),
        late_errors: lines(ended.map_or(&[], |ended| &ended.late_errors)),
        notes: lines(ended.map_or(&[], |ended| &ended.notes)),
        wrong: lines(&run.wrong),
        removed: started
            .removed
            .iter()
            .take(LINES)
            .map(|(by, count)| (line(by), *count))
            .collect(),
        parts: run.parts.iter().take(LINES).map(part).collect(),
        telemetry: ended
            .and_then(|ended| ended.telemetry.as_ref())
            .map(|value| bounded(value, 0)),
    }
}

fn part(part: &RunStarted) -> String {
    let shard = match part.shard {
        Some(shard) => format!("shard {} of {}, ", shard.index, shard.count),
        None => String::new(),
    };
    first_line(&format!("{shard}{} on {}", part.run, part.host.name), LINE)
}

fn lines(all: &[String]) -> Vec<String> {
    let shown = |text: &String| shown(text, 4 * LINE, Cut::Middle);
    let mut out: Vec<String> = all.iter().take(LINES).map(shown).collect();
    if all.len() > LINES {
        out.push(format!("and {} more", all.len() - LINES));
    }
    out
}

/// A value of somebody else's making: as deep and as wide as a page can show.
fn bounded(value: &Value, depth: usize) -> Value {
    match value {
        _ if depth > 8 => Value::Null,
        Value::String(text) => first_line(text, LINE).into(),
        Value::Array(all) => all
            .iter()
            .take(LINES)
            .map(|one| bounded(one, depth + 1))
            .collect(),
        Value::Object(all) => all
            .iter()
            .take(LINES)
            .map(|(key, one)| (first_line(key, LINE), bounded(one, depth + 1)))
            .collect(),
        other => other.clone(),
    }
}
