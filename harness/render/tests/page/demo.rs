//! A run with something of everything, of which the server and the machine mean ill.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use serde_json::{Value, json};
use tribunal_events::RunLog;

/// When it began.
const ZERO: f64 = 1_760_000_000_000.0;

/// What would be seen if any of it was taken for markup or for a script.
pub const HOSTILE: &str = "</script><script>window.hit=1</script><img src=x onerror=window.hit=1><!--<script> ]]> \u{202e}txt.exe\u{202c} \0 \u{1b}[31mred\u{1b}[0m javascript:window.hit=1 \" ' `${window.hit=1}` {{script}} \u{2028}";

/// A picture of a red circle.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAADAAAAAwCAIAAADYYG7QAAAAi0lEQVR42u3YwQ2AMAxDUU/SM0N0fzEWAwAlqkjqSl/yAO8UxVZrh1UECBAgc9DZ+z0LQI+OX2RKokyzlEqZYKlGEzepTBM0qVITMalY82naCpSkGZv2AaVqBiZAc6ACzZsJECBAa0Acxh1BvB+8sP+A7FqHYy9zbK6O3d5x/TDdh0wXNEZPQIDCuQAu8rPns4xE5AAAAABJRU5ErkJggg==";

/// The lines of a log, as they are written.
#[derive(Default)]
pub struct Log(Vec<Value>);

impl Log {
    pub fn line(&mut self, event: &str, at: f64, mut fields: Value) {
        fields["event"] = event.into();
        fields["at"] = (ZERO + at).into();
        self.0.push(fields);
    }

    pub fn run(&self, folder: &Path) -> RunLog {
        let text: String = self.0.iter().map(|line| format!("{line}\n")).collect();
        RunLog::parse(&text, folder).expect("a log")
    }
}

/// Half a second of a tone.
fn sound() -> Vec<u8> {
    let samples = 4000_u32;
    let mut out = b"RIFF".to_vec();
    out.extend((36 + samples * 2).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    out.extend(8000_u32.to_le_bytes());
    out.extend(16000_u32.to_le_bytes());
    out.extend(b"\x02\0\x10\0data");
    out.extend((samples * 2).to_le_bytes());
    for at in 0..samples {
        let value = (f64::from(at) * 0.35).sin() * 9000.0;
        out.extend((value as i16).to_le_bytes());
    }
    out
}

fn evidence(run: &Path) {
    let case = run.join("chat.hostile/1");
    fs::create_dir_all(case.join("media")).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(case.join(name), bytes).unwrap();
    let picture = base64::engine::general_purpose::STANDARD
        .decode(PICTURE)
        .unwrap();
    write("media/0001-picture.png", &picture);
    write("media/0002-sound.wav", &sound());
    write(
        "media/0003-broken.png",
        b"\x89PNG\r\n\x1a\nnothing of it is true",
    );
    write(
        "media/0004-script.svg",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='window.hit=1'/>",
    );
    write("media/0005-page.html", b"<script>window.hit=1</script>");
    write(
        "media/0006-long.png",
        &[&picture[..], &vec![0; 5 << 20]].concat(),
    );
    write("<img src=x onerror=window.hit=1>.txt", b"x");
    write(
        "00-server.log",
        format!("{}\nERROR {HOSTILE}\n", "a line\n".repeat(9000)).as_bytes(),
    );
    let delta = |text: &str| json!({"choices": [{"delta": {"content": text}}]}).to_string();
    let exchange = |number: u64, rejected: Option<&str>| {
        json!({
            "number": number, "elapsed_ms": 12.5, "outcome": "complete", "error": null, "rejected": rejected, "curl": format!("curl '{HOSTILE}'"),
            "request": {"method": "POST", "url": "http://127.0.0.1:1/v1/chat/completions", "body": {"text": json!({"messages": [{"content": HOSTILE}]}).to_string()}},
            "response": {"status": 200, "body": null, "events": [{"at_ms": 3.0, "data": delta(HOSTILE)}, {"at_ms": 9.0, "data": "[DONE]"}]},
        })
    };
    let all: Vec<Value> = (1..=60)
        .map(|n| exchange(n, (n == 2).then_some(HOSTILE)))
        .collect();
    write("transcript.json", json!(all).to_string().as_bytes());
    let rules = json!([{"ending": "fail", "rule": "keywords", "figure": HOSTILE, "threshold": "all of: red", "message": HOSTILE}, {"ending": "pass", "rule": "success"}]);
    write(
        "verdicts.json",
        json!([{"exchange": 2, "subject": "chat", "passes": false, "rules": rules}])
            .to_string()
            .as_bytes(),
    );

    let soak = run.join("soaks");
    fs::create_dir_all(&soak).unwrap();
    let curve = |signal: &str, verdict: &str, rise: f64| {
        let points: Vec<(f64, f64)> = (0..200)
            .map(|at| {
                (
                    f64::from(at) * 30.0,
                    300.0 + rise * f64::from(at) + f64::from(at * 7 % 11),
                )
            })
            .collect();
        json!({"signal": signal, "unit": "MB", "verdict": verdict, "says": format!("{signal}: {verdict}"), "slope": rise * 120.0, "limit": 100.0, "judged": [1500.0, 5970.0], "last": 300.0 + rise * 199.0, "points": points})
    };
    let text = json!({"name": "soak::routes", "seconds": 6000.0, "counts": "30000 answered, 0 failed", "failures": ["host memory: LEAK"], "curves": [curve("host memory", "leak", 2.0), curve("descriptors", "ok", 0.0), curve("latency, median", "suspect", 0.4)]});
    fs::write(soak.join("soak.routes.json"), text.to_string()).unwrap();

    let fault = run.join("fault.kill/1");
    fs::create_dir_all(&fault).unwrap();
    let at =
        |seconds: f64| json!({"secs": seconds as u64, "nanos": (seconds.fract() * 1e9) as u64});
    let text = json!({
        "fault": "kill worker 0", "server": "embedded", "figures": {"t_inject": 2.1, "t_first_error": 2.2, "t_detected": 2.4, "t_undone": 3.0, "t_recovered": 4.5, "goodput_before": 5.0, "goodput_during": 0.5, "goodput_after": 5.1, "accounts": {"sent": 9, "ok": 5, "failed": 4}},
        "judgements": [{"oracle": "nothing_hangs", "ruling": "held", "says": "all ended"}, {"oracle": {"recovers_within": {}}, "ruling": "broken", "says": HOSTILE}, {"oracle": "leak", "ruling": {"not_made": "no metrics"}, "says": ""}],
        "timeline": [{"at": at(2.0), "step": "announced", "what": "kill worker 0"}, {"at": at(2.1), "step": "injected", "what": "SIGKILL to pid 7"}, {"at": at(2.15), "step": "proven", "what": "pid 7 is dead"}],
    });
    fs::write(fault.join("faults.json"), text.to_string()).unwrap();

    fs::create_dir_all(run.join("devices")).unwrap();
    let mut lines = format!(
        "{}\n",
        json!({"schema": 1, "started_unix_ms": ZERO, "interval_s": 1.0})
    );
    for at in 0..60 {
        for index in 0..2 {
            let used = if (10..40).contains(&at) {
                14_u64 + index
            } else {
                1
            } << 30;
            let line = json!({"device": format!("GPU-{index}"), "index": index, "memory_total": 24_u64 << 30, "memory_used": used, "name": "NVIDIA L4", "t": f64::from(at)});
            lines += &format!("{line}\n");
        }
    }
    fs::write(run.join("devices/telemetry.jsonl"), lines).unwrap();
}

/// A case of the demonstration: its name, its outcome, its devices.
fn case(log: &mut Log, number: usize, name: &str, more: Value) {
    let mut line = json!({
        "case": number, "name": name, "test": name, "doc": format!("Checks {HOSTILE}"), "markers": ["core_model", "hardware_test(cuda = \"L4\")"], "level": "core_model", "deployment": "embedded",
        "place": {"file": "tests/all.rs", "line": number + 1, "column": 1}, "vram_gib": 12.0,
    });
    for (key, value) in more.as_object().unwrap() {
        line[key] = value.clone();
    }
    log.line("case", 0.0, line);
}

/// The demonstration. Its evidence is put into `folder`.
pub fn demo(folder: &Path) -> RunLog {
    evidence(folder);
    let mut log = Log::default();
    let devices = json!([{"index": 0, "name": "NVIDIA L4", "memory_gib": 24.0}, {"index": 1, "name": "NVIDIA L4", "memory_gib": 24.0}]);
    log.line("run_started", 0.0, json!({
        "schema": 1, "run": "20261009-100000.000-7", "harness": "0.1.0", "package": HOSTILE, "target": "all", "level": {"name": "slow", "because": "--run-level"}, "args": ["--run-level", "slow", HOSTILE],
        "host": {"name": "h", "platform": "linux x86_64", "cpus": 8, "devices": devices}, "vcs": {"commit": "0123456789abcdef", "branch": HOSTILE, "changed": true}, "deployments": ["embedded"], "removed": [["-m", 12]],
    }));
    let names = [
        "chat::hostile",
        "soak::routes",
        "fault::kill",
        "chat::flaky",
        "chat::later",
        "speech::needs_a_card",
        "speech::off",
        "performance::steps",
        "chat::never_ended",
        "chat::quarantined",
    ];
    for (number, name) in names.iter().enumerate() {
        let more = match *name {
            "speech::needs_a_card" => {
                json!({"disposition": {"do": "skipped", "why": format!("no H100 is here {HOSTILE}"), "gate": "device"}})
            }
            "speech::off" => json!({"disposition": {"do": "ignored", "why": "takes a day"}}),
            "chat::quarantined" => {
                json!({"quarantine": {"reason": "a race in the scheduler", "issue": "https://example.org/1", "until": "2026-12-31"}})
            }
            _ => json!({}),
        };
        case(&mut log, number, name, more);
    }
    let mut attempt = |number: usize,
                       attempt: u32,
                       from: f64,
                       to: f64,
                       devices: Value,
                       more: Value| {
        log.line("case_started", from, json!({"case": number, "attempt": attempt, "devices": devices, "fixtures": ["server(embedded)"]}));
        if number == 2 {
            for (at, step) in [
                "injected",
                "proven",
                "first_error",
                "detected",
                "undone",
                "recovered",
            ]
            .iter()
            .enumerate()
            {
                log.line("fault", from + 2100.0 + 400.0 * at as f64, json!({"case": number, "attempt": attempt, "fault": "kill worker 0", "step": step, "detail": HOSTILE}));
            }
        }
        let long = (to - from) / 1000.0;
        let mut line = json!({"case": number, "attempt": attempt, "times": {"set_up": long * 0.2, "body": long * 0.7, "teardown": long * 0.1}});
        for (key, value) in more.as_object().unwrap() {
            line[key] = value.clone();
        }
        log.line("case_ended", to, line);
    };
    let row = |id: usize| json!({"table": format!("conformance {HOSTILE}"), "place": 1, "group": "chat", "cells": [["row", format!("row {id}")], ["found", HOSTILE], ["ruling", "held"]]});
    let rows: Vec<Value> = (0..400).map(row).collect();
    attempt(
        0,
        1,
        100.0,
        9000.0,
        json!([0]),
        json!({
            "outcome": "failed", "text": format!("Error: the answer fails its verdict {HOSTILE}\n{}", "long ".repeat(100_000)), "class": "quality", "class_because": "rule `keywords`", "output": HOSTILE.repeat(50), "notes": [HOSTILE],
            "open": [{"ending": "not made", "rule": "transcript", "why": HOSTILE, "times": 3}], "rows": rows, "evidence": "chat.hostile/1", "shared_output": [{"by": ["a", "b"], "text": HOSTILE}],
        }),
    );
    attempt(
        1,
        1,
        9000.0,
        45000.0,
        json!([0, 1]),
        json!({"outcome": "failed", "text": "host memory: LEAK, 240 MB an hour"}),
    );
    attempt(
        2,
        1,
        45000.0,
        52000.0,
        json!([1]),
        json!({"outcome": "failed", "text": "recovers within: broken", "evidence": "fault.kill/1"}),
    );
    attempt(
        3,
        1,
        200.0,
        3000.0,
        json!([1]),
        json!({"outcome": "failed", "retried": true, "text": "connection reset", "class": "infrastructure"}),
    );
    attempt(
        3,
        2,
        3000.0,
        6000.0,
        json!([1]),
        json!({"outcome": "passed"}),
    );
    attempt(
        4,
        1,
        300.0,
        20000.0,
        json!([]),
        json!({"outcome": "passed", "notes": ["slow"]}),
    );
    let history: Vec<f64> = (0..60)
        .map(|at| if at < 35 { 20.0 } else { 25.0 } + f64::from(at * 7 % 5) * 0.2)
        .collect();
    let figures = json!([
        {"step": "chat r5", "metric": "p99_ttft_ms", "value": 31.0, "unit": "ms", "interval": [30.1, 32.2], "samples": 400, "baseline": 25.2, "history": history, "verdict": "regressed", "better": "lower"},
        {"step": "chat r5", "metric": "request_throughput", "value": 5.0, "unit": "1/s", "interval": [4.9, 5.1], "baseline": 5.0, "history": [5.0, 5.1, 4.9], "verdict": "pass", "better": "higher"},
        {"step": "chat r5", "metric": HOSTILE, "unit": HOSTILE},
    ]);
    attempt(
        7,
        1,
        21000.0,
        50000.0,
        json!([]),
        json!({"outcome": "regressed", "text": "p99_ttft_ms: regressed", "figures": figures}),
    );
    attempt(
        9,
        1,
        22000.0,
        23000.0,
        json!([]),
        json!({"outcome": "failed", "text": "a race", "waived": "quarantine: a race in the scheduler"}),
    );
    log.line("case_ended", 0.0, json!({"case": 5, "attempt": 0, "outcome": "skipped", "text": format!("no H100 is here {HOSTILE}")}));
    log.line(
        "case_ended",
        0.0,
        json!({"case": 6, "attempt": 0, "outcome": "ignored", "text": "takes a day"}),
    );
    log.line(
        "case_started",
        50000.0,
        json!({"case": 8, "attempt": 1, "devices": []}),
    );
    log.line(
        "stray_panic",
        51000.0,
        json!({"text": HOSTILE, "running": ["chat::never_ended"]}),
    );
    let tree = json!({"label": "embedded", "rss_max": 1 << 28, "cpu_seconds": 12.0, "cores_mean": 0.4, "devices": [{"device": "GPU-0", "bytes": null}]});
    log.line("run_ended", 60000.0, json!({"code": 101, "notes": [HOSTILE], "telemetry": {"samples": 60, "seconds": 60.0, "trees": [tree], "notes": [{"platform": "cuda", "text": HOSTILE}]}}));
    log.run(folder)
}
