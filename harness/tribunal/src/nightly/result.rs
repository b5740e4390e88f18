//! The results of a layout in the form of the files' own program, with our verdicts beside theirs.
//!
//! Promise: their keys mean what they mean there (`pass_fail` is the file's own limit and nothing else); keys of ours stand beside them and replace none. The file is
//! whole whenever it is there: it is written elsewhere and moved. Rejected: writing it at the end (theirs is not there when a case fails, when it is wanted most).

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tribunal_nodes::Layout;
use tribunal_traffic::Metrics;

use super::facts;
use super::list::Ruling;

/// A benchmark, as results have it.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// Its key in the file.
    pub key: String,
    /// What the file says of it.
    pub written: Map<String, Value>,
    /// Its figures.
    pub figures: Map<String, Value>,
    /// What the file's limit says.
    pub ruling: Ruling,
    /// What this project says of the same runs.
    pub ours: Ours,
}

/// What this project says of a benchmark.
#[derive(Clone, Debug, Default)]
pub(super) struct Ours {
    /// One word: `passed`, `regressed`, `inconclusive`, `invalid`, `no baseline`, `failed`.
    pub verdict: String,
    /// Why.
    pub reasons: Vec<String>,
}

/// Something else that the file asks.
#[derive(Clone, Debug)]
pub(super) struct Check {
    /// What it is called.
    pub name: String,
    /// What came of it.
    pub ruling: Ruling,
}

/// Everything that is known so far.
#[derive(Debug)]
pub(super) struct Results<'a> {
    pub file: &'a Path,
    pub layout: &'a Layout,
    pub rehearsed: bool,
    /// What figures depend on, where no runner says it.
    pub hardware: &'a str,
    pub tasks: &'a [Task],
    pub checks: &'a [Check],
    /// Whether everything was done.
    pub complete: bool,
}

impl Results<'_> {
    /// As JSON; `env` are the variables that build servers set.
    pub fn to_json(&self, env: &dyn Fn(&str) -> Option<String>) -> Value {
        let say = |name: &str| env(name).unwrap_or_default();
        let runner = env("VLLM_CI_RUNNER").filter(|_| !self.rehearsed);
        let hardware = runner.map_or_else(|| self.hardware.to_owned(), |r| facts::hardware(&r));
        let failed = |ruling: &Ruling| matches!(ruling, Ruling::Failed(_));
        let fails = self.tasks.iter().any(|task| failed(&task.ruling))
            || self.checks.iter().any(|check| failed(&check.ruling));
        json!({
            "model_name": self.layout.model,
            "hardware": hardware,
            "dtype": facts::dtype(self.layout),
            "feature": facts::features(self.layout),
            "vllm_version": say("VLLM_VERSION"),
            "vllm_ascend_version": say("VLLM_ASCEND_VERSION"),
            "tasks": self.tasks.iter().map(Task::to_json).collect::<Vec<_>>(),
            "serve_cmd": facts::serve_cmd(self.layout),
            "environment": facts::environment(self.layout),
            "pass_fail": match (fails, self.complete) {
                (true, _) => "fail",
                (false, true) => "pass",
                (false, false) => "incomplete",
            },
            "test_name": self.layout.test_name,
            "file": self.file.display().to_string(),
            "rehearsed": self.rehearsed,
            "checks": self.checks.iter().map(Check::to_json).collect::<Vec<_>>(),
        })
    }

    /// Writes them into the folder, under the name of the job or of the layout.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, String> {
        let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let job = variable("BENCHMARK_JOB_NAME");
        let path = folder.join(file_name(job.as_deref().unwrap_or(&self.layout.test_name)));
        let failed = |e: std::io::Error| format!("{}: {e}", path.display());
        let text = serde_json::to_string_pretty(&self.to_json(&variable));
        let text = text.map_err(|e| format!("{}: {e}", path.display()))?;
        std::fs::create_dir_all(folder).map_err(failed)?;
        let beside = path.with_extension("json.new");
        std::fs::write(&beside, text + "\n").map_err(failed)?;
        std::fs::rename(&beside, &path).map_err(failed)?;
        Ok(path)
    }
}

/// A name of a file, whatever a job is called.
fn file_name(job: &str) -> String {
    let plain = |c: char| match c.is_alphanumeric() || matches!(c, '-' | '_' | '.') {
        true => c,
        false => '_',
    };
    let name: String = job.chars().take(120).map(plain).collect();
    match name.trim_matches('.') {
        "" => "result.json".to_owned(),
        name => format!("{name}.json"),
    }
}

impl Task {
    fn to_json(&self) -> Value {
        let text = |key: &str| self.written.get(key).and_then(Value::as_str);
        let after = |path: &str| {
            path.split_once('/')
                .map_or(path, |(_, rest)| rest)
                .to_owned()
        };
        let before = |path: &str| path.split('/').next().unwrap_or(path).to_owned();
        let name = text("dataset_path").map(after);
        let name = name.or_else(|| text("dataset_conf").map(before));
        let some = |keys: &[&str]| {
            let there = keys.iter().filter_map(|key| {
                let value = self.written.get(*key).filter(|value| !value.is_null())?;
                Some(((*key).to_owned(), value.clone()))
            });
            there.collect::<Map<_, _>>()
        };
        let mut out = Map::new();
        out.insert(
            "name".into(),
            name.unwrap_or_else(|| self.key.clone()).into(),
        );
        out.insert("case".into(), self.key.clone().into());
        out.insert("metrics".into(), self.figures.clone().into());
        let input = ["num_prompts", "max_out_len", "batch_size", "request_rate"];
        out.insert("test_input".into(), some(&input).into());
        let target = some(&["baseline", "threshold"]);
        if !target.is_empty() {
            out.insert("target".into(), target.into());
        }
        out.insert("pass_fail".into(), self.ruling.word().into());
        if let Some(why) = self.ruling.why() {
            out.insert("reason".into(), why.into());
        }
        if !self.ours.verdict.is_empty() {
            let Ours { verdict, reasons } = &self.ours;
            out.insert(
                "ours".into(),
                json!({ "verdict": verdict, "reasons": reasons }),
            );
        }
        out.into()
    }
}

impl Check {
    fn to_json(&self) -> Value {
        let mut out = Map::new();
        out.insert("name".into(), self.name.clone().into());
        out.insert("pass_fail".into(), self.ruling.word().into());
        if let Some(why) = self.ruling.why() {
            out.insert("reason".into(), why.into());
        }
        out.into()
    }
}

/// Their names of figures, ours, and what ours is multiplied with: theirs has milliseconds.
const FIGURES: [(&str, &str, f64); 11] = [
    ("Benchmark_Duration(BD)", "duration", 1000.0),
    ("Total Requests", "num_prompts", 1.0),
    ("Success Requests", "completed", 1.0),
    ("Failed Requests", "failed", 1.0),
    ("Max Concurrency", "max_concurrent_requests", 1.0),
    ("Request Throughput", "request_throughput", 1.0),
    ("Total Input Tokens", "total_input_tokens", 1.0),
    ("Total generated tokens", "total_output_tokens", 1.0),
    ("Input_Token_Throughput(ITT)", "", 1.0),
    ("Output_Token_Throughput(OTT)", "output_throughput", 1.0),
    ("Total_Token_Throughput(TTT)", "total_token_throughput", 1.0),
];

/// Ours that have no place in theirs, and are wanted all the same.
const MORE: [&str; 10] = [
    "mean_ttft_ms",
    "p50_ttft_ms",
    "p99_ttft_ms",
    "mean_tpot_ms",
    "p50_tpot_ms",
    "p99_tpot_ms",
    "p99_itl_ms",
    "mean_e2el_ms",
    "p50_e2el_ms",
    "p99_e2el_ms",
];

/// The figures of a run under their names, with four decimals, and the latencies under ours.
pub(super) fn figures(metrics: &Metrics) -> Map<String, Value> {
    named(&|metric| metrics.value(metric))
}

fn named(value: &dyn Fn(&str) -> Option<f64>) -> Map<String, Value> {
    let of_input = || Some(value("total_token_throughput")? - value("output_throughput")?);
    let mut out = Map::new();
    for (theirs, ours, times) in FIGURES {
        let figure = match ours {
            "" => of_input(),
            metric => value(metric),
        };
        if let Some(figure) = figure.filter(|figure| figure.is_finite()) {
            out.insert(theirs.to_owned(), rounded(figure * times).into());
        }
    }
    for metric in MORE {
        if let Some(figure) = value(metric).filter(|figure| figure.is_finite()) {
            out.insert(metric.to_owned(), rounded(figure).into());
        }
    }
    out
}

/// Four decimals.
pub(super) fn rounded(figure: f64) -> f64 {
    (figure * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::shipped;
    use super::*;

    fn task(key: &str, written: Value, ruling: Ruling) -> Task {
        Task {
            key: key.to_owned(),
            written: written.as_object().cloned().unwrap_or_default(),
            figures: Map::new(),
            ruling,
            ours: Ours::default(),
        }
    }

    #[test]
    fn a_task_is_as_their_program_writes_it() {
        let written = json!({
            "case_type": "performance", "dataset_path": "vllm-ascend/GSM8K-in3500-bs400", "num_prompts": 1, "max_out_len": 2, "batch_size": 1,
            "baseline": 5, "threshold": 0.97, "request_conf": "vllm_api_stream_chat",
        });
        let mut one = task("perf", written, Ruling::Failed("too slow".into()));
        one.figures = named(&|metric| match metric {
            "duration" => Some(2.5),
            "output_throughput" => Some(1.234_567),
            "total_token_throughput" => Some(3.0),
            "mean_ttft_ms" => Some(f64::NAN),
            _ => None,
        });
        one.ours = Ours {
            verdict: "inconclusive".into(),
            reasons: vec!["one sample".into()],
        };
        assert_eq!(
            one.to_json(),
            json!({
                "name": "GSM8K-in3500-bs400", "case": "perf",
                "metrics": { "Benchmark_Duration(BD)": 2500.0, "Output_Token_Throughput(OTT)": 1.2346, "Total_Token_Throughput(TTT)": 3.0, "Input_Token_Throughput(ITT)": 1.7654 },
                "test_input": { "num_prompts": 1, "max_out_len": 2, "batch_size": 1 },
                "target": { "baseline": 5, "threshold": 0.97 },
                "pass_fail": "fail", "reason": "too slow",
                "ours": { "verdict": "inconclusive", "reasons": ["one sample"] },
            })
        );
        let conf = task("a", json!({ "dataset_conf": "gsm8k/x" }), Ruling::Passed);
        let plain = task("a", json!({ "baseline": null }), Ruling::Passed);
        assert_eq!(conf.to_json()["name"], "gsm8k");
        assert_eq!(plain.to_json()["name"], "a");
        assert!(plain.to_json().get("target").is_none());
    }

    #[test]
    fn results_say_where_they_come_from_and_what_failed() {
        let layout = shipped("qwen3-235b-disaggregated.yaml");
        let tasks = [task("perf", json!({}), Ruling::Passed)];
        let checks = [Check {
            name: "completion".into(),
            ruling: Ruling::Failed("empty".into()),
        }];
        let mut results = Results {
            file: Path::new("x.yaml"),
            layout: &layout,
            rehearsed: false,
            hardware: "a processor",
            tasks: &tasks,
            checks: &[],
            complete: true,
        };
        let runner = |name: &str| (name == "VLLM_CI_RUNNER").then(|| "linux-a3-16".to_owned());
        let json = results.to_json(&runner);
        assert_eq!(json["model_name"], "vllm-ascend/Qwen3-235B-A22B-W8A8");
        assert_eq!(
            (&json["hardware"], &json["pass_fail"]),
            (&"A3".into(), &"pass".into())
        );
        assert_eq!(json["feature"], json!(["expert_parallel"]));
        assert!(json["serve_cmd"]["pd"]["prefill-0"].is_string());
        // What a rehearsal measures is measured here, whatever the runner is called.
        results.rehearsed = true;
        let json = results.to_json(&runner);
        assert_eq!(
            (&json["hardware"], &json["rehearsed"]),
            (&"a processor".into(), &true.into())
        );
        results.complete = false;
        assert_eq!(results.to_json(&|_| None)["pass_fail"], "incomplete");
        results.checks = &checks;
        assert_eq!(results.to_json(&|_| None)["pass_fail"], "fail");
    }

    #[test]
    fn results_are_written_under_a_name_that_is_one() {
        for (job, name) in [
            ("test Qwen3 w8a8", "test_Qwen3_w8a8.json"),
            ("a/../b", "a_.._b.json"),
            ("..", "result.json"),
            ("", "result.json"),
        ] {
            assert_eq!(file_name(job), name);
        }
        let layout = shipped("one-node.yaml");
        let results = Results {
            file: Path::new("x.yaml"),
            layout: &layout,
            rehearsed: true,
            hardware: "",
            tasks: &[],
            checks: &[],
            complete: true,
        };
        let folder = tempfile::tempdir().expect("a folder");
        let path = results.write(&folder.path().join("new")).expect("written");
        let text = std::fs::read_to_string(&path).expect("there");
        let json: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(json["test_name"], "qwen3-32b");
        let left = std::fs::read_dir(folder.path().join("new"))
            .expect("there")
            .count();
        assert_eq!(left, 1);
    }
}
