//! A request to the embeddings route.

use crate::builder::request_methods;
use crate::completion_request::Prompt;
use crate::draft::Draft;
use crate::embeddings_answer::EmbeddingsAnswer;
use crate::model_client::ModelClient;

/// A request to the embeddings route being written. Nothing is sent before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct EmbeddingsRequest {
    draft: Draft,
}

impl EmbeddingsRequest {
    pub(crate) fn new(model: &ModelClient, input: Prompt) -> Self {
        Self {
            draft: Draft::new(model, "/v1/embeddings").set("input", input.into_json()),
        }
    }

    /// Ask for base64 instead of numbers.
    pub fn base64(self) -> Self {
        self.extra("encoding_format", "base64")
    }

    /// Ask for vectors of this many numbers.
    pub fn dimensions(self, dimensions: u64) -> Self {
        self.extra("dimensions", dimensions)
    }
}

request_methods!(EmbeddingsRequest => EmbeddingsAnswer);
