//! What the detector is there for: an engine that leaks is found, one that warms up or does nothing of the kind is not.
//!
//! The detector claims half an hour. Here half an hour passes in one minute: the leak is thirty times as large, the limits are thirty times as high. With
//! `--soak 32m` and more it is the leak of 200 MB an hour itself, and the limits are the usual ones. Hours are played in simulated time by the tests of
//! `tribunal-soak`.

use std::time::Duration;

use tribunal::prelude::*;
use tribunal::stability::*;

/// Half an hour, and a little for the last batch.
const WHOLE: Duration = Duration::from_secs(32 * 60);
/// How long a soak lasts where `--soak` says nothing.
const SHORT: Duration = Duration::from_secs(64);
/// What leaks in an hour, in MB.
const LEAK: f64 = 200.0;

fn lasts() -> Duration {
    tribunal::soak().duration.unwrap_or(SHORT).max(SHORT)
}

/// How much faster time passes.
fn times() -> f64 {
    (WHOLE.as_secs_f64() / lasts().as_secs_f64()).max(1.0)
}

/// Soaks an engine with these options.
async fn soaked(options: &[&str]) -> Result<Report, Error> {
    let server = tribunal::embedded()?.args(options).start().await?;
    let report = Steady::of(&server)?
        .exactly(lasts())
        .rate(4.0)
        .batch(8)
        .sample_every(Duration::from_secs_f64(5.0 / times()).max(Duration::from_millis(200)))
        .drift(DriftLimits::default().scaled(times()))
        .report(Route::Chat, |plan| {
            let tokens = plan.between("input_tokens", 8, 32);
            DataSet::random(u32::try_from(tokens).unwrap_or(8), 8)
        })
        .await;
    server.stop().await?;
    report
}

fn memory(report: &Report) -> Result<&Finding, Error> {
    let found = report.finding(&Signal::Memory);
    let found = found.ok_or_else(|| Error::msg("the server's memory was not read"))?;
    tribunal::log!("{found}");
    Ok(found)
}

/// 200 MB an hour, as much faster as time passes, within the shortest time that the detector claims.
#[tribunal::test]
#[timeout("10m")]
async fn a_leak_is_found() -> TestResult {
    let leak = format!("{}", LEAK * times());
    let report = soaked(&["--leak-mb-per-hour", &leak]).await?;
    let found = memory(&report)?;
    assert_eq!(found.drift.verdict, Verdict::Leak, "{found}");
    let slope = found.drift.slope_per_hour.unwrap_or_default() / times();
    assert!((150e6..250e6).contains(&slope), "{found}");
    assert!(found.hours_to_limit.is_some(), "{found}");
    let told = report.failures();
    assert!(
        told.iter().any(|why| why.starts_with("host memory: LEAK")),
        "{told:?}"
    );
    Ok(())
}

/// It grows by 200 MB in the first third, and is flat then.
#[tribunal::test]
#[timeout("10m")]
async fn a_warm_up_is_none() -> TestResult {
    let seconds = format!("{}", lasts().as_secs_f64() / 3.0);
    let report = soaked(&["--warm-up-mb", "200", "--warm-up-seconds", &seconds]).await?;
    let found = memory(&report)?;
    assert_ne!(found.drift.verdict, Verdict::Leak, "{found}");
    assert!(found.peak > 200e6, "{found}");
    Ok(())
}

/// The engine as it is.
#[tribunal::test]
#[timeout("10m")]
async fn nothing_is_none() -> TestResult {
    let report = soaked(&[]).await?;
    let found = memory(&report)?;
    assert_eq!(found.drift.verdict, Verdict::Ok, "{found}");
    Ok(())
}
