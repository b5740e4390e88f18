//! Devices for one server, in a run of which every test is a process of its own.
//!
//! Promise: only the process that starts the server takes them, and waits in one queue with all others for them, so that those who come later do not
//! delay it. Rejected: a governor for all processes (somebody would have to be it, and test processes end at any time).

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tribunal_governor::{Governor, Job, Limits};
use tribunal_hardware::{LeaseError, Leases, Waiter, waits_for};

use super::place::Place;
use super::surroundings::Surroundings;
use crate::attempt::lock;
use crate::grant::Grant;
use crate::resources::Resources;

/// Between two looks at devices that nobody leases: nothing says when they come free.
const LOOK: Duration = Duration::from_millis(50);
/// Who waits longer than this is told for whom, and then again after each of the longer times.
const TELL_AFTER: Duration = Duration::from_secs(2);
const TELL_AGAIN: Duration = Duration::from_secs(30);

/// Finds devices for one job.
pub struct Placing {
    resources: Resources,
    job: Job,
    label: String,
    around: Mutex<Surroundings>,
}

impl Placing {
    pub(super) fn new(
        resources: &Resources,
        planned: usize,
        label: &str,
        around: Surroundings,
    ) -> Option<Placing> {
        Some(Placing {
            job: resources.job(planned)?.clone(),
            resources: resources.clone(),
            label: label.to_owned(),
            around: Mutex::new(around),
        })
    }

    /// Waits until there are devices for it, and takes them. Blocks; `stop` is asked again and again whether nobody wants them any more.
    ///
    /// # Errors
    /// Why there will be none.
    pub fn take(&self, tell: &dyn Fn(String), stop: &dyn Fn() -> bool) -> Result<Grant, String> {
        let cards = self.resources.measured();
        let (governor, impossible) =
            Governor::new(&cards, std::slice::from_ref(&self.job), Limits::default())
                .map_err(|e| e.to_string())?;
        if let Some(never) = impossible.first() {
            return Err(never.to_string());
        }
        let amount = self.resources.amount(&self.job);
        let begun = Instant::now();
        let mut told: Option<Instant> = None;
        let mut place: Option<Place> = None;
        let failed = |e: LeaseError| e.to_string();
        while !stop() {
            let mut around = lock(&self.around);
            let leases = around.leases.clone();
            if let Some(place) = &mut place
                && place.ask().map_err(failed)?
            {
                // What its holder had is free now, too.
                around.changed();
            }
            // A start that comes to nothing is no business of the next one's.
            let start = governor.clone().admit(0.0, &around.view()).pop();
            let Some(leases) = leases else {
                if let Some(start) = start {
                    return Ok(around.grant(amount, &start.cards, None));
                }
                drop(around);
                std::thread::sleep(LOOK);
                continue;
            };
            let wanted = start.map(|start| start.cards);
            // A place of our own for other devices would be in our own way.
            let other = |place: &mut Place| wanted.as_ref().is_some_and(|w| *w != place.cards);
            drop(place.take_if(other));
            if let Some(cards) = &wanted {
                let lease = match &mut place {
                    Some(place) => place.take(),
                    None => {
                        let claim = around.claim(&self.job, amount, cards, &self.label);
                        leases.try_take(&claim).map_err(failed)?
                    }
                };
                if let Some(lease) = lease {
                    return Ok(around.grant(amount, cards, Some(lease)));
                }
            }
            if place.as_ref().is_none_or(Place::is_idle) {
                let suits = self.job.suits.clone().unwrap_or_default();
                let gang = usize::try_from(self.job.gang).unwrap_or(usize::MAX);
                let cards = wanted.unwrap_or_else(|| suits.into_iter().take(gang).collect());
                let claim = around.claim(&self.job, amount, &cards, &self.label);
                // The old one is given back before the new one is taken.
                drop(place.take());
                place = Some(Place::new(&leases, &claim, cards).map_err(failed)?);
            }
            drop(around);
            let mut pause = LOOK;
            if let Some(place) = &place {
                let due = match told {
                    None => begun.elapsed() >= TELL_AFTER,
                    Some(at) => at.elapsed() >= TELL_AGAIN,
                };
                if due {
                    told = Some(Instant::now());
                    tell(whom(&self.label, &place.waiter, &leases));
                }
                if !place.has_come() {
                    pause = place.waiter.ask_again();
                }
            }
            std::thread::sleep(pause);
        }
        Err("the run is being stopped".into())
    }
}

fn whom(label: &str, waiter: &Waiter, leases: &Leases) -> String {
    let blockers = waiter
        .blocked_by()
        .or_else(|_| leases.blocked_by(waiter.claim()));
    let blockers = blockers.unwrap_or_default();
    format!("{label} {}", waits_for(waiter.claim(), &blockers))
}
