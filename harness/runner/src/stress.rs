//! `--stress`: the selection runs again and again, until a round fails.
//!
//! Promise: a round is a whole run in a process of its own, with its own servers, evidence and report; nothing is repeated within it, since the
//! failure is what is looked for. A process that is killed takes its round with it. Rejected: rounds within one process (what leaks or is remembered
//! there makes the later rounds other runs than a first one is).

use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use crate::options::{Options, UsageError};
use crate::outcome::{exit, seconds};

/// The hidden first argument of a round.
const ROUND: &str = "__tribunal-round";

/// Whether this process is a round of a stress, and its arguments.
pub fn stress_round(args: Vec<OsString>) -> (bool, Vec<OsString>) {
    match args.first().is_some_and(|first| first == ROUND) {
        true => (true, args[1..].to_vec()),
        false => (false, args),
    }
}

/// What is known of the rounds.
#[derive(Debug, Default)]
struct Rounds {
    lengths: Vec<Duration>,
    /// The exit code of the last one.
    code: u8,
    /// The signal that stopped the stress.
    signal: Option<i32>,
}

/// How far a stress goes.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    rounds: Option<u32>,
    time: Option<Duration>,
}

impl Bounds {
    /// Whether another round begins.
    fn more(self, rounds: &Rounds, elapsed: Duration) -> bool {
        rounds.code == 0
            && rounds.signal.is_none()
            && self
                .rounds
                .is_none_or(|n| rounds.lengths.len() < n as usize)
            && self.time.is_none_or(|time| elapsed < time)
    }

    /// `3 of 10`.
    fn shown(self, number: usize) -> String {
        match self.rounds {
            Some(n) => format!("{number} of {n}"),
            None => number.to_string(),
        }
    }

    /// The last words.
    fn summary(self, rounds: &Rounds) -> String {
        let n = rounds.lengths.len();
        let times = || {
            let shortest = rounds.lengths.iter().min().copied().unwrap_or_default();
            let longest = rounds.lengths.iter().max().copied().unwrap_or_default();
            format!("{} to {} each", seconds(shortest), seconds(longest))
        };
        let plural = |n: usize| if n == 1 { "round" } else { "rounds" };
        match (rounds.code, rounds.signal) {
            (0, None) => format!("stress: {n} {} passed, {}", plural(n), times()),
            (0, Some(_)) => format!("stress: stopped after {n} {} that passed", plural(n)),
            (_, Some(_)) => format!(
                "stress: stopped in round {}, and {} passed before it",
                self.shown(n),
                n.saturating_sub(1)
            ),
            (code, None) => format!(
                "stress: round {} failed (exit code {code}), and {} passed before it; its evidence is told above",
                self.shown(n),
                n.saturating_sub(1)
            ),
        }
    }
}

/// Runs rounds until one fails; returns the exit code. Called on the main thread of a process that has no other.
///
/// # Errors
/// No process can be started.
pub fn stress(args: &[OsString], options: &Options) -> Result<u8, UsageError> {
    let bounds = Bounds {
        rounds: options.stress,
        time: options.stress_duration,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| UsageError(format!("--stress: {e}")))?;
    let begun = Instant::now();
    let mut rounds = Rounds::default();
    while bounds.more(&rounds, begun.elapsed()) {
        say(&format!(
            "stress: round {}",
            bounds.shown(rounds.lengths.len() + 1)
        ));
        let started = Instant::now();
        let ended = runtime.block_on(round(args));
        let (status, signal) =
            ended.map_err(|e| UsageError(format!("--stress: no process for a round: {e}")))?;
        rounds.lengths.push(started.elapsed());
        rounds.code = code(status);
        rounds.signal = signal;
    }
    say(&bounds.summary(&rounds));
    Ok(match (rounds.code, rounds.signal) {
        (0, Some(signal)) => u8::try_from(128 + signal).unwrap_or(exit::FAILED),
        (code, _) => code,
    })
}

fn say(text: &str) {
    // Standard output belongs to the rounds, whose format may be JSON. Nobody may be left to read this.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(exit::FAILED);
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.unwrap_or(exit::FAILED)
}

/// Not by its path: another build may have replaced it meanwhile.
fn program() -> std::io::Result<Command> {
    if cfg!(target_os = "linux") {
        return Ok(Command::new("/proc/self/exe"));
    }
    Ok(Command::new(std::env::current_exe()?))
}

/// One round: how it ended, and the signal that arrived meanwhile.
async fn round(args: &[OsString]) -> std::io::Result<(ExitStatus, Option<i32>)> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut command = program()?;
    #[cfg(unix)]
    if let Some(own) = std::env::args_os().next() {
        std::os::unix::process::CommandExt::arg0(&mut command, own);
    }
    command.arg(ROUND).args(args);
    #[cfg(target_os = "linux")]
    crate::sys::die_with_parent(&mut command);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut child = tokio::process::Command::from(command).spawn()?;
    let mut stopped = None;
    loop {
        tokio::select! {
            status = child.wait() => return Ok((status?, stopped)),
            // The terminal sends it to the round as well, and a second one would end it at once.
            _ = interrupt.recv() => stopped = Some(2),
            _ = terminate.recv() => {
                stopped = Some(15);
                pass_on(&child);
            }
        }
    }
}

/// Asks a round to end.
fn pass_on(child: &tokio::process::Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        // It may have ended just now; it is not reaped yet, so the number is still its own.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(n: u64, code: u8) -> Rounds {
        Rounds {
            lengths: (1..=n).map(Duration::from_secs).collect(),
            code,
            signal: None,
        }
    }

    #[test]
    fn rounds_go_on_until_one_fails_or_enough_have_passed() {
        let three = Bounds {
            rounds: Some(3),
            time: None,
        };
        let hour = Bounds {
            rounds: None,
            time: Some(Duration::from_secs(3600)),
        };
        let early = Duration::from_secs(1);
        assert!(three.more(&rounds(0, 0), early) && three.more(&rounds(2, 0), early));
        assert!(!three.more(&rounds(3, 0), early) && !three.more(&rounds(1, 101), early));
        assert!(hour.more(&rounds(99, 0), early));
        assert!(!hour.more(&rounds(99, 0), Duration::from_secs(3600)));
        let stopped = Rounds {
            signal: Some(15),
            ..rounds(1, 0)
        };
        assert!(!three.more(&stopped, early));
    }

    #[test]
    fn the_last_words_say_how_it_went() {
        let ten = Bounds {
            rounds: Some(10),
            time: None,
        };
        assert_eq!(
            ten.summary(&rounds(10, 0)),
            "stress: 10 rounds passed, 1s to 10s each"
        );
        assert!(
            ten.summary(&rounds(4, 101)).starts_with(
                "stress: round 4 of 10 failed (exit code 101), and 3 passed before it"
            )
        );
    }

    #[test]
    fn a_round_knows_that_it_is_one() {
        let args = |list: &[&str]| list.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(stress_round(args(&[ROUND, "a"])), (true, args(&["a"])));
        assert_eq!(
            stress_round(args(&["a", ROUND])),
            (false, args(&["a", ROUND]))
        );
    }
}
