//! A proxy on which connections go wrong on purpose.
//!
//! Promise: without a rule it passes bytes on as they are, and counts requests, events and ends as they pass; with rules exactly that goes wrong which they say, and how
//! often is told. It listens on loopback, on a port that nobody else is given while it refuses connections. It runs on a thread of its own in this process: neither a
//! body that blocks nor one that is cancelled disturbs it, dropping it closes everything, and it cannot outlive the process.
//!
//! Rejected: Toxiproxy and its like (one more program that could stay behind, and none knows events); `tc netem` and `iptables` (they reach the whole host).

mod account;
mod events;
mod flow;
mod head;
mod link;
mod log;
mod own;
mod rules;
mod shape;
mod shared;
mod stats;
mod strike;
mod text;
mod toxic;
mod wire;
mod words;

pub use stats::{ConnectionLog, Ended, Outcome, ProxyStats, RequestLog, ToxicId, ToxicStats};
pub use text::ToxicError;
pub use toxic::{After, Cut, Direction, Toxic, ToxicRule};

pub(crate) use head::Side;
pub(crate) use rules::Random;
pub(crate) use wire::{Mark, Wire};
pub(crate) use words::nearest;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

use self::link::Link;
use self::shared::{Shared, lock};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long an accept that failed (no descriptors) waits before the next.
const PAUSE: Duration = Duration::from_millis(10);

/// A proxy that runs.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// A proxy before the server at this address, whose shares and jitter are drawn by the seed 0.
    pub async fn start(server: SocketAddr) -> io::Result<Proxy> {
        Self::open(server, 0)
    }

    /// The same by any seed, for callers that are not async.
    pub fn open(server: SocketAddr, seed: u64) -> io::Result<Proxy> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        // Bound and never listened on: the port stays ours while nobody listens. Where a system does not allow two, there is none.
        let first = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = first.local_addr()?;
        let (held, second) = match bound(address) {
            Ok(second) => (Some(first), second),
            Err(_) => (None, first),
        };
        let listener = {
            let _inside = runtime.enter();
            second.listen(BACKLOG)?
        };
        let shared = Arc::new(Shared::new(server, seed));
        let (stop, stopped) = oneshot::channel();
        let theirs = shared.clone();
        let thread = std::thread::Builder::new()
            .name("chaos-proxy".into())
            .spawn(move || {
                runtime.block_on(accept(theirs, listener, address, stopped));
                drop(held);
            })?;
        Ok(Proxy {
            shared,
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where clients connect, as the base of URLs, for example `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server behind it.
    pub fn server(&self) -> SocketAddr {
        *lock(&self.shared.server)
    }

    /// New connections go to another server, for example to the same one after it was started again.
    pub fn set_server(&self, server: SocketAddr) {
        *lock(&self.shared.server) = server;
    }

    /// When it was started: the zero of the times in its statistics.
    pub fn started(&self) -> Instant {
        self.shared.started
    }

    /// Adds a rule. Connections that are opened afterwards meet it from their first byte; those that are open meet it from the next byte.
    ///
    /// A rule that makes no sense ([`ToxicRule::mistake`]) never strikes, which its statistics show.
    pub fn add(&self, rule: impl Into<ToxicRule>) -> ToxicId {
        let (id, version) = self.shared.add(rule.into());
        self.shared.wait_until_acted(version);
        id
    }

    /// Removes a rule; `false` where it is not there. What it held back goes on.
    pub fn remove(&self, id: ToxicId) -> bool {
        let (there, version) = self.shared.remove(|known| known == id);
        self.shared.wait_until_acted(version);
        there
    }

    /// Removes every rule.
    pub fn clear(&self) {
        let (_, version) = self.shared.remove(|_| true);
        self.shared.wait_until_acted(version);
    }

    /// What has passed, and what the rules have done.
    pub fn stats(&self) -> ProxyStats {
        self.shared.stats()
    }

    /// Waits until the rule has struck: the proof that the fault was there, and when. `None`: it did not within that time, or was never added.
    pub async fn until_struck(&self, id: ToxicId, within: Duration) -> Option<Duration> {
        let mut strikes = self.shared.strikes.subscribe();
        let struck = async {
            loop {
                let first = self.shared.first_strike(id)?;
                if first.is_some() {
                    return first;
                }
                strikes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(within, struck).await.ok().flatten()
    }

    /// Cuts every connection that is open, on both sides, by a reset.
    pub fn close_all(&self) {
        self.shared.cuts.send_modify(|n| *n += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once: nothing on it blocks.
            let _ = thread.join();
        }
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Accepts connections until the proxy is dropped.
async fn accept(
    shared: Arc<Shared>,
    listener: TcpListener,
    address: SocketAddr,
    mut stop: oneshot::Receiver<()>,
) {
    let mut rules = shared.watch();
    let mut listener = Some(listener);
    loop {
        let version = shared.version();
        let now = Instant::now();
        match (shared.refusing(now), &listener) {
            (Some(rule), Some(_)) => {
                listener = None;
                shared.strike(&rule);
            }
            (None, None) => listener = bound(address).and_then(|s| s.listen(BACKLOG)).ok(),
            _ => {}
        }
        shared.acted(version);
        let failed = listener.is_none() && shared.refusing(now).is_none();
        let changes = if failed {
            Some(now + PAUSE)
        } else {
            shared.refusing_changes(now)
        };
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        let accepted = tokio::select! {
            biased;
            _ = &mut stop => return,
            _ = link::until(changes, &mut rules) => continue,
            accepted = accepted => accepted,
        };
        match accepted {
            Err(_) => tokio::time::sleep(PAUSE).await,
            Ok((client, peer)) => {
                let _ = client.set_nodelay(true);
                let number = lock(&shared.log).accepted(peer, shared.now());
                let link = Link::new(shared.clone(), number);
                tokio::spawn(link::serve(Arc::new(link), client, shared.cuts.subscribe()));
            }
        }
    }
}
