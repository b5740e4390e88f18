//! Fake servers that behave as badly as real ones, and a fake harness to be killed.
//!
//! Every process of a fake tree holds a shared lock on the file that `--alive` names, for as long as it lives: the
//! kernel itself then says whether anything is left, also of what no list knows.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use rustix::fs::{FlockOperation, flock};
use serde_json::json;

use crate::{fake_users, support};

pub const SERVER: &str = "__fake-server";
const CHILD: &str = "__fake-child";
pub const HARNESS: &str = "__fake-harness";
/// A program that reaches a server by URL and says what came of it.
pub const REACH: &str = "__fake-reach";
/// The variable that holds the key there.
pub const KEY: &str = "TRIBUNAL_TEST_KEY";
/// Says who its runner is.
pub const DETECT: &str = "__fake-detect";
/// One of several that share a server.
pub const SHARER: &str = "__fake-sharer";

pub fn verb(args: &[OsString]) -> Option<ExitCode> {
    let args: Vec<String> = args
        .iter()
        .map(|a| a.to_string_lossy().into_owned())
        .collect();
    match args.first()?.as_str() {
        SERVER => server(&args),
        CHILD => child(&args),
        HARNESS => fake_users::harness(&args),
        REACH => fake_users::reach(&args),
        DETECT => fake_users::detect(),
        SHARER => fake_users::sharer(&args),
        _ => return None,
    }
    Some(ExitCode::SUCCESS)
}

pub fn option(args: &[String], name: &str) -> Option<String> {
    args.iter()
        .position(|a| a == name)
        .and_then(|i| args.get(i + 1))
        .cloned()
}

/// Holds the lock on the `--alive` file until this process ends.
fn live(args: &[String]) {
    if let Some(path) = option(args, "--alive") {
        let file = File::open(path).unwrap();
        flock(&file, FlockOperation::LockShared).unwrap();
        std::mem::forget(file);
    }
}

fn park() -> ! {
    loop {
        std::thread::park();
    }
}

fn server(args: &[String]) {
    live(args);
    let mode = option(args, "--mode").unwrap();
    let port: u16 = option(args, "--port").unwrap().parse().unwrap();
    println!("fake server in mode {mode}");
    if let Some(port) = option(args, "--needs") {
        let port: u16 = port.parse().unwrap();
        if let Err(error) = TcpStream::connect(("127.0.0.1", port)) {
            eprintln!("nobody at {port}: {error}");
            std::process::exit(9);
        }
    }
    if let Some(file) = option(args, "--dies-when") {
        std::thread::spawn(move || {
            support::until("the end", || std::path::Path::new(&file).exists());
            eprintln!("CUDA out of memory, as asked");
            std::process::exit(7);
        });
    }
    match mode.as_str() {
        // Only the first time: the next one finds the file.
        "in-use-once" | "in-use-once-lives" if first_time(args) => {
            eprintln!("{}", option(args, "--says").unwrap());
            if mode == "in-use-once-lives" {
                park();
            }
            std::process::exit(1);
        }
        "waits" => support::until("the go-ahead", || go(args).exists()),
        "exits" => {
            eprintln!("OSError: [Errno 98] Address already in use");
            std::process::exit(3);
        }
        "killed" => {
            let me = rustix::process::getpid();
            rustix::process::kill_process(me, rustix::process::Signal::KILL).unwrap();
        }
        "never-listens" => {
            eprintln!("loading shard 1 of 2");
            park();
        }
        "fatal" => {
            eprintln!("torch.cuda.OutOfMemoryError: CUDA out of memory.\nno newline at the end");
            park();
        }
        "workers" => spawn_child(args, "sleeps"),
        "orphans" => {
            spawn_child(args, "sleeps");
            spawn_child(args, "setsid");
            spawn_child(args, "daemon");
        }
        "stubborn-orphans" => {
            spawn_child(args, "stubborn-setsid");
            spawn_child(args, "stubborn-daemon");
        }
        "leaves-memory" => {
            let path = format!("/dev/shm/{}", option(args, "--memory").unwrap());
            let mut file = File::create(path).unwrap();
            file.write_all(b"shared").unwrap();
            std::mem::forget(file);
        }
        "closes-output" => {
            rustix::stdio::dup2_stdout(File::open("/dev/null").unwrap()).unwrap();
            rustix::stdio::dup2_stderr(File::open("/dev/null").unwrap()).unwrap();
        }
        "forks-away" => {
            spawn_child(args, "setsid");
            std::process::exit(0);
        }
        "floods" => {
            let line = "x".repeat(1_000);
            for i in 0..2_000 {
                println!("{i} {line}");
            }
        }
        _ => {}
    }
    let listener = match mode.as_str() {
        "wrong-port" => TcpListener::bind("127.0.0.1:0").unwrap(),
        "shares-port" => support::listen_sharing(port),
        _ => TcpListener::bind(("127.0.0.1", port)).unwrap(),
    };
    for stream in listener.incoming() {
        let (args, mode) = (args.to_vec(), mode.clone());
        std::thread::spawn(move || answer(stream.unwrap(), &args, &mode));
    }
}

/// Whether this is the first server with this `--alive` file.
fn first_time(args: &[String]) -> bool {
    let mark = option(args, "--alive").unwrap() + ".first";
    File::create_new(mark).is_ok()
}

/// The file whose appearance lets a server go on.
fn go(args: &[String]) -> std::path::PathBuf {
    (option(args, "--alive").unwrap() + ".go").into()
}

/// Answers one request; whatever goes wrong with the connection is the other side's business.
fn answer(mut stream: TcpStream, args: &[String], mode: &str) {
    let Some((route, key, body)) = read_request(&mut stream) else {
        return;
    };
    let model = option(args, "--model").unwrap_or_else(|| "tiny".into());
    let models = match mode {
        "empty-list" => json!({"object": "list", "data": []}),
        _ => json!({"object": "list", "data": [{"id": model}, {"id": "other"}]}),
    };
    let asked: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, body) = match (route.as_str(), mode) {
        (_, "key") if key != format!("Bearer {}", option(args, "--key").unwrap()) => (
            401,
            format!(r#"{{"error":{{"message":"no such key: {key}"}}}}"#),
        ),
        (_, "loading") if !go(args).exists() => (
            503,
            r#"{"error":{"message":"Loading model","code":503}}"#.into(),
        ),
        ("/health", "sick") if go(args).exists() => (500, "worker 2 is gone".into()),
        ("/v1/models", "forgets") if go(args).exists() => (200, r#"{"data":[{"id":"b"}]}"#.into()),
        ("/health", "500") => (500, "<h1>engine is dead</h1>\u{1b}[31m".to_string()),
        ("/health", "404") => (404, "nothing here".into()),
        ("/health", _) => (200, String::new()),
        ("/v1/models", _) => (200, models.to_string()),
        ("/v1/chat/completions", "no-token") => (503, r#"{"error":"no worker"}"#.into()),
        ("/v1/chat/completions", "completions-only") => (404, "no chat".into()),
        ("/v1/chat/completions" | "/v1/completions", _) if asked["model"] == model => {
            (200, json!({"choices": [{"index": 0}]}).to_string())
        }
        ("/seen", _) => (200, seen().to_string()),
        _ => (404, "no such route".into()),
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
}

/// What the server was started with, for the tests to compare.
fn seen() -> serde_json::Value {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).unwrap();
    json!({
        "args": std::env::args().collect::<Vec<_>>(),
        "env": std::env::vars().collect::<std::collections::BTreeMap<_, _>>(),
        "cwd": std::env::current_dir().unwrap(),
        "stdin": input,
    })
}

/// Route, `Authorization` and body.
fn read_request(stream: &mut TcpStream) -> Option<(String, String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let route = line.split(' ').nth(1)?.to_string();
    let (mut length, mut key) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().ok()?,
            Some(("Authorization", value)) => key = value.into(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((route, key, body))
}

/// Starts a child that is never waited for, as careless servers do, and waits until it (or, for a daemon, its own child) holds its lock.
fn spawn_child(args: &[String], mode: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        CHILD,
        "--mode",
        mode,
        "--alive",
        &option(args, "--alive").unwrap(),
    ]);
    #[expect(
        clippy::zombie_processes,
        reason = "what is left unreaped is what is tested"
    )]
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "up\n");
    if mode.ends_with("daemon") {
        child.wait().unwrap();
    }
}

fn child(args: &[String]) {
    let mode = option(args, "--mode").unwrap();
    if mode.ends_with("setsid") || mode == "daemonised" {
        rustix::process::setsid().unwrap();
    }
    let program = std::env::current_exe().unwrap();
    let alive = option(args, "--alive").unwrap();
    if mode.ends_with("daemon") {
        // The second fork, with nothing in the environment that could give it away.
        let next = if mode == "daemon" {
            "daemonised"
        } else {
            "stubborn-setsid"
        };
        let mut command = Command::new(program);
        command
            .args([CHILD, "--mode", next, "--alive", &alive])
            .env_clear()
            .arg0("hidden");
        #[expect(clippy::zombie_processes, reason = "a second fork is never waited for")]
        command.spawn().unwrap();
        return;
    }
    if mode.starts_with("stubborn") {
        // A signal that is ignored stays ignored across exec.
        let script = "trap '' TERM; exec \"$0\" \"$@\"";
        let error = Command::new("/bin/sh")
            .args(["-c", script])
            .arg(program)
            .args([CHILD, "--mode", "sleeps", "--alive", &alive])
            .exec();
        panic!("{error}");
    }
    live(args);
    println!("up");
    park();
}
