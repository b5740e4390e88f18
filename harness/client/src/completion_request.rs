//! A request to the older completions route.

use serde_json::{Value, json};

use crate::chat_request::ChatClient;
use crate::completion_answer::CompletionAnswer;
use crate::error::ClientError;
use crate::many::{Many, send_all};
use crate::parameters::{Draft, accepted_models, judged, settled, shared_parameters};
use crate::raw::RawAnswer;

/// A prompt: a text, several texts, token ids, or several lists of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt(Value);

impl Prompt {
    /// Anything, right or wrong.
    pub fn raw(value: Value) -> Self {
        Self(value)
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
    pub(crate) fn new(chat: &ChatClient, prompt: Prompt) -> Self {
        Self {
            draft: Draft::new(chat, "/v1/completions").set("prompt", prompt.0),
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

    shared_parameters!();

    /// Send it, and let the judge look at the answer.
    ///
    /// # Errors
    /// Where no complete, successful, readable answer comes, or the judge rejects it.
    pub async fn send(self) -> Result<CompletionAnswer, ClientError> {
        let (judge, aliases) = (
            self.draft.chat.judge.clone().filter(|_| self.draft.judged),
            self.draft.chat.aliases.clone(),
        );
        let raw = self.send_raw().await?.success()?;
        let mut answer = settled(raw, RawAnswer::completion)?;
        answer.accepted_models = accepted_models(&answer.raw.request, &aliases);
        if let Some(judge) = judge {
            judged(judge.completion(&answer), |failure, phase, message| {
                answer.raw.fail(failure, phase, message)
            })?;
        }
        Ok(answer)
    }

    /// Send the same request this many times at once; all results, in order.
    pub async fn send_many(self, times: usize) -> Many<CompletionAnswer> {
        send_all((0..times).map(|_| self.clone().send())).await
    }
}
