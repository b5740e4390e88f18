//! One deployment over several machines: the files that describe it, and who does what on which node.
//!
//! A [`NodesFile`] is read from the YAML of vLLM-Ascend's nightly tests, of one node or of several, as it is. Each of its [`Layout`]s says which processes
//! run on which node, with which command and environment, what stands in front of them, and what is measured. What is not known before the nodes have met
//! (addresses, free ports) stays a variable in a [`Text`]; [`Variables`] fill it in.
//!
//! ```
//! use std::path::Path;
//! use tribunal_nodes::{NodesFile, Places};
//! use tribunal_vocabulary::Vocabulary;
//! use tribunal_workload::{DataTable, Lookups};
//!
//! let data = DataTable::default();
//! let lookups = Lookups { vocabulary: Vocabulary::shipped(), data: &data, roots: &[] };
//! let text = "
//! test_name: two
//! model: some/model
//! num_nodes: 2
//! npu_per_node: 8
//! env_common: { SERVER_PORT: 8080 }
//! deployment:
//!   - server_cmd: vllm serve some/model --port $SERVER_PORT --data-parallel-address $LOCAL_IP
//!   - server_cmd: vllm serve some/model --headless --data-parallel-address $MASTER_IP
//! ";
//! let file = NodesFile::parse(text, Path::new("two.yaml"), &lookups)?;
//! let layout = &file.layouts[0];
//! let places = Places { addresses: vec!["10.0.0.1".to_owned(), "10.0.0.2".to_owned()], interface: "eth0".to_owned(), ..Places::default() };
//! let command = layout.command(1, 0, &places)?;
//! assert_eq!(command.last().map(String::as_str), Some("10.0.0.1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Promises: all mistakes at once, each with file, line, column and what to do; nothing from outside makes it panic; reading starts nothing, and no command
//! line passes through a shell. What the fields mean, and where that differs from the program that they were written for, is in docs/nodes.md.
//!
//! Rejected: serde for the files (it stops at the first mistake and knows no places), and running the files' own scripts (half of what the files say is read
//! by none of them).

#[cfg(target_os = "linux")]
mod control;
mod file;
mod front;
#[cfg(target_os = "linux")]
mod meeting;
mod place;
mod run;
mod world;

#[cfg(target_os = "linux")]
pub use control::{NodeControl, NodeProcess, NodeProcesses};
pub use file::{
    Content, Disaggregated, Form, Layout, Node, NodesFile, Phase, Piece, Places, Pool, PoolFile,
    PoolKind, Port, Process, Proxy, Rank, Role, Targets, Text, Unresolved, Variables,
};
#[cfg(target_os = "linux")]
pub use meeting::{
    AgentEnd, AgentOptions, LeadOptions, Leading, Outcome, TOKEN_FILE_VARIABLE, TOKEN_VARIABLE,
    Token, agent,
};
pub use place::{LEADER_PORT, Place};
pub use run::{
    AGENT_VERB, AsWritten, CONDUCT_VERB, CommandLine, FATAL, Loopback, PROXY_VERB, Routes, Stage,
    Subject, World, verb,
};
#[cfg(target_os = "linux")]
pub use run::{Cast, Conduct, conduct};
#[cfg(target_os = "linux")]
pub use world::{Links, Namespaces, Party};

/// Of the harness: all nodes of a run need the same one.
const VERSION: &str = env!("CARGO_PKG_VERSION");
