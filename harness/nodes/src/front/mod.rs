//! The proxy of this project: what stands in front of the servers where a file brings no proxy of its own.
//!
//! It is a process (`__nodes-proxy`) of the node that the layout names. Promise: requests go round the servers of a group in turn; where prefill and decode are
//! apart each goes to a prefiller first, as vLLM's proxies do it; answers pass without being gathered; a client that goes away is gone for the server too; a server
//! that does not answer is a 502 that names it, and never hidden by asking another. Rejected: trying the next server (a rehearsal would not see that one is
//! dead), and the scripts of the engines (they want Python and half of the engine around them).

mod answer;
mod health;
mod pass;
mod plan;
mod pool;
mod proxy;
mod upstream;

pub(crate) use pool::{POOL_VERB, run as run_pool};
pub(crate) use proxy::run as run_proxy;
