//! The deployments as an axis: names, parameters, what is shared, and in which order.

use tribunal_governor::Memory;
use tribunal_hardware::{LayoutDevice, host_of};

use super::support::*;
use crate::body::Error;
use crate::catalog::{Catalog, Chosen};
use crate::fixture::{BoxFuture, FixtureEntry, Scope, SetUp, Sharing, Stored};
use crate::gates::{Here, Offer};
use crate::needs::DeviceUse;
use crate::plan::{Disposition, Plan};
use crate::registry::Place;
use crate::selection::Selector;

fn none(_: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
    Box::pin(async { Ok(std::sync::Arc::new(()) as _) })
}

fn fixture(
    name: &'static str,
    needs: &'static [&'static FixtureEntry],
    deployment: bool,
    shared_by: Option<fn(&Sharing<'_>) -> String>,
) -> &'static FixtureEntry {
    leak(FixtureEntry {
        deployments: name == "chosen",
        name,
        module: "suite",
        scope: Scope::Session,
        place: Place {
            file: "f.rs",
            line: 1,
            column: 1,
        },
        needs,
        params: &[],
        implies: &[],
        deployment,
        shared_by,
        set_up: none,
    })
}

/// The deployment alone decides, not the level.
fn by_deployment(s: &Sharing<'_>) -> String {
    s.deployment().unwrap_or("none").to_owned()
}

fn chosen(names: &[&str]) -> Vec<Chosen> {
    names
        .iter()
        .map(|n| Chosen {
            name: (*n).to_owned(),
            segment: n.replace('-', "_"),
        })
        .collect()
}

fn some(deployments: &[&str]) -> Catalog {
    let server = fixture("server", &[], true, Some(by_deployment));
    let chat = fixture("chat", leak(vec![server]), false, None);
    catalog(vec![
        test("alone"),
        test("direct").fixtures(&[server]),
        test("through")
            .fixtures(&[chat])
            .cases(&[("x", &[]), ("y", &[])]),
    ])
    .over(chosen(deployments))
}

fn names(c: &Catalog) -> Vec<&str> {
    c.cases.iter().map(|c| c.name.as_str()).collect()
}

#[test]
fn with_one_deployment_names_are_as_written_and_with_several_it_is_the_last_segment() {
    let plain = ["alone", "direct", "through::x", "through::y"];
    assert_eq!(names(&some(&[])), plain);
    let one = some(&["llama-cpp"]);
    assert_eq!(names(&one), plain);
    assert_eq!(one.cases[0].deployment(&one), None);
    assert_eq!(one.cases[3].deployment(&one), Some("llama-cpp"));
    assert_eq!(
        one.cases[3].params(&one),
        [
            ("p".into(), "y".into()),
            ("deploy".into(), "llama-cpp".to_owned())
        ]
    );
    let two = some(&["embedded", "llama-cpp"]);
    assert_eq!(
        names(&two),
        [
            "alone",
            "direct::embedded",
            "direct::llama_cpp",
            "through::x::embedded",
            "through::x::llama_cpp",
            "through::y::embedded",
            "through::y::llama_cpp",
        ]
    );
    assert_eq!(two.cases[4].base_name(&two), "through::x");
    assert_eq!(two.cases[4].deployment(&two), Some("llama-cpp"));
}

#[test]
fn a_provided_case_may_be_for_one_deployment_alone() {
    fn made() -> Result<Vec<crate::registry::ProvidedCase>, String> {
        use crate::body::{Case, IntoCases};
        let cases = [
            Case::new("any", 1_u8),
            Case::new("own", 2).only_on("llama-cpp"),
            Case::new("other", 3).only_on("nobody"),
        ];
        Vec::from(cases).into_cases()
    }
    let names_on = |deployments: &[&str]| {
        let server = fixture("server", &[], true, Some(by_deployment));
        let test = test("t").fixtures(&[server]).provided(made);
        let over = catalog(vec![test]).over(chosen(deployments));
        names(&over)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(names_on(&["llama-cpp"]), ["t::any", "t::own"]);
    assert_eq!(names_on(&["embedded"]), ["t::any"]);
    assert_eq!(
        names_on(&["embedded", "llama-cpp"]),
        ["t::any::embedded", "t::any::llama_cpp", "t::own::llama_cpp"]
    );
}

#[test]
fn who_starts_all_chosen_deployments_has_what_the_most_demanding_of_them_needs() {
    const GIB: u64 = 1 << 30;
    let all = fixture("chosen", &[], false, None);
    let between = fixture("between", leak(vec![all]), false, None);
    let c = catalog(vec![test("plain"), test("compares").fixtures(&[between])]);
    let c = c.over(chosen(&["small", "large", "cpu"]));
    let facts = |real: bool| {
        let device = |n: u64| LayoutDevice {
            platform: "cuda".into(),
            model: "L4".into(),
            total: n * GIB,
        };
        let offer = move |name: &str, _: Option<&str>| {
            let used = |count, gib: u64| DeviceUse {
                count,
                memory: Some(gib * GIB),
                simulated_only: !real,
                start_group: None,
            };
            Ok(Offer {
                devices: match name {
                    "small" => Some(used(1, 8)),
                    "large" => Some(used(2, 4)),
                    _ => None,
                },
                ..Offer::default()
            })
        };
        Here::new(Box::new(offer)).simulating(host_of(&[device(24), device(24)]), true)
    };
    let planned = |real| {
        let o = options(&[]);
        let selection = Selector::new(vocabulary(), &o).expect("valid");
        let selection = selection.select(&c, &mut |_| false);
        Plan::new(&c, &selection, &o, None, vocabulary(), &mut facts(real))
    };
    let plan = planned(false);
    let resources = plan.resources.expect("one case needs devices");
    let shown = |i: usize| c.cases[plan.cases[i].case].name.as_str();
    for job in &resources.jobs {
        let expected = match shown(job.id) {
            "compares" => (2, Memory::Bytes(8 * GIB), None),
            _ => (0, Memory::None, None),
        };
        assert_eq!((job.gang, job.memory, job.holding), expected);
    }
    // Simulated devices are no reason to use real ones.
    let plan = planned(true);
    assert!(plan.resources.is_none());
    let gated = plan.cases.iter().find_map(|p| match &p.disposition {
        Disposition::Gated(unmet) => Some(unmet.reason.as_str()),
        _ => None,
    });
    assert_eq!(
        gated,
        Some("deployment small uses real devices, and these are simulated")
    );
}

#[test]
fn a_name_without_its_deployment_takes_all_of_them() {
    let c = some(&["embedded", "llama-cpp"]);
    for (filter, expected) in [
        (
            "through::x",
            &["through::x::embedded", "through::x::llama_cpp"][..],
        ),
        ("direct", &["direct::embedded", "direct::llama_cpp"]),
        ("direct::llama_cpp", &["direct::llama_cpp"]),
    ] {
        let o = options(&["--exact", filter]);
        let selection = Selector::new(vocabulary(), &o)
            .expect("valid")
            .select(&c, &mut |_| false);
        let found: Vec<&str> = selection
            .selected
            .iter()
            .map(|s| c.cases[s.case].name.as_str())
            .collect();
        assert_eq!(found, expected, "{filter}");
    }
}

#[test]
fn a_case_that_names_its_own_deployment_keeps_it() {
    let server = fixture("server", &[], true, Some(by_deployment));
    let mut entry = test("t").fixtures(&[server]).cases(&[("a", &[])]).raw();
    entry.cases = crate::registry::Cases::Listed(leak(vec![crate::registry::CaseEntry {
        name: "a",
        at: &[0],
        params: &[("deploy", "qwen")],
        markers: &[],
        place: entry.place,
    }]));
    let (c, _) = Catalog::build(vec![leak(entry)], &[], vocabulary());
    let c = c.over(chosen(&["one", "two"]));
    assert_eq!(names(&c), ["t::a"]);
    assert_eq!(c.cases[0].deployment(&c), Some("qwen"));
    assert_eq!(c.cases[0].chosen, None);
}

fn planned(c: &Catalog, args: &[&str]) -> Vec<String> {
    let (o, v) = (options(args), vocabulary());
    let selection = Selector::new(v, &o)
        .expect("valid")
        .select(c, &mut |_| false);
    let plan = Plan::new(c, &selection, &o, None, v, &mut here());
    plan.cases
        .iter()
        .map(|p| c.cases[p.case].name.clone())
        .collect()
}

#[test]
fn cases_that_share_a_server_stand_together() {
    let c = some(&["embedded", "llama-cpp"]);
    assert_eq!(
        planned(&c, &[]),
        [
            "alone",
            "direct::embedded",
            "through::x::embedded",
            "through::y::embedded",
            "direct::llama_cpp",
            "through::x::llama_cpp",
            "through::y::llama_cpp",
        ]
    );
    // In a random order too.
    let shuffled = planned(&c, &["--shuffle-seed", "7"]);
    let of: Vec<&str> = shuffled
        .iter()
        .filter(|n| *n != "alone")
        .map(|n| n.rsplit("::").next().unwrap_or(""))
        .collect();
    assert!(
        of[..3].iter().all(|d| *d == of[0]) && of[3..].iter().all(|d| *d == of[3]),
        "{shuffled:?}"
    );
}

#[test]
fn levels_share_what_says_that_it_is_the_same_and_a_fresh_case_shares_nothing_of_the_deployment() {
    let server = fixture("server", &[], true, Some(by_deployment));
    let chat = fixture("chat", leak(vec![server]), false, None);
    let other = fixture("other", &[], false, None);
    let c = catalog(vec![
        test("low").marked(&["core_model"]).fixtures(&[chat]),
        test("high").marked(&["full_model"]).fixtures(&[chat]),
        test("fresh")
            .marked(&["core_model", "server(fresh=true)"])
            .fixtures(&[chat, other]),
    ])
    .over(chosen(&["embedded"]));
    let shown = |name: &str| {
        let case = c.cases.iter().position(|c| c.name == name).expect("a case");
        let level = c.cases[case].marks.levels.first().copied();
        c.shared_keys(case, level, vocabulary())
    };
    let (low, high, fresh) = (shown("low"), shown("high"), shown("fresh"));
    assert_eq!(low.len(), 2);
    assert_ne!(low[0], high[0], "the client is judged by its level");
    assert_eq!(low[1], high[1], "the server is the same");
    assert_eq!(
        fresh.iter().map(|k| k.shown()).collect::<Vec<_>>(),
        ["other (session)"]
    );
}
