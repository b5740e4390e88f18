//! `cargo tribunal pipeline`: a pipeline for CI from the stages, or one that is written by hand, filtered by what changed.
//!
//! Promise: what is left out is told on standard error, with the reason, so that standard output is the pipeline and nothing else. Rejected: starting
//! builds by a CI system's API (that needs a token, and the agent on the machine has one).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command as Process, ExitCode, Stdio};

use lexopt::Arg::{Long, Short, Value};
use tribunal_stages::pipeline::{Ask, FilterOptions, Omitted, buildkite, filter, github, plan};
use tribunal_stages::{Narrowing, changed_files};

use crate::catalog::{Source, read};
use crate::command::{Command, clean, nearest, nearest_flag, see, wrong};
use crate::stages::{complain, print};

/// The longest pipeline or registry.
const MOST: u64 = 4 << 20;
const KINDS: [&str; 3] = ["github", "buildkite", "filter"];
const FLAGS: [&str; 14] = [
    "stage",
    "changed-since",
    "all",
    "registry",
    "group",
    "upload",
    "no-catalog",
    "help",
    "catalog",
    "binary",
    "package",
    "test",
    "features",
    "release",
];

pub(crate) const HELP: &str = "\
Prints a pipeline for CI. `github` and `buildkite` make it from the stages of markers.toml: a job for each step, deployment and shard, on the queue
that the step names. The command of a job is its local equivalent. `filter` takes a pipeline that is written by hand, leaves out the steps whose
`source_file_dependencies` name nothing that changed, and strips the key. What is left out is told on standard error. docs/stages.md tells more.

Usage: cargo tribunal pipeline github|buildkite [FLAGS]
       cargo tribunal pipeline filter FILE [FLAGS]

Flags:
      --changed-since REF  leave out what depends on nothing that changed since this branch left REF; what cannot be told stays
      --upload             hand the pipeline to `buildkite-agent pipeline upload` (buildkite and filter)
      --stage NAME         only this stage (repeatable; github and buildkite)
      --no-catalog         do not list the tests: every step stays (github and buildkite)
      --registry FILE      lists of paths by name under `source_file_dependencies` (filter)
      --group TEXT         only the top-level groups whose name has TEXT (filter)
      --all                keep every step, also with --changed-since (filter)
      --catalog FILE    tests as `cargo test -- --run-level slow --list --format json` printed them
      --binary FILE     a test program that is built already
      --package NAME    for cargo: the package whose tests they are [default: the workspace's default members]
      --test NAME       for cargo: the test target
      --features NAMES  for cargo
      --release         for cargo
  -h, --help               print this text

Exit code: 0 the pipeline was printed or uploaded, 2 it cannot be made, or the command line is wrong.
";

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct PipelineOptions {
    kind: String,
    file: Option<PathBuf>,
    source: Source,
    no_catalog: bool,
    stages: Vec<String>,
    changed_since: Option<String>,
    all: bool,
    registry: Option<PathBuf>,
    group: Option<String>,
    upload: bool,
}

/// What follows `pipeline`.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut options = PipelineOptions::default();
    let text = |parser: &mut lexopt::Parser| -> Result<String, String> {
        let value = parser.value().map_err(wrong)?;
        value
            .into_string()
            .map_err(|_| "a value is no text\n".to_owned())
    };
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Long("changed-since") => options.changed_since = Some(text(&mut parser)?),
            Long("upload") => options.upload = true,
            Long("stage") => options.stages.push(text(&mut parser)?),
            Long("no-catalog") => options.no_catalog = true,
            Long("registry") => options.registry = Some(parser.value().map_err(wrong)?.into()),
            Long("group") => options.group = Some(text(&mut parser)?),
            Long("all") => options.all = true,
            Long(flag) => {
                let flag = flag.to_owned();
                if !options.source.flag(&flag, &mut parser)? {
                    return Err(format!(
                        "`pipeline` has no flag `--{flag}`\n{}",
                        nearest_flag(&flag, &FLAGS)
                    ));
                }
            }
            Short(flag) => {
                let help = see("cargo tribunal pipeline --help");
                return Err(format!("`pipeline` has no flag `-{flag}`\n{help}"));
            }
            Value(value) if options.kind.is_empty() => {
                options.kind = value.to_string_lossy().into_owned()
            }
            Value(value) if options.kind == "filter" && options.file.is_none() => {
                options.file = Some(value.into())
            }
            Value(value) => {
                let value = clean(&value.to_string_lossy());
                return Err(format!(
                    "`{value}` is one argument too many\n{}",
                    see("cargo tribunal pipeline --help")
                ));
            }
        }
    }
    checked(options).map(Command::Pipeline)
}

/// The flags fit the kind.
fn checked(options: PipelineOptions) -> Result<PipelineOptions, String> {
    let kind = &*options.kind;
    let help = see("cargo tribunal pipeline --help");
    if !KINDS.contains(&kind) {
        let near =
            nearest(kind, &KINDS).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        return Err(match kind {
            "" => format!("`pipeline` wants one of: {}\n{help}", KINDS.join(", ")),
            _ => format!(
                "`{}` is no pipeline; there are: {}{near}\n{help}",
                clean(kind),
                KINDS.join(", ")
            ),
        });
    }
    let hand_made = kind == "filter";
    let misplaced = [
        (hand_made && !options.stages.is_empty(), "--stage"),
        (hand_made && options.no_catalog, "--no-catalog"),
        (
            hand_made && options.source != Source::default(),
            "a flag about tests",
        ),
        (!hand_made && options.registry.is_some(), "--registry"),
        (!hand_made && options.group.is_some(), "--group"),
        (!hand_made && options.all, "--all"),
        (kind == "github" && options.upload, "--upload"),
    ];
    if let Some((_, flag)) = misplaced.iter().find(|(wrong, _)| *wrong) {
        return Err(format!("`pipeline {kind}` does not go with {flag}\n{help}"));
    }
    if hand_made && options.file.is_none() {
        return Err(format!("`pipeline filter` wants a file\n{help}"));
    }
    Ok(options)
}

/// Makes the pipeline.
pub(crate) fn run(options: &PipelineOptions) -> ExitCode {
    let made = match options.kind.as_str() {
        "filter" => filtered(options),
        _ => made(options),
    };
    let text = match made {
        Ok(text) => text,
        Err(why) => return complain(&why),
    };
    if !options.upload {
        print(&text);
        return ExitCode::SUCCESS;
    }
    match upload(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => complain(&why),
    }
}

fn made(options: &PipelineOptions) -> Result<String, String> {
    let found = match options.no_catalog {
        true => None,
        false => Some(options.source.find()?),
    };
    let vocabulary = match &found {
        Some(found) => found.vocabulary.clone(),
        None => crate::deploy::vocabulary()?,
    };
    let here = std::env::current_dir().map_err(|error| error.to_string())?;
    let reference = options.changed_since.as_deref();
    let narrowing =
        reference.map(|reference| Narrowing::new(&vocabulary, changed_files(&here, reference)));
    let cargo = options
        .source
        .cargo
        .iter()
        .map(|word| word.to_string_lossy().into_owned());
    let ask = Ask {
        stages: options.stages.clone(),
        suite: found.as_ref().map(|found| &found.suite),
        narrowing: narrowing.as_ref().zip(reference),
        versions: versions(&vocabulary)?,
        cargo: cargo.collect(),
    };
    let plan = plan(&vocabulary, &ask)?;
    for note in &plan.notes {
        say("note", note);
    }
    tell(&plan.omitted);
    match options.kind.as_str() {
        "github" => github(&plan),
        _ => buildkite(&plan),
    }
}

/// The versions to which the deployments of the steps are pinned.
fn versions(v: &tribunal_vocabulary::Vocabulary) -> Result<BTreeMap<String, String>, String> {
    let mut out = BTreeMap::new();
    let steps = v.stages().iter().flat_map(|stage| &stage.steps);
    for name in steps.flat_map(|step| &step.deployments) {
        match crate::deploy::pinned(name)? {
            Ok(Some(version)) => {
                out.insert(name.clone(), version);
            }
            Ok(None) => {}
            Err(why) => {
                let first = why.lines().next().unwrap_or("");
                say(
                    "note",
                    &format!("the version of {name} cannot be told: {first}"),
                );
            }
        }
    }
    Ok(out)
}

fn filtered(options: &PipelineOptions) -> Result<String, String> {
    let Some(file) = &options.file else {
        return Err("`pipeline filter` wants a file".into());
    };
    let text = read(file, MOST)?;
    let registry = options
        .registry
        .as_deref()
        .map(|file| read(file, MOST))
        .transpose()?;
    let here = std::env::current_dir().map_err(|error| error.to_string())?;
    let changed = match (&options.changed_since, options.all) {
        (_, true) => Some(Err("--all was given".to_owned())),
        (Some(reference), false) => Some(changed_files(&here, reference)),
        (None, false) => None,
    };
    let wanted = FilterOptions {
        changed,
        registry,
        group: options.group.clone(),
    };
    let filtered =
        filter(&text, &wanted).map_err(|error| format!("{}: {error}", file.display()))?;
    if let Some(why) = &filtered.everything {
        say("note", &format!("every step stays: {why}"));
    }
    tell(&filtered.omitted);
    Ok(filtered.text)
}

fn tell(omitted: &[Omitted]) {
    for one in omitted {
        say("left out", &format!("{}: {}", one.what, one.why));
    }
}

fn say(what: &str, text: &str) {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    // Where standard error is closed the pipeline is still made.
    let _ = writeln!(std::io::stderr(), "{what}: {text}");
}

/// Hands the pipeline to the agent.
fn upload(text: &str) -> Result<(), String> {
    let mut agent = Process::new("buildkite-agent")
        .args(["pipeline", "upload"])
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| format!("buildkite-agent cannot be started: {error}\nhelp: --upload works within a build; without it the pipeline is printed"))?;
    let written = match agent.stdin.take() {
        Some(mut stdin) => stdin.write_all(text.as_bytes()),
        None => Ok(()),
    };
    let status = agent
        .wait()
        .map_err(|error| format!("buildkite-agent cannot be waited for: {error}"))?;
    written.map_err(|error| format!("buildkite-agent did not read the pipeline: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("buildkite-agent ended with {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Command, String> {
        crate::command::parse(line.split_whitespace().map(Into::into).collect())
    }

    #[test]
    fn flags_fit_the_kind() {
        for line in [
            "pipeline github",
            "pipeline buildkite --upload --changed-since main --stage nightly --stage weekly",
            "pipeline filter x.yml --registry y.yml --group E2E --all --upload",
            "pipeline github --package suites --test suites --no-catalog",
        ] {
            assert!(
                matches!(words(line), Ok(Command::Pipeline(_))),
                "{line}: {:?}",
                words(line)
            );
        }
        for (line, said) in [
            ("pipeline", "wants one of: github, buildkite, filter"),
            ("pipeline githob", "did you mean `github`?"),
            ("pipeline filter", "wants a file"),
            (
                "pipeline filter x --stage nightly",
                "does not go with --stage",
            ),
            (
                "pipeline filter x --catalog y",
                "does not go with a flag about tests",
            ),
            ("pipeline github --upload", "does not go with --upload"),
            ("pipeline github x", "one argument too many"),
            (
                "pipeline github --registry x",
                "does not go with --registry",
            ),
            (
                "pipeline github --changed-sinse x",
                "did you mean `--changed-since`?",
            ),
        ] {
            let error = words(line).unwrap_err();
            assert!(error.contains(said), "{line}: {error}");
        }
    }
}
