//! Finding the program of a deployment, as the shell would: a path as it stands, a name along `PATH`.
//!
//! Done before anything starts, so that "not found" is an error of its own with a suggestion, and not an exit code.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::container;
use crate::launch::Launch;
use crate::start_error_kind::StartErrorKind;
use crate::text;

/// Why a program cannot be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotFound {
    /// No such name in any folder of `PATH`; the nearest name that is there.
    OnPath {
        folders: usize,
        nearest: Option<String>,
    },
    /// No file at this path; the nearest name in the same folder.
    AtPath {
        path: PathBuf,
        nearest: Option<PathBuf>,
    },
    /// There is a file, but it may not be executed.
    NotExecutable { path: PathBuf },
}

/// The program, or the runtime of the container.
pub(crate) fn of(launch: &Launch) -> Result<PathBuf, StartErrorKind> {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    if let Some(container) = &launch.container {
        let path = std::env::var_os("PATH");
        let candidates: Vec<&str> = match &container.runtime {
            Some(runtime) => vec![runtime.as_str()],
            None => container::RUNTIMES.into(),
        };
        return candidates
            .iter()
            .find_map(|c| find(OsStr::new(c), path.as_deref(), &here).ok())
            .ok_or_else(|| StartErrorKind::NoRuntime {
                searched: candidates.iter().map(|c| text::printable(c)).collect(),
                image: text::printable(&container.image),
            });
    }
    let set = launch.env.iter().rev().find(|(name, _)| name == "PATH");
    let path = match set {
        Some((_, value)) => value.clone(),
        None => std::env::var_os("PATH"),
    };
    let shown = |p: &OsStr| text::printable(&p.to_string_lossy());
    find(&launch.program, path.as_deref(), &here).map_err(|why| match why {
        NotFound::OnPath { folders, nearest } => StartErrorKind::ProgramNotFound {
            program: shown(&launch.program),
            searched: format!("in the {folders} folders of PATH"),
            nearest,
        },
        NotFound::AtPath { path, nearest } => StartErrorKind::ProgramNotFound {
            program: shown(&launch.program),
            searched: format!("(looked for at {})", path.display()),
            nearest: nearest.map(|n| n.display().to_string()),
        },
        NotFound::NotExecutable { path } => StartErrorKind::NotStarted {
            reason: format!(
                "{} is not executable (`chmod +x` makes it so)",
                path.display()
            ),
        },
    })
}

/// The absolute path of `program`. `path` is the value of `PATH` that holds for the server.
pub(crate) fn find(program: &OsStr, path: Option<&OsStr>, cwd: &Path) -> Result<PathBuf, NotFound> {
    if program.as_encoded_bytes().contains(&b'/') {
        let path = cwd.join(program);
        return match std::fs::metadata(&path) {
            Ok(m) if is_executable(&m) => Ok(path),
            Ok(_) => Err(NotFound::NotExecutable { path }),
            Err(_) => {
                let nearest = path
                    .parent()
                    .zip(path.file_name())
                    .and_then(|(folder, name)| nearest_in([folder.to_path_buf()], name))
                    .map(|name| path.with_file_name(name));
                Err(NotFound::AtPath { path, nearest })
            }
        };
    }
    let folders: Vec<PathBuf> = path
        .map(|p| {
            std::env::split_paths(p)
                .map(|folder| cwd.join(folder))
                .collect()
        })
        .unwrap_or_default();
    let mut blocked = None;
    for folder in &folders {
        let candidate = folder.join(program);
        match std::fs::metadata(&candidate) {
            Ok(m) if is_executable(&m) => return Ok(candidate),
            Ok(m) if m.is_file() => blocked = blocked.or(Some(candidate)),
            _ => {}
        }
    }
    Err(match blocked {
        Some(path) => NotFound::NotExecutable { path },
        None => NotFound::OnPath {
            folders: folders.len(),
            nearest: nearest_in(folders, program),
        },
    })
}

/// Why a script that is there cannot be run: the interpreter that its first line names is not there. The system says
/// "no such file" and means the interpreter; a virtual environment that was moved is full of such scripts.
pub(crate) fn missing_interpreter(script: &Path) -> Option<String> {
    use std::io::Read;
    let mut start = Vec::new();
    std::fs::File::open(script)
        .ok()?
        .take(4_096)
        .read_to_end(&mut start)
        .ok()?;
    let line = start.strip_prefix(b"#!")?.split(|b| *b == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    let interpreter = line.split_whitespace().next()?;
    (!Path::new(interpreter).exists()).then(|| {
        let shown = crate::text::printable(interpreter);
        format!("its first line names the interpreter {shown}, which does not exist")
    })
}

fn is_executable(metadata: &std::fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    metadata.is_file()
}

/// The name of an executable in these folders that resembles `wanted` most.
fn nearest_in(folders: impl IntoIterator<Item = PathBuf>, wanted: &OsStr) -> Option<String> {
    let wanted = wanted.to_str()?;
    let names: Vec<OsString> = folders
        .into_iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten())
        .filter(|entry| {
            // The cheap comparison first: a system has thousands of programs.
            let name = entry.file_name();
            name.to_str()
                .is_some_and(|n| strsim::jaro_winkler(n, wanted) >= 0.85)
                && std::fs::metadata(entry.path()).is_ok_and(|m| is_executable(&m))
        })
        .map(|entry| entry.file_name())
        .collect();
    crate::text::nearest(wanted, names.iter().filter_map(|n| n.to_str())).map(String::from)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in [("llama-server", 0o755), ("notes", 0o644)] {
            let path = folder.path().join(name);
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        }
        folder
    }

    #[test]
    fn a_name_is_looked_up_along_path() {
        let folder = folder();
        let path = std::env::join_paths([Path::new("/nowhere"), folder.path()]).unwrap();
        let find = |name: &str| find(OsStr::new(name), Some(&path), Path::new("/"));
        assert_eq!(find("llama-server"), Ok(folder.path().join("llama-server")));
        let nearest = Some("llama-server".into());
        assert_eq!(
            find("lama-server"),
            Err(NotFound::OnPath {
                folders: 2,
                nearest
            })
        );
        assert_eq!(
            find("zzz"),
            Err(NotFound::OnPath {
                folders: 2,
                nearest: None
            })
        );
        assert!(matches!(find("notes"), Err(NotFound::NotExecutable { .. })));
    }

    #[test]
    fn a_path_is_taken_as_it_stands() {
        let folder = folder();
        let find = |name: &str| find(OsStr::new(name), None, folder.path());
        assert_eq!(
            find("./llama-server"),
            Ok(folder.path().join("./llama-server"))
        );
        let Err(NotFound::AtPath {
            nearest: Some(near),
            ..
        }) = find("./llama-sever")
        else {
            panic!("not found, but near");
        };
        assert!(near.ends_with("llama-server"));
        assert!(matches!(
            find("./notes"),
            Err(NotFound::NotExecutable { .. })
        ));
        assert!(matches!(
            find("llama-server"),
            Err(NotFound::OnPath { folders: 0, .. })
        ));
    }
}
