//! Unpacking an archive that came from a pod.
//!
//! Promise: only files and folders, below the target, within a bound; whatever else is in the archive is left out. The pod runs what is being tested: its archive is
//! as little to be trusted as an answer of the server.

use std::io::Read;
use std::path::{Component, Path};

/// The most bytes of all files together.
const MOST_BYTES: u64 = 16 << 30;
/// The most entries.
const MOST_ENTRIES: usize = 200_000;

/// Unpacks an archive into a folder, which is made.
pub(crate) fn unpack(archive: &Path, target: &Path) -> Result<(), String> {
    let file = std::fs::File::open(archive).map_err(|why| why.to_string())?;
    from(file, target)
}

fn from(archive: impl Read, target: &Path) -> Result<(), String> {
    std::fs::create_dir_all(target).map_err(|why| why.to_string())?;
    let mut archive = tar::Archive::new(archive);
    let mut left = MOST_BYTES;
    for (at, entry) in archive
        .entries()
        .map_err(|why| why.to_string())?
        .enumerate()
    {
        if at >= MOST_ENTRIES {
            return Err(format!("the archive has more than {MOST_ENTRIES} entries"));
        }
        let mut entry = entry.map_err(|why| format!("the archive is broken: {why}"))?;
        let path = entry.path().map_err(|why| why.to_string())?.into_owned();
        let inside = path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside {
            continue;
        }
        let own = target.join(&path);
        match entry.header().entry_type() {
            tar::EntryType::Directory => {
                std::fs::create_dir_all(&own).map_err(|why| why.to_string())?
            }
            tar::EntryType::Regular => {
                left = left
                    .checked_sub(entry.size())
                    .ok_or_else(|| format!("the archive has more than {MOST_BYTES} bytes"))?;
                if let Some(parent) = own.parent() {
                    std::fs::create_dir_all(parent).map_err(|why| why.to_string())?;
                }
                let mut out = std::fs::File::create(&own)
                    .map_err(|why| format!("{}: {why}", own.display()))?;
                std::io::copy(&mut entry, &mut out).map_err(|why| why.to_string())?;
            }
            // Links (`latest`) lead wherever the pod likes.
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn archive() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        header.set_mode(0o600);
        builder
            .append_data(&mut header.clone(), "./run/events.jsonl", &b"abc"[..])
            .unwrap();
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        builder
            .append_link(&mut link, "run/latest", "/etc")
            .unwrap();
        // The crate itself refuses to write this name.
        let mut evil = header;
        evil.as_gnu_mut().unwrap().name[..9].copy_from_slice(b"../escape");
        evil.set_cksum();
        builder.append(&evil, &b"bad"[..]).unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn files_are_unpacked_and_nothing_leaves_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("evidence");
        from(&*archive(), &target).unwrap();
        assert_eq!(
            std::fs::read(target.join("run/events.jsonl")).unwrap(),
            b"abc"
        );
        assert!(!target.join("run/latest").exists());
        assert!(!folder.path().join("escape").exists());
    }

    #[test]
    fn an_archive_that_is_cut_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(from(&archive()[..513], folder.path()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn nonsense_is_an_error_or_nothing_and_no_panic(at in 0_usize..600, byte in any::<u8>()) {
            let folder = tempfile::tempdir().unwrap();
            let mut bytes = archive();
            bytes[at] = byte;
            let _ = from(&*bytes, &folder.path().join("in"));
            prop_assert!(!folder.path().join("escape").exists());
        }
    }
}
