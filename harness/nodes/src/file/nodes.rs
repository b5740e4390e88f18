//! The nodes of a file with a command for each: environment, command, master, port.
//!
//! Promise: what follows from a mistake further up (a role that could not be read) is not told as another.

use tribunal_deploy::tree::{Entry, Place, Table, Value};

use super::command::Command;
use super::common::Common;
use super::disaggregated;
use super::environment::Environment;
use super::external::disagree;
use super::headless::{self, Server};
use super::layout::{Disaggregated, Node, Port, Process};
use super::multi::Written;
use super::reader::{Reader, there_are};

/// How the accelerators of a node are counted.
const TOO_MANY: &str =
    "data-parallel ranks of the node × tensor × pipeline × context must fit into the node";
/// Where a server answers, where nothing else is said.
const SERVER_PORT: &str = "8080";

/// What the nodes are made of.
pub(crate) struct Files<'a> {
    pub reader: &'a mut Reader,
    pub root: &'a Table,
    pub sides: Option<&'a Disaggregated>,
    pub common: &'a Common,
    pub count: usize,
    /// Something above the nodes is wrong, so that what follows from it is not told too.
    pub doubtful: bool,
}

impl Files<'_> {
    /// All of them.
    pub fn nodes(&mut self, written: &[Written<'_>]) -> Vec<Node> {
        let default_port = self
            .root
            .entry("server_port")
            .filter(|entry| entry.node.value != Value::Null)
            .and_then(|entry| self.reader.port(entry))
            .map_or_else(|| SERVER_PORT.to_owned(), |port| port.to_string());
        let masters = self.masters(written);
        let mut servers = Vec::new();
        for (node, master) in written.iter().zip(masters) {
            let mut environment = Environment::new(Environment::of_nodes(self.count, node.index));
            if let Some(entry) = self.root.entry("env_common") {
                environment.lay(self.reader, entry);
            }
            let over: Vec<&Entry> = ["env_extend", "envs"]
                .iter()
                .filter_map(|key| node.table.entry(key))
                .collect();
            if let [_, second] = over[..] {
                self.reader.mistake(
                    second.key_at,
                    "`envs` stands beside `env_extend`",
                    "both are laid over `env_common`: put them into one",
                );
            }
            for entry in over {
                environment.lay(self.reader, entry);
            }
            environment.unless_set("SERVER_PORT", &default_port, node.at);
            environment.resolve(self.reader);
            let help = "it is the command that starts the server, as in vllm serve MODEL --port $SERVER_PORT";
            let Some(entry) =
                self.reader
                    .needed(node.table, node.at, "this node", "server_cmd", help)
            else {
                continue;
            };
            let model = self.common.model.as_deref().unwrap_or_default();
            let command = Command::of(self.reader, entry, model, &environment);
            servers.push(Server {
                index: node.index,
                role: disaggregated::role(self.sides, node.index),
                master,
                named: self.sides.is_none_or(|sides| {
                    sides.prefillers.contains(&node.index) || sides.decoders.contains(&node.index)
                }),
                said: node.table.entry("headless").cloned(),
                at: node.at,
                entry_at: entry.key_at,
                line: self.reader.line(entry.key_at),
                environment,
                command,
            });
        }
        let headless = headless::decide(self.reader, &mut servers, self.doubtful);
        self.too_many(&servers);
        servers
            .into_iter()
            .zip(headless)
            .map(|(server, headless)| self.node(server, headless))
            .collect()
    }

    /// Commands that take more accelerators than a node has; where all do, it is the number of the file that is wrong.
    fn too_many(&mut self, servers: &[Server]) {
        let Some((npus, npus_at)) = self.common.npus else {
            return;
        };
        let mut over: Vec<(usize, u32, Place)> = Vec::new();
        for server in servers {
            if let Some((count, at)) = server.command.devices(self.reader)
                && count > npus
            {
                over.push((server.index, count, at));
            }
        }
        if let [(index, count, at), _, ..] = over[..]
            && over.len() == servers.len()
        {
            let line = self.reader.line(at);
            self.reader.mistake(
                npus_at,
                format!("`npu_per_node` is {npus}, and the command of node {index} takes {count} accelerators (line {line})"),
                TOO_MANY,
            );
            return;
        }
        for (_, count, at) in over {
            self.reader.mistake(
                at,
                format!("this command takes {count} accelerators, and `npu_per_node` is {npus}"),
                TOO_MANY,
            );
        }
    }

    /// The master of each node.
    fn masters(&mut self, written: &[Written<'_>]) -> Vec<usize> {
        let named: Vec<Option<(usize, Place)>> = written
            .iter()
            .map(|node| {
                let entry = node
                    .table
                    .entry("master_index")
                    .filter(|entry| entry.node.value != Value::Null)?;
                let Value::Int(int) = entry.node.value else {
                    self.reader
                        .wrong(entry, "the index of a node", &there_are(self.count));
                    return None;
                };
                match usize::try_from(int)
                    .ok()
                    .filter(|index| *index < self.count)
                {
                    Some(index) => Some((index, entry.node.at)),
                    None => {
                        let message = format!("`master_index` is {int}, and there is no such node");
                        self.reader
                            .mistake(entry.node.at, message, &there_are(self.count));
                        None
                    }
                }
            })
            .collect();
        let masters: Vec<usize> = written
            .iter()
            .zip(&named)
            .map(|(node, named)| {
                named.map_or_else(
                    || disaggregated::master(self.sides, node.index),
                    |(index, _)| index,
                )
            })
            .collect();
        for (node, named) in written.iter().zip(&named) {
            let Some((master, at)) = *named else { continue };
            let its_own = written
                .iter()
                .position(|other| other.index == master)
                .map(|position| masters[position]);
            if let Some(other) = its_own.filter(|other| *other != master) {
                self.reader.mistake(
                    at,
                    format!(
                        "the master of node {} is node {master}, whose own master is node {other}",
                        node.index
                    ),
                    "rank 0 of a group is its own master",
                );
                break;
            }
        }
        masters
    }

    fn node(&mut self, server: Server, headless: bool) -> Node {
        self.about(&server);
        let port = (!headless).then(|| self.port(&server)).flatten();
        let devices = server.command.devices(self.reader);
        let mut free_ports = server.environment.free.clone();
        free_ports.sort();
        Node {
            index: server.index,
            role: server.role,
            master: server.master,
            headless,
            free_ports,
            processes: vec![Process {
                name: "server".to_owned(),
                role: server.role,
                env: server.environment.finished(true),
                command: server.command.texts(),
                port,
                rank: None,
                devices: devices.map(|(count, _)| count),
                line: server.line,
            }],
            line: self.reader.line(server.at),
        }
    }

    /// What a command says beside what the file says.
    fn about(&mut self, server: &Server) {
        let last = |model: &str| {
            model
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        if let (Some((told, at)), Some(model)) = (server.command.model(), &self.common.model)
            && last(&told) != last(model)
        {
            self.reader.note(
                at,
                format!(
                    "node {} serves `{told}`, and requests ask for `{model}`",
                    server.index
                ),
            );
        }
        if !self.doubtful {
            disagree(self.reader, &server.command, server.role, server.index);
        }
        let uses = |name: &str| {
            let env = server.environment.finished(false);
            let texts = env.iter().map(|(_, text)| text).chain(
                server
                    .command
                    .arguments
                    .iter()
                    .map(|argument| &argument.text),
            );
            texts
                .into_iter()
                .any(|text| text.variables().any(|there| there == name))
        };
        if self.sides.is_some()
            && disaggregated::role(self.sides, server.master) != server.role
            && uses("MASTER_IP")
        {
            let (index, master) = (server.index, server.master);
            self.reader.note(
                server.entry_at,
                format!("`$MASTER_IP` of node {index} is the address of node {master}, which has the other role: so says `master_index`"),
            );
        }
    }

    /// Where a server answers.
    fn port(&mut self, server: &Server) -> Option<Port> {
        let said = server.environment.get("SERVER_PORT");
        let said = said.map(|(text, at)| (text.clone(), at));
        let wrong = said.is_some_and(|(text, at)| {
            super::port::of(self.reader, "SERVER_PORT", &text, at, &server.environment).is_none()
        });
        if wrong || server.command.wrong {
            return None;
        }
        match server.command.option(&["--port", "-p"]) {
            Some((text, at)) => {
                super::port::of(self.reader, "--port", &text, at, &server.environment)
            }
            None if server.command.is_vllm() => {
                let message = format!("the command of node {} says no port", server.index);
                server.command.no_port(
                    self.reader,
                    server.entry_at,
                    &message,
                    "add --port $SERVER_PORT, or --headless where the node has no API server",
                );
                None
            }
            None => {
                let (text, at) = server.environment.get("SERVER_PORT")?;
                let text = text.clone();
                super::port::of(self.reader, "SERVER_PORT", &text, at, &server.environment)
            }
        }
    }
}
