//! `environment.txt`: what an attempt ran with, and what the tests have changed since the start.
//!
//! Promise: only what matters is written: variables that steer the harness, engines and devices, and those that differ from the start. Rejected: the
//! whole environment (hundreds of lines, and every secret of the machine).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::EvidenceOptions;
use super::mask::Mask;
use super::run_folder::iso;
use crate::outcome::{Times, seconds};

/// The process at its start.
pub(crate) struct Start {
    pub variables: Vec<(OsString, OsString)>,
    pub folder: PathBuf,
}

impl Start {
    pub fn now() -> Start {
        Start {
            variables: std::env::vars_os().collect(),
            folder: std::env::current_dir().unwrap_or_default(),
        }
    }
}

/// What is known of an attempt at its end.
pub(crate) struct Facts<'a> {
    pub case: &'a Arc<str>,
    pub level: Option<&'a str>,
    pub isolated: bool,
    /// Its fixtures, as people are told them.
    pub fixtures: Vec<String>,
    pub limits: [Option<Duration>; 3],
    pub times: Times,
    pub started: Instant,
    pub outcome: &'static str,
}

/// Variables that steer runs, engines and devices, by prefix.
const MATTERS: [&str; 24] = [
    "TRIBUNAL_",
    "RUST_",
    "NEXTEST",
    "CARGO_MANIFEST_DIR",
    "CUDA_",
    "NVIDIA_",
    "NCCL_",
    "HIP_",
    "ROCR_",
    "ROCM_",
    "ASCEND_",
    "NEURON_",
    "VLLM_",
    "SGLANG_",
    "SGL_",
    "LLAMA_",
    "DYN_",
    "HF_",
    "TRANSFORMERS_",
    "OMP_",
    "MODEL_PREFIX",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PATH",
];

pub(super) fn matters(name: &str) -> bool {
    MATTERS.iter().any(|m| {
        if m.ends_with('_') || *m == "NEXTEST" {
            name.starts_with(m)
        } else {
            name == *m
        }
    })
}

pub(super) fn text(
    facts: &Facts<'_>,
    start: &Start,
    options: &EvidenceOptions,
    mask: &Mask,
) -> String {
    let limit = |l: Option<Duration>| l.map_or("none".to_owned(), seconds);
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:10} {}", mask.text(&value));
    };
    line("case", facts.case.to_string());
    line("ended", facts.outcome.to_owned());
    line("level", facts.level.unwrap_or("none").to_owned());
    if facts.isolated {
        line("isolated", "in a process of its own".into());
    }
    if !facts.fixtures.is_empty() {
        line("fixtures", facts.fixtures.join(", "));
    }
    let [set_up, body, teardown] = facts.limits;
    line(
        "limits",
        format!(
            "set-up {}, body {}, teardown {}",
            limit(set_up),
            limit(body),
            limit(teardown)
        ),
    );
    let t = facts.times;
    line(
        "times",
        format!(
            "set-up {}, body {}, teardown {}",
            seconds(t.set_up),
            seconds(t.body),
            seconds(t.teardown)
        ),
    );
    line("started", iso(SystemTime::now() - facts.started.elapsed()));
    line("harness", format!("tribunal {}", env!("CARGO_PKG_VERSION")));
    line(
        "binary",
        std::env::current_exe()
            .unwrap_or_default()
            .display()
            .to_string(),
    );
    line("arguments", shown_args(&options.args));
    line("folder", start.folder.display().to_string());
    line("system", system());
    for (name, value) in &options.about {
        line(name, value.clone());
    }
    let text = |v: &OsString| v.to_string_lossy().into_owned();
    let before: BTreeMap<String, String> = start
        .variables
        .iter()
        .map(|(n, v)| (text(n), text(v)))
        .collect();
    let now: BTreeMap<String, String> = std::env::vars_os()
        .map(|(n, v)| (text(&n), text(&v)))
        .collect();
    out.push_str("\nvariables that matter, as they were at the start:\n");
    for (name, value) in before.iter().filter(|(n, _)| matters(n)) {
        let _ = writeln!(out, "{name}={}", mask.value(name, value));
    }
    let changes = changes(&before, &now, mask);
    if changes.is_empty() {
        out.push_str("\nno variable was changed since\n");
    } else {
        let _ = writeln!(
            out,
            "\nchanged since, by this test or others:\n{}",
            changes.join("\n")
        );
    }
    out
}

fn changes(
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
    mask: &Mask,
) -> Vec<String> {
    let gone = before
        .keys()
        .filter(|n| !now.contains_key(*n))
        .map(|n| format!("-{n}"));
    let new = now
        .iter()
        .filter(|(n, v)| before.get(*n) != Some(v))
        .map(|(n, v)| format!("+{n}={}", mask.value(n, v)));
    gone.chain(new).collect()
}

fn shown_args(args: &[OsString]) -> String {
    args.iter()
        .map(|a| super::repeat::quoted(&a.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ")
}

fn system() -> String {
    let name = rustix::system::uname();
    let cores = std::thread::available_parallelism().map_or(0, |n| n.get());
    format!(
        "{} {} {}, {cores} cores for this process",
        name.sysname().to_string_lossy(),
        name.release().to_string_lossy(),
        name.machine().to_string_lossy()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tests_have_changed_is_told() {
        let map = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let (before, now) = (
            map(&[("A", "1"), ("B", "2")]),
            map(&[("B", "3"), ("MY_KEY", "k")]),
        );
        assert_eq!(
            changes(&before, &now, &Mask::of_environment()),
            ["-A", "+B=3", "+MY_KEY=***"]
        );
    }

    #[test]
    fn what_matters() {
        for name in [
            "TRIBUNAL_RUN_LEVEL",
            "CUDA_VISIBLE_DEVICES",
            "NEXTEST",
            "PATH",
            "HF_HOME",
        ] {
            assert!(matters(name), "{name}");
        }
        for name in ["HOME", "PATHS", "SSH_AUTH_SOCK", "CARGO_MANIFEST_DIR_OF"] {
            assert!(!matters(name), "{name}");
        }
    }
}
