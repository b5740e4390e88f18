//! A client for the routes of one model.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::chat_request::ChatRequest;
use crate::client::Client;
use crate::completion_request::{CompletionRequest, Prompt};
use crate::judge::Judge;
use crate::message::Content;
use crate::transcript::Transcript;

/// The name under which most tests know a [`ModelClient`]: chat is what most of them ask for.
pub type ChatClient = ModelClient;

/// A [`Client`] with a model, defaults for every request, and perhaps a judge. Clones are cheap.
#[derive(Clone)]
pub struct ModelClient {
    pub(crate) client: Client,
    pub(crate) model: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) defaults: Map<String, Value>,
    pub(crate) judge: Option<Arc<dyn Judge>>,
}

impl ModelClient {
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
        ChatRequest::new(self)
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

impl std::fmt::Debug for ModelClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelClient")
            .field("client", &self.client)
            .field("model", &self.model)
            .field("defaults", &self.defaults)
            .field("judged", &self.judge.is_some())
            .finish()
    }
}
