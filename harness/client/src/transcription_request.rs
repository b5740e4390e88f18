//! A request to the transcription or translation route.

use serde_json::json;

use crate::builder::request_methods;
use crate::draft::Draft;
use crate::media::Media;
use crate::model_client::ModelClient;
use crate::transcription_answer::TranscriptionAnswer;

/// A request to the transcription or translation route being written: a form with the audio as a
/// file. Nothing is sent before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct TranscriptionRequest {
    draft: Draft,
}

impl TranscriptionRequest {
    pub(crate) fn new(model: &ModelClient, path: &'static str, audio: Media) -> Self {
        let mut draft = Draft::new(model, path).form();
        draft.media = true;
        Self {
            draft: draft.file("file", audio),
        }
    }

    /// The language that is spoken (`en`).
    pub fn language(self, language: impl Into<String>) -> Self {
        self.extra("language", language.into())
    }

    /// The form of the answer: `json`, `verbose_json`, `text`, `srt`, `vtt`.
    pub fn format(self, format: &str) -> Self {
        self.extra("response_format", format)
    }

    /// Sampling temperature; 0 is greedy.
    pub fn temperature(self, temperature: f64) -> Self {
        self.extra("temperature", temperature)
    }

    /// A text to guide the model.
    pub fn prompt(self, text: impl Into<String>) -> Self {
        self.extra("prompt", text.into())
    }

    /// Ask for the times of words as well; it wants the form `verbose_json`, and sets it.
    pub fn words(self) -> Self {
        self.format("verbose_json")
            .extra("timestamp_granularities[]", json!(["word", "segment"]))
    }

    /// Ask for the text as it is recognised.
    pub fn stream(self) -> Self {
        self.extra("stream", true)
    }
}

request_methods!(TranscriptionRequest => TranscriptionAnswer);
