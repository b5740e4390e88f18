//! `cargo tribunal workload`: what a workload file means, before anything is sent.
//!
//! Promise: nothing is started, sent or written; a mistake is exit code 2, with all others that there are. Rejected: a word for each sort of file (the end
//! of a name says what it is).

pub(crate) mod show;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};
use serde_json::json;
use tribunal_deploy::Problems;
use tribunal_workload::{BenchServer, DataTable, Lookups, Workload};

use crate::command::{Command, clean, nearest, nearest_flag, see, wrong};

/// A workload is wrong, or the command line.
const WRONG: u8 = 2;

/// What was asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct WorkloadOptions {
    show: bool,
    files: Vec<String>,
    data: Vec<String>,
    json: bool,
    vllm_bench: bool,
}

const WORDS: [&str; 2] = ["check", "show"];
const FLAGS: [&str; 4] = ["data", "format", "vllm-bench", "help"];

pub(crate) const HELP: &str = "\
Checks or shows workload files: what is sent to a server, step by step, and what its figures must keep to. Nothing is sent.
JSON of vLLM-Omni's performance and stability tests, YAML of vLLM-Ascend's benchmarks, TOML: docs/workloads.md.

Usage: cargo tribunal workload check FILE... [--data NAME=FILE]... [--format text|json]
       cargo tribunal workload show FILE [--data NAME=FILE]... [--format text|json] [--vllm-bench]

  check    every mistake of the files, each with its place; and what cannot be run here, with the reason
  show     the steps of a file: load, data set, limits

Flags:
      --data NAME=FILE      where a data set lies on this machine, one question a line in JSON; may stand several times
      --format text|json    how it is printed
      --vllm-bench          print each step as a command of `vllm bench serve`
  -h, --help                print this text

Environment: TRIBUNAL_DATA holds NAME=FILE as --data does, several with semicolons between them.

JSON: `schema` (1; grows when a key changes its meaning or goes away), `files` [{file, form, notes [{line, text}], cases
[{name, test_name, line, doc, marks, server, steps [{name, label, line, purpose, point, route, stream, dialect, load, data,
refused, thresholds, duration_s, batch, exam, vllm_bench}]}]}], `problems` [{file, line, column, message, help}].

Exit code: 0 nothing is wrong, 2 a workload file or the command line is.
";

/// What the rest of the arguments asks for.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut word = None;
    let mut options = WorkloadOptions {
        show: false,
        files: Vec::new(),
        data: Vec::new(),
        json: false,
        vllm_bench: false,
    };
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Long("data") => options.data.push(text(parser.value().map_err(wrong)?)?),
            Long("vllm-bench") => options.vllm_bench = true,
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
                    "`workload` has no flag `--{flag}`\n{}",
                    nearest_flag(flag, &FLAGS)
                ));
            }
            Short(flag) => {
                return Err(format!(
                    "`workload` has no flag `-{flag}`\n{}",
                    see("cargo tribunal workload --help")
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
    let help = || see("cargo tribunal workload --help");
    match word.as_deref() {
        Some("check") if options.vllm_bench => Err(format!(
            "`workload check` has no flag `--vllm-bench`\n{}",
            help()
        )),
        Some("check") if options.files.is_empty() => {
            Err(format!("`workload check` wants files\n{}", help()))
        }
        Some("show") if options.files.len() != 1 => Err(format!(
            "`workload show` takes one file, got {}\n{}",
            options.files.len(),
            help()
        )),
        Some("check") => Ok(Command::Workload(options)),
        Some("show") => Ok(Command::Workload(WorkloadOptions {
            show: true,
            ..options
        })),
        Some(word) => {
            let word = clean(word);
            Err(match nearest(&word, &WORDS) {
                Some(near) => format!(
                    "`workload` cannot `{word}`\nhelp: did you mean `cargo tribunal workload {near}`?\n"
                ),
                None => format!("`workload` cannot `{word}`; it can: check, show\n"),
            })
        }
        None => Err(format!("`workload` wants one of: check, show\n{}", help())),
    }
}

fn text(value: std::ffi::OsString) -> Result<String, String> {
    value
        .into_string()
        .map_err(|value| format!("`{}` is not UTF-8\n", clean(&value.to_string_lossy())))
}

/// Does it.
pub(crate) fn run(options: &WorkloadOptions) -> ExitCode {
    match answer(options) {
        Ok(text) => {
            // A reader that went away (`| head`) is no failure.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err((out, told)) => {
            let _ = std::io::stdout().write_all(out.as_bytes());
            let _ = std::io::stderr().write_all(told.as_bytes());
            ExitCode::from(WRONG)
        }
    }
}

/// What is printed; where something is wrong, both what goes to standard output and what goes to standard error.
fn answer(options: &WorkloadOptions) -> Result<String, (String, String)> {
    let told = |text: String| (String::new(), text);
    let vocabulary = crate::deploy::vocabulary().map_err(told)?;
    let mut data = DataTable::default();
    let twin = std::env::var("TRIBUNAL_DATA").unwrap_or_default();
    let pairs = twin.split(';').filter(|pair| !pair.trim().is_empty());
    for pair in pairs.chain(options.data.iter().map(String::as_str)) {
        data.add(pair)
            .map_err(|why| told(format!("error: {why}\n")))?;
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
        match Workload::read(Path::new(file), &lookups) {
            Ok(workload) => read.push(workload),
            Err(problems) => match &mut wrong {
                None => wrong = Some(problems),
                Some(all) => all.extend(problems),
            },
        }
    }
    let server = BenchServer::default();
    if options.json {
        let files: Vec<_> = read
            .iter()
            .map(|workload| show::json(workload, options.vllm_bench.then_some(&server)))
            .collect();
        let problems = wrong.as_ref().map(show::problems).unwrap_or_default();
        let out = format!(
            "{:#}\n",
            json!({ "schema": 1, "files": files, "problems": problems })
        );
        return match wrong {
            None => Ok(out),
            Some(_) => Err((out, String::new())),
        };
    }
    let mut out = String::new();
    for workload in &read {
        out.push_str(&if options.vllm_bench {
            show::commands(workload, &server)
        } else if options.show {
            show::steps(workload)
        } else {
            show::summary(workload)
        });
    }
    match wrong {
        None => Ok(out),
        Some(problems) => Err((out, format!("{problems}\n"))),
    }
}

/// Where a relative path of a workload file is looked for, after the file's own folder.
pub(crate) fn roots() -> Vec<PathBuf> {
    let here = std::env::current_dir().unwrap_or_default();
    let with = |file: &str| {
        here.ancestors()
            .find(|folder| folder.join(file).is_file())
            .map(Path::to_path_buf)
    };
    let mut roots = vec![here.clone()];
    roots.extend(with("Cargo.toml"));
    roots.extend(with("Cargo.lock"));
    roots.dedup();
    roots
}
