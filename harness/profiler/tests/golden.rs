//! The worked example of the profiler that others documented, and the same in the words of this project.

use std::time::Duration;

use tribunal_profiler::text::{self, Heading, Style};
use tribunal_profiler::{
    Advice, Allowed, Ended, GIB, MIB, Measurement, Outcome, Profile, Sample, Scale, Search,
    Settings, Step, Trace, Tried,
};

const SCALE: Scale = Scale::Fraction { total: 48 * GIB };

/// An engine of 18.5 GiB: weights, then its cache.
fn profile() -> Profile {
    let used = [0, 0, 9000, 18944, 18944, 18944, 0, 0];
    let samples = used.iter().enumerate().map(|(i, used)| Sample {
        at: i as f64,
        device: 0,
        used: used * MIB,
        total: Some(48 * GIB),
        utilization: None,
    });
    Profile::of(&Trace {
        samples: samples.collect(),
        baseline_end: 1.0,
        test_end: 5.5,
        of_tree: true,
    })
}

/// Everything that is printed for a test that needs a little more than a third of 48 GiB.
fn transcript(style: Style, test: &str, name: &str, command: &str, timed: bool) -> String {
    let settings = Settings {
        repeats: 0,
        ..Settings::default()
    };
    let mut search = Search::new(SCALE, settings);
    let mut out = String::new();
    let outcome = loop {
        let probe = match search.step() {
            Step::Done(outcome) => break outcome,
            Step::Try(probe) => probe,
        };
        if out.is_empty() {
            let heading = Heading {
                scale: SCALE,
                total: Some(48 * GIB),
                in_use: Some(0),
                test,
                model: None,
                device: None,
            };
            out += &text::heading(&heading, &probe);
        }
        let Allowed::Fraction(fraction) = probe.allowed else {
            panic!("{probe:?}")
        };
        let passes = fraction > 0.34;
        let tried = Tried {
            ended: if passes {
                Ended::Passed
            } else {
                Ended::OutOfMemory("torch.OutOfMemoryError: CUDA out of memory.".into())
            },
            peak: Some(if passes { 18944 * MIB } else { 9000 * MIB }),
            wall: Duration::from_secs_f64(if passes { 41.2 } else { 22.0 }),
            took: Duration::from_secs_f64(if passes { 49.2 } else { 30.0 }),
            tokens: None,
        };
        out += &text::probe(style, &probe, SCALE);
        out += &text::ended(style, &probe, &tried, SCALE);
        search.record(tried);
    };
    let Outcome::Found(found) = outcome else {
        panic!("{outcome:?}")
    };
    let profile = profile();
    out += &text::found(style, name, &found, profile.used(), SCALE);
    let advice = Advice::of(&Measurement {
        profile,
        wall: search.mean_wall().unwrap().as_secs_f64(),
        body: timed.then_some(4.0),
        set_up: timed.then_some(37.0),
        ..Measurement::default()
    });
    out + &text::advice(style, &advice, command)
}

#[test]
fn the_documented_example_letter_by_letter() {
    let documented = "\
========================================================================
FIND MINIMUM VRAM (binary search)
========================================================================
  GPU total : 48.0 GiB
  GPU free  : 48.0 GiB  (in use: 0.0 GiB)
  Test      : tests/serve/test_vllm.py::test_serve_deployment[aggregated] -x

  Range   : 5% - 95%  (tolerance 5%)
  Max iter: 6 (1 validation + 5 bisections)

  [probe 1/6] DYN_GPU_MEMORY_FRACTION_OVERRIDE=0.95 (45.6 GiB)  [validation run]
  [PASS] peak 18.5 GiB, wall 41s, iter took 49s
  ...
  [probe 5/6] DYN_GPU_MEMORY_FRACTION_OVERRIDE=0.33 (15.9 GiB)
  [FAIL] OOM or error at 33% (15.9 GiB), iter took 30s

  [probe 6/6] DYN_GPU_MEMORY_FRACTION_OVERRIDE=0.36 (17.2 GiB)  [~0 left, ETA ~0s]
  [PASS] peak 18.5 GiB, wall 41s, iter took 49s

========================================================================
MINIMUM VRAM RESULT
========================================================================
  Lowest passing utilization : 36%
  Minimum VRAM needed        : ~17.2 GiB (peak observed: 18.5 GiB, +10% safety: 20.4 GiB)

  # test_serve_deployment[aggregated]: @pytest.mark.max_vram_gib(21)
  # Fits on: L4 (24 GiB), V100-32GB (32 GiB), A6000/A40 (48 GiB), A100/H100 (80 GiB)
  # Will OOM on: edge/embedded (4 GiB), RTX 3060/4060 (8 GiB), T4 (16 GiB)
========================================================================

========================================================================
Recommended markers to add to your pytest. You can copy-paste this:
========================================================================
# Measured using: tests/utils/profile_pytest.py tests/serve/test_vllm.py::test_serve_deployment[aggregated]
@pytest.mark.e2e  # wall time 41.2s, loads a real model
@pytest.mark.gpu_1  # 1 GPU(s) used, peak 18.5 GiB
@pytest.mark.max_vram_gib(21)  # peak 18.5 GiB GPU RAM used (+10% safety: 20.4 GiB)
@pytest.mark.timeout(124)  # 3x observed 41.2s

  WARNING: Wall time 41.2s is too slow for pre_merge (> 20s). Consider post_merge or nightly instead.
  WARNING: Will OOM on edge/embedded (4 GiB).
  WARNING: Will OOM on RTX 3060/4060 (8 GiB).
  WARNING: Will OOM on T4 (16 GiB).
========================================================================
";
    // The document leaves runs 2 to 4 out.
    let (before, after) = documented.split_once("  ...\n").unwrap();
    let printed = transcript(
        Style::Pytest,
        "tests/serve/test_vllm.py::test_serve_deployment[aggregated] -x",
        "test_serve_deployment[aggregated]",
        "tests/utils/profile_pytest.py tests/serve/test_vllm.py::test_serve_deployment[aggregated]",
        false,
    );
    let between = printed
        .strip_prefix(before)
        .unwrap_or_else(|| panic!("{printed}"))
        .strip_suffix(after)
        .unwrap_or_else(|| panic!("{printed}"));
    assert_eq!(
        between,
        "
  [probe 2/6] DYN_GPU_MEMORY_FRACTION_OVERRIDE=0.50 (24.0 GiB)
  [PASS] peak 18.5 GiB, wall 41s, iter took 49s

  [probe 3/6] DYN_GPU_MEMORY_FRACTION_OVERRIDE=0.28 (13.2 GiB)
  [FAIL] OOM or error at 28% (13.2 GiB), iter took 30s

  [probe 4/6] DYN_GPU_MEMORY_FRACTION_OVERRIDE=0.39 (18.6 GiB)
  [PASS] peak 18.5 GiB, wall 41s, iter took 49s

"
    );
}

#[test]
fn the_same_as_attributes() {
    let printed = transcript(
        Style::Rust,
        "serve::deployment::aggregated",
        "serve::deployment::aggregated",
        "cargo tribunal profile-vram serve::deployment::aggregated",
        true,
    );
    let from = printed.find("  [probe 5/6]").unwrap();
    assert_eq!(
        &printed[from..],
        "  [probe 5/6] TRIBUNAL_GPU_MEMORY_FRACTION=0.33 (15.9 GiB)
  [FAIL] out of memory at 33% (15.9 GiB), iter took 30s
         torch.OutOfMemoryError: CUDA out of memory.

  [probe 6/6] TRIBUNAL_GPU_MEMORY_FRACTION=0.36 (17.2 GiB)  [~0 left, ETA ~0s]
  [PASS] peak 18.5 GiB, wall 41s, iter took 49s

========================================================================
MINIMUM VRAM RESULT
========================================================================
  Lowest passing utilization : 36%
  Minimum VRAM needed        : ~17.2 GiB (peak observed: 18.5 GiB, +10% safety: 20.4 GiB)

  // serve::deployment::aggregated: #[max_vram_gib(21)]
  // Fits on: L4 (24 GiB), V100-32GB (32 GiB), A6000/A40 (48 GiB), A100/H100 (80 GiB)
  // Will OOM on: edge/embedded (4 GiB), RTX 3060/4060 (8 GiB), T4 (16 GiB)
========================================================================

========================================================================
Recommended attributes to add to your test. You can copy-paste this:
========================================================================
// Measured using: cargo tribunal profile-vram serve::deployment::aggregated
#[e2e] // wall time 41.2s, loads a real model
#[gpu_1] // 1 GPU(s) used, peak 18.5 GiB
#[max_vram_gib(21)] // peak 18.5 GiB GPU RAM used (+10% safety: 20.4 GiB)
#[timeout(\"12s\")] // 3x observed body 4.0s
// and in the deployment's file: ready.within = \"111s\" (3x observed set-up 37.0s)

  WARNING: Wall time 41.2s is too slow for pre_merge (> 20s). Consider post_merge or nightly instead.
  WARNING: Will OOM on edge/embedded (4 GiB).
  WARNING: Will OOM on RTX 3060/4060 (8 GiB).
  WARNING: Will OOM on T4 (16 GiB).
========================================================================
"
    );
}

#[test]
fn a_report_of_one_run() {
    let wall = Duration::from_secs_f64(41.2);
    let printed = text::report(&profile(), 0, wall, Some("Qwen/Qwen3-0.6B"));
    assert_eq!(
        printed,
        "========================================================================
GPU MEMORY PROFILE
========================================================================
  Exit code    : 0
  Wall time    : 41.2s
  GPUs sampled : 1
  Model        : Qwen/Qwen3-0.6B
  Memory of    : the test's own processes

  GPU 0 (48.0 GiB)
    Baseline         : 0 MiB
    Peak             : 18.5 GiB (38.5% of total) @ t=3.0s
    Final            : 0 MiB
    Delta (final-bl) : 0 MiB [OK]

    Phase                       Time       Start        Peak         End
    Baseline             0.0s - 1.0s       0 MiB       0 MiB       0 MiB
    Model load           1.0s - 2.0s       0 MiB     8.8 GiB     8.8 GiB
    KV cache alloc       2.0s - 3.0s     8.8 GiB    18.5 GiB    18.5 GiB
    Inference            3.0s - 5.0s    18.5 GiB    18.5 GiB    18.5 GiB
    Teardown             6.0s - 7.0s       0 MiB       0 MiB       0 MiB
========================================================================
"
    );
}
