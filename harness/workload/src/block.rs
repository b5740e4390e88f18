//! One block of `benchmark_params`, and the steps that it makes.

use serde_json::Value as Json;
use tribunal_deploy::tree::{Node, Place, Table};
use tribunal_traffic::Route;
use tribunal_vocabulary::slug;

use crate::case::Around;
use crate::data::DataSpec;
use crate::fields::Fields;
use crate::options::{self, Sort};
use crate::reader::{Reader, json};
use crate::shared::Shared;
use crate::step::{Purpose, Step};
use crate::sweep::{Point, expand};

/// The most steps of a block.
const MOST_STEPS: usize = 1000;

impl Reader<'_> {
    /// The steps of a block.
    pub fn block(&mut self, table: &Table, at: Place, around: &mut Around) -> Vec<Step> {
        let names: &[(&str, &str)] = if around.native { &options::NATIVE } else { &[] };
        let fields = Fields::of(self, table, at, names);
        self.known_options(&fields, around);
        let stability = self.is_stability(&fields, around);
        let Some(points) = self.points(&fields, stability) else {
            return Vec::new();
        };
        let Some(prompts) = self.prompts(&fields, stability) else {
            return Vec::new();
        };
        let Ok(steps) = expand(&prompts, &points) else {
            let other = if fields.get("request_rate").is_some() {
                "request_rate"
            } else {
                "max_concurrency"
            };
            let (count, sweep) = (prompts.len(), points.len());
            self.mistake(
                fields
                    .entry("num_prompts")
                    .map_or(at, |entry| entry.node.at),
                format!(
                    "`{}` has {count} values and `{}` {sweep}",
                    fields.shown("num_prompts"),
                    fields.shown(other)
                ),
                Some("give both the same length, or write one number for all".to_owned()),
            );
            return Vec::new();
        };
        if steps.len() > MOST_STEPS {
            self.mistake(
                at,
                format!(
                    "this block has {} steps, and the most are {MOST_STEPS}",
                    steps.len()
                ),
                None,
            );
            return Vec::new();
        }
        let points: Vec<Point> = steps.iter().map(|(_, point)| *point).collect();
        let thresholds = match fields.get("baseline") {
            Some(node) => self.baseline(node, &points),
            None => vec![Vec::new(); steps.len()],
        };
        let (route, stream, mut refused) = self.route(&fields, around);
        let (data, missing) = self.data(&fields, route, stability, around);
        refused = refused.or(missing);
        self.idle_options(&fields, &data);
        let duration = stability.then(|| self.duration(&fields)).flatten();
        let enabled = fields.entry("enabled").and_then(|entry| self.bool(entry)) != Some(false);
        let suffix = self.suffix(&fields, around, enabled);
        let mut shared = Shared::read(self, &fields, around);
        if matches!(data, DataSpec::File { .. } | DataSpec::Lines { .. })
            && matches!(route, Route::Images | Route::ImageEdits | Route::Videos)
        {
            let shape = self.shape(&fields, false);
            if let Some((width, height)) = shape.size {
                let size = format!("{width}x{height}").into();
                shared.extra_body.entry("size").or_insert(size);
            }
            for (name, value) in shape.fields {
                shared.extra_body.entry(name).or_insert(value);
            }
        }
        if !enabled {
            self.note(
                at,
                format!("`{}-{suffix}` is off: `enabled` is false", around.test_name),
            );
            return Vec::new();
        }
        let raw: Vec<(String, Json)> = fields
            .iter()
            .filter_map(|(name, entry)| Some((name.to_owned(), json(&entry.node).ok()?)))
            .collect();
        let line = self.line(at);
        steps
            .iter()
            .zip(thresholds)
            .map(|((count, point), thresholds)| {
                let twice = points
                    .iter()
                    .filter(|other| other.name() == point.name())
                    .count()
                    > 1;
                let number = if twice {
                    format!("_n{count}")
                } else {
                    String::new()
                };
                Step {
                    name: slug(&format!(
                        "{}_{suffix}_{}{number}",
                        around.test_name,
                        point.name()
                    )),
                    label: format!("{}-{suffix}", around.test_name),
                    line,
                    purpose: if stability {
                        Purpose::Stability
                    } else {
                        Purpose::Performance
                    },
                    point: *point,
                    load: shared.load(*count, *point),
                    data: data.clone(),
                    refused: refused.clone(),
                    route,
                    stream,
                    dialect: shared.dialect,
                    percentiles: shared.percentiles_with(&thresholds),
                    percentile_metrics: shared.percentile_metrics.clone(),
                    goodput: shared.goodput.clone(),
                    ignore_eos: shared.ignore_eos,
                    extra_body: shared.extra_body.clone(),
                    thresholds,
                    duration,
                    batch: stability.then_some(*count),
                    exam: None,
                    raw: raw.clone(),
                    written: serde_json::Map::new(),
                }
            })
            .collect()
    }

    fn known_options(&mut self, fields: &Fields<'_>, around: &Around) {
        let mut known = options::names();
        if around.native {
            known.extend(options::NATIVE.map(|(name, _)| name));
        }
        let mut passed = Vec::new();
        for (name, entry) in fields.iter() {
            match options::sort(name) {
                Sort::Ours | Sort::Comment => {}
                Sort::Passed => passed.push(name.to_owned()),
                Sort::Unknown => self.unknown_key(
                    entry,
                    "a benchmark block",
                    &known,
                    "docs/workloads.md lists them; what goes into each request stands below `extra_body`",
                ),
            }
        }
        if !passed.is_empty() {
            let s = if passed.len() == 1 { "is" } else { "are" };
            self.note(
                fields.at,
                format!(
                    "{} {s} for `vllm bench serve` alone: nothing else is done with it here",
                    passed.join(", ")
                ),
            );
        }
    }

    /// Says which keys mean nothing to this data set.
    fn idle_options(&mut self, fields: &Fields<'_>, data: &DataSpec) {
        let sorts: &[&str] = match data {
            DataSpec::Random(_) => &["random"],
            DataSpec::Multimodal { .. } => &["random", "random-mm"],
            DataSpec::SharedPrefix { .. } => &["prefix_repetition"],
            DataSpec::Shapes { .. } => &["pictures"],
            // Lengths of answers and shapes go with the prompts of a file too; what is not here is refused whole.
            _ => return,
        };
        let idle: Vec<&str> = fields
            .iter()
            .filter(|(name, _)| {
                let of = options::OF_DATA
                    .iter()
                    .find(|(start, _)| name.starts_with(start));
                of.is_some_and(|(_, sort)| !sorts.contains(sort))
            })
            .map(|(_, entry)| &*entry.key)
            .collect();
        if !idle.is_empty() {
            let text = format!(
                "nothing is done with {}: this data set has no use for it",
                idle.join(", ")
            );
            self.note(fields.at, text);
        }
    }

    /// `name`, else task, phase and data set; the second of a name gets `_1`. What is off does not count.
    fn suffix(&mut self, fields: &Fields<'_>, around: &mut Around, counts: bool) -> String {
        let text = |name: &str| fields.get(name).and_then(Node::text).map(str::to_owned);
        let suffix = text("name").unwrap_or_else(|| {
            let data = text("dataset_name")
                .or(text("dataset"))
                .or(text("route"))
                .unwrap_or_else(|| "random".to_owned());
            [text("task"), text("eval_phase"), Some(data)]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("_")
        });
        if !counts {
            return suffix;
        }
        let times = around.suffixes.entry(suffix.clone()).or_insert(0);
        *times += 1;
        if *times == 1 {
            suffix
        } else {
            format!("{suffix}_{}", *times - 1)
        }
    }
}
