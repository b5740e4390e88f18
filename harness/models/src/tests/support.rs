//! A machine with a shared and a fast store.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{ModelPaths, Resolved, Wanted};

/// A folder that holds everything of one test.
pub(super) struct Machine(tempfile::TempDir);

impl Machine {
    pub(super) fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(machine.shared()).unwrap();
        fs::create_dir_all(machine.fast()).unwrap();
        machine
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(super) fn shared(&self) -> PathBuf {
        self.at("shared")
    }

    pub(super) fn fast(&self) -> PathBuf {
        self.at("fast")
    }

    /// Both stores, nothing reserved.
    pub(super) fn paths(&self) -> ModelPaths {
        paths(self.0.path())
    }

    /// A model in the shared store with nested folders, a link and an empty file; `salt` tells versions apart.
    pub(super) fn model(&self, name: &str, salt: u8) -> PathBuf {
        let folder = self.shared().join(name);
        fs::create_dir_all(folder.join("deep/er")).unwrap();
        fs::write(folder.join("config.json"), format!("{{\"salt\":{salt}}}")).unwrap();
        fs::write(folder.join("deep/er/weights.bin"), vec![salt; 3_000]).unwrap();
        fs::write(folder.join("empty"), "").unwrap();
        let _ = fs::remove_file(folder.join("link.bin"));
        std::os::unix::fs::symlink("deep/er/weights.bin", folder.join("link.bin")).unwrap();
        folder
    }
}

/// The stores of the machine whose folder is `root`.
pub(super) fn paths(root: &Path) -> ModelPaths {
    ModelPaths::new()
        .shared(root.join("shared"))
        .fast(root.join("fast"))
        .reserve(0)
}

pub(super) fn resolve(paths: &ModelPaths, name: &str) -> Resolved {
    paths.resolve(name, &Wanted::default()).unwrap()
}

/// Every file of a folder with its content, links followed; what this crate writes is left out.
pub(super) fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let scan = crate::scan::scan(folder).unwrap();
    let read = |path: &String| (path.clone(), fs::read(folder.join(path)).unwrap());
    scan.files.keys().map(read).collect()
}
