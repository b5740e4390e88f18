//! What is told while a server starts, what else ends the wait, and whether it is still well afterwards.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use libtest_mimic::Trial;
use tribunal_serving::{Cause, Deployment, Readiness, Server, StartError, StartErrorKind as K};

use crate::fake;
use crate::support::{Folder, assert_has, runtime, signal, trial, until_async};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("ready::progress_says_what_is_awaited", progress),
        trial("ready::a_server_that_only_listens", only_listens),
        trial("ready::a_fatal_expression_ends_the_wait", fatal_regex),
        trial("ready::an_expression_that_does_not_parse", bad_regex),
        trial("ready::another_jobs_server_at_the_url", another_model),
        trial("ready::a_key_goes_along_and_is_never_shown", key),
        trial("ready::a_server_that_is_well", well),
        trial("ready::a_server_that_is_not_well_any_more", sick),
        trial("ready::a_stopped_server_is_not_well", hangs),
    ]
}

fn progress() {
    let folder = Arc::new(Folder::new());
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (heard, at) = (lines.clone(), folder.clone());
    // The model counts as loaded when the wait for it was told.
    let options = folder.options().progress(Arc::new(move |line: &str| {
        if line.contains("Loading model") {
            at.go();
        }
        heard.lock().unwrap().push(line.to_string());
    }));
    runtime().block_on(async {
        let deployment = folder.fake("loading");
        let server = Server::start(&deployment, &options).await.unwrap();
        server.stop().await.unwrap();
    });
    let lines = lines.lock().unwrap();
    let line = lines.iter().find(|l| l.contains("Loading")).unwrap();
    assert_has(
        line,
        &[
            "fake-loading: waiting for /health (503 Loading model) ",
            " s of 60 s",
        ],
    );
}

fn only_listens() {
    let folder = Folder::new();
    runtime().block_on(async {
        for mode in ["500", "loading"] {
            let deployment = folder.fake(mode).ready(Readiness::listening());
            let server = Server::start(&deployment, &folder.options()).await.unwrap();
            assert_eq!(server.model(), Some("tiny"), "as the deployment says");
            server.stop().await.unwrap();
        }
        let deployment = folder.fake("never-listens").ready(Readiness::alive());
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        server.stop().await.unwrap();
    });
}

fn fatal_regex() {
    let folder = Folder::new();
    let deployment = folder
        .fake("fatal")
        .fatal_regex(r"(?i)cuda\s+OUT of \w+\.$", Some("buy more cards".into()));
    let error = runtime().block_on(folder.refused(&deployment));
    assert!(matches!(error.kind(), K::FatalLog { pattern, .. } if pattern.starts_with("(?i)")));
    assert_eq!(error.likely_cause(), Some("buy more cards"));
    assert_eq!(error.cause(), Some(Cause::DeviceMemory));
    assert_has(&error.to_string(), &["likely   buy more cards"]);
}

fn bad_regex() {
    let folder = Folder::new();
    for pattern in ["rank (\\d+ died", "a{1000000}{1000000}"] {
        let deployment = folder.fake("ok").fatal_regex(pattern, None);
        let error = runtime().block_on(folder.refused(&deployment));
        assert!(matches!(error.kind(), K::FatalPattern { pattern: p, .. } if p == pattern));
        assert_has(&error.to_string(), &[pattern, "does not parse"]);
    }
    assert!(!folder.path().join("evidence").exists());
}

fn another_model() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("ok").await;
        let deployment = Deployment::url(server.base_url()).unwrap().model("tiniest");
        // On a busy machine it may not even list its models in this time.
        let error = that_lists(&deployment, &folder).await;
        assert!(matches!(error.kind(), K::ModelMissing { served, .. } if served[0] == "tiny"));
        assert_has(
            &error.to_string(),
            &["does not serve `tiniest`", "did you mean `tiny`?"],
        );
        assert!(server.is_alive());
        server.stop().await.unwrap();
    });
}

/// The error of a start that gets as far as the list of models.
async fn that_lists(deployment: &Deployment, folder: &Folder) -> StartError {
    for milliseconds in [300, 3_000, 30_000] {
        let patient = deployment
            .clone()
            .ready_within(std::time::Duration::from_millis(milliseconds));
        let error = Server::start(&patient, &folder.options())
            .await
            .unwrap_err();
        if !matches!(error.kind(), K::NotReady { .. }) {
            return error;
        }
    }
    panic!("it never listed its models");
}

fn key() {
    let folder = Folder::new();
    let deployment = folder
        .fake("key")
        .args(["--key", "s3cret/key"])
        .ready(Readiness::listening());
    runtime().block_on(async {
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        let reach = |key: Option<&str>| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command
                .args([fake::REACH, "--url", server.base_url()])
                .env_remove(fake::KEY)
                .env("TRIBUNAL_TEST_KEYS", "x")
                .envs(key.map(|key| (fake::KEY, key)))
                .stdin(Stdio::null());
            let out = command.output().unwrap();
            assert!(out.status.success(), "{out:?}");
            String::from_utf8(out.stdout).unwrap()
        };
        assert_eq!(reach(Some("s3cret/key")), "reached tiny\n");
        // Refused at once, and not after the time that a server may take to load; the echo of the key is masked.
        let shown = reach(Some("wr0ng-key"));
        assert_has(
            &shown,
            &["answered 401", "no such key: Bearer ***", "`key_env`"],
        );
        assert!(!shown.contains("wr0ng-key"), "{shown}");
        let shown = reach(None);
        assert_has(
            &shown,
            &[
                "`TRIBUNAL_TEST_KEY`, which is not set",
                "did you mean `TRIBUNAL_TEST_KEYS`?",
            ],
        );
        assert_has(&reach(Some("")), &["is empty"]);
        let shown = reach(Some("two\nlines"));
        assert_has(&shown, &["no header can carry"]);
        assert!(!shown.contains("lines"), "{shown}");
        server.stop().await.unwrap();
        let misplaced = folder.fake("ok").key_env("X");
        let error = folder.refused(&misplaced).await;
        assert!(matches!(error.kind(), K::Misplaced { .. }));
    });
}

fn well() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("ok").await;
        server.check().await.unwrap();
        let reached = Deployment::url(server.base_url()).unwrap();
        let reached = Server::start(&reached, &folder.options()).await.unwrap();
        reached.check().await.unwrap();
        server.stop().await.unwrap();
        let error = reached.check().await.unwrap_err().to_string();
        assert_has(&error, &["not well any more", "cannot connect"]);
    });
}

fn sick() {
    runtime().block_on(async {
        for (mode, what) in [
            ("sick", "/health answers 500: worker 2 is gone"),
            (
                "forgets",
                "/v1/models does not list `tiny` any more, but `b`",
            ),
        ] {
            let folder = Folder::new();
            let server = folder.start(mode).await;
            server.check().await.unwrap();
            // The keeper writes the log in its own time.
            let log = || server.log_tail(5).unwrap();
            until_async("its log is written", || log().contains("fake server")).await;
            folder.go();
            let error = server.check().await.unwrap_err();
            assert_eq!(error.server(), server.name());
            assert_has(&error.to_string(), &[what, "| fake server in mode"]);
            server.stop().await.unwrap();
        }
        let folder = Folder::new();
        let server = folder.start("ok").await;
        signal(server.pid().unwrap(), rustix::process::Signal::KILL);
        until_async("the death is known", || !server.is_alive()).await;
        let error = server.check().await.unwrap_err().to_string();
        assert_has(&error, &["`server` has ended with signal 9 (SIGKILL)"]);
        server.stop().await.unwrap();
    });
}

fn hangs() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("ok").await;
        signal(server.pid().unwrap(), rustix::process::Signal::STOP);
        let error = server.check().await.unwrap_err().to_string();
        assert_has(&error, &["/health: no answer within 5.0 s"]);
        server.stop().await.unwrap();
    });
    folder.assert_nothing_lives();
}
