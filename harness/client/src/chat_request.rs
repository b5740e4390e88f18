//! A client for the text routes of one model, and the chat request that it builds.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::chat_answer::ChatAnswer;
use crate::client::Client;
use crate::completion_request::{CompletionRequest, Prompt};
use crate::error::ClientError;
use crate::judge::Judge;
use crate::many::{Many, send_all};
use crate::message::Content;
use crate::parameters::{Draft, accepted_models, judged, settled, shared_parameters};
use crate::raw::RawAnswer;
use crate::transcript::Transcript;

/// A [`Client`] with a model, defaults for every request, and perhaps a judge. Clones are cheap.
#[derive(Clone)]
pub struct ChatClient {
    pub(crate) client: Client,
    pub(crate) model: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) defaults: Map<String, Value>,
    pub(crate) judge: Option<Arc<dyn Judge>>,
}

impl ChatClient {
    /// A client for this model.
    pub fn new(client: Client, model: impl Into<String>) -> Self {
        Self {
            client,
            model: model.into(),
            aliases: Vec::new(),
            defaults: Map::new(),
            judge: None,
        }
    }

    /// The client of the server.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The model that requests ask for.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Other names under which the same model may sign its answers.
    pub fn also_served_as<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.aliases.extend(names.into_iter().map(Into::into));
        self
    }

    /// Send this key with every request that does not set it itself.
    pub fn with_default(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.defaults.insert(key.to_owned(), value.into());
        self
    }

    /// Ask this judge about every answer that `send()` gets.
    pub fn with_judge(mut self, judge: Arc<dyn Judge>) -> Self {
        self.judge = Some(judge);
        self
    }

    /// Ask no judge.
    pub fn without_judge(mut self) -> Self {
        self.judge = None;
        self
    }

    /// Write to this transcript from now on.
    pub fn with_transcript(mut self, transcript: Transcript) -> Self {
        self.client = self.client.with_transcript(transcript);
        self
    }

    /// A chat request without any message.
    pub fn request(&self) -> ChatRequest {
        ChatRequest {
            draft: Draft::new(self, "/v1/chat/completions").set("messages", json!([])),
        }
    }

    /// A chat request that starts with a user's message.
    pub fn user(&self, content: impl Into<Content>) -> ChatRequest {
        self.request().user(content)
    }

    /// A chat request that starts with a system message.
    pub fn system(&self, content: impl Into<Content>) -> ChatRequest {
        self.request().system(content)
    }

    /// A chat request that starts with a message of the assistant.
    pub fn assistant(&self, content: impl Into<Content>) -> ChatRequest {
        self.request().assistant(content)
    }

    /// A chat request that starts with a message of any role.
    pub fn message(&self, role: &str, content: impl Into<Content>) -> ChatRequest {
        self.request().message(role, content)
    }

    /// A request to the completions route: a text, several texts, or token ids.
    pub fn completion(&self, prompt: impl Into<Prompt>) -> CompletionRequest {
        CompletionRequest::new(self, prompt.into())
    }
}

impl std::fmt::Debug for ChatClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatClient")
            .field("client", &self.client)
            .field("model", &self.model)
            .field("defaults", &self.defaults)
            .field("judged", &self.judge.is_some())
            .finish()
    }
}

/// A chat request being written. Nothing is sent before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct ChatRequest {
    draft: Draft,
}

impl ChatRequest {
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

    shared_parameters!();

    /// Send it, and let the judge look at the answer.
    ///
    /// # Errors
    /// Where no complete, successful, readable answer comes, or the judge rejects it.
    pub async fn send(self) -> Result<ChatAnswer, ClientError> {
        let (judge, aliases) = (
            self.draft.chat.judge.clone().filter(|_| self.draft.judged),
            self.draft.chat.aliases.clone(),
        );
        let raw = self.send_raw().await?.success()?;
        let mut answer = settled(raw, RawAnswer::chat)?;
        answer.accepted_models = accepted_models(&answer.raw.request, &aliases);
        if let Some(judge) = judge {
            judged(judge.chat(&answer), |failure, phase, message| {
                answer.raw.fail(failure, phase, message)
            })?;
        }
        Ok(answer)
    }

    /// Send the same request this many times at once; all results, in order.
    pub async fn send_many(self, times: usize) -> Many<ChatAnswer> {
        send_all((0..times).map(|_| self.clone().send())).await
    }
}
