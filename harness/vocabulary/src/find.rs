//! Where a project's markers.toml is.
//!
//! Promise: the same walk for the macros and for the harness at start-up, so that both read one file. It never leaves the
//! project: a crate that was fetched from a registry does not pick up the file of whoever builds it. Rejected: an environment
//! variable (an IDE and a terminal would then disagree).

use std::path::{Path, PathBuf};

/// See [`crate::Vocabulary::find`].
pub(crate) fn find(from: &Path) -> Option<PathBuf> {
    for folder in from.ancestors() {
        let file = folder.join("markers.toml");
        if file.is_file() {
            return Some(file);
        }
        let repository = folder.join(".git").exists();
        let workspace = folder.join("Cargo.lock").is_file() && folder.join("Cargo.toml").is_file();
        if repository || workspace {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn touch(path: PathBuf) {
        fs::write(path, "").expect("a file in a folder of our own");
    }

    #[test]
    fn the_walk_stops_at_the_project() {
        let root = tempfile::tempdir().expect("a folder");
        let package = root.path().join("crates/one");
        fs::create_dir_all(&package).expect("folders");
        touch(root.path().join("markers.toml"));
        assert_eq!(
            find(&package),
            Some(root.path().join("markers.toml")),
            "above the package"
        );

        touch(root.path().join("crates/Cargo.toml"));
        assert_eq!(
            find(&package),
            Some(root.path().join("markers.toml")),
            "a manifest alone is no workspace root"
        );
        touch(root.path().join("crates/Cargo.lock"));
        assert_eq!(find(&package), None, "not beyond the workspace root");

        touch(root.path().join("crates/markers.toml"));
        assert_eq!(
            find(&package),
            Some(root.path().join("crates/markers.toml")),
            "in the workspace root itself"
        );

        fs::create_dir(package.join(".git")).expect("a folder");
        assert_eq!(find(&package), None, "not beyond the repository");
        touch(package.join("markers.toml"));
        assert_eq!(find(&package), Some(package.join("markers.toml")));
    }
}
