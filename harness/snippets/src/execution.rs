//! One example on its way to bash or Python and back: the script that is written, and what is read of its output.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use tribunal_offline::Ending;
use tribunal_serving::without_secrets;

use crate::commands::{self, Command};
use crate::lines::Place;
use crate::script;
use crate::snippet::{Kind, Snippet};
use crate::verdict::{CommandEnd, CommandReport};

/// How much of what is printed is judged.
const JUDGED: u64 = 1 << 20;

/// What became of each command.
pub(crate) fn reports(
    snippet: &Snippet,
    commands: Vec<Command>,
    folder: &Path,
    word: &str,
    ending: Option<&Ending>,
) -> io::Result<Vec<CommandReport>> {
    let (out, err) = printed(folder)?;
    let shell = matches!(snippet.kind, Kind::Shell | Kind::Session(_));
    let said = match shell {
        true => script::read(commands.len(), word, &out, &err),
        false => vec![script::Said {
            begun: true,
            out: out.clone(),
            err: err.clone(),
            ..Default::default()
        }],
    };
    if shell && ending.is_some() {
        // What people open is the output without our marks.
        for (name, pick) in [
            ("stdout", (|s| &s.out) as fn(&script::Said) -> &String),
            ("stderr", |s| &s.err),
        ] {
            let whole: String = said.iter().map(|s| pick(s).as_str()).collect();
            fs::write(folder.join(name), whole)?;
        }
    } else if ending.is_some() {
        fs::write(folder.join("stdout"), &out)?;
        fs::write(folder.join("stderr"), &err)?;
    }
    let prints = |at: usize| match &snippet.kind {
        Kind::Session(told) => told.get(at).and_then(|c| c.prints.clone()),
        _ => None,
    };
    let last = said.iter().rposition(|s| s.begun);
    let reports = commands
        .into_iter()
        .zip(said)
        .enumerate()
        .map(|(at, (command, said))| CommandReport {
            place: place_of(snippet, command.line),
            text: without_secrets(&command.text),
            end: end_of(&said, Some(at) == last, ending),
            seconds: said
                .began
                .zip(said.ended)
                .map(|(began, ended)| (ended - began).max(0.0)),
            out: said.out,
            err: said.err,
            prints: prints(at),
        });
    Ok(reports.collect())
}

/// How a command ended, from what the script said and how all of it ended.
fn end_of(said: &script::Said, last: bool, ending: Option<&Ending>) -> CommandEnd {
    match (said.code, ending) {
        (Some(code), _) => CommandEnd::Code(code),
        (None, _) if !said.begun => CommandEnd::NotReached,
        (None, None) if last => CommandEnd::Serves,
        (None, Some(ending)) if last && ending.timed_out => CommandEnd::TimedOut,
        (
            None,
            Some(Ending {
                signal: Some(signal),
                ..
            }),
        ) if last => CommandEnd::Signal(*signal),
        (
            None,
            Some(Ending {
                code: Some(code), ..
            }),
        ) if last => CommandEnd::Code(*code),
        _ => CommandEnd::Unknown,
    }
}

/// The commands of an example; a Python block is one.
pub(crate) fn commands_of(snippet: &Snippet) -> io::Result<Vec<Command>> {
    match &snippet.kind {
        Kind::Shell => commands::split(&snippet.code),
        Kind::Session(told) => Ok(told
            .iter()
            .map(|c| Command {
                line: c.line,
                text: c.text.clone(),
            })
            .collect()),
        _ => Ok(vec![Command {
            line: 0,
            text: snippet.code.clone(),
        }]),
    }
}

/// Writes what is run; gives the program and its arguments.
pub(crate) fn written(
    snippet: &Snippet,
    commands: &[Command],
    folder: &Path,
    word: &str,
    from: Option<&Path>,
    to: &Path,
) -> io::Result<(String, Vec<String>)> {
    let utf8 = |path: &Path| {
        path.to_str()
            .map(str::to_owned)
            .ok_or_else(|| io::Error::other("the path of the output is no UTF-8"))
    };
    let (name, text) = match snippet.kind {
        Kind::Python => ("snippet.py", snippet.code.clone()),
        Kind::PythonSession => ("snippet.txt", snippet.code.clone()),
        _ => {
            let from = from.map(utf8).transpose()?;
            (
                "snippet.sh",
                script::script(commands, word, from.as_deref(), Some(&utf8(to)?)),
            )
        }
    };
    let path = folder.join(name);
    fs::write(&path, text)?;
    let path = utf8(&path)?;
    Ok(match snippet.kind {
        Kind::Python => ("python3".to_owned(), vec![path]),
        Kind::PythonSession => (
            "python3".to_owned(),
            ["-m", "doctest", "-o", "ELLIPSIS", &path]
                .map(str::to_owned)
                .into(),
        ),
        _ => (
            "bash".to_owned(),
            ["--norc", "--noprofile", &path].map(str::to_owned).into(),
        ),
    })
}

pub(crate) fn place_of(snippet: &Snippet, line: usize) -> Place {
    Place {
        file: snippet.first.file.clone(),
        line: snippet.first.line + line,
    }
}

/// What was printed: the first of it, masked.
pub(crate) fn printed(folder: &Path) -> io::Result<(String, String)> {
    let read = |name: &str| -> io::Result<String> {
        let mut bytes = Vec::new();
        match fs::File::open(folder.join(name)) {
            Ok(file) => file.take(JUDGED).read_to_end(&mut bytes)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => 0,
            Err(e) => return Err(e),
        };
        Ok(without_secrets(&String::from_utf8_lossy(&bytes)))
    };
    Ok((read("stdout")?, read("stderr")?))
}

/// A new folder: the name, or the name with a number.
pub(crate) fn fresh(root: &Path, name: &str) -> io::Result<PathBuf> {
    for n in 1.. {
        let path = match n {
            1 => root.join(name),
            n => root.join(format!("{name}-{n}")),
        };
        match fs::create_dir(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && n < 10_000 => {}
            Err(e) => return Err(e),
            Ok(()) => return Ok(path),
        }
    }
    Err(io::Error::other("no name is free"))
}

/// A word for marks that an example cannot print by accident.
pub(crate) fn word(code: &str, folder: &Path) -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one((code, folder))
}
