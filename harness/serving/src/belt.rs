//! The second belt: a control group per server, for the case that keeper and harness are killed together.
//!
//! The keeper steps into a group of its own below the one in which it runs, starts the server there and steps out again:
//! whatever descends from the server is in the group, whatever it does to hide. The group's name says whose it is, and
//! whoever finds one whose keeper is gone ends everything in it with one write. Only version 2 of control groups can do
//! that. Moving the server after its start was rejected: it may have children by then, and between the look at a pid
//! and the move the pid may be somebody else's.
//!
//! Where this is not allowed (most containers, most users), the keeper works without; [`cgroup_belt`] says why.

use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::process::{ProcessInfo, Stat};

const PREFIX: &str = "tribunal-";
/// How deep groups may lie that a server makes below its own.
const DEPTH: u32 = 8;

/// The control group of one server.
pub(crate) struct Belt {
    path: PathBuf,
    home: PathBuf,
}

impl Belt {
    /// Makes a group for this keeper's server and steps in. Groups that other keepers left are cleared on the way.
    pub(crate) fn put_on() -> Result<Self, String> {
        let home = own_group()?;
        sweep(&home);
        let path = home.join(own_name()?);
        let belt = make(&path, home)?;
        match write(&belt.path.join("cgroup.procs"), &std::process::id()) {
            Ok(()) => Ok(belt),
            Err(e) => {
                belt.remove();
                Err(format!("cannot move into {}: {e}", path.display()))
            }
        }
    }

    /// The keeper goes back where it was. If it cannot, it stays; then its group outlives it, empty, until the next
    /// keeper removes it.
    pub(crate) fn step_out(&self) {
        let _ = write(&self.home.join("cgroup.procs"), &std::process::id());
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the group, which is empty when the tree is gone.
    pub(crate) fn remove(&self) {
        remove(&self.path, DEPTH);
    }
}

/// The group below which servers get groups of their own, or why there is none. Tried by making and removing one.
pub fn cgroup_belt() -> Result<PathBuf, String> {
    let home = own_group()?;
    let probe = format!("{}-probe", own_name()?);
    make(&home.join(probe), home.clone())?.remove();
    let procs = home.join("cgroup.procs");
    rustix::fs::access(&procs, rustix::fs::Access::WRITE_OK)
        .map_err(|e| format!("cannot write to {}: {e}", procs.display()))?;
    Ok(home)
}

/// Ends everything in the group of a server that lost its keeper, and says what that was.
pub(crate) fn cut(path: &Path) -> Vec<ProcessInfo> {
    let members = members(path, DEPTH);
    if write(&path.join("cgroup.kill"), &1).is_err() {
        return Vec::new();
    }
    // It ends within a millisecond or so; a group with processes cannot be removed.
    for _ in 0..100 {
        remove(path, DEPTH);
        if !path.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    members
}

fn members(path: &Path, depth: u32) -> Vec<ProcessInfo> {
    let text = std::fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    let pids = text.lines().filter_map(|pid| pid.parse().ok());
    let mut found: Vec<ProcessInfo> = pids
        .filter_map(Stat::of)
        .filter(Stat::runs)
        .map(|s| s.info)
        .collect();
    if depth > 0 {
        for below in groups_in(path) {
            found.extend(members(&below, depth - 1));
        }
    }
    found
}

/// Clears the groups whose keeper is gone.
fn sweep(home: &Path) {
    let Ok(space) = pid_namespace() else { return };
    for group in groups_in(home) {
        let name = group.file_name().and_then(|n| n.to_str());
        if let Some((pid, start_time, other)) = name.and_then(owner)
            && other == space
            && Stat::of(pid).is_none_or(|s| s.info.start_time != start_time || !s.runs())
        {
            cut(&group);
        }
    }
}

fn make(path: &Path, home: PathBuf) -> Result<Belt, String> {
    let cannot = |e: io::Error| format!("cannot make a group below {}: {e}", home.display());
    std::fs::create_dir(path).map_err(cannot)?;
    let path = path.to_path_buf();
    if !path.join("cgroup.kill").exists() {
        remove(&path, 0);
        return Err("this kernel cannot end a control group at once (Linux 5.14 can)".into());
    }
    Ok(Belt { path, home })
}

fn remove(path: &Path, depth: u32) {
    if depth > 0 {
        groups_in(path).for_each(|below| remove(&below, depth - 1));
    }
    let _ = std::fs::remove_dir(path);
}

fn groups_in(path: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()))
        .map(|e| e.path())
}

fn write(path: &Path, value: &dyn ToString) -> io::Result<()> {
    std::fs::write(path, value.to_string())
}

/// Pid, start time and pid namespace: a pid means nothing to another container that sees the same groups.
fn own_name() -> Result<String, String> {
    let me = Stat::of(std::process::id())
        .ok_or("/proc is not mounted")?
        .info;
    let space = pid_namespace().map_err(|e| format!("cannot tell the pid namespace: {e}"))?;
    Ok(format!("{PREFIX}{}-{}-{space}", me.pid, me.start_time))
}

fn owner(name: &str) -> Option<(u32, u64, u64)> {
    // A group of the probe has one more part; its owner is the same.
    let mut parts = name.strip_prefix(PREFIX)?.split('-');
    Some((
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
    ))
}

fn pid_namespace() -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::metadata("/proc/self/ns/pid")?.ino())
}

/// The group of this process, as a folder.
fn own_group() -> Result<PathBuf, String> {
    let read = |path: &str| std::fs::read(path).map_err(|e| format!("cannot read {path}: {e}"));
    let mounts = read("/proc/self/mountinfo")?;
    let (root, mount) = mount_of(&mounts).ok_or("no control groups of version 2 are mounted")?;
    let groups = read("/proc/self/cgroup")?;
    let own = own_path(&groups).ok_or("this process is in no control group of version 2")?;
    let below = own.strip_prefix(&root).ok();
    let below = below.filter(|b| !b.components().any(|c| c == std::path::Component::ParentDir));
    let below = below.ok_or("the control group of this process is not visible here")?;
    Ok(mount.join(below))
}

/// Root and mount point of the first cgroup2 file system in a `mountinfo`.
fn mount_of(mountinfo: &[u8]) -> Option<(PathBuf, PathBuf)> {
    mountinfo.split(|b| *b == b'\n').find_map(|line| {
        let fields: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
        // Optional fields stand between the sixth and a lone dash.
        let dash = fields.iter().position(|f| *f == b"-")?;
        (*fields.get(dash + 1)? == b"cgroup2").then_some(())?;
        Some((unescape(fields.get(3)?), unescape(fields.get(4)?)))
    })
}

fn own_path(cgroup: &[u8]) -> Option<PathBuf> {
    let mut lines = cgroup.split(|b| *b == b'\n');
    let path = lines.find_map(|line| line.strip_prefix(b"0::"))?;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(path)))
}

/// Blanks and the like are written as a backslash and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|d| std::str::from_utf8(d).ok());
        let code = digits.and_then(|d| u8::from_str_radix(d, 8).ok());
        match code {
            Some(code) if *byte == b'\\' => {
                out.push(code);
                rest = &after[3..];
            }
            _ => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    std::ffi::OsString::from_vec(out).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_is_found_alone_and_beside_version_1() {
        let hybrid = b"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
            36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices\n\
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 master:1 - cgroup2 cgroup2 rw\n";
        assert_eq!(
            mount_of(hybrid),
            Some(("/".into(), "/sys/fs/cgroup/unified".into()))
        );
        let bound = b"9 8 0:26 /box /odd\\040place rw - cgroup2 none rw\n";
        assert_eq!(mount_of(bound), Some(("/box".into(), "/odd place".into())));
        for nothing in [
            b"".as_slice(),
            b"1 2 3",
            b"9 8 0:26 / /x rw - cgroup2x x rw",
            b"- cgroup2",
        ] {
            assert_eq!(mount_of(nothing), None);
        }
    }

    #[test]
    fn the_own_group_is_the_line_of_version_2() {
        let text = b"12:pids:/a\n1:name=systemd:/b\n0::/user.slice/x.scope\n";
        assert_eq!(own_path(text), Some("/user.slice/x.scope".into()));
        assert_eq!(own_path(b"12:pids:/a\n"), None);
    }

    #[test]
    fn a_group_says_whose_it_is() {
        assert_eq!(
            owner("tribunal-12-345-4026531836"),
            Some((12, 345, 4_026_531_836))
        );
        for other in [
            "tribunal-12",
            "tribunal-x-1-2",
            "init.scope",
            "tribunal-1-2-",
        ] {
            assert_eq!(owner(other), None, "{other}");
        }
        let (pid, ..) = owner(&own_name().unwrap()).unwrap();
        assert_eq!(pid, std::process::id());
    }

    #[test]
    fn a_group_whose_keeper_is_gone_is_cleared_with_all_that_is_in_it() {
        let Ok(home) = cgroup_belt() else {
            eprintln!("not checked: no group can be made here");
            return;
        };
        let me = Stat::of(std::process::id()).unwrap().info;
        let space = pid_namespace().unwrap();
        // A keeper of our pid that started at another time: gone. One that is us: alive.
        let stale = home.join(format!("{PREFIX}{}-{}-{space}", me.pid, me.start_time + 1));
        let alive = home.join(format!("{PREFIX}{}-{}-{space}", me.pid, me.start_time));
        let foreign = home.join(format!("{PREFIX}{}-{}-1", me.pid, me.start_time + 1));
        for group in [&stale, &alive, &foreign] {
            std::fs::create_dir(group).unwrap();
        }
        std::fs::create_dir(stale.join("below")).unwrap();
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        write(&stale.join("below/cgroup.procs"), &child.id()).unwrap();
        sweep(&home);
        let status = child.wait().unwrap();
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&status),
            Some(9)
        );
        assert!(!stale.exists() && alive.exists() && foreign.exists());
        remove(&alive, 0);
        remove(&foreign, 0);
    }
}
