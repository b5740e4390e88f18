//! Which transcriber, in words: for a deployment's file and for a variable.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{Command, Http, Transcriber, TranscriberError};

/// Which transcriber is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settings {
    /// A server with the transcriptions route.
    Http {
        /// Where.
        url: String,
        /// Its model.
        model: String,
    },
    /// A program.
    Command {
        /// The program and its arguments, with `{wav}`.
        argv: Vec<String>,
        /// How long it may take.
        limit: Option<Duration>,
    },
    /// A Whisper model on this machine.
    Whisper {
        /// The folder of its files.
        folder: PathBuf,
        /// How long it may take.
        limit: Option<Duration>,
    },
}

impl Settings {
    /// From one text: `http://HOST:PORT#MODEL`, `whisper:FOLDER`, or a program with its arguments, parted by blanks.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn parse(text: &str) -> Result<Self, TranscriberError> {
        let help = "write http://HOST:PORT#MODEL, whisper:FOLDER, or a program with {wav} among its arguments";
        let text = text.trim();
        if let Some(folder) = text.strip_prefix("whisper:") {
            return match folder.trim() {
                "" => Err(TranscriberError::failed("`whisper:` names no folder", help)),
                folder => Ok(Self::Whisper {
                    folder: folder.into(),
                    limit: None,
                }),
            };
        }
        if text.contains("://") {
            return match text.split_once('#') {
                Some((url, model)) if !model.trim().is_empty() => Ok(Self::Http {
                    url: url.to_owned(),
                    model: model.trim().to_owned(),
                }),
                _ => Err(TranscriberError::failed(
                    format!("`{}` names no model", text.escape_debug()),
                    help,
                )),
            };
        }
        let argv: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        match argv.iter().any(|word| word.contains("{wav}")) {
            true => Ok(Self::Command { argv, limit: None }),
            false => Err(TranscriberError::failed(
                format!("`{}` is no transcriber", text.escape_debug()),
                help,
            )),
        }
    }

    /// The transcriber. Whisper in a build without it is one that is missing, and says how to have it.
    ///
    /// # Errors
    /// When the address is none.
    pub fn build(&self) -> Result<Arc<dyn Transcriber>, TranscriberError> {
        Ok(match self {
            Self::Http { url, model } => Arc::new(Http::new(url, model)?),
            Self::Command { argv, limit } => {
                let command = Command::new(argv.iter().cloned());
                Arc::new(match limit {
                    Some(limit) => command.limit(*limit),
                    None => command,
                })
            }
            #[cfg(feature = "whisper")]
            Self::Whisper { folder, limit } => {
                let whisper = crate::Whisper::new(folder);
                Arc::new(match limit {
                    Some(limit) => whisper.limit(*limit),
                    None => whisper,
                })
            }
            #[cfg(not(feature = "whisper"))]
            Self::Whisper { folder, .. } => Arc::new(NotBuilt(folder.clone())),
        })
    }
}

/// Whisper, in a build without it.
#[cfg(not(feature = "whisper"))]
#[derive(Debug)]
struct NotBuilt(PathBuf);

#[cfg(not(feature = "whisper"))]
impl Transcriber for NotBuilt {
    fn name(&self) -> String {
        format!("whisper in {}", self.0.display())
    }

    fn transcribe<'a>(
        &'a self,
        _: &'a crate::Audio,
        _: Option<&'a str>,
    ) -> crate::Transcribing<'a> {
        let missing = TranscriberError::missing(
            "this program was built without Whisper",
            "build with the feature `whisper` of tribunal, or name another transcriber",
        );
        Box::pin(std::future::ready(Err(missing)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_says_which() {
        let server = Settings::parse(" http://127.0.0.1:9000#whisper-1 ").expect("a server");
        assert_eq!(
            server,
            Settings::Http {
                url: "http://127.0.0.1:9000".into(),
                model: "whisper-1".into()
            }
        );
        let Settings::Command { argv, limit: None } =
            Settings::parse("listen --file {wav}").expect("a program")
        else {
            panic!("a program");
        };
        assert_eq!(argv, ["listen", "--file", "{wav}"]);
        let whisper = Settings::parse("whisper: /models/whisper-small ").expect("a folder");
        assert_eq!(
            whisper,
            Settings::Whisper {
                folder: "/models/whisper-small".into(),
                limit: None
            }
        );
        for wrong in [
            "",
            "http://127.0.0.1:9000",
            "http://127.0.0.1:9000# ",
            "listen",
            "whisper:",
        ] {
            let said = Settings::parse(wrong).expect_err("neither").to_string();
            assert!(said.contains("http://HOST:PORT#MODEL"), "{said}");
        }
    }
}
