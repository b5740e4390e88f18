//! `cargo tribunal soak`: what journals of soaks come to, also of those that were killed or are still written.
//!
//! Promise: it judges by the code that judges a soak at its end, and changes nothing. Rejected: going on with a soak from here (its test knows what it sends, and
//! starts its server).

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};
use tribunal_soak::{Report, SoakError};

use crate::command::{Command, clean, nearest_flag, see, wrong};

/// A soak does not pass.
const FAILS: u8 = 1;
/// A file is no journal, or cannot be read.
const WRONG: u8 = 2;
const FLAGS: [&str; 2] = ["format", "help"];

pub(crate) const HELP: &str = "\
Judges journals of soaks, also of soaks that were killed or still run: what failed, what drifts, what was too short to be judged.
docs/stability.md says how to read it.

Usage: cargo tribunal soak FILE... [--format text|json]

Journals lie in target/tribunal/soaks, a folder for each case.

Flags:
      --format text|json    text (default), or one JSON object for each file, on a line of its own
  -h, --help                print this text

JSON keys: `schema` (1; grows when a key changes its meaning or goes away), `file`, `failures` and `remarks` (texts), `report`
{begun, covered, counts, batches [ended, hung], invalid, next_batch, probes [asked, wrong], incidents, segments [{server,
seconds, findings [{signal, drift, peak, limit, hours_to_limit}]}], end, failure}. Times are seconds, memory is bytes.

Exit code: 0 all pass, 1 one does not, 2 a file is no journal, or the command line is wrong.
";

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct SoakOptions {
    files: Vec<PathBuf>,
    json: bool,
}

/// What follows `soak`.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut options = SoakOptions::default();
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Long("format") => {
                options.json = match &*parser.value().map_err(wrong)?.to_string_lossy() {
                    "text" => false,
                    "json" => true,
                    other => {
                        let other = clean(other);
                        return Err(format!("`{other}` is no format; there are: text, json\n"));
                    }
                };
            }
            Long(flag) => {
                return Err(format!(
                    "`soak` has no flag `--{flag}`\n{}",
                    nearest_flag(flag, &FLAGS)
                ));
            }
            Short(flag) => {
                let help = see("cargo tribunal soak --help");
                return Err(format!("`soak` has no flag `-{flag}`\n{help}"));
            }
            Value(file) => options.files.push(file.into()),
        }
    }
    match options.files.is_empty() {
        true => Err(format!(
            "`soak` wants journals\n{}",
            see("cargo tribunal soak --help")
        )),
        false => Ok(Command::Soak(options)),
    }
}

/// Judges them all.
pub(crate) fn run(options: &SoakOptions) -> ExitCode {
    let mut code = 0;
    for file in &options.files {
        let text = match Report::read(file) {
            Ok(report) => {
                if !report.failures().is_empty() {
                    code = code.max(FAILS);
                }
                shown(file.display().to_string(), &report, options.json)
            }
            Err(error) => {
                code = WRONG;
                complain(&error);
                continue;
            }
        };
        // A reader that went away is no failure.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
    ExitCode::from(code)
}

fn complain(error: &SoakError) {
    // Where standard error is closed, the exit code still tells.
    let _ = write!(std::io::stderr(), "error: {}", harmless(&error.to_string()));
}

fn shown(file: String, report: &Report, json: bool) -> String {
    if json {
        let object = serde_json::json!({
            "schema": 1, "file": file, "failures": report.failures(), "remarks": report.remarks(), "report": report,
        });
        return format!("{object}\n");
    }
    let mut text = harmless(&report.to_string());
    for remark in report.remarks() {
        if !remark.contains(": insufficient ") {
            text.push_str(&harmless(&format!("  note: {remark}")));
        }
    }
    text
}

/// Names, and what servers said, may hold anything; lines stay lines, whole.
fn harmless(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let line = |line: &str| line.chars().map(plain).chain(['\n']).collect::<String>();
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Command, String> {
        parse(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn files_are_taken_and_mistakes_are_told() {
        let expected = SoakOptions {
            files: vec!["a".into(), "b".into()],
            json: true,
        };
        let found = parsed(&["a", "--format", "json", "b"]);
        assert_eq!(found, Ok(Command::Soak(expected)));
        for (arguments, part) in [
            (&[][..], "wants journals"),
            (&["a", "--format", "xml"], "`xml` is no format"),
            (&["a", "--fromat", "x"], "--format"),
            (&["-x"], "no flag `-x`"),
        ] {
            let told = parsed(arguments).unwrap_err();
            assert!(told.contains(part), "{arguments:?}: {told}");
        }
    }

    #[test]
    fn a_killed_soak_is_judged_and_what_it_quotes_is_harmless() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let lines = "{\"line\":\"traffic\",\"at\":5,\"seconds\":5,\"ok\":0,\"failed\":1,\"cancelled\":0,\"not_sent\":0,\"classes\":{\"connect\":1},\"failure\":\"\\u001b[31mred\"}\n{\"line\":\"tra";
        std::fs::write(&path, lines).unwrap();
        let report = Report::read(&path).unwrap();
        let text = shown("a".into(), &report, false);
        assert!(
            text.contains("1 of 1 requests failed (1 connect)"),
            "{text}"
        );
        assert!(
            text.contains("did not end") && !text.contains('\u{1b}'),
            "{text}"
        );
        let json: serde_json::Value =
            serde_json::from_str(&shown("a".into(), &report, true)).unwrap();
        assert_eq!(json["report"]["counts"]["failed"], 1);
    }
}
