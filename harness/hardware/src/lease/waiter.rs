//! A place in the queue.
//!
//! Promise: it keeps its place while others come and pass; asking costs microseconds and blocks nobody. Rejected: waiting in the kernel
//! for the holder's lock (a waiter waits for several holders, and for a sum).

use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::claim::Claim;
use super::entry::{self, HOLDS};
use super::error::LeaseError;
use super::holder::HolderInfo;
use super::needs::Needs;
use super::{Ask, Lease, Leases, in_the_way};
use crate::ledger_error::Fault;

/// The longest time that a waiter should let pass before it asks again.
const LONGEST: Duration = Duration::from_millis(20);
/// A waiter tells the others once in so many milliseconds that it still asks, and looks whether those before it do.
const TELL: u64 = 1_000;

/// A place in the queue for a claim. Dropping it gives the place up.
#[derive(Debug)]
pub struct Waiter {
    leases: Leases,
    claim: Claim,
    needs: Needs,
    slot: u32,
    ticket: u64,
    begin: Instant,
    place: Mutex<Place>,
}

#[derive(Debug)]
struct Place {
    /// Empty once it was served.
    held: Option<File>,
    /// When the others were last told that it asks, on their common clock.
    told: u64,
    /// Waiters that were in the way when it last looked.
    ahead: u32,
    /// Entries that were in the way when it last looked: as long as they stand, it need not look at all the others.
    blockers: Vec<(u32, u64)>,
}

impl Waiter {
    pub(super) fn new(leases: Leases, claim: Claim, held: File, slot: u32, ticket: u64) -> Waiter {
        let place = Place {
            held: Some(held),
            told: entry::now(),
            ahead: 0,
            blockers: Vec::new(),
        };
        Waiter {
            needs: entry::needs(&claim, leases.limits),
            leases,
            claim,
            slot,
            ticket,
            begin: Instant::now(),
            place: Mutex::new(place),
        }
    }

    /// What it waits for.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// The lease, if its turn has come.
    ///
    /// # Errors
    /// A ledger that cannot be used; [`LeaseError::Served`] if it has had its lease.
    pub fn try_take(&self) -> Result<Option<Lease>, LeaseError> {
        let mut place = self.place();
        if place.held.is_none() {
            return Err(LeaseError::Served);
        }
        let now = entry::now();
        let tell = now.saturating_sub(place.told) >= TELL;
        if !tell && self.still_blocked(&place.blockers)? {
            return Ok(None);
        }
        let way = self.leases.records.locked(|section| {
            let way = in_the_way(section, &self.needs, self.ticket, Ask::WhetherAny)?;
            let granted = way.all.is_empty();
            let mut write = |at, bytes: &[u8]| section.write(self.slot, at, bytes);
            if granted {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                let since = since.unwrap_or_default().as_millis() as u64;
                write(entry::SINCE, &since.to_le_bytes())
                    .and_then(|()| write(0, &[HOLDS]))
                    .map_err(Fault::Io)?;
            } else if tell {
                write(entry::ASKED, &now.to_le_bytes()).map_err(Fault::Io)?;
            }
            Ok(way)
        })?;
        if tell {
            place.told = now;
        }
        if way.all.is_empty() {
            let held = place.held.take().ok_or(LeaseError::Served)?;
            return Ok(Some(self.leases.lease(&self.claim, held, self.slot)));
        }
        place.ahead = way.all.iter().filter(|(_, holds)| !holds).count() as u32;
        place.blockers = way.sure;
        Ok(None)
    }

    /// Whether all of these stand, so that nothing can have changed for the better. Asked without the lock of the ledger, for which
    /// many waiters would queue.
    fn still_blocked(&self, blockers: &[(u32, u64)]) -> Result<bool, LeaseError> {
        for (slot, ticket) in blockers {
            let records = &self.leases.records;
            let stands = records.stands(*slot, *ticket);
            if !stands.map_err(|error| records.error(Fault::Io(error)))? {
                return Ok(false);
            }
        }
        Ok(!blockers.is_empty())
    }

    /// How long to let pass before asking again: a millisecond for each waiter ahead, and the longer it has waited, the longer, up to
    /// 20 ms. Whoever asks less often than every 30 s loses its turn to those behind.
    pub fn ask_again(&self) -> Duration {
        let ahead = Duration::from_millis(1) * (1 + self.place().ahead);
        ahead.max(self.begin.elapsed() / 256).min(LONGEST)
    }

    /// Waits on this thread, until its turn has come or the time is over (`None`); it keeps its place then.
    ///
    /// # Errors
    /// As [`Waiter::try_take`].
    pub fn wait(&self, limit: Duration) -> Result<Option<Lease>, LeaseError> {
        let begin = Instant::now();
        loop {
            if let Some(lease) = self.try_take()? {
                return Ok(Some(lease));
            }
            let left = limit.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(self.ask_again().min(left));
        }
    }

    /// Everybody, holders and earlier waiters, for whom it waits now.
    ///
    /// # Errors
    /// A ledger that cannot be used.
    pub fn blocked_by(&self) -> Result<Vec<HolderInfo>, LeaseError> {
        self.leases.blockers(&self.claim, self.ticket)
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(held) = &self.place().held {
            self.leases.records.free(held, self.slot);
        }
    }
}
