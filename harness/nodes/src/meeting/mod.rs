//! How the nodes of a run find each other, what they say, and who does what: one channel, one hub, an agent on every node.

mod agent;
mod attach;
mod channel;
mod conductor;
mod frame;
mod free_port;
mod front;
mod health;
mod hub;
mod join;
mod lead;
mod log;
mod message;
mod plan;
mod process;
mod reception;
mod sys;
mod token;
pub(crate) mod tree;

pub(crate) use attach::{Attached, attach};
pub(crate) use conductor::{Conductor, Fatal, Task, say};
pub(crate) use hub::{Expected, Hub};
pub(crate) use plan::Limits;

pub use agent::{AgentEnd, AgentOptions, agent};
pub use lead::{LeadOptions, Leading};
pub use message::Outcome;
pub use token::{TOKEN_FILE_VARIABLE, TOKEN_VARIABLE, Token};
