//! The texts that a deployment is made of, and what is wrong in them.
//!
//! A deployment comes from several texts: its file, the files that it extends, the options of a command line. Promise: a value knows
//! the text it came from however often it was merged, so that a mistake is shown where it was written. Rejected: merging plain
//! values (the message could then only name the key).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tribunal_vocabulary::Mistake;

/// Where something stands: which text, and which bytes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which text.
    pub source: usize,
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// The name of the texts that a command line brings.
pub(crate) const SETTING: &str = "--set";

/// One text, with the name that messages give it.
#[derive(Debug)]
struct Source {
    name: String,
    text: String,
    /// Where it lies, for the paths in it.
    folder: Option<PathBuf>,
}

/// The texts that were read so far.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Arc<Source>>);

impl Sources {
    /// Takes a text in, and gives its number. `folder`: where it lies, for the paths in it.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        text: impl Into<String>,
        folder: Option<PathBuf>,
    ) -> usize {
        self.0.push(Arc::new(Source {
            name: name.into(),
            text: text.into(),
            folder,
        }));
        self.0.len() - 1
    }

    /// A text, by its number.
    pub fn text(&self, source: usize) -> &str {
        self.0.get(source).map_or("", |source| &source.text)
    }

    /// Whether a text is an option of a command line.
    pub fn is_setting(&self, source: usize) -> bool {
        self.0
            .get(source)
            .is_some_and(|source| source.name == SETTING)
    }

    /// Where a text lies.
    pub fn folder(&self, source: usize) -> Option<&Path> {
        self.0.get(source)?.folder.as_deref()
    }

    /// The names of the texts, in the order in which they were read.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|source| &*source.name)
    }

    /// The whole of one text.
    pub fn whole(&self, source: usize) -> Place {
        Place {
            source,
            start: 0,
            end: 0,
        }
    }

    /// `name:line` of a place, for messages that point at a second one.
    pub fn line(&self, place: Place) -> String {
        let Some(source) = self.0.get(place.source) else {
            return String::new();
        };
        let before = &source.text.as_bytes()[..place.start.min(source.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("{}:{line}", source.name)
    }

    /// The place of `needle` within `place`, where it stands there as it is; else the whole place.
    pub fn within(&self, place: Place, needle: &str) -> Place {
        let found = self
            .text(place.source)
            .get(place.start..place.end)
            .and_then(|text| text.find(needle));
        match found {
            Some(at) => Place {
                start: place.start + at,
                end: place.start + at + needle.len(),
                ..place
            },
            None => place,
        }
    }

    /// The problems as they are shown, in the order in which the texts were read.
    pub fn problems(&self, mut found: Vec<Found>) -> Problems {
        found.sort_by(|a, b| (a.at, &a.message).cmp(&(b.at, &b.message)));
        found.dedup();
        let list = found
            .into_iter()
            .map(
                |found| match found.at.and_then(|at| self.0.get(at.source)) {
                    Some(source) => {
                        let at = found.at.map_or(0..0, |at| at.start..at.end);
                        Problem::Placed(
                            source.name.clone(),
                            Mistake::in_text(&source.text, at, found.message, found.help),
                        )
                    }
                    None => Problem::Plain(found.message, found.help),
                },
            )
            .collect();
        Problems { list }
    }
}

/// Something that is wrong, before it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub at: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Found {
    /// Something that is wrong at a place.
    pub fn at(place: Place, message: impl Into<String>, help: Option<String>) -> Found {
        Found {
            at: Some(place),
            message: message.into(),
            help,
        }
    }
}

/// Everything that is wrong with a deployment, each with its place, in the order of the texts. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Placed(String, Mistake),
    /// It stands in no text: a name on a command line.
    Plain(String, Option<String>),
}

impl Problems {
    /// One problem that stands in no text.
    pub fn plain(message: impl Into<String>, help: Option<String>) -> Problems {
        Problems {
            list: vec![Problem::Plain(message.into(), help)],
        }
    }

    /// The messages, without places and help.
    pub fn messages(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|problem| match problem {
            Problem::Placed(_, mistake) => &*mistake.message,
            Problem::Plain(message, _) => message,
        })
    }

    /// The file, line and column of each, where it has them.
    pub fn places(&self) -> impl Iterator<Item = Option<(&str, usize, usize)>> {
        self.list.iter().map(|problem| match problem {
            Problem::Placed(file, mistake) => Some((&**file, mistake.line, mistake.column)),
            Problem::Plain(..) => None,
        })
    }

    /// What to do about each, where that is known.
    pub fn helps(&self) -> impl Iterator<Item = Option<&str>> {
        self.list.iter().map(|problem| match problem {
            Problem::Placed(_, mistake) => mistake.help.as_deref(),
            Problem::Plain(_, help) => help.as_deref(),
        })
    }

    /// Adds those of another deployment.
    pub fn extend(&mut self, other: Problems) {
        self.list.extend(other.list);
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.list {
            match problem {
                Problem::Placed(origin, mistake) => writeln!(f, "{}", mistake.shown_in(origin))?,
                Problem::Plain(message, help) => {
                    writeln!(f, "error: {message}")?;
                    if let Some(help) = help {
                        writeln!(f, "  = help: {help}")?;
                    }
                    writeln!(f)?;
                }
            }
        }
        match self.list.len() {
            1 => write!(f, "1 mistake"),
            n => write!(f, "{n} mistakes"),
        }
    }
}
