//! The file of leases: where it lies, and how several users open the same one.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Opens the file of leases, making folder and file on first use so that several users can share them.
///
/// The folder may lie in a directory where everybody may write: links are not followed, and the file is opened
/// without O_CREAT first, because the kernel refuses O_CREAT on another user's file there (fs.protected_regular).
pub(crate) fn open(folder: &Path) -> io::Result<File> {
    match std::fs::DirBuilder::new().mode(0o1777).create(folder) {
        // The mode given is cut by the umask.
        Ok(()) => std::fs::set_permissions(folder, PermissionsExt::from_mode(0o1777))?,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(e),
    }
    if !std::fs::symlink_metadata(folder)?.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            "it is no directory (a link is refused)",
        ));
    }
    let path = folder.join("ports");
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
    loop {
        match options.open(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        match options.clone().create_new(true).mode(0o666).open(&path) {
            Ok(file) => {
                file.set_permissions(PermissionsExt::from_mode(0o666))?;
                return Ok(file);
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other,
        }
    }
}

/// Where leases of this machine lie: `$XDG_RUNTIME_DIR/tribunal`, else `tribunal-HOST` in the temporary folder.
pub(crate) fn default_folder() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|r| r.is_dir());
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    folder(runtime, &std::env::temp_dir(), &host)
}

fn folder(runtime: Option<PathBuf>, temporary: &Path, host: &str) -> PathBuf {
    if let Some(runtime) = runtime.filter(|r| r.is_absolute()) {
        return runtime.join("tribunal");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let host: String = host
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    temporary.join(format!("tribunal-{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_one_per_user_or_one_per_machine() {
        let folder = |runtime: Option<&str>, host| {
            folder(runtime.map(PathBuf::from), Path::new("/tmp"), host)
                .display()
                .to_string()
        };
        assert_eq!(folder(Some("/run/user/1"), "h"), "/run/user/1/tribunal");
        assert_eq!(folder(None, "gpu-3.lab"), "/tmp/tribunal-gpu-3.lab");
        assert_eq!(folder(Some("relative"), "../x"), "/tmp/tribunal-.._x");
    }

    #[test]
    fn a_link_instead_of_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        let error = open(&link).unwrap_err();
        assert!(error.to_string().contains("a link is refused"), "{error}");
    }
}
