//! Exclusive names, the host for oneself, and processors of cases that share a server, held against other processes of this host.
//!
//! Promise: a case that names something for itself runs nowhere else on the host at the same time, whatever starts it; one that is `alone` runs beside
//! no case of another run that could disturb it, and therefore each that could has a claim too, if an empty one. A run that was started by a case of
//! another run does not wait for that case, which waits for it. Names are taken last,
//! when the case has its devices: who holds a name waits for nothing else, so that no two runs wait for one another. Where every test has a process of its
//! own it is the other way round: names first, and who has devices waits for nothing else. Rejected: a file per name
//! (whoever is killed leaves it behind).

use std::time::{Duration, Instant};

use tribunal_hardware::{Claim, HolderInfo, Lease, LeaseError, Leases, waits_for};

use super::Run;
use crate::event::Event;

/// Who waits longer than this is told for whom, and then again after each of the longer times.
const TELL_AFTER: Duration = Duration::from_secs(2);
const TELL_AGAIN: Duration = Duration::from_secs(30);
/// How often it is asked whether those who are waited for wait for us.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
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
        let case = &self.catalog.cases[self.plan.cases[planned].case];
        let disturbs = marks.disturbs || case.deployment(&self.catalog).is_some();
        let asks = !marks.exclusive.is_empty() || cpus > 0 || marks.alone || disturbs;
        if !asks || crate::isolated::is_child() {
            return Ok(None);
        }
        let shown = |name: &String| match name.as_str() {
            "" => UNNAMED.to_owned(),
            name => name.to_owned(),
        };
        let claim = Claim {
            names: marks.exclusive.iter().map(shown).collect(),
            cpus,
            host_exclusive: marks.alone,
            label: self.names[planned].to_string(),
            ..Claim::default()
        };
        match self.wait_for_names(folder, &claim) {
            Ok(Held::Lease(lease)) => Ok(Some(lease)),
            Ok(Held::Within(whom)) => {
                self.evidence.note(format!(
                    "exclusive names (serial) and the host (alone) were not waited for where {whom} has them: this run was started by it"
                ));
                Ok(None)
            }
            Ok(Held::Stopped) => Err(self.cancel.reason()),
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

    fn wait_for_names(&self, folder: &std::path::Path, claim: &Claim) -> Result<Held, LeaseError> {
        let leases = Leases::open(folder)?;
        if let Some(lease) = leases.try_take(claim)? {
            return Ok(Held::Lease(lease));
        }
        let waiter = leases.wait_for(claim)?;
        let begun = Instant::now();
        let mut told: Option<Instant> = None;
        let mut looked: Option<Instant> = None;
        while !self.cancel.is_cancelled() {
            if let Some(lease) = waiter.try_take()? {
                return Ok(Held::Lease(lease));
            }
            if looked.is_none_or(|at| at.elapsed() >= LOOK_AGAIN) {
                looked = Some(Instant::now());
                if let Some(whom) = only_above(&waiter.blocked_by()?) {
                    return Ok(Held::Within(whom));
                }
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
        Ok(Held::Stopped)
    }
}

/// What came of asking.
enum Held {
    Lease(Lease),
    /// Only those have it of whom this run is a part.
    Within(String),
    /// The run is being stopped.
    Stopped,
}

/// Who has what is asked for, if all of them are processes below which this one runs: they wait for it.
fn only_above(blockers: &[HolderInfo]) -> Option<String> {
    let me = std::process::id();
    let above = |info: &HolderInfo| {
        !info.waits
            && info.process.pid != me
            && tribunal_hardware::tree_of(info.process.pid).contains(&me)
    };
    // A claim that came after and waits for those above waits for us.
    let mut holders = blockers.iter().filter(|info| !info.waits).peekable();
    holders.peek()?;
    holders
        .all(above)
        .then(|| match blockers.iter().find(|info| !info.waits) {
            Some(info) => format!("pid {} ({})", info.process.pid, info.claim.label),
            None => String::new(),
        })
}
