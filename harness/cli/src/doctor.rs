//! `cargo tribunal doctor`: gather facts, judge them, print the findings.
//!
//! Promise: three steps with plain data between them, so that every judgement is tested on made-up facts; nothing on the
//! machine is changed. Rejected: checks that print as they go (nothing could be tested but the whole).

mod checks;
mod facts;
mod finding;
mod gather;
mod json;
mod kernel;
mod text;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use crate::command::DoctorOptions;
use finding::State;

/// Something that is required failed.
const FAILED: u8 = 1;

pub(crate) fn run(options: &DoctorOptions) -> ExitCode {
    let facts = gather::all(!options.no_devices);
    let findings = checks::judge(&facts);
    let mut stdout = std::io::stdout();
    let report = if options.json {
        json::render(&findings, facts.devices.as_ref())
    } else {
        text::render(
            &findings,
            colours(
                stdout.is_terminal(),
                std::env::var_os("NO_COLOR"),
                std::env::var_os("TERM"),
            ),
        )
    };
    // A reader that went away (`| head`) is no failure: the exit code still tells.
    let _ = stdout.write_all(report.as_bytes());
    let failed = findings.iter().any(|finding| finding.state == State::Fail);
    ExitCode::from(if failed { FAILED } else { 0 })
}

/// Colours only on a terminal that can show them and whose user has not said no (<https://no-color.org>: any value but the empty).
fn colours(
    terminal: bool,
    no_color: Option<std::ffi::OsString>,
    term: Option<std::ffi::OsString>,
) -> bool {
    terminal
        && no_color.is_none_or(|value| value.is_empty())
        && term.is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_only_where_they_are_wanted_and_shown() {
        for (terminal, no_color, term, expected) in [
            (true, None, Some("xterm"), true),
            (true, None, None, true),
            (true, Some(""), Some("xterm"), true),
            (true, Some("1"), Some("xterm"), false),
            (true, None, Some("dumb"), false),
            (false, None, Some("xterm"), false),
        ] {
            assert_eq!(
                colours(terminal, no_color.map(Into::into), term.map(Into::into)),
                expected
            );
        }
    }
}
