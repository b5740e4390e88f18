//! The place where a verdict can be hung onto a client.
//!
//! Rejected: a list of closures by answer kind. A trait whose methods are all required cannot be
//! forgotten silently: a new kind of answer is a compile error in every judge.

use std::error::Error;

use crate::api_error::ErrorAnswer;
use crate::chat_answer::ChatAnswer;
use crate::completion_answer::CompletionAnswer;
use crate::statuses::Statuses;

/// Why an answer fails.
pub type JudgeError = Box<dyn Error + Send + Sync>;

/// Asked about every answer before `send()` hands it to the test. An error becomes a
/// [`ClientError`](crate::ClientError) in phase `Judge` with it as its source.
///
/// `send_raw` and `unjudged` pass it by.
pub trait Judge: Send + Sync {
    /// Judge a chat answer, plain or streamed.
    ///
    /// # Errors
    /// Why the answer fails.
    fn chat(&self, answer: &ChatAnswer) -> Result<(), JudgeError>;

    /// Judge an answer of the completions route, plain or streamed.
    ///
    /// # Errors
    /// Why the answer fails.
    fn completion(&self, answer: &CompletionAnswer) -> Result<(), JudgeError>;

    /// Judge an answer that was expected to have one of these statuses.
    ///
    /// # Errors
    /// Why the answer fails.
    fn error(&self, answer: &ErrorAnswer, expected: &Statuses) -> Result<(), JudgeError>;
}
