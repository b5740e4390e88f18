//! Whatever a file says, it is read or refused: no panic, no endless time, and the same again for the same bytes.

use std::path::Path;

use proptest::prelude::*;
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{BenchServer, DataTable, Lookups, Workload};

fn look(text: &str, name: &str) {
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    let once = Workload::parse(text, Path::new(name), &lookups);
    let again = Workload::parse(text, Path::new(name), &lookups);
    match (once, again) {
        (Ok(once), Ok(again)) => {
            assert_eq!(once, again);
            for (_, step) in once.steps() {
                let _ = step.vllm_bench(&BenchServer::default());
                let _ = step.batch(3);
            }
        }
        (Err(once), Err(again)) => assert_eq!(once.to_string(), again.to_string()),
        _ => panic!("read once, refused once"),
    }
}

/// Pieces of which real files are made, so that more than the beginning of a file is reached.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"test_name\"",
        "\"server_params\"",
        "\"benchmark_params\"",
        "\"num_prompts\"",
        "\"request-rate\"",
        "\"max_concurrency\"",
        "\"baseline\"",
        "\"$ref\"",
        "\"#/0\"",
        "\"mark\"",
        "\"random_mm_bucket_config\"",
        "\"(1-9, 2, 3)\"",
        "\"duration_sec\"",
        "\"a\"",
        "1",
        "0",
        "-1",
        "2.5",
        "inf",
        "null",
        "true",
        "1e99",
        "// c\n",
        "/* c */",
        "\n",
        "\"\\u00",
        "é",
        "\u{1F600}",
        "\"mean_ttft_ms\"",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..60)
        .prop_map(|words| words.concat())
}

/// A block with any values at known keys: the grammar is right, so that what follows is reached.
fn block() -> impl Strategy<Value = String> {
    let keys = [
        "num_prompts",
        "request_rate",
        "max_concurrency",
        "num_warmups",
        "dataset_name",
        "dataset",
        "dataset_path",
        "backend",
        "endpoint",
        "task",
        "name",
        "baseline",
        "duration_sec",
        "num_prompts_per_batch",
        "random_input_len",
        "random_output_len",
        "random_range_ratio",
        "random_mm_bucket_config",
        "random_mm_base_items_per_request",
        "random_mm_limit_mm_per_prompt",
        "percentile-metrics",
        "metric_percentiles",
        "goodput",
        "extra_body",
        "seed",
        "ramp_up_strategy",
        "ramp_up_start_rps",
        "ramp_up_end_rps",
        "width",
        "height",
        "random_request_config",
        "enabled",
        "dataset_path_inline",
        "burstiness",
    ];
    let values = [
        "1",
        "0",
        "-1",
        "4294967296",
        "0.5",
        "1e300",
        "inf",
        "\"inf\"",
        "\"\"",
        "\"a\"",
        "\"5-9\"",
        "null",
        "true",
        "[]",
        "[1,2]",
        "[[1]]",
        "{}",
        "{\"min\":1,\"max\":9}",
        "{\"min\":9,\"max\":1}",
        "\"random\"",
        "\"random-mm\"",
        "\"custom\"",
        "\"prefix_repetition\"",
        "\"openai\"",
        "\"v1/videos\"",
        "\"t2i\"",
        "\"linear\"",
        "{\"mean_ttft_ms\":[1,2]}",
        "{\"H100\":{\"mean_ttft_ms\":{\"1\":2}}}",
        "{\"(0, 1-9, 3)\":1}",
        "[{\"width\":1,\"height\":2}]",
        "\"ttft,tpot\"",
        "\"ttft:5\"",
        "{\"type\":\"jsonl\",\"content\":[{\"prompt\":1}]}",
    ];
    let pair = (
        prop::sample::select(keys.to_vec()),
        prop::sample::select(values.to_vec()),
    );
    prop::collection::vec(pair, 0..12).prop_map(|pairs| {
        let pairs: Vec<String> = pairs
            .into_iter()
            .map(|(key, value)| format!("\"{key}\": {value}"))
            .collect();
        format!(
            "[{{\"test_name\": \"t\", \"server_params\": {{}}, \"benchmark_params\": [{{{}}}]}}]",
            pairs.join(", ")
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        for name in ["x.json", "x.yaml", "x.toml", "x.txt"] {
            look(&text, name);
        }
    }

    #[test]
    fn pieces_of_files(text in pieces()) {
        look(&text, "x.json");
    }

    #[test]
    fn blocks_of_any_values(text in block()) {
        look(&text, "x.json");
        // JSON without infinities is YAML.
        look(&text.replace(": inf", ": 1"), "x.yaml");
    }
}
