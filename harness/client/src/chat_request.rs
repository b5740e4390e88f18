//! A request to the chat route.

use serde_json::{Value, json};

use crate::builder::{request_methods, sampling_methods};
use crate::chat_answer::ChatAnswer;
use crate::draft::Draft;
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
        let (content, broken) = content.into().into_json();
        self.draft.broken = self.draft.broken.or(broken);
        let message = json!({ "role": role, "content": content });
        self.draft = self.draft.add("messages", message);
        self
    }

    /// Ask for log-probabilities with this many alternatives at each position.
    pub fn logprobs(self, top: u64) -> Self {
        self.extra("logprobs", true).extra("top_logprobs", top)
    }

    /// Let the model call this function; its parameters are a JSON schema.
    pub fn tool(mut self, name: &str, description: &str, parameters: Value) -> Self {
        let function =
            json!({ "name": name, "description": description, "parameters": parameters });
        let tool = json!({ "type": "function", "function": function });
        self.draft = self.draft.add("tools", tool);
        self
    }

    /// `auto`, `none`, `required`, or an object that names one function.
    pub fn tool_choice(self, choice: impl Into<Value>) -> Self {
        self.extra("tool_choice", choice)
    }

    /// Make the model call this function.
    pub fn must_call(self, name: &str) -> Self {
        self.tool_choice(json!({ "type": "function", "function": { "name": name } }))
    }

    /// Ask for a text that is a JSON object.
    pub fn json_object(self) -> Self {
        self.extra("response_format", json!({ "type": "json_object" }))
    }

    /// Ask for a text that is JSON of this schema.
    pub fn json_schema(self, name: &str, schema: Value) -> Self {
        let schema = json!({ "name": name, "schema": schema, "strict": true });
        self.extra(
            "response_format",
            json!({ "type": "json_schema", "json_schema": schema }),
        )
    }

    /// Ask for a text of a form: `structured("choice", json!(["yes", "no"]))`, `json`, `regex`,
    /// `grammar` (vLLM's `structured_outputs`).
    pub fn structured(self, kind: &str, form: impl Into<Value>) -> Self {
        let form: Value = form.into();
        self.extra("structured_outputs", json!({ kind: form }))
    }

    /// How much the model thinks before it answers: `low`, `medium`, `high`.
    pub fn reasoning_effort(self, effort: &str) -> Self {
        self.extra("reasoning_effort", effort)
    }

    /// What the answer consists of: `text`, `audio`, `image`.
    pub fn modalities<S: Into<String>>(self, modalities: impl IntoIterator<Item = S>) -> Self {
        let modalities: Vec<String> = modalities.into_iter().map(Into::into).collect();
        self.extra("modalities", modalities)
    }

    /// The voice and format of an answer that is spoken.
    pub fn spoken(self, voice: &str, format: &str) -> Self {
        self.extra("audio", json!({ "voice": voice, "format": format }))
    }

    sampling_methods!();
}

request_methods!(ChatRequest => ChatAnswer);
