//! `cargo tribunal stages`: whether the stages run every test, each once, and on machines that can.
//!
//! Promise: a finding names the tests, and nothing is changed. Rejected: mending markers.toml (which step a test belongs to is for people to say).

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value};
use tribunal_events::Outcome;
use tribunal_history::History;
use tribunal_stages::{Suite, audit, in_stage};

use crate::catalog::{Found, Source};
use crate::command::{Command, clean, nearest_flag, see, wrong};

/// The stages do not partition the tests.
const FAILS: u8 = 1;
/// It cannot be told.
const WRONG: u8 = 2;
const FLAGS: [&str; 11] = [
    "run",
    "history-dir",
    "verify",
    "format",
    "help",
    "catalog",
    "binary",
    "package",
    "test",
    "features",
    "release",
];

pub(crate) const HELP: &str = "\
Checks the stages of markers.toml against the tests: every test is in some stage or says `local_only`; the steps of a stage share out its tests,
each to one step; the queue of a step is declared and its machines have what the tests need; recorded times fit the limits. docs/stages.md tells more.

Usage: cargo tribunal stages [FLAGS]

Flags:
      --verify          ask the test program as well: `--stage STAGE` and `--stage STAGE.STEP` must list what was computed here
      --history-dir DIR the history, for the time that tests take; else TRIBUNAL_HISTORY_DIR, else target/tribunal/history
      --run RUN         recorded runs in its stead: a folder, an events.jsonl, or `latest` (repeatable)
      --format text|json
      --catalog FILE    tests as `cargo test -- --run-level slow --list --format json` printed them
      --binary FILE     a test program that is built already
      --package NAME    for cargo: the package whose tests they are [default: the workspace's default members]
      --test NAME       for cargo: the test target
      --features NAMES  for cargo
      --release         for cargo
  -h, --help            print this text

JSON keys: `schema` (1; grows when a key changes its meaning or goes away), `clean`, `cases`, `local`, `in_no_stage`, `stages` [{name, cases, due,
steps [{name, queue, cases, due, limit_s, misfits}], in_no_step, in_several_steps [{name, steps}]}], `levels` [{name, cases, due, budget_s}],
`pyramid` [{kind, cases}]; `due` is {recorded_s, known, unknown}, where `recorded_s` is null if nothing was recorded.

Exit code: 0 all is well, 1 something is not, 2 it cannot be told, or the command line is wrong.
";

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct StagesOptions {
    source: Source,
    runs: Vec<PathBuf>,
    history: Option<PathBuf>,
    verify: bool,
    json: bool,
}

/// What follows `stages`.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut options = StagesOptions::default();
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Long("run") => options.runs.push(parser.value().map_err(wrong)?.into()),
            Long("history-dir") => options.history = Some(parser.value().map_err(wrong)?.into()),
            Long("verify") => options.verify = true,
            Long("format") => options.json = format(&mut parser)?,
            Long(flag) => {
                let flag = flag.to_owned();
                if !options.source.flag(&flag, &mut parser)? {
                    return Err(format!(
                        "`stages` has no flag `--{flag}`\n{}",
                        nearest_flag(&flag, &FLAGS)
                    ));
                }
            }
            Short(flag) => {
                let help = see("cargo tribunal stages --help");
                return Err(format!("`stages` has no flag `-{flag}`\n{help}"));
            }
            Value(value) => {
                let value = clean(&value.to_string_lossy());
                let help = see("cargo tribunal stages --help");
                return Err(format!("`stages` takes no argument, got `{value}`\n{help}"));
            }
        }
    }
    Ok(Command::Stages(options))
}

/// Whether JSON was asked for.
pub(crate) fn format(parser: &mut lexopt::Parser) -> Result<bool, String> {
    match &*parser.value().map_err(wrong)?.to_string_lossy() {
        "text" => Ok(false),
        "json" => Ok(true),
        other => Err(format!(
            "`{}` is no format; there are: text, json\n",
            clean(other)
        )),
    }
}

/// Audits.
pub(crate) fn run(options: &StagesOptions) -> ExitCode {
    let found = match options.source.find() {
        Ok(found) => found,
        Err(why) => return complain(&why),
    };
    let times = match options.runs.is_empty() {
        true => Ok(remembered(&found.suite, options.history.clone())),
        false => times(&options.runs),
    };
    let times = match times {
        Ok(times) => times,
        Err(why) => return complain(&why),
    };
    let expected = |case: &str| times.get(case).copied();
    let audit = audit(&found.suite, &found.vocabulary, &expected);
    let mut clean = audit.clean();
    let mut text = match options.json {
        true => format!("{:#}\n", audit.json()),
        false => audit.text(),
    };
    if options.verify {
        match verify(&found) {
            Ok(differences) if differences.is_empty() => {
                if !options.json {
                    text.push_str("the test program lists the same for every stage and step\n");
                }
            }
            Ok(differences) => {
                clean = false;
                let _ = write!(std::io::stderr(), "{differences}");
            }
            Err(why) => return complain(&why),
        }
    }
    print(&text);
    ExitCode::from(if clean { 0 } else { FAILS })
}

/// What the history lets expect of each case; nothing of those that it does not know, and of none where there is no history.
fn remembered(suite: &Suite, folder: Option<PathBuf>) -> HashMap<String, Duration> {
    let history = History::open(crate::flaky::history_folder(folder));
    for note in history.notes() {
        let _ = writeln!(std::io::stderr(), "note: {note}");
    }
    let of = |name: &String| {
        let seconds = history.expected(name)?.seconds();
        Some((name.clone(), Duration::try_from_secs_f64(seconds).ok()?))
    };
    let names = suite.cases.iter().map(|case| &case.name);
    names.filter_map(of).collect()
}

/// What the longest attempt of each case took that came to its end in these runs.
fn times(runs: &[PathBuf]) -> Result<HashMap<String, Duration>, String> {
    let mut out: HashMap<String, Duration> = HashMap::new();
    let runs: Vec<PathBuf> = runs
        .iter()
        .map(|run| crate::report::named(run, None))
        .collect();
    let log = tribunal_render::read(&runs)?;
    for case in &log.cases {
        let ends = case
            .attempts
            .iter()
            .filter_map(|attempt| attempt.ended.as_ref());
        // One that failed says little of how long it takes.
        let whole = ends.filter(|end| {
            matches!(
                end.outcome,
                Outcome::Passed
                    | Outcome::ExpectedFailure
                    | Outcome::NoBaseline
                    | Outcome::Regressed
            )
        });
        for end in whole {
            let seconds = end.times.set_up + end.times.body + end.times.teardown;
            if let Ok(time) = Duration::try_from_secs_f64(seconds) {
                let longest = out.entry(case.line.name.clone()).or_default();
                *longest = time.max(*longest);
            }
        }
    }
    Ok(out)
}

/// Writes to standard output; a reader that went away is no failure.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Says why it cannot be told.
pub(crate) fn complain(why: &str) -> ExitCode {
    // Where standard error is closed, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "error: {}", why.trim_end());
    ExitCode::from(WRONG)
}

/// Asks the programs what they would run in each stage and step.
fn verify(found: &Found) -> Result<String, String> {
    if found.programs.is_empty() {
        return Err("--verify asks a test program, and --catalog names none\nhelp: leave --catalog out, or give --binary".into());
    }
    let mut out = String::new();
    for stage in found.vocabulary.stages() {
        let computed = in_stage(&found.suite, &found.vocabulary, stage);
        let names = std::iter::once(stage.name.clone());
        let steps = stage
            .steps
            .iter()
            .map(|step| format!("{}.{}", stage.name, step.name));
        for (name, computed) in names.chain(steps).zip(computed) {
            let mut listed = Suite::default();
            for program in &found.programs {
                listed
                    .cases
                    .extend(program.list(&found.vocabulary, &["--stage", &name])?.cases);
            }
            let cases = found.suite.cases.iter().zip(computed);
            let mut here: Vec<&str> = cases
                .filter(|(_, yes)| *yes)
                .map(|(case, _)| &*case.name)
                .collect();
            let mut there: Vec<&str> = listed.cases.iter().map(|case| &*case.name).collect();
            here.sort_unstable();
            there.sort_unstable();
            for one in here.iter().filter(|one| there.binary_search(one).is_err()) {
                let _ = writeln!(out, "--stage {name} does not list `{one}`, and should");
            }
            for one in there.iter().filter(|one| here.binary_search(one).is_err()) {
                let _ = writeln!(out, "--stage {name} lists `{one}`, and should not");
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn every_flag_of_the_source_is_known_and_told() {
        for flag in catalog::FLAGS {
            assert!(FLAGS.contains(&flag), "{flag}");
            assert!(catalog::HELP.contains(&format!("--{flag} ")), "{flag}");
        }
        for help in [HELP, crate::coverage::HELP, crate::pipeline::HELP] {
            assert!(help.contains(catalog::HELP), "the same words everywhere");
        }
    }
}
