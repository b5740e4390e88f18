//! What all steps of a block have in common: what is asked of the server, how the load is made, and what is measured of it.

use std::time::Duration;

use serde_json::{Map, Value as Json};
use tribunal_deploy::tree::Value;
use tribunal_traffic::{Arrivals, Cancel, Dialect, Load, Ramp, Until, known};
use tribunal_vocabulary::{nearest, parse_duration};

use crate::baseline::Threshold;
use crate::case::Around;
use crate::fields::Fields;
use crate::reader::Reader;
use crate::sweep::Point;

/// Keys of requests that are options of the bench client too.
const SAMPLING: [&str; 7] = [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
];

/// What all steps of a block have in common.
pub(crate) struct Shared {
    pub dialect: Dialect,
    pub percentiles: Vec<f64>,
    pub percentile_metrics: Vec<String>,
    pub goodput: Vec<(String, f64)>,
    pub ignore_eos: bool,
    pub extra_body: Map<String, Json>,
    seed: u64,
    burstiness: f64,
    ramp: Option<Arrivals>,
    warmups: Option<u32>,
    cancel: Option<Cancel>,
    idle_limit: Option<Duration>,
    total_limit: Option<Duration>,
}

impl Shared {
    pub fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, around: &Around) -> Shared {
        let mut extra_body = fields
            .entry("extra_body")
            .and_then(|entry| reader.object(entry))
            .unwrap_or_default();
        for name in SAMPLING {
            if let Some(entry) = fields.entry(name)
                && let Some(number) = reader.number(&entry.key, &entry.node)
                && !extra_body.contains_key(name)
            {
                let value = match entry.node.value {
                    Value::Int(int) => Json::from(int),
                    _ => Json::from(number),
                };
                extra_body.insert(name.to_owned(), value);
            }
        }
        let warmups = fields
            .entry("num_warmups")
            .or(fields.entry("warmup_requests"));
        Shared {
            dialect: reader.dialect(fields).unwrap_or(around.dialect),
            percentiles: reader.percentiles(fields, around),
            percentile_metrics: reader.percentile_metrics(fields),
            goodput: reader.goodput(fields),
            ignore_eos: fields
                .entry("ignore_eos")
                .and_then(|entry| reader.bool(entry))
                .unwrap_or(false),
            extra_body,
            seed: fields
                .entry("seed")
                .and_then(|entry| reader.whole(&entry.key, &entry.node, 0))
                .unwrap_or(0)
                .into(),
            burstiness: fields
                .entry("burstiness")
                .and_then(|entry| reader.number_within(entry, f64::MIN_POSITIVE, f64::MAX))
                .unwrap_or(1.0),
            ramp: reader.ramp(fields),
            warmups: warmups.and_then(|entry| reader.whole(&entry.key, &entry.node, 0)),
            cancel: reader.cancel(fields),
            idle_limit: reader.limit_of(fields, "idle_limit"),
            total_limit: reader.limit_of(fields, "total_limit"),
        }
    }

    /// The percentiles that are asked for, and those that limits are about.
    pub fn percentiles_with(&self, thresholds: &[Threshold]) -> Vec<f64> {
        let mut all = self.percentiles.clone();
        for percent in thresholds
            .iter()
            .filter_map(|limit| known(&limit.metric).ok()?.percent)
        {
            if !all.contains(&percent) {
                all.push(percent);
            }
        }
        all
    }

    pub fn load(&self, count: u32, point: Point) -> Load {
        let arrivals = match (point, &self.ramp) {
            (_, Some(ramp)) => ramp.clone(),
            (Point::Rate(rate), None) if rate.is_finite() => Arrivals::Gamma {
                rate,
                burstiness: self.burstiness,
            },
            _ => Arrivals::AtOnce,
        };
        let mut load = Load::new(arrivals, Until::Count(count.into()))
            .warmups(self.warmups.unwrap_or_else(|| point.warmups()))
            .seed(self.seed);
        if let Point::Concurrency(most) = point {
            load = load.at_most(most);
        }
        load.cancel = self.cancel;
        load.idle_limit = self.idle_limit.unwrap_or(load.idle_limit);
        load.total_limit = self.total_limit.unwrap_or(load.total_limit);
        load
    }
}

impl Reader<'_> {
    fn dialect(&mut self, fields: &Fields<'_>) -> Option<Dialect> {
        let entry = fields.entry("dialect")?;
        let text = self.text(entry)?;
        match text.parse() {
            Ok(dialect) => Some(dialect),
            Err(_) => {
                let names = ["strict", "vllm", "vllm-omni", "aiperf"];
                let help = nearest(&text, names).map_or_else(
                    || format!("there are: {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.mistake(
                    entry.node.at,
                    format!("`{text}` is no dialect of metrics"),
                    Some(help),
                );
                None
            }
        }
    }

    /// Numbers in a text with commas, in a list, or one alone.
    fn percentiles(&mut self, fields: &Fields<'_>, around: &Around) -> Vec<f64> {
        let Some(entry) = fields.entry("metric_percentiles") else {
            return if around.native {
                vec![50.0, 90.0, 99.0]
            } else {
                vec![99.0]
            };
        };
        let texts = match &entry.node.value {
            Value::Int(_) | Value::Float(_) => entry.node.scalar().into_iter().collect(),
            _ => self.texts(entry).unwrap_or_default(),
        };
        let mut percentiles = Vec::new();
        for text in texts.iter().flat_map(|text| text.split(',')) {
            match text.trim().parse::<f64>() {
                Ok(percentile) if percentile > 0.0 && percentile <= 100.0 => {
                    percentiles.push(percentile)
                }
                _ => self.mistake(
                    entry.node.at,
                    format!(
                        "`{}` has `{}`, which is no percentile",
                        entry.key,
                        text.trim()
                    ),
                    Some(
                        "write numbers above 0, up to 100, with commas between them: \"50,90,99\""
                            .to_owned(),
                    ),
                ),
            }
        }
        percentiles
    }

    fn percentile_metrics(&mut self, fields: &Fields<'_>) -> Vec<String> {
        let Some(entry) = fields.entry("percentile_metrics") else {
            return Vec::new();
        };
        let texts = self.texts(entry).unwrap_or_default();
        let mut metrics = Vec::new();
        for name in texts
            .iter()
            .flat_map(|text| text.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            if series(name).is_some() {
                metrics.push(name.to_owned());
            } else {
                let known = [
                    "ttft",
                    "tpot",
                    "itl",
                    "e2el",
                    "audio_rtf",
                    "audio_ttfp",
                    "audio_duration",
                ];
                let help = nearest(name, known).map_or_else(
                    || "docs/metrics.md lists them".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                let at = self.sources.within(entry.node.at, name);
                self.mistake(
                    at,
                    format!(
                        "`{}` names `{name}`, and there is no such metric",
                        entry.key
                    ),
                    Some(help),
                );
            }
        }
        metrics
    }

    /// `"ttft:500 e2el:1000"`, a list of such, or a table.
    fn goodput(&mut self, fields: &Fields<'_>) -> Vec<(String, f64)> {
        let Some(entry) = fields.entry("goodput") else {
            return Vec::new();
        };
        let pairs: Vec<(String, String)> = match &entry.node.value {
            Value::Table(table) => {
                let pairs = table
                    .0
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.node.scalar().unwrap_or_default()));
                pairs.collect()
            }
            _ => {
                let texts = self.texts(entry).unwrap_or_default();
                let words = texts.iter().flat_map(|text| text.split([' ', ',']));
                let pairs =
                    words
                        .filter(|word| !word.is_empty())
                        .map(|word| match word.split_once(':') {
                            Some((name, limit)) => (name.to_owned(), limit.to_owned()),
                            None => (word.to_owned(), String::new()),
                        });
                pairs.collect()
            }
        };
        let mut goodput = Vec::new();
        for (name, limit) in pairs {
            match (series(&name), limit.parse::<f64>()) {
                (Some(_), Ok(limit)) if limit > 0.0 && limit.is_finite() => {
                    goodput.push((name, limit))
                }
                (None, _) => self.mistake(
                    entry.node.at,
                    format!(
                        "`{}` names `{name}`, and there is no such metric",
                        entry.key
                    ),
                    Some("write ttft:500, tpot:50 or e2el:1000, in milliseconds".to_owned()),
                ),
                _ => self.mistake(
                    entry.node.at,
                    format!("`{}` needs a number above 0 for `{name}`", entry.key),
                    Some(format!("write {name}:500")),
                ),
            }
        }
        goodput
    }

    fn ramp(&mut self, fields: &Fields<'_>) -> Option<Arrivals> {
        let entry = fields.entry("ramp_up_strategy")?;
        let shape = match &*self.text(entry)? {
            "linear" => Ramp::Linear,
            "exponential" => Ramp::Exponential,
            other => {
                self.mistake(
                    entry.node.at,
                    format!("`{other}` is no ramp"),
                    Some("there are: linear, exponential".to_owned()),
                );
                return None;
            }
        };
        let mut end = |name: &str| match fields.entry(name) {
            Some(entry) => self.number_within(entry, f64::MIN_POSITIVE, f64::MAX),
            None => {
                self.mistake(entry.key_at, format!("a ramp needs `{name}`"), None);
                None
            }
        };
        let (from, to) = (end("ramp_up_start_rps"), end("ramp_up_end_rps"));
        Some(Arrivals::Ramp {
            from: from?,
            to: to?,
            shape,
        })
    }

    /// `{ share = 0.1, after = "5s" }`.
    fn cancel(&mut self, fields: &Fields<'_>) -> Option<Cancel> {
        let entry = fields.entry("cancel")?;
        let Some(table) = entry.node.table() else {
            self.wrong_node(&entry.key, &entry.node, "a table with `share` and `after`");
            return None;
        };
        let inner = Fields::of(self, table, entry.node.at, &[]);
        let share = inner
            .entry("share")
            .and_then(|entry| self.number_within(entry, 0.0, 1.0));
        let after = self.limit_of(&inner, "after");
        if inner.get("share").is_none() || inner.get("after").is_none() {
            self.mistake(
                entry.node.at,
                format!("`{}` needs `share` and `after`", entry.key),
                None,
            );
        }
        Some(Cancel {
            share: share?,
            after: after?,
        })
    }

    fn limit_of(&mut self, fields: &Fields<'_>, name: &str) -> Option<Duration> {
        let entry = fields.entry(name)?;
        let text = self.text(entry)?;
        match parse_duration(&text) {
            Ok(duration) => Some(duration),
            Err(why) => {
                self.mistake(entry.node.at, format!("`{}`: {why}", entry.key), None);
                None
            }
        }
    }
}

/// The key of the mean of a metric that has samples.
fn series(name: &str) -> Option<String> {
    [
        format!("mean_{name}_ms"),
        format!("mean_{name}_s"),
        format!("mean_{name}"),
        format!("mean_{name}_mb"),
    ]
    .into_iter()
    .find(|key| known(key).is_ok())
}
