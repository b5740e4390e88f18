//! `cargo tribunal nodes`: what a file of several nodes means, before anything is started anywhere.
//!
//! Promise: nothing is started, sent or written; a mistake is exit code 2, with all others that there are. Rejected: asking the nodes for their addresses
//! (`show` says which variables stand for them, so that it can be read anywhere).

mod show;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};
use serde_json::json;
use tribunal_deploy::Problems;
use tribunal_nodes::NodesFile;
use tribunal_workload::{DataTable, Lookups};

use crate::command::{Command, clean, nearest, nearest_flag, see, wrong};
use crate::workload::{roots, show::problems};

/// A file is wrong, or the command line.
const WRONG: u8 = 2;

/// What was asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct NodesOptions {
    show: bool,
    files: Vec<String>,
    json: bool,
}

const WORDS: [&str; 2] = ["check", "show"];
const FLAGS: [&str; 2] = ["format", "help"];

pub(crate) const HELP: &str = "\
Checks or shows files of several nodes, as vLLM-Ascend's nightly tests have them: docs/nodes.md. Nothing is started.

Usage: cargo tribunal nodes check FILE... [--format text|json]
       cargo tribunal nodes show FILE... [--format text|json]

  check    every mistake of the files, each with its line; and what is read but not acted on
  show     what would run where: command, environment and ports of every process, the proxy, the pool, the benchmarks

What only a run knows stays a variable: ${LOCAL_IP}, ${MASTER_IP}, ${NODE_0_IP}, ${NIC_NAME}, ${PROXY_PORT}, and the names of free ports.

Flags:
      --format text|json    how it is printed
  -h, --help                print this text

Environment: TRIBUNAL_DATA says where data sets of benchmarks lie, as for `cargo tribunal workload`.

JSON: `schema` (1; grows when a key changes its meaning or goes away), `files` [{file, form, notes [{line, text}], layouts
[{name, test_name, line, model, npus_per_node, nodes [{index, role, master, headless, free_ports, line, processes [{name, role,
line, port, rank, devices, env, command}]}], proxy, pool, hosts, dependencies, benchmarks [{name, purpose, line}]}]}],
`problems` [{file, line, column, message, help}].

Exit code: 0 nothing is wrong, 2 a file or the command line is.
";

/// What the rest of the arguments asks for.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut word = None;
    let mut options = NodesOptions {
        show: false,
        files: Vec::new(),
        json: false,
    };
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Long("format") => {
                options.json = match &*text(parser.value().map_err(wrong)?)? {
                    "text" => false,
                    "json" => true,
                    other => {
                        return Err(format!(
                            "`{}` is no format; there are: text, json\n",
                            clean(other)
                        ));
                    }
                };
            }
            Long(flag) => {
                return Err(format!(
                    "`nodes` has no flag `--{flag}`\n{}",
                    nearest_flag(flag, &FLAGS)
                ));
            }
            Short(flag) => {
                return Err(format!(
                    "`nodes` has no flag `-{flag}`\n{}",
                    see("cargo tribunal nodes --help")
                ));
            }
            Value(value) => {
                let value = text(value)?;
                match word {
                    None => word = Some(value),
                    Some(_) => options.files.push(value),
                }
            }
        }
    }
    let help = || see("cargo tribunal nodes --help");
    match word.as_deref() {
        Some(word) if WORDS.contains(&word) && options.files.is_empty() => {
            Err(format!("`nodes {word}` wants files\n{}", help()))
        }
        Some(word) if WORDS.contains(&word) => Ok(Command::Nodes(NodesOptions {
            show: word == "show",
            ..options
        })),
        Some(word) => {
            let word = clean(word);
            Err(match nearest(&word, &WORDS) {
                Some(near) => format!(
                    "`nodes` cannot `{word}`\nhelp: did you mean `cargo tribunal nodes {near}`?\n"
                ),
                None => format!("`nodes` cannot `{word}`; it can: check, show\n"),
            })
        }
        None => Err(format!("`nodes` wants one of: check, show\n{}", help())),
    }
}

fn text(value: std::ffi::OsString) -> Result<String, String> {
    value
        .into_string()
        .map_err(|value| format!("`{}` is not UTF-8\n", clean(&value.to_string_lossy())))
}

/// Does it.
pub(crate) fn run(options: &NodesOptions) -> ExitCode {
    let (out, told, right) = answer(options);
    // A reader that went away (`| head`) is no failure.
    let _ = std::io::stdout().write_all(out.as_bytes());
    let _ = std::io::stderr().write_all(told.as_bytes());
    if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(WRONG)
    }
}

/// What goes to standard output and to standard error, and whether nothing is wrong.
fn answer(options: &NodesOptions) -> (String, String, bool) {
    let told = |text: String| (String::new(), text, false);
    let vocabulary = match crate::deploy::vocabulary() {
        Ok(vocabulary) => vocabulary,
        Err(why) => return told(why),
    };
    let mut data = DataTable::default();
    let twin = std::env::var("TRIBUNAL_DATA").unwrap_or_default();
    for pair in twin.split(';').filter(|pair| !pair.trim().is_empty()) {
        if let Err(why) = data.add(pair) {
            return told(format!("error: {why}\n"));
        }
    }
    let roots = roots();
    let lookups = Lookups {
        vocabulary: &vocabulary,
        data: &data,
        roots: &roots,
    };
    let mut read = Vec::new();
    let mut wrong: Option<Problems> = None;
    for file in &options.files {
        match NodesFile::read(Path::new(file), &lookups) {
            Ok(file) => read.push(file),
            Err(found) => match &mut wrong {
                None => wrong = Some(found),
                Some(all) => all.extend(found),
            },
        }
    }
    if options.json {
        let files: Vec<_> = read.iter().map(show::json).collect();
        let problems = wrong.as_ref().map(problems).unwrap_or_default();
        let out = json!({ "schema": 1, "files": files, "problems": problems });
        return (format!("{out:#}\n"), String::new(), wrong.is_none());
    }
    let out = read
        .iter()
        .map(|file| {
            if options.show {
                show::layouts(file)
            } else {
                show::summary(file)
            }
        })
        .collect();
    match wrong {
        None => (out, String::new(), true),
        Some(found) => (out, format!("{found}\n"), false),
    }
}
