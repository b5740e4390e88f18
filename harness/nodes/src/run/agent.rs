//! The agent's process.
//!
//! `__nodes-agent --node I/N --leader HOST:PORT [--address ADDRESS] [--interface NAME] [--evidence FOLDER | --shared-evidence FOLDER] [--digest DIGEST] [--join-within SECONDS]`, and the token in the environment.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

use crate::meeting::{AgentOptions, Token, agent, say};

/// The verb.
pub(crate) fn run(args: &[OsString]) -> Result<u8, String> {
    let mut parser = lexopt::Parser::from_args(args.iter().cloned());
    let wrong = |e: lexopt::Error| e.to_string();
    let (mut node, mut leader, mut address, mut interface) = (None, None, None, None);
    let (mut digest, mut evidence, mut shared) = (None, PathBuf::from("."), false);
    let mut limit = Duration::from_secs(30);
    while let Some(arg) = parser.next().map_err(wrong)? {
        let Long(name) = arg else {
            return Err(arg.unexpected().to_string());
        };
        let name = name.to_owned();
        let value = parser.value().map_err(wrong)?;
        let text = value.to_string_lossy().into_owned();
        let no = || format!("--{name} cannot be `{text}`");
        match name.as_str() {
            "node" => {
                let (index, count) = text.split_once('/').ok_or_else(no)?;
                let read = |t: &str| t.parse::<usize>().map_err(|_| no());
                node = Some((read(index)?, read(count)?));
            }
            "leader" => leader = Some(text),
            "address" => address = Some(text.parse().map_err(|_| no())?),
            "interface" => interface = Some(text).filter(|text| !text.is_empty()),
            "evidence" => evidence = PathBuf::from(value),
            "shared-evidence" => (evidence, shared) = (PathBuf::from(value), true),
            "digest" => digest = Some(text),
            "join-within" => limit = Duration::from_secs(text.parse().map_err(|_| no())?),
            _ => return Err(format!("there is no --{name}")),
        }
    }
    let (node, count) = node.ok_or("--node is missing")?;
    let token = Token::find(|name| std::env::var(name).ok())?;
    let end = agent(AgentOptions {
        node,
        count,
        leader: leader.ok_or("--leader is missing")?,
        address,
        interface,
        evidence,
        shared,
        digest,
        token: token.ok_or("no token: TRIBUNAL_NODES_TOKEN is not set")?,
        limit,
    });
    say(&format!("node {node}: {end}"));
    Ok(end.code())
}
