//! From audio to text, by whatever transcriber is at hand: a server, a program, or weights on this machine.
//!
//! A verdict on speech needs to know what was said. Nothing that knows is light enough to be part of a test harness, so it is asked
//! for through a trait: [`Http`] asks any server with the transcriptions route, [`Command`] runs any program, and with the
//! feature `whisper`, `Whisper` computes a model here. All pin the language and ask for no randomness, so that the same audio gives
//! the same text.
//!
//! Promise: a transcriber that is missing says what to install, and is told apart from one that failed; neither is ever an empty text.
//!
//! Rejected: a transcriber chosen by what is installed. A verdict must not change because a machine has another program.

mod command;
mod error;
mod http;
mod settings;
#[cfg(feature = "whisper")]
mod whisper;

use std::future::Future;
use std::pin::Pin;

pub use command::Command;
pub use error::TranscriberError;
pub use http::Http;
pub use settings::Settings;
pub use tribunal_media::Audio;
#[cfg(feature = "whisper")]
pub use whisper::Whisper;

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The text, as the transcriber writes it.
    pub text: String,
    /// The language that it heard, where it says so.
    pub language: Option<String>,
}

/// A transcription under way.
pub type Transcribing<'a> =
    Pin<Box<dyn Future<Output = Result<Transcript, TranscriberError>> + Send + 'a>>;

/// Something that knows what was said.
pub trait Transcriber: Send + Sync {
    /// Its name, for people: a verdict says who listened.
    fn name(&self) -> String;

    /// What is said in this audio. `language` is a code (`en`, `zh-CN`) that pins the language; without it the transcriber decides.
    fn transcribe<'a>(&'a self, audio: &'a Audio, language: Option<&'a str>) -> Transcribing<'a>;
}
