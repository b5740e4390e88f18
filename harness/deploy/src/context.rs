//! For what a deployment is rendered: level, platform, environment, folders.
//!
//! Promise: rendering depends on nothing else, so that a test can give everything as literals. Rejected: reading the process's environment
//! where it is needed (two renderings of one file could then differ without a reason that shows).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tribunal_serving::Deployment;

use crate::recipe::OfflineJob;

/// A variable of an environment, by name.
pub type EnvHook<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Makes a server out of an offline job.
pub type OfflineHook<'a> = &'a dyn Fn(&OfflineJob) -> Result<Deployment, String>;

/// For what a deployment is rendered. [`Context::default`] is no level, no platform, and the environment and the disk as they are.
#[derive(Clone, Default)]
pub struct Context<'a> {
    /// The level, whose overlay is laid on.
    pub level: Option<&'a str>,
    /// The platform, whose overlay is laid on after that of the level.
    pub platform: Option<&'a str>,
    /// A variable of the environment; `None` asks that of this process.
    pub env: Option<EnvHook<'a>>,
    /// What `{self}` is; `None` is the running program.
    pub program: Option<PathBuf>,
    /// What `{package}` is.
    pub package: Option<PathBuf>,
    /// What `{workspace}` is.
    pub workspace: Option<PathBuf>,
    /// Whether a file or a folder is there; `None` asks the disk.
    pub exists: Option<&'a dyn Fn(&Path) -> bool>,
    /// Where a model lies, from its logical name; `None` leaves names as they are.
    pub model: Option<&'a dyn Fn(&str) -> String>,
    /// Makes a server out of an offline job; `None`: such a deployment is an error.
    pub offline: Option<OfflineHook<'a>>,
}

impl Context<'_> {
    pub(crate) fn variable(&self, name: &str) -> Option<OsString> {
        match self.env {
            Some(env) => env(name),
            None => std::env::var_os(name),
        }
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.program
            .clone()
            .or_else(|| std::env::current_exe().ok())
            .unwrap_or_else(|| PathBuf::from("{self}"))
    }

    pub(crate) fn exists(&self, path: &Path) -> bool {
        match self.exists {
            Some(exists) => exists(path),
            None => path.exists(),
        }
    }

    /// A path of a deployment: as it is where it is absolute; else below the first of `folder`, the current folder, the package and the
    /// workspace where it is there, or `None`.
    pub(crate) fn locate(&self, folder: Option<&Path>, path: &str) -> Option<PathBuf> {
        let path = Path::new(path);
        if path.is_absolute() {
            return Some(path.to_path_buf()).filter(|path| self.exists(path));
        }
        let roots = [
            folder,
            Some(Path::new("")),
            self.package.as_deref(),
            self.workspace.as_deref(),
        ];
        roots
            .into_iter()
            .flatten()
            .map(|root| root.join(path))
            .find(|path| self.exists(path))
    }

    /// Whether a program can be found: a path that is there, or a name in a folder of `PATH`.
    pub(crate) fn has_program(&self, program: &str) -> bool {
        if program.contains('/') {
            return self.locate(None, program).is_some();
        }
        let folders = self.variable("PATH").unwrap_or_default();
        std::env::split_paths(&folders).any(|folder| self.exists(&folder.join(program)))
    }
}
