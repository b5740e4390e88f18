//! The place where a verdict can be hung onto a client.
//!
//! A judge may have to ask somebody else (a transcriber, for speech), so it judges asynchronously.
//! What it judges is an enum and exhaustive on purpose: a new kind of answer is a compile error in
//! every judge, so that none can be passed over in silence.
//!
//! Rejected: a list of closures by kind of answer, where a kind without a closure is never judged and
//! nobody is told.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use crate::api_error::ErrorAnswer;
use crate::chat_answer::ChatAnswer;
use crate::completion_answer::CompletionAnswer;
use crate::embeddings_answer::EmbeddingsAnswer;
use crate::images_answer::ImagesAnswer;
use crate::ranking_answers::{ClassifyAnswer, RerankAnswer, ScoreAnswer};
use crate::raw::RawAnswer;
use crate::responses_answer::ResponsesAnswer;
use crate::speech_answer::SpeechAnswer;
use crate::statuses::Statuses;
use crate::transcription_answer::TranscriptionAnswer;
use crate::video_answer::VideoAnswer;

/// Why an answer fails.
pub type JudgeError = Box<dyn Error + Send + Sync>;

/// A judgement under way.
pub type JudgeFuture<'a> = Pin<Box<dyn Future<Output = Result<(), JudgeError>> + Send + 'a>>;

/// An answer to judge.
#[derive(Debug, Clone, Copy)]
pub enum Judged<'a> {
    /// Of the chat route, plain or streamed.
    Chat(&'a ChatAnswer),
    /// Of the completions route, plain or streamed.
    Completion(&'a CompletionAnswer),
    /// Of the responses route, plain or streamed.
    Responses(&'a ResponsesAnswer),
    /// Of the embeddings route.
    Embeddings(&'a EmbeddingsAnswer),
    /// Of the rerank route.
    Rerank(&'a RerankAnswer),
    /// Of the score route.
    Score(&'a ScoreAnswer),
    /// Of the classify route.
    Classify(&'a ClassifyAnswer),
    /// Of the speech route, plain or streamed.
    Speech(&'a SpeechAnswer),
    /// Of the transcription and translation routes, plain or streamed.
    Transcription(&'a TranscriptionAnswer),
    /// Of the image routes.
    Images(&'a ImagesAnswer),
    /// A finished video.
    Video(&'a VideoAnswer),
    /// An answer that was expected to have one of these statuses.
    Error(&'a ErrorAnswer, &'a Statuses),
}

impl<'a> Judged<'a> {
    /// The response below the answer: the request, what was attached to it, the bytes, the times.
    pub fn raw(&self) -> &'a RawAnswer {
        match self {
            Judged::Chat(answer) => &answer.raw,
            Judged::Completion(answer) => &answer.raw,
            Judged::Responses(answer) => &answer.raw,
            Judged::Embeddings(answer) => &answer.raw,
            Judged::Rerank(answer) => &answer.raw,
            Judged::Score(answer) => &answer.raw,
            Judged::Classify(answer) => &answer.raw,
            Judged::Speech(answer) => &answer.raw,
            Judged::Transcription(answer) => &answer.raw,
            Judged::Images(answer) => &answer.raw,
            Judged::Video(answer) => &answer.raw,
            Judged::Error(answer, _) => &answer.raw,
        }
    }
}

/// Asked about every answer before `send()` hands it to the test. An error becomes a
/// [`ClientError`](crate::ClientError) in phase `Judge` with it as its source.
///
/// `send_raw` and `unjudged` pass it by.
pub trait Judge: Send + Sync {
    /// Judge an answer; an error says why it fails.
    fn judge<'a>(&'a self, answer: Judged<'a>) -> JudgeFuture<'a>;
}
