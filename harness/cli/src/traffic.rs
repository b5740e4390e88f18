//! `cargo tribunal traffic`: how exactly this machine sends and reads load.
//!
//! Promise: it measures the path that every load takes, against a server that is this program run again, and ends with it. Rejected: a bench
//! (users of the harness want the figures of their machine, and cannot build its benches).

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::Arg::{Long, Short, Value};
use tribunal_traffic::selftest::{self, Options};

use crate::command::{Command, clean, nearest, nearest_flag, see, wrong};

/// What was asked for could not be measured.
const FAILED: u8 = 1;

const VERBS: [&str; 1] = ["selftest"];
const FLAGS: [&str; 6] = ["streams", "rate", "seconds", "repeats", "format", "help"];

/// The hidden verb of the server of the self-test.
pub(crate) const SERVER: &str = "__known-delay-server";

pub(crate) const HELP: &str = "\
Measures how exactly this machine sends and reads load, against a server with known delays: this program again, which
stamps the machine's clock into every event. docs/traffic.md says what the figures mean.

Usage: cargo tribunal traffic selftest [FLAGS]

Flags:
      --streams N            streams at once (default 256; 1 to 16384)
      --rate N               events for each second, of each stream (default 50; 0.1 to 1000)
      --seconds N            how long each step takes (default 5; 0.1 to 600)
      --repeats N            how often the streams are measured (default 3; 1 to 100)
      --format text|json     text (default), or one JSON object
  -h, --help                 print this text

Steps: the streams (own delay, processor time for each event), a flood of events, 500 requests/s at their times, plain
requests on 64 connections. From these: what load can be trusted. Figures are those of this build: `cargo run --release
-p cargo-tribunal -- traffic selftest` measures an optimised one.

JSON keys: `schema` (1; grows when a key changes its meaning or goes away), `optimised`, `cores`, `shards`, `streams`
[{streams, events_per_second_each, events, failed, cpu_per_event_us, busiest_share, delay_p50_us, delay_p99_us,
delay_max_us, coalesced_share}], `streams_median` (the same keys), `flood` {streams, events_per_second,
events_per_cpu_second, cpu_per_event_us, busiest_share}, `schedule` {rate, requests, error_p50_us, error_p99_us,
error_max_us}, `plain` {connections, requests_per_second, cpu_per_request_us}, `trusted` {events_per_second,
streams_at_50, scheduled_per_second, notes}. `scheduled_per_second` null: not even those that were tried.

Exit code: 0 it was measured, 1 it could not be, 2 the command line is wrong.
";

/// The flags of `traffic selftest`.
#[derive(Debug, PartialEq)]
pub(crate) struct TrafficOptions {
    selftest: Options,
    json: bool,
}

/// What follows `traffic`.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, String> {
    match parser.next().map_err(wrong)? {
        Some(Value(verb)) if verb == "selftest" => flags(parser),
        Some(Short('h') | Long("help")) => Ok(Command::Help(HELP)),
        Some(Value(verb)) => {
            let verb = clean(&verb.to_string_lossy());
            let near = nearest(&verb, &VERBS)
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            Err(missing(&format!("`traffic` has no verb `{verb}`{near}")))
        }
        Some(Long(_) | Short(_)) => Err(missing("the verb comes before the flags")),
        None => Err(missing("the verb is missing: `selftest`")),
    }
}

fn missing(what: &str) -> String {
    format!("{what}\n{}", see("cargo tribunal traffic --help"))
}

fn flags(mut parser: lexopt::Parser) -> Result<Command, String> {
    let mut options = TrafficOptions {
        selftest: Options::default(),
        json: false,
    };
    let known = &mut options.selftest;
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Long("streams") => {
                known.streams = number(&mut parser, "streams", 1.0, 16384.0)?.round() as u32
            }
            Long("rate") => known.events_per_second = number(&mut parser, "rate", 0.1, 1000.0)?,
            Long("seconds") => {
                known.step = Duration::from_secs_f64(number(&mut parser, "seconds", 0.1, 600.0)?)
            }
            Long("repeats") => {
                known.repeats = number(&mut parser, "repeats", 1.0, 100.0)?.round() as u32
            }
            Long("format") => {
                let value = parser.value().map_err(wrong)?;
                options.json = match value.to_str() {
                    Some("text") => false,
                    Some("json") => true,
                    _ => {
                        let value = clean(&value.to_string_lossy());
                        return Err(missing(&format!(
                            "--format is `text` or `json`, got `{value}`"
                        )));
                    }
                };
            }
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Long(flag) => {
                return Err(format!(
                    "`traffic selftest` has no flag `--{flag}`\n{}",
                    nearest_flag(flag, &FLAGS)
                ));
            }
            Short(flag) => {
                return Err(missing(&format!(
                    "`traffic selftest` has no flag `-{flag}`"
                )));
            }
            Value(value) => {
                let value = clean(&value.to_string_lossy());
                return Err(missing(&format!(
                    "`traffic selftest` takes no argument, got `{value}`"
                )));
            }
        }
    }
    Ok(Command::Traffic(options))
}

fn number(parser: &mut lexopt::Parser, flag: &str, least: f64, most: f64) -> Result<f64, String> {
    let value = parser.value().map_err(wrong)?;
    let number = value.to_str().and_then(|text| text.parse::<f64>().ok());
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            let value = clean(&value.to_string_lossy());
            missing(&format!(
                "--{flag} is a number from {least} to {most}, got `{value}`"
            ))
        })
}

pub(crate) fn run(options: &TrafficOptions) -> ExitCode {
    let measured = std::env::current_exe()
        .map_err(|error| format!("this program does not know where it is: {error}"))
        .and_then(|own| {
            let mut server = std::process::Command::new(own);
            server.arg(SERVER);
            selftest::run(server, &options.selftest).map_err(|error| error.to_string())
        });
    let report = match measured {
        Ok(report) => report,
        Err(why) => {
            // Where standard error is closed, the exit code still tells.
            let _ = writeln!(std::io::stderr(), "error: {why}");
            return ExitCode::from(FAILED);
        }
    };
    let text = match options.json {
        true => serde_json::to_string_pretty(&report).map(|text| text + "\n"),
        false => Ok(report.to_string()),
    };
    // A reader that went away (`| head`) is no failure.
    let _ = std::io::stdout().write_all(text.unwrap_or_default().as_bytes());
    ExitCode::SUCCESS
}

/// The hidden verb: the server.
pub(crate) fn serve() -> ExitCode {
    match selftest::serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "error: the server of the self-test: {error}"
            );
            ExitCode::from(FAILED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Command, String> {
        parse(lexopt::Parser::from_args(words))
    }

    #[test]
    fn flags_are_understood_and_mistakes_named() {
        let expected = TrafficOptions {
            selftest: Options {
                streams: 8,
                events_per_second: 20.0,
                step: Duration::from_millis(500),
                repeats: 2,
            },
            json: true,
        };
        let words = [
            "selftest",
            "--streams",
            "8",
            "--rate=20",
            "--seconds",
            "0.5",
            "--repeats",
            "2",
            "--format",
            "json",
        ];
        assert_eq!(parsed(&words), Ok(Command::Traffic(expected)));
        for (words, part) in [
            (&[][..], "the verb is missing"),
            (&["selftets"], "did you mean `selftest`"),
            (&["--json"], "before the flags"),
            (&["selftest", "--stream", "8"], "did you mean `--streams`"),
            (&["selftest", "--streams", "0"], "1 to 16384, got `0`"),
            (&["selftest", "--seconds", "nan"], "got `nan`"),
            (&["selftest", "--format", "xml"], "got `xml`"),
            (&["selftest", "x"], "takes no argument"),
            (&["selftest", "-x"], "no flag `-x`"),
        ] {
            let mistake = parsed(words).unwrap_err();
            assert!(mistake.contains(part), "{mistake}");
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
