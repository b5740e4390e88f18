//! How the nodes of a run find each other, what they say, and who does what: one channel, one hub, an agent on every node.

mod agent;
mod channel;
mod conductor;
mod frame;
mod front;
mod health;
mod hub;
mod log;
mod message;
mod plan;
mod process;
mod sys;
mod token;
pub(crate) mod tree;

pub(crate) use conductor::{Conductor, Fatal, Task, say};
pub(crate) use hub::{Attached, Crew, Expected, Hub, attach};
pub(crate) use plan::Limits;

pub use agent::{AgentEnd, AgentOptions, agent};
pub use message::Outcome;
pub use token::{TOKEN_FILE_VARIABLE, TOKEN_VARIABLE, Token};
