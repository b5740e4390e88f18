//! `cargo tribunal faults`: types at the console of a deployment that is held open (`cargo test -- --hold`).
//!
//! Promise: a command is passed on as it was typed and its answer shown; which deployment is meant is found only among those of this workspace, and two
//! are never taken for one. Rejected: understanding the commands here: this program may be older than the harness that it talks to.

mod held;
mod talk;

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};

use crate::command::{Command, clean, nearest_flag, see, wrong};
use talk::Line;

/// What was asked for could not be done, or the console said no.
const FAILED: u8 = 1;

const FLAGS: [&str; 3] = ["attach", "json", "help"];

pub(crate) const HELP: &str = "\
Breaks a server by hand: types at the console of a deployment that `cargo test -- --hold` holds open. With a command it
is done and the answer printed; without one, lines are read from standard input, one command each. What can be typed:
`cargo tribunal faults help` while a deployment is held, or docs/faults.md.

Usage: cargo tribunal faults [FLAGS] [COMMAND…]

Examples:
  cargo tribunal faults stop worker 0 for 30s
  cargo tribunal faults toxic add latency 100ms
  cargo tribunal faults save tests/worker_stops.rs

Flags:
      --attach SOCKET    the console to type at, as `--hold` printed it; without it the one that is open in this
                         workspace, and a list where there are several
      --json             print answers as they come: {ok, at, says, data}, one line each
  -h, --help             print this text

Words after the flags are the command. `save FILE` is relative to the folder that this program is called in.

Exit code: 0 it was done, 1 the console said no or cannot be reached, 2 the command line is wrong.
";

/// The flags of `faults`, and the command.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct FaultsOptions {
    attach: Option<PathBuf>,
    json: bool,
    words: Vec<String>,
}

/// What follows `faults`.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut options = FaultsOptions::default();
    loop {
        match parser.next().map_err(wrong)? {
            None => return Ok(Command::Faults(options)),
            Some(Long("attach")) => {
                options.attach = Some(parser.value().map_err(wrong)?.into());
            }
            Some(Long("json")) => options.json = true,
            Some(Short('h') | Long("help")) => return Ok(Command::Help(HELP)),
            Some(Long(flag)) => {
                return Err(format!(
                    "`faults` has no flag `--{flag}`\n{}",
                    nearest_flag(flag, &FLAGS)
                ));
            }
            Some(Short(flag)) => {
                return Err(format!(
                    "`faults` has no flag `-{flag}`\n{}",
                    see("cargo tribunal faults --help")
                ));
            }
            // The rest is the command, also where it looks like a flag: `clock -2h`.
            Some(Value(first)) => {
                let rest = parser.raw_args().map_err(wrong)?;
                for word in std::iter::once(first).chain(rest) {
                    let word = word.into_string().map_err(|word| {
                        format!(
                            "`{}` is no text in Unicode\n",
                            clean(&word.to_string_lossy())
                        )
                    })?;
                    options.words.push(word);
                }
                return Ok(Command::Faults(options));
            }
        }
    }
}

pub(crate) fn run(options: &FaultsOptions) -> ExitCode {
    let done = attached(options).and_then(|mut line| match options.words.as_slice() {
        [] => typed(&mut line, options.json),
        words => one(&mut line, &words.join(" "), options.json),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(why) => {
            // Where standard error is closed, the exit code still tells.
            let _ = writeln!(std::io::stderr(), "error: {why}");
            ExitCode::from(FAILED)
        }
    }
}

fn attached(options: &FaultsOptions) -> Result<Line, String> {
    if let Some(socket) = &options.attach {
        return Line::open(socket);
    }
    let root = held::root();
    let mut open = held::all(&root);
    match open.len() {
        1 => {
            let (held, line) = open.remove(0);
            if !options.json {
                // Answers alone go to standard output.
                let _ = writeln!(std::io::stderr(), "attached to {held}");
            }
            Ok(line)
        }
        0 => Err(format!(
            "no deployment is held open below {}\nhelp: `cargo test -- --hold` holds one; --attach SOCKET names one whose evidence lies elsewhere",
            root.display()
        )),
        _ => {
            let list: Vec<String> = open.iter().map(|(held, _)| format!("  {held}")).collect();
            Err(format!(
                "several deployments are held open:\n{}\nhelp: choose one by --attach SOCKET",
                list.join("\n")
            ))
        }
    }
}

/// One command; `false`: the console said no.
fn one(line: &mut Line, command: &str, json: bool) -> Result<bool, String> {
    let answer = line.ask(&absolute(command))?;
    let mut out = std::io::stdout();
    let shown = match json {
        true => answer.text.as_str(),
        false => answer.says.as_str(),
    };
    // A reader that went away (`| head`) is no failure.
    if answer.ok || json {
        let _ = writeln!(out, "{shown}");
    } else {
        let _ = writeln!(std::io::stderr(), "error: {shown}");
    }
    Ok(answer.ok)
}

/// Lines from standard input, until it or the console ends. `false`: the console said no to the last.
fn typed(line: &mut Line, json: bool) -> Result<bool, String> {
    let stdin = std::io::stdin();
    let prompt = stdin.is_terminal();
    let mut well = true;
    let mut text = String::new();
    loop {
        if prompt {
            let mut out = std::io::stderr();
            let _ = out.write_all(b"faults> ").and_then(|()| out.flush());
        }
        text.clear();
        let read = stdin.lock().read_line(&mut text);
        if read.map_err(|error| format!("standard input: {error}"))? == 0 {
            return Ok(well);
        }
        let command = text.trim();
        if command.is_empty() || command.starts_with('#') {
            continue;
        }
        well = one(line, command, json)?;
        if well && command == "quit" {
            return Ok(true);
        }
    }
}

/// A file is meant where it is typed, not where the harness runs.
fn absolute(command: &str) -> String {
    let file = command.trim().strip_prefix("save ").map(str::trim);
    let path = file
        .filter(|file| !file.is_empty())
        .map(std::path::absolute);
    match path {
        Some(Ok(path)) => format!("save {}", path.display()),
        _ => command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<FaultsOptions, String> {
        match parse(lexopt::Parser::from_args(words))? {
            Command::Faults(options) => Ok(options),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flags_stand_before_the_command() {
        assert_eq!(parsed(&[]), Ok(FaultsOptions::default()));
        let options = parsed(&["--attach", "s", "--json", "clock", "-2h", "--json"]).unwrap();
        assert_eq!(options.attach, Some("s".into()));
        assert!(options.json);
        assert_eq!(options.words, ["clock", "-2h", "--json"]);
        for (words, part) in [
            (&["--atach"][..], "did you mean `--attach`"),
            (&["-x"], "cargo tribunal faults --help"),
            (&["--attach"], "--attach"),
        ] {
            let mistake = parsed(words).unwrap_err();
            assert!(mistake.contains(part), "{mistake}");
        }
    }

    #[test]
    fn a_file_is_meant_where_it_is_typed() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(
            absolute("save a b.rs"),
            format!("save {}", here.join("a b.rs").display())
        );
        for same in ["save", "save ", "kill root", "save /x.rs"] {
            assert_eq!(absolute(same), same);
        }
    }

    #[test]
    fn the_help_names_every_flag_and_fits_a_terminal() {
        for flag in FLAGS {
            assert!(HELP.contains(&format!("--{flag}")), "{flag}");
        }
        assert!(HELP.lines().all(|line| line.chars().count() <= 120));
    }
}
