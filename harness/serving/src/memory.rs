//! Shared memory that a server makes and does not remove: POSIX segments and semaphores, System V segments.
//!
//! The kernel does not say who made a file in `/dev/shm`, and other jobs make some at the same time. A segment is
//! this server's if it belongs to this user, appeared after the start, and was seen mapped or open in a process of the tree; a
//! System V segment also if such a process is its creator. Whatever else appeared meanwhile is told as not attributable,
//! and never blamed. The tree is looked through only when something new has appeared, because the maps of a large
//! engine are long. Watching every call of the server (ptrace, eBPF) was rejected: slower, and not allowed to most.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::leftover::Leftover;
use crate::process;

const FOLDER: &str = "/dev/shm";
const SYSTEM_V: &str = "/proc/sysvipc/shm";
/// At most this many segments without an owner are named.
const NAMED: usize = 5;
/// A segment that is removed when its last user detaches (`SHM_DEST`) cannot stay.
const REMOVED_AT_LAST: u32 = 0o1000;

/// What makes a segment that segment, even if its name is used again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Id {
    File { device: u64, inode: u64 },
    SystemV { id: i32, created: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    what: Leftover,
    uid: u32,
    /// Who made it, where the kernel says so.
    creator: Option<u32>,
}

type Segments = HashMap<Id, Segment>;

/// Watches what appears between the start and the end of one server.
pub(crate) struct MemoryWatch {
    before: HashSet<Id>,
    /// Segments that a process of the tree used.
    ours: HashSet<Id>,
    /// When to look next, and how long to wait after that.
    next: Instant,
    pause: Duration,
    known: usize,
}

/// What is left in the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    pub ours: Vec<Leftover>,
    pub notes: Vec<String>,
}

impl MemoryWatch {
    /// Takes stock before the server starts.
    pub(crate) fn begin() -> Self {
        Self {
            before: segments().into_keys().collect(),
            ours: HashSet::new(),
            next: Instant::now(),
            pause: FIRST,
            known: 0,
        }
    }

    /// Looks from time to time whether something new is the tree's. Rarer and rarer while nothing new appears, so that
    /// a segment of somebody else is not asked about five times a second.
    pub(crate) fn look(&mut self, root: u32) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        let new = self.unattributed().len();
        if new != self.known {
            self.pause = FIRST;
            self.known = new;
        }
        if new > 0 {
            self.sample(root);
        }
        let took = now.elapsed();
        self.next = now + self.pause.max(took * 20);
        if new > 0 {
            self.pause = (self.pause * 2).min(SLOWEST);
        }
    }

    /// Notes which of the new segments the tree below `root` uses now.
    pub(crate) fn sample(&mut self, root: u32) {
        let new = self.unattributed();
        if new.is_empty() {
            return;
        }
        let tree = process::descendants(root);
        for (id, segment) in &new {
            if segment
                .creator
                .is_some_and(|pid| tree.iter().any(|p| p.pid == pid))
            {
                self.ours.insert(id.clone());
            }
        }
        for process in &tree {
            self.ours.extend(used_by(process.pid, &new));
        }
    }

    /// What is still there, now that the tree is gone but for `left`.
    pub(crate) fn left(&mut self, left: &[u32]) -> Left {
        let mut ours = Vec::new();
        let mut unclear = Vec::new();
        let now: Segments = self.new_segments();
        for (id, segment) in &now {
            if self.ours.contains(id) && !used_by_others(id, &now, left) {
                ours.push(segment.what.clone());
            } else {
                unclear.push(segment.what.to_string());
            }
        }
        ours.sort_by_key(ToString::to_string);
        unclear.sort();
        let mut notes = Vec::new();
        if !unclear.is_empty() {
            let more = unclear.len().saturating_sub(NAMED);
            unclear.truncate(NAMED);
            let more = match more {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            notes.push(format!(
                "shared memory appeared while it ran that cannot be attributed: {}{more}",
                unclear.join(", ")
            ));
        }
        if !Path::new(FOLDER).is_dir() {
            notes.push(format!(
                "POSIX shared memory was not checked: there is no {FOLDER}"
            ));
        }
        if !Path::new(SYSTEM_V).exists() {
            notes.push(format!(
                "System V shared memory was not checked: there is no {SYSTEM_V}"
            ));
        }
        Left { ours, notes }
    }

    fn new_segments(&self) -> Segments {
        let me = rustix::process::geteuid().as_raw();
        let mut found = segments();
        found.retain(|id, segment| segment.uid == me && !self.before.contains(id));
        found
    }

    fn unattributed(&self) -> Segments {
        let mut found = self.new_segments();
        found.retain(|id, _| !self.ours.contains(id));
        found
    }
}

const FIRST: Duration = Duration::from_millis(200);
const SLOWEST: Duration = Duration::from_secs(10);

/// Everything that is there now. Only files that lie in the folder itself: that is where `shm_open` puts them.
fn segments() -> Segments {
    let mut found = Segments::new();
    for entry in std::fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        let Ok(data) = entry.metadata() else { continue };
        if data.is_file() {
            let id = Id::File {
                device: data.dev(),
                inode: data.ino(),
            };
            let what = Leftover::SharedMemory {
                path: entry.path(),
                bytes: data.len(),
            };
            let segment = Segment {
                what,
                uid: data.uid(),
                creator: None,
            };
            found.insert(id, segment);
        }
    }
    if let Ok(table) = std::fs::read_to_string(SYSTEM_V) {
        found.extend(parse(&table));
    }
    found
}

/// The table of System V segments. Its columns are found by their names, because kernels have added some.
fn parse(table: &str) -> Vec<(Id, Segment)> {
    let mut lines = table.lines();
    let names: Vec<&str> = lines
        .next()
        .unwrap_or("")
        .split_ascii_whitespace()
        .collect();
    let column = |name: &str| names.iter().position(|n| *n == name);
    let (Some(id), Some(perms), Some(size), Some(cpid), Some(uid), Some(ctime)) = (
        column("shmid"),
        column("perms"),
        column("size"),
        column("cpid"),
        column("uid"),
        column("ctime"),
    ) else {
        return Vec::new();
    };
    lines
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let perms = u32::from_str_radix(fields.get(perms)?, 8).ok()?;
            (perms & REMOVED_AT_LAST == 0).then_some(())?;
            let id = fields.get(id)?.parse().ok()?;
            let created = fields.get(ctime)?.parse().ok()?;
            let bytes = fields.get(size)?.parse().ok()?;
            let segment = Segment {
                what: Leftover::SystemV { id, bytes },
                uid: fields.get(uid)?.parse().ok()?,
                creator: fields.get(cpid)?.parse().ok(),
            };
            Some((Id::SystemV { id, created }, segment))
        })
        .collect()
}

/// Which of these a process has mapped or open.
fn used_by(pid: u32, among: &Segments) -> Vec<Id> {
    let mut found = Vec::new();
    let maps = std::fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    for (device, inode, system_v) in mapped(&maps) {
        found.extend(
            among
                .keys()
                .find(|id| match id {
                    Id::File {
                        device: d,
                        inode: i,
                    } => !system_v && (*d, *i) == (device, inode),
                    Id::SystemV { id, .. } => system_v && u64::try_from(*id) == Ok(inode),
                })
                .cloned(),
        );
    }
    let folder = PathBuf::from(format!("/proc/{pid}/fd"));
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if std::fs::read_link(&path).is_ok_and(|file| file.starts_with(FOLDER))
            && let Ok(data) = std::fs::metadata(&path)
        {
            let id = Id::File {
                device: data.dev(),
                inode: data.ino(),
            };
            if among.contains_key(&id) {
                found.push(id);
            }
        }
    }
    found
}

/// Device, inode and "is System V" of the shared mappings in a `/proc/PID/maps`. System V segments have their number as inode.
fn mapped(maps: &[u8]) -> impl Iterator<Item = (u64, u64, bool)> {
    maps.split(|b| *b == b'\n').filter_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let mut fields = line.split_ascii_whitespace().skip(3);
        let (major, minor) = fields.next()?.split_once(':')?;
        let inode = fields.next()?.parse().ok()?;
        let path = fields.next()?;
        let system_v = path.starts_with("/SYSV");
        if !system_v && !path.starts_with(FOLDER) {
            return None;
        }
        let number = |hex| u32::from_str_radix(hex, 16).ok();
        let device = rustix::fs::makedev(number(major)?, number(minor)?);
        Some((device, inode, system_v))
    })
}

/// Whether somebody outside the tree uses it: then it is not left over.
fn used_by_others(id: &Id, among: &Segments, left: &[u32]) -> bool {
    let one = among
        .get_key_value(id)
        .map(|(id, s)| (id.clone(), s.clone()));
    let one: Segments = one.into_iter().collect();
    process::pids()
        .filter(|pid| !left.contains(pid))
        .any(|pid| !used_by(pid, &one).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_system_v_is_read() {
        let table = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n\
             0          3  1600                  4096    12    12      1     0     0     0     0          1          0         77                  4096                     0\n\
         -1234          4   600                  8192    13    14      0    99     0     0     0          1          0         78                     0                     0\n\
         nonsense\n";
        let found = parse(table);
        let what = Leftover::SystemV { id: 4, bytes: 8192 };
        let segment = Segment {
            what,
            uid: 99,
            creator: Some(13),
        };
        assert_eq!(found, [(Id::SystemV { id: 4, created: 78 }, segment)]);
        assert_eq!(parse("another table\n1 2 3\n"), []);
        assert_eq!(parse(""), []);
    }

    #[test]
    fn mappings_of_shared_memory_are_read_and_others_are_not() {
        let maps =
            b"7f00-7f10 rw-s 00000000 00:19 42                         /dev/shm/psm_1 (deleted)\n\
            7f20-7f30 rw-s 00000000 00:01 3                          /SYSV00000000 (deleted)\n\
            7f40-7f50 r-xp 00000000 fe:01 99                         /usr/lib/libc.so\n\
            7f60-7f70 rw-p 00000000 00:00 0 \n";
        let found: Vec<_> = mapped(maps).collect();
        assert_eq!(
            found,
            [
                (rustix::fs::makedev(0, 0x19), 42, false),
                (rustix::fs::makedev(0, 1), 3, true)
            ]
        );
    }
}
