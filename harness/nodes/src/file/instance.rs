//! A server of a file for one node.

use tribunal_deploy::tree::Place;

use super::command::Command;
use super::environment::Environment;
use super::layout::{Process, Role};
use super::reader::Reader;

/// A process, and the place of its port.
pub(crate) fn finished(
    reader: &mut Reader,
    name: &str,
    role: Role,
    command: Command,
    at: Place,
    environment: &Environment,
) -> (Process, Place) {
    let mut port_at = at;
    let port = match command.option(&["--port", "-p"]) {
        _ if command.wrong => None,
        Some((text, at)) => {
            port_at = at;
            super::port::of(reader, "--port", &text, at, environment)
        }
        None => {
            if !command.arguments.is_empty() {
                command.no_port(
                    reader,
                    at,
                    "this command says no port",
                    "add \"--port\" and \"$SERVER_PORT\"",
                );
            }
            None
        }
    };
    let devices = command.devices(reader).map(|(count, _)| count);
    let process = Process {
        name: name.to_owned(),
        role,
        env: environment.finished(false),
        command: command.texts(),
        port,
        rank: None,
        devices,
        line: reader.line(at),
    };
    (process, port_at)
}

/// Two servers of one node with one port.
pub(crate) fn taken_twice(reader: &mut Reader, processes: &[(Process, Place)]) {
    for (index, (process, at)) in processes.iter().enumerate() {
        let other = processes[..index]
            .iter()
            .find(|(other, _)| other.port.is_some() && other.port == process.port);
        if let Some((other, _)) = other {
            reader.mistake(
                *at,
                format!("`{}` has the port of `{}`", process.name, other.name),
                "each server has a port of its own: a variable that is DEFAULT_PORT for each",
            );
        }
    }
}
