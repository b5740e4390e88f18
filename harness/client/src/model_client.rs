//! A client for the routes of one model.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::chat_request::ChatRequest;
use crate::client::Client;
use crate::completion_request::{CompletionRequest, Prompt};
use crate::embeddings_request::EmbeddingsRequest;
use crate::images_request::ImagesRequest;
use crate::judge::Judge;
use crate::media::Media;
use crate::message::Content;
use crate::ranking_requests::{ClassifyRequest, RerankRequest, ScoreRequest};
use crate::responses_request::ResponsesRequest;
use crate::speech_request::SpeechRequest;
use crate::tokens_request::{DetokenizeRequest, TokenizeRequest};
use crate::transcript::Transcript;
use crate::transcription_request::TranscriptionRequest;
use crate::video_request::VideoRequest;

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

    /// The same client, judge and defaults for another model of the server.
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self.aliases.clear();
        self
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

    /// A request to the responses route: a text, or a list of items.
    pub fn responses(&self, input: impl Into<Value>) -> ResponsesRequest {
        ResponsesRequest::new(self, input.into())
    }

    /// A request to the embeddings route: a text, several texts, or token ids.
    pub fn embeddings(&self, input: impl Into<Prompt>) -> EmbeddingsRequest {
        EmbeddingsRequest::new(self, input.into())
    }

    /// A request to the rerank route: which of these documents answer the query best.
    pub fn rerank<S: Into<String>>(
        &self,
        query: impl Into<String>,
        documents: impl IntoIterator<Item = S>,
    ) -> RerankRequest {
        let documents = documents.into_iter().map(Into::into).collect();
        RerankRequest::new(self, query.into(), documents)
    }

    /// A request to the score route: how near each of these texts is to the first.
    pub fn score<S: Into<String>>(
        &self,
        first: impl Into<String>,
        second: impl IntoIterator<Item = S>,
    ) -> ScoreRequest {
        let second = second.into_iter().map(Into::into).collect();
        ScoreRequest::new(self, first.into(), second)
    }

    /// A request to the classify route: a text, or several.
    pub fn classify(&self, input: impl Into<Prompt>) -> ClassifyRequest {
        ClassifyRequest::new(self, input.into())
    }

    /// A request for the tokens of a text.
    pub fn tokenize(&self, text: impl Into<String>) -> TokenizeRequest {
        TokenizeRequest::new(self, text.into())
    }

    /// A request for the text of tokens.
    pub fn detokenize(&self, tokens: impl AsRef<[u64]>) -> DetokenizeRequest {
        DetokenizeRequest::new(self, tokens.as_ref())
    }

    /// A request to the speech route: say this text.
    pub fn speech(&self, input: impl Into<String>) -> SpeechRequest {
        SpeechRequest::new(self, input.into())
    }

    /// A request to the transcription route: what is said here, in the language it is said in.
    pub fn transcription(&self, audio: impl Into<Media>) -> TranscriptionRequest {
        TranscriptionRequest::new(self, "/v1/audio/transcriptions", audio.into())
    }

    /// A request to the translation route: what is said here, in English.
    pub fn translation(&self, audio: impl Into<Media>) -> TranscriptionRequest {
        TranscriptionRequest::new(self, "/v1/audio/translations", audio.into())
    }

    /// A request to the image generation route.
    pub fn images(&self, prompt: impl Into<String>) -> ImagesRequest {
        ImagesRequest::generations(self, prompt.into())
    }

    /// A request to the image edit route: change these images so.
    pub fn image_edits<M: Into<Media>>(
        &self,
        prompt: impl Into<String>,
        images: impl IntoIterator<Item = M>,
    ) -> ImagesRequest {
        let images = images.into_iter().map(Into::into).collect();
        ImagesRequest::edits(self, prompt.into(), images)
    }

    /// A request for a video: create it, watch it, fetch it.
    pub fn videos(&self, prompt: impl Into<String>) -> VideoRequest {
        VideoRequest::new(self, prompt.into())
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
