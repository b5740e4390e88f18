//! Judgements of made-up machines.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tribunal_hardware::{Device, Note};

use super::machine::{GIB, size};
use super::*;
use crate::doctor::facts::{Cgroup, Clock, Hub, Limit, PidsLimit, Space, Stacks, Target, Tool};
use crate::doctor::finding::State;

/// A machine on which everything is fine.
fn fine() -> Facts {
    let tool = |version: &str| Tool {
        path: Some("/bin/tool".into()),
        version: Ok(version.into()),
    };
    let namespaces = ["user", "pid", "network"].map(|name| (name.to_string(), Ok(())));
    Facts {
        cargo: tool("cargo 1.95.0 (x 2026-01-01)\n"),
        rustc: tool("rustc 1.95.0 (x 2026-01-01)\n"),
        nextest: tool("cargo-nextest 0.9.100\nrelease: 0.9.100\n"),
        programs: PROGRAMS
            .iter()
            .map(|wanted| (wanted.names[0].to_string(), PathBuf::from("/bin/x")))
            .collect(),
        cgroup: Ok(Some(Cgroup {
            path: "/sys/fs/cgroup".into(),
            writable: true,
        })),
        namespaces: Ok(BTreeMap::from(namespaces)),
        loopback: Ok(()),
        proxy: None,
        ephemeral: Ok((32768, 60999)),
        shared_memory: Ok(Space {
            total: 64 * GIB,
            free: 64 * GIB,
        }),
        descriptors: Ok(Limit {
            soft: Some(65536),
            hard: None,
        }),
        processes: Ok(Limit {
            soft: None,
            hard: None,
        }),
        cgroup_processes: Ok(None),
        stacks: Ok(Stacks {
            ptrace_scope: None,
            may_trace: false,
            core_pattern: Ok("core".into()),
            core_limit: Some(0),
        }),
        devices: Some(Host::from_parts(
            vec![Device::new("cuda", 0, "NVIDIA L4").with_memory_gib(Some(22.5), None)],
            vec![],
        )),
        hub: Hub {
            token: Token::Variable("HF_TOKEN"),
            cache: "/cache/hub".into(),
            models: Some(3),
            offline: false,
        },
        target: Ok(Target {
            path: "/w/target".into(),
            space: Space {
                total: 100 * GIB,
                free: 50 * GIB,
            },
        }),
        clock: Ok(Clock {
            resolution: Duration::from_nanos(1),
            source: Ok("tsc".into()),
        }),
    }
}

/// The finding of this id on the fine machine with one thing changed.
fn with(id: &str, change: impl FnOnce(&mut Facts)) -> (State, String, String) {
    let mut facts = fine();
    change(&mut facts);
    let findings = judge(&facts);
    let finding = findings
        .iter()
        .find(|finding| finding.id == id)
        .expect("an id that exists");
    // One change must not spill over into other findings.
    for other in findings.iter().filter(|other| other.id != id) {
        assert_eq!(other.state, State::Ok, "{} beside {id}", other.id);
    }
    (
        finding.state,
        finding.found.clone(),
        finding.remedy.clone().unwrap_or_default(),
    )
}

#[test]
fn a_machine_with_everything_is_all_ok_without_remedies() {
    for finding in judge(&fine()) {
        assert_eq!(
            (finding.state, &finding.remedy),
            (State::Ok, &None),
            "{}: {}",
            finding.id,
            finding.found
        );
        assert!(
            !finding.found.is_empty() && !finding.found.contains('\n'),
            "{}",
            finding.id
        );
    }
}

#[test]
fn ids_are_unique_and_groups_stand_together() {
    let findings = judge(&fine());
    let mut ids: Vec<&str> = findings.iter().map(|finding| finding.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), findings.len());
    let mut groups: Vec<&str> = findings.iter().map(|finding| finding.group).collect();
    groups.dedup();
    let runs = groups.len();
    groups.sort_unstable();
    groups.dedup();
    assert_eq!(runs, groups.len());
}

#[test]
fn rust_is_required_and_old_rust_is_too_old() {
    let table: &[(Tool, State, &str)] = &[
        (
            Tool {
                path: None,
                version: Err("x".into()),
            },
            State::Fail,
            "not found on PATH",
        ),
        (
            Tool {
                path: Some("/bin/rustc".into()),
                version: Err("ended with exit status: 1".into()),
            },
            State::Fail,
            "/bin/rustc ended with exit status: 1",
        ),
        (
            Tool {
                path: Some("/bin/rustc".into()),
                version: Ok("rustc 1.87.0 (x)".into()),
            },
            State::Fail,
            "rustc 1.87.0 (x), older than 1.88",
        ),
        (
            Tool {
                path: Some("/bin/rustc".into()),
                version: Ok("hello".into()),
            },
            State::Fail,
            "/bin/rustc answers `hello`, which is no version",
        ),
        (
            Tool {
                path: Some("/bin/rustc".into()),
                version: Ok("rustc 1.88.0".into()),
            },
            State::Ok,
            "rustc 1.88.0",
        ),
        (
            Tool {
                path: Some("/bin/rustc".into()),
                version: Ok("rustc 2.0.0".into()),
            },
            State::Ok,
            "rustc 2.0.0",
        ),
    ];
    for (tool, state, found) in table {
        let clone = || Tool {
            path: tool.path.clone(),
            version: tool.version.clone(),
        };
        for id in ["toolchain.rustc", "toolchain.cargo"] {
            let (is, says, remedy) = with(id, |facts| {
                *(if id.ends_with("rustc") {
                    &mut facts.rustc
                } else {
                    &mut facts.cargo
                }) = clone()
            });
            assert_eq!((is, says.as_str()), (*state, *found));
            assert_eq!(remedy.contains("1.88"), *state == State::Fail, "{remedy}");
        }
    }
}

#[test]
fn nextest_is_optional() {
    let (state, _, remedy) = with("toolchain.nextest", |facts| {
        facts.nextest = Tool {
            path: None,
            version: Err("x".into()),
        }
    });
    assert_eq!(state, State::Warn);
    assert!(remedy.contains("cargo install cargo-nextest"), "{remedy}");
    let broken = Tool {
        path: Some("/bin/n".into()),
        version: Err("did not end within 10s".into()),
    };
    let (state, found, _) = with("toolchain.nextest", |facts| facts.nextest = broken);
    assert_eq!(
        (state, found.as_str()),
        (State::Warn, "/bin/n did not end within 10s")
    );
}

#[test]
fn a_missing_program_says_what_it_is_for_and_any_of_its_names_will_do() {
    let (state, found, remedy) = with("program.container", |facts| {
        drop(facts.programs.remove("docker"))
    });
    assert_eq!(
        (state, found.as_str()),
        (State::Warn, "docker or podman not found")
    );
    assert!(
        remedy.starts_with("only for deployments in containers: "),
        "{remedy}"
    );
    let (state, found, _) = with("program.container", |facts| {
        facts.programs.remove("docker");
        facts.programs.insert("podman".into(), "/bin/podman".into());
    });
    assert_eq!((state, found.as_str()), (State::Ok, "/bin/podman"));
    for wanted in &PROGRAMS {
        let (state, ..) = with(wanted.id, |facts| {
            drop(facts.programs.remove(wanted.names[0]))
        });
        assert_eq!(state, State::Warn, "{}", wanted.id);
    }
}

#[test]
fn processes_and_stacks() {
    let (state, found, _) = with("kernel.cgroup", |facts| facts.cgroup = Ok(None));
    assert_eq!(
        (state, found.as_str()),
        (State::Warn, "not mounted, or not ours to see")
    );
    let locked = Cgroup {
        path: "/c".into(),
        writable: false,
    };
    let (state, found, remedy) = with("kernel.cgroup", |facts| facts.cgroup = Ok(Some(locked)));
    assert_eq!((state, found.as_str()), (State::Warn, "/c, not writable"));
    assert!(remedy.contains("Delegate=yes"), "{remedy}");

    let (state, found, remedy) = with("kernel.namespaces", |facts| {
        facts.namespaces = Ok(BTreeMap::from([
            ("user".to_string(), Ok(())),
            (
                "network".to_string(),
                Err("Operation not permitted".to_string()),
            ),
        ]));
    });
    let expected = "cannot be created: network (Operation not permitted); user can";
    assert_eq!((state, found.as_str()), (State::Warn, expected));
    assert!(remedy.contains("sysctl"), "{remedy}");

    let scope = |scope, may_trace| {
        with("kernel.stacks", |facts| {
            let pattern = Ok("|/usr/lib/systemd/systemd-coredump %P".to_string());
            facts.stacks = Ok(Stacks {
                ptrace_scope: Some(scope),
                may_trace,
                core_pattern: pattern,
                core_limit: None,
            });
        })
        .0
    };
    let states = [(0, false), (1, true), (1, false), (2, true), (3, true)]
        .map(|(number, may)| scope(number, may));
    assert_eq!(
        states,
        [State::Ok, State::Ok, State::Warn, State::Ok, State::Warn]
    );
}

#[test]
fn the_network() {
    let (state, found, _) = with("network.loopback", |facts| {
        facts.loopback = Err("permission denied".into())
    });
    assert_eq!(
        (state, found.as_str()),
        (State::Fail, "127.0.0.1 cannot be used: permission denied")
    );
    let (state, found, remedy) = with("network.loopback", |facts| {
        facts.proxy = Some("http_proxy".into())
    });
    assert_eq!(state, State::Warn);
    assert!(
        found.contains("http_proxy") && remedy.contains("NO_PROXY=127.0.0.1"),
        "{found} {remedy}"
    );

    for (range, state, words) in [
        ((32768, 60999), State::Ok, "31744 ports below"),
        ((1024, 60000), State::Ok, "5535 ports above"),
        ((1024, 65535), State::Warn, "0 ports below"),
        ((2023, 65535), State::Warn, "999 ports below"),
        ((2024, 65535), State::Ok, "1000 ports below"),
        ((1, 64000), State::Ok, "1535 ports above"),
    ] {
        let (is, found, _) = with("network.ports", |facts| facts.ephemeral = Ok(range));
        assert_eq!(is, state, "{range:?}");
        assert!(found.contains(words), "{found}");
    }
}

#[test]
fn limits_and_sizes() {
    for (soft, state) in [
        (255, State::Fail),
        (256, State::Warn),
        (4095, State::Warn),
        (4096, State::Ok),
    ] {
        let limit = Limit {
            soft: Some(soft),
            hard: Some(1 << 20),
        };
        let (is, found, _) = with("limits.descriptors", |facts| facts.descriptors = Ok(limit));
        assert_eq!((is, found), (state, format!("{soft} (hard limit 1048576)")));
    }
    for (free, state) in [
        (64 << 20, State::Warn),
        (GIB - 1, State::Warn),
        (GIB, State::Ok),
    ] {
        let space = Space {
            total: 2 * GIB,
            free,
        };
        assert_eq!(
            with("memory.shared", |facts| facts.shared_memory = Ok(space)).0,
            state,
            "{free}"
        );
    }
    for (free, state) in [
        (GIB - 1, State::Fail),
        (GIB, State::Warn),
        (10 * GIB - 1, State::Warn),
        (10 * GIB, State::Ok),
    ] {
        let target = Target {
            path: "/w/target".into(),
            space: Space {
                total: 100 * GIB,
                free,
            },
        };
        assert_eq!(
            with("disk.target", |facts| facts.target = Ok(target)).0,
            state,
            "{free}"
        );
    }
    for (soft, pids, state) in [
        (Some(1023), None, State::Warn),
        (Some(1024), None, State::Ok),
        (None, Some((2000, 976)), State::Ok),
        (None, Some((2000, 977)), State::Warn),
        (None, Some((100, 200)), State::Warn),
    ] {
        let (is, found, _) = with("limits.processes", |facts| {
            facts.processes = Ok(Limit { soft, hard: None });
            facts.cgroup_processes = Ok(pids.map(|(max, current)| PidsLimit { max, current }));
        });
        assert_eq!(is, state, "{found}");
    }
    for (nanos, source, state) in [
        (1, "tsc", State::Ok),
        (1000, "arch_sys_counter", State::Ok),
        (1001, "tsc", State::Warn),
        (1, "hpet", State::Warn),
    ] {
        let clock = Clock {
            resolution: Duration::from_nanos(nanos),
            source: Ok(source.into()),
        };
        assert_eq!(
            with("time.clock", |facts| facts.clock = Ok(clock)).0,
            state,
            "{nanos} {source}"
        );
    }
}

#[test]
fn sizes_for_people() {
    for (bytes, text) in [
        (0, "0.0 MiB"),
        (64 << 20, "64.0 MiB"),
        (GIB - 1, "1023.9 MiB"),
        (GIB * 3 / 2, "1.5 GiB"),
    ] {
        assert_eq!(size(bytes), text);
    }
}

#[test]
fn what_is_unknown_is_not_made_and_never_ok() {
    let why = || "only Linux tells".to_string();
    type Change = fn(&mut Facts, String);
    let changes: &[(&str, Change)] = &[
        ("kernel.cgroup", |facts, why| facts.cgroup = Err(why)),
        ("kernel.namespaces", |facts, why| {
            facts.namespaces = Err(why)
        }),
        ("kernel.stacks", |facts, why| facts.stacks = Err(why)),
        ("network.ports", |facts, why| facts.ephemeral = Err(why)),
        ("memory.shared", |facts, why| facts.shared_memory = Err(why)),
        ("limits.descriptors", |facts, why| {
            facts.descriptors = Err(why)
        }),
        ("limits.processes", |facts, why| facts.processes = Err(why)),
        ("disk.target", |facts, why| facts.target = Err(why)),
        ("time.clock", |facts, why| facts.clock = Err(why)),
    ];
    for (id, change) in changes {
        let (state, found, remedy) = with(id, |facts| change(facts, why()));
        assert_eq!(
            (state, found.as_str()),
            (State::NotMade, "unknown: only Linux tells"),
            "{id}"
        );
        assert!(!remedy.is_empty());
    }
}

#[test]
fn devices_found_not_found_and_not_looked_for() {
    let (state, found, _) = with("devices", |facts| facts.devices = None);
    assert_eq!(
        (state, found.as_str()),
        (State::NotMade, "not looked for (--no-devices)")
    );

    let note = |kind, text: &str| Note {
        platform: "cuda".into(),
        source: "NVML".into(),
        kind,
        text: text.into(),
    };
    let absent = note(NoteKind::Absent, "libnvidia-ml.so.1 not found");
    let (state, found, _) = with("devices", |facts| {
        facts.devices = Some(Host::from_parts(vec![], vec![absent]))
    });
    let expected = "none found (NVML: libnvidia-ml.so.1 not found); cases that need one are skipped with the reason";
    assert_eq!((state, found.as_str()), (State::Ok, expected));

    let hung = note(NoteKind::Unread, "no answer within 5s");
    let (state, found, remedy) = with("devices", |facts| {
        facts.devices = Some(Host::from_parts(vec![], vec![hung]))
    });
    assert_eq!(state, State::Warn);
    assert!(
        found.ends_with("; NVML: no answer within 5s") && remedy.contains("nvidia-smi"),
        "{found} {remedy}"
    );

    let card = |index| Device::new("cuda", index, "NVIDIA L4").with_memory_gib(Some(22.494), None);
    let mut hidden = card(2);
    hidden.visible = false;
    let devices = vec![
        card(0),
        card(1),
        hidden,
        Device::new("npu", 0, "Ascend device"),
    ];
    let (_, found, _) = with("devices", |facts| {
        facts.devices = Some(Host::from_parts(devices, vec![]))
    });
    assert_eq!(
        found,
        "2 x NVIDIA L4 (cuda, 22.5 GiB), 1 x NVIDIA L4 (cuda, 22.5 GiB, hidden), 1 x Ascend device (npu, memory unmeasured)"
    );
}

#[test]
fn models_and_token() {
    for (token, state, found) in [
        (Token::Variable("HF_TOKEN"), State::Ok, "HF_TOKEN is set"),
        (Token::File("/h/token".into()), State::Ok, "in /h/token"),
        (
            Token::EmptyVariable("HF_TOKEN"),
            State::Warn,
            "HF_TOKEN is set to nothing",
        ),
        (Token::Nowhere, State::Warn, "none"),
    ] {
        let (is, says, _) = with("hub.token", |facts| facts.hub.token = token);
        assert_eq!((is, says.as_str()), (state, found));
    }
    for (models, offline, state, found) in [
        (Some(2), false, State::Ok, "2 in /cache/hub"),
        (
            Some(2),
            true,
            State::Ok,
            "2 in /cache/hub; HF_HUB_OFFLINE forbids downloads",
        ),
        (Some(0), false, State::Warn, "none in /cache/hub"),
        (
            None,
            true,
            State::Warn,
            "/cache/hub does not exist; HF_HUB_OFFLINE forbids downloads",
        ),
    ] {
        let (is, says, remedy) = with("hub.models", |facts| {
            facts.hub.models = models;
            facts.hub.offline = offline;
        });
        assert_eq!((is, says.as_str()), (state, found));
        assert_eq!(
            remedy.contains("unset HF_HUB_OFFLINE"),
            offline && state == State::Warn,
            "{remedy}"
        );
    }
}
