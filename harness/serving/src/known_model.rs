//! A model whose answers are known: how requests name it, and where the truth is.
//!
//! Promise: whoever compares answers with the truth needs nothing else. Rejected: the name of the deployment's own model alone; a server may serve the known one
//! beside another, and a name says nothing of probabilities.

use std::fmt;
use std::path::PathBuf;

/// A model of the server whose answers are known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KnownModel {
    /// The name that requests give.
    pub name: String,
    /// What is known.
    pub truth: Truth,
}

/// What is known of a model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Truth {
    /// A file that says it, such as `tribunal model bigram` writes beside a model.
    File(PathBuf),
    /// It is the project's own bigram model, of this seed.
    Bigram {
        /// The seed.
        seed: u64,
    },
}

impl fmt::Display for KnownModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.truth {
            Truth::File(path) => write!(f, "{} ({})", self.name, path.display()),
            Truth::Bigram { seed } => write!(f, "{} (the bigram model of seed {seed})", self.name),
        }
    }
}
