//! The command line: one table of options, from which parsing, environment twins, help and suggestions all follow.
//!
//! Promise: every flag of libtest works as libtest has it; every option `--foo-bar` is also `TRIBUNAL_FOO_BAR`; the command line wins over the
//! environment; where an option is given twice, the last one wins; an unknown one gets a suggestion.
//!
//! Rejected: clap (its builder costs more start-up time than the whole selection of one test, and nextest starts a process per test).

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use tribunal_vocabulary::{nearest, parse_duration};

/// Which block of the help an option stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// As in libtest.
    Libtest,
    /// Tribunal's own.
    Own,
    /// Accepted for the sake of habits; not shown.
    Hidden,
}

/// One row of the table.
pub struct OptionRow {
    /// The long name without dashes, empty if there is none.
    pub long: &'static str,
    /// The one-letter name.
    pub short: Option<char>,
    /// What the value is called in the help; empty for a switch.
    pub value: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// The block of the help.
    pub group: Group,
    /// Whether `TRIBUNAL_…` is its twin.
    pub twin: bool,
}

const fn row(long: &'static str, short: Option<char>, value: &'static str, group: Group, twin: bool, help: &'static str) -> OptionRow {
    OptionRow { long, short, value, help, group, twin }
}

use Group::{Hidden, Libtest, Own};

/// Every option there is.
pub const TABLE: &[OptionRow] = &[
    row("list", None, "", Libtest, false, "List the cases that would run, and run nothing"),
    row("exact", None, "", Libtest, true, "Filters must equal a case's or a test's whole name"),
    row("skip", None, "FILTER", Libtest, true, "Leave out names that contain FILTER (repeatable; wins over filters)"),
    row("ignored", None, "", Libtest, true, "Run only ignored cases"),
    row("include-ignored", None, "", Libtest, true, "Run ignored cases as well; never overrides a gate"),
    row("test-threads", Some('n'), "N|auto", Libtest, true, "Cases side by side [RUST_TEST_THREADS]; 1 runs them on the main thread"),
    row("nocapture", Some('s'), "", Libtest, true, "Let the output of tests through at once [RUST_TEST_NOCAPTURE]"),
    row("show-output", None, "", Libtest, true, "Show the output of passing tests too"),
    row("quiet", Some('q'), "", Libtest, true, "One character per case; the same as --format terse [CARGO_TERM_QUIET]"),
    row("format", None, "pretty|terse|json", Libtest, true, "How results and lists are printed"),
    row("color", None, "auto|always|never", Libtest, true, "Colours [NO_COLOR, CARGO_TERM_COLOR]"),
    row("shuffle", None, "", Libtest, true, "Run in random order; the seed is printed [RUST_TEST_SHUFFLE]"),
    row("shuffle-seed", None, "SEED", Libtest, true, "Run in the order that SEED gives [RUST_TEST_SHUFFLE_SEED]"),
    row("fail-fast", Some('x'), "", Libtest, true, "Start nothing more after the first failure; the same as --max-fail 1"),
    row("exclude-should-panic", None, "", Libtest, true, "Leave out tests that are expected to panic"),
    row("logfile", None, "PATH", Libtest, true, "Write the name and result of every case to PATH as well"),
    row("test", None, "", Libtest, false, "Run tests (what happens anyway)"),
    row("bench", None, "", Libtest, false, "Run benchmarks: there are none, so nothing runs"),
    row("report-time", None, "", Libtest, false, "Show how long each case took (always on)"),
    row("ensure-time", None, "", Libtest, false, "Treat time limits as limits (always on)"),
    row("force-run-in-process", None, "", Libtest, false, "Accepted; bodies run in this process"),
    row("", Some('Z'), "FLAG", Libtest, false, "Accepted; every format is stable here"),
    row("help", Some('h'), "", Libtest, false, "Show this help"),
    row("run-level", None, "LEVEL", Own, true, "How deep: cases of this level and the lower ones, judged as deeply as it asks"),
    row("select", Some('m'), "EXPR", Own, true, "Only cases whose markers satisfy EXPR: and, or, not, ( ), marker(arg=value)"),
    row("stage", None, "STAGE[.STEP]", Own, true, "Only what a stage of markers.toml selects, at its level"),
    row("keyword", Some('k'), "EXPR", Own, true, "Only cases whose names satisfy EXPR (and, or, not over parts of names)"),
    row("max-vram-gib", None, "N", Own, true, "Only cases whose max_vram_gib is at most N"),
    row("vram-unknown", None, "run|skip|last", Own, true, "What --max-vram-gib does with cases that declare none [default: run]"),
    row("shard", None, "K/N", Own, true, "Only the K-th of N parts of the selection"),
    row("require-hardware", None, "", Own, true, "A case that lacks a device fails instead of being skipped"),
    row("deny-skips", None, "", Own, true, "Every skip, by a gate or at run time, is a failure"),
    row("no-tests", None, "pass|warn|fail", Own, true, "What an empty run means [default: fail under a selector, else warn]"),
    row("max-fail", None, "N", Own, true, "Start nothing more after N failures"),
    row("sequential-unless", None, "EXPR", Own, true, "Cases that do not satisfy EXPR run alone, after the others"),
    row("timeout-scale", None, "X", Own, true, "Multiply every time limit by X (slow machines, debuggers)"),
    row("run-limit", None, "DURATION", Own, true, "Stop the whole run after DURATION, as Ctrl-C would"),
    row("grace", None, "DURATION", Own, true, "How long teardown may take after Ctrl-C or SIGTERM [default: 8s]"),
    row("durations", None, "N", Own, true, "Show the N slowest cases by phase; 0 shows all"),
    row("markers", None, "", Own, false, "Show every declared marker, level, stage and device, and run nothing"),
    row("lint", None, "", Own, false, "Check every registered test against the rules, and run nothing"),
    row("strict", None, "", Own, true, "With --lint: warnings are errors, and defaulted markers are listed"),
    row("explain", None, "NAME", Own, false, "Show a test's markers and where each came from, its gates, and why it would run or not"),
    row("plan", None, "", Own, false, "Show what would run, in which order, and what would not"),
    row("verbose", Some('v'), "", Own, true, "More in lists: markers, levels, reasons"),
    row("unmet", None, "fail|skip", Own, true, "Under a process-per-test runner: what an unmet gate means [default: fail]"),
    row("collect-only", None, "", Hidden, false, "pytest's --list"),
    row("no-capture", None, "", Hidden, false, "libtest's older spelling"),
    row("maxfail", None, "N", Hidden, false, "pytest's --max-fail"),
    row("dist", None, "MODE", Hidden, false, "pytest-xdist"),
    row("tb", None, "STYLE", Hidden, false, "pytest"),
];

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
    /// `--shard`: which part from 1, of how many.
    pub shard: Option<(usize, usize)>,
    /// `--require-hardware`.
    pub require_hardware: bool,
    /// `--deny-skips`.
    pub deny_skips: bool,
    /// `--no-tests`.
    pub no_tests: Option<NoTests>,
    /// `--sequential-unless`.
    pub sequential_unless: Option<String>,
    /// `--timeout-scale`.
    pub timeout_scale: Option<f64>,
    /// `--run-limit`.
    pub run_limit: Option<Duration>,
    /// `--grace`.
    pub grace: Option<Duration>,
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

/// The environment variable of an option.
pub fn twin(long: &str) -> String {
    format!("TRIBUNAL_{}", long.replace('-', "_").to_ascii_uppercase())
}

impl Options {
    /// Reads arguments (without the program) and environment. `env` is asked for single variables, so that tests need no real environment.
    pub fn parse(args: &[OsString], env: &dyn Fn(&str) -> Option<OsString>) -> Result<Options, UsageError> {
        let mut o = Options::default();
        o.read_environment(env)?;
        // Lists from the environment are replaced, not extended, by the command line.
        let (mut skips, mut filters) = (vec![], vec![]);
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
            let shown = if row.long.is_empty() { format!("-{}", row.short.unwrap_or(' ')) } else { format!("--{}", row.long) };
            let value = if row.value.is_empty() {
                if matches!(arg, lexopt::Arg::Long(_)) && parser.optional_value().is_some() {
                    return usage(format!("`{shown}` takes no value"));
                }
                String::new()
            } else {
                let value = parser.value().map_err(|_| UsageError(format!("`{shown}` needs a value: {shown} {}", row.value)))?;
                text(value, &shown)?
            };
            match row.long {
                "skip" => skips.push(value),
                "shuffle-seed" => shuffle_seed = Some(seed(&value, "--shuffle-seed")?),
                long => o.set(long, &value, &shown)?,
            }
        }
        if !skips.is_empty() {
            o.skip = skips;
        }
        o.filters = filters;
        if shuffle_seed.is_some() {
            o.shuffle = shuffle_seed;
        }
        if o.ignored && o.include_ignored {
            return usage("`--ignored` and `--include-ignored` exclude one another: the first runs only ignored cases, the second all");
        }
        Ok(o)
    }

    fn read_environment(&mut self, env: &dyn Fn(&str) -> Option<OsString>) -> Result<(), UsageError> {
        let set = |name: &str| env(name).is_some_and(|v| v != "0" && !v.is_empty());
        // What libtest and cargo define comes first, so that Tribunal's own twins win.
        if let Some(v) = env("RUST_TEST_THREADS") {
            self.set("test-threads", &text(v, "RUST_TEST_THREADS")?, "RUST_TEST_THREADS")?;
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
            self.shuffle = Some(seed(&text(v, "RUST_TEST_SHUFFLE_SEED")?, "RUST_TEST_SHUFFLE_SEED")?);
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
                    "shuffle-seed" => self.shuffle = Some(seed(&value, &name)?),
                    long => self.set(long, &value, &name)?,
                }
            }
        }
        self.process_per_test = env("NEXTEST_EXECUTION_MODE").is_some_and(|v| v == "process-per-test");
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
                        Ok(0) | Err(_) => return usage(format!("{shown} needs a number from 1 up, or `auto`, not `{v}`")),
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
                    "junit" => return usage("`--format junit` is not offered; `--format json` is machine-readable, and nextest writes JUnit"),
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
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                self.shuffle.get_or_insert(now.as_nanos() as u64 % 1_000_000_007);
            }
            "fail-fast" => self.max_fail = Some(1),
            "max-fail" | "maxfail" => match value.parse::<usize>() {
                Ok(0) | Err(_) => return usage(format!("{shown} needs a number from 1 up, not `{value}`")),
                Ok(n) => self.max_fail = Some(n),
            },
            "exclude-should-panic" => self.exclude_should_panic = true,
            "logfile" => self.logfile = Some(PathBuf::from(value)),
            "bench" => self.bench = true,
            "test" | "report-time" | "ensure-time" | "force-run-in-process" | "" => {}
            "run-level" => self.run_level = Some(value.to_owned()),
            "select" => self.select = Some(value.to_owned()),
            "stage" => self.stage = Some(value.to_owned()),
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
            "shard" => self.shard = Some(shard(value).ok_or_else(|| UsageError(format!("{shown} needs K/N with 1 <= K <= N, as in `--shard 2/3`, not `{value}`")))?),
            "require-hardware" => self.require_hardware = true,
            "deny-skips" => self.deny_skips = true,
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
            "run-limit" => self.run_limit = Some(parse_duration(value).map_err(|e| UsageError(format!("{shown}: {e}")))?),
            "grace" => self.grace = Some(parse_duration(value).map_err(|e| UsageError(format!("{shown}: {e}")))?),
            "durations" => match value.parse::<usize>() {
                Ok(n) => self.durations = Some(n),
                Err(_) => return usage(format!("{shown} needs a number (0 shows all), not `{value}`")),
            },
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
                return usage("`--tb` is pytest's. A failure shows its message, place and output; set RUST_BACKTRACE=1 for stack frames, `--show-output` for the output of passing tests");
            }
            other => unreachable!("option `{other}` stands in the table and nowhere else"),
        }
        Ok(())
    }

    /// Whether the user asked for a kind of test rather than for names.
    pub fn has_selector(&self) -> bool {
        self.run_level.is_some() || self.select.as_deref().is_some_and(|s| !s.trim().is_empty()) || self.stage.is_some() || self.max_vram_gib.is_some()
    }

    /// Cases side by side.
    pub fn slots(&self) -> usize {
        self.test_threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()))
    }

    /// The text of `--help`.
    pub fn help(program: &str) -> String {
        let mut out = format!(
            "Usage: cargo test -- [OPTIONS] [FILTER…]\n       {program} [OPTIONS] [FILTER…]\n\n\
             FILTER selects cases whose name contains it; several are joined by `or`. A filter that equals a case's or a test's name selects it whatever its level.\n"
        );
        for (group, title) in [(Own, "Tribunal"), (Libtest, "As in libtest")] {
            let _ = write!(out, "\n{title}:\n");
            for row in TABLE.iter().filter(|r| r.group == group) {
                let short = row.short.map_or("    ".to_owned(), |c| format!("-{c}{}", if row.long.is_empty() { "  " } else { ", " }));
                let long = if row.long.is_empty() { String::new() } else { format!("--{}", row.long) };
                let left = format!("{short}{long}{}{}", if row.value.is_empty() { "" } else { " " }, row.value);
                if left.len() > 30 {
                    let _ = writeln!(out, "  {left}\n  {:30}  {}", "", row.help);
                } else {
                    let _ = writeln!(out, "  {left:30}  {}", row.help);
                }
            }
        }
        out.push_str(
            "\nEvery option --foo-bar is also the variable TRIBUNAL_FOO_BAR (nextest and editors can pass nothing else), but for those that run nothing.\n\
             Exit codes: 0 all passed, 2 the command line or a rule is wrong, 4 nothing was executed, 101 something failed, 128 + n stopped by signal n.\n",
        );
        out
    }
}

fn text(value: OsString, what: &str) -> Result<String, UsageError> {
    value.into_string().map_err(|v| UsageError(format!("{what} is not valid Unicode: {v:?}")))
}

fn seed(value: &str, shown: &str) -> Result<u64, UsageError> {
    value.parse().map_err(|_| UsageError(format!("{shown} needs a whole number, not `{value}`")))
}

fn shard(value: &str) -> Option<(usize, usize)> {
    let (k, n) = value.split_once('/')?;
    let (k, n) = (k.trim().parse().ok()?, n.trim().parse().ok()?);
    (1 <= k && k <= n).then_some((k, n))
}

fn choice(shown: &str, value: &str, allowed: &[&str]) -> String {
    let near = nearest(value, allowed.iter().copied()).map_or(String::new(), |n| format!("; did you mean `{n}`?"));
    format!("{shown} is one of {}, not `{value}`{near}", allowed.join(", "))
}

fn unknown(arg: &lexopt::Arg<'_>) -> UsageError {
    match arg {
        lexopt::Arg::Long(long) => {
            // Names of other runners whose nearest neighbour by letters would mislead.
            let near = match *long {
                "lf" | "last-failed" | "ff" => None,
                "partition" => Some("shard"),
                "junit-xml" | "junitxml" => None,
                "ignore-default-filter" => None,
                "retries" | "reruns" => None,
                l => nearest(l, TABLE.iter().filter(|r| r.group != Hidden).map(|r| r.long).filter(|l| !l.is_empty())),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str], env: &[(&str, &str)]) -> Result<Options, String> {
        let args: Vec<OsString> = args.iter().map(|a| a.into()).collect();
        let env: Vec<(String, OsString)> = env.iter().map(|(k, v)| (k.to_string(), v.into())).collect();
        Options::parse(&args, &|name| env.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone())).map_err(|e| e.0)
    }

    #[test]
    fn every_option_with_a_twin_is_set_by_it() {
        for row in TABLE.iter().filter(|r| r.twin) {
            let value = match row.value {
                "" => "1",
                "N" | "X" | "SEED" | "N|auto" => "3",
                "K/N" => "1/2",
                "DURATION" => "5s",
                v if v.contains('|') => v.rsplit('|').next().unwrap(),
                _ => "word",
            };
            let by_env = parse(&[], &[(&twin(row.long), value)]).unwrap_or_else(|e| panic!("{}: {e}", row.long));
            if row.long == "shuffle" {
                assert!(by_env.shuffle.is_some());
                continue;
            }
            let long = format!("--{}", row.long);
            let by_flag = if row.value.is_empty() { parse(&[&long], &[]) } else { parse(&[&long, value], &[]) }.unwrap();
            assert_eq!(by_env, by_flag, "{}", row.long);
            // A twin that changes nothing would prove nothing; `quiet` aside, no default equals the value used here.
            if !matches!(row.long, "vram-unknown") || value != "run" {
                assert_ne!(by_env, Options::default(), "{}", row.long);
            }
        }
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_the_last_over_the_first() {
        let o = parse(&["--run-level", "full_model", "--run-level=slow"], &[("TRIBUNAL_RUN_LEVEL", "core_model")]).unwrap();
        assert_eq!(o.run_level.as_deref(), Some("slow"));
        let o = parse(&["-q", "--format", "pretty"], &[]).unwrap();
        assert_eq!(o.format, Format::Pretty);
        let o = parse(&["--test-threads", "1", "--test-threads=4"], &[("RUST_TEST_THREADS", "9"), ("TRIBUNAL_TEST_THREADS", "7")]).unwrap();
        assert_eq!(o.test_threads, Some(4));
    }

    #[test]
    fn habits_of_libtest_nextest_editors_and_pytest() {
        let o = parse(&["", "--nocapture"], &[]).unwrap();
        assert_eq!((o.filters, o.nocapture), (vec![String::new()], true));
        let o = parse(&["m::f", "-Z", "unstable-options", "--format=json", "--nocapture", "--no-capture"], &[]).unwrap();
        assert_eq!((o.filters, o.format), (vec!["m::f".to_string()], Format::Json));
        let o = parse(&["-Zunstable-options", "-sv", "-n", "auto", "-x", "-k", "a and b", "--collect-only", "--durations=0"], &[]).unwrap();
        assert_eq!((o.task, o.nocapture, o.verbose, o.max_fail, o.durations), (Task::List, true, true, Some(1), Some(0)));
        assert_eq!(parse(&["a", "b", "--", "-x"], &[]).unwrap().filters, ["a", "b", "-x"]);
    }

    #[test]
    fn mistakes_are_answered() {
        for (args, text) in [
            (&["--run-levle", "x"][..], "unknown option `--run-levle`; did you mean `--run-level`?"),
            (&["--test-threads", "0"], "--test-threads needs a number from 1 up, or `auto`, not `0`"),
            (&["--ignored", "--include-ignored"], "exclude one another"),
            (&["--format", "jsn"], "did you mean `json`?"),
            (&["--exact=1"], "`--exact` takes no value"),
            (&["--run-level"], "`--run-level` needs a value: --run-level LEVEL"),
            (&["--shard", "3/2"], "needs K/N"),
            (&["--dist=loadscope"], "pytest-xdist"),
            (&["--tb=short"], "RUST_BACKTRACE=1"),
            (&["--max-vram-gib", "NaN"], "a number of GiB"),
            (&["--run-limit", "soon"], "--run-limit"),
            (&["-y"], "unknown option `-y`"),
        ] {
            let error = parse(args, &[]).unwrap_err();
            assert!(error.contains(text), "{args:?}: {error}");
        }
        assert!(parse(&[], &[("RUST_TEST_THREADS", "0")]).unwrap_err().contains("RUST_TEST_THREADS"));
        assert!(parse(&[], &[("TRIBUNAL_DENY_SKIPS", "maybe")]).unwrap_err().contains("TRIBUNAL_DENY_SKIPS is a switch"));
    }

    #[test]
    fn the_help_names_every_option_once() {
        let help = Options::help("suites");
        for row in TABLE.iter().filter(|r| r.group != Hidden && !r.long.is_empty()) {
            assert!(help.contains(&format!("--{}", row.long)), "{}", row.long);
        }
        assert!(help.lines().all(|l| l.chars().count() < 170));
    }
}
