//! Cases that a feature matrix draws.

use std::sync::Arc;

use super::support::*;
use crate::catalog::{Catalog, Chosen};
use crate::fixture::{BoxFuture, FixtureEntry, Scope, SetUp, Stored};
use crate::marks::DeviceLine;
use crate::matrix::{Drawn, DrawnCase};
use crate::registry::Place;

fn none(_: SetUp) -> BoxFuture<'static, Result<Stored, crate::body::Error>> {
    Box::pin(async { Ok(Arc::new(()) as _) })
}

fn catalog_over(names: &[&str]) -> Catalog {
    let server: &'static FixtureEntry = leak(FixtureEntry {
        name: "server",
        module: "suite",
        scope: Scope::Session,
        place: Place {
            file: "f.rs",
            line: 1,
            column: 1,
        },
        needs: &[],
        params: &[],
        implies: &[],
        deployment: true,
        deployments: false,
        shared_by: None,
        set_up: none,
    });
    let chosen = names.iter().map(|name| Chosen {
        name: (*name).into(),
        segment: (*name).into(),
    });
    let asks = ["features(cache = true)"];
    catalog(vec![
        test("plain").fixtures(&[server]),
        test("asks").fixtures(&[server]).marked(&asks),
        test("both")
            .fixtures(&[server])
            .marked(&asks)
            .cases(&[("x", &[]), ("y", &[])]),
    ])
    .over(chosen.collect())
}

fn two(deployment: &str, features: &[String]) -> Result<Option<Drawn>, String> {
    assert_eq!(features, ["cache"]);
    let notes: Arc<[String]> = ["2 of 4 combinations".to_owned()].into();
    let case = |segment: &str, devices| {
        Arc::new(DrawnCase {
            segment: segment.into(),
            deployment: format!("{deployment}[{segment}]"),
            devices,
            why: segment.into(),
            notes: notes.clone(),
        })
    };
    let line = DeviceLine {
        platform: "cuda".into(),
        models: vec!["L4".into()],
        count: 4,
    };
    Ok(Some(Drawn {
        cases: vec![case("tea", None), case("dit", Some(line))],
        notes: notes.to_vec(),
    }))
}

fn names(c: &Catalog) -> Vec<&str> {
    c.cases.iter().map(|c| c.name.as_str()).collect()
}

#[test]
fn each_combination_is_a_case() {
    let c = catalog_over(&["one"])
        .drawn(vocabulary(), &mut two)
        .expect("drawn");
    assert_eq!(
        names(&c),
        [
            "asks::dit",
            "asks::tea",
            "both::x::dit",
            "both::x::tea",
            "both::y::dit",
            "both::y::tea",
            "plain",
        ]
    );
    let dit = &c.cases[0];
    assert_eq!(dit.deployment(&c), Some("one[dit]"));
    assert_eq!(
        dit.params(&c),
        [("deploy".to_owned(), "one[dit]".to_owned())]
    );
    assert_eq!(dit.marks.devices[0].count, 4);
    let has = |case: usize, marker: &str| {
        let id = vocabulary().id(marker).expect("it is declared");
        c.cases[case].marks.set.contains(id)
    };
    for (marker, on) in [
        ("L4", true),
        ("cards_4", true),
        ("cuda", true),
        ("gpu_0", false),
        ("features", true),
    ] {
        assert_eq!(has(0, marker), on, "{marker}");
        assert_eq!(
            has(1, marker),
            marker == "gpu_0" || marker == "features",
            "{marker}"
        );
    }
    assert!(c.cases[1].marks.devices.is_empty());
    assert_eq!(c.cases[6].deployment(&c), Some("one"));
    assert_eq!(c.cases[3].params(&c)[0], ("p".to_owned(), "x".to_owned()));
}

#[test]
fn the_deployment_stays_the_last_segment() {
    let c = catalog_over(&["one", "two"])
        .drawn(vocabulary(), &mut two)
        .expect("drawn");
    assert_eq!(
        names(&c)[..4],
        [
            "asks::dit::one",
            "asks::dit::two",
            "asks::tea::one",
            "asks::tea::two"
        ]
    );
    assert_eq!(c.cases[1].deployment(&c), Some("two[dit]"));
    assert_eq!(c.cases[1].base_name(&c), "asks::dit");
}

#[test]
fn what_has_none_of_the_features_is_skipped_and_says_so() {
    let mut nothing = |_: &str, _: &[String]| {
        Ok(Some(Drawn {
            cases: vec![],
            notes: vec!["feature cache is dropped".into()],
        }))
    };
    let c = catalog_over(&["one"])
        .drawn(vocabulary(), &mut nothing)
        .expect("drawn");
    assert_eq!(names(&c), ["asks", "both::x", "both::y", "plain"]);
    let why = c.cases[0].marks.skip.as_deref().unwrap_or_default();
    assert_eq!(
        why,
        "deployment one has none of the features that it asks for: feature cache is dropped"
    );
    assert_eq!(c.cases[3].marks.skip, None);
}

#[test]
fn a_deployment_of_which_nothing_is_known_keeps_its_case_and_a_bad_matrix_is_told() {
    let c = catalog_over(&["one"])
        .drawn(vocabulary(), &mut |_, _| Ok(None))
        .expect("drawn");
    assert_eq!(names(&c), ["asks", "both::x", "both::y", "plain"]);
    assert_eq!(c.cases[0].marks.skip, None);
    let told = catalog_over(&["one"])
        .drawn(vocabulary(), &mut |_, _| Err("too much".into()))
        .err();
    assert_eq!(told.as_deref(), Some("too much"));
}
