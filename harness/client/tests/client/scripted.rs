//! A server that reads one request for each connection and answers what the script says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tribunal_client::{ChatClient, Client};

/// What the server does after it has read the request.
#[derive(Clone)]
pub enum Step {
    /// Write these bytes.
    Send(Vec<u8>),
    /// Keep the connection open, silent, until the client closes it.
    Hold,
    /// Close with a reset instead of an end.
    Reset,
}

/// The running server. Dropping it ends it.
pub struct Scripted {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Scripted {
    /// The first connection gets the first script, the second the second; later ones the last.
    pub async fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            for number in 0.. {
                let Ok((socket, _)) = listener.accept().await else {
                    return;
                };
                let script = scripts[usize::min(number, scripts.len() - 1)].clone();
                connections.spawn(play(socket, script, seen.clone()));
            }
        });
        Self {
            address,
            requests,
            task,
        }
    }

    /// A server that answers everything alike.
    pub async fn always(steps: Vec<Step>) -> Self {
        Self::start(vec![steps]).await
    }

    pub fn client(&self) -> Client {
        Client::new(format!("http://{}", self.address)).expect("a client")
    }

    pub fn chat(&self) -> ChatClient {
        self.client().chat("m")
    }

    /// The requests so far, head and body as they came.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }

    /// The JSON body of the only request.
    pub fn body(&self) -> Value {
        let requests = self.requests();
        let [only] = requests.as_slice() else {
            panic!("one request, not {}", requests.len())
        };
        let (_, body) = only.split_once("\r\n\r\n").expect("a head");
        serde_json::from_str(body).expect("JSON")
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(mut socket: TcpStream, script: Vec<Step>, seen: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read_request(&mut socket).await else {
        return;
    };
    seen.lock().expect("no panic").push(request);
    for step in script {
        match step {
            Step::Send(bytes) => {
                if socket.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Step::Hold => {
                let _ = socket.read(&mut [0]).await;
            }
            Step::Reset => {
                socket.set_zero_linger().expect("linger");
                return;
            }
        }
    }
}

async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length:")?
                        .trim()
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text.into_owned());
            }
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

pub fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

/// A whole response with a length.
pub fn plain(status: u16, kind: &str, body: impl AsRef<[u8]>) -> Step {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nx-server: scripted\r\n\r\n",
        body.as_ref().len()
    );
    send([head.as_bytes(), body.as_ref()].concat())
}

pub fn json(status: u16, body: Value) -> Step {
    plain(status, "application/json", body.to_string())
}

/// The head of a stream with chunked encoding.
pub fn stream_head() -> Step {
    send(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n",
    )
}

/// One chunk of the encoding.
pub fn chunk(bytes: impl AsRef<[u8]>) -> Step {
    let bytes = bytes.as_ref();
    send([format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat())
}

/// The end of the encoding.
pub fn end() -> Step {
    send("0\r\n\r\n")
}

/// A complete stream of this text.
pub fn stream(text: impl AsRef<[u8]>) -> Vec<Step> {
    vec![stream_head(), chunk(text), end()]
}

/// A chunk of a chat stream as an event.
pub fn delta(delta: &str, finish: Option<&str>) -> String {
    let finish = finish.map_or("null".into(), |finish| format!("{finish:?}"));
    format!(
        "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    )
}

/// A plain chat answer that says this.
pub fn chat_answer(text: &str) -> Value {
    serde_json::json!({
        "id": "c1", "object": "chat.completion", "created": 1, "model": "m", "system_fingerprint": "fp",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": text, "reasoning_content": "hm" }, "finish_reason": "stop", "stop_reason": 7 }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "prompt_tokens_details": { "cached_tokens": 1 } },
    })
}
