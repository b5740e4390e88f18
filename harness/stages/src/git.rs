//! Which files changed, by git.
//!
//! Promise: both names of a file that was renamed; what is not committed yet counts as well; where git cannot say there is a reason and no list.
//! Rejected: a library for git (what changed depends on the user's git configuration, and git is there where a diff is asked for).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The most that is read of git's answer.
const MOST: usize = 64 << 20;

/// The repository's root.
///
/// # Errors
/// Why there is none, in words.
pub fn repository(folder: &Path) -> Result<PathBuf, String> {
    let root = git(folder, &["rev-parse", "--show-toplevel"])?;
    Ok(PathBuf::from(root.trim_end_matches(['\n', '\r'])))
}

/// The files that differ from where this branch left `reference` (a branch, a tag, a commit): committed, not committed, and new ones that git does
/// not ignore. Relative to the repository's root.
///
/// # Errors
/// Why that cannot be told, in words: no git, no repository, no such commit, or no common ancestor here (a shallow clone).
pub fn changed_files(folder: &Path, reference: &str) -> Result<Vec<String>, String> {
    if reference.is_empty() || reference.starts_with('-') {
        return Err(format!("`{reference}` is no reference of git"));
    }
    let root = repository(folder)?;
    let commit = git(
        &root,
        &[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &format!("{reference}^{{commit}}"),
        ],
    )
    .map_err(|_| format!("git knows no commit `{reference}`; fetch it"))?;
    let commit = commit.trim();
    let base = git(&root, &["merge-base", commit, "HEAD"]).map_err(|_| {
        format!("git finds nothing that `{reference}` and this commit have in common; is the clone shallow?")
    })?;
    let base = base.trim();
    let mut files = vec![];
    // Both names of what was renamed: a test of either is concerned.
    let diff = [
        "diff",
        "--name-only",
        "--no-renames",
        "--no-ext-diff",
        "-z",
        base,
        "--",
    ];
    let new = ["ls-files", "--others", "--exclude-standard", "-z"];
    for arguments in [&diff[..], &new[..]] {
        let answer = git(&root, arguments)?;
        files.extend(
            answer
                .split('\0')
                .filter(|file| !file.is_empty())
                .map(str::to_owned),
        );
    }
    files.sort_unstable();
    files.dedup();
    Ok(files)
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("git cannot be started: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().find(|line| !line.trim().is_empty());
        return Err(format!(
            "git {} failed: {}",
            arguments.first().unwrap_or(&""),
            said.unwrap_or("it said nothing")
        ));
    }
    if output.stdout.len() > MOST {
        return Err("git's answer is longer than 64 MiB".into());
    }
    String::from_utf8(output.stdout).map_err(|_| "git names a file that is no UTF-8".into())
}
