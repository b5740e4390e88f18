//! A file that several users of one host open for reading and writing.
//!
//! Promise: whoever comes first makes folder and file so that everybody may use them; links are not followed, because the
//! folder lies where everybody may write. Rejected: a file per user, since two users have the same devices.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Opens `folder/name` for reading and writing, and makes both on first use so that every user of this host may share them. Links are refused.
///
/// A ledger on kernel locks begins with such a file; the folder may lie where everybody may write.
// The file is opened without O_CREAT first: in a folder with the sticky bit the kernel refuses O_CREAT on another user's file
// (fs.protected_regular).
pub fn open_shared(folder: &Path, name: &str) -> io::Result<File> {
    match DirBuilder::new().mode(0o1777).create(folder) {
        // The mode given is cut by the umask.
        Ok(()) => std::fs::set_permissions(folder, PermissionsExt::from_mode(0o1777))?,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(e),
    }
    if !std::fs::symlink_metadata(folder)?.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            "it is no folder (a link is refused)",
        ));
    }
    let path = folder.join(name);
    loop {
        match open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        match make(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other,
        }
    }
}

/// Opens the file if it is there.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    options().open(path)
}

/// Makes the file, which must not be there.
pub(crate) fn make(path: &Path) -> io::Result<File> {
    let file = options().create_new(true).mode(0o666).open(path)?;
    file.set_permissions(PermissionsExt::from_mode(0o666))?;
    Ok(file)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    // Opening a pipe that somebody put there must not hang.
    options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK);
    options
}

/// Where the leases of this host lie: `/tmp/tribunal-HOST`, or below the temporary folder where there is no `/tmp`.
///
/// It is neither `$XDG_RUNTIME_DIR` nor `$TMPDIR`: devices belong to the host, and a ledger per user or per session would
/// give one card to two runs.
pub fn default_lease_folder() -> PathBuf {
    let shared = PathBuf::from("/tmp");
    let base = if shared.is_dir() {
        shared
    } else {
        std::env::temp_dir()
    };
    base.join(host_folder())
}

/// The name of a folder of this host's own, `tribunal-HOST`: several hosts may share a temporary folder.
pub fn host_folder() -> String {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    format!("tribunal-{}", plain(&host))
}

fn plain(host: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    host.chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_cannot_lead_out_of_the_folder() {
        assert_eq!(plain("gpu-3.lab"), "gpu-3.lab");
        assert_eq!(plain("../x"), ".._x");
    }

    #[test]
    fn everybody_may_write_and_nobody_may_remove() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        let made = open_shared(&inner, "leases").unwrap();
        let mode = |meta: std::fs::Metadata| meta.permissions().mode() & 0o7777;
        assert_eq!(mode(made.metadata().unwrap()), 0o666);
        assert_eq!(mode(inner.metadata().unwrap()), 0o1777);
        // The second time it is the same file.
        use std::os::unix::fs::MetadataExt;
        let again = open_shared(&inner, "leases").unwrap();
        assert_eq!(
            made.metadata().unwrap().ino(),
            again.metadata().unwrap().ino()
        );
    }

    #[test]
    fn links_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        let error = open_shared(&link, "leases").unwrap_err();
        assert!(error.to_string().contains("a link is refused"), "{error}");
        let file = folder.path().join("leases");
        std::os::unix::fs::symlink("/dev/null", &file).unwrap();
        assert!(open_shared(folder.path(), "leases").is_err());
    }
}
