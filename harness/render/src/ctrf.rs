//! The Common Test Report Format: JSON that dashboards and bots read.
//!
//! Promise: it keeps to the published schema; the words of the log are in `rawStatus`, and what the format has no word for is in `extra`. A waived
//! failure and one that was cut off are `other`: neither passed nor failed is the truth.
//!
//! Rejected: a crate of these structures (they are few, and borrow from the log here).

use serde::Serialize;
use serde_json::{Map, Value, json};
use tribunal_events::{AttemptLog, CaseEnded, CaseLog, Outcome, RunLog};

use crate::standing::{self, Standing};
use crate::text::{figure, gist, plain, shortened};

/// The version of the format that is written.
const SPEC: &str = "0.1.0";
/// The most that is told of a failure, and of its output.
const TEXT: usize = 64 * 1024;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    report_format: &'static str,
    spec_version: &'static str,
    generated_by: &'static str,
    results: Results<'a>,
}

#[derive(Serialize)]
struct Results<'a> {
    tool: Tool<'a>,
    summary: Summary,
    tests: Vec<Test<'a>>,
    environment: Value,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
}

#[derive(Default, Serialize)]
struct Summary {
    tests: usize,
    passed: usize,
    failed: usize,
    skipped: usize,
    pending: usize,
    other: usize,
    flaky: usize,
    start: u64,
    stop: u64,
    duration: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Test<'a> {
    name: String,
    status: &'static str,
    raw_status: &'static str,
    duration: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suite: Vec<&'a str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    trace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: &'a Vec<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    file_path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    retry_attempts: Vec<Retry>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    flaky: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stdout: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    device: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    extra: Map<String, Value>,
}

#[derive(Serialize)]
struct Retry {
    attempt: u32,
    status: &'static str,
    duration: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    trace: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attachment {
    name: String,
    content_type: String,
    path: String,
}

/// The report of a run in the Common Test Report Format.
pub fn ctrf(run: &RunLog) -> String {
    let tests: Vec<Test<'_>> = run.cases.iter().map(|case| test(run, case)).collect();
    let (start, stop) = (millis(run.started.at), millis(run.last));
    let mut summary = Summary {
        tests: tests.len(),
        start,
        stop,
        duration: stop.saturating_sub(start),
        ..Summary::default()
    };
    for test in &tests {
        *match test.status {
            "passed" => &mut summary.passed,
            "failed" => &mut summary.failed,
            "skipped" => &mut summary.skipped,
            "pending" => &mut summary.pending,
            _ => &mut summary.other,
        } += 1;
        summary.flaky += usize::from(test.flaky);
    }
    let report = Report {
        report_format: "CTRF",
        spec_version: SPEC,
        generated_by: "tribunal",
        results: Results {
            tool: Tool {
                name: "tribunal",
                version: &run.started.harness,
            },
            summary,
            tests,
            environment: environment(run),
        },
    };
    // Texts, numbers and maps with texts as keys: there is nothing here that JSON does not have.
    let mut text = serde_json::to_string_pretty(&report).unwrap_or_default();
    text.push('\n');
    text
}

/// Whole milliseconds; the format has no fractions.
fn millis(at: f64) -> u64 {
    at as u64
}

fn status(standing: Standing) -> &'static str {
    match standing {
        Standing::Failed => "failed",
        Standing::CutOff | Standing::Waived => "other",
        Standing::Flaky | Standing::Passed => "passed",
        Standing::Skipped => "skipped",
        Standing::NotRun => "pending",
    }
}

fn attempt_status(outcome: Outcome) -> &'static str {
    match outcome {
        outcome if outcome.is_failure() => "failed",
        Outcome::Skipped | Outcome::Ignored => "skipped",
        Outcome::NotRun => "other",
        _ => "passed",
    }
}

fn length(end: &CaseEnded) -> u64 {
    ((end.times.set_up + end.times.body + end.times.teardown) * 1000.0).round() as u64
}

fn test<'a>(run: &RunLog, case: &'a CaseLog) -> Test<'a> {
    let standing = standing::standing(case);
    let (line, end) = (&case.line, case.end());
    let started = case.attempts.last().map(|a| &a.started);
    let text = match standing {
        Standing::Passed | Standing::Flaky => "",
        _ => standing::text(case),
    };
    let before = case.attempts.len().saturating_sub(1);
    // The schema wants names; a log without them is not refused for it.
    let name = match line.name.is_empty() {
        true => format!("case {}", line.case),
        false => plain(&line.name).into_owned(),
    };
    let module = standing::module(case);
    Test {
        name,
        status: status(standing),
        raw_status: standing::word(case),
        duration: end.map_or(0, length),
        start: started.map(|s| millis(s.at)),
        stop: started.and(end).map(|e| millis(e.at)),
        suite: match module.is_empty() {
            true => Vec::new(),
            false => module.split("::").collect(),
        },
        message: plain(&shortened(gist(text), 2000)).into_owned(),
        trace: match text.contains('\n') {
            true => plain(&shortened(text, TEXT)).into_owned(),
            false => String::new(),
        },
        line: (line.place.line > 0).then_some(line.place.line),
        tags: &line.markers,
        file_path: &line.place.file,
        retries: (before > 0).then_some(before),
        retry_attempts: match before {
            0 => Vec::new(),
            _ => case.attempts.iter().filter_map(retry).collect(),
        },
        flaky: standing == Standing::Flaky,
        stdout: end.map_or(Vec::new(), |e| {
            let text = shortened(&e.output, TEXT);
            plain(&text).lines().map(str::to_owned).collect()
        }),
        device: started.map_or(String::new(), |s| {
            let indices: Vec<String> = s.devices.iter().map(u32::to_string).collect();
            indices.join(",")
        }),
        attachments: attachments(run, case),
        extra: extra(case),
    }
}

fn retry(attempt: &AttemptLog) -> Option<Retry> {
    let end = attempt.ended.as_ref()?;
    Some(Retry {
        attempt: attempt.started.attempt.max(1),
        status: attempt_status(end.outcome),
        duration: length(end),
        message: plain(&shortened(gist(&end.text), 2000)).into_owned(),
        trace: plain(&shortened(&end.text, TEXT)).into_owned(),
    })
}

fn attachments(run: &RunLog, case: &CaseLog) -> Vec<Attachment> {
    let ends = case.attempts.iter().filter_map(|a| a.ended.as_ref());
    ends.filter_map(|e| Some((e, e.evidence.as_ref()?)))
        .flat_map(|(end, evidence)| {
            end.attachments.iter().map(move |a| Attachment {
                name: a.path.clone(),
                content_type: a.media_type.clone(),
                path: standing::attachment(run, case, evidence, &a.path),
            })
        })
        .collect()
}

fn extra(case: &CaseLog) -> Map<String, Value> {
    let mut extra = Map::new();
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            extra.insert(key.to_owned(), value);
        }
    };
    let line = &case.line;
    add("level", line.level.as_ref().map(|l| json!(l)));
    add("deployment", line.deployment.as_ref().map(|d| json!(d)));
    add("quarantine", line.quarantine.as_ref().map(|q| json!(q)));
    let Some(end) = case.end() else {
        return extra;
    };
    add("class", end.class.as_ref().map(|c| json!(c)));
    add("classBecause", end.class_because.as_ref().map(|c| json!(c)));
    add("waived", end.waived.as_ref().map(|w| json!(w)));
    let times = &end.times;
    if times.set_up + times.body + times.teardown > 0.0 {
        let seconds =
            json!({"setUp": times.set_up, "body": times.body, "teardown": times.teardown});
        add("phaseSeconds", Some(seconds));
    }
    if !end.open.is_empty() {
        add("open", Some(json!(end.open)));
    }
    if !end.figures.is_empty() {
        let all = end.figures.iter().map(|f| {
            json!({"step": f.step, "metric": f.metric, "value": f.value, "unit": f.unit, "verdict": f.verdict, "text": figure(f)})
        });
        add("figures", Some(all.collect()));
    }
    extra
}

fn environment(run: &RunLog) -> Value {
    let started = &run.started;
    let mut all = Map::new();
    for (key, value) in [
        ("appName", Some(&started.package)),
        ("buildName", started.group.as_ref()),
        ("commit", started.vcs.commit.as_ref()),
        ("branchName", started.vcs.branch.as_ref()),
        ("osPlatform", Some(&started.host.platform)),
    ] {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            all.insert(key.to_owned(), json!(plain(value)));
        }
    }
    let complete = run.ended.is_some();
    all.insert(
        "extra".to_owned(),
        json!({
            "run": started.run, "level": started.level, "host": started.host.name, "devices": started.host.devices,
            "deployments": started.deployments, "complete": complete, "exitCode": run.ended.as_ref().map(|e| e.code),
            "wrong": run.wrong,
        }),
    );
    Value::Object(all)
}
