//! What `/proc` tells of every thread of a process: enough to see who waits for what, without stopping anybody.

use std::fmt::Write as _;
use std::fs;

/// Threads beyond this are counted only.
const MOST: usize = 200;

pub(super) fn text(pid: u32) -> String {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return format!(
            "The threads of process {pid} are not available: it has ended, or is somebody else's\n"
        );
    };
    let mut ids: Vec<u32> = entries
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse().ok())
        .collect();
    ids.sort_unstable();
    let mut out = format!("Threads of process {pid}:\n\n");
    for id in ids.iter().take(MOST) {
        let read = |file: &str| {
            fs::read_to_string(format!("/proc/{pid}/task/{id}/{file}"))
                .map(|t| t.trim().to_owned())
                .map_err(|e| e.to_string())
        };
        let name = read("comm").unwrap_or_default();
        let state = read("status")
            .ok()
            .and_then(|s| {
                s.lines()
                    .find_map(|l| l.strip_prefix("State:"))
                    .map(|l| l.trim().to_owned())
            })
            .unwrap_or_else(|| "gone".into());
        let _ = writeln!(out, "{id} {name}: {state}");
        let mut tell = |what: &str, file: &str| match read(file) {
            Ok(text) if text.is_empty() || text == "0" => {}
            Ok(text) => {
                let _ = writeln!(out, "    {what}: {}", text.replace('\n', "\n        "));
            }
            Err(e) => {
                let _ = writeln!(out, "    {what}: not available: {e}");
            }
        };
        tell("waits in", "wchan");
        tell("system call", "syscall");
        tell("kernel stack", "stack");
    }
    if ids.len() > MOST {
        let _ = writeln!(out, "and {} more", ids.len() - MOST);
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn threads_are_named() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("seen-by-proc".into())
            .spawn(move || {
                let _ = ready.send(());
                let _ = receiver.recv();
            })
            .expect("a thread");
        is_ready.recv().expect("it runs");
        let text = super::text(std::process::id());
        assert!(text.contains(" seen-by-proc: "), "{text}");
        drop(sender);
        thread.join().expect("it ends");
        assert!(super::text(u32::MAX).contains("not available"));
    }
}
