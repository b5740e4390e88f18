//! The form with a process for each data-parallel rank: `routing`, `config` and `templates`.
//!
//! Promise: a template becomes the very commands of its ranks, with ports, ranks and accelerators counted here; sizes that do not fit together are mistakes before
//! anything starts. A variable that is not set is a mistake in the environment too, where the files' own program puts nothing in its place.
//! Rejected: pipelines over several nodes (`pp_group_id`): a stage is counted on its own node, as the first versions of this form have it.

use std::collections::BTreeMap;
use std::path::Path;

use tribunal_deploy::tree::{Entry, Place, Table, Value};
use tribunal_vocabulary::slug;
use tribunal_workload::Lookups;

use super::benchmarks;
use super::command::Command;
use super::common::Common;
use super::config::{Config, configs};
use super::disaggregated;
use super::environment::{Environment, table_of};
use super::layout::{Layout, Node, Process, Rank, Role};
use super::pool;
use super::reader::Reader;
use super::routing;
use super::text::Text;

const ROOT: [&str; 14] = [
    "test_name",
    "model",
    "num_nodes",
    "npu_per_node",
    "routing",
    "config",
    "templates",
    "kv_pool",
    "benchmarks",
    "benchmark_comparisons_args",
    "cluster_hosts",
    "special_dependencies",
    "env_common",
    "description",
];
const TEMPLATE: [&str; 3] = ["node_index", "envs", "server_cmd_template"];

/// Reads a file of this form.
pub(crate) fn read(
    reader: &mut Reader,
    root: &Table,
    at: Place,
    path: &Path,
    lookups: &Lookups<'_>,
) -> Option<Layout> {
    reader.known_keys(root, "this file", &ROOT, false);
    let common = Common::read(reader, root, at, path);
    let configs = configs(reader, root, at, &common);
    let count = common
        .nodes
        .map_or(configs.len(), |(nodes, _)| nodes as usize);
    let before = reader.found.len();
    let routing = routing::read(reader, root, at, count);
    let doubtful = reader.found.len() > before;
    let templates = templates(reader, root, at, count);
    let pool = pool::read(reader, root, configs.first());
    let sides = routing.as_ref().and_then(|routing| routing.sides.clone());
    let mut nodes = Vec::new();
    for (config, template) in configs.iter().zip(&templates) {
        let (Some(config), Some(template)) = (config, template) else {
            continue;
        };
        if let (Some(count), Some(npus)) = (config.devices(), common.npus.map(|(npus, _)| npus))
            && count > npus
        {
            reader.mistake(
                config.local_at,
                format!(
                    "node {} takes {count} accelerators, and `npu_per_node` is {npus}",
                    config.index
                ),
                "dp_size_local × tp_size × cp_size × sp_size × pp_size must fit into the node",
            );
            continue;
        }
        let role = disaggregated::role(sides.as_ref(), config.index);
        let mut processes = Vec::new();
        let mut free_ports = Vec::new();
        let before = reader.found.len();
        // What is wrong with the template is so for every rank.
        for local in 0..config.local {
            let model = common.model.as_deref().unwrap_or_default();
            let rank = RankOf {
                config,
                local,
                model,
                nodes: count,
                role,
                doubtful,
            };
            processes.extend(rank.process(
                reader,
                template,
                pool.as_ref().map(|pool| &pool.env[..]),
                &mut free_ports,
            ));
            if reader.found.len() > before {
                break;
            }
        }
        free_ports.sort();
        free_ports.dedup();
        nodes.push(Node {
            index: config.index,
            role,
            master: disaggregated::master(sides.as_ref(), config.index),
            headless: false,
            free_ports,
            processes,
            line: reader.line(config.at),
        });
    }
    let workload = benchmarks::read(reader, root, at, &common.test_name, path, lookups);
    if workload.is_none() {
        reader.note(at, "this file has no benchmarks: nothing of it is measured");
    }
    let proxy = routing.map(|routing| routing.proxy(&nodes));
    if let (Some(proxy), Some(Some(first))) = (&proxy, configs.first()) {
        let port = match proxy.port {
            super::layout::Port::Fixed(port) => u32::from(port),
            super::layout::Port::Free(_) => 0,
        };
        if (first.port_start..first.port_start + first.local).contains(&port) {
            reader.mistake(
                first.port_at,
                format!("a rank of node 0 takes port {port}, where the proxy listens"),
                "begin with another port",
            );
        }
    }
    Some(Layout {
        name: slug(&common.test_name),
        test_name: common.test_name,
        line: 1,
        model: common.model?,
        npus_per_node: common.npus.map(|(npus, _)| npus),
        nodes,
        disaggregated: sides,
        proxy,
        pool,
        hosts: common.hosts,
        dependencies: common.dependencies,
        content: None,
        workload,
    })
}

/// What stands in `templates`, by the index of the node; `None`: it could not be read.
struct Template<'n> {
    envs: Option<&'n Entry>,
    arguments: &'n Entry,
}

fn templates<'n>(
    reader: &mut Reader,
    root: &'n Table,
    at: Place,
    count: usize,
) -> Vec<Option<Template<'n>>> {
    let help = "it is a list with a template for each node";
    let Some(entry) = reader.needed(root, at, "this file", "templates", help) else {
        return Vec::new();
    };
    let Some(list) = reader.list(entry, "templates") else {
        return Vec::new();
    };
    if list.len() != count {
        reader.mistake(
            entry.key_at,
            format!(
                "`templates` has {}, and `num_nodes` is {count}",
                entries(list.len())
            ),
            help,
        );
    }
    let mut read = Vec::new();
    for (position, node) in list.iter().enumerate() {
        let Some(table) = node.table() else {
            reader.wrong_node("templates", node, "a list of templates, each a table", "");
            read.push(None);
            continue;
        };
        reader.known_keys(table, "a template", &TEMPLATE, true);
        if let Some(entry) = table.entry("node_index") {
            position_is(reader, entry, position, "templates");
        }
        let help = "it is a list of arguments behind `vllm serve MODEL`";
        let arguments = reader.needed(table, node.at, "this template", "server_cmd_template", help);
        let arguments = arguments.filter(|entry| {
            let list = matches!(entry.node.value, Value::List(_));
            if !list {
                reader.wrong(
                    entry,
                    "a list of arguments",
                    "each of its elements is one argument",
                );
            }
            list
        });
        read.push(arguments.map(|arguments| Template {
            envs: table.entry("envs"),
            arguments,
        }));
    }
    read
}

/// An index that is the position in its list, said once more.
pub(crate) fn position_is(reader: &mut Reader, entry: &Entry, position: usize, list: &str) {
    let most = u32::MAX;
    if let Some(index) = reader.whole(entry, 0, most)
        && index as usize != position
    {
        reader.mistake(
            entry.node.at,
            format!(
                "`{}` is {index}, and this is number {position} of `{list}`",
                entry.key
            ),
            "the entries stand in the order of the nodes, from 0 on",
        );
    }
}

pub(crate) fn entries(count: usize) -> String {
    match count {
        1 => "1 entry".to_owned(),
        count => format!("{count} entries"),
    }
}

/// One rank of a node.
struct RankOf<'a> {
    config: &'a Config,
    local: u32,
    model: &'a str,
    nodes: usize,
    role: Role,
    /// Which role it has could not be read.
    doubtful: bool,
}

impl RankOf<'_> {
    fn process(
        &self,
        reader: &mut Reader,
        template: &Template<'_>,
        pool: Option<&[(String, Text)]>,
        free: &mut Vec<String>,
    ) -> Option<Process> {
        let config = self.config;
        let mut environment = Environment::new(self.known(pool.unwrap_or_default()));
        if let Some(entry) = template.envs {
            let entry = Some(entry);
            if table_of(reader, entry).is_some()
                && let Some(entry) = entry
            {
                environment.lay(reader, entry);
            }
        }
        environment.resolve(reader);
        let arguments = template.arguments;
        let Value::List(list) = &arguments.node.value else {
            return None;
        };
        let mut command = Command::serve(self.model, arguments.key_at);
        let rest = Command::of_list(reader, &arguments.key, list, &environment);
        command.extend(rest);
        let port = match command.option(&["--port", "-p"]) {
            _ if command.wrong => None,
            Some((text, at)) => super::port::of(reader, "--port", &text, at, &environment),
            None => {
                let message = format!("the template of node {} says no port", config.index);
                command.no_port(reader, arguments.key_at, &message, "add --port and ${PORT}");
                None
            }
        };
        if !self.doubtful {
            disagree(reader, &command, self.role, config.index);
        }
        let block = config.block();
        let first = self.local * block;
        let mut env = environment.finished(true);
        for (name, text) in pool.unwrap_or_default() {
            env.retain(|(there, _)| there != name);
            env.push((name.clone(), text.clone()));
        }
        free.extend(environment.free.iter().cloned());
        Some(Process {
            name: format!("rank-{}", self.local),
            role: self.role,
            env,
            command: command.texts(),
            port,
            rank: Some(Rank {
                local: self.local,
                global: config.start + self.local,
                devices: (first..first + block).collect(),
            }),
            devices: Some(block),
            line: reader.line(arguments.key_at),
        })
    }

    /// What the variables of a template mean for this rank.
    fn known(&self, pool: &[(String, Text)]) -> Vec<(String, Text)> {
        let config = self.config;
        let block = config.block();
        let first = self.local * block;
        let devices: Vec<String> = (first..first + block)
            .map(|device| device.to_string())
            .collect();
        let mut known = Environment::of_nodes(self.nodes, config.index);
        let numbers: BTreeMap<&str, u32> = [
            ("PORT_START", config.port_start),
            ("PORT", config.port_start + self.local),
            ("DP_SIZE", config.size),
            ("DP_SIZE_LOCAL", config.local),
            ("DP_RANK_START", config.start),
            ("DP_RANK", config.start + self.local),
            ("LOCAL_RANK", self.local),
            ("TP_SIZE", config.tensor),
            ("CP_SIZE", config.context),
            ("SP_SIZE", config.sequence),
            ("PP_SIZE", config.pipeline),
            ("DP_RPC_PORT", config.rpc_port),
        ]
        .into();
        known.extend(
            numbers
                .into_iter()
                .map(|(name, number)| (name.to_owned(), Text::literal(number.to_string()))),
        );
        known.push((
            "CONFIG_INDEX".to_owned(),
            Text::literal(config.index.to_string()),
        ));
        known.push(("MODEL".to_owned(), Text::literal(self.model)));
        known.push(("HOST".to_owned(), Text::literal(&config.host)));
        known.push(("DP_ADDRESS".to_owned(), config.address.clone()));
        known.push((
            "VISIBLE_DEVICES".to_owned(),
            Text::literal(devices.join(",")),
        ));
        known.extend(pool.iter().cloned());
        known
    }
}

/// A `kv_role` that is the other one.
pub(crate) fn disagree(reader: &mut Reader, command: &Command, role: Role, index: usize) {
    let (name, wanted, other) = match role {
        Role::Prefill => ("prefiller", "kv_producer", "kv_consumer"),
        Role::Decode => ("decoder", "kv_consumer", "kv_producer"),
        Role::Both | Role::Encode => return,
    };
    if let Some((said, at)) = command.kv_role(reader)
        && said == other
    {
        reader.mistake(
            at,
            format!("node {index} is a {name}, and its `kv_role` is {said}"),
            &format!("write {wanted}, or change which nodes prefill and decode"),
        );
    }
}
