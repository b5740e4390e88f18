//! The harness is killed, as a person or a CI job does it: nothing is left, and leases are free again.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use libtest_mimic::Trial;
use rustix::process::Signal;
use tribunal_serving::{Server, StartErrorKind};

use crate::fake::HARNESS;
use crate::support::{Folder, assert_has, runtime, signal, trial, until, uses};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("death::sigkill_leaves_nothing_behind", sigkill),
        trial(
            "death::sigkill_during_the_start_leaves_nothing",
            sigkill_during_start,
        ),
        trial("death::sigkill_leaves_no_stubborn_orphan", sigkill_stubborn),
        trial("death::exit_without_a_stop_leaves_nothing", plain_exit),
        trial(
            "death::twenty_kills_at_any_moment_leave_nothing",
            random_kills,
        ),
        trial(
            "death::a_server_whose_keeper_and_harness_are_gone_dies",
            nobody_left,
        ),
        trial(
            "death::what_nobody_watches_any_more_is_cleared_by_the_next_keeper",
            group_is_cleared,
        ),
        trial(
            "death::a_harness_that_ignores_sigterm_has_a_server_that_does_not",
            deaf_harness,
        ),
        trial("death::leases_hold_across_processes_until_death", leases),
    ]
}

/// A harness of its own, with a server.
struct Harness(Child);

impl Harness {
    fn run(folder: &Folder, mode: &str) -> Harness {
        Self::spawn(
            &mut Command::new(std::env::current_exe().unwrap()),
            folder,
            mode,
        )
    }

    fn spawn(command: &mut Command, folder: &Folder, mode: &str) -> Harness {
        command
            .args([HARNESS, "--mode", mode, "--folder"])
            .arg(folder.path());
        Harness(
            command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap(),
        )
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        line
    }

    /// Waits until the server is ready.
    fn ready(&mut self) -> Told {
        let told: serde_json::Value =
            serde_json::from_str(&self.line()).expect("the harness started its server");
        let number = |name: &str| u32::try_from(told[name].as_u64().unwrap()).unwrap();
        Told {
            port: u16::try_from(number("port")).unwrap(),
            processes: number("processes"),
            keeper: number("keeper"),
        }
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What a harness says of its server.
struct Told {
    port: u16,
    processes: u32,
    keeper: u32,
}

impl Drop for Harness {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sigkill() {
    let folder = Folder::new();
    let mut harness = Harness::run(&folder, "orphans");
    assert_eq!(harness.ready().processes, 4);
    assert!(folder.anybody_lives());
    harness.kill();
    until("everything is gone", || !folder.anybody_lives());
}

fn sigkill_during_start() {
    let folder = Folder::new();
    let mut harness = Harness::run(&folder, "never-listens");
    until("the server runs", || folder.anybody_lives());
    harness.kill();
    until("everything is gone", || !folder.anybody_lives());
}

fn sigkill_stubborn() {
    let folder = Folder::new();
    let mut harness = Harness::run(&folder, "stubborn-orphans");
    assert_eq!(harness.ready().processes, 3);
    harness.kill();
    until("everything is gone", || !folder.anybody_lives());
}

fn plain_exit() {
    let folder = Folder::new();
    let mut harness = Harness::run(&folder, "orphans");
    harness.ready();
    drop(harness.0.stdin.take());
    assert!(harness.0.wait().unwrap().success());
    until("everything is gone", || !folder.anybody_lives());
}

/// The parent-death signal is the second belt, for the server itself.
fn nobody_left() {
    let folder = Folder::new();
    let mut harness = Harness::run(&folder, "ok");
    let keeper = harness.ready().keeper;
    // A harness that is stopped cannot clear away what its keeper left.
    signal(harness.0.id(), Signal::STOP);
    signal(keeper, Signal::KILL);
    until("the server is gone", || !folder.anybody_lives());
    harness.kill();
}

/// Without a keeper only the server itself dies; those that hid are ended by the next keeper, through their group.
fn group_is_cleared() {
    if let Err(why) = tribunal_serving::cgroup_belt() {
        eprintln!("not checked: {why}");
        return;
    }
    let folder = Folder::new();
    let mut harness = Harness::run(&folder, "orphans");
    let keeper = harness.ready().keeper;
    signal(harness.0.id(), Signal::STOP);
    signal(keeper, Signal::KILL);
    harness.kill();
    let other = Folder::new();
    runtime().block_on(async {
        other.start("ok").await.stop().await.unwrap();
    });
    until("those that hid are gone", || !folder.anybody_lives());
}

/// What is ignored is inherited across exec; the keeper must not pass it on.
fn deaf_harness() {
    let folder = Folder::new();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' TERM; exec \"$0\" \"$@\" --stop"])
        .arg(std::env::current_exe().unwrap());
    let mut harness = Harness::spawn(&mut shell, &folder, "ok");
    harness.ready();
    drop(harness.0.stdin.take());
    assert_eq!(harness.line(), "signal: 15 (SIGTERM)\n");
    assert!(harness.0.wait().unwrap().success());
}

/// The moments are spread over the first fifty milliseconds of a harness by a fixed sequence: before, while and after
/// keeper and server start. The pause is no wait for anything; whenever it ends, the same must hold.
fn random_kills() {
    let mut seed: u64 = 0x5EED;
    for round in 0..20 {
        let folder = Folder::new();
        let mut harness = Harness::run(&folder, "orphans");
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(std::time::Duration::from_micros((seed >> 33) % 50_000));
        harness.kill();
        // Not even a keeper that had just been started and not yet told what to do.
        until(&format!("everything of round {round} is gone"), || {
            !folder.anybody_lives() && !uses(folder.path())
        });
    }
}

fn leases() {
    let folder = Folder::new();
    let mut harness = Harness::run(&folder, "ok");
    let port = harness.ready().port;
    let options = folder
        .options()
        .lease_folder(folder.path().join("leases"))
        .ports(port..=port);
    let runtime = runtime();
    runtime.block_on(async {
        let error = Server::start(&folder.fake("ok"), &options)
            .await
            .unwrap_err();
        assert!(matches!(
            error.kind(),
            StartErrorKind::PortsExhausted { .. }
        ));
        let holder = format!("port {port} is leased by pid {} (", harness.0.id());
        assert_has(&error.to_string(), &[&holder]);
        harness.kill();
        until("everything is gone", || !folder.anybody_lives());
        // The keeper ends, and the lease with it, after the last process of its tree.
        let deadline = std::time::Instant::now() + crate::support::DEADLINE;
        let server = loop {
            match Server::start(&folder.fake("ok"), &options).await {
                Ok(server) => break server,
                Err(e) => {
                    assert!(
                        matches!(e.kind(), StartErrorKind::PortsExhausted { .. }),
                        "{e}"
                    );
                    assert!(std::time::Instant::now() < deadline, "{e}");
                }
            }
        };
        assert_eq!(server.port(), port);
        server.stop().await.unwrap();
    });
}
