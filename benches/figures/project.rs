//! The generated projects on disk, and their programs.
//!
//! They lie below this package's part of the target folder and stay there: the next measurement finds them built.

use std::path::{Path, PathBuf};

use tribunal_benches::subject::{self, Subject};

use crate::options::Options;
use crate::process::Job;

/// Where everything that is generated lies.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// The folder of this repository.
pub fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// The workspace of the subjects.
pub struct Projects {
    folder: PathBuf,
    target: PathBuf,
}

impl Projects {
    /// Writes them, as far as they are not there yet.
    pub fn write() -> Result<Projects, String> {
        let projects = Projects {
            folder: root().join("subjects"),
            target: root().join("subjects-target"),
        };
        let tribunal = repository().join("harness").join("tribunal");
        let tribunal = tribunal
            .to_str()
            .ok_or("the path of this repository is no text")?;
        put(&projects.folder.join("Cargo.toml"), &subject::workspace())?;
        // The same dependencies as the repository; cargo drops what the subjects do not use.
        let lock = repository().join("Cargo.lock");
        let lock =
            std::fs::read_to_string(&lock).map_err(|e| format!("{}: {e}", lock.display()))?;
        put(&projects.folder.join("Cargo.lock"), &lock)?;
        for subject in Subject::ALL {
            let package = projects.folder.join(subject.package());
            put(&package.join("Cargo.toml"), &subject.manifest(tribunal))?;
            put(&projects.source(subject), &subject.source())?;
        }
        Ok(projects)
    }

    /// The test target's file.
    pub fn source(&self, subject: Subject) -> PathBuf {
        self.folder
            .join(subject.package())
            .join("tests")
            .join("subject.rs")
    }

    /// Cargo in this workspace.
    pub fn cargo(&self, args: &[&str]) -> Job {
        Job::cargo(args, &self.folder, &self.target)
    }

    /// Builds a subject and returns its program.
    pub fn build(&self, subject: Subject, options: &Options) -> Result<Built, String> {
        let done = self
            .cargo(&[
                "test",
                "--no-run",
                "--quiet",
                "--profile",
                options.profile(),
                "--package",
                subject.package(),
                "--test",
                "subject",
                "--message-format",
                "json-render-diagnostics",
            ])
            .succeed()?;
        let mut program = None;
        for line in done.out.lines().filter(|l| l.starts_with('{')) {
            let message: serde_json::Value = serde_json::from_str(line)
                .map_err(|e| format!("cargo wrote no JSON: {e}: {line}"))?;
            if message["target"]["name"] == "subject"
                && let Some(path) = message["executable"].as_str()
            {
                program = Some(PathBuf::from(path));
            }
        }
        let program =
            program.ok_or_else(|| format!("cargo named no program for {}", subject.package()))?;
        eprintln!(
            "  {} built in {:.1} s",
            subject.package(),
            done.wall.as_secs_f64()
        );
        Ok(Built {
            program,
            folder: self.folder.join(subject.package()),
        })
    }
}

/// A subject's program.
pub struct Built {
    program: PathBuf,
    folder: PathBuf,
}

impl Built {
    /// A run of it, where and how cargo would start it.
    pub fn job(&self, args: &[&str]) -> Job {
        Job::new(&self.program, args, &self.folder).env("CARGO_MANIFEST_DIR", &self.folder)
    }
}

/// Writes a file if it does not say that already: cargo looks at the time of the last change.
pub fn put(path: &Path, text: &str) -> Result<(), String> {
    if std::fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}
