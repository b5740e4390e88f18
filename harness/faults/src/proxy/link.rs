//! One connection: its two sides, the requests that are on their way, and how it ends.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};

use super::flow::Flow;
use super::rules::Live;
use super::shared::{Shared, lock};
use super::stats::{Ended, Outcome};
use super::toxic::{Direction, Toxic};

/// A connection while it is open.
#[derive(Debug)]
pub(crate) struct Link {
    pub shared: Arc<Shared>,
    pub number: u64,
    /// Requests without a whole response, in their order.
    pub exchanges: Mutex<VecDeque<Exchange>>,
    /// There is an answer of our own.
    pub answers: Notify,
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// Its number on its connection.
    pub request: u64,
    pub method: String,
    pub target: String,
    /// The proxy answers it.
    pub own: Option<Own>,
}

/// An answer of the proxy.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    pub bytes: Vec<u8>,
    pub status: u16,
    /// It is the last of its connection.
    pub closes: bool,
    pub rule: Arc<Live>,
}

/// Why both directions end now.
#[derive(Debug)]
pub(crate) struct Ending {
    pub ended: Ended,
    /// With a reset instead of a close.
    pub reset: bool,
}

impl Link {
    pub(crate) fn new(shared: Arc<Shared>, number: u64) -> Self {
        Self {
            shared,
            number,
            exchanges: Mutex::default(),
            answers: Notify::new(),
        }
    }

    /// The exchange that is so many behind the first.
    pub(crate) fn exchange(&self, behind: usize) -> Option<Exchange> {
        lock(&self.exchanges).get(behind).cloned()
    }

    /// Whether the proxy answers the request that is so many behind the first.
    pub(crate) fn answers_itself(&self, behind: usize) -> bool {
        let exchanges = lock(&self.exchanges);
        exchanges.get(behind).is_some_and(|e| e.own.is_some())
    }

    /// The first exchange is over.
    pub(crate) fn over(&self, outcome: Outcome) {
        if let Some(exchange) = lock(&self.exchanges).pop_front() {
            lock(&self.shared.log).over(self.number, exchange.request, outcome);
        }
    }

    pub(crate) fn ended(&self, ended: Ended) {
        lock(&self.shared.log).ended(self.number, ended);
    }
}

/// What is undone also when the task of a connection is dropped.
impl Drop for Link {
    fn drop(&mut self) {
        self.ended(Ended::Cut);
        while !lock(&self.exchanges).is_empty() {
            self.over(Outcome::Broken);
        }
        lock(&self.shared.log).closed(self.number, self.shared.now());
    }
}

/// Serves a connection that was accepted until it has ended.
pub(crate) async fn serve(link: Arc<Link>, mut client: TcpStream, mut cuts: watch::Receiver<u64>) {
    let mut server = None;
    let ending = tokio::select! {
        biased;
        _ = cuts.changed() => Err(Ending { ended: Ended::Cut, reset: true }),
        ending = pass(&link, &mut client, &mut server) => ending,
    };
    if let Err(ending) = ending {
        link.ended(ending.ended);
        if ending.reset {
            let _ = client.set_zero_linger();
            let _ = server.map(|s| s.set_zero_linger().map(|()| s));
        }
    }
}

async fn pass(
    link: &Link,
    client: &mut TcpStream,
    server: &mut Option<TcpStream>,
) -> Result<(), Ending> {
    let shared = &link.shared;
    if let Some(rule) = shared.at_accept(&Toxic::Refuse, link.number) {
        shared.strike(&rule);
        return Err(Ending {
            ended: Ended::ByToxic(rule.id),
            reset: true,
        });
    }
    if let Some(rule) = shared.at_accept(&Toxic::Silence, link.number) {
        shared.strike(&rule);
        let mut rules = shared.watch();
        while shared.at_accept(&Toxic::Silence, link.number).is_some() {
            let changes = rule.changes(Instant::now());
            until(changes, &mut rules).await;
        }
    }
    let address = *lock(&shared.server);
    let connected = TcpStream::connect(address)
        .await
        .and_then(|s| s.set_nodelay(true).map(|()| s));
    let server = server.insert(connected.map_err(|error| Ending {
        ended: Ended::NoServer(no_server(&error)),
        reset: true,
    })?);
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let requests = Flow::new(link, Direction::ToServer, to_server).pass(from_client);
    let responses = Flow::new(link, Direction::ToClient, to_client).pass(from_server);
    tokio::try_join!(requests, responses).map(|_| ())
}

fn no_server(error: &io::Error) -> String {
    error.to_string()
}

/// Waits until the rules change, or the time comes; whether they have changed.
pub(crate) async fn until<T>(time: Option<Instant>, rules: &mut watch::Receiver<T>) -> bool {
    match time {
        None => rules.changed().await.is_ok(),
        Some(time) => tokio::time::timeout_at(time.into(), rules.changed())
            .await
            .is_ok(),
    }
}
