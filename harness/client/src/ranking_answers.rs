//! Answers of the routes that judge texts against each other or against classes: rerank, score and
//! classify.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::draft::accepted_models;
use crate::error::ClientError;
use crate::judge::Judged;
use crate::raw::RawAnswer;
use crate::usage::ReportedUsage;

/// An answer of the rerank route.
#[derive(Debug, Clone)]
pub struct RerankAnswer {
    /// `id`.
    pub id: Option<String>,
    /// `model`.
    pub model: Option<String>,
    /// The documents with their scores, in the server's order.
    pub results: Vec<RerankResult>,
    /// The token counts as reported.
    pub usage: Option<ReportedUsage>,
    /// Vendor fields.
    pub extra: Map<String, Value>,
    /// The names under which the model may sign: the one asked for and its aliases.
    pub accepted_models: Vec<String>,
    /// The response below: status, headers, bytes, times, and the request's body.
    pub raw: RawAnswer,
}

/// One document with its score.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(from = "RerankResultWire")]
pub struct RerankResult {
    /// The document's place in the request.
    pub index: Option<u64>,
    /// How well it answers the query: `relevance_score`, or `score` where the server calls it so (SGLang).
    pub relevance_score: Option<f64>,
    /// The document again, where the server returns it: a text, or an object with one.
    pub document: Option<Value>,
    /// Vendor fields.
    pub extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct RerankResultWire {
    index: Option<u64>,
    relevance_score: Option<f64>,
    document: Option<Value>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl From<RerankResultWire> for RerankResult {
    fn from(mut wire: RerankResultWire) -> Self {
        if wire.relevance_score.is_none() {
            wire.relevance_score = wire.extra.get("score").and_then(Value::as_f64);
            if wire.relevance_score.is_some() {
                wire.extra.remove("score");
            }
        }
        Self {
            index: wire.index,
            relevance_score: wire.relevance_score,
            document: wire.document,
            extra: wire.extra,
        }
    }
}

/// An answer of the score route.
#[derive(Debug, Clone)]
pub struct ScoreAnswer {
    /// `id`.
    pub id: Option<String>,
    /// `object`: `list`.
    pub object: Option<String>,
    /// `model`.
    pub model: Option<String>,
    /// One for each pair of texts, in the server's order.
    pub data: Vec<Score>,
    /// The token counts as reported.
    pub usage: Option<ReportedUsage>,
    /// Vendor fields.
    pub extra: Map<String, Value>,
    /// The names under which the model may sign: the one asked for and its aliases.
    pub accepted_models: Vec<String>,
    /// The response below: status, headers, bytes, times, and the request's body.
    pub raw: RawAnswer,
}

/// The score of one pair of texts.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Score {
    /// The pair's place in the request.
    pub index: Option<u64>,
    /// `object`: `score`.
    pub object: Option<String>,
    /// The score.
    pub score: Option<f64>,
    /// The score of each label, where several were asked for (SGLang); `score` is nothing then.
    #[serde(skip)]
    pub labels: Vec<f64>,
    /// Vendor fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What SGLang's score route says of one text: one number, or one for each label.
#[derive(Deserialize)]
#[serde(untagged)]
enum LabelScores {
    One(Option<f64>),
    Each(Vec<f64>),
}

/// Scores by place alone, as [`Score`]s.
fn by_place(scores: Vec<LabelScores>) -> Vec<Score> {
    let read = |(at, scores)| {
        let (score, labels) = match scores {
            LabelScores::One(score) => (score, vec![]),
            LabelScores::Each(labels) if labels.len() == 1 => (labels.first().copied(), vec![]),
            LabelScores::Each(labels) => (None, labels),
        };
        Score {
            index: Some(at as u64),
            score,
            labels,
            ..Score::default()
        }
    };
    scores.into_iter().enumerate().map(read).collect()
}

/// An answer of the classify route.
#[derive(Debug, Clone)]
pub struct ClassifyAnswer {
    /// `id`.
    pub id: Option<String>,
    /// `object`: `list`.
    pub object: Option<String>,
    /// `model`.
    pub model: Option<String>,
    /// One for each input, in the server's order.
    pub data: Vec<Classification>,
    /// The token counts as reported.
    pub usage: Option<ReportedUsage>,
    /// Vendor fields.
    pub extra: Map<String, Value>,
    /// The names under which the model may sign: the one asked for and its aliases.
    pub accepted_models: Vec<String>,
    /// The response below: status, headers, bytes, times, and the request's body.
    pub raw: RawAnswer,
}

/// The class of one input.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Classification {
    /// The input's place in the request.
    pub index: Option<u64>,
    /// The name of the likeliest class.
    pub label: Option<String>,
    /// The probability of each class.
    pub probs: Option<Vec<f64>>,
    /// How many classes there are.
    pub num_classes: Option<u64>,
    /// Vendor fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What a list of this route looks like on the wire, and how it becomes an answer.
///
/// `or …`: another key, and what makes its items those of the list.
macro_rules! list_answer {
    ($answer:ident, $judged:ident, $items:ident: $item:ident $(, $field:ident)* $(; or $other:ident: $others:ident, $into:ident)?) => {
        const _: () = {
            #[derive(Deserialize, Default)]
            struct Wire {
                id: Option<String>,
                $($field: Option<String>,)*
                model: Option<String>,
                $items: Option<Vec<$item>>,
                $($other: Option<Vec<$others>>,)?
                usage: Option<ReportedUsage>,
                #[serde(flatten)]
                extra: Map<String, Value>,
            }

            impl Answer for $answer {
                fn read(raw: RawAnswer) -> Result<Self, ClientError> {
                    // SGLang answers some of these routes with the list alone.
                    let bare = raw.body.trim_ascii_start().starts_with(b"[");
                    let wire = match bare {
                        true => Wire { $items: Some(raw.json()?), ..Wire::default() },
                        false => raw.json::<Wire>()?,
                    };
                    let items = wire.$items;
                    $(let items = items.or_else(|| wire.$other.map($into));)?
                    let Some($items) = items else {
                        return Err(raw.lacks(stringify!($items), wire.extra.get("error")));
                    };
                    Ok(Self {
                        id: wire.id,
                        $($field: wire.$field,)*
                        model: wire.model,
                        $items,
                        usage: wire.usage,
                        extra: wire.extra,
                        accepted_models: accepted_models(&raw.request, &[]),
                        raw,
                    })
                }

                fn judged(&self) -> Option<Judged<'_>> {
                    Some(Judged::$judged(self))
                }

                fn raw_mut(&mut self) -> &mut RawAnswer {
                    &mut self.raw
                }

                fn accept(&mut self, models: Vec<String>) {
                    self.accepted_models = models;
                }
            }
        };

        impl $answer {
            /// From before the connection was opened to the last byte.
            pub fn elapsed(&self) -> Duration {
                self.raw.elapsed
            }
        }
    };
}

list_answer!(RerankAnswer, Rerank, results: RerankResult);
list_answer!(ScoreAnswer, Score, data: Score, object; or scores: LabelScores, by_place);
list_answer!(ClassifyAnswer, Classify, data: Classification, object);
