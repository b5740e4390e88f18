//! What servers leave behind that is no process and no port, and what they do to their logs.

use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::Trial;
use tribunal_serving::{Deployment, Leftover, LogLimits, Server, StartErrorKind};

use crate::fake;
use crate::support::{Folder, assert_has, get, runtime, trial, until_async};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("residue::shared_memory_is_an_error_that_names_it", posix),
        trial(
            "residue::system_v_memory_is_an_error_that_names_it",
            system_v,
        ),
        trial("residue::memory_of_others_is_a_note", foreign),
        trial(
            "residue::a_control_group_goes_with_its_server",
            control_group,
        ),
        trial("residue::a_command_that_forks_away_is_told_so", forks_away),
        trial(
            "log::a_server_that_closes_its_output_is_no_trouble",
            closes_output,
        ),
        trial("log::an_endless_line_of_anything_is_bounded", endless_line),
        trial("log::secrets_do_not_reach_it", secrets),
    ]
}

/// A name in `/dev/shm` that no other test has; `None`: nothing can be made there.
fn memory(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(format!(
        "/dev/shm/tribunal-test-{name}-{}",
        std::process::id()
    ));
    if std::fs::write(&path, "").is_err() {
        eprintln!("not checked: /dev/shm cannot be written");
        return None;
    }
    std::fs::remove_file(&path).unwrap();
    Some(path)
}

fn posix() {
    let Some(path) = memory("posix") else { return };
    let folder = Folder::new();
    let name = path.file_name().unwrap().to_str().unwrap();
    let deployment = folder.fake("leaves-memory").args(["--memory", name]);
    runtime().block_on(async {
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        let error = server.stop().await.unwrap_err();
        let expected = Leftover::SharedMemory {
            path: path.clone(),
            bytes: 6,
        };
        assert_eq!(error.leftovers(), [expected]);
        let remedy = format!("rm {}", path.display());
        assert_has(
            &error.to_string(),
            &["was not stopped cleanly", &remedy, "server.log"],
        );
        // The next server is not blamed for it.
        folder.start("ok").await.stop().await.unwrap();
    });
    std::fs::remove_file(path).unwrap();
}

fn system_v() {
    if !Command::new("perl")
        .arg("-e1")
        .status()
        .is_ok_and(|s| s.success())
    {
        eprintln!("not checked: there is no perl to make a segment");
        return;
    }
    let folder = Folder::new();
    // 01600: made new, for this user. The program goes on as the server, with the same pid.
    let script = "shmget(0, 4096, 01600) // die $!; exec @ARGV or die $!";
    let deployment = Deployment::command("perl")
        .args(["-e", script])
        .arg(std::env::current_exe().unwrap())
        .args([
            fake::SERVER,
            "--mode",
            "ok",
            "--port",
            "{port}",
            "--model",
            "tiny",
            "--alive",
        ])
        .arg(folder.alive());
    runtime().block_on(async {
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        let error = server.stop().await.unwrap_err();
        let [Leftover::SystemV { id, bytes: 4096 }] = error.leftovers() else {
            panic!("{error}");
        };
        let remedy = format!("ipcrm -m {id}");
        assert_has(&error.to_string(), &[&remedy]);
        let mut words = remedy.split(' ');
        let removed = Command::new(words.next().unwrap()).args(words).status();
        assert!(removed.unwrap().success());
    });
}

fn foreign() {
    let Some(path) = memory("foreign") else {
        return;
    };
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("workers").await;
        std::fs::write(&path, "of another job").unwrap();
        let report = server.stop().await;
        std::fs::remove_file(&path).unwrap();
        let notes = report.unwrap().notes.join("\n");
        assert_has(&notes, &["cannot be attributed", path.to_str().unwrap()]);
    });
}

fn control_group() {
    let home = match tribunal_serving::cgroup_belt() {
        Ok(home) => home,
        Err(why) => {
            eprintln!("not checked: {why}");
            return;
        }
    };
    let folder = Folder::new();
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    runtime().block_on(async {
        let server = folder.start("orphans").await;
        let group = |pid| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
            text.lines()
                .find_map(|l| l.strip_prefix("0::"))
                .unwrap()
                .to_string()
        };
        let tree = server.processes();
        let keeper = tree[0].parent;
        let theirs = group(tree[0].pid);
        assert!(theirs.contains(&format!("/tribunal-{keeper}-")), "{theirs}");
        assert!(tree.iter().all(|p| group(p.pid) == theirs));
        assert!(
            own.contains(&format!("0::{}\n", group(keeper))),
            "the keeper itself is where it was"
        );
        let path = home.join(theirs.rsplit('/').next().unwrap());
        assert!(path.exists());
        server.stop().await.unwrap();
        assert!(!path.exists());
    });
}

fn forks_away() {
    let folder = Folder::new();
    runtime().block_on(async {
        let error = folder.refused(&folder.fake("forks-away")).await;
        let StartErrorKind::Background { running } = error.kind() else {
            panic!("{error}");
        };
        let still = format!("(pid {} (", running[0].pid);
        assert_has(
            &error.to_string(),
            &["forked into the background", &still, "foreground"],
        );
    });
}

fn closes_output() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("closes-output").await;
        assert_eq!(get(&server, "/health"), "");
        let report = server.stop().await.unwrap();
        assert!(report.killed.is_empty() && report.log_lost.is_none());
    });
}

/// `TRIBUNAL_FLOOD_MB=1024` makes it a gigabyte.
fn endless_line() {
    let megabytes = std::env::var("TRIBUNAL_FLOOD_MB").map_or(24, |n| n.parse().unwrap());
    let folder = Folder::new();
    let script = "dd if=/dev/zero bs=1M count=$0 status=none; \
                  dd if=/dev/urandom bs=1M count=1 status=none; echo; echo end; exec \"$@\"";
    let deployment = Deployment::command("sh")
        .args(["-c", script])
        .arg(megabytes.to_string())
        .arg(std::env::current_exe().unwrap())
        .args([
            fake::SERVER,
            "--mode",
            "ok",
            "--port",
            "{port}",
            "--model",
            "tiny",
            "--alive",
        ])
        .arg(folder.alive())
        .fatal_log("this is never said")
        .ready_within(crate::support::DEADLINE);
    let options = folder.options().log_limits(LogLimits {
        whole: 4 << 20,
        head: 1 << 20,
    });
    runtime().block_on(async {
        let server = Server::start(&deployment, &options).await.unwrap();
        until_async("the last line is in the log", || {
            server.log_tail(2).unwrap() == "end\nfake server in mode ok"
        })
        .await;
        let keeper = server.processes()[0].parent;
        let status = std::fs::read_to_string(format!("/proc/{keeper}/status")).unwrap();
        let peak = status
            .lines()
            .find_map(|l| l.strip_prefix("VmHWM:"))
            .unwrap();
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kilobytes < 64 << 10, "the keeper needed {kilobytes} kB");
        assert!(std::fs::metadata(server.log_path().unwrap()).unwrap().len() <= 4 << 20);
        let report = server.stop().await.unwrap();
        assert_eq!(report.log_lost, None);
    });
}

fn secrets() {
    let folder = Folder::new();
    let script = "echo key=$SERVICE_API_KEY, arg $1; echo \"Authorization: Bearer $PLAIN\"; \
                  printf '%s' \"${SERVICE_API_KEY%???}\"; sleep 0.05; echo 3-x; echo fatal: $2 $SERVICE_API_KEY; exit 1";
    let hub = format!("hf_{}", "Ab1".repeat(10));
    let deployment = Deployment::command("sh")
        .args(["-c", script, "--api-key", "argument-secret", &hub])
        .env("SERVICE_API_KEY", "env-secret-3-x")
        .env("PLAIN", "not-named-so.but=hidden")
        .fatal_log("fatal:");
    runtime().block_on(async {
        let error = folder.refused(&deployment).await;
        let log = std::fs::read_to_string(folder.path().join("evidence/server.log")).unwrap();
        for text in [
            error.to_string(),
            log.clone(),
            format!("{:?}", error.kind()),
        ] {
            for secret in ["argument-secret", "env-secret", "not-named-so", &hub[..12]] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
        assert_has(
            &log,
            &["key=***, arg ***\nAuthorization: Bearer ***\n***\nfatal: *** ***\n"],
        );
    });
}
