//! What is told of devices before a run: the document of a plan, and the explanation of a case.

use serde_json::{Value, json};
use tribunal_hardware::{LayoutDevice, host_of};
use tribunal_runner::registry::{ArgEntry, ArgValue, Cases, MarkerEntry, Place, TestEntry};
use tribunal_runner::{Catalog, Here, Offer, Plan, Selector};
use tribunal_vocabulary::Vocabulary;

use super::context;

const GIB: u64 = 1 << 30;

fn entry(name: &'static str, markers: Vec<(&'static str, Option<ArgValue>)>) -> &'static TestEntry {
    let marker = |(name, value): (&'static str, Option<ArgValue>)| MarkerEntry {
        name,
        args: Box::leak(
            value
                .into_iter()
                .map(|value| ArgEntry { key: "", value })
                .collect(),
        ),
        line: 1,
        column: 1,
    };
    Box::leak(Box::new(TestEntry {
        name,
        module: "suite",
        place: Place {
            file: "tests/suite.rs",
            line: 10,
            column: 4,
        },
        doc: "",
        markers: Box::leak(markers.into_iter().map(marker).collect()),
        ignore: None,
        should_panic: None,
        fixtures: &[],
        cases: Cases::One,
        is_async: false,
        body: |_| Ok(()),
    }))
}

fn some() -> Catalog {
    let gpu = || ("gpu_1", None);
    let gib = |n| ("max_vram_gib", Some(ArgValue::Int(n)));
    let limit = |text| ("timeout", Some(ArgValue::Str(text)));
    let tests = vec![
        entry("small", vec![gpu(), gib(6), limit("20s")]),
        entry("whole", vec![gpu(), limit("30s")]),
        entry("busy", vec![("cpus", Some(ArgValue::Int(1_000_000)))]),
        entry("huge", vec![gpu(), gib(30)]),
        entry("plain", vec![limit("5s")]),
    ];
    let (catalog, findings) = Catalog::build(tests, &[], Vocabulary::shipped());
    let errors: Vec<String> = findings
        .iter()
        .map(|f| f.to_string())
        .filter(|f| f.starts_with("error"))
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    catalog
}

fn facts() -> Here {
    let card = LayoutDevice {
        platform: "cuda".into(),
        model: "L4".into(),
        total: 24 * GIB,
    };
    Here::new(Box::new(|_, _| Ok(Offer::default()))).simulating(host_of(&[card]), false)
}

fn document(args: &[&str]) -> Value {
    let (catalog, context) = (some(), context(args, &[]));
    let v = context.vocabulary;
    let selection = Selector::new(v, &context.options)
        .expect("valid")
        .select(&catalog, &mut |_| false);
    let plan = Plan::new(
        &catalog,
        &selection,
        &context.options,
        None,
        v,
        &mut facts(),
    );
    serde_json::from_str(&crate::plan_json(&catalog, &plan, &context)).expect("one document")
}

#[test]
fn the_document_says_where_when_and_how_much() {
    let plan = document(&["--test-threads", "2"]);
    assert_eq!(
        (&plan["schema"], &plan["side_by_side"], &plan["simulated"]),
        (&json!(1), &json!(2), &json!(true)),
        "{plan:#}"
    );
    let device = &plan["devices"][0];
    assert_eq!(device["name"], "cuda 0");
    assert_eq!(
        (&device["total_bytes"], &device["peak_bytes"]),
        (&json!(24 * GIB), &json!(24 * GIB))
    );
    let job = |name: &str| {
        let jobs = plan["jobs"].as_array().expect("a list");
        let found = jobs.iter().find(|job| job["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}: {plan:#}"))
    };
    let (small, whole, plain) = (job("small"), job("whole"), job("plain"));
    assert_eq!(small["memory_bytes"], 6 * GIB);
    assert_eq!(
        (&small["whole"], &small["devices"]),
        (&json!(false), &json!([0]))
    );
    assert_eq!(
        (&whole["whole"], &whole["memory_bytes"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        (&plain["devices"], &plain["start_s"]),
        (&json!([]), &json!(0.0))
    );
    // One after the other, for one of them wants all of it.
    let time = |job: &Value, key: &str| job[key].as_f64().expect("a time");
    assert_eq!(time(small, "end_s") - time(small, "start_s"), 20.0);
    assert_eq!(plan["makespan_s"], 50.0);
    assert_eq!(
        plan["lower_bound"]["seconds"].as_f64().map(|s| s <= 50.0),
        Some(true)
    );
    assert_eq!(plan["impossible"][0]["name"], "busy");
    let reason = |name: &str| {
        let all = plan["not_run"].as_array().expect("a list");
        let found = all.iter().find(|other| other["name"] == name);
        found.map(|other| (other["how"].clone(), other["reason"].to_string()))
    };
    for (name, why) in [
        ("busy", "needs 1000000 processors"),
        ("huge", "needs 1 GPU with 30 GiB"),
    ] {
        let (how, said) = reason(name).expect("it is told");
        assert!(
            how == "skipped" && said.contains(why),
            "{name}: {how} {said}"
        );
    }
}

/// Unknown is not zero: without anything to share out there is no schedule.
#[test]
fn without_needs_the_document_has_no_times() {
    let plan = document(&["--exact", "plain"]);
    assert_eq!(plan["makespan_s"], Value::Null);
    assert_eq!(plan["lower_bound"], Value::Null);
    assert_eq!(plan["jobs"][0]["start_s"], Value::Null);
    assert_eq!(plan["devices"], json!([]));
}

#[test]
fn a_case_is_explained_with_its_devices() {
    let explained = |name| {
        let context = context(&[], &[]);
        crate::explain(&some(), name, &context, &mut facts()).expect("it is there")
    };
    for (name, parts) in [
        (
            "small",
            [
                "devices: takes 6 GiB of each of 1 device",
                "devices that suit: cuda 0 (simulated L4, 24 GiB)",
                "alone it would run on cuda 0",
            ],
        ),
        (
            "whole",
            [
                "devices: takes the whole of 1 device",
                "devices that suit: cuda 0",
                "would run here: ",
            ],
        ),
        (
            "busy",
            [
                "takes 1000000 processors",
                "fits nowhere here: needs 1000000 processors",
                "would run here: no: ",
            ],
        ),
        (
            "huge",
            [
                "needs: 1 x device",
                "needs: 30 GiB on each device",
                "would run here: no: skipped: needs 1 GPU with 30 GiB",
            ],
        ),
    ] {
        let text = explained(name);
        for part in parts {
            assert!(text.contains(part), "{name}: {part}\n{text}");
        }
    }
}
