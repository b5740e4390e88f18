//! A client that goes away.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{ClientFaultError, Exchange, Progress, RawRequest, WITHIN};

/// When the client goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortAt {
    /// When half of the body has been sent (of a request without a body: half of its head).
    DuringRequest,
    /// When the request has been sent, before a byte of the response has come.
    BeforeFirstByte,
    /// When the server has had the request for so long and no event has come. A caller that can see the prefill elsewhere, as in `/metrics`, waits for that with
    /// [`ClientAbort::run_when`] instead.
    DuringPrefill(Duration),
    /// When so many events have come.
    AfterEvents(u32),
}

/// How it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It closes the connection, as a program that ends.
    Close,
    /// It resets the connection.
    Reset,
}

/// A client that sends one request and goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAbort {
    at: AbortAt,
    leave: Leave,
    within: Duration,
}

/// What the client had seen when it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Aborted {
    /// What had come of the response.
    pub seen: Progress,
    /// When it went, since it began to connect.
    pub after: Duration,
    /// Its own address, by which the server's log may name it.
    pub client: SocketAddr,
}

impl ClientAbort {
    /// Closes its connection at this moment, which must come within 60 s.
    pub fn new(at: AbortAt) -> Self {
        Self {
            at,
            leave: Leave::Close,
            within: WITHIN,
        }
    }

    /// Leaves like this.
    #[must_use]
    pub fn leave(mut self, leave: Leave) -> Self {
        self.leave = leave;
        self
    }

    /// How long the moment may take to come.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Sends the request and goes away at the moment; an error where that moment did not come.
    pub async fn run(
        &self,
        server: SocketAddr,
        request: &RawRequest,
    ) -> Result<Aborted, ClientFaultError> {
        match self.at {
            AbortAt::DuringPrefill(time) => {
                let waited = async {
                    tokio::time::sleep(time).await;
                    Ok(())
                };
                self.run_when(server, request, waited).await
            }
            _ => self.go(server, request, std::future::pending()).await,
        }
    }

    /// Sends the request, and goes away when `proof` says that the moment has come and no event has; what it says instead is the error.
    pub async fn run_when(
        &self,
        server: SocketAddr,
        request: &RawRequest,
        proof: impl Future<Output = Result<(), String>>,
    ) -> Result<Aborted, ClientFaultError> {
        let at = AbortAt::DuringPrefill(Duration::ZERO);
        Self { at, ..*self }.go(server, request, proof).await
    }

    async fn go(
        &self,
        server: SocketAddr,
        request: &RawRequest,
        proof: impl Future<Output = Result<(), String>>,
    ) -> Result<Aborted, ClientFaultError> {
        let began = Instant::now();
        let mut exchange = Exchange::open(server, None).await?;
        let moment = self.moment(&mut exchange, server, request, proof);
        let outcome = tokio::time::timeout(self.within, moment).await;
        outcome.unwrap_or_else(|_| {
            Err(ClientFaultError::TimedOut {
                meant: self.meant(),
                within: self.within,
                seen: exchange.seen,
            })
        })?;
        let client = exchange.stream.local_addr();
        let client = client.map_err(|error| ClientFaultError::Connection {
            address: server,
            error,
        })?;
        if self.leave == Leave::Reset {
            let reset = exchange.stream.set_zero_linger();
            reset.map_err(|error| ClientFaultError::Connection {
                address: server,
                error,
            })?;
        }
        let seen = exchange.seen;
        drop(exchange);
        Ok(Aborted {
            seen,
            after: began.elapsed(),
            client,
        })
    }

    /// Waits until the moment has come.
    async fn moment(
        &self,
        exchange: &mut Exchange,
        server: SocketAddr,
        request: &RawRequest,
        proof: impl Future<Output = Result<(), String>>,
    ) -> Result<(), ClientFaultError> {
        let host = server.to_string();
        if self.at == AbortAt::DuringRequest {
            let (head, body) = (request.head(&host), request.content());
            return match body.len() {
                0 | 1 => exchange.send(&head[..head.len() / 2]).await,
                n => exchange.send(&[&head, &body[..n / 2]].concat()).await,
            };
        }
        exchange.send(&request.bytes(&host)).await?;
        match self.at {
            AbortAt::AfterEvents(count) => {
                // Small pieces, so that not much more has been seen than was meant.
                let mut buffer = [0; 1024];
                while exchange.seen.events < u64::from(count) {
                    self.more(exchange, &mut buffer).await?;
                }
                Ok(())
            }
            AbortAt::DuringPrefill(_) => {
                tokio::pin!(proof);
                let mut buffer = [0; 1024];
                loop {
                    tokio::select! {
                        biased;
                        more = self.more(exchange, &mut buffer) => more?,
                        proven = &mut proof => {
                            return proven.map_err(|reason| ClientFaultError::NotProven { reason });
                        }
                    }
                    // A response of another kind has begun with its first byte behind the head.
                    if exchange.seen.events > 0 || exchange.answered() {
                        return Err(self.too_late(exchange));
                    }
                }
            }
            AbortAt::BeforeFirstByte | AbortAt::DuringRequest => {
                let mut byte = [0; 1];
                match exchange.stream.try_read(&mut byte) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
                    _ => Err(self.too_late(exchange)),
                }
            }
        }
    }

    async fn more(
        &self,
        exchange: &mut Exchange,
        buffer: &mut [u8],
    ) -> Result<(), ClientFaultError> {
        let early = |seen| ClientFaultError::EndedEarly {
            meant: self.meant(),
            seen,
        };
        match exchange.read(buffer).await {
            Ok(Some(_)) if !exchange.answered() || self.reached(exchange) => Ok(()),
            _ => Err(early(exchange.seen)),
        }
    }

    fn reached(&self, exchange: &Exchange) -> bool {
        matches!(self.at, AbortAt::AfterEvents(count) if exchange.seen.events >= u64::from(count))
    }

    fn too_late(&self, exchange: &Exchange) -> ClientFaultError {
        ClientFaultError::TooLate {
            meant: self.meant(),
            seen: exchange.seen,
        }
    }

    fn meant(&self) -> String {
        match self.at {
            AbortAt::DuringRequest => "an abort in the middle of the request".into(),
            AbortAt::BeforeFirstByte => "an abort before the first byte".into(),
            AbortAt::DuringPrefill(_) => "an abort before the first event".into(),
            AbortAt::AfterEvents(count) => format!("an abort after {count} events"),
        }
    }
}
