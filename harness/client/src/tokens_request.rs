//! Requests to the routes that turn text into tokens and back.

use serde_json::json;

use crate::builder::request_methods;
use crate::draft::Draft;
use crate::model_client::ModelClient;
use crate::tokens_answer::{DetokenizeAnswer, TokenizeAnswer};

/// A request to the tokenize route being written. Nothing is sent before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct TokenizeRequest {
    draft: Draft,
}

impl TokenizeRequest {
    pub(crate) fn new(model: &ModelClient, text: String) -> Self {
        Self {
            // vLLM and SGLang read `prompt`, llama.cpp reads `content`; each ignores the other.
            draft: Draft::new(model, "/tokenize")
                .set("prompt", text.as_str())
                .set("content", text),
        }
    }
}

request_methods!(TokenizeRequest => TokenizeAnswer);

/// A request to the detokenize route being written. Nothing is sent before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct DetokenizeRequest {
    draft: Draft,
}

impl DetokenizeRequest {
    pub(crate) fn new(model: &ModelClient, tokens: &[u64]) -> Self {
        Self {
            draft: Draft::new(model, "/detokenize").set("tokens", json!(tokens)),
        }
    }
}

request_methods!(DetokenizeRequest => DetokenizeAnswer);
