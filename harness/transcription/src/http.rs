//! A server as a transcriber: any with the transcriptions route.

use std::time::Duration;

use tribunal_client::{Client, Failure, ModelClient};
use tribunal_media::{Audio, Encoding, encode_wav};

use crate::{Transcriber, TranscriberError, Transcribing, Transcript};

/// How long a server may take for one piece of audio.
const LIMIT: Duration = Duration::from_secs(120);

/// A server with the route `/v1/audio/transcriptions`, asked at temperature 0.
#[derive(Debug, Clone)]
pub struct Http {
    model: ModelClient,
    name: String,
}

impl Http {
    /// The server at this address, and its model.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(url: &str, model: &str) -> Result<Self, TranscriberError> {
        let client = Client::new(url).map_err(|error| {
            TranscriberError::failed(
                format!("the transcriber's address is none: {error}"),
                "write http://HOST:PORT",
            )
        })?;
        Ok(Self {
            model: client.model(model),
            name: format!("{model} at {}", without_user(url)),
        })
    }

    /// A client that was made already: with a key, for instance.
    pub fn of(model: ModelClient) -> Self {
        let name = model.model().to_owned();
        Self {
            model: model.without_judge(),
            name,
        }
    }

    async fn ask(
        &self,
        audio: &Audio,
        language: Option<&str>,
    ) -> Result<Transcript, TranscriberError> {
        let wav = encode_wav(audio, Encoding::I16).map_err(|error| {
            TranscriberError::failed(
                format!("the audio cannot be written as a WAV file: {error}"),
                "look at the audio itself",
            )
        })?;
        let mut request = self
            .model
            .transcription(("audio/wav", wav))
            .temperature(0.0)
            .total_timeout(LIMIT);
        if let Some(language) = language {
            // Servers know languages, not where they are spoken.
            request = request.language(language.split(['-', '_']).next().unwrap_or(language));
        }
        let answer = request
            .send()
            .await
            .map_err(|error| match error.failure() {
                Failure::Refused => TranscriberError::missing(
                    error.to_string(),
                    format!("start {}, or name another transcriber", self.name),
                ),
                _ => TranscriberError::failed(error.to_string(), "see the log of that server"),
            })?;
        Ok(Transcript {
            text: answer.text.trim().to_owned(),
            language: answer.language,
        })
    }
}

/// An address without its user and password, since the name stands in verdicts.
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    match authority.rfind('@') {
        Some(at) => format!("{scheme}://***@{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

impl Transcriber for Http {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn transcribe<'a>(&'a self, audio: &'a Audio, language: Option<&'a str>) -> Transcribing<'a> {
        Box::pin(self.ask(audio, language))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_no_password() {
        for (url, shown) in [
            (
                "http://me:opensesame@127.0.0.1:9000/v1",
                "m at http://***@127.0.0.1:9000/v1",
            ),
            (
                "http://127.0.0.1:9000/@home",
                "m at http://127.0.0.1:9000/@home",
            ),
        ] {
            let http = Http::new(url, "m").expect("an address");
            assert_eq!(http.name(), shown);
        }
    }
}
