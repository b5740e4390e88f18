//! Requests to the routes that judge texts against each other or against classes.

use serde_json::{Value, json};

use crate::builder::request_methods;
use crate::completion_request::Prompt;
use crate::draft::Draft;
use crate::model_client::ModelClient;
use crate::ranking_answers::{ClassifyAnswer, RerankAnswer, ScoreAnswer};

/// A request to the rerank route being written. Nothing is sent before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct RerankRequest {
    draft: Draft,
}

impl RerankRequest {
    pub(crate) fn new(model: &ModelClient, query: String, documents: Vec<String>) -> Self {
        Self {
            draft: Draft::new(model, "/v1/rerank")
                .set("query", query)
                .set("documents", documents),
        }
    }

    /// Ask for the best so many only.
    pub fn top_n(self, top_n: u64) -> Self {
        self.extra("top_n", top_n)
    }
}

request_methods!(RerankRequest => RerankAnswer);

/// A request to the score route being written. Nothing is sent before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct ScoreRequest {
    draft: Draft,
}

impl ScoreRequest {
    pub(crate) fn new(model: &ModelClient, first: String, second: Vec<String>) -> Self {
        // One text stands alone: a list of one is a different request to some servers.
        let second = match second.as_slice() {
            [only] => json!(only),
            _ => Value::from(second),
        };
        Self {
            draft: Draft::new(model, "/v1/score")
                .set("text_1", first)
                .set("text_2", second),
        }
    }
}

request_methods!(ScoreRequest => ScoreAnswer);

/// A request to the classify route being written. Nothing is sent before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct ClassifyRequest {
    draft: Draft,
}

impl ClassifyRequest {
    pub(crate) fn new(model: &ModelClient, input: Prompt) -> Self {
        Self {
            draft: Draft::new(model, "/classify").set("input", input.into_json()),
        }
    }
}

request_methods!(ClassifyRequest => ClassifyAnswer);
