//! What nodes files ask, asked in real processes: a layout that is started by its own command, with limits that hold and limits that do not, and rehearsals.
//!
//! The harness, the nodes' conductor and agents, and the engine are this very program: hidden verbs and a variable lead there, everything else to the trials.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
mod harness {
    use std::path::Path;

    use tribunal::nightly::{self, FromNodes};
    use tribunal::performance::*;
    use tribunal::prelude::*;

    fn layouts() -> Result<Vec<Case<FromNodes>>, String> {
        nightly::layouts(Path::new("none"))
    }

    #[tribunal::test]
    #[timeout("5m")]
    #[cases(from = layouts)]
    async fn layout(#[case] layout: &FromNodes, bench: Bench) -> TestResult {
        layout.run(&bench).await
    }

    tribunal::main!();

    pub fn run() -> std::process::ExitCode {
        main()
    }
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let first = std::env::args().nth(1).unwrap_or_default();
    if first.starts_with("__") || std::env::var_os(trials::ROLE).is_some() {
        return harness::run();
    }
    let arguments = libtest_mimic::Arguments::from_args();
    libtest_mimic::run(&arguments, trials::all()).exit_code()
}

/// Nothing can be started elsewhere.
#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}

#[cfg(target_os = "linux")]
mod trials {
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use libtest_mimic::Trial;
    use serde_json::Value;

    /// Makes a process of this program the harness instead of the trials.
    pub const ROLE: &str = "TRIBUNAL_TEST_IS_HARNESS";

    pub fn all() -> Vec<Trial> {
        let trial = |name: &str, body: fn()| {
            Trial::test(name, move || {
                body();
                Ok(())
            })
        };
        vec![
            trial(
                "limits_that_hold_and_limits_that_do_not_are_in_one_list",
                limits_that_hold_and_limits_that_do_not_are_in_one_list,
            ),
            trial(
                "a_file_whose_limits_hold_passes",
                a_file_whose_limits_hold_passes,
            ),
            trial(
                "rehearsals_send_everything_and_hold_figures_against_nothing",
                rehearsals_send_everything_and_hold_figures_against_nothing,
            ),
        ]
    }

    /// What a run said and left.
    struct Said {
        code: Option<i32>,
        text: String,
        results: Vec<Value>,
    }

    fn run(folder: &Path, arguments: &[&str]) -> Said {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let steers = [
                "TRIBUNAL_",
                "RUST_TEST_",
                "NEXTEST",
                "CARGO_TERM_",
                "GITHUB_",
            ];
            let more = ["BUILDKITE", "VLLM_", "BENCHMARK_JOB_NAME"];
            if steers
                .iter()
                .chain(&more)
                .any(|prefix| name.starts_with(prefix))
            {
                command.env_remove(name);
            }
        }
        let evidence = folder.join("evidence");
        let data = format!("sums={}", folder.join("sums.jsonl").display());
        command
            .env(ROLE, "1")
            .env("TRIBUNAL_EVIDENCE_DIR", &evidence)
            .env("TRIBUNAL_KEEP_EVIDENCE", "all")
            .env("TRIBUNAL_LEASES", "off")
            .env("TRIBUNAL_SETUP_TIMEOUT", "1m")
            .env("TRIBUNAL_BASELINES", folder.join("baselines"))
            .args(arguments);
        if folder.join("sums.jsonl").exists() {
            command.env("TRIBUNAL_DATA", data);
        }
        let said = command.output().expect("a harness");
        let text = [said.stdout, said.stderr].concat();
        let mut results = vec![];
        found(&evidence, &mut results);
        results.sort();
        let read = |path: PathBuf| {
            let text = std::fs::read_to_string(path).expect("results");
            serde_json::from_str(&text).expect("JSON")
        };
        Said {
            code: said.status.code(),
            text: String::from_utf8_lossy(&text).into_owned(),
            results: results.into_iter().map(read).collect(),
        }
    }

    /// The results below a folder.
    fn found(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            // Not through the link to the latest run.
            if entry.file_type().is_ok_and(|sort| sort.is_dir()) {
                found(&path, into);
            } else if folder.ends_with("benchmark_results") {
                into.push(path);
            }
        }
    }

    /// A file of one node, whose server is the engine in the place of vLLM.
    fn file(folder: &Path, rest: &str) -> String {
        let program = std::env::current_exe().expect("this program");
        let text = format!(
            "test_cases:\n  - name: \"a case\"\n    model: \"some/model\"\n    envs: {{ SERVER_PORT: DEFAULT_PORT }}\n    server_cmd: >\n      '{}' __tribunal-engine serve-as --bind 0.0.0.0 -- vllm serve some/model --port $SERVER_PORT\n{rest}",
            program.display()
        );
        std::fs::write(folder.join("one.yaml"), text).expect("written");
        let sums = "{\"prompt\": \"What is 17 + 4?\", \"expected\": 987654321}\n".repeat(4);
        std::fs::write(folder.join("sums.jsonl"), sums).expect("written");
        folder.join("one.yaml").display().to_string()
    }

    fn benchmark(name: &str, sort: &str, baseline: f64, threshold: f64) -> String {
        let data = match sort {
            "accuracy" => "sums",
            _ => "vllm-ascend/GSM8K-in32-bs4",
        };
        format!(
            "      {name}: {{ case_type: {sort}, dataset_path: {data}, request_conf: vllm_api_stream_chat, num_prompts: 4, max_out_len: 8, batch_size: 2, baseline: {baseline}, threshold: {threshold} }}\n"
        )
    }

    fn limits_that_hold_and_limits_that_do_not_are_in_one_list() {
        let folder = tempfile::tempdir().expect("a folder");
        let rest = [
            "    test_content: [messages, completion, image, check_rank0_process_count, benchmark_comparisons]\n    mm_request: { api_args: { top_k: -1 } }\n    benchmarks:\n",
            &benchmark("fast", "performance", 1.0, 0.97),
            &benchmark("faster", "performance", 1e9, 0.97),
            &benchmark("wrong", "accuracy", 50.0, 1.0),
            &benchmark("none", "accuracy", 0.0, 1.0).replace("sums", "not-here"),
            "    benchmark_comparisons_args:\n      - { metric: TTFT, baseline: fast, target: faster, ratio: 0, operator: \"<\" }\n      - { metric: TTFT, baseline: fast, target: faster, ratio: 1000, operator: \"<\" }\n",
        ];
        let file = file(folder.path(), &rest.concat());
        let said = run(folder.path(), &["--deploy", &file]);
        assert_eq!(said.code, Some(101), "{}", said.text);
        for part in [
            "4 of 10 fail: a case",
            "messages: /v1/messages: HTTP 404",
            "faster (line 11): output_throughput >= 970000000: it is ",
            "wrong (line 12): accuracy = 50 ± 1: it is 0",
            "TTFT of faster < 0 × that of fast",
            "not made: none (line 13): the data set `not-here` is not here",
            ".json has the figures and the commands",
        ] {
            assert!(said.text.contains(part), "{part}:\n{}", said.text);
        }
        let [results] = said.results.as_slice() else {
            panic!("{} results", said.results.len());
        };
        assert_eq!(results["pass_fail"], "fail");
        assert_eq!(results["rehearsed"], false);
        let words = |list: &str, name: &str| -> Vec<String> {
            let list = results[list].as_array().expect("a list");
            let word = |one: &Value| format!("{} {}", one[name], one["pass_fail"]).replace('"', "");
            list.iter().map(word).collect()
        };
        assert_eq!(
            words("tasks", "case"),
            ["fast pass", "faster fail", "wrong fail", "none not made"]
        );
        let checks = words("checks", "name");
        assert_eq!(
            checks[..4],
            [
                "messages fail",
                "completion pass",
                "image pass",
                "check_rank0_process_count pass"
            ],
            "{}",
            said.text
        );
        assert!(
            checks[4].ends_with("fail") && checks[5].ends_with("pass"),
            "{checks:?}"
        );
        let task = &results["tasks"][1];
        assert_eq!(task["target"]["baseline"], 1e9);
        assert!(task["metrics"]["Output_Token_Throughput(OTT)"].as_f64() > Some(0.0));
        // Without an accepted run there is nothing that we could hold it against, and the file's limit decided all the same.
        assert_eq!(task["ours"]["verdict"], "no baseline", "{task}");
        assert_eq!(results["tasks"][2]["ours"]["verdict"], "failed");
        let command = results["serve_cmd"]["mix"].as_str().expect("a command");
        assert!(command.contains("vllm serve some/model"), "{command}");
    }

    fn a_file_whose_limits_hold_passes() {
        let folder = tempfile::tempdir().expect("a folder");
        let rest = [
            "    test_content: [completion, chat_completion]\n    benchmarks:\n",
            &benchmark("fast", "performance", 1.0, 0.97),
            &benchmark("right", "accuracy", 0.0, 1.0),
        ];
        let file = file(folder.path(), &rest.concat());
        let said = run(folder.path(), &["--deploy", &file]);
        assert_eq!(said.code, Some(0), "{}", said.text);
        let name = "layout::one__a_case";
        assert!(said.text.contains(name), "{}", said.text);
        let beside = "beside it, fast (line 9) by this project: no baseline";
        assert!(said.text.contains(beside), "{}", said.text);
        assert_eq!(said.results[0]["pass_fail"], "pass");
    }

    fn rehearsals_send_everything_and_hold_figures_against_nothing() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/nodes");
        let files = [
            "two-prefillers-one-decoder",
            "external-data-parallel",
            "one-node",
        ];
        let files = files.map(|name| fixtures.join(name).with_extension("yaml"));
        let files = files.map(|path| path.display().to_string()).join(",");
        let folder = tempfile::tempdir().expect("a folder");
        let said = run(folder.path(), &["--rehearse", "--deploy", &files]);
        assert_eq!(said.code, Some(0), "{}", said.text);
        // Each of the four that ask something, on its own servers and on no others; the fifth asks nothing.
        assert!(said.text.contains("4 passed"), "{}", said.text);
        assert!(said.text.contains("1 ignored"), "{}", said.text);
        assert_eq!(said.results.len(), 4);
        for results in &said.results {
            assert_eq!(results["rehearsed"], true);
            assert_eq!(results["pass_fail"], "pass");
            let hardware = results["hardware"].as_str().expect("text");
            assert!(hardware.contains("rehearsal"), "{hardware}");
            for task in results["tasks"].as_array().expect("a list") {
                assert_eq!(task["pass_fail"], "rehearsed");
                assert_eq!(task["metrics"]["Failed Requests"], 0.0);
            }
        }
    }
}
