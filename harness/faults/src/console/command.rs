//! What is typed at the console, understood.
//!
//! Promise: every fault is typed in its text form, so that the console, a table and a saved test say the same; a mistake names the nearest word.
//! Rejected: an object of JSON per command: nobody types that, and it would be a second language for the same faults.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tribunal_vocabulary::nearest;

use crate::fault::Fault;
use crate::fault_text::FAULT_FORMS;
use crate::proxy::ToxicRule;

/// How long something is stopped where nobody says for how long: long enough to be watched, too short to be forgotten.
pub(super) const STOPPED_FOR: Duration = Duration::from_secs(30);
/// The most requests for each second that are sent by hand.
const FASTEST: f64 = 1000.0;

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Command {
    Status,
    Dump,
    Help,
    Quit,
    Toxics,
    Save(PathBuf),
    Act(Action),
}

/// A line that does something to the server, and that a saved session has.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    Inject(Fault),
    /// Faults of this kind, or only the one of this number.
    Undo(Kind, Option<u32>),
    /// Requests for each second.
    Load(f64),
    LoadStop,
}

/// Which faults are taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Stopped,
    Hogged,
    Toxic,
}

impl Kind {
    pub(super) fn has(self, fault: &Fault) -> bool {
        match self {
            Kind::Any => true,
            Kind::Stopped => matches!(fault, Fault::Stop { .. }),
            Kind::Hogged => matches!(fault, Fault::HogDevices { .. } | Fault::HogHost(_)),
            Kind::Toxic => matches!(fault, Fault::Network(_)),
        }
    }
}

/// Every first word, in the order of the help.
const WORDS: [&str; 19] = [
    "status",
    "kill",
    "terminate",
    "interrupt",
    "stop",
    "continue",
    "hog",
    "release",
    "toxic",
    "busy",
    "descriptors",
    "fill",
    "clock",
    "load",
    "undo",
    "dump",
    "save",
    "quit",
    "help",
];

/// What the console understands, for people.
pub(super) fn help() -> String {
    // The forms of faults stand where they are understood; a stop has a time here that a test's has not.
    let faults = FAULT_FORMS.replace("\ntoxic RULE, as in `toxic latency 100ms jitter 20ms`", "");
    format!(
        "{faults}\n\
         toxic add RULE      as in `toxic add latency 100ms jitter 20ms`; strikes whoever comes through the proxy\n\
         toxic list          the rules in force, and how often each has struck\n\
         toxic remove N      the fault of that number\n\
         continue [N]        what is stopped goes on; without a time it does so by itself after {} s\n\
         release [N]         memory that is hogged\n\
         undo [N]            every fault in force, or the one of that number\n\
         load N              N requests for each second, through the proxy, every one accounted for\n\
         load stop           no more; says what became of them\n\
         status              what runs, what is in force\n\
         dump                processes, the end of the log, metrics and the timeline\n\
         save FILE           what was done so far, as a test\n\
         quit                undo everything, stop the server, end\n\
         help                this text\n\
         TIME: 500ms, 30s, 5m",
        STOPPED_FOR.as_secs()
    )
}

impl Command {
    /// Understands a line.
    ///
    /// # Errors
    /// In words, with the nearest that there is.
    pub(super) fn parse(line: &str) -> Result<Command, String> {
        let line = line.trim();
        let (first, rest) = line
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((line, ""));
        let rest = rest.trim();
        let alone = |command| match rest {
            "" => Ok(command),
            more => Err(format!(
                "`{first}` stands alone; `{}` is too much",
                short(more)
            )),
        };
        let undo = |kind| Ok(Command::Act(Action::Undo(kind, number(first, rest)?)));
        match first {
            "" => Err("nothing was typed; `help` tells what can be".to_owned()),
            "status" => alone(Command::Status),
            "dump" => alone(Command::Dump),
            "help" => alone(Command::Help),
            "quit" => alone(Command::Quit),
            "continue" => undo(Kind::Stopped),
            "release" => undo(Kind::Hogged),
            "undo" => undo(Kind::Any),
            "load" => load(rest),
            "save" if rest.is_empty() => Err("`save` needs a file: `save tests/session.rs`".into()),
            "save" => Ok(Command::Save(PathBuf::from(rest))),
            "toxic" => toxic(rest),
            word if WORDS.contains(&word) => {
                let fault = line.parse::<Fault>().map_err(|e| e.to_string())?;
                Ok(Command::Act(Action::Inject(limited(fault))))
            }
            word => Err(match nearest(word, WORDS) {
                Some(near) => format!("there is no `{}`; did you mean `{near}`?", short(word)),
                None => format!(
                    "there is no `{}`; there are {}",
                    short(word),
                    WORDS.join(", ")
                ),
            }),
        }
    }
}

/// A stop by hand ends by itself: who types it may be called away.
fn limited(fault: Fault) -> Fault {
    match fault {
        Fault::Stop { victim, for_: None } => Fault::Stop {
            victim,
            for_: Some(STOPPED_FOR),
        },
        fault => fault,
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn number(verb: &str, rest: &str) -> Result<Option<u32>, String> {
    match rest {
        "" | "all" => Ok(None),
        rest => rest.parse().map(Some).map_err(|_| {
            format!(
                "`{verb}` takes the number of a fault as `status` lists them, or nothing, not `{}`",
                short(rest)
            )
        }),
    }
}

fn load(rest: &str) -> Result<Command, String> {
    if rest == "stop" {
        return Ok(Command::Act(Action::LoadStop));
    }
    match rest.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= FASTEST => Ok(Command::Act(Action::Load(rate))),
        _ => Err(format!(
            "`load` takes how many requests are sent in a second, up to {FASTEST}, or `stop`, not `{}`",
            short(rest)
        )),
    }
}

fn toxic(rest: &str) -> Result<Command, String> {
    let (what, more) = rest
        .split_once(|c: char| c.is_ascii_whitespace())
        .unwrap_or((rest, ""));
    let rule = |text: &str| {
        let rule = text.parse::<ToxicRule>().map_err(|e| e.to_string())?;
        Ok(Command::Act(Action::Inject(Fault::Network(rule))))
    };
    match what {
        "list" if more.is_empty() => Ok(Command::Toxics),
        "remove" => match number("toxic remove", more.trim())? {
            None => {
                Err("`toxic remove` takes the number of a fault as `toxic list` has them".into())
            }
            number => Ok(Command::Act(Action::Undo(Kind::Toxic, number))),
        },
        "add" => rule(more),
        // As a fault is typed everywhere else.
        _ => rule(rest).map_err(|why| match nearest(what, ["add", "list", "remove"]) {
            Some(near) => format!(
                "there is no `toxic {}`; did you mean `toxic {near}`?",
                short(what)
            ),
            None => why,
        }),
    }
}

impl fmt::Display for Action {
    /// As it is typed, and reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Inject(fault) => write!(f, "{fault}"),
            Action::Undo(kind, number) => {
                f.write_str(match kind {
                    Kind::Any => "undo",
                    Kind::Stopped => "continue",
                    Kind::Hogged => "release",
                    Kind::Toxic => "toxic remove",
                })?;
                match number {
                    Some(number) => write!(f, " {number}"),
                    None => Ok(()),
                }
            }
            Action::Load(rate) => write!(f, "load {rate}"),
            Action::LoadStop => f.write_str("load stop"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_reads_back_as_it_is_shown() {
        for (line, shown) in [
            ("kill worker 0", "kill worker 0"),
            (" stop  any-worker ", "stop any-worker for 30s"),
            ("stop root for 5m", "stop root for 5m"),
            ("hog devices 0.95 strict", "hog devices 0.95 strict"),
            ("toxic add latency 100ms", "toxic latency 100ms"),
            ("toxic latency 100ms", "toxic latency 100ms"),
            ("toxic remove 3", "toxic remove 3"),
            ("continue", "continue"),
            ("release 2", "release 2"),
            ("undo all", "undo"),
            ("load 2.5", "load 2.5"),
            ("load stop", "load stop"),
        ] {
            let Ok(Command::Act(action)) = Command::parse(line) else {
                panic!("{line}")
            };
            assert_eq!(action.to_string(), shown, "{line}");
            assert_eq!(Command::parse(shown), Ok(Command::Act(action)), "{line}");
        }
    }

    #[test]
    fn mistakes_name_what_would_be_right() {
        for (line, part) in [
            ("", "`help` tells"),
            ("kil worker 0", "did you mean `kill`?"),
            ("kill wroker 0", "did you mean `worker`?"),
            ("stats", "did you mean `status`?"),
            ("frobnicate", "there are status, kill"),
            ("status now", "stands alone"),
            ("load many", "how many requests"),
            ("load 0", "how many requests"),
            ("load inf", "how many requests"),
            ("load 1e9", "up to 1000"),
            ("undo it", "the number of a fault"),
            ("undo -1", "the number of a fault"),
            ("toxic lst", "did you mean `toxic list`?"),
            ("toxic add latenci 3s", "did you mean `latency`?"),
            ("toxic remove", "takes the number"),
            ("save", "needs a file"),
            ("stop root for ever", "no span of time"),
        ] {
            let mistake = Command::parse(line).expect_err(line);
            assert!(mistake.contains(part), "{line}: {mistake}");
        }
    }

    #[test]
    fn the_help_names_every_word() {
        let help = help();
        for word in WORDS {
            assert!(help.contains(word), "{word}");
        }
    }
}
