//! `cargo tribunal flaky`: which cases fail now and then, which fail since some commit, and which are new.
//!
//! Promise: it judges by what runs left behind and changes nothing; what it could not read it says. Rejected: an exit code for flaky cases (a list that
//! breaks a build is soon nobody's; `--flaky-result fail` is for those who want that of a run).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command as Program, ExitCode, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use lexopt::Arg::{Long, Short, Value};
use serde_json::{Value as Json, json};
use tribunal_events::RunLog;
use tribunal_history::{Group, History, Judged, Judgement, Past, Window, groups, judge};

use crate::command::{Command, clean, nearest_flag, see, wrong};
use crate::workspace::workspace;

/// A folder cannot be read.
const WRONG: u8 = 2;
/// A log that is longer is left out.
const LONGEST_LOG: u64 = 512 << 20;
/// So many commits of a regression are named.
const COMMITS: usize = 5;
const FLAGS: [&str; 5] = ["branch", "days", "format", "help", "history-dir"];

pub(crate) const HELP: &str = "\
Judges cases by their history, or by the event logs of runs: flaky, regressed, failing or new. docs/flakiness.md says by which rules.

Usage: cargo tribunal flaky [FOLDER...] [--days N] [--branch NAME] [--history-dir DIR] [--format text|json]

FOLDER is that of a run, or one that has such folders in it; without any, the history is asked.

Flags:
      --days N              how far back [default: 7]
      --branch NAME         only runs of this branch
      --history-dir DIR     the history; else TRIBUNAL_HISTORY_DIR, else target/tribunal/history
      --format text|json    text (default), or one JSON object
  -h, --help                print this text

JSON keys: `schema` (1; grows when a key changes its meaning or goes away), `days`, `runs`, `notes`, `cases` [{case, judgement,
runs, passes, repeated, elsewhere, rate, passed, failed, commits}] with `judgement` one of flaky, regressed, failing, new, steady,
unknown; `rate` null where no run says anything; `passed` and `failed` {run, at_ms, commit} of a regression, else null.

Exit code: 0 judged, whatever came of it, 2 a folder cannot be read, or the command line is wrong.
";

/// What was asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct FlakyOptions {
    folders: Vec<PathBuf>,
    days: f64,
    branch: Option<String>,
    history: Option<PathBuf>,
    json: bool,
}

/// What follows `flaky`.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut options = FlakyOptions {
        folders: vec![],
        days: 7.0,
        branch: None,
        history: None,
        json: false,
    };
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Long("days") => {
                let value = clean(&parser.value().map_err(wrong)?.to_string_lossy());
                options.days = match value.parse::<f64>() {
                    Ok(days) if days > 0.0 && days <= 36_500.0 => days,
                    _ => return Err(format!("`--days` needs a number of days, not `{value}`\n")),
                };
            }
            Long("branch") => {
                options.branch = Some(clean(&parser.value().map_err(wrong)?.to_string_lossy()));
            }
            Long("history-dir") => options.history = Some(parser.value().map_err(wrong)?.into()),
            Long("format") => {
                options.json = match &*parser.value().map_err(wrong)?.to_string_lossy() {
                    "text" => false,
                    "json" => true,
                    other => {
                        let other = clean(other);
                        return Err(format!("`{other}` is no format; there are: text, json\n"));
                    }
                };
            }
            Long(flag) => {
                return Err(format!(
                    "`flaky` has no flag `--{flag}`\n{}",
                    nearest_flag(flag, &FLAGS)
                ));
            }
            Short(flag) => {
                let help = see("cargo tribunal flaky --help");
                return Err(format!("`flaky` has no flag `-{flag}`\n{help}"));
            }
            Value(folder) => options.folders.push(folder.into()),
        }
    }
    Ok(Command::Flaky(options))
}

/// What was read.
#[derive(Debug, Default)]
struct Read {
    past: Vec<Past>,
    runs: usize,
    notes: Vec<String>,
}

/// Where the history is: where the command line says, the environment, or the workspace.
pub(crate) fn history_folder(asked: Option<PathBuf>) -> PathBuf {
    let named = || std::env::var_os("TRIBUNAL_HISTORY_DIR").filter(|dir| !dir.is_empty());
    asked
        .or_else(|| named().map(PathBuf::from))
        .unwrap_or_else(|| workspace().target.join("tribunal/history"))
}

/// Judges them all.
pub(crate) fn run(options: &FlakyOptions) -> ExitCode {
    let mut read = Read::default();
    if options.folders.is_empty() {
        read.history(&history_folder(options.history.clone()));
    }
    for folder in &options.folders {
        if let Err(e) = read.folder(folder) {
            // Where standard error is closed, the exit code still tells.
            let shown = clean(&folder.display().to_string());
            let _ = write!(
                std::io::stderr(),
                "error: {shown} cannot be read: {e}\nhelp: each run leaves its log in a folder of target/tribunal\n"
            );
            return ExitCode::from(WRONG);
        }
    }
    if let Some(branch) = &options.branch {
        read.past.retain(|p| p.branch.as_ref() == Some(branch));
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |now| now.as_secs_f64() * 1e3);
    let window = Window {
        days: options.days,
        ..Window::until(now)
    };
    let mut by_case: BTreeMap<&str, Vec<&Past>> = BTreeMap::new();
    for past in &read.past {
        by_case.entry(&past.case).or_default().push(past);
    }
    let judged: Vec<Judged> = by_case
        .into_iter()
        .filter_map(|(case, past)| judge(case, past, &window))
        .collect();
    let between = |from: &str, to: &str| commits(&workspace().root, from, to);
    let text = match options.json {
        true => format!("{}\n", as_json(&judged, &read, options.days, &between)),
        false => as_text(judged, &read, options.days, &between),
    };
    // A reader that went away is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

impl Read {
    /// A history; none where there is no such folder.
    fn history(&mut self, folder: &Path) {
        let history = History::open(folder);
        let all = history.cases().flat_map(|case| history.past(case));
        self.past.extend(all.cloned());
        let runs: BTreeSet<&str> = self.past.iter().map(|p| &*p.run).collect();
        self.runs = runs.len();
        self.notes.extend(history.notes());
        if self.runs == 0 {
            let shown = folder.display();
            self.notes.push(format!(
                "there is no history in {shown} yet: every run of tests adds to it"
            ));
        }
    }

    /// A run's folder, or one with such folders in it.
    fn folder(&mut self, folder: &Path) -> std::io::Result<()> {
        let mut inner = vec![];
        let mut logs = vec![];
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            match entry.file_type()? {
                kind if kind.is_dir() => inner.push(entry.path()),
                kind if kind.is_file()
                    && name.starts_with("events")
                    && name.ends_with(".jsonl") =>
                {
                    logs.push(entry.path());
                }
                _ => {}
            }
        }
        if logs.is_empty() {
            for run in inner {
                self.logs_of(&run);
            }
        }
        logs.sort();
        self.logs(&logs);
        Ok(())
    }

    /// What is no run's folder has no logs.
    fn logs_of(&mut self, run: &Path) {
        let Ok(entries) = std::fs::read_dir(run) else {
            return;
        };
        let is_log = |name: &str| name.starts_with("events") && name.ends_with(".jsonl");
        let mut logs: Vec<PathBuf> = entries
            .flatten()
            .filter(|e| is_log(&e.file_name().to_string_lossy()))
            .map(|e| e.path())
            .collect();
        logs.sort();
        self.logs(&logs);
    }

    fn logs(&mut self, logs: &[PathBuf]) {
        self.runs += usize::from(!logs.is_empty());
        for log in logs {
            let shown = log.display();
            match read_log(log) {
                Ok(run) => self.past.extend(Past::of(&run)),
                Err(why) => self.notes.push(format!("{shown} was left out: {why}")),
            }
        }
    }
}

fn read_log(log: &Path) -> Result<RunLog, String> {
    let length = std::fs::metadata(log).map_err(|e| e.to_string())?.len();
    if length > LONGEST_LOG {
        return Err(format!("its {length} bytes are too many"));
    }
    let bytes = std::fs::read(log).map_err(|e| e.to_string())?;
    RunLog::parse(
        &String::from_utf8_lossy(&bytes),
        log.parent().unwrap_or(log),
    )
}

/// The commits after `from` up to `to`, newest first; empty where git cannot tell.
fn commits(root: &Path, from: &str, to: &str) -> Vec<String> {
    // A name from a log must not become an option.
    let is_hash = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hash(from) || !is_hash(to) {
        return vec![];
    }
    let asked = Program::new("git")
        .arg("-C")
        .arg(root)
        .args(["log", "--format=%h %s", &format!("{from}..{to}"), "--"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match asked {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(clean)
            .collect(),
        _ => vec![],
    }
}

type Between<'a> = &'a dyn Fn(&str, &str) -> Vec<String>;

/// The commits among which a regression's is.
fn suspects(judged: &Judged, between: Between<'_>) -> Vec<String> {
    match &judged.judgement {
        Judgement::Regressed { passed, failed } => match (&passed.commit, &failed.commit) {
            (Some(from), Some(to)) => between(from, to),
            _ => vec![],
        },
        _ => vec![],
    }
}

fn as_json(judged: &[Judged], read: &Read, days: f64, between: Between<'_>) -> Json {
    let evidence =
        |e: &tribunal_history::Evidence| json!({"run": e.run, "at_ms": e.at, "commit": e.commit});
    let cases: Vec<Json> = judged
        .iter()
        .map(|j| {
            let (passed, failed) = match &j.judgement {
                Judgement::Regressed { passed, failed } => (evidence(passed), evidence(failed)),
                _ => (Json::Null, Json::Null),
            };
            json!({"case": j.case, "judgement": j.judgement.word(), "runs": j.runs, "passes": j.passes, "repeated": j.repeated,
                "elsewhere": j.elsewhere, "rate": j.rate(), "passed": passed, "failed": failed, "commits": suspects(j, between)})
        })
        .collect();
    json!({"schema": 1, "days": days, "runs": read.runs, "notes": read.notes, "cases": cases})
}

fn as_text(judged: Vec<Judged>, read: &Read, days: f64, between: Between<'_>) -> String {
    let all = judged.len();
    let groups = groups(judged);
    let mut out = String::new();
    for (word, heading) in [
        (
            "regressed",
            "regressed, fails in a row since it last passed:",
        ),
        ("failing", "failing, too often to be called flaky:"),
        ("new", "new, has not passed yet:"),
        ("flaky", "flaky, fails now and then:"),
    ] {
        let mut lines = String::new();
        for group in groups.iter().filter(|g| g.like.judgement.word() == word) {
            lines.push_str(&told(group, between));
        }
        if !lines.is_empty() {
            out.push_str(&format!("{heading}\n{lines}\n"));
        }
    }
    let count = |word: &str| {
        let of = groups.iter().filter(|g| g.like.judgement.word() == word);
        of.map(|g| g.cases.len()).sum::<usize>()
    };
    out.push_str(&format!(
        "{all} cases of {} runs, in the last {days} days: {} flaky, {} regressed, {} failing, {} new, {} steady, {} of which nothing is known\n",
        read.runs,
        count("flaky"),
        count("regressed"),
        count("failing"),
        count("new"),
        count("steady"),
        count("unknown"),
    ));
    for note in &read.notes {
        out.push_str(&format!("note: {}\n", clean(note)));
    }
    out
}

fn told(group: &Group, between: Between<'_>) -> String {
    let like = &group.like;
    let names = match &*group.cases {
        [one] => clean(one),
        many => format!("{} ({} cases alike)", clean(&group.test), many.len()),
    };
    let mut out = format!("    {names}: {} of {} runs passed", like.passes, like.runs);
    if let Some(rate) = like.rate() {
        out.push_str(&format!(" ({:.0} %)", rate * 100.0));
    }
    if like.repeated > 0 {
        out.push_str(&format!(", {} only when repeated", like.repeated));
    }
    if like.elsewhere > 0 {
        out.push_str(&format!(
            "; {} more failed by the machine's doing",
            like.elsewhere
        ));
    }
    out.push('\n');
    if let Judgement::Regressed { passed, failed } = &like.judgement {
        let at = |e: &tribunal_history::Evidence| match &e.commit {
            Some(commit) => format!("{} ({})", clean(&e.run), clean(commit)),
            None => clean(&e.run),
        };
        out.push_str(&format!(
            "        passed last in {}, fails since {}\n",
            at(passed),
            at(failed)
        ));
        let suspects = suspects(like, between);
        for commit in suspects.iter().take(COMMITS) {
            out.push_str(&format!("        {commit}\n"));
        }
        if suspects.len() > COMMITS {
            out.push_str(&format!("        (+{} more)\n", suspects.len() - COMMITS));
        }
    }
    out
}

#[cfg(test)]
#[path = "flaky_tests.rs"]
mod tests;
