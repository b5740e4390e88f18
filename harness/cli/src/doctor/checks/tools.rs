//! The toolchain and the programs that deployments need.
//!
//! Promise: only Rust may fail; a program of a deployment is optional and says what it is for. Rejected: asking each program
//! for its version (a shim that hangs would hold up the whole doctor for nothing that a check needs).

use crate::doctor::facts::{Facts, Tool};
use crate::doctor::finding::{Check, Finding};
use crate::doctor::kernel;

/// A program that some deployment or tool uses.
pub(crate) struct Program {
    pub(super) id: &'static str,
    title: &'static str,
    /// Any one of these is enough.
    pub(crate) names: &'static [&'static str],
    purpose: &'static str,
    remedy: &'static str,
}

/// The programs that are looked for. None is required: the embedded engine needs nothing.
pub(crate) const PROGRAMS: [Program; 7] = [
    Program {
        id: "program.python",
        title: "python",
        names: &["python3"],
        purpose: "engines and reference programs in Python",
        remedy: "install python3 with your system's packages",
    },
    Program {
        id: "program.llama-server",
        title: "llama-server",
        names: &["llama-server"],
        purpose: "the llama.cpp deployment",
        remedy: "build or download llama.cpp (https://github.com/ggml-org/llama.cpp) and put llama-server on PATH",
    },
    Program {
        id: "program.vllm",
        title: "vllm",
        names: &["vllm"],
        purpose: "the vLLM deployment",
        remedy: "pip install vllm, in the environment that the tests run in",
    },
    Program {
        id: "program.container",
        title: "containers",
        names: &["docker", "podman"],
        purpose: "deployments in containers",
        remedy: "install docker or podman",
    },
    Program {
        id: "program.ffmpeg",
        title: "ffmpeg",
        names: &["ffmpeg"],
        purpose: "decoding of audio and video answers",
        remedy: "install ffmpeg with your system's packages",
    },
    Program {
        id: "program.flite",
        title: "flite",
        names: &["flite"],
        purpose: "the synthetic speech deployment",
        remedy: "install flite with your system's packages",
    },
    Program {
        id: "program.stacks",
        title: "stack reader",
        names: &["py-spy", "gdb"],
        purpose: "stacks of a server that hangs",
        remedy: "pip install py-spy (Python engines), or install gdb",
    },
];

/// The oldest Rust that builds this workspace.
const OLDEST_RUST: &str = env!("CARGO_PKG_RUST_VERSION");

pub(super) fn rust(check: Check, tool: &Tool) -> Finding {
    let remedy = format!("install Rust {OLDEST_RUST} or newer with https://rustup.rs");
    let Some(path) = &tool.path else {
        return check.fail("not found on PATH", remedy);
    };
    let text = match &tool.version {
        Ok(text) => text,
        Err(why) => return check.fail(format!("{} {why}", path.display()), remedy),
    };
    let line = text.lines().next().unwrap_or("");
    match (kernel::version(text), kernel::version(OLDEST_RUST)) {
        (Some(found), Some(oldest)) if found >= oldest => check.ok(line),
        (Some(_), _) => check.fail(
            format!("{line}, older than {OLDEST_RUST}"),
            format!("rustup update stable (Rust {OLDEST_RUST} or newer is needed)"),
        ),
        (None, _) => check.fail(
            format!("{} answers `{line}`, which is no version", path.display()),
            remedy,
        ),
    }
}

pub(super) fn nextest(tool: &Tool) -> Finding {
    let check = Check {
        id: "toolchain.nextest",
        group: "Toolchain",
        title: "cargo-nextest",
    };
    let remedy = "only for `cargo nextest run`: cargo install cargo-nextest --locked";
    match (&tool.path, &tool.version) {
        (None, _) => check.warn("not found", remedy),
        (Some(path), Err(why)) => check.warn(format!("{} {why}", path.display()), remedy),
        (Some(_), Ok(text)) => check.ok(text.lines().next().unwrap_or("")),
    }
}

pub(super) fn program(wanted: &Program, facts: &Facts) -> Finding {
    let check = Check {
        id: wanted.id,
        group: "Programs",
        title: wanted.title,
    };
    let found = wanted
        .names
        .iter()
        .find_map(|name| facts.programs.get(*name));
    match found {
        Some(path) => check.ok(path.display().to_string()),
        None => {
            let names = wanted.names.join(" or ");
            check.warn(
                format!("{names} not found"),
                format!("only for {}: {}", wanted.purpose, wanted.remedy),
            )
        }
    }
}
