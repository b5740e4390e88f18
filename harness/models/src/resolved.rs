//! Where a name led, and every place that was looked at on the way.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::lock::Lease;

/// A place where models lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The path that was given.
    Path,
    /// The path that a mapping file gives for the name.
    Mapping,
    /// The fast store of this machine.
    Fast,
    /// A shared store.
    Shared,
    /// The hub cache.
    Hub,
    /// None here: the engine is given the name and loads the model itself.
    Remote,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path => "path",
            Self::Mapping => "mapping",
            Self::Fast => "fast store",
            Self::Shared => "shared store",
            Self::Hub => "hub cache",
            Self::Remote => "remote",
        })
    }
}

/// One place that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The kind of place.
    pub place: Place,
    /// Where in it; `None` where there is no such place.
    pub path: Option<PathBuf>,
    /// Why it was not taken; `None` for the one that was.
    pub why_not: Option<String>,
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if let Some(path) = &self.path {
            write!(f, " {}", path.display())?;
        }
        match &self.why_not {
            None => f.write_str(": taken"),
            Some(why) => write!(f, ": {why}"),
        }
    }
}

/// What was copied to the fast store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// From where.
    pub from: PathBuf,
    /// Files that were copied now.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Files that an earlier copy, which did not come to its end, had finished.
    pub kept: usize,
    /// Names of the models that were removed to make room.
    pub evicted: Vec<String>,
    /// How long it took, waiting for others included.
    pub took: Duration,
}

/// Where a name led. Keep it as long as the model is in use: while the lease in it lives, the copy is not removed.
#[derive(Debug)]
pub struct Resolved {
    /// The name as it was given.
    pub name: String,
    /// The identifier under which hubs know the model, where the name or a mapping tells it.
    pub id: Option<String>,
    /// The folder or file; `None` where the model is not on this machine.
    pub path: Option<PathBuf>,
    /// Which place it is.
    pub from: Place,
    /// What was copied on the way.
    pub copied: Option<Copied>,
    /// What a reader should know: why a faster place was not taken, what was mended.
    pub notes: Vec<String>,
    /// Every place that was looked at, in order.
    pub looked: Vec<Look>,
    /// The right to use the copy in the fast store.
    pub lease: Option<Lease>,
}

impl Resolved {
    /// What an engine is given as its model: the path, else the identifier.
    pub fn argument(&self) -> OsString {
        match (&self.path, &self.id) {
            (Some(path), _) => path.into(),
            (None, Some(id)) => id.into(),
            (None, None) => (&self.name).into(),
        }
    }

    /// The folder or file, where there is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

/// What happens while a model is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Another process copies the same model; this one waits for it.
    Waiting {
        /// Who: its process and program.
        holder: String,
    },
    /// A file is being copied.
    Copying {
        /// The file, relative to the model.
        file: String,
        /// Bytes of the model that are there.
        done: u64,
        /// Bytes of the model.
        total: u64,
    },
    /// A model is removed from the fast store to make room.
    Evicting {
        /// Its name.
        name: String,
    },
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Progress::Waiting { holder } => write!(f, "waiting for {holder}, which copies it"),
            Progress::Evicting { name } => {
                write!(f, "removing {name} from the fast store to make room")
            }
            Progress::Copying { done, total, .. } => {
                write!(
                    f,
                    "copied {} of {} MiB to the fast store",
                    done >> 20,
                    total >> 20
                )
            }
        }
    }
}
