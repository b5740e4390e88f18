//! Why a name led nowhere.

use std::fmt;
use std::path::PathBuf;

use crate::name::{NameError, shown};
use crate::resolved::Look;

/// A model could not be resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelError(pub(crate) ModelErrorKind);

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelErrorKind {
    /// The name cannot be one.
    Name(NameError),
    /// A mapping file cannot be used.
    Mapping {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A setting of the environment cannot be used.
    Setting {
        /// The variable.
        variable: String,
        /// What is wrong with it.
        why: String,
    },
    /// The model is at none of the places, and may not be loaded from elsewhere.
    NotHere {
        /// The name or path.
        name: String,
        /// Where it was looked for, and why each place was not taken.
        looked: Vec<Look>,
        /// A known name that was probably meant.
        nearest: Option<String>,
    },
    /// The caller asked to stop.
    Cancelled,
}

impl ModelError {
    /// What went wrong.
    pub fn kind(&self) -> &ModelErrorKind {
        &self.0
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ModelErrorKind::Name(error) => error.fmt(f),
            ModelErrorKind::Mapping { file, why } => {
                write!(
                    f,
                    "the mapping file {} cannot be used: {why}",
                    file.display()
                )
            }
            ModelErrorKind::Setting { variable, why } => write!(f, "{variable} {why}"),
            ModelErrorKind::Cancelled => f.write_str("looking for the model was cancelled"),
            ModelErrorKind::NotHere {
                name,
                looked,
                nearest,
            } => {
                write!(f, "the model `{}` is not on this machine", shown(name))?;
                if let Some(near) = nearest {
                    write!(f, "; did you mean `{}`?", shown(near))?;
                }
                for look in looked {
                    write!(f, "\n  {look}")?;
                }
                f.write_str(
                    "\nhelp: give its path, map the name in a file of TRIBUNAL_MODEL_MAPPINGS, or name the folder of its store in TRIBUNAL_MODEL_SHARED",
                )
            }
        }
    }
}

impl std::error::Error for ModelError {}

impl From<NameError> for ModelError {
    fn from(error: NameError) -> Self {
        Self(ModelErrorKind::Name(error))
    }
}

/// The one of `known` that was probably meant: a third of its letters may differ.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 128 {
        return None;
    }
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    known
        .filter(|k| k.len() <= 128)
        .map(|k| (strsim::osa_distance(&word, &k.to_lowercase()), k))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, k)| k)
}
