//! Devices for one server, in a run of which every test is a process of its own.
//!
//! Promise: only the process that starts the server takes them, and waits in one queue with all others for them, so that those who come later do not
//! delay it. Rejected: a governor for all processes (somebody would have to be it, and test processes end at any time).

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tribunal_governor::{Governor, Job, Limits};
use tribunal_hardware::{Leases, Waiter, waits_for};

use super::surroundings::Surroundings;
use crate::attempt::lock;
use crate::grant::Grant;
use crate::resources::Resources;

/// Between two looks at the devices.
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
        let limits = Limits::default();
        let made = Governor::new(&cards, std::slice::from_ref(&self.job), limits);
        let (mut governor, impossible) = made.map_err(|e| e.to_string())?;
        if let Some(never) = impossible.first() {
            return Err(never.to_string());
        }
        let amount = self.resources.amount(&self.job);
        let begun = Instant::now();
        let mut told: Option<Instant> = None;
        let mut waiter: Option<(Waiter, Vec<usize>)> = None;
        loop {
            if stop() {
                return Err("the run is being stopped".into());
            }
            let mut around = lock(&self.around);
            let view = around.view();
            let starts = governor.admit(begun.elapsed().as_secs_f64(), &view);
            let Some(leases) = around.leases.clone() else {
                if let Some(start) = starts.first() {
                    return Ok(around.grant(amount, &start.cards, None));
                }
                drop(around);
                std::thread::sleep(LOOK);
                continue;
            };
            let failed = |e: tribunal_hardware::LeaseError| e.to_string();
            if let Some(start) = starts.first() {
                let claim = around.claim(&self.job, amount, &start.cards, &self.label);
                let lease = match &waiter {
                    Some((waiter, cards)) if *cards == start.cards => waiter.try_take(),
                    _ => leases.try_take(&claim),
                };
                if let Some(lease) = lease.map_err(failed)? {
                    return Ok(around.grant(amount, &start.cards, Some(lease)));
                }
                governor.refuse(self.job.id);
                if waiter.is_none() {
                    let place = leases.wait_for(&claim).map_err(failed)?;
                    waiter = Some((place, start.cards.clone()));
                }
            } else if waiter.is_none() {
                let suits = self.job.suits.clone().unwrap_or_default();
                let gang = usize::try_from(self.job.gang).unwrap_or(usize::MAX);
                let cards: Vec<usize> = suits.into_iter().take(gang).collect();
                let claim = around.claim(&self.job, amount, &cards, &self.label);
                let place = leases.wait_for(&claim).map_err(failed)?;
                waiter = Some((place, cards));
            }
            drop(around);
            if let Some((waiter, _)) = &waiter {
                let due = match told {
                    None => begun.elapsed() >= TELL_AFTER,
                    Some(at) => at.elapsed() >= TELL_AGAIN,
                };
                if due {
                    told = Some(Instant::now());
                    tell(whom(&self.label, waiter, &leases));
                }
            }
            std::thread::sleep(LOOK);
        }
    }
}

fn whom(label: &str, waiter: &Waiter, leases: &Leases) -> String {
    let blockers = waiter
        .blocked_by()
        .or_else(|_| leases.blocked_by(waiter.claim()));
    let blockers = blockers.unwrap_or_default();
    format!("{label} {}", waits_for(waiter.claim(), &blockers))
}
