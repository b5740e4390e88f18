//! What stands in every file of several nodes, whichever form it is written in.

use std::path::Path;

use tribunal_deploy::tree::{Entry, Place, Table, Value};

use super::reader::Reader;

/// The most nodes of a file.
pub(crate) const MOST_NODES: u32 = 1024;
/// The most accelerators of a node.
pub(crate) const MOST_NPUS: u32 = 4096;
/// What stands in every file of several nodes.
pub(crate) struct Common {
    pub test_name: String,
    pub model: Option<String>,
    pub nodes: Option<(u32, Place)>,
    pub npus: Option<(u32, Place)>,
    pub hosts: Option<Vec<String>>,
    pub dependencies: Vec<(String, String)>,
}

impl Common {
    pub fn read(reader: &mut Reader, root: &Table, at: Place, path: &Path) -> Common {
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let test_name = root
            .entry("test_name")
            .filter(|entry| entry.node.value != Value::Null)
            .and_then(|entry| reader.text(entry))
            .or(stem)
            .unwrap_or_default();
        let model = reader
            .needed(
                root,
                at,
                "this file",
                "model",
                "it is the model that requests ask for",
            )
            .and_then(|entry| reader.text(entry));
        let nodes = reader
            .needed(
                root,
                at,
                "this file",
                "num_nodes",
                "say how many nodes there are",
            )
            .and_then(|entry| Some((reader.whole(entry, 1, MOST_NODES)?, entry.node.at)));
        let npus = reader
            .needed(
                root,
                at,
                "this file",
                "npu_per_node",
                "say how many accelerators a node has, as in 16",
            )
            .and_then(|entry| Some((reader.whole(entry, 1, MOST_NPUS)?, entry.node.at)));
        let hosts = root
            .entry("cluster_hosts")
            .filter(|entry| entry.node.value != Value::Null)
            .map(|entry| hosts(reader, entry, nodes.map(|(nodes, _)| nodes as usize)));
        let dependencies = root
            .entry("special_dependencies")
            .map(|entry| dependencies(reader, entry))
            .unwrap_or_default();
        Common {
            test_name,
            model,
            nodes,
            npus,
            hosts,
            dependencies,
        }
    }
}

/// `cluster_hosts`: an address for each node.
fn hosts(reader: &mut Reader, entry: &Entry, nodes: Option<usize>) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for node in reader.list(entry, "addresses").unwrap_or_default() {
        match node
            .text()
            .filter(|text| !text.trim().is_empty() && !text.contains(char::is_whitespace))
        {
            None => reader.wrong_node(
                &entry.key,
                node,
                "a list of addresses",
                "an address for each node, in quotes",
            ),
            Some(host) if hosts.iter().any(|there| there == host) => reader.mistake(
                node.at,
                format!("`{host}` stands there twice"),
                "every node has an address of its own",
            ),
            Some(host) => hosts.push(host.to_owned()),
        }
    }
    if let (Some(nodes), Value::List(list)) = (nodes, &entry.node.value)
        && list.len() != nodes
    {
        reader.mistake(
            entry.key_at,
            format!(
                "`cluster_hosts` has {} addresses, and `num_nodes` is {nodes}",
                list.len()
            ),
            "every node has an address; without the field the cluster says them",
        );
    }
    hosts
}

/// `special_dependencies`: package and version.
pub(crate) fn dependencies(reader: &mut Reader, entry: &Entry) -> Vec<(String, String)> {
    let mut read = Vec::new();
    match &entry.node.value {
        Value::Null => {}
        Value::Table(table) => {
            for package in &table.0 {
                match reader.spelling(&package.node) {
                    Some(version) => read.push((package.key.clone(), version)),
                    None => reader.wrong_node(
                        &package.key,
                        &package.node,
                        "a version",
                        "write it in quotes, as in \"5.2.0\"",
                    ),
                }
            }
            reader.note(
                entry.key_at,
                "`special_dependencies` are not installed: the nodes have to have them",
            );
        }
        _ => reader.wrong(entry, "a table of packages and versions", ""),
    }
    read
}
