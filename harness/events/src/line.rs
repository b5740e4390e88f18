//! One line of the event log: the schema, version 1.
//!
//! Promise: fields are added, never renamed or given another meaning, while [`SCHEMA`] stays the same; a reader skips keys that it does not know, and
//! a line whose `event` it does not know; what is unknown is absent, never zero.
//!
//! Rejected: one object per run (a crash would leave nothing), and a binary form (a person with `jq` is a reader too).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is unknown or none is absent.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The version of the schema; a log of a later one is refused.
pub const SCHEMA: u32 = 1;

/// One line. `at` of every line is in milliseconds since the Unix epoch, with a fraction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Line {
    /// The first line of a log.
    RunStarted(Box<RunStarted>),
    /// A case that the run knows of; these lines come before the first case starts.
    Case(Box<CaseLine>),
    /// An attempt begins.
    CaseStarted(CaseStarted),
    /// A phase of an attempt begins.
    Phase {
        /// When.
        at: f64,
        /// The case's number in this log.
        case: usize,
        /// Which attempt, from 1.
        attempt: u32,
        /// Which phase.
        phase: PhaseName,
    },
    /// A fault of an attempt: a step of its timeline.
    Fault(Fault),
    /// An attempt ended.
    CaseEnded(Box<CaseEnded>),
    /// A thread that belongs to no test panicked.
    StrayPanic {
        /// When.
        at: f64,
        /// Its text.
        text: String,
        /// Names of the cases that were running.
        running: Vec<String>,
    },
    /// The run is being stopped.
    Stopping {
        /// When.
        at: f64,
        /// Why.
        why: String,
    },
    /// The last line of a log whose run came to its end.
    RunEnded(Box<RunEnded>),
    /// A line of a later minor version.
    #[serde(other)]
    Unknown,
}

/// The run, as its first line tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunStarted {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// When.
    pub at: f64,
    /// The name of the run: that of its evidence folder, unique on its host.
    pub run: String,
    /// What shards, retries and machines of one run have in common, where the environment tells (a CI's run and its attempt); else absent.
    #[serde(skip_serializing_if = "is_default")]
    pub group: Option<String>,
    /// The version of the harness.
    #[serde(skip_serializing_if = "is_default")]
    pub harness: String,
    /// The package whose tests ran, and its test target.
    #[serde(skip_serializing_if = "is_default")]
    pub package: String,
    /// The test target.
    #[serde(skip_serializing_if = "is_default")]
    pub target: String,
    /// The level in force.
    #[serde(skip_serializing_if = "is_default")]
    pub level: Level,
    /// The arguments, secrets masked.
    #[serde(skip_serializing_if = "is_default")]
    pub args: Vec<String>,
    /// Which shard of how many, where sharded.
    #[serde(skip_serializing_if = "is_default")]
    pub shard: Option<Shard>,
    /// The shuffle seed.
    #[serde(skip_serializing_if = "is_default")]
    pub shuffle: Option<u64>,
    /// Where it ran.
    #[serde(skip_serializing_if = "is_default")]
    pub host: Host,
    /// What was checked out.
    #[serde(skip_serializing_if = "is_default")]
    pub vcs: Vcs,
    /// Names of the chosen deployments.
    #[serde(skip_serializing_if = "is_default")]
    pub deployments: Vec<String>,
    /// The workspace's root; places of tests are relative to it.
    #[serde(skip_serializing_if = "is_default")]
    pub root: String,
    /// How many cases each filter removed.
    #[serde(skip_serializing_if = "is_default")]
    pub removed: Vec<(String, usize)>,
    /// What declared priorities require and no test covers, in sentences; absent where nothing is declared, so that nobody looked.
    #[serde(skip_serializing_if = "is_default")]
    pub gaps: Option<Vec<String>>,
}

/// The level in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Its name.
    pub name: String,
    /// Why this one: `--run-level`, `the default` ….
    pub because: String,
}

/// A part of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which, from 1.
    pub index: usize,
    /// Of how many.
    pub count: usize,
}

/// The machine of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// The operating system and architecture: `linux x86_64`.
    #[serde(skip_serializing_if = "is_default")]
    pub platform: String,
    /// How many processors.
    #[serde(skip_serializing_if = "is_default")]
    pub cpus: usize,
    /// The harness's process.
    #[serde(skip_serializing_if = "is_default")]
    pub pid: u32,
    /// Its devices, where any case needed them looked for.
    #[serde(skip_serializing_if = "is_default")]
    pub devices: Vec<Device>,
}

/// A device of the host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    /// Its index.
    #[serde(skip_serializing_if = "is_default")]
    pub index: u32,
    /// What it is called.
    pub name: String,
    /// Its memory, GiB; absent where it cannot be measured.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_gib: Option<f64>,
    /// It is simulated: nothing here was measured on hardware.
    #[serde(skip_serializing_if = "is_default")]
    pub simulated: bool,
}

/// What was checked out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vcs {
    /// The commit.
    #[serde(skip_serializing_if = "is_default")]
    pub commit: Option<String>,
    /// The branch.
    #[serde(skip_serializing_if = "is_default")]
    pub branch: Option<String>,
    /// Whether files differed from the commit; absent where nobody looked.
    #[serde(skip_serializing_if = "is_default")]
    pub changed: Option<bool>,
}

/// A place in the source, relative to the workspace's root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

/// A case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CaseLine {
    /// Its number in this log; the other lines name it by this.
    pub case: usize,
    /// Its whole name: what joins it with other runs.
    pub name: String,
    /// The test's name.
    pub test: String,
    /// Where it stands.
    pub place: Place,
    /// The first line of its doc comment.
    #[serde(skip_serializing_if = "is_default")]
    pub doc: String,
    /// Its markers as text, `name` or `name(arguments)`.
    #[serde(skip_serializing_if = "is_default")]
    pub markers: Vec<String>,
    /// The level at which it runs.
    #[serde(skip_serializing_if = "is_default")]
    pub level: Option<String>,
    /// The deployment that it runs against.
    #[serde(skip_serializing_if = "is_default")]
    pub deployment: Option<String>,
    /// What is to be done with it.
    pub disposition: Disposition,
    /// The limit of its body, seconds.
    #[serde(skip_serializing_if = "is_default")]
    pub limit: Option<f64>,
    /// It is in quarantine: it runs and never blocks.
    #[serde(skip_serializing_if = "is_default")]
    pub quarantine: Option<Quarantine>,
    /// How long it is expected to take, and how that is known.
    #[serde(skip_serializing_if = "is_default")]
    pub expected: Option<Expected>,
    /// What each device must have free, GiB.
    #[serde(skip_serializing_if = "is_default")]
    pub vram_gib: Option<f64>,
}

/// What is to be done with a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Disposition {
    /// It runs.
    #[default]
    Run,
    /// It is off by default.
    Ignored {
        /// Why.
        why: String,
    },
    /// It cannot run here.
    Skipped {
        /// Why.
        why: String,
        /// Which kind of gate: `device`, `program` ….
        gate: String,
    },
    /// It cannot run here, and that fails the run.
    Refused {
        /// Why.
        why: String,
        /// What makes it a failure: `--deny-skips` ….
        because: String,
    },
}

/// `quarantine(…)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Why.
    pub reason: String,
    /// Where it is followed up.
    pub issue: String,
    /// The last day, `2026-12-31`.
    pub until: String,
}

/// How long a case is expected to take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Seconds.
    pub seconds: f64,
    /// `history`, `limit`.
    pub from: String,
}

/// The phase of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseName {
    /// Fixtures are made.
    SetUp,
    /// The test's own code.
    Body,
    /// Fixtures are taken down.
    Teardown,
}

/// An attempt begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CaseStarted {
    /// When.
    pub at: f64,
    /// The case's number in this log.
    pub case: usize,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Indices of the devices that it was given.
    #[serde(skip_serializing_if = "is_default")]
    pub devices: Vec<u32>,
    /// Keys of the shared fixtures that it reads (`server(embedded)`).
    #[serde(skip_serializing_if = "is_default")]
    pub fixtures: Vec<String>,
}

/// A step of a fault's timeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fault {
    /// When.
    pub at: f64,
    /// The case's number in this log.
    pub case: usize,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// What was injected, in a line.
    #[serde(skip_serializing_if = "is_default")]
    pub fault: String,
    /// `injected`, `proven`, `first_error`, `detected`, `undone`, `recovered`, `failed`.
    #[serde(skip_serializing_if = "is_default")]
    pub step: String,
    /// What is known of it.
    #[serde(skip_serializing_if = "is_default")]
    pub detail: String,
}

/// How an attempt ended; the words of the runner's outcomes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum Outcome {
    /// It did what it says.
    #[serde(rename = "passed")]
    Passed,
    /// It did not.
    #[serde(rename = "failed")]
    Failed,
    /// It was not done in time.
    #[serde(rename = "timed out")]
    TimedOut,
    /// A fixture could not be made.
    #[serde(rename = "set-up failed")]
    SetUpFailed,
    /// A fixture could not be taken down, or something was left behind.
    #[serde(rename = "teardown failed")]
    TeardownFailed,
    /// It cannot run here.
    #[serde(rename = "skipped")]
    Skipped,
    /// It is off by default.
    #[serde(rename = "ignored")]
    Ignored,
    /// It failed as expected.
    #[serde(rename = "expected failure")]
    ExpectedFailure,
    /// It passed and should not have.
    #[serde(rename = "unexpected pass")]
    UnexpectedPass,
    /// It passed and had nothing to be held against.
    #[serde(rename = "no baseline")]
    NoBaseline,
    /// Worse than its baseline.
    #[serde(rename = "regressed")]
    Regressed,
    /// No verdict was possible.
    #[serde(rename = "inconclusive")]
    Inconclusive,
    /// The measurement is no good.
    #[serde(rename = "invalid")]
    Invalid,
    /// It passed, on a later attempt.
    #[serde(rename = "flaky")]
    Flaky,
    /// Something kept it from running, or the log ends before it did.
    #[default]
    #[serde(rename = "not run")]
    NotRun,
}

/// How long the phases of an attempt took, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Times {
    /// Making fixtures.
    #[serde(skip_serializing_if = "is_default")]
    pub set_up: f64,
    /// The body.
    #[serde(skip_serializing_if = "is_default")]
    pub body: f64,
    /// Taking fixtures down.
    #[serde(skip_serializing_if = "is_default")]
    pub teardown: f64,
}

/// An attempt ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CaseEnded {
    /// When.
    pub at: f64,
    /// The case's number in this log.
    pub case: usize,
    /// Which attempt, from 1; 0 where there was none (skipped, ignored, not run).
    pub attempt: u32,
    /// Another attempt of this case follows.
    #[serde(skip_serializing_if = "is_default")]
    pub retried: bool,
    /// How.
    pub outcome: Outcome,
    /// The failure's text, or the reason.
    #[serde(skip_serializing_if = "is_default")]
    pub text: String,
    /// The class of a failure (`out of memory`, `crash` …), where a rule knows it.
    #[serde(skip_serializing_if = "is_default")]
    pub class: Option<String>,
    /// Why it was put there: the rule and what it matched.
    #[serde(skip_serializing_if = "is_default")]
    pub class_because: Option<String>,
    /// Why a failure does not fail the run (`quarantine: …`), where it does not.
    #[serde(skip_serializing_if = "is_default")]
    pub waived: Option<String>,
    /// How long its phases took.
    #[serde(skip_serializing_if = "is_default")]
    pub times: Times,
    /// What it surely wrote itself.
    #[serde(skip_serializing_if = "is_default")]
    pub output: String,
    /// What it or one of others wrote.
    #[serde(skip_serializing_if = "is_default")]
    pub shared_output: Vec<SharedOutput>,
    /// What is worth saying beside the outcome.
    #[serde(skip_serializing_if = "is_default")]
    pub notes: Vec<String>,
    /// Rows of tables.
    #[serde(skip_serializing_if = "is_default")]
    pub rows: Vec<Row>,
    /// Its checks that ended without an answer.
    #[serde(skip_serializing_if = "is_default")]
    pub open: Vec<OpenCheck>,
    /// Figures that it measured, with baselines where there are any.
    #[serde(skip_serializing_if = "is_default")]
    pub figures: Vec<Figure>,
    /// Its evidence folder, relative to the run's folder; absent where it was not kept.
    #[serde(skip_serializing_if = "is_default")]
    pub evidence: Option<String>,
    /// What lies there.
    #[serde(skip_serializing_if = "is_default")]
    pub attachments: Vec<Attachment>,
}

/// What several cases may have written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SharedOutput {
    /// One of these.
    pub by: Vec<String>,
    /// The text.
    pub text: String,
}

/// A row of a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The table's title.
    pub table: String,
    /// The place of its heading.
    pub place: u8,
    /// Its heading.
    pub group: String,
    /// Columns with texts, in order.
    pub cells: Vec<(String, String)>,
}

/// A check that ended without an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OpenCheck {
    /// `not made`, `undecided`.
    pub ending: String,
    /// What was to be checked.
    pub rule: String,
    /// Why there is no answer.
    pub why: String,
    /// How often.
    pub times: usize,
}

/// A figure that a case measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figure {
    /// What was measured: the step's name, empty where there is one only.
    #[serde(skip_serializing_if = "is_default")]
    pub step: String,
    /// The metric (`p99_ttft_ms`).
    #[serde(skip_serializing_if = "is_default")]
    pub metric: String,
    /// Its value; absent where it has no samples.
    #[serde(skip_serializing_if = "is_default")]
    pub value: Option<f64>,
    /// Its unit.
    #[serde(skip_serializing_if = "is_default")]
    pub unit: String,
    /// Its confidence interval.
    #[serde(skip_serializing_if = "is_default")]
    pub interval: Option<(f64, f64)>,
    /// How many samples it is of.
    #[serde(skip_serializing_if = "is_default")]
    pub samples: Option<u64>,
    /// The median of the baseline's runs.
    #[serde(skip_serializing_if = "is_default")]
    pub baseline: Option<f64>,
    /// The values of the accepted runs, oldest first.
    #[serde(skip_serializing_if = "is_default")]
    pub history: Vec<f64>,
    /// `pass`, `regressed`, `improved`, `inconclusive`, `invalid`, `no baseline`; empty where it is only shown.
    #[serde(skip_serializing_if = "is_default")]
    pub verdict: String,
    /// `lower`, `higher` is better; empty where neither.
    #[serde(skip_serializing_if = "is_default")]
    pub better: String,
}

/// A file of evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attachment {
    /// Relative to the case's evidence folder.
    #[serde(skip_serializing_if = "is_default")]
    pub path: String,
    /// Its media type (`audio/wav`, `text/plain`).
    #[serde(skip_serializing_if = "is_default")]
    pub media_type: String,
    /// How long it is.
    #[serde(skip_serializing_if = "is_default")]
    pub bytes: u64,
}

/// A table at the end of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The title.
    pub title: String,
    /// Rows.
    pub rows: Vec<Row>,
}

/// The end of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunEnded {
    /// When.
    pub at: f64,
    /// The exit code.
    pub code: u8,
    /// The signal that stopped it.
    #[serde(skip_serializing_if = "is_default")]
    pub signal: Option<i32>,
    /// Teardown errors that no case can answer for any more.
    #[serde(skip_serializing_if = "is_default")]
    pub late_errors: Vec<String>,
    /// What is worth saying of the run.
    #[serde(skip_serializing_if = "is_default")]
    pub notes: Vec<String>,
    /// What servers and devices took, as `telemetry.json` has it; absent where nobody looked.
    #[serde(skip_serializing_if = "is_default")]
    pub telemetry: Option<Value>,
}
