//! The facts of this machine: all input and output of `doctor`.
//!
//! Promise: everything is read, nothing is written; each program that is asked has a limit; a fact that cannot be had is an
//! error in words. Rejected: trying things by doing them (a cgroup, a file of the disk's size), since a doctor that dies half-way
//! would leave them behind.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access, statvfs};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_getres};
use tribunal_hardware::Host;

use super::checks::PROGRAMS;
use super::facts::{
    Cgroup, Clock, Facts, Hub, Limit, PidsLimit, Reading, Space, Stacks, Target, Token, Tool,
};
use super::kernel;
use crate::command::NAMESPACES;
use crate::{namespaces, program};

/// How long a program of the toolchain may take to tell its version; rustup's proxies look for the toolchain first.
const TOOL_LIMIT: Duration = Duration::from_secs(10);
/// How long the look for devices may take: loading a driver on an idle host takes up to a few seconds.
const DEVICE_LIMIT: Duration = Duration::from_secs(5);
/// How long a connection to ourselves may take.
const LOOPBACK_LIMIT: Duration = Duration::from_secs(2);

pub(crate) fn all(look_for_devices: bool) -> Facts {
    let folders = path_folders();
    Facts {
        cargo: tool("cargo", std::env::var_os("CARGO"), &folders),
        rustc: tool("rustc", std::env::var_os("RUSTC"), &folders),
        nextest: tool("cargo-nextest", None, &folders),
        programs: programs(&folders),
        cgroup: cgroup(),
        namespaces: namespaces(),
        loopback: loopback().map_err(|error| error.to_string()),
        proxy: proxy(|name| std::env::var(name).ok()),
        ephemeral: linux_text("/proc/sys/net/ipv4/ip_local_port_range").and_then(|text| {
            kernel::port_range(&text).ok_or_else(|| format!("`{text}` is no range of ports"))
        }),
        shared_memory: space(Path::new("/dev/shm")),
        descriptors: Ok(limit(Resource::Nofile)),
        processes: Ok(limit(Resource::Nproc)),
        cgroup_processes: cgroup_processes(),
        stacks: stacks(),
        devices: look_for_devices.then(|| Host::probe(DEVICE_LIMIT)),
        hub: hub(),
        target: target(),
        clock: Ok(clock()),
    }
}

/// The folders of PATH, then cargo's own, where `cargo install` puts programs although PATH may not have it.
fn path_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    folders.retain(|folder| folder.is_absolute());
    let cargo = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(home()?.join(".cargo")));
    folders.extend(cargo.map(|cargo| cargo.join("bin")));
    folders
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME")
        .filter(|home| !home.is_empty())
        .map(PathBuf::from)
}

fn tool(name: &str, given: Option<OsString>, folders: &[PathBuf]) -> Tool {
    // What cargo itself says that it is goes before what PATH has. A bare name is looked up.
    let given = given.map(PathBuf::from).filter(|path| path.is_absolute());
    let path = given.or_else(|| program::find(name, folders));
    let version = match &path {
        Some(path) => program::output(path, &["--version"], TOOL_LIMIT),
        None => Err("not found".into()),
    };
    Tool { path, version }
}

fn programs(folders: &[PathBuf]) -> BTreeMap<String, PathBuf> {
    let names = PROGRAMS.iter().flat_map(|wanted| wanted.names);
    names
        .filter_map(|name| Some((name.to_string(), program::find(name, folders)?)))
        .collect()
}

/// The text of a file of the kernel.
fn linux_text(path: &str) -> Reading<String> {
    if !cfg!(target_os = "linux") {
        return Err("only Linux tells".into());
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    Ok(text.trim().to_string())
}

fn cgroup() -> Reading<Option<Cgroup>> {
    let (mounts, own) = (
        linux_text("/proc/self/mountinfo")?,
        linux_text("/proc/self/cgroup")?,
    );
    Ok(kernel::cgroup2_folder(&mounts, &own)
        .filter(|path| path.is_dir())
        .map(|path| {
            let writable = access(&path, Access::WRITE_OK | Access::EXEC_OK).is_ok();
            Cgroup { path, writable }
        }))
}

/// The tightest `pids.max` of the own cgroup and its parents, in whichever hierarchy has it.
fn cgroup_processes() -> Reading<Option<PidsLimit>> {
    let (mounts, own) = (
        linux_text("/proc/self/mountinfo")?,
        linux_text("/proc/self/cgroup")?,
    );
    let folders = [
        kernel::cgroup2_folder(&mounts, &own),
        kernel::cgroup1_pids_folder(&mounts, &own),
    ];
    let limits = folders
        .iter()
        .flatten()
        .flat_map(|folder| kernel::ancestors(folder, &mounts))
        .filter_map(|folder| {
            let number = |file: &str| {
                std::fs::read_to_string(folder.join(file))
                    .ok()?
                    .trim()
                    .parse()
                    .ok()
            };
            // `max` is no number: no limit at this place.
            Some(PidsLimit {
                max: number("pids.max")?,
                current: number("pids.current")?,
            })
        });
    Ok(limits.min_by_key(|limit| limit.max.saturating_sub(limit.current)))
}

/// Runs this program again as a child that tries namespaces and ends.
fn namespaces() -> Reading<BTreeMap<String, Result<(), String>>> {
    let own = std::env::current_exe().map_err(|error| format!("own program: {error}"))?;
    let text = program::output(&own, &[NAMESPACES], TOOL_LIMIT)
        .map_err(|error| format!("the child {error}"))?;
    namespaces::read(&text)
}

/// Listens, connects and accepts: what a server and its client do.
fn loopback() -> std::io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect_timeout(&listener.local_addr()?, LOOPBACK_LIMIT)?;
    // The connection stands in the listener's queue already, so that this does not wait; somebody else's may stand before it.
    listener.set_nonblocking(true)?;
    let own = client.local_addr()?;
    loop {
        let (_, peer) = listener.accept()?;
        if peer == own {
            return Ok(());
        }
    }
}

/// The name of a variable that sends plain HTTP to 127.0.0.1 through a proxy.
fn proxy(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &&&str| variable(name).is_some_and(|value| !value.trim().is_empty());
    let name = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
        .iter()
        .find(set)?;
    let exempt = ["no_proxy", "NO_PROXY"]
        .iter()
        .filter_map(|name| variable(name))
        .any(|list| {
            list.split(',')
                .map(str::trim)
                .any(|entry| ["*", "127.0.0.1", "127.0.0.0/8"].contains(&entry))
        });
    (!exempt).then(|| name.to_string())
}

fn space(path: &Path) -> Reading<Space> {
    let stat = statvfs(path).map_err(|error| format!("{}: {error}", path.display()))?;
    // Blocks for unprivileged users: what a test could fill.
    Ok(Space {
        total: stat.f_blocks.saturating_mul(stat.f_frsize),
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
    })
}

fn limit(resource: Resource) -> Limit {
    let limit = getrlimit(resource);
    Limit {
        soft: limit.current,
        hard: limit.maximum,
    }
}

fn stacks() -> Reading<Stacks> {
    let status = linux_text("/proc/self/status")?;
    // Without Yama there is no such file, and no restriction; a file with nonsense is something else.
    let scope = match std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope") {
        Ok(text) => Some(
            text.trim()
                .parse()
                .map_err(|_| format!("ptrace_scope is `{}`", text.trim()))?,
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(format!("ptrace_scope: {error}")),
    };
    Ok(Stacks {
        ptrace_scope: scope,
        may_trace: kernel::may_trace(&status).ok_or("/proc/self/status has no CapEff")?,
        core_pattern: linux_text("/proc/sys/kernel/core_pattern"),
        core_limit: getrlimit(Resource::Core).current,
    })
}

/// As the hub's own library finds its folders and token (huggingface_hub, "Environment variables").
fn hub() -> Hub {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let caches = set("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")));
    let root = set("HF_HOME")
        .or_else(|| Some(caches?.join("huggingface")))
        .unwrap_or_else(|| PathBuf::from("~/.cache/huggingface"));
    let cache = set("HF_HUB_CACHE")
        .or_else(|| set("HUGGINGFACE_HUB_CACHE"))
        .unwrap_or_else(|| root.join("hub"));
    let models = std::fs::read_dir(&cache).ok().map(|entries| {
        let models = entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("models--"));
        models.count()
    });
    let file = set("HF_TOKEN_PATH").unwrap_or_else(|| root.join("token"));
    let names = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];
    let has_text = std::fs::metadata(&file).is_ok_and(|file| file.is_file() && file.len() > 0);
    let token = if let Some(name) = names.into_iter().find(|name| set(name).is_some()) {
        Token::Variable(name)
    } else if has_text {
        Token::File(file)
    } else if let Some(name) = names
        .into_iter()
        .find(|name| std::env::var_os(name).is_some())
    {
        Token::EmptyVariable(name)
    } else {
        Token::Nowhere
    };
    let offline = std::env::var("HF_HUB_OFFLINE").is_ok_and(|value| {
        ["1", "on", "yes", "true"].contains(&value.to_ascii_lowercase().as_str())
    });
    Hub {
        token,
        cache,
        models,
        offline,
    }
}

/// Where cargo builds for the current folder, and the room there.
fn target() -> Reading<Target> {
    let here = std::env::current_dir().map_err(|error| format!("current folder: {error}"))?;
    let chosen = std::env::var_os("CARGO_TARGET_DIR")
        .filter(|dir| !dir.is_empty())
        .map(|dir| here.join(dir));
    let path = chosen.unwrap_or_else(|| {
        // The nearest lock file marks the workspace: a folder inside with one of its own builds for itself.
        let workspace = here
            .ancestors()
            .find(|folder| folder.join("Cargo.lock").is_file());
        workspace.unwrap_or(&here).join("target")
    });
    // It does not exist before the first build; the disk is that of the nearest folder that does.
    let existing = path
        .ancestors()
        .find(|folder| folder.is_dir())
        .ok_or("no folder of it exists")?;
    let space = space(existing)?;
    Ok(Target { path, space })
}

fn clock() -> Clock {
    let resolution = clock_getres(ClockId::Monotonic);
    Clock {
        // Seconds and nanoseconds of a resolution are small and not negative.
        resolution: Duration::new(
            resolution.tv_sec.unsigned_abs(),
            resolution.tv_nsec.unsigned_abs() as u32,
        ),
        source: linux_text("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_would_get_our_requests_is_named() {
        type Row<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);
        let table: &[Row] = &[
            (&[], None),
            (&[("http_proxy", "http://proxy:3128")], Some("http_proxy")),
            (
                &[
                    ("HTTP_PROXY", "http://proxy:3128"),
                    ("NO_PROXY", "localhost, 127.0.0.1"),
                ],
                None,
            ),
            (
                &[("HTTP_PROXY", "http://proxy:3128"), ("no_proxy", "*")],
                None,
            ),
            (
                &[
                    ("ALL_PROXY", "socks5://proxy"),
                    ("NO_PROXY", "localhost,10.0.0.0/8"),
                ],
                Some("ALL_PROXY"),
            ),
            (&[("http_proxy", " ")], None),
            (&[("https_proxy", "http://proxy")], None),
        ];
        for (variables, expected) in table {
            let variable = |name: &str| {
                variables
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| value.to_string())
            };
            assert_eq!(proxy(variable).as_deref(), *expected, "{variables:?}");
        }
    }

    #[test]
    fn a_tool_that_is_nowhere_is_not_found() {
        let tool = tool("cargo-that-nobody-has", None, &path_folders());
        assert!(tool.path.is_none() && tool.version.is_err());
    }

    #[test]
    fn a_disk_that_does_not_exist_is_unknown_and_not_empty() {
        assert!(space(Path::new("/nowhere/at/all")).is_err());
    }
}
