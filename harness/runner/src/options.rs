//! The command line: one table of options, from which parsing, environment twins, help and suggestions all follow.
//!
//! Promise: every flag of libtest works as libtest has it; every option `--foo-bar` is also `TRIBUNAL_FOO_BAR`; the command line wins over the
//! environment; where an option is given twice, the last one wins; an unknown one gets a suggestion.
//!
//! Rejected: clap (its builder costs more start-up time than the whole selection of one test, and nextest starts a process per test).

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::policy::{Retrying, USUAL_CAP};
use tribunal_vocabulary::{nearest, parse_duration};

mod help;
mod reports;
mod shard;
mod table;

pub use reports::{Annotations, ReportOptions};
pub use table::{Group, OptionRow, TABLE, twin};

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// One line per case.
    #[default]
    Pretty,
    /// One character per case; lists of `name: test`.
    Terse,
    /// libtest's JSON events.
    Json,
}

/// `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// `--no-tests`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTests {
    /// An empty run is a pass.
    Pass,
    /// An empty run is a pass with a note.
    Warn,
    /// An empty run is exit 4.
    Fail,
}

/// `--vram-unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum VramUnknown {
    /// They run.
    #[default]
    Run,
    /// They are removed.
    Skip,
    /// They run after the others, one at a time.
    Last,
}

/// `--keep-evidence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum KeepEvidence {
    /// Of attempts that failed.
    #[default]
    Failed,
    /// Of every attempt.
    All,
    /// Of none.
    None,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Task {
    /// Run the selection.
    #[default]
    Run,
    /// `--list`.
    List,
    /// `--markers`.
    Markers,
    /// `--lint`.
    Lint,
    /// `--explain NAME`.
    Explain(String),
    /// `--plan`.
    Plan,
    /// `--help`.
    Help,
}

/// The parsed command line and environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// What to do.
    pub task: Task,
    /// Positional filters.
    pub filters: Vec<String>,
    /// `--exact`.
    pub exact: bool,
    /// `--skip`.
    pub skip: Vec<String>,
    /// `--ignored`.
    pub ignored: bool,
    /// `--include-ignored`.
    pub include_ignored: bool,
    /// `--test-threads`; `None` means as many as there are cores.
    pub test_threads: Option<usize>,
    /// `--nocapture`.
    pub nocapture: bool,
    /// `--show-output`.
    pub show_output: bool,
    /// `--format`.
    pub format: Format,
    /// `--color`.
    pub color: Color,
    /// `--shuffle`, `--shuffle-seed`: the seed, once chosen.
    pub shuffle: Option<u64>,
    /// `--max-fail`, `--fail-fast`.
    pub max_fail: Option<usize>,
    /// `--exclude-should-panic`.
    pub exclude_should_panic: bool,
    /// `--logfile`.
    pub logfile: Option<PathBuf>,
    /// `--bench`.
    pub bench: bool,
    /// `--run-level`.
    pub run_level: Option<String>,
    /// `-m`.
    pub select: Option<String>,
    /// `--stage`.
    pub stage: Option<String>,
    /// `-k`.
    pub keyword: Option<String>,
    /// `--max-vram-gib`.
    pub max_vram_gib: Option<f64>,
    /// `--vram-unknown`.
    pub vram_unknown: VramUnknown,
    /// `--deploy`: names, files or addresses, as written.
    pub deploy: Vec<String>,
    /// `--rehearse`.
    pub rehearse: bool,
    /// `--node`: `I/N`, as written.
    pub node: Option<String>,
    /// `--leader`: `HOST[:PORT]`, as written.
    pub leader: Option<String>,
    /// `--join-within`; `None` means the default.
    pub join_within: Option<Duration>,
    /// `--set`: `KEY=VALUE`, as written.
    pub set: Vec<String>,
    /// `--docs`: pages or folders, as written.
    pub docs: Vec<PathBuf>,
    /// `--workload`: files, as written.
    pub workload: Vec<PathBuf>,
    /// `--require-baseline`.
    pub require_baseline: bool,
    /// `--accept-baseline`.
    pub accept_baseline: bool,
    /// `--soak`: how long each soak lasts; `None` means as the test says.
    pub soak: Option<Duration>,
    /// `--soak-resume`.
    pub soak_resume: bool,
    /// `--platform`.
    pub platform: Option<String>,
    /// `--devices`: a layout, as written.
    pub devices: Option<String>,
    /// `--simulate-devices`: a layout, as written.
    pub simulate_devices: Option<String>,
    /// `--vram-overuse warn`: more device memory than declared is worth a note only.
    pub vram_overuse_warns: bool,
    /// `--start-spacing`; `None` means as the deployments say.
    pub start_spacing: Option<Duration>,
    /// `--leases`: a folder, or `off`; `None` means the host's.
    pub leases: Option<String>,
    /// `--hold`: no test runs, a deployment is held open.
    pub hold: bool,
    /// `--shard`: which part from 1, of how many.
    pub shard: Option<(usize, usize)>,
    /// `--shard auto`, as the user wrote the option: the part is that of the build server's variables.
    shard_of_build_server: Option<String>,
    /// `--changed-since`: a reference of git.
    pub changed_since: Option<String>,
    /// `--require-hardware`.
    pub require_hardware: bool,
    /// `--deny-skips`.
    pub deny_skips: bool,
    /// `--require-checks`.
    pub require_checks: bool,
    /// `--threshold`: `NAME=VALUE`, as written.
    pub threshold: Vec<String>,
    /// `--no-tests`.
    pub no_tests: Option<NoTests>,
    /// `--sequential-unless`.
    pub sequential_unless: Option<String>,
    /// `--timeout-scale`.
    pub timeout_scale: Option<f64>,
    /// `--setup-timeout`.
    pub setup_timeout: Option<Duration>,
    /// `--teardown-timeout`.
    pub teardown_timeout: Option<Duration>,
    /// `--keep-evidence`.
    pub keep_evidence: KeepEvidence,
    /// `--evidence-dir`.
    pub evidence_dir: Option<PathBuf>,
    /// `--keep-runs`; `None` means the default.
    pub keep_runs: Option<usize>,
    /// `--history-dir`.
    pub history_dir: Option<PathBuf>,
    /// `--shard-history`.
    pub shard_history: Option<PathBuf>,
    /// `--last-failed`.
    pub last_failed: bool,
    /// `--failed-first`.
    pub failed_first: bool,
    /// `--retries`.
    pub retries: Option<u32>,
    /// `--retry-on`: classes of failures, as written.
    pub retry_on: Vec<String>,
    /// `--max-retries-per-run`; `None` means the default.
    pub max_retries_per_run: Option<usize>,
    /// `--flaky-result fail`.
    pub flaky_fails: bool,
    /// `--stress`: how many rounds.
    pub stress: Option<u32>,
    /// `--stress-duration`: no round begins after that.
    pub stress_duration: Option<Duration>,
    /// `--run-limit`.
    pub run_limit: Option<Duration>,
    /// `--grace`.
    pub grace: Option<Duration>,
    /// `--junit`, `--html`, `--ctrf`, `--markdown`, `--trace`, `--annotations`.
    pub reports: ReportOptions,
    /// `--durations`.
    pub durations: Option<usize>,
    /// `--strict`.
    pub strict: bool,
    /// `-v`.
    pub verbose: bool,
    /// `--unmet skip`.
    pub unmet_skip: bool,
    /// One process per test (nextest).
    pub process_per_test: bool,
}

/// A command line that cannot be understood; exit code 2.
#[derive(Debug, PartialEq, Eq)]
pub struct UsageError(pub String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "error: {}\n\nSee `--help` for every option.", self.0)
    }
}
impl std::error::Error for UsageError {}

fn usage<T>(text: impl Into<String>) -> Result<T, UsageError> {
    Err(UsageError(text.into()))
}

impl Options {
    /// Whether the command line changes no deployment.
    pub fn sets_nothing(&self) -> bool {
        self.set.is_empty() && self.platform.is_none() && !self.rehearse
    }

    /// What is repeated when it fails.
    pub fn retrying(&self) -> Retrying {
        Retrying {
            count: self.retries,
            on: self.retry_on.clone(),
            cap: self.max_retries_per_run.unwrap_or(USUAL_CAP),
            flaky_fails: self.flaky_fails,
            off: self.process_per_test.then_some(
                "under a runner that starts a process per test, that runner's own retries count (nextest: --retries)",
            ),
        }
    }

    /// Reads arguments (without the program) and environment. `env` is asked for single variables, so that tests need no real environment.
    pub fn parse(
        args: &[OsString],
        env: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Options, UsageError> {
        let mut o = Options::default();
        o.read_environment(env)?;
        // Lists from the environment are replaced, not extended, by the command line.
        let (mut skips, mut filters, mut sets, mut docs) = (vec![], vec![], vec![], vec![]);
        let (mut thresholds, mut workloads) = (vec![], vec![]);
        let mut shuffle_seed = None;
        let mut parser = lexopt::Parser::from_args(args);
        let fail = |e: lexopt::Error| UsageError(e.to_string());
        while let Some(arg) = parser.next().map_err(fail)? {
            let row = match &arg {
                lexopt::Arg::Value(value) => {
                    filters.push(text(value.clone(), "a filter")?);
                    continue;
                }
                lexopt::Arg::Long(long) => TABLE.iter().find(|r| r.long == *long),
                lexopt::Arg::Short(short) => TABLE.iter().find(|r| r.short == Some(*short)),
            };
            let Some(row) = row else {
                return Err(unknown(&arg));
            };
            let shown = if row.long.is_empty() {
                format!("-{}", row.short.unwrap_or(' '))
            } else {
                format!("--{}", row.long)
            };
            let value = if row.value.is_empty() {
                if matches!(arg, lexopt::Arg::Long(_)) && parser.optional_value().is_some() {
                    return usage(format!("`{shown}` takes no value"));
                }
                String::new()
            } else {
                let value = parser.value().map_err(|_| {
                    UsageError(format!("`{shown}` needs a value: {shown} {}", row.value))
                })?;
                text(value, &shown)?
            };
            match row.long {
                "skip" => skips.push(value),
                "set" => sets.push(value),
                "threshold" => thresholds.push(value),
                "docs" => docs.push(PathBuf::from(value)),
                "workload" => workloads.push(PathBuf::from(value)),
                "shuffle-seed" => shuffle_seed = Some(seed(&value, "--shuffle-seed")?),
                long => o.set(long, &value, &shown)?,
            }
        }
        if !skips.is_empty() {
            o.skip = skips;
        }
        if !thresholds.is_empty() {
            o.threshold = thresholds;
        }
        if !sets.is_empty() {
            o.set = sets;
        }
        if !docs.is_empty() {
            o.docs = docs;
        }
        if !workloads.is_empty() {
            o.workload = workloads;
        }
        o.filters = filters;
        if let Some(shown) = o.shard_of_build_server.take() {
            let said = shard::of_build_server(env);
            o.shard = Some(said.map_err(|why| UsageError(format!("{shown} auto: {why}")))?);
        }
        if shuffle_seed.is_some() {
            o.shuffle = shuffle_seed;
        }
        if o.ignored && o.include_ignored {
            return usage(
                "`--ignored` and `--include-ignored` exclude one another: the first runs only ignored cases, the second all",
            );
        }
        Ok(o)
    }

    fn read_environment(
        &mut self,
        env: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<(), UsageError> {
        let set = |name: &str| env(name).is_some_and(|v| v != "0" && !v.is_empty());
        // What libtest and cargo define comes first, so that Tribunal's own twins win.
        if let Some(v) = env("RUST_TEST_THREADS") {
            self.set(
                "test-threads",
                &text(v, "RUST_TEST_THREADS")?,
                "RUST_TEST_THREADS",
            )?;
        }
        self.nocapture = set("RUST_TEST_NOCAPTURE");
        if set("CARGO_TERM_QUIET") || env("CARGO_TERM_QUIET").is_some_and(|v| v == "true") {
            self.format = Format::Terse;
        }
        if env("CARGO_TERM_QUIET").is_some_and(|v| v == "false") {
            self.format = Format::Pretty;
        }
        if let Some(v) = env("CARGO_TERM_COLOR").and_then(|v| v.into_string().ok())
            && matches!(v.as_str(), "auto" | "always" | "never")
        {
            self.set("color", &v, "CARGO_TERM_COLOR")?;
        }
        if env("NO_COLOR").is_some_and(|v| !v.is_empty()) {
            self.color = Color::Never;
        }
        if let Some(v) = env("RUST_TEST_SHUFFLE_SEED") {
            self.shuffle = Some(seed(
                &text(v, "RUST_TEST_SHUFFLE_SEED")?,
                "RUST_TEST_SHUFFLE_SEED",
            )?);
        } else if set("RUST_TEST_SHUFFLE") {
            self.set("shuffle", "", "RUST_TEST_SHUFFLE")?;
        }
        for row in TABLE.iter().filter(|r| r.twin) {
            let name = twin(row.long);
            let Some(value) = env(&name) else { continue };
            let value = text(value, &name)?;
            if row.value.is_empty() {
                match value.as_str() {
                    "" | "0" | "false" => continue,
                    "1" | "true" => self.set(row.long, "", &name)?,
                    other => return usage(format!("{name} is a switch: 1 or 0, not `{other}`")),
                }
            } else if !value.is_empty() {
                match row.long {
                    "skip" => self.skip = value.split(',').map(str::to_owned).collect(),
                    "threshold" => {
                        self.threshold = value.split(';').map(|s| s.trim().to_owned()).collect()
                    }
                    "set" => self.set = value.split(';').map(|s| s.trim().to_owned()).collect(),
                    "docs" => self.docs = std::env::split_paths(&value).collect(),
                    "workload" => self.workload = std::env::split_paths(&value).collect(),
                    "shuffle-seed" => self.shuffle = Some(seed(&value, &name)?),
                    long => self.set(long, &value, &name)?,
                }
            }
        }
        self.process_per_test =
            env("NEXTEST_EXECUTION_MODE").is_some_and(|v| v == "process-per-test");
        Ok(())
    }

    /// Sets one option; `shown` is how the user wrote it.
    fn set(&mut self, long: &str, value: &str, shown: &str) -> Result<(), UsageError> {
        match long {
            "list" | "collect-only" => self.task = Task::List,
            "markers" => self.task = Task::Markers,
            "lint" => self.task = Task::Lint,
            "explain" => self.task = Task::Explain(value.to_owned()),
            "plan" => self.task = Task::Plan,
            "help" => self.task = Task::Help,
            "exact" => self.exact = true,
            "ignored" => self.ignored = true,
            "include-ignored" => self.include_ignored = true,
            "test-threads" => {
                self.test_threads = match value {
                    "auto" | "logical" => None,
                    v => match v.parse::<usize>() {
                        Ok(0) | Err(_) => {
                            return usage(format!(
                                "{shown} needs a number from 1 up, or `auto`, not `{v}`"
                            ));
                        }
                        Ok(n) => Some(n),
                    },
                }
            }
            "nocapture" | "no-capture" => self.nocapture = true,
            "show-output" => self.show_output = true,
            "quiet" => self.format = Format::Terse,
            "format" => {
                self.format = match value {
                    "pretty" => Format::Pretty,
                    "terse" => Format::Terse,
                    "json" => Format::Json,
                    "junit" => {
                        return usage(
                            "`--format junit` is not offered: `--junit FILE` writes JUnit's XML, and `--format json` is machine-readable while it runs",
                        );
                    }
                    v => return usage(choice(shown, v, &["pretty", "terse", "json"])),
                }
            }
            "color" => {
                self.color = match value {
                    "auto" => Color::Auto,
                    "always" => Color::Always,
                    "never" => Color::Never,
                    v => return usage(choice(shown, v, &["auto", "always", "never"])),
                }
            }
            // A seed from the clock: it is printed, and `--shuffle-seed` repeats the order.
            "shuffle" => {
                let now = std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap_or_default();
                self.shuffle
                    .get_or_insert(now.as_nanos() as u64 % 1_000_000_007);
            }
            "fail-fast" => self.max_fail = Some(1),
            "max-fail" | "maxfail" => match value.parse::<usize>() {
                Ok(0) | Err(_) => {
                    return usage(format!("{shown} needs a number from 1 up, not `{value}`"));
                }
                Ok(n) => self.max_fail = Some(n),
            },
            "exclude-should-panic" => self.exclude_should_panic = true,
            "logfile" => self.logfile = Some(PathBuf::from(value)),
            "bench" => self.bench = true,
            "test" | "report-time" | "ensure-time" | "force-run-in-process" | "" => {}
            "run-level" => self.run_level = Some(value.to_owned()),
            "select" => self.select = Some(value.to_owned()),
            "stage" => self.stage = Some(value.to_owned()),
            "platform" => self.platform = Some(value.to_owned()),
            "deploy" => {
                self.deploy = value.split(',').map(|d| d.trim().to_owned()).collect();
                if self.deploy.iter().any(String::is_empty) {
                    return usage(format!(
                        "{shown} needs names, files or addresses, parted by commas, not `{value}`"
                    ));
                }
            }
            "rehearse" => self.rehearse = true,
            "node" => self.node = Some(value.to_owned()),
            "leader" => self.leader = Some(value.to_owned()),
            "keyword" => self.keyword = Some(value.to_owned()),
            "max-vram-gib" => match value.parse::<f64>() {
                Ok(n) if n.is_finite() && n >= 0.0 => self.max_vram_gib = Some(n),
                _ => return usage(format!("{shown} needs a number of GiB, not `{value}`")),
            },
            "vram-unknown" => {
                self.vram_unknown = match value {
                    "run" => VramUnknown::Run,
                    "skip" => VramUnknown::Skip,
                    "last" => VramUnknown::Last,
                    v => return usage(choice(shown, v, &["run", "skip", "last"])),
                }
            }
            "leases" if value.is_empty() => {
                return usage(format!("{shown} needs the path of a folder, or `off`"));
            }
            "leases" => self.leases = Some(value.to_owned()),
            "devices" => self.devices = Some(value.to_owned()),
            "simulate-devices" => self.simulate_devices = Some(value.to_owned()),
            "vram-overuse" => {
                self.vram_overuse_warns = match value {
                    "fail" => false,
                    "warn" => true,
                    v => return usage(choice(shown, v, &["fail", "warn"])),
                }
            }
            "join-within" => self.join_within = Some(limit(value, shown)?),
            "start-spacing" => self.start_spacing = Some(limit(value, shown)?),
            "shard" => {
                let wanted = shard::wanted(value).ok_or_else(|| {
                    UsageError(format!(
                        "{shown} needs K/N with 1 <= K <= N, as in `--shard 2/3`, or `auto`, not `{value}`"
                    ))
                })?;
                self.shard = match wanted {
                    shard::Wanted::Part(k, n) => Some((k, n)),
                    shard::Wanted::OfBuildServer => None,
                };
                self.shard_of_build_server =
                    (wanted == shard::Wanted::OfBuildServer).then(|| shown.to_owned());
            }
            "retries" => match value.parse::<u32>() {
                Ok(n) => self.retries = Some(n),
                Err(_) => {
                    return usage(format!("{shown} needs a number from 0 up, not `{value}`"));
                }
            },
            "retry-on" => {
                self.retry_on = value.split(',').map(|c| c.trim().to_owned()).collect();
                if self.retry_on.iter().any(String::is_empty) {
                    return usage(format!(
                        "{shown} needs classes of failures, parted by commas, not `{value}`"
                    ));
                }
            }
            "max-retries-per-run" => match value.parse::<usize>() {
                Ok(n) => self.max_retries_per_run = Some(n),
                Err(_) => {
                    return usage(format!("{shown} needs a number from 0 up, not `{value}`"));
                }
            },
            "flaky-result" => {
                self.flaky_fails = match value {
                    "pass" => false,
                    "fail" => true,
                    v => return usage(choice(shown, v, &["pass", "fail"])),
                }
            }
            "stress" => match value.parse::<u32>() {
                Ok(0) | Err(_) => {
                    return usage(format!("{shown} needs a number from 1 up, not `{value}`"));
                }
                Ok(n) => self.stress = Some(n),
            },
            "stress-duration" => self.stress_duration = Some(limit(value, shown)?),
            "changed-since" if value.is_empty() => {
                return usage(format!(
                    "{shown} needs a branch, a tag or a commit, as in `--changed-since main`"
                ));
            }
            "changed-since" => self.changed_since = Some(value.to_owned()),
            "hold" => self.hold = true,
            "require-hardware" => self.require_hardware = true,
            "deny-skips" => self.deny_skips = true,
            "require-checks" => self.require_checks = true,
            "require-baseline" => self.require_baseline = true,
            "accept-baseline" => self.accept_baseline = true,
            "soak" => match limit(value, shown)? {
                long if long.is_zero() => {
                    return usage(format!("{shown} needs a length above 0, as in `--soak 2h`"));
                }
                long => self.soak = Some(long),
            },
            "soak-resume" => self.soak_resume = true,
            "no-tests" => {
                self.no_tests = Some(match value {
                    "pass" => NoTests::Pass,
                    "warn" => NoTests::Warn,
                    "fail" => NoTests::Fail,
                    v => return usage(choice(shown, v, &["pass", "warn", "fail"])),
                })
            }
            "sequential-unless" => self.sequential_unless = Some(value.to_owned()),
            "timeout-scale" => match value.parse::<f64>() {
                Ok(x) if x.is_finite() && x > 0.0 => self.timeout_scale = Some(x),
                _ => return usage(format!("{shown} needs a number above 0, not `{value}`")),
            },
            "setup-timeout" => self.setup_timeout = Some(limit(value, shown)?),
            "teardown-timeout" => self.teardown_timeout = Some(limit(value, shown)?),
            "keep-evidence" => {
                self.keep_evidence = match value {
                    "failed" => KeepEvidence::Failed,
                    "all" => KeepEvidence::All,
                    "none" => KeepEvidence::None,
                    v => return usage(choice(shown, v, &["failed", "all", "none"])),
                }
            }
            "evidence-dir" if value.is_empty() => {
                return usage(format!("{shown} needs the path of a folder"));
            }
            "evidence-dir" => self.evidence_dir = Some(PathBuf::from(value)),
            "history-dir" | "shard-history" if value.is_empty() => {
                return usage(format!("{shown} needs a path"));
            }
            "history-dir" => self.history_dir = Some(PathBuf::from(value)),
            "shard-history" => self.shard_history = Some(PathBuf::from(value)),
            "last-failed" => self.last_failed = true,
            "failed-first" => self.failed_first = true,
            "keep-runs" => match value.parse::<usize>() {
                Ok(0) | Err(_) => {
                    return usage(format!("{shown} needs a number from 1 up, not `{value}`"));
                }
                Ok(n) => self.keep_runs = Some(n),
            },
            "run-limit" => {
                self.run_limit =
                    Some(parse_duration(value).map_err(|e| UsageError(format!("{shown}: {e}")))?)
            }
            "grace" => {
                self.grace =
                    Some(parse_duration(value).map_err(|e| UsageError(format!("{shown}: {e}")))?)
            }
            "durations" => match value.parse::<usize>() {
                Ok(n) => self.durations = Some(n),
                Err(_) => {
                    return usage(format!(
                        "{shown} needs a number (0 shows all), not `{value}`"
                    ));
                }
            },
            "junit" | "html" | "ctrf" | "markdown" | "trace" | "annotations" => {
                self.reports.set(long, value, shown)?;
            }
            "strict" => self.strict = true,
            "verbose" => self.verbose = true,
            "unmet" => {
                self.unmet_skip = match value {
                    "skip" => true,
                    "fail" => false,
                    v => return usage(choice(shown, v, &["fail", "skip"])),
                }
            }
            "dist" => {
                return usage(
                    "`--dist` is pytest-xdist's. Cases that share a server are put together anyway; `-n N` sets how many run side by side, \
                     and `--sequential-unless parallel` keeps every case without the marker `parallel` alone",
                );
            }
            "tb" => {
                return usage(
                    "`--tb` is pytest's. A failure shows its message, place and output; set RUST_BACKTRACE=1 for stack frames, `--show-output` for the output of passing tests",
                );
            }
            other => unreachable!("option `{other}` stands in the table and nowhere else"),
        }
        Ok(())
    }

    /// Whether the user asked for a kind of test rather than for names.
    pub fn has_selector(&self) -> bool {
        self.run_level.is_some()
            || self.select.as_deref().is_some_and(|s| !s.trim().is_empty())
            || self.stage.is_some()
            || self.max_vram_gib.is_some()
    }

    /// Cases side by side.
    pub fn slots(&self) -> usize {
        self.test_threads
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()))
    }
}

fn text(value: OsString, what: &str) -> Result<String, UsageError> {
    value
        .into_string()
        .map_err(|v| UsageError(format!("{what} is not valid Unicode: {v:?}")))
}

fn limit(value: &str, shown: &str) -> Result<Duration, UsageError> {
    parse_duration(value).map_err(|e| UsageError(format!("{shown}: {e}")))
}

fn seed(value: &str, shown: &str) -> Result<u64, UsageError> {
    value
        .parse()
        .map_err(|_| UsageError(format!("{shown} needs a whole number, not `{value}`")))
}

fn choice(shown: &str, value: &str, allowed: &[&str]) -> String {
    let near = nearest(value, allowed.iter().copied())
        .map_or(String::new(), |n| format!("; did you mean `{n}`?"));
    format!(
        "{shown} is one of {}, not `{value}`{near}",
        allowed.join(", ")
    )
}

fn unknown(arg: &lexopt::Arg<'_>) -> UsageError {
    match arg {
        lexopt::Arg::Long(long) => {
            // Names of other runners whose nearest neighbour by letters would mislead.
            let near = match *long {
                "lf" => Some("last-failed"),
                "ff" => Some("failed-first"),
                "partition" => Some("shard"),
                "junit-xml" | "junitxml" => Some("junit"),
                "ignore-default-filter" => None,
                "reruns" => Some("retries"),
                l => nearest(
                    l,
                    TABLE
                        .iter()
                        .filter(|r| r.group != Group::Hidden)
                        .map(|r| r.long)
                        .filter(|l| !l.is_empty()),
                ),
            };
            UsageError(match near {
                Some(n) => format!("unknown option `--{long}`; did you mean `--{n}`?"),
                None => format!("unknown option `--{long}`"),
            })
        }
        lexopt::Arg::Short(c) => UsageError(format!("unknown option `-{c}`")),
        lexopt::Arg::Value(v) => UsageError(format!("unexpected `{}`", v.to_string_lossy())),
    }
}
