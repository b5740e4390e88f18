//! The turns of a conversation, one after the other.
//!
//! Promise: each turn is sent when the one before was answered, and never where it failed; every turn has its record.

use std::sync::Arc;

use crate::exchange::exchange;
use crate::feeder::Job;
use crate::record::{Outcome, Record, Turn};
use crate::schedule;
use crate::shard::Shard;

/// A place that came free, and when.
pub(crate) struct Place {
    pub(crate) scheduled: u64,
    pub(crate) slot: Option<u64>,
    /// Whether the time until it was sent says something of the client.
    pub(crate) judged: bool,
}

/// Sends the turns of a conversation; gives the time at which the last was over.
pub(crate) async fn converse(shard: &Arc<Shard>, job: Job, place: Place) -> u64 {
    let Job {
        number,
        conversation,
        first,
        rest,
        ..
    } = job;
    let turns = 1 + rest.len();
    let end = schedule::end(&shard.load).unwrap_or(u64::MAX);
    let mut rest = rest.into_iter();
    let mut next = Some(first);
    let mut place = place;
    for turn in 0..turns {
        let mut record = Record::new(number + turn as u64, place.scheduled);
        record.slot = place.slot;
        if turns > 1 {
            record.turn = Some(Turn {
                conversation,
                turn: turn as u32,
            });
        }
        shard.tally().begun += 1;
        let Some(request) = next.take() else {
            record.scheduled = shard.clock.now();
            record.slot = None;
            shard.done(record, 0, false).await;
            continue;
        };
        let keep = turn + 1 < turns;
        let mut reads = 0;
        let text = exchange(shard, &request, keep, &mut record, &mut reads).await;
        let over = shard.clock.now();
        let ok = record.outcome == Outcome::Ok;
        shard.done(record, reads, place.judged).await;
        place = Place {
            scheduled: over,
            slot: place.slot.map(|_| over),
            judged: false,
        };
        if keep && ok && over < end && !shard.stop.is_stopped() {
            next = match rest.next() {
                Some(request) => shard.ask(request, text).await,
                None => None,
            };
        }
    }
    place.scheduled
}

/// None of the turns was sent.
pub(crate) async fn none_sent(shard: &Shard, job: Job) {
    let turns = 1 + job.rest.len();
    for turn in 0..turns {
        let mut record = Record::new(job.number + turn as u64, job.scheduled);
        if turns > 1 {
            record.turn = Some(Turn {
                conversation: job.conversation,
                turn: turn as u32,
            });
        }
        shard.tally().begun += 1;
        shard.done(record, 0, false).await;
    }
}
