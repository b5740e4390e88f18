//! A conversation before it is a request of some route.

use std::sync::Arc;

use serde_json::{Map, Value};

/// A sort of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Medium {
    Image,
    Video,
    Audio,
}

/// Media in a prompt.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub medium: Medium,
    /// Its address: `data:` with the bytes in it, or that of a server.
    pub url: Arc<str>,
    /// Its bytes, where they are here.
    pub bytes: Arc<[u8]>,
    pub mime: &'static str,
    pub file_name: String,
    /// The length of a sound.
    pub seconds: Option<f64>,
}

/// What is said in one turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub text: String,
    pub parts: Vec<Part>,
    /// Messages as they stand in a file: they are sent instead of the text.
    pub messages: Option<Vec<Value>>,
    /// Tokens that are asked for.
    pub output: Option<u32>,
    /// Tokens of the prompt, as far as they are known without a tokenizer.
    pub tokens: Option<u32>,
    /// Fields of this request's own (`size`, `num_inference_steps`).
    pub fields: Map<String, Value>,
}

/// A conversation: its turns in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    pub system: Option<String>,
    pub turns: Vec<Said>,
}

impl From<Said> for Item {
    fn from(said: Said) -> Self {
        Self {
            system: None,
            turns: vec![said],
        }
    }
}

/// Where conversations come from.
pub(super) trait Items: Send {
    /// The next one; `None`: there are no more.
    fn next(&mut self) -> Option<Item>;
}
