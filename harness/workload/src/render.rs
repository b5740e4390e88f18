//! A step as arguments of `vllm bench serve`, for those who must compare.
//!
//! Every key of the block is an option, in the order of the file; true is a bare flag, false nothing, a table compact JSON. What says how much is sent stands
//! once, at the end, and nothing of another step does. Ranges are those of the batch that was drawn.

use serde_json::{Value as Json, json};

use crate::amount::Amount;
use crate::data::{DataSpec, Lengths};
use crate::options::NOT_RENDERED;
use crate::route;
use crate::server::option;
use crate::step::Step;
use crate::sweep::Point;
use tribunal_traffic::Dialect;
use tribunal_traffic::Route;

/// The server that a rendered command is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BenchServer {
    /// Where it listens.
    pub host: String,
    /// On which port.
    pub port: u16,
    /// Its model.
    pub model: Option<String>,
    /// A folder for the result; `None`: it is only printed.
    pub results: Option<String>,
}

impl Default for BenchServer {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8000,
            model: None,
            results: None,
        }
    }
}

impl Step {
    /// The command that sends this step's load with vLLM's client. A soak is rendered as its first batch.
    ///
    /// # Errors
    /// In words: that client cannot.
    pub fn vllm_bench(&self, server: &BenchServer) -> Result<Vec<String>, String> {
        let data = self.batch(0).data;
        if let DataSpec::Lines { .. } = data {
            return Err("its questions stand in the workload file: write them into a file, and name that as `dataset_path`".to_owned());
        }
        if self.purpose == crate::step::Purpose::Accuracy {
            return Err("that client does not score answers".to_owned());
        }
        if !self.stream && matches!(self.route, Route::Chat | Route::Completions) {
            return Err("that client streams all answers of text".to_owned());
        }
        let mut out: Vec<String> = ["vllm", "bench", "serve"].map(str::to_owned).to_vec();
        if self.dialect == Dialect::VllmOmni {
            out.push("--omni".to_owned());
        }
        out.extend([
            "--host".to_owned(),
            server.host.clone(),
            "--port".to_owned(),
            server.port.to_string(),
        ]);
        if let Some(model) = &server.model {
            out.extend(["--model".to_owned(), model.clone()]);
        }
        let raw = if self.raw.is_empty() {
            self.made_up(&data)
        } else {
            self.raw.clone()
        };
        let has = |name: &str| raw.iter().any(|(there, _)| there == name);
        if !has("backend") {
            let chat = self.route == Route::Chat && self.dialect != Dialect::VllmOmni;
            let backend = if chat {
                "openai-chat"
            } else {
                route::backend_of(self.route)
            };
            out.extend(["--backend".to_owned(), backend.to_owned()]);
        }
        if !has("endpoint") {
            out.extend(["--endpoint".to_owned(), self.route.path().to_owned()]);
        }
        for (name, value) in &raw {
            if NOT_RENDERED.contains(&&**name) || name.starts_with('_') {
                continue;
            }
            let value = drawn(name, &data).unwrap_or_else(|| value.clone());
            // Its values are words of their own.
            if name == "goodput" {
                out.push("--goodput".to_owned());
                out.extend(
                    self.goodput
                        .iter()
                        .map(|(metric, limit)| format!("{metric}:{limit}")),
                );
                continue;
            }
            // Where the reference has one text with commas, the native form has a list.
            if let (true, Some(list)) = (
                name.starts_with("percentile_") || name == "metric_percentiles",
                value.as_array(),
            ) {
                let words: Vec<String> = list
                    .iter()
                    .map(|value| {
                        value
                            .as_str()
                            .map_or_else(|| value.to_string(), str::to_owned)
                    })
                    .collect();
                out.extend([format!("--{}", name.replace('_', "-")), words.join(",")]);
                continue;
            }
            let name = if name == "dataset" {
                "dataset_name"
            } else {
                name
            };
            out.extend(option(name, &value));
        }
        let count = match self.load.until {
            tribunal_traffic::Until::Count(count) | tribunal_traffic::Until::Either(count, _) => {
                count
            }
            tribunal_traffic::Until::Elapsed(_) => {
                return Err("that client counts requests, and this step has only a time".to_owned());
            }
        };
        out.extend(["--num-prompts".to_owned(), count.to_string()]);
        match self.point {
            Point::Rate(rate) if rate.is_finite() => {
                out.extend(["--request-rate".to_owned(), rate.to_string()])
            }
            Point::Concurrency(most) => out.extend([
                "--max-concurrency".to_owned(),
                most.to_string(),
                "--request-rate".to_owned(),
                "inf".to_owned(),
            ]),
            _ if matches!(self.load.arrivals, tribunal_traffic::Arrivals::Ramp { .. }) => {}
            _ => out.extend(["--request-rate".to_owned(), "inf".to_owned()]),
        }
        if let (Point::Rate(_), Some(most)) = (self.point, self.load.concurrency) {
            out.extend(["--max-concurrency".to_owned(), most.to_string()]);
        }
        out.extend(["--num-warmups".to_owned(), self.load.warmups.to_string()]);
        if let Some(folder) = &server.results {
            out.extend([
                "--save-result".to_owned(),
                "--result-dir".to_owned(),
                folder.clone(),
            ]);
        }
        Ok(out)
    }

    /// The keys of a step that was not written with them.
    fn made_up(&self, data: &DataSpec) -> Vec<(String, Json)> {
        let mut raw: Vec<(String, Json)> = Vec::new();
        match data {
            DataSpec::File { path, output } => {
                raw.push(("dataset_name".to_owned(), json!("custom")));
                raw.push(("dataset_path".to_owned(), json!(path)));
                if let Some(Amount::Fixed(output)) = output {
                    raw.push(("custom_output_len".to_owned(), json!(output)));
                }
            }
            _ => {
                raw.push(("dataset_name".to_owned(), json!("random")));
                for key in ["random_input_len", "random_output_len"] {
                    raw.extend(drawn(key, data).map(|value| (key.to_owned(), value)));
                }
            }
        }
        raw.push(("ignore_eos".to_owned(), json!(self.ignore_eos)));
        raw.push((
            "extra_body".to_owned(),
            Json::Object(self.extra_body.clone()),
        ));
        raw.push(("seed".to_owned(), json!(self.load.seed)));
        raw
    }
}

/// The value of a key of the data set, with its ranges drawn.
fn drawn(name: &str, data: &DataSpec) -> Option<Json> {
    let fixed = |amount: &Amount| match amount {
        Amount::Fixed(number) => Some(json!(number)),
        Amount::Range(..) => None,
    };
    let text = |lengths: &Lengths| match name {
        "random_input_len" => fixed(&lengths.input),
        "random_output_len" => fixed(&lengths.output),
        _ => None,
    };
    match data {
        DataSpec::Random(lengths) => text(lengths),
        DataSpec::Multimodal { items, .. } if name == "random_mm_base_items_per_request" => {
            fixed(items)
        }
        DataSpec::Multimodal { buckets, .. } if name == "random_mm_bucket_config" => {
            let entries = buckets
                .iter()
                .map(|bucket| (bucket.to_string(), json!(bucket.share)));
            Some(Json::Object(entries.collect()))
        }
        DataSpec::Multimodal { text: lengths, .. } => text(lengths),
        DataSpec::Shapes { shapes, .. } => match (name, &**shapes) {
            ("width", [shape]) => shape.size.as_ref().and_then(|(width, _)| fixed(width)),
            ("height", [shape]) => shape.size.as_ref().and_then(|(_, height)| fixed(height)),
            _ => None,
        },
        _ => None,
    }
}
