//! The proxy as a process, with servers behind it that say what they were asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use tribunal_nodes::{PROXY_VERB, Routes};

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);

pub fn trials() -> Vec<Trial> {
    fn trial(name: &str, run: fn() -> Result<(), Failed>) -> Trial {
        Trial::test(format!("proxy::{name}"), run)
    }
    vec![
        trial("a_prefiller_is_asked_before_a_decoder", pair),
        trial("answers_pass_as_they_come", stream),
        trial("who_goes_away_is_gone_for_the_server", abort),
        trial("what_a_prefiller_refuses_is_the_answer", refusal),
        trial("a_dead_server_is_named", dead),
        trial("servers_are_asked_in_turn_or_always_the_same", turns),
        trial("it_ends_when_it_is_told_to", ends),
    ]
}

/// A request that a server got.
struct Asked {
    line: String,
    headers: Vec<String>,
    body: Value,
    stream: TcpStream,
}

impl Asked {
    fn answer(mut self, status: &str, body: &Value) {
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let _ = self.stream.write_all((head + &body).as_bytes());
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find_map(|line| {
            let (there, value) = line.split_once(':')?;
            there.eq_ignore_ascii_case(name).then_some(value)
        });
        found.map(str::trim)
    }
}

/// A server that hands on what it is asked.
struct Server {
    address: String,
    asked: Receiver<Asked>,
}

impl Server {
    fn new() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (sender, asked) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender: Sender<Asked> = sender.clone();
                std::thread::spawn(move || {
                    if let Some(asked) = read(stream) {
                        let _ = sender.send(asked);
                    }
                });
            }
        });
        Server { address, asked }
    }

    fn next(&self) -> Asked {
        self.asked.recv_timeout(LIMIT).expect("a request")
    }
}

fn read(stream: TcpStream) -> Option<Asked> {
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut line, mut headers) = (String::new(), Vec::new());
    reader.read_line(&mut line).ok()?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        headers.push(header.trim().to_owned());
    }
    let mut asked = Asked {
        line: line.trim().to_owned(),
        headers,
        body: Value::Null,
        stream,
    };
    let length = asked.header("content-length").and_then(|l| l.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    asked.body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(asked)
}

/// The proxy, which ends with the test.
struct Proxy {
    process: Child,
    address: SocketAddr,
}

impl Proxy {
    fn before(routes: &Routes) -> Proxy {
        let program = std::env::current_exe().expect("this binary");
        let mut process = Command::new(program)
            .args([PROXY_VERB, "--host", "127.0.0.1", "--port", "0", "--routes"])
            .arg(serde_json::to_string(routes).expect("JSON"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        let said = BufReader::new(process.stderr.take().expect("its log"));
        let mut lines = said.lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let address = line.strip_prefix("listening on http://")?;
            address.parse().ok()
        });
        let address = address.expect("it says where it listens");
        // A pipe that nobody reads would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Proxy { process, address }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer t\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream
            .write_all((head + &body).as_bytes())
            .expect("a request is sent");
        stream
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The status and the body of an answer.
fn answer(mut stream: TcpStream) -> (u16, Value) {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let status = text.split(' ').nth(1).and_then(|s| s.parse().ok());
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let start = body.find('{').unwrap_or(0);
    let end = body.rfind('}').map_or(body.len(), |end| end + 1);
    let body = serde_json::from_str(body.get(start..end).unwrap_or_default());
    (status.expect("a status"), body.unwrap_or(Value::Null))
}

fn apart(prefill: &str, decode: &str) -> Proxy {
    Proxy::before(&Routes::Pair {
        prefill: vec![prefill.to_owned()],
        decode: vec![decode.to_owned()],
    })
}

fn chat() -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, "stream": true})
}

fn pair() -> Result<(), Failed> {
    let (prefill, decode) = (Server::new(), Server::new());
    let proxy = apart(&prefill.address, &decode.address);
    let client = proxy.send("POST", "/v1/chat/completions", &chat());
    let asked = prefill.next();
    assert_eq!(asked.line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(asked.body["max_tokens"], 1);
    assert_eq!(asked.body["stream"], false);
    assert_eq!(asked.body["kv_transfer_params"]["do_remote_decode"], true);
    assert_eq!(asked.header("authorization"), Some("Bearer t"));
    let id = asked.header("x-request-id").expect("an id").to_owned();
    assert!(decode.asked.try_recv().is_err(), "not before the prefiller");
    let given = json!({"do_remote_prefill": true, "remote_block_ids": [0], "remote_host": "h"});
    asked.answer("200 OK", &json!({"kv_transfer_params": given}));
    let asked = decode.next();
    let mut expected = chat();
    expected["kv_transfer_params"] = given;
    assert_eq!(asked.body, expected);
    assert_eq!(asked.header("x-request-id"), Some(&*id));
    asked.answer("200 OK", &json!({"said": "by the decoder"}));
    assert_eq!(answer(client), (200, json!({"said": "by the decoder"})));
    Ok(())
}

fn stream() -> Result<(), Failed> {
    let server = Server::new();
    let proxy = Proxy::before(&Routes::Any(vec![server.address.clone()]));
    let client = proxy.send("POST", "/v1/chat/completions", &chat());
    let mut asked = server.next();
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    asked.stream.write_all(head.as_bytes())?;
    asked.stream.write_all(b"6\r\nfirst\n\r\n")?;
    let mut lines = BufReader::new(client).lines();
    // It is here before there is a second.
    assert!(lines.any(|line| line.is_ok_and(|line| line == "first")));
    asked.stream.write_all(b"7\r\nsecond\n\r\n0\r\n\r\n")?;
    assert!(lines.any(|line| line.is_ok_and(|line| line == "second")));
    Ok(())
}

fn abort() -> Result<(), Failed> {
    let (prefill, decode) = (Server::new(), Server::new());
    let proxy = apart(&prefill.address, &decode.address);
    // While the prefiller is at work, and in the middle of the decoder's answer.
    let client = proxy.send("POST", "/v1/completions", &json!({"prompt": "p"}));
    let mut asked = prefill.next();
    drop(client);
    assert_eq!(
        asked.stream.read(&mut [0])?,
        0,
        "the prefiller sees the end"
    );
    let client = proxy.send("POST", "/v1/completions", &json!({"prompt": "p"}));
    prefill.next().answer("200 OK", &json!({}));
    let mut asked = decode.next();
    asked
        .stream
        .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nfirst\n\r\n")?;
    let mut lines = BufReader::new(client).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line == "first")));
    drop(lines);
    assert_eq!(asked.stream.read(&mut [0])?, 0, "the decoder sees the end");
    Ok(())
}

fn refusal() -> Result<(), Failed> {
    let (prefill, decode) = (Server::new(), Server::new());
    let proxy = apart(&prefill.address, &decode.address);
    let client = proxy.send("POST", "/v1/completions", &json!({"prompt": 3}));
    let said = json!({"error": {"message": "no"}});
    prefill.next().answer("400 Bad Request", &said);
    assert_eq!(answer(client), (400, said));
    // What is no JSON is refused by who would have answered.
    let client = proxy.send("POST", "/v1/completions", &json!([1]));
    decode.next().answer("422 Unprocessable", &json!({}));
    assert_eq!(answer(client).0, 422);
    assert!(decode.asked.try_recv().is_err());
    Ok(())
}

fn dead() -> Result<(), Failed> {
    let decode = Server::new();
    // A port that was free a moment ago and is given to nobody.
    let gone = TcpListener::bind("127.0.0.1:0")?;
    let address = gone.local_addr()?.to_string();
    drop(gone);
    let proxy = apart(&address, &decode.address);
    let (status, body) = answer(proxy.send("POST", "/v1/chat/completions", &chat()));
    assert_eq!(status, 502, "{body}");
    let message = body["error"]["message"].as_str().unwrap_or_default();
    let expected = format!("the prefiller at {address} cannot be reached");
    assert!(message.starts_with(&expected), "{message}");
    assert_eq!(body["error"]["code"], "target_unreachable");
    let client = proxy.send("GET", "/healthcheck", &Value::Null);
    decode.next().answer("200 OK", &json!({}));
    let (status, body) = answer(client);
    assert_eq!(status, 503, "{body}");
    assert_eq!(
        body["targets"],
        json!([{"role": "prefiller", "address": address, "status": "unreachable"},
            {"role": "decoder", "address": decode.address, "status": "200"}])
    );
    Ok(())
}

fn turns() -> Result<(), Failed> {
    let (one, other) = (Server::new(), Server::new());
    let proxy = Proxy::before(&Routes::Any(vec![
        one.address.clone(),
        other.address.clone(),
    ]));
    for server in [&one, &other, &one] {
        let client = proxy.send("POST", "/v1/completions", &json!({"prompt": "p"}));
        let asked = server.next();
        assert_eq!(asked.body, json!({"prompt": "p"}), "it is sent as it is");
        asked.answer("200 OK", &json!({}));
        assert_eq!(answer(client).0, 200);
    }
    for _ in 0..2 {
        let client = proxy.send("GET", "/v1/models", &Value::Null);
        one.next().answer("200 OK", &json!({"data": []}));
        assert_eq!(answer(client), (200, json!({"data": []})));
    }
    let client = proxy.send("POST", "/reset_prefix_cache", &json!({}));
    one.next().answer("200 OK", &json!({}));
    other.next().answer("200 OK", &json!({"last": 1}));
    assert_eq!(answer(client), (200, json!({"last": 1})));
    let client = proxy.send("GET", "/health", &Value::Null);
    one.next().answer("200 OK", &json!({}));
    other.next().answer("200 OK", &json!({}));
    assert_eq!(answer(client).0, 200);
    Ok(())
}

fn ends() -> Result<(), Failed> {
    let server = Server::new();
    let mut proxy = Proxy::before(&Routes::Any(vec![server.address.clone()]));
    let pid = rustix::process::Pid::from_child(&proxy.process);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    let status = proxy.process.wait()?;
    assert!(status.success(), "{status}");
    assert!(TcpStream::connect(proxy.address).is_err());
    Ok(())
}
