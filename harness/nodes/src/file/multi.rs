//! The form with a command for each node: `deployment`, as the guide of the nightly tests has it, and as later files write it.
//!
//! Promise: every field has the meaning that it promises: `enabled` turns separation on and off, `local_index` says which node, `master_index` whose address is
//! `MASTER_IP`, `headless` whether there is an API server. Rejected: what the files' own program made of them (position for `local_index`, presence for `enabled`, nothing
//! for `master_index`): a file that says something else than what runs misleads whoever reads it.

use std::collections::BTreeMap;
use std::path::Path;

use tribunal_deploy::tree::{Entry, Place, Table, Value};
use tribunal_vocabulary::slug;
use tribunal_workload::Lookups;

use super::benchmarks;
use super::common::{Common, MOST_NODES};
use super::disaggregated;
use super::layout::Layout;
use super::nodes::Files;
use super::proxy;
use super::reader::{Reader, there_are};

const ROOT: [&str; 13] = [
    "test_name",
    "model",
    "num_nodes",
    "npu_per_node",
    "disaggregated_prefill",
    "env_common",
    "deployment",
    "benchmarks",
    "benchmark_comparisons_args",
    "server_port",
    "cluster_hosts",
    "special_dependencies",
    "description",
];
const NODE: [&str; 6] = [
    "local_index",
    "master_index",
    "headless",
    "env_extend",
    "envs",
    "server_cmd",
];
/// One entry of `deployment`.
pub(crate) struct Written<'n> {
    pub table: &'n Table,
    pub at: Place,
    pub index: usize,
}

/// Reads a file of this form.
pub(crate) fn read(
    reader: &mut Reader,
    root: &Table,
    at: Place,
    path: &Path,
    lookups: &Lookups<'_>,
) -> Option<Layout> {
    let before = reader.found.len();
    reader.known_keys(root, "this file", &ROOT, false);
    let common = Common::read(reader, root, at, path);
    let entries = reader
        .needed(
            root,
            at,
            "this file",
            "deployment",
            "it is a list with an entry for each node",
        )
        .and_then(|entry| Some((entry, reader.list(entry, "nodes")?)));
    let (deployment, list) = match entries {
        Some((entry, list)) => (Some(entry), list),
        None => (None, &[][..]),
    };
    let list = &list[..list.len().min(MOST_NODES as usize)];
    let count = list.len();
    if let (Some((nodes, nodes_at)), Some(_)) = (common.nodes, deployment)
        && nodes as usize != count
    {
        let entries = if count == 1 { "entry" } else { "entries" };
        reader.mistake(
            nodes_at,
            format!("`num_nodes` is {nodes}, and `deployment` has {count} {entries}"),
            "every node has an entry",
        );
    }
    // Indices are checked against the larger of the two, so that one mistake is told once.
    let range = count.max(common.nodes.map_or(0, |(nodes, _)| nodes as usize));
    let sides = disaggregated::read(reader, root, range);
    let written = indices(reader, deployment, list, range);
    let layout = Files {
        doubtful: reader.found.len() > before,
        reader,
        root,
        sides: sides.as_ref().map(|(sides, _)| sides),
        common: &common,
        count: range,
    }
    .nodes(&written);
    let workload = benchmarks::read(reader, root, at, &common.test_name, path, lookups);
    if workload.is_none() {
        reader.note(at, "this file has no benchmarks: nothing of it is measured");
    }
    let mut layout = Layout {
        name: slug(&common.test_name),
        test_name: common.test_name,
        line: 1,
        model: common.model?,
        npus_per_node: common.npus.map(|(npus, _)| npus),
        nodes: layout,
        disaggregated: sides.map(|(sides, _)| sides),
        proxy: None,
        pool: None,
        hosts: common.hosts,
        dependencies: common.dependencies,
        content: None,
        workload,
    };
    layout.proxy = proxy::before(&layout);
    Some(layout)
}

/// The entries with their indices: those that they name, or their positions.
fn indices<'n>(
    reader: &mut Reader,
    deployment: Option<&Entry>,
    list: &'n [tribunal_deploy::tree::Node],
    range: usize,
) -> Vec<Written<'n>> {
    if let Some(entry) = deployment
        && list.is_empty()
        && matches!(entry.node.value, Value::List(_))
    {
        reader.mistake(
            entry.key_at,
            "`deployment` is empty",
            "it has an entry for each node",
        );
    }
    let mut written = Vec::new();
    let mut lines: BTreeMap<usize, usize> = BTreeMap::new();
    let some_named = list
        .iter()
        .filter_map(|node| node.table())
        .any(|table| table.get("local_index").is_some());
    for (position, node) in list.iter().enumerate() {
        let Some(table) = node.table() else {
            reader.wrong_node("deployment", node, "a list of nodes, each a table", "");
            continue;
        };
        reader.known_keys(table, "a node", &NODE, true);
        let mut index = position;
        match table.entry("local_index") {
            Some(entry) => {
                let most = u32::try_from(range.saturating_sub(1)).unwrap_or(u32::MAX);
                let Value::Int(int) = entry.node.value else {
                    reader.wrong(entry, "the index of a node", &there_are(range));
                    continue;
                };
                let Some(named) = u32::try_from(int).ok().filter(|named| *named <= most) else {
                    reader.mistake(
                        entry.node.at,
                        format!("`local_index` is {int}, and there is no such node"),
                        &there_are(range),
                    );
                    continue;
                };
                index = named as usize;
                if let Some(first) = lines.insert(index, reader.line(entry.node.at)) {
                    reader.mistake(
                        entry.node.at,
                        format!("node {index} is there twice: first on line {first}"),
                        "every entry has a `local_index` of its own, from 0 on",
                    );
                    continue;
                }
            }
            None if some_named && !reader.is_misspelt(table, "local_index") => reader.mistake(
                node.at,
                "this node has no `local_index`, and another has",
                "give it to all, or to none: then it is their order",
            ),
            None => {}
        }
        written.push(Written {
            table,
            at: node.at,
            index,
        });
    }
    written.sort_by_key(|written| written.index);
    written
}
