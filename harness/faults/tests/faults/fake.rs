//! A server small enough to see everything of it, its workers, and a harness that is there to be killed.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use tribunal_faults::Fault;

use crate::support::{self, Place};

pub const SERVER: &str = "__fake-server";
pub const WORKER: &str = "__fake-worker";
pub const ROUTER: &str = "__fake-router";
pub const HARNESS: &str = "__fake-harness";
/// More than this it does not open.
pub const MOST_OPEN: usize = 64;

pub fn verb(args: &[OsString]) -> Option<ExitCode> {
    let words: Vec<&str> = args.iter().filter_map(|a| a.to_str()).collect();
    match words.split_first()? {
        (&SERVER, rest) => server(rest),
        (&WORKER, _) => loop {
            std::thread::park();
        },
        (&ROUTER, rest) => router(rest),
        (&HARNESS, rest) => harness(rest),
        _ => return None,
    }
    Some(ExitCode::SUCCESS)
}

/// `PORT WORKERS`.
fn server(words: &[&str]) {
    let listener = TcpListener::bind(("127.0.0.1", words[0].parse().unwrap())).unwrap();
    for _ in 0..words[1].parse().unwrap() {
        #[expect(clippy::zombie_processes, reason = "workers are the keeper's to end")]
        Command::new("/proc/self/exe")
            .arg(WORKER)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
    }
    // Out of descriptors, one cannot be accepted: the next one may.
    for stream in listener.incoming().flatten() {
        let _ = answer(stream);
    }
}

/// `PORT WORKER…`: hands a request for `/N/ROUTE` to the worker of that number and gives back what came, however little.
fn router(words: &[&str]) {
    let ports: Vec<u16> = words.iter().map(|w| w.parse().unwrap()).collect();
    let listener = TcpListener::bind(("127.0.0.1", ports[0])).unwrap();
    for mut stream in listener.incoming().flatten() {
        let mut request = [0; 4096];
        let n = stream.read(&mut request).unwrap_or(0);
        let request = String::from_utf8_lossy(&request[..n]).into_owned();
        let Some(number) = request.get(5..6).and_then(|n| n.parse::<usize>().ok()) else {
            continue;
        };
        let mut worker = TcpStream::connect(("127.0.0.1", ports[1 + number])).unwrap();
        let passed = request.replacen(&format!("/{number}/"), "/", 1);
        let mut answer = Vec::new();
        let _ = worker.write_all(passed.as_bytes());
        let _ = worker.read_to_end(&mut answer);
        let _ = stream.write_all(&answer);
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut line = String::new();
    // By reference: a second handle on it would need one more descriptor.
    let mut reader = BufReader::new(&stream);
    reader.read_line(&mut line)?;
    let route = line.split(' ').nth(1).unwrap_or_default().to_owned();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
    }
    let said = match route.split_once('?') {
        Some(("/write", path)) => match write_to(path) {
            Ok(()) => "written".into(),
            Err(error) => format!("{:?}", error.kind()),
        },
        _ if route == "/open" => opened().to_string(),
        _ if route == "/time" => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            now.as_secs().to_string()
        }
        _ => "well".into(),
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}",
        said.len()
    )
}

fn write_to(path: &str) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    let written = file.write_all(&[7; 4096]);
    let _ = std::fs::remove_file(path);
    written
}

/// How many files can be opened beside everything else.
fn opened() -> usize {
    let mut open = Vec::new();
    while open.len() < MOST_OPEN {
        match File::open("/dev/null") {
            Ok(file) => open.push(file),
            Err(_) => break,
        }
    }
    open.len()
}

/// `FOLDER FAULT…`: starts a server, injects, says so and waits for its end.
fn harness(words: &[&str]) {
    let fault: Fault = words[1..].join(" ").parse().unwrap();
    let place = Place::at(words[0].into());
    support::runtime().block_on(async {
        let scene = place.scene_for(&fault).await;
        let injected = fault.inject(&scene).await.unwrap();
        println!("injected: {}", injected.proof().what);
        std::future::pending::<()>().await;
    });
}

/// What the server says to this request.
pub fn ask(port: u16, route: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    // In one piece: the router reads once.
    let request = format!("GET {route} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.into());
    body.ok_or_else(|| std::io::Error::other("no answer"))
}
