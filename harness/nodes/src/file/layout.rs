//! What a file says, whichever form it is written in: which processes run on which node, and what each of them is told.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tribunal_workload::WorkCase;

use super::pool::Pool;
use super::text::{Text, Unresolved, Variables};

/// One deployment over one or several nodes, and what is measured on it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Layout {
    /// A Rust identifier, and no other layout of the file has it.
    pub name: String,
    /// The name as it was written; of a file that gives none, the name of the file.
    pub test_name: String,
    /// Where it stands.
    pub line: usize,
    /// The model that requests ask for.
    pub model: String,
    /// The accelerators of a node, where the file says it.
    pub npus_per_node: Option<u32>,
    /// The nodes, in the order of their indices.
    pub nodes: Vec<Node>,
    /// Which nodes prefill and which decode, where that is separated.
    pub disaggregated: Option<Disaggregated>,
    /// What stands in front of the servers.
    pub proxy: Option<Proxy>,
    /// The pool of the key-value cache that is started before any server.
    pub pool: Option<Pool>,
    /// The addresses of the nodes, where the file fixes them: for machines without a cluster around them.
    pub hosts: Option<Vec<String>>,
    /// Python packages that the file wants, and their versions. They are checked, never installed.
    pub dependencies: Vec<(String, String)>,
    /// What is asked of the servers beside the benchmarks.
    pub content: Option<Content>,
    /// The benchmarks, as a case of a workload; `None`: the file has none.
    pub workload: Option<WorkCase>,
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Node {
    /// Its index, from 0.
    pub index: usize,
    /// What its servers are for.
    pub role: Role,
    /// The node whose address is `MASTER_IP` here.
    pub master: usize,
    /// Whether it has no API server: nothing is asked of it, and it is ready when its process lives.
    pub headless: bool,
    /// The variables that stand for free ports of this node, to be leased before anything starts.
    pub free_ports: Vec<String>,
    /// What runs there, in the order of starting.
    pub processes: Vec<Process>,
    /// Where it stands.
    pub line: usize,
}

/// One process of a node.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Process {
    /// Its name, unique on its node: `server`, `rank-0`, `encoder`.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its environment beside what it inherits; later ones win. What a run injects (`HCCL_IF_IP`, `LOCAL_IP`, …) is in it.
    pub env: Vec<(String, Text)>,
    /// The program and its arguments. No shell reads it.
    pub command: Vec<Text>,
    /// Where it answers; `None`: it has no API server.
    pub port: Option<Port>,
    /// Its rank, where the file starts every rank by itself.
    pub rank: Option<Rank>,
    /// The accelerators that it was meant to have, where the file tells.
    pub devices: Option<u32>,
    /// Where its command stands.
    pub line: usize,
}

/// A rank that is a process of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rank {
    /// Among the ranks of its node.
    pub local: u32,
    /// Among those of its group.
    pub global: u32,
    /// The accelerators of its node that it uses.
    pub devices: Vec<u32>,
}

/// What a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The whole of every request.
    Both,
    /// The first token.
    Prefill,
    /// All tokens but the first.
    Decode,
    /// What images and sound become before the first token.
    Encode,
}

impl Role {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Both => "both",
            Role::Prefill => "prefill",
            Role::Decode => "decode",
            Role::Encode => "encode",
        }
    }
}

/// The port of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// This one.
    Fixed(u16),
    /// A free one, which the run leases and gives to this variable.
    Free(String),
}

impl Port {
    /// The port in a run.
    pub fn number(&self, places: &Places) -> Option<u16> {
        match self {
            Port::Fixed(port) => Some(*port),
            Port::Free(name) => places.ports.get(name).copied(),
        }
    }
}

/// Which nodes prefill and which decode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disaggregated {
    /// The nodes that prefill, in the order of the file.
    pub prefillers: Vec<usize>,
    /// The nodes that decode and are named by the file; others of the decoding group run without API servers.
    pub decoders: Vec<usize>,
}

/// What stands in front of the servers: requests go to it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Proxy {
    /// Where it runs.
    pub node: usize,
    /// Where it listens.
    pub port: Port,
    /// How it is started, where the file says so. Without: the one of this project.
    pub command: Option<Vec<Text>>,
    /// Its environment, as that of a process.
    pub env: Vec<(String, Text)>,
    /// Where it sends requests.
    pub targets: Targets,
}

/// The processes behind a proxy: node and process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Targets {
    /// Any of them does.
    Any(Vec<(usize, usize)>),
    /// A prefiller first, then a decoder.
    Pair {
        /// The prefillers.
        prefill: Vec<(usize, usize)>,
        /// The decoders.
        decode: Vec<(usize, usize)>,
    },
    /// An encoder first, then one that does the rest.
    Encode {
        /// The encoders.
        encode: Vec<(usize, usize)>,
        /// Those that do the rest.
        rest: Vec<(usize, usize)>,
    },
}

/// What is asked beside the benchmarks, of a file for one node.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Content {
    /// What is done, in the order of the file.
    pub phases: Vec<Phase>,
    /// The prompts.
    pub prompts: Vec<String>,
    /// What stands in each request beside them.
    pub request: Map<String, Value>,
    /// A request with media, as it was written.
    pub media_request: Option<Value>,
    /// What must be answered, as it was written.
    pub expected: Option<Value>,
}

/// A phase of a test of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A completion of each prompt is not empty.
    Completion,
    /// A chat completion of each prompt is not empty.
    ChatCompletion,
    /// A question about an image.
    Image,
    /// A message on the route /v1/messages for each prompt.
    Messages,
    /// Exactly one process is `vllm serve`.
    CheckRank0ProcessCount,
    /// Benchmarks are compared with each other.
    BenchmarkComparisons,
}

impl Phase {
    /// All of them.
    pub const ALL: [Phase; 6] = [
        Phase::Completion,
        Phase::ChatCompletion,
        Phase::Image,
        Phase::Messages,
        Phase::CheckRank0ProcessCount,
        Phase::BenchmarkComparisons,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Completion => "completion",
            Phase::ChatCompletion => "chat_completion",
            Phase::Image => "image",
            Phase::Messages => "messages",
            Phase::CheckRank0ProcessCount => "check_rank0_process_count",
            Phase::BenchmarkComparisons => "benchmark_comparisons",
        }
    }
}

/// What the nodes know of each other in a run, as one of them sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The address of every node, in the order of their indices.
    pub addresses: Vec<String>,
    /// The network interface that has this node's address.
    pub interface: String,
    /// The ports that were leased on this node for [`Port::Free`], by the names of their variables.
    pub ports: BTreeMap<String, u16>,
    /// The port of the proxy, once it is known.
    pub proxy_port: Option<u16>,
    /// The ports of the processes behind a proxy that the file does not fix, by node and process; for the proxy's command.
    pub target_ports: BTreeMap<(usize, usize), u16>,
    /// The folder that the files of a pool are written to on this node.
    pub pool_folder: Option<String>,
    /// The environment of this node, for variables that the file adds to.
    pub environment: BTreeMap<String, String>,
}

impl Layout {
    /// The values of a run for the processes of a node.
    pub fn variables(&self, node: usize, places: &Places) -> Variables {
        let mut variables = Variables::default();
        for (index, address) in places.addresses.iter().enumerate() {
            variables.set(format!("NODE_{index}_IP"), address);
        }
        if let Some(address) = places.addresses.get(node) {
            variables.set("LOCAL_IP", address);
        }
        let master = self.nodes.get(node).map_or(0, |node| node.master);
        if let Some(address) = places.addresses.get(master) {
            variables.set("MASTER_IP", address);
        }
        if !places.interface.is_empty() {
            variables.set("NIC_NAME", &places.interface);
        }
        for (name, port) in &places.ports {
            variables.set(name, port.to_string());
        }
        if let Some(port) = places.proxy_port {
            variables.set("PROXY_PORT", port.to_string());
        }
        for ((node, process), port) in &places.target_ports {
            variables.set(target_port(*node, *process), port.to_string());
        }
        if let Some(folder) = &places.pool_folder {
            variables.set("POOL_FOLDER", folder);
        }
        for (name, value) in &places.environment {
            variables.inherit(name, value);
        }
        variables
    }

    /// The program and arguments of a process in a run; empty where there is no such process.
    ///
    /// # Errors
    /// A variable has no value yet.
    pub fn command(
        &self,
        node: usize,
        process: usize,
        places: &Places,
    ) -> Result<Vec<String>, Unresolved> {
        let variables = self.variables(node, places);
        self.process(node, process)
            .map_or(&[][..], |process| &process.command)
            .iter()
            .map(|text| text.resolve(&variables))
            .collect()
    }

    /// The environment of a process in a run, beside what it inherits.
    ///
    /// # Errors
    /// A variable has no value yet.
    pub fn env(
        &self,
        node: usize,
        process: usize,
        places: &Places,
    ) -> Result<Vec<(String, String)>, Unresolved> {
        let variables = self.variables(node, places);
        self.process(node, process)
            .map_or(&[][..], |process| &process.env)
            .iter()
            .map(|(name, text)| Ok((name.clone(), text.resolve(&variables)?)))
            .collect()
    }

    /// A process.
    pub fn process(&self, node: usize, process: usize) -> Option<&Process> {
        self.nodes.get(node)?.processes.get(process)
    }
}

/// The variable that stands for the port of a process in the command of a proxy.
pub(crate) fn target_port(node: usize, process: usize) -> String {
    format!("NODE_{node}_PROCESS_{process}_PORT")
}
