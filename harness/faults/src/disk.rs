//! A disk without a byte left, filled from outside through the eyes of the server.
//!
//! Promise: only a file system in memory is filled that the server has for itself, in a mount namespace that is not ours; that it is full is proven by
//! the refusal of one more byte. Rejected: filling whatever disk a path lies on: the host has no other, and everybody writes there.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use tribunal_serving::ProcessInfo;

use crate::error::{Reason, gate, not_undone, refused, unproven};
use crate::injected::{Done, Remedy};
use crate::scene::Scene;
use crate::size::shown;
use crate::timeline::Step;
use crate::victim::Victim;

/// Where shared memory is mounted.
pub(crate) const SHM: &str = "/dev/shm";
/// A file of ours on the server's disk.
const FILLER: &str = ".tribunal-filler";
/// The first piece that is tried, and the last.
const PIECES: (u64, u64) = (64 << 20, 4 << 10);
/// A larger one is not filled: the memory of the host is behind it.
const MOST: u64 = 4 << 30;

/// Fills the disk that the server has at this place.
pub(crate) async fn fill(scene: &Scene, place: &Path) -> Result<Done, Reason> {
    let scene = scene.clone();
    let place = place.to_path_buf();
    let done = tokio::task::spawn_blocking(move || filled(&scene, &place)).await;
    done.unwrap_or_else(|error| Err(refused(error.to_string())))
}

fn filled(scene: &Scene, place: &Path) -> Result<Done, Reason> {
    let root = Victim::Root.found(scene)?.swap_remove(0);
    let folder = seen_by(&root, place)?;
    let at = scene.timeline.since_start();
    let path = folder.join(FILLER);
    let cannot = |error: std::io::Error| refused(format!("{}: {error}", place.display()));
    let size = rustix::fs::statvfs(&folder).map_err(|error| cannot(error.into()))?;
    let size = size.f_blocks.saturating_mul(size.f_frsize);
    bounded(size).map_err(|why| refused(format!("{} {why}", place.display())))?;
    let file = File::options()
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(cannot)?;
    let filler = Filler {
        path,
        place: place.to_path_buf(),
        there: true,
    };
    let (mut bytes, mut piece) = (0_u64, PIECES.0);
    while piece >= PIECES.1 {
        match fallocate(&file, FallocateFlags::empty(), bytes, piece) {
            Ok(()) => bytes += piece,
            Err(Errno::NOSPC) => piece /= 2,
            Err(Errno::INTR) => {}
            Err(error) => return Err(cannot(error.into())),
        }
    }
    let filled = format!("{} written to {}", shown(bytes), place.display());
    scene.timeline.note(Step::Injected, filled.clone());
    // Whoever gave something back in between gave it to nobody else.
    match fallocate(&file, FallocateFlags::empty(), bytes, 1) {
        Err(Errno::NOSPC) => {}
        Ok(()) => {
            return Err(unproven(format!(
                "{}: {filled}, and there is still room",
                place.display()
            )));
        }
        Err(error) => return Err(cannot(error.into())),
    }
    Ok(Done {
        at,
        what: format!("{filled}; one more byte is refused (ENOSPC)"),
        victims: vec![(root.pid, root.start_time)],
        remedy: Some(Box::new(filler)),
    })
}

/// The memory of the host is behind it, so its size must be known and small.
fn bounded(size: u64) -> Result<(), String> {
    match size {
        0 => Err("has no size: it would be filled until the host has no memory left".into()),
        1..=MOST => Ok(()),
        _ => Err(format!(
            "has {}, which would be taken of the host's memory; at most {} are",
            shown(size),
            shown(MOST)
        )),
    }
}

/// The folder as this process can reach it, if the disk there is the server's alone.
fn seen_by(root: &ProcessInfo, place: &Path) -> Result<PathBuf, Reason> {
    let why = "start it with `Confine::around`, so that it has one of its own";
    let plain = |c: Component<'_>| matches!(c, Component::RootDir | Component::Normal(_));
    if !place.is_absolute() || !place.components().all(plain) {
        return Err(refused(format!("{} is no absolute path", place.display())));
    }
    let namespace = |pid: &str| {
        let path = format!("/proc/{pid}/ns/mnt");
        std::fs::metadata(&path)
            .map(|m| m.ino())
            .map_err(|error| refused(format!("{path}: {error}")))
    };
    if namespace(&root.pid.to_string())? == namespace("self")? {
        return Err(gate(format!(
            "the server sees the disks of this host, and those are not filled; {why}"
        )));
    }
    let mounts = std::fs::read_to_string(format!("/proc/{}/mounts", root.pid));
    let mounts = mounts.map_err(|error| refused(format!("its mounts: {error}")))?;
    if !is_tmpfs(&mounts, place) {
        return Err(gate(format!(
            "the server has no disk in memory at {}; {why}",
            place.display()
        )));
    }
    let below = place.strip_prefix("/").unwrap_or(place);
    let seen = Path::new("/proc").join(root.pid.to_string()).join("root");
    let seen = seen.join(below);
    // In namespaces of other making it may still be one of this host's.
    let device = std::fs::metadata(&seen).map(|m| m.dev());
    let device = device.map_err(|error| refused(format!("{}: {error}", place.display())))?;
    let ours = std::fs::read_to_string("/proc/self/mountinfo");
    let ours = ours.map_err(|error| refused(format!("the mounts of this host: {error}")))?;
    if has_device(&ours, device) {
        return Err(gate(format!(
            "the server shares {} with this host, whose disks are not filled; {why}",
            place.display()
        )));
    }
    Ok(seen)
}

/// Whether the last thing mounted at exactly this place is a file system in memory.
fn is_tmpfs(mounts: &str, place: &Path) -> bool {
    let mut at = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (_, path, kind) = (fields.next()?, fields.next()?, fields.next()?);
        (Path::new(&unescaped(path)) == place).then(|| kind == "tmpfs")
    });
    at.next_back() == Some(true)
}

/// Whether a file system of this number is among these mounts.
fn has_device(mountinfo: &str, device: u64) -> bool {
    let number = format!(
        "{}:{}",
        rustix::fs::major(device),
        rustix::fs::minor(device)
    );
    let mut numbers = mountinfo.lines().filter_map(|line| line.split(' ').nth(2));
    numbers.any(|n| n == number)
}

/// Blanks and the like stand there as a backslash and three octal digits.
fn unescaped(field: &str) -> String {
    let mut out = String::new();
    let mut rest = field;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 4);
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(byte) if byte.is_ascii() => {
                out.push(char::from(byte));
                rest = &rest[at + 4..];
            }
            _ => {
                out.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    out + rest
}

/// The file that fills the disk.
struct Filler {
    path: PathBuf,
    place: PathBuf,
    there: bool,
}

impl Filler {
    fn remove(&mut self) -> Result<(), String> {
        if !std::mem::take(&mut self.there) {
            return Ok(());
        }
        match std::fs::remove_file(&self.path) {
            Ok(()) => Ok(()),
            // With the server's last process its disk has gone.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(format!("{}: {error}", self.place.display())),
        }
    }
}

impl Remedy for Filler {
    fn undo(&mut self) -> Result<String, Reason> {
        self.remove().map_err(not_undone)?;
        Ok(format!("{} has room again", self.place.display()))
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_host_has_mounted_is_known() {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let here = std::fs::metadata("/dev/shm").unwrap().dev();
        assert!(has_device(&mounts, here));
        assert!(!has_device(&mounts, rustix::fs::makedev(0, 999_999)));
        assert!(has_device("1 2 0:7 / /x rw", rustix::fs::makedev(0, 7)));
    }

    #[test]
    fn only_a_small_disk_is_filled() {
        assert!(bounded(1).is_ok() && bounded(MOST).is_ok());
        assert!(bounded(0).unwrap_err().contains("no size"));
        assert!(bounded(MOST + 1).unwrap_err().contains("at most 4.0 GiB"));
    }

    #[test]
    fn what_is_mounted_last_counts() {
        let mounts = "/dev/sda / ext4 rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\ntmpfs /a\\040b tmpfs rw 0 0\n\
                      tmpfs /c tmpfs rw 0 0\n/dev/sdb /c ext4 rw 0 0\n";
        let is = |place: &str| is_tmpfs(mounts, Path::new(place));
        assert!(is("/dev/shm") && is("/a b"));
        assert!(!is("/") && !is("/c") && !is("/dev") && !is("/dev/shm/below"));
    }
}
