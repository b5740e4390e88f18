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
pub struct RerankResult {
    /// The document's place in the request.
    pub index: Option<u64>,
    /// How well it answers the query.
    pub relevance_score: Option<f64>,
    /// The document again, where the server returns it: a text, or an object with one.
    pub document: Option<Value>,
    /// Vendor fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
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
    /// Vendor fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
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
macro_rules! list_answer {
    ($answer:ident, $judged:ident, $items:ident: $item:ident $(, $field:ident)*) => {
        const _: () = {
            #[derive(Deserialize)]
            struct Wire {
                id: Option<String>,
                $($field: Option<String>,)*
                model: Option<String>,
                $items: Option<Vec<$item>>,
                usage: Option<ReportedUsage>,
                #[serde(flatten)]
                extra: Map<String, Value>,
            }

            impl Answer for $answer {
                fn read(raw: RawAnswer) -> Result<Self, ClientError> {
                    let wire: Wire = raw.json()?;
                    let Some($items) = wire.$items else {
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
list_answer!(ScoreAnswer, Score, data: Score, object);
list_answer!(ClassifyAnswer, Classify, data: Classification, object);
