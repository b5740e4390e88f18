//! How a run ended: the exit status of the harness, and what its event log says of the same.
//!
//! Promise: no text of a log decides anything. A status of 0 without an event log that says that the run ended is not a success: nothing shows that anything was
//! tested.

use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

/// How deep event logs lie in the evidence.
const DEEPEST: usize = 4;
/// A longer line is none of an event log's last.
const MOST_LINE: u64 = 64 << 20;

/// What the event logs in a folder say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Logs {
    /// How many there are.
    pub logs: usize,
    /// The exit codes of those that ended.
    pub codes: Vec<i64>,
}

/// Reads all event logs below a folder.
pub(crate) fn logs(folder: &Path) -> Logs {
    let mut out = Logs::default();
    below(folder, DEEPEST, &mut out);
    out
}

fn below(folder: &Path, deep: usize, out: &mut Logs) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else {
            continue;
        };
        if kind.is_dir() && deep > 0 {
            below(&path, deep - 1, out);
        }
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if kind.is_file() && name.starts_with("events") && name.ends_with(".jsonl") {
            out.logs += 1;
            out.codes.extend(code(&path));
        }
    }
}

/// The exit code in the last whole line that says that a run ended.
fn code(path: &Path) -> Option<i64> {
    let mut reader = BufReader::new(std::fs::File::open(path).ok()?);
    let mut code = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut part = std::io::Read::take(&mut reader, MOST_LINE);
        if part.read_until(b'\n', &mut line).ok()? == 0 {
            return code;
        }
        // Only that line is parsed: logs have a line for every step of every case.
        let needle = b"\"run_ended\"";
        if line.windows(needle.len()).any(|window| window == needle)
            && let Ok(event) = serde_json::from_slice::<Value>(&line)
            && event["event"] == "run_ended"
        {
            code = event["code"].as_i64().or(Some(0));
        }
    }
}

/// The status of several parts: a failure wins over what is wrong with the command line, that over everything else.
pub(crate) fn worst(codes: impl IntoIterator<Item = i32>) -> i32 {
    let rank = |code: i32| match code {
        0 => 0,
        4 => 1,
        6 => 2,
        5 => 3,
        2 => 4,
        101 => 6,
        _ => 5,
    };
    codes
        .into_iter()
        .max_by_key(|code| rank(*code))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_event_says_that_a_run_ended() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("a/run");
        std::fs::create_dir_all(&run).unwrap();
        std::fs::write(
            run.join("events.jsonl"),
            "{\"event\":\"run_started\"}\n{\"event\":\"case_ended\",\"output\":\"{\\\"event\\\":\\\"run_ended\\\",\\\"code\\\":0}\"}\n",
        )
        .unwrap();
        assert_eq!(
            logs(folder.path()),
            Logs {
                logs: 1,
                codes: vec![]
            }
        );
        std::fs::write(
            run.join("events-7.jsonl"),
            "{\"event\":\"run_ended\",\"code\":101,\"at\":1}\n{\"event\":\"run_en",
        )
        .unwrap();
        assert_eq!(
            logs(folder.path()),
            Logs {
                logs: 2,
                codes: vec![101]
            }
        );
        assert_eq!(logs(&folder.path().join("none")), Logs::default());
    }

    #[test]
    fn of_several_parts_a_failure_wins() {
        assert_eq!(worst([0, 4, 101, 2]), 101);
        assert_eq!(worst([0, 6, 5]), 5);
        assert_eq!(worst([0, 0]), 0);
        assert_eq!(worst([137, 2, 4]), 137);
        assert_eq!(worst([]), 0);
    }
}
