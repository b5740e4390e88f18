//! The folder of a copy that is being made: what stands in the way goes, what does not belong goes, and its entries are
//! written through to the disk. Links are never followed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::manifest::Manifest;
use crate::scan::Scan;
use crate::store::{remove_all, sync_folder};

/// Makes the folders above `path` in `partial`; what stands in the way (a file, a link) goes.
pub(crate) fn make_way(partial: &Path, path: &str) -> io::Result<()> {
    let mut at = partial.to_path_buf();
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    for part in parts {
        at.push(part);
        match fs::symlink_metadata(&at) {
            Ok(facts) if facts.is_dir() => continue,
            Ok(_) => fs::remove_file(&at)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        fs::create_dir(&at)?;
    }
    at.push(name);
    if fs::symlink_metadata(&at).is_ok_and(|facts| facts.is_dir()) {
        fs::remove_dir_all(&at)?;
    }
    Ok(())
}

/// Removes from `folder` everything that the source does not have.
pub(crate) fn remove_others(folder: &Path, prefix: &str, source: &Scan) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let relative = name.to_str().map(|name| format!("{prefix}{name}"));
        let (folder, known) = match &relative {
            Some(path) => {
                let inside = format!("{path}/");
                let above = source
                    .files
                    .range(inside.clone()..)
                    .next()
                    .is_some_and(|(next, _)| next.starts_with(&inside));
                (
                    entry
                        .file_type()?
                        .is_dir()
                        .then_some(inside)
                        .filter(|_| above),
                    source.files.contains_key(path),
                )
            }
            None => (None, false),
        };
        match folder {
            Some(inside) => remove_others(&entry.path(), &inside, source)?,
            None if known && entry.file_type()?.is_file() => {}
            None => remove_all(&entry.path())?,
        }
    }
    Ok(())
}

/// Writes the entries of every folder of a copy through to the disk.
pub(crate) fn sync_folders(partial: &Path, manifest: &Manifest) -> io::Result<()> {
    let mut folders: Vec<PathBuf> = manifest
        .files
        .keys()
        .flat_map(|path| {
            Path::new(path)
                .ancestors()
                .skip(1)
                .map(|folder| partial.join(folder))
                .collect::<Vec<_>>()
        })
        .collect();
    folders.sort_unstable();
    folders.dedup();
    folders
        .iter()
        .rev()
        .try_for_each(|folder| sync_folder(folder))
}
