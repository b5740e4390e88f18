//! Where requests go, and what they ask for besides their prompt.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Reading;

/// Where requests go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// `/v1/chat/completions`.
    Chat,
    /// `/v1/completions`.
    Completions,
    /// `/v1/audio/speech`: raw samples as they come.
    Speech,
    /// `/v1/images/generations`.
    Images,
    /// `/v1/images/edits`: a form with pictures.
    ImageEdits,
    /// `/v1/videos`: a form; the job that it makes is watched.
    Videos,
    /// `/v1/audio/transcriptions`: a form with a sound.
    Transcriptions,
    /// `/v1/embeddings`.
    Embeddings,
}

impl Route {
    /// The path below the server's root.
    pub fn path(self) -> &'static str {
        match self {
            Route::Chat => "/v1/chat/completions",
            Route::Completions => "/v1/completions",
            Route::Speech => "/v1/audio/speech",
            Route::Images => "/v1/images/generations",
            Route::ImageEdits => "/v1/images/edits",
            Route::Videos => "/v1/videos",
            Route::Transcriptions => "/v1/audio/transcriptions",
            Route::Embeddings => "/v1/embeddings",
        }
    }

    /// Whether its prompt is a text that a cache of prefixes may keep.
    pub(super) fn has_prefix(self) -> bool {
        matches!(self, Route::Chat | Route::Completions | Route::Embeddings)
    }

    pub(super) fn reading(self, options: &RequestOptions) -> Reading {
        let sse = options
            .extra_body
            .get("stream_format")
            .and_then(Value::as_str)
            == Some("sse");
        match (self, options.stream) {
            (Route::Chat, true) => Reading::ChatStream,
            (Route::Chat, false) => Reading::Chat,
            (Route::Completions, true) => Reading::CompletionStream,
            (Route::Completions, false) => Reading::Completion,
            (Route::Speech, true) if sse => Reading::SpeechStream,
            (Route::Speech, _) => Reading::Speech,
            (Route::Images | Route::ImageEdits, _) => Reading::Images,
            (Route::Videos, _) => Reading::Video,
            (Route::Transcriptions, _) => Reading::Transcription,
            (Route::Embeddings, _) => Reading::Embeddings,
        }
    }
}

/// When a stream should say how many tokens it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UsageOption {
    /// Nothing is asked for.
    None,
    /// At its end (`include_usage`).
    #[default]
    Final,
    /// With each event too (`continuous_usage_stats`): gaps between tokens are then exact also where an event holds several. Servers that check what
    /// they are asked for, and do not know it, refuse it.
    Each,
}

/// What requests ask for besides their prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestOptions {
    /// Answers in a stream, where the route has one.
    pub stream: bool,
    /// When a stream says how many tokens it has.
    pub usage: UsageOption,
    /// Go on to the number of tokens that is asked for, whatever the model says.
    pub ignore_eos: bool,
    /// The temperature, where it is set.
    pub temperature: Option<f64>,
    /// Fields of every body. A field that is null is taken out; all others replace what is there.
    pub extra_body: Map<String, Value>,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
    /// The path, where it is not the route's.
    pub path: Option<String>,
    /// The beginning of every prompt of text: a new one for each run keeps a cache of prefixes from answering from the run before. It belongs to
    /// what is recorded of a run.
    pub salt: Option<String>,
    /// Tokens of one word of random text, where it is known of the model. A prompt of `n` tokens has `n` divided by it words.
    pub tokens_per_word: f64,
}

impl Default for RequestOptions {
    /// A stream that says at its end how many tokens it has.
    fn default() -> Self {
        Self {
            stream: true,
            usage: UsageOption::default(),
            ignore_eos: false,
            temperature: None,
            extra_body: Map::new(),
            headers: Vec::new(),
            path: None,
            salt: None,
            tokens_per_word: 1.0,
        }
    }
}

impl RequestOptions {
    /// Words of random text for so many tokens; at least one.
    pub(super) fn words(&self, tokens: u32) -> u32 {
        let each = if self.tokens_per_word.is_finite() && self.tokens_per_word > 0.0 {
            self.tokens_per_word
        } else {
            1.0
        };
        ((f64::from(tokens) / each).round() as u32).max(1)
    }
}
