//! A response read as the answer of a route, and what stands in the way of it.

use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::chat_answer::ChatAnswer;
use crate::completion_answer::CompletionAnswer;
use crate::embeddings_answer::EmbeddingsAnswer;
use crate::error::{ClientError, Failure, Phase};
use crate::images_answer::ImagesAnswer;
use crate::ranking_answers::{ClassifyAnswer, RerankAnswer, ScoreAnswer};
use crate::raw::RawAnswer;
use crate::responses_answer::ResponsesAnswer;
use crate::speech_answer::SpeechAnswer;
use crate::transcription_answer::TranscriptionAnswer;
use crate::video_answer::VideoAnswer;

impl RawAnswer {
    /// Read it as a chat answer, whatever its end. A truncated stream gives what came.
    ///
    /// # Errors
    /// Where it is none, or the stream carries an error object.
    pub fn chat(self) -> Result<ChatAnswer, ClientError> {
        ChatAnswer::read(self)
    }

    /// Read it as an answer of the completions route, whatever its end.
    ///
    /// # Errors
    /// Where it is none, or the stream carries an error object.
    pub fn completion(self) -> Result<CompletionAnswer, ClientError> {
        CompletionAnswer::read(self)
    }

    /// Read it as an answer of the responses route, whatever its end.
    ///
    /// # Errors
    /// Where it is none, or the stream carries an error object.
    pub fn responses(self) -> Result<ResponsesAnswer, ClientError> {
        ResponsesAnswer::read(self)
    }

    /// Read it as an answer of the embeddings route.
    ///
    /// # Errors
    /// Where it is none.
    pub fn embeddings(self) -> Result<EmbeddingsAnswer, ClientError> {
        EmbeddingsAnswer::read(self)
    }

    /// Read it as an answer of the rerank route.
    ///
    /// # Errors
    /// Where it is none.
    pub fn rerank(self) -> Result<RerankAnswer, ClientError> {
        RerankAnswer::read(self)
    }

    /// Read it as an answer of the score route.
    ///
    /// # Errors
    /// Where it is none.
    pub fn score(self) -> Result<ScoreAnswer, ClientError> {
        ScoreAnswer::read(self)
    }

    /// Read it as an answer of the classify route.
    ///
    /// # Errors
    /// Where it is none.
    pub fn classify(self) -> Result<ClassifyAnswer, ClientError> {
        ClassifyAnswer::read(self)
    }

    /// Read it as speech, plain or streamed, whatever its end.
    ///
    /// # Errors
    /// Where it is none, or the stream carries an error object.
    pub fn speech(self) -> Result<SpeechAnswer, ClientError> {
        SpeechAnswer::read(self)
    }

    /// Read it as a transcription or translation, plain or streamed, whatever its end.
    ///
    /// # Errors
    /// Where it is none, or the stream carries an error object.
    pub fn transcription(self) -> Result<TranscriptionAnswer, ClientError> {
        TranscriptionAnswer::read(self)
    }

    /// Read it as an answer of the image routes.
    ///
    /// # Errors
    /// Where it is none.
    pub fn images(self) -> Result<ImagesAnswer, ClientError> {
        ImagesAnswer::read(self)
    }

    /// Read it as the bytes of a finished video.
    ///
    /// # Errors
    /// Where it is none.
    pub fn video(self) -> Result<VideoAnswer, ClientError> {
        VideoAnswer::read(self)
    }

    /// A stream where one was asked for, and a plain body where not.
    pub(crate) fn expect_kind(&self) -> Result<(), ClientError> {
        let asked = self.request["stream"] == true;
        if asked == self.is_stream || self.request.is_null() {
            return Ok(());
        }
        // A server that answers 200 with an error object did not even try.
        let json: Option<Value> = serde_json::from_slice(&self.body).ok();
        if let Some(Value::Object(fields)) = json.filter(|json| !json["error"].is_null()) {
            return Err(self.no_choices(&fields));
        }
        let (want, got) = if asked {
            ("a stream (text/event-stream)", "a plain body")
        } else {
            ("a plain body", "a stream (text/event-stream)")
        };
        let kind = self
            .headers
            .get("content-type")
            .unwrap_or("no content type")
            .to_owned();
        let message = format!("the request asked for {want} and the server sent {got} ({kind})");
        Err(self
            .fail(Failure::Undecodable, Phase::Decode, message)
            .excerpt(self.shown(&String::from_utf8_lossy(&self.body), 0)))
    }

    /// The error for an answer without choices: an error object under a status of success, or
    /// something else.
    pub(crate) fn no_choices(&self, fields: &Map<String, Value>) -> ClientError {
        self.lacks("choices", fields.get("error"))
    }

    /// The error for an answer without this field, with what stands in `error`.
    pub(crate) fn lacks(&self, field: &str, error: Option<&Value>) -> ClientError {
        if error.is_some_and(|error| !error.is_null()) {
            let error = self.api_error();
            let message =
                format!("the server sent an error object under a status of success: {error}");
            return self.fail(Failure::Status(error), Phase::Decode, message);
        }
        self.fail(
            Failure::Undecodable,
            Phase::Decode,
            format!("the answer has no `{field}`"),
        )
        .excerpt(self.shown(&String::from_utf8_lossy(&self.body), 0))
    }
}
