//! Programs: where they are, and what they say about their version.
//!
//! Promise: bounded in time and output; a program that hangs is ended and reaped. Rejected: a shell (`command -v`).

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The most that is read of a program's output.
const MOST: u64 = 64 * 1024;
/// How long to wait between two looks at a child that has not ended yet.
const LOOK: Duration = Duration::from_millis(2);

/// The first executable file of this name in the folders.
pub(crate) fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|path| executable(path))
}

fn executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// What the program prints to its standard output.
///
/// # Errors
/// In words: it cannot be started, it ends with another status than 0, or it does not end within the limit.
pub(crate) fn output<S: AsRef<OsStr>>(
    program: &Path,
    arguments: &[S],
    limit: Duration,
) -> Result<String, String> {
    let deadline = Instant::now() + limit;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot be started: {error}"))?;
    let stdout = child.stdout.take();
    let (send, text) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stdout) = stdout {
            // What was read before an error is what there is to say.
            let _ = stdout.take(MOST).read_to_end(&mut bytes);
        }
        // Nobody listens any more after the limit.
        let _ = send.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(LOOK),
            Ok(None) => {
                // It may have ended by itself meanwhile; either way it is reaped.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("did not end within {limit:?}"));
            }
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
    };
    if !status.success() {
        return Err(format!("ended with {status}"));
    }
    // A grandchild may hold the pipe open beyond the child's end.
    text.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        .map_err(|_| format!("kept its output open for more than {limit:?}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn script(folder: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn only_executable_files_are_found_first_folder_first() {
        let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        script(one.path(), "tool", "", 0o644);
        std::fs::create_dir(one.path().join("other")).unwrap();
        let tool = script(two.path(), "tool", "", 0o755);
        let folders = [one.path().to_path_buf(), two.path().to_path_buf()];
        assert_eq!(find("tool", &folders), Some(tool));
        assert_eq!(find("other", &folders), None);
    }

    #[test]
    fn a_program_is_asked_and_its_end_judged() {
        let sh = Path::new("/bin/sh");
        assert_eq!(
            output(sh, &["-c", "echo one; echo two >&2"], LONG),
            Ok("one\n".into())
        );
        assert!(
            output(sh, &["-c", "echo no; exit 3"], LONG)
                .unwrap_err()
                .contains("3")
        );
        assert!(
            output(Path::new("/nowhere/x"), &["-v"], LONG)
                .unwrap_err()
                .starts_with("cannot be started")
        );
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        // `exec`, so that the shell itself is the process that hangs.
        let hanging = ["-c", "exec tail -f /dev/null"];
        let error = output(Path::new("/bin/sh"), &hanging, Duration::from_millis(50)).unwrap_err();
        assert_eq!(error, "did not end within 50ms");
    }
}
