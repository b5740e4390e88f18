//! Real words through a speech program of the machine: flite, or else espeak-ng.
//!
//! What it says is the same for one version of the program, not across machines: tests that need the same bytes everywhere
//! use [`crate::synthetic::Sound`]. The text goes through a file, never through a shell or an option; the program ends within its time or
//! is killed. Rejected: linking one of them. Voices are megabytes, and espeak-ng's licence is not permissive.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::synthetic::encoded::Encoded;
use crate::{MediaError, MediaErrorKind, decode_wav};

const WHAT: &str = "speech";
/// The longest text, in bytes.
const MAX_TEXT: usize = 10_000;
/// From the start of the program to its end.
const LIMIT: Duration = Duration::from_secs(60);

/// A speech program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpeechProgram {
    /// flite: English, its voices are `kal`, `awb`, `rms` and `slt`.
    Flite,
    /// espeak-ng: a hundred languages (`en-us`, `de`, `fr+f2`).
    EspeakNg,
}

impl SpeechProgram {
    /// The name of its file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flite => "flite",
            Self::EspeakNg => "espeak-ng",
        }
    }
}

/// A speech program that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    program: SpeechProgram,
    path: PathBuf,
}

impl Speech {
    /// The program on the search path: flite, or else espeak-ng.
    ///
    /// # Errors
    /// When there is neither; the error says what to install.
    pub fn installed() -> Result<Self, MediaError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        [SpeechProgram::Flite, SpeechProgram::EspeakNg]
            .into_iter()
            .find_map(|program| Self::among(program, &folders))
            .ok_or_else(|| {
                MediaError::new(
                    MediaErrorKind::Unsupported,
                    WHAT,
                    "neither `flite` nor `espeak-ng` is on the search path; install one of them (`apt-get install flite`)",
                )
            })
    }

    /// One program, if it is on the search path.
    pub fn of(program: SpeechProgram) -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        Self::among(program, &std::env::split_paths(&path).collect::<Vec<_>>())
    }

    fn among(program: SpeechProgram, folders: &[PathBuf]) -> Option<Self> {
        let path = folders
            .iter()
            .map(|folder| folder.join(program.name()))
            .find(|file| file.is_file())?;
        Some(Self { program, path })
    }

    /// Which program it is.
    pub fn program(&self) -> SpeechProgram {
        self.program
    }

    /// Says a text, with the program's first voice or a named one, as WAV.
    ///
    /// # Errors
    /// When there is nothing to say or too much, the program does not know the voice, fails, or says nothing within a
    /// minute.
    pub fn say(&self, text: &str, voice: Option<&str>) -> Result<Encoded, MediaError> {
        if text.trim().is_empty() || text.len() > MAX_TEXT {
            return Err(MediaError::argument(
                WHAT,
                format!(
                    "a text of {} bytes; expected words, up to {MAX_TEXT} bytes",
                    text.len()
                ),
            ));
        }
        if let Some(voice) = voice {
            self.check_voice(voice)?;
        }
        let folder = tempfile::Builder::new()
            .prefix("tribunal-speech-")
            .tempdir()
            .map_err(|e| self.failed(format!("has nowhere to write: {e}")))?;
        let (words, sound) = (
            folder.path().join("words.txt"),
            folder.path().join("said.wav"),
        );
        std::fs::write(&words, text).map_err(|e| self.failed(format!("cannot be told: {e}")))?;
        let mut command = Command::new(&self.path);
        match (self.program, voice) {
            (SpeechProgram::Flite, Some(voice)) => command.args(["-voice", voice]),
            (SpeechProgram::EspeakNg, Some(voice)) => command.args(["-v", voice]),
            (_, None) => &mut command,
        };
        command.arg("-f").arg(&words);
        command
            .arg(match self.program {
                SpeechProgram::Flite => "-o",
                SpeechProgram::EspeakNg => "-w",
            })
            .arg(&sound);
        self.run(&mut command, folder.path())?;
        let bytes =
            std::fs::read(&sound).map_err(|e| self.failed(format!("left nothing to read: {e}")))?;
        let wav = decode_wav(&bytes)
            .map_err(|e| self.failed(format!("wrote what cannot be read: {e}")))?;
        if wav.audio.is_empty() {
            return Err(self.failed("said nothing".to_owned()));
        }
        Ok(Encoded::new("speech", "wav", "audio/wav", bytes))
    }

    /// flite takes its first voice for one that it does not know, and that would be the wrong answer in silence.
    fn check_voice(&self, voice: &str) -> Result<(), MediaError> {
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+');
        if voice.is_empty() || voice.starts_with(['-', '+']) || !voice.chars().all(named) {
            return Err(MediaError::argument(
                WHAT,
                format!("`{voice}` is no name of a voice"),
            ));
        }
        if self.program == SpeechProgram::EspeakNg {
            return Ok(());
        }
        let folder =
            tempfile::tempdir().map_err(|e| self.failed(format!("has nowhere to write: {e}")))?;
        let said = self.run(Command::new(&self.path).arg("-lv"), folder.path())?;
        let known = said.split_once(':').map_or("", |(_, names)| names);
        if known.split_whitespace().any(|name| name == voice) {
            return Ok(());
        }
        Err(MediaError::argument(
            WHAT,
            format!("flite has no voice `{voice}`; it has {}", known.trim()),
        ))
    }

    /// Runs the program to its end, and gives what it printed.
    fn run(&self, command: &mut Command, folder: &Path) -> Result<String, MediaError> {
        // To a file: a pipe that nobody reads would hold the program up.
        let printed = folder.join("printed.txt");
        let file = std::fs::File::create(&printed)
            .map_err(|e| self.failed(format!("has nowhere to print: {e}")))?;
        let errors = file
            .try_clone()
            .map_err(|e| self.failed(format!("has nowhere to print: {e}")))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .map_err(|e| self.failed(format!("cannot be started: {e}")))?;
        let deadline = Instant::now() + LIMIT;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                other => {
                    // It may have ended by itself in the meantime; either way it is gone after this.
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(self.failed(match other {
                        Err(e) => format!("was lost: {e}"),
                        Ok(_) => format!("did not end within {} s", LIMIT.as_secs()),
                    }));
                }
            }
        };
        let said = std::fs::read(&printed).unwrap_or_default();
        let said = String::from_utf8_lossy(&said[..said.len().min(4096)]).into_owned();
        if status.success() {
            Ok(said)
        } else {
            Err(self.failed(format!("ended with {status}: {}", said.trim())))
        }
    }

    fn failed(&self, what: String) -> MediaError {
        MediaError::new(
            MediaErrorKind::File,
            WHAT,
            format!("{} {what}", self.program.name()),
        )
    }
}
