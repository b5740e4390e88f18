//! Whether the audit finds what falls through.

use std::time::Duration;

use serde_json::json;
use tribunal_stages::audit;
use tribunal_vocabulary::Vocabulary;

use crate::{line, project, shipped, suite};

#[test]
fn the_shipped_stages_partition_the_shipped_suites() {
    let audit = audit(&shipped(), Vocabulary::shipped(), &|_| None);
    assert!(audit.clean(), "{}", audit.text());
    let weekly = audit
        .stages
        .iter()
        .find(|stage| stage.name == "weekly")
        .expect("it is shipped");
    assert_eq!(
        weekly.cases,
        weekly.steps.iter().map(|step| step.cases).sum::<usize>()
    );
    assert!(weekly.cases > 100 && weekly.due.known == 0 && weekly.due.unknown == weekly.cases);
    assert!(
        audit.text().contains("no recorded times"),
        "unknown is not zero"
    );
}

#[test]
fn tests_in_no_step_in_two_and_in_no_stage_are_named() {
    let v = project(
        "[stages.smoke]\nselect = \"e2e\"\nlimit = \"1m\"\n\
         [stages.smoke.steps.cpu]\nselect = \"gpu_0\"\nqueue = \"cpu\"\n\
         [stages.smoke.steps.fast]\nselect = \"gpu_0 and parallel\"\nqueue = \"cpv\"\n",
    );
    // Only this stage: the shipped ones would take every test.
    let cases = [
        line(
            "one::fits",
            &["e2e", "gpu_0", "local_only"],
            &[],
            &json!({}),
        ),
        line(
            "one::twice",
            &["e2e", "gpu_0", "parallel", "local_only"],
            &[],
            &json!({}),
        ),
        line(
            "one::falls_through",
            &["e2e", "gpu_1", "gpu", "local_only"],
            &[],
            &json!({}),
        ),
        line("one::nowhere", &["unit"], &[], &json!({})),
        line("one::local", &["unit", "local_only"], &[], &json!({})),
        // Above the level of the stage.
        line(
            "one::deep",
            &["e2e", "gpu_0", "local_only"],
            &["slow"],
            &json!({}),
        ),
    ];
    let suite = suite(&cases, &v);
    let times = |name: &str| (name != "one::twice").then_some(Duration::from_secs(45));
    let found = audit(&suite, &v, &times);
    assert!(!found.clean());
    assert_eq!(found.nowhere, ["one::nowhere"]);
    assert_eq!(found.local, 2, "deep and local");
    let smoke = found
        .stages
        .iter()
        .find(|stage| stage.name == "smoke")
        .unwrap();
    assert_eq!(smoke.cases, 3);
    assert_eq!(smoke.none, ["one::falls_through"]);
    assert_eq!(
        smoke.several,
        [(
            "one::twice".to_owned(),
            vec!["cpu".to_owned(), "fast".to_owned()]
        )]
    );
    assert!(
        smoke.steps[0].misfits.is_empty(),
        "45 of 60 seconds are known, the rest is not"
    );
    assert_eq!(
        (smoke.steps[0].due.known, smoke.steps[0].due.unknown),
        (1, 1)
    );
    assert!(
        smoke.steps[1].misfits[0].contains("did you mean `cpu`?"),
        "{:?}",
        smoke.steps[1].misfits
    );
    let text = found.text();
    for said in [
        "in no stage, and not `local_only`: one::nowhere",
        "in none of its steps: one::falls_through",
        "one::twice (cpu, fast)",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    let json = found.json();
    assert_eq!(json["clean"], false);
    let smoke = json["stages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|stage| stage["name"] == "smoke")
        .unwrap()
        .clone();
    assert_eq!(smoke["in_no_step"], json!(["one::falls_through"]));
    assert_eq!(smoke["steps"][1]["due"]["recorded_s"], json!(null));
}

#[test]
fn what_a_queue_lacks_is_found_before_a_test_waits_for_it() {
    let v = project(
        "[queues.small]\ndevice = \"L4\"\ncount = 1\n[queues.any]\n\
         [stages.smoke]\nselect = \"e2e\"\nlimit = \"1m\"\n\
         [stages.smoke.steps.small]\nselect = \"not serial\"\nqueue = \"small\"\nshards = 2\n\
         [stages.smoke.steps.any]\nselect = \"serial\"\nqueue = \"any\"\n",
    );
    let needs = |devices: serde_json::Value, gib: Option<f64>| json!({"needs": {"devices": devices, "max_vram_gib": gib}});
    let one = |platform: &str, models: &[&str], count: u64| json!({"platform": platform, "models": models, "count": count});
    let all = ["e2e", "local_only"];
    let cases = [
        line(
            "fits",
            &all,
            &[],
            &needs(json!([one("cuda", &["L4"], 1)]), Some(24.0)),
        ),
        line(
            "either",
            &all,
            &[],
            &needs(
                json!([one("rocm", &["MI300"], 2), one("cuda", &["L4", "H100"], 1)]),
                None,
            ),
        ),
        line(
            "two",
            &all,
            &[],
            &needs(json!([one("cuda", &["L4"], 2)]), None),
        ),
        line(
            "other",
            &all,
            &[],
            &needs(json!([one("cuda", &["H100"], 1)]), None),
        ),
        line(
            "large",
            &all,
            &[],
            &needs(json!([one("cuda", &[], 1)]), Some(40.0)),
        ),
        // A queue that says nothing of its devices is not known to lack any.
        line(
            "unsaid",
            &["e2e", "local_only", "serial"],
            &[],
            &needs(json!([one("cuda", &["H100"], 8)]), Some(80.0)),
        ),
    ];
    let found = audit(&suite(&cases, &v), &v, &|_| Some(Duration::from_secs(30)));
    let smoke = found
        .stages
        .iter()
        .find(|stage| stage.name == "smoke")
        .unwrap();
    let misfits = &smoke.steps[0].misfits;
    assert_eq!(misfits.len(), 4, "{misfits:?}");
    assert!(misfits[0].contains("`two` needs 2 × L4"), "{misfits:?}");
    assert!(misfits[1].contains("`other` needs 1 × H100"), "{misfits:?}");
    assert!(misfits[2].contains("`large` needs 40 GiB"), "{misfits:?}");
    assert!(
        misfits[3].contains("2m30s") && misfits[3].contains("1m in each of 2 parts"),
        "{misfits:?}"
    );
    assert!(smoke.steps[1].misfits.is_empty());
}
