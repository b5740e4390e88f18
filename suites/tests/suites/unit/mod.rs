//! L1: the harness's own pure parts, as an example of tests without a server.

use std::time::Duration;

use tribunal::prelude::*;
use tribunal::vocabulary::{Expression, Vocabulary, nearest, parse_duration};

tribunal::markers!(core_model, cpu, unit, parallel);

/// The empty expression selects nothing as a value, and means "no filter" on the command line.
#[tribunal::test]
#[cases(
    plain = ("core_model and cpu", true),
    negated = ("not gpu", true),
    grouped = ("e2e and (core_model or cpu)", false),
    symbols = ("core_model & !gpu | e2e", true),
)]
fn marker_expressions(#[case] text: &str, #[case] expected: bool) -> TestResult {
    let v = Vocabulary::shipped();
    let mut set = tribunal::vocabulary::MarkerSet::default();
    for name in ["core_model", "cpu"] {
        for id in v.expand(name, &[]) {
            set.insert(id);
        }
    }
    assert_eq!(Expression::parse(text)?.bind(v)?.matches(&set), expected);
    Ok(())
}

/// A misspelt marker is an error that names the nearest.
#[tribunal::test]
fn misspelt_markers() {
    let error = Expression::parse("core_modle")
        .and_then(|e| e.bind(Vocabulary::shipped()))
        .err();
    assert!(error.is_some_and(|e| e.to_string().contains("core_model")));
}

/// Lengths of time as people write them.
#[tribunal::test]
#[cases(half_a_second = ("500ms", 500), minutes = ("5m", 300_000), mixed = ("1h30m", 5_400_000))]
fn durations(#[case] text: &str, #[case] milliseconds: u64) {
    assert_eq!(
        parse_duration(text),
        Ok(Duration::from_millis(milliseconds))
    );
}

/// Nonsense is refused with the text in the message.
#[tribunal::test]
#[cases(
    empty = "",
    no_unit = "5",
    unknown_unit = "5 parsecs",
    negative = "-3s"
)]
fn durations_refused(#[case] text: &str) {
    assert!(parse_duration(text).is_err());
}

/// The nearest name is near; a far one is none.
#[tribunal::test]
fn nearest_names() {
    assert_eq!(
        nearest("core_modle", ["core_model", "full_model"]),
        Some("core_model")
    );
    assert_eq!(nearest("xyzzy", ["core_model", "full_model"]), None);
}
