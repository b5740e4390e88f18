//! What an example sees of the environment: what a reader's shell would have, and nothing of the harness.
//!
//! Chosen by name and not removed by name: a variable that nobody thought of stays outside, and an example that needs it fails
//! here as it would for a reader.

use std::ffi::{OsStr, OsString};

/// Kept as they are.
const KEPT: [&str; 31] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "LIBRARY_PATH",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYTHONHOME",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    // Where Rust's tools and what they have built lie, and how they build: with others an example would build everything anew.
    "CARGO_HOME",
    "CARGO_INCREMENTAL",
    "CARGO_TARGET_DIR",
    "RUSTFLAGS",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "RUSTC_WRAPPER",
];
/// Kept if they begin so: locale, toolchains, hubs, devices.
const BEGINNINGS: [&str; 14] = [
    "LC_",
    "CARGO_BUILD_",
    "CARGO_PROFILE_",
    "CONDA_",
    "PYENV_",
    "UV_",
    "PIP_",
    "HF_",
    "HUGGING_FACE_",
    "CUDA_",
    "NVIDIA_",
    "ROCR_",
    "HIP_",
    "ASCEND_",
];

/// The environment of an example.
pub(crate) fn of(
    all: impl Iterator<Item = (OsString, OsString)>,
    output: &OsStr,
) -> Vec<(OsString, OsString)> {
    let kept = |name: &OsStr| {
        let name = name.to_string_lossy();
        KEPT.contains(&&*name) || BEGINNINGS.iter().any(|b| name.starts_with(b))
    };
    let mut env: Vec<(OsString, OsString)> = all.filter(|(name, _)| kept(name)).collect();
    let own = [
        // Programs that draw on a terminal draw plainly.
        ("TERM", OsStr::new("dumb")),
        ("PYTHONDONTWRITEBYTECODE", OsStr::new("1")),
        ("PYTHONUNBUFFERED", OsStr::new("1")),
        ("MPLBACKEND", OsStr::new("Agg")),
        ("OUTPUT_DIR", output),
    ];
    env.extend(own.map(|(name, value)| (name.into(), value.to_owned())));
    env.sort();
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harness_is_not_seen() {
        let all = [
            "PATH",
            "HF_HOME",
            "LC_ALL",
            "TRIBUNAL_RUN_LEVEL",
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "CARGO_TARGET_DIR",
            "RUST_BACKTRACE",
            "BASH_ENV",
            "OUTPUT_DIR",
        ];
        let env = of(
            all.iter().map(|n| (OsString::from(n), OsString::from("x"))),
            OsStr::new("/out"),
        );
        let names: Vec<_> = env
            .iter()
            .map(|(n, _)| n.to_string_lossy().into_owned())
            .collect();
        assert_eq!(
            names,
            [
                "CARGO_TARGET_DIR",
                "HF_HOME",
                "LC_ALL",
                "MPLBACKEND",
                "OUTPUT_DIR",
                "PATH",
                "PYTHONDONTWRITEBYTECODE",
                "PYTHONUNBUFFERED",
                "TERM"
            ]
        );
        assert_eq!(env[4].1, "/out");
    }
}
