//! Whether a process answers: one question, one status.
//!
//! Promise: a question has a limit, reads a few bytes and leaves no connection. Rejected: a full client (only the status counts, and the server may be half up).

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::message::Ready;

/// How long one answer may take.
const QUESTION: Duration = Duration::from_secs(5);
/// What is read of an answer: its status stands in the first line.
const FIRST: usize = 256;

/// What an answer says of a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// As it should be.
    Good,
    /// It says something else, or does not take connections: in words.
    Bad(String),
    /// It says nothing within the limit: it may have much to do.
    Silent(String),
}

/// Asks once.
pub(crate) async fn ask(ready: &Ready) -> Health {
    match ready {
        Ready::Alive => Health::Good,
        Ready::Connects { host, ports } => {
            for port in ports {
                let connected = within(TcpStream::connect((host.as_str(), *port))).await;
                match connected {
                    Some(Ok(_)) => {}
                    Some(Err(e)) => return Health::Bad(format!("{host}:{port}: {e}")),
                    None => return silent(&format!("{host}:{port}")),
                }
            }
            Health::Good
        }
        Ready::Http { host, port, paths } => {
            let mut said = Vec::new();
            for path in paths {
                let what = format!("http://{host}:{port}{path}");
                match within(status(host, *port, path)).await {
                    Some(Ok(200)) => return Health::Good,
                    Some(Ok(status)) => said.push(format!("{what} answers {status}")),
                    // What does not take connections takes none for the other paths either.
                    Some(Err(e)) => {
                        said.push(format!("{what}: {e}"));
                        break;
                    }
                    None => return silent(&what),
                }
            }
            Health::Bad(said.join(", "))
        }
    }
}

fn silent(what: &str) -> Health {
    Health::Silent(format!(
        "{what} does not answer within {} s",
        QUESTION.as_secs()
    ))
}

async fn within<T>(question: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(QUESTION, question).await.ok()
}

async fn status(host: &str, port: u16, path: &str) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect((host, port)).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: tribunal-nodes\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut first = Vec::new();
    while first.len() < FIRST && !first.contains(&b'\n') {
        if stream.read_buf(&mut first).await? == 0 {
            break;
        }
    }
    let line = String::from_utf8_lossy(&first);
    line.strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.trim().parse().ok())
        .ok_or_else(|| std::io::Error::other("what answers does not speak HTTP/1"))
}
