//! `[queues]`, and the triggers of stages.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Assembly;
use crate::document::{Item, Text, list};
use crate::marker::{NAME_RULE, is_name};
use crate::nearest::nearest;
use crate::pipeline::{Queue, Triggers};

/// Fields of a line of cron.
const FIELDS: usize = 5;
/// The most parts that a step may be cut into.
const MOST_SHARDS: u32 = 256;

impl Assembly<'_> {
    /// Whether a key of a table can be a name; a mistake if not.
    pub(super) fn name_of(&mut self, item: &Item<'_>, what: &str) -> bool {
        let fine = is_name(item.key);
        if !fine {
            self.document.mistake(
                item.key_span,
                format!("`{}` is no name of a {what}", item.key),
                Some(NAME_RULE.to_owned()),
            );
        }
        fine
    }

    pub(super) fn queue(&mut self, item: &Item<'_>) {
        if !self.name_of(item, "queue") {
            return;
        }
        let Some(fields) = self.document.table(item, "a table") else {
            return;
        };
        let queues = &mut self.vocabulary.queues;
        let known = queues.iter().position(|queue| queue.name == item.key);
        let mut queue = match known {
            Some(at) => queues.remove(at),
            None => Queue {
                name: item.key.to_owned(),
                ..Queue::default()
            },
        };
        for field in fields {
            match field.key {
                "doc" => queue.doc = self.document.doc(&field).unwrap_or_default(),
                "device" => {
                    let device = self.document.located(&field);
                    queue.device = device.as_ref().map(|device| device.text.clone());
                    self.references.devices.extend(device);
                }
                "count" => queue.count = self.count(&field),
                "concurrency" => queue.concurrency = self.count(&field),
                "github" => queue.github = self.plain_texts(&field),
                "buildkite" => {
                    let mut tags = BTreeMap::new();
                    for tag in self
                        .document
                        .table(&field, "a table of an agent's tags")
                        .unwrap_or_default()
                    {
                        if let Some(text) = self.document.doc(&tag) {
                            tags.insert(tag.key.to_owned(), text);
                        }
                    }
                    queue.buildkite = tags;
                }
                "image" => queue.image = self.document.doc(&field),
                _ => self.document.unknown_key(
                    &field,
                    "a queue",
                    &[
                        "doc",
                        "device",
                        "count",
                        "github",
                        "buildkite",
                        "image",
                        "concurrency",
                    ],
                ),
            }
        }
        let queues = &mut self.vocabulary.queues;
        queues.insert(known.unwrap_or(queues.len()), queue);
    }

    /// A whole number from 1 up.
    fn count(&mut self, field: &Item<'_>) -> Option<u32> {
        let number = self.document.integer(field)?;
        let count = u32::try_from(number).ok().filter(|count| *count > 0);
        if count.is_none() {
            let message = format!("`{}` must be a whole number from 1 up", field.key);
            self.document.mistake(field.span, message, None);
        }
        count
    }

    /// How many parts a step is cut into.
    pub(super) fn shards(&mut self, field: &Item<'_>) -> Option<u32> {
        let count = self.count(field)?;
        if count > MOST_SHARDS {
            let message = format!("`{}` is at most {MOST_SHARDS}", field.key);
            self.document.mistake(field.span, message, None);
            return None;
        }
        Some(count)
    }

    /// A limit: how long a step or each step of a stage may take.
    pub(super) fn limit(&mut self, field: &Item<'_>) -> Option<Duration> {
        self.document.duration(field)
    }

    /// A list of texts, none of them empty.
    pub(super) fn plain_texts(&mut self, field: &Item<'_>) -> Vec<String> {
        let texts = self.document.texts(field).unwrap_or_default();
        let mut out = vec![];
        for text in texts {
            if text.text.trim().is_empty() {
                let message = format!("an entry of `{}` is empty", field.key);
                self.document.mistake(text.span, message, None);
            } else {
                out.push(text.text);
            }
        }
        out
    }

    pub(super) fn triggers(&mut self, item: &Item<'_>) -> Triggers {
        let mut triggers = Triggers::default();
        for field in self
            .document
            .table(item, "a table of triggers")
            .unwrap_or_default()
        {
            match field.key {
                "pull_request" => {
                    triggers.pull_request = self.document.boolean(&field).unwrap_or(false);
                }
                "labels" => triggers.labels = self.plain_texts(&field),
                "branches" => triggers.branches = self.plain_texts(&field),
                "cron" => {
                    for line in self.document.texts(&field).unwrap_or_default() {
                        if line.text.split_whitespace().count() == FIELDS {
                            triggers.cron.push(line.text);
                            continue;
                        }
                        let help =
                            "minute, hour, day of the month, month, day of the week: \"0 8 * * *\"";
                        let message = format!("`{}` is no line of cron", line.text);
                        self.document
                            .mistake(line.span, message, Some(help.to_owned()));
                    }
                }
                "variable" => {
                    let Some(name) = self.document.located(&field) else {
                        continue;
                    };
                    if is_name(&name.text) {
                        triggers.variable = Some(name.text);
                    } else {
                        let message = format!("`{}` is no name of a variable", name.text);
                        self.document
                            .mistake(name.span, message, Some(NAME_RULE.to_owned()));
                    }
                }
                _ => self.document.unknown_key(
                    &field,
                    "a trigger",
                    &["pull_request", "labels", "branches", "cron", "variable"],
                ),
            }
        }
        triggers
    }

    /// The devices that queues name are declared.
    pub(super) fn queue_references(&mut self) {
        for Text { text, span } in std::mem::take(&mut self.references.devices) {
            if self.vocabulary.device(&text).is_some() {
                continue;
            }
            let platforms = self.vocabulary.platforms.iter();
            let names: Vec<&str> = platforms
                .flat_map(|platform| platform.devices.iter().map(|device| &*device.name))
                .collect();
            let help = match nearest(&text, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the devices are {}", list(names)),
            };
            self.document
                .mistake(span, format!("`{text}` is no device"), Some(help));
        }
    }
}
