//! `cargo tribunal devices`: what is here, who uses how much of it, and who has a right to.
//!
//! Promise: nothing is changed, not even a ledger made; on a machine without any device it says where it looked. Three steps with
//! plain data between them, as in `doctor`. Rejected: a full-screen program for `--watch` (it could not be piped or kept).

mod gather;
mod json;
mod text;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value};

use crate::command::{Command, clean, nearest_flag, see, wrong};
use gather::Gatherer;

/// What was asked for could not be done.
const FAILED: u8 = 1;
/// Between two looks unless told otherwise.
const INTERVAL: Duration = Duration::from_secs(2);

const FLAGS: [&str; 4] = ["format", "watch", "simulated", "help"];

pub(crate) const HELP: &str = "\
Shows the accelerators of this machine: memory, load, clocks, power and heat, the processes that use them, the leases
that runs of tests hold, and why something is not known. Nothing is changed. docs/devices.md says what is read of whom.

Usage: cargo tribunal devices [FLAGS]

Flags:
      --format text|json     a table (default), or one JSON object
      --watch[=SECONDS]      again and again, every 2 seconds or as told (0.1 to 3600); JSON: one object per line
      --simulated LEDGER     the simulated devices of this file instead of the machine's
  -h, --help                 print this text

JSON keys: `schema` (1; grows when a key changes its meaning or goes away), `program`, `version`, `taken_unix_ms`,
`simulated` (true: nothing was measured on hardware), `looked_in` [{platform, maker, looked_in}],
`devices` [{key, platform, index, uuid, name, visible, simulated, memory_total, memory_used, memory_reserved,
memory_free, utilisation_percent, core_clock_mhz, core_clock_max_mhz, memory_clock_mhz, memory_clock_max_mhz,
power_watts, power_limit_watts, temperature_celsius, throttle, mig, ecc, ecc_uncorrected,
processes [{pid, bytes, start_time, command}], processes_note}],
`drivers` [{platform, version, cuda}], `host` {memory_total, memory_available, memory_limit, memory_limited_used,
load_1, cpu_quota, cpus}, `visibility` {VARIABLE: value},
`leases` [{pid, command, since_unix_ms, waits, label, devices [{key, bytes}], names, cpus, host_memory,
host_exclusive, server}], `leases_note`, `notes` [{platform, source, kind, text}].
Sizes are bytes; null is unmeasured and never zero. `processes` null: not known, and `processes_note` says why; `bytes`
null of a lease: the whole device. `leases` null: not read, and `leases_note` says why.

Exit code: 0 it was shown, 1 the ledger cannot be read, 2 the command line is wrong.
";

/// The flags of `devices`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct DevicesOptions {
    json: bool,
    watch: Option<Duration>,
    simulated: Option<PathBuf>,
}

/// What follows `devices`.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut options = DevicesOptions::default();
    loop {
        match parser.next().map_err(wrong)? {
            None => return Ok(Command::Devices(options)),
            Some(Long("format")) => {
                let value = parser.value().map_err(wrong)?;
                options.json = match value.to_string_lossy().as_ref() {
                    "json" => true,
                    "text" => false,
                    other => {
                        return Err(format!(
                            "unknown format `{}`\nhelp: there are text, json\n",
                            clean(other)
                        ));
                    }
                };
            }
            Some(Long("watch")) => {
                options.watch = Some(match parser.optional_value() {
                    None => INTERVAL,
                    Some(value) => interval(&value.to_string_lossy())?,
                });
            }
            Some(Long("simulated")) => {
                options.simulated = Some(parser.value().map_err(wrong)?.into());
            }
            Some(Short('h') | Long("help")) => return Ok(Command::Help(HELP)),
            Some(Long(flag)) => {
                return Err(format!(
                    "`devices` has no flag `--{flag}`\n{}",
                    nearest_flag(flag, &FLAGS)
                ));
            }
            Some(Short(flag)) => {
                return Err(format!(
                    "`devices` has no flag `-{flag}`\n{}",
                    see("cargo tribunal devices --help")
                ));
            }
            Some(Value(value)) => {
                return Err(format!(
                    "`devices` takes no argument, got `{}`\n{}",
                    clean(&value.to_string_lossy()),
                    see("cargo tribunal devices --help")
                ));
            }
        }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!(
            "`--watch={}`: expected seconds from 0.1 to 3600\n{}",
            clean(text),
            see("cargo tribunal devices --help")
        )),
    }
}

pub(crate) fn run(options: &DevicesOptions) -> ExitCode {
    let mut gatherer = match Gatherer::new(options.simulated.as_deref()) {
        Ok(gatherer) => gatherer,
        Err(error) => {
            // Where standard error is closed, the exit code still tells.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            return ExitCode::from(FAILED);
        }
    };
    let mut stdout = std::io::stdout();
    let terminal = stdout.is_terminal();
    loop {
        let facts = gatherer.look();
        let shown = match (options.json, options.watch) {
            (true, None) => json::pretty(&facts),
            (true, Some(_)) => json::line(&facts),
            (false, None) => text::render(&facts),
            // Home, the new text, and away with what is left of the old one: no flicker.
            (false, Some(_)) if terminal => format!("\u{1b}[H\u{1b}[J{}", text::render(&facts)),
            (false, Some(_)) => text::render(&facts) + "\n",
        };
        // A reader that went away (`| head`) is no failure, and the end of watching.
        let gone = stdout
            .write_all(shown.as_bytes())
            .and_then(|()| stdout.flush())
            .is_err();
        match options.watch {
            Some(interval) if !gone => std::thread::sleep(interval),
            _ => return ExitCode::SUCCESS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<DevicesOptions, String> {
        let words: Vec<_> = line.split_whitespace().collect();
        match parse(lexopt::Parser::from_args(words))? {
            Command::Devices(options) => Ok(options),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_understood() {
        assert_eq!(parsed(""), Ok(DevicesOptions::default()));
        let all = parsed("--format json --watch=0.5 --simulated a/b").unwrap();
        assert_eq!(
            all,
            DevicesOptions {
                json: true,
                watch: Some(Duration::from_millis(500)),
                simulated: Some("a/b".into()),
            }
        );
        assert_eq!(parsed("--watch").unwrap().watch, Some(INTERVAL));
    }

    #[test]
    fn mistakes_name_what_would_be_right() {
        for (line, part) in [
            ("--format yaml", "there are text, json"),
            ("--watch=0", "0.1 to 3600"),
            ("--watch=soon", "0.1 to 3600"),
            ("--simulate x", "did you mean `--simulated`"),
            ("-w", "cargo tribunal devices --help"),
            ("gpu0", "takes no argument"),
        ] {
            let mistake = parsed(line).unwrap_err();
            assert!(mistake.contains(part), "{line}: {mistake}");
        }
    }

    #[test]
    fn the_help_names_every_flag_and_fits_a_terminal() {
        for flag in FLAGS {
            assert!(HELP.contains(&format!("--{flag}")), "{flag}");
        }
        assert!(HELP.lines().all(|line| line.len() <= 120));
    }
}
