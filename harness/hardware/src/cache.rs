//! The finding of one run, kept in a file for the other processes of the run.
//!
//! Promise: a reader sees a whole file or none; a file of another run, another version or with nonsense in it is refused with
//! a reason; figures come back bit by bit. Rejected: a lock while probing (two processes that probe at the same moment
//! write the same thing, and waiting for one that hangs would cost more than asking twice).

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::probe::Found;

/// The version of the file; one of another version is not read.
const SCHEMA: u32 = 1;
/// The most that is read: 1 MiB, a thousand times what eight cards take.
const MOST: u64 = 1024 * 1024;
/// Files of runs that ended this long ago are removed when a new one is written.
const KEPT: Duration = Duration::from_secs(24 * 3600);
const PREFIX: &str = "tribunal-devices-";

#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    schema: u32,
    key: std::borrow::Cow<'a, str>,
    #[serde(flatten)]
    found: std::borrow::Cow<'a, Found>,
}

/// The file of a run. The key's readable part helps people, its hash keeps runs apart.
pub(crate) fn file(key: &str, dir: &Path) -> PathBuf {
    let readable: String = key
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(40)
        .collect();
    dir.join(format!("{PREFIX}{readable}-{:016x}.json", fnv(key)))
}

/// FNV-1a with 64 bits: stable between builds, which the standard library's hasher does not promise.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The finding that stands in the file; `Ok(None)`: there is no file yet.
pub(crate) fn read(path: &Path, key: &str) -> Result<Option<Found>, String> {
    let unreadable = |why: &dyn std::fmt::Display| format!("{} is not used: {why}", path.display());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&error)),
    };
    let mut bytes = Vec::new();
    file.take(MOST)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    let kept: Kept<'_> = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?;
    if kept.schema != SCHEMA {
        return Err(unreadable(&format!(
            "it has version {}, this program writes {SCHEMA}",
            kept.schema
        )));
    }
    if kept.key != key {
        return Err(unreadable(&"it belongs to another run"));
    }
    Ok(Some(kept.found.into_owned()))
}

/// Writes the finding beside the file and renames it into place, so that nobody reads half of it.
pub(crate) fn write(path: &Path, key: &str, found: &Found) -> Result<(), String> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let failed =
        |error: &dyn std::fmt::Display| format!("{} cannot be written: {error}", path.display());
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(|error| failed(&error))?;
    let kept = Kept {
        schema: SCHEMA,
        key: key.into(),
        found: std::borrow::Cow::Borrowed(found),
    };
    let text = serde_json::to_vec(&kept).map_err(|error| failed(&error))?;
    let turn = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let draft = path.with_extension(format!("{}-{turn}.draft", std::process::id()));
    let done = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&draft)
        .and_then(|mut file| file.write_all(&text))
        .and_then(|()| fs::rename(&draft, path));
    if let Err(error) = done {
        // The draft may not exist; that it is gone is all that matters.
        let _ = fs::remove_file(&draft);
        return Err(failed(&error));
    }
    sweep(dir);
    Ok(())
}

/// Removes what runs of days ago left. Another process may sweep at the same moment, so nothing here is an error.
fn sweep(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let ours = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX));
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if ours && age().is_some_and(|age| age > KEPT) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::note::{Note, NoteKind};

    fn found() -> Found {
        // Figures that a writer with few digits changes, and one (12.5...395) that a quick reader rounds to its neighbour.
        let device = Device::new("cuda", 3, "NVIDIA \"H100\" \u{1b}[1m")
            .with_uuid("GPU-1")
            .with_memory_gib(Some(79.647_460_937_5), Some(0.1 + 0.2));
        let odd =
            Device::new("cuda", 4, "x").with_memory_gib(Some(5e-324), Some(12.500775141962395));
        let notes = vec![Note::new("cuda", "NVML", NoteKind::Partial, "x")];
        Found {
            devices: vec![device, odd, Device::new("npu", 0, "y")],
            notes,
        }
    }

    #[test]
    fn figures_come_back_bit_by_bit() {
        let dir = tempfile::tempdir().unwrap();
        let path = file("run-1", dir.path());
        assert_eq!(read(&path, "run-1"), Ok(None));
        write(&path, "run-1", &found()).unwrap();
        assert_eq!(read(&path, "run-1"), Ok(Some(found())));
    }

    #[test]
    fn nothing_but_the_file_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = file("run", dir.path());
        write(&path, "run", &found()).unwrap();
        write(&path, "run", &found()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn strange_files_are_refused_with_a_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = file("run", dir.path());
        write(&path, "another", &found()).unwrap();
        assert!(
            read(&path, "run")
                .unwrap_err()
                .ends_with("it belongs to another run")
        );
        for (text, why) in [
            ("", "EOF"),
            ("{}", "missing field"),
            (
                "{\"schema\":1,\"key\":\"run\",\"devices\":[{\"platform\":3}],\"notes\":[]}",
                "invalid type",
            ),
            (
                "{\"schema\":9,\"key\":\"run\",\"devices\":[],\"notes\":[]}",
                "it has version 9",
            ),
        ] {
            fs::write(&path, text).unwrap();
            let complaint = read(&path, "run").unwrap_err();
            assert!(
                complaint.contains("is not used") && complaint.contains(why),
                "{text}: {complaint}"
            );
        }
    }

    #[test]
    fn keys_of_any_shape_give_different_plain_names() {
        let dir = Path::new("d");
        let long = "x".repeat(5000);
        let keys = ["", "a/b", "a.b", "ab", "../ab", long.as_str()];
        let mut names: Vec<PathBuf> = keys.iter().map(|key| file(key, dir)).collect();
        for name in &names {
            assert_eq!(name.parent(), Some(dir));
            assert!(name.as_os_str().len() < 120, "{name:?}");
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), keys.len());
    }

    #[test]
    fn old_files_of_other_runs_are_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let [old, foreign] =
            ["tribunal-devices-old-1.json", "notes.json"].map(|name| dir.path().join(name));
        for path in [&old, &foreign] {
            let file = File::create(path).unwrap();
            file.set_modified(std::time::SystemTime::now() - 2 * KEPT)
                .unwrap();
        }
        let path = file("run", dir.path());
        write(&path, "run", &found()).unwrap();
        assert!(!old.exists() && foreign.exists() && path.exists());
    }
}
