//! The console at the embedded engine: what is typed is done, seen, logged and taken back.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tribunal_client::Client;
use tribunal_faults::{Console, Experiment, Oracle, Script};
use tribunal_serving::{Offers, Workers};

use crate::engine::Engine;

/// Generous: other tests run beside this one.
const PATIENCE: Duration = Duration::from_secs(60);

struct Open {
    engine: Engine,
    proxy: Client,
    socket: PathBuf,
    run: PathBuf,
    over: JoinHandle<Result<(), String>>,
}

struct Typist(BufReader<UnixStream>);

impl Typist {
    async fn send(&mut self, line: &[u8]) -> Value {
        self.0.write_all(line).await.expect("the console listens");
        let mut answer = String::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_line(&mut answer)).await;
        read.expect("an answer in time").expect("an answer");
        serde_json::from_str(&answer).expect("one line of JSON")
    }

    async fn types(&mut self, command: &str) -> Value {
        let line = json!({ "command": command }).to_string();
        self.send(format!("{line}\n").as_bytes()).await
    }

    /// Does it, and it must work.
    async fn does(&mut self, command: &str) -> Value {
        let answer = self.types(command).await;
        assert_eq!(answer["ok"], true, "{command}: {answer}");
        answer
    }

    async fn fails(&mut self, command: &str) -> String {
        let answer = self.types(command).await;
        assert_eq!(answer["ok"], false, "{command}: {answer}");
        answer["says"].as_str().expect("text").to_owned()
    }

    /// The states of the server's processes.
    async fn states(&mut self) -> Vec<String> {
        let status = self.does("status").await;
        let processes = status["data"]["processes"].as_array().expect("a list");
        let letter = |p: &Value| p["state"].as_str().expect("a state").to_owned();
        processes.iter().map(letter).collect()
    }

    async fn until(&mut self, fits: impl Fn(&[String]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let states = self.states().await;
            if fits(&states) {
                return;
            }
            assert!(Instant::now() < deadline, "{states:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn offers() -> Offers {
    Offers {
        workers: Some(Workers {
            pattern: "engine-worker".into(),
            count: Some(2),
        }),
        ..Offers::default()
    }
}

impl Open {
    async fn console() -> Open {
        let engine = Engine::start("--workers 2 --tpot-ms 2").await;
        let scene = Script::scene(&engine.server, &offers()).expect("a proxy");
        let proxy = Client::new(scene.proxy.as_ref().expect("a proxy").url()).expect("a client");
        let model = Script::model(&scene).expect("a client");
        let run = engine.folder.join("run");
        let console = Console::open(scene, model, &run, &run.join("evidence")).expect("a socket");
        let socket = console.socket().to_path_buf();
        for part in [engine.server.base_url(), "--attach", "server.log"] {
            assert!(console.banner().contains(part), "{}", console.banner());
        }
        let over = tokio::spawn(console.until_quit());
        Open {
            engine,
            proxy,
            socket,
            run,
            over,
        }
    }

    async fn client(&self) -> Typist {
        let stream = UnixStream::connect(&self.socket).await;
        Typist(BufReader::new(stream.expect("the console listens")))
    }

    async fn quit(self, mut client: Typist) -> Vec<Value> {
        client.does("quit").await;
        let left = tokio::time::timeout(PATIENCE, self.over).await;
        assert_eq!(left.expect("an end").expect("an end"), Ok(()));
        assert!(!self.socket.exists() && !self.run.join("console").exists());
        logged(&self.run)
    }
}

fn logged(run: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(run.join("evidence/console.jsonl")).expect("a log");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

pub async fn what_is_stopped_goes_on_by_itself_and_what_is_killed_is_gone() {
    let open = Open::console().await;
    let mut client = open.client().await;
    let before = client.states().await.len();
    let stopped = client.does("stop worker 0 for 200ms").await;
    assert!(
        stopped["says"]
            .as_str()
            .expect("text")
            .contains("is stopped: state T")
    );
    client.until(|states| states.iter().all(|s| s != "T")).await;
    // Without a time it has one all the same, and ends at once when it is told to.
    client.does("stop worker 1").await;
    let status = client.does("status").await;
    // The first one may be listed a moment longer than it lasts.
    let in_force = status["data"]["in_force"].as_array().expect("a list");
    let fault = |one: &Value| one["fault"] == "stop worker 1 for 30s";
    assert!(in_force.iter().any(fault), "{status}");
    client.does("continue").await;
    client.until(|states| states.iter().all(|s| s != "T")).await;
    assert_eq!(client.does("status").await["data"]["in_force"], json!([]));
    let killed = client.does("kill worker 0").await;
    assert!(
        killed["says"]
            .as_str()
            .expect("text")
            .contains("is dead (SIGKILL)")
    );
    client.until(|states| states.len() < before).await;
    let dump = client.does("dump").await;
    for part in ["timeline", "metrics", "log, the last"] {
        assert!(
            dump["says"].as_str().expect("text").contains(part),
            "{part}"
        );
    }
    assert!(open.run.join("evidence/dump-1.txt").is_file());
    let log = open.quit(client).await;
    let commands: Vec<&str> = log.iter().filter_map(|l| l["command"].as_str()).collect();
    for command in ["stop worker 0 for 200ms", "kill worker 0", "dump", "quit"] {
        assert!(commands.contains(&command), "{commands:?}");
    }
    assert!(log.iter().any(|l| l["step"] == "proven"), "{log:?}");
}

pub async fn mistakes_are_answered_and_the_next_line_is_read() {
    let open = Open::console().await;
    let (mut one, mut two) = (open.client().await, open.client().await);
    assert!(
        one.fails("kil worker 0")
            .await
            .contains("did you mean `kill`?")
    );
    for wrong in [
        &b"not json\n"[..],
        b"\n",
        b"[]\n",
        b"\xff\xfe\n",
        b"{\"comand\":1}\n",
    ] {
        assert_eq!(one.send(wrong).await["ok"], false);
    }
    let long = [b'x'; 100_000];
    let answer = one.send(&[&long[..], b"\n"].concat()).await;
    assert!(answer["says"].as_str().expect("text").contains("at most"));
    assert!(one.fails("kill worker 7").await.contains("kill worker 7"));
    assert!(one.fails("load stop").await.contains("no load"));
    assert!(
        one.fails("save nothing.rs")
            .await
            .contains("nothing to save")
    );
    assert!(one.fails("undo 3").await.contains("no fault 3"));
    // However much was typed, what is in force can be taken back.
    one.does("toxic add latency 1ms").await;
    for _ in 1..1000 {
        one.does("release").await;
    }
    assert!(one.fails("load 1").await.contains("1000 lines were typed"));
    let undone = one.does("undo").await;
    let says = undone["says"].as_str().expect("text");
    assert!(says.contains("the rule is removed"), "{says}");
    // Two at once and one after another are served alike.
    let (a, b) = tokio::join!(one.does("status"), two.does("status"));
    assert_eq!(a["data"]["url"], b["data"]["url"]);
    drop(two);
    let again = open.client().await;
    open.quit(again).await;
}

pub async fn toxics_and_load_are_felt_and_accounted_for() {
    let open = Open::console().await;
    let mut client = open.client().await;
    let asked = || open.proxy.get("/v1/models");
    assert_eq!(asked().await.expect("an answer").status, 200);
    client.does("toxic add status 429").await;
    assert_eq!(asked().await.expect("an answer").status, 429);
    let list = client.does("toxic list").await;
    assert_eq!(list["data"][0]["struck"], 1, "{list}");
    client.does("toxic remove 1").await;
    assert_eq!(asked().await.expect("an answer").status, 200);
    // Fewer than the engine can serve on a busy machine: else they only wait.
    client.does("load 5").await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = client.does("status").await;
        if status["data"]["load"]["accounts"]["ok"].as_u64() >= Some(3) {
            break;
        }
        assert!(Instant::now() < deadline, "{status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let stopped = client.does("load stop").await;
    let says = stopped["says"].as_str().expect("text");
    assert!(!says.contains("do not add up"), "{says}");
    open.quit(client).await;
}

fn without_times(text: &str) -> String {
    let line = |line: &str| match line.trim_start().strip_prefix("(\"") {
        // Three times as long as the session took.
        _ if line.starts_with("#[timeout") => "#[timeout]".to_owned(),
        Some(rest) => rest
            .split_once(", ")
            .map_or(rest, |(_, rest)| rest)
            .to_owned(),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

pub async fn a_saved_session_does_the_same_again() {
    let open = Open::console().await;
    let mut client = open.client().await;
    client.does("load 50").await;
    client.does("stop worker 0 for 300ms").await;
    client.does("toxic add latency 5ms").await;
    client.does("undo").await;
    client.does("kill worker 1").await;
    let file = open.engine.folder.join("saved.rs");
    client.does(&format!("save {}", file.display())).await;
    let taken = client.fails(&format!("save {}", file.display())).await;
    assert!(taken.contains("is there already"), "{taken}");
    let saved = std::fs::read_to_string(&file).expect("a file");
    open.quit(client).await;
    // The suites compile that file and run it; only the times of this session are its own.
    let known =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites/tests/suites/by_hand/saved.rs");
    let known = std::fs::read_to_string(known).expect("a file of the suites");
    assert_eq!(without_times(&saved), without_times(&known));
    let lines: Vec<(String, String)> = saved
        .lines()
        .filter_map(|l| l.trim().strip_prefix("(\"")?.strip_suffix("\"),"))
        .filter_map(|l| l.split_once("\", \""))
        .map(|(at, line)| (at.to_owned(), line.to_owned()))
        .collect();
    let typed: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(
        typed,
        [
            "load 50",
            "stop worker 0 for 300ms",
            "toxic latency 5ms",
            "undo",
            "kill worker 1"
        ]
    );
    // What the saved test does, on another server.
    let engine = Engine::start("--workers 2 --tpot-ms 2").await;
    let script = Script::new(lines.iter().map(|(at, l)| (at.as_str(), l.as_str())));
    let script = script.expect("what was saved");
    let scene = Script::scene(&engine.server, &offers()).expect("a proxy");
    let model = Script::model(&scene).expect("a client");
    let report = Experiment::new(script.to_string(), &engine.server, &model, &scene.timeline)
        .expect(Oracle::Conserved)
        .run(async |moment| script.play(&scene, moment).await)
        .await
        .expect("an experiment");
    report.held().expect("every request is accounted for");
    assert!(report.figures.accounts.sent > 0, "{report}");
    let done: Vec<&str> = report.timeline.iter().map(|e| e.what.as_str()).collect();
    for part in ["is stopped: state T", "is in force", "is dead (SIGKILL)"] {
        assert!(done.iter().any(|what| what.contains(part)), "{report}");
    }
}
