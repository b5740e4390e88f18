//! What is checked out, read from git's own files.
//!
//! Promise: two or three small files are read, and nothing is guessed. Whether files were changed is not looked at. Rejected: running git (five
//! milliseconds of every start, and it may not be there).

use std::fs;
use std::path::{Path, PathBuf};

use tribunal_events::Vcs;

pub(super) fn of(root: &Path, env: &dyn Fn(&str) -> Option<String>) -> Vcs {
    let Some(git) = folder(root) else {
        return Vcs::default();
    };
    let head = fs::read_to_string(git.join("HEAD")).unwrap_or_default();
    let head = head.trim();
    match head.strip_prefix("ref: ") {
        Some(name) => Vcs {
            commit: commit(&git, name),
            branch: name.strip_prefix("refs/heads/").map(str::to_owned),
            changed: None,
        },
        None => Vcs {
            commit: hash(head),
            branch: branch(env),
            changed: None,
        },
    }
}

/// Git's folder of this checkout.
fn folder(root: &Path) -> Option<PathBuf> {
    let git = root
        .ancestors()
        .map(|dir| dir.join(".git"))
        .find(|git| git.exists())?;
    if git.is_dir() {
        return Some(git);
    }
    // A worktree or a submodule says where it is.
    let text = fs::read_to_string(&git).ok()?;
    let told = text.trim().strip_prefix("gitdir: ")?;
    Some(git.parent()?.join(told))
}

/// The commit of a name: in a file of its own, or among the packed ones; both may lie in the folder that worktrees share.
fn commit(git: &Path, name: &str) -> Option<String> {
    let common = fs::read_to_string(git.join("commondir")).ok();
    let common = common.map(|told| git.join(told.trim()));
    let folders: Vec<&Path> = [Some(git), common.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let loose = folders
        .iter()
        .find_map(|dir| fs::read_to_string(dir.join(name)).ok());
    if let Some(loose) = loose {
        return hash(loose.trim());
    }
    folders.iter().find_map(|dir| {
        let packed = fs::read_to_string(dir.join("packed-refs")).ok()?;
        let line = packed
            .lines()
            .find_map(|line| line.strip_suffix(name)?.strip_suffix(' '))?;
        hash(line)
    })
}

fn hash(text: &str) -> Option<String> {
    let is = text.len() >= 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    is.then(|| text.to_owned())
}

/// The branch of a checkout without one, as build servers make them.
fn branch(env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    [
        "GITHUB_HEAD_REF",
        "GITHUB_REF_NAME",
        "BUILDKITE_BRANCH",
        "CI_COMMIT_REF_NAME",
    ]
    .into_iter()
    .find_map(|name| env(name).filter(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    fn put(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn what_is_checked_out_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("main");
        let git = root.join(".git");
        put(&git.join("HEAD"), "ref: refs/heads/main\n");
        put(
            &git.join("packed-refs"),
            &format!("# pack-refs\n{TWO} refs/heads/not-main\n{ONE} refs/heads/main\n"),
        );
        let none = |_: &str| None;
        let seen = of(&root.join("deep/er"), &none);
        assert_eq!(seen.commit.as_deref(), Some(ONE));
        assert_eq!(seen.branch.as_deref(), Some("main"));
        put(&git.join("refs/heads/main"), &format!("{TWO}\n"));
        assert_eq!(of(&root, &none).commit.as_deref(), Some(TWO));
        // Of a build server.
        put(&git.join("HEAD"), ONE);
        let env = |name: &str| (name == "GITHUB_REF_NAME").then(|| "7/merge".to_owned());
        let seen = of(&root, &env);
        assert_eq!(seen.commit.as_deref(), Some(ONE));
        assert_eq!(seen.branch.as_deref(), Some("7/merge"));
        // A worktree.
        let tree = folder.path().join("tree");
        put(&tree.join(".git"), "gitdir: ../main/.git/worktrees/tree\n");
        let own = git.join("worktrees/tree");
        put(&own.join("HEAD"), "ref: refs/heads/main");
        put(&own.join("commondir"), "../..\n");
        assert_eq!(of(&tree, &none).commit.as_deref(), Some(TWO));
        put(&git.join("HEAD"), "nonsense");
        assert_eq!(of(&root, &none), Vcs::default());
    }
}
