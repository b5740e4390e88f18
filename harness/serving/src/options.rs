//! What a start needs beyond the deployment: where evidence goes, how patient a stop is, which ports may be used.

use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::prepare::{Detour, Hook, PartAddress, Prepare};
use crate::progress::Tell;
use crate::share::Share;

/// How long a server may take to end by itself after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);

/// The conditions of one start.
///
/// ```
/// use std::time::Duration;
/// use tribunal_serving::StartOptions;
///
/// let options = StartOptions::new("target/evidence").grace(Duration::from_secs(30));
/// ```
#[derive(Debug, Clone)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "nothing is started there")
)]
pub struct StartOptions {
    pub(crate) evidence: PathBuf,
    pub(crate) grace: Duration,
    pub(crate) ports: Option<RangeInclusive<u16>>,
    pub(crate) lease_folder: Option<PathBuf>,
    pub(crate) log: LogLimits,
    pub(crate) progress: Tell,
    pub(crate) share: Option<Share>,
    pub(crate) prepare: Hook,
    pub(crate) detour: Detour,
    /// What the keepers keep open.
    pub(crate) held: Arc<Vec<OwnedFd>>,
}

impl StartOptions {
    /// Evidence (`server.log`; `server-2.log` where the first exists) goes to this folder, which is made if it is
    /// missing.
    pub fn new(evidence: impl Into<PathBuf>) -> Self {
        Self {
            evidence: evidence.into(),
            grace: GRACE,
            ports: None,
            lease_folder: None,
            log: LogLimits::default(),
            progress: Tell::default(),
            share: None,
            prepare: Hook::default(),
            detour: Detour::default(),
            held: Arc::default(),
        }
    }

    /// Told in one line what a start waits for, first after a second and then every few seconds, for example
    /// `llama-cpp: waiting for /health (503 Loading model) 12 s of 120 s`.
    #[must_use]
    pub fn progress(mut self, tell: Arc<dyn Fn(&str) + Send + Sync>) -> Self {
        self.progress = Tell(Some(tell));
        self
    }

    /// How long the server's tree may take to end after SIGTERM before it is killed (default 5 s). It also holds when
    /// the harness dies and the keeper stops the server alone.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The ports that may be leased (default: a range outside the ephemeral ports of this machine).
    #[must_use]
    pub fn ports(mut self, range: RangeInclusive<u16>) -> Self {
        self.ports = Some(range);
        self
    }

    /// The folder of the port leases (default: `tribunal` in `$XDG_RUNTIME_DIR`, else `tribunal-HOST` in the
    /// temporary folder). Harnesses that use different folders do not see each other's leases.
    #[must_use]
    pub fn lease_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.lease_folder = Some(folder.into());
        self
    }

    /// The server is shared with other processes. What these options say otherwise holds for the process that starts it.
    #[must_use]
    pub fn share(mut self, share: Share) -> Self {
        self.share = Some(share);
        self
    }

    /// Called before the processes start, by the process that starts them and not by one that attaches. What it returns is started.
    #[must_use]
    pub fn prepare(mut self, prepare: Prepare) -> Self {
        self.prepare = Hook(Some(prepare));
        self
    }

    /// Asked for each process of the deployment, once all ports are leased and before the first one starts: what the others are told of its address, so that something
    /// can stand between a router and its workers. The answer goes into `{NAME.host}`, `{NAME.port}`, `{NAME.ports[0]}` and `{NAME.url}` of all the others; the process
    /// itself and whoever waits for it to be ready keep the real one. It must not block for long.
    ///
    /// A start that is made once more on other ports asks again. A server with this is not shared: what it asks lives no longer than this process.
    #[must_use]
    pub fn part_address(mut self, told: PartAddress) -> Self {
        self.detour = Detour(Some(told));
        self
    }

    /// How much of the server's log is kept.
    #[must_use]
    pub fn log_limits(mut self, limits: LogLimits) -> Self {
        self.log = limits;
        self
    }
}

/// How much of a log is kept. Up to `whole` bytes it is kept whole; beyond that the first `head` bytes and the newest
/// half of the rest, with a line that marks the gap. The file never exceeds `whole` bytes by more than one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// Size in bytes up to which nothing is dropped (default 256 MiB).
    pub whole: u64,
    /// Size in bytes of the beginning that is never dropped (default 16 MiB); at most half of `whole`.
    pub head: u64,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            whole: 256 << 20,
            head: 16 << 20,
        }
    }
}
