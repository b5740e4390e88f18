//! One client of the console: lines of JSON in, lines of JSON out.
//!
//! Promise: a line that is too long, is no JSON or asks for nothing is answered, and the next one is read. Rejected: closing the connection on a mistake:
//! people make them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::{Answer, Desk};

/// The longest line that is read, in bytes.
const LONGEST: usize = 16 * 1024;
/// After something went wrong that may pass.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// What a client sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    command: String,
}

/// The command in a line.
///
/// # Errors
/// In words.
pub(super) fn command(line: &str) -> Result<String, String> {
    let form = "expected one line like {\"command\":\"status\"}";
    serde_json::from_str::<Asked>(line)
        .map(|asked| asked.command)
        .map_err(|error| format!("this is not understood: {error}; {form}"))
}

/// A line as it came.
#[derive(Debug, PartialEq)]
enum Line {
    Text(String),
    TooLong,
    NoText,
}

/// The next line; `None` at the end. Not more than [`LONGEST`] bytes of it are kept.
async fn next(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let mut too_long = false;
    let mut any = false;
    loop {
        let there = from.fill_buf().await?;
        if there.is_empty() {
            // A last line without its end counts as one.
            return Ok(any.then(|| line(bytes, too_long)));
        }
        any = true;
        let end = there.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(there.len());
        if bytes.len() + taken > LONGEST {
            too_long = true;
            bytes.clear();
        } else if !too_long {
            bytes.extend_from_slice(&there[..taken]);
        }
        from.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() {
            return Ok(Some(line(bytes, too_long)));
        }
    }
}

fn line(bytes: Vec<u8>, too_long: bool) -> Line {
    match too_long {
        true => Line::TooLong,
        false => String::from_utf8(bytes).map_or(Line::NoText, Line::Text),
    }
}

/// Serves one client to its end; without a desk, it is told that there are too many.
pub(super) async fn serve(stream: UnixStream, desk: Option<Arc<Desk>>) {
    // A client that goes away in the middle is no mistake of ours.
    let _ = talk(stream, desk).await;
}

async fn talk(stream: UnixStream, desk: Option<Arc<Desk>>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let refusal = |says: &str| json!({ "ok": false, "says": says }).to_string();
    let Some(desk) = desk else {
        let text = refusal("too many clients are here; one of them must go first");
        return write.write_all(format!("{text}\n").as_bytes()).await;
    };
    while let Some(line) = next(&mut read).await? {
        let mut over = false;
        let mut answer = match line {
            Line::Text(text) => {
                let answer = desk.answer(&text).await;
                over = ends(&text, &answer);
                serde_json::to_string(&answer).unwrap_or_else(|error| refusal(&error.to_string()))
            }
            Line::TooLong => refusal(&format!("a line has at most {LONGEST} bytes")),
            Line::NoText => refusal("this is no text in UTF-8"),
        };
        answer.push('\n');
        let written = write.write_all(answer.as_bytes()).await;
        if over {
            // Also where the client did not wait for the answer.
            desk.quit.notify_one();
        }
        written?;
    }
    Ok(())
}

fn ends(line: &str, answer: &Answer) -> bool {
    answer.ok && command(line).is_ok_and(|command| command.trim() == "quit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_bounded_and_the_next_one_is_read() {
        let long = "x".repeat(3 * LONGEST);
        let exact = "y".repeat(LONGEST);
        let mut bytes = format!("one\n{long}\n\n{exact}\n").into_bytes();
        bytes.extend_from_slice(b"\xff\nlast");
        let mut from = BufReader::with_capacity(100, bytes.as_slice());
        let mut lines = Vec::new();
        while let Some(line) = next(&mut from).await.expect("memory") {
            lines.push(line);
        }
        let text = |text: &str| Line::Text(text.to_owned());
        let expected = [
            text("one"),
            Line::TooLong,
            text(""),
            text(&exact),
            Line::NoText,
            text("last"),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_is_no_command_is_told() {
        assert_eq!(command(r#"{"command":"status"}"#), Ok("status".into()));
        for wrong in [
            "",
            "status",
            "{}",
            r#"{"comand":"x"}"#,
            r#"{"command":1}"#,
            "[1]",
        ] {
            let why = command(wrong).expect_err(wrong);
            assert!(why.contains(r#"{"command":"status"}"#), "{why}");
        }
    }
}
