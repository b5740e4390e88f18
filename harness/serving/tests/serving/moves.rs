//! Ports that somebody else has: refused before the start, and where one is taken after the lease, one start more on another port and a note.

use std::net::TcpListener;

use libtest_mimic::Trial;
use tribunal_serving::{Server, StartErrorKind as K};

use crate::support::{Folder, assert_has, fake_part, runtime, squatter, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("move::a_server_that_says_so_and_ends", says_and_ends),
        trial("move::a_server_that_says_so_and_stays", says_and_stays),
        trial("move::a_port_that_somebody_else_answers", squatted),
        trial("move::all_processes_get_new_ports", all_move),
        trial("move::a_fixed_port_stays", fixed),
        trial("move::without_another_port_the_first_error_stays", nowhere),
        trial("move::no_port_is_free", exhausted),
        trial("move::a_fixed_port_is_taken", port_taken),
    ]
}

const WORDS: [&str; 4] = [
    "OSError: [Errno 98] Address already in use",
    "Error: Os { code: 98, kind: AddrInUse, message: \"...\" }",
    "listen tcp 127.0.0.1:8000: bind: ADDRESS ALREADY IN USE",
    "Error: listen EADDRINUSE: 127.0.0.1:8000",
];

fn says_and_ends() {
    runtime().block_on(async {
        for words in WORDS {
            let folder = Folder::new();
            let deployment = folder.fake("in-use-once").args(["--says", words]);
            let server = Server::start(&deployment, &folder.options()).await.unwrap();
            let [note] = server.notes() else {
                panic!("one note: {:?}", server.notes());
            };
            assert_has(note, &["once more on another port", words]);
            assert!(
                !note.contains(&server.port().to_string()),
                "the old port: {note}"
            );
            assert!(server.log_path().unwrap().ends_with("server-2.log"));
            server.stop().await.unwrap();
            folder.assert_nothing_lives();
        }
    });
}

fn says_and_stays() {
    let folder = Folder::new();
    let deployment = folder
        .fake("in-use-once-lives")
        .args(["--says", "error: couldn't bind HTTP server socket, port: 1"]);
    runtime().block_on(async {
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        assert_has(&server.notes()[0], &["couldn't bind HTTP server socket"]);
        server.stop().await.unwrap();
    });
    folder.assert_nothing_lives();
}

fn squatted() {
    let folder = Folder::new();
    let deployment = folder.fake("waits");
    runtime().block_on(async {
        let options = folder.options();
        let start = Server::start(&deployment, &options);
        let squat = async {
            let listener = squatter(&folder, "server.log").await;
            folder.go();
            listener
        };
        let (server, listener) = tokio::join!(start, squat);
        let server = server.unwrap();
        assert_ne!(server.port(), listener.local_addr().unwrap().port());
        assert_eq!(server.notes().len(), 1);
        server.stop().await.unwrap();
    });
    folder.assert_nothing_lives();
}

fn all_move() {
    let folder = Folder::new();
    let alive = folder.alive();
    let part = fake_part("worker", "ok", &alive).args(["{server.port}"]);
    let deployment = folder
        .fake("in-use-once")
        .args(["--says", WORDS[0], "--needs", "{worker.port}"])
        .part(part);
    runtime().block_on(async {
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        let worker = server.part("worker").unwrap();
        assert!(worker.log.ends_with("worker-2.log"));
        // It was told the port that the server has now.
        let line = std::fs::read_to_string(format!("/proc/{}/cmdline", worker.pid)).unwrap();
        assert_has(&line, &[&format!("\0{}\0", server.port())]);
        server.stop().await.unwrap();
    });
    folder.assert_nothing_lives();
}

fn fixed() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("ok").await;
        let port = server.port();
        server.stop().await.unwrap();
        let deployment = folder.fake("exits").port(port);
        let error = folder.refused(&deployment).await;
        assert!(!folder.path().join("evidence/server-3.log").exists());
        assert!(!error.to_string().contains("once more"), "{error}");
    });
}

fn nowhere() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("ok").await;
        let only = server.port();
        server.stop().await.unwrap();
        let options = folder.options().ports(only..=only);
        let error = Server::start(&folder.fake("exits"), &options)
            .await
            .unwrap_err();
        assert!(matches!(error.kind(), K::Exited { .. }), "{error}");
    });
    folder.assert_nothing_lives();
}

fn exhausted() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("ok").await;
        let only = server.port();
        let options = folder.options().ports(only..=only);
        let error = Server::start(&folder.fake("ok"), &options)
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind(), K::PortsExhausted { first, last, holders, count: 1 }
            if *first == only && *last == only && holders.len() == 1)
        );
        let me = format!("port {only} is leased by pid {} (", std::process::id());
        assert_has(&error.to_string(), &[&me, "allow a wider range"]);
        server.stop().await.unwrap();
        let server = Server::start(&folder.fake("ok"), &options).await.unwrap();
        assert_eq!(server.port(), only);
        server.stop().await.unwrap();
    });
}

fn port_taken() {
    let folder = Folder::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let error = runtime().block_on(folder.refused(&folder.fake("ok").port(port)));
    assert!(matches!(error.kind(), K::PortTaken { port: p, .. } if *p == port));
    let me = format!("port {port} is used by pid {} (", std::process::id());
    assert_has(&error.to_string(), &["is not free", &me]);
}
