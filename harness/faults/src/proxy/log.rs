//! The book that the connections of one proxy write, and from which its statistics are copied.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::stats::{ConnectionLog, Ended, Outcome, ProxyStats, RequestLog};

/// How many connections are kept in full.
const CONNECTIONS: usize = 16_384;
/// How many requests of one connection are kept in full.
const REQUESTS: usize = 1_024;

/// Sums, and the newest connections.
#[derive(Debug, Default)]
pub(crate) struct Log {
    sums: ProxyStats,
    connections: VecDeque<ConnectionLog>,
}

/// What was sent on the way to the client.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Sent {
    pub bytes: u64,
    pub events: u64,
}

impl Log {
    pub(crate) fn accepted(&mut self, peer: SocketAddr, opened: Duration) -> u64 {
        let number = self.sums.accepted;
        self.sums.accepted += 1;
        self.sums.open += 1;
        if self.connections.len() == CONNECTIONS {
            self.connections.pop_front();
            self.sums.forgotten += 1;
        }
        self.connections.push_back(ConnectionLog {
            number,
            peer,
            opened,
            closed: None,
            to_server: 0,
            to_client: 0,
            events: Some(0),
            request_count: 0,
            requests: Vec::new(),
            ended: None,
        });
        number
    }

    fn connection(&mut self, number: u64) -> Option<&mut ConnectionLog> {
        let index = number.checked_sub(self.sums.forgotten)?;
        self.connections.get_mut(usize::try_from(index).ok()?)
    }

    /// The request of that number on its connection.
    fn request(&mut self, number: u64, request: u64) -> Option<&mut RequestLog> {
        let connection = self.connection(number)?;
        let dropped = connection.request_count - connection.requests.len() as u64;
        let index = usize::try_from(request.checked_sub(dropped)?).ok()?;
        connection.requests.get_mut(index)
    }

    /// A request was read; its number on its connection.
    pub(crate) fn requested(
        &mut self,
        number: u64,
        method: &str,
        target: &str,
        at: Duration,
    ) -> u64 {
        self.sums.requests += 1;
        self.sums.waiting += 1;
        let Some(connection) = self.connection(number) else {
            return 0;
        };
        if connection.requests.len() == REQUESTS {
            connection.requests.remove(0);
        }
        connection.requests.push(RequestLog {
            method: method.into(),
            target: target.chars().take(512).collect(),
            at,
            status: None,
            bytes: 0,
            events: Some(0),
            outcome: Outcome::Waiting,
        });
        connection.request_count += 1;
        connection.request_count - 1
    }

    pub(crate) fn passed_to_server(&mut self, number: u64, bytes: u64) {
        self.sums.to_server += bytes;
        if let Some(connection) = self.connection(number) {
            connection.to_server += bytes;
        }
    }

    pub(crate) fn sent_to_client(&mut self, number: u64, request: Option<u64>, sent: Sent) {
        self.sums.to_client += sent.bytes;
        self.sums.events += sent.events;
        if let Some(connection) = self.connection(number) {
            connection.to_client += sent.bytes;
            connection.events = connection.events.map(|n| n + sent.events);
        }
        if let Some(request) = request.and_then(|r| self.request(number, r)) {
            request.bytes += sent.bytes;
            request.events = request.events.map(|n| n + sent.events);
        }
    }

    /// Events of this connection, and of this request, cannot be counted.
    pub(crate) fn uncounted(&mut self, number: u64, request: Option<u64>) {
        if let Some(connection) = self.connection(number) {
            connection.events = None;
        }
        if let Some(request) = request.and_then(|r| self.request(number, r)) {
            request.events = None;
        }
    }

    pub(crate) fn status(&mut self, number: u64, request: u64, status: u16) {
        if let Some(request) = self.request(number, request) {
            request.status = Some(status);
        }
    }

    pub(crate) fn over(&mut self, number: u64, request: u64, outcome: Outcome) {
        self.sums.waiting -= 1;
        match outcome {
            Outcome::AnsweredByProxy => self.sums.answered_by_proxy += 1,
            Outcome::Answered => self.sums.answered += 1,
            Outcome::Broken | Outcome::Waiting => self.sums.broken += 1,
        }
        if let Some(request) = self.request(number, request) {
            request.outcome = outcome;
        }
    }

    /// Who ended the connection; the first word counts.
    pub(crate) fn ended(&mut self, number: u64, ended: Ended) {
        if let Some(connection) = self.connection(number) {
            connection.ended.get_or_insert(ended);
        }
    }

    pub(crate) fn closed(&mut self, number: u64, at: Duration) {
        self.sums.open -= 1;
        if let Some(connection) = self.connection(number) {
            connection.closed = Some(at);
        }
    }

    pub(crate) fn copy(&self) -> ProxyStats {
        let mut stats = self.sums.clone();
        stats.connections = self.connections.iter().cloned().collect();
        stats
    }
}
