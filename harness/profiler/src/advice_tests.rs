//! Markers for measurements of all sorts.

use super::*;
use crate::size::MIB;
use crate::trace::{Sample, Trace};

/// A run whose memory goes from nothing to this and back, in one step.
fn profile(peaks_mib: &[u64], last_mib: u64) -> Profile {
    let mut samples = vec![];
    for (device, peak) in peaks_mib.iter().enumerate() {
        for (at, used) in [
            (0.0, 0),
            (1.0, 0),
            (2.0, *peak),
            (3.0, *peak),
            (9.0, last_mib),
        ] {
            samples.push(Sample {
                at,
                device,
                used: used * MIB,
                total: None,
                utilization: None,
            });
        }
    }
    Profile::of(&Trace {
        samples,
        baseline_end: 0.5,
        test_end: 5.0,
        of_tree: true,
    })
}

fn markers(wall: f64, peaks_mib: &[u64]) -> Vec<String> {
    let measured = Measurement {
        profile: profile(peaks_mib, 0),
        wall,
        ..Measurement::default()
    };
    let items = Advice::of(&measured).items;
    items.iter().map(|item| item.marker.rust()).collect()
}

fn warnings(wall: f64, last_mib: u64) -> Vec<String> {
    let measured = Measurement {
        profile: profile(&[300], last_mib),
        wall,
        ..Measurement::default()
    };
    Advice::of(&measured).warnings
}

#[test]
fn kinds_by_time_and_memory() {
    assert_eq!(
        markers(0.4, &[49]),
        ["unit", "pre_merge", "gpu_0", "timeout(\"10s\")"]
    );
    assert_eq!(markers(0.4, &[50])[0], "integration");
    assert_eq!(markers(1.0, &[0])[0], "integration");
    assert_eq!(markers(29.9, &[200])[0], "integration");
    assert_eq!(markers(2.0, &[201])[0], "e2e");
    assert_eq!(markers(30.0, &[0])[0], "e2e");
}

#[test]
fn the_golden_figures() {
    let golden = markers(41.2, &[18944]);
    assert_eq!(
        golden,
        ["e2e", "gpu_1", "max_vram_gib(21)", "timeout(\"124s\")"]
    );
    assert_eq!(
        (limit(41.2), limit(1.0), limit(10.0 / 3.0 + 1e-12)),
        (124, 10, 10)
    );
    assert_eq!(limit(50.0), 150);
}

#[test]
fn the_largest_device_counts_and_so_does_each() {
    assert_eq!(
        markers(60.0, &[4000, 9000])[1..3],
        ["gpu_2", "max_vram_gib(10)"]
    );
    assert_eq!(markers(60.0, &[4000; 3])[1], "cards_3");
}

#[test]
fn when_a_test_is_slow() {
    assert!(markers(19.9, &[0]).contains(&"pre_merge".to_owned()));
    assert!(!markers(20.0, &[0]).contains(&"pre_merge".to_owned()));
    assert!(!warnings(19.9, 0).iter().any(|w| w.contains("slow")));
    assert!(warnings(20.0, 0)[0].contains("too slow for pre_merge (> 20s)"));
    assert!(warnings(299.9, 0)[0].contains("too slow for pre_merge"));
    assert!(warnings(300.0, 0)[0].contains("very slow (> 300s)"));
}

#[test]
fn a_leak_is_warned_of_from_50_mib() {
    assert!(!warnings(1.0, 49).iter().any(|w| w.contains("leak")));
    assert_eq!(
        warnings(1.0, 50).last().unwrap(),
        "GPU 0 did not return to its baseline: +50 MiB after the test ended (possible leak)."
    );
}

#[test]
fn what_a_person_decided_is_not_written() {
    let advice = Advice::of(&Measurement {
        profile: profile(&[18944], 0),
        wall: 5.0,
        model: Some("a/b"),
        ..Measurement::default()
    });
    let written = |present: &[&str]| {
        let all = advice.to_write(present);
        all.iter().map(Marker::rust).collect::<Vec<_>>().join(" ")
    };
    let measured = "max_vram_gib(21) timeout(\"15s\")";
    assert_eq!(
        written(&[]),
        format!("model(\"a/b\") e2e pre_merge gpu_1 {measured}")
    );
    assert_eq!(
        written(&[
            "stress",
            "weekly",
            "gpu_1",
            "model",
            "timeout",
            "max_vram_gib"
        ]),
        measured
    );
    assert_eq!(
        written(&["unit", "nightly", "model", "cpu", "gpu_0"]),
        format!("gpu_1 {measured}")
    );
    assert_eq!(
        written(&["e2e", "nightly", "model", "hardware_test"]),
        measured
    );
}

#[test]
fn phases_timed_apart_have_limits_of_their_own() {
    let measured = Measurement {
        wall: 60.0,
        body: Some(2.0),
        set_up: Some(50.0),
        model: Some("a/b"),
        cache: Some(("requested_vllm_kv_cache_bytes", 1000)),
        ..Measurement::default()
    };
    let advice = Advice::of(&measured);
    let all: Vec<String> = advice.items.iter().map(|i| i.marker.rust()).collect();
    assert_eq!(
        all,
        [
            "model(\"a/b\")",
            "requested_vllm_kv_cache_bytes(1000)",
            "timeout(\"10s\")"
        ]
    );
    assert_eq!(
        advice.ready_within,
        Some((150, "3x observed set-up 50.0s".into()))
    );
    assert_eq!(advice.items[2].reason, "3x observed body 2.0s");
}

#[test]
fn memory_that_was_not_read_is_no_memory_of_nothing() {
    let measured = Measurement {
        wall: 0.2,
        ..Measurement::default()
    };
    let advice = Advice::of(&measured);
    let all: Vec<String> = advice.items.iter().map(|i| i.marker.rust()).collect();
    assert_eq!(all, ["pre_merge", "timeout(\"10s\")"]);
    assert!(advice.warnings[0].contains("nothing is known of its memory"));
}
