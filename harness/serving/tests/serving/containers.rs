//! Containers, with a script in the place of the runtime: no runtime is needed, and every call is seen.
//!
//! What this cannot show is how a real daemon behaves; the command lines are compared in the unit tests.

use std::path::PathBuf;

use libtest_mimic::Trial;
use tribunal_serving::{Container, Deployment, Leftover, Server, StartErrorKind as K};

use crate::fake;
use crate::support::{DEADLINE, Folder, assert_has, runtime, trial, write_program};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("container::runs_in_the_foreground_and_is_gone", clean),
        trial("container::one_that_is_left_is_named", left),
        trial(
            "container::on_the_hosts_network_a_note_says_what_is_not_known",
            host,
        ),
        trial("container::without_a_runtime", no_runtime),
    ]
}

/// A runtime that runs the command as its own child, and keeps a file for as long as the container is there. The published port is
/// given to the command instead of the inner one.
const RUNTIME: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
verb=$1
shift
case $verb in
run)
    while [ $# -gt 0 ]; do
        case $1 in
        --cidfile) id_file=$2; shift 2 ;;
        -p) published=$2; shift 2 ;;
        --name | --label | --network | --workdir | -e) shift 2 ;;
        -*) shift ;;
        *) break ;;
        esac
    done
    shift
    inner=${published##*:}
    outer=${published%:*}
    outer=${outer##*:}
    for word; do
        shift
        [ -n "$published" ] && [ "$word" = "$inner" ] && word=$outer
        set -- "$@" "$word"
    done
    echo "$inner/tcp -> 127.0.0.1:$outer" > "$here/published"
    touch "$here/container"
    printf 0123456789abcdef > "$id_file"
    "$@" &
    pid=$!
    trap 'kill -TERM $pid' TERM
    wait $pid
    wait $pid
    status=$?
    [ -e "$here/leaky" ] || rm -f "$here/container"
    exit $status
    ;;
port) cat "$here/published" ;;
ps) [ ! -e "$here/container" ] || echo 0123456789abcdef ;;
rm) [ -e "$here/leaky" ] || rm -f "$here/container" ;;
*) exit 1 ;;
esac
"#;

fn runtime_script(folder: &Folder) -> PathBuf {
    let path = folder.path().join("docker");
    write_program(&path, RUNTIME);
    path
}

fn deployment(folder: &Folder, port: Option<u16>) -> Deployment {
    let container = Container {
        image: "example/engine:1".into(),
        runtime: Some(runtime_script(folder).display().to_string()),
        options: vec!["--volume={evidence}:/evidence".into()],
        port,
    };
    Deployment::command(std::env::current_exe().unwrap())
        .args([fake::SERVER, "--mode", "ok", "--port", "{port}"])
        .args(["--model", "{model}", "--alive"])
        .arg(folder.alive())
        .env("HF_TOKEN", "s3cret")
        .name("boxed")
        .model("tiny")
        .container(container)
        .ready_within(DEADLINE)
}

fn calls(folder: &Folder) -> String {
    std::fs::read_to_string(folder.path().join("calls")).unwrap()
}

fn clean() {
    let folder = Folder::new();
    runtime().block_on(async {
        let deployment = deployment(&folder, Some(8_000));
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        assert!(server.notes().is_empty(), "{:?}", server.notes());
        server.check().await.unwrap();
        assert_has(&server.log_tail(5).unwrap(), &["fake server in mode ok"]);
        let port = server.port();
        let report = server.stop().await.unwrap();
        assert!(report.killed.is_empty(), "{report:?}");
        let calls = calls(&folder);
        assert_has(
            &calls,
            &[
                "run --rm --name tribunal-boxed-server-",
                &format!("-p 127.0.0.1:{port}:8000 -e HF_TOKEN --volume="),
                "evidence:/evidence example/engine:1 ",
                "--port 8000 --model tiny",
                "port 0123456789abcdef",
                "ps --all --no-trunc --quiet --filter id=0123456789abcdef",
            ],
        );
        assert!(!calls.contains("s3cret"), "{calls}");
    });
    folder.assert_nothing_lives();
}

fn left() {
    let folder = Folder::new();
    runtime().block_on(async {
        let deployment = deployment(&folder, Some(8_000));
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        std::fs::write(folder.path().join("leaky"), "").unwrap();
        let error = server.stop().await.unwrap_err();
        assert!(error.left().is_empty());
        let [Leftover::Container { id, unasked, .. }] = error.leftovers() else {
            panic!("{error}");
        };
        assert_eq!((id.as_str(), unasked), ("0123456789abcdef", &None));
        let path = folder.path().join("docker");
        let remedy = format!("`{} rm --force 0123456789abcdef` removes", path.display());
        assert_has(
            &error.to_string(),
            &["`boxed`", "it left container 0123456789ab,", &remedy],
        );
        assert_has(&calls(&folder), &["rm --force 0123456789abcdef"]);
    });
    folder.assert_nothing_lives();
}

fn host() {
    let folder = Folder::new();
    runtime().block_on(async {
        let deployment = deployment(&folder, None);
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        assert_has(&server.notes()[0], &["`server`", "was not checked"]);
        assert_has(&calls(&folder), &["--network host"]);
        server.stop().await.unwrap();
    });
    folder.assert_nothing_lives();
}

fn no_runtime() {
    let folder = Folder::new();
    let container = Container {
        image: "example/engine:1".into(),
        runtime: Some("/nowhere/podman".into()),
        options: Vec::new(),
        port: Some(8_000),
    };
    let deployment = Deployment::command("").container(container);
    let error = runtime().block_on(folder.refused(&deployment));
    assert!(matches!(error.kind(), K::NoRuntime { .. }), "{error}");
    assert_has(
        &error.to_string(),
        &[
            "`example/engine:1` needs a container runtime",
            "`/nowhere/podman`",
            "install podman",
        ],
    );
}
