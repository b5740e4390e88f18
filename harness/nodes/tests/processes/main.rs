//! What runs as a process of its own: the proxy, and nodes in namespaces. This target has a `main` of its own, because they are this very binary run again.

#[cfg(target_os = "linux")]
mod proxy;
#[cfg(target_os = "linux")]
mod worlds;

use std::ffi::OsString;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(code) = tribunal_nodes::verb(&args) {
        return code;
    }
    #[cfg(target_os = "linux")]
    if let Some(code) = worlds::verb(&args) {
        return code;
    }
    let mut trials: Vec<Trial> = Vec::new();
    #[cfg(target_os = "linux")]
    {
        trials.extend(proxy::trials());
        trials.extend(worlds::trials());
    }
    libtest_mimic::run(&Arguments::from_args(), std::mem::take(&mut trials)).exit_code()
}
