//! Bytes of any kind, and what a server says to them.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::{ClientFaultError, Exchange};

/// How much of an answer is kept.
const KEPT: usize = 1 << 20;

/// What a server did about bytes that it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawAnswer {
    /// What it said, up to 1 MiB.
    pub bytes: Vec<u8>,
    /// The status, where it answered in HTTP/1.
    pub status: Option<u16>,
    /// What it did with the connection.
    pub end: RawEnd,
}

/// What became of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawEnd {
    /// The server closed it.
    Closed,
    /// The server reset it.
    Reset,
    /// It is open after a whole answer.
    Open,
    /// It is open, and no whole answer has come in the time that it had.
    Waiting,
}

impl RawAnswer {
    /// The body of the answer as text; empty where there is none.
    pub fn body(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        text.split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned())
            .unwrap_or_default()
    }
}

/// Sends bytes as they are, and reads what comes until the answer is whole, the connection is closed, or the time is over. `ends`: nothing comes after the bytes, which
/// the server is told.
pub async fn send_raw(
    server: SocketAddr,
    bytes: &[u8],
    ends: bool,
    within: Duration,
) -> Result<RawAnswer, ClientFaultError> {
    let mut exchange = Exchange::open(server, None).await?;
    let (mut kept, mut end) = (Vec::new(), RawEnd::Waiting);
    let (mut reads, mut writes) = exchange.stream.split();
    // A server may answer, or hang up, before it has read everything.
    let send = async {
        let sent = writes.write_all(bytes).await;
        if sent.is_ok() && ends {
            let _ = writes.shutdown().await;
        }
        std::future::pending::<()>().await;
    };
    let wire = &mut exchange.wire;
    let status = &mut exchange.seen.status;
    let read = async {
        let mut buffer = [0; 16_384];
        loop {
            let read = tokio::io::AsyncReadExt::read(&mut reads, &mut buffer).await;
            match read {
                Ok(0) => return RawEnd::Closed,
                Ok(n) => {
                    kept.extend_from_slice(&buffer[..n.min(KEPT - kept.len())]);
                    let mut rest = &buffer[..n];
                    while !rest.is_empty() {
                        let step = wire.step(rest);
                        rest = &rest[step.len..];
                        *status = wire.head().map(|h| h.status).or(*status);
                        if wire.between() && status.is_some_and(|s| s >= 200) {
                            return RawEnd::Open;
                        }
                    }
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return RawEnd::Reset,
                Err(_) => return RawEnd::Closed,
            }
        }
    };
    tokio::select! {
        biased;
        over = read => end = over,
        () = send => {}
        () = tokio::time::sleep(within) => {}
    }
    Ok(RawAnswer {
        status: exchange.seen.status,
        bytes: kept,
        end,
    })
}
