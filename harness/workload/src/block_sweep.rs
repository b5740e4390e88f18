//! The sweep of a block: at which rates or concurrencies, how many requests, and for how long.

use std::time::Duration;

use tribunal_deploy::tree::{Entry, Node, Value};
use tribunal_vocabulary::parse_duration;

use crate::case::Around;
use crate::fields::Fields;
use crate::reader::Reader;
use crate::sweep::Point;

impl Reader<'_> {
    /// Whether a block is a soak.
    pub fn is_stability(&mut self, fields: &Fields<'_>, around: &Around) -> bool {
        let soak = fields
            .entry("duration_sec")
            .or(fields.entry("num_prompts_per_batch"));
        let Some(prompts) = fields.entry("num_prompts") else {
            return soak.is_some() || around.stability;
        };
        if let Some(soak) = soak {
            self.mistake(
                prompts.key_at,
                format!(
                    "`{}` beside `{}`: a soak says how many requests one batch has",
                    prompts.key, soak.key
                ),
                Some(format!(
                    "write `{}`, or drop `{}`",
                    if around.native {
                        "batch"
                    } else {
                        "num_prompts_per_batch"
                    },
                    soak.key
                )),
            );
        }
        soak.is_some()
    }

    /// Where the steps stand; what both or neither of the two keys means.
    pub fn points(&mut self, fields: &Fields<'_>, stability: bool) -> Option<Vec<Point>> {
        let rate = fields.entry("request_rate");
        let concurrency = fields.entry("max_concurrency");
        if let Some(strategy) = fields.entry("ramp_up_strategy")
            && let Some(sweep) = rate.or(concurrency)
        {
            self.mistake(
                sweep.key_at,
                format!(
                    "`{}` beside `{}`: a ramp has a rate of its own",
                    sweep.key, strategy.key
                ),
                Some("drop one of them".to_owned()),
            );
            return None;
        }
        match (rate, concurrency) {
            (Some(rate), Some(concurrency)) => {
                self.mistake(
                    concurrency.key_at,
                    format!(
                        "`{}` beside `{}` on line {}: a block sweeps one of them",
                        concurrency.key,
                        rate.key,
                        self.line(rate.key_at)
                    ),
                    Some("make two blocks of it".to_owned()),
                );
                None
            }
            (None, None) if stability => {
                self.mistake(
                    fields.at,
                    "a soak has exactly one of `request_rate` and `max_concurrency`",
                    Some("say how its load is made".to_owned()),
                );
                None
            }
            (None, None) => Some(vec![Point::AtOnce]),
            (Some(rate), None) => self.each(rate, |reader, node| {
                reader.rate(&rate.key, node).map(Point::Rate)
            }),
            (None, Some(concurrency)) => self.each(concurrency, |reader, node| {
                reader
                    .whole(&concurrency.key, node, 1)
                    .map(Point::Concurrency)
            }),
        }
    }

    /// How many requests each step has.
    pub fn prompts(&mut self, fields: &Fields<'_>, stability: bool) -> Option<Vec<u32>> {
        if stability {
            return match fields.entry("num_prompts_per_batch") {
                Some(entry) => self
                    .whole(&entry.key, &entry.node, 1)
                    .map(|count| vec![count]),
                None => Some(vec![20]),
            };
        }
        match fields.entry("num_prompts") {
            Some(entry) => self.each(entry, |reader, node| reader.whole(&entry.key, node, 1)),
            None => {
                self.mistake(
                    fields.at,
                    "this block has no `num_prompts`",
                    Some("say how many requests it sends; a soak has `duration_sec` and `num_prompts_per_batch`".to_owned()),
                );
                None
            }
        }
    }

    /// The values of a list, or the one value.
    fn each<T>(
        &mut self,
        entry: &Entry,
        mut read: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        match &entry.node.value {
            Value::List(list) if list.is_empty() => {
                self.mistake(
                    entry.node.at,
                    format!(
                        "`{}` is an empty list: the block would have no step",
                        entry.key
                    ),
                    None,
                );
                None
            }
            // Every value is looked at, so that all mistakes are told.
            Value::List(list) => {
                let read: Vec<Option<T>> = list.iter().map(|node| read(self, node)).collect();
                read.into_iter().collect()
            }
            _ => read(self, &entry.node).map(|value| vec![value]),
        }
    }

    /// Requests for each second; infinity in any spelling.
    fn rate(&mut self, key: &str, node: &Node) -> Option<f64> {
        let rate = match &node.value {
            Value::Text(text)
                if matches!(
                    text.trim().to_ascii_lowercase().as_str(),
                    "inf" | "infinity"
                ) =>
            {
                f64::INFINITY
            }
            Value::Float(float) if float.is_infinite() => *float,
            _ => self.number(key, node)?,
        };
        if rate > 0.0 {
            return Some(rate);
        }
        self.mistake(
            node.at,
            format!("`{key}` must be above 0, not {rate}"),
            Some("all at once is \"inf\"".to_owned()),
        );
        None
    }

    /// How long a soak goes on: 300 seconds where nothing is said.
    pub fn duration(&mut self, fields: &Fields<'_>) -> Option<Duration> {
        let Some(entry) = fields.entry("duration_sec") else {
            return Some(Duration::from_secs(300));
        };
        match &entry.node.value {
            Value::Text(text) => match parse_duration(text) {
                Ok(duration) if !duration.is_zero() => Some(duration),
                Ok(_) => {
                    self.mistake(
                        entry.node.at,
                        format!("`{}` must be above 0", entry.key),
                        None,
                    );
                    None
                }
                Err(why) => {
                    self.mistake(
                        entry.node.at,
                        format!("`{}`: {why}", entry.key),
                        Some("write seconds, or \"12h\"".to_owned()),
                    );
                    None
                }
            },
            // A year: beyond it somebody meant milliseconds.
            _ => self
                .number_within(entry, 1.0, 31_536_000.0)
                .map(Duration::from_secs_f64),
        }
    }
}
