//! The form for one node: `test_cases`.
//!
//! Promise: each case is a deployment of its own, with the servers, the questions and the benchmarks that it names; a phase that is not known is a mistake, where the
//! files' own program warns and tests nothing. Rejected: the paths of that program's proxy scripts (they are not on most machines).

use std::collections::BTreeMap;
use std::path::Path;

use tribunal_deploy::tree::{Entry, Node as Written, Place, Table, Value};
use tribunal_vocabulary::nearest;
use tribunal_workload::Lookups;

use super::benchmarks;
use super::command::Command;
use super::common;
use super::content;
use super::environment::Environment;
use super::instance::{finished, taken_twice};
use super::layout::{Layout, Node, Port, Process, Proxy, Role, Targets};
use super::pool;
use super::reader::Reader;

const CASE: [&str; 20] = [
    "name",
    "model",
    "envs",
    "service_mode",
    "server_cmd",
    "server_cmd_extra",
    "epd_server_cmds",
    "epd_proxy_args",
    "prompts",
    "api_keyword_args",
    "test_content",
    "benchmarks",
    "benchmark_comparisons_args",
    "kv_pool",
    "special_dependencies",
    "mm_request",
    "expected_response",
    "server_port",
    "messages",
    "description",
];
const MODES: [&str; 3] = ["openai", "epd", "multi_instance"];
/// The value that asks for a free port.
const FREE: &str = "DEFAULT_PORT";

/// Reads a file of this form.
pub(crate) fn read(
    reader: &mut Reader,
    root: &Table,
    entry: &Entry,
    path: &Path,
    lookups: &Lookups<'_>,
) -> Vec<Layout> {
    reader.known_keys(root, "this file", &["test_cases"], false);
    let mut layouts = Vec::new();
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let list = reader.list(entry, "cases").unwrap_or_default();
    if list.is_empty() && matches!(entry.node.value, Value::List(_)) {
        reader.mistake(
            entry.key_at,
            "`test_cases` is empty",
            "it has an entry for each case",
        );
    }
    for node in list {
        let Some(table) = node.table() else {
            reader.wrong_node("test_cases", node, "a list of cases, each a table", "");
            continue;
        };
        reader.known_keys(table, "a case", &CASE, false);
        let case = Case {
            table,
            at: node.at,
            path,
            lookups,
        };
        let Some(layout) = case.read(reader) else {
            continue;
        };
        if let Some(first) = lines.insert(layout.test_name.clone(), layout.line) {
            let at = table.get("name").map_or(node.at, |node| node.at);
            reader.mistake(
                at,
                format!(
                    "`{}` is there twice: first on line {first}",
                    layout.test_name
                ),
                "a `name` is the name of one case",
            );
        }
        layouts.push(layout);
    }
    layouts
}

struct Case<'n> {
    table: &'n Table,
    at: Place,
    path: &'n Path,
    lookups: &'n Lookups<'n>,
}

impl Case<'_> {
    fn read(&self, reader: &mut Reader) -> Option<Layout> {
        let (table, at) = (self.table, self.at);
        let name = reader
            .needed(
                table,
                at,
                "this case",
                "name",
                "name it, uniquely in its file",
            )
            .and_then(|entry| reader.text(entry));
        let model = reader
            .needed(
                table,
                at,
                "this case",
                "model",
                "it is the model that is served",
            )
            .and_then(|entry| reader.text(entry));
        let mode = self.mode(reader);
        let mut environment = Environment::default();
        match table.entry("envs") {
            Some(entry) => environment.lay(reader, entry),
            None => reader.mistake(
                at,
                "this case has no `envs`",
                "write envs: {} where there are none",
            ),
        }
        let ports: &[&str] = match mode {
            Some("epd") => &["ENCODE_PORT", "PD_PORT", "PROXY_PORT"],
            _ => &["SERVER_PORT"],
        };
        let written = table
            .entry("server_port")
            .filter(|entry| entry.node.value != Value::Null);
        let written = written
            .and_then(|entry| reader.port(entry))
            .map(|port| port.to_string());
        for port in ports {
            let value = written
                .as_deref()
                .filter(|_| *port == "SERVER_PORT")
                .unwrap_or(FREE);
            environment.unless_set(port, value, at);
        }
        environment.resolve(reader);
        let model_name = model.clone().unwrap_or_default();
        let processes = match mode {
            Some("epd") => self.encoder_and_rest(reader, &model_name, &environment),
            Some("multi_instance") => self.instances(reader, &model_name, &environment),
            Some(_) => self.one(reader, &model_name, &environment),
            None => Vec::new(),
        };
        taken_twice(reader, &processes);
        let proxy = (mode == Some("epd"))
            .then(|| self.proxy(reader, &environment))
            .flatten();
        let pool = pool::read(reader, table, None);
        let content = content::read(reader, table, at);
        let dependencies = table
            .entry("special_dependencies")
            .map(|entry| common::dependencies(reader, entry))
            .unwrap_or_default();
        let test_name = name?;
        let workload = benchmarks::read(reader, table, at, &test_name, self.path, self.lookups);
        let mut env_of_pool = Vec::new();
        if let Some(pool) = &pool {
            env_of_pool.clone_from(&pool.env);
        }
        let processes = processes
            .into_iter()
            .map(|(mut process, _)| {
                process
                    .env
                    .retain(|(name, _)| env_of_pool.iter().all(|(there, _)| there != name));
                process.env.extend(env_of_pool.iter().cloned());
                process
            })
            .collect();
        let mut free_ports = environment.free.clone();
        free_ports.sort();
        let line = reader.line(at);
        Some(Layout {
            name: tribunal_vocabulary::slug(&test_name),
            test_name,
            line,
            model: model?,
            npus_per_node: None,
            nodes: vec![Node {
                index: 0,
                role: Role::Both,
                master: 0,
                headless: false,
                free_ports,
                processes,
                line,
            }],
            disaggregated: None,
            proxy,
            pool,
            hosts: None,
            dependencies,
            content: Some(content),
            workload,
        })
    }

    fn mode(&self, reader: &mut Reader) -> Option<&'static str> {
        let some = |entry: &&Entry| entry.node.value != Value::Null;
        let Some(entry) = self.table.entry("service_mode").filter(some) else {
            return Some(MODES[0]);
        };
        let mode = reader.text(entry)?;
        let found = MODES.into_iter().find(|known| *known == mode);
        if found.is_none() {
            let help = nearest(&mode, MODES).map_or_else(
                || format!("there are {}", MODES.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            reader.mistake(
                entry.node.at,
                format!("there is no `service_mode` {mode}"),
                &help,
            );
        }
        found
    }

    /// One server: `server_cmd`, with `server_cmd_extra` behind it.
    fn one(
        &self,
        reader: &mut Reader,
        model: &str,
        environment: &Environment,
    ) -> Vec<(Process, Place)> {
        let help = "it is a list of arguments behind `vllm serve MODEL`, or a whole command line";
        let Some(entry) = reader.needed(self.table, self.at, "this case", "server_cmd", help)
        else {
            return Vec::new();
        };
        let mut command = Command::of(reader, entry, model, environment);
        let extra = self
            .table
            .entry("server_cmd_extra")
            .filter(|entry| entry.node.value != Value::Null);
        if let Some(extra) = extra {
            match &extra.node.value {
                Value::List(list) => {
                    command.extend(Command::of_list(reader, &extra.key, list, environment))
                }
                Value::Text(_) => {
                    command.extend(Command::of_line(reader, &extra.node, environment))
                }
                _ => reader.wrong(extra, "a list of arguments", ""),
            }
        }
        vec![finished(
            reader,
            "server",
            Role::Both,
            command,
            entry.key_at,
            environment,
        )]
    }

    /// Several servers of one model: `server_cmd` is a list of lists.
    fn instances(
        &self,
        reader: &mut Reader,
        model: &str,
        environment: &Environment,
    ) -> Vec<(Process, Place)> {
        let help = "it is a list with a list of arguments for each server";
        let Some(entry) = reader.needed(self.table, self.at, "this case", "server_cmd", help)
        else {
            return Vec::new();
        };
        let lists = reader.list(entry, "lists of arguments").unwrap_or_default();
        self.lists(reader, entry, lists, model, environment, |index| {
            (format!("server-{index}"), Role::Both)
        })
    }

    /// An encoder and one that does the rest.
    fn encoder_and_rest(
        &self,
        reader: &mut Reader,
        model: &str,
        environment: &Environment,
    ) -> Vec<(Process, Place)> {
        let help =
            "it is two lists of arguments: of the encoder, and of the server that does the rest";
        let Some(entry) = reader.needed(self.table, self.at, "this case", "epd_server_cmds", help)
        else {
            return Vec::new();
        };
        let lists = reader.list(entry, "lists of arguments").unwrap_or_default();
        if lists.len() != 2 && matches!(entry.node.value, Value::List(_)) {
            reader.mistake(
                entry.key_at,
                format!("`epd_server_cmds` has {} lists", lists.len()),
                help,
            );
            return Vec::new();
        }
        self.lists(
            reader,
            entry,
            lists,
            model,
            environment,
            |index| match index {
                0 => ("encoder".to_owned(), Role::Encode),
                _ => ("rest".to_owned(), Role::Both),
            },
        )
    }

    fn lists(
        &self,
        reader: &mut Reader,
        entry: &Entry,
        lists: &[Written],
        model: &str,
        environment: &Environment,
        of: impl Fn(usize) -> (String, Role),
    ) -> Vec<(Process, Place)> {
        let mut processes = Vec::new();
        for (index, node) in lists.iter().enumerate() {
            let Value::List(list) = &node.value else {
                reader.wrong_node(
                    &entry.key,
                    node,
                    "a list with a list of arguments for each server",
                    "",
                );
                continue;
            };
            let rest = Command::of_list(reader, &entry.key, list, environment);
            let model = if rest.option(&["--model"]).is_some() {
                ""
            } else {
                model
            };
            let mut command = Command::serve(model, node.at);
            command.extend(rest);
            let (name, role) = of(index);
            processes.push(finished(reader, &name, role, command, node.at, environment));
        }
        processes
    }

    /// The proxy before an encoder and the rest.
    fn proxy(&self, reader: &mut Reader, environment: &Environment) -> Option<Proxy> {
        let help = "it is the list of arguments of the proxy";
        let entry = reader.needed(self.table, self.at, "this case", "epd_proxy_args", help)?;
        let list = reader.list(entry, "arguments")?;
        let command = Command::of_list(reader, &entry.key, list, environment);
        let port = match command.option(&["--port"]) {
            Some((text, at)) => super::port::of(reader, "--port", &text, at, environment)?,
            None => Port::Free("PROXY_PORT".to_owned()),
        };
        reader.note(
            entry.key_at,
            "`epd_proxy_args` are for a script that the file does not name: the proxy of this project stands for it, and of the arguments it takes the port",
        );
        Some(Proxy {
            node: 0,
            port,
            command: None,
            env: environment.finished(false),
            targets: Targets::Encode {
                encode: vec![(0, 0)],
                rest: vec![(0, 1)],
            },
        })
    }
}
