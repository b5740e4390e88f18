//! The processes of this system: who descends from whom, their memory and the CPU time that they have used.
//!
//! Promise: one pass over `/proc` per look, whatever number of trees is asked about; a process that ends meanwhile is left out.
//! A system without `/proc` has an empty table. Rejected: a crate for it (`sysinfo` reads far more than this and
//! depends on as much).

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::files;

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) parent: u32,
    /// Clock ticks since boot.
    pub(crate) start_time: u64,
    /// User and system time, in clock ticks.
    pub(crate) cpu_ticks: u64,
    /// Resident memory, in pages.
    pub(crate) rss_pages: u64,
}

/// All processes at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    processes: HashMap<u32, Process>,
}

impl Table {
    /// Those below `root/proc`.
    pub(crate) fn read(root: &Path) -> Table {
        let folder = root.join("proc");
        let processes = files::names(&folder)
            .iter()
            .filter_map(|name| {
                let pid = files::numbered(name, "")?;
                let stat = files::text(&folder.join(name).join("stat"))?;
                Some((pid, parse(&stat)?))
            })
            .collect();
        Table { processes }
    }

    pub(crate) fn get(&self, pid: u32) -> Option<&Process> {
        self.processes.get(&pid)
    }

    /// The process and all that descend from it, sorted; none where it is not there.
    pub(crate) fn tree(&self, root: u32) -> Vec<u32> {
        if !self.processes.contains_key(&root) {
            return Vec::new();
        }
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for (pid, process) in &self.processes {
            children.entry(process.parent).or_default().push(*pid);
        }
        // A table that was read while processes came and went can hold a ring.
        let mut found = HashSet::from([root]);
        let mut open = vec![root];
        while let Some(pid) = open.pop() {
            for child in children.get(&pid).into_iter().flatten() {
                if found.insert(*child) {
                    open.push(*child);
                }
            }
        }
        let mut found: Vec<u32> = found.into_iter().collect();
        found.sort_unstable();
        found
    }
}

/// The process with this pid and all that descend from it, at this moment, sorted; none where it is not there.
pub fn tree_of(pid: u32) -> Vec<u32> {
    Table::read(Path::new("/")).tree(pid)
}

/// When the process started; `None`: it is not there.
pub(crate) fn start_time(root: &Path, pid: u32) -> Option<u64> {
    let stat = files::text(&root.join(format!("proc/{pid}/stat")))?;
    Some(parse(&stat)?.start_time)
}

/// The command line of a process for one line of text, without secrets; or its name where it has none (kernel threads, other
/// users' with hidden processes). `None`: neither can be read.
pub(crate) fn command(root: &Path, pid: u32) -> Option<String> {
    let folder = root.join(format!("proc/{pid}"));
    let line = files::text(&folder.join("cmdline")).map(|line| {
        let words = line.split('\0').map(str::to_string);
        one_line(words).trim().to_string()
    });
    let text = line.filter(|line| !line.is_empty());
    let text = text.or_else(|| files::text(&folder.join("comm")))?;
    Some(text.chars().filter(|c| !c.is_control()).take(200).collect())
}

#[cfg(target_os = "linux")]
fn one_line(words: impl Iterator<Item = String>) -> String {
    crate::process::shown(words)
}

/// Systems without `/proc` have no words to show.
#[cfg(not(target_os = "linux"))]
fn one_line(_: impl Iterator<Item = String>) -> String {
    String::new()
}

/// `/proc/PID/stat`: the name in brackets may itself hold brackets and spaces, so that fields are counted from the last one.
fn parse(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat
        .get(stat.rfind(')')? + 1..)?
        .split_whitespace()
        .collect();
    // Numbers as in proc(5), less the three that stand before or at the bracket: the first here is field 3.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Process {
        parent: field(4)?.try_into().ok()?,
        cpu_ticks: field(14)?.saturating_add(field(15)?),
        start_time: field(22)?,
        rss_pages: field(24)?,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The 24 first fields and some after.
    fn stat(pid: u32, name: &str, parent: u32, start: u64) -> String {
        format!(
            "{pid} ({name}) S {parent} {pid} 1 0 -1 4194560 10 0 0 0 7 5 0 0 20 0 1 0 {start} 1000000 250 184467\n"
        )
    }

    fn tree(processes: &[(u32, &str, u32, u64)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (pid, name, parent, start) in processes {
            let folder = root.path().join(format!("proc/{pid}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("stat"), stat(*pid, name, *parent, *start)).unwrap();
        }
        root
    }

    #[test]
    fn names_with_brackets_and_spaces_do_not_move_the_fields() {
        for name in ["sh", "a b", "x) R 9 9", ")("] {
            let process = parse(&stat(5, name, 4, 77)).unwrap();
            assert_eq!(
                process,
                Process {
                    parent: 4,
                    start_time: 77,
                    cpu_ticks: 12,
                    rss_pages: 250
                },
                "{name}"
            );
        }
        assert_eq!(parse("5 (sh"), None);
        assert_eq!(parse("5 (sh) S 4"), None);
    }

    #[test]
    fn a_tree_is_the_process_and_what_descends_from_it() {
        let root = tree(&[
            (1, "init", 0, 0),
            (10, "a", 1, 1),
            (11, "b", 10, 2),
            (12, "c", 11, 3),
            (20, "d", 1, 4),
        ]);
        let table = Table::read(root.path());
        assert_eq!(table.tree(10), [10, 11, 12]);
        assert_eq!(table.tree(20), [20]);
        assert_eq!(table.tree(99), [] as [u32; 0]);
        assert_eq!(table.get(11).unwrap().start_time, 2);
        assert_eq!(start_time(root.path(), 12), Some(3));
        assert_eq!(start_time(root.path(), 13), None);
    }

    #[test]
    fn a_ring_of_parents_ends() {
        let root = tree(&[(10, "a", 11, 1), (11, "b", 10, 2)]);
        assert_eq!(Table::read(root.path()).tree(10), [10, 11]);
    }

    #[test]
    fn a_command_is_one_clean_line() {
        let root = tree(&[(10, "a", 1, 1)]);
        let folder = root.path().join("proc/10");
        assert_eq!(command(root.path(), 10), None);
        fs::write(folder.join("comm"), "engine\n").unwrap();
        fs::write(folder.join("cmdline"), "").unwrap();
        assert_eq!(command(root.path(), 10).unwrap(), "engine");
        fs::write(
            folder.join("cmdline"),
            "/bin/serve\0--api-key\0hush\0\u{1b}[31m1\0",
        )
        .unwrap();
        assert_eq!(command(root.path(), 10).unwrap(), "serve --api-key … [31m1");
    }

    #[test]
    fn this_process_is_in_the_table() {
        let me = std::process::id();
        let table = Table::read(Path::new("/"));
        assert!(table.tree(me).contains(&me));
    }
}
