//! Starting: what a ready server offers.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use libtest_mimic::Trial;
use tribunal_serving::{Deployment, LogLimits, Prepared, Server, StartErrorKind};

use crate::support::{Folder, assert_has, fake, get, runtime, trial, until};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("start::a_ready_server_says_where_it_is", ready),
        trial(
            "start::the_server_gets_what_the_deployment_says",
            gets_what_was_said,
        ),
        trial(
            "start::the_model_is_taken_from_the_list",
            model_from_the_list,
        ),
        trial(
            "start::a_server_without_chat_is_asked_for_a_completion",
            completions_only,
        ),
        trial("start::steps_can_be_left_out", steps_left_out),
        trial("start::a_running_server_is_reached_and_left_alone", reached),
        trial("start::a_second_server_gets_a_log_of_its_own", second_log),
        trial("start::a_flood_is_bounded", flood),
        trial("start::what_is_held_is_held_by_the_keeper", held),
        trial(
            "start::what_cannot_be_prepared_is_not_started",
            not_prepared,
        ),
    ]
}

fn ready() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("workers").await;
        assert_eq!(
            server.base_url(),
            format!("http://127.0.0.1:{}", server.port())
        );
        assert_eq!(
            (server.name(), server.model()),
            ("fake-workers", Some("tiny"))
        );
        assert!(server.is_alive() && server.exit_status().is_none());
        let tree = server.processes();
        assert_eq!(tree.len(), 2, "{tree:?}");
        assert_eq!(Some(tree[0].pid), server.pid());
        assert_eq!(tree[1].parent, tree[0].pid);
        assert_eq!(
            server.log_path(),
            Some(folder.path().join("evidence/server.log").as_path())
        );
        assert_eq!(server.log_tail(1).unwrap(), "fake server in mode workers");
        assert_eq!(get(&server, "/health"), "");
        let port = server.port();
        let report = server.stop().await.unwrap();
        assert!(
            !report.ended_before && report.killed.is_empty(),
            "{report:?}"
        );
        assert!(report.exit.is_some() && report.log_lost.is_none());
        folder.assert_nothing_lives();
        TcpListener::bind(("127.0.0.1", port)).expect("the port is free again");
    });
}

fn gets_what_was_said() {
    let folder = Folder::new();
    let deployment = folder
        .fake("ok")
        .args(["a b", "{{port}}", "{\"n\":{\"x\":1}}", "$HOME", "*"])
        .env("WHERE", "http://{host}:{port}/{model}")
        .env_remove("PATH")
        .cwd(folder.path());
    assert!(
        std::env::var_os("PATH").is_some(),
        "or else there is nothing to remove"
    );
    runtime().block_on(async {
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        let seen: serde_json::Value = serde_json::from_str(&get(&server, "/seen")).unwrap();
        let args = seen["args"].as_array().unwrap();
        let last: Vec<&str> = args[args.len() - 5..]
            .iter()
            .filter_map(|a| a.as_str())
            .collect();
        assert_eq!(last, ["a b", "{port}", "{\"n\":{\"x\":1}}", "$HOME", "*"]);
        assert_eq!(seen["env"]["WHERE"], format!("{}/tiny", server.base_url()));
        assert!(seen["env"].get("PATH").is_none());
        let cwd = folder.path().canonicalize().unwrap();
        assert_eq!(seen["cwd"].as_str(), cwd.to_str());
        assert_eq!(seen["stdin"], "");
        server.stop().await.unwrap();
    });
}

fn model_from_the_list() {
    let folder = Folder::new();
    let program = std::env::current_exe().unwrap();
    let deployment = Deployment::command(program).args([
        "__fake-server",
        "--mode",
        "ok",
        "--port",
        "{port}",
        "--model",
        "first",
    ]);
    runtime().block_on(async {
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        assert_eq!(server.model(), Some("first"));
        server.stop().await.unwrap();
    });
}

fn completions_only() {
    let folder = Folder::new();
    runtime().block_on(async {
        folder.start("completions-only").await.stop().await.unwrap();
    });
}

fn steps_left_out() {
    let folder = Folder::new();
    runtime().block_on(async {
        for (mode, deployment) in [
            ("500", folder.fake("500").no_health()),
            ("404", folder.fake("404").health("/v1/models")),
            ("no-token", folder.fake("no-token").one_token(false)),
            ("empty-list", folder.fake("empty-list").no_models_route()),
        ] {
            let server = Server::start(&deployment, &folder.options()).await;
            server.expect(mode).stop().await.unwrap();
        }
    });
}

fn reached() {
    let folder = Folder::new();
    runtime().block_on(async {
        let server = folder.start("ok").await;
        let deployment = Deployment::url(server.base_url()).unwrap();
        let reached = Server::start(&deployment, &folder.options()).await.unwrap();
        assert_eq!(reached.base_url(), server.base_url());
        assert_eq!(reached.model(), Some("tiny"));
        assert_eq!((reached.pid(), reached.log_path()), (None, None));
        let report = reached.stop().await.unwrap();
        assert_eq!(report.exit, None);
        assert!(server.is_alive());
        assert_eq!(get(&server, "/health"), "");
        server.stop().await.unwrap();
    });
}

fn second_log() {
    let folder = Folder::new();
    runtime().block_on(async {
        let first = folder.start("ok").await;
        let second = folder.start("workers").await;
        assert_ne!(first.port(), second.port());
        assert!(
            second
                .log_path()
                .unwrap()
                .ends_with("evidence/server-2.log")
        );
        assert_eq!(second.log_tail(9).unwrap(), "fake server in mode workers");
        assert_eq!(first.log_tail(9).unwrap(), "fake server in mode ok");
        first.stop().await.unwrap();
        assert_eq!(get(&second, "/health"), "");
        second.stop().await.unwrap();
    });
}

fn flood() {
    let folder = Folder::new();
    let options = folder.options().log_limits(LogLimits {
        whole: 200_000,
        head: 20_000,
    });
    runtime().block_on(async {
        let server = Server::start(&fake("floods", &folder.alive()), &options)
            .await
            .unwrap();
        let log = server.log_path().unwrap().to_path_buf();
        let report = server.stop().await.unwrap();
        assert_eq!(report.log_lost, None);
        let text = std::fs::read_to_string(log).unwrap();
        assert!(text.len() <= 200_000);
        assert!(text.starts_with("fake server in mode floods\n0 xxx"));
        assert_has(&text, &["\n--- gap: ", "\n1999 xxx"]);
    });
}

/// The reading end tells when nobody has the writing end any more: not this process, not the keeper.
fn held() {
    use std::io::Read as _;
    let folder = Folder::new();
    runtime().block_on(async {
        let (mut open, writer) = std::io::pipe().unwrap();
        let writer = Mutex::new(Some(OwnedFd::from(writer)));
        let options = folder.options().prepare(Arc::new(move |deployment| {
            let held = writer.lock().unwrap().take();
            Box::pin(async move {
                Ok(Prepared {
                    deployment: deployment.name("prepared"),
                    held: held.into_iter().collect(),
                })
            })
        }));
        let server = Server::start(&folder.fake("ok"), &options)
            .await
            .unwrap();
        drop(options);
        assert_eq!(server.name(), "prepared");
        rustix::io::ioctl_fionbio(&open, true).unwrap();
        let still = open.read(&mut [0]).unwrap_err();
        assert_eq!(still.kind(), std::io::ErrorKind::WouldBlock, "{still}");
        server.stop().await.unwrap();
        until("the keeper has let go of it", || {
            open.read(&mut [0]).is_ok_and(|read| read == 0)
        });
    });
    folder.assert_nothing_lives();
}

fn not_prepared() {
    let folder = Folder::new();
    runtime().block_on(async {
        let options = folder.options().prepare(Arc::new(|_| {
            Box::pin(async { Err("no device is free".to_owned()) })
        }));
        let error = Server::start(&folder.fake("ok"), &options)
            .await
            .unwrap_err();
        assert!(matches!(error.kind(), StartErrorKind::NotPrepared { .. }));
        assert_has(&error.to_string(), &["no device is free"]);
    });
    folder.assert_nothing_lives();
}
