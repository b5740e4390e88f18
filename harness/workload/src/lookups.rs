//! What the names in a workload file are looked up in.
//!
//! Promise: whatever a file names (markers, devices, metrics, data sets, other files) is looked up here and nowhere else, so that the same file with the
//! same lookups reads the same everywhere. Rejected: the current folder and the environment (a file would mean something else in every shell).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tribunal_vocabulary::Vocabulary;

/// Data sets that this machine has, by the names that workload files give them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataTable(BTreeMap<String, PathBuf>);

impl DataTable {
    /// Takes `NAME=PATH` in, as the option `--data` and the variable `TRIBUNAL_DATA` give it. The file is one question a line, in JSON.
    ///
    /// # Errors
    /// In words: it is not of that form, or there is no such file.
    pub fn add(&mut self, pair: &str) -> Result<(), String> {
        let (name, path) = pair
            .split_once('=')
            .filter(|(name, path)| !name.trim().is_empty() && !path.trim().is_empty())
            .ok_or_else(|| {
                format!("`{pair}` maps nothing: write NAME=PATH, as in gsm8k=data/gsm8k.jsonl")
            })?;
        let path = PathBuf::from(path.trim());
        if !path.is_file() {
            return Err(format!(
                "`{}` is no file: the data set `{name}` cannot be there",
                path.display()
            ));
        }
        self.0.insert(name.trim().to_owned(), path);
        Ok(())
    }

    /// The file of a data set.
    pub fn get(&self, name: &str) -> Option<&Path> {
        self.0.get(name).map(PathBuf::as_path)
    }
}

/// What the names in a workload file are looked up in.
#[derive(Clone, Copy, Debug)]
pub struct Lookups<'a> {
    /// Markers and devices.
    pub vocabulary: &'a Vocabulary,
    /// Data sets.
    pub data: &'a DataTable,
    /// Folders in which a relative path is looked for, after the folder of the file itself.
    pub roots: &'a [PathBuf],
}

impl Lookups<'_> {
    /// The file that a path of a workload file in `folder` means, if it is there.
    pub(crate) fn locate(&self, folder: Option<&Path>, path: &str) -> Option<PathBuf> {
        folder
            .into_iter()
            .map(Path::to_path_buf)
            .chain(self.roots.iter().cloned())
            .map(|root| root.join(path))
            .find(|path| path.is_file())
    }
}
