//! An answer of the embeddings route.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::draft::accepted_models;
use crate::error::{ClientError, Failure, Phase};
use crate::judge::Judged;
use crate::raw::RawAnswer;
use crate::usage::ReportedUsage;

/// An answer of the embeddings route.
#[derive(Debug, Clone)]
pub struct EmbeddingsAnswer {
    /// `object`: `list`.
    pub object: Option<String>,
    /// `model`.
    pub model: Option<String>,
    /// One for each input, in the order in which they came.
    pub data: Vec<Embedding>,
    /// The token counts as reported; the route has no `completion_tokens`.
    pub usage: Option<ReportedUsage>,
    /// Vendor fields.
    pub extra: Map<String, Value>,
    /// The names under which the model may sign: the one asked for and its aliases.
    pub accepted_models: Vec<String>,
    /// The response below: status, headers, bytes, times, and the request's body.
    pub raw: RawAnswer,
}

/// One embedding.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Embedding {
    /// `index`: the input that it belongs to.
    pub index: Option<u64>,
    /// `object`: `embedding`.
    pub object: Option<String>,
    /// The vector as it was sent.
    #[serde(rename = "embedding")]
    pub sent: SentVector,
    /// Vendor fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A vector in the form in which a server sent it.
#[derive(Debug, Clone, PartialEq)]
pub enum SentVector {
    /// Numbers. A `null`, which servers write where JSON has no word for it, is NaN here.
    Floats(Vec<f64>),
    /// Text in base64: 32-bit floats, the low byte first.
    Base64(String),
    /// Neither of the two (a list of lists, an object).
    Other(Value),
}

impl<'de> Deserialize<'de> for SentVector {
    fn deserialize<D: Deserializer<'de>>(field: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(field)? {
            Value::String(text) => Self::Base64(text),
            Value::Array(items) if items.iter().all(|item| item.is_number() || item.is_null()) => {
                Self::Floats(
                    items
                        .iter()
                        .map(|item| item.as_f64().unwrap_or(f64::NAN))
                        .collect(),
                )
            }
            other => Self::Other(other),
        })
    }
}

impl SentVector {
    /// The numbers, whatever form they were sent in.
    ///
    /// # Errors
    /// Why they cannot be read: no base64, a length that is no multiple of four, neither form.
    pub fn numbers(&self) -> Result<Vec<f64>, String> {
        match self {
            Self::Floats(numbers) => Ok(numbers.clone()),
            Self::Base64(text) => {
                let bytes = STANDARD
                    .decode(text)
                    .map_err(|error| format!("the embedding is no base64: {error}"))?;
                let (words, []) = bytes.as_chunks::<4>() else {
                    return Err(format!(
                        "the embedding's {} bytes are no 32-bit floats: not a multiple of 4",
                        bytes.len()
                    ));
                };
                Ok(words
                    .iter()
                    .map(|word| f64::from(f32::from_le_bytes(*word)))
                    .collect())
            }
            Self::Other(value) => Err(format!(
                "the embedding is neither a list of numbers nor base64 text but {}",
                kind(value)
            )),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list of something else",
        Value::Object(_) => "an object",
    }
}

impl EmbeddingsAnswer {
    /// The numbers of every embedding, by `index` where all have one, else in the order sent.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub fn vectors(&self) -> Result<Vec<Vec<f64>>, ClientError> {
        let mut order: Vec<&Embedding> = self.data.iter().collect();
        if order.iter().all(|embedding| embedding.index.is_some()) {
            order.sort_by_key(|embedding| embedding.index);
        }
        order
            .into_iter()
            .enumerate()
            .map(|(number, embedding)| {
                embedding.sent.numbers().map_err(|why| {
                    self.raw.fail(
                        Failure::Undecodable,
                        Phase::Decode,
                        format!("embedding {}: {why}", number + 1),
                    )
                })
            })
            .collect()
    }

    /// From before the connection was opened to the last byte.
    pub fn elapsed(&self) -> std::time::Duration {
        self.raw.elapsed
    }
}

#[derive(Deserialize)]
struct Wire {
    object: Option<String>,
    model: Option<String>,
    data: Option<Vec<Embedding>>,
    usage: Option<ReportedUsage>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl Answer for EmbeddingsAnswer {
    fn read(raw: RawAnswer) -> Result<Self, ClientError> {
        let wire: Wire = raw.json()?;
        let Some(data) = wire.data else {
            return Err(raw.lacks("data", wire.extra.get("error")));
        };
        Ok(Self {
            object: wire.object,
            model: wire.model,
            data,
            usage: wire.usage,
            extra: wire.extra,
            accepted_models: accepted_models(&raw.request, &[]),
            raw,
        })
    }

    fn judged(&self) -> Option<Judged<'_>> {
        Some(Judged::Embeddings(self))
    }

    fn raw_mut(&mut self) -> &mut RawAnswer {
        &mut self.raw
    }

    fn accept(&mut self, models: Vec<String>) {
        self.accepted_models = models;
    }
}
