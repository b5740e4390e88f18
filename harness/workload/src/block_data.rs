//! What a block sends: data set, lengths and shapes.

use std::collections::BTreeMap;
use std::path::Path;

use tribunal_deploy::tree::{Entry, Node, Value};

use crate::amount::Amount;
use crate::case::Around;
use crate::data::{DataSpec, Lengths, Named, Refusal, map_it, named};
use crate::fields::Fields;
use crate::reader::Reader;
use tribunal_traffic::Route;

/// Tasks whose requests bring what is not made here.
const WITH_MEDIA: [(&str, &str); 3] = [("v2v", "a video"), ("a2v", "a sound"), ("s2v", "a sound")];

impl Reader<'_> {
    /// What requests are made of, and why it cannot be had.
    pub fn data(
        &mut self,
        fields: &Fields<'_>,
        route: Route,
        stability: bool,
        around: &Around,
    ) -> (DataSpec, Option<Refusal>) {
        let entry = fields.entry("dataset_name").or(fields.entry("dataset"));
        let name = match entry {
            Some(entry) => self.text(entry).unwrap_or_else(|| "random".to_owned()),
            None => "random".to_owned(),
        };
        let output = self.output(fields, stability);
        if let Some(entry) = fields.entry("dataset_path_inline") {
            let mut files = Vec::new();
            self.inline("dataset_path_inline", entry, &mut files);
            let text = files.pop().map(|file| file.text).unwrap_or_default();
            return (DataSpec::Lines { text, output }, None);
        }
        let path = fields
            .entry("dataset_path")
            .and_then(|entry| self.text(entry));
        let mapped = path
            .as_deref()
            .and_then(|path| self.lookups.data.get(path))
            .or_else(|| self.lookups.data.get(&name))
            .map(Path::to_path_buf);
        if let Some(path) = mapped {
            return (DataSpec::File { path, output }, None);
        }
        let media = matches!(route, Route::Images | Route::ImageEdits | Route::Videos);
        let task = fields.get("task").and_then(Node::text).unwrap_or_default();
        let brings = WITH_MEDIA.iter().find(|(there, _)| *there == task);
        if let Some((_, what)) = brings.filter(|_| media) {
            let refusal = Refusal {
                why: format!(
                    "the task `{task}` needs {what} in each request, and only pictures are made here"
                ),
                help: map_it(path.as_deref().unwrap_or(&name)),
            };
            return (DataSpec::Missing { name }, Some(refusal));
        }
        match named(&name) {
            Ok(Named::Random) if media => (self.shapes(fields, route, stability), None),
            Ok(Named::Random) => (DataSpec::Random(self.lengths(fields, stability)), None),
            Ok(Named::RandomMultimodal) => (self.multimodal(fields, stability), None),
            Ok(Named::SharedPrefix) => (self.shared_prefix(fields, stability), None),
            Ok(Named::File | Named::Elsewhere(_)) if path.is_some() => {
                let path = path.unwrap_or_default();
                let readable = [".jsonl", ".json"].iter().any(|end| path.ends_with(end));
                match self
                    .lookups
                    .locate(around.folder.as_deref(), &path)
                    .filter(|_| readable)
                {
                    Some(path) => (DataSpec::File { path, output }, None),
                    None => missing(&name, &path, &named(&name)),
                }
            }
            Ok(Named::File) => {
                let at = entry.map_or(fields.at, |entry| entry.node.at);
                self.mistake(
                    at,
                    format!("the data set `{name}` needs a `dataset_path`"),
                    Some("name its file".to_owned()),
                );
                (DataSpec::Missing { name }, None)
            }
            Ok(Named::Elsewhere(_)) => missing(&name, &name, &named(&name)),
            Err(near) => {
                let at = entry.map_or(fields.at, |entry| entry.node.at);
                let help =
                    near.map_or_else(|| map_it(&name), |near| format!("did you mean `{near}`?"));
                self.mistake(at, format!("there is no data set `{name}`"), Some(help));
                (DataSpec::Missing { name }, None)
            }
        }
    }

    /// A number or, in a soak, a range.
    pub fn length(&mut self, entry: &Entry, least: u32, stability: bool) -> Option<Amount> {
        let amount = self.amount(&entry.key, &entry.node, least)?;
        if amount.is_range() && !stability {
            self.mistake(
                entry.node.at,
                format!(
                    "`{}` is a range, which is drawn for each batch, and only a soak has batches",
                    entry.key
                ),
                Some(
                    "write one number; `random_range_ratio` spreads lengths within a step"
                        .to_owned(),
                ),
            );
            return None;
        }
        Some(amount)
    }

    fn first(
        &mut self,
        fields: &Fields<'_>,
        names: &[&str],
        least: u32,
        stability: bool,
    ) -> Option<Amount> {
        let entry = names.iter().find_map(|name| fields.entry(name))?;
        self.length(entry, least, stability)
    }

    fn output(&mut self, fields: &Fields<'_>, stability: bool) -> Option<Amount> {
        let names = [
            "custom_output_len",
            "sharegpt_output_len",
            "output_len",
            "random_output_len",
        ];
        self.first(fields, &names, 0, stability)
    }

    fn lengths(&mut self, fields: &Fields<'_>, stability: bool) -> Lengths {
        let (mut input_spread, mut output_spread) = (0.0, 0.0);
        if let Some(entry) = fields.entry("random_range_ratio") {
            if let Value::Table(table) = &entry.node.value {
                for entry in &table.0 {
                    match &*entry.key {
                        "input" => input_spread = self.spread(entry),
                        "output" => output_spread = self.spread(entry),
                        _ => self.unknown_key(
                            entry,
                            "`random_range_ratio`",
                            &["input", "output"],
                            "it has `input` and `output`",
                        ),
                    }
                }
            } else {
                input_spread = self.spread(entry);
                output_spread = input_spread;
            }
        }
        let prefix = fields
            .entry("random_prefix_len")
            .and_then(|entry| self.whole(&entry.key, &entry.node, 0));
        Lengths {
            input: self
                .first(fields, &["random_input_len", "input_len"], 0, stability)
                .unwrap_or(Amount::Fixed(1024)),
            output: self
                .first(fields, &["random_output_len", "output_len"], 0, stability)
                .unwrap_or(Amount::Fixed(128)),
            prefix: prefix.unwrap_or(0),
            input_spread,
            output_spread,
        }
    }

    /// A share that stays below the whole: a prompt that might have no token is no workload.
    fn spread(&mut self, entry: &Entry) -> f64 {
        let spread = self.number(&entry.key, &entry.node).unwrap_or(0.0);
        if !(0.0..1.0).contains(&spread) {
            let message = format!("`{}` must be from 0 to below 1, not {spread}", entry.key);
            self.mistake(entry.node.at, message, None);
            return 0.0;
        }
        spread
    }

    fn shared_prefix(&mut self, fields: &Fields<'_>, stability: bool) -> DataSpec {
        let mut of = |name: &str, usual: u32| {
            self.first(fields, &[name], 0, stability)
                .unwrap_or(Amount::Fixed(usual))
        };
        DataSpec::SharedPrefix {
            prefix: of("prefix_repetition_prefix_len", 256),
            suffix: of("prefix_repetition_suffix_len", 256),
            output: of("prefix_repetition_output_len", 128),
            prefixes: fields
                .entry("prefix_repetition_num_prefixes")
                .and_then(|entry| self.whole(&entry.key, &entry.node, 1))
                .unwrap_or(10),
        }
    }

    fn multimodal(&mut self, fields: &Fields<'_>, stability: bool) -> DataSpec {
        let text = self.lengths(fields, stability);
        let items = self.first(fields, &["random_mm_base_items_per_request"], 0, stability);
        let spread = fields
            .entry("random_mm_num_mm_items_range_ratio")
            .and_then(|entry| self.number_within(entry, 0.0, 1.0));
        let mut limits = BTreeMap::new();
        if let Some(entry) = fields.entry("random_mm_limit_mm_per_prompt") {
            match entry.node.table() {
                Some(table) => {
                    for entry in &table.0 {
                        if !["image", "video", "audio"].contains(&&*entry.key) {
                            self.unknown_key(
                                entry,
                                "a prompt",
                                &["image", "video", "audio"],
                                "there are image, video and audio",
                            );
                        } else if let Some(most) = self.whole(&entry.key, &entry.node, 0) {
                            limits.insert(entry.key.clone(), most);
                        }
                    }
                }
                None => self.wrong_node(&entry.key, &entry.node, "a table: { \"image\": 2 }"),
            }
        }
        let buckets = fields
            .entry("random_mm_bucket_config")
            .and_then(|entry| self.buckets(&entry.key, &entry.node));
        let ranges = buckets
            .iter()
            .flatten()
            .any(|b| b.height.is_range() || b.width.is_range() || b.frames.is_range());
        if let Some(entry) = fields
            .entry("random_mm_bucket_config")
            .filter(|_| ranges && !stability)
        {
            self.mistake(
                entry.node.at,
                format!(
                    "`{}` has a range, which is drawn for each batch, and only a soak has batches",
                    entry.key
                ),
                Some("write one size for each bucket".to_owned()),
            );
        }
        DataSpec::Multimodal {
            text,
            items: items.unwrap_or(Amount::Fixed(1)),
            items_spread: spread.unwrap_or(0.0),
            limits,
            buckets: buckets.unwrap_or_default(),
        }
    }
}
/// A data set that is not here.
fn missing(
    name: &str,
    path: &str,
    named: &Result<Named, Option<&str>>,
) -> (DataSpec, Option<Refusal>) {
    let why = match named {
        Ok(Named::Elsewhere(why)) => format!("the data set `{name}` is not here: {why}"),
        _ if path.contains("${") => {
            format!("the data set `{path}` is not here: variables are not filled in")
        }
        _ => format!("the data set `{path}` is not here"),
    };
    let refusal = Refusal {
        why,
        help: map_it(path),
    };
    (
        DataSpec::Missing {
            name: name.to_owned(),
        },
        Some(refusal),
    )
}
