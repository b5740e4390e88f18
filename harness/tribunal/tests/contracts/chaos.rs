//! Harnesses that are killed at random moments: a moment later nothing of theirs is left.
//!
//! Promise: what is left is seen whatever it did to hide, because a process of its own, the *watcher*, is the subreaper of everything that the
//! harness starts: whoever loses its parent becomes the watcher's child. The moments are drawn by seed and reach from the first millisecond to past
//! the end of the run.
//!
//! Rejected: noting the processes before the kill (those that start between the note and the kill would be missed).

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process};
use serde_json::Value;

use crate::call::{Call, folder};
use crate::row::rows;
use crate::scaffold::{Workspace, binary};

/// The hidden verb of this test binary under which it is the watcher.
pub const VERB: &str = "__chaos";
/// How many kills a row makes; `CHAOS_ROUNDS` asks for more, and `CHAOS_WITHIN_MS` for a limit that only an idle machine can keep.
const ROUNDS: u32 = 6;
/// How long what is left may take to go. It takes milliseconds where the processor is free; a machine that is busy with other tests as well
/// may let the keepers wait.
const AFTER: Duration = Duration::from_secs(30);

rows![
    killed_harnesses_leave_nothing,
    terminated_harnesses_leave_nothing_and_report,
    interrupted_harnesses_leave_nothing_and_report,
    ten_harnesses_at_once_do_not_meet,
];

fn killed_harnesses_leave_nothing() {
    chaos("KILL", 1);
}

fn terminated_harnesses_leave_nothing_and_report() {
    chaos("TERM", 2);
}

fn interrupted_harnesses_leave_nothing_and_report() {
    chaos("INT", 3);
}

/// Ten processes that start servers at the same time, round after round, with the same folder of leases.
fn ten_harnesses_at_once_do_not_meet() {
    for round in 1..=rounds(2) {
        let runtime = folder();
        let started: Vec<_> = (0..10)
            .map(|_| {
                binary("town", ["--test-threads", "4"])
                    .env("XDG_RUNTIME_DIR", runtime.path())
                    .start()
            })
            .collect();
        for (n, harness) in started.into_iter().enumerate() {
            let said = harness.end();
            assert_eq!(
                said.code, 0,
                "harness {n} of round {round}:\n{}{}",
                said.out, said.err
            );
        }
        assert_eq!(locked_below(&runtime.path().join("tribunal")), Ok(0));
    }
}

fn rounds(usual: u32) -> u32 {
    let asked = std::env::var("CHAOS_ROUNDS").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(usual)
}

fn chaos(signal: &str, seed: u64) {
    // Built before the watcher starts, so that the compiler's processes are not its own.
    Workspace::shared();
    let rounds = rounds(ROUNDS);
    let subject = binary::<&str>("town", []);
    let watcher = std::env::current_exe().expect("this binary");
    let said = Call::new(watcher)
        .args([
            VERB,
            &subject.program().to_string_lossy(),
            signal,
            &rounds.to_string(),
            &seed.to_string(),
        ])
        .limit(Duration::from_secs(600))
        .run();
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.out.contains(&format!("{rounds} rounds")),
        "{}",
        said.out
    );
}

/// The watcher: runs the subject, kills it, looks what is left.
pub fn watch(args: &[String]) -> ExitCode {
    match try_watch(args) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn try_watch(args: &[String]) -> Result<String, String> {
    let [program, signal, rounds, seed] = args else {
        return Err(format!("usage: {VERB} PROGRAM SIGNAL ROUNDS SEED"));
    };
    let number = |t: &String| t.parse::<u64>().map_err(|e| format!("{t}: {e}"));
    let (rounds, mut seed) = (number(rounds)?, number(seed)?);
    let sent = match signal.as_str() {
        "KILL" => Signal::KILL,
        "TERM" => Signal::TERM,
        _ => Signal::INT,
    };
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|e| format!("subreaper: {e}"))?;
    // One whole run says how long it takes; moments are drawn up to a little more.
    let whole = Instant::now();
    let (code, out) = one(program, None, sent)?;
    let whole = whole.elapsed();
    if code != Some(0) {
        return Err(format!("the undisturbed run ended with {code:?}:\n{out}"));
    }
    for round in 1..=rounds {
        // SplitMix64, as the harness's own shuffle.
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let moment = whole.mul_f64((z >> 11) as f64 / (1_u64 << 53) as f64 * 1.1);
        let (code, out) = one(program, Some(moment), sent)
            .map_err(|e| format!("round {round}, {signal} after {moment:?}: {e}"))?;
        if sent == Signal::KILL || code.is_none() {
            // Killed, or told to end before it could listen.
            continue;
        }
        well_formed(&out).map_err(|e| {
            format!("round {round}, {signal} after {moment:?}, exit {code:?}: {e}\n{out}")
        })?;
    }
    Ok(format!(
        "{rounds} rounds of SIG{signal}: nothing left after any"
    ))
}

/// One run: its exit code and output, and an error if anything is left of it.
fn one(
    program: &str,
    moment: Option<Duration>,
    signal: Signal,
) -> Result<(Option<i32>, String), String> {
    let runtime = folder();
    let output = runtime.path().join("output");
    let file = std::fs::File::create(&output).map_err(|e| e.to_string())?;
    let mut child = Command::new(program)
        .args(["--format", "json"])
        // Leases of its own, so that those of other tests are not counted.
        .env("XDG_RUNTIME_DIR", runtime.path())
        .stdin(Stdio::null())
        .stdout(file.try_clone().map_err(|e| e.to_string())?)
        .stderr(file)
        .spawn()
        .map_err(|e| format!("{program}: {e}"))?;
    if let Some(moment) = moment {
        std::thread::sleep(moment);
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        // Not reaped yet, so the pid is still its own.
        let _ = pid.map(|pid| kill_process(pid, signal));
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    let ended = Instant::now();
    let after = std::env::var("CHAOS_WITHIN_MS")
        .ok()
        .and_then(|ms| ms.parse().ok());
    let after = after.map_or(AFTER, Duration::from_millis);
    let left = loop {
        while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
        let left = descendants(std::process::id());
        if left.is_empty() || ended.elapsed() > after {
            break left;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let mut out = String::new();
    std::fs::File::open(&output)
        .and_then(|mut f| f.read_to_string(&mut out))
        .map_err(|e| e.to_string())?;
    if !left.is_empty() {
        return Err(format!("left {AFTER:?} later: {}\n{out}", left.join("; ")));
    }
    let leases = locked_below(&runtime.path().join("tribunal"))?;
    if leases > 0 {
        return Err(format!("{leases} leases are held by nobody\n{out}"));
    }
    Ok((status.code(), out))
}

/// Every descendant, with its command line.
fn descendants(of: u32) -> Vec<String> {
    let mut found = vec![];
    let tasks = std::fs::read_dir(format!("/proc/{of}/task"))
        .into_iter()
        .flatten()
        .flatten();
    for task in tasks {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children
            .split_whitespace()
            .filter_map(|c| c.parse::<u32>().ok())
        {
            let line = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            found.push(format!(
                "{child} {}",
                String::from_utf8_lossy(&line).replace('\0', " ")
            ));
            found.extend(descendants(child));
        }
    }
    found
}

/// How many kernel locks are held on files below a folder.
fn locked_below(folder: &Path) -> Result<usize, String> {
    use std::os::unix::fs::MetadataExt as _;
    let mut inodes = vec![];
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        // A harness that was killed early has not made it.
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let meta = entry.metadata().map_err(|e| e.to_string())?;
            if meta.is_dir() {
                folders.push(entry.path());
            } else {
                inodes.push(meta.ino());
            }
        }
    }
    let locks = std::fs::read_to_string("/proc/locks").map_err(|e| format!("/proc/locks: {e}"))?;
    Ok(locks
        .lines()
        .filter(|l| {
            let file = l.split_whitespace().find(|w| w.matches(':').count() == 2);
            file.and_then(|f| f.rsplit(':').next())
                .and_then(|i| i.parse().ok())
                .is_some_and(|i| inodes.contains(&i))
        })
        .count())
}

/// Whole lines of JSON, the last of which ends the suite.
fn well_formed(out: &str) -> Result<(), String> {
    let mut last = Value::Null;
    for line in out.lines().filter(|l| !l.trim().is_empty()) {
        if !line.starts_with('{') {
            // Standard error goes to the same file; it never speaks JSON.
            continue;
        }
        last = serde_json::from_str(line).map_err(|e| format!("not JSON ({e}): {line}"))?;
    }
    if last.is_null() {
        // It was told to end before it had said anything.
        return Ok(());
    }
    match (last["type"].as_str(), last["event"].as_str()) {
        (Some("suite"), Some("ok" | "failed")) => Ok(()),
        _ => Err(format!("the last event does not end the suite: {last}")),
    }
}
