//! A request to the older completions route.

use serde_json::{Value, json};

use crate::builder::{request_methods, sampling_methods};
use crate::completion_answer::CompletionAnswer;
use crate::draft::Draft;
use crate::model_client::ModelClient;

/// A prompt, or the input of an embedding: a text, several texts, token ids, or several lists of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt(Value);

impl Prompt {
    /// Anything, right or wrong.
    pub fn raw(value: Value) -> Self {
        Self(value)
    }

    pub(crate) fn into_json(self) -> Value {
        self.0
    }
}

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        Self(json!(text))
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        Self(json!(text))
    }
}

/// Lists become JSON lists.
macro_rules! lists {
    ($($item:ty),*) => {$(
        impl<const N: usize> From<[$item; N]> for Prompt {
            fn from(list: [$item; N]) -> Self {
                Self(list.into_iter().map(|item| json!(item)).collect())
            }
        }

        impl From<Vec<$item>> for Prompt {
            fn from(list: Vec<$item>) -> Self {
                Self(list.into_iter().map(|item| json!(item)).collect())
            }
        }
    )*};
}
lists!(&str, String, u32, Vec<u32>);

/// A completion request being written. Nothing is sent before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct CompletionRequest {
    draft: Draft,
}

impl CompletionRequest {
    pub(crate) fn new(model: &ModelClient, prompt: Prompt) -> Self {
        Self {
            draft: Draft::new(model, "/v1/completions").set("prompt", prompt.0),
        }
    }

    /// Ask for log-probabilities with this many alternatives at each position.
    pub fn logprobs(self, top: u64) -> Self {
        self.extra("logprobs", top)
    }

    /// Ask for the prompt in front of the text.
    pub fn echo(self) -> Self {
        self.extra("echo", true)
    }

    sampling_methods!();
}

request_methods!(CompletionRequest => CompletionAnswer);
