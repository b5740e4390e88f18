//! What the figures were taken on.

use std::process::Command;

use crate::options::Options;

/// Processor, cores, kernel, compiler, profile and how busy the machine was.
pub fn describe(options: &Options) -> Vec<(&'static str, String)> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let unknown = |text: String| {
        if text.is_empty() {
            "unknown".to_owned()
        } else {
            text
        }
    };
    let processor = read("/proc/cpuinfo")
        .lines()
        .find_map(|l| l.strip_prefix("model name"))
        .map_or(String::new(), |l| {
            l.trim_start_matches([' ', '\t', ':']).to_owned()
        });
    let cores = std::thread::available_parallelism()
        .map_or_else(|e| format!("unknown ({e})"), |n| n.to_string());
    let rustc = Command::new("rustc")
        .arg("--version")
        .output()
        .map_or(String::new(), |o| {
            String::from_utf8_lossy(&o.stdout).trim().to_owned()
        });
    let load = read("/proc/loadavg").split(' ').take(1).collect::<String>();
    vec![
        (
            "processor",
            format!("{}, {cores} cores", unknown(processor)),
        ),
        (
            "kernel",
            format!(
                "{} {}",
                std::env::consts::OS,
                unknown(read("/proc/sys/kernel/osrelease").trim().to_owned())
            ),
        ),
        ("compiler", unknown(rustc)),
        (
            "profile",
            format!("{} (compile, lowest and clean: dev)", options.profile()),
        ),
        ("load", format!("{} before the first figure", unknown(load))),
    ]
}
