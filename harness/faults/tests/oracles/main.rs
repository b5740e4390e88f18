//! The load, the looks, whole experiments and the console against the embedded engine.
//!
//! This target has a `main` of its own because the engine and the keepers of servers are this very program.

mod bad;
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
    let hidden = tribunal_engine::verb(&args).or_else(|| tribunal_serving::verb(&args));
    if let Some(code) = hidden.or_else(|| tribunal_faults::verb(&args)) {
        return code;
    }
    let trials = trials! {
        loads:
            every_request_is_accounted_for
            requests_are_given_up_as_planned
            a_look_tells_within_milliseconds;
        experiments:
            a_killed_worker_is_felt_told_and_left_nothing
            a_killed_server_leaves_nothing
            a_stopped_server_is_noticed_and_comes_back
            the_fault_always_falls_into_a_stream
            what_was_given_up_is_freed_and_harms_nobody
            a_named_fault_is_injected_into_a_scene
            a_fault_beside_the_requests_is_no_result;
        bad:
            whoever_hides_that_a_worker_is_dead_is_caught
            whoever_keeps_what_is_not_his_is_caught
            whoever_gives_wrong_answers_is_caught;
        console:
            what_is_stopped_goes_on_by_itself_and_what_is_killed_is_gone
            mistakes_are_answered_and_the_next_line_is_read
            toxics_and_load_are_felt_and_accounted_for
            a_saved_session_does_the_same_again;
    };
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
