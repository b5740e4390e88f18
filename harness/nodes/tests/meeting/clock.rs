//! A node whose clocks stand elsewhere: it joins, serves and is missed like any other.
//!
//! A time namespace moves the clocks that measure spans by a day, as on a machine that was started on another day. Of the wall clock there is nothing that could be moved: nothing
//! here reads it, which is a test as well.

use std::path::Path;
use std::process::{Command, ExitCode};

use libtest_mimic::Trial;
use rustix::thread::UnshareFlags;
use tribunal_nodes::Outcome;

use crate::joined::{free_port, joiner_by, lead};
use crate::support::{Conducted, file, plain};

/// The verb that runs the rest of its arguments where clocks stand elsewhere.
pub const SHIFTED: &str = "fake-shifted";
/// A day.
const SHIFT: &str = "monotonic 86400 0\nboottime 86400 0\n";

/// Runs this program again with these arguments, a day later.
pub fn shifted(args: &[&str]) -> ExitCode {
    if let Err(why) = enter() {
        println!("refused: {why}");
        return ExitCode::FAILURE;
    }
    // A process enters when it is born.
    let status = Command::new(std::env::current_exe().unwrap())
        .args(args)
        .status()
        .unwrap();
    ExitCode::from(u8::try_from(status.code().unwrap_or(255)).unwrap_or(255))
}

#[expect(
    deprecated,
    reason = "the flag shares nothing that memory safety hangs on"
)]
fn enter() -> std::io::Result<()> {
    rustix::thread::unshare(UnshareFlags::NEWTIME)?;
    std::fs::write("/proc/self/timens_offsets", SHIFT)
}

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("clock::a_node_of_another_day_is_one_like_others", || {
            another_day();
            Ok(())
        }),
        Trial::test("clock::nothing_reads_the_wall_clock", || {
            no_wall_clock(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
            Ok(())
        }),
    ]
}

fn another_day() {
    let probe = Command::new(std::env::current_exe().unwrap())
        .args([SHIFTED, "fake-uptime"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&probe.stdout).into_owned();
    if text.starts_with("refused: ") {
        eprintln!("not made: {text}");
        return;
    }
    let own = uptime();
    let theirs: f64 = text.trim().parse().unwrap();
    assert!(theirs - own > 80_000.0, "{own} and {theirs}");

    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let mut node = joiner_by(&[SHIFTED], 1, 2, port, &[], None);
    let leading = lead(port, 2, folder.path()).unwrap();
    let mut layout = Conducted::with(&file(2, &plain), Some(&leading.hub())).ready();
    layout.ask_to_end();
    assert_eq!(layout.ended().code(), Some(0), "{}", layout.all());
    leading.over(Outcome::Finished);
    let (code, last) = node.ended();
    assert_eq!(code, Some(0), "{last}");
}

/// Seconds since the machine was started, as this process sees it.
pub fn uptime() -> f64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

fn no_wall_clock(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            no_wall_clock(&path);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for word in ["SystemTime", "UNIX_EPOCH", "Realtime", "CLOCK_REALTIME"] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}
