//! `cargo tribunal`: what works on this machine, and what to do about the rest.
//!
//! `baseline` keeps what performance tests compare with; `doctor` looks at the machine, `devices` at its accelerators, `deploy` at deployments, `model` at
//! models; `faults` breaks a server by hand; `flaky` judges cases by their past; `k8s` runs on a cluster; `nodes` reads files of several nodes; `report` makes reports of runs; `soak` judges journals of soaks; `stages`, `coverage` and
//! `pipeline` look at the catalog of tests; `workload` reads workload files; `traffic` says how exactly load is sent, and `profile-vram` what a test needs of a device. The program is started through the alias in
//! `.cargo/config.toml` or, once it is installed, by cargo as a subcommand (cargo then repeats the word `tribunal`); both are the same here.
//!
//! Exit codes: 0 nothing that is required is missing, or what was asked for is done; 1 something is missing, or it could not be done; 2 the command
//! line or a deployment is wrong.

mod baseline;
mod catalog;
mod command;
mod coverage;
mod deploy;
mod devices;
mod doctor;
mod faults;
mod flaky;
mod k8s;
mod model;
mod namespaces;
mod nodes;
mod pipeline;
#[cfg(target_os = "linux")]
mod profile;
#[cfg(not(target_os = "linux"))]
#[path = "profile_elsewhere.rs"]
mod profile;
mod program;
mod report;
mod soak;
mod stages;
mod sys;
mod traffic;
mod workload;
mod workspace;

use std::io::Write;
use std::process::ExitCode;

use command::Command;

/// The command line is wrong.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match command::parse(arguments) {
        Ok(Command::Help(text)) => say(text),
        Ok(Command::Version) => say(concat!("cargo-tribunal ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Doctor(options)) => doctor::run(&options),
        Ok(Command::Baseline(options)) => baseline::run(&options),
        Ok(Command::Coverage(options)) => coverage::run(&options),
        Ok(Command::Deploy(command)) => deploy::run(command),
        Ok(Command::Devices(options)) => devices::run(&options),
        Ok(Command::Faults(options)) => faults::run(&options),
        Ok(Command::Flaky(options)) => flaky::run(&options),
        Ok(Command::Kubernetes(options)) => k8s::run(&options),
        Ok(Command::Model(options)) => model::run(&options),
        Ok(Command::Nodes(options)) => nodes::run(&options),
        Ok(Command::Pipeline(options)) => pipeline::run(&options),
        Ok(Command::Profile(options)) => profile::run(&options),
        Ok(Command::Report(options)) => report::run(&options),
        Ok(Command::Soak(options)) => soak::run(&options),
        Ok(Command::Stages(options)) => stages::run(&options),
        Ok(Command::Workload(options)) => workload::run(&options),
        Ok(Command::Traffic(options)) => traffic::run(&options),
        Ok(Command::KnownDelayServer) => traffic::serve(),
        Ok(Command::Namespaces) => say(&namespaces::probe()),
        Err(mistake) => {
            // Where standard error is closed, the exit code still tells.
            let _ = write!(std::io::stderr(), "error: {mistake}");
            ExitCode::from(USAGE)
        }
    }
}

/// Prints a text that is the whole answer. A reader that went away (`| head`) is no failure.
fn say(text: &str) -> ExitCode {
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
