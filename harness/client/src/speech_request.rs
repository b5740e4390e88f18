//! A request to the speech route.

use crate::builder::request_methods;
use crate::draft::Draft;
use crate::model_client::ModelClient;
use crate::speech_answer::SpeechAnswer;

/// A request to the speech route being written. Nothing is sent before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct SpeechRequest {
    draft: Draft,
}

impl SpeechRequest {
    pub(crate) fn new(model: &ModelClient, input: String) -> Self {
        let mut draft = Draft::new(model, "/v1/audio/speech").set("input", input);
        draft.media = true;
        Self { draft }
    }

    /// The voice.
    pub fn voice(self, name: impl Into<String>) -> Self {
        self.extra("voice", name.into())
    }

    /// The format: `wav`, `pcm`, `mp3`, `flac`, `opus`, `aac`.
    pub fn format(self, format: &str) -> Self {
        self.extra("response_format", format)
    }

    /// How fast to speak; 1 is the voice's own pace.
    pub fn speed(self, speed: f64) -> Self {
        self.extra("speed", speed)
    }

    /// The sample rate in hertz (vLLM-Omni).
    pub fn sample_rate(self, hertz: u64) -> Self {
        self.extra("sample_rate", hertz)
    }

    /// How to speak, in words.
    pub fn instructions(self, text: impl Into<String>) -> Self {
        self.extra("instructions", text.into())
    }

    /// The language of the text (vLLM-Omni).
    pub fn language(self, language: impl Into<String>) -> Self {
        self.extra("language", language.into())
    }

    /// The seed of the sampling.
    pub fn seed(self, seed: i64) -> Self {
        self.extra("seed", seed)
    }

    /// Ask for the audio as it is made: bytes, in pieces.
    pub fn stream(self) -> Self {
        self.extra("stream", true)
    }

    /// Ask for the audio as it is made: server-sent events that carry it in base64.
    pub fn stream_events(self) -> Self {
        self.stream().extra("stream_format", "sse")
    }
}

request_methods!(SpeechRequest => SpeechAnswer);
