//! A request to the chat route.

use serde_json::{Value, json};

use crate::chat_answer::ChatAnswer;
use crate::draft::{Draft, request_methods, sampling_methods};
use crate::message::Content;
use crate::model_client::ModelClient;

/// A chat request being written. Nothing is sent before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct ChatRequest {
    draft: Draft,
}

impl ChatRequest {
    pub(crate) fn new(model: &ModelClient) -> Self {
        Self {
            draft: Draft::new(model, "/v1/chat/completions").set("messages", json!([])),
        }
    }

    /// Add a user's message.
    pub fn user(self, content: impl Into<Content>) -> Self {
        self.message("user", content)
    }

    /// Add a system message.
    pub fn system(self, content: impl Into<Content>) -> Self {
        self.message("system", content)
    }

    /// Add a message of the assistant.
    pub fn assistant(self, content: impl Into<Content>) -> Self {
        self.message("assistant", content)
    }

    /// Add a message of any role, right or wrong.
    pub fn message(mut self, role: &str, content: impl Into<Content>) -> Self {
        let message = json!({ "role": role, "content": content.into().into_json() });
        match self.draft.body.get_mut("messages") {
            Some(Value::Array(messages)) => messages.push(message),
            // Replaced or left out through `extra` or `without`: what is said last holds.
            _ => self = self.extra("messages", json!([message])),
        }
        self
    }

    /// Ask for log-probabilities with this many alternatives at each position.
    pub fn logprobs(self, top: u64) -> Self {
        self.extra("logprobs", true).extra("top_logprobs", top)
    }

    sampling_methods!();
}

request_methods!(ChatRequest => ChatAnswer);
