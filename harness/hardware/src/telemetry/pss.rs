//! Proportional memory of trees: pages that several processes share count once, divided among them.
//!
//! Promise: looking takes at most a two-hundredth of a core, and no process with more than [`LARGEST`] resident is looked at: the kernel walks all its pages,
//! and holds up what it maps meanwhile. Where a process cannot be read, its tree has no figure and none that is too small. Rejected: looking at
//! every sample.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

/// Between two looks at least.
const EVERY: Duration = Duration::from_secs(10);
/// So many times as long as a look took, nobody looks again.
const REST: u32 = 200;
/// The largest process that is looked at: 8 GiB resident.
pub(super) const LARGEST: u64 = 8 << 30;

/// Bytes by pid; `None`: it cannot be told.
pub(super) type Looked = HashMap<u32, Option<u64>>;

/// When there was a look, and when there may be one again.
#[derive(Default)]
pub(super) struct Rhythm {
    next: Option<Instant>,
    rested: Option<Instant>,
}

impl Rhythm {
    /// Looks at these processes with their resident bytes, if it is time. `wanted`: somebody waits for this sample.
    pub(super) fn look(&mut self, root: &Path, wanted: bool, all: &[(u32, u64)]) -> Option<Looked> {
        let begin = Instant::now();
        let over = |at: Option<Instant>| at.is_none_or(|at| begin >= at);
        if all.is_empty() || !over(self.rested) || !(wanted || over(self.next)) {
            return None;
        }
        let looked = all.iter().filter_map(|(pid, rss)| {
            let bytes = match *rss > LARGEST {
                true => Ok(None),
                false => read(root, *pid),
            };
            // Who has ended meanwhile holds nothing.
            Some((*pid, bytes.ok()?))
        });
        let looked = looked.collect();
        let took = begin.elapsed();
        self.rested = Some(begin + took + took * REST);
        self.next = Some(begin + EVERY);
        Some(looked)
    }
}

/// An error: the process has ended.
fn read(root: &Path, pid: u32) -> Result<Option<u64>, ()> {
    let folder = root.join(format!("proc/{pid}"));
    match std::fs::read_to_string(folder.join("smaps_rollup")) {
        Ok(text) => Ok(parse(&text)),
        Err(e) if e.kind() == ErrorKind::PermissionDenied => Ok(None),
        // A kernel without the file says the same as a process that has ended, and has the folder.
        Err(_) if folder.join("smaps").exists() => Ok(None),
        Err(_) => Err(()),
    }
}

fn parse(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "5580a0000000-7ffd7b5fe000 ---p 00000000 00:00 0 [rollup]\nRss:  3000 kB\nPss:   1234 kB\nPss_Dirty: 99 kB\n";

    fn root(pid: u32, text: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(format!("proc/{pid}"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("smaps_rollup"), text).unwrap();
        std::fs::write(folder.join("smaps"), "").unwrap();
        root
    }

    #[test]
    fn the_figure_is_that_of_the_line_and_nothing_else() {
        assert_eq!(parse(TEXT), Some(1234 * 1024));
        assert_eq!(parse(""), None, "a process that has ended says nothing");
        assert_eq!(parse("Pss: many kB\n"), None);
        assert_eq!(parse("Pss_Dirty: 99 kB\n"), None);
    }

    #[test]
    fn what_cannot_be_told_is_none_and_who_has_ended_is_left_out() {
        let root = root(7, TEXT);
        let gib = 1 << 30;
        let looked = |all: &[(u32, u64)]| Rhythm::default().look(root.path(), false, all).unwrap();
        assert_eq!(
            looked(&[(7, gib), (8, gib)]),
            HashMap::from([(7, Some(1234 * 1024))])
        );
        // Too large to be looked at.
        assert_eq!(looked(&[(7, 9 * gib)]), HashMap::from([(7, None)]));
        // A kernel without the file.
        std::fs::remove_file(root.path().join("proc/7/smaps_rollup")).unwrap();
        assert_eq!(looked(&[(7, gib)]), HashMap::from([(7, None)]));
    }

    #[test]
    fn a_look_is_followed_by_a_rest() {
        let root = root(7, TEXT);
        let mut rhythm = Rhythm::default();
        assert!(rhythm.look(root.path(), false, &[]).is_none());
        assert!(rhythm.look(root.path(), false, &[(7, 1)]).is_some());
        assert!(rhythm.look(root.path(), false, &[(7, 1)]).is_none());
        // Even one that is wanted comes no sooner than the rest allows.
        rhythm.rested = Some(Instant::now() + Duration::from_secs(600));
        assert!(rhythm.look(root.path(), true, &[(7, 1)]).is_none());
        rhythm.rested = Some(Instant::now());
        assert!(rhythm.look(root.path(), true, &[(7, 1)]).is_some());
    }
}
