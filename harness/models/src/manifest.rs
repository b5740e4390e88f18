//! What a copy in the fast store consists of, written into it as its last file.
//!
//! Promise: a copy whose manifest can be read and whose files agree with it is whole; the manifest appears only after
//! every file was written through to the disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::{self, Check};
use crate::scan::{Facts, Scan};

/// Its file name. It begins with a dot so that engines which read every file do not take it for weights.
pub(crate) const FILE: &str = ".tribunal-model.json";
const LARGEST: u64 = 64 << 20;

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Grows when a reader of today could not read it.
    pub schema: u32,
    /// The logical name.
    pub name: String,
    /// Where it was copied from.
    pub source: PathBuf,
    /// The model is one file, not the folder.
    pub single: bool,
    /// How its digests were made.
    pub check: Check,
    /// By path relative to the folder.
    pub files: BTreeMap<String, Entry>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Size, and the time of the source's last change.
    #[serde(flatten)]
    pub facts: Facts,
    pub digest: String,
}

/// How a copy relates to its manifest and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing is there.
    Absent,
    /// It cannot be used, and why.
    Damaged(String),
    /// It is whole, but its source has changed since.
    Stale(String),
    Whole(Manifest),
}

impl Manifest {
    pub(crate) fn bytes(&self) -> u64 {
        self.files.values().map(|f| f.facts.size).sum()
    }

    /// The path that an engine opens, of a copy in `folder`.
    pub(crate) fn entrance(&self, folder: &Path) -> PathBuf {
        match self.files.keys().next() {
            Some(only) if self.single => folder.join(only),
            _ => folder.to_path_buf(),
        }
    }

    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let mut text = Vec::new();
        File::open(folder.join(FILE))
            .and_then(|file| file.take(LARGEST).read_to_end(&mut text))
            .map_err(|e| format!("its manifest cannot be read: {e}"))?;
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|e| format!("its manifest is no manifest: {e}"))?;
        if manifest.schema != 1 {
            return Err(format!(
                "its manifest has the schema {}; known is 1",
                manifest.schema
            ));
        }
        let plain = |path: &str| {
            !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
        };
        match manifest.files.keys().find(|path| !plain(path)) {
            Some(path) => Err(format!(
                "its manifest names `{}`, which is outside of it",
                crate::name::shown(path)
            )),
            None => Ok(manifest),
        }
    }

    /// Writes it into `folder`, whole or not at all.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        let part = folder.join(format!("{FILE}.part"));
        let mut file = File::create(&part)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(part, folder.join(FILE))
    }

    /// What became of the copy in `folder`; `source` is what its source looks like now, where that can be seen.
    /// With [`Check::Whole`] every file is read and compared with its digest.
    pub(crate) fn state(
        folder: &Path,
        source: Option<&Scan>,
        check: Check,
        stop: &dyn Fn() -> bool,
    ) -> State {
        match fs::symlink_metadata(folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return State::Absent,
            Err(e) => return State::Damaged(format!("cannot look at it: {e}")),
            Ok(facts) if !facts.is_dir() => return State::Damaged("it is no folder".to_owned()),
            Ok(_) => {}
        }
        let manifest = match Self::read(folder) {
            Ok(manifest) => manifest,
            Err(why) => return State::Damaged(why),
        };
        for (path, entry) in &manifest.files {
            let at = folder.join(path);
            let size = match fs::symlink_metadata(&at) {
                Ok(facts) if facts.is_file() => facts.len(),
                Ok(_) => return State::Damaged(format!("`{path}` is no file")),
                Err(e) => return State::Damaged(format!("`{path}` is gone: {e}")),
            };
            if size != entry.facts.size {
                return State::Damaged(format!(
                    "`{path}` has {size} bytes, not {}",
                    entry.facts.size
                ));
            }
            if check == Check::Whole {
                let found = File::open(&at)
                    .and_then(|mut file| digest::of_file(&mut file, size, manifest.check, stop));
                match found {
                    Ok(found) if found == entry.digest => {}
                    Ok(_) => {
                        return State::Damaged(format!(
                            "`{path}` has another content than was copied"
                        ));
                    }
                    Err(e) => return State::Damaged(format!("`{path}` cannot be read: {e}")),
                }
            }
        }
        match source.and_then(|source| manifest.differs(source)) {
            Some(why) => State::Stale(why),
            None => State::Whole(manifest),
        }
    }

    /// Why `source` is not what was copied.
    fn differs(&self, source: &Scan) -> Option<String> {
        if let Some(path) = self
            .files
            .keys()
            .find(|path| !source.files.contains_key(*path))
        {
            return Some(format!("the source no longer has `{path}`"));
        }
        source
            .files
            .iter()
            .find_map(|(path, facts)| match self.files.get(path) {
                None => Some(format!("the source has `{path}` in addition")),
                Some(entry) if entry.facts != *facts => {
                    Some(format!("`{path}` of the source has changed"))
                }
                Some(_) => None,
            })
    }
}
