//! Simulated devices that cases share: plans, runs side by side, several runs at once, and runs that are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::call::{Call, folder, until};
use crate::row::rows;
use crate::scaffold::{Workspace, binary};

rows![
    devices_only_plan,
    a_layout_that_is_wrong_is_a_usage_error,
    a_plan_says_where_and_when,
    a_plan_is_a_document_whose_peaks_add_up,
    a_run_begins_as_its_document_says,
    a_case_is_explained_with_its_devices,
    a_measurement_that_cannot_be_read_is_noted,
    cases_run_side_by_side_within_memory,
    plain_tests_lease_nothing,
    two_runs_share_one_ledger,
    a_killed_run_frees_all,
    more_than_declared_fails_or_is_noted,
    names_hold_across_processes,
    ;
    with "cargo-nextest":
    processes_of_nextest_share_one_ledger,
];

fn cards<const N: usize>(args: [&str; N]) -> Call {
    binary("cards", args)
}

fn devices_only_plan() {
    cards(["--devices", "2xL4"])
        .run()
        .exits(2)
        .warns(["`--devices` only plans", "`--simulate-devices 2xL4`"]);
    cards(["--plan", "--devices", "2xL4", "--simulate-devices", "2xL4"])
        .run()
        .exits(2)
        .warns(["exclude one another"]);
}

fn a_layout_that_is_wrong_is_a_usage_error() {
    cards(["--simulate-devices", "2xL44"])
        .run()
        .exits(2)
        .warns(["no device model is called `L44`", "did you mean"]);
    cards(["--vram-overuse", "wrn"])
        .run()
        .exits(2)
        .warns(["did you mean `warn`?"]);
}

fn a_plan_says_where_and_when() {
    let said = cards(["--plan", "--devices", "2xL4"]).run().exits(0).says([
        "expected length",
        "no order takes less than",
        "simulated devices, and the most that is given out",
        "cuda 0",
        "on 14 GiB of each of cuda 0 and cuda 1",
        "too_large  skipped: needs 1 GPU with 30 GiB",
    ]);
    // The whole of a device that nobody shares.
    assert!(said.out.contains("whole  [core_model"), "{}", said.out);
    assert!(said.out.contains("on the whole of cuda"), "{}", said.out);
}

fn document<const N: usize>(args: [&str; N]) -> Value {
    let said = cards(args)
        .args(["--plan", "--format", "json"])
        .run()
        .exits(0);
    serde_json::from_str(&said.out).expect("one document")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// What is in use of each device at each start, taken together from the jobs alone, never exceeds what is there, and comes to the peaks.
fn a_plan_is_a_document_whose_peaks_add_up() {
    let plan = document(["--devices", "2xL4"]);
    assert_eq!(plan["schema"], 1);
    let (jobs, devices) = (list(&plan["jobs"]), list(&plan["devices"]));
    assert_eq!((jobs.len(), devices.len()), (14, 2));
    // Users of one server have its devices together, from the first start to the last end.
    let mut taken: BTreeMap<String, (f64, f64, &Value)> = BTreeMap::new();
    for job in jobs {
        let name = match job["server"].as_u64() {
            Some(server) => format!("server {server}"),
            None => job["name"].to_string(),
        };
        let (start, end) = (number(&job["start_s"]), number(&job["end_s"]));
        let all = taken.entry(name).or_insert((start, end, job));
        *all = (all.0.min(start), all.1.max(end), job);
    }
    let mut peaks = vec![0; devices.len()];
    for (at, ..) in taken.values() {
        for (card, peak) in peaks.iter_mut().enumerate() {
            let there = |(start, end, job): &&(f64, f64, &Value)| {
                *start <= *at && *at < *end && list(&job["devices"]).contains(&card.into())
            };
            let bytes = |job: &Value| match job["whole"] == true {
                true => devices[card]["total_bytes"].as_u64(),
                false => job["memory_bytes"].as_u64(),
            };
            let used = taken.values().filter(there);
            let used: u64 = used.map(|(.., job)| bytes(job).expect("an amount")).sum();
            *peak = used.max(*peak);
        }
    }
    for (device, peak) in devices.iter().zip(peaks) {
        assert_eq!(device["peak_bytes"], peak, "{plan:#}");
        assert!(peak <= device["total_bytes"].as_u64().expect("a total"));
    }
    assert!(number(&plan["lower_bound"]["seconds"]) <= number(&plan["makespan_s"]));
    let not = list(&plan["not_run"]);
    let large = not.iter().find(|other| other["name"] == "too_large");
    let reason = large.expect("it is told")["reason"].as_str();
    assert!(reason.is_some_and(|r| r.starts_with("needs 1 GPU with 30 GiB")));
}

/// Which is all that two real clocks agree about: what starts at once, on which devices. The rest is compared where time is told (in the runner).
fn a_run_begins_as_its_document_says() {
    let args = ["--simulate-devices", "2xL4", "--test-threads", "6"];
    let plan = document(args);
    let place = folder();
    cards(args)
        .args(["--keep-evidence", "all"])
        .env("TRIBUNAL_EVIDENCE_DIR", place.path())
        .run()
        .exits(0);
    let written = place.path().join("latest/devices/schedule.jsonl");
    let written = std::fs::read_to_string(written).expect("a run writes it");
    let lines = written.lines().map(serde_json::from_str::<Value>);
    let lines: Vec<Value> = lines.map(|line| line.expect("JSON")).collect();
    let said = |event: &str| lines.iter().filter(|l| l["event"] == event).count();
    assert_eq!((said("start"), said("end")), (14, 14));
    let of = |name: &Value, devices: Vec<String>| (name.to_string(), devices);
    let names = |job: &Value| -> Vec<String> {
        let devices = list(&job["devices"]).iter();
        let at = devices.map(|d| d.as_u64().and_then(|d| usize::try_from(d).ok()));
        at.map(|at| plan["devices"][at.expect("a place")]["name"].to_string())
            .collect()
    };
    let jobs = list(&plan["jobs"]).iter();
    let planned = jobs.filter(|job| job["start_s"] == 0.0);
    let planned: BTreeSet<_> = planned.map(|job| of(&job["name"], names(job))).collect();
    // One decision starts them all, and nothing else is started before each of them is.
    let starts = lines.iter().filter(|line| line["event"] == "start");
    let begun = starts.take(planned.len()).map(|line| {
        let devices = list(&line["devices"]).iter().map(Value::to_string);
        of(&line["case"], devices.collect())
    });
    assert_eq!(begun.collect::<BTreeSet<_>>(), planned);
}

fn a_case_is_explained_with_its_devices() {
    let on = ["--devices", "1xL4,1xH100"];
    cards(["--explain", "pair"]).args(on).run().exits(0).says([
        "devices: takes 14 GiB of each of 2 devices",
        "devices that suit: cuda 0 (simulated L4, 24 GiB), cuda 1 (simulated H100, 80 GiB)",
        "alone it would run on cuda 0 and cuda 1",
        "would run here: yes",
    ]);
    let whole = cards(["--explain", "whole"]).args(on).run().exits(0);
    whole.says(["devices: takes the whole of 1 device"]);
    cards(["--explain", "too_large", "--devices", "2xL4"])
        .run()
        .exits(0)
        .says(["would run here: no: skipped: needs 1 GPU with 30 GiB"]);
}

/// The file stands below the target folder of the program, so the program gets a target folder of its own.
fn a_measurement_that_cannot_be_read_is_noted() {
    let target = folder();
    let (program, measured) = (
        target.path().join("cards"),
        target.path().join("tribunal").join("vram"),
    );
    let cards = cards([]);
    let built = Path::new(cards.program());
    std::fs::hard_link(built, &program)
        .or_else(|_| std::fs::copy(built, &program).map(|_| ()))
        .expect("a second name of the program");
    std::fs::write(target.path().join("CACHEDIR.TAG"), "").expect("a target folder");
    std::fs::create_dir_all(&measured).expect("a folder");
    std::fs::write(measured.join("whole.json"), "{").expect("a file");
    let run = |args: &[&str]| {
        let args = ["whole", "--exact"].iter().chain(args);
        Call::new(&program).args(args).run().exits(0).says([
            "a measurement of device memory is not used: ",
            "whole.json: EOF while parsing",
            "measure it again with `cargo tribunal profile-vram whole`, or remove the file",
        ])
    };
    run(&["--plan", "--devices", "1xL4"]).says(["1 would run"]);
    run(&["--simulate-devices", "1xL4"]).says(["1 passed"]);
    // What needs no device reads none.
    let other = ["server_of_all", "--exact"];
    let said = Call::new(&program).args(other).run().exits(0);
    said.says_not(["measurement"]);
}

fn cases_run_side_by_side_within_memory() {
    cards(["--simulate-devices", "2xL4", "--test-threads", "6"])
        .run()
        .exits(0)
        .says(["14 passed", "test pair"]);
    // A host without devices: what needs some is skipped with the reason.
    cards([]).run().exits(0).says(["3 passed"]);
}

/// No ledger is made for a run of plain unit tests; whoever asks for a server keeps it away from those that want the host for themselves.
fn plain_tests_lease_nothing() {
    let place = folder();
    let leases = place.path().join("leases");
    let leases = leases.to_string_lossy();
    let plain = ["passes", "--exact", "--leases", &leases];
    binary("figures", plain).run().exits(0).says(["1 passed"]);
    assert!(!Path::new(&*leases).exists());
    cards(["server_of_all", "--leases", &leases]).run().exits(0);
    assert!(Path::new(&*leases).exists());
    cards(["by_name", "--leases", &leases]).run().exits(0);
    assert!(Path::new(&*leases).exists());
}

/// Each test takes what it was given: if two runs had been given the same memory, one would find too little.
fn two_runs_share_one_ledger() {
    let place = folder();
    let run = || {
        cards(["--simulate-devices", "2xL4", "--test-threads", "4"])
            .env("TRIBUNAL_SIMULATED_LEDGER", place.path().join("devices"))
            .env("LAB_HOLD_MS", "100")
            .start()
    };
    let (one, two) = (run(), run());
    one.end().exits(0).says(["14 passed"]);
    two.end().exits(0).says(["14 passed"]);
}

fn a_killed_run_frees_all() {
    let place = folder();
    let ledger = place.path().join("devices");
    let started = place.path().join("evidence");
    let holds = cards([
        "whole",
        "pair",
        "server_of_all",
        "--simulate-devices",
        "2xL4",
    ])
    .env("TRIBUNAL_SIMULATED_LEDGER", &ledger)
    .env("TRIBUNAL_EVIDENCE_DIR", &started)
    .env("LAB_HOLD_MS", "600000")
    .start();
    let used = || -> u64 {
        let usage = tribunal::hardware::Simulated::open(&ledger).and_then(|l| l.usage());
        usage.map_or(0, |all| all.iter().map(|d| d.used).sum())
    };
    until("a test takes memory", || used() > 0);
    holds.signal(rustix::process::Signal::KILL);
    holds.end();
    cards(["--simulate-devices", "2xL4"])
        .env("TRIBUNAL_SIMULATED_LEDGER", &ledger)
        .run()
        .exits(0)
        .says(["14 passed"]);
    assert_eq!(used(), 0);
}

fn more_than_declared_fails_or_is_noted() {
    let run = |more: &[&str]| {
        cards(["greedy", "--include-ignored", "--simulate-devices", "1xL4"])
            .args(more)
            .run()
    };
    run(&[]).exits(101).says([
        "4.00 GiB of cuda 0 were in use at a time, and 2.00 GiB were declared",
        "#[max_vram_gib(4.4)]",
    ]);
    run(&["--vram-overuse", "warn"])
        .exits(0)
        .says(["more device memory than declared"]);
}

fn names_hold_across_processes() {
    let place = folder();
    let leases = place.path().join("leases");
    let begun = Instant::now();
    let run = || {
        cards(["by_name", "--exact"])
            .env("TRIBUNAL_LEASES", &leases)
            .env("LAB_NAME_MS", "1500")
            .start()
    };
    let (one, two) = (run(), run());
    one.end().exits(0);
    two.end().exits(0);
    // One after the other: no machine makes it faster.
    assert!(begun.elapsed() >= Duration::from_millis(3000));
}

/// One process per test: whoever starts the shared server takes devices for it, and each test would notice if its own were somebody else's too.
fn processes_of_nextest_share_one_ledger() {
    Workspace::shared()
        .cargo_line("nextest run -p lab --test cards --test-threads 6")
        .env("TRIBUNAL_SIMULATE_DEVICES", "2xL4")
        .env("LAB_HOLD_MS", "50")
        .run()
        .exits(0)
        .warns(["14 tests run: 14 passed"]);
}
