//! The judgements: facts in, findings out.
//!
//! Promise: a pure function; every constant says where it comes from; only what `cargo test` cannot do without may fail.
//! Rejected: failing on anything that merely some deployment needs, since those tests are skipped with a reason.

mod machine;
#[cfg(test)]
mod tests;
mod tools;

use tribunal_hardware::{Host, NoteKind};

use super::facts::{Facts, Token};
use super::finding::{Check, Finding};
pub(crate) use tools::PROGRAMS;

/// All findings, in the order in which they are shown.
pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![
        tools::rust(
            Check {
                id: "toolchain.cargo",
                group: "Toolchain",
                title: "cargo",
            },
            &facts.cargo,
        ),
        tools::rust(
            Check {
                id: "toolchain.rustc",
                group: "Toolchain",
                title: "rustc",
            },
            &facts.rustc,
        ),
        tools::nextest(&facts.nextest),
    ];
    findings.extend(PROGRAMS.iter().map(|wanted| tools::program(wanted, facts)));
    findings.extend([
        machine::cgroup(facts),
        machine::namespaces(facts),
        machine::stacks(facts),
        machine::loopback(facts),
        machine::ports(facts),
        machine::shared_memory(facts),
        machine::descriptors(facts),
        machine::processes(facts),
        machine::disk(facts),
        machine::clock(facts),
        devices(facts.devices.as_ref()),
        token(facts),
        models(facts),
    ]);
    findings
}

/// Where a fact is not known: says so, and never guesses.
fn unknown(check: Check, why: &str) -> Finding {
    check.not_made(
        format!("unknown: {why}"),
        "nothing to do, unless tests that need it fail",
    )
}
fn devices(host: Option<&Host>) -> Finding {
    let check = Check {
        id: "devices",
        group: "Devices",
        title: "accelerators",
    };
    let Some(host) = host else {
        return check.not_made(
            "not looked for (--no-devices)",
            "run it without --no-devices",
        );
    };
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for device in host.devices() {
        let memory = device
            .memory_total_gib
            .map_or("memory unmeasured".into(), |gib| format!("{gib:.1} GiB"));
        let hidden = if device.visible { "" } else { ", hidden" };
        let kind = format!("{} ({}, {memory}{hidden})", device.name, device.platform);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| format!("{count} x {kind}"))
        .collect();
    let notes = |kinds: &[NoteKind]| -> Vec<String> {
        host.notes()
            .iter()
            .filter(|note| kinds.contains(&note.kind))
            .map(ToString::to_string)
            .collect()
    };
    let wrong = notes(&[NoteKind::Unread, NoteKind::Partial, NoteKind::Hidden]);
    let found = if kinds.is_empty() {
        let absent = notes(&[NoteKind::Absent]);
        let why = if absent.is_empty() {
            String::new()
        } else {
            format!(" ({})", absent.join("; "))
        };
        format!("none found{why}; cases that need one are skipped with the reason")
    } else {
        kinds.join(", ")
    };
    if wrong.is_empty() {
        check.ok(found)
    } else {
        check.warn(
            format!("{found}; {}", wrong.join("; ")),
            "see that the vendor's own tool (nvidia-smi, rocm-smi, npu-smi, neuron-ls) lists them here, and what the \
             *_VISIBLE_DEVICES variables say; what stays unmeasured is only given to cases that state no memory",
        )
    }
}

fn token(facts: &Facts) -> Finding {
    let check = Check {
        id: "hub.token",
        group: "Models",
        title: "hub token",
    };
    let remedy = "only for models behind a licence: export HF_TOKEN=..., or `hf auth login`";
    match &facts.hub.token {
        Token::Variable(name) => check.ok(format!("{name} is set")),
        Token::File(path) => check.ok(format!("in {}", path.display())),
        Token::EmptyVariable(name) => check.warn(format!("{name} is set to nothing"), remedy),
        Token::Nowhere => check.warn("none", remedy),
    }
}

fn models(facts: &Facts) -> Finding {
    let check = Check {
        id: "hub.models",
        group: "Models",
        title: "model files",
    };
    let hub = &facts.hub;
    let cache = hub.cache.display();
    let offline = if hub.offline {
        "; HF_HUB_OFFLINE forbids downloads"
    } else {
        ""
    };
    let fill = if hub.offline {
        "only for real weights: unset HF_HUB_OFFLINE, or point HF_HOME to a cache that has them"
    } else {
        "only for real weights: the first download fills it; HF_HOME points to another place"
    };
    match hub.models {
        Some(count) if count > 0 => check.ok(format!("{count} in {cache}{offline}")),
        Some(_) => check.warn(format!("none in {cache}{offline}"), fill),
        None => check.warn(format!("{cache} does not exist{offline}"), fill),
    }
}
