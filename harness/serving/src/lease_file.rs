//! The file of leases of ports: where it lies.
//!
//! Promise: one per user where the system has a folder for that, so that nobody else can touch it; else one for all users. How it is opened
//! safely is `tribunal-hardware`'s, as for the leases of devices.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Opens the file of leases, which all users of the folder share.
pub(crate) fn open(folder: &Path) -> io::Result<File> {
    tribunal_hardware::open_shared(folder, "ports")
}

/// Where leases of this machine lie: `$XDG_RUNTIME_DIR/tribunal`, else `tribunal-HOST` in the temporary folder.
pub(crate) fn default_folder() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|r| r.is_dir());
    folder(
        runtime,
        &std::env::temp_dir(),
        &tribunal_hardware::host_folder(),
    )
}

fn folder(runtime: Option<PathBuf>, temporary: &Path, host: &str) -> PathBuf {
    if let Some(runtime) = runtime.filter(|r| r.is_absolute()) {
        return runtime.join("tribunal");
    }
    temporary.join(host)
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
        assert_eq!(
            folder(Some("/run/user/1"), "tribunal-h"),
            "/run/user/1/tribunal"
        );
        assert_eq!(
            folder(None, "tribunal-gpu-3.lab"),
            "/tmp/tribunal-gpu-3.lab"
        );
        assert_eq!(folder(Some("relative"), "tribunal-h"), "/tmp/tribunal-h");
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
