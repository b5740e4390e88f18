//! A server with small disks of its own: mounted where nobody else sees them, gone with its last process.
//!
//! Promise: the server is started in a user and a mount namespace of its own, in which a file system in memory of a given size stands at each place;
//! nothing is mounted on the host, and nothing has to be unmounted. Where namespaces are not allowed, that is a gate known before the start.
//! Rejected: mounting on the host and unmounting later (needs rights, and stays when the harness is killed), and quotas (few file systems have any).

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use tribunal_serving::Deployment;

use crate::disk::SHM;
use crate::error::{FaultError, FaultErrorKind};
use crate::sys;
use crate::verb::VERB;

/// The word for what becomes the server.
pub(crate) const WORD: &str = "confine";
/// The word for a try.
pub(crate) const TRY: &str = "confine-try";
/// What a try says that went well.
const ALLOWED: &str = "namespaces are allowed";
const TMPFS: &str = "--tmpfs";
const ENV: &str = "--env";
/// What a process that never became the server ends with, as a shell does.
const NOT_STARTED: u8 = 127;

/// Small disks for one server.
///
/// ```
/// use tribunal_faults::Confine;
/// use tribunal_serving::Deployment;
///
/// let deployment = Deployment::command("my-server").args(["--spool", "/var/spool"]);
/// let confined = Confine::new()
///     .disk("/var/spool", 8 << 20)
///     .shm(4 << 20)
///     .around(deployment);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confine {
    places: Vec<(PathBuf, u64)>,
    /// Variables of the server that do not hold for what starts it.
    env: Vec<(String, OsString)>,
}

impl Confine {
    /// No disks yet.
    pub fn new() -> Confine {
        Confine::default()
    }

    /// A disk of so many bytes at this place, which must be a folder when the server starts; what lies there is hidden from the server. Placeholders
    /// of deployments (`{evidence}`) are filled in.
    #[must_use]
    pub fn disk(mut self, place: impl Into<PathBuf>, bytes: u64) -> Confine {
        self.places.push((place.into(), bytes));
        self
    }

    /// Shared memory of so many bytes.
    #[must_use]
    pub fn shm(self, bytes: u64) -> Confine {
        self.disk(SHM, bytes)
    }

    /// A variable of the server alone.
    pub(crate) fn env(mut self, name: &str, value: OsString) -> Confine {
        self.env.push((name.into(), value));
        self
    }

    /// The deployment whose server has them. This program's `main` must begin with [`crate::verb`].
    ///
    /// Only the process whose port answers (and what it starts) is confined. A deployment that is reached by URL or runs in a container is refused at its
    /// start.
    pub fn around(&self, deployment: Deployment) -> Deployment {
        // Without a program of our own the start says that it cannot be found.
        let program = std::env::current_exe().unwrap_or_default();
        let verb = std::iter::once(VERB.into());
        deployment.through(program, verb.chain(self.words()))
    }

    /// Everything between the verb and the command.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![WORD.into()];
        for (place, bytes) in &self.places {
            words.extend([TMPFS.into(), bytes.to_string().into(), place.into()]);
        }
        for (name, value) in &self.env {
            words.extend([ENV.into(), name.into(), value.clone()]);
        }
        words.push("--".into());
        words
    }

    /// Whether this system allows it; tried by doing it in a process that ends at once. Blocks for some milliseconds.
    ///
    /// # Errors
    /// A gate that says what is not allowed.
    pub fn allowed() -> Result<(), FaultError> {
        let tried = std::env::current_exe().and_then(|program| {
            let mut command = Command::new(program);
            command.args([VERB, TRY]).stdin(Stdio::null()).output()
        });
        let why = match tried {
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stdout);
                match text.lines().next() {
                    Some(ALLOWED) => return Ok(()),
                    Some(why) => why.chars().take(300).collect(),
                    None => format!("the try ended without a word ({})", output.status),
                }
            }
            Err(error) => format!("it cannot be tried: {error}"),
        };
        let what = "small disks of the server's own";
        Err(FaultError::new(FaultErrorKind::Gate, what, why))
    }
}

/// Becomes the server; returns only if that fails.
pub(crate) fn run(args: &[OsString]) -> ExitCode {
    let why = match split(args) {
        Ok(Split {
            places,
            env,
            program,
            args,
        }) => match enter(&places) {
            Ok(()) => {
                let error = Command::new(program).args(args).envs(env).exec();
                format!("{}: {error}", Path::new(program).display())
            }
            Err(why) => why,
        },
        Err(why) => why,
    };
    // Standard error is the server's log: there the start that failed is looked at.
    eprintln!("the server cannot be confined: {why}");
    ExitCode::from(NOT_STARTED)
}

#[derive(Default)]
struct Split<'a> {
    places: Vec<(&'a Path, u64)>,
    env: Vec<(&'a OsStr, &'a OsStr)>,
    program: &'a OsStr,
    args: &'a [OsString],
}

fn split(args: &[OsString]) -> Result<Split<'_>, String> {
    let mut split = Split::default();
    let mut rest = args;
    loop {
        match rest {
            [word, bytes, place, after @ ..] if word == TMPFS => {
                let number = bytes.to_str().and_then(|b| b.parse().ok());
                let number = number.ok_or_else(|| format!("{bytes:?} is no number of bytes"))?;
                split.places.push((Path::new(place), number));
                rest = after;
            }
            [word, name, value, after @ ..] if word == ENV => {
                split.env.push((name, value));
                rest = after;
            }
            [word, program, args @ ..] if word == "--" => {
                return Ok(Split {
                    program,
                    args,
                    ..split
                });
            }
            _ => return Err("expected places, variables, `--` and a command".into()),
        }
    }
}

/// Enters namespaces of its own and mounts what is to be there.
fn enter(places: &[(&Path, u64)]) -> Result<(), String> {
    if places.is_empty() {
        return Ok(());
    }
    let parent = rustix::process::getppid();
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    sys::unshare_user_and_mounts()
        .map_err(|error| format!("user and mount namespaces are not allowed here ({error})"))?;
    // The same user as outside: what the server may do with its files does not change.
    let write = |file: &str, text: &str| {
        std::fs::write(format!("/proc/self/{file}"), text)
            .map_err(|error| format!("/proc/self/{file} cannot be written: {error}"))
    };
    write("setgroups", "deny")?;
    let (user, group) = (user.as_raw(), group.as_raw());
    write("gid_map", &format!("{group} {group} 1"))?;
    write("uid_map", &format!("{user} {user} 1"))?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private)
        .map_err(|error| format!("mounts cannot be made private: {error}"))?;
    for (place, bytes) in places {
        if !place.is_dir() {
            return Err(format!("{} is no folder", place.display()));
        }
        let size = std::ffi::CString::new(format!("size={bytes},mode=1777"))
            .map_err(|error| error.to_string())?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("tmpfs", *place, "tmpfs", flags, size.as_c_str()).map_err(|error| {
            format!(
                "{bytes} bytes cannot be mounted at {}: {error}",
                place.display()
            )
        })?;
    }
    // The signal by which a server dies with its keeper is taken from whoever changes its rights.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| format!("it would outlive its keeper: {error}"))?;
    if rustix::process::getppid() != parent {
        return Err("the keeper has ended".into());
    }
    Ok(())
}

/// The try.
pub(crate) fn tried() -> ExitCode {
    match enter(&[(Path::new(SHM), 65_536)]) {
        Ok(()) => {
            println!("{ALLOWED}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("{why}");
            ExitCode::from(NOT_STARTED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_command_are_told_apart() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let confine = Confine::new().disk("/a", 5).disk("/b", 6);
        let mut args = confine.env("X", "y".into()).words();
        args.extend(words("run --tmpfs 7 /c"));
        let found = split(&args[1..]).unwrap();
        assert_eq!(found.places, [(Path::new("/a"), 5), (Path::new("/b"), 6)]);
        assert_eq!(found.env, [(OsStr::new("X"), OsStr::new("y"))]);
        assert_eq!((found.program, found.args.len()), (OsStr::new("run"), 3));
        for wrong in ["", "--", "--tmpfs x /a -- run", "--tmpfs 5 -- run", "run"] {
            assert!(split(&words(wrong)).is_err(), "{wrong}");
        }
    }
}
