//! Measures the figures that Tribunal promises and prints them beside their budgets.
//!
//! Exit codes: 0 whatever the figures are, 1 if one could not be taken, 2 for a wrong command line.

mod compiling;
mod late;
mod leasing;
mod machine;
mod manifests;
mod options;
mod process;
mod project;
mod running;
mod serving;
mod sys;

use std::ffi::OsString;
use std::process::ExitCode;

use tribunal_benches::Figure;

use crate::options::Options;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    // This program is also the keeper of the servers that it starts, the embedded engine, and a server that is late.
    let verb = tribunal::serving::verb(&args)
        .or_else(|| tribunal_engine::verb(&args))
        .or_else(|| late::verb(&args));
    if let Some(code) = verb {
        return code;
    }
    let options = match Options::parse(args) {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("error: {text}");
            return ExitCode::from(2);
        }
    };
    let machine = machine::describe(&options);
    let mut figures: Vec<Figure> = vec![];
    let mut failed = false;
    for group in &options.groups {
        eprintln!("measuring: {} ({})", group.name, group.what);
        if let Err(text) = (group.measure)(&options, &mut figures) {
            failed = true;
            eprintln!("error: {}: {text}", group.name);
        }
    }
    if options.json {
        println!("{}", tribunal_benches::json(&machine, &figures));
    } else {
        print!("{}", tribunal_benches::render(&machine, &figures));
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
