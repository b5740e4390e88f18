//! One benchmark of vLLM-Ascend.
//!
//! What the names mean without a network: a data set is a file of this machine, or a name that says the length of its prompts (`…-in3500-bs400`: random text
//! of 3500 tokens, since only lengths decide how fast it is), or it is refused. An accuracy benchmark always needs the file. `dataset_conf` says how the
//! other tool makes prompts of it and scores what is answered; here a row's prompt is sent as it is, and a note says so.

use std::path::Path;

use serde_json::{Map, Value as Json};
use tribunal_deploy::tree::Entry;
use tribunal_traffic::{Arrivals, Dialect, Load, Until};
use tribunal_vocabulary::{nearest, slug};

use crate::baseline::{Compare, Threshold};
use crate::data::Refusal;
use crate::exam::{self, ExamSpec, Scoring};
use crate::fields::Fields;
use crate::reader::Reader;
use crate::step::{Purpose, Step};
use crate::sweep::Point;
use tribunal_traffic::Route;

const BENCHMARK: [&str; 24] = [
    "case_type",
    "dataset_path",
    "dataset_path_local",
    "model_path",
    "request_conf",
    "dataset_conf",
    "num_prompts",
    "max_out_len",
    "batch_size",
    "request_rate",
    "trust_remote_code",
    "temperature",
    "top_k",
    "top_p",
    "seed",
    "min_p",
    "presence_penalty",
    "repetition_penalty",
    "no_pred",
    "thinking",
    "baseline",
    "threshold",
    "name",
    "description",
];
const SAMPLING: [&str; 6] = [
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "presence_penalty",
    "repetition_penalty",
];

/// The route and whether it streams, or why it cannot be measured.
type Conf = Result<(Route, bool), &'static str>;

/// Request configurations: the route, whether it streams, or why it cannot be measured.
const CONFS: [(&str, Conf); 8] = [
    ("vllm_api_stream_chat", Ok((Route::Chat, true))),
    ("vllm_api_general_chat", Ok((Route::Chat, false))),
    ("vllm_api_stream", Ok((Route::Completions, true))),
    ("vllm_api_general", Ok((Route::Completions, false))),
    ("vllm_api_general_stream", Ok((Route::Completions, true))),
    (
        "vllm_api_stream_chat_multiturn",
        Err("its conversations have several turns, which its data set has to bring"),
    ),
    (
        "vllm_api_function_call_chat",
        Err("calls of functions are scored by a judge that is not part of this"),
    ),
    (
        "vllm_api_old",
        Err("it speaks an interface that is not OpenAI's"),
    ),
];

/// What a benchmark says, as it says it.
fn written(fields: &Fields<'_>) -> Map<String, Json> {
    let known = fields.iter().filter(|(name, _)| BENCHMARK.contains(name));
    let values = known.filter_map(|(name, entry)| {
        let value = crate::reader::json(&entry.node).ok()?;
        Some((name.to_owned(), value))
    });
    values.collect()
}

impl Reader<'_> {
    pub fn benchmark(&mut self, entry: &Entry, test_name: &str, path: &Path) -> Option<Step> {
        let Some(table) = entry.node.table() else {
            self.wrong_node(&entry.key, &entry.node, "a table");
            return None;
        };
        let at = entry.key_at;
        let fields = Fields::of(self, table, at, &[]);
        for (name, entry) in fields.iter() {
            if !BENCHMARK.contains(&name) && !name.starts_with('_') {
                self.unknown_key(
                    entry,
                    "a benchmark",
                    &BENCHMARK,
                    "docs/workloads.md lists its keys",
                );
            }
        }
        let purpose = match fields.entry("case_type") {
            None => {
                self.mistake(
                    at,
                    format!("`{}` has no `case_type`", entry.key),
                    Some("it is performance or accuracy".to_owned()),
                );
                return None;
            }
            Some(entry) => match entry.node.text() {
                Some("performance") => Purpose::Performance,
                Some("accuracy") => Purpose::Accuracy,
                other => {
                    let other = other.unwrap_or_default();
                    let help = nearest(other, ["performance", "accuracy"]).map_or_else(
                        || "it is performance or accuracy".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.mistake(
                        entry.node.at,
                        format!("`{other}` is no `case_type`"),
                        Some(help),
                    );
                    return None;
                }
            },
        };
        let performance = purpose == Purpose::Performance;
        let conf = self.conf(&fields);
        let out = fields
            .entry("max_out_len")
            .and_then(|entry| self.whole(&entry.key, &entry.node, 1));
        let prompts = fields
            .entry("num_prompts")
            .and_then(|entry| self.whole(&entry.key, &entry.node, 1));
        let batch = match fields.entry("batch_size") {
            Some(entry) => self.whole(&entry.key, &entry.node, 1),
            None => {
                self.mistake(
                    at,
                    format!("`{}` has no `batch_size`", entry.key),
                    Some("say how many requests are under way at once".to_owned()),
                );
                None
            }
        };
        let (data, count, mut refused) = self.ascend_data(&fields, performance, out, path);
        let (route, stream) = match conf {
            Ok(conf) => conf,
            Err(refusal) => {
                refused = refused.or(refusal);
                (Route::Chat, true)
            }
        };
        let mut body = Map::new();
        let usual = if performance { 0.0 } else { 0.6 };
        body.insert("temperature".to_owned(), Json::from(usual));
        for name in SAMPLING {
            if let Some(entry) = fields.entry(name)
                && self.number(&entry.key, &entry.node).is_some()
                && let Some(value) = self.json(&entry.key, &entry.node)
            {
                body.insert(name.to_owned(), value);
            }
        }
        if let Some(entry) = fields.entry("thinking")
            && let Some(thinking) = self.bool(entry)
        {
            body.insert(
                "chat_template_kwargs".to_owned(),
                serde_json::json!({ "enable_thinking": thinking }),
            );
        }
        if !performance && let Some(out) = out {
            body.insert("max_tokens".to_owned(), Json::from(out));
        }
        let threshold = self.ascend_threshold(&fields, performance);
        let count = prompts.or(count);
        if count.is_none() && refused.is_none() {
            self.mistake(
                at,
                format!("`{}` has no `num_prompts`", entry.key),
                Some("say how many requests it sends".to_owned()),
            );
        }
        let rate = match fields.entry("request_rate") {
            Some(entry) => self
                .number_within(entry, 0.0, f64::MAX)
                .filter(|rate| *rate > 0.0),
            None => None,
        };
        let arrivals = rate.map_or(Arrivals::AtOnce, |rate| Arrivals::Gamma {
            rate,
            burstiness: 1.0,
        });
        let mut load = Load::new(arrivals, Until::Count(count.unwrap_or(0).into()))
            .at_most(batch.unwrap_or(1));
        if let Some(entry) = fields.entry("seed")
            && let Some(seed) = self.whole(&entry.key, &entry.node, 0)
        {
            load = load.seed(seed.into());
            body.insert("seed".to_owned(), Json::from(seed));
        }
        let conf = fields
            .entry("dataset_conf")
            .and_then(|entry| Some((self.text(entry)?, entry.key_at)));
        if let Some((conf, at)) = &conf {
            self.note(
                *at,
                format!(
                    "`{}`: prompts are sent as they are; `{conf}` is how the other tool makes them",
                    entry.key
                ),
            );
        }
        let conf = conf.map(|(conf, _)| conf);
        let exam = (!performance).then(|| match exam::scoring(conf.as_deref()) {
            Ok(scoring) => ExamSpec { conf, scoring },
            Err(why) => {
                refused.get_or_insert(Refusal {
                    why,
                    help: "a test of your own can say it (docs/accuracy.md)".to_owned(),
                });
                ExamSpec {
                    conf,
                    scoring: Scoring::Rows,
                }
            }
        });
        Some(Step {
            name: slug(&format!("{test_name}_{}", entry.key)),
            label: format!("{test_name}-{}", entry.key),
            line: self.line(at),
            purpose,
            point: rate.map_or(Point::Concurrency(batch.unwrap_or(1)), Point::Rate),
            load,
            data,
            refused,
            route,
            stream,
            dialect: Dialect::Vllm,
            percentiles: vec![50.0, 75.0, 90.0, 99.0],
            percentile_metrics: Vec::new(),
            goodput: Vec::new(),
            ignore_eos: performance,
            extra_body: body,
            thresholds: threshold.into_iter().collect(),
            duration: None,
            batch: None,
            exam,
            raw: Vec::new(),
            written: written(&fields),
        })
    }

    fn conf(&mut self, fields: &Fields<'_>) -> Result<(Route, bool), Option<Refusal>> {
        let Some(entry) = fields.entry("request_conf") else {
            self.mistake(
                fields.at,
                "this benchmark has no `request_conf`",
                Some(
                    "vllm_api_stream_chat and vllm_api_general_chat are the usual ones".to_owned(),
                ),
            );
            return Err(None);
        };
        let name = self.text(entry).ok_or(None)?;
        match CONFS.iter().find(|(there, _)| *there == name) {
            Some((_, Ok(conf))) => Ok(*conf),
            Some((_, Err(why))) => Err(Some(Refusal {
                why: format!("`{name}` cannot be measured: {why}"),
                help: "measure it with the tool that the file was written for".to_owned(),
            })),
            None => {
                let names = CONFS.map(|(name, _)| name);
                let help = nearest(&name, names).map_or_else(
                    || format!("there are: {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.mistake(
                    entry.node.at,
                    format!("there is no request configuration `{name}`"),
                    Some(help),
                );
                Err(None)
            }
        }
    }

    /// Performance: at least `threshold` (0.97) of `baseline` (1). Accuracy: no further than `threshold` (1) from `baseline`.
    fn ascend_threshold(&mut self, fields: &Fields<'_>, performance: bool) -> Option<Threshold> {
        let mut number = |name: &str, usual: f64| match fields.entry(name) {
            Some(entry) => self.number_within(entry, 0.0, f64::MAX),
            None => Some(usual),
        };
        let baseline = number("baseline", 1.0)?;
        let threshold = number("threshold", if performance { 0.97 } else { 1.0 })?;
        let line = self.line(
            fields
                .entry("baseline")
                .map_or(fields.at, |entry| entry.key_at),
        );
        let (metric, compare, value) = if performance {
            ("output_throughput", Compare::AtLeast, threshold * baseline)
        } else {
            ("accuracy", Compare::Within(threshold), baseline)
        };
        Some(Threshold {
            metric: metric.to_owned(),
            compare,
            value,
            hardware: None,
            line,
        })
    }
}
