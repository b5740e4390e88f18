//! The tests of a workspace, as its test programs list them.
//!
//! Promise: every test, whatever variables are set; a program that is no harness of Tribunal is named and passed over. Rejected: one list per level
//! (a test's levels stand in the list of the deepest).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use serde_json::Value;
use tribunal_stages::Suite;
use tribunal_vocabulary::Vocabulary;

use crate::command::{clean, wrong};

/// The most that is read of a list that was kept in a file.
const MOST: u64 = 1 << 30;

/// The flags that say where the tests are.
#[cfg(test)]
pub(crate) const FLAGS: [&str; 6] = [
    "catalog", "binary", "package", "test", "features", "release",
];

/// The same in words, as the help of every verb has them.
#[cfg(test)]
pub(crate) const HELP: &str = "\
      --catalog FILE    tests as `cargo test -- --run-level slow --list --format json` printed them
      --binary FILE     a test program that is built already
      --package NAME    for cargo: the package whose tests they are [default: the workspace's default members]
      --test NAME       for cargo: the test target
      --features NAMES  for cargo
      --release         for cargo
";

/// Where the tests are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Source {
    pub(crate) catalog: Option<PathBuf>,
    pub(crate) binary: Option<PathBuf>,
    /// For cargo: which programs.
    pub(crate) cargo: Vec<OsString>,
}

/// What was found.
pub(crate) struct Found {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) suite: Suite,
    /// Programs that can be asked again.
    pub(crate) programs: Vec<Program>,
}

/// A test program, and where it runs.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    program: PathBuf,
    folder: PathBuf,
    variables: Vec<(OsString, OsString)>,
}

impl Source {
    /// Takes a flag that is one of `FLAGS`; says whether it was.
    pub(crate) fn flag(&mut self, flag: &str, parser: &mut lexopt::Parser) -> Result<bool, String> {
        match flag {
            "catalog" => self.catalog = Some(parser.value().map_err(wrong)?.into()),
            "binary" => self.binary = Some(parser.value().map_err(wrong)?.into()),
            "package" | "test" | "features" => {
                let value = parser.value().map_err(wrong)?;
                self.cargo.extend([format!("--{flag}").into(), value]);
            }
            "release" => self.cargo.push("--release".into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Finds all tests.
    ///
    /// # Errors
    /// In words: nothing can be built or read, or a list fits another vocabulary.
    pub(crate) fn find(&self) -> Result<Found, String> {
        let vocabulary = crate::deploy::vocabulary()?;
        let mut suite = Suite::default();
        if let Some(file) = &self.catalog {
            let text = read(file, MOST)?;
            suite = Suite::parse(&text, &vocabulary)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            return Ok(Found {
                vocabulary,
                suite,
                programs: vec![],
            });
        }
        let candidates = match &self.binary {
            Some(binary) => {
                let program = binary
                    .canonicalize()
                    .map_err(|error| format!("`{}`: {error}", binary.display()))?;
                let folder = std::env::current_dir().map_err(|error| error.to_string())?;
                vec![Program {
                    program,
                    folder,
                    variables: vec![],
                }]
            }
            None => self.build()?,
        };
        let deepest = vocabulary.levels().last().map(|level| level.name.clone());
        let mut programs = vec![];
        let mut complaints = String::new();
        for one in candidates {
            let level = deepest.iter().flat_map(|level| ["--run-level", level]);
            match one.list(&vocabulary, &level.collect::<Vec<_>>()) {
                Ok(listed) => {
                    suite.cases.extend(listed.cases);
                    programs.push(one);
                }
                Err(complaint) => {
                    complaints.push_str(&format!("note: {}: {complaint}\n", one.program.display()))
                }
            }
        }
        match programs.is_empty() {
            true => Err(format!(
                "no test program lists its tests as Tribunal's do\n{complaints}help: choose one by --package, --test or --binary\n"
            )),
            false => Ok(Found {
                vocabulary,
                suite,
                programs,
            }),
        }
    }

    fn build(&self) -> Result<Vec<Program>, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Process::new(cargo)
            .args([
                "test",
                "--no-run",
                "--message-format",
                "json-render-diagnostics",
            ])
            .args(&self.cargo)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // Its progress and its complaints are for whoever waits.
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cargo cannot be started: {error}"))?;
        if !output.status.success() {
            return Err("the tests do not build (see above)".into());
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let all: Vec<Program> = text.lines().filter_map(artifact).collect();
        match all.is_empty() {
            true => {
                Err("there is no test program here\nhelp: choose a package by --package\n".into())
            }
            false => Ok(all),
        }
    }
}

/// A file that is not longer than anyone would write it.
pub(crate) fn read(file: &Path, most: u64) -> Result<String, String> {
    let shown = file.display();
    let size = std::fs::metadata(file)
        .map_err(|error| format!("`{shown}`: {error}"))?
        .len();
    if size > most {
        return Err(format!(
            "`{shown}` has {size} bytes; at most {most} are read"
        ));
    }
    std::fs::read_to_string(file).map_err(|error| format!("`{shown}`: {error}"))
}

/// A line of cargo's that tells of a test program.
fn artifact(line: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
        return None;
    }
    let program = PathBuf::from(message["executable"].as_str()?);
    let manifest = PathBuf::from(message["manifest_path"].as_str()?);
    let folder = manifest.parent()?.to_path_buf();
    let variables = vec![("CARGO_MANIFEST_DIR".into(), folder.clone().into())];
    Some(Program {
        program,
        folder,
        variables,
    })
}

impl Program {
    /// What it lists under these arguments.
    ///
    /// # Errors
    /// In words, without a line break.
    pub(crate) fn list(&self, v: &Vocabulary, arguments: &[&str]) -> Result<Suite, String> {
        let mut process = Process::new(&self.program);
        // Selections in the environment are for runs.
        for (name, _) in std::env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("TRIBUNAL_") || name.starts_with("RUST_TEST_"))
            {
                process.env_remove(name);
            }
        }
        let output = process
            .args(["--list", "--format", "json"])
            .args(arguments)
            .current_dir(&self.folder)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("it cannot be started: {error}"))?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            let first = errors.lines().find(|line| !line.trim().is_empty());
            return Err(clean(first.unwrap_or("it failed and said nothing")));
        }
        Suite::parse(&String::from_utf8_lossy(&output.stdout), v)
    }
}
