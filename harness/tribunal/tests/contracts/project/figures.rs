//! Tests that measure, and end as one who measures can.
use tribunal::prelude::*;

tribunal::main!();

#[tribunal::test]
fn passes() {}

#[tribunal::test]
fn fails() -> TestResult {
    tribunal::fail!("the answer is wrong")
}

#[tribunal::test]
fn worse() -> TestResult {
    Err(tribunal::regressed("p99 is 12 % worse\nof ten accepted runs"))?
}

#[tribunal::test]
#[isolated]
fn worse_apart() -> TestResult {
    Err(tribunal::regressed("p99 is 12 % worse"))?
}

#[tribunal::test]
fn noisy() -> TestResult {
    Err(tribunal::inconclusive("the accepted runs differ by 8 %"))?
}

#[tribunal::test]
fn late() -> Result<(), tribunal::Measured> {
    Err(tribunal::invalid("requests were sent 40 ms late"))
}

#[tribunal::test]
fn first() -> TestResult {
    tribunal::no_baseline("0 of 5 accepted runs")
}

#[tribunal::test]
#[performance]
fn measures() -> TestResult {
    tribunal::note("the server is 9 % faster than its baseline");
    Ok(())
}
