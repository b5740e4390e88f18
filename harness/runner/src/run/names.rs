//! Exclusive names, and processors of cases that share a server, held against other processes of this host.
//!
//! Promise: a case that names something for itself runs nowhere else on the host at the same time, whatever starts it. Names are taken last,
//! when the case has its devices: who holds a name waits for nothing else, so that no two runs wait for one another. Where every test has a process of its
//! own it is the other way round: names first, and who has devices waits for nothing else. Rejected: a file per name
//! (whoever is killed leaves it behind).

use std::time::{Duration, Instant};

use tribunal_hardware::{Claim, Lease, LeaseError, Leases, waits_for};

use super::Run;
use crate::event::Event;

/// Who waits longer than this is told for whom, and then again after each of the longer times.
const TELL_AFTER: Duration = Duration::from_secs(2);
const TELL_AGAIN: Duration = Duration::from_secs(30);
/// What `serial` without a name is called in the ledger.
const UNNAMED: &str = "(serial)";

impl Run {
    /// Takes the exclusive names of a case; waits for other processes that have them. `Ok(None)`: it has none, or nobody is asked. An error: the run
    /// is being stopped meanwhile.
    pub(super) fn hold_names(&self, planned: usize) -> Result<Option<Lease>, String> {
        let marks = &self.catalog.cases[self.plan.cases[planned].case].marks;
        let Some(folder) = &self.options.leases else {
            return Ok(None);
        };
        let cpus = self.cpus_beside(planned);
        if (marks.exclusive.is_empty() && cpus == 0) || crate::isolated::is_child() {
            return Ok(None);
        }
        let shown = |name: &String| match name.as_str() {
            "" => UNNAMED.to_owned(),
            name => name.to_owned(),
        };
        let claim = Claim {
            names: marks.exclusive.iter().map(shown).collect(),
            cpus,
            label: self.names[planned].to_string(),
            ..Claim::default()
        };
        match self.wait_for_names(folder, &claim) {
            Ok(lease) => lease.map(Some).ok_or_else(|| self.cancel.reason()),
            Err(e) => {
                self.evidence.note(format!(
                    "exclusive names (serial) and processors were held in this process only: {e}"
                ));
                Ok(None)
            }
        }
    }

    /// The processors of a case that shares a server, where every test has a process of its own: nobody else takes them for it. With the names in one
    /// claim, before the case uses a server: who waits for them keeps no device from others. The ledger of simulated devices is another one, and is not asked.
    fn cpus_beside(&self, planned: usize) -> u32 {
        let job = self.plan.resources.as_ref().and_then(|r| r.job(planned));
        let asks = self.options.process_per_test && self.options.simulated.is_none();
        let shares = job.filter(|job| asks && job.holding.is_some());
        shares.map_or(0, |job| job.cpus)
    }

    /// `None`: the run is being stopped.
    fn wait_for_names(
        &self,
        folder: &std::path::Path,
        claim: &Claim,
    ) -> Result<Option<Lease>, LeaseError> {
        let leases = Leases::open(folder)?;
        if let Some(lease) = leases.try_take(claim)? {
            return Ok(Some(lease));
        }
        let waiter = leases.wait_for(claim)?;
        let begun = Instant::now();
        let mut told: Option<Instant> = None;
        while !self.cancel.is_cancelled() {
            if let Some(lease) = waiter.try_take()? {
                return Ok(Some(lease));
            }
            let due = match told {
                None => begun.elapsed() >= TELL_AFTER,
                Some(at) => at.elapsed() >= TELL_AGAIN,
            };
            if due {
                told = Some(Instant::now());
                let whom = waits_for(claim, &waiter.blocked_by()?);
                self.emit(Event::Awaiting(format!("{} {whom}", claim.label)));
            }
            std::thread::sleep(waiter.ask_again());
        }
        Ok(None)
    }
}
