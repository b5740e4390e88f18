//! Many processes take leases of the same two devices and a name again and again; some are killed while they hold one.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use tribunal_hardware::{Amount, Capacity, Claim, DeviceClaim, Leases};

use crate::crew::{self, LONG};

const GIB: u64 = 1 << 30;
const TOTAL: u64 = 24;
const SHARED: u64 = 20;

pub fn trials() -> Vec<Trial> {
    vec![
        crew::trial("twelve_processes_compete", || contest(12, 10, 0)),
        crew::trial("processes_are_killed_while_they_hold", || {
            contest(10, 20, 60)
        }),
        crew::trial("two_hundred_processes_compete", || contest(200, 20, 0))
            .with_ignored_flag(true),
        crew::trial("two_hundred_processes_are_killed", || contest(200, 20, 60))
            .with_ignored_flag(true),
    ]
}

/// A claim by chance: `A 12,B 12`, `A whole,x`.
fn claim(random: &mut dyn FnMut(u64) -> u64) -> (Claim, String) {
    let mut claim = Claim::default();
    let mut text = Vec::new();
    let keys: &[&str] = match random(8) {
        0 => &["A", "B"],
        n if n % 2 == 0 => &["A"],
        _ => &["B"],
    };
    let gib = [2, 4, 6, 8, 12, 20, 22][random(7) as usize];
    let whole = random(10) == 0;
    for key in keys {
        text.push(format!("{key} {}", if whole { TOTAL } else { gib }));
        claim.devices.push(DeviceClaim {
            key: key.to_string(),
            amount: if whole {
                Amount::Whole
            } else {
                Amount::Bytes(gib * GIB)
            },
            capacity: Capacity {
                total: Some(TOTAL * GIB),
                shared: Some(SHARED * GIB),
            },
        });
    }
    if random(5) == 0 {
        claim.names.push("x".into());
        text.push("x 1".into());
    }
    (claim, text.join(","))
}

/// A process that competes: the folder of the ledger, the file for notes, rounds, seed, and how many of a thousand leases
/// it is killed in.
pub fn play(args: &[String]) {
    let [folder, notes, rounds, seed, killed] = args else {
        panic!("five arguments, not {args:?}");
    };
    let number = |text: &String| text.parse::<u64>().unwrap();
    let leases = Leases::open(Path::new(folder)).unwrap();
    let notes = File::options().append(true).open(notes).unwrap();
    // Neighbouring seeds must not begin alike.
    let mut state = (number(seed) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let pid = std::process::id();
    // One call per line, so that lines of several processes do not mix. The plus is written after the lease was taken and the
    // minus before it is given back: whatever overlaps in the notes did overlap.
    let note = |line: String| (&notes).write_all(line.as_bytes()).unwrap();
    for _ in 0..number(rounds) {
        let (claim, text) = claim(&mut random);
        let begin = Instant::now();
        let waiter = leases.wait_for(&claim).unwrap();
        let lease = waiter.wait(LONG).unwrap().expect("starved");
        note(format!("+;{pid};{text};{}\n", begin.elapsed().as_micros()));
        std::thread::sleep(Duration::from_micros(random(3000)));
        note(format!("-;{pid};{text};0\n"));
        if random(1000) < number(killed) {
            let this = rustix::process::getpid();
            rustix::process::kill_process(this, rustix::process::Signal::KILL).unwrap();
        }
        drop(lease);
    }
    note(format!("=;{pid};;0\n"));
}

fn contest(processes: usize, rounds: u64, killed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    File::create(&notes).unwrap();
    let begin = Instant::now();
    let mut children: Vec<_> = (0..processes)
        .map(|seed| {
            let (rounds, seed) = (rounds.to_string(), seed.to_string());
            let ledger = folder.path().join("ledger");
            let args = [
                ledger.to_str().unwrap(),
                notes.to_str().unwrap(),
                &rounds,
                &seed,
                &killed.to_string(),
            ];
            crew::role("compete", &args).spawn().unwrap()
        })
        .collect();
    let ended = crew::finish(&mut children);
    let took = begin.elapsed();
    let good = ended.iter().filter(|status| status.success()).count();
    let by_kill = ended.iter().filter(|status| {
        use std::os::unix::process::ExitStatusExt;
        status.signal() == Some(9)
    });
    let by_kill = by_kill.count();
    assert_eq!(good + by_kill, processes, "{ended:?}");
    assert_eq!(by_kill > 0, killed > 0, "{ended:?}");
    let notes = std::fs::read_to_string(&notes).unwrap();
    let waits = replay(&notes);
    assert_eq!(notes.lines().filter(|l| l.starts_with('=')).count(), good);
    assert!(waits.len() as u64 >= good as u64 * rounds);
    // Whatever was held is free: nothing is lost with those that died.
    let leases = Leases::open(&folder.path().join("ledger")).unwrap();
    assert_eq!(leases.holders().unwrap(), []);
    let mut sorted = waits;
    sorted.sort_unstable();
    eprintln!(
        "{processes} processes, {} leases, {by_kill} killed: {took:.1?}; waited median {} ms, 99 % {} ms, longest {} ms",
        sorted.len(),
        sorted[sorted.len() / 2] / 1000,
        sorted[sorted.len() * 99 / 100] / 1000,
        sorted[sorted.len() - 1] / 1000,
    );
}

/// Goes through the notes and checks that nothing was ever given away twice. Returns how long each waited, in
/// microseconds.
fn replay(notes: &str) -> Vec<u64> {
    let mut held: HashMap<&str, HashMap<&str, u64>> = HashMap::new();
    let mut waits = Vec::new();
    for line in notes.lines() {
        let [what, pid, claim, waited] = line.split(';').collect::<Vec<_>>()[..] else {
            panic!("a torn note: {line}");
        };
        let parts = claim.split(',').filter_map(|part| part.split_once(' '));
        for (key, amount) in parts {
            let users = held.entry(key).or_default();
            if what == "-" {
                users.remove(pid).expect("it was held");
                continue;
            }
            users.insert(pid, amount.parse().unwrap());
            let sum: u64 = users.values().sum();
            let room = match (key, users.len()) {
                ("x", _) => 1,
                (_, 1) => TOTAL,
                _ => SHARED,
            };
            assert!(sum <= room, "{key} is given away twice: {users:?}");
        }
        if what == "+" {
            waits.push(waited.parse().unwrap());
        }
    }
    waits
}
