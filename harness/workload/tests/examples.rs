//! The examples of the reference documents: what they say is what is read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tribunal_traffic::{Arrivals, Dialect, Until};
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{
    Amount, BenchServer, Compare, DataSpec, DataTable, Lookups, Point, Purpose, Route, Step,
    Workload,
};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/files")
        .join(name)
}

fn read_with(name: &str, data: &DataTable) -> Workload {
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data,
        roots: &[],
    };
    Workload::read(&file(name), &lookups).unwrap_or_else(|problems| panic!("{problems}"))
}

fn read(name: &str) -> Workload {
    read_with(name, &DataTable::default())
}

fn steps(workload: &Workload) -> Vec<&Step> {
    workload.steps().map(|(_, step)| step).collect()
}

fn command(step: &Step) -> String {
    step.vllm_bench(&BenchServer::default())
        .expect("it can be rendered")
        .join(" ")
}

#[test]
fn performance_one_step_for_each_concurrency() {
    let workload = read("omni_performance.json");
    let case = &workload.cases[0];
    assert_eq!(
        case.server.model.as_deref(),
        Some("Qwen/Qwen3-Omni-30B-A3B-Instruct")
    );
    assert_eq!(case.server.stage_config.as_deref(), Some("qwen3_omni.yaml"));
    let steps = steps(&workload);
    let told: Vec<_> = steps
        .iter()
        .map(|step| {
            (
                &*step.name,
                &*step.label,
                step.load.until,
                step.load.concurrency,
                step.load.warmups,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "test_qwen3_omni_random_c1",
                "test_qwen3_omni-random",
                Until::Count(10),
                Some(1),
                2
            ),
            (
                "test_qwen3_omni_random_c4",
                "test_qwen3_omni-random",
                Until::Count(20),
                Some(4),
                4
            ),
        ]
    );
    let limits: Vec<String> = steps[1]
        .thresholds
        .iter()
        .map(|limit| limit.words())
        .collect();
    assert_eq!(
        limits,
        [
            "mean_ttft_ms < 800",
            "mean_audio_ttfp_ms < 3500",
            "mean_audio_rtf < 0.35"
        ]
    );
    assert_eq!(
        (steps[0].route, steps[0].stream, steps[0].dialect),
        (Route::Chat, true, Dialect::VllmOmni)
    );
    assert!(steps[0].ignore_eos && steps[0].load.is_closed_loop());
    let DataSpec::Random(lengths) = &steps[0].data else {
        panic!("{:?}", steps[0].data);
    };
    assert_eq!(
        (lengths.input, lengths.output),
        (Amount::Fixed(2500), Amount::Fixed(900))
    );
    assert_eq!(steps[0].percentile_metrics.len(), 7);
    assert!(workload.notes.is_empty(), "{:?}", workload.notes);
}

#[test]
fn a_rendered_step_has_nothing_of_the_one_before() {
    let workload = read("omni_performance.json");
    let rest = "--dataset-name random --random-input-len 2500 --random-output-len 900 --ignore-eos --percentile-metrics ttft,tpot,itl,e2el,audio_rtf,audio_ttfp,audio_duration";
    let start = "vllm bench serve --omni --host 127.0.0.1 --port 8000 --backend openai-chat-omni --endpoint /v1/chat/completions";
    let commands: Vec<String> = steps(&workload).into_iter().map(command).collect();
    assert_eq!(
        commands,
        [
            format!(
                "{start} {rest} --num-prompts 10 --max-concurrency 1 --request-rate inf --num-warmups 2"
            ),
            format!(
                "{start} {rest} --num-prompts 20 --max-concurrency 4 --request-rate inf --num-warmups 4"
            ),
        ]
    );
}

#[test]
fn changes_of_the_stage_configuration_and_a_sweep_of_rates() {
    let workload = read("omni_update_delete.json");
    let patch = &workload.cases[0].server.patch;
    assert_eq!(
        patch.delete,
        [(Some("2".to_owned()), "custom_process_input_func".to_owned())]
    );
    assert_eq!(patch.update.len(), 2);
    assert_eq!(patch.update[0].1, "async_chunk");
    assert_eq!(patch.update[1].0.as_deref(), Some("0"));
    let points: Vec<(Point, Until)> = steps(&workload)
        .iter()
        .map(|step| (step.point, step.load.until))
        .collect();
    assert_eq!(
        points,
        [
            (Point::Rate(0.5), Until::Count(10)),
            (Point::Rate(1.0), Until::Count(20)),
            (Point::Rate(f64::INFINITY), Until::Count(30)),
        ]
    );
    assert_eq!(steps(&workload)[2].load.arrivals, Arrivals::AtOnce);
    let names: Vec<&str> = steps(&workload).iter().map(|step| &*step.name).collect();
    assert_eq!(
        names,
        [
            "test_qwen3_omni_random_r0_5",
            "test_qwen3_omni_random_r1",
            "test_qwen3_omni_random_rinf"
        ]
    );
}

#[test]
fn stability_is_twelve_hours_of_batches() {
    let workload = read("omni_stability.json");
    let [step] = &*steps(&workload) else {
        panic!("one step")
    };
    assert_eq!(step.purpose, Purpose::Stability);
    assert_eq!(
        (step.duration, step.batch),
        (Some(Duration::from_secs(43_200)), Some(20))
    );
    assert_eq!(
        step.load.arrivals,
        Arrivals::Gamma {
            rate: 0.5,
            burstiness: 1.0
        }
    );
    assert_eq!(step.load.until, Until::Count(20));
}

#[test]
fn ranges_are_drawn_for_each_batch_by_the_seed() {
    let workload = read("ranges.json");
    let [step, _] = &*steps(&workload) else {
        panic!("two steps")
    };
    assert!(step.data.has_ranges());
    let batches: Vec<Step> = (0..20).map(|number| step.batch(number)).collect();
    assert_eq!(batches[3], step.batch(3), "a batch is repeatable");
    assert_ne!(batches[3].data, batches[4].data);
    for batch in &batches {
        assert!(!batch.data.has_ranges());
        let DataSpec::Multimodal {
            text,
            items,
            buckets,
            ..
        } = &batch.data
        else {
            panic!("{:?}", batch.data);
        };
        let inside =
            |amount: Amount, most: u32| matches!(amount, Amount::Fixed(number) if number <= most);
        assert!(inside(text.input, 8000) && inside(text.output, 1000) && inside(*items, 6));
        assert_eq!(buckets.len(), 3);
    }
    assert_eq!(batches[0].load.warmups, step.load.warmups);
    assert_eq!(batches[1].load.warmups, 0, "the server is warm");
    assert!(
        command(step).contains("--random-mm-bucket-config {\"("),
        "{}",
        command(step)
    );
    assert!(
        !command(step).contains("\"max\""),
        "the range is drawn: {}",
        command(step)
    );
}

#[test]
fn a_rewritten_seed_draws_other_ranges() {
    let workload = read("ranges.json");
    let step = steps(&workload)[0].clone();
    let mut other = step.clone();
    other.load.seed += 1;
    assert_ne!(step.batch(1).data, other.batch(1).data);
}

#[test]
fn ascend_benchmarks_of_several_nodes() {
    let workload = read("ascend_multi_node.yaml");
    let [perf, acc] = &*steps(&workload) else {
        panic!("two steps")
    };
    assert_eq!(&*workload.cases[0].name, "test_qwen3_235b_a22b_w8a8");
    assert_eq!(
        (perf.purpose, perf.route, perf.stream),
        (Purpose::Performance, Route::Chat, true)
    );
    assert_eq!(
        (perf.load.until, perf.load.concurrency),
        (Until::Count(1), Some(1))
    );
    assert_eq!(perf.thresholds[0].metric, "output_throughput");
    assert_eq!(perf.thresholds[0].compare, Compare::AtLeast);
    assert!((perf.thresholds[0].value - 4.85).abs() < 1e-12);
    assert!(perf.refused.is_none() && perf.ignore_eos);
    let DataSpec::Random(lengths) = &perf.data else {
        panic!("{:?}", perf.data)
    };
    assert_eq!(
        (lengths.input, lengths.output),
        (Amount::Fixed(3500), Amount::Fixed(2))
    );
    assert_eq!((acc.purpose, acc.stream), (Purpose::Accuracy, false));
    assert_eq!(acc.thresholds[0].compare, Compare::Within(1.0));
    let refusal = acc.refused.as_ref().expect("it cannot be had");
    assert!(
        refusal.why.contains("`vllm-ascend/AIME2024` is not here"),
        "{}",
        refusal.why
    );
    assert!(
        refusal
            .help
            .contains("--data vllm-ascend/AIME2024=FILE.jsonl"),
        "{}",
        refusal.help
    );
    assert!(acc.vllm_bench(&BenchServer::default()).is_err());
    assert!(workload.notes.iter().any(|note| {
        note.text
            .contains("random text of 3500 tokens stands for it")
    }));
}

#[test]
fn ascend_data_sets_that_this_machine_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = folder.path().join("aime.jsonl");
    std::fs::write(&set, "{\"prompt\": \"1+1?\"}\n\n{\"prompt\": \"2+2?\"}\n").expect("written");
    let mut data = DataTable::default();
    data.add(&format!("vllm-ascend/AIME2024={}", set.display()))
        .expect("it is there");
    let workload = read_with("ascend_multi_node.yaml", &data);
    let acc = steps(&workload)[1];
    assert_eq!(acc.refused, None);
    assert_eq!(
        acc.data,
        DataSpec::File {
            path: set,
            output: Some(Amount::Fixed(10))
        }
    );
    assert_eq!(acc.load.until, Until::Count(2), "as many as it has");
    assert!(
        data.add("x=/no/such/file")
            .unwrap_err()
            .contains("is no file")
    );
    assert!(data.add("x").unwrap_err().contains("NAME=PATH"));
}

#[test]
fn ascend_cases_of_one_node() {
    let workload = read("ascend_single_node.yaml");
    let names: Vec<&str> = workload.cases.iter().map(|case| &*case.name).collect();
    assert_eq!(names, ["qwen3_32b_w8a8_aclgraph", "qwen3_32b_w8a8_eager"]);
    let case = &workload.cases[0];
    assert_eq!(
        case.server.extra_args,
        [
            "--max-num-seqs",
            "80",
            "--compilation-config",
            "{\"cudagraph_mode\":\"FULL\"}"
        ]
    );
    assert_eq!(
        case.server.env,
        [("TASK_QUEUE_ENABLE".to_owned(), "1".to_owned())]
    );
    assert_eq!(case.comparisons[0].ratio, 0.5);
    assert_eq!(
        (&*case.comparisons[0].baseline, &*case.comparisons[0].target),
        ("cold", "warm")
    );
    let steps: Vec<&Step> = case.steps.iter().collect();
    assert_eq!(
        steps[0].load.arrivals,
        Arrivals::Gamma {
            rate: 11.2,
            burstiness: 1.0
        }
    );
    assert_eq!(steps[0].load.concurrency, Some(76));
    assert_eq!(steps[0].extra_body["temperature"], 0.0, "zero is a value");
    assert_eq!(steps[0].extra_body["top_k"], 0);
    assert!(workload.cases[1].steps.is_empty());
    assert!(workload.notes.iter().any(|note| {
        note.text
            .contains("`qwen3-32b-w8a8-eager` has no benchmarks")
    }));
}

#[test]
fn newer_files_share_blocks_and_bring_files() {
    let workload = read("newer.json");
    let [dense, paged] = &*workload.cases else {
        panic!("two cases")
    };
    assert_eq!(dense.marks[0].name, "hardware_test");
    assert_eq!(dense.marks[0].devices(), ["H100", "B200", "A3"]);
    assert_eq!(dense.marks[2].name, "local_model");
    assert_eq!(paged.marks.len(), 3);
    assert_eq!(
        dense.server.arguments(|file| format!(
            "/tmp/{}.{}",
            file.option.trim_matches('-'),
            file.end
        )),
        [
            "--trust-remote-code",
            "--cache-config",
            "{\"blocks\":1,\"policy\":null}",
            "--ports",
            "[1, 2]",
            "--deploy-config",
            "/tmp/deploy-config.yaml",
            "--stage-overrides",
            "{\"2\":{\"max_num_batched_tokens\":1000000}}",
            "--async-chunk",
        ]
    );
    assert_eq!(
        dense.server.inline[0].text,
        "{\"stages\":[{\"devices\":\"0,1\",\"stage_id\":0}]}\n"
    );
    assert_eq!(
        paged.server.model.as_deref(),
        Some("m/other"),
        "a key beside a reference is laid over"
    );
    assert_eq!(paged.server.serve_args, dense.server.serve_args);
    assert!(!paged.server.same_server(&dense.server));
    let names: Vec<(&str, &str)> = workload
        .steps()
        .map(|(_, step)| (&*step.name, &*step.label))
        .collect();
    assert_eq!(
        names,
        [
            ("edits_dense_steps2_c1", "edits_dense-steps2"),
            ("edits_dense_steps2_1_c1", "edits_dense-steps2_1"),
            ("edits_paged_steps2_c1", "edits_paged-steps2"),
            ("edits_paged_steps2_1_c1", "edits_paged-steps2_1"),
            ("edits_paged_steps2_2_c1", "edits_paged-steps2_2"),
            (
                "edits_paged_voice_clone_latency_seed_tts_c1",
                "edits_paged-voice_clone_latency_seed-tts"
            ),
            (
                "edits_paged_voice_clone_latency_seed_tts_c8",
                "edits_paged-voice_clone_latency_seed-tts"
            ),
            ("edits_paged_omniinteract_c1", "edits_paged-omniinteract"),
        ]
    );
    let first = &dense.steps[0];
    assert_eq!((first.route, first.load.warmups), (Route::ImageEdits, 2));
    assert_eq!(
        dense.steps[1].route,
        Route::ImageEdits,
        "the case says where"
    );
    assert_eq!(paged.steps[0].load.until, Until::Count(3));
    let limits: Vec<String> = first.thresholds.iter().map(|limit| limit.words()).collect();
    assert_eq!(
        limits,
        [
            "throughput_qps > 0.3",
            "latency_mean < 3.5",
            "peak_memory_mb_mean < 67000"
        ]
    );
}

#[test]
fn limits_hold_on_the_device_that_they_were_measured_on() {
    let workload = read("newer.json");
    let steps = steps(&workload);
    let on = |step: &Step, device| -> Vec<String> {
        step.thresholds_on(device)
            .map(|limit| limit.words())
            .collect()
    };
    let (one, eight) = (steps[5], steps[6]);
    assert_eq!(
        on(one, Some("H100")),
        ["median_audio_rtf < 0.25"],
        "null is no limit"
    );
    assert_eq!(
        on(eight, Some("H100")),
        ["median_audio_rtf < 0.75", "audio_throughput > 10"]
    );
    assert_eq!(
        on(eight, Some("A3")),
        ["median_audio_rtf < 0.5"],
        "an alias is the device"
    );
    assert!(on(eight, Some("L4")).is_empty() && on(eight, None).is_empty());
    assert!(
        one.thresholds[0].holds(0.2)
            && !one.thresholds[0].holds(0.25)
            && !one.thresholds[0].holds(f64::NAN)
    );
}

#[test]
fn what_cannot_be_had_or_measured_is_refused_with_a_reason() {
    let workload = read("newer.json");
    let steps = steps(&workload);
    let why = |index: usize| {
        steps[index]
            .refused
            .as_ref()
            .map(|refusal| (refusal.why.clone(), refusal.help.clone()))
    };
    let (tts, help) = why(5).expect("refused");
    assert!(
        tts.contains("`seed-tts` is not here: it is made of recordings"),
        "{tts}"
    );
    assert!(
        help.contains("--data somebody/seed-tts-subset=FILE.jsonl"),
        "{help}"
    );
    let (duplex, _) = why(7).expect("refused");
    assert!(
        duplex.contains("openai-realtime-duplex") && duplex.contains("WebSocket"),
        "{duplex}"
    );
    assert_eq!(why(0), None);
    let notes: Vec<&str> = workload.notes.iter().map(|note| &*note.text).collect();
    let noted = |part: &str| notes.iter().any(|note| note.contains(part));
    assert!(
        noted("seed_tts_locale, no_oversample are for `vllm bench serve` alone"),
        "{notes:?}"
    );
    assert!(
        noted("`edits_paged-voice_clone_quality_seed-tts` is off"),
        "{notes:?}"
    );
}
