//! What the tests share: deployments of fake servers, and looks at the kernel instead of waits.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use rustix::fs::{FlockOperation, flock};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use serde_json::Value;
use tribunal_serving::{
    Deployment, Part, Readiness, ReadyStep, Server, StartError, StartErrorKind, StartOptions,
};

use crate::fake;

/// Longer than anything here takes on a machine that is busy with other things; reached only when a test fails.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Ports that no other test leases, so that a listener on one of them is a finding. Above those of well-known services, below the
/// ephemeral ones.
pub const APART: std::ops::RangeInclusive<u16> = 31_000..=31_999;

pub fn trial(name: &'static str, body: fn()) -> Trial {
    Trial::test(name, move || -> Result<(), Failed> {
        body();
        Ok(())
    })
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// The folder of one test: evidence, the `alive` file, leases of its own where a test wants them.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("alive")).unwrap();
        Folder(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn alive(&self) -> PathBuf {
        self.path().join("alive")
    }

    /// Lets servers go on that wait for it, or changes how they answer.
    pub fn go(&self) {
        File::create(self.path().join("alive.go")).unwrap();
    }

    pub fn options(&self) -> StartOptions {
        StartOptions::new(self.path().join("evidence"))
    }

    pub fn fake(&self, mode: &str) -> Deployment {
        fake(mode, &self.alive())
    }

    pub async fn start(&self, mode: &str) -> Server {
        Server::start(&self.fake(mode), &self.options())
            .await
            .unwrap()
    }

    /// The error of a start that fails.
    pub async fn refused(&self, deployment: &Deployment) -> StartError {
        let error = Server::start(deployment, &self.options())
            .await
            .expect_err("it must not start");
        self.assert_nothing_lives();
        error
    }

    /// The error of a server that gets as far as `step` and no further. On a machine that is too busy it may run out
    /// of time before it gets there, or before it answers there; then it has more.
    pub async fn stuck_at(&self, step: ReadyStep, deployment: &Deployment) -> StartError {
        for milliseconds in [300, 3_000, 30_000] {
            let patient = deployment
                .clone()
                .ready_within(Duration::from_millis(milliseconds));
            let error = self.refused(&patient).await;
            match error.kind() {
                StartErrorKind::NotReady { step: reached, .. } if *reached < step => {}
                StartErrorKind::NotReady {
                    step, status: None, ..
                } if *step != ReadyStep::Listening => {}
                _ => return error,
            }
        }
        panic!("it never got to {step:?}");
    }

    /// Whether a process of the fake tree lives.
    pub fn anybody_lives(&self) -> bool {
        let file = File::open(self.alive()).unwrap();
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return true;
        }
        // Given back by name: a process that a test beside this one is starting may have inherited the file, and would keep the lock.
        flock(&file, FlockOperation::Unlock).unwrap();
        false
    }

    pub fn assert_nothing_lives(&self) {
        assert!(!self.anybody_lives(), "a process of the server is left");
    }
}

/// A fake server with everything that a server is told.
pub fn fake(mode: &str, alive: &Path) -> Deployment {
    Deployment::command(std::env::current_exe().unwrap())
        .args([
            fake::SERVER,
            "--mode",
            mode,
            "--port",
            "{port}",
            "--model",
            "{model}",
            "--alive",
        ])
        .arg(alive)
        .name(format!("fake-{mode}"))
        .model("tiny")
        .ready_within(DEADLINE)
}

/// The same as a part.
pub fn fake_part(name: &str, mode: &str, alive: &Path) -> Part {
    Part::command(name, std::env::current_exe().unwrap())
        .args([fake::SERVER, "--mode", mode, "--port", "{port}", "--alive"])
        .args([alive])
        .ready(Readiness {
            within: DEADLINE,
            ..Readiness::listening()
        })
}

/// A listener of this process on the port of the server that writes this log, before the server itself listens.
pub async fn squatter(folder: &Folder, log: &str) -> TcpListener {
    let log = folder.path().join("evidence").join(log);
    let text = || std::fs::read_to_string(&log).unwrap_or_default();
    until_async("the server runs", || text().contains("fake server in mode")).await;
    let alive = folder.alive();
    let port = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .find_map(|entry| {
            let line = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
            let mut words = line.split('\0').skip_while(|w| *w != "--port").skip(1);
            let port = words.next()?.parse::<u16>().ok()?;
            line.contains(alive.to_str()?).then_some(port)
        });
    TcpListener::bind(("127.0.0.1", port.unwrap())).unwrap()
}

/// A program from its text. Another process writes it: what is open for writing cannot be executed, and every process that a test beside
/// this one starts has inherited our descriptors for a moment.
pub fn write_program(path: &Path, text: &str) {
    let script = "printf '%s' \"$1\" > \"$0\" && chmod 755 \"$0\"";
    let mut shell = Command::new("sh");
    let written = shell.args(["-c", script]).arg(path).arg(text).status();
    assert!(written.unwrap().success());
}

/// Looks again and again until it holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "still not: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub async fn until_async(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A socket that no other process gets to know: tests beside this one start processes all the time.
pub fn socket() -> OwnedFd {
    let (family, kind) = (AddressFamily::INET, SocketType::STREAM);
    rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None).unwrap()
}

/// A listener that lets others listen on the same port.
pub fn listen_sharing(port: u16) -> TcpListener {
    let socket = socket();
    sockopt::set_socket_reuseport(&socket, true).unwrap();
    let address = std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, port);
    rustix::net::bind(&socket, &address).unwrap();
    rustix::net::listen(&socket, 16).unwrap();
    TcpListener::from(socket)
}

/// A GET to a server, over a connection of its own.
pub fn get(server: &Server, route: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    write!(stream, "GET {route} HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_string()
}

#[track_caller]
pub fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

pub fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let fd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
    rustix::process::pidfd_send_signal(&fd, signal).unwrap();
}

/// Whether a process of this user has a file in this folder open, as every keeper has its server's log.
pub fn uses(folder: &Path) -> bool {
    let me = std::process::id().to_string();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|p| *p.file_name() != *me)
        .any(|process| {
            let descriptors = std::fs::read_dir(process.path().join("fd"));
            descriptors
                .into_iter()
                .flatten()
                .flatten()
                .any(|descriptor| {
                    std::fs::read_link(descriptor.path()).is_ok_and(|file| file.starts_with(folder))
                })
        })
}

/// A name for shared memory that no other test has; what is there in the end is removed.
pub struct Memory(PathBuf);

impl Memory {
    /// `None`: nothing can be made there.
    pub fn new(name: &str) -> Option<Memory> {
        let me = std::process::id();
        let path = PathBuf::from(format!("/dev/shm/tribunal-test-{name}-{me}"));
        if std::fs::write(&path, "").is_err() {
            eprintln!("not checked: /dev/shm cannot be written");
            return None;
        }
        std::fs::remove_file(&path).unwrap();
        Some(Memory(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn name(&self) -> &str {
        self.0.file_name().unwrap().to_str().unwrap()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// When a process started, in clock ticks since boot.
pub fn start_time(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let rest = stat.rsplit_once(") ").unwrap().1;
    rest.split(' ').nth(19).unwrap().parse().unwrap()
}

/// A process that uses a shared server.
pub struct Sharer {
    pub child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Sharer {
    pub fn run(folder: &Folder, mode: &str, linger: &str, more: &[&str]) -> Sharer {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([fake::SHARER, "--mode", mode, "--linger", linger, "--folder"]);
        command.arg(folder.path()).args(more);
        if !more.contains(&"--key") {
            command.args(["--key", "0123abcd"]);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Sharer {
            input: child.stdin.take(),
            child,
            output,
        }
    }

    pub fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"))
    }

    pub fn ask(&mut self, word: &str) -> Value {
        writeln!(self.input.as_mut().unwrap(), "{word}").unwrap();
        self.hear()
    }

    /// The port of which it has spoken, if it came so far before it ended.
    pub fn port(&mut self) -> Option<u16> {
        let mut line = String::new();
        self.output.read_line(&mut line).ok()?;
        let said: Value = serde_json::from_str(&line).ok()?;
        said["url"].as_str()?.rsplit_once(':')?.1.parse().ok()
    }

    /// Ends without a stop.
    pub fn leave(&mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Sharer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Something to be watched: a process that does nothing.
pub struct Runner(Child);

impl Runner {
    pub fn new() -> Runner {
        let mut command = Command::new("sleep");
        Runner(command.arg("3600").stdin(Stdio::null()).spawn().unwrap())
    }

    pub fn name(&self) -> String {
        format!("{}:{}", self.0.id(), start_time(self.0.id()))
    }

    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
