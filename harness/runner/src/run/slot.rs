//! One slot: a thread that takes cases, with what each needs before it may begin.
//!
//! Promise: devices come before names, and both before set-up, so that no two runs of a host wait for one another. Rejected: taking names in the
//! queue (whoever waits for another process would hold the lock of the queue).

use std::sync::Arc;
use std::time::Instant;

use super::Run;
use crate::attempt::{self, SlotCell, lock};
use crate::event::Event;
use crate::outcome::Outcome;

impl Run {
    /// One slot: goes on with the attempt of a case, if there is one to go on with, and takes cases until none is left, or until its case was taken from
    /// it.
    pub(super) fn slot(self: &Arc<Self>, again: Option<(usize, u32)>) {
        let cell = Arc::new(SlotCell::default());
        attempt::enter(cell.clone());
        if let Some((planned, number)) = again
            && !self.attempts(planned, number, &cell)
        {
            return;
        }
        while let Some(planned) = self.next() {
            match self.hold_names(planned) {
                Ok(None) => {}
                Ok(Some(names)) => drop(lock(&self.names_held).insert(planned, names)),
                Err(why) => {
                    self.emit(Event::CaseStarted {
                        planned,
                        at: Instant::now(),
                        attempt: 0,
                        devices: vec![],
                        fixtures: vec![],
                    });
                    self.leave_fixtures(planned);
                    let torn = self.hand_devices_back(planned);
                    lock(&self.late_errors).extend(torn.errors);
                    self.leave(planned, false);
                    self.put_unrun(planned, Outcome::NotRun(why));
                    continue;
                }
            };
            // After the names, in a run of which every test is a process of its own: who has devices waits for nothing else.
            self.take_devices(planned);
            if !self.attempts(planned, 1, &cell) {
                return;
            }
        }
        cell.set(None);
    }
}
