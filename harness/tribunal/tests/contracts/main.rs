//! The contracts of the harness with everything that calls it: cargo, nextest, editors, people and their habits.
//!
//! Every row runs real programs. Most run a binary of a scaffolded project (see `scaffold`) with the arguments and the environment that the other
//! program sends, and compare what comes back with what that program understands; libtest and libtest-mimic, built from the same tests, say what
//! is right for the flags that they know. A row is named after the line of the contract that it proves.
//!
//! Rejected: calling the harness as a library (exit codes, descriptors, signals and environment are most of the contract).

#[cfg(target_os = "linux")]
mod bad_input;
#[cfg(target_os = "linux")]
mod call;
#[cfg(target_os = "linux")]
mod cargo_workspaces;
#[cfg(target_os = "linux")]
mod chaos;
#[cfg(target_os = "linux")]
mod deployments;
#[cfg(target_os = "linux")]
mod devices;
#[cfg(target_os = "linux")]
mod editors;
#[cfg(target_os = "linux")]
mod evidence;
#[cfg(target_os = "linux")]
mod figures;
#[cfg(target_os = "linux")]
mod history;
#[cfg(target_os = "linux")]
mod isolation;
#[cfg(target_os = "linux")]
mod lifecycle;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod output;
#[cfg(target_os = "linux")]
mod repeats;
#[cfg(target_os = "linux")]
mod reports;
#[cfg(target_os = "linux")]
mod row;
#[cfg(target_os = "linux")]
mod s2_1_argv;
#[cfg(target_os = "linux")]
mod s2_3_duties;
#[cfg(target_os = "linux")]
mod s2_3_events;
#[cfg(target_os = "linux")]
mod s2_3_readers;
#[cfg(target_os = "linux")]
mod s3_nextest;
#[cfg(target_os = "linux")]
mod s3_phases;
#[cfg(target_os = "linux")]
mod s4_oracles;
#[cfg(target_os = "linux")]
mod s4_own_options;
#[cfg(target_os = "linux")]
mod s4_own_selection;
#[cfg(target_os = "linux")]
mod s4_running_flags;
#[cfg(target_os = "linux")]
mod s4_selecting_flags;
#[cfg(target_os = "linux")]
mod s7_questions;
#[cfg(target_os = "linux")]
mod said;
#[cfg(target_os = "linux")]
mod scaffold;
#[cfg(target_os = "linux")]
mod seed_commands;
#[cfg(target_os = "linux")]
mod signals;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|w| w == chaos::VERB) {
        return chaos::watch(&words[1..]);
    }
    let arguments = libtest_mimic::Arguments::from_args();
    let mut trials = vec![];
    for (module, rows) in [
        ("s2_1_argv", s2_1_argv::rows()),
        ("s2_3_events", s2_3_events::rows()),
        ("s2_3_readers", s2_3_readers::rows()),
        ("s2_3_duties", s2_3_duties::rows()),
        ("s3_phases", s3_phases::rows()),
        ("s3_nextest", s3_nextest::rows()),
        ("s4_oracles", s4_oracles::rows()),
        ("s4_selecting_flags", s4_selecting_flags::rows()),
        ("s4_running_flags", s4_running_flags::rows()),
        ("s4_own_selection", s4_own_selection::rows()),
        ("s4_own_options", s4_own_options::rows()),
        ("s7_questions", s7_questions::rows()),
        ("bad_input", bad_input::rows()),
        ("cargo_workspaces", cargo_workspaces::rows()),
        ("output", output::rows()),
        ("figures", figures::rows()),
        ("repeats", repeats::rows()),
        ("reports", reports::rows()),
        ("isolation", isolation::rows()),
        ("limits", limits::rows()),
        ("evidence", evidence::rows()),
        ("history", history::rows()),
        ("signals", signals::rows()),
        ("chaos", chaos::rows()),
        ("deployments", deployments::rows()),
        ("lifecycle", lifecycle::rows()),
        ("devices", devices::rows()),
    ] {
        trials.extend(rows.into_iter().map(|row| row.trial(module)));
    }
    trials.extend(seed_commands::trials());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The rows start servers and send signals, which only works on Linux so far.
#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the contract rows need Linux");
}
