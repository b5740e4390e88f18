//! The cache of the hub's own client: `models--ORG--NAME/snapshots/REVISION`, where `refs/main` says which revision.
//!
//! Promise: only read, never written. The folder is found as that client finds it: `HF_HUB_CACHE`, else `hub` in
//! `HF_HOME`, else `huggingface/hub` in `XDG_CACHE_HOME`, else in `~/.cache`.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::name::Logical;

/// The folder of the cache according to the environment.
pub(crate) fn folder(env: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| {
        env(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("HF_HUB_CACHE")
        .or_else(|| set("HF_HOME").map(|home| home.join("hub")))
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("huggingface/hub")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/huggingface/hub")))
}

/// The folder that the cache keeps for a model.
pub(crate) fn of_model(cache: &Path, name: &Logical) -> PathBuf {
    let joined: Vec<&str> = name.segments().collect();
    cache.join(format!("models--{}", joined.join("--")))
}

/// The snapshot of `revision` (a branch, a tag or a commit) in a model's folder.
pub(crate) fn snapshot(model: &Path, revision: &str) -> Result<PathBuf, String> {
    if !model.is_dir() {
        return Err("not there".to_owned());
    }
    let plain = |text: &str| {
        !text.is_empty()
            && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
            && !text.contains('\0')
    };
    if !plain(revision) {
        return Err(format!("`{}` is no revision", crate::name::shown(revision)));
    }
    let mut commit = String::new();
    let reference = model.join("refs").join(revision);
    match File::open(&reference).and_then(|file| file.take(256).read_to_string(&mut commit)) {
        Ok(_) if plain(commit.trim()) && !commit.trim().contains('/') => {}
        Ok(_) => return Err(format!("{} names no commit", reference.display())),
        // A commit itself has no reference.
        Err(_) => revision.clone_into(&mut commit),
    }
    let snapshot = model.join("snapshots").join(commit.trim());
    if snapshot.is_dir() {
        Ok(snapshot)
    } else {
        Err(format!(
            "the revision `{}` is not in the cache",
            crate::name::shown(revision)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_folder_is_that_of_the_client() {
        for (set, expected) in [
            (vec![("HF_HUB_CACHE", "/c"), ("HF_HOME", "/h")], "/c"),
            (vec![("HF_HOME", "/h"), ("HOME", "/u")], "/h/hub"),
            (
                vec![("XDG_CACHE_HOME", "/x"), ("HOME", "/u")],
                "/x/huggingface/hub",
            ),
            (
                vec![("HF_HOME", ""), ("HOME", "/u")],
                "/u/.cache/huggingface/hub",
            ),
        ] {
            let env = |name: &str| {
                set.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| OsString::from(v))
            };
            assert_eq!(folder(&env), Some(expected.into()));
        }
        assert_eq!(folder(&|_| None), None);
    }

    #[test]
    fn references_lead_to_snapshots() {
        let root = tempfile::tempdir().unwrap();
        let model = root.path().join("models--a--b");
        assert_eq!(snapshot(&model, "main"), Err("not there".into()));
        fs::create_dir_all(model.join("refs")).unwrap();
        fs::create_dir_all(model.join("snapshots/abc")).unwrap();
        assert!(
            snapshot(&model, "main")
                .unwrap_err()
                .contains("not in the cache")
        );
        fs::write(model.join("refs/main"), "abc\n").unwrap();
        assert_eq!(snapshot(&model, "main"), Ok(model.join("snapshots/abc")));
        assert_eq!(snapshot(&model, "abc"), Ok(model.join("snapshots/abc")));
        for bad in ["..", "../x", "", "a\0"] {
            assert!(
                snapshot(&model, bad).unwrap_err().contains("no revision"),
                "{bad}"
            );
        }
        fs::write(model.join("refs/main"), "../../x").unwrap();
        assert!(
            snapshot(&model, "main")
                .unwrap_err()
                .contains("names no commit")
        );
    }
}
