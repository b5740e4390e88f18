//! `--write`: the markers into the source.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tribunal_profiler::{Advice, Change, Place, rewrite};

use super::target::Listed;
use crate::workspace::Workspace;

/// Writes what the advice says; what was changed, in words.
///
/// # Errors
/// In words: the file is not there, was changed since git has it, or is not what was built.
pub(crate) fn write(
    workspace: &Workspace,
    test: &str,
    listed: &Listed,
    advice: &Advice,
    allow_dirty: bool,
) -> Result<String, String> {
    if listed.test != test {
        return Err(format!(
            "`{test}` is one case of `{}`, whose markers hold for all its cases: profile each, and write the largest figures\n",
            listed.test
        ));
    }
    let file = find(workspace, &listed.file).ok_or_else(|| {
        format!(
            "the source `{}` is not below {}\n",
            listed.file,
            workspace.root.display()
        )
    })?;
    if !allow_dirty && let Some(why) = dirty(&file) {
        return Err(format!(
            "{}: {why}; nothing was written\nhelp: commit it first, or add --allow-dirty\n",
            file.display()
        ));
    }
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}\n", file.display());
    let source = std::fs::read_to_string(&file).map_err(|error| wrong(&error))?;
    let present: Vec<&str> = listed.markers.iter().map(String::as_str).collect();
    let place = Place {
        line: listed.line,
        name: test.rsplit("::").next().unwrap_or(test),
    };
    let rewritten =
        rewrite(&source, place, &advice.to_write(&present)).map_err(|error| wrong(&error))?;
    if rewritten.changes.is_empty() {
        return Ok(format!("{}: has all of it already\n", file.display()));
    }
    replace(&file, &rewritten.text).map_err(|error| wrong(&error))?;
    let mut said = format!("{}:\n", file.display());
    for Change { was, now } in &rewritten.changes {
        for (sign, text) in [('-', was), ('+', now)] {
            if let Some(text) = text {
                said.push_str(&format!("  {sign} {text}\n"));
            }
        }
    }
    Ok(said)
}

/// As the compiler names it: relative to the workspace, or whole.
fn find(workspace: &Workspace, file: &str) -> Option<PathBuf> {
    [workspace.root.join(file), PathBuf::from(file)]
        .into_iter()
        .find(|path| path.is_file())
}

/// Why a file cannot be restored by git; `None`: it can.
fn dirty(file: &Path) -> Option<String> {
    let folder = file.parent()?;
    let status = Command::new("git")
        .args(["status", "--porcelain", "--ignored", "--"])
        .arg(file)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    match status {
        Ok(output) if output.status.success() && output.stdout.is_empty() => None,
        Ok(output) if output.status.success() => {
            Some("it has changes that git does not have".into())
        }
        Ok(_) => Some("it is in no git repository".into()),
        Err(error) => Some(format!("git does not say whether it was changed ({error})")),
    }
}

/// Whole or not at all, with the rights that it had.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let new = file.with_extension(format!("rs.{}.new", std::process::id()));
    let written = std::fs::write(&new, text)
        .and_then(|()| std::fs::set_permissions(&new, std::fs::metadata(file)?.permissions()))
        .and_then(|()| std::fs::rename(&new, file));
    written.inspect_err(|_| {
        // The error tells; the rest of the attempt shall not stay.
        let _ = std::fs::remove_file(&new);
    })
}

#[cfg(test)]
mod tests {
    use tribunal_profiler::{Item, Marker};

    use super::*;

    fn advice() -> Advice {
        Advice {
            items: [Marker::Gpus(1), Marker::MaxVramGib(21)]
                .map(|marker| Item {
                    marker,
                    reason: String::new(),
                })
                .into(),
            ..Advice::default()
        }
    }

    /// A repository with one test.
    fn repository() -> (tempfile::TempDir, Workspace, Listed) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_path_buf();
        std::fs::write(root.join("t.rs"), "#[tribunal::test]\nfn t() {}\n").unwrap();
        for arguments in [
            &["init", "-q"][..],
            &["add", "."],
            &[
                "-c",
                "user.name=n",
                "-c",
                "user.email=e",
                "commit",
                "-qm",
                "first",
            ],
        ] {
            let done = Command::new("git")
                .args(arguments)
                .current_dir(&root)
                .status();
            assert!(done.unwrap().success(), "{arguments:?}");
        }
        let listed = Listed {
            file: "t.rs".into(),
            line: 2,
            test: "m::t".into(),
            ..Listed::default()
        };
        let target = root.join("target");
        (folder, Workspace { root, target }, listed)
    }

    #[test]
    fn a_file_that_git_has_is_written_and_then_it_is_dirty() {
        let (_folder, workspace, listed) = repository();
        let said = write(&workspace, "m::t", &listed, &advice(), false).unwrap();
        assert!(
            said.ends_with("  + #[gpu_1]\n  + #[max_vram_gib(21)]\n"),
            "{said}"
        );
        let file = workspace.root.join("t.rs");
        let expected = "#[tribunal::test]\n#[gpu_1]\n#[max_vram_gib(21)]\nfn t() {}\n";
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
        let refused = write(&workspace, "m::t", &listed, &advice(), false).unwrap_err();
        assert!(
            refused.contains("changes that git does not have"),
            "{refused}"
        );
        let again = write(&workspace, "m::t", &listed, &advice(), true).unwrap();
        assert!(again.contains("has all of it already"), "{again}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
        let files: Vec<_> = std::fs::read_dir(&workspace.root)
            .unwrap()
            .flatten()
            .collect();
        assert_eq!(files.len(), 2, "the file and .git: {files:?}");
    }

    #[test]
    fn a_case_among_several_is_not_written() {
        let (_folder, workspace, listed) = repository();
        let refused = write(&workspace, "m::t::a", &listed, &advice(), true).unwrap_err();
        assert!(refused.contains("one case of `m::t`"), "{refused}");
        let gone = Listed {
            file: "other.rs".into(),
            ..listed
        };
        let refused = write(&workspace, "m::t", &gone, &advice(), true).unwrap_err();
        assert!(refused.contains("`other.rs` is not below"), "{refused}");
    }
}
