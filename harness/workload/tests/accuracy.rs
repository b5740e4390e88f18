//! Accuracy benchmarks of vLLM-Ascend: what is put, how it is scored, and which cannot be run.

use std::path::Path;

use tribunal_traffic::Until;
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{
    Compare, DataSpec, DataTable, ExamSpec, Lookups, Purpose, Scoring, Step, Workload,
};

/// The step of a benchmark with these lines, in a folder that has `set.jsonl` with three questions.
fn step(lines: &str) -> Step {
    let folder = tempfile::tempdir().expect("a folder");
    let row = "{\"prompt\": \"1+1?\", \"expected\": 2}\n";
    std::fs::write(folder.path().join("set.jsonl"), row.repeat(3)).expect("written");
    let lines = lines.trim().replace('\n', "\n        ");
    let text = format!(
        "test_cases:\n  - name: sums\n    benchmarks:\n      acc:\n        case_type: accuracy\n        request_conf: vllm_api_general_chat\n        batch_size: 4\n        {lines}\n"
    );
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    let path = folder.path().join(Path::new("x.yaml"));
    let read = Workload::parse(&text, &path, &lookups);
    let workload = read.unwrap_or_else(|problems| panic!("{problems}"));
    let step = workload.steps().map(|(_, step)| step.clone()).next();
    step.expect("a step")
}

#[test]
fn the_conf_goes_with_the_step_and_says_how_answers_are_scored() {
    for (conf, scoring) in [
        ("gsm8k/gsm8k_gen_0_shot_cot_str", Scoring::Number),
        ("ceval/ceval_gen_0_shot_cot_chat_prompt", Scoring::Choice),
    ] {
        let step = step(&format!("dataset_path: set.jsonl\ndataset_conf: {conf}"));
        assert_eq!((step.purpose, step.refused), (Purpose::Accuracy, None));
        assert!(
            matches!(step.data, DataSpec::File { .. }),
            "{:?}",
            step.data
        );
        let conf = Some(conf.to_owned());
        assert_eq!(step.exam, Some(ExamSpec { conf, scoring }));
    }
    let exam = step("dataset_path: set.jsonl").exam;
    let (conf, scoring) = (None, Scoring::Rows);
    assert_eq!(exam, Some(ExamSpec { conf, scoring }));
}

#[test]
fn what_cannot_be_scored_or_is_not_here_is_refused_with_what_to_do() {
    for (lines, why, help) in [
        (
            "dataset_path: set.jsonl\ndataset_conf: livecodebench/x",
            "answers of `livecodebench/x` are scored is not known",
            "docs/accuracy.md",
        ),
        (
            "dataset_path: vllm-ascend/AIME2024\ndataset_conf: aime2024/x",
            "`vllm-ascend/AIME2024` is not here",
            "\"expected\"",
        ),
        (
            "dataset_path: nowhere\ndataset_conf: livecodebench/x",
            "`nowhere` is not here",
            "--data nowhere=FILE.jsonl",
        ),
    ] {
        let refusal = step(lines).refused.expect("it cannot be run");
        assert!(refusal.why.contains(why), "{}", refusal.why);
        assert!(refusal.help.contains(help), "{}", refusal.help);
    }
}

#[test]
fn requests_and_limits_are_those_of_the_file() {
    let usual = step("dataset_path: set.jsonl");
    assert_eq!(usual.load.until, Until::Count(3), "as many as it has");
    assert_eq!(usual.extra_body["temperature"], 0.6);
    assert!(!usual.extra_body.contains_key("seed") && !usual.ignore_eos);
    assert_eq!(usual.thresholds[0].compare, Compare::Within(1.0));
    let lines = "dataset_path: set.jsonl\nnum_prompts: 2\nseed: 7\ntemperature: 0\nmax_out_len: 9\nbaseline: 96.5\nthreshold: 5\nthinking: false";
    let step = step(lines);
    assert_eq!((step.load.until, step.load.seed), (Until::Count(2), 7));
    let body = serde_json::Value::Object(step.extra_body);
    let expected = serde_json::json!({
        "temperature": 0, "seed": 7, "max_tokens": 9, "chat_template_kwargs": { "enable_thinking": false },
    });
    assert_eq!(body, expected);
    let limit = &step.thresholds[0];
    assert_eq!((&*limit.metric, limit.value), ("accuracy", 96.5));
    assert_eq!(limit.compare, Compare::Within(5.0));
}

#[test]
fn the_shipped_file_can_be_run() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/accuracy/embedded.yaml");
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    let read = Workload::read(&path, &lookups);
    let workload = read.unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(workload.notes, []);
    let streams: Vec<bool> = workload.steps().map(|(_, step)| step.stream).collect();
    assert_eq!(streams, [false, true]);
    for (_, step) in workload.steps() {
        assert_eq!((step.purpose, &step.refused), (Purpose::Accuracy, &None));
        let exam = step.exam.as_ref();
        assert_eq!(exam.map(|exam| exam.scoring), Some(Scoring::Rows));
    }
}
