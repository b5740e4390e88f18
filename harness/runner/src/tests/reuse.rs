//! Values that break: found out before the next case gets them, made anew with all that was made of them, and told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::run::run_whole;
use super::support::*;
use crate::body::{Cx, Error, TestResult};
use crate::fixture::{BoxFuture, FixtureEntry, Scope, SetUp, Stored};
use crate::outcome::Outcome;
use crate::registry::Place;

fn fixture(
    name: &'static str,
    needs: &'static [&'static FixtureEntry],
    set_up: fn(SetUp) -> BoxFuture<'static, Result<Stored, Error>>,
) -> &'static FixtureEntry {
    leak(FixtureEntry {
        name,
        module: "suite",
        scope: Scope::Session,
        place: Place {
            file: "f.rs",
            line: 7,
            column: 1,
        },
        needs,
        params: &[],
        implies: &[],
        deployment: false,
        deployments: false,
        shared_by: None,
        set_up,
    })
}

/// Outcomes and notes of the cases, run one after another.
fn told(tests: Vec<Make>) -> Vec<(Outcome, Vec<String>)> {
    let (ended, _) = run_whole(tests, &["--test-threads", "1"], |_| ());
    ended
        .into_iter()
        .map(|(_, e)| (e.outcome, e.notes))
        .collect()
}

#[test]
fn a_broken_value_is_made_anew_with_what_was_made_of_it_and_the_next_case_is_told() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static DERIVED: AtomicUsize = AtomicUsize::new(0);
    static DOWN: AtomicUsize = AtomicUsize::new(0);
    /// The number of the value that is broken.
    static BROKEN: AtomicUsize = AtomicUsize::new(usize::MAX);
    fn server(cx: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
        Box::pin(async move {
            let number = MADE.fetch_add(1, Ordering::SeqCst);
            cx.on_teardown(|| async {
                DOWN.fetch_add(1, Ordering::SeqCst);
                Ok::<(), String>(())
            });
            cx.on_reuse(move || async move {
                if BROKEN.load(Ordering::SeqCst) == number {
                    Err("it does not answer")
                } else {
                    Ok(())
                }
            });
            Ok(Arc::new(number) as Stored)
        })
    }
    fn derived(_: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
        Box::pin(async move { Ok(Arc::new(DERIVED.fetch_add(1, Ordering::SeqCst)) as Stored) })
    }
    fn breaks(_: &Cx<'_>) -> TestResult {
        BROKEN.store(0, Ordering::SeqCst);
        Ok(())
    }
    let server = fixture("server", &[], server);
    let derived = fixture("derived", leak(vec![server]), derived);
    let tests = vec![
        test("a").fixtures(&[derived]),
        test("b").fixtures(&[derived]).body(breaks),
        test("c").fixtures(&[derived]),
        test("d").fixtures(&[derived, server]),
    ];
    let told = told(tests);
    assert!(told.iter().all(|(o, _)| *o == Outcome::Passed), "{told:?}");
    let notes: Vec<&[String]> = told.iter().map(|(_, n)| n.as_slice()).collect();
    assert_eq!(
        notes,
        [
            &[][..],
            &[],
            &[
                "`server` was made anew: it does not answer after `b`, which had it last".to_owned(),
                "`derived` was made anew: what it was made of was made anew after `b`, which had it last"
                    .to_owned(),
            ],
            &[],
        ]
    );
    let counts = [&MADE, &DERIVED, &DOWN].map(|n| n.load(Ordering::SeqCst));
    assert_eq!(counts, [2, 2, 2]);
}

#[test]
fn a_value_that_is_never_good_twice_is_made_for_every_case() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    fn server(cx: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
        Box::pin(async move {
            MADE.fetch_add(1, Ordering::SeqCst);
            cx.on_reuse(|| async { Err::<(), _>("it does not answer") });
            Ok(Arc::new(()) as Stored)
        })
    }
    let server = fixture("server", &[], server);
    let tests = vec![
        test("a").fixtures(&[server]),
        test("b").fixtures(&[server]),
        test("c").fixtures(&[server]),
    ];
    let told = told(tests);
    // Whoever makes it gets it: it is asked for only before it is handed on.
    assert!(told.iter().all(|(o, _)| *o == Outcome::Passed), "{told:?}");
    assert_eq!(MADE.load(Ordering::SeqCst), 3);
    assert_eq!(told[2].1.len(), 1);
}
