//! One direction of one connection: what is read, is understood, meets the toxics, and is sent.
//!
//! Promise: without a toxic for it, what was read is written at once and as it came. What is counted as sent was accepted by the receiver's side of the kernel. Rejected:
//! `tokio::io::copy`, which counts nothing, and splice(2), which shows no event.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc, watch};

use super::account::Fact;
use super::head::{Side, target_of};
use super::link::{Ending, Link, until};
use super::rules::{Live, Random, Rules};
use super::stats::{Ended, Outcome};
use super::strike::Struck;
use super::toxic::{Direction, Toxic};
use super::wire::{Kind, Mark, Wire};

/// How much is read at once.
const BLOCK: usize = 256 << 10;
/// How much room must be left in a block before it is read into.
const LEAST: usize = 32 << 10;
/// How much may be on its way in one direction: what a latency holds back.
const UNDERWAY: usize = 16 << 20;

/// What came from the source.
enum Item {
    Data(Instant, f64, Bytes),
    End(Instant, f64),
    Broken,
}

/// Why no more is sent.
pub(crate) enum Stop {
    Ending(Ending),
    /// Nothing more goes this way; the other one goes on.
    Half,
}

/// One direction.
pub(crate) struct Flow<'a, W> {
    pub(super) link: &'a Link,
    pub(super) direction: Direction,
    pub(super) sink: W,
    pub(super) wire: Wire,
    pub(super) rules: watch::Receiver<Rules>,
    /// The rules for this connection and direction.
    pub(super) mine: Vec<Arc<Live>>,
    pub(super) random: Random,
    pub(super) target: String,
    pub(super) struck: Struck,
    /// When a limited pace lets the next byte go.
    pub(super) free: Instant,
    pub(super) facts: Vec<Fact>,
    /// The head of a request that is not passed on before its target is known.
    pub(super) held: Option<Vec<u8>>,
    /// The request is answered here.
    pub(super) swallowing: bool,
    /// It has been told that this direction cannot be read.
    pub(super) opaque: bool,
}

impl<'a, W: AsyncWrite + Unpin> Flow<'a, W> {
    pub(crate) fn new(link: &'a Link, direction: Direction, sink: W) -> Self {
        let mut rules = link.shared.watch();
        rules.mark_changed();
        let (side, salt) = match direction {
            Direction::ToClient => (Side::Response, 0),
            Direction::ToServer => (Side::Request, 1),
        };
        Self {
            link,
            direction,
            sink,
            wire: Wire::new(side),
            rules,
            mine: Vec::new(),
            random: Random(link.shared.seed ^ (link.number << 1 | salt)),
            target: String::new(),
            struck: Struck::default(),
            free: Instant::now(),
            facts: Vec::new(),
            held: None,
            swallowing: false,
            opaque: false,
        }
    }

    /// Passes everything on until the source has ended.
    pub(crate) async fn pass(self, source: impl AsyncRead + Unpin) -> Result<(), Ending> {
        let (sender, mut items) = mpsc::unbounded_channel();
        let room = Semaphore::new(UNDERWAY);
        let (link, direction, random) = (self.link, self.direction, self.random.clone());
        let fill = fill(link, direction, random, source, sender, &room);
        let send = self.send(&mut items, &room);
        tokio::pin!(fill, send);
        let mut filled = false;
        loop {
            tokio::select! {
                biased;
                () = &mut fill, if !filled => filled = true,
                end = &mut send => return end,
            }
        }
    }

    async fn send(
        mut self,
        items: &mut mpsc::UnboundedReceiver<Item>,
        room: &Semaphore,
    ) -> Result<(), Ending> {
        let outcome = self.send_all(items, room).await;
        match outcome {
            Ok(()) => Ok(()),
            Err(Stop::Ending(ending)) => Err(ending),
            Err(Stop::Half) => {
                let _ = self.sink.shutdown().await;
                while let Some(item) = items.recv().await {
                    match item {
                        Item::Data(_, _, bytes) => room.add_permits(bytes.len()),
                        Item::End(..) => break,
                        Item::Broken => return Err(self.source_gone()),
                    }
                }
                Ok(())
            }
        }
    }

    async fn send_all(
        &mut self,
        items: &mut mpsc::UnboundedReceiver<Item>,
        room: &Semaphore,
    ) -> Result<(), Stop> {
        loop {
            self.answer().await?;
            let item = tokio::select! {
                biased;
                item = items.recv() => item,
                () = self.link.answers.notified(), if self.direction == Direction::ToClient => continue,
            };
            match item {
                Some(Item::Data(at, unit, bytes)) => {
                    self.late(at, unit, &bytes).await;
                    let outcome = self.block(&bytes).await;
                    room.add_permits(bytes.len());
                    outcome?;
                }
                Some(Item::End(at, unit)) => {
                    self.late(at, unit, b"").await;
                    return self.end().await;
                }
                Some(Item::Broken) | None => return Err(Stop::Ending(self.source_gone())),
            }
        }
    }

    /// The source has closed its half.
    async fn end(&mut self) -> Result<(), Stop> {
        if let Some(held) = self.held.take() {
            self.write(&held).await?;
        }
        self.refresh();
        let closing = self.mine.iter().find_map(|live| match live.rule.toxic {
            Toxic::SlowClose { by } if live.holds(Instant::now()) => Some((live.clone(), by)),
            _ => None,
        });
        if let Some((live, by)) = closing {
            self.link.shared.strike(&live);
            self.pause(&live, by).await;
        }
        if self.direction == Direction::ToClient && self.wire.until_close() {
            self.link.over(Outcome::Answered);
        }
        let _ = self.sink.shutdown().await;
        Ok(())
    }

    fn source_gone(&self) -> Ending {
        let ended = match self.direction {
            Direction::ToClient => Ended::ResetByServer,
            Direction::ToServer => Ended::ResetByClient,
        };
        Ending { ended, reset: true }
    }

    /// Looks up the rules again where they have changed.
    pub(super) fn refresh(&mut self) {
        if self.rules.has_changed().unwrap_or(false) {
            let (seed, number, direction) =
                (self.link.shared.seed, self.link.number, self.direction);
            let rules = self.rules.borrow_and_update().clone();
            let meant = |live: &&Arc<Live>| {
                let way = match live.rule.toxic {
                    Toxic::Status { .. } => direction == Direction::ToServer,
                    _ => live.rule.direction == direction,
                };
                way && !live.rule.toxic.at_accept() && live.selects(seed, number)
            };
            self.mine = rules.iter().filter(meant).cloned().collect();
        }
    }

    /// Waits as long as the latencies say, whose sum may change meanwhile.
    async fn late(&mut self, at: Instant, unit: f64, bytes: &[u8]) {
        loop {
            self.refresh();
            if self.mine.is_empty() {
                return;
            }
            let now = Instant::now();
            let target = match self.direction {
                _ if !self.wire.between() => self.target.clone(),
                Direction::ToClient => self.link.exchange(0).map(|e| e.target).unwrap_or_default(),
                Direction::ToServer => target_of(bytes),
            };
            let mut delay = Duration::ZERO;
            let mut by_whom = Vec::new();
            for live in &self.mine {
                if let Toxic::Latency { by, jitter } = live.rule.toxic
                    && live.is_for(&target)
                    && live.holds(now)
                {
                    let jitter = jitter.as_secs_f64() * unit;
                    let by = Duration::try_from_secs_f64(by.as_secs_f64() + jitter);
                    delay = delay.saturating_add(by.unwrap_or_default());
                    by_whom.push(live.clone());
                }
            }
            let due = at.checked_add(delay);
            if due.is_some_and(|due| due <= now) {
                if !bytes.is_empty() {
                    by_whom
                        .iter()
                        .for_each(|live| self.link.shared.strike(live));
                }
                return;
            }
            if until(due, &mut self.rules).await {
                self.rules.mark_changed();
            }
        }
    }

    /// Passes on what was read at once.
    async fn block(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.refresh();
            let plain = self.mine.is_empty()
                && self.held.is_none()
                && !self.swallowing
                && self.struck.idle();
            let mut at = 0;
            while at < rest.len() {
                let begins = self.wire.between();
                if begins {
                    self.begin();
                    // An answer of our own may be due between two of the server's.
                    if self.direction == Direction::ToClient
                        && self.link.answers_itself(self.over_so_far())
                    {
                        break;
                    }
                }
                let step = self.wire.step(&rest[at..]);
                let piece = &rest[at..at + step.len];
                at += step.len;
                self.note(step.len, step.mark, plain);
                if !plain {
                    self.meet(piece, step.kind, step.mark).await?;
                }
            }
            if plain {
                self.write_only(&rest[..at]).await?;
                if self.direction == Direction::ToServer {
                    self.sent(at, 0);
                }
                self.record();
            }
            rest = &rest[at..];
            if !rest.is_empty() {
                self.answer().await?;
            }
        }
        Ok(())
    }

    async fn meet(&mut self, piece: &[u8], kind: Kind, mark: Mark) -> Result<(), Stop> {
        if self.direction == Direction::ToServer {
            if let Some(held) = &mut self.held {
                held.extend_from_slice(piece);
                if self.wire.in_head() {
                    return Ok(());
                }
                let whole = self.held.take().unwrap_or_default();
                if self.swallowing {
                    self.swallowing = !self.wire.between();
                    return Ok(());
                }
                return self.piece(&whole, kind, mark, 0).await;
            }
            if self.swallowing {
                self.swallowing = !self.wire.between();
                return Ok(());
            }
        }
        let start = self.wire.position - piece.len() as u64;
        self.piece(piece, kind, mark, start).await
    }

    /// A message begins.
    fn begin(&mut self) {
        self.struck.begin();
        match self.direction {
            Direction::ToClient => {
                let behind = self.over_so_far();
                self.target = self
                    .link
                    .exchange(behind)
                    .map(|e| e.target)
                    .unwrap_or_default();
            }
            Direction::ToServer => {
                self.target.clear();
                let by_target = |live: &Arc<Live>| {
                    live.rule.path.is_some() || matches!(live.rule.toxic, Toxic::Status { .. })
                };
                self.held = self.mine.iter().any(by_target).then(Vec::new);
            }
        }
    }

    /// Sends bytes and counts them.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.write_only(bytes).await?;
        self.sent(bytes.len(), 0);
        Ok(())
    }

    async fn write_only(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if self.sink.write_all(bytes).await.is_ok() {
            return Ok(());
        }
        let ended = match self.direction {
            Direction::ToClient => Ended::ResetByClient,
            Direction::ToServer => Ended::ResetByServer,
        };
        Err(Stop::Ending(Ending { ended, reset: true }))
    }
}

/// Reads until the source ends, as far as there is room.
async fn fill(
    link: &Link,
    direction: Direction,
    mut random: Random,
    mut source: impl AsyncRead + Unpin,
    items: mpsc::UnboundedSender<Item>,
    room: &Semaphore,
) {
    let mut buffer = BytesMut::new();
    loop {
        if buffer.capacity() < LEAST {
            buffer.reserve(BLOCK);
        }
        let read = source.read_buf(&mut buffer).await;
        let (at, unit) = (Instant::now(), 2.0 * random.unit() - 1.0);
        let item = match read {
            Ok(0) => Item::End(at, unit),
            Ok(_) => Item::Data(at, unit, buffer.split().freeze()),
            Err(_) => Item::Broken,
        };
        if let Item::Data(_, _, bytes) = &item {
            let permits = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            match room.acquire_many(permits).await {
                Ok(permit) => permit.forget(),
                Err(_) => return,
            }
        } else {
            // Known here first: what was read before it may still be on its way.
            link.ended(match (&item, direction) {
                (Item::Broken, Direction::ToClient) => Ended::ResetByServer,
                (Item::Broken, Direction::ToServer) => Ended::ResetByClient,
                (_, Direction::ToClient) => Ended::ByServer,
                (_, Direction::ToServer) => Ended::ByClient,
            });
        }
        let last = !matches!(item, Item::Data(..));
        if items.send(item).is_err() || last {
            return;
        }
    }
}
