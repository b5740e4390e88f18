//! The rules that need somebody who listens: what is said in the audio.

use std::sync::Arc;

use tribunal_media::Audio;
use tribunal_transcription::{Transcriber, TranscriberError, Transcript};

use crate::agreement;
use crate::bench::Bench;
use crate::expectations::Similarity;
use crate::verdict::{Ending, RuleResult};

/// Who listens: one transcriber, and a stronger one that is asked before anything fails.
#[derive(Clone, Default)]
pub(crate) struct Listeners {
    pub first: Option<Arc<dyn Transcriber>>,
    pub stronger: Option<Arc<dyn Transcriber>>,
}

/// What to do where nobody listens.
const HELP: &str = "give the deployment a table [transcriber] with `url` and `model`, with `command` or with `whisper`, or set TRIBUNAL_TRANSCRIBER (http://HOST:PORT#MODEL, whisper:FOLDER, or a program with {wav})";

/// A rule, the threshold of its similarity, and how it gates.
pub(crate) type Gate = (&'static str, &'static str, Similarity);

/// What one listener heard.
pub(crate) enum Heard {
    Text(String),
    /// Nobody listened; why, and what to do.
    Nobody(String, String),
}

fn told(name: &str, result: Result<Transcript, TranscriberError>) -> Heard {
    match result {
        Ok(transcript) => Heard::Text(transcript.text),
        Err(error) => Heard::Nobody(
            format!("the transcriber {name}: {}", error.problem()),
            error.help().to_owned(),
        ),
    }
}

impl Listeners {
    pub async fn hear(&self, bench: &Bench, audio: Option<&Audio>) -> Heard {
        listen(self.first.as_ref(), bench, audio).await
    }

    /// The rule `rule`: `heard` says what `expected` says; a stronger listener decides before it fails.
    pub async fn agrees(
        &self,
        bench: &Bench,
        (rule, limit, mode): Gate,
        expected: &str,
        heard: &Heard,
        audio: Option<&Audio>,
    ) -> RuleResult {
        let text = match heard {
            Heard::Text(text) => text,
            Heard::Nobody(why, help) => return RuleResult::not_made(rule, why, help),
        };
        let first = agreement::agrees(bench, rule, limit, mode, expected, text);
        if first.ending != Ending::Fail || self.stronger.is_none() {
            return first;
        }
        match listen(self.stronger.as_ref(), bench, audio).await {
            Heard::Text(text) => {
                let second = agreement::agrees(bench, rule, limit, mode, expected, &text);
                let name = self
                    .stronger
                    .as_ref()
                    .map_or_else(String::new, |stronger| stronger.name());
                let message = format!(
                    "decided by {name}, after {}",
                    first.figure.as_deref().unwrap_or("a failure")
                );
                let message = if second.message.is_empty() {
                    message
                } else {
                    format!("{}; {message}", second.message)
                };
                second.because(message)
            }
            Heard::Nobody(why, _) => {
                let message = format!(
                    "{}; the stronger transcriber could not be asked: {why}",
                    first.message
                );
                first.because(message)
            }
        }
    }
}

async fn listen(
    listener: Option<&Arc<dyn Transcriber>>,
    bench: &Bench,
    audio: Option<&Audio>,
) -> Heard {
    let Some(listener) = listener else {
        return Heard::Nobody("nobody is here to listen".into(), HELP.into());
    };
    let Some(audio) = audio else {
        return Heard::Nobody(
            "the audio could not be read".into(),
            "ask for `wav` or `pcm`, which are decoded here".into(),
        );
    };
    told(
        &listener.name(),
        listener
            .transcribe(audio, bench.expect.language.as_deref())
            .await,
    )
}
