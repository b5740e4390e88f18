//! An answer of the responses route, plain or put together from its events.
//!
//! Lenient like [`ChatAnswer`](crate::ChatAnswer), for the same reason. Of a stream the response
//! object is that of the last event that carries one; what the deltas say is kept apart from it, so
//! that a verdict can compare the two.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::draft::accepted_models;
use crate::error::{ClientError, Failure, Phase};
use crate::judge::Judged;
use crate::raw::RawAnswer;
use crate::stream::StreamRecord;
use crate::usage::Usage;

/// An answer of the responses route.
#[derive(Debug, Clone)]
pub struct ResponsesAnswer {
    /// The response object.
    pub response: Response,
    /// The events with their times; `None` for a plain answer.
    pub stream: Option<StreamRecord<ResponsesEvent>>,
    /// The names under which the model may sign: the one asked for and its aliases.
    pub accepted_models: Vec<String>,
    /// The response below: status, headers, bytes, times, and the request's body.
    pub raw: RawAnswer,
}

/// The response object of the route.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Response {
    /// `id`.
    pub id: Option<String>,
    /// `object`: `response`.
    pub object: Option<String>,
    /// `created_at`, in seconds since 1970.
    pub created_at: Option<f64>,
    /// `model`.
    pub model: Option<String>,
    /// `status`: `completed`, `incomplete`, `failed`, `in_progress` …
    pub status: Option<String>,
    /// What the model made: messages, reasoning, calls; in the server's order.
    pub output: Option<Vec<ResponseItem>>,
    /// The token counts as reported.
    pub usage: Option<ResponsesUsage>,
    /// Why it failed, where it did.
    pub error: Option<Value>,
    /// Why it is incomplete, where it is.
    pub incomplete_details: Option<Value>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One item of the output.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct ResponseItem {
    /// `type`: `message`, `reasoning`, `function_call` …
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `id`.
    pub id: Option<String>,
    /// `status`.
    pub status: Option<String>,
    /// `role`, of a message.
    pub role: Option<String>,
    /// The parts of a message or of a reasoning.
    pub content: Option<Vec<ResponsePart>>,
    /// The function's name, of a call.
    pub name: Option<String>,
    /// `call_id`, of a call.
    pub call_id: Option<String>,
    /// The arguments as text, of a call.
    pub arguments: Option<String>,
    /// Everything else (`summary`, `encrypted_content` …).
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct ResponsePart {
    /// `type`: `output_text`, `refusal`, `reasoning_text` …
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The text.
    pub text: Option<String>,
    /// Everything else (`annotations`, `logprobs` …).
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The token counts of the route, which names them otherwise than chat does.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct ResponsesUsage {
    /// Tokens of the input.
    pub input_tokens: Option<u64>,
    /// Tokens generated.
    pub output_tokens: Option<u64>,
    /// The sum, as the server says.
    pub total_tokens: Option<u64>,
    /// Everything else (`input_tokens_details`, `output_tokens_details`).
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl ResponsesUsage {
    /// `input_tokens_details.cached_tokens`: how much of the input came from a prefix cache.
    pub fn cached_tokens(&self) -> Option<u64> {
        self.extra
            .get("input_tokens_details")?
            .get("cached_tokens")?
            .as_u64()
    }
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ResponsesEvent {
    /// `type`, such as `response.output_text.delta`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The event's number, counted by the server.
    pub sequence_number: Option<u64>,
    /// The item that the event concerns.
    pub item_id: Option<String>,
    /// The place of the item in the output.
    pub output_index: Option<u64>,
    /// The place of the part in the item.
    pub content_index: Option<u64>,
    /// The added text, of a delta.
    pub delta: Option<String>,
    /// The whole text, of `response.output_text.done`.
    pub text: Option<String>,
    /// The response object, of the first and last events.
    pub response: Option<Response>,
    /// Everything else (`item`, `part`, `arguments` …).
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The event types after which a stream of this route has nothing more to say.
const LAST: [&str; 3] = [
    "response.completed",
    "response.incomplete",
    "response.failed",
];

impl ResponsesEvent {
    /// Whether it ends the stream.
    pub fn is_last(&self) -> bool {
        LAST.contains(&self.kind.as_str())
    }

    fn has_output(&self) -> bool {
        self.kind.ends_with(".delta") && self.delta.as_ref().is_some_and(|text| !text.is_empty())
    }
}

impl ResponsesAnswer {
    /// The text of all messages; empty where there is none. Of a stream that lacks its last
    /// event, what the deltas say.
    pub fn text(&self) -> String {
        match (&self.response.output, &self.stream) {
            (Some(output), _) if !output.is_empty() => output
                .iter()
                .filter(|item| item.kind.as_deref() == Some("message"))
                .flat_map(|item| item.content.iter().flatten())
                .filter(|part| part.kind.as_deref() == Some("output_text"))
                .filter_map(|part| part.text.as_deref())
                .collect(),
            (_, Some(_)) => self.streamed_text(),
            (_, None) => String::new(),
        }
    }

    /// The text that the deltas of a stream add up to; empty for a plain answer.
    pub fn streamed_text(&self) -> String {
        self.events("response.output_text.delta")
            .filter_map(|event| event.delta.as_deref())
            .collect()
    }

    /// The events of this type, in order; none for a plain answer.
    pub fn events(&self, kind: &str) -> impl Iterator<Item = &ResponsesEvent> {
        self.stream
            .iter()
            .flat_map(|stream| &stream.chunks)
            .map(|arrived| &arrived.chunk)
            .filter(move |event| event.kind == kind)
    }

    /// The function calls of the output.
    pub fn calls(&self) -> impl Iterator<Item = &ResponseItem> {
        self.response
            .output
            .iter()
            .flatten()
            .filter(|item| item.kind.as_deref() == Some("function_call"))
    }

    /// The token counts, by the names of the other routes.
    ///
    /// # Errors
    /// Where the server did not report all three; an unknown count is never zero.
    pub fn usage(&self) -> Result<Usage, ClientError> {
        let missing = |what: &str| {
            self.raw.fail(
                Failure::Missing,
                Phase::Decode,
                format!("the answer {what}: the server did not count its tokens"),
            )
        };
        let usage = self
            .response
            .usage
            .as_ref()
            .ok_or_else(|| missing("has no `usage`"))?;
        Ok(Usage {
            prompt_tokens: usage
                .input_tokens
                .ok_or_else(|| missing("has no `usage.input_tokens`"))?,
            completion_tokens: usage
                .output_tokens
                .ok_or_else(|| missing("has no `usage.output_tokens`"))?,
            total_tokens: usage
                .total_tokens
                .ok_or_else(|| missing("has no `usage.total_tokens`"))?,
        })
    }
}

impl Answer for ResponsesAnswer {
    fn read(raw: RawAnswer) -> Result<Self, ClientError> {
        raw.expect_kind()?;
        let (response, stream) = if raw.is_stream {
            let stream: StreamRecord<ResponsesEvent> =
                StreamRecord::read_until(&raw, ResponsesEvent::is_last)?;
            let events = stream.chunks.iter().map(|arrived| &arrived.chunk);
            let last = events.rev().find_map(|event| event.response.clone());
            (last.unwrap_or_default(), Some(stream))
        } else {
            let response: Response = raw.json()?;
            if response.output.is_none() && response.status.is_none() {
                return Err(raw.lacks("output", response.error.as_ref()));
            }
            (response, None)
        };
        Ok(Self {
            response,
            stream,
            accepted_models: accepted_models(&raw.request, &[]),
            raw,
        })
    }

    fn judged(&self) -> Option<Judged<'_>> {
        Some(Judged::Responses(self))
    }

    fn raw_mut(&mut self) -> &mut RawAnswer {
        &mut self.raw
    }

    fn accept(&mut self, models: Vec<String>) {
        self.accepted_models = models;
    }
}

crate::latency::latency_methods!(
    ResponsesAnswer,
    "output (a text, reasoning or call delta)",
    |answer| {
        answer
            .stream
            .iter()
            .flat_map(|stream| &stream.chunks)
            .filter(|arrived| arrived.chunk.has_output())
            .map(|arrived| arrived.at)
    }
);
