//! The sizes of each node's group of data-parallel ranks: `config`.
//!
//! Promise: ranks are counted over all nodes of a group: one that is there twice or nowhere would make every other wait for ever, so it is a mistake.

use tribunal_deploy::tree::{Entry, Place, Table, Value};

use super::common::{Common, MOST_NODES};
use super::environment::{Environment, tell};
use super::external::{entries, position_is};
use super::reader::Reader;
use super::shell;
use super::text::Text;

const FIELDS: [&str; 13] = [
    "node_index",
    "port_start",
    "dp_rpc_port",
    "dp_size",
    "dp_size_local",
    "dp_rank_start",
    "tp_size",
    "cp_size",
    "sp_size",
    "pp_size",
    "dp_address",
    "host",
    "dp_group",
];
/// The most ranks of a file.
const MOST_PROCESSES: u32 = 1024;
/// The most ranks of a node: more is a slip of the finger.
const MOST_LOCAL: u32 = 1024;
/// The most ranks of a group, and the most accelerators of a rank.
const MOST: u32 = 65_536;

/// What `config` says of a node.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub index: usize,
    pub port_start: u32,
    pub rpc_port: u32,
    pub size: u32,
    pub local: u32,
    pub start: u32,
    pub tensor: u32,
    pub context: u32,
    pub sequence: u32,
    pub pipeline: u32,
    pub host: String,
    pub address: Text,
    pub at: Place,
    pub port_at: Place,
    pub local_at: Place,
    pub start_at: Place,
}

impl Config {
    /// The accelerators of a rank.
    pub fn block(&self) -> u32 {
        self.tensor * self.context * self.sequence * self.pipeline
    }

    /// Those of the node; `None`: more than can be counted.
    pub fn devices(&self) -> Option<u32> {
        self.block().checked_mul(self.local)
    }
}

/// Reads `config`, an entry for each node; `None`: it could not be read.
pub(crate) fn configs(
    reader: &mut Reader,
    root: &Table,
    at: Place,
    common: &Common,
) -> Vec<Option<Config>> {
    let help = "it is a list with the sizes of each node";
    let Some(entry) = reader.needed(root, at, "this file", "config", help) else {
        return Vec::new();
    };
    let Some(list) = reader.list(entry, "sizes") else {
        return Vec::new();
    };
    let list = &list[..list.len().min(MOST_NODES as usize)];
    if let Some((nodes, nodes_at)) = common.nodes
        && nodes as usize != list.len()
    {
        reader.mistake(
            nodes_at,
            format!(
                "`num_nodes` is {nodes}, and `config` has {}",
                entries(list.len())
            ),
            "every node has an entry",
        );
    }
    let read: Vec<Option<Config>> = list
        .iter()
        .enumerate()
        .map(|(index, node)| match node.table() {
            Some(table) => one(
                reader,
                table,
                node.at,
                index,
                list.len(),
                common.npus.map(|(npus, _)| npus),
            ),
            None => {
                reader.wrong_node("config", node, "a list of sizes, each a table", "");
                None
            }
        })
        .collect();
    let ranks: u32 = read.iter().flatten().map(|config| config.local).sum();
    if ranks > MOST_PROCESSES {
        reader.mistake(
            entry.key_at,
            format!("there are {ranks} ranks, and more than {MOST_PROCESSES} are not read"),
            "dp_size_local is the number of ranks of one node",
        );
        return Vec::new();
    }
    groups(reader, &read);
    read
}

fn one(
    reader: &mut Reader,
    table: &Table,
    at: Place,
    index: usize,
    nodes: usize,
    npus: Option<u32>,
) -> Option<Config> {
    reader.known_keys(table, "an entry of `config`", &FIELDS, true);
    if let Some(entry) = table.entry("node_index") {
        position_is(reader, entry, index, "config");
    }
    let mut number =
        |key: &str, least: u32, most: u32, default: Option<u32>| -> Option<(u32, Place)> {
            match (table.entry(key), default) {
                (None, Some(default)) => Some((default, at)),
                _ => {
                    let entry = reader.needed(
                        table,
                        at,
                        "this entry of `config`",
                        key,
                        "say it for every node",
                    )?;
                    Some((reader.whole(entry, least, most)?, entry.node.at))
                }
            }
        };
    let port_start = number("port_start", 1, 65_535, None);
    let rpc_port = number("dp_rpc_port", 1, 65_535, None);
    let size = number("dp_size", 1, MOST, None);
    let local = number("dp_size_local", 1, MOST_LOCAL, None);
    let start = number("dp_rank_start", 0, MOST, None);
    // No more than a node has, so that what is counted from them stays small.
    let most = npus.unwrap_or(64).min(4096);
    let tensor = number("tp_size", 1, most, None);
    let context = number("cp_size", 1, most, Some(1));
    let sequence = number("sp_size", 1, most, Some(1));
    let pipeline = number("pp_size", 1, most, Some(1));
    let address = reader
        .needed(
            table,
            at,
            "this entry of `config`",
            "dp_address",
            "it is the node of rank 0, as in \"${NODE_0_IP}\"",
        )
        .and_then(|entry| address(reader, entry, index, nodes));
    let host = match table.entry("host") {
        Some(entry) => reader.text(entry)?,
        None => "0.0.0.0".to_owned(),
    };
    let (port_start, port_at) = port_start?;
    let (local, local_at) = local?;
    let (start, start_at) = start?;
    let (size, _) = size?;
    if port_start + local - 1 > u32::from(u16::MAX) {
        reader.mistake(
            port_at,
            format!("`port_start` is {port_start}, and there are no ports for {local} ranks from there on"),
            "a rank takes one port, and 65535 is the last",
        );
        return None;
    }
    if start + local > size {
        reader.mistake(
            start_at,
            format!(
                "`dp_rank_start` {start} and `dp_size_local` {local} go beyond `dp_size` {size}"
            ),
            "ranks are counted from 0 to dp_size - 1",
        );
        return None;
    }
    let config = Config {
        index,
        port_start,
        rpc_port: rpc_port?.0,
        size,
        local,
        start,
        tensor: tensor?.0,
        context: context?.0,
        sequence: sequence?.0,
        pipeline: pipeline?.0,
        host,
        address: address?,
        at,
        port_at,
        local_at,
        start_at,
    };
    let parts = [
        config.tensor,
        config.context,
        config.sequence,
        config.pipeline,
    ];
    let product = parts
        .iter()
        .try_fold(1u32, |product, part| product.checked_mul(*part));
    if product.is_none_or(|product| product > 4096 * 16) {
        reader.mistake(
            local_at,
            format!("a rank of node {index} takes more accelerators than any node has"),
            "",
        );
        return None;
    }
    Some(config)
}

fn address(reader: &mut Reader, entry: &Entry, index: usize, nodes: usize) -> Option<Text> {
    let raw = reader.text(entry)?;
    let environment = Environment::new(Environment::of_nodes(nodes, index));
    let mut slips = Vec::new();
    let text = shell::fill(
        &raw,
        &mut |name, spelt| environment.lookup(name, spelt),
        &mut slips,
    );
    let wrong = !slips.is_empty();
    tell(reader, &entry.node, slips);
    (!wrong).then_some(text)
}

/// The ranks of nodes that meet at one address: each once, none left out.
fn groups(reader: &mut Reader, configs: &[Option<Config>]) {
    // A node that could not be read may be the one that is missing.
    if configs.iter().any(Option::is_none) {
        return;
    }
    let configs: Vec<&Config> = configs.iter().flatten().collect();
    let same = |a: &Config, b: &Config| a.address == b.address && a.rpc_port == b.rpc_port;
    for (position, config) in configs.iter().enumerate() {
        let earlier = configs[..position]
            .iter()
            .filter(|other| same(other, config));
        for other in earlier.clone() {
            if other.size != config.size {
                reader.mistake(
                    config.at,
                    format!(
                        "nodes {} and {} are of one group, and `dp_size` is {} here and {} there",
                        config.index, other.index, config.size, other.size
                    ),
                    "nodes with one dp_address and one dp_rpc_port are one group",
                );
                return;
            }
            let first = config.start.max(other.start);
            if first < (config.start + config.local).min(other.start + other.local) {
                reader.mistake(
                    config.start_at,
                    format!(
                        "rank {first} is on node {} and on node {}",
                        other.index, config.index
                    ),
                    "begin where the node before ends",
                );
                return;
            }
        }
        if earlier.count() > 0 {
            continue;
        }
        let there: u32 = configs
            .iter()
            .filter(|other| same(other, config))
            .map(|other| other.local)
            .sum();
        if there < config.size {
            reader.mistake(
                config.local_at,
                format!(
                    "`dp_size` is {}, and the nodes of the group have {there} of its ranks",
                    config.size
                ),
                "the first ranks would wait for the others for ever",
            );
        }
    }
}

/// Whether a file is of the form that has sizes and templates.
pub(crate) fn is_external(root: &Table) -> bool {
    let there = |key: &str| root.get(key).is_some_and(|node| node.value != Value::Null);
    there("templates") || there("routing") || there("config")
}
