//! What is written down of one direction, and the answers of our own that stand between those of the server.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::flow::{Flow, Stop};
use super::head::Stream;
use super::link::{Ending, Exchange};
use super::log::Sent;
use super::rules::Live;
use super::shared::lock;
use super::stats::{Ended, Outcome};
use super::toxic::{Direction, Toxic};
use super::wire::Mark;

/// What happened in bytes, in order.
#[derive(Debug)]
pub(super) enum Fact {
    Status(u16),
    /// Its events cannot be counted.
    Uncounted,
    Sent(Sent),
    /// The response has ended.
    Over,
}

impl<W: AsyncWrite + Unpin> Flow<'_, W> {
    /// How many responses have ended in what is being read.
    pub(super) fn over_so_far(&self) -> usize {
        self.facts
            .iter()
            .filter(|f| matches!(f, Fact::Over))
            .count()
    }

    /// Notes what a step means. A request counts from when it was read, a response from when it was sent.
    pub(super) fn note(&mut self, len: usize, mark: Mark, plain: bool) {
        if self.direction == Direction::ToServer {
            if mark == Mark::Head {
                self.requested();
            }
            return;
        }
        let behind = self.over_so_far();
        let (bytes, events) = (len as u64, u64::from(mark == Mark::Event));
        match self.facts.last_mut() {
            // Where toxics may strike, each write counts for itself.
            _ if !plain => {}
            Some(Fact::Sent(last)) => {
                last.bytes += bytes;
                last.events += events;
            }
            _ => self.facts.push(Fact::Sent(Sent { bytes, events })),
        }
        let status = self.wire.head().map_or(0, |h| h.status);
        if mark == Mark::Head {
            let head = self
                .link
                .exchange(behind)
                .is_some_and(|e| e.method == "HEAD");
            if head && !self.wire.opaque() {
                self.wire.without_body();
            }
            // 100 and its like announce the response.
            if status == 101 || status >= 200 {
                self.facts.push(Fact::Status(status));
            }
            if self
                .wire
                .head()
                .is_some_and(|h| h.stream == Stream::Unknown)
            {
                self.facts.push(Fact::Uncounted);
            }
        }
        if self.wire.opaque() && !std::mem::replace(&mut self.opaque, true) {
            self.facts.push(Fact::Uncounted);
            if status == 101 {
                self.facts.push(Fact::Over);
            }
        }
        if self.wire.between() && status >= 200 {
            self.facts.push(Fact::Over);
        }
    }

    /// Writes down what was sent.
    pub(super) fn record(&mut self) {
        let number = self.link.number;
        for fact in std::mem::take(&mut self.facts) {
            let request = self.link.exchange(0).map(|e| e.request);
            match fact {
                Fact::Over => self.link.over(Outcome::Answered),
                Fact::Uncounted => lock(&self.link.shared.log).uncounted(number, request),
                Fact::Sent(sent) => {
                    lock(&self.link.shared.log).sent_to_client(number, request, sent)
                }
                Fact::Status(status) => {
                    if let Some(request) = request {
                        lock(&self.link.shared.log).status(number, request, status);
                    }
                }
            }
        }
    }

    /// A request was read to the end of its head.
    pub(super) fn requested(&mut self) {
        let Some(head) = self.wire.head() else {
            return;
        };
        let shared = &self.link.shared;
        self.target = head.target.clone();
        let request =
            lock(&shared.log).requested(self.link.number, &head.method, &head.target, shared.now());
        let now = Instant::now();
        let of = self.link.number << 32 | request;
        let status = |live: &&Arc<Live>| {
            matches!(live.rule.toxic, Toxic::Status { .. })
                && live.is_for(&head.target)
                && live.holds(now)
                && live.draw(shared.seed, of)
        };
        let rule = self
            .held
            .as_ref()
            .and_then(|_| self.mine.iter().find(status).cloned());
        let own = rule.and_then(|rule| super::own::answer(rule, head));
        self.swallowing = own.is_some();
        let answers = own.is_some();
        lock(&self.link.exchanges).push_back(Exchange {
            request,
            method: head.method.clone(),
            target: head.target.clone(),
            own,
        });
        if answers {
            self.link.answers.notify_one();
        }
    }

    /// Sends the answers of our own that are due.
    pub(super) async fn answer(&mut self) -> Result<(), Stop> {
        while self.direction == Direction::ToClient && self.wire.between() {
            let Some((exchange, own)) = self
                .link
                .exchange(0)
                .and_then(|e| e.own.clone().map(|own| (e, own)))
            else {
                break;
            };
            // Before the client can have seen it.
            self.link.shared.strike(&own.rule);
            self.write(&own.bytes).await?;
            lock(&self.link.shared.log).status(self.link.number, exchange.request, own.status);
            self.link.over(Outcome::AnsweredByProxy);
            if own.closes {
                let _ = self.sink.shutdown().await;
                return Err(Stop::Ending(Ending {
                    ended: Ended::ByProxy,
                    reset: false,
                }));
            }
        }
        Ok(())
    }

    /// Counts what was sent.
    pub(super) fn sent(&self, bytes: usize, events: u64) {
        let (number, bytes) = (self.link.number, bytes as u64);
        let mut log = lock(&self.link.shared.log);
        match self.direction {
            Direction::ToServer => log.passed_to_server(number, bytes),
            Direction::ToClient => {
                let request = self.link.exchange(0).map(|e| e.request);
                log.sent_to_client(number, request, Sent { bytes, events });
            }
        }
    }
}
