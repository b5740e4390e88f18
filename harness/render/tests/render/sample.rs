//! Logs to make reports of.

use serde_json::{Value, json};
use tribunal_events::RunLog;

/// When the run of these logs began.
pub const BEGAN: f64 = 1_795_322_783_250.0;

/// A log with one case of each kind.
pub fn mixed() -> RunLog {
    parsed(&mixed_lines())
}

/// What a model or a server may write to break a report.
pub const HOSTILE: &str = "</failure>]]>&lt;<script>alert(1)</script>\u{0}\u{8}\u{1b}[31m\u{fffe}\u{202e}``` ```` | \r\n::error::x\n[x](javascript:y) \"'é\u{1F600}";

pub fn parsed(lines: &[Value]) -> RunLog {
    let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
    let run = RunLog::parse(&text, "/project/target/tribunal/20261122-044623.250-7").unwrap();
    assert_eq!(run.wrong, Vec::<String>::new());
    run
}

pub fn begun() -> Value {
    json!({
        "event": "run_started", "schema": 1, "at": BEGAN, "run": "20261122-044623.250-7", "harness": "0.1.0", "package": "tribunal-suites",
        "target": "suites", "level": {"name": "slow", "because": "--run-level"}, "root": "/project",
        "host": {"name": "box", "platform": "linux x86_64", "cpus": 2, "devices": [
            {"index": 0, "name": "H100", "memory_gib": 80.0, "simulated": true}, {"index": 1, "name": "H100", "memory_gib": 80.0, "simulated": true}]},
        "vcs": {"commit": "0123456789abcdef0123", "branch": "main"}, "deployments": ["embedded"],
    })
}

pub fn ended(code: u8) -> Value {
    json!({"event": "run_ended", "at": BEGAN + 9000.0, "code": code, "notes": ["1 case was slow"]})
}

pub fn case(index: usize, name: &str) -> Value {
    let test = name.split(" [").next().unwrap();
    json!({
        "event": "case", "case": index, "name": name, "test": test, "place": {"file": "suites/src/e2e.rs", "line": 10 + index, "column": 1},
        "markers": ["e2e", "max_vram_gib(60)"], "level": "core_model", "deployment": "embedded",
    })
}

/// An attempt that began at second `from` and ended one second later.
pub fn attempt(index: usize, number: u32, from: f64, end: Value) -> Vec<Value> {
    let at = BEGAN + from * 1000.0;
    let mut ended = json!({
        "event": "case_ended", "at": at + 1000.0, "case": index, "attempt": number, "outcome": "passed",
        "times": {"set_up": 0.25, "body": 0.5, "teardown": 0.25},
    });
    for (key, value) in end.as_object().unwrap() {
        ended[key] = value.clone();
    }
    let mut lines = vec![
        json!({"event": "case_started", "at": at, "case": index, "attempt": number, "devices": end["devices"].as_array().cloned().unwrap_or_default()}),
    ];
    for (phase, after) in [("set_up", 0.0), ("body", 250.0), ("teardown", 750.0)] {
        lines.push(json!({"event": "phase", "at": at + after, "case": index, "attempt": number, "phase": phase}));
    }
    lines.push(ended);
    lines
}

pub fn mixed_lines() -> Vec<Value> {
    let names = [
        "e2e::chat::passes",
        "e2e::chat::fails",
        "e2e::chat::is_flaky",
        "e2e::speech::is_skipped",
        "e2e::speech::is_ignored",
        "stability::is_waived",
        "performance::regresses",
        "e2e::set_up_fails_twice",
        "e2e::never_ran",
        "e2e::is_cut_off",
        "hostile",
    ];
    let mut lines = vec![begun()];
    lines.extend(names.iter().enumerate().map(|(i, name)| case(i, name)));
    lines[6]["quarantine"] = json!({"reason": "drifts", "issue": "#7", "until": "2026-12-31"});
    lines.extend(attempt(
        0,
        1,
        0.0,
        json!({"devices": [0], "output": "hello\n"}),
    ));
    let figure = json!({"step": "load 8", "metric": "p99_ttft_ms", "value": 23.7, "unit": "ms", "interval": [22.9, 24.4], "baseline": 21.7, "verdict": "regressed"});
    lines.extend(attempt(1, 1, 0.5, json!({
        "outcome": "failed", "text": "no text\n  at suites/src/e2e.rs:77:9", "devices": [0, 1], "class": "quality", "class_because": "rule quality: text",
        "output": "said this", "notes": ["slow"], "shared_output": [{"by": ["a", "b"], "text": "whose?"}],
        "open": [{"ending": "not made", "rule": "transcript", "why": "no transcriber", "times": 2}],
        "evidence": "e2e.chat.fails/1", "attachments": [{"path": "answer.wav", "media_type": "audio/wav", "bytes": 10}, {"path": "]]x", "media_type": "a/b", "bytes": 1}],
    })));
    lines.insert(lines.len() - 1, json!({"event": "fault", "at": BEGAN + 900.0, "case": 1, "attempt": 1, "fault": "kill worker", "step": "injected", "detail": "pid 7"}));
    lines.extend(attempt(
        2,
        1,
        2.0,
        json!({"outcome": "failed", "text": "first time no", "retried": true}),
    ));
    lines.extend(attempt(2, 2, 3.0, json!({})));
    lines.push(json!({"event": "case_ended", "at": BEGAN, "case": 3, "attempt": 0, "outcome": "skipped", "text": "needs a transcriber"}));
    lines.push(json!({"event": "case_ended", "at": BEGAN, "case": 4, "attempt": 0, "outcome": "ignored", "text": "off"}));
    lines.extend(attempt(
        5,
        1,
        2.0,
        json!({"outcome": "failed", "text": "drifted", "waived": "quarantine: drifts"}),
    ));
    lines.extend(attempt(
        6,
        1,
        4.0,
        json!({"outcome": "regressed", "text": "regressed: p99", "figures": [figure]}),
    ));
    lines.extend(attempt(7, 1, 5.0, json!({"outcome": "set-up failed", "text": "set-up failed: port", "retried": true, "class": "port"})));
    lines.extend(attempt(
        7,
        2,
        6.0,
        json!({"outcome": "set-up failed", "text": "set-up failed: port again"}),
    ));
    lines.push(json!({"event": "case_ended", "at": BEGAN, "case": 8, "attempt": 0, "outcome": "not run", "text": "--max-fail was reached"}));
    lines.extend(attempt(10, 1, 7.0, json!({"outcome": "failed", "text": HOSTILE, "output": HOSTILE, "notes": [HOSTILE], "class": HOSTILE})));
    // It begins, and the log ends.
    lines.push(json!({"event": "case_started", "at": BEGAN + 8000.0, "case": 9, "attempt": 1, "devices": [1]}));
    lines.push(ended(101));
    lines
}

/// A log of `n` cases that passed, but for each tenth.
pub fn many(n: usize) -> RunLog {
    let mut lines = vec![begun()];
    lines.extend((0..n).map(|i| case(i, &format!("e2e::many::case_{i}"))));
    for i in 0..n {
        let end = match i % 10 {
            0 => {
                json!({"outcome": "failed", "text": format!("case {i} is not what it should be\n  at suites/src/e2e.rs:{i}:5\n{}", "x".repeat(200))})
            }
            _ => json!({}),
        };
        lines.extend(attempt(i, 1, i as f64, end));
    }
    lines.push(ended(101));
    parsed(&lines)
}
