//! Commands that answer, and commands that misbehave.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

pub const VERB: &str = "__stub";

pub fn verb(args: &[OsString]) -> Option<ExitCode> {
    let args: Option<Vec<&str>> = args.iter().map(|a| a.to_str()).collect();
    let args = args?;
    let (first, rest) = args.split_first()?;
    if *first != VERB {
        return None;
    }
    Some(ExitCode::from(stub(rest)))
}

fn stub(args: &[&str]) -> u8 {
    match *args {
        ["echo", ref words @ ..] => println!("{}", words.join("|")),
        ["raw", text] => print!("{text}"),
        ["cat", file] => print!("{}", std::fs::read_to_string(file).unwrap()),
        ["write", folder, name, content, _prompt] => {
            let path = Path::new(folder).join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
            std::fs::create_dir(Path::new(folder).join("frames")).unwrap();
            std::fs::write(Path::new(folder).join("frames/0.png"), "png").unwrap();
        }
        ["fail", code, _prompt] => {
            eprintln!("first line\nCUDA error: out of memory");
            return code.parse().unwrap();
        }
        ["abort", _prompt] => std::process::abort(),
        ["environment", name, _prompt] => {
            println!("{}", std::env::var(name).unwrap_or_else(|_| "unset".into()))
        }
        // Holds the lock, and so do two others that left its session and lost their parent.
        ["tree", alive, _prompt] => {
            again(&["fork", alive]).wait().unwrap();
            hold(alive);
        }
        ["fork", alive] => drop(again(&["lone", alive])),
        ["lone", alive] => {
            rustix::process::setsid().unwrap();
            drop(again(&["hold", alive]));
            hold(alive);
        }
        ["hold", alive] => hold(alive),
        ["linger", alive, _prompt] => {
            let child = again(&["hold", alive]);
            wait_until(|| !lockable(alive));
            drop(child);
            println!("answered");
        }
        ["stubborn", alive, _prompt] => {
            // SIGTERM is blocked by ignoring it in a process of its own: a shell that traps it.
            let script = format!(
                "trap '' TERM; '{}' {VERB} hold '{alive}'",
                std::env::current_exe().unwrap().display()
            );
            Command::new("/bin/sh")
                .arg("-c")
                .arg(script)
                .status()
                .unwrap();
        }
        ["meet", log, count, _prompt] => {
            note(log, "start");
            wait_until(|| {
                std::fs::read_to_string(log).unwrap().lines().count() >= count.parse().unwrap()
            });
            println!("met");
        }
        ["span", log, _prompt] => {
            note(log, "start");
            // Long enough that runs at the same time would mix their lines.
            std::thread::sleep(Duration::from_millis(30));
            note(log, "end");
            println!("done");
        }
        ["flood", bytes, _prompt] => {
            let line = [b'x'; 1 << 16];
            let mut left: usize = bytes.parse().unwrap();
            while left > 0 {
                let part = left.min(line.len());
                std::io::stderr().write_all(&line[..part]).unwrap();
                left -= part;
            }
            println!("flooded");
        }
        _ => {
            eprintln!("no such stub: {args:?}");
            return 99;
        }
    }
    0
}

fn again(args: &[&str]) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .arg(VERB)
        .args(args)
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

fn note(log: &str, line: &str) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Shares a lock on the file until the process ends.
fn hold(alive: &str) -> ! {
    let file = File::open(alive).unwrap();
    flock(&file, FlockOperation::LockShared).unwrap();
    loop {
        std::thread::park();
    }
}

/// Whether nobody holds the file.
pub fn lockable(alive: &str) -> bool {
    let file = File::open(alive).unwrap();
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return false;
    }
    // Given back by name: a process that a test beside this one is starting may have inherited the file, and would keep the lock.
    flock(&file, FlockOperation::Unlock).unwrap();
    true
}

pub fn wait_until(done: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < until, "waited for a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}
