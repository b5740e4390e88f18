//! Clients that behave badly on purpose: they go away, read too slowly, or send what is no request.
//!
//! Promise: each says what it has seen until then, counted on the wire, so that a test can tell an abort in the middle of a stream from one that came too late; one that did
//! not happen is an error. Rejected: an HTTP library with its connection dropped: it decides itself when a connection is closed, and reads ahead.

mod abort;
mod malformed;
mod raw;
mod request;
mod slow;

pub use abort::{AbortAt, Aborted, ClientAbort, Leave};
pub use malformed::Malformed;
pub use raw::{RawAnswer, RawEnd, send_raw};
pub use request::RawRequest;
pub use slow::{SlowRead, SlowReader};

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::proxy::{Mark, Side, Wire};

/// How long a client fault may take unless it says otherwise.
const WITHIN: Duration = Duration::from_secs(60);

/// Why a client fault did not happen.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientFaultError {
    /// The connection could not be made, or failed while the request was sent.
    Connection {
        /// Where to.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The moment had passed: so many events had come already.
    TooLate {
        /// What was to happen.
        meant: String,
        /// What had come.
        seen: Progress,
    },
    /// The response ended before the moment came.
    EndedEarly {
        /// What was to happen.
        meant: String,
        /// What had come.
        seen: Progress,
    },
    /// The moment did not come in time.
    TimedOut {
        /// What was to happen.
        meant: String,
        /// How long it was waited for.
        within: Duration,
        /// What had come.
        seen: Progress,
    },
    /// The caller could not prove that the moment had come.
    NotProven {
        /// Why.
        reason: String,
    },
}

/// What had come of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes, head and framing included.
    pub bytes: u64,
    /// Server-sent events that had ended.
    pub events: u64,
    /// The status, once the head had come.
    pub status: Option<u16>,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(
                f,
                "status {status}, {} events, {} bytes",
                self.events, self.bytes
            ),
            None => write!(f, "no status, {} bytes", self.bytes),
        }
    }
}

impl fmt::Display for ClientFaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection { address, error } => {
                write!(f, "no request could be sent to {address}: {error}")
            }
            Self::TooLate { meant, seen } => write!(
                f,
                "too late for {meant}: the response had begun ({seen}); a longer prompt or a slower server leaves time for it"
            ),
            Self::EndedEarly { meant, seen } => write!(
                f,
                "the response ended before {meant} ({seen}); a request for more tokens leaves time for it"
            ),
            Self::TimedOut {
                meant,
                within,
                seen,
            } => {
                write!(f, "{meant} did not come about within {within:?} ({seen})")
            }
            Self::NotProven { reason } => write!(f, "not proven: {reason}"),
        }
    }
}

impl std::error::Error for ClientFaultError {}

/// A connection with one request on it, whose response is read piece by piece.
#[derive(Debug)]
struct Exchange {
    stream: TcpStream,
    wire: Wire,
    seen: Progress,
}

impl Exchange {
    /// Connects; a small receive buffer makes the server wait early.
    async fn open(
        address: SocketAddr,
        receive_buffer: Option<u32>,
    ) -> Result<Self, ClientFaultError> {
        let connect = async {
            let socket = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            if let Some(size) = receive_buffer {
                socket.set_recv_buffer_size(size)?;
            }
            let stream = socket.connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = connect
            .await
            .map_err(|error| ClientFaultError::Connection { address, error })?;
        Ok(Self {
            stream,
            wire: Wire::new(Side::Response),
            seen: Progress::default(),
        })
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), ClientFaultError> {
        let sent = self.stream.write_all(bytes).await;
        sent.map_err(|error| ClientFaultError::Connection {
            address: self
                .stream
                .peer_addr()
                .unwrap_or_else(|_| ([0, 0, 0, 0], 0).into()),
            error,
        })
    }

    /// Reads at most so many bytes; `None`: nothing more comes.
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let n = self.stream.read(buffer).await?;
        self.understand(&buffer[..n]);
        Ok((n > 0).then_some(n))
    }

    fn understand(&mut self, mut bytes: &[u8]) {
        self.seen.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let step = self.wire.step(bytes);
            bytes = &bytes[step.len..];
            match step.mark {
                Mark::Event => self.seen.events += 1,
                Mark::Head => self.seen.status = self.wire.head().map(|h| h.status),
                Mark::Nothing => {}
            }
        }
    }

    /// Whether a whole response has been read.
    fn answered(&self) -> bool {
        self.wire.between() && self.seen.status.is_some_and(|s| s >= 200)
    }
}
