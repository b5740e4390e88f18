//! Tests that fail and then pass, and tests that are known to fail.
use std::sync::atomic::{AtomicUsize, Ordering};

use tribunal::prelude::*;

tribunal::main!();

#[tribunal::test]
fn passes() {}

#[tribunal::test]
fn second_time_lucky() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    println!("said in a call");
    assert!(CALLS.fetch_add(1, Ordering::SeqCst) > 0, "no colour is named");
}

#[tribunal::test]
fn never() {
    assert_eq!("seven", "a colour");
}

/// Its process dies, each time in a new one.
#[tribunal::test]
#[isolated]
#[retries(1, on = "crash")]
fn dies_apart() {
    std::process::abort();
}

#[tribunal::test]
#[quarantine(reason = "drifts", issue = "#7", until = "2999-12-31")]
fn known() {
    panic!("as known");
}

#[tribunal::test]
#[quarantine(reason = "drifted", issue = "#6", until = "2020-02-29")]
fn long_known() {
    panic!("as was known");
}

/// Fails once as many rounds have run as `AGAIN_ROUNDS` says, counted in the file `AGAIN_FILE`.
#[tribunal::test]
fn in_the_end() -> TestResult {
    let (Ok(file), Ok(rounds)) = (std::env::var("AGAIN_FILE"), std::env::var("AGAIN_ROUNDS")) else {
        return Ok(());
    };
    let text = std::fs::read_to_string(&file).unwrap_or_default() + "round\n";
    std::fs::write(&file, &text)?;
    let round = text.lines().count();
    if round >= rounds.parse()? {
        fail!("round {round}")
    }
    Ok(())
}
