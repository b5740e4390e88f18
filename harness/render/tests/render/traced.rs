//! The trace: spans in their rows, and counters from the telemetry beside the log.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tribunal_render::{MemorySample, memory_samples, trace};

use crate::sample;

fn made(memory: &[MemorySample]) -> Vec<Value> {
    let trace: Value = serde_json::from_str(&trace(&sample::mixed(), memory)).unwrap();
    trace["traceEvents"].as_array().unwrap().clone()
}

#[test]
fn attempts_stand_in_rows_of_devices_and_slots_without_overlap() {
    let events = made(&[]);
    let mut rows: BTreeMap<(u64, u64), Vec<(i64, i64)>> = BTreeMap::new();
    let number = |e: &Value, key: &str| e[key].as_i64().unwrap();
    for event in events
        .iter()
        .filter(|e| e["ph"] == "X" && e["cat"] != "phase")
    {
        let row = (
            event["pid"].as_u64().unwrap(),
            event["tid"].as_u64().unwrap(),
        );
        let (from, long) = (number(event, "ts"), number(event, "dur"));
        rows.entry(row).or_default().push((from, from + long));
    }
    // Two devices, and two slots: two cases without a device run at one time.
    let named: Vec<&str> = events
        .iter()
        .filter(|e| e["name"] == "thread_name")
        .map(|e| e["args"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        named,
        [
            "device 0: H100 (simulated)",
            "device 1: H100 (simulated)",
            "slot 1",
            "slot 2"
        ]
    );
    for (row, mut spans) in rows.into_iter().filter(|((pid, _), _)| *pid == 2) {
        spans.sort();
        assert!(
            spans.windows(2).all(|w| w[0].1 <= w[1].0),
            "{row:?}: {spans:?}"
        );
    }
    let of = |name: &str| events.iter().filter(|e| e["name"] == name).count();
    assert_eq!(of("e2e::chat::fails"), 2, "once on each of its devices");
    let cut = events
        .iter()
        .find(|e| e["name"] == "e2e::is_cut_off")
        .unwrap();
    assert_eq!(
        (number(cut, "ts"), number(cut, "dur")),
        (8_000_000, 1_000_000)
    );
}

#[test]
fn phases_lie_within_their_attempt_and_faults_are_marked() {
    let events = made(&[]);
    let phases: Vec<(&str, i64, i64)> = events
        .iter()
        .filter(|e| e["cat"] == "phase" && e["tid"] == 1 && e["pid"] == 1)
        .take(3)
        .map(|e| {
            let number = |key: &str| e[key].as_i64().unwrap();
            (e["name"].as_str().unwrap(), number("ts"), number("dur"))
        })
        .collect();
    let expected = [
        ("set-up", 0, 250_000),
        ("body", 250_000, 500_000),
        ("teardown", 750_000, 250_000),
    ];
    assert_eq!(phases, expected);
    let fault = events.iter().find(|e| e["cat"] == "fault").unwrap();
    assert_eq!(
        (&fault["name"], &fault["ts"]),
        (&json!("injected: kill worker"), &json!(900_000))
    );
}

#[test]
fn memory_is_read_beside_the_log_and_becomes_counters() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("devices")).unwrap();
    let lines = [
        json!({"schema": 1, "started_unix_ms": sample::BEGAN, "interval_s": 1.0}).to_string(),
        json!({"t": 0.5, "device": "sim:0", "name": "H100", "memory_used": 1u64 << 30}).to_string(),
        json!({"t": 0.5, "host": true, "memory_total": 5}).to_string(),
        json!({"t": 1.5, "device": "sim:0", "name": "H100"}).to_string(),
        "no line".to_owned(),
        json!({"t": 2.5, "device": "sim:0", "name": "H100", "memory_used": 3u64 << 30}).to_string(),
    ];
    std::fs::write(
        folder.path().join("devices/telemetry.jsonl"),
        lines.join("\n"),
    )
    .unwrap();
    let mut run = sample::mixed();
    run.folder = folder.path().to_owned();
    let samples = memory_samples(&run);
    let used: Vec<u64> = samples.iter().map(|s| s.used >> 30).collect();
    assert_eq!(used, [1, 3], "what is unmeasured is not there");
    let events = made(&samples);
    let counters: Vec<&Value> = events.iter().filter(|e| e["ph"] == "C").collect();
    assert_eq!(counters[1]["args"]["used"], 3.0);
    assert_eq!(counters[1]["ts"], 2_500_000);
    assert_eq!(counters[1]["name"], "memory of H100 (sim:0), GiB");
}
