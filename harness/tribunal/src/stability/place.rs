//! Where journals of soaks lie: `target/tribunal/soaks/CASE/`, one file for each.
//!
//! Promise: a journal outlives the run that wrote it, also when that is killed; the newest [`KEPT`] of a case are kept. Rejected: the evidence of the
//! attempt (it is removed when a test passes, and a new run has another one, so that nothing could be gone on with).

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tribunal_soak::{Curves, Report};

/// So many journals of one case are kept.
const KEPT: usize = 20;
const END: &str = "jsonl";

/// A path for a new journal of a case, or that of the newest which is to be gone on with. `true`: it is the latter.
pub(super) fn journal(case: &str, resume: bool) -> io::Result<(PathBuf, bool)> {
    below(&tribunal_runner::reports_root().join("soaks"), case, resume)
}

fn below(root: &Path, case: &str, resume: bool) -> io::Result<(PathBuf, bool)> {
    let folder = root.join(one_name(case));
    std::fs::create_dir_all(&folder)?;
    let old = sorted(&folder)?;
    if resume
        && let Some(newest) = old.last()
        && Report::read(newest).is_ok_and(|report| report.end.is_none())
    {
        return Ok((newest.clone(), true));
    }
    for old in old.iter().rev().skip(KEPT - 1) {
        // One that cannot be removed is in nobody's way.
        let _ = std::fs::remove_file(old);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let name = format!(
        "{:013}-{}.{END}",
        now.map_or(0, |time| time.as_millis()),
        std::process::id()
    );
    Ok((folder.join(name), false))
}

/// Puts the curves of a journal into the folder of the run, where its reports find them whatever came of the soak.
pub(super) fn curves(journal: &Path, case: &str) -> Result<(), String> {
    let attempt = tribunal_runner::evidence().map_err(|e| e.to_string())?;
    // The folder of the run has one for each case, which has one for each attempt.
    let Some(run) = attempt.ancestors().nth(2) else {
        return Err(format!("{} is in no run's folder", attempt.display()));
    };
    let read = tribunal_soak::Journal::read(journal).map_err(|e| e.to_string())?;
    let text = serde_json::to_vec(&Curves::of(&read)).map_err(|e| e.to_string())?;
    let folder = run.join("soaks");
    let write = || {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("{}.json", one_name(case))), text)
    };
    write().map_err(|e| e.to_string())
}

/// Journals in a folder, the oldest first.
fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == END) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The name of a case as that of one folder.
fn one_name(case: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = case
        .replace("::", ".")
        .chars()
        .map(|c| if c == '.' { c } else { plain(c) })
        .collect();
    name.trim_matches('.').chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGUN: &str = r#"{"line":"begin","version":1,"harness":"0","name":"n","segment":0,"unix":1.0,"seed":0,"duration":10.0,"done":0.0,"batch_limit":1.0,"sample_every":1.0,"closed_loop":false,"limits":{"failures":0.0,"stop_failures":0.5,"rss":null,"probes":3},"drift":{"memory":1.0,"handles":1.0,"speed":1.0,"shortest":1.0,"warm_until":null}}"#;
    const ENDED: &str = r#"{"line":"end","at":10.0}"#;

    #[test]
    fn only_the_newest_that_was_cut_short_is_gone_on_with() {
        let root = tempfile::tempdir().unwrap();
        let new = |resume| below(root.path(), "a::b::c d/../x", resume).unwrap();
        let (path, old) = new(true);
        assert!(!old, "there is none");
        let folder = path.parent().unwrap();
        assert_eq!(folder, root.path().join("a.b.c_d_.._x"));
        let cut = folder.join("0000000000001-1.jsonl");
        std::fs::write(&cut, format!("{BEGUN}\n{{\"line\":\"tra")).unwrap();
        assert_eq!(new(true), (cut.clone(), true));
        assert!(!new(false).1);
        // One that ended is newer.
        let ended = folder.join("0000000000002-1.jsonl");
        std::fs::write(ended, format!("{BEGUN}\n{ENDED}\n")).unwrap();
        assert!(!new(true).1);
        assert!(cut.exists());
    }

    #[test]
    fn old_journals_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let (path, _) = below(root.path(), "x", false).unwrap();
        let folder = path.parent().unwrap();
        for number in 0..30 {
            std::fs::write(folder.join(format!("{number:013}-1.jsonl")), "").unwrap();
        }
        std::fs::write(folder.join("other.txt"), "").unwrap();
        below(root.path(), "x", false).unwrap();
        let left = sorted(folder).unwrap();
        assert_eq!(left.len(), KEPT - 1);
        assert!(left[0].ends_with("0000000000011-1.jsonl"), "{left:?}");
        assert!(folder.join("other.txt").exists());
    }
}
