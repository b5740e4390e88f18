//! What the rules look at: one plain view of chat and completion answers.
//!
//! Rejected: the rules written twice, or generic over the two answer types. The difference between
//! the routes is data, and stands here alone.

use serde_json::{Map, Value};
use tribunal_client::{
    ChatAnswer, CompletionAnswer, RawAnswer, ReportedUsage, StreamEnd, StreamRecord,
};

/// Which route answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Chat,
    Completion,
}

/// Keys that ask for a form, which no empty text has.
const FORMS: [&str; 7] = [
    "response_format",
    "structured_outputs",
    "guided_json",
    "guided_choice",
    "guided_regex",
    "guided_grammar",
    "grammar",
];

pub(crate) struct Facts<'a> {
    pub route: Route,
    pub raw: &'a RawAnswer,
    pub id: Option<&'a str>,
    pub object: Option<&'a str>,
    pub model: Option<&'a str>,
    pub accepted_models: &'a [String],
    pub choices: Vec<Choice<'a>>,
    pub usage: Option<&'a ReportedUsage>,
    pub stream: Option<Stream<'a>>,
}

pub(crate) struct Choice<'a> {
    pub index: Option<u64>,
    pub role: Option<&'a str>,
    pub text: Option<&'a str>,
    /// Output other than text: tool calls, reasoning, a refusal, audio.
    pub other: bool,
    pub finish: Option<&'a str>,
    /// `None`: no `logprobs` object.
    pub positions: Option<Vec<Position>>,
}

/// The log-probabilities at one position.
pub(crate) struct Position {
    pub token: String,
    pub logprob: Option<f64>,
    pub top: Vec<(String, Option<f64>)>,
}

pub(crate) struct Stream<'a> {
    pub end: &'a StreamEnd,
    pub after_done: usize,
    pub chunks: Vec<Chunk<'a>>,
}

pub(crate) struct Chunk<'a> {
    pub id: Option<&'a str>,
    pub object: Option<&'a str>,
    pub model: Option<&'a str>,
    pub usage: bool,
    pub pieces: Vec<Piece<'a>>,
}

/// What a chunk says about one choice.
pub(crate) struct Piece<'a> {
    pub index: Option<u64>,
    pub role: Option<&'a str>,
    pub finish: Option<&'a str>,
    /// An explicit `null` where the text should be, and nothing else that would explain it.
    pub null_text: bool,
    /// Whether it has text that is more than nothing.
    pub text: bool,
}

impl<'a> Facts<'a> {
    pub(crate) fn of_chat(answer: &'a ChatAnswer) -> Self {
        let choices = answer.choices.iter().map(|choice| {
            let message = &choice.message;
            let calls = message
                .tool_calls
                .as_ref()
                .is_some_and(|calls| !calls.is_empty());
            Choice {
                index: choice.index,
                role: message.role.as_deref(),
                text: message.content.as_deref(),
                other: calls || other_output(&message.extra),
                finish: choice.finish_reason.as_deref(),
                positions: choice.logprobs.as_ref().map(|logprobs| {
                    let tokens = logprobs.content.iter().flatten();
                    tokens
                        .map(|token| Position {
                            token: token.token.clone(),
                            logprob: token.logprob,
                            top: token
                                .top_logprobs
                                .iter()
                                .map(|top| (top.token.clone(), top.logprob))
                                .collect(),
                        })
                        .collect()
                }),
            }
        });
        Self {
            route: Route::Chat,
            raw: &answer.raw,
            id: answer.id.as_deref(),
            object: answer.object.as_deref(),
            model: answer.model.as_deref(),
            accepted_models: &answer.accepted_models,
            choices: choices.collect(),
            usage: answer.usage.as_ref(),
            stream: answer.stream.as_ref().map(|stream| {
                Stream::of(stream, |chunk| Chunk {
                    id: chunk.id.as_deref(),
                    object: chunk.object.as_deref(),
                    model: chunk.model.as_deref(),
                    usage: chunk.usage.is_some(),
                    pieces: chunk
                        .choices
                        .iter()
                        .map(|choice| {
                            let delta = &choice.delta;
                            // A first, a last, a tool or a reasoning chunk may carry `null` for its text.
                            let explained = delta.role.is_some()
                                || choice.finish_reason.is_some()
                                || delta.tool_calls.is_some()
                                || other_output(&delta.extra);
                            Piece {
                                index: choice.index,
                                role: delta.role.as_deref(),
                                finish: choice.finish_reason.as_deref(),
                                null_text: delta.content == Some(None) && !explained,
                                text: delta.content.iter().flatten().any(|text| !text.is_empty()),
                            }
                        })
                        .collect(),
                })
            }),
        }
    }

    pub(crate) fn of_completion(answer: &'a CompletionAnswer) -> Self {
        let choices = answer.choices.iter().map(|choice| Choice {
            index: choice.index,
            role: None,
            text: choice.text.as_deref(),
            other: false,
            finish: choice.finish_reason.as_deref(),
            positions: choice.logprobs.as_ref().map(|logprobs| {
                let tops = logprobs.top_logprobs.as_deref().unwrap_or_default();
                let tokens = logprobs.tokens.iter().enumerate();
                tokens
                    .map(|(at, token)| Position {
                        token: token.clone(),
                        logprob: logprobs.token_logprobs.get(at).copied().flatten(),
                        top: tops
                            .get(at)
                            .iter()
                            .flat_map(|top| top.iter().flatten())
                            .map(|(token, logprob)| (token.clone(), logprob.as_f64()))
                            .collect(),
                    })
                    .collect()
            }),
        });
        Self {
            route: Route::Completion,
            raw: &answer.raw,
            id: answer.id.as_deref(),
            object: answer.object.as_deref(),
            model: answer.model.as_deref(),
            accepted_models: &answer.accepted_models,
            choices: choices.collect(),
            usage: answer.usage.as_ref(),
            stream: answer.stream.as_ref().map(|stream| {
                Stream::of(stream, |chunk| Chunk {
                    id: chunk.id.as_deref(),
                    object: chunk.object.as_deref(),
                    model: chunk.model.as_deref(),
                    usage: chunk.usage.is_some(),
                    pieces: chunk
                        .choices
                        .iter()
                        .map(|choice| Piece {
                            index: choice.index,
                            role: None,
                            finish: choice.finish_reason.as_deref(),
                            null_text: choice.text.is_none() && choice.finish_reason.is_none(),
                            text: choice.text.as_ref().is_some_and(|text| !text.is_empty()),
                        })
                        .collect(),
                })
            }),
        }
    }

    /// A key of the request's body; `Null` where it was not sent.
    pub(crate) fn asked(&self, key: &str) -> &Value {
        &self.raw.request[key]
    }

    /// How many choices each prompt asked for; `None` where the request said nonsense.
    pub(crate) fn n(&self) -> Option<u64> {
        match self.asked("n") {
            Value::Null => Some(1),
            n => n.as_u64(),
        }
    }

    /// How many prompts were asked.
    pub(crate) fn prompts(&self) -> u64 {
        match self.asked("prompt") {
            // A list of numbers is one prompt of token ids.
            Value::Array(list) if list.first().is_some_and(|first| !first.is_number()) => {
                list.len() as u64
            }
            _ => 1,
        }
    }

    /// The most tokens that each choice may have.
    pub(crate) fn max_tokens(&self) -> Option<u64> {
        // The newer name wins where both are sent, as in the OpenAI API.
        self.asked("max_completion_tokens")
            .as_u64()
            .or_else(|| self.asked("max_tokens").as_u64())
    }

    /// Whether the request named stop strings, so that an empty text may be right.
    pub(crate) fn has_stop(&self) -> bool {
        match self.asked("stop") {
            Value::Array(list) => !list.is_empty(),
            stop => stop.is_string(),
        }
    }

    /// Whether the choice may say nothing because the first token that was drawn was the end: it was asked to be drawn and not to be the likeliest, nothing asks
    /// for more, and nothing tells of more than that one token.
    pub(crate) fn may_end_at_once(&self, choice: &Choice<'_>) -> bool {
        let drawn = self.asked("temperature").as_f64().is_some_and(|t| t > 0.0);
        let more = self.asked("min_tokens").as_u64().is_some_and(|n| n > 0)
            || self.asked("ignore_eos") == true
            || FORMS.iter().any(|key| !self.asked(key).is_null());
        let tokens = self.usage.and_then(|usage| usage.completion_tokens);
        let counted = self.choices.len() == 1 && tokens.is_some_and(|tokens| tokens > 1);
        let listed = choice.positions.as_ref().is_some_and(|all| all.len() > 1);
        drawn && !more && !counted && !listed && choice.finish == Some("stop")
    }

    /// What is judged, in words.
    pub(crate) fn subject(&self) -> String {
        let route = match self.route {
            Route::Chat => "chat answer",
            Route::Completion => "completion answer",
        };
        format!(
            "{route}{}",
            if self.stream.is_some() {
                ", streamed"
            } else {
                ""
            }
        )
    }
}

impl<'a> Stream<'a> {
    fn of<T>(record: &'a StreamRecord<T>, chunk: impl Fn(&'a T) -> Chunk<'a>) -> Self {
        Self {
            end: &record.end,
            after_done: record.after_done.len(),
            chunks: record
                .chunks
                .iter()
                .map(|arrived| chunk(&arrived.chunk))
                .collect(),
        }
    }

    /// The choices that occur, each once, in the order of their first piece.
    pub(crate) fn indexes(&self) -> Vec<Option<u64>> {
        let mut indexes = Vec::new();
        for piece in self.chunks.iter().flat_map(|chunk| &chunk.pieces) {
            if !indexes.contains(&piece.index) {
                indexes.push(piece.index);
            }
        }
        indexes
    }

    /// The pieces of one choice with the numbers of their chunks, counted from 1.
    pub(crate) fn pieces(&self, index: Option<u64>) -> impl Iterator<Item = (usize, &Piece<'a>)> {
        let chunks = self.chunks.iter().enumerate();
        chunks.flat_map(move |(number, chunk)| {
            chunk
                .pieces
                .iter()
                .filter(move |piece| piece.index == index)
                .map(move |piece| (number + 1, piece))
        })
    }
}

/// Fields beside the text and the tool calls that carry output: reasoning (two spellings are in
/// use), a refusal, audio, images, and the older form of a tool call. Any other vendor field says
/// something *about* the output.
const OTHER_OUTPUT: [&str; 6] = [
    "reasoning_content",
    "reasoning",
    "refusal",
    "audio",
    "images",
    "function_call",
];

/// Whether one of these fields says something.
fn other_output(fields: &Map<String, Value>) -> bool {
    OTHER_OUTPUT
        .iter()
        .filter_map(|name| fields.get(*name))
        .any(|value| match value {
            Value::String(text) => !text.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => false,
        })
}

/// A choice's name in messages.
pub(crate) fn choice(index: Option<u64>) -> String {
    index.map_or_else(
        || "a choice without index".into(),
        |index| format!("choice {index}"),
    )
}
