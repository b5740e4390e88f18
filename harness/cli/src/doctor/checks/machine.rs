//! The kernel's means, the network, limits, disk and clock.
//!
//! Promise: each threshold is a constant that says where it comes from. Rejected: thresholds that grow with the machine, since
//! what a test needs does not.

use std::time::Duration;

use super::unknown;
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Check, Finding};

/// Descriptors below which a run cannot work: a server, its log, its keeper and a handful of connections for each core.
const DESCRIPTORS_LEAST: u64 = 256;
/// Descriptors for load tests: 1,024 streams, each with one descriptor at the client and one at an embedded engine, and slack.
const DESCRIPTORS_GOOD: u64 = 4096;
/// Processes and threads for a few servers: an engine in Python with one worker takes about 200 threads.
const PROCESSES_GOOD: u64 = 1024;
/// Ports of one side of the kernel's range; each server takes one to a few.
const PORTS_GOOD: u32 = 1000;
pub(super) const GIB: u64 = 1 << 30;
/// Shared memory: engines with several workers pass tensors through it; containers get 64 MiB by default, which is too little.
const SHARED_MEMORY_GOOD: u64 = GIB;
/// A debug build of the workspace takes about 2 GiB, evidence of a long run some more.
const DISK_LEAST: u64 = GIB;
const DISK_GOOD: u64 = 10 * GIB;
/// The gap between two tokens of a quick engine is about a millisecond; a clock must resolve a thousandth of it.
const CLOCK_GOOD: Duration = Duration::from_micros(1);
/// Clock sources that take a microsecond or more for each reading (kernel documentation, timekeeping).
const SLOW_CLOCKS: [&str; 5] = ["hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"];

pub(super) fn cgroup(facts: &Facts) -> Finding {
    let check = Check {
        id: "kernel.cgroup",
        group: "Processes",
        title: "cgroup v2",
    };
    let spare = "servers are contained without it; as a second belt, run in a session that owns its cgroup \
                 (systemd-run --user --scope -p Delegate=yes)";
    match &facts.cgroup {
        Err(why) => unknown(check, why),
        Ok(None) => check.warn("not mounted, or not ours to see", spare),
        Ok(Some(cgroup)) if cgroup.writable => {
            check.ok(format!("{}, writable", cgroup.path.display()))
        }
        Ok(Some(cgroup)) => check.warn(format!("{}, not writable", cgroup.path.display()), spare),
    }
}

pub(super) fn namespaces(facts: &Facts) -> Finding {
    let check = Check {
        id: "kernel.namespaces",
        group: "Processes",
        title: "namespaces",
    };
    let all = match &facts.namespaces {
        Err(why) => return unknown(check, why),
        Ok(all) => all,
    };
    let (yes, no): (Vec<_>, Vec<_>) = all.iter().partition(|(_, tried)| tried.is_ok());
    let yes: Vec<&str> = yes.iter().map(|(name, _)| name.as_str()).collect();
    if no.is_empty() {
        return check.ok(format!("{} can be created", yes.join(", ")));
    }
    let no: Vec<String> = no
        .iter()
        .filter_map(|(name, tried)| Some(format!("{name} ({})", tried.as_ref().err()?)))
        .collect();
    let also = if yes.is_empty() {
        String::new()
    } else {
        format!("; {} can", yes.join(", "))
    };
    check.warn(
        format!("cannot be created: {}{also}", no.join(", ")),
        "only for tests that isolate a server's network or processes: allow unprivileged user namespaces \
         (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0), in a container \
         --security-opt seccomp=unconfined",
    )
}

pub(super) fn stacks(facts: &Facts) -> Finding {
    let check = Check {
        id: "kernel.stacks",
        group: "Processes",
        title: "stacks",
    };
    let stacks = match &facts.stacks {
        Err(why) => return unknown(check, why),
        Ok(stacks) => stacks,
    };
    let cores = match (&stacks.core_pattern, stacks.core_limit) {
        (_, Some(0)) => "no core files (limit 0)".to_string(),
        (Ok(pattern), _) if pattern.starts_with('|') => {
            "core files go to a program of this system".to_string()
        }
        (Ok(pattern), _) => format!("core files are written as `{pattern}`"),
        (Err(why), _) => format!("core pattern unknown: {why}"),
    };
    match stacks.ptrace_scope {
        Some(scope) if scope > 0 && !(stacks.may_trace && scope < 3) => check.warn(
            format!("other processes cannot be traced (kernel.yama.ptrace_scope = {scope}); {cores}"),
            "without it a server that hangs leaves logs but no stacks: sysctl kernel.yama.ptrace_scope=0, in a container \
             --cap-add SYS_PTRACE",
        ),
        _ => check.ok(format!("processes can be traced; {cores}")),
    }
}

pub(super) fn loopback(facts: &Facts) -> Finding {
    let check = Check {
        id: "network.loopback",
        group: "Network",
        title: "loopback",
    };
    match (&facts.loopback, &facts.proxy) {
        (Err(why), _) => check.fail(
            format!("127.0.0.1 cannot be used: {why}"),
            "every server of a test listens there: bring the interface up (ip link set lo up), allow binding in the sandbox",
        ),
        (Ok(()), Some(variable)) => check.warn(
            format!("127.0.0.1 works, but {variable} sends programs that honour it to a proxy"),
            "export NO_PROXY=127.0.0.1,localhost",
        ),
        (Ok(()), None) => check.ok("127.0.0.1 accepts connections"),
    }
}

pub(super) fn ports(facts: &Facts) -> Finding {
    let check = Check {
        id: "network.ports",
        group: "Network",
        title: "ports",
    };
    let (first, last) = match &facts.ephemeral {
        Err(why) => return unknown(check, why),
        Ok(range) => *range,
    };
    // Unprivileged ports begin at 1024.
    let below = u32::from(first).saturating_sub(1024);
    let above = 65_535 - u32::from(last);
    let (free, side) = if below >= above {
        (below, "below")
    } else {
        (above, "above")
    };
    let found =
        format!("connections take {first}-{last}; {free} ports {side} are free for servers");
    if free >= PORTS_GOOD {
        check.ok(found)
    } else {
        check.warn(
            found,
            "a connection may take a server's port: sysctl net.ipv4.ip_local_port_range='32768 60999' (the kernel's default)",
        )
    }
}

pub(super) fn shared_memory(facts: &Facts) -> Finding {
    let check = Check {
        id: "memory.shared",
        group: "Limits",
        title: "shared memory",
    };
    match &facts.shared_memory {
        Err(why) => unknown(check, why),
        Ok(space) => {
            let found = format!(
                "/dev/shm has {}, {} free",
                size(space.total),
                size(space.free)
            );
            if space.free >= SHARED_MEMORY_GOOD {
                check.ok(found)
            } else {
                check.warn(found, "engines with several workers need more: in a container --shm-size=8g or --ipc=host")
            }
        }
    }
}

pub(super) fn descriptors(facts: &Facts) -> Finding {
    let check = Check {
        id: "limits.descriptors",
        group: "Limits",
        title: "descriptors",
    };
    let limit = match &facts.descriptors {
        Err(why) => return unknown(check, why),
        Ok(limit) => limit,
    };
    let found = format!("{} (hard limit {})", amount(limit.soft), amount(limit.hard));
    let remedy = format!("ulimit -n {DESCRIPTORS_GOOD} before `cargo test`");
    match limit.soft {
        Some(soft) if soft < DESCRIPTORS_LEAST => check.fail(found, remedy),
        Some(soft) if soft < DESCRIPTORS_GOOD => {
            check.warn(found, format!("only for load tests: {remedy}"))
        }
        _ => check.ok(found),
    }
}

pub(super) fn processes(facts: &Facts) -> Finding {
    let check = Check {
        id: "limits.processes",
        group: "Limits",
        title: "processes",
    };
    let limit = match &facts.processes {
        Err(why) => return unknown(check, why),
        Ok(limit) => limit,
    };
    let mut found = format!("{} for this user", amount(limit.soft));
    let mut room = None;
    match &facts.cgroup_processes {
        Ok(None) => {}
        Ok(Some(limit)) => {
            room = Some(limit.max.saturating_sub(limit.current));
            found.push_str(&format!(
                ", {} in this cgroup, {} of them in use",
                limit.max, limit.current
            ));
        }
        Err(why) => found.push_str(&format!(", limit of the cgroup unknown ({why})")),
    }
    if [limit.soft, room]
        .into_iter()
        .flatten()
        .any(|limit| limit < PROCESSES_GOOD)
    {
        check.warn(found, "real engines start hundreds of threads: ulimit -u 4096, in a container --pids-limit=-1")
    } else {
        check.ok(found)
    }
}

pub(super) fn disk(facts: &Facts) -> Finding {
    let check = Check {
        id: "disk.target",
        group: "Limits",
        title: "disk",
    };
    let target = match &facts.target {
        Err(why) => return unknown(check, why),
        Ok(target) => target,
    };
    let found = format!(
        "{} free of {} at {}",
        size(target.space.free),
        size(target.space.total),
        target.path.display()
    );
    let remedy = "cargo clean, or CARGO_TARGET_DIR on a larger disk";
    if target.space.free < DISK_LEAST {
        check.fail(found, remedy)
    } else if target.space.free < DISK_GOOD {
        check.warn(
            found,
            format!("builds and evidence of long runs may fill it: {remedy}"),
        )
    } else {
        check.ok(found)
    }
}

pub(super) fn clock(facts: &Facts) -> Finding {
    let check = Check {
        id: "time.clock",
        group: "Limits",
        title: "clock",
    };
    let clock = match &facts.clock {
        Err(why) => return unknown(check, why),
        Ok(clock) => clock,
    };
    let source = match &clock.source {
        Ok(source) => format!("source {source}"),
        Err(why) => format!("source unknown: {why}"),
    };
    let found = format!("resolution {:?}, {source}", clock.resolution);
    let slow = clock
        .source
        .as_ref()
        .is_ok_and(|source| SLOW_CLOCKS.contains(&source.as_str()));
    if clock.resolution > CLOCK_GOOD || slow {
        check.warn(found, "latencies below a millisecond are not to be trusted here: prefer a host whose clock source is tsc")
    } else {
        check.ok(found)
    }
}
fn amount(limit: Option<u64>) -> String {
    limit.map_or("unlimited".into(), |limit| limit.to_string())
}

/// Bytes for people, rounded down: `23.5 GiB`, `64.0 MiB`.
pub(super) fn size(bytes: u64) -> String {
    let (unit, name) = if bytes >= GIB {
        (GIB, "GiB")
    } else {
        (1 << 20, "MiB")
    };
    format!(
        "{:.1} {name}",
        (bytes as f64 / unit as f64 * 10.0).floor() / 10.0
    )
}
