//! Limits of the server's own control groups.
//!
//! Promise: all groups are limited or none, each limit is read back from the kernel, and each group gets back what it had. Rejected: believing a write that
//! went well: a limit that is rounded away or not kept presses on nobody.

use std::path::{Path, PathBuf};

use crate::error::{Reason, not_undone};
use crate::injected::{Done, Remedy};
use crate::pressure::done;
use crate::scene::Scene;
use crate::timeline::Step;

/// Files of control groups and what stood in them before.
pub(crate) struct Limits {
    file: &'static str,
    before: Vec<(PathBuf, String)>,
}

impl Limits {
    /// Sets the limit of each of the server's groups, or of none.
    pub(crate) fn set(
        scene: &Scene,
        file: &'static str,
        limit: impl Fn(&Path) -> Result<String, String>,
    ) -> Result<Done, String> {
        let at = scene.timeline.since_start();
        let (limits, set) = Limits::of(scene.server.control_groups(), file, limit)?;
        scene
            .timeline
            .note(Step::Injected, format!("{file} of the server is set"));
        let what = format!("{file} of the server's control group is {set}");
        Ok(done(at, what, limits))
    }

    /// The limits, and what the kernel says that they are now.
    fn of(
        groups: Vec<PathBuf>,
        file: &'static str,
        limit: impl Fn(&Path) -> Result<String, String>,
    ) -> Result<(Limits, String), String> {
        if groups.is_empty() {
            return Err("the server has none of its own".into());
        }
        let mut limits = Limits {
            file,
            before: Vec::new(),
        };
        let mut set = Vec::new();
        for group in groups {
            let path = group.join(file);
            let old = std::fs::read_to_string(&path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            let new = limit(&group)?;
            std::fs::write(&path, &new).map_err(|error| format!("{}: {error}", path.display()))?;
            limits.before.push((path.clone(), old));
            let now = std::fs::read_to_string(&path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            if !is_set(&new, &now) {
                let (path, now) = (path.display(), now.trim());
                return Err(format!("{path}: {new} was written, and it says `{now}`"));
            }
            set.push(now.trim().to_owned());
        }
        Ok((limits, set.join(", ")))
    }

    fn restore(&mut self) -> Result<(), String> {
        let mut failed = Vec::new();
        for (path, old) in self.before.drain(..) {
            if let Err(error) = std::fs::write(&path, old.trim())
                // With the server its group has gone.
                && path.exists()
            {
                failed.push(format!("{}: {error}", path.display()));
            }
        }
        match failed.is_empty() {
            true => Ok(()),
            false => Err(failed.join("; ")),
        }
    }
}

impl Remedy for Limits {
    fn undo(&mut self) -> Result<String, Reason> {
        self.restore().map_err(not_undone)?;
        Ok(format!("{} is what it was", self.file))
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        let _ = self.restore();
    }
}

/// Whether a limit is what was written: of memory the kernel keeps whole pages.
fn is_set(written: &str, says: &str) -> bool {
    let says = says.trim();
    let page = rustix::param::page_size() as u64;
    let pages = |text: &str| text.parse::<u64>().ok().map(|n| n / page);
    says == written || pages(written).is_some_and(|n| pages(says) == Some(n))
}

/// A figure that stands alone in a file.
pub(crate) fn number(path: &Path) -> Result<u64, String> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
    let number = text.trim().parse();
    number.map_err(|_| format!("{} is no number", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_groups_are_limited_and_get_back_what_they_had_or_none_is_touched() {
        let home = tempfile::tempdir().unwrap();
        let group = |name: &str, has: Option<&str>| {
            let path = home.path().join(name);
            std::fs::create_dir(&path).unwrap();
            if let Some(has) = has {
                std::fs::write(path.join("cpu.max"), has).unwrap();
            }
            path
        };
        let (one, two) = (
            group("1", Some("max 100000\n")),
            group("2", Some("5 100000\n")),
        );
        let read = |group: &Path| std::fs::read_to_string(group.join("cpu.max")).unwrap();
        let limit = |_: &Path| Ok("7 100000".to_owned());
        let both = vec![one.clone(), two.clone()];
        let (mut limits, said) = Limits::of(both, "cpu.max", limit).unwrap();
        assert_eq!(said, "7 100000, 7 100000");
        assert_eq!(limits.undo().unwrap(), "cpu.max is what it was");
        assert_eq!(
            (read(&one), read(&two)),
            ("max 100000".into(), "5 100000".into())
        );
        let bare = group("3", None);
        let why = Limits::of(vec![one.clone(), bare], "cpu.max", limit).err();
        assert!(why.unwrap().contains("3/cpu.max: No such file"));
        assert_eq!(read(&one), "max 100000");
        // A limit that is not kept is none.
        let deaf = group("4", None);
        std::os::unix::fs::symlink("/dev/null", deaf.join("cpu.max")).unwrap();
        let why = Limits::of(vec![one.clone(), deaf], "cpu.max", limit).err();
        assert!(
            why.unwrap()
                .contains("7 100000 was written, and it says ``")
        );
        assert_eq!(read(&one), "max 100000");
        let none = Limits::of(Vec::new(), "cpu.max", limit).err();
        assert_eq!(none.as_deref(), Some("the server has none of its own"));
    }

    #[test]
    fn memory_is_limited_in_pages() {
        let page = rustix::param::page_size();
        let bytes = |n: usize| n.to_string();
        assert!(is_set(&bytes(5 * page + 7), &format!("{}\n", 5 * page)));
        assert!(!is_set(&bytes(5 * page), &bytes(6 * page)));
        assert!(!is_set(&bytes(5 * page), "max\n"));
    }
}
