//! Who outlives the agent of a machine: the process above it, that adopts what an agent leaves behind when it is killed.
//!
//! Promise: whichever of the two is killed, the other one ends everything. In a rehearsal the conductor is that process. Rejected: parent-death signals alone (they reach a server, and not
//! the workers below it).

use std::process::Stdio;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tribunal_serving::{ProcessSignal, process_of, signal_process};

use super::agent::{AgentEnd, AgentOptions, FORCE};
use super::token::{TOKEN_FILE_VARIABLE, TOKEN_VARIABLE};
use super::tree;
use crate::run::AGENT_VERB;

/// More is no end of an agent.
const LONGEST: u64 = 1 << 20;

/// Runs the agent of this machine until the run is over. It belongs to a process of its own: all that runs below it is ended.
pub fn agent(options: AgentOptions) -> AgentEnd {
    if let Err(e) = tree::adopt() {
        return AgentEnd::Broken(format!("this process cannot adopt orphans: {e}"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let end = match runtime {
        Ok(runtime) => runtime.block_on(watch(&options)),
        Err(e) => return AgentEnd::Broken(format!("no runtime: {e}")),
    };
    let left = tree::end(FORCE);
    if !left.is_empty() {
        eprintln!("left behind: {}", left.join(", "));
    }
    end.unwrap_or_else(AgentEnd::Broken)
}

async fn watch(options: &AgentOptions) -> Result<AgentEnd, String> {
    let signals = |kind| signal(kind).map_err(|e| format!("signals cannot be waited for: {e}"));
    let mut term = signals(SignalKind::terminate())?;
    let mut interrupt = signals(SignalKind::interrupt())?;
    let program = std::env::current_exe().map_err(|e| format!("this program has no path: {e}"))?;
    let mut child = Command::new(program)
        .arg(AGENT_VERB)
        .args(arguments(options))
        .arg("--guarded")
        .env(TOKEN_VARIABLE, options.token.reveal())
        .env_remove(TOKEN_FILE_VARIABLE)
        // It ends when this pipe does.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("the agent cannot be started: {e}"))?;
    let said = child.stdout.take();
    let agent = child.id().and_then(process_of);
    let forward = async {
        loop {
            either(&mut term, &mut interrupt).await;
            if let Some(agent) = &agent {
                // One that has ended is waited for already.
                let _ = signal_process(agent, ProcessSignal::Terminate);
            }
        }
    };
    let read = async {
        let mut text = String::new();
        if let Some(said) = said {
            let _ = said.take(LONGEST).read_to_string(&mut text).await;
        }
        text
    };
    let text = tokio::select! {
        text = read => text,
        () = forward => String::new(),
    };
    let stdin = child.stdin.take();
    let status = child.wait().await.map_err(|e| e.to_string())?;
    drop(stdin);
    let end = text
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok());
    end.ok_or_else(|| format!("the agent of this node broke off: {status}"))
}

async fn either(term: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// The command line of the agent's process.
fn arguments(options: &AgentOptions) -> Vec<std::ffi::OsString> {
    let evidence = match options.shared {
        true => "--shared-evidence",
        false => "--evidence",
    };
    let mut arguments: Vec<std::ffi::OsString> = vec![
        "--node".into(),
        format!("{}/{}", options.node, options.count).into(),
        "--leader".into(),
        options.leader.clone().into(),
        "--join-within".into(),
        options.limit.as_secs().to_string().into(),
        evidence.into(),
        options.evidence.clone().into(),
    ];
    let more = [
        (
            "--address",
            options.address.map(|address| address.to_string()),
        ),
        ("--interface", options.interface.clone()),
        ("--digest", options.digest.clone()),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            arguments.extend([name.into(), value.into()]);
        }
    }
    arguments
}
