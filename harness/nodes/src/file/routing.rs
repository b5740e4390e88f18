//! Who answers what, of a file with a process for each rank: `routing`.

use tribunal_deploy::tree::{Place, Table};
use tribunal_vocabulary::nearest;

use super::layout::{Disaggregated, Node, Port, Proxy, Targets, target_port};
use super::reader::{Reader, there_are};
use super::text::Text;

const FIELDS: [&str; 6] = [
    "type",
    "groups",
    "proxy_node_index",
    "proxy_host",
    "proxy_port",
    "proxy_script",
];
const TYPES: [&str; 2] = ["disaggregated_prefill", "generic_dp"];
/// Where the proxy listens, where nothing else is said.
const PROXY_PORT: u16 = 1999;

/// What `routing` says.
pub(crate) struct Routing {
    pub sides: Option<Disaggregated>,
    workers: Vec<usize>,
    node: usize,
    port: u16,
    script: Option<String>,
}

pub(crate) fn read(reader: &mut Reader, root: &Table, at: Place, count: usize) -> Option<Routing> {
    let help = "it has a type and groups: docs/nodes.md";
    let entry = reader.needed(root, at, "this file", "routing", help)?;
    let Some(table) = entry.node.table() else {
        reader.wrong(entry, "a table", help);
        return None;
    };
    reader.known_keys(table, "`routing`", &FIELDS, true);
    let of = "`routing`";
    let kind = reader
        .needed(
            table,
            entry.key_at,
            of,
            "type",
            "it is disaggregated_prefill or generic_dp",
        )
        .and_then(|entry| Some((reader.text(entry)?, entry.node.at)));
    let kind = match kind {
        Some((kind, at)) if !TYPES.contains(&&*kind) => {
            let help = nearest(&kind, TYPES).map_or_else(
                || format!("there are {}", TYPES.join(" and ")),
                |near| format!("did you mean `{near}`?"),
            );
            reader.mistake(at, format!("there is no routing `{kind}`"), &help);
            None
        }
        kind => kind.map(|(kind, _)| kind),
    };
    let groups = reader.needed(
        table,
        entry.key_at,
        of,
        "groups",
        "it says which nodes are in which group",
    )?;
    let Some(groups_table) = groups.node.table() else {
        reader.wrong(
            groups,
            "a table of groups",
            "each is a list of indices of nodes",
        );
        return None;
    };
    let kind = kind?;
    let separated = kind == TYPES[0];
    let names: &[&str] = if separated {
        &["prefiller", "decoder"]
    } else {
        &["worker"]
    };
    let before_groups = reader.found.len();
    reader.known_keys(groups_table, "`groups`", names, true);
    let mut read: Vec<Vec<usize>> = Vec::new();
    for name in names {
        let group = reader.needed(
            groups_table,
            groups.key_at,
            "`groups`",
            name,
            "it lists the nodes, as in [0]",
        );
        let Some(group) = group else {
            read.push(Vec::new());
            continue;
        };
        let before = reader.found.len();
        let indices = reader.indices(group, count);
        if indices.is_empty() && reader.found.len() == before {
            reader.mistake(
                group.node.at,
                format!("`{name}` is empty"),
                "it lists the nodes, as in [0]",
            );
        }
        if let Some(twice) = indices
            .iter()
            .find(|index| read.iter().any(|group| group.contains(index)))
        {
            reader.mistake(
                group.node.at,
                format!("node {twice} is in two groups"),
                "a node is in one of them",
            );
        }
        read.push(indices);
    }
    let missing = (0..count).find(|index| !read.iter().any(|group| group.contains(index)));
    if let Some(missing) = missing.filter(|_| reader.found.len() == before_groups) {
        reader.mistake(
            groups.key_at,
            format!("node {missing} is in no group"),
            "every node is in one of them",
        );
    }
    let node = match table.entry("proxy_node_index") {
        Some(entry) => {
            let most = u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX);
            let index = reader.whole(entry, 0, u32::MAX)?;
            if index > most {
                reader.mistake(
                    entry.node.at,
                    format!("`proxy_node_index` is {index}, and there is no such node"),
                    &there_are(count),
                );
            }
            index as usize
        }
        None => 0,
    };
    let port = match table.entry("proxy_port") {
        Some(entry) => reader.port(entry)?,
        None => PROXY_PORT,
    };
    let script = table
        .entry("proxy_script")
        .and_then(|entry| reader.text(entry));
    if let Some(entry) = table.entry("proxy_host") {
        reader.note(
            entry.key_at,
            "`proxy_host` is not read: the proxy is asked at the address of its node",
        );
    }
    let mut read = read.into_iter();
    let first = read.next().unwrap_or_default();
    let sides = separated.then(|| Disaggregated {
        prefillers: first.clone(),
        decoders: read.next().unwrap_or_default(),
    });
    Some(Routing {
        workers: if separated { Vec::new() } else { first },
        sides,
        node,
        port,
        script,
    })
}

impl Routing {
    /// The proxy of these nodes.
    pub fn proxy(self, nodes: &[Node]) -> Proxy {
        let of = |group: &[usize]| -> Vec<(usize, usize)> {
            group
                .iter()
                .flat_map(|index| {
                    let node = nodes.iter().find(|node| node.index == *index);
                    let count = node.map_or(0, |node| node.processes.len());
                    (0..count).map(|process| (*index, process))
                })
                .collect()
        };
        let (targets, groups) = match &self.sides {
            Some(sides) => {
                let (prefill, decode) = (of(&sides.prefillers), of(&sides.decoders));
                let groups = vec![
                    ("--prefiller-hosts", "--prefiller-ports", prefill.clone()),
                    ("--decoder-hosts", "--decoder-ports", decode.clone()),
                ];
                (Targets::Pair { prefill, decode }, groups)
            }
            None => {
                let any = of(&self.workers);
                let groups = vec![("--dp-hosts", "--dp-ports", any.clone())];
                (Targets::Any(any), groups)
            }
        };
        let port = Port::Fixed(self.port);
        let host = format!("NODE_{}_IP", self.node);
        let command = self
            .script
            .map(|script| with_targets(nodes, Text::literal(script), host, &port, &groups));
        Proxy {
            node: self.node,
            port,
            command,
            env: Vec::new(),
            targets,
        }
    }
}

/// The options of a script that take the hosts and the ports of a group, and the processes of the group.
pub(crate) type Group = (&'static str, &'static str, Vec<(usize, usize)>);

/// A script with the arguments that the load balancers of the files' project take.
pub(crate) fn with_targets(
    nodes: &[Node],
    script: Text,
    host: String,
    port: &Port,
    groups: &[Group],
) -> Vec<Text> {
    let of_port = |port: &Port| match port {
        Port::Fixed(port) => Text::literal(port.to_string()),
        Port::Free(name) => Text::variable(name),
    };
    let mut command = vec![
        Text::literal("python3"),
        script,
        Text::literal("--host"),
        Text::variable(host),
        Text::literal("--port"),
        of_port(port),
    ];
    for (hosts, ports, targets) in groups {
        command.push(Text::literal(*hosts));
        command.extend(
            targets
                .iter()
                .map(|(node, _)| Text::variable(format!("NODE_{node}_IP"))),
        );
        command.push(Text::literal(*ports));
        command.extend(targets.iter().map(|(node, process)| {
            let there = nodes.iter().find(|other| other.index == *node);
            let port = there.and_then(|node| node.processes.get(*process)?.port.as_ref());
            match port {
                Some(Port::Fixed(port)) => Text::literal(port.to_string()),
                _ => Text::variable(target_port(*node, *process)),
            }
        }));
    }
    command
}
