//! Which nodes have no API server.
//!
//! Promise: what `headless` says and what the command says is the same in the end, or a mistake; and no role is left without anything that answers: the example in the
//! guide of the nightly tests calls its only decoder headless and gives it a port all the same, and taken at its word nothing would ever be decoded. So an only
//! server of a role keeps its API, and a note says so. Rejected: dropping the field silently, as the files' own program does.

use tribunal_deploy::tree::{Entry, Place, Value};

use super::command::{Argument, Command};
use super::environment::Environment;
use super::layout::Role;
use super::reader::Reader;
use super::text::Text;

/// A node whose command is read.
pub(crate) struct Server {
    pub index: usize,
    pub role: Role,
    pub master: usize,
    /// Whether the lists of roles name it, or there are none.
    pub named: bool,
    /// What `headless` says.
    pub said: Option<Entry>,
    pub at: Place,
    /// Where `server_cmd` stands.
    pub entry_at: Place,
    pub line: usize,
    pub environment: Environment,
    pub command: Command,
}

/// Whether each server is without an API. Adds `--headless` where the file asks for it and the command does not.
pub(crate) fn decide(reader: &mut Reader, servers: &mut [Server], doubtful: bool) -> Vec<bool> {
    let before = reader.found.len();
    let wanted: Vec<bool> = servers
        .iter()
        .map(|server| wanted(reader, server))
        .collect();
    // Where the roles are not known, or a field and a command differ, what follows from it is not told too.
    if doubtful || reader.found.len() > before {
        return wanted;
    }
    let mut decided = wanted.clone();
    for index in 0..servers.len() {
        let server = &servers[index];
        let flag = server.command.flag("--headless");
        // Those of the same role that answer without any doubt.
        let others = servers
            .iter()
            .zip(&wanted)
            .any(|(other, headless)| other.role == server.role && other.named && !headless);
        let said_at = server
            .said
            .as_ref()
            .map_or(server.entry_at, |entry| entry.node.at);
        if wanted[index] && !others {
            // The first of a role that is named for it is the one that has to answer.
            let first = servers
                .iter()
                .position(|other| other.role == server.role && other.named)
                .unwrap_or(index);
            if first == index {
                let role = match server.role {
                    Role::Prefill => "prefiller",
                    Role::Decode => "decoder",
                    Role::Both | Role::Encode => "server",
                };
                match flag {
                    Some(at) => reader.mistake(
                        at,
                        format!("node {} is the only {role} that could be asked, and it has no API server", server.index),
                        "drop --headless, or let another node of its role answer",
                    ),
                    None => {
                        reader.note(
                            said_at,
                            format!("node {} is called headless, but it is the only {role} that could answer, and its command does not say --headless: it keeps its API server", server.index),
                        );
                        decided[index] = false;
                    }
                }
                continue;
            }
        }
        if wanted[index] && flag.is_none() {
            if let Some((_, at)) = server.command.option(&["--api-server-count", "-asc"]) {
                reader.mistake(
                    at,
                    format!(
                        "node {} is headless, and its command asks for API servers",
                        server.index
                    ),
                    "drop --api-server-count, or write headless: false",
                );
            } else if server.command.is_vllm() {
                reader.note(
                    said_at,
                    format!(
                        "`--headless` is added to the command of node {}",
                        server.index
                    ),
                );
                servers[index].command.arguments.push(Argument {
                    text: Text::literal("--headless"),
                    at: said_at,
                });
            }
        }
        let server = &servers[index];
        if !decided[index] && !server.named {
            reader.note(
                server.at,
                format!("node {} has an API server, and neither list of `disaggregated_prefill` names it: nothing is sent to it", server.index),
            );
        }
    }
    decided
}

/// What the file asks for.
fn wanted(reader: &mut Reader, server: &Server) -> bool {
    let flag = server.command.flag("--headless");
    let Some(entry) = server
        .said
        .as_ref()
        .filter(|entry| entry.node.value != Value::Null)
    else {
        return flag.is_some();
    };
    let Some(said) = reader.bool(entry) else {
        return flag.is_some();
    };
    if !said && flag.is_some() {
        reader.mistake(
            entry.node.at,
            format!(
                "`headless` is false, and the command of node {} says --headless",
                server.index
            ),
            "say the same in both",
        );
        return true;
    }
    said
}
