//! The command line of the figures, and the groups that can be asked for.

use std::ffi::OsString;

use lexopt::{Arg, ValueExt as _};
use tribunal::vocabulary::nearest;
use tribunal_benches::Figure;

use crate::{compiling, leasing, manifests, running, serving};

/// Figures that are measured together.
pub struct Group {
    /// The name by which it is asked for.
    pub name: &'static str,
    /// What it measures.
    pub what: &'static str,
    /// Too long for every run: measured only when it is named.
    pub long: bool,
    /// Measures it; figures that were taken before an error stay.
    pub measure: fn(&Options, &mut Vec<Figure>) -> Result<(), String>,
}

/// All of them, cheapest first.
const GROUPS: &[Group] = &[
    Group {
        name: "start",
        what: "from the start of a process to its first body",
        long: false,
        measure: running::start,
    },
    Group {
        name: "list",
        what: "listing and selecting among many cases",
        long: false,
        measure: running::list,
    },
    Group {
        name: "run",
        what: "10,000 empty tests",
        long: false,
        measure: running::run,
    },
    Group {
        name: "lease",
        what: "taking and releasing leases, alone and beside many",
        long: false,
        measure: leasing::leases,
    },
    Group {
        name: "manifests",
        what: "manifests for a cluster, from the files of their nodes",
        long: false,
        measure: manifests::manifests,
    },
    Group {
        name: "server",
        what: "starting servers",
        long: false,
        measure: serving::servers,
    },
    Group {
        name: "lowest",
        what: "the whole lowest level on a warm build",
        long: false,
        measure: serving::lowest,
    },
    Group {
        name: "compile",
        what: "compiling 1,000 async tests with two fixtures",
        long: false,
        measure: compiling::compile,
    },
    Group {
        name: "clean",
        what: "from an empty target folder to the first result",
        long: true,
        measure: compiling::clean,
    },
];

/// Runs per figure: enough for a median that one neighbour does not move.
const RUNS: usize = 11;

/// What is to be measured, and how.
pub struct Options {
    /// The groups.
    pub groups: Vec<&'static Group>,
    /// Runs per figure, if the user said so.
    runs: Option<usize>,
    /// The figures as JSON.
    pub json: bool,
    /// The subjects as `cargo test` builds them, without `--release`.
    pub dev: bool,
}

impl Options {
    /// Reads the command line. `None` if there is nothing to measure: help was shown, or `cargo test` built this along with the rest.
    pub fn parse(args: Vec<OsString>) -> Result<Option<Options>, String> {
        let mut options = Options {
            groups: vec![],
            runs: None,
            json: false,
            dev: false,
        };
        let mut bench = false;
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next().map_err(|e| e.to_string())? {
            match arg {
                Arg::Long("bench") => bench = true,
                Arg::Long("json") => options.json = true,
                Arg::Long("dev") => options.dev = true,
                Arg::Long("runs") => {
                    let runs: usize = parser
                        .value()
                        .and_then(|v| v.parse())
                        .map_err(|e| format!("--runs: {e}"))?;
                    if runs == 0 {
                        return Err("--runs 0 measures nothing; give at least 1".into());
                    }
                    options.runs = Some(runs);
                }
                Arg::Long("help") | Arg::Short('h') => {
                    print!("{}", help());
                    return Ok(None);
                }
                Arg::Value(name) => {
                    let name = name.to_string_lossy().into_owned();
                    let Some(group) = GROUPS.iter().find(|g| g.name == name) else {
                        let near = nearest(&name, GROUPS.iter().map(|g| g.name))
                            .map_or(String::new(), |n| format!("; did you mean `{n}`?"));
                        return Err(format!(
                            "no figures are called `{name}`{near}\n\n{}",
                            help()
                        ));
                    };
                    options.groups.push(group);
                }
                other => return Err(format!("{}\n\n{}", other.unexpected(), help())),
            }
        }
        if !bench {
            // `cargo test --all-targets` runs benches as well; it wants to know that they start, and no more.
            eprintln!("nothing was measured: `cargo bench -p tribunal-benches` does that");
            return Ok(None);
        }
        if options.groups.is_empty() {
            options.groups = GROUPS.iter().filter(|g| !g.long).collect();
        }
        Ok(Some(options))
    }

    /// Runs per figure.
    pub fn runs(&self) -> usize {
        self.runs.unwrap_or(RUNS)
    }

    /// Runs of a figure that takes minutes.
    pub fn long_runs(&self) -> usize {
        self.runs.unwrap_or(1)
    }

    /// The profile of the subjects, as cargo names it.
    pub fn profile(&self) -> &'static str {
        if self.dev { "dev" } else { "release" }
    }
}

fn help() -> String {
    let mut out = String::from(
        "cargo bench -p tribunal-benches [-- [GROUP…] [--runs N] [--json] [--dev]]\n\n",
    );
    for g in GROUPS {
        out.push_str(&format!(
            "  {:<8} {}{}\n",
            g.name,
            g.what,
            if g.long { " (only when named)" } else { "" }
        ));
    }
    out.push_str(&format!("\n  --runs N  runs per figure [default: {RUNS}; 1 for `clean`]\n  --json    every sample, for machines\n  --dev     the subjects without optimisation, as `cargo test` builds them\n"));
    out
}
