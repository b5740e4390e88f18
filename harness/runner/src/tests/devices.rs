//! What cases need of devices, how it is planned, and runs on simulated ones.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tribunal_governor::Memory;
use tribunal_hardware::{Host, LayoutDevice, Measured, MeasuredDevice, Simulated, host_of};

use super::run::run_on;
use super::support::*;
use crate::attempt::{devices, lock};
use crate::body::{Cx, Error, TestResult};
use crate::gates::{Facts, Here, Offer, holds};
use crate::needs::{self, DeviceUse, Need};
use crate::outcome::Outcome;
use crate::plan::{Disposition, Plan};
use crate::resources::{Asking, Resources};
use crate::selection::Selector;

const GIB: u64 = 1 << 30;

fn layout(gib: &[u64]) -> Vec<LayoutDevice> {
    let device = |gib: &u64| LayoutDevice {
        platform: "cuda".into(),
        model: "L4".into(),
        total: gib * GIB,
    };
    gib.iter().map(device).collect()
}

fn facts(gib: &[u64]) -> Here {
    Here::new(Box::new(|_, _| Ok(Offer::default()))).simulating(host_of(&layout(gib)), true)
}

fn need(texts: &[&'static str], offer: Option<DeviceUse>, simulated: bool, host: &Host) -> Need {
    let c = catalog(vec![test("t").marked(texts)]);
    let offer = offer.map(|used| Offer {
        devices: Some(used),
        ..Offer::default()
    });
    needs::of(
        &c.cases[0].marks,
        offer.as_ref(),
        simulated,
        vocabulary(),
        || host,
    )
}

fn used(count: u32, gib: Option<u64>, simulated_only: bool) -> DeviceUse {
    DeviceUse {
        count,
        memory: gib.map(|gib| gib * GIB),
        simulated_only,
        start_group: None,
    }
}

#[test]
fn a_need_is_the_larger_of_marker_and_deployment() {
    let host = host_of(&layout(&[24, 24]));
    type Row = (
        &'static [&'static str],
        Option<DeviceUse>,
        (u32, Option<u64>),
    );
    let table: &[Row] = &[
        (
            &["gpu_1", "max_vram_gib(5)"],
            Some(used(2, Some(3), false)),
            (2, Some(5 * GIB)),
        ),
        (&["cpu"], None, (0, None)),
        // Nobody has said how much: all of it.
        (&["gpu_1"], None, (1, None)),
        (&["gpu_1", "max_vram_gib(4)"], None, (1, Some(4 * GIB))),
        (&["core_model"], Some(used(1, None, false)), (1, None)),
        (
            &["core_model"],
            Some(used(1, Some(3), false)),
            (1, Some(3 * GIB)),
        ),
        (
            &["max_vram_gib(4)"],
            Some(used(1, None, false)),
            (1, Some(4 * GIB)),
        ),
        // An engine that uses simulated devices leaves real ones alone.
        (&["core_model"], Some(used(1, Some(3), true)), (0, None)),
    ];
    for (texts, offer, expected) in table {
        let need = need(texts, offer.clone(), false, &host);
        assert_eq!(
            (need.devices, need.memory),
            *expected,
            "{texts:?} {offer:?}"
        );
        assert_eq!(need.suits.is_empty(), need.devices == 0);
    }
    let simulated = need(&["core_model"], Some(used(1, Some(3), true)), true, &host);
    assert_eq!(simulated.devices, 1);
    // Where no device is, a deployment runs without.
    let none = need(
        &["core_model"],
        Some(used(1, Some(3), false)),
        false,
        &Host::without_devices(),
    );
    assert_eq!(none.devices, 0);
    let weights = need(&["cpus(3)", "host_memory_gib(0.5)"], None, false, &host);
    assert_eq!((weights.cpus, weights.host_memory), (3, GIB / 2));
}

fn planned(tests: Vec<Make>, args: &[&str], gib: &[u64]) -> (Vec<(String, String)>, Plan) {
    planned_on(tests, args, &mut facts(gib))
}

fn planned_on(
    tests: Vec<Make>,
    args: &[&str],
    facts: &mut dyn Facts,
) -> (Vec<(String, String)>, Plan) {
    let (c, o, v) = (catalog(tests), options(args), vocabulary());
    let selection = Selector::new(v, &o)
        .expect("valid")
        .select(&c, &mut |_| false);
    let plan = Plan::new(&c, &selection, &o, None, v, facts);
    let shown = plan.cases.iter().map(|p| {
        let what = match &p.disposition {
            Disposition::Run => "runs".to_owned(),
            Disposition::Gated(unmet) => unmet.reason.clone(),
            other => format!("{other:?}"),
        };
        (c.cases[p.case].name.clone(), what)
    });
    (shown.collect(), plan)
}

/// A machine on which `a` was measured: 4 GiB at its peak, 40 s.
struct Profiled(Here);

impl Facts for Profiled {
    fn env(&mut self, name: &str) -> bool {
        self.0.env(name)
    }
    fn program(&mut self, name: &str) -> bool {
        self.0.program(name)
    }
    fn os(&mut self) -> &str {
        self.0.os()
    }
    fn host(&mut self) -> &Host {
        self.0.host()
    }
    fn simulated(&self) -> bool {
        self.0.simulated()
    }
    fn offer(&mut self, deployment: &str, level: Option<&str>) -> Result<Arc<Offer>, String> {
        self.0.offer(deployment, level)
    }
    fn measured(&mut self, case: &str) -> Result<Option<Measured>, String> {
        match case.strip_prefix("broken") {
            Some(_) => Err(format!("vram/{case}.json: it is no JSON; measure it again")),
            None => Ok((case != "unknown").then(measured)),
        }
    }
}

fn measured() -> Measured {
    Measured {
        schema: Measured::SCHEMA,
        test: "a".into(),
        simulated: true,
        devices: vec![MeasuredDevice {
            index: 0,
            name: "simulated L4".into(),
            total: None,
        }],
        used_devices: 1,
        driver: None,
        when: 0,
        peak_bytes: 4 * GIB,
        of_tree: true,
        wall_s: 40.0,
        body_s: None,
        set_up_s: None,
        least: None,
    }
}

#[test]
fn a_measurement_holds_for_devices_like_those_it_was_made_on() {
    let host = host_of(&layout(&[24]));
    let of_simulation = measured();
    let of_hardware = Measured {
        simulated: false,
        ..measured()
    };
    // A run on simulated devices, a plan for real ones that are elsewhere, a run on those that are here.
    for (simulated, run, expected) in [
        (true, true, [true, false]),
        (true, false, [false, true]),
        (false, false, [false, true]),
    ] {
        let both = [&of_simulation, &of_hardware];
        assert_eq!(both.map(|m| holds(m, &host, simulated, run)), expected);
    }
    let other = Measured {
        devices: vec![],
        ..measured()
    };
    assert!(!holds(&other, &host, true, true));
}

#[test]
fn what_was_measured_tells_where_nobody_states_anything() {
    let tests = vec![
        test("measured").marked(&["gpu_1"]),
        test("stated").marked(&["gpu_1", "max_vram_gib(3)"]),
        test("unknown").marked(&["gpu_1"]),
    ];
    let (shown, plan) = planned_on(tests, &[], &mut Profiled(facts(&[24])));
    let resources = plan.resources.unwrap();
    let job = |name: &str| {
        let at = shown.iter().position(|(shown, _)| shown == name).unwrap();
        let job = resources.jobs.iter().find(|job| job.id == at).unwrap();
        (job.memory, job.expected)
    };
    assert_eq!(
        job("measured"),
        (Memory::Bytes(4 * GIB + 4 * GIB / 10), 40.0)
    );
    assert_eq!(job("stated"), (Memory::Bytes(3 * GIB), 40.0));
    let (memory, expected) = job("unknown");
    assert!(
        memory == Memory::Whole && expected != 40.0,
        "{memory:?} {expected}"
    );
}

#[test]
fn a_measurement_that_cannot_be_read_is_a_note_and_no_measurement() {
    let broken = |n: usize| {
        let name: &'static str = Box::leak(format!("broken{n}").into_boxed_str());
        test(name).marked(&["gpu_1"])
    };
    let tests = (0..2).map(broken).chain([test("free")]).collect();
    let (shown, plan) = planned_on(tests, &[], &mut Profiled(facts(&[24])));
    assert!(shown.iter().all(|(_, what)| what == "runs"), "{shown:?}");
    let jobs = &plan.resources.as_ref().unwrap().jobs;
    let whole = jobs.iter().filter(|job| job.memory == Memory::Whole);
    assert_eq!(whole.count(), 2, "as if nobody had measured them");
    assert_eq!(
        plan.notes,
        [0, 1].map(|n| format!(
            "a measurement of device memory is not used: vram/broken{n}.json: it is no JSON; measure it again"
        ))
    );
    // All of them at once are not a page.
    let (_, plan) = planned_on(
        (0..9).map(broken).collect(),
        &[],
        &mut Profiled(facts(&[24])),
    );
    assert_eq!(plan.notes.len(), 4);
    assert!(plan.notes[3].contains("6 more"), "{:?}", plan.notes);
}

#[test]
fn what_is_enough_for_either_is_the_larger_of_both() {
    let of = |devices, suits: &[usize], memory| Need {
        devices,
        suits: suits.to_vec(),
        memory,
        cpus: devices,
        ..Need::default()
    };
    let both = of(1, &[0, 1], Some(8)).or(of(2, &[1, 2], Some(4)));
    assert_eq!(both, of(2, &[1], Some(8)));
    // Unknown is the whole device, whatever the other says.
    assert_eq!(of(1, &[0], None).or(of(1, &[0], Some(4))).memory, None);
    // One that needs none says nothing of the other's devices.
    let none = of(0, &[], None);
    assert_eq!(none.clone().or(of(1, &[2], Some(4))), of(1, &[2], Some(4)));
    assert_eq!(of(1, &[2], Some(4)).or(none), of(1, &[2], Some(4)));
}

#[test]
fn each_group_of_starts_keeps_its_own_pause_unless_one_figure_is_given_for_all() {
    let asking = |planned, group: &str, seconds| Asking {
        planned,
        need: Need {
            devices: 1,
            suits: vec![0],
            memory: Some(GIB),
            start_group: Some((group.to_owned(), seconds)),
            ..Need::default()
        },
        names: vec![],
        alone: false,
        server: None,
        expected: 100.0,
    };
    let all = [
        asking(0, "slow", 30.0),
        asking(1, "slow", 30.0),
        asking(2, "quick", 2.0),
        asking(3, "quick", 2.0),
    ];
    let starts = |spacing| {
        let host = host_of(&layout(&[24]));
        let (made, _) = Resources::new(&all, &host, true, 8, spacing).unwrap();
        let mut starts: Vec<(usize, f64)> = made
            .schedule
            .starts
            .iter()
            .map(|start| (start.job, start.start))
            .collect();
        starts.sort_by_key(|(job, _)| *job);
        starts.into_iter().map(|(_, at)| at).collect::<Vec<f64>>()
    };
    assert_eq!(starts(None), [0.0, 30.0, 0.0, 2.0]);
    assert_eq!(starts(Some(5.0)), [0.0, 5.0, 0.0, 5.0]);
}

#[test]
fn without_needs_there_is_nothing_to_share_out() {
    let (_, plan) = planned(
        vec![test("a"), test("b").marked(&["serial(\"x\")"])],
        &[],
        &[24],
    );
    assert!(plan.resources.is_none());
}

#[test]
fn the_plan_is_in_the_order_of_its_starts_and_says_what_fits_nowhere() {
    let tests = vec![
        test("none"),
        test("small").marked(&["gpu_1", "max_vram_gib(4)", "timeout(\"10s\")"]),
        test("large").marked(&["gpu_1", "max_vram_gib(22)", "timeout(\"30s\")"]),
        test("three").marked(&["cards_4", "gpu"]),
        test("huge").marked(&["gpu_1", "max_vram_gib(25)"]),
        test("busy").marked(&["cpus(1000000)"]),
    ];
    let (shown, plan) = planned(tests, &["--test-threads", "4"], &[24, 24]);
    let what = |name: &str| &shown.iter().find(|(n, _)| n == name).expect("planned").1;
    assert_eq!(what("small"), "runs");
    assert!(
        what("huge").starts_with("needs 1 GPU with 25 GiB; this host has 2"),
        "{shown:?}"
    );
    assert!(
        what("busy").starts_with("needs 1000000 processors"),
        "{shown:?}"
    );
    assert!(what("three").starts_with("needs 4 GPUs"), "{shown:?}");
    let resources = plan.resources.expect("devices are shared out");
    assert_eq!(resources.schedule.starts.len(), 3);
    for (at, start) in resources.schedule.starts.iter().enumerate() {
        // The place in the schedule is the place in the plan.
        assert_eq!(start.job, at);
        let job = resources.job(at).expect("a job");
        assert_eq!(job.gang as usize, start.cards.len());
    }
    let large = shown
        .iter()
        .position(|(n, _)| n == "large")
        .expect("planned");
    assert_eq!(
        resources
            .jobs
            .iter()
            .find(|j| j.id == large)
            .map(|j| j.memory),
        Some(Memory::Bytes(22 * GIB))
    );
    assert!(resources.schedule.makespan >= 30.0);
}

/// What runs now, and whether bodies may end.
static STAGE: (Mutex<Stage>, Condvar) = (
    Mutex::new(Stage {
        on: vec![],
        open: false,
    }),
    Condvar::new(),
);

struct Stage {
    on: Vec<(String, Vec<u32>)>,
    open: bool,
}

/// Takes all that was granted, and stays on the stage until it is opened.
fn plays(_: &Cx<'_>) -> TestResult {
    let grant = devices().ok_or_else(|| Error::msg("no devices"))?;
    let name = crate::attempt::current_test().map_or(String::new(), |t| t.name);
    let ledger = Simulated::open(grant.simulated().expect("simulated"))?;
    let mut held = vec![];
    for device in grant.devices() {
        let amount = device.amount.or(device.total).unwrap_or(0);
        held.push(
            ledger
                .allocate(device.index as usize, amount, &name)
                .map_err(Error::of)?,
        );
    }
    let on = grant.devices().iter().map(|d| d.index).collect();
    let (stage, changed) = &STAGE;
    let mut stage = lock(stage);
    stage.on.push((name, on));
    changed.notify_all();
    drop(changed.wait_while(stage, |s| !s.open));
    Ok(())
}

#[test]
fn a_run_begins_as_its_plan_and_gives_nothing_out_twice() {
    let make = || {
        let sized = |name, marks: &[&'static str]| test(name).marked(marks).body(plays);
        vec![
            sized("a", &["gpu_1", "max_vram_gib(12)", "timeout(\"60s\")"]),
            sized("b", &["gpu_1", "max_vram_gib(8)", "timeout(\"50s\")"]),
            sized("c", &["gpu_1", "max_vram_gib(20)", "timeout(\"40s\")"]),
            sized("d", &["gpu_1", "timeout(\"70s\")"]),
            sized("e", &["gpu_2", "max_vram_gib(10)", "timeout(\"30s\")"]),
            sized("f", &["gpu_1", "max_vram_gib(2)", "timeout(\"60s\")"]),
        ]
    };
    let args = ["--test-threads", "6"];
    let (_, plan) = planned(make(), &args, &[24, 24]);
    let names: Vec<String> = planned(make(), &args, &[24, 24])
        .0
        .into_iter()
        .map(|(n, _)| n)
        .collect();
    let resources = plan.resources.expect("devices are shared out");
    let mut first: Vec<(String, Vec<u32>)> = resources
        .schedule
        .starts
        .iter()
        .filter(|s| s.start == 0.0)
        .map(|s| {
            let cards = s.cards.iter().map(|c| *c as u32).collect();
            (names[s.job].clone(), cards)
        })
        .collect();
    first.sort();
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("devices");
    let ledger = Simulated::create(&path, &layout(&[24, 24])).expect("a ledger");
    let (ended, summary) = run_on(make(), &args, facts(&[24, 24]), Some(&path), |_| {
        let (stage, changed) = &STAGE;
        let limit = Duration::from_secs(60);
        let waited = changed.wait_timeout_while(lock(stage), limit, |s| s.on.len() < first.len());
        let mut stage = waited.expect("no panic").0;
        let mut on = stage.on.clone();
        on.sort();
        assert_eq!(on, first);
        stage.open = true;
        changed.notify_all();
    });
    for (name, ended) in &ended {
        assert_eq!(ended.outcome, Outcome::Passed, "{name}: {:?}", ended.notes);
    }
    assert_eq!(ended.len(), 6);
    assert!(
        summary.late_errors.is_empty() && summary.notes.is_empty(),
        "{:?}",
        summary.notes
    );
    let left: u64 = ledger.usage().expect("usage").iter().map(|d| d.used).sum();
    assert_eq!(left, 0);
    drop(Arc::new(ledger));
}

/// Set for the process that takes memory and is nobody's child: the ledger, and the file that it waits for.
const LEFT: [&str; 2] = ["TRIBUNAL_TEST_LEDGER", "TRIBUNAL_TEST_FREE"];

/// No test unless it is told to be what another one leaves behind.
#[test]
fn what_is_left_behind() {
    let [Ok(ledger), Ok(free)] = LEFT.map(std::env::var) else {
        return;
    };
    let ledger = Simulated::open(ledger.as_ref()).expect("a ledger");
    let _held = ledger.allocate(0, 3 * GIB, "left").expect("memory");
    let begun = std::time::Instant::now();
    while !std::path::Path::new(&free).exists() && begun.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Starts a process that is not below this one, and waits until it has taken memory.
pub(super) fn leave_behind(path: &std::path::Path) -> TestResult {
    let status = std::process::Command::new("sh")
        .args([
            "-c",
            "\"$0\" tests::devices::what_is_left_behind --exact >/dev/null 2>&1 &",
        ])
        .arg(std::env::current_exe()?)
        .env(LEFT[0], path)
        .env(LEFT[1], path.with_extension("free"))
        .status()?;
    assert!(status.success());
    let ledger = Simulated::open(path)?;
    let begun = std::time::Instant::now();
    while ledger.usage()?[0].used == 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it takes nothing"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn leaves(_: &Cx<'_>) -> TestResult {
    let grant = devices().ok_or_else(|| Error::msg("no devices"))?;
    leave_behind(grant.simulated().expect("simulated"))
}

fn only_when_free(_: &Cx<'_>) -> TestResult {
    let grant = devices().ok_or_else(|| Error::msg("no devices"))?;
    let free = grant.simulated().expect("simulated").with_extension("free");
    assert!(free.exists(), "the device was not clean");
    Ok(())
}

#[test]
fn a_device_that_is_not_handed_over_clean_fails_its_case_and_is_kept_back() {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("devices");
    Simulated::create(&path, &layout(&[24])).expect("a ledger");
    let tests = vec![
        test("leaves")
            .marked(&["gpu_1", "serial(\"leaves\")", "timeout(\"90s\")"])
            .body(leaves),
        // Small enough to stand beside what is left; but nobody gets the device.
        test("next")
            .marked(&["gpu_1", "max_vram_gib(1)", "timeout(\"70s\")"])
            .body(only_when_free),
        // Whoever starts it has had the choice of the other: those with devices go first.
        test("witness").marked(&["serial(\"leaves\")", "timeout(\"10s\")"]),
    ];
    let free = path.with_extension("free");
    let (ended, _) = run_on(tests, &["-n", "2"], facts(&[24]), Some(&path), |run| {
        let named = |name: &str| {
            let all = 0..run.plan().cases.len();
            all.into_iter()
                .find(|i| &**run.name(*i) == name)
                .expect("it is planned")
        };
        run.wait(named("leaves"));
        run.wait(named("witness"));
        assert!(
            run.result(named("next")).is_none(),
            "the device is not clean"
        );
        std::fs::write(&free, "").expect("a file");
    });
    let outcome = |name: &str| {
        &ended
            .iter()
            .find(|(n, _)| n == name)
            .expect("ended")
            .1
            .outcome
    };
    let Outcome::TeardownFailed(text) = outcome("leaves") else {
        panic!("{:?}", outcome("leaves"));
    };
    for part in [
        "cuda 0 was not handed over clean: 3.00 GiB more",
        "what_is_left_behind",
        "pid ",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(outcome("next"), &Outcome::Passed);
}

/// A body that is taken from its thread gives its name up all the same.
#[test]
fn a_name_is_free_when_its_body_was_abandoned() {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("devices");
    Simulated::create(&path, &layout(&[24])).expect("a ledger");
    let stuck = |_: &Cx<'_>| -> TestResult {
        std::thread::sleep(Duration::from_secs(600));
        Ok(())
    };
    let tests = vec![
        test("a_stuck")
            .marked(&["serial(\"name\")", "timeout(\"300ms\")"])
            .body(stuck),
        test("b_next").marked(&["serial(\"name\")"]),
    ];
    let (ended, _) = run_on(tests, &["-n", "2"], facts(&[24]), Some(&path), |_| {});
    assert!(
        matches!(ended[0].1.outcome, Outcome::TimedOut(..)),
        "{:?}",
        ended[0].1.outcome
    );
    assert_eq!(ended[1].1.outcome, Outcome::Passed);
}
