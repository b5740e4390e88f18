use super::support::*;
use crate::catalog::Catalog;
use crate::finding::Severity;
use crate::marks::{DeviceLine, Requirement, Xfail};
use crate::origin::Origin;
use crate::registry::{Cases, ProvidedCase};

fn names(catalog: &Catalog) -> Vec<&str> {
    catalog.cases.iter().map(|c| c.name.as_str()).collect()
}

fn marks<'a>(catalog: &'a Catalog, case: &str) -> Vec<&'a str> {
    let case = catalog
        .cases
        .iter()
        .find(|c| c.name == case)
        .expect("the case");
    case.marks
        .set
        .iter()
        .map(|id| vocabulary().name(id))
        .collect()
}

#[test]
fn names_leave_the_crate_out_and_are_sorted() {
    let c = catalog(vec![
        test("z"),
        test("m::b").cases(&[("y", &[]), ("x", &[])]),
        test("m::a"),
    ]);
    assert_eq!(names(&c), ["m::a", "m::b::x", "m::b::y", "z"]);
    assert_eq!(c.cases[1].short_name(&c), "x");
    assert_eq!(c.cases[1].params(&c), [("p".to_owned(), "x".to_owned())]);
}

#[test]
fn markers_of_modules_merge_from_the_outside_in() {
    let tests = vec![
        test("a::b::t").marked(&["unit"]).entry(),
        test("ab::t").entry(),
    ];
    let (c, _) = Catalog::build(
        tests,
        &[
            module("a::b", &["parallel"]),
            module("a", &["core_model"]),
            module("", &["cpu"]),
        ],
        vocabulary(),
    );
    let of = |case| marks(&c, case);
    for m in [
        "cpu",
        "core_model",
        "parallel",
        "unit",
        "pre_merge",
        "gpu_0",
    ] {
        assert!(of("a::b::t").contains(&m), "{m}");
    }
    // `a` is no prefix of `ab`: a module ends at `::`.
    assert!(of("ab::t").contains(&"cpu") && !of("ab::t").contains(&"core_model"));
}

#[test]
fn every_marker_knows_where_it_came_from() {
    let modules = [module("a", &["core_model"])];
    let entry = test("a::t")
        .marked(&["parallel"])
        .cases(&[("x", &["tts"])])
        .entry();
    let (c, _) = Catalog::build(vec![entry], &modules, vocabulary());
    let origins = c.origins_among(&c.cases[0], &modules, vocabulary());
    let of = |name: &str| {
        origins
            .iter()
            .find(|(id, _)| vocabulary().name(*id) == name)
            .map(|(_, o)| o.clone())
    };
    assert_eq!(
        of("core_model"),
        Some(Origin::Module("a".into(), "tests/suite.rs", 1))
    );
    assert_eq!(of("parallel"), Some(Origin::Test("tests/suite.rs", 20)));
    assert_eq!(
        of("tts"),
        Some(Origin::Case("x".into(), "tests/suite.rs", 30))
    );
    assert_eq!(of("pre_merge"), Some(Origin::Implied("core_model".into())));
    assert_eq!(of("unit"), Some(Origin::Default("kind".into())));
    assert_eq!(origins.len(), c.cases[0].marks.set.iter().count());
}

#[test]
fn tests_with_the_same_markers_share_them() {
    let c = catalog(vec![
        test("a").marked(&["core_model", "max_vram_gib(2)"]),
        test("b").marked(&["core_model", "max_vram_gib(2)"]),
        test("c").marked(&["core_model", "max_vram_gib(3)"]),
    ]);
    assert!(std::sync::Arc::ptr_eq(&c.cases[0].marks, &c.cases[1].marks));
    assert_eq!(
        (c.cases[0].marks.max_vram_gib, c.cases[2].marks.max_vram_gib),
        (Some(2.0), Some(3.0))
    );
}

#[test]
fn what_markers_with_arguments_say() {
    let c = catalog(vec![
        test("t")
            .marked(&[
                "timeout(\"90s\")",
                "xfail(\"known\", strict=false)",
                "serial(\"disk\")",
                "requires(env=\"TOKEN\")",
                "requires(program=\"flite\")",
                "requires(feature=feature:+integration)",
                "requires(feature=feature:-other)",
            ])
            .cases(&[("x", &["timeout(5)", "skip(\"broken\")"]), ("y", &[])]),
    ]);
    let (x, y) = (&c.cases[0].marks, &c.cases[1].marks);
    assert_eq!(
        x.timeout,
        Some(std::time::Duration::from_secs(5)),
        "the case's limit wins over the test's"
    );
    assert_eq!(y.timeout, Some(std::time::Duration::from_secs(90)));
    assert_eq!(
        (x.skip.as_deref(), y.skip.as_deref()),
        (Some("broken"), None)
    );
    assert_eq!(
        y.xfail,
        Some(Xfail {
            reason: "known".into(),
            strict: false
        })
    );
    assert_eq!(y.exclusive, ["disk"]);
    use Requirement::*;
    assert_eq!(
        y.requires,
        [
            Env("TOKEN".into()),
            Program("flite".into()),
            Feature("integration".into(), true),
            Feature("other".into(), false)
        ]
    );
}

#[test]
fn devices_from_hardware_test_and_from_bare_markers() {
    let line = |platform: &str, models: &[&str], count| DeviceLine {
        platform: platform.into(),
        models: models.iter().map(|m| m.to_string()).collect(),
        count,
    };
    for (texts, expected) in [
        (
            &["hardware_test(cuda=\"H100\", num_cards=2)"][..],
            vec![line("cuda", &["H100"], 2)],
        ),
        (
            &["hardware_test(cuda=\"H100\", rocm=\"MI325\")"],
            vec![line("cuda", &["H100"], 1), line("rocm", &["MI325"], 1)],
        ),
        (&["gpu_2"], vec![line("", &[], 2)]),
        (&["gpu_1", "H100"], vec![line("cuda", &["H100"], 1)]),
        (&["rocm"], vec![line("rocm", &[], 1)]),
        (&["gpu"], vec![line("", &[], 1)]),
        (&["gpu_0"], vec![]),
        (&["cpu"], vec![]),
        (&[], vec![]),
    ] {
        let c = catalog(vec![test("t").marked(texts)]);
        assert_eq!(c.cases[0].marks.devices, expected, "{texts:?}");
    }
}

#[test]
fn a_fixture_speaks_only_where_the_test_is_silent() {
    fn none(
        _: crate::fixture::SetUp,
    ) -> crate::fixture::BoxFuture<'static, Result<crate::fixture::Stored, crate::body::Error>>
    {
        Box::pin(async { Ok(std::sync::Arc::new(()) as _) })
    }
    let place = crate::registry::Place {
        file: "f.rs",
        line: 1,
        column: 1,
    };
    let server = leak(crate::fixture::FixtureEntry {
        name: "server",
        module: "suite",
        scope: crate::fixture::Scope::Session,
        place,
        needs: &[],
        params: &[],
        implies: &["e2e"],
        deployment: false,
        deployments: false,
        shared_by: None,
        set_up: none,
    });
    let c = catalog(vec![
        test("silent").fixtures(&[server]),
        test("spoken").marked(&["stress"]).fixtures(&[server]),
    ]);
    assert!(marks(&c, "silent").contains(&"e2e"));
    assert!(
        !marks(&c, "silent").contains(&"unit"),
        "the default of the category came although the fixture spoke"
    );
    assert!(!marks(&c, "spoken").contains(&"e2e"));
}

#[test]
fn every_broken_rule_of_every_test_is_found_at_once() {
    let tests = vec![
        test("a").marked(&["core_modle"]).at(1).entry(),
        test("b")
            .marked(&["cpu", "hardware_test(cuda=\"H100\")"])
            .at(2)
            .entry(),
        test("c").marked(&["slow"]).at(3).entry(),
        test("d").at(4).entry(),
        test("d").at(5).entry(),
        test("e").at(6).cases(&[("x", &[]), ("x", &[])]).entry(),
        test("f").marked(&["max_vram_gib(-3)"]).at(7).entry(),
        test("g")
            .provided(|| Err("the file is gone".into()))
            .at(8)
            .entry(),
        test("h").provided(|| panic!("no")).at(9).entry(),
    ];
    let (_, findings) = Catalog::build(tests, &[], vocabulary());
    let errors: Vec<(u32, &str)> = findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .map(|f| (f.place.line, f.message.lines().next().unwrap_or("")))
        .collect();
    for (line, part) in [
        (1, "undeclared marker `core_modle`"),
        (2, "cpu"),
        (3, "must state its own time limit"),
        (5, "another test has this name: tests/suite.rs:4:4"),
        (6, "another case has this name"),
        (7, "max_vram_gib"),
        (8, "the file is gone"),
        (9, "panicked"),
    ] {
        assert!(
            errors.iter().any(|(l, m)| *l == line && m.contains(part)),
            "line {line}: {part}\n{errors:#?}"
        );
    }
    assert!(
        !errors.iter().any(|(l, _)| *l == 4),
        "the first of two is not the wrong one"
    );
}

#[test]
fn warnings_for_tests_that_rely_on_defaults() {
    let (catalog, findings) = Catalog::build(
        vec![
            test("a").marked(&["e2e"]).entry(),
            test("b").marked(&["e2e", "timeout(\"5s\")"]).entry(),
            test("c").marked(&["unit"]).entry(),
        ],
        &[],
        vocabulary(),
    );
    let warned: Vec<&str> = findings
        .iter()
        .filter(|f| f.severity == Severity::Warning)
        .map(|f| f.test.as_str())
        .collect();
    assert_eq!(warned, ["a"]);
    assert!(findings.iter().all(|f| f.severity != Severity::Strict));
    let strict = catalog.strict_findings(vocabulary());
    assert!(strict.iter().all(|f| f.severity == Severity::Strict));
    assert!(
        strict
            .iter()
            .any(|f| f.test == "c" && f.message.starts_with("got a marker by default"))
    );
}

#[test]
fn cases_stand_in_the_order_of_their_names() {
    // Two share more bytes than are compared as one number, one is the beginning of another, and a test's name comes between those of a test and its cases.
    let names = [
        "left_10__right_20__third_b",
        "left_9",
        "left_10__right_20__third_a",
        "left_10",
        "left_10__right_2",
    ];
    let (catalog, findings) = Catalog::build(
        vec![
            test("b").cases(&names.map(|n| (n, [].as_slice()))).entry(),
            test("b2").entry(),
            test("a").entry(),
        ],
        &[],
        vocabulary(),
    );
    assert!(
        findings.iter().all(|f| f.severity != Severity::Error),
        "{findings:?}"
    );
    let shown: Vec<&str> = catalog.cases.iter().map(|c| c.name.as_str()).collect();
    let mut sorted = shown.clone();
    sorted.sort_unstable();
    assert_eq!(shown, sorted);
    // The index still leads to the case as it was written.
    for case in catalog.cases.iter().filter(|c| c.name.starts_with("b::")) {
        assert_eq!(case.short_name(&catalog), names[case.index]);
    }
}

#[test]
fn provided_cases_get_names_that_are_identifiers() {
    fn three() -> Result<Vec<ProvidedCase>, String> {
        let case = |name: &str, markers: &[&str]| ProvidedCase {
            name: name.into(),
            text: name.into(),
            markers: markers.iter().map(|m| (m.to_string(), vec![])).collect(),
            on: None,
            value: std::sync::Arc::new(1u8),
        };
        Ok(vec![
            case("llama-8b", &["tts"]),
            case("8b", &[]),
            case("keeps_Case", &[]),
            case("", &[]),
        ])
    }
    let c = catalog(vec![test("t").provided(three)]);
    assert_eq!(
        names(&c),
        ["t::case", "t::case_8b", "t::keeps_Case", "t::llama_8b"]
    );
    assert!(marks(&c, "t::llama_8b").contains(&"tts") && !marks(&c, "t::case").contains(&"tts"));
    assert!(matches!(c.tests[0].entry.cases, Cases::From(_)));
}

#[test]
fn cases_of_tests_that_nobody_names_are_not_made() {
    fn two() -> Result<Vec<ProvidedCase>, String> {
        let case = |name: &str| ProvidedCase {
            name: name.into(),
            text: name.into(),
            markers: vec![],
            on: None,
            value: std::sync::Arc::new(1u8),
        };
        Ok(vec![case("a"), case("b")])
    }
    fn broken() -> Result<Vec<ProvidedCase>, String> {
        Err("not to be called".into())
    }
    let cases_of = |asked: &[&str]| {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        let tests = [
            test("plain"),
            test("two").provided(two),
            test("two_more").provided(broken),
        ];
        let tests = tests.into_iter().map(Make::entry).collect();
        let (catalog, findings) = Catalog::build_asked(tests, &[], vocabulary(), &asked);
        let called = findings.iter().any(|f| f.severity == Severity::Error);
        (names(&catalog).join(" "), called)
    };
    let found = |cases: &str, called| (cases.to_owned(), called);
    assert_eq!(cases_of(&["plain"]), found("plain", false));
    // By the test, by the case, by the case with a deployment behind it.
    for name in ["two", "two::b", "two::b::embedded"] {
        assert_eq!(
            cases_of(&["plain", name]),
            found("plain two::a two::b", false),
            "{name}"
        );
    }
    // No test has this name: every case may be the nearest.
    for asked in [&["plain", "tow::b"][..], &[]] {
        assert_eq!(
            cases_of(asked),
            found("plain two::a two::b", true),
            "{asked:?}"
        );
    }
}
