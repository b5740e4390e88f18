//! The line to a console: one command out, one answer in.
//!
//! Promise: an answer is read to its end and not beyond a bound; a console that goes away in between is told as that.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 16 * 1024 * 1024;

/// A connection to a console.
pub(super) struct Line {
    read: BufReader<UnixStream>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) ok: bool,
    pub(super) says: String,
    /// The line itself.
    pub(super) text: String,
}

impl Line {
    pub(super) fn open(socket: &Path) -> Result<Line, String> {
        let stream = UnixStream::connect(socket).map_err(|error| {
            format!(
                "no console answers at {}: {error}\nhelp: `cargo test -- --hold` prints where one does",
                socket.display()
            )
        })?;
        Ok(Line {
            read: BufReader::new(stream),
        })
    }

    pub(super) fn ask(&mut self, command: &str) -> Result<Answer, String> {
        let gone = |error| format!("the console is gone: {error}");
        let mut line = serde_json::json!({ "command": command }).to_string();
        line.push('\n');
        let mut stream = self.read.get_ref();
        stream.write_all(line.as_bytes()).map_err(gone)?;
        let mut bytes = Vec::new();
        let mut bounded = self.read.by_ref().take(LONGEST);
        bounded.read_until(b'\n', &mut bytes).map_err(gone)?;
        if bytes.pop() != Some(b'\n') {
            return Err("the console is gone: it ended before its answer did".into());
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let told: Value = serde_json::from_str(&text)
            .map_err(|error| format!("the console's answer is no JSON: {error}"))?;
        Ok(Answer {
            ok: told["ok"] == true,
            // Tabs and line ends are the console's; anything else could tear the terminal.
            says: told["says"]
                .as_str()
                .unwrap_or_default()
                .chars()
                .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
                .collect(),
            text,
        })
    }
}
