//! One request that is to be sent, and where requests come from.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// Events of a chat (text, reasoning, tools, audio, images).
    ChatStream,
    /// One chat answer.
    Chat,
    /// Events of a completion.
    CompletionStream,
    /// One completion.
    Completion,
    /// Bytes of audio, as they come.
    Speech,
    /// Events of speech.
    SpeechStream,
    /// A transcription.
    Transcription,
    /// Images in JSON.
    Images,
    /// The bytes of a video, or a job that is polled until they are there.
    Video,
    /// Embeddings.
    Embeddings,
    /// Only the length of the body.
    Plain,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// None: it is a GET.
    None,
    /// JSON.
    Json(Arc<[u8]>),
    /// Anything else, with its content type (a form with files).
    Other(Arc<[u8]>, String),
}

/// One request that is to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Path below the server's root, with its query, as in `/v1/chat/completions`.
    pub path: String,
    /// Body.
    pub body: Body,
    /// Headers beside those that the body and the server's key need.
    pub headers: Vec<(String, String)>,
    /// How its answer is read.
    pub reading: Reading,
    /// Prompt tokens, where the data set knows.
    pub prompt_tokens: Option<u32>,
    /// Completion tokens that are asked for.
    pub asked_tokens: Option<u32>,
    /// Length of the audio in its prompt in seconds.
    pub input_audio_seconds: Option<f64>,
}

/// Where requests come from: a data set with a seed.
pub trait Source: Send {
    /// The next conversation: its turns in order, each sent when the one before is answered. `None`: there are no more.
    ///
    /// A request that stands alone is a conversation of one turn. The answer's text is put into later turns where `answered` wants it.
    fn next(&mut self) -> Option<Vec<Request>>;

    /// The request for the next turn, once the turn before was answered with `text`. The default: as [`next`](Self::next) gave it.
    fn answered(&mut self, next: Request, text: &str) -> Request {
        let _ = text;
        next
    }
}
