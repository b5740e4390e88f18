//! Every way in which a start can fail, and what the error says.

use std::time::Duration;

use libtest_mimic::Trial;
use tribunal_serving::{Deployment, ReadyStep, Server, StartErrorKind as K};

use crate::support::{Folder, assert_has, runtime, socket, squatter, trial, write_program};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("refusal::nobody_at_the_url", nobody_at_the_url),
        trial("refusal::settings_of_a_command_with_a_url", misplaced),
        trial("refusal::program_not_found", program_not_found),
        trial("refusal::program_not_executable", not_executable),
        trial(
            "refusal::interpreter_of_the_script_is_missing",
            no_interpreter,
        ),
        trial("refusal::working_directory_is_missing", no_cwd),
        trial("refusal::exits_at_once", exits),
        trial("refusal::is_killed_at_once", killed),
        trial("refusal::never_listens", never_listens),
        trial("refusal::listens_elsewhere", listens_elsewhere),
        trial("refusal::somebody_else_answers", foreign),
        trial("refusal::health_answers_500", health_500),
        trial("refusal::health_answers_404", health_404),
        trial("refusal::model_is_not_served", model_missing),
        trial("refusal::list_of_models_stays_empty", list_empty),
        trial("refusal::one_token_fails", no_token),
        trial("refusal::fatal_line_ends_the_wait", fatal),
        trial("refusal::unknown_placeholder", placeholder),
        trial("refusal::evidence_cannot_be_written", evidence),
    ]
}

fn nobody_at_the_url() {
    let folder = Folder::new();
    // Bound and not listening: nobody can take the port meanwhile, and connections are refused.
    let socket = socket();
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

fn no_interpreter() {
    let folder = Folder::new();
    let path = folder.path().join("script");
    write_program(&path, "#!/no/such/python3 -u\nprint(1)\n");
    let error = runtime().block_on(folder.refused(&Deployment::command(&path)));
    assert!(matches!(error.kind(), K::NotStarted { .. }), "{error}");
    assert_has(
        &error.to_string(),
        &["could not be run", "interpreter /no/such/python3,"],
    );
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
            "server-2.log",
            "| fake server in mode exits",
            "| OSError: [Errno 98] Address already in use",
            "before   `fake-exits` was started once more on another port, because port ",
            "likely   the port is taken",
            "--api-key ***",
        ],
    );
    assert!(!shown.contains("s3cret"));
    let evidence = folder.path().join("evidence");
    assert!(
        evidence.join("server.log").exists(),
        "the first attempt's log is kept"
    );
    assert!(
        !evidence.join("server-3.log").exists(),
        "once more, and not twice"
    );
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
    let deployment = folder.fake("never-listens");
    runtime().block_on(async {
        let options = folder.options();
        let start = Server::start(&deployment, &options);
        let squat = async {
            let first = squatter(&folder, "server.log").await;
            (first, squatter(&folder, "server-2.log").await)
        };
        let (result, _listeners) = tokio::join!(start, squat);
        let error = result.unwrap_err();
        let me = std::process::id();
        assert!(matches!(error.kind(), K::ForeignListener { pid: Some(pid), .. } if *pid == me));
        assert_has(
            &error.to_string(),
            &[
                "answered by somebody else",
                &format!("pid {me} ("),
                "before   `fake-never-listens` was started once more on another port",
            ],
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
            &[
                "{prot}",
                "{host}, {port}, {ports[i]}, {model}",
                "did you mean {port}?",
            ],
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
