//! Who judges the judges: every defect that the embedded engine knows must be caught by the rule that is meant for it, and healthy answers must pass.
//!
//! `rows.rs` is the table, `asks.rs` the requests. The table of docs/verdicts.md is made of both: `UPDATE_DOCS=1 cargo test -p tribunal-suites gauntlet` writes it.
//!
//! Rejected: defects drawn at random. Which rule is proven by what must stand somewhere, and fail by name.

mod asks;
mod examples;
mod rows;
mod stage;
mod table;

use std::collections::BTreeSet;

use serde_json::Value;
use tribunal::prelude::*;
use tribunal::verdict::{Depth, Ending, RULES, Verdict, rule};

use asks::{ASKS, Ask};
use rows::{Catch, LITERAL, ROWS, Row};
use stage::{Found, play, wayward};

tribunal::markers!(parallel);

/// The rules about time say something about the machine as well: a healthy request is asked again where they fail.
const TIMES: [&str; 3] = ["first_token_within", "within", "gap_below"];
/// How often.
const TRIES: i64 = 5;

/// A case for each row.
fn rows() -> Vec<Case<Row>> {
    let mut seen: Vec<&str> = vec![];
    let case = |row: &Row| {
        seen.push(row.defect);
        match seen.iter().filter(|defect| **defect == row.defect).count() {
            1 => Case::new(row.defect, *row),
            n => Case::new(format!("{}__{n}", row.defect), *row),
        }
    };
    ROWS.iter().map(case).collect()
}

/// The defect fails by the rule meant for it, at that rule's level and not below it; the same request passes that rule without the defect.
#[tribunal::test]
#[advanced_model]
#[timeout("3m")]
#[cases(from = rows)]
async fn caught(#[case] row: &Row, wayward: &Server) -> TestResult {
    let ask = ask(row.ask)?;
    let healthy = healthy(wayward, ask).await?;
    let spoilt = play(wayward, ask, 1, Some(row.defect)).await?;
    let (name, verdicts) = match (row.catch, spoilt) {
        (Catch::Client(says), Found::Unjudged(error)) => {
            let said = format!("{error}");
            if !said.contains(says) {
                fail!("the client does not say {says:?}: {said}");
            }
            return Ok(());
        }
        (Catch::Client(_), Found::Judged(verdicts)) => {
            fail!("the client notices nothing: {}", verdicts.1)
        }
        (Catch::Rule(_), Found::Unjudged(error)) => fail!("nothing was judged: {error}"),
        (Catch::Rule(name), Found::Judged(verdicts)) => (name, *verdicts),
    };
    let Some(of_table) = rule(name) else {
        fail!("there is no rule `{name}`");
    };
    if ending(&healthy, name) != Some(Ending::Pass) {
        fail!(
            "the healthy request does not pass `{name}`: {}",
            healthy.told()
        );
    }
    let (basic, deep) = &verdicts;
    let at_its_level = match of_table.level {
        Depth::Basic => basic,
        Depth::Deep => deep,
    };
    if ending(at_its_level, name) != Some(Ending::Fail) {
        fail!("`{name}` does not fail: {}", at_its_level.told());
    }
    if of_table.level == Depth::Deep && ending(basic, name).is_some() {
        fail!("`{name}` is asked below its level: {}", basic.told());
    }
    let failed = at_its_level.with_ending(Ending::Fail);
    for other in failed.filter(|other| other.rule != name) {
        tribunal::log!("also caught by {other}");
    }
    Ok(())
}

/// What the engine can do wrong is in the table, and nothing else is.
#[tribunal::test]
#[advanced_model]
#[timeout("60s")]
async fn every_defect_has_a_row(wayward: &Server) -> TestResult {
    let client = Client::new(wayward.base_url())?;
    let listed: Value = client.get("/debug/defects").await?.success()?.json()?;
    let listed: BTreeSet<&str> = listed["defects"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|defect| defect["name"].as_str())
        .collect();
    let rows: BTreeSet<&str> = ROWS.iter().map(|row| row.defect).collect();
    assert!(listed.len() >= 40, "{listed:?}");
    assert_eq!(rows, listed);
    Ok(())
}

/// A rule is proven by a defect of the engine, or named as one that only literal answers prove.
#[tribunal::test]
#[core_model]
fn every_rule_is_proven() {
    let caught = ROWS.iter().filter_map(|row| match row.catch {
        Catch::Rule(name) => Some(name),
        Catch::Client(_) => None,
    });
    let caught: BTreeSet<&str> = caught.collect();
    let literal: BTreeSet<&str> = LITERAL.iter().copied().collect();
    let both: Vec<_> = caught.intersection(&literal).collect();
    assert!(both.is_empty(), "not only literals prove {both:?}");
    let proven: BTreeSet<&str> = caught.union(&literal).copied().collect();
    let table: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(proven, table);
    assert!(ROWS.iter().all(|row| ask(row.ask).is_ok()));
}

/// Healthy answers of every kind raise no alarm: a hundred of them, and a thousand at the higher levels.
#[tribunal::test]
#[advanced_model]
#[full_model]
#[timeout("45m")]
async fn healthy_answers_pass(wayward: &Server) -> TestResult {
    let level = tribunal::current_test().and_then(|test| test.level);
    let requests = match level.as_deref() {
        Some("full_model") => 1000,
        _ => 100,
    };
    let timeless: Vec<&Ask> = ASKS.iter().filter(|ask| !ask.is_about_time()).collect();
    let (mut alarms, mut open) = (vec![], BTreeSet::new());
    for number in 0..requests {
        let (ask, seed) = (
            timeless[number % timeless.len()],
            1 + (number / timeless.len()) as i64,
        );
        match play(wayward, ask, seed, None).await? {
            Found::Judged(verdicts) => {
                for verdict in [&verdicts.0, &verdicts.1] {
                    if !verdict.passes() {
                        alarms.push(format!("{} with seed {seed}: {verdict}", ask.name));
                    }
                    let made = verdict
                        .rules
                        .iter()
                        .filter(|rule| matches!(rule.ending, Ending::NotMade | Ending::Undecided));
                    open.extend(
                        made.map(|rule| format!("{}: {}: {}", ask.name, rule.ending, rule.rule)),
                    );
                }
            }
            Found::Unjudged(error) => {
                alarms.push(format!("{} with seed {seed}: {error}", ask.name))
            }
        }
    }
    for rule in open {
        tribunal::log!("{rule}");
    }
    if !alarms.is_empty() {
        fail!(
            "{} false alarms in {requests} healthy requests\n{}",
            alarms.len(),
            alarms.join("\n")
        );
    }
    Ok(())
}

/// docs/verdicts.md has the table of the gauntlet. With UPDATE_DOCS=1 it is written anew.
#[tribunal::test]
#[core_model]
fn the_documentation_has_the_table() -> TestResult {
    table::hold()
}

/// The verdict on a healthy answer: a deep one.
async fn healthy(server: &Server, ask: &Ask) -> Result<Verdict, Error> {
    let mut left = TRIES;
    loop {
        left -= 1;
        let verdict = match play(server, ask, 1, None).await? {
            Found::Judged(verdicts) => verdicts.1,
            Found::Unjudged(error) => fail!("the healthy request `{}` fails: {error}", ask.name),
        };
        let late = verdict
            .with_ending(Ending::Fail)
            .any(|rule| TIMES.contains(&rule.rule));
        if verdict.passes() {
            return Ok(verdict);
        }
        if !late || left == 0 {
            fail!(
                "the healthy request `{}` does not pass: {}",
                ask.name,
                verdict.told()
            );
        }
    }
}

fn ask(name: &str) -> Result<&'static Ask, Error> {
    let found = ASKS.iter().find(|ask| ask.name == name);
    found.ok_or_else(|| Error::msg(format!("there is no request `{name}`")))
}

fn ending(verdict: &Verdict, name: &str) -> Option<Ending> {
    verdict.rule(name).map(|rule| rule.ending)
}
