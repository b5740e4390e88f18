//! `cargo tribunal coverage`: which models, features and deployments have tests, and at which levels.
//!
//! Promise: exit code 1 wherever something that should be covered is not. Rejected: a threshold in percent (which cell is empty is what matters).

use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};
use tribunal_stages::{Suite, coverage, lost, repository, undeclared};

use crate::catalog::{Source, read};
use crate::command::{Command, clean, nearest_flag, see, wrong};
use crate::stages::{complain, format, print};

/// Something is not covered.
const FAILS: u8 = 1;
/// The longest catalog.
const MOST: u64 = 1 << 30;
const FLAGS: [&str; 10] = [
    "source", "against", "format", "help", "catalog", "binary", "package", "test", "features",
    "release",
];

pub(crate) const HELP: &str = "\
Shows which models, features and deployments have tests, and at which levels. What [models], [features] and [deployments] of markers.toml declare
with a priority must have a test at each level that the priority requires: what lacks one is a gap. docs/coverage.md tells more.

Usage: cargo tribunal coverage [FLAGS]

Flags:
      --source DIR      list the files below DIR that no test names by `depends_on`
      --against FILE    an earlier catalog: list the tests that are gone, and what no test covers any more
      --format text|json
      --catalog FILE    tests as `cargo test -- --run-level slow --list --format json` printed them
      --binary FILE     a test program that is built already
      --package NAME    for cargo: the package whose tests they are [default: the workspace's default members]
      --test NAME       for cargo: the test target
      --features NAMES  for cargo
      --release         for cargo
  -h, --help            print this text

JSON keys: `schema` (1; grows when a key changes its meaning or goes away), `levels`, `rows` [{kind, name, priority, tests {LEVEL: [names]}}], `gaps`
[{kind, name, priority, levels}], `undeclared` (files; null without --source), `lost` {tests, cells [[kind, name, level]]} (null without --against).

Exit code: 0 no gap and nothing lost, 1 otherwise, 2 it cannot be told, or the command line is wrong. Undeclared files fail nothing.
";

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct CoverageOptions {
    source: Source,
    files: Option<PathBuf>,
    against: Option<PathBuf>,
    json: bool,
}

/// What follows `coverage`.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut options = CoverageOptions::default();
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Long("source") => options.files = Some(parser.value().map_err(wrong)?.into()),
            Long("against") => options.against = Some(parser.value().map_err(wrong)?.into()),
            Long("format") => options.json = format(&mut parser)?,
            Long(flag) => {
                let flag = flag.to_owned();
                if !options.source.flag(&flag, &mut parser)? {
                    return Err(format!(
                        "`coverage` has no flag `--{flag}`\n{}",
                        nearest_flag(&flag, &FLAGS)
                    ));
                }
            }
            Short(flag) => {
                let help = see("cargo tribunal coverage --help");
                return Err(format!("`coverage` has no flag `-{flag}`\n{help}"));
            }
            Value(value) => {
                let value = clean(&value.to_string_lossy());
                let help = see("cargo tribunal coverage --help");
                return Err(format!(
                    "`coverage` takes no argument, got `{value}`\n{help}"
                ));
            }
        }
    }
    Ok(Command::Coverage(options))
}

/// Shows the matrix.
pub(crate) fn run(options: &CoverageOptions) -> ExitCode {
    match shown(options) {
        Ok((text, covered)) => {
            print(&text);
            ExitCode::from(if covered { 0 } else { FAILS })
        }
        Err(why) => complain(&why),
    }
}

fn shown(options: &CoverageOptions) -> Result<(String, bool), String> {
    let found = options.source.find()?;
    let (suite, v) = (&found.suite, &found.vocabulary);
    let matrix = coverage(suite, v);
    let lonely = match &options.files {
        Some(folder) => Some(undeclared(suite, v, &files(folder)?)),
        None => None,
    };
    let gone = match &options.against {
        Some(file) => {
            let text = read(file, MOST)?;
            let before =
                Suite::parse(&text, v).map_err(|error| format!("{}: {error}", file.display()))?;
            Some(lost(&before, suite, v))
        }
        None => None,
    };
    let covered = matrix.gaps.is_empty() && gone.as_ref().is_none_or(|gone| gone.is_empty());
    if options.json {
        let mut json = matrix.json();
        json["undeclared"] = serde_json::json!(lonely);
        json["lost"] = match &gone {
            Some(gone) => serde_json::json!({"tests": gone.tests, "cells": gone.cells}),
            None => serde_json::Value::Null,
        };
        return Ok((format!("{json:#}\n"), covered));
    }
    let mut text = matrix.text();
    if let Some(files) = lonely {
        for file in &files {
            text.push_str(&format!("no test depends on: {}\n", clean_path(file)));
        }
        text.push_str(&format!(
            "{} without a test that depends on them\n",
            files.len()
        ));
    }
    if let Some(gone) = gone {
        text.push_str(&gone.text());
    }
    Ok((text, covered))
}

/// A path for one line of a terminal.
fn clean_path(path: &str) -> String {
    path.chars().filter(|c| !c.is_control()).collect()
}

/// The files below a folder that git knows or would take, relative to the repository's root.
fn files(folder: &std::path::Path) -> Result<Vec<String>, String> {
    let root = repository(folder).map_err(|why| format!("--source: {why}"))?;
    let output = std::process::Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "--full-name",
            "-z",
            ".",
        ])
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| format!("git cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("git cannot list the files of {}", root.display()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut files: Vec<String> = text
        .split('\0')
        .filter(|file| !file.is_empty())
        .map(str::to_owned)
        .collect();
    files.sort_unstable();
    files.dedup();
    Ok(files)
}
