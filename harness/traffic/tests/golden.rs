//! Metrics against what the tools themselves make of the same events (`fixtures/golden/traffic_metrics.json` says which versions, and how).

use std::collections::BTreeMap;

use serde::Deserialize;
use tribunal_traffic::{Dialect, Measure, Metrics, Pcm, Record, Slo, known, measure};

#[derive(Deserialize)]
struct Golden {
    goodput: BTreeMap<String, f64>,
    runs: BTreeMap<String, Run>,
}

#[derive(Deserialize)]
struct Run {
    records: Vec<Record>,
    #[serde(flatten)]
    tools: BTreeMap<String, BTreeMap<String, f64>>,
}

fn golden() -> Golden {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/golden/traffic_metrics.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// As the maker gave it to the tools.
fn how(golden: &Golden, run: &str, tool: &str) -> Measure {
    let dialect = match tool {
        "vllm_role_counts" => Dialect::Vllm,
        name => name.parse().unwrap(),
    };
    // AIPerf's limit of the time between tokens is what the others call the time per token.
    let name = |metric: &str| {
        if dialect == Dialect::AiPerf && metric == "tpot" {
            "itl".to_owned()
        } else {
            metric.to_owned()
        }
    };
    let mut slos: Vec<Slo> = golden
        .goodput
        .iter()
        .map(|(metric, limit)| Slo::new(&name(metric), *limit).unwrap())
        .collect();
    if run == "speech" && dialect == Dialect::VllmOmni {
        slos = vec![Slo::new("e2el", 2500.0).unwrap()];
    }
    Measure {
        role_counts: tool == "vllm_role_counts",
        ..Measure::new(dialect).slos(slos)
    }
}

fn differences(metrics: &Metrics, wanted: &BTreeMap<String, f64>) -> Vec<String> {
    let mut different = Vec::new();
    for (key, wanted) in wanted {
        known(key).unwrap();
        let got = metrics.value(key);
        // The tools add up seconds in floating point where we subtract nanoseconds.
        let close = got.is_some_and(|got| (got - wanted).abs() <= 1e-6 * wanted.abs().max(1e-3));
        if !close {
            different.push(format!("{key}: {got:?}, not {wanted}"));
        }
    }
    different
}

#[test]
fn every_tool_makes_the_same_of_the_same_events() {
    let golden = golden();
    let mut different = Vec::new();
    let mut compared = 0;
    for (name, run) in &golden.runs {
        for (tool, wanted) in &run.tools {
            let metrics = measure(&run.records, &how(&golden, name, tool));
            compared += wanted.len();
            different.extend(
                differences(&metrics, wanted)
                    .into_iter()
                    .map(|what| format!("{name}, {tool}: {what}")),
            );
        }
    }
    assert!(compared > 250, "{compared}");
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn the_dialects_differ_where_the_tools_do() {
    let golden = golden();
    let chat = &golden.runs["chat"].records;
    let of = |how: Measure, key: &str| measure(chat, &how).value(key).unwrap();
    let strict = |key| of(Measure::new(Dialect::Strict), key);
    // Before 0.33 vLLM took the event that says who speaks for the first token.
    let old = Measure {
        role_counts: true,
        ..Measure::new(Dialect::Vllm)
    };
    assert!(of(old, "mean_ttft_ms") < strict("mean_ttft_ms") * 0.7);
    // One time between tokens for each answer, not one for each gap.
    assert!(
        measure(chat, &Measure::new(Dialect::AiPerf))
            .get("mean_itl_ms")
            .unwrap()
            .samples
            < 60
    );
    // vLLM-Omni spreads a gap over the tokens that came after it.
    assert!(of(Measure::new(Dialect::VllmOmni), "mean_itl_ms") < strict("mean_itl_ms") * 0.8);
}

#[test]
fn what_was_not_measured_is_not_zero() {
    let golden = golden();
    for dialect in Dialect::ALL {
        let metrics = measure(&golden.runs["speech"].records, &Measure::new(dialect));
        for key in [
            "mean_tpot_ms",
            "p99_itl_ms",
            "output_throughput",
            "total_output_tokens",
            "mean_image_generation_ms",
            "request_goodput",
            "rtfx",
        ] {
            let figure = metrics.get(key).unwrap();
            assert_eq!(figure.value, None, "{dialect}: {key}");
            assert!(figure.gate.is_err(), "{dialect}: {key}");
        }
        assert_eq!(metrics.value("num_tpot_samples"), Some(0.0));
    }
    // Headerless samples have no length until somebody says their form.
    let strict = measure(
        &golden.runs["speech"].records,
        &Measure::new(Dialect::Strict),
    );
    assert_eq!(strict.value("mean_audio_rtf"), None);
    let told = Measure {
        pcm: Some(Pcm::USUAL),
        ..Measure::default()
    };
    assert!(
        measure(&golden.runs["speech"].records, &told)
            .value("mean_audio_rtf")
            .is_some()
    );
}

#[test]
fn a_gate_needs_samples() {
    let golden = golden();
    let metrics = measure(&golden.runs["chat"].records, &Measure::default());
    let p99 = metrics.get("p99_e2el_ms").unwrap();
    let why = p99.gate.clone().unwrap_err();
    assert!(why.contains("at least 368"), "{why}");
    assert_eq!((p99.samples, p99.interval), (57, None));
    let p90 = metrics.get("p90_e2el_ms").unwrap();
    let (low, high) = p90.interval.unwrap();
    assert!(low < p90.value.unwrap() && p90.value.unwrap() < high);
    assert_eq!(p90.gate, Ok(()));
}
