//! `cargo tribunal baseline`: the accepted runs that performance tests compare with.
//!
//! Promise: nothing is accepted but what is named, and what is refused is told with its reason, one line each. One file per verb.

mod accept;
mod history;
mod show;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};
use tribunal_baseline::{BaselineError, Key, Store};
use tribunal_vocabulary::Utc;

use crate::command::{Command, clean, nearest, nearest_flag, see, wrong};
use crate::workspace::workspace;

/// What was asked for could not be done.
const FAILED: u8 = 1;
/// Of each key, unless told otherwise.
const KEEP: usize = 200;
/// Grows when a key of the JSON changes its meaning or goes away.
const SCHEMA: u32 = 1;

const VERBS: [&str; 4] = ["accept", "show", "history", "prune"];
const FLAGS: [&str; 5] = ["store", "format", "metric", "keep", "help"];

pub(crate) const HELP: &str = "\
The baselines of performance tests: accepted runs, by step and by what figures depend on (device, driver, server, model,
configuration, data). docs/baselines.md says how they are compared.

Usage: cargo tribunal baseline <VERB> [FLAGS]

Verbs:
  accept RESULT…    add runs to their baselines: files of results, as tests leave them with their evidence
  show [STEP]       the baselines of the steps whose name has this in it: how many runs, their median, how far they stray
  history STEP      every run of the steps whose name has this in it; from 30 runs on, where the figures changed
  prune             remove all but the newest runs of each baseline

Flags:
      --store DIR           the folder of baselines; else TRIBUNAL_BASELINES, else target/tribunal/baselines
      --metric NAME         (history) this metric, for instance median_ttft_ms; without it, all that decide or are a median
      --keep N              (prune) so many runs of each baseline stay (default 200, at least 10)
      --format text|json    for people (default), or one JSON object
  -h, --help                print this text

JSON keys: `schema` (1; grows when a key changes its meaning or goes away), `program`, `version`, `store`, and
accept: `accepted` [{result, file, new}], `refused` [{result, why}];
show: `baselines` [{key, id, runs, last_at_ms, figures {METRIC: {median, mad, runs, direction}}, notes}];
history: `histories` [{key, id, runs [{id, at_ms, figures {METRIC: VALUE}, provenance}], changes [{metric, run, at_ms, before,
after, p}], notes}], where `changes` is null below 30 runs: not looked for;
prune: `removed`, `kept`.
A null figure had no sample; it is never zero.

Exit code: 0 done, 1 a result was refused, nothing has the step's name, or a file cannot be read or written, 2 the command line is wrong.
";

/// What to do with which baselines.
#[derive(Debug, PartialEq)]
pub(crate) struct BaselineOptions {
    verb: Verb,
    store: Option<PathBuf>,
    json: bool,
}

#[derive(Debug, PartialEq)]
enum Verb {
    Accept(Vec<PathBuf>),
    Show(Option<String>),
    History {
        step: String,
        metric: Option<String>,
    },
    Prune(usize),
}

/// What follows `baseline`.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let verb = match parser.next().map_err(wrong)? {
        Some(Value(verb)) => clean(&verb.to_string_lossy()),
        Some(Short('h') | Long("help")) => return Ok(Command::Help(HELP)),
        Some(Long(_) | Short(_)) => return Err(missing("the verb comes before the flags")),
        None => {
            return Err(missing(
                "the verb is missing: accept, show, history or prune",
            ));
        }
    };
    if !VERBS.contains(&&*verb) {
        let near = nearest(&verb, &VERBS)
            .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        return Err(missing(&format!("`baseline` has no verb `{verb}`{near}")));
    }
    let (mut store, mut json, mut metric, mut keep, mut words) =
        (None, false, None, None, Vec::new());
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Long("store") => store = Some(PathBuf::from(parser.value().map_err(wrong)?)),
            Long("format") => json = format(&parser.value().map_err(wrong)?.to_string_lossy())?,
            Long("metric") if verb == "history" => {
                metric = Some(known_metric(
                    &parser.value().map_err(wrong)?.to_string_lossy(),
                )?)
            }
            Long("keep") if verb == "prune" => {
                keep = Some(number(&parser.value().map_err(wrong)?.to_string_lossy())?)
            }
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Long(flag @ ("metric" | "keep")) => {
                let of = if flag == "metric" { "history" } else { "prune" };
                return Err(missing(&format!(
                    "`--{flag}` belongs to `baseline {of}`, not to `baseline {verb}`"
                )));
            }
            Long(flag) => {
                return Err(format!(
                    "`baseline {verb}` has no flag `--{flag}`\n{}",
                    nearest_flag(flag, &FLAGS)
                ));
            }
            Short(flag) => {
                return Err(missing(&format!("`baseline {verb}` has no flag `-{flag}`")));
            }
            Value(word) => words.push(word),
        }
    }
    let most = match &*verb {
        "accept" => usize::MAX,
        "prune" => 0,
        _ => 1,
    };
    if let Some(more) = words.get(most) {
        return Err(missing(&format!(
            "`baseline {verb}` takes no argument `{}` here",
            clean(&more.to_string_lossy())
        )));
    }
    let mut step = words
        .first()
        .map(|word| word.to_string_lossy().into_owned());
    let verb = match &*verb {
        "accept" if words.is_empty() => {
            return Err(missing(
                "which result is missing: `baseline accept RESULT…`",
            ));
        }
        "accept" => Verb::Accept(words.into_iter().map(PathBuf::from).collect()),
        "show" => Verb::Show(step),
        "history" => Verb::History {
            step: step
                .take()
                .ok_or_else(|| missing("which step is missing: `baseline history STEP`"))?,
            metric,
        },
        _ => Verb::Prune(keep.unwrap_or(KEEP)),
    };
    Ok(Command::Baseline(BaselineOptions { verb, store, json }))
}

fn missing(what: &str) -> String {
    format!("{what}\n{}", see("cargo tribunal baseline --help"))
}

fn format(text: &str) -> Result<bool, String> {
    match text {
        "json" => Ok(true),
        "text" => Ok(false),
        other => Err(format!(
            "unknown format `{}`\nhelp: there are text, json\n",
            clean(other)
        )),
    }
}

fn number(text: &str) -> Result<usize, String> {
    let text = clean(text);
    let found = text.parse().ok().filter(|keep| *keep >= 10);
    found.ok_or_else(|| format!("`--keep {text}`: a whole number from 10 on is expected\nhelp: a baseline is made of the last 10 runs\n"))
}

fn known_metric(text: &str) -> Result<String, String> {
    let text = clean(text);
    match tribunal_traffic::known(&text) {
        Ok(known) => Ok(known.key),
        Err(unknown) => Err(format!(
            "{unknown}\n{}",
            see("cargo tribunal baseline --help")
        )),
    }
}

/// Does it.
pub(crate) fn run(options: &BaselineOptions) -> ExitCode {
    let store = match &options.store {
        Some(folder) => Store::new(folder),
        None => Store::usual(&workspace().target),
    };
    let done = match &options.verb {
        Verb::Accept(results) => Ok(accept::run(&store, results, options.json)),
        Verb::Show(step) => show::run(&store, step.as_deref(), options.json),
        Verb::History { step, metric } => {
            history::run(&store, step, metric.as_deref(), options.json)
        }
        Verb::Prune(keep) => prune(&store, *keep, options.json),
    };
    done.unwrap_or_else(|error| fail(&error.to_string()))
}

fn prune(store: &Store, keep: usize, json: bool) -> Result<ExitCode, BaselineError> {
    let pruned = store.prune(keep)?;
    if json {
        return Ok(object(
            store,
            serde_json::json!({"removed": pruned.removed, "kept": pruned.kept}),
        ));
    }
    Ok(crate::say(&format!(
        "{} runs removed, {} kept in {}\n",
        pruned.removed,
        pruned.kept,
        store.root().display()
    )))
}

fn fail(what: &str) -> ExitCode {
    // Where standard error is closed, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "error: {what}");
    ExitCode::from(FAILED)
}

/// Prints one JSON object: these keys, and what every one has.
fn object(store: &Store, mut keys: serde_json::Value) -> ExitCode {
    keys["schema"] = SCHEMA.into();
    keys["program"] = "cargo-tribunal".into();
    keys["version"] = env!("CARGO_PKG_VERSION").into();
    keys["store"] = store.root().to_string_lossy().into();
    crate::say(&format!("{keys:#}\n"))
}

/// The keys of the steps whose name has `step` in it.
///
/// # Errors
/// Where the store cannot be read; the text of the inner error says what there is instead.
fn matching(
    store: &Store,
    step: Option<&str>,
) -> Result<Result<Vec<(Key, usize)>, String>, BaselineError> {
    let keys = store.keys()?;
    let Some(step) = step else {
        return Ok(Ok(keys));
    };
    let found: Vec<(Key, usize)> = keys
        .iter()
        .filter(|(key, _)| key.step.contains(step))
        .cloned()
        .collect();
    if !found.is_empty() {
        return Ok(Ok(found));
    }
    let steps: Vec<&str> = keys.iter().map(|(key, _)| &*key.step).collect();
    let help = match nearest(step, &steps) {
        Some(near) => format!("did you mean `{near}`?"),
        None if steps.is_empty() => {
            "nothing has been accepted there yet: `cargo tribunal baseline accept RESULT…`".into()
        }
        None => format!(
            "there are {} baselines: `cargo tribunal baseline show`",
            steps.len()
        ),
    };
    Ok(Err(format!(
        "no baseline of a step `{}` in {}\nhelp: {help}",
        clean(step),
        store.root().display()
    )))
}

/// A key on one line, without its step.
fn words(key: &Key) -> String {
    let parts = key.known().into_iter().filter(|(name, _)| *name != "step");
    let parts: Vec<String> = parts
        .map(|(name, value)| format!("{name} {}", clean(&value)))
        .collect();
    parts.join(", ")
}

/// A number with as many digits as tell something.
fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// A day and a time in UTC.
fn when(at_ms: u64) -> String {
    let at = Utc::of_seconds(at_ms / 1000);
    format!("{} {}", at.date(), at.time())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Command, String> {
        parse(lexopt::Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn what_is_understood() {
        let command = |verb, store: Option<&str>, json| {
            Command::Baseline(BaselineOptions {
                verb,
                store: store.map(PathBuf::from),
                json,
            })
        };
        let accept = |names: &[&str]| Verb::Accept(names.iter().map(PathBuf::from).collect());
        let history = |step: &str, metric: Option<&str>| Verb::History {
            step: step.into(),
            metric: metric.map(str::to_owned),
        };
        for (line, expected) in [
            (
                "accept a.json b.json",
                command(accept(&["a.json", "b.json"]), None, false),
            ),
            (
                "accept --store s a.json",
                command(accept(&["a.json"]), Some("s"), false),
            ),
            ("show", command(Verb::Show(None), None, false)),
            (
                "show chat --format json",
                command(Verb::Show(Some("chat".into())), None, true),
            ),
            ("history chat", command(history("chat", None), None, false)),
            (
                "history chat --metric p99_ttft_ms",
                command(history("chat", Some("p99_ttft_ms")), None, false),
            ),
            ("prune", command(Verb::Prune(200), None, false)),
            ("prune --keep 10", command(Verb::Prune(10), None, false)),
            ("--help", Command::Help(HELP)),
            ("prune -h", Command::Help(HELP)),
        ] {
            assert_eq!(parse_words(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn mistakes_name_what_would_be_right() {
        for (line, expected) in [
            ("", "the verb is missing: accept, show, history or prune"),
            ("--store x show", "the verb comes before the flags"),
            ("acept x", "did you mean `accept`?"),
            ("accept", "which result is missing"),
            ("history", "which step is missing"),
            ("show a b", "no argument `b`"),
            ("prune a", "no argument `a`"),
            ("prune --keep 9", "a whole number from 10 on"),
            ("prune --keep some", "a whole number from 10 on"),
            ("show --keep 10", "`--keep` belongs to `baseline prune`"),
            (
                "show --metric p99_ttft_ms",
                "`--metric` belongs to `baseline history`",
            ),
            ("history x --metric p99_tfft_ms", "p99_ttft_ms"),
            ("show --format yaml", "there are text, json"),
            ("show --stroe x", "did you mean `--store`?"),
            ("show -x", "no flag `-x`"),
        ] {
            let mistake = parse_words(line).unwrap_err();
            assert!(mistake.contains(expected), "{line}: {mistake}");
        }
    }

    #[test]
    fn times_are_dates() {
        for (at_ms, expected) in [
            (0, "1970-01-01 00:00"),
            (951_782_400_000, "2000-02-29 00:00"),
            (1_735_689_599_000, "2024-12-31 23:59"),
        ] {
            assert_eq!(when(at_ms), expected);
        }
    }

    #[test]
    fn the_help_names_every_verb_and_flag() {
        for word in VERBS {
            assert!(HELP.contains(&format!("\n  {word} ")), "{word}");
        }
        for flag in FLAGS {
            assert!(HELP.contains(&format!("--{flag} ")), "{flag}");
        }
        assert!(HELP.lines().all(|line| line.len() <= 140));
    }
}
