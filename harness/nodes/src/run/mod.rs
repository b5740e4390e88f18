//! A layout that runs: where its nodes live, what is started there, and the hidden verbs of those who do it.

#[cfg(target_os = "linux")]
mod agent;
#[cfg(target_os = "linux")]
mod conduct;
mod loopback;
mod rehearsal;
mod routes;
mod stage;
mod verbs;
mod world;

#[cfg(target_os = "linux")]
pub use conduct::{Cast, Conduct, conduct};
pub use loopback::Loopback;
pub use routes::{PROXY_VERB, Routes};
pub use stage::{AsWritten, CommandLine, Stage, Subject};
pub use verbs::{AGENT_VERB, CONDUCT_VERB, FATAL, verb};
pub use world::World;

#[cfg(target_os = "linux")]
use rehearsal::{Rehearsal, world};
