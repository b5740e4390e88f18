//! Starting: what a ready server offers, and every way in which a start can fail.

use std::net::TcpListener;
use std::time::Duration;

use libtest_mimic::Trial;
use tribunal_serving::{Deployment, LogLimits, ReadyStep, Server, StartErrorKind as K};

use crate::support::{Folder, assert_has, fake, get, runtime, trial, until_async};

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
        trial("start::nobody_at_the_url", nobody_at_the_url),
        trial("start::settings_of_a_command_with_a_url", misplaced),
        trial("start::program_not_found", program_not_found),
        trial("start::program_not_executable", not_executable),
        trial("start::program_that_is_no_program", no_program),
        trial("start::working_directory_is_missing", no_cwd),
        trial("start::exits_at_once", exits),
        trial("start::is_killed_at_once", killed),
        trial("start::never_listens", never_listens),
        trial("start::listens_elsewhere", listens_elsewhere),
        trial("start::somebody_else_answers", foreign),
        trial("start::health_answers_500", health_500),
        trial("start::health_answers_404", health_404),
        trial("start::model_is_not_served", model_missing),
        trial("start::list_of_models_stays_empty", list_empty),
        trial("start::one_token_fails", no_token),
        trial("start::fatal_line_ends_the_wait", fatal),
        trial("start::unknown_placeholder", placeholder),
        trial("start::ports_are_exhausted", exhausted),
        trial("start::fixed_port_is_taken", port_taken),
        trial("start::evidence_cannot_be_written", evidence),
        trial("start::a_second_server_gets_a_log_of_its_own", second_log),
        trial("start::a_flood_is_bounded", flood),
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
        .env_remove("CARGO_MANIFEST_DIR")
        .cwd(folder.path());
    assert!(
        std::env::var_os("CARGO_MANIFEST_DIR").is_some(),
        "cargo sets it"
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
        assert!(seen["env"].get("CARGO_MANIFEST_DIR").is_none());
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

fn nobody_at_the_url() {
    let folder = Folder::new();
    // Bound and not listening: nobody can take the port meanwhile, and connections are refused.
    let socket = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        None,
    )
    .unwrap();
    let any = std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0);
    rustix::net::bind(&socket, &any).unwrap();
    let bound =
        std::net::SocketAddrV4::try_from(rustix::net::getsockname(&socket).unwrap()).unwrap();
    let deployment = Deployment::url(&format!("http://{bound}")).unwrap();
    let deployment = deployment.ready_within(Duration::from_millis(50));
    let error = runtime().block_on(folder.refused(&deployment));
    assert!(matches!(
        error.kind(),
        K::NotReady {
            step: ReadyStep::Health,
            status: None,
            ..
        }
    ));
    assert_has(
        &error.to_string(),
        &["/health: cannot connect", "refused", &bound.to_string()],
    );
}

fn misplaced() {
    let folder = Folder::new();
    let deployment = Deployment::url("http://127.0.0.1:1")
        .unwrap()
        .arg("x")
        .env("A", "b");
    let error = runtime().block_on(folder.refused(&deployment));
    assert_eq!(
        *error.kind(),
        K::Misplaced {
            settings: vec!["arg", "env"]
        }
    );
    assert_has(&error.to_string(), &["reached by URL", "`arg`, `env`"]);
}

fn program_not_found() {
    let folder = Folder::new();
    runtime().block_on(async {
        let error = folder.refused(&Deployment::command("slep")).await;
        assert!(
            matches!(error.kind(), K::ProgramNotFound { nearest: Some(n), .. } if n == "sleep")
        );
        assert_has(
            &error.to_string(),
            &["`slep`", "PATH", "did you mean `sleep`?", "install it"],
        );
        let error = folder
            .refused(&Deployment::command("/bin/no-such-program-here"))
            .await;
        assert!(matches!(error.kind(), K::ProgramNotFound { .. }));
        let error = folder
            .refused(&Deployment::command("sh").env("PATH", "/nowhere"))
            .await;
        assert_has(&error.to_string(), &["in the 1 folders of PATH"]);
    });
}

fn not_executable() {
    let folder = Folder::new();
    let error = runtime().block_on(folder.refused(&Deployment::command(folder.alive())));
    assert_has(&error.to_string(), &["is not executable", "chmod"]);
}

fn no_program() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let path = folder.path().join("script");
    std::fs::write(&path, [0_u8; 100]).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let error = runtime().block_on(folder.refused(&Deployment::command(&path)));
    assert!(matches!(error.kind(), K::NotStarted { .. }), "{error}");
    assert_has(&error.to_string(), &["could not be run", "format"]);
}

fn no_cwd() {
    let folder = Folder::new();
    let deployment = folder.fake("ok").cwd(folder.path().join("missing"));
    let error = runtime().block_on(folder.refused(&deployment));
    assert_has(
        &error.to_string(),
        &["could not be run", "working directory", "missing"],
    );
}

fn exits() {
    let folder = Folder::new();
    let error =
        runtime().block_on(folder.refused(&folder.fake("exits").arg("--api-key").arg("s3cret")));
    assert!(matches!(
        error.kind(),
        K::Exited { status, step: ReadyStep::Listening } if status.code() == Some(3)
    ));
    let shown = error.to_string();
    assert_has(
        &shown,
        &[
            "server `fake-exits` did not start: it ended with exit code 3 before",
            "http://127.0.0.1:",
            &format!("pid      {}", error.pid().unwrap()),
            "server.log",
            "| fake server in mode exits",
            "| OSError: [Errno 98] Address already in use",
            "likely   the port is taken",
            "--api-key ***",
        ],
    );
    assert!(!shown.contains("s3cret"));
}

fn killed() {
    let folder = Folder::new();
    let error = runtime().block_on(folder.refused(&folder.fake("killed")));
    assert_has(
        &error.to_string(),
        &["signal 9 (SIGKILL)", "ran out of memory"],
    );
}

fn never_listens() {
    let folder = Folder::new();
    runtime().block_on(async {
        let error = folder
            .stuck_at(ReadyStep::Listening, &folder.fake("never-listens"))
            .await;
        assert!(matches!(
            error.kind(),
            K::NotReady {
                step: ReadyStep::Listening,
                ..
            }
        ));
        let parts = [
            "none of its processes listens on any TCP port",
            "{port}",
            "not ready after",
        ];
        assert_has(&error.to_string(), &parts);
    });
}

fn listens_elsewhere() {
    let folder = Folder::new();
    runtime().block_on(async {
        // The listener shows up in the message once the server had the time to listen at all.
        for milliseconds in [300, 3_000, 30_000] {
            let limit = Duration::from_millis(milliseconds);
            let error = folder
                .refused(&folder.fake("wrong-port").ready_within(limit))
                .await;
            let shown = error.to_string();
            if !shown.contains("none of its processes") {
                let pid = error.pid().unwrap();
                let parts = [
                    "its processes listen on 127.0.0.1:",
                    &format!("(pid {pid}, "),
                    "{port}",
                ];
                return assert_has(&shown, &parts);
            }
        }
        panic!("its listener was never seen");
    });
}

fn foreign() {
    let folder = Folder::new();
    let log = folder.path().join("evidence/server.log");
    let deployment = folder.fake("never-listens");
    runtime().block_on(async {
        let options = folder.options();
        let start = Server::start(&deployment, &options);
        let squat = async {
            let text = || std::fs::read_to_string(&log).unwrap_or_default();
            until_async("the server runs", || text().contains("loading shard")).await;
            let tree = std::fs::read_dir("/proc")
                .unwrap()
                .flatten()
                .find_map(|entry| {
                    let line = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
                    let mut words = line.split('\0').skip_while(|w| *w != "--port").skip(1);
                    let port = words.next()?.parse::<u16>().ok()?;
                    line.contains(folder.alive().to_str()?).then_some(port)
                });
            TcpListener::bind(("127.0.0.1", tree.unwrap())).unwrap()
        };
        let (result, _listener) = tokio::join!(start, squat);
        let error = result.unwrap_err();
        let me = std::process::id();
        assert!(matches!(error.kind(), K::ForeignListener { pid: Some(pid), .. } if *pid == me));
        assert_has(
            &error.to_string(),
            &["answered by somebody else", &format!("pid {me} (")],
        );
    });
    folder.assert_nothing_lives();
}

fn health_500() {
    let folder = Folder::new();
    let error = runtime().block_on(folder.stuck_at(ReadyStep::Health, &folder.fake("500")));
    assert!(matches!(
        error.kind(),
        K::NotReady {
            step: ReadyStep::Health,
            status: Some(500),
            ..
        }
    ));
    let shown = error.to_string();
    assert_has(
        &shown,
        &[
            "/health answered 500: <h1>engine is dead</h1>",
            "still waiting until the health",
        ],
    );
    assert!(
        !shown.contains('\u{1b}'),
        "an answer must not colour the terminal"
    );
}

fn health_404() {
    let folder = Folder::new();
    let error = runtime().block_on(folder.stuck_at(ReadyStep::Health, &folder.fake("404")));
    assert_has(
        &error.to_string(),
        &["answered 404", "another health route", "no_health"],
    );
}

fn model_missing() {
    let folder = Folder::new();
    let deployment = Deployment::command(std::env::current_exe().unwrap())
        .args([
            "__fake-server",
            "--mode",
            "ok",
            "--port",
            "{port}",
            "--model",
            "Qwen/Qwen3-0.6B",
        ])
        .model("Qwen/Qwen3-0.6");
    let error = runtime().block_on(folder.stuck_at(ReadyStep::Models, &deployment));
    assert!(matches!(error.kind(), K::ModelMissing { served, .. } if served.len() == 2));
    let parts = [
        "it does not serve `Qwen/Qwen3-0.6`",
        "`other`",
        "did you mean `Qwen/Qwen3-0.6B`?",
    ];
    assert_has(&error.to_string(), &parts);
}

fn list_empty() {
    let folder = Folder::new();
    let error = runtime().block_on(folder.stuck_at(ReadyStep::Models, &folder.fake("empty-list")));
    assert!(matches!(error.kind(), K::ModelMissing { served, .. } if served.is_empty()));
    assert_has(&error.to_string(), &["its list of models is empty"]);
}

fn no_token() {
    let folder = Folder::new();
    let error = runtime().block_on(folder.stuck_at(ReadyStep::OneToken, &folder.fake("no-token")));
    assert!(matches!(
        error.kind(),
        K::NotReady {
            step: ReadyStep::OneToken,
            status: Some(503),
            ..
        }
    ));
    assert_has(
        &error.to_string(),
        &[
            "/v1/chat/completions answered 503",
            "no worker",
            "one_token(false)",
        ],
    );
}

fn fatal() {
    let folder = Folder::new();
    let deployment = folder.fake("fatal").fatal_log("CUDA out of memory");
    let error = runtime().block_on(folder.refused(&deployment));
    assert!(matches!(error.kind(), K::FatalLog { pattern, .. } if pattern == "CUDA out of memory"));
    assert_has(
        &error.to_string(),
        &["torch.cuda.OutOfMemoryError", "too little free memory"],
    );
}

fn placeholder() {
    let folder = Folder::new();
    runtime().block_on(async {
        let error = folder.refused(&folder.fake("ok").env("X", "{prot}")).await;
        assert_has(
            &error.to_string(),
            &["{prot}", "{host}, {port}, {model}", "did you mean {port}?"],
        );
        let error = folder
            .refused(&Deployment::command("sh").arg("{model}"))
            .await;
        assert!(matches!(error.kind(), K::Placeholder { .. }));
    });
    assert!(
        !folder.path().join("evidence").exists(),
        "nothing was started, nothing is left"
    );
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
            matches!(error.kind(), K::PortsExhausted { first, last, holders }
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

fn evidence() {
    let folder = Folder::new();
    let options = tribunal_serving::StartOptions::new(folder.alive().join("below-a-file"));
    let error = runtime()
        .block_on(Server::start(&folder.fake("ok"), &options))
        .unwrap_err();
    assert!(matches!(error.kind(), K::Evidence { .. }));
    assert_has(
        &error.to_string(),
        &["log cannot be written to", "below-a-file"],
    );
    folder.assert_nothing_lives();
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
