//! `cargo tribunal report`: reports of runs, made from their event logs; later, on another machine, of a run that was killed.
//!
//! Promise: it makes them by the code by which a run makes its own, and prints only what is asked for. Rejected: a verb for each format (they are
//! wanted together, and the log is read once).

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};
use tribunal_render::{Annotator, Reports};

use crate::command::{Command, clean, nearest_flag, see, wrong};

/// A report could not be written.
const FAILS: u8 = 1;
/// A log cannot be read.
const WRONG: u8 = 2;
const FLAGS: [&str; 8] = [
    "annotations",
    "ctrf",
    "evidence-dir",
    "help",
    "html",
    "junit",
    "markdown",
    "trace",
];

pub(crate) const HELP: &str = "\
Makes reports of runs from their event logs, also of runs that were killed, and of other machines' runs. docs/reports.md
says what stands in each.

Usage: cargo tribunal report RUN... [--html FILE] [--junit FILE] [--ctrf FILE] [--markdown FILE] [--trace FILE]
                                    [--annotations WHO]

RUN is the folder of a run (target/tribunal/RUN), its events.jsonl, or `latest`. Without a report the summary is printed.

Flags:
      --html FILE           one page for people, which needs no network
      --junit FILE          JUnit's XML, as Jenkins, GitLab and Buildkite read it
      --ctrf FILE           the Common Test Report Format, JSON
      --markdown FILE       a summary for GitHub and Buildkite
      --trace FILE          tests on devices and slots over time, for ui.perfetto.dev
      --annotations WHO     github: print workflow commands; buildkite: hand them to buildkite-agent
      --evidence-dir DIR    where `latest` is looked for [default: tribunal/ in the target folder]
  -h, --help                print this text

A FILE of `-` is the standard output.

Exit code: 0 all is written, 1 something could not be, 2 a log cannot be read, or the command line is wrong.
";

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ReportOptions {
    runs: Vec<PathBuf>,
    evidence: Option<PathBuf>,
    reports: Reports,
}

/// What follows `report`.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut options = Box::<ReportOptions>::default();
    while let Some(argument) = parser.next().map_err(wrong)? {
        let reports = &mut options.reports;
        let place = match argument {
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Long("html") => &mut reports.html,
            Long("junit") => &mut reports.junit,
            Long("ctrf") => &mut reports.ctrf,
            Long("markdown") => &mut reports.markdown,
            Long("trace") => &mut reports.trace,
            Long("evidence-dir") => &mut options.evidence,
            Long("annotations") => {
                let value = parser.value().map_err(wrong)?;
                reports.annotations = Some(match &*value.to_string_lossy() {
                    "github" => Annotator::Github,
                    "buildkite" => Annotator::Buildkite,
                    other => {
                        let other = clean(other);
                        return Err(format!(
                            "annotations are for github or for buildkite, not for `{other}`\n"
                        ));
                    }
                });
                continue;
            }
            Long(flag) => {
                return Err(format!(
                    "`report` has no flag `--{flag}`\n{}",
                    nearest_flag(flag, &FLAGS)
                ));
            }
            Short(flag) => {
                let help = see("cargo tribunal report --help");
                return Err(format!("`report` has no flag `-{flag}`\n{help}"));
            }
            Value(run) => {
                options.runs.push(run.into());
                continue;
            }
        };
        *place = Some(file(parser.value().map_err(wrong)?)?);
    }
    match options.runs.is_empty() {
        true => Err(format!(
            "`report` wants runs, such as `latest`\n{}",
            see("cargo tribunal report --help")
        )),
        false => Ok(Command::Report(options)),
    }
}

fn file(value: OsString) -> Result<PathBuf, String> {
    match value.to_str() {
        Some("") => Err("a file has an empty name\n".to_owned()),
        Some("-") => Ok("/dev/stdout".into()),
        _ => Ok(value.into()),
    }
}

/// Makes them.
pub(crate) fn run(options: &ReportOptions) -> ExitCode {
    let mut err = std::io::stderr();
    let runs: Vec<PathBuf> = options
        .runs
        .iter()
        .map(|run| named(run, options.evidence.as_deref()))
        .collect();
    let log = match tribunal_render::read(&runs) {
        Ok(log) => log,
        Err(why) => {
            // Where standard error is closed, the exit code still tells.
            let _ = writeln!(err, "error: {}", clean_lines(&why));
            return ExitCode::from(WRONG);
        }
    };
    let mut reports = options.reports.clone();
    if !reports.any() {
        reports.markdown = Some("/dev/stdout".into());
    }
    reports.repository = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
    let written = reports.write(&log);
    // A reader that went away is no failure.
    let _ = std::io::stdout().write_all(written.printed.as_bytes());
    for why in &written.wrong {
        let _ = writeln!(err, "error: {}", clean_lines(why));
    }
    ExitCode::from(if written.wrong.is_empty() { 0 } else { FAILS })
}

/// `latest` is the newest run; whatever lies here under that name comes first.
pub(crate) fn named(run: &Path, evidence: Option<&Path>) -> PathBuf {
    if run != Path::new("latest") || run.exists() {
        return run.to_owned();
    }
    match evidence {
        Some(folder) => folder.join(run),
        None => crate::workspace::workspace()
            .target
            .join("tribunal")
            .join(run),
    }
}

/// Names may hold anything; lines stay lines.
fn clean_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(clean).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Command, String> {
        parse(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn runs_and_reports_are_taken_and_mistakes_are_told() {
        let expected = ReportOptions {
            runs: vec!["a".into(), "latest".into()],
            evidence: Some("e".into()),
            reports: Reports {
                junit: Some("j.xml".into()),
                ctrf: Some("/dev/stdout".into()),
                annotations: Some(Annotator::Github),
                ..Reports::default()
            },
        };
        let found = parsed(&[
            "a",
            "--junit",
            "j.xml",
            "latest",
            "--ctrf",
            "-",
            "--annotations",
            "github",
            "--evidence-dir",
            "e",
        ]);
        assert_eq!(found, Ok(Command::Report(Box::new(expected))));
        for (arguments, part) in [
            (&[][..], "wants runs"),
            (&["a", "--annotations", "gitlab"], "not for `gitlab`"),
            (&["a", "--junti", "x"], "--junit"),
            (&["a", "--junit", ""], "empty name"),
            (&["a", "--junit"], "--junit"),
            (&["-x"], "no flag `-x`"),
        ] {
            let told = parsed(arguments).unwrap_err();
            assert!(told.contains(part), "{arguments:?}: {told}");
        }
    }
}
