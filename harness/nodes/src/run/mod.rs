//! A layout that runs: where its nodes live, what is started there, and the hidden verbs of those who do it.

mod loopback;
mod routes;
mod stage;
mod verbs;
mod world;

pub use loopback::Loopback;
pub use routes::{PROXY_VERB, Routes};
pub use stage::{AsWritten, CommandLine, Stage, Subject};
pub use verbs::{AGENT_VERB, CONDUCT_VERB, verb};
pub use world::World;
