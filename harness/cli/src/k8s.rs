//! `cargo tribunal k8s`: files of several nodes and shards of suites on a Kubernetes cluster.
//!
//! Promise: `render` asks no cluster and needs nothing that is off by default; every other verb deletes nothing that is not of the run that it was given. Rejected:
//! the driver in every build of this program (its client is three times what the rest takes to compile, and few have a cluster).

#[cfg(feature = "kubernetes")]
mod driver;
mod given;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};
use tribunal_kubernetes::RunId;

use crate::command::{Command, clean, nearest, nearest_flag, see, wrong};
use given::Given;

/// The command line, a file or the settings are wrong.
const WRONG: u8 = 2;

const WORDS: [&str; 6] = ["render", "run", "status", "logs", "collect", "delete"];
const FLAGS: [&str; 12] = [
    "settings",
    "like",
    "shards",
    "name",
    "run",
    "context",
    "namespace",
    "out",
    "node",
    "start-limit",
    "schedule-limit",
    "help",
];

pub(crate) const HELP: &str = "\
Runs on a Kubernetes cluster: docs/kubernetes.md. A file of several nodes becomes a LeaderWorkerSet with a pod for each
node; --shards makes an Indexed Job, each pod of which runs its part of a suite.

Usage: cargo tribunal k8s render FILE|--shards N --settings FILE.toml [--like FILE.yaml] [FLAGS]
       cargo tribunal k8s run    FILE|--shards N --settings FILE.toml [--like FILE.yaml] [FLAGS]
       cargo tribunal k8s status [--run ID]
       cargo tribunal k8s logs|collect|delete --run ID

  render   print what would be created. No cluster is asked
  run      create it, follow the log, collect the evidence, delete everything; also after Ctrl-C (a second one hurries)
  status   the pods of a run, or of all runs in the namespace, and what is wrong with them
  logs     the log of a node, as it is written
  collect  logs, pods, events and evidence of a run, into a folder
  delete   all that has the label of a run, and nothing else

Flags:
      --settings FILE        image, resources, volumes …: TOML with a table [kubernetes]
      --like FILE            a manifest with a LeaderWorkerSet that was used until now: what the settings do not say is
                             taken from it, and what is not taken is told
      --shards N             a suite in N parts, instead of a file of nodes
      --name NAME            what the objects of shards are called [default: suite]
      --run ID               the run: six letters and digits, the end of its objects' names
                             [render: made of its inputs; run: drawn]
      --context NAME         the context of the cluster [default: the current one, or that of the pod]
      --namespace NAME       the namespace [default: that of the settings, then that of the context]
      --out DIR              where evidence is written [default: target/tribunal/k8s/NAME]
      --node I               whose log it is [default: 0]
      --start-limit S        seconds until all pods are ready [default: 1200]
      --schedule-limit S     seconds that a pod may wait for a machine [default: 300]
  -h, --help                 print this text

All verbs but `render` need the feature `kubernetes` of this program: `cargo run -p cargo-tribunal --features kubernetes --
k8s run …`, or `cargo install --path harness/cli --features kubernetes`.

Environment: KUBECONFIG; TRIBUNAL_DATA as for `cargo tribunal nodes`.

Exit code: 0 done; of `run` that of the harness (101: something failed), 1 where it did not come to one or something could
not be deleted, 130 after Ctrl-C; 2 the command line, a file or the settings are wrong.
";

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct K8sOptions {
    word: String,
    file: Option<PathBuf>,
    settings: Option<PathBuf>,
    like: Option<PathBuf>,
    shards: Option<u32>,
    name: Option<String>,
    run: Option<RunId>,
    context: Option<String>,
    namespace: Option<String>,
    out: Option<PathBuf>,
    node: Option<usize>,
    start_limit: Option<u64>,
    schedule_limit: Option<u64>,
}

/// What the rest of the arguments asks for.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut options = K8sOptions::default();
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Long("settings") => options.settings = Some(parser.value().map_err(wrong)?.into()),
            Long("like") => options.like = Some(parser.value().map_err(wrong)?.into()),
            Long("out") => options.out = Some(parser.value().map_err(wrong)?.into()),
            Long("shards") => options.shards = Some(number(&mut parser, "--shards")?),
            Long("node") => options.node = Some(number(&mut parser, "--node")?),
            Long("start-limit") => {
                options.start_limit = Some(number(&mut parser, "--start-limit")?)
            }
            Long("schedule-limit") => {
                options.schedule_limit = Some(number(&mut parser, "--schedule-limit")?)
            }
            Long("name") => options.name = Some(text(&mut parser)?),
            Long("context") => options.context = Some(text(&mut parser)?),
            Long("namespace") => options.namespace = Some(text(&mut parser)?),
            Long("run") => {
                options.run =
                    Some(RunId::parse(&text(&mut parser)?).map_err(|why| format!("{why}\n"))?)
            }
            Long(flag) => {
                return Err(format!(
                    "`k8s` has no flag `--{flag}`\n{}",
                    nearest_flag(flag, &FLAGS)
                ));
            }
            Short(flag) => {
                return Err(format!(
                    "`k8s` has no flag `-{flag}`\n{}",
                    see("cargo tribunal k8s --help")
                ));
            }
            Value(value) if options.word.is_empty() => {
                options.word = value.to_string_lossy().into_owned()
            }
            Value(value) if options.file.is_none() => options.file = Some(value.into()),
            Value(value) => {
                return Err(format!(
                    "`k8s` takes one file; what is `{}`?\n{}",
                    clean(&value.to_string_lossy()),
                    see("cargo tribunal k8s --help")
                ));
            }
        }
    }
    checked(options).map(|options| Command::Kubernetes(Box::new(options)))
}

fn checked(options: K8sOptions) -> Result<K8sOptions, String> {
    let help = || see("cargo tribunal k8s --help");
    let word = clean(&options.word);
    match &*word {
        "" => Err(format!(
            "`k8s` wants one of: {}\n{}",
            WORDS.join(", "),
            help()
        )),
        "render" | "run" => match (&options.file, options.shards) {
            (Some(_), Some(_)) => Err(format!(
                "`k8s {word}` takes a file of nodes or --shards, not both\n{}",
                help()
            )),
            (None, None) => Err(format!(
                "`k8s {word}` wants a file of nodes, or --shards N\n{}",
                help()
            )),
            _ => Ok(options),
        },
        "status" | "logs" | "collect" | "delete" => {
            if options.file.is_some() || options.shards.is_some() {
                return Err(format!(
                    "`k8s {word}` takes no file: --run says which run\n{}",
                    help()
                ));
            }
            if options.run.is_none() && word != "status" {
                return Err(format!(
                    "`k8s {word}` wants --run ID\nhelp: `cargo tribunal k8s status` lists the runs\n"
                ));
            }
            Ok(options)
        }
        _ => Err(match nearest(&word, &WORDS) {
            Some(near) => {
                format!("`k8s` cannot `{word}`\nhelp: did you mean `cargo tribunal k8s {near}`?\n")
            }
            None => format!("`k8s` cannot `{word}`; it can: {}\n", WORDS.join(", ")),
        }),
    }
}

fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    let value = parser.value().map_err(wrong)?;
    value
        .into_string()
        .map_err(|value| format!("`{}` is not UTF-8\n", clean(&value.to_string_lossy())))
}

fn number<N: std::str::FromStr>(parser: &mut lexopt::Parser, flag: &str) -> Result<N, String> {
    let text = text(parser)?;
    text.parse()
        .map_err(|_| format!("{flag} takes a whole number, not `{}`\n", clean(&text)))
}

/// Does it.
pub(crate) fn run(options: &K8sOptions) -> ExitCode {
    if options.word == "render" {
        return render(options);
    }
    drive(options)
}

fn render(options: &K8sOptions) -> ExitCode {
    let manifest = Given::read(options).and_then(|given| given.manifest(options.run.clone()));
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(why) => return complain(&why),
    };
    for note in &manifest.notes {
        let _ = writeln!(std::io::stderr(), "note: {note}");
    }
    // A reader that went away (`| head`) is no failure.
    let _ = std::io::stdout().write_all(manifest.yaml().as_bytes());
    ExitCode::SUCCESS
}

fn complain(why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {}", why.trim_end());
    ExitCode::from(WRONG)
}

#[cfg(feature = "kubernetes")]
fn drive(options: &K8sOptions) -> ExitCode {
    driver::drive(options)
}

#[cfg(not(feature = "kubernetes"))]
fn drive(options: &K8sOptions) -> ExitCode {
    // Read all the same: a mistake in them is told before anybody waits for a build.
    if options.word == "run"
        && let Err(why) = Given::read(options).and_then(|given| given.manifest(options.run.clone()))
    {
        return complain(&why);
    }
    complain(&format!(
        "`k8s {}` talks to a cluster, and this program was built without that\nhelp: `cargo run -p cargo-tribunal --features kubernetes -- k8s {}`, or `cargo install --path harness/cli --features kubernetes`",
        options.word, options.word
    ))
}
