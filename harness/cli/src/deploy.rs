//! `cargo tribunal deploy`: what a deployment means, before anything starts.
//!
//! Promise: nothing is started and nothing is written; a mistake is exit code 2, with all others that there are.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};
use serde_json::json;
use tribunal_deploy::{Catalogue, Context, Problems, Recipe, Spec};
use tribunal_vocabulary::Vocabulary;

use crate::command::{Command, clean, nearest, nearest_flag, see, wrong};

/// A deployment is wrong, or the command line.
const WRONG: u8 = 2;

/// What was asked for.
#[derive(Debug, PartialEq)]
pub(crate) enum DeployCommand {
    Show {
        name: String,
        options: ShowOptions,
    },
    List {
        json: bool,
    },
    /// Without files: everything that can be named.
    Check {
        files: Vec<String>,
    },
}

/// The flags of `show`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ShowOptions {
    level: Option<String>,
    platform: Option<String>,
    sets: Vec<String>,
    json: bool,
}

const WORDS: [&str; 3] = ["show", "list", "check"];
const FLAGS: [&str; 5] = ["level", "platform", "set", "format", "help"];

pub(crate) const HELP: &str = "\
Shows, lists or checks deployments: how a model server is started, or where one runs. Nothing is started.
What stands in a deployment file is in docs/deployments.md.

Usage: cargo tribunal deploy show NAME|FILE|URL [FLAGS]
       cargo tribunal deploy list [--format text|json]
       cargo tribunal deploy check [NAME|FILE]...

  show     command, environment, ports, readiness and offers, as they would be for a level and a platform
  list     every deployment that can be named here, with what it is
  check    every mistake of the files, each with its place; without files, of all that can be named

Flags:
      --level LEVEL          lay the overlay of this level on
      --platform PLATFORM    lay the overlay of this platform on
      --set KEY=VALUE        set a parameter, or a key of the file; may stand several times
      --format text|json     how it is printed
  -h, --help                 print this text

JSON of `show`: `schema` (1; grows when a key changes its meaning or goes away) and the keys of the file as they are
after all layers, with `missing`: what is not on this machine. Values of variables and options whose names say that
they are secrets are `***`.

Exit code: 0 nothing is wrong, 2 a deployment or the command line is.
";

/// What the rest of the arguments asks for.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut word = None;
    let mut rest = Vec::new();
    let mut options = ShowOptions::default();
    let mut given: Vec<&'static str> = Vec::new();
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Long("level") => {
                options.level = Some(text(&mut parser)?);
                given.push("level");
            }
            Long("platform") => {
                options.platform = Some(text(&mut parser)?);
                given.push("platform");
            }
            Long("set") => {
                options.sets.push(text(&mut parser)?);
                given.push("set");
            }
            Long("format") => {
                options.json = match &*text(&mut parser)? {
                    "text" => false,
                    "json" => true,
                    other => {
                        return Err(format!(
                            "`{}` is no format; there are: text, json\n",
                            clean(other)
                        ));
                    }
                };
                given.push("format");
            }
            Long(flag) => {
                return Err(format!(
                    "`deploy` has no flag `--{flag}`\n{}",
                    nearest_flag(flag, &FLAGS)
                ));
            }
            Short(flag) => {
                return Err(format!(
                    "`deploy` has no flag `-{flag}`\n{}",
                    see("cargo tribunal deploy --help")
                ));
            }
            Value(value) => {
                let value = value.into_string().map_err(|value| {
                    format!("`{}` is not UTF-8\n", clean(&value.to_string_lossy()))
                })?;
                match word {
                    None => word = Some(value),
                    Some(_) => rest.push(value),
                }
            }
        }
    }
    let Some(word) = word else {
        return Err(format!(
            "`deploy` wants one of: {}\n{}",
            WORDS.join(", "),
            see("cargo tribunal deploy --help")
        ));
    };
    let allowed: &[&str] = match &*word {
        "show" => &["level", "platform", "set", "format"],
        "list" => &["format"],
        _ => &[],
    };
    if let Some(flag) = given
        .iter()
        .find(|flag| !allowed.contains(flag) && WORDS.contains(&&*word))
    {
        return Err(format!(
            "`deploy {word}` has no flag `--{flag}`\n{}",
            see("cargo tribunal deploy --help")
        ));
    }
    match (&*word, &mut *rest) {
        ("show", [name]) => Ok(Command::Deploy(DeployCommand::Show {
            name: std::mem::take(name),
            options,
        })),
        ("show", _) => Err(format!(
            "`deploy show` takes one deployment, got {}\n{}",
            rest.len(),
            see("cargo tribunal deploy list")
        )),
        ("list", []) => Ok(Command::Deploy(DeployCommand::List { json: options.json })),
        ("list", _) => Err("`deploy list` takes no argument\n".to_owned()),
        ("check", _) => Ok(Command::Deploy(DeployCommand::Check { files: rest })),
        (word, _) => {
            let word = clean(word);
            Err(match nearest(&word, &WORDS) {
                Some(near) => format!(
                    "`deploy` cannot `{word}`\nhelp: did you mean `cargo tribunal deploy {near}`?\n"
                ),
                None => format!("`deploy` cannot `{word}`; it can: {}\n", WORDS.join(", ")),
            })
        }
    }
}

fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    let value = parser.value().map_err(wrong)?;
    value
        .into_string()
        .map_err(|value| format!("`{}` is not UTF-8\n", clean(&value.to_string_lossy())))
}

/// Does it.
pub(crate) fn run(command: DeployCommand) -> ExitCode {
    let here = Place::find();
    let done = here
        .catalogue()
        .and_then(|(catalogue, vocabulary)| match command {
            DeployCommand::Show { name, options } => {
                show(&here, &catalogue, &vocabulary, &name, &options)
            }
            DeployCommand::List { json } => Ok(list(&catalogue, json)),
            DeployCommand::Check { files } => check(&catalogue, files),
        });
    match done {
        Ok(text) => {
            // A reader that went away (`| head`) is no failure.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(text) => {
            let _ = std::io::stderr().write_all(text.as_bytes());
            ExitCode::from(WRONG)
        }
    }
}

/// The folders around the current one.
struct Place {
    package: Option<PathBuf>,
    workspace: Option<PathBuf>,
}

impl Place {
    fn find() -> Place {
        let here = std::env::current_dir().unwrap_or_default();
        let with = |file: &str| {
            here.ancestors()
                .find(|folder| folder.join(file).is_file())
                .map(Path::to_path_buf)
        };
        Place {
            package: with("Cargo.toml"),
            workspace: with("Cargo.lock"),
        }
    }

    fn catalogue(&self) -> Result<(Catalogue, Vocabulary), String> {
        let vocabulary = vocabulary()?;
        let mut roots = vec![PathBuf::new()];
        roots.extend(self.package.clone());
        roots.extend(self.workspace.clone());
        roots.dedup();
        Ok((Catalogue::new(&roots).vocabulary(&vocabulary), vocabulary))
    }
}

/// The markers, levels and devices that are declared here.
///
/// # Errors
/// In words: the file cannot be read, or says what cannot be.
pub(crate) fn vocabulary() -> Result<Vocabulary, String> {
    match Vocabulary::find(Path::new(".").canonicalize().unwrap_or_default().as_path()) {
        None => Ok(Vocabulary::shipped().clone()),
        Some(file) => {
            let text = std::fs::read_to_string(&file)
                .map_err(|error| format!("error: {} cannot be read: {error}\n", file.display()))?;
            Vocabulary::parse(&text, &file.display().to_string())
                .map_err(|mistakes| format!("{mistakes}\n"))
        }
    }
}

/// The expression that finds in the log of this deployment's engine how many tokens its KV cache holds; `None`: its file has none, or there is
/// no such deployment.
pub(crate) fn kv_tokens_log(name: &str) -> Option<String> {
    let here = Place::find();
    let recipe = recipe(&here, &resolved(&here, name).ok()?).ok()?;
    recipe.devices?.profile.kv_tokens_log
}

/// The version to which this deployment is pinned: `Err` inside says why it cannot be told here (a variable that is not set).
///
/// # Errors
/// In words: there is no such deployment.
pub(crate) fn pinned(name: &str) -> Result<Result<Option<String>, String>, String> {
    let here = Place::find();
    let spec = resolved(&here, name)?;
    let recipe = recipe(&here, &spec).map_err(|found| found.to_string());
    Ok(recipe.map(|recipe| recipe.version.and_then(|version| version.pinned)))
}

fn resolved(here: &Place, name: &str) -> Result<Spec, String> {
    let (catalogue, _) = here.catalogue()?;
    catalogue.resolve(name).map_err(|found| found.to_string())
}

fn recipe(here: &Place, spec: &Spec) -> Result<Recipe, Problems> {
    let context = Context {
        program: Some(PathBuf::from("{self}")),
        package: here.package.clone(),
        workspace: here.workspace.clone(),
        ..Context::default()
    };
    spec.recipe(&context)
}

fn show(
    here: &Place,
    catalogue: &Catalogue,
    vocabulary: &Vocabulary,
    name: &str,
    options: &ShowOptions,
) -> Result<String, String> {
    let levels: Vec<&str> = vocabulary
        .levels()
        .iter()
        .map(|level| &*level.name)
        .collect();
    let platforms: Vec<&str> = vocabulary
        .platforms()
        .iter()
        .map(|platform| &*platform.name)
        .collect();
    known("level", options.level.as_deref(), &levels)?;
    known("platform", options.platform.as_deref(), &platforms)?;
    let shown = |problems: Problems| format!("{problems}\n");
    let mut spec = catalogue.resolve(name).map_err(shown)?;
    for setting in &options.sets {
        spec.set(setting).map_err(shown)?;
    }
    let context = Context {
        level: options.level.as_deref(),
        platform: options.platform.as_deref(),
        program: Some(PathBuf::from("{self}")),
        package: here.package.clone(),
        workspace: here.workspace.clone(),
        ..Context::default()
    };
    let recipe = spec.recipe(&context).map_err(shown)?;
    let missing = recipe.missing(&context);
    if options.json {
        let mut value = recipe.to_json();
        value["missing"] = json!(missing);
        return Ok(format!("{value:#}\n"));
    }
    let mut out = recipe.to_string();
    for (index, reason) in missing.iter().enumerate() {
        let name = if index == 0 { "missing" } else { "" };
        out.push_str(&format!("{name:<10} {reason}\n"));
    }
    Ok(out)
}

fn known(what: &str, word: Option<&str>, known: &[&str]) -> Result<(), String> {
    match word {
        Some(word) if !known.contains(&word) => {
            let help = match nearest(word, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", known.join(", ")),
            };
            Err(format!(
                "error: `{}` is no {what}\nhelp: {help}\n",
                clean(word)
            ))
        }
        _ => Ok(()),
    }
}

fn list(catalogue: &Catalogue, json: bool) -> String {
    let listed = catalogue.list();
    if json {
        let list: Vec<_> = listed
            .iter()
            .map(|listed| json!({ "name": listed.name, "doc": listed.doc, "file": listed.file }))
            .collect();
        return format!("{:#}\n", json!({ "schema": 1, "deployments": list }));
    }
    let width = listed
        .iter()
        .map(|listed| listed.name.len())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for listed in &listed {
        let doc = listed.doc.as_deref().unwrap_or_default().trim();
        let first = doc.lines().next().unwrap_or("it does not say what it is");
        let place = match &listed.file {
            Some(file) => file.display().to_string(),
            None => "shipped".to_owned(),
        };
        out.push_str(&format!(
            "{:<width$}  {}  ({place})\n",
            listed.name,
            clean_line(first)
        ));
    }
    out
}

/// The first sentence of a line, without control characters.
fn clean_line(line: &str) -> String {
    let line = line.split_inclusive(". ").next().unwrap_or(line).trim_end();
    let mut out: String = line.chars().filter(|c| !c.is_control()).take(100).collect();
    if out.len() < line.len() {
        out.push('…');
    }
    out
}

fn check(catalogue: &Catalogue, files: Vec<String>) -> Result<String, String> {
    let files = if files.is_empty() {
        catalogue
            .list()
            .into_iter()
            .map(|listed| listed.name)
            .collect()
    } else {
        files
    };
    let mut out = String::new();
    let mut wrong: Option<Problems> = None;
    for file in &files {
        match catalogue.resolve(file) {
            Ok(_) => out.push_str(&format!("{}: nothing is wrong\n", clean(file))),
            Err(problems) => match &mut wrong {
                None => wrong = Some(problems),
                Some(all) => all.extend(problems),
            },
        }
    }
    match wrong {
        None => Ok(out),
        Some(problems) => Err(format!("{problems}\n")),
    }
}
