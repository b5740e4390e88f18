//! What became of an example: a pure function of what was stated and what happened.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use tribunal_offline::Ending;

use crate::annotation::Expected;
use crate::files::Made;
use crate::likeness::difference;
use crate::lines::Place;
use crate::snippet::{Kind, Snippet};

/// How a command of an example ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandEnd {
    /// With this exit code.
    Code(i32),
    /// It was still running when the time was up.
    TimedOut,
    /// A signal ended it.
    Signal(i32),
    /// It runs: it is a server.
    Serves,
    /// One before it failed, or did not end.
    NotReached,
    /// How is not known.
    Unknown,
}

/// One command of an example.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommandReport {
    /// Where its first line stands.
    pub place: Place,
    /// As it was run.
    pub text: String,
    /// How it ended.
    pub end: CommandEnd,
    /// What it printed; secrets masked, and no more than the first MiB.
    pub out: String,
    /// What it printed to standard error, likewise.
    pub err: String,
    /// How long it took, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// What it prints according to the page.
    #[serde(skip)]
    pub prints: Option<String>,
}

/// What became of an example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did what the page says.
    Passed,
    /// It did not, or the page is wrong; every reason.
    Failed(Vec<String>),
    /// It could have been run and was not, and why.
    Skipped(String),
    /// It is none that is run, and why.
    Listed(String),
}

/// An example after its run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Its name on the page.
    pub id: String,
    /// Where it stands.
    pub place: Place,
    /// What became of it.
    pub verdict: Verdict,
    /// Its commands, in order.
    pub commands: Vec<CommandReport>,
    /// The files that it made.
    pub files: Vec<Made>,
    /// Where all of it lies.
    pub folder: PathBuf,
}

/// What happened when it ran.
pub(crate) struct Happened<'a> {
    pub ending: &'a Ending,
    pub commands: &'a [CommandReport],
    pub files: &'a [Made],
    pub limit: Duration,
    /// Servers that it talked to and that have ended by themselves.
    pub lost: &'a [String],
}

/// The verdict on an example that was run to its end.
pub(crate) fn judge(snippet: &Snippet, happened: &Happened<'_>) -> Verdict {
    let mut reasons = snippet.mistakes.clone();
    let ending = happened.ending;
    let last = happened
        .commands
        .iter()
        .rev()
        .find(|c| c.end != CommandEnd::NotReached);
    let which = |c: &CommandReport| format!("`{}` ({})", first_line(&c.text), c.place);
    let command = last.map_or_else(|| snippet.place.to_string(), which);
    if let Some(why) = &ending.not_started {
        reasons.push(format!("it could not be started: {why}"));
    } else if ending.timed_out {
        let limit = happened.limit;
        reasons.push(format!("{command} did not end within {limit:?}; it was stopped with all that it had started. Say timeout=… if it may take longer, or `server` if it is one"));
    } else if let Some(signal) = ending.signal {
        reasons.push(format!("{command} was ended by signal {signal}"));
    } else if let Some(why) = code_is_wrong(snippet.annotation.expect.as_ref(), ending.code) {
        let said = last
            .map(|c| tail(&c.err).or_else(|| tail(&c.out)).unwrap_or_default())
            .unwrap_or_default();
        let hint = match ending.code {
            Some(127) => {
                "\na program is not there; where it is not part of every reader's machine, say needs=program:NAME"
            }
            _ => "",
        };
        let said = if said.is_empty() {
            said
        } else {
            format!("; it said:\n{said}")
        };
        reasons.push(format!("{command} {why}{said}{hint}"));
    }
    let left: Vec<String> = ending
        .outlived
        .iter()
        .chain(&ending.stuck)
        .map(ToString::to_string)
        .collect();
    if !left.is_empty() {
        reasons.push(format!(
            "it left running: {}; they were stopped. Say `server` if later examples talk to them",
            left.join(", ")
        ));
    }
    reasons.extend(outputs(snippet, happened.commands));
    for file in happened.files {
        if let Some(wrong) = &file.wrong {
            reasons.push(format!("the file {}: {wrong}", file.path.display()));
        }
    }
    if !reasons.is_empty() {
        reasons.extend(
            happened
                .lost
                .iter()
                .map(|id| format!("note: the server of `{id}` had ended by itself")),
        );
    }
    match reasons.is_empty() {
        true => Verdict::Passed,
        false => Verdict::Failed(reasons),
    }
}

fn code_is_wrong(expected: Option<&Expected>, code: Option<i32>) -> Option<String> {
    let Some(code) = code else {
        return Some("ended in a way that is not known".to_owned());
    };
    match expected {
        None | Some(Expected::Text(_)) if code != 0 => Some(format!("ended with exit code {code}")),
        Some(Expected::Failure) if code == 0 => {
            Some("ended with exit code 0, and was to fail".to_owned())
        }
        Some(Expected::Code(wanted)) if code != *wanted => Some(format!(
            "ended with exit code {code}, and not with {wanted}"
        )),
        _ => None,
    }
}

/// What was printed against what is stated. A reader sees both streams, in an order that nobody knows afterwards: standard
/// output alone may agree, or both after one another.
fn outputs(snippet: &Snippet, commands: &[CommandReport]) -> Vec<String> {
    let mut reasons = Vec::new();
    let reached =
        |c: &&CommandReport| !matches!(c.end, CommandEnd::NotReached | CommandEnd::TimedOut);
    let agree = |expected: &str, out: &str, err: &str| match difference(expected, out, true) {
        None => None,
        Some(_) if !err.is_empty() && difference(expected, &joined(out, err), true).is_none() => {
            None
        }
        Some(shown) => Some(shown),
    };
    for command in commands.iter().filter(reached) {
        let Some(expected) = &command.prints else {
            continue;
        };
        if let Some(shown) = agree(expected, &command.out, &command.err) {
            reasons.push(format!("`{}` ({}) printed something else than the page states (`-` stated, `+` printed):\n{shown}", first_line(&command.text), command.place));
        }
    }
    let all = |pick: fn(&CommandReport) -> &str| {
        commands
            .iter()
            .map(pick)
            .fold(String::new(), |all, one| joined(&all, one))
    };
    let whole = commands.iter().all(|c| reached(&c));
    if let Some(stated) = snippet.stated.as_ref().filter(|_| whole)
        && let Some(shown) = agree(&stated.text, &all(|c| &c.out), &all(|c| &c.err))
    {
        reasons.push(format!(
            "it printed something else than {} states (`-` stated, `+` printed):\n{shown}",
            stated.place
        ));
    }
    if let Some(Expected::Text(text)) = &snippet.annotation.expect
        && snippet.kind != Kind::Output
        && !all(|c| &c.out).contains(text.as_str())
        && !all(|c| &c.err).contains(text.as_str())
    {
        reasons.push(format!("it did not print `{text}`"));
    }
    reasons
}

fn joined(a: &str, b: &str) -> String {
    match a.is_empty() || a.ends_with('\n') {
        true => format!("{a}{b}"),
        false => format!("{a}\n{b}"),
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    match line.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// The last lines of what was said.
pub(crate) fn tail(text: &str) -> Option<String> {
    let text = text.trim_end();
    if text.is_empty() {
        return None;
    }
    let lines: Vec<&str> = text.lines().rev().take(12).collect();
    let lines: Vec<String> = lines
        .iter()
        .rev()
        .map(|l| {
            format!(
                "  {}",
                l.chars()
                    .filter(|c| !c.is_control() || *c == '\t')
                    .take(300)
                    .collect::<String>()
            )
        })
        .collect();
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_judged() {
        for (expected, code, wrong) in [
            (None, Some(0), false),
            (None, Some(1), true),
            (None, None, true),
            (Some(Expected::Code(3)), Some(3), false),
            (Some(Expected::Code(3)), Some(0), true),
            (Some(Expected::Failure), Some(2), false),
            (Some(Expected::Failure), Some(0), true),
            (Some(Expected::Text("x".into())), Some(0), false),
            (Some(Expected::Text("x".into())), Some(1), true),
        ] {
            assert_eq!(
                code_is_wrong(expected.as_ref(), code).is_some(),
                wrong,
                "{expected:?} {code:?}"
            );
        }
    }

    #[test]
    fn tails_are_short_and_plain() {
        let text: String = (0..50).map(|n| format!("{n}\u{1b}\n")).collect();
        let tail = tail(&text).unwrap();
        assert!(
            tail.starts_with("  38\n") && tail.ends_with("  49"),
            "{tail}"
        );
    }
}
