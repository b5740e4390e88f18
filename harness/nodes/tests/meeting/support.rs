//! A conducted layout, from outside.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tribunal_serving::{ProcessInfo, ProcessSignal, processes_below, signal_process};

/// Whatever is waited for comes within this time on a machine with much to do, or not at all.
pub const LONG: Duration = Duration::from_secs(40);

pub struct Conducted {
    pub conductor: Child,
    pub port: u16,
    pub evidence: PathBuf,
    lines: mpsc::Receiver<String>,
    pub said: Arc<Mutex<Vec<String>>>,
    _folder: TempDir,
}

/// A file of so many nodes, each a server on a free port.
pub fn file(nodes: usize, of_node: &dyn Fn(usize) -> String) -> String {
    let mut text = format!(
        "test_name: t\nmodel: m\nnum_nodes: {nodes}\nnpu_per_node: 8\nenv_common: {{ SERVER_PORT: DEFAULT_PORT }}\ndeployment:\n"
    );
    for node in 0..nodes {
        text += &format!("  - server_cmd: {}\n", of_node(node));
    }
    text
}

/// Which block of loopback addresses is free differs from run to run.
fn in_block_zero(line: &str) -> String {
    let mut pieces = line.split("127.77.");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out += "127.77.0";
        out += piece.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out
}

pub fn plain(_: usize) -> String {
    "fake server --port $SERVER_PORT".to_owned()
}

impl Conducted {
    pub fn start(text: &str) -> Conducted {
        Conducted::with(text, None)
    }

    /// Conducted on nodes that have joined a hub; without one, rehearsed.
    pub fn with(text: &str, hub: Option<&str>) -> Conducted {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nodes.yaml");
        std::fs::write(&path, text).unwrap();
        let evidence = folder.path().join("evidence");
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut conductor = Command::new(std::env::current_exe().unwrap())
            .arg("fake-conduct")
            .arg(&path)
            .arg(port.to_string())
            .arg(&evidence)
            .args(hub)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        let said = Arc::new(Mutex::new(Vec::new()));
        let out = conductor.stdout.take().unwrap();
        let keep = said.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let line = in_block_zero(&line);
                keep.lock().unwrap().push(line.clone());
                let _ = sender.send(line);
            }
        });
        Conducted {
            conductor,
            port,
            evidence,
            lines,
            said,
            _folder: folder,
        }
    }

    pub fn all(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    /// The first line from here on that has the text.
    pub fn line(&self, text: &str) -> String {
        let deadline = Instant::now() + LONG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(e) => panic!("no line with `{text}` ({e}):\n{}", self.all()),
            }
        }
    }

    pub fn ready(self) -> Conducted {
        self.line("ready: requests go to");
        self
    }

    fn below(&self) -> Vec<(ProcessInfo, String)> {
        let below = processes_below(self.conductor.id()).into_iter();
        below
            .map(|p| {
                let line = std::fs::read(format!("/proc/{}/cmdline", p.pid)).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                (p, line)
            })
            .collect()
    }

    /// The first process below the conductor of which this holds. The kernel's list may miss one while others come and go.
    fn find(&self, what: &str, is: &dyn Fn(&str) -> bool) -> ProcessInfo {
        let deadline = Instant::now() + LONG;
        loop {
            if let Some((found, _)) = self.below().into_iter().find(|(_, line)| is(line)) {
                return found;
            }
            assert!(Instant::now() < deadline, "no {what}:\n{}", self.all());
        }
    }

    pub fn agent(&self, node: usize) -> ProcessInfo {
        let of_node = format!("--node {node}/");
        let is = |line: &str| line.contains("__nodes-agent") && line.contains(&of_node);
        self.find(&format!("agent {node}"), &is)
    }

    pub fn server(&self, node: usize) -> ProcessInfo {
        let last = format!(".{}", node + 1);
        let is = |line: &str| {
            // The mark, then the address.
            let mut words = line.split(' ').skip_while(|word| *word != "fake-server");
            words.nth(2).is_some_and(|address| address.ends_with(&last))
        };
        self.find(&format!("server on node {node}"), &is)
    }

    pub fn signal(&self, process: &ProcessInfo, signal: ProcessSignal) {
        assert!(signal_process(process, signal).unwrap());
    }

    /// SIGTERM, as its keeper would.
    pub fn ask_to_end(&self) {
        let me = tribunal_serving::process_of(self.conductor.id()).unwrap();
        self.signal(&me, ProcessSignal::Terminate);
    }

    pub fn get(&self) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(status) = self.conductor.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "it does not end:\n{}",
                self.all()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Every process that has the folder of this layout in its command line.
    pub fn residue(&self) -> Vec<String> {
        let mark = self.evidence.to_string_lossy().into_owned();
        let pids = std::fs::read_dir("/proc").unwrap().flatten();
        pids.filter_map(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            line.contains(&mark).then_some(line)
        })
        .collect()
    }

    pub fn nothing_is_left(&self) {
        let deadline = Instant::now() + LONG;
        while !self.residue().is_empty() {
            assert!(
                Instant::now() < deadline,
                "left: {:?}\n{}",
                self.residue(),
                self.all()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Conducted {
    fn drop(&mut self) {
        let _ = self.conductor.kill();
        let _ = self.conductor.wait();
    }
}
