//! `cargo tribunal faults` at a console that this test plays.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// A console that answers each command with its own text; `bad` is refused.
fn console(root: &Path, run: &str) -> (PathBuf, JoinHandle<Vec<String>>) {
    let folder = root.join(run).join("console");
    std::fs::create_dir_all(&folder).unwrap();
    let socket = folder.join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let held = json!({ "schema": 1, "socket": socket, "pid": 7, "server": run, "url": "http://x", "more": 1 });
    std::fs::write(folder.join("held.json"), held.to_string()).unwrap();
    let played = std::thread::spawn(move || {
        let mut commands = vec![];
        loop {
            let (mut stream, _) = listener.accept().unwrap();
            let read = BufReader::new(stream.try_clone().unwrap());
            for line in read.lines() {
                let asked: Value = serde_json::from_str(&line.unwrap()).unwrap();
                let command = asked["command"].as_str().unwrap().to_owned();
                let answer = json!({ "ok": command != "bad", "at": 0.5, "says": format!("<{command}>\u{1b}") });
                commands.push(command.clone());
                let written = stream.write_all(format!("{answer}\n").as_bytes());
                if command == "quit" || written.is_err() {
                    return commands;
                }
            }
        }
    });
    (socket, played)
}

fn run(root: &Path, arguments: &[&str], typed: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"))
        .arg("faults")
        .args(arguments)
        .env("TRIBUNAL_EVIDENCE_DIR", root)
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that does not read its input has ended already.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_one_console_is_found_and_typed_at() {
    let root = tempfile::tempdir().unwrap();
    // What a harness that was killed has left is no console.
    let dead = root.path().join("20260101-000000.000-1/console");
    std::fs::create_dir_all(&dead).unwrap();
    drop(UnixListener::bind(dead.join("socket")).unwrap());
    let held = json!({ "socket": dead.join("socket"), "pid": 1, "server": "dead", "url": "" });
    std::fs::write(dead.join("held.json"), held.to_string()).unwrap();
    let (socket, played) = console(root.path(), "20260102-000000.000-2");
    let done = run(root.path(), &["stop", "worker", "0", "for", "30s"], "");
    assert_eq!(text(&done.stdout), "<stop worker 0 for 30s>\n");
    assert!(text(&done.stderr).contains("attached to 20260102"));
    assert_eq!(done.status.code(), Some(0));
    let refused = run(
        root.path(),
        &["--attach", socket.to_str().unwrap(), "bad"],
        "",
    );
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(text(&refused.stderr), "error: <bad>\n");
    let json = run(root.path(), &["--json", "bad"], "");
    let answer: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&answer["ok"], json.status.code()),
        (&Value::Bool(false), Some(1))
    );
    let typed = run(
        root.path(),
        &[],
        "# a comment\n\nstatus\nsave a.rs\nquit\nnever\n",
    );
    assert_eq!(typed.status.code(), Some(0));
    let file = root.path().canonicalize().unwrap().join("a.rs");
    let saved = format!("save {}", file.display());
    assert_eq!(
        text(&typed.stdout),
        format!("<status>\n<{saved}>\n<quit>\n")
    );
    let commands = played.join().unwrap();
    assert_eq!(
        commands,
        [
            "stop worker 0 for 30s",
            "bad",
            "bad",
            "status",
            &saved,
            "quit"
        ]
    );
}

#[test]
fn none_and_several_are_told() {
    let root = tempfile::tempdir().unwrap();
    let none = run(root.path(), &["status"], "");
    assert_eq!(none.status.code(), Some(1));
    assert!(text(&none.stderr).contains("cargo test -- --hold"));
    let nobody = run(root.path(), &["--attach", "nothing", "status"], "");
    assert!(text(&nobody.stderr).contains("no console answers at nothing"));
    let (one, first) = console(root.path(), "20260102-000000.000-2");
    let (two, second) = console(root.path(), "20260103-000000.000-3");
    let several = run(root.path(), &["kill", "root"], "");
    assert_eq!(several.status.code(), Some(1));
    let told = text(&several.stderr);
    for socket in [&one, &two] {
        assert!(told.contains(socket.to_str().unwrap()), "{told}");
        run(
            root.path(),
            &["--attach", socket.to_str().unwrap(), "quit"],
            "",
        );
    }
    // Nothing was typed at either.
    assert_eq!(first.join().unwrap(), ["quit"]);
    assert_eq!(second.join().unwrap(), ["quit"]);
}
