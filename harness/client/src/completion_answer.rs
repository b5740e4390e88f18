//! An answer of the completions route, plain or put together from a stream.
//!
//! Lenient like [`ChatAnswer`](crate::ChatAnswer), for the same reason.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::draft::accepted_models;
use crate::error::{ClientError, Failure, Phase};
use crate::judge::Judged;
use crate::logprobs::CompletionLogprobs;
use crate::raw::RawAnswer;
use crate::stream::StreamRecord;
use crate::usage::{ReportedUsage, Usage, required};

/// An answer of the completions route.
#[derive(Debug, Clone)]
pub struct CompletionAnswer {
    /// `id`.
    pub id: Option<String>,
    /// `object`: `text_completion`, in a stream as well.
    pub object: Option<String>,
    /// `created`, in seconds since 1970.
    pub created: Option<f64>,
    /// `model`.
    pub model: Option<String>,
    /// The choices, in the order in which they came; of a stream, by index. Those of several
    /// prompts follow each other: choice `p * n + k` is the `k`-th of prompt `p`.
    pub choices: Vec<CompletionChoice>,
    /// The token counts as reported; a test calculates with [`usage()`](Self::usage).
    pub usage: Option<ReportedUsage>,
    /// Vendor fields of the answer; of a stream, the last value of each.
    pub extra: Map<String, Value>,
    /// The chunks with their times; `None` for a plain answer.
    pub stream: Option<StreamRecord<CompletionChunk>>,
    /// The names under which the model may sign: the one asked for and its aliases.
    pub accepted_models: Vec<String>,
    /// The response below: status, headers, bytes, times, and the request's body.
    pub raw: RawAnswer,
}

/// One choice, or what a chunk adds to it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct CompletionChoice {
    /// `index`.
    pub index: Option<u64>,
    /// The text; `None` where it is `null` or missing.
    pub text: Option<String>,
    /// `finish_reason`.
    pub finish_reason: Option<String>,
    /// Log-probabilities, where asked for.
    pub logprobs: Option<CompletionLogprobs>,
    /// Vendor fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One chunk of a stream.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CompletionChunk {
    /// `id`.
    pub id: Option<String>,
    /// `object`.
    pub object: Option<String>,
    /// `created`, in seconds since 1970.
    pub created: Option<f64>,
    /// `model`.
    pub model: Option<String>,
    /// The choices that this chunk continues; empty in the chunk that carries the usage.
    #[serde(default)]
    pub choices: Vec<CompletionChoice>,
    /// The token counts, in the last chunk where asked for.
    pub usage: Option<ReportedUsage>,
    /// Vendor fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct Wire {
    id: Option<String>,
    object: Option<String>,
    created: Option<f64>,
    model: Option<String>,
    choices: Option<Vec<CompletionChoice>>,
    usage: Option<ReportedUsage>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl CompletionAnswer {
    /// The text of the first choice; empty where it has none (`choices[0].text` tells `null` from an
    /// empty text).
    pub fn text(&self) -> &str {
        self.choices
            .first()
            .and_then(|choice| choice.text.as_deref())
            .unwrap_or("")
    }

    /// The finish reason of the first choice.
    pub fn finish_reason(&self) -> Option<&str> {
        self.choices.first()?.finish_reason.as_deref()
    }

    /// The token counts.
    ///
    /// # Errors
    /// Where the server did not report all three; an unknown count is never zero.
    pub fn usage(&self) -> Result<Usage, ClientError> {
        required(self.usage.as_ref(), self.stream.is_some())
            .map_err(|message| self.raw.fail(Failure::Missing, Phase::Decode, message))
    }

    /// Put the chunks of a stream together.
    fn fold(raw: RawAnswer, stream: StreamRecord<CompletionChunk>) -> Self {
        let first = stream.chunks.first().map(|arrived| &arrived.chunk);
        let mut choices: Vec<CompletionChoice> = Vec::new();
        let mut extra = Map::new();
        let mut usage = None;
        for arrived in &stream.chunks {
            let chunk = &arrived.chunk;
            extra.extend(chunk.extra.clone());
            usage = chunk.usage.clone().or(usage);
            for piece in &chunk.choices {
                match choices
                    .iter_mut()
                    .find(|choice| choice.index == piece.index)
                {
                    Some(choice) => choice.add(piece),
                    None => choices.push(piece.clone()),
                }
            }
        }
        choices.sort_by_key(|choice| choice.index);
        Self {
            id: first.and_then(|chunk| chunk.id.clone()),
            object: first.and_then(|chunk| chunk.object.clone()),
            created: first.and_then(|chunk| chunk.created),
            model: first.and_then(|chunk| chunk.model.clone()),
            choices,
            usage,
            extra,
            accepted_models: accepted_models(&raw.request, &[]),
            stream: Some(stream),
            raw,
        }
    }
}

crate::latency::latency_methods!(CompletionAnswer, "text", |answer| {
    let chunks = answer.stream.iter().flat_map(|stream| &stream.chunks);
    chunks
        .filter(|arrived| {
            arrived
                .chunk
                .choices
                .iter()
                .any(|choice| choice.text.as_ref().is_some_and(|text| !text.is_empty()))
        })
        .map(|arrived| arrived.at)
});

impl Answer for CompletionAnswer {
    fn read(raw: RawAnswer) -> Result<Self, ClientError> {
        raw.expect_kind()?;
        if raw.is_stream {
            let stream = StreamRecord::read(&raw)?;
            return Ok(Self::fold(raw, stream));
        }
        let wire: Wire = raw.json()?;
        let Some(choices) = wire.choices else {
            return Err(raw.no_choices(&wire.extra));
        };
        Ok(Self {
            id: wire.id,
            object: wire.object,
            created: wire.created,
            model: wire.model,
            choices,
            usage: wire.usage,
            extra: wire.extra,
            stream: None,
            accepted_models: accepted_models(&raw.request, &[]),
            raw,
        })
    }
    fn judged(&self) -> Option<Judged<'_>> {
        Some(Judged::Completion(self))
    }

    fn raw_mut(&mut self) -> &mut RawAnswer {
        &mut self.raw
    }

    fn accept(&mut self, models: Vec<String>) {
        self.accepted_models = models;
    }
}

impl CompletionChoice {
    fn add(&mut self, piece: &CompletionChoice) {
        if let Some(text) = &piece.text {
            self.text.get_or_insert_default().push_str(text);
        }
        self.finish_reason = piece.finish_reason.clone().or(self.finish_reason.take());
        self.extra.extend(piece.extra.clone());
        let Some(more) = &piece.logprobs else { return };
        let own = self.logprobs.get_or_insert_default();
        own.tokens.extend(more.tokens.iter().cloned());
        own.token_logprobs.extend(&more.token_logprobs);
        own.text_offset.extend(&more.text_offset);
        own.extra.extend(more.extra.clone());
        if let Some(top) = &more.top_logprobs {
            own.top_logprobs
                .get_or_insert_default()
                .extend(top.iter().cloned());
        }
    }
}
