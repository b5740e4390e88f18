//! How bytes are let go: at once, in slices, line by line, at a pace.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWrite;

use super::flow::{Flow, Stop};
use super::link::until;
use super::rules::Live;
use super::toxic::{Cut, Toxic};
use super::wire::{Kind, Mark};

/// How long one write lasts at least at a limited pace, as far as the pieces allow it: finer steps are beyond the clock.
const STEP: Duration = Duration::from_millis(5);

/// Where the bytes of one piece are cut, and by which rule: offsets in order, each with the time that passes there.
fn cuts(
    bytes: &[u8],
    kind: Kind,
    mark: Mark,
    rules: &[Arc<Live>],
) -> Vec<(usize, Duration, Arc<Live>)> {
    let mut cuts: Vec<(usize, Duration, Arc<Live>)> = Vec::new();
    let mut at =
        |offset: usize, gap: Duration, live: &Arc<Live>| cuts.push((offset, gap, live.clone()));
    for live in rules {
        match &live.rule.toxic {
            Toxic::SlowHeaders { gap } if kind == Kind::Head => {
                at(0, *gap, live);
                let ends = memchr::memchr_iter(b'\n', bytes).map(|n| n + 1);
                ends.filter(|n| *n < bytes.len())
                    .for_each(|n| at(n, *gap, live));
            }
            Toxic::Slice {
                bytes: most,
                gap,
                cut,
            } => {
                if let Ok(most) = usize::try_from(*most)
                    && most > 0
                {
                    (1..=bytes.len() / most).for_each(|n| at(n * most, *gap, live));
                }
                let payload = matches!(kind, Kind::Payload | Kind::Opaque);
                if payload && *cut == Cut::InsideCharacters {
                    let inside = |n: &usize| bytes[*n] & 0xC0 == 0x80;
                    (0..bytes.len())
                        .filter(inside)
                        .for_each(|n| at(n, *gap, live));
                }
                if mark == Mark::Event && *cut == Cut::InsideEventEnd && !bytes.is_empty() {
                    let last = if bytes.ends_with(b"\r\n") { 2 } else { 1 };
                    at(bytes.len() - last, *gap, live);
                }
            }
            _ => {}
        }
    }
    cuts.sort_by_key(|(offset, ..)| *offset);
    // One rule may want the same cut for two reasons.
    cuts.dedup_by(|a, b| a.0 == b.0 && a.2.id == b.2.id);
    cuts
}

impl<W: AsyncWrite + Unpin> Flow<'_, W> {
    /// Sends bytes as those rules want that are about how, not what.
    pub(super) async fn emit(&mut self, bytes: &[u8], kind: Kind, mark: Mark) -> Result<(), Stop> {
        let now = Instant::now();
        let shaping = |live: &&Arc<Live>| {
            let shapes = matches!(
                live.rule.toxic,
                Toxic::Slice { .. } | Toxic::Bandwidth { .. } | Toxic::SlowHeaders { .. }
            );
            shapes && live.holds(now) && live.is_for(&self.target)
        };
        let rules: Vec<Arc<Live>> = self.mine.iter().filter(shaping).cloned().collect();
        if rules.is_empty() {
            return self.write(bytes).await;
        }
        let mut from = 0;
        for (offset, gap, live) in cuts(bytes, kind, mark, &rules) {
            self.paced(&bytes[from..offset], &rules).await?;
            self.link.shared.strike(&live);
            self.pause(&live, gap).await;
            from = offset;
        }
        self.paced(&bytes[from..], &rules).await
    }

    /// Lets time pass, at most as long as the rule is there.
    pub(super) async fn pause(&self, live: &Live, time: Duration) {
        let mut rules = self.link.shared.watch();
        let end = Instant::now().checked_add(time);
        while self.link.shared.there(live.id) && end.is_none_or(|end| Instant::now() < end) {
            until(end, &mut rules).await;
        }
    }

    /// Sends bytes at the slowest pace of these rules; of one that is over meanwhile at none.
    async fn paced(&mut self, bytes: &[u8], rules: &[Arc<Live>]) -> Result<(), Stop> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let now = Instant::now();
            let paces = rules.iter().filter_map(|live| match live.rule.toxic {
                Toxic::Bandwidth { bytes_per_second } => Some((bytes_per_second.max(1), live)),
                _ => None,
            });
            let in_force = |live: &Live| self.link.shared.there(live.id) && live.holds(now);
            let paces = paces.filter(|(_, live)| in_force(live));
            let Some((pace, live)) = paces.min_by_key(|(pace, _)| *pace) else {
                return self.write(rest).await;
            };
            let most = (pace as f64 * STEP.as_secs_f64()).max(1.0) as usize;
            let (some, behind) = rest.split_at(most.min(rest.len()));
            rest = behind;
            self.write(some).await?;
            self.link.shared.strike(live);
            let lasts = Duration::from_secs_f64(some.len() as f64 / pace as f64);
            // From when the last one was over, so that what the clock is late does not add up.
            let begun = self
                .free
                .max(Instant::now().checked_sub(STEP).unwrap_or(self.free));
            self.free = begun + lasts;
            let wait = self.free.saturating_duration_since(Instant::now());
            self.pause(live, wait).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::stats::ToxicId;
    use super::*;

    fn offsets(toxic: Toxic, bytes: &[u8], kind: Kind, mark: Mark) -> Vec<usize> {
        let live = Arc::new(Live::new(ToxicId(0), toxic.into()));
        cuts(bytes, kind, mark, &[live])
            .into_iter()
            .map(|(offset, ..)| offset)
            .collect()
    }

    #[test]
    fn slices_end_where_they_should() {
        let slice = |bytes, cut| Toxic::Slice {
            bytes,
            gap: Duration::ZERO,
            cut,
        };
        let payload =
            |toxic, text: &str, mark| offsets(toxic, text.as_bytes(), Kind::Payload, mark);
        assert_eq!(
            payload(slice(2, Cut::Fixed), "abcde", Mark::Nothing),
            [2, 4]
        );
        assert_eq!(payload(slice(2, Cut::Fixed), "abcd", Mark::Nothing), [2, 4]);
        // é has two bytes, 漢 three.
        assert_eq!(
            payload(slice(0, Cut::InsideCharacters), "é-漢", Mark::Nothing),
            [1, 4, 5]
        );
        assert!(payload(slice(0, Cut::InsideCharacters), "abc", Mark::Nothing).is_empty());
        assert_eq!(
            payload(slice(0, Cut::InsideEventEnd), "data:1\n\n", Mark::Event),
            [7]
        );
        assert_eq!(
            payload(slice(0, Cut::InsideEventEnd), "data:1\r\n\r\n", Mark::Event),
            [8]
        );
        assert_eq!(
            payload(slice(0, Cut::InsideEventEnd), "\n", Mark::Event),
            [0]
        );
        assert!(payload(slice(0, Cut::InsideEventEnd), "data:1\n", Mark::Nothing).is_empty());
    }

    #[test]
    fn heads_come_line_by_line() {
        let slow = || Toxic::SlowHeaders {
            gap: Duration::ZERO,
        };
        let head = b"HTTP/1.1 200 OK\r\na: b\r\n\r\n";
        assert_eq!(offsets(slow(), head, Kind::Head, Mark::Head), [0, 17, 23]);
        assert!(offsets(slow(), head, Kind::Payload, Mark::Nothing).is_empty());
    }
}
