//! What the command line asks of tests that measure: `--workload`, `--accept-baseline`, `--soak`, `--soak-resume`.
//!
//! Kept in a static, and not handed on, as [`docs`](crate::docs()) is: the functions that provide cases take no arguments.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use tribunal_runner::{Options, UsageError};
use tribunal_vocabulary::Vocabulary;

struct Given {
    package: PathBuf,
    deployments: Vec<String>,
    workloads: Vec<PathBuf>,
    accepts: bool,
    rehearsed: bool,
    soak: Soak,
    vocabulary: &'static Vocabulary,
}

/// What is asked of soaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Soak {
    /// How long each lasts (`--soak`); `None`: as the test says.
    pub duration: Option<Duration>,
    /// Whether those that were cut short go on (`--soak-resume`).
    pub resume: bool,
}

static GIVEN: OnceLock<Given> = OnceLock::new();

/// The files of `--workload` (`TRIBUNAL_WORKLOAD`), as paths that are there; none where the option was not given. Providers of cases may ask.
pub fn workloads() -> &'static [PathBuf] {
    GIVEN.get().map_or(&[], |given| &given.workloads)
}

/// The deployments that the run is against (`--deploy`), as they were written; `embedded` where the option was not given. Providers of cases may ask.
pub fn deployments() -> Vec<String> {
    let asked = GIVEN.get().map(|given| given.deployments.clone());
    asked
        .filter(|names| !names.is_empty())
        .unwrap_or_else(|| vec![crate::deployments::DEFAULT.to_owned()])
}

/// Whether what the run measures is to be added to the baselines (`--accept-baseline`, `TRIBUNAL_ACCEPT_BASELINE`).
pub fn accepts_baseline() -> bool {
    GIVEN.get().is_some_and(|given| given.accepts)
}

/// A file of the command line, as a path that is there: from where the user stands, then below the package and the folders above it.
pub(crate) fn found(path: &str) -> Option<PathBuf> {
    let package = GIVEN.get().map(|given| given.package.as_path());
    let paths = [PathBuf::from(path)];
    let found = crate::docs::placed(package.unwrap_or(Path::new(".")), &paths, &|path, _| {
        path.to_owned()
    });
    found.ok()?.pop()
}

/// Whether the run is a rehearsal (`--rehearse`, `TRIBUNAL_REHEARSE`): figures are those of the embedded engine.
pub(crate) fn rehearsed() -> bool {
    GIVEN.get().is_some_and(|given| given.rehearsed)
}

/// How long soaks last, and whether they go on (`--soak`, `--soak-resume`). Where a length is given, the time limit of every case marked `stability`
/// is that much longer.
pub fn soak() -> Soak {
    GIVEN.get().map(|given| given.soak).unwrap_or_default()
}

/// Where baselines lie: the folder that `TRIBUNAL_BASELINES` names, else `tribunal/baselines` in the target folder; as `cargo tribunal baseline` has it.
pub(crate) fn baselines() -> PathBuf {
    if let Some(folder) = std::env::var_os("TRIBUNAL_BASELINES").filter(|v| !v.is_empty()) {
        return folder.into();
    }
    let exe = std::env::current_exe().unwrap_or_default();
    // Cargo marks every target folder with this file.
    let target = exe
        .ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").exists());
    let target = target.map_or_else(|| PathBuf::from("target"), Path::to_path_buf);
    target.join("tribunal/baselines")
}

/// The vocabulary of the run, for those who read files that name markers.
pub fn vocabulary_of_run() -> &'static Vocabulary {
    match GIVEN.get() {
        Some(given) => given.vocabulary,
        None => Vocabulary::shipped(),
    }
}

pub(crate) fn given(
    package: &Path,
    o: &Options,
    vocabulary: &'static Vocabulary,
) -> Result<(), UsageError> {
    let workloads = crate::docs::placed(package, &o.workload, &|path, root| {
        format!(
            "--workload {path}: there is no such file, seen from {root} and from the package\nhelp: `cargo tribunal workload check FILE` reads one"
        )
    })?;
    if let Some(folder) = workloads.iter().find(|path| path.is_dir()) {
        return Err(UsageError(format!(
            "--workload {} is a folder\nhelp: name the files, each by an option of its own",
            folder.display()
        )));
    }
    let soak = Soak {
        duration: o.soak,
        resume: o.soak_resume,
    };
    let accepts = o.accept_baseline;
    // A second call would be a second harness in one process, which there is not.
    let _ = GIVEN.set(Given {
        package: package.to_path_buf(),
        deployments: o.deploy.clone(),
        workloads,
        accepts,
        rehearsed: o.rehearse,
        soak,
        vocabulary,
    });
    Ok(())
}
