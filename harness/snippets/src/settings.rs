//! How pages are run: where to, for how long, and what is there.

use std::path::PathBuf;
use std::time::Duration;

use crate::annotation::Need;

/// Whether something is there; else why not.
pub type Has = Box<dyn Fn(&Need) -> Result<(), String> + Send + Sync>;

/// How pages are run.
pub struct Settings {
    /// Where everything goes: a folder for each page.
    pub output: PathBuf,
    /// How long an example may take that does not say so itself.
    pub timeout: Duration,
    /// How long a server may take until it is ready.
    pub server_timeout: Duration,
    /// Whether something is there that an example needs; else why not.
    pub has: Has,
}

impl Settings {
    /// Five minutes for an example and ten for a server; programs are looked for on `PATH`, and there is no GPU.
    pub fn new(output: impl Into<PathBuf>) -> Self {
        Self {
            output: output.into(),
            timeout: Duration::from_secs(300),
            server_timeout: Duration::from_secs(600),
            has: Box::new(usual),
        }
    }
}

fn usual(need: &Need) -> Result<(), String> {
    match need {
        Need::Gpu => Err("whether there is a GPU was not asked".to_owned()),
        Need::Program(name) => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let there = std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
            there
                .then_some(())
                .ok_or_else(|| format!("the program `{name}` is not on PATH"))
        }
        Need::Env(name) => {
            let set = std::env::var_os(name).is_some_and(|value| !value.is_empty());
            set.then_some(())
                .ok_or_else(|| format!("the variable {name} is not set"))
        }
    }
}
