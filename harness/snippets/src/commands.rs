//! The commands of a shell block: each a result of its own.
//!
//! bash itself says where a command ends: lines are added until `bash -n`, which parses and runs nothing, takes them. Rejected: a
//! parser of our own, which would be wrong about here-documents, quotes or `case` sooner or later.

use std::io::{self, Write as _};
use std::process::{Command as Process, Stdio};

use serde::Serialize;

/// More lines are one command.
const MOST_LINES: usize = 2000;

/// A command as it is typed, with all its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Command {
    /// Its first line within the block, from 0.
    pub line: usize,
    pub text: String,
}

/// The commands of a code. What bash does not take to the end is one command, so that bash's own message tells what is wrong.
pub(crate) fn split(code: &str) -> io::Result<Vec<Command>> {
    let lines: Vec<&str> = code.lines().collect();
    if lines.len() > MOST_LINES {
        return Ok(vec![Command {
            line: 0,
            text: code.to_owned(),
        }]);
    }
    let mut commands = Vec::new();
    let mut begins: Option<usize> = None;
    for (at, line) in lines.iter().enumerate() {
        let first = begins.unwrap_or(at);
        let blank = line.trim().is_empty() || line.trim_start().starts_with('#');
        if begins.is_none() && blank {
            continue;
        }
        begins = Some(first);
        let text = lines[first..=at].join("\n");
        let goes_on = line.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1;
        if !goes_on && is_whole(&text)? {
            commands.push(Command { line: first, text });
            begins = None;
        }
    }
    if let Some(first) = begins {
        commands.push(Command {
            line: first,
            text: lines[first..].join("\n"),
        });
    }
    Ok(commands)
}

fn is_whole(text: &str) -> io::Result<bool> {
    let mut bash = Process::new("bash")
        .args(["--norc", "--noprofile", "-n"])
        .env_remove("BASH_ENV")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = bash.stdin.take() {
        // A parser that gives up early is an answer, too.
        let _ = input
            .write_all(text.as_bytes())
            .and_then(|()| input.write_all(b"\n"));
    }
    let said = bash.wait_with_output()?;
    // An open here-document is a warning alone.
    Ok(said.status.success()
        && !String::from_utf8_lossy(&said.stderr).contains("delimited by end-of-file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_says_where_commands_end() {
        for (code, expected) in [
            ("a\nb\n", &["a", "b"][..]),
            ("a \\\n  b\nc", &["a \\\n  b", "c"]),
            ("# what\n\na # x\n", &["a # x"]),
            (
                "for i in 1 2; do\n  a\ndone\nb",
                &["for i in 1 2; do\n  a\ndone", "b"],
            ),
            (
                "cat <<EOF\na\n\n# b\nEOF\nb",
                &["cat <<EOF\na\n\n# b\nEOF", "b"],
            ),
            ("a '\nb\n'\nc", &["a '\nb\n'", "c"]),
            ("a |\n  b\nc &&\nd", &["a |\n  b", "c &&\nd"]),
            ("f() {\n a\n}\nf", &["f() {\n a\n}", "f"]),
            ("a\nif b\nc", &["a", "if b\nc"]),
        ] {
            let found = split(code).unwrap();
            let texts: Vec<&str> = found.iter().map(|c| c.text.as_str()).collect();
            assert_eq!(texts, expected, "{code:?}");
        }
        assert_eq!(split("\n\na\n").unwrap()[0].line, 2);
    }
}
