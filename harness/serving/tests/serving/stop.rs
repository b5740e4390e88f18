//! Stopping: nothing is left, and what resists is named.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use libtest_mimic::Trial;
use rustix::process::Signal;
use tribunal_serving::{Deployment, Server, StartErrorKind, StopErrorKind};

use crate::fake;
use crate::support::{
    Folder, assert_has, listen_sharing, runtime, signal, trial, until, until_async,
};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("stop::children_that_hide_are_stopped_too", orphans),
        trial(
            "stop::a_server_that_ignores_sigterm_is_killed",
            ignores_term,
        ),
        trial("stop::stubborn_orphans_are_killed", stubborn_orphans),
        trial("stop::a_stopped_server_hears_sigterm", stopped_server),
        trial("stop::a_server_that_died_before_is_told", died_before),
        trial("stop::the_second_stop_says_the_same", twice),
        trial("stop::a_dropped_server_is_stopped", dropped),
        trial("stop::a_cancelled_start_is_stopped", cancelled),
        trial("stop::a_port_that_stays_open_is_an_error", port_held),
        trial(
            "stop::a_lost_keeper_is_an_error_and_leaves_nothing",
            keeper_lost,
        ),
        trial(
            "stop::a_keeper_that_is_asked_to_end_stops_the_server",
            keeper_asked,
        ),
        trial(
            "stop::a_server_that_signals_its_group_spares_the_keeper",
            group_signal,
        ),
        trial("stop::twenty_rounds_leave_nothing", rounds),
    ]
}

/// The pid of the keeper: the parent of the server.
fn keeper(server: &Server) -> u32 {
    server
        .processes()
        .iter()
        .find(|p| Some(p.pid) == server.pid())
        .unwrap()
        .parent
}

fn orphans() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("orphans").await;
        let tree = server.processes();
        assert_eq!(
            tree.len(),
            4,
            "server, worker, setsid, double fork: {tree:?}"
        );
        assert_eq!(
            tree.iter().filter(|p| p.parent == keeper(&server)).count(),
            2,
            "{tree:?}"
        );
        let report = server.stop().await.unwrap();
        folder.assert_nothing_lives();
        assert_eq!(report.exit.and_then(|e| e.signal()), Some(15));
        // The server left all three of its children behind; asked, they ended.
        assert_eq!(report.outlived.len(), 3, "{report:?}");
        assert_eq!(report.killed, []);
    });
}

fn ignores_term() {
    let folder = Folder::new();
    let script = "trap '' TERM; exec \"$0\" \"$@\"";
    let deployment = Deployment::command("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .args([
            fake::SERVER,
            "--mode",
            "workers",
            "--port",
            "{port}",
            "--alive",
        ])
        .arg(folder.alive());
    runtime().block_on(async {
        let options = folder.options().grace(Duration::from_millis(50));
        let server = Server::start(&deployment, &options).await.unwrap();
        let pid = server.pid();
        let report = server.stop().await.unwrap();
        folder.assert_nothing_lives();
        assert_eq!(report.exit.and_then(|e| e.signal()), Some(9));
        // Its worker inherited the deaf ear.
        assert_eq!(report.killed.len(), 2, "{report:?}");
        assert_eq!(Some(report.killed[0].pid), pid);
    });
}

fn stubborn_orphans() {
    let folder = Folder::new();
    runtime().block_on(async {
        let options = folder.options().grace(Duration::from_millis(700));
        let server = Server::start(&folder.fake("stubborn-orphans"), &options)
            .await
            .unwrap();
        let report = server.stop().await.unwrap();
        folder.assert_nothing_lives();
        assert_eq!(report.exit.and_then(|e| e.signal()), Some(15));
        assert_eq!(report.killed.len(), 2, "{report:?}");
    });
}

fn stopped_server() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("ok").await;
        signal(server.pid().unwrap(), Signal::STOP);
        let report = server.stop().await.unwrap();
        assert_eq!(report.exit.and_then(|e| e.signal()), Some(15));
        assert_eq!(report.killed, []);
    });
}

fn died_before() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("orphans").await;
        signal(server.pid().unwrap(), Signal::KILL);
        until_async("its end is noticed", || !server.is_alive()).await;
        assert_eq!(server.exit_status().and_then(|e| e.signal()), Some(9));
        // Nobody has to ask for the rest to be cleared away.
        until_async("its children are gone", || !folder.anybody_lives()).await;
        let report = server.stop().await.unwrap();
        assert!(report.ended_before);
        assert_eq!(report.outlived.len(), 3, "{report:?}");
    });
}

fn twice() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("ok").await;
        let first = server.shut_down().await.unwrap();
        assert!(!server.is_alive() && server.processes().is_empty());
        let second = server.shut_down().await.unwrap();
        assert_eq!((first.exit, first.killed), (second.exit, second.killed));
        assert!(!first.ended_before && second.ended_before);
    });
}

fn dropped() {
    let folder = Folder::new();
    let server = runtime().block_on(folder.start("orphans"));
    assert!(folder.anybody_lives());
    drop(server);
    until("everything is gone", || !folder.anybody_lives());
}

fn cancelled() {
    let folder = Folder::new();
    let deployment = folder.fake("never-listens");
    runtime().block_on(async {
        let options = folder.options();
        tokio::select! {
            result = Server::start(&deployment, &options) => panic!("{result:?}"),
            () = until_async("the server runs", || folder.anybody_lives()) => {}
        }
    });
    until("everything is gone", || !folder.anybody_lives());
}

fn port_held() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("shares-port").await;
        let _listener = listen_sharing(server.port());
        let port = server.port();
        let error = server.stop().await.unwrap_err();
        assert!(matches!(error.kind(), StopErrorKind::Residue { left, port_held: Some(_), .. } if left.is_empty()));
        let me = format!("its port {port} is still listened on by pid {} (", std::process::id());
        assert_has(&error.to_string(), &["fake-shares-port", "was not stopped cleanly", &me, "server.log"]);
    });
    folder.assert_nothing_lives();
}

fn keeper_lost() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("workers").await;
        signal(keeper(&server), Signal::KILL);
        until_async("the tree is gone", || !folder.anybody_lives()).await;
        let error = server.stop().await.unwrap_err();
        assert!(
            matches!(error.kind(), StopErrorKind::KeeperLost { .. }),
            "{error}"
        );
        assert_has(
            &error.to_string(),
            &["keeper ended with signal 9", "not known"],
        );
    });
}

fn keeper_asked() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("orphans").await;
        signal(keeper(&server), Signal::TERM);
        until_async("the tree is gone", || !folder.anybody_lives()).await;
        let report = server.stop().await.unwrap();
        assert_eq!(report.exit.and_then(|e| e.signal()), Some(15));
    });
}

/// Some engines end their workers by a signal to their whole process group.
fn group_signal() {
    let folder = Folder::new();
    let deployment = Deployment::command("sh").args(["-c", "kill -KILL 0"]);
    runtime().block_on(async {
        let error = folder.refused(&deployment).await;
        // Only a keeper that lives can tell how the server ended.
        assert!(
            matches!(error.kind(), StartErrorKind::Exited { status, .. } if status.signal() == Some(9)),
            "{error}"
        );
    });
}

fn rounds() {
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let folder = Folder::new();
    let mut ports = std::collections::HashSet::new();
    let runtime = runtime();
    runtime.block_on(async {
        for _ in 0..20 {
            let server = folder.start("workers").await;
            ports.insert(server.port());
            server.stop().await.unwrap();
            folder.assert_nothing_lives();
        }
    });
    // Other tests run beside this one: what is counted is that twenty rounds do not add up.
    until("descriptors and threads are few", || {
        descriptors() < 20 * 3 && threads() < 20 + 16
    });
    assert!(
        ports.len() > 1,
        "the search begins somewhere else each time"
    );
}
