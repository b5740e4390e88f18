//! The load, the looks, whole experiments and the console against the embedded engine.
//!
//! This target has a `main` of its own because the engine and the keepers of servers are this very program.

mod console;
mod engine;
mod experiments;
mod loads;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// One trial per function, named after its module and itself.
macro_rules! trials {
    ($($module:ident: $($test:ident)*;)*) => {
        vec![$($(Trial::test(concat!(stringify!($module), "::", stringify!($test)), || {
            engine::runtime().block_on($module::$test());
            Ok(())
        }),)*)*]
    };
}

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let hidden = tribunal_engine::verb(&args)
        .or_else(|| tribunal_serving::verb(&args))
        .or_else(|| tribunal_faults::verb(&args));
    if let Some(code) = hidden {
        return code;
    }
    let trials = trials! {
        loads:
            every_request_is_accounted_for
            requests_are_given_up_as_planned;
        experiments:
            a_killed_worker_is_felt_told_and_left_nothing
            a_killed_server_leaves_nothing
            a_stopped_server_is_noticed_and_comes_back
            a_fault_beside_the_requests_is_no_result;
        console:
            what_is_stopped_goes_on_by_itself_and_what_is_killed_is_gone
            mistakes_are_answered_and_the_next_line_is_read
            toxics_and_load_are_felt_and_accounted_for
            a_saved_session_does_the_same_again;
    };
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
