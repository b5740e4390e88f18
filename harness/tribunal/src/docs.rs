//! The documentation that `--docs` names, for tests whose cases are its examples.
//!
//! Kept in a static, and not handed on: the functions that provide cases take no arguments.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tribunal_runner::UsageError;

static GIVEN: OnceLock<Vec<PathBuf>> = OnceLock::new();

/// The pages and folders of `--docs` (`TRIBUNAL_DOCS`), as paths that are there; none where the option was not given. Providers of
/// cases may ask.
pub fn docs() -> &'static [PathBuf] {
    GIVEN.get().map_or(&[], Vec::as_slice)
}

/// Finds what was given: from where the user stands, then below the package and the folders above it.
pub(crate) fn given(package: &Path, paths: &[PathBuf]) -> Result<(), UsageError> {
    let found = placed(package, paths, &|path, root| {
        format!(
            "--docs {path}: there is no such file or folder, seen from {root} and from the package\nhelp: name a page in Markdown, or a folder that has some"
        )
    })?;
    // A second call would be a second harness in one process, which there is not.
    let _ = GIVEN.set(found);
    Ok(())
}

/// What is said of a path that is nowhere, given it and where the user stands.
pub(crate) type Missing<'a> = &'a dyn Fn(&str, &str) -> String;

/// Finds paths of the command line: from where the user stands, then below the package and the folders above it.
pub(crate) fn placed(
    package: &Path,
    paths: &[PathBuf],
    missing: Missing<'_>,
) -> Result<Vec<PathBuf>, UsageError> {
    let stands = std::env::var_os("PWD").map(PathBuf::from);
    let current = std::env::current_dir().ok();
    let roots = stands.iter().chain(&current).map(PathBuf::as_path);
    let roots: Vec<&Path> = roots.chain(package.ancestors()).collect();
    let found = paths.iter().map(|path| find(path, &roots, missing));
    found.collect()
}

fn find(path: &Path, roots: &[&Path], missing: Missing<'_>) -> Result<PathBuf, UsageError> {
    let there = roots.iter().map(|root| root.join(path));
    let there = there.filter_map(|path| path.canonicalize().ok()).next();
    there.ok_or_else(|| {
        let root = roots
            .first()
            .map_or(".".into(), |r| r.display().to_string());
        UsageError(missing(&path.display().to_string(), &root))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_from_the_first_root() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("it is there");
        std::fs::create_dir_all(root.join("a/docs")).expect("made");
        std::fs::create_dir_all(root.join("docs")).expect("made");
        let roots = [root.join("a"), root.clone()];
        let roots: Vec<&Path> = roots.iter().map(PathBuf::as_path).collect();
        let said = |path: &str, _: &str| format!("--docs {path}: no");
        let found = find(Path::new("docs"), &roots, &said).expect("found");
        assert_eq!(found, root.join("a/docs"));
        let found = find(&root.join("docs"), &roots, &said).expect("absolute");
        assert_eq!(found, root.join("docs"));
        let error = find(Path::new("dosc"), &roots, &said).expect_err("nothing there");
        assert!(error.0.contains("--docs dosc"), "{error}");
    }
}
