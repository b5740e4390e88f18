//! Harnesses are killed at any moment of start, service and stop, alone and as users of a shared server: no process, no listener
//! and no lease stays.
//!
//! `TRIBUNAL_CHAOS_ROUNDS` and `TRIBUNAL_CHAOS_SEED` make it longer and different; then the slowest clean-up is printed. The pauses
//! before a kill are no waits for anything: whenever they end, the same must hold.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::process::Signal;

use crate::fake::HARNESS;
use crate::support::{Folder, Runner, Sharer, signal, trial, until, uses};

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "chaos::a_harness_killed_at_any_moment_leaves_nothing",
            alone,
        ),
        trial(
            "chaos::ten_users_killed_at_any_moment_leave_nothing",
            shared,
        ),
    ]
}

const SIGNALS: [Signal; 3] = [Signal::KILL, Signal::TERM, Signal::INT];

/// A sequence that looks random and is the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

/// Plays the rounds, each with a folder of its own, and looks at what is left.
fn rounds(default: u64, play: impl Fn(&Folder, &mut Dice) -> Vec<u16>) {
    let rounds = number("TRIBUNAL_CHAOS_ROUNDS", default);
    let mut dice = Dice(number("TRIBUNAL_CHAOS_SEED", 0x5EED));
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let folder = Folder::new();
        let ports = play(&folder, &mut dice);
        let killed = Instant::now();
        until(&format!("round {round} has left nothing"), || {
            !folder.anybody_lives()
                && !uses(folder.path())
                && leases_are_free(&folder)
                && !ports.iter().any(|port| answers(*port))
        });
        slowest = slowest.max(killed.elapsed());
    }
    if rounds != default {
        eprintln!("{rounds} rounds; the slowest clean-up took {slowest:?}");
    }
}

/// A lease is a lock on one byte of this file: nobody has one if all of it can be locked.
fn leases_are_free(folder: &Folder) -> bool {
    let file = File::options()
        .write(true)
        .open(folder.path().join("leases/ports"));
    // Without the file there was never a lease.
    file.is_ok_and(|file| fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
        || !folder.path().join("leases/ports").exists()
}

fn answers(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_secs(5)).is_ok()
}

fn alone() {
    rounds(12, |folder, dice| {
        let mut harness = Command::new(std::env::current_exe().unwrap())
            .args([HARNESS, "--mode", "orphans", "--churn", "--folder"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(dice.below(700_000)));
        let index = usize::try_from(dice.below(3)).unwrap();
        signal(harness.id(), SIGNALS[index]);
        let status = harness.wait().unwrap();
        assert!(status.signal().is_some(), "it ended by itself: {status}");
        let said = BufReader::new(harness.stdout.take().unwrap()).lines();
        // The last line may be cut off.
        said.filter_map(|line| line.ok()?.parse().ok()).collect()
    });
}

fn shared() {
    rounds(4, |folder, dice| {
        let mut runner = Runner::new();
        let name = runner.name();
        let run = || {
            Sharer::run(
                folder,
                "orphans",
                "100",
                &["--own-leases", "--runner", &name],
            )
        };
        let mut sharers: Vec<Sharer> = (0..10).map(|_| run()).collect();
        std::thread::sleep(Duration::from_micros(dice.below(500_000)));
        if dice.below(2) == 0 {
            runner.kill();
        }
        let mut ports = Vec::new();
        for sharer in &mut sharers {
            let index = usize::try_from(dice.below(3)).unwrap();
            signal(sharer.child.id(), SIGNALS[index]);
            sharer.child.wait().unwrap();
            ports.extend(sharer.port());
        }
        ports
    });
}
