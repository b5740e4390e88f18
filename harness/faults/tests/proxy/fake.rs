//! A small server on a thread, and a client that sees every byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// What the tests know of the server.
#[derive(Default)]
pub struct Seen {
    pub connections: AtomicU64,
    pub requests: Mutex<Vec<String>>,
    /// Connections that ended, in whatever way.
    pub ended: AtomicU64,
    go: (Mutex<bool>, Condvar),
    over: AtomicBool,
}

pub struct Fake {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
}

impl Seen {
    fn wait(&self) {
        let guard = self.go.0.lock().unwrap();
        drop(self.go.1.wait_timeout_while(guard, DEADLINE, |go| !*go));
    }
}

impl Fake {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let theirs = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.over.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), seen) = (stream, theirs.clone()) else {
                    continue;
                };
                seen.connections.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || {
                    let _ = serve(stream, &seen);
                    seen.ended.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        Fake { address, seen }
    }

    pub fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// Lets the streams of `/held` go on.
    pub fn go(&self) {
        *self.seen.go.0.lock().unwrap() = true;
        self.seen.go.1.notify_all();
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.seen.over.store(true, Ordering::Relaxed);
        self.go();
        let _ = TcpStream::connect(self.address);
    }
}

/// An address at which nobody listens, as long as what comes with it is kept.
pub fn nobody() -> (tokio::net::TcpSocket, SocketAddr) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// The text of the event of that number.
pub fn event(n: usize) -> String {
    format!("data: {{\"n\":{n},\"é\":\"漢\"}}\n\n")
}

/// `/stream/N`: N events and `[DONE]`; `/held/N`: N events, then a wait for [`Fake::go`], then `[DONE]`; `/closing/N`: the end of the connection ends the body;
/// `/late`: a wait, then five letters.
fn serve(mut stream: TcpStream, seen: &Seen) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut rest = Vec::new();
    loop {
        let Some(head) = until_blank_line(&mut stream, &mut rest)? else {
            return Ok(());
        };
        if !head.starts_with("GET") && !head.starts_with("POST") && !head.starts_with("HEAD") {
            stream.write_all(b"what?")?;
            return Ok(());
        }
        let length = head
            .lines()
            .find_map(|l| l.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |l| l.trim().parse().unwrap());
        if head.contains("100-continue") {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        while rest.len() < length {
            let mut some = [0; 4096];
            match stream.read(&mut some)? {
                0 => return Ok(()),
                n => rest.extend_from_slice(&some[..n]),
            }
        }
        let body: Vec<u8> = rest.drain(..length).collect();
        let target = head.split(' ').nth(1).unwrap().to_string();
        seen.requests.lock().unwrap().push(
            format!("{target} {}", String::from_utf8_lossy(&body))
                .trim()
                .into(),
        );
        let mut parts = target[1..].split('/');
        match (
            parts.next().unwrap(),
            parts.next().and_then(|n| n.parse::<usize>().ok()),
        ) {
            (kind @ ("stream" | "held" | "closing"), Some(n)) => {
                let chunked = kind != "closing";
                let framing = if chunked {
                    "transfer-encoding: chunked\r\n"
                } else {
                    ""
                };
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{framing}\r\n"
                )?;
                let mut send = |text: &str| match chunked {
                    true => stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()),
                    false => stream.write_all(text.as_bytes()),
                };
                for i in 0..n {
                    send(&event(i))?;
                }
                if kind == "held" {
                    seen.wait();
                }
                send("data: [DONE]\n\n")?;
                match chunked {
                    true => stream.write_all(b"0\r\n\r\n")?,
                    false => return Ok(()),
                }
            }
            ("late", _) => {
                seen.wait();
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")?;
            }
            _ if head.starts_with("HEAD") => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")?
            }
            _ => write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")?,
        }
    }
}

fn until_blank_line(stream: &mut TcpStream, rest: &mut Vec<u8>) -> std::io::Result<Option<String>> {
    loop {
        if let Some(end) = rest.windows(4).position(|w| w == b"\r\n\r\n") {
            return Ok(Some(
                String::from_utf8_lossy(&rest.drain(..end + 4).collect::<Vec<_>>()).into(),
            ));
        }
        if rest.len() > 4 && !rest[0].is_ascii_uppercase() {
            return Ok(Some(String::new()));
        }
        let mut some = [0; 4096];
        match stream.read(&mut some)? {
            0 => return Ok(None),
            n => rest.extend_from_slice(&some[..n]),
        }
    }
}

/// A client on one connection.
pub struct Client {
    pub stream: TcpStream,
    /// What was read and not yet taken.
    pub read: Vec<u8>,
}

/// How a read ended.
#[derive(Debug, PartialEq, Clone, Copy)]
pub enum End {
    Closed,
    Reset,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client {
            stream,
            read: Vec::new(),
        }
    }

    pub fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    pub fn get(&mut self, target: &str) {
        self.send(&format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n"));
    }

    /// Reads more; how it ended if it did.
    pub fn more(&mut self) -> Option<End> {
        let mut some = [0; 65_536];
        match self.stream.read(&mut some) {
            Ok(0) => Some(End::Closed),
            Ok(n) => {
                self.read.extend_from_slice(&some[..n]);
                None
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(End::Reset),
            Err(error) => panic!("{error}; so far: {:?}", String::from_utf8_lossy(&self.read)),
        }
    }

    /// Reads until that many bytes of text are there.
    pub fn until(&mut self, text: &str) -> String {
        loop {
            let seen = String::from_utf8_lossy(&self.read).into_owned();
            if let Some(at) = seen.find(text) {
                let end = at + text.len();
                self.read.drain(..end);
                return seen[..end].into();
            }
            assert_eq!(self.more(), None, "before {text:?} came: {seen:?}");
        }
    }

    /// Reads a response of five letters.
    pub fn hello(&mut self) {
        let text = self.until("hello");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    }

    /// Reads a response in chunks to its end.
    pub fn whole_stream(&mut self) -> String {
        self.until("\r\n0\r\n\r\n")
    }

    pub fn read_out(&mut self) -> (Vec<u8>, End) {
        loop {
            if let Some(end) = self.more() {
                return (std::mem::take(&mut self.read), end);
            }
        }
    }
}

/// Looks again and again until it holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "still not: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The payload of a body in chunks, which must be whole.
pub fn payload(response: &str) -> String {
    let mut rest = response.split_once("\r\n\r\n").unwrap().1;
    let mut out = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        out.push_str(&after[..size]);
        if size == 0 {
            assert_eq!(after, "\r\n");
            return out;
        }
        rest = after[size..].strip_prefix("\r\n").unwrap();
    }
}
