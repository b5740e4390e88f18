//! A place in the queue of the host, for certain devices.
//!
//! Promise: those who come later do not delay who has it; what it was given and cannot use goes back after a while.

use std::time::{Duration, Instant};

use tribunal_hardware::{Claim, Lease, LeaseError, Leases, Waiter};

/// Others have what it was given after so long without use.
const KEPT: Duration = Duration::from_secs(30);

pub(super) struct Place {
    pub waiter: Waiter,
    /// By their index.
    pub cards: Vec<usize>,
    /// Its turn has come; the devices are taken as soon as the governor allows it.
    lease: Option<(Lease, Instant)>,
}

impl Place {
    pub fn new(leases: &Leases, claim: &Claim, cards: Vec<usize>) -> Result<Place, LeaseError> {
        Ok(Place {
            waiter: leases.wait_for(claim)?,
            cards,
            lease: None,
        })
    }

    /// Asks whether its turn has come; true where it has just come.
    pub fn ask(&mut self) -> Result<bool, LeaseError> {
        if self.lease.is_some() {
            return Ok(false);
        }
        let lease = self.waiter.try_take()?;
        self.lease = lease.map(|lease| (lease, Instant::now()));
        Ok(self.lease.is_some())
    }

    /// Whether its turn has come.
    pub fn has_come(&self) -> bool {
        self.lease.is_some()
    }

    /// What it was given; it is of no use afterwards.
    pub fn take(&mut self) -> Option<Lease> {
        self.lease.take().map(|(lease, _)| lease)
    }

    /// It has been given what is of no use to it, for so long that others should have it.
    pub fn is_idle(&self) -> bool {
        let since = self.lease.as_ref().map(|(_, since)| *since);
        since.is_some_and(|since| since.elapsed() > KEPT)
    }
}
