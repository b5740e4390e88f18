//! `cargo tribunal model`: the models of tests; one file per verb.

mod path;
mod write;

use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};

use crate::command::{Command, clean, nearest, see, wrong};

/// The verbs.
const VERBS: [&str; 2] = ["path", "write"];

pub(crate) const MODEL_HELP: &str = "\
The models of tests: where a name leads on this machine, and the tiny ones that Tribunal makes itself.

Usage: cargo tribunal model <VERB> …

Verbs:
  path NAME                  where the name of a model leads on this machine, and why not elsewhere
  write MODEL --out FILE     write a tiny model with known answers (GGUF); nothing is downloaded

`cargo tribunal model <VERB> --help` tells about one verb.
";

/// Whether a verb of `model` has this flag: whoever writes it before the verb is told where it belongs.
pub(crate) fn has_flag(flag: &str) -> bool {
    path::FLAGS.contains(&flag) || write::FLAGS.contains(&flag)
}

/// What to do with which model.
#[derive(Debug, PartialEq)]
pub(crate) enum ModelOptions {
    Path(path::PathOptions),
    Write(write::WriteOptions),
}

/// What follows `model`.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    match parser.next().map_err(wrong)? {
        Some(Value(verb)) if verb == "path" => path::parse(parser),
        Some(Value(verb)) if verb == "write" => write::parse(parser),
        Some(Short('h') | Long("help")) => Ok(Command::Help(MODEL_HELP)),
        Some(Value(verb)) => {
            let verb = clean(&verb.to_string_lossy());
            let near = nearest(&verb, &VERBS)
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            Err(missing(&format!("`model` has no verb `{verb}`{near}")))
        }
        Some(Long(_) | Short(_)) => Err(missing("the verb comes before the flags")),
        None => Err(missing("the verb is missing: `path` or `write`")),
    }
}

fn missing(what: &str) -> String {
    format!("{what}\n{}", see("cargo tribunal model --help"))
}

pub(crate) fn run(options: &ModelOptions) -> ExitCode {
    match options {
        ModelOptions::Path(options) => path::run(options),
        ModelOptions::Write(options) => write::run(options),
    }
}
