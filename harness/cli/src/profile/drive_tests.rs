//! Whole sessions in a lab of literals.

use super::*;
use tribunal_profiler::{Ended, GIB, MIB, Sample};

use crate::command::Command;

/// A device of 48 GiB, and a test that needs a share of it.
struct Fake {
    least: f64,
    peak: u64,
    asked: Vec<Allowed>,
}

impl Fake {
    fn needs(least: f64) -> Fake {
        Fake {
            least,
            peak: 18944 * MIB,
            asked: vec![],
        }
    }
}

impl Lab for Fake {
    fn run(&mut self, probe: &Probe, _: Option<Duration>) -> Result<Run, String> {
        self.asked.push(probe.allowed);
        let passes = match probe.allowed {
            Allowed::Fraction(fraction) => fraction >= self.least,
            Allowed::Bytes(bytes) => bytes as f64 >= self.least,
            _ => true,
        };
        let top = if passes { self.peak } else { 9000 * MIB };
        let samples = [0, 9000 * MIB, top, 0];
        let trace = Trace {
            samples: samples
                .iter()
                .enumerate()
                .map(|(i, used)| Sample {
                    at: i as f64,
                    device: 0,
                    used: *used,
                    total: Some(48 * GIB),
                    utilization: None,
                })
                .collect(),
            baseline_end: 0.5,
            test_end: 2.5,
            of_tree: true,
        };
        let profile = Profile::of(&trace);
        Ok(Run {
            tried: Tried {
                ended: if passes {
                    Ended::Passed
                } else {
                    Ended::OutOfMemory("CUDA out of memory".into())
                },
                peak: profile.peak(),
                wall: Duration::from_secs_f64(41.2),
                took: Duration::from_secs(49),
                tokens: None,
            },
            profile,
            trace,
            body: Some(4.0),
            set_up: Some(37.0),
            code: Some(if passes { 0 } else { 101 }),
        })
    }

    fn in_use(&mut self) -> Vec<Reading> {
        vec![Reading {
            of_all: Some(0),
            total: Some(48 * GIB),
            ..Reading::default()
        }]
    }
}

fn options(line: &str) -> ProfileOptions {
    let parser = lexopt::Parser::from_args(line.split_whitespace());
    match super::super::parse(parser) {
        Ok(Command::Profile(options)) => *options,
        other => panic!("{other:?}"),
    }
}

fn session(line: &str, lab: &mut Fake) -> (Conclusion, String) {
    session_of(line, lab, Subject::default())
}

fn session_of(line: &str, lab: &mut Fake, subject: Subject<'_>) -> (Conclusion, String) {
    let mut out = vec![];
    let conclusion = drive(&options(line), lab, subject, &mut out).unwrap();
    (conclusion, String::from_utf8(out).unwrap())
}

#[test]
fn the_model_that_a_test_names_is_said_and_recommended() {
    let subject = Subject {
        model: Some("Qwen/Qwen3-0.6B"),
        ..Subject::default()
    };
    for (line, head, marker) in [
        (
            "t --repeats 0",
            "  Test      : t\n  Model     : Qwen/Qwen3-0.6B\n\n",
            "#[model(\"Qwen/Qwen3-0.6B\")] // as the test says\n",
        ),
        (
            "t --no-find-min-vram --as pytest",
            "  Model        : Qwen/Qwen3-0.6B\n",
            "@pytest.mark.model(\"Qwen/Qwen3-0.6B\")  # as the test says\n",
        ),
    ] {
        let (_, text) = session_of(line, &mut Fake::needs(0.34), subject);
        assert!(text.contains(head), "{text}");
        assert!(text.contains(marker), "{text}");
        let (_, text) = session(line, &mut Fake::needs(0.34));
        assert!(!text.to_lowercase().contains("model  "), "{text}");
    }
}

#[test]
fn the_golden_session_run_by_run() {
    let mut lab = Fake::needs(0.34);
    let (conclusion, text) = session("serve::deployment --repeats 0", &mut lab);
    let asked: Vec<Allowed> = [0.95, 0.5, 0.275, 0.3875, 0.33125, 0.359375]
        .map(Allowed::Fraction)
        .into();
    assert_eq!(lab.asked, asked);
    assert_eq!(conclusion.code, 0);
    assert_eq!(conclusion.runs.len(), 6);
    let measure = conclusion.measured.unwrap();
    assert_eq!(measure.least.as_deref(), Some("36% (17.2 GiB)"));
    assert_eq!(measure.advice.max_vram_gib(), Some(21));
    assert_eq!((measure.body, measure.set_up), (Some(4.0), Some(37.0)));
    for line in [
        "  [probe 5/6] TRIBUNAL_GPU_MEMORY_FRACTION=0.33 (15.9 GiB)\n",
        "  Lowest passing utilization : 36%\n",
        "// Measured using: cargo tribunal profile-vram serve::deployment\n#[e2e] ",
        "#[timeout(\"12s\")] // 3x observed body 4.0s\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn pytest_knows_one_time_and_the_last_name() {
    let (_, text) = session("serve::deployment --as pytest", &mut Fake::needs(0.34));
    for line in [
        "  # deployment: @pytest.mark.max_vram_gib(21)\n",
        "@pytest.mark.timeout(124)  # 3x observed 41.2s\n",
        "  [FAIL] OOM or error at 33% (15.9 GiB), iter took 49s\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert!(!text.contains("ready.within"), "{text}");
}

#[test]
fn a_test_that_takes_no_notice_gets_no_markers_and_exit_code_4() {
    let (conclusion, text) = session("a::b", &mut Fake::needs(0.0));
    assert_eq!(conclusion.code, 4);
    assert!(conclusion.measured.is_none());
    assert!(
        text.contains("ignore TRIBUNAL_GPU_MEMORY_FRACTION"),
        "{text}"
    );
    assert!(!text.contains("Recommended"), "{text}");
}

#[test]
fn a_test_that_never_passes_hands_its_code_on() {
    let (conclusion, text) = session("a::b", &mut Fake::needs(1.0));
    assert_eq!(conclusion.code, 101);
    assert!(text.contains("Cannot determine minimum"), "{text}");
    assert_eq!(conclusion.runs.len(), 1);
}

#[test]
fn a_single_run_reports_and_recommends_or_does_not() {
    let mut lab = Fake::needs(0.0);
    let (conclusion, text) = session("a::b --no-find-min-vram", &mut lab);
    assert_eq!(lab.asked, [Allowed::Uncapped]);
    assert!(conclusion.trace.is_some());
    assert!(text.contains("GPU MEMORY PROFILE"), "{text}");
    assert!(text.contains("#[max_vram_gib(21)]"), "{text}");
    let (_, text) = session("a::b --no-find-min-vram --no-recommend", &mut lab);
    assert!(!text.contains("#["), "{text}");
}

#[test]
fn a_cache_in_bytes_becomes_a_marker_of_its_own() {
    let mut lab = Fake::needs((3 * GIB) as f64);
    let line = "a::b --by kv-bytes --kv-cache-marker requested_vllm_kv_cache_bytes";
    let (conclusion, text) = session(line, &mut lab);
    assert_eq!(lab.asked[0], Allowed::Bytes(24 * GIB));
    assert_eq!(conclusion.code, 0);
    let Some(Allowed::Bytes(last)) = lab.asked.last().copied() else {
        panic!("{:?}", lab.asked)
    };
    let attribute = format!("#[requested_vllm_kv_cache_bytes({last})]");
    assert!(text.contains(&attribute), "{attribute}\n{text}");
}
