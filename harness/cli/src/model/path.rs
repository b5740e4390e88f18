//! `cargo tribunal model path NAME`: where the name of a model leads on this machine, and why not elsewhere.
//!
//! Promise: without `--copy` nothing is changed. Exit codes: 0 the model is here (or may be loaded by the engine itself),
//! 1 it is not, 2 the command line or a mapping file is wrong.

use std::cell::Cell;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use super::ModelOptions;
use crate::command::{Command, clean, nearest_flag, see, wrong};
use lexopt::Arg::{Long, Short, Value};
use serde_json::json;
use tribunal_models::{ModelErrorKind, ModelPaths, Place, Progress, Resolved, Wanted};

pub(crate) const FLAGS: [&str; 5] = ["copy", "require-local", "revision", "json", "help"];

pub(crate) const HELP: &str = "\
Says where the name of a model leads on this machine: every place that is looked at, in order, and why it was not taken.

Usage: cargo tribunal model path NAME [FLAGS]

Flags:
      --copy             copy a model of a shared store to the fast one, as a test would
      --require-local    a model that is not on this machine is an error
      --revision REV     the revision in the hub cache (main)
      --json             print one JSON object instead of text
  -h, --help             print this text

Places, in order: a path (/x, ./x, ../x) as it stands; the path of a mapping; the fast store; the shared stores; the
hub cache; else the engine is given the name and loads the model itself.

Environment:
  TRIBUNAL_MODEL_MAPPINGS   mapping files, divided by `:`. [models] \"Qwen/Qwen3-0.6B\" = \"/path\", or
                            short = { path = \"…\", id = \"Qwen/Qwen3-0.6B\", copy = true }
  TRIBUNAL_MODEL_SHARED     shared read-only stores, divided by `:`; a model lies in STORE/ORG/NAME or STORE/ORG--NAME
  TRIBUNAL_MODEL_FAST       the fast store of this machine; models of shared stores are copied there
  TRIBUNAL_MODEL_RESERVE    what stays free in it, such as 10GiB (1GiB)
  TRIBUNAL_MODEL_VERIFY     `sampled` (size and both ends of each file) or `whole`
  HF_HUB_CACHE, HF_HOME     the hub cache; HF_HUB_OFFLINE=1 is --require-local

Exit code: 0 the name leads somewhere, 1 it does not, 2 the command line or a mapping file is wrong.
";

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct PathOptions {
    pub(crate) name: String,
    pub(crate) copy: bool,
    pub(crate) require_local: bool,
    pub(crate) revision: Option<String>,
    pub(crate) json: bool,
}

/// What follows `model path`.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut options = PathOptions::default();
    let mut names = Vec::new();
    while let Some(arg) = parser.next().map_err(wrong)? {
        match arg {
            Long("copy") => options.copy = true,
            Long("require-local") => options.require_local = true,
            Long("json") => options.json = true,
            Long("revision") => options.revision = Some(utf8(parser.value().map_err(wrong)?)?),
            Long("help") | Short('h') => return Ok(Command::Help(HELP)),
            Long(flag) => {
                let hint = nearest_flag(flag, &FLAGS);
                return Err(format!("`model path` has no flag `--{flag}`\n{hint}"));
            }
            Short(flag) => return Err(missing(&format!("`model path` has no flag `-{flag}`"))),
            Value(value) => names.push(utf8(value)?),
        }
    }
    let mut names = names.into_iter();
    options.name = names
        .next()
        .ok_or_else(|| missing("`model path` needs the name of a model"))?;
    match names.next() {
        None => Ok(Command::Model(ModelOptions::Path(options))),
        Some(more) => Err(missing(&format!(
            "`model path` takes one name, got `{}` as well",
            clean(&more)
        ))),
    }
}

fn missing(what: &str) -> String {
    format!("{what}\n{}", see("cargo tribunal model path --help"))
}

fn utf8(value: OsString) -> Result<String, String> {
    value
        .into_string()
        .map_err(|_| missing("an argument is not valid UTF-8"))
}

pub(crate) fn run(options: &PathOptions) -> ExitCode {
    let (text, code) = match answer(options) {
        Ok(resolved) => (
            if options.json {
                as_json(&resolved)
            } else {
                as_text(&resolved)
            },
            0,
        ),
        Err(error) => {
            let code = if matches!(error.kind(), ModelErrorKind::NotHere { .. }) {
                1
            } else {
                2
            };
            let _ = writeln!(std::io::stderr(), "error: {error}");
            (String::new(), code)
        }
    };
    // A reader that went away (`| head`) is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::from(code)
}

fn answer(options: &PathOptions) -> Result<Resolved, tribunal_models::ModelError> {
    let paths = ModelPaths::from_env(&|name| std::env::var_os(name))?;
    let shown = Cell::new(0);
    let progress = |progress: &Progress| {
        let line = match progress {
            Progress::Waiting { holder } => {
                format!("waiting for {holder}, which copies the same model")
            }
            Progress::Evicting { name } => {
                format!("removing {name} from the fast store to make room")
            }
            Progress::Copying { done, total, .. } => {
                let percent = done * 100 / (*total).max(1);
                if percent < shown.get() + 10 {
                    return;
                }
                shown.set(percent);
                format!("copied {percent} %")
            }
            _ => return,
        };
        let _ = writeln!(std::io::stderr(), "{line}");
    };
    paths.resolve(
        &options.name,
        &Wanted {
            require_local: options.require_local,
            no_copy: !options.copy,
            revision: options.revision.as_deref(),
            progress: Some(&progress),
            ..Wanted::default()
        },
    )
}

fn as_text(resolved: &Resolved) -> String {
    let mut text = format!("{}\n", resolved.argument().to_string_lossy());
    for look in &resolved.looked {
        text.push_str(&format!("  {look}\n"));
    }
    for note in &resolved.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    if let Some(copied) = &resolved.copied {
        let (files, bytes, kept) = (copied.files, copied.bytes, copied.kept);
        text.push_str(&format!(
            "copied: {files} files, {bytes} bytes from {}",
            copied.from.display()
        ));
        if kept > 0 {
            text.push_str(&format!("; {kept} files of an earlier copy were kept"));
        }
        if !copied.evicted.is_empty() {
            text.push_str(&format!(
                "; removed to make room: {}",
                copied.evicted.join(", ")
            ));
        }
        text.push('\n');
    }
    if resolved.from == Place::Remote {
        text.push_str("note: the engine is given this name and loads the model itself\n");
    }
    text
}

fn as_json(resolved: &Resolved) -> String {
    let looked: Vec<_> = resolved
        .looked
        .iter()
        .map(|look| json!({"place": look.place, "path": look.path, "why_not": look.why_not}))
        .collect();
    let copied = resolved.copied.as_ref().map(|c| {
        json!({"from": c.from, "files": c.files, "bytes": c.bytes, "kept": c.kept, "evicted": c.evicted, "seconds": c.took.as_secs_f64()})
    });
    let value = json!({
        "schema": 1,
        "name": resolved.name,
        "id": resolved.id,
        "path": resolved.path,
        "from": resolved.from,
        "copied": copied,
        "notes": resolved.notes,
        "looked": looked,
    });
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Command, String> {
        parse(lexopt::Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn what_is_understood_and_what_is_not() {
        assert_eq!(
            parse_words("a/b --json --revision v1"),
            Ok(Command::Model(ModelOptions::Path(PathOptions {
                name: "a/b".into(),
                json: true,
                revision: Some("v1".into()),
                ..PathOptions::default()
            })))
        );
        assert_eq!(parse_words("x -h"), Ok(Command::Help(HELP)));
        for (line, expected) in [
            ("", "needs the name"),
            ("a b", "takes one name, got `b`"),
            ("a --copi", "did you mean `--copy`?"),
            ("a -x", "no flag `-x`"),
        ] {
            let mistake = parse_words(line).unwrap_err();
            assert!(mistake.contains(expected), "{line}: {mistake}");
        }
    }
}
