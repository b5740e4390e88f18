use tribunal_hardware::Host;

use super::support::*;
use std::sync::Arc;

use crate::gates::{Asked, Facts, GateKind, Offer, unmet};
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
    fn offer(&mut self, deployment: &str, level: Option<&str>) -> Result<Arc<Offer>, String> {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect();
        Ok(Arc::new(match deployment {
            "here" => Offer {
                capabilities: Some(words(match level {
                    Some("full_model") => &["chat", "tools"],
                    _ => &["chat"],
                })),
                features: [("quantization".to_owned(), "fp8".to_owned())].into(),
                ..Offer::default()
            },
            "theirs" => Offer {
                foreign: true,
                ..Offer::default()
            },
            "absent" => Offer {
                missing: Some("no program `vllm` on PATH".into()),
                ..Offer::default()
            },
            other => return Err(format!("no deployment is called `{other}`")),
        }))
    }
}

/// A case without a server.
const NOWHERE: Asked<'_> = Asked {
    deployment: None,
    level: None,
};

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
        let found = unmet(&c.cases[0].marks, NOWHERE, vocabulary(), &mut fake());
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
        unmet(&case.marks, NOWHERE, vocabulary(), &mut facts);
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
        match disposition(&c, case, None, &o, vocabulary(), &mut fake()) {
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

#[test]
fn what_the_deployment_must_offer() {
    for (texts, deployment, level, expected) in [
        (&["requires(capability=\"chat\")"][..], "here", None, None),
        (
            &["requires(capability=\"tools\")"],
            "here",
            Some("core_model"),
            Some((
                GateKind::Deployment,
                "deployment here does not offer `tools`",
            )),
        ),
        (
            &["requires(capability=\"tools\")"],
            "here",
            Some("full_model"),
            None,
        ),
        // What nobody has said is not the same as nothing.
        (&["requires(capability=\"tools\")"], "theirs", None, None),
        (
            &["server(fresh=true)"],
            "theirs",
            None,
            Some((GateKind::Deployment, "needs a server of its own")),
        ),
        (&["server(fresh=true)"], "here", None, None),
        (
            &["core_model"],
            "absent",
            None,
            Some((
                GateKind::NotInstalled,
                "is not installed: no program `vllm`",
            )),
        ),
        (
            &["core_model"],
            "elsewhere",
            None,
            Some((GateKind::Broken, "no deployment is called `elsewhere`")),
        ),
        (
            &["requires(server_feature=\"quantization\")"],
            "here",
            None,
            None,
        ),
        (
            &["requires(server_feature=\"quantization=fp8\")"],
            "here",
            None,
            None,
        ),
        (
            &["requires(server_feature=\"quantization=int4\")"],
            "here",
            None,
            Some((GateKind::Deployment, "has quantization = fp8")),
        ),
        (
            &["requires(server_feature=\"lora\")"],
            "here",
            None,
            Some((GateKind::Deployment, "does not have it")),
        ),
    ] {
        let c = catalog(vec![test("t").marked(texts)]);
        let asked = Asked {
            deployment: Some(deployment),
            level,
        };
        let found = unmet(&c.cases[0].marks, asked, vocabulary(), &mut fake());
        match (expected, &found) {
            (None, None) => {}
            (Some((kind, part)), Some(u)) if u.kind == kind && u.reason.contains(part) => {}
            _ => panic!("{texts:?} on {deployment}: {found:?}"),
        }
    }
}
