//! One block of code of a page, and what is to be done with it.

use serde::Serialize;

use crate::annotation::Annotation;
use crate::console::Told;
use crate::lines::Place;

/// What becomes of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Run by bash.
    Shell,
    /// A session with prompts: its commands are run by bash, and what they print is compared.
    Session(Vec<Told>),
    /// Run by Python.
    Python,
    /// A Python session with `>>>`, run by doctest.
    PythonSession,
    /// Written to the page's working folder.
    File(String),
    /// What another example prints.
    Output,
    /// Listed, with the reason why it is not run.
    Listed(String),
}

impl Kind {
    /// Whether it is run.
    pub fn runs(&self) -> bool {
        matches!(
            self,
            Self::Shell | Self::Session(_) | Self::Python | Self::PythonSession
        )
    }
}

/// What an example prints, stated by a block of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stated {
    /// The text.
    pub text: String,
    /// The first line of it.
    pub place: Place,
}

/// One block of code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snippet {
    /// Its name on the page: the heading of the second level and a number, or what its comment says.
    pub id: String,
    /// The headings above it, from the first level down.
    pub sections: Vec<String>,
    /// The line of its fence.
    pub place: Place,
    /// What stands after the fence.
    pub info: String,
    /// What becomes of it.
    pub kind: Kind,
    /// What its comment says.
    pub annotation: Annotation,
    /// The text, ends of lines as `\n`.
    pub code: String,
    /// The first line of the text.
    pub first: Place,
    /// Why it is not run, where it could be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip: Option<String>,
    /// It starts a server, and where that answers once it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What it prints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated: Option<Stated>,
    /// What is wrong with it before anything is run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mistakes: Vec<String>,
}

impl Snippet {
    /// Whether somebody has to hear of it: it is run, written, left out for a reason that it names itself, or wrong.
    pub fn is_example(&self) -> bool {
        self.kind.runs()
            || matches!(self.kind, Kind::File(_))
            || !self.mistakes.is_empty()
            || self.annotation.copy_of.is_some()
    }
}
