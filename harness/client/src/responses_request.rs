//! A request to the responses route.

use serde_json::{Value, json};

use crate::builder::request_methods;
use crate::draft::Draft;
use crate::model_client::ModelClient;
use crate::responses_answer::ResponsesAnswer;

/// A request to the responses route being written. Nothing is sent before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct ResponsesRequest {
    draft: Draft,
}

impl ResponsesRequest {
    pub(crate) fn new(model: &ModelClient, input: Value) -> Self {
        Self {
            draft: Draft::new(model, "/v1/responses").set("input", input),
        }
    }

    /// What the model is told before the input.
    pub fn instructions(self, text: impl Into<String>) -> Self {
        self.extra("instructions", text.into())
    }

    /// Generate at most this many tokens.
    pub fn max_output_tokens(self, tokens: u64) -> Self {
        self.extra("max_output_tokens", tokens)
    }

    /// Sampling temperature; 0 is greedy.
    pub fn temperature(self, temperature: f64) -> Self {
        self.extra("temperature", temperature)
    }

    /// How much the model thinks before it answers: `low`, `medium`, `high`.
    pub fn reasoning_effort(self, effort: &str) -> Self {
        self.extra("reasoning", json!({ "effort": effort }))
    }

    /// Let the model call this function; its parameters are a JSON schema.
    pub fn tool(mut self, name: &str, description: &str, parameters: Value) -> Self {
        let tool = json!({
            "type": "function",
            "name": name,
            "description": description,
            "parameters": parameters,
        });
        self.draft = self.draft.add("tools", tool);
        self
    }

    /// `auto`, `none`, `required`, or an object that names one function.
    pub fn tool_choice(self, choice: impl Into<Value>) -> Self {
        self.extra("tool_choice", choice)
    }

    /// Go on from this response.
    pub fn previous_response(self, id: impl Into<String>) -> Self {
        self.extra("previous_response_id", id.into())
    }

    /// Ask for a stream of events.
    pub fn stream(self) -> Self {
        self.extra("stream", true)
    }
}

request_methods!(ResponsesRequest => ResponsesAnswer);
