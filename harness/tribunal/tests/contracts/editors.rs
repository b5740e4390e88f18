//! What editors understand of libtest's JSON, as checkers: the rules of their parsers, applied to every line that we print.
//!
//! Promise: a stream that breaks a rule fails with the line and the rule. RustRover itself is closed; its rules are those of the open IntelliJ
//! plugin that it succeeds.
//!
//! Rejected: only comparing with expected text (a new field or order could then break an editor unseen).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What rust-analyzer's Test Explorer shows after a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Explorer {
    /// The state of each node: `started`, `ok`, `ignored`, or `failed` with the text that it shows.
    pub nodes: BTreeMap<String, String>,
    /// Lines that it shows as console text.
    pub console: Vec<String>,
}

/// Reads a stream as rust-analyzer does: `type` and `event` among those it knows, with a `name`; unknown fields are ignored, any other line is text.
pub fn rust_analyzer(out: &str) -> Explorer {
    let mut explorer = Explorer::default();
    for line in out.lines() {
        let event: Option<Value> = serde_json::from_str(line).ok();
        let known = event.as_ref().and_then(|e| {
            let name = e["name"].as_str()?;
            match (e["type"].as_str()?, e["event"].as_str()?) {
                ("test", state @ ("started" | "ok" | "ignored")) => {
                    Some((name.to_owned(), state.to_owned()))
                }
                ("test", "failed") => Some((
                    name.to_owned(),
                    format!("failed: {}", e["stdout"].as_str().unwrap_or("")),
                )),
                _ => None,
            }
        });
        match (known, event) {
            (Some((name, state)), _) => {
                explorer.nodes.insert(name, state);
            }
            // It knows suites and shows nothing for them.
            (None, Some(e)) if e["type"] == "suite" => {}
            (None, _) => explorer.console.push(line.to_owned()),
        }
    }
    explorer
}

/// A failure as RustRover's diff viewer reads it.
#[derive(Debug, PartialEq, Eq)]
pub struct Diff {
    /// The file that a click opens.
    pub place: String,
    /// `left`, which it calls actual.
    pub left: String,
    /// `right`, which it calls expected.
    pub right: String,
}

/// Reads a stream as IntelliJ's `CargoTestEventsConverter` does; the error says which rule was broken. Returns the tree: every suite with its tests.
pub fn rust_rover(out: &str) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let mut tree: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut announced, mut running, mut ended, mut closed) =
        (None, BTreeSet::new(), BTreeSet::new(), false);
    for line in out.lines() {
        // Before a suite, a line with this text is taken for the path of an executable.
        if announced.is_none() && line.contains("/target/") {
            return Err(format!(
                "a line before the suite looks like an executable's path: {line}"
            ));
        }
        let event: Value = serde_json::from_str(line)
            .map_err(|e| format!("it drops a line that is no JSON ({e}): {line}"))?;
        let name = event["name"].as_str().unwrap_or_default().to_owned();
        match (event["type"].as_str(), event["event"].as_str()) {
            (Some("suite"), Some("started")) => {
                announced = Some(
                    event["test_count"]
                        .as_u64()
                        .ok_or("a suite without test_count")?,
                )
            }
            (Some("suite"), Some("ok" | "failed")) => closed = true,
            (Some("test"), Some("started")) => {
                if announced.is_none() {
                    return Err(format!("{name} starts outside of a suite"));
                }
                if name.contains(" - ") || name.contains(' ') {
                    return Err(format!("it would cut this name at ` - `: {name}"));
                }
                running.insert(name.clone());
                let (suite, test) = name.rsplit_once("::").unwrap_or(("", &name));
                tree.entry(suite.to_owned())
                    .or_default()
                    .insert(test.to_owned());
            }
            (Some("test"), Some("ok" | "failed" | "ignored")) => {
                if !running.remove(&name) {
                    return Err(format!(
                        "{name} ends without having started: it would have no node and no duration"
                    ));
                }
                ended.insert(name);
            }
            other => {
                return Err(format!(
                    "it drops an event that it does not know: {other:?}"
                ));
            }
        }
    }
    if !closed || !running.is_empty() {
        return Err(format!("the suite stays open, with {running:?} running"));
    }
    match announced {
        Some(count) if count as usize == ended.len() => Ok(tree),
        count => Err(format!("test_count says {count:?}, {} ended", ended.len())),
    }
}

/// The place and the two sides of a failed comparison, by the form that the diff viewer demands: the first line that starts with `thread`, no
/// thread id in it, the message, `left`, `right`, and a line that ends the message.
pub fn diff(stdout: &str) -> Option<Diff> {
    let mut lines = stdout.lines().skip_while(|l| !l.starts_with("thread"));
    let place = lines
        .next()?
        .strip_prefix("thread '")?
        .split_once("' panicked at ")?
        .1
        .strip_suffix(':')?
        .to_owned();
    lines
        .next()?
        .strip_prefix("assertion `left == right` failed")?;
    let left = lines.next()?.strip_prefix("  left: ")?.to_owned();
    let right = lines.next()?.strip_prefix(" right: ")?.to_owned();
    let after = lines.next()?;
    (after.starts_with("note:") || after.starts_with("stack backtrace:")).then_some(Diff {
        place,
        left,
        right,
    })
}
