//! Where toxics strike in the bytes of one message: cuts at their points, changed and doubled payload.
//!
//! Promise: a toxic with a point strikes exactly there, once in a message; one that is added when the point has passed strikes at the next byte. Nothing before the point is
//! held back. Rejected: toxics as a chain of streams, in which the last one no longer knows which byte of which event it has.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::AsyncWrite;

use super::flow::{Flow, Stop};
use super::link::{Ending, until};
use super::rules::Live;
use super::stats::{Ended, ToxicId};
use super::toxic::{After, Toxic};
use super::wire::{Kind, Mark};

/// The longest event that is kept to be sent twice.
const LONGEST_COPY: usize = 4 << 20;

/// What has struck in this message, and what it still has to do.
#[derive(Debug, Default)]
pub(super) struct Struck {
    by: Vec<ToxicId>,
    /// Events that have passed.
    events: u64,
    headed: bool,
    /// The next so many bytes of payload are changed.
    corrupting: Option<(Arc<Live>, u32)>,
    /// The next byte is sent twice.
    doubling: Option<Arc<Live>>,
    copying: Option<Copying>,
}

#[derive(Debug)]
struct Copying {
    live: Arc<Live>,
    event: Vec<u8>,
    /// It has begun; before that, the next beginning of an event is waited for.
    begun: bool,
    /// It has been read to its end.
    whole: bool,
}

impl Struck {
    /// A new message begins.
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }

    /// Whether nothing is left to do in this message but for rules that still hold.
    pub(super) fn idle(&self) -> bool {
        self.corrupting.is_none() && self.doubling.is_none() && self.copying.is_none()
    }
}

/// Whether the point lies at or before this place.
fn reached(after: After, position: u64, events: Option<u64>, headed: bool) -> bool {
    match after {
        After::Bytes(n) => position >= n,
        After::Events(n) => headed && events.is_some_and(|e| e >= u64::from(n)),
    }
}

impl<W: AsyncWrite + Unpin> Flow<'_, W> {
    /// Sends bytes of one kind that begin at this place of their message, and lets toxics strike in and around them.
    pub(super) async fn piece(
        &mut self,
        bytes: &[u8],
        kind: Kind,
        mark: Mark,
        start: u64,
    ) -> Result<(), Stop> {
        let mut at = 0;
        loop {
            let whole = at == bytes.len();
            if whole {
                self.struck.events = self.wire.events().unwrap_or(0);
                self.struck.headed = self.wire.headed;
                self.record();
            }
            self.strike(start + at as u64, whole).await?;
            if whole {
                return Ok(());
            }
            let next = self
                .next_point(start + at as u64)
                .map_or(bytes.len(), |point| {
                    usize::try_from(point - start).map_or(bytes.len(), |p| p.min(bytes.len()))
                });
            let next = if self.struck.doubling.is_some() {
                at + 1
            } else {
                next
            };
            let mark = if next == bytes.len() {
                mark
            } else {
                Mark::Nothing
            };
            self.change_and_emit(&bytes[at..next], kind, mark).await?;
            at = next;
        }
    }

    /// The nearest point behind this place that is counted in bytes.
    fn next_point(&self, place: u64) -> Option<u64> {
        let points = self
            .mine
            .iter()
            .filter_map(|live| match live.rule.toxic.after()? {
                After::Bytes(n) if n > place => Some(n),
                _ => None,
            });
        points.min()
    }

    /// Lets those strike whose point has been reached.
    async fn strike(&mut self, place: u64, whole: bool) -> Result<(), Stop> {
        let mut index = 0;
        // A stall may last while rules come and go.
        while let Some(live) = self.mine.get(index).cloned() {
            index += 1;
            let events = self.wire.events().map(|_| self.struck.events);
            let Some(after) = live.rule.toxic.after() else {
                continue;
            };
            let strikes = reached(after, place, events, self.struck.headed)
                && live.is_for(&self.target)
                && live.holds(Instant::now())
                && !self.struck.by.contains(&live.id);
            if !strikes {
                continue;
            }
            self.struck.by.push(live.id);
            match live.rule.toxic {
                Toxic::Stall { .. } => {
                    self.link.shared.strike(&live);
                    self.stall(&live).await;
                    index = 0;
                }
                Toxic::Close { .. } | Toxic::Reset { .. } => {
                    self.link.shared.strike(&live);
                    let reset = matches!(live.rule.toxic, Toxic::Reset { .. });
                    if !reset {
                        let _ = tokio::io::AsyncWriteExt::shutdown(&mut self.sink).await;
                    }
                    let ended = Ended::ByToxic(live.id);
                    return Err(Stop::Ending(Ending { ended, reset }));
                }
                Toxic::HalfClose { .. } => {
                    self.link.shared.strike(&live);
                    self.link.ended(Ended::ByToxic(live.id));
                    return Err(Stop::Half);
                }
                Toxic::Corrupt { bytes, .. } => self.struck.corrupting = Some((live, bytes)),
                Toxic::Duplicate {
                    after: After::Bytes(_),
                } => self.struck.doubling = Some(live),
                Toxic::Duplicate {
                    after: After::Events(_),
                } => {
                    self.struck.copying = Some(Copying {
                        live,
                        event: Vec::new(),
                        begun: whole && self.wire.event_begins(),
                        whole: false,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Waits until the rule no longer holds.
    async fn stall(&mut self, live: &Live) {
        let shared = &self.link.shared;
        let mut rules = shared.watch();
        while shared.there(live.id) && live.holds(Instant::now()) {
            until(live.changes(Instant::now()), &mut rules).await;
        }
        self.refresh();
    }

    async fn change_and_emit(&mut self, bytes: &[u8], kind: Kind, mark: Mark) -> Result<(), Stop> {
        let payload = matches!(kind, Kind::Payload | Kind::Opaque);
        let mut changed = Vec::new();
        if payload && let Some((live, left)) = self.struck.corrupting.take() {
            changed = bytes.to_vec();
            let now = changed.len().min(left as usize);
            for byte in &mut changed[..now] {
                // Never by zero, which would change nothing.
                *byte ^= 1 + (self.random.next() % 255) as u8;
            }
            if now > 0 {
                self.link.shared.strike(&live);
            }
            let left = left - now as u32;
            self.struck.corrupting = (left > 0).then_some((live, left));
        }
        let bytes = if changed.is_empty() { bytes } else { &changed };
        self.emit(bytes, kind, mark).await?;
        if mark == Mark::Event {
            self.sent(0, 1);
        }
        if let Some(live) = self.struck.doubling.take() {
            self.link.shared.strike(&live);
            self.write(bytes).await?;
        }
        self.copy(bytes, kind, mark).await
    }

    /// Keeps the event that is to be sent twice, and sends it again where there is room for it.
    async fn copy(&mut self, bytes: &[u8], kind: Kind, mark: Mark) -> Result<(), Stop> {
        let (chunked, until_close) = (self.wire.chunked(), self.wire.until_close());
        let Some(copying) = &mut self.struck.copying else {
            return Ok(());
        };
        if kind == Kind::Payload && !copying.whole && copying.begun {
            copying.event.extend_from_slice(bytes);
            copying.whole = mark == Mark::Event;
        }
        // The step that ends here ends an event or the head: the next byte of payload begins one.
        copying.begun |= self.wire.event_begins();
        let possible = chunked || until_close;
        if !possible || copying.event.len() > LONGEST_COPY {
            self.struck.copying = None;
            return Ok(());
        }
        if !copying.whole || chunked && !self.wire.between_chunks() {
            return Ok(());
        }
        let Some(copying) = self.struck.copying.take() else {
            return Ok(());
        };
        let again = if chunked {
            let size = format!("{:x}\r\n", copying.event.len());
            [size.as_bytes(), &copying.event, b"\r\n"].concat()
        } else {
            copying.event
        };
        self.link.shared.strike(&copying.live);
        self.write(&again).await?;
        self.sent(0, 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_reached_at_it_and_behind_it() {
        let bytes = |n, at| reached(After::Bytes(n), at, None, false);
        assert!(bytes(0, 0) && bytes(5, 5) && bytes(5, 9) && !bytes(5, 4));
        let events = |n, count, headed| reached(After::Events(n), 9, count, headed);
        assert!(events(0, Some(0), true) && !events(0, Some(0), false));
        assert!(events(2, Some(2), true) && !events(2, Some(1), true));
        assert!(
            !events(0, None, true),
            "what is no event stream has no such point"
        );
    }
}
