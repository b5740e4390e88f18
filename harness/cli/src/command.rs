//! The command line: verbs, flags, and an answer to each mistake.
//!
//! Promise: a pure function of the arguments; nothing unknown is ignored, and every mistake names the nearest thing that exists.
//! Rejected: clap (its compile time is most of what this program would take to build in a fresh clone).

use std::ffi::OsString;

use lexopt::Arg::{Long, Short, Value};

use crate::baseline;
use crate::coverage;
use crate::deploy::{self, DeployCommand};
use crate::devices::{self, DevicesOptions};
use crate::faults;
use crate::flaky;
use crate::k8s;
use crate::model::{self, MODEL_HELP};
use crate::nodes;
use crate::pipeline;
use crate::profile;
use crate::report;
use crate::soak;
use crate::stages;
use crate::traffic;
use crate::workload;

/// What was asked for.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    /// Print this text.
    Help(&'static str),
    Version,
    Doctor(DoctorOptions),
    Baseline(baseline::BaselineOptions),
    Coverage(coverage::CoverageOptions),
    Deploy(DeployCommand),
    Devices(DevicesOptions),
    Faults(faults::FaultsOptions),
    Flaky(flaky::FlakyOptions),
    Kubernetes(Box<k8s::K8sOptions>),
    Model(crate::model::ModelOptions),
    Nodes(crate::nodes::NodesOptions),
    Pipeline(pipeline::PipelineOptions),
    Profile(Box<crate::profile::ProfileOptions>),
    Report(Box<report::ReportOptions>),
    Soak(soak::SoakOptions),
    Stages(stages::StagesOptions),
    Traffic(crate::traffic::TrafficOptions),
    Workload(crate::workload::WorkloadOptions),
    /// The hidden verb of the child that tries namespaces.
    Namespaces,
    /// The hidden verb of the server of `traffic selftest`.
    KnownDelayServer,
}

/// The flags of `doctor`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct DoctorOptions {
    pub(crate) no_devices: bool,
    pub(crate) json: bool,
}

/// The hidden verb of [`Command::Namespaces`].
pub(crate) const NAMESPACES: &str = "__namespaces";

const VERBS: [&str; 18] = [
    "baseline",
    "coverage",
    "deploy",
    "devices",
    "doctor",
    "faults",
    "flaky",
    "k8s",
    "model",
    "nodes",
    "pipeline",
    "profile-vram",
    "report",
    "soak",
    "stages",
    "traffic",
    "workload",
    "help",
];
const FLAGS: [&str; 2] = ["help", "version"];
const DOCTOR_FLAGS: [&str; 3] = ["no-devices", "json", "help"];

pub(crate) const HELP: &str = "\
Tribunal beside `cargo test`: what works on this machine, and what to do about the rest.

Usage: cargo tribunal <VERB> [FLAGS]

Verbs:
  baseline        the accepted runs that performance tests compare with
  coverage        which models, features and deployments have tests, at which levels, and which lack some
  deploy          show, list or check deployments before anything starts
  devices         the accelerators, who uses them, and who has a right to
  doctor          check what tests and deployments need, each with its remedy
  faults          break a deployment that `cargo test -- --hold` holds open, by hand
  flaky           which cases fail now and then, and which fail since some commit
  k8s             run suites and files of several nodes on a Kubernetes cluster, or print what would be created there
  model           where the name of a model leads; write tiny models with known answers
  nodes           check or show files of several nodes: what would run where, and what is measured
  pipeline        print a pipeline for CI from the stages, or filter one by what changed
  profile-vram    measure how much device memory a test needs, and which markers follow from it
  report          make reports of runs from their event logs: JUnit, Markdown, a trace and more
  soak            judge journals of soaks, also of those that were killed
  stages          check that the stages run every test, each once, and on machines that can
  traffic         measure how exactly this machine sends and reads load
  workload        check or show workload files: what is sent, step by step, and what its figures must keep to
  help            print this text; `cargo tribunal help <VERB>` tells about one verb

Flags:
  -h, --help       print this text
  -V, --version    print the version

The tests themselves run with `cargo test`; `cargo test -- --help` lists what they understand.
";

pub(crate) const DOCTOR_HELP: &str = "\
Checks what works on this machine: the toolchain, programs that deployments need, the kernel's means to contain
processes, ports, memory, limits, devices, model files, disk and clock. Each check ends in one of
  ok          it works
  warn        it is missing or tight; only some tests need it, and the remedy says which
  FAIL        `cargo test` itself needs it
  not made    it was not looked at, or could not be
Nothing is changed, and no value of a token or of another secret is printed.

Usage: cargo tribunal doctor [FLAGS]

Flags:
      --no-devices    do not look for accelerators (drivers are not touched)
      --json          print one JSON object instead of text
  -h, --help          print this text

JSON keys: `schema` (1; grows when a key changes its meaning or goes away), `program`, `version`,
`summary` {ok, warn, fail, not_made}, `findings` [{id, group, title, state, found, remedy}] with `state` one of
ok, warn, fail, not_made, and `remedy` null where the state is ok; `devices` null with --no-devices, else
[{platform, index, uuid, name, memory_total_gib, memory_used_gib, visible}], where null memory is unmeasured;
`device_notes` [{platform, source, kind, text}].

Environment: NO_COLOR (any value) switches colours off; they are also off where the output is no terminal.

Exit code: 0 nothing failed, 1 something that is required failed, 2 the command line is wrong.
";

/// What the arguments (without the program's own name) ask for.
///
/// # Errors
/// A text of one or several lines that says what is wrong and what would be right.
pub(crate) fn parse(mut arguments: Vec<OsString>) -> Result<Command, String> {
    // Cargo starts `cargo-tribunal tribunal doctor` for `cargo tribunal doctor`.
    if arguments.first().is_some_and(|first| first == "tribunal") {
        arguments.remove(0);
    }
    let mut parser = lexopt::Parser::from_args(arguments);
    match parser.next().map_err(wrong)? {
        None => Err(format!("a verb is missing\n\n{HELP}")),
        Some(Short('h') | Long("help")) => Ok(Command::Help(HELP)),
        Some(Short('V') | Long("version")) => Ok(Command::Version),
        Some(Value(verb)) if verb == "doctor" => doctor(parser),
        Some(Value(verb)) if verb == "baseline" => baseline::parse(parser),
        Some(Value(verb)) if verb == "coverage" => coverage::parse(parser),
        Some(Value(verb)) if verb == "deploy" => deploy::parse(parser),
        Some(Value(verb)) if verb == "devices" => devices::parse(parser),
        Some(Value(verb)) if verb == "faults" => faults::parse(parser),
        Some(Value(verb)) if verb == "flaky" => flaky::parse(parser),
        Some(Value(verb)) if verb == "k8s" => k8s::parse(parser),
        Some(Value(verb)) if verb == "model" => model::parse(parser),
        Some(Value(verb)) if verb == "nodes" => nodes::parse(parser),
        Some(Value(verb)) if verb == "pipeline" => pipeline::parse(parser),
        Some(Value(verb)) if verb == "profile-vram" => profile::parse(parser),
        Some(Value(verb)) if verb == "report" => report::parse(parser),
        Some(Value(verb)) if verb == "soak" => soak::parse(parser),
        Some(Value(verb)) if verb == "stages" => stages::parse(parser),
        Some(Value(verb)) if verb == "workload" => workload::parse(parser),
        Some(Value(verb)) if verb == "traffic" => traffic::parse(parser),
        Some(Value(verb)) if verb == "help" => help(parser),
        Some(Value(verb)) if verb == traffic::SERVER => Ok(Command::KnownDelayServer),
        Some(Value(verb)) if verb == NAMESPACES => Ok(Command::Namespaces),
        Some(Value(verb)) => Err(unknown_verb(&verb.to_string_lossy())),
        Some(Long(flag)) => {
            // A flag of the verb before the verb is the likeliest mistake.
            let of_doctor = DOCTOR_FLAGS.contains(&flag);
            let hint = if of_doctor {
                format!("help: `cargo tribunal doctor --{flag}`\n")
            } else if flag == "attach" {
                "help: `cargo tribunal faults --attach SOCKET`\n".to_owned()
            } else if model::has_flag(flag) {
                format!("help: `cargo tribunal model … --{flag}`\n")
            } else if profile::FLAGS.contains(&flag) {
                format!("help: `cargo tribunal profile-vram <TEST> --{flag}`\n")
            } else {
                nearest_flag(flag, &FLAGS)
            };
            Err(format!("unknown flag `--{flag}` before the verb\n{hint}"))
        }
        Some(Short(flag)) => Err(format!(
            "unknown flag `-{flag}` before the verb\n{}",
            see("cargo tribunal --help")
        )),
    }
}

fn doctor(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut options = DoctorOptions::default();
    loop {
        match parser.next().map_err(wrong)? {
            None => return Ok(Command::Doctor(options)),
            Some(Long("no-devices")) => options.no_devices = true,
            Some(Long("json")) => options.json = true,
            Some(Short('h') | Long("help")) => return Ok(Command::Help(DOCTOR_HELP)),
            Some(Long(flag)) => {
                return Err(format!(
                    "`doctor` has no flag `--{flag}`\n{}",
                    nearest_flag(flag, &DOCTOR_FLAGS)
                ));
            }
            Some(Short(flag)) => {
                return Err(format!(
                    "`doctor` has no flag `-{flag}`\n{}",
                    see("cargo tribunal doctor --help")
                ));
            }
            Some(Value(value)) => {
                let value = clean(&value.to_string_lossy());
                return Err(format!(
                    "`doctor` takes no argument, got `{value}`\n{}",
                    see("cargo tribunal doctor --help")
                ));
            }
        }
    }
}

fn help(mut parser: lexopt::Parser) -> Result<Command, String> {
    match parser.next().map_err(wrong)? {
        None => Ok(Command::Help(HELP)),
        Some(Value(verb)) if verb == "doctor" => Ok(Command::Help(DOCTOR_HELP)),
        Some(Value(verb)) if verb == "baseline" => Ok(Command::Help(baseline::HELP)),
        Some(Value(verb)) if verb == "coverage" => Ok(Command::Help(coverage::HELP)),
        Some(Value(verb)) if verb == "deploy" => Ok(Command::Help(deploy::HELP)),
        Some(Value(verb)) if verb == "devices" => Ok(Command::Help(devices::HELP)),
        Some(Value(verb)) if verb == "faults" => Ok(Command::Help(faults::HELP)),
        Some(Value(verb)) if verb == "flaky" => Ok(Command::Help(flaky::HELP)),
        Some(Value(verb)) if verb == "k8s" => Ok(Command::Help(k8s::HELP)),
        Some(Value(verb)) if verb == "model" => Ok(Command::Help(MODEL_HELP)),
        Some(Value(verb)) if verb == "nodes" => Ok(Command::Help(nodes::HELP)),
        Some(Value(verb)) if verb == "pipeline" => Ok(Command::Help(pipeline::HELP)),
        Some(Value(verb)) if verb == "profile-vram" => Ok(Command::Help(profile::HELP)),
        Some(Value(verb)) if verb == "report" => Ok(Command::Help(report::HELP)),
        Some(Value(verb)) if verb == "soak" => Ok(Command::Help(soak::HELP)),
        Some(Value(verb)) if verb == "stages" => Ok(Command::Help(stages::HELP)),
        Some(Value(verb)) if verb == "workload" => Ok(Command::Help(workload::HELP)),
        Some(Value(verb)) if verb == "traffic" => Ok(Command::Help(traffic::HELP)),
        Some(Value(verb)) if verb == "help" => Ok(Command::Help(HELP)),
        Some(Value(verb)) => Err(unknown_verb(&verb.to_string_lossy())),
        Some(_) => Err(format!(
            "`help` has no flags\n{}",
            see("cargo tribunal --help")
        )),
    }
}

fn unknown_verb(verb: &str) -> String {
    let verb = clean(verb);
    match nearest(&verb, &VERBS) {
        Some(near) => {
            format!("unknown verb `{verb}`\nhelp: did you mean `cargo tribunal {near}`?\n")
        }
        None => format!(
            "unknown verb `{verb}`; there are: {}\n{}",
            VERBS.join(", "),
            see("cargo tribunal --help")
        ),
    }
}

pub(crate) fn nearest_flag(flag: &str, flags: &[&str]) -> String {
    match nearest(flag, flags) {
        Some(near) => format!("help: did you mean `--{near}`?\n"),
        None => {
            let all: Vec<String> = flags.iter().map(|flag| format!("--{flag}")).collect();
            format!("help: there are {}\n", all.join(", "))
        }
    }
}

/// The nearest word, if it is near enough to be meant: at most a third of the letters differ, and always one may.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

pub(crate) fn see(command: &str) -> String {
    format!("help: see `{command}`\n")
}

pub(crate) fn wrong(error: lexopt::Error) -> String {
    format!(
        "{}\n{}",
        clean(&error.to_string()),
        see("cargo tribunal --help")
    )
}

/// Text from outside for one line on a terminal: no control characters, not endless.
pub(crate) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from).collect())
    }

    #[test]
    fn what_is_understood() {
        let doctor = |no_devices, json| Command::Doctor(DoctorOptions { no_devices, json });
        for (line, expected) in [
            ("doctor", doctor(false, false)),
            ("tribunal doctor", doctor(false, false)),
            ("doctor --no-devices", doctor(true, false)),
            ("tribunal doctor --json --no-devices", doctor(true, true)),
            ("doctor --json --json", doctor(false, true)),
            ("--help", Command::Help(HELP)),
            ("tribunal -h", Command::Help(HELP)),
            ("help", Command::Help(HELP)),
            ("help doctor", Command::Help(DOCTOR_HELP)),
            ("help model", Command::Help(MODEL_HELP)),
            ("tribunal model --help", Command::Help(MODEL_HELP)),
            ("doctor --help", Command::Help(DOCTOR_HELP)),
            ("doctor --json -h", Command::Help(DOCTOR_HELP)),
            ("help baseline", Command::Help(baseline::HELP)),
            ("help deploy", Command::Help(deploy::HELP)),
            ("help devices", Command::Help(devices::HELP)),
            ("deploy list --help", Command::Help(deploy::HELP)),
            ("-V", Command::Version),
            ("--version", Command::Version),
            ("help traffic", Command::Help(traffic::HELP)),
            ("traffic selftest --help", Command::Help(traffic::HELP)),
            ("__namespaces", Command::Namespaces),
            ("__known-delay-server", Command::KnownDelayServer),
        ] {
            assert_eq!(parse_words(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn mistakes_name_what_would_be_right() {
        for (line, expected) in [
            (
                "docter",
                "unknown verb `docter`\nhelp: did you mean `cargo tribunal doctor`?\n",
            ),
            (
                "tribunal dcotor",
                "unknown verb `dcotor`\nhelp: did you mean `cargo tribunal doctor`?\n",
            ),
            (
                "profile",
                "unknown verb `profile`; there are: baseline, coverage, deploy, devices, doctor, faults, flaky, k8s, model, nodes, pipeline, profile-vram, report, soak, stages, traffic, workload, help\nhelp: see `cargo tribunal --help`\n",
            ),
            (
                "help doktor",
                "unknown verb `doktor`\nhelp: did you mean `cargo tribunal doctor`?\n",
            ),
            (
                "doctor --no-device",
                "`doctor` has no flag `--no-device`\nhelp: did you mean `--no-devices`?\n",
            ),
            (
                "doctor --jsno",
                "`doctor` has no flag `--jsno`\nhelp: did you mean `--json`?\n",
            ),
            (
                "doctor --quick",
                "`doctor` has no flag `--quick`\nhelp: there are --no-devices, --json, --help\n",
            ),
            (
                "doctor -x",
                "`doctor` has no flag `-x`\nhelp: see `cargo tribunal doctor --help`\n",
            ),
            (
                "doctor now",
                "`doctor` takes no argument, got `now`\nhelp: see `cargo tribunal doctor --help`\n",
            ),
            (
                "--json doctor",
                "unknown flag `--json` before the verb\nhelp: `cargo tribunal doctor --json`\n",
            ),
            (
                "--out x model",
                "unknown flag `--out` before the verb\nhelp: `cargo tribunal model … --out`\n",
            ),
            (
                "--hepl",
                "unknown flag `--hepl` before the verb\nhelp: did you mean `--help`?\n",
            ),
        ] {
            assert_eq!(parse_words(line).unwrap_err(), expected, "{line}");
        }
        assert!(
            parse_words("")
                .unwrap_err()
                .starts_with("a verb is missing")
        );
        assert!(parse_words("tribunal").unwrap_err().contains("Verbs:"));
        assert!(
            parse_words("doctor --json=yes")
                .unwrap_err()
                .contains("--json")
        );
    }

    #[test]
    fn arguments_that_are_no_text_are_refused_without_tearing_the_terminal() {
        let mistake = parse(vec!["\u{1b}[31mdoc".into()]).unwrap_err();
        assert!(!mistake.contains('\u{1b}'), "{mistake}");
    }

    #[test]
    fn the_help_names_every_verb_and_flag() {
        for verb in VERBS {
            assert!(HELP.contains(&format!("  {verb} ")), "{verb}");
        }
        for flag in DOCTOR_FLAGS {
            assert!(DOCTOR_HELP.contains(&format!("--{flag} ")), "{flag}");
        }
        assert!(
            HELP.lines()
                .chain(DOCTOR_HELP.lines())
                .all(|line| line.len() <= 120)
        );
    }
}
