//! The harness is killed, as a person or a CI job does it: nothing is left, and leases are free again.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use libtest_mimic::Trial;
use tribunal_serving::{Server, StartErrorKind};

use crate::fake::HARNESS;
use crate::support::{Folder, assert_has, runtime, trial, until};

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
        trial("death::leases_hold_across_processes_until_death", leases),
    ]
}

/// A harness of its own, with a server.
struct Harness(Child);

impl Harness {
    fn run(folder: &Folder, mode: &str, more: &[&str]) -> Harness {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([HARNESS, "--mode", mode, "--folder"])
            .arg(folder.path())
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Harness(child)
    }

    /// Port of the server and number of its processes, once it is ready.
    fn ready(&mut self) -> (u16, u64) {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let told: serde_json::Value =
            serde_json::from_str(&line).expect("the harness started its server");
        let port = u16::try_from(told["port"].as_u64().unwrap()).unwrap();
        (port, told["processes"].as_u64().unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sigkill() {
    let folder = Folder::new();
    let mut harness = Harness::run(&folder, "orphans", &[]);
    let (_, processes) = harness.ready();
    assert_eq!(processes, 4);
    assert!(folder.anybody_lives());
    harness.kill();
    until("everything is gone", || !folder.anybody_lives());
}

fn sigkill_during_start() {
    let folder = Folder::new();
    let mut harness = Harness::run(&folder, "never-listens", &[]);
    until("the server runs", || folder.anybody_lives());
    harness.kill();
    until("everything is gone", || !folder.anybody_lives());
}

fn sigkill_stubborn() {
    let folder = Folder::new();
    let mut harness = Harness::run(&folder, "stubborn-orphans", &[]);
    assert_eq!(harness.ready().1, 3);
    harness.kill();
    until("everything is gone", || !folder.anybody_lives());
}

fn plain_exit() {
    let folder = Folder::new();
    let mut harness = Harness::run(&folder, "orphans", &[]);
    harness.ready();
    drop(harness.0.stdin.take());
    assert!(harness.0.wait().unwrap().success());
    until("everything is gone", || !folder.anybody_lives());
}

/// The moment is chosen by how far the harness is, spread over its first fifty milliseconds by a fixed sequence.
fn random_kills() {
    let mut seed: u64 = 0x5EED;
    for round in 0..20 {
        let folder = Folder::new();
        let mut harness = Harness::run(&folder, "orphans", &[]);
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(std::time::Duration::from_micros((seed >> 33) % 50_000));
        harness.kill();
        // Not even a keeper that had just been started and not yet told what to do.
        let marker = folder.path().to_str().unwrap().to_string();
        until(&format!("everything of round {round} is gone"), || {
            !folder.anybody_lives() && !mentioned(&marker)
        });
    }
}

/// Whether a process has this text in its command line.
fn mentioned(text: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    })
}

fn leases() {
    let folder = Folder::new();
    let mut harness = Harness::run(&folder, "ok", &[]);
    let (port, _) = harness.ready();
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
