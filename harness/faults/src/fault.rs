//! A fault as data: what is done to whom, so that a table, a console and a saved test can name it, and the way from there to the deed.
//!
//! Promise: [`Fault::inject`] announces, injects and proves, or says why not; what cannot be known to be possible beforehand is an error, not a skip.
//! Its text form ([`std::str::FromStr`], [`std::fmt::Display`]) says all of it and reads back as the same. Rejected: a trait that everybody implements:
//! a fault that is a closure can be neither listed nor typed into a console.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::FaultError;
#[cfg(not(target_os = "linux"))]
use crate::error::{Reason, gate};
#[cfg(not(target_os = "linux"))]
use crate::injected::Done;
use crate::injected::Injected;
use crate::network;
use crate::proxy::ToxicRule;
use crate::scene::Scene;
use crate::timeline::Step;
use crate::victim::Victim;

/// A signal that ends a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
}

/// How much memory of the host is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostMemory {
    /// So many bytes, by a process beside the server.
    Take(u64),
    /// All but so many bytes: by the limit of the server's own control group where it has one that may be changed, else by a process beside it.
    Leave(u64),
}

/// Something that is done to a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// Ends processes: `kill worker 0`, `terminate root`, `interrupt tree`.
    Signal {
        /// Whose end it is.
        victim: Victim,
        /// By which signal.
        signal: Signal,
    },
    /// Stops processes until it is undone: `stop any-worker for 30s`.
    Stop {
        /// Who is stopped.
        victim: Victim,
        /// When they go on at the latest; without it after five minutes.
        for_: Option<Duration>,
    },
    /// Takes memory of the server's devices: `hog devices 0.95 strict on 0,1`.
    HogDevices {
        /// Which share of what is *free* now.
        ratio: f64,
        /// Beyond that whatever the device still gives, down to pieces of 1 MiB.
        strict: bool,
        /// Which of the server's devices, as it counts them; empty: all.
        devices: Vec<u32>,
    },
    /// Takes memory of the host: `hog host take 512MiB`, `hog host leave 256MiB`.
    HogHost(HostMemory),
    /// Leaves the server this share of the processors: `busy cpus leave 0.25`.
    BusyCpus {
        /// The share, above 0 and below 1.
        leave: f64,
    },
    /// Lets a process open only so many more files and connections: `descriptors root leave 2`.
    Descriptors {
        /// Who is limited.
        victim: Victim,
        /// How many it can still open.
        leave: u32,
    },
    /// Fills a disk that the server has for itself ([`crate::Confine`]): `fill disk /var/spool`.
    FullDisk {
        /// Where it is mounted.
        place: PathBuf,
    },
    /// Fills the shared memory that the server has for itself ([`crate::Confine`]): `fill shm`.
    FullShm,
    /// Sets the clock of a server that was started with one that can be set ([`crate::FakeClock`]): `clock +2h`.
    Clock {
        /// By how many seconds it differs from the true one.
        by_s: i64,
    },
    /// A rule of the proxy before the server: `toxic latency 100ms jitter 20ms`.
    Network(ToxicRule),
}

impl Fault {
    /// Does it and proves it. It lasts until what is returned is undone or dropped.
    ///
    /// Needs a tokio runtime with time. If the future is dropped, what was done by then is taken back.
    ///
    /// # Errors
    /// It cannot be done here, has no victim, was refused, or cannot be proven; then everything is as before.
    pub async fn inject(&self, scene: &Scene) -> Result<Injected, FaultError> {
        let timeline = &scene.timeline;
        timeline.note(Step::Announced, self.to_string());
        let done = match self {
            Fault::Network(rule) => network::add(scene, rule),
            _ => done(self, scene).await,
        };
        match done {
            Ok(done) => Ok(Injected::new(self.clone(), done, timeline.clone())),
            Err((kind, why)) => {
                let error = FaultError::new(kind, self, why);
                timeline.note(Step::Failed, error.to_string());
                Err(error)
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
async fn done(_: &Fault, _: &Scene) -> Result<Done, Reason> {
    Err(gate(
        "servers can only be started, and therefore broken, on Linux",
    ))
}

#[cfg(target_os = "linux")]
use here::done;
#[cfg(target_os = "linux")]
pub(crate) use here::environment_of;

#[cfg(target_os = "linux")]
mod here {
    use tribunal_serving::ProcessInfo;

    use super::Fault;
    use crate::error::{Reason, gate, no_victim, refused};
    use crate::injected::Done;
    use crate::scene::Scene;
    use crate::victim::{Candidate, Tree, Victim};
    use crate::{clock, descriptors, disk, hog, network, pressure, proc, signals};

    pub(super) async fn done(fault: &Fault, scene: &Scene) -> Result<Done, Reason> {
        if scene.server.pid().is_none() {
            return Err(gate(
                "the server is only reached and was not started by this run: nothing of it is ours to break",
            ));
        }
        // It would hit the tests of other processes, and outlive this one.
        if scene.server.is_shared() {
            return Err(refused(
                "the server is shared with other processes; a test that breaks one asks for a server of its own: #[server(fresh)]",
            ));
        }
        match fault {
            Fault::Signal { victim, signal } => signals::end(scene, victim, *signal).await,
            Fault::Stop { victim, for_ } => signals::stop(scene, victim, *for_).await,
            Fault::HogDevices {
                ratio,
                strict,
                devices,
            } => hog::take(scene, *ratio, *strict, devices).await,
            Fault::HogHost(memory) => pressure::memory(scene, *memory).await,
            Fault::BusyCpus { leave } => pressure::processors(scene, *leave).await,
            Fault::Descriptors { victim, leave } => descriptors::limit(scene, victim, *leave),
            Fault::FullDisk { place } => disk::fill(scene, place).await,
            Fault::FullShm => disk::fill(scene, disk::SHM.as_ref()).await,
            Fault::Clock { by_s } => clock::set(scene, *by_s).await,
            Fault::Network(rule) => network::add(scene, rule),
        }
    }

    impl Victim {
        /// Those who are meant, of the server's tree as it is now.
        pub(crate) fn found(&self, scene: &Scene) -> Result<Vec<ProcessInfo>, Reason> {
            let server = &scene.server;
            let processes = server.processes().into_iter().map(|process| Candidate {
                line: proc::words(&process),
                process,
            });
            let tree = Tree {
                processes: processes.collect(),
                root: server.pid(),
                parts: server
                    .parts()
                    .iter()
                    .map(|p| (p.name.clone(), p.pid))
                    .collect(),
                pattern: scene.workers.as_ref().map(|w| w.pattern.clone()),
            };
            self.among(&tree, scene.seed).map_err(no_victim)
        }
    }

    /// The environment of the server's own process.
    pub(crate) fn environment_of(
        scene: &Scene,
    ) -> Result<std::collections::BTreeMap<std::ffi::OsString, std::ffi::OsString>, Reason> {
        let root = Victim::Root.found(scene)?;
        let read = root.first().and_then(proc::environment);
        read.ok_or_else(|| refused("the environment of the server's process cannot be read"))
    }
}
