//! The table that is built in: what it has to have, counted.

use std::collections::{BTreeMap, BTreeSet};

use tribunal_conformance::{Payload, Route, SHIPPED, known_of};

fn routes() -> Vec<Route> {
    let read = SHIPPED.iter().map(|shipped| match shipped.read() {
        Ok(route) => route,
        Err(mistakes) => panic!("{mistakes}"),
    });
    read.collect()
}

/// How many rows each route has. A change here is meant: a row that vanishes is one thing less that servers are asked.
#[test]
fn the_table_is_as_long_as_it_was() {
    let counts: BTreeMap<String, usize> = routes()
        .into_iter()
        .map(|route| (route.name, route.rows.len()))
        .collect();
    let golden: BTreeMap<String, usize> =
        include_str!("../../../../fixtures/golden/conformance.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (name, count) = line.split_once(' ')?;
                Some((name.to_owned(), count.trim().parse().ok()?))
            })
            .collect();
    assert_eq!(counts, golden);
    assert!(counts.values().sum::<usize>() >= 170, "{counts:?}");
    for (name, count) in &counts {
        let least = if ["speech_stream", "realtime"].contains(&&**name) {
            8
        } else {
            12
        };
        assert!(*count >= least, "{name} has {count} rows");
    }
}

/// What a deployment is asked for before the file is read is what the file says.
#[test]
fn capabilities_are_the_same_in_both_places() {
    for (shipped, route) in SHIPPED.iter().zip(routes()) {
        assert_eq!(
            shipped.capability,
            route.capability.as_deref(),
            "{}",
            route.name
        );
    }
}

/// Two rows of one route never ask the same: they differ in what is sent, and in the pair of rule and field.
#[test]
fn no_two_rows_of_a_route_are_the_same() {
    for route in routes() {
        let mut seen = BTreeSet::new();
        let mut sent: Vec<(&str, &str, &Payload)> = vec![];
        for row in &route.rows {
            assert!(
                seen.insert((&row.rule, &row.field)),
                "{}/{}",
                route.name,
                row.id
            );
            let what = (&*row.method, &*row.path, &row.payload);
            assert!(
                !sent.contains(&what),
                "{}/{} sends what another row sends",
                route.name,
                row.id
            );
            sent.push(what);
            assert!(
                !row.why.is_empty() && !row.sent.is_empty(),
                "{}/{}",
                route.name,
                row.id
            );
        }
    }
}

/// Most rows are about what must not be accepted; a row that allows everything would test nothing.
#[test]
fn every_row_can_fail() {
    let (mut all, mut refused) = (0, 0);
    for route in routes() {
        for row in &route.rows {
            all += 1;
            refused += usize::from(!row.expected.allows_success());
            assert!(
                row.expected.statuses.iter().all(|s| *s < 500 || *s == 501),
                "{}/{}",
                route.name,
                row.id
            );
        }
    }
    assert!(
        refused * 10 >= all * 9,
        "{refused} of {all} rows must be refused"
    );
}

/// What is known of an engine is about rows that there are.
#[test]
fn known_deviations_are_about_rows() {
    let rows: BTreeSet<(String, String)> = routes()
        .iter()
        .flat_map(|route| {
            route
                .rows
                .iter()
                .map(|row| (route.name.clone(), row.id.clone()))
        })
        .collect();
    for name in ["llama-cpp", "gateway"] {
        let known = known_of(name, &[] as &[&str]).expect("it can be read");
        assert_eq!(known.strangers(&rows), Vec::<String>::new(), "{name}");
    }
}
