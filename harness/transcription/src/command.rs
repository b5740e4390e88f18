//! A program as a transcriber: it gets a WAV file, and what it prints is the text.
//!
//! Promise: no shell; the program ends with its time limit, and when nobody awaits it any more; what it prints is bounded.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tribunal_media::{Audio, Encoding, encode_wav, resample};

use crate::{Transcriber, TranscriberError, Transcribing, Transcript};

/// The rate of the WAV file: what nearly every recogniser was trained with.
const RATE: u32 = 16_000;
/// The most bytes of output that are read.
const MOST: u64 = 1 << 20;
/// How long a program may take unless somebody says otherwise.
const USUAL_LIMIT: Duration = Duration::from_secs(120);

/// A program that is run for each piece of audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    argv: Vec<String>,
    limit: Duration,
}

impl Command {
    /// A program and its arguments. `{wav}` in them is the path of a WAV file (16 kHz, one channel, 16 bits); `{language}` the code
    /// of the language, `en` where none is pinned. What the program prints is the text.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            limit: USUAL_LIMIT,
        }
    }

    /// How long it may take.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    async fn run(
        &self,
        audio: &Audio,
        language: Option<&str>,
    ) -> Result<Transcript, TranscriberError> {
        let (Some(program), true) = (
            self.argv.first(),
            self.argv.iter().any(|word| word.contains("{wav}")),
        ) else {
            return Err(TranscriberError::failed(
                "the command of the transcriber has no `{wav}`, so it would not know what to listen to",
                "put `{wav}` where the path of the file belongs",
            ));
        };
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            TranscriberError::failed(
                format!("{what}: {error}"),
                "see whether there is room for temporary files",
            )
        };
        let bytes =
            wav(audio).map_err(|e| failed("the audio cannot be written as a WAV file", &e))?;
        let file = tempfile::Builder::new()
            .prefix("tribunal-transcriber-")
            .suffix(".wav")
            .tempfile()
            .map_err(|e| failed("no temporary file", &e))?;
        std::fs::write(file.path(), bytes)
            .map_err(|e| failed("the WAV file cannot be written", &e))?;
        let path = file.path().display().to_string();
        let fill = |word: &String| {
            word.replace("{language}", language.unwrap_or("en"))
                .replace("{wav}", &path)
        };
        let mut command = tokio::process::Command::new(program);
        command
            .args(self.argv[1..].iter().map(fill))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => TranscriberError::missing(
                format!(
                    "the program `{}` of the transcriber is not here",
                    program.escape_debug()
                ),
                format!(
                    "install what brings `{}`, or name another transcriber",
                    program.escape_debug()
                ),
            ),
            _ => TranscriberError::missing(
                format!("`{}` cannot be started: {error}", program.escape_debug()),
                "see whether it may be executed",
            ),
        })?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let all = async { tokio::join!(text(out), text(err), child.wait()) };
        // In a binding of its own: `child` is borrowed by the future until it is gone.
        let ended = tokio::time::timeout(self.limit, all).await;
        let Ok((out, err, status)) = ended else {
            let _ = child.kill().await;
            return Err(TranscriberError::failed(
                format!(
                    "{} has not ended after {:?} and was stopped",
                    self.shown(),
                    self.limit
                ),
                "give it a longer limit, or a faster program",
            ));
        };
        let status = status
            .map_err(|error| failed("the end of the transcriber cannot be awaited", &error))?;
        if !status.success() {
            return Err(TranscriberError::failed(
                format!("{} ended with {status}", self.shown()),
                format!("it said: {}", last(&err)),
            ));
        }
        Ok(Transcript {
            text: out.trim().to_owned(),
            language: language.map(str::to_owned),
        })
    }

    fn shown(&self) -> String {
        format!("`{}`", self.argv.join(" ").escape_debug())
    }
}

impl Transcriber for Command {
    fn name(&self) -> String {
        self.argv.first().cloned().unwrap_or_default()
    }

    fn transcribe<'a>(&'a self, audio: &'a Audio, language: Option<&'a str>) -> Transcribing<'a> {
        Box::pin(self.run(audio, language))
    }
}

/// The audio as every recogniser reads it.
fn wav(audio: &Audio) -> Result<Vec<u8>, tribunal_media::MediaError> {
    let mono = Audio::mono(audio.rate(), audio.mixed())?;
    let mono = if mono.rate() == RATE {
        mono
    } else {
        resample(&mono, RATE)?
    };
    encode_wav(&mono, Encoding::I16)
}

/// What a pipe brings, as far as it is wanted. The rest is read as well, so that the program does not wait for a reader.
async fn text(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else {
        return String::new();
    };
    let mut bytes = Vec::new();
    // What came before an error of the pipe is all there is.
    let _ = (&mut pipe).take(MOST).read_to_end(&mut bytes).await;
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last line that says something.
fn last(text: &str) -> String {
    let line = text
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty());
    line.map_or_else(
        || "nothing".to_owned(),
        |line| line.chars().take(200).filter(|c| !c.is_control()).collect(),
    )
}
