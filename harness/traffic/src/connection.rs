//! A connection that is driven by whoever waits for it, and knows when it was read.
//!
//! Promise: the time of an event is that of the read that brought its last byte, taken before anything looks at it; a connection that the
//! server has closed is not used again. Rejected: `reqwest` (no way to know the reads, and a task and two channels between socket and reader),
//! and HTTP written out here (hyper reads it better).

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::target::Address;

/// One that rested longer is not used again, in nanoseconds: servers close theirs after 5 seconds or more, and a request that meets the closing is
/// lost through nobody's fault.
const MOST_REST: u64 = 3_000_000_000;

/// When a connection was read last, and how often.
#[derive(Debug, Default)]
pub(crate) struct Stamp {
    at: AtomicU64,
    reads: AtomicU64,
}

impl Stamp {
    /// When it was read last.
    pub(crate) fn at(&self) -> u64 {
        self.at.load(Ordering::Relaxed)
    }

    /// How often it was read.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Stamped {
    inner: TokioIo<TcpStream>,
    clock: Clock,
    stamp: Arc<Stamp>,
}

impl Read for Stamped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if done.is_ready() {
            self.stamp.at.store(self.clock.now(), Ordering::Relaxed);
            self.stamp.reads.fetch_add(1, Ordering::Relaxed);
        }
        done
    }
}

impl Write for Stamped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, parts)
    }
}

/// One connection to the server.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// What moves bytes; `None` once the connection is over.
    driver: Option<http1::Connection<Stamped, Full<Bytes>>>,
    pub(crate) stamp: Arc<Stamp>,
    rests_since: u64,
}

impl Connection {
    /// A new one, to the first of the server's addresses that answers.
    pub(crate) async fn open(address: &Address, clock: &Clock) -> io::Result<Self> {
        let mut failed = None;
        for socket in &address.sockets {
            match TcpStream::connect(socket).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Self::over(stream, clock).await;
                }
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| io::Error::other("no address")))
    }

    async fn over(stream: TcpStream, clock: &Clock) -> io::Result<Self> {
        let stamp = Arc::new(Stamp::default());
        let stamped = Stamped {
            inner: TokioIo::new(stream),
            clock: clock.clone(),
            stamp: stamp.clone(),
        };
        let (sender, driver) = http1::handshake(stamped).await.map_err(io::Error::other)?;
        Ok(Self {
            sender,
            driver: Some(driver),
            stamp,
            rests_since: 0,
        })
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(driver) = &mut self.driver
            && Pin::new(driver).poll(cx).is_ready()
        {
            self.driver = None;
        }
    }

    /// Sends, and waits for the head of the answer.
    pub(crate) async fn send(
        &mut self,
        request: http::Request<Full<Bytes>>,
    ) -> hyper::Result<http::Response<Incoming>> {
        // Where it has just been read to its end, it has yet to notice.
        poll_fn(|cx| {
            self.drive(cx);
            self.sender.poll_ready(cx)
        })
        .await?;
        let mut answer = pin!(self.sender.send_request(request));
        let driver = &mut self.driver;
        poll_fn(|cx| {
            if let Poll::Ready(done) = answer.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            if let Some(moving) = driver
                && Pin::new(moving).poll(cx).is_ready()
            {
                *driver = None;
            }
            answer.as_mut().poll(cx)
        })
        .await
    }

    /// The next frame of a body of this connection.
    pub(crate) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        self.drive(cx);
        Pin::new(body).poll_frame(cx)
    }

    /// The answer was read to its end. Whether the connection can be used again, later.
    pub(crate) fn rest(&mut self, clock: &Clock) -> bool {
        self.rests_since = clock.now();
        self.is_open()
    }

    /// Whether it has not rested so long that a server may well close it.
    pub(crate) fn is_fresh(&self, clock: &Clock) -> bool {
        clock.now().saturating_sub(self.rests_since) < MOST_REST
    }

    /// Whether the server has not closed it, as far as can be seen.
    pub(crate) fn is_open(&mut self) -> bool {
        // Nobody waits for it, so nobody needs to be woken.
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.driver.is_some() && self.sender.is_ready()
    }
}
