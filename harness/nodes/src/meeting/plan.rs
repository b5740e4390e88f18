//! From a layout and what the nodes said to what is started where, in which order, and where requests go. Pure.
//!
//! Promise: a process finds its address, its ports and those of all others in its command as the file means it, and only then a stage may put another command there. Rejected: every node
//! working out its own commands (the ports of the others would have to be guessed).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::file::{Layout, Piece, Places, Port, Process, Text};
use crate::run::{CommandLine, Routes, Stage, Subject};

use super::message::{ProcessOrder, Ready};

/// What a node said when it was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Surveyed {
    pub address: String,
    pub interface: String,
    pub ports: BTreeMap<String, u16>,
    pub environment: BTreeMap<String, String>,
    pub pool_folder: String,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// A server, until it is ready.
    pub server: Duration,
    /// A pool or a proxy.
    pub service: Duration,
}

/// One process to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub node: usize,
    pub order: ProcessOrder,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// For each node the files of the pool.
    pub files: Vec<Vec<(String, String)>>,
    /// Started together, one wave when the one before it is ready; stopped in reverse.
    pub waves: Vec<Vec<Start>>,
    /// Where requests go, `ADDRESS:PORT`.
    pub base: String,
}

/// The variables that a node is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Questions {
    pub ports: Vec<String>,
    pub environment: Vec<String>,
}

/// The names of the services beside the servers.
pub(crate) const POOL: &str = "pool";
pub(crate) const PROXY: &str = "proxy";

/// What each node has to be asked before anything can be planned.
pub(crate) fn questions(layout: &Layout) -> Vec<Questions> {
    let of_node = |node: &crate::file::Node| {
        let mut ports: BTreeSet<String> = node.free_ports.iter().cloned().collect();
        let mut texts: Vec<&Text> = Vec::new();
        for process in &node.processes {
            texts.extend(process.env.iter().map(|(_, text)| text));
            texts.extend(&process.command);
            if let Some(Port::Free(name)) = &process.port {
                ports.insert(name.clone());
            }
        }
        if let Some(proxy) = layout.proxy.as_ref().filter(|p| p.node == node.index) {
            texts.extend(proxy.env.iter().map(|(_, text)| text));
            texts.extend(proxy.command.iter().flatten());
            if let Port::Free(name) = &proxy.port {
                ports.insert(name.clone());
            }
        }
        let inherited = texts.iter().flat_map(|text| &text.0);
        let environment: BTreeSet<String> = inherited
            .filter_map(|piece| match piece {
                Piece::Inherited(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        Questions {
            ports: ports.into_iter().collect(),
            environment: environment.into_iter().collect(),
        }
    };
    layout.nodes.iter().map(of_node).collect()
}

impl Plan {
    /// The plan; `program` is the harness binary, which is also the proxy.
    pub(crate) fn of(
        layout: &Layout,
        nodes: &[Surveyed],
        stage: &dyn Stage,
        program: &str,
        limits: Limits,
    ) -> Result<Plan, String> {
        let here = Here {
            layout,
            nodes,
            stage,
        };
        let mut waves = Vec::new();
        let mut files = vec![Vec::new(); nodes.len()];
        if let Some(pool) = &layout.pool {
            for (node, files) in files.iter_mut().enumerate() {
                let variables = layout.variables(node, &here.places(node));
                for file in &pool.files {
                    let text = file.text.resolve(&variables);
                    let text = text.map_err(|e| format!("{} of the pool: {e}", file.name))?;
                    files.push((file.name.clone(), text));
                }
            }
            let variables = layout.variables(pool.node, &here.places(pool.node));
            let line = line(&pool.command, &pool.own_env, &variables)
                .map_err(|e| format!("the pool: {e}"))?;
            let ready = Ready::Connects {
                host: here.address(pool.node)?,
                ports: pool.ports.clone(),
            };
            let staged = here.staged(Subject::Pool(pool), line, pool.node)?;
            waves.push(vec![start(pool.node, POOL, staged, ready, limits.service)]);
        }
        let mut servers = Vec::new();
        for node in &layout.nodes {
            for (index, process) in node.processes.iter().enumerate() {
                servers.push(here.server(node.index, index, process, limits.server)?);
            }
        }
        waves.push(servers);
        let base = match &layout.proxy {
            None => here.first_api()?,
            Some(proxy) => {
                let places = here.places(proxy.node);
                let port = proxy.port.number(&places).ok_or("the proxy has no port")?;
                let address = here.address(proxy.node)?;
                let routes = Routes::of(
                    &proxy.targets,
                    layout,
                    &here.addresses(),
                    &|node, process| here.port(node, process),
                );
                let variables = layout.variables(proxy.node, &places);
                let line = match &proxy.command {
                    Some(command) => line(command, &proxy.env, &variables),
                    None => line(&[], &proxy.env, &variables).map(|line| CommandLine {
                        argv: routes.own_proxy(program, &address, port),
                        ..line
                    }),
                };
                let line = line.map_err(|e| format!("the proxy: {e}"))?;
                let subject = Subject::Proxy {
                    proxy,
                    routes: &routes,
                    port,
                };
                let staged = here.staged(subject, line, proxy.node)?;
                let ready = Ready::Http {
                    host: address.clone(),
                    port,
                    paths: vec!["/healthcheck".to_owned(), "/health".to_owned()],
                };
                waves.push(vec![start(
                    proxy.node,
                    PROXY,
                    staged,
                    ready,
                    limits.service,
                )]);
                at(&address, port)
            }
        };
        Ok(Plan { files, waves, base })
    }
}

struct Here<'a> {
    layout: &'a Layout,
    nodes: &'a [Surveyed],
    stage: &'a dyn Stage,
}

impl Here<'_> {
    fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|n| n.address.clone()).collect()
    }

    fn address(&self, node: usize) -> Result<String, String> {
        let found = self.nodes.get(node).map(|n| n.address.clone());
        found.ok_or_else(|| format!("there is no node {node}"))
    }

    fn ports(&self, node: usize) -> BTreeMap<String, u16> {
        self.nodes
            .get(node)
            .map_or_else(BTreeMap::new, |n| n.ports.clone())
    }

    fn port(&self, node: usize, process: usize) -> Option<u16> {
        match self.layout.process(node, process)?.port.as_ref()? {
            Port::Fixed(port) => Some(*port),
            Port::Free(name) => self.nodes.get(node)?.ports.get(name).copied(),
        }
    }

    /// What a node knows of the others.
    fn places(&self, node: usize) -> Places {
        let proxy_port = self
            .layout
            .proxy
            .as_ref()
            .and_then(|proxy| match &proxy.port {
                Port::Fixed(port) => Some(*port),
                Port::Free(name) => self.nodes.get(proxy.node)?.ports.get(name).copied(),
            });
        let mut target_ports = BTreeMap::new();
        for node in &self.layout.nodes {
            for process in 0..node.processes.len() {
                if let Some(port) = self.port(node.index, process) {
                    target_ports.insert((node.index, process), port);
                }
            }
        }
        let own = self.nodes.get(node).cloned().unwrap_or_default();
        Places {
            addresses: self.addresses(),
            interface: own.interface,
            ports: self.ports(node),
            proxy_port,
            target_ports,
            pool_folder: Some(own.pool_folder),
            environment: own.environment,
        }
    }

    fn staged(
        &self,
        subject: Subject<'_>,
        line: CommandLine,
        node: usize,
    ) -> Result<CommandLine, String> {
        Ok(self.stage.command(subject, line, &self.address(node)?))
    }

    fn server(
        &self,
        node: usize,
        index: usize,
        process: &Process,
        limit: Duration,
    ) -> Result<Start, String> {
        let wrong = |e| format!("node {node}, {}: {e}", process.name);
        let places = self.places(node);
        let variables = self.layout.variables(node, &places);
        let written = line(&process.command, &process.env, &variables).map_err(wrong)?;
        let own = self.address(node)?;
        let host = host_of(&written.argv).unwrap_or_else(|| own.clone());
        let staged = self.staged(Subject::Process(process), written.clone(), node)?;
        // What a stage puts there listens at the address of the node, whatever the file says.
        let host = if staged == written { host } else { own };
        let ready = match self.port(node, index) {
            None => Ready::Alive,
            Some(port) => Ready::Http {
                host,
                port,
                paths: vec!["/health".to_owned()],
            },
        };
        Ok(start(node, &process.name, staged, ready, limit))
    }

    /// The API of the first group's master, where no proxy stands before it.
    fn first_api(&self) -> Result<String, String> {
        let master = self.layout.nodes.first().map_or(0, |node| node.master);
        let of = |node: usize| {
            let processes = self.layout.nodes.get(node)?.processes.len();
            let index = (0..processes).find(|index| self.port(node, *index).is_some())?;
            let port = self.port(node, index)?;
            Some(at(&self.nodes.get(node)?.address, port))
        };
        of(master)
            .or_else(|| (0..self.layout.nodes.len()).find_map(of))
            .ok_or_else(|| "no process of this layout answers requests".to_owned())
    }
}

/// `ADDRESS:PORT`, an address of IPv6 in brackets.
pub(crate) fn at(address: &str, port: u16) -> String {
    match address.contains(':') {
        true => format!("[{address}]:{port}"),
        false => format!("{address}:{port}"),
    }
}

/// The address that a command says it listens at; `None`: none, or all of them.
fn host_of(argv: &[String]) -> Option<String> {
    let mut host = None;
    for (index, word) in argv.iter().enumerate() {
        if word == "--host" {
            host = argv.get(index + 1).map(String::as_str);
        } else if let Some(value) = word.strip_prefix("--host=") {
            host = Some(value);
        }
    }
    let all = ["0.0.0.0", "::", "[::]", "", "*"];
    host.filter(|host| !all.contains(host)).map(str::to_owned)
}

fn start(node: usize, name: &str, line: CommandLine, ready: Ready, limit: Duration) -> Start {
    let order = ProcessOrder {
        name: name.to_owned(),
        argv: line.argv,
        env: line.env,
        ready,
        limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
    };
    Start { node, order }
}

fn resolved(
    env: &[(String, Text)],
    variables: &crate::file::Variables,
) -> Result<Vec<(String, String)>, crate::file::Unresolved> {
    env.iter()
        .map(|(name, text)| Ok((name.clone(), text.resolve(variables)?)))
        .collect()
}

fn line(
    command: &[Text],
    env: &[(String, Text)],
    variables: &crate::file::Variables,
) -> Result<CommandLine, crate::file::Unresolved> {
    let argv = command.iter().map(|text| text.resolve(variables));
    Ok(CommandLine {
        argv: argv.collect::<Result<_, _>>()?,
        env: resolved(env, variables)?,
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
