use tribunal_hardware::Host;

use super::support::*;
use crate::gates::{Facts, GateKind, unmet};
use crate::plan::{Disposition, disposition};

/// A machine with one variable, one program, and no device.
struct Fake {
    host: Host,
    probes: usize,
}

impl Facts for Fake {
    fn env(&mut self, name: &str) -> bool {
        name == "TOKEN"
    }
    fn program(&mut self, name: &str) -> bool {
        name == "flite"
    }
    fn os(&mut self) -> &str {
        "linux"
    }
    fn host(&mut self) -> &Host {
        self.probes += 1;
        &self.host
    }
}

fn fake() -> Fake {
    Fake {
        host: Host::without_devices(),
        probes: 0,
    }
}

#[test]
fn what_each_gate_says() {
    for (texts, expected) in [
        (&["core_model"][..], None),
        (
            &["skip(\"broken by #7\")"],
            Some((GateKind::Skip, "broken by #7")),
        ),
        (&["requires(feature=feature:+integration)"], None),
        (
            &["requires(feature=feature:-integration)"],
            Some((GateKind::Feature, "--features integration")),
        ),
        (&["requires(env=\"TOKEN\")"], None),
        (
            &["requires(env=\"OTHER\")"],
            Some((GateKind::Env, "needs the environment variable OTHER")),
        ),
        (&["requires(program=\"flite\")"], None),
        (
            &["requires(program=\"sox\")"],
            Some((GateKind::Program, "needs the program `sox` on PATH")),
        ),
        (&["requires(os=\"linux\")"], None),
        (
            &["requires(os=\"macos\")"],
            Some((GateKind::Platform, "needs macos; this is linux")),
        ),
        (
            &["hardware_test(cuda=\"H100\", num_cards=2)"],
            Some((GateKind::Device, "needs 2 x H100")),
        ),
        (
            &["gpu_1"],
            Some((GateKind::Device, "needs 1 GPU; this host has none")),
        ),
        (&["cpu"], None),
    ] {
        let c = catalog(vec![test("t").marked(texts)]);
        let found = unmet(&c.cases[0].marks, vocabulary(), &mut fake());
        match (expected, &found) {
            (None, None) => {}
            (Some((kind, part)), Some(u)) if u.kind == kind && u.reason.contains(part) => {}
            _ => panic!("{texts:?}: {found:?}"),
        }
    }
}

#[test]
fn no_device_is_probed_unless_a_case_needs_one() {
    let mut facts = fake();
    let c = catalog(vec![
        test("a").marked(&["core_model", "cpu"]),
        test("b").marked(&["requires(env=\"OTHER\")", "gpu_1"]),
    ]);
    for case in &c.cases {
        unmet(&case.marks, vocabulary(), &mut facts);
    }
    assert_eq!(facts.probes, 0);
}

#[test]
fn flags_turn_unmet_gates_into_failures_and_none_overrides_them() {
    let c = catalog(vec![
        test("gpu").marked(&["gpu_1"]),
        test("env").marked(&["requires(env=\"OTHER\")"]),
        test("off").ignored("slow"),
    ]);
    let judge = |case: usize, args: &[&str]| {
        let o = options(args);
        let case = &c.cases[case];
        match disposition(
            &case.marks,
            c.tests[case.test].entry.ignore,
            &o,
            vocabulary(),
            &mut fake(),
        ) {
            Disposition::Run => "run",
            Disposition::Ignored(_) => "ignored",
            Disposition::Gated(_) => "gated",
            Disposition::Refused(..) => "refused",
        }
    };
    let (env, gpu, off) = (0, 1, 2);
    for (args, expected) in [
        (&[][..], ["gated", "gated", "ignored"]),
        (&["--include-ignored"], ["gated", "gated", "run"]),
        (&["--ignored"], ["gated", "gated", "run"]),
        (&["--require-hardware"], ["gated", "refused", "ignored"]),
        (&["--deny-skips"], ["refused", "refused", "ignored"]),
    ] {
        assert_eq!(
            [judge(env, args), judge(gpu, args), judge(off, args)],
            expected,
            "{args:?}"
        );
    }
}
