//! What was gathered on this machine, before anything is judged.
//!
//! Promise: plain data; what could not be read is an error with its reason and never a zero or a "no". Rejected: handing the
//! checks a way to look things up themselves.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tribunal_hardware::Host;

/// A fact, or why it is not known.
pub(crate) type Reading<T> = Result<T, String>;

/// All facts.
pub(crate) struct Facts {
    pub(crate) cargo: Tool,
    pub(crate) rustc: Tool,
    pub(crate) nextest: Tool,
    /// The programs of [`super::checks::PROGRAMS`] that were found, by name.
    pub(crate) programs: BTreeMap<String, PathBuf>,
    pub(crate) cgroup: Reading<Option<Cgroup>>,
    /// By name: `user`, `pid`, `network`.
    pub(crate) namespaces: Reading<BTreeMap<String, Result<(), String>>>,
    /// A connection to ourselves over 127.0.0.1.
    pub(crate) loopback: Reading<()>,
    /// The variable that sends requests to 127.0.0.1 to a proxy, if one does.
    pub(crate) proxy: Option<String>,
    /// First and last port that the kernel takes for connections.
    pub(crate) ephemeral: Reading<(u16, u16)>,
    pub(crate) shared_memory: Reading<Space>,
    pub(crate) descriptors: Reading<Limit>,
    pub(crate) processes: Reading<Limit>,
    /// The tightest process limit of the own cgroups; `None`: there is none.
    pub(crate) cgroup_processes: Reading<Option<PidsLimit>>,
    pub(crate) stacks: Reading<Stacks>,
    /// `None`: not looked for.
    pub(crate) devices: Option<Host>,
    pub(crate) hub: Hub,
    pub(crate) target: Reading<Target>,
    pub(crate) clock: Reading<Clock>,
}

/// A program of the toolchain.
pub(crate) struct Tool {
    /// `None`: not found.
    pub(crate) path: Option<PathBuf>,
    /// Its own words: `rustc 1.95.0 (…)`.
    pub(crate) version: Reading<String>,
}

/// The own cgroup of version 2.
pub(crate) struct Cgroup {
    pub(crate) path: PathBuf,
    /// Whether children can be made in it.
    pub(crate) writable: bool,
}

/// Bytes of a file system.
pub(crate) struct Space {
    pub(crate) total: u64,
    pub(crate) free: u64,
}

/// A resource limit; `None`: unlimited.
pub(crate) struct Limit {
    pub(crate) soft: Option<u64>,
    pub(crate) hard: Option<u64>,
}

/// A cgroup's limit of processes and threads.
pub(crate) struct PidsLimit {
    pub(crate) max: u64,
    pub(crate) current: u64,
}

/// What decides whether the stacks of a process can be read.
pub(crate) struct Stacks {
    /// Yama's `ptrace_scope`; `None`: the kernel has no Yama, and so no restriction.
    pub(crate) ptrace_scope: Option<u8>,
    /// Whether this process may trace any process.
    pub(crate) may_trace: bool,
    pub(crate) core_pattern: Reading<String>,
    /// Bytes of a core file; `None`: unlimited.
    pub(crate) core_limit: Option<u64>,
}

/// Where models and the hub's token are. Never a token itself.
pub(crate) struct Hub {
    pub(crate) token: Token,
    pub(crate) cache: PathBuf,
    /// The number of models in the cache; `None`: there is no such folder.
    pub(crate) models: Option<usize>,
    /// `HF_HUB_OFFLINE` is set.
    pub(crate) offline: bool,
}

/// Where a token is, if there is one.
pub(crate) enum Token {
    Variable(&'static str),
    /// The variable is set to nothing, and there is no other token.
    EmptyVariable(&'static str),
    File(PathBuf),
    Nowhere,
}

/// Where builds and evidence go.
pub(crate) struct Target {
    pub(crate) path: PathBuf,
    pub(crate) space: Space,
}

/// The clock that durations are measured with.
pub(crate) struct Clock {
    pub(crate) resolution: Duration,
    /// What the kernel reads it from: `tsc`.
    pub(crate) source: Reading<String>,
}
