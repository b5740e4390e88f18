//! `cargo tribunal profile-vram` on systems where the processes of a test cannot be followed: it says so.

use std::process::ExitCode;

use crate::command::Command;

pub(crate) const FLAGS: [&str; 1] = ["help"];
pub(crate) const HELP: &str = "\
`profile-vram` measures how much device memory a test needs. It follows the processes of the test through /proc, and needs Linux.
";

/// Nothing can be asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct ProfileOptions;

/// What follows the verb.
pub(crate) fn parse(_: lexopt::Parser) -> Result<Command, String> {
    Err(HELP.into())
}

pub(crate) fn run(_: &ProfileOptions) -> ExitCode {
    ExitCode::FAILURE
}
