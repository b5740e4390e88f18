//! A server that does what a test tells it, byte by byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tribunal_traffic::{Body, Reading, Request, Source, Target};

/// Long enough for any machine.
pub const LONG: Duration = Duration::from_secs(60);

/// What to do with a request.
pub enum Step {
    Send(Vec<u8>),
    /// Wait until so many requests are under way.
    Meet(usize),
    /// Wait until the other side goes away.
    Hold,
    Close,
}

/// What came.
#[derive(Clone, Debug)]
pub struct Got {
    pub head: String,
    pub body: String,
}

#[derive(Default)]
pub struct Seen {
    pub got: Mutex<Vec<Got>>,
    pub connections: AtomicUsize,
    /// Under way now, and the most at once.
    under_way: Mutex<(usize, usize)>,
    changed: Condvar,
}

impl Seen {
    pub fn count(&self) -> usize {
        self.got.lock().unwrap().len()
    }

    pub fn at_once(&self) -> usize {
        self.under_way.lock().unwrap().0
    }

    pub fn most_at_once(&self) -> usize {
        self.under_way.lock().unwrap().1
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
}

type Script = dyn Fn(usize, &Got) -> Vec<Step> + Send + Sync;

impl Server {
    /// Answers the n-th request (from 0) with what `script` says.
    pub fn new(script: impl Fn(usize, &Got) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let (script, all): (Arc<Script>, _) = (Arc::new(script), seen.clone());
        // Threads end with the process of the test; each connection's with the connection.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                all.connections.fetch_add(1, Ordering::SeqCst);
                let (script, all) = (script.clone(), all.clone());
                std::thread::spawn(move || serve(stream, &*script, &all));
            }
        });
        Self { address, seen }
    }

    pub fn target(&self) -> Target {
        Target::new(format!("http://{}", self.address), "m")
    }
}

fn serve(mut stream: TcpStream, script: &Script, seen: &Seen) {
    let mut buffer = Vec::new();
    while let Some(got) = request(&mut stream, &mut buffer) {
        let number = {
            let mut all = seen.got.lock().unwrap();
            all.push(got.clone());
            all.len() - 1
        };
        {
            let mut under_way = seen.under_way.lock().unwrap();
            under_way.0 += 1;
            under_way.1 = under_way.1.max(under_way.0);
            seen.changed.notify_all();
        }
        let open = script(number, &got).into_iter().all(|step| match step {
            Step::Send(bytes) => stream.write_all(&bytes).is_ok(),
            Step::Meet(count) => {
                let under_way = seen.under_way.lock().unwrap();
                let met = seen
                    .changed
                    .wait_timeout_while(under_way, LONG, |now| now.1 < count)
                    .unwrap();
                assert!(!met.1.timed_out(), "never {count} at once");
                true
            }
            Step::Hold => {
                let _ = stream.read(&mut [0; 64]);
                false
            }
            Step::Close => false,
        });
        seen.under_way.lock().unwrap().0 -= 1;
        if !open {
            return;
        }
    }
}

fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Got> {
    let mut more = |buffer: &mut Vec<u8>| {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).ok().filter(|read| *read > 0)?;
        buffer.extend_from_slice(&part[..read]);
        Some(())
    };
    let end = loop {
        match buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            Some(at) => break at + 4,
            None => more(buffer)?,
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .map(|n| n.trim().parse::<usize>().unwrap())
        })
        .unwrap_or(0);
    while buffer.len() < end + length {
        more(buffer)?;
    }
    let body = String::from_utf8_lossy(&buffer[end..end + length]).into_owned();
    buffer.drain(..end + length);
    Some(Got { head, body })
}

/// A whole answer.
pub fn answer(status: u16, kind: &str, body: &[u8]) -> Step {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    Step::Send([head.as_bytes(), body].concat())
}

pub fn json(body: &str) -> Step {
    answer(200, "application/json", body.as_bytes())
}

pub const CHAT: &str = r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#;

/// The head of a stream of events, in chunks.
pub fn stream_head() -> Step {
    Step::Send(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec(),
    )
}

/// One chunk.
pub fn chunk(text: &str) -> Step {
    Step::Send(format!("{:x}\r\n{text}\r\n", text.len()).into_bytes())
}

pub fn text_event(text: &str) -> Step {
    chunk(&format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
    ))
}

pub fn done() -> Vec<Step> {
    vec![
        chunk(
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        ),
        Step::Send(b"0\r\n\r\n".to_vec()),
    ]
}

/// Requests with bodies `"0"`, `"1"`, …; `turns` to a conversation.
pub struct Numbers {
    pub reading: Reading,
    pub turns: usize,
    pub left: u64,
    next: u64,
}

impl Numbers {
    pub fn new(reading: Reading, turns: usize, left: u64) -> Box<Self> {
        Box::new(Self {
            reading,
            turns,
            left,
            next: 0,
        })
    }
}

pub fn request_with(body: String, reading: Reading) -> Request {
    Request {
        path: "/v1/chat/completions".into(),
        body: Body::Json(body.into_bytes().into()),
        headers: Vec::new(),
        reading,
        prompt_tokens: None,
        asked_tokens: None,
        input_audio_seconds: None,
    }
}

impl Source for Numbers {
    fn next(&mut self) -> Option<Vec<Request>> {
        self.left = self.left.checked_sub(1)?;
        let turns = (0..self.turns)
            .map(|_| {
                self.next += 1;
                request_with((self.next - 1).to_string(), self.reading)
            })
            .collect();
        Some(turns)
    }

    fn answered(&mut self, next: Request, text: &str) -> Request {
        let Body::Json(body) = &next.body else {
            unreachable!()
        };
        let body = format!("{}+{text}", String::from_utf8_lossy(body));
        Request {
            body: Body::Json(body.into_bytes().into()),
            ..next
        }
    }
}

/// Runs a future as a test does.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::time::timeout(LONG, work).await.expect("in time") })
}
