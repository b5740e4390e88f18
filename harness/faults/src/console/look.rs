//! What the console shows: for people as text, for programs as JSON.
//!
//! Promise: looking never waits for the server longer than a moment: it may be stopped. What is not known is said to be unknown.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tribunal_client::Client;
use tribunal_serving::ProcessInfo;

use super::session::Session;
use crate::fault::Fault;

/// How long the metrics may take.
const MOMENT: Duration = Duration::from_secs(2);
/// Lines of the log.
const TAIL: usize = 40;
/// Bytes of the metrics; pages of busy engines are long.
const MOST: usize = 64 * 1024;

/// The state letter of a process: `T` is stopped.
fn state(process: &ProcessInfo) -> Option<char> {
    #[cfg(target_os = "linux")]
    {
        crate::proc::stat(process).map(|stat| stat.state)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = process;
        None
    }
}

fn processes(session: &Session, text: &mut String) -> Value {
    let server = &session.scene.server;
    let all = server.processes();
    if all.is_empty() {
        let why = match (server.pid(), server.exit_status()) {
            (None, _) => "the server is only reached: nothing of it is ours".to_owned(),
            (_, Some(status)) => format!("no process runs; the server ended: {status}"),
            (_, None) => "no process runs".to_owned(),
        };
        let _ = writeln!(text, "{why}");
    }
    let list = all.iter().map(|process| {
        let state = state(process);
        let letter = state.map_or("unknown".into(), String::from);
        let _ = writeln!(
            text,
            "process  {} (start {}, parent {}) `{}` state {letter}",
            process.pid, process.start_time, process.parent, process.name
        );
        json!({
            "pid": process.pid,
            "start_time": process.start_time,
            "parent": process.parent,
            "name": process.name,
            "state": state,
        })
    });
    list.collect()
}

/// What runs, and what is in force.
pub(super) fn status(session: &mut Session) -> (String, Value) {
    let mut text = String::new();
    let server = session.scene.server.clone();
    let _ = writeln!(text, "server   {} at {}", server.name(), server.base_url());
    let proxy = session.scene.proxy.as_ref().map(|proxy| proxy.url());
    if let Some(proxy) = &proxy {
        let _ = writeln!(text, "proxy    {proxy}");
    }
    let processes = processes(session, &mut text);
    let faults = faults(session, &mut text, |_| true);
    let load = session.load_now().map(|(rate, accounts, under_way)| {
        let _ = writeln!(
            text,
            "load     {rate} each second; {accounts}; {under_way} under way"
        );
        json!({ "per_second": rate, "accounts": accounts, "under_way": under_way })
    });
    let data = json!({
        "server": server.name(),
        "url": server.base_url(),
        "proxy": proxy,
        "alive": server.is_alive(),
        "processes": processes,
        "in_force": faults,
        "load": load,
    });
    (text.trim_end().to_owned(), data)
}

fn faults(session: &mut Session, text: &mut String, which: impl Fn(&Fault) -> bool) -> Value {
    let stats = session.scene.proxy.as_ref().map(|proxy| proxy.stats());
    let struck = |fault: &Fault| match (fault, &stats) {
        (Fault::Network(rule), Some(stats)) => {
            let rule = rule.to_string();
            let mut toxics = stats.toxics.iter();
            let toxic = toxics.find(|toxic| toxic.there && toxic.rule == rule);
            toxic.map(|toxic| toxic.struck)
        }
        _ => None,
    };
    let in_force = session.in_force().iter();
    let list = in_force.filter(|one| which(one.injected.fault())).map(|one| {
        let (number, fault) = (one.number, one.injected.fault());
        let struck = struck(fault);
        let since = one.injected.since().as_secs_f64();
        let times = struck.map_or(String::new(), |n| format!(", struck {n} times"));
        let _ = writeln!(text, "fault {number}  {fault}, for {since:.1} s{times}");
        json!({ "number": number, "fault": fault.to_string(), "for_s": since, "struck": struck })
    });
    list.collect()
}

/// The rules of the proxy that are in force.
pub(super) fn toxics(session: &mut Session) -> (String, Value) {
    let mut text = String::new();
    let list = faults(session, &mut text, |fault| {
        matches!(fault, Fault::Network(_))
    });
    if text.is_empty() {
        text.push_str("no rule is in force");
    }
    (text.trim_end().to_owned(), list)
}

/// All that there is to see.
pub(super) async fn dump(session: &mut Session) -> (String, Value) {
    let (mut text, status) = status(session);
    let server = session.scene.server.clone();
    let log = match server.log_path() {
        None => Err("the server is only reached: its log is somewhere else".to_owned()),
        Some(_) => server.log_tail(TAIL).map_err(|error| error.to_string()),
    };
    let metrics = metrics(server.base_url()).await;
    let shown = |known: &Result<String, String>| match known {
        Ok(text) => text.trim_end().to_owned(),
        Err(why) => format!("unknown: {why}"),
    };
    let entries = session.scene.timeline.entries();
    let timeline: Vec<String> = entries.iter().map(|entry| entry.to_string()).collect();
    let _ = write!(
        text,
        "\n\nlog, the last {TAIL} lines\n{}\n\nmetrics\n{}\n\ntimeline\n{}\n",
        shown(&log),
        shown(&metrics),
        timeline.join("\n")
    );
    let data = json!({
        "status": status,
        "log": log.as_ref().ok(),
        "metrics": metrics.as_ref().ok(),
        "timeline": entries,
    });
    (text, data)
}

async fn metrics(url: &str) -> Result<String, String> {
    let client = Client::new(url).map_err(|error| error.to_string())?;
    let asked = tokio::time::timeout(MOMENT, client.metrics()).await;
    let page = asked
        .map_err(|_| format!("no answer within {MOMENT:?}"))?
        .map_err(|error| error.to_string())?;
    // Where a character would be cut, all of it is left out.
    let ends = page.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= MOST).last().unwrap_or(0);
    Ok(page[..end].to_owned())
}
