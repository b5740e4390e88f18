//! Runs on simulated devices against their plans, event by event.
//!
//! Each run has a clock that is told the time, and bodies that end when they are told to: at the moment at which the plan has them end. Then every
//! start, its devices, every end and the most that is given out of each device must be the plan's, whatever the machine does meanwhile.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tribunal_hardware::Simulated;

use super::run::run_catalog;
use super::stage::*;
use super::support::*;
use crate::options::KeepEvidence;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::run::{Clock, Run};

/// Something that happened: when, what, to which case, on which devices, with how many bytes of each (`None`: all).
type Happening = (f64, &'static str, String, Vec<String>, Option<u64>);

/// What a plan says will happen, and the most of each device.
fn expected(plan: &Plan, names: &[String]) -> (Vec<Happening>, Vec<u64>) {
    let resources = plan.resources.as_ref().expect("devices are shared out");
    let schedule = &resources.schedule;
    let mut all: Vec<Happening> = vec![];
    for planned in &schedule.starts {
        let shown = |card: &usize| resources.cards[*card].shown();
        let job = resources.job(planned.job).expect("a job");
        let bytes = resources.amount(job).filter(|_| !planned.cards.is_empty());
        let name = || names[planned.job].clone();
        let cards = planned.cards.iter().map(shown).collect();
        all.push((planned.start, "start", name(), cards, bytes));
        all.push((planned.end, "end", name(), vec![], None));
    }
    // What ends at a moment ends before what starts at it; starts stay in the order of the plan.
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    (all, schedule.peak.clone())
}

/// What a run has written down.
fn written(root: &Path) -> (Vec<Happening>, Vec<u64>) {
    let path = root.join("latest/devices/schedule.jsonl");
    let text = std::fs::read_to_string(&path).expect("the run has written it");
    let (mut all, mut peak) = (vec![], vec![]);
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let Some(t) = line["t"].as_f64() else {
            peak = vec![0; line["devices"].as_array().map_or(0, Vec::len)];
            continue;
        };
        let texts = |v: &Value| -> Vec<String> {
            let all = v.as_array().into_iter().flatten();
            all.map(|v| v.as_str().expect("a text").to_owned())
                .collect()
        };
        for (most, given) in peak.iter_mut().zip(line["given"].as_array().expect("all")) {
            *most = given.as_u64().expect("bytes").max(*most);
        }
        let event = match line["event"].as_str() {
            Some("start") => "start",
            _ => "end",
        };
        let case = line["case"].as_str().expect("a name").to_owned();
        let devices = texts(&line["devices"]);
        all.push((t, event, case, devices, line["bytes"].as_u64()));
    }
    (all, peak)
}

/// Runs a world as it is planned; from the end of `late` on everybody goes at once instead, which no plan knows.
fn run_as_planned(world: World, late: Option<&str>) -> [(Vec<Happening>, Vec<u64>); 2] {
    let place = tempfile::tempdir().expect("a folder");
    let ledger_path = place.path().join("devices");
    let ledger = Simulated::create(&ledger_path, &layout(world.gib)).expect("a ledger");
    let (clock, root) = (Clock::told(), place.path().join("evidence"));
    let facts = world.facts();
    let changed = |options: &mut crate::run::RunOptions| {
        options.clock = clock.clone();
        options.evidence.root = Some(root.clone());
        options.evidence.keep = KeepEvidence::All;
        options.settle = LIMIT;
    };
    let mut planned = None;
    let mut used = vec![0; world.gib.len()];
    let meanwhile = |run: &Arc<Run>| {
        let plan = run.plan();
        let names: Vec<String> = (0..plan.cases.len())
            .map(|i| run.name(i).to_string())
            .collect();
        let (all, peak) = expected(plan, &names);
        let stage = stage(&names[0]);
        let mut running: BTreeSet<String> = BTreeSet::new();
        let mut at = 0;
        'all: while at < all.len() {
            let now = all[at].0;
            clock.set(now);
            while at < all.len() && all[at].0 == now {
                let (_, event, name, ..) = &all[at];
                at += 1;
                if *event == "start" {
                    running.insert(name.clone());
                    continue;
                }
                running.remove(name);
                if late == Some(name) {
                    break 'all;
                }
                stage.change(|_, freed| freed.extend([name.clone()]));
                let which = names.iter().position(|n| n == name).expect("planned");
                run.wait(which);
            }
            let all_on = stage.wait(|entered, _| running.iter().all(|r| entered.contains(r)));
            assert!(all_on, "{now} s: {running:?} should run");
            let usage = ledger.usage().expect("usage");
            for (most, device) in used.iter_mut().zip(usage) {
                *most = device.used.max(*most);
            }
        }
        stage.change(|_, freed| freed.extend(names.iter().cloned()));
        planned = Some((all, peak));
    };
    let (ended, _) = run_catalog(
        cataloged(world.tests),
        world.args,
        facts,
        Some(&ledger_path),
        &changed,
        meanwhile,
    );
    for (name, ended) in &ended {
        assert_eq!(ended.outcome, Outcome::Passed, "{name}: {:?}", ended.notes);
    }
    let planned = planned.expect("it ran");
    if late.is_none() {
        assert_eq!(used, planned.1, "what was really in use at the peak");
    }
    [planned, written(&root)]
}

/// The events of both, one by one, and the peaks.
fn same(world: World) {
    let [planned, run] = run_as_planned(world, None);
    let ends: Vec<f64> = planned
        .0
        .iter()
        .filter(|e| e.1 == "end")
        .map(|e| e.0)
        .collect();
    let distinct: BTreeSet<u64> = ends.iter().map(|end| end.to_bits()).collect();
    assert_eq!(
        ends.len(),
        distinct.len(),
        "two ends at one moment have no order"
    );
    for (at, (planned, run)) in planned.0.iter().zip(&run.0).enumerate() {
        assert_eq!(planned, run, "event {at}");
    }
    assert_eq!(planned.0.len(), run.0.len());
    assert_eq!(planned.1, run.1, "the most that is given out");
}

fn equal(world: &'static str) -> World {
    let case = |name: &str, marks: &[&'static str]| case(&format!("{world}::{name}"), marks);
    let tests = vec![
        case("a", &["gpu_1", "max_vram_gib(12)", "timeout(\"611s\")"]),
        case("b", &["gpu_1", "max_vram_gib(8)", "timeout(\"503s\")"]),
        case("c", &["gpu_1", "max_vram_gib(20)", "timeout(\"401s\")"]),
        case("d", &["gpu_1", "timeout(\"709s\")"]),
        case("e", &["gpu_1", "max_vram_gib(2)", "timeout(\"307s\")"]),
        case("f", &["gpu_1", "max_vram_gib(6)", "timeout(\"257s\")"]),
        case("g", &["gpu_1", "max_vram_gib(11)", "timeout(\"223s\")"]),
        idle(&format!("{world}::h"), &["timeout(\"211s\")"]),
    ];
    World {
        gib: &[24, 24],
        tests,
        args: &["--test-threads", "8"],
    }
}

#[test]
fn two_equal_cards() {
    same(equal("equal"));
}

/// What the comparison is worth.
#[test]
fn a_run_that_leaves_its_plan_is_noticed() {
    let [planned, run] = run_as_planned(equal("unequal"), Some("unequal::b"));
    assert_ne!(planned.0, run.0);
    let names =
        |all: &[Happening]| -> BTreeSet<String> { all.iter().map(|e| e.2.clone()).collect() };
    assert_eq!(names(&planned.0), names(&run.0));
}

#[test]
fn mixed_cards_with_gangs_a_name_and_one_who_runs_alone() {
    let tests = vec![
        case(
            "mixed::pair",
            &["gpu_2", "max_vram_gib(14)", "timeout(\"331s\")"],
        ),
        case(
            "mixed::large",
            &["gpu_1", "max_vram_gib(60)", "timeout(\"613s\")"],
        ),
        case(
            "mixed::b",
            &["gpu_1", "max_vram_gib(18)", "timeout(\"509s\")"],
        ),
        case(
            "mixed::c",
            &[
                "gpu_1",
                "max_vram_gib(9)",
                "serial(\"mixed\")",
                "timeout(\"419s\")",
            ],
        ),
        case(
            "mixed::d",
            &[
                "gpu_1",
                "max_vram_gib(3)",
                "serial(\"mixed\")",
                "timeout(\"241s\")",
            ],
        ),
        case("mixed::e", &["gpu_2", "timeout(\"283s\")"]),
        case(
            "mixed::f",
            &["gpu_1", "max_vram_gib(30)", "timeout(\"353s\")"],
        ),
        idle("mixed::g", &["serial(\"mixed\")", "timeout(\"227s\")"]),
        idle("mixed::h", &["timeout(\"907s\")"]),
    ];
    same(World {
        gib: &[24, 80, 48],
        tests,
        // The one that declares no memory goes last, and alone.
        args: &[
            "--test-threads",
            "5",
            "--max-vram-gib",
            "80",
            "--vram-unknown",
            "last",
        ],
    });
}

#[test]
fn a_shared_server_beside_others() {
    let shared = server();
    let user = |name: &str, marks: &[&'static str]| idle(name, marks).fixtures(&[shared]);
    let tests = vec![
        user("served::a", &["core_model", "timeout(\"331s\")"]),
        user("served::b", &["core_model", "timeout(\"251s\")"]),
        user(
            "served::c",
            &["core_model", "max_vram_gib(10)", "timeout(\"431s\")"],
        ),
        case("served::whole", &["gpu_1", "timeout(\"307s\")"]),
        case(
            "served::pair",
            &["gpu_2", "max_vram_gib(9)", "timeout(\"211s\")"],
        ),
        case(
            "served::d",
            &["gpu_1", "max_vram_gib(4)", "timeout(\"547s\")"],
        ),
        case(
            "served::e",
            &["gpu_1", "max_vram_gib(13)", "timeout(\"641s\")"],
        ),
    ];
    same(World {
        gib: &[24, 24],
        tests,
        args: &["--test-threads", "4"],
    });
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[test]
fn random_worlds() {
    let layouts: [&[u64]; 4] = [&[24, 24], &[24, 48, 80], &[80], &[24, 24, 24, 48]];
    for seed in 0..12u64 {
        let mut state = seed;
        let mut next = |below: u64| random(&mut state) % below;
        let (shared, layout) = (server(), layouts[(seed % 4) as usize]);
        let tests = (0..20).map(|n| {
            let name = format!("random{seed}::t{n:02}");
            // To the millisecond, so that no two ends meet.
            let mut marks = vec![format!("timeout(\"{}ms\")", 200_000 + next(400_000))];
            if next(8) == 0 {
                marks.push("serial(\"random\")".into());
            }
            let kind = next(10);
            match kind {
                0 => {}
                1 | 2 => marks.push("core_model".into()),
                3 => marks.push("gpu_1".into()),
                4 if layout.len() > 1 => marks.extend([
                    "gpu_2".to_owned(),
                    format!("max_vram_gib({})", 1 + next(20)),
                ]),
                _ => marks.extend([
                    "gpu_1".to_owned(),
                    format!("max_vram_gib({})", 1 + next(22)),
                ]),
            }
            let marks: Vec<&'static str> = marks.into_iter().map(|m| &*m.leak()).collect();
            match kind {
                0 => idle(&name, &marks),
                1 | 2 => idle(&name, &marks).fixtures(&[shared]),
                _ => case(&name, &marks),
            }
        });
        let tests: Vec<Make> = tests.collect();
        let slots = ["2", "4", "20"][(seed % 3) as usize];
        same(World {
            gib: layout,
            tests,
            args: leak(vec!["--test-threads", slots]),
        });
    }
}
