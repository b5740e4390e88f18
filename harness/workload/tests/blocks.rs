//! Blocks: what their keys make of a step.

use std::path::Path;

use tribunal_traffic::{Arrivals, Ramp};
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{
    BenchServer, Compare, DataSpec, DataTable, Lookups, Route, Step, Workload,
};

fn parse(text: &str, name: &str) -> Workload {
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    Workload::parse(text, Path::new(name), &lookups).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The steps of one block, and the notes of its file.
fn block(keys: &str) -> (Vec<Step>, Vec<String>) {
    let text = format!(
        "{{\"test_name\": \"t\", \"server_params\": {{}}, \"benchmark_params\": [{{{keys}}}]}}"
    );
    let workload = parse(&text, "x.json");
    let steps = workload.steps().map(|(_, step)| step.clone()).collect();
    (
        steps,
        workload.notes.into_iter().map(|note| note.text).collect(),
    )
}

fn step(keys: &str) -> Step {
    let (mut steps, _) = block(keys);
    assert_eq!(steps.len(), 1, "{keys}");
    steps.remove(0)
}

#[test]
fn where_requests_go() {
    for (keys, route, stream) in [
        ("", Route::Chat, true),
        ("\"backend\": \"openai\",", Route::Completions, true),
        (
            "\"backend\": \"openai-chat\", \"stream\": false,",
            Route::Chat,
            false,
        ),
        ("\"backend\": \"openai-audio-speech\",", Route::Speech, true),
        (
            "\"endpoint\": \"/v1/embeddings/\",",
            Route::Embeddings,
            false,
        ),
        ("\"dataset\": \"random\",", Route::Images, false),
        (
            "\"dataset\": \"random\", \"task\": \"ti2i\",",
            Route::ImageEdits,
            false,
        ),
        (
            "\"dataset\": \"random\", \"task\": \"i2v\",",
            Route::Videos,
            false,
        ),
        (
            "\"backend\": \"vllm-omni\", \"task\": \"t2v\",",
            Route::Videos,
            false,
        ),
        ("\"backend\": \"v1/videos\",", Route::Videos, false),
    ] {
        let step = step(&format!("{keys} \"num_prompts\": 1"));
        assert_eq!((step.route, step.stream), (route, stream), "{keys}");
    }
}

#[test]
fn shapes_are_laid_over_what_the_block_says() {
    let step = step(
        "\"dataset\": \"random\", \"task\": \"i2v\", \"width\": 64, \"height\": 32, \"fps\": 8, \"enable_negative_prompt\": true, \"num_prompts\": 1, \
         \"random_request_config\": [{\"fps\": 24, \"weight\": 0.25}, {\"width\": 128, \"height\": 128, \"num_frames\": 9, \"weight\": 0.75}]",
    );
    let DataSpec::Shapes {
        shapes,
        input_images,
    } = &step.data
    else {
        panic!("{:?}", step.data);
    };
    assert_eq!(*input_images, 1, "a video from a picture has one");
    assert_eq!(shapes.len(), 2);
    assert_eq!((shapes[0].weight, shapes[1].weight), (0.25, 0.75));
    assert_eq!(
        (&shapes[0].fields["fps"], &shapes[1].fields["fps"]),
        (&24.into(), &8.into())
    );
    assert!(shapes[0].fields["negative_prompt"].is_string());
    assert_ne!(shapes[0].size, shapes[1].size);
    assert!(shapes[0].size.is_some());
}

#[test]
fn a_task_that_brings_a_video_is_refused() {
    let step = step("\"dataset\": \"random\", \"task\": \"v2v\", \"num_prompts\": 1");
    let refusal = step.refused.expect("it is refused");
    assert!(
        refusal.why.contains("`v2v` needs a video in each request"),
        "{}",
        refusal.why
    );
}

#[test]
fn a_limit_on_a_percentile_asks_for_it() {
    let step = step("\"num_prompts\": 1, \"baseline\": {\"p90_ttft_ms\": 5, \"p99.9_e2el_ms\": 5}");
    assert_eq!(step.percentiles, [99.0, 90.0, 99.9]);
}

#[test]
fn limits_say_their_own_way() {
    let step = step(
        "\"num_prompts\": 1, \"baseline\": {\"failed\": {\"at_most\": 0}, \"completed\": {\"at_least\": 1}, \"mean_ttft_ms\": {\"above\": 1, \"below\": 5}}",
    );
    let compares: Vec<Compare> = step.thresholds.iter().map(|limit| limit.compare).collect();
    assert_eq!(
        compares,
        [
            Compare::AtMost,
            Compare::AtLeast,
            Compare::Greater,
            Compare::Less
        ]
    );
}

#[test]
fn a_key_that_the_data_set_has_no_use_for_is_said_to_be_idle() {
    let (_, notes) =
        block("\"num_prompts\": 1, \"width\": 512, \"height\": 512, \"random_input_len\": 4");
    assert_eq!(
        notes,
        ["nothing is done with width, height: this data set has no use for it"]
    );
    let (_, notes) = block(
        "\"num_prompts\": 1, \"random_input_len\": 4, \"random_range_ratio\": {\"input\": 0.5, \"output\": 0}",
    );
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn loads_of_every_sort() {
    let ramp = step(
        "\"num_prompts\": 9, \"ramp_up_strategy\": \"exponential\", \"ramp_up_start_rps\": 1, \"ramp_up_end_rps\": 8",
    );
    assert_eq!(
        ramp.load.arrivals,
        Arrivals::Ramp {
            from: 1.0,
            to: 8.0,
            shape: Ramp::Exponential
        }
    );
    let command = ramp
        .vllm_bench(&BenchServer::default())
        .expect("rendered")
        .join(" ");
    assert!(!command.contains("--request-rate"), "{command}");
    let bursts = step(
        "\"num_prompts\": 9, \"request_rate\": 2, \"burstiness\": 0.5, \"num_warmups\": 0, \"seed\": 7",
    );
    assert_eq!(
        bursts.load.arrivals,
        Arrivals::Gamma {
            rate: 2.0,
            burstiness: 0.5
        }
    );
    assert_eq!((bursts.load.warmups, bursts.load.seed), (0, 7));
    let at_once = step("\"num_prompts\": 9");
    assert_eq!(
        (at_once.load.arrivals, at_once.load.concurrency),
        (Arrivals::AtOnce, None)
    );
}

#[test]
fn sampling_and_limits_of_a_good_answer() {
    let step = step(
        "\"num_prompts\": 1, \"temperature\": 0, \"top_p\": 0.5, \"extra_body\": {\"top_p\": 1, \"a\": [1]}, \"goodput\": \"ttft:500 e2el:1000\", \
         \"metric_percentiles\": \"50,90\", \"percentile-metrics\": \"ttft, e2el\"",
    );
    assert_eq!(step.extra_body["temperature"], 0);
    assert_eq!(
        step.extra_body["top_p"], 1,
        "what the block adds itself stands"
    );
    assert_eq!(
        step.goodput,
        [("ttft".to_owned(), 500.0), ("e2el".to_owned(), 1000.0)]
    );
    assert_eq!(step.percentiles, [50.0, 90.0]);
    assert_eq!(step.percentile_metrics, ["ttft", "e2el"]);
    let command = step
        .vllm_bench(&BenchServer::default())
        .expect("rendered")
        .join(" ");
    assert!(
        command.contains("--goodput ttft:500 e2el:1000 --metric-percentiles 50,90"),
        "{command}"
    );
}

#[test]
fn lines_in_the_file_itself() {
    let step = step(
        "\"num_prompts\": 1, \"dataset_name\": \"custom\", \"dataset_path_inline\": {\"type\": \"jsonl\", \"content\": [{\"prompt\": \"a\"}, {\"prompt\": \"b\"}]}",
    );
    let DataSpec::Lines { text, .. } = &step.data else {
        panic!("{:?}", step.data);
    };
    assert_eq!(text, "{\"prompt\":\"a\"}\n{\"prompt\":\"b\"}\n");
    assert!(step.vllm_bench(&BenchServer::default()).is_err());
}

#[test]
fn names_are_identifiers_and_of_one_step_each() {
    let text = "[{\"test_name\": \"7 – fn\", \"server_params\": {}, \"benchmark_params\": [\
                {\"name\": \"a b\", \"num_prompts\": [1, 2], \"request_rate\": 0.5}, {\"name\": \"a.b\", \"num_prompts\": 1, \"request_rate\": 0.5}]}, \
                {\"test_name\": \"match\", \"server_params\": {}, \"benchmark_params\": [{\"num_prompts\": 1}]}]";
    let workload = parse(text, "x.json");
    let names: Vec<&str> = workload.steps().map(|(_, step)| &*step.name).collect();
    assert_eq!(
        names,
        [
            "w_7_fn_a_b_r0_5_n1",
            "w_7_fn_a_b_r0_5_n2",
            "w_7_fn_a_b_r0_5",
            "match_random_all"
        ]
    );
    assert_eq!(
        workload.cases[1].name, "match_1",
        "a word of the language is no name"
    );
}

#[test]
fn the_native_form_says_the_same_in_shorter_words() {
    let toml = "[[case]]\nname = \"t\"\n[case.server]\nmodel = \"m\"\nargs = [\"--a\"]\nenv = { X = \"1\" }\n[[case.step]]\nname = \"s\"\nroute = \"completions\"\n\
                prompts = 4\nrate = [1, inf]\nwarmups = 1\ninput_tokens = 8\noutput_tokens = 4\nbody = { top_k = 1 }\nlimits = { mean_ttft_ms = [5, 6] }\npercentiles = [50]\ndialect = \"vllm-omni\"\n";
    let json = "{\"test_name\": \"t\", \"server_params\": {\"model\": \"m\", \"extra_cli_args\": [\"--a\"], \"env\": {\"X\": \"1\"}}, \"benchmark_params\": [\
                {\"name\": \"s\", \"backend\": \"openai\", \"num_prompts\": 4, \"request_rate\": [1, inf], \"num_warmups\": 1, \"random_input_len\": 8, \
                \"random_output_len\": 4, \"extra_body\": {\"top_k\": 1}, \"baseline\": {\"mean_ttft_ms\": [5, 6]}, \"metric_percentiles\": \"50\"}]}";
    let (toml, json) = (parse(toml, "x.toml"), parse(json, "x.json"));
    assert!(toml.cases[0].server.same_server(&json.cases[0].server));
    for ((_, one), (_, other)) in toml.steps().zip(json.steps()) {
        let mut one = one.clone();
        one.line = other.line;
        one.raw = other.raw.clone();
        for (limit, there) in one.thresholds.iter_mut().zip(&other.thresholds) {
            limit.line = there.line;
        }
        assert_eq!(&one, other);
    }
    assert_eq!(toml.steps().count(), 2);
}

#[test]
fn a_soak_of_the_native_form() {
    let toml = "[[case]]\nname = \"t\"\n[[case.step]]\nname = \"s\"\nroute = \"chat\"\nduration = \"12h\"\nbatch = 50\nrate = 5\ninput_tokens = \"16-64\"\ncancel = { share = 0.1, after = \"5s\" }\n";
    let workload = parse(toml, "x.toml");
    let (_, step) = workload.steps().next().expect("a step");
    assert_eq!(
        step.duration.map(|duration| duration.as_secs()),
        Some(43_200)
    );
    assert_eq!(step.batch, Some(50));
    assert!(step.data.has_ranges());
    assert_eq!(step.load.cancel.map(|cancel| cancel.share), Some(0.1));
}

#[test]
fn lists_of_percentiles_are_rendered_as_the_client_takes_them() {
    let toml = "[[case]]\nname = \"t\"\n[[case.step]]\nroute = \"chat\"\nprompts = 1\npercentiles = [50, 99.9]\npercentile_metrics = [\"ttft\", \"e2el\"]\n";
    let workload = parse(toml, "x.toml");
    let (_, step) = workload.steps().next().expect("a step");
    let command = step
        .vllm_bench(&BenchServer::default())
        .expect("rendered")
        .join(" ");
    assert!(
        command.contains("--metric-percentiles 50,99.9 --percentile-metrics ttft,e2el"),
        "{command}"
    );
    let mut whole = step.clone();
    whole.stream = false;
    assert!(
        whole
            .vllm_bench(&BenchServer::default())
            .unwrap_err()
            .contains("streams all answers")
    );
}
