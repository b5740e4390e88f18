//! Where the socket of a console lies, and how others find it.
//!
//! Promise: nobody but the owner can connect, from the first moment on: the socket is made in a folder that is closed to others. It goes with the
//! console. Rejected: a name in the abstract namespace: it has no owner.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::net::UnixListener;

/// The longest path that a socket can have, in bytes: `sun_path` without its end.
const LONGEST: usize = 107;
/// The folder below that of the run.
const FOLDER: &str = "console";
const SOCKET: &str = "socket";
/// What tells others of the console.
const HELD: &str = "held.json";

/// Folders of a console; they are removed when it is dropped.
pub(super) struct Place {
    folder: PathBuf,
    /// Elsewhere, where the folder's path is too long.
    elsewhere: Option<PathBuf>,
    socket: PathBuf,
}

impl Place {
    /// A place below this folder.
    pub(super) fn below(run: &Path) -> io::Result<Place> {
        let run = std::path::absolute(run)?;
        fs::create_dir_all(&run)?;
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let runtime = runtime.filter(|path| path.is_absolute() && path.is_dir());
        Place::new(&run, runtime.unwrap_or_else(std::env::temp_dir))
    }

    fn new(run: &Path, runtime: PathBuf) -> io::Result<Place> {
        let folder = closed(run, FOLDER)?;
        let mut place = Place {
            socket: folder.join(SOCKET),
            folder,
            elsewhere: None,
        };
        if !fits(&place.socket) {
            let name = format!("tribunal-{FOLDER}-{}", std::process::id());
            let elsewhere = place.elsewhere.insert(closed(&runtime, &name)?);
            place.socket = elsewhere.join(SOCKET);
        }
        if !fits(&place.socket) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidFilename,
                format!(
                    "{} is longer than the {LONGEST} bytes that the path of a socket can have; set XDG_RUNTIME_DIR to a shorter one",
                    place.socket.display()
                ),
            ));
        }
        Ok(place)
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(super) fn listen(&self) -> io::Result<UnixListener> {
        let listener = UnixListener::bind(&self.socket)?;
        fs::set_permissions(&self.socket, Permissions::from_mode(0o600))?;
        Ok(listener)
    }

    /// Tells others where it is.
    pub(super) fn tell(&self, what: &Value) -> io::Result<()> {
        let new = self.folder.join(".held");
        fs::write(&new, what.to_string())?;
        // Whoever looks sees all of it or nothing.
        fs::rename(new, self.folder.join(HELD))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left is told from a console that is open: nobody answers.
        let _ = fs::remove_dir_all(&self.folder);
        if let Some(elsewhere) = &self.elsewhere {
            let _ = fs::remove_dir_all(elsewhere);
        }
    }
}

fn fits(path: &Path) -> bool {
    path.as_os_str().as_bytes().len() <= LONGEST
}

/// A new folder that only its owner may enter; where the name is taken, one with a number.
fn closed(parent: &Path, name: &str) -> io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let path = match number {
            1 => parent.join(name),
            n => parent.join(format!("{name}-{n}")),
        };
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 100 => {
                number += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    }

    #[tokio::test]
    async fn only_the_owner_may_connect_and_nothing_stays() {
        let run = tempfile::tempdir().expect("a folder");
        let place = Place::below(run.path()).expect("a place");
        let _listener = place.listen().expect("a socket");
        place.tell(&Value::Null).expect("a file");
        assert_eq!(mode(place.socket()), 0o600);
        assert_eq!(mode(place.socket().parent().expect("a folder")), 0o700);
        drop(place);
        assert_eq!(fs::read_dir(run.path()).expect("a folder").count(), 0);
    }

    #[tokio::test]
    async fn a_long_path_leads_elsewhere() {
        let [run, runtime] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let long = run.path().join("x".repeat(120));
        fs::create_dir(&long).expect("a folder");
        let place = Place::new(&long, runtime.path().to_path_buf()).expect("a place");
        assert!(place.socket().starts_with(runtime.path()));
        place.listen().expect("a socket");
        place.tell(&Value::Null).expect("a file");
        assert!(long.join("console/held.json").is_file());
        drop(place);
        assert_eq!(fs::read_dir(runtime.path()).expect("a folder").count(), 0);
        let error = Place::new(&long, long.clone()).err().expect("too long");
        assert!(error.to_string().contains("107 bytes"), "{error}");
    }
}
