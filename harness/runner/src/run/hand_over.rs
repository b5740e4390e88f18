//! The end of a grant: devices go back when what used them is gone.
//!
//! Promise: a lease ends only after the teardown of its last user, and a device that is not as it was before is given to nobody else of the run. Rejected: giving devices back at the end of a body (the server still has its
//! memory then).

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tribunal_governor::Job;
use tribunal_hardware::{
    DeviceProcess, HolderInfo, Live, Process, Residue, SETTLE_TOLERANCE, Settled, settle,
};

use super::Run;
use super::govern::Back;
use super::placing::Placing;
use super::surroundings::Surroundings;
use crate::attempt::lock;
use crate::event::Event;
use crate::grant::{Devices, Grant};
use crate::stores::Torn;
use crate::usage::{self, Verdict};

/// How long the keepers of a server that is gone may take to end.
const LETTING_GO: Duration = Duration::from_secs(2);
/// What of the grace of a stopped run is kept for its last words.
const MARGIN: Duration = Duration::from_secs(1);

impl Run {
    /// What a case was given.
    pub(super) fn devices(&self, planned: usize) -> Devices {
        if let Some(grant) = crate::isolated::given_devices() {
            return Devices::Granted(grant.clone());
        }
        let Some(resources) = &self.plan.resources else {
            return Devices::None;
        };
        let given = {
            let queue = lock(&self.queue);
            queue.governed.as_ref().and_then(|g| g.grant(planned))
        };
        if let Some(grant) = given {
            return Devices::Granted(grant);
        }
        let job = resources.job(planned);
        if self.options.process_per_test
            && job.is_some_and(|j| j.holding.is_some() && j.gang > 0)
            && let Ok(placing) = self.placing(planned)
        {
            return Devices::OnStart(Arc::new(placing));
        }
        Devices::None
    }

    fn placing(&self, planned: usize) -> Result<Placing, String> {
        let nothing = || "nothing is shared out".to_owned();
        let resources = self.plan.resources.as_ref().ok_or_else(nothing)?;
        let (leases, simulated) = (&self.options.leases, &self.options.simulated);
        let around = Surroundings::new(resources, leases.as_deref(), simulated.as_deref())?;
        Placing::new(resources, planned, &self.names[planned], around).ok_or_else(nothing)
    }

    /// Where every test has a process of its own, the case takes what it needs for itself, in the queue of the host.
    pub(super) fn take_devices(&self, planned: usize) {
        let job = self.plan.resources.as_ref().and_then(|r| r.job(planned));
        let own = |job: &Job| {
            job.holding.is_none() && (job.gang > 0 || job.cpus > 0 || job.host_memory > 0)
        };
        if !self.options.process_per_test || !job.is_some_and(own) {
            return;
        }
        let taken = self.placing(planned).and_then(|placing| {
            let tell = |text| self.emit(Event::Awaiting(text));
            placing.take(&tell, &|| self.cancel.is_cancelled())
        });
        if let Some(governed) = &mut lock(&self.queue).governed {
            governed.took(planned, taken);
        }
    }

    /// Why a case cannot have the devices that it needs.
    pub(super) fn without_devices(&self, planned: usize) -> Option<String> {
        let resources = self.plan.resources.as_ref()?;
        let job = resources.job(planned)?;
        if let Some(why) = &self.no_devices
            && (job.gang > 0 || job.cpus > 0 || job.host_memory > 0)
        {
            return Some(why.clone());
        }
        let queue = lock(&self.queue);
        let broken = queue.governed.as_ref()?.broken(planned)?;
        Some(format!("its devices cannot be leased: {broken}"))
    }

    /// The case has been taken down: what it had for itself, and a server's devices after their last user, go back.
    pub(super) fn hand_devices_back(&self, planned: usize) -> Torn {
        let (Some(resources), Some(around)) = (&self.plan.resources, &self.around) else {
            return Torn::default();
        };
        let Some(job) = resources.job(planned) else {
            return Torn::default();
        };
        let (had, back) = {
            let mut queue = lock(&self.queue);
            let Some(governed) = &mut queue.governed else {
                return Torn::default();
            };
            let had = governed.grant(planned);
            let (now, name) = (self.schedule_now(), &*self.names[planned]);
            (had, governed.ended(planned, job.holding, now, name))
        };
        let mut torn = Torn::default();
        if let Some(grant) = &had {
            self.judge_use(grant, matches!(back, Back::Devices { .. }), &mut torn);
        }
        drop(had);
        if let Back::Devices { grant, holding } = back {
            if let Some(usage) = &grant.usage {
                self.settle(around, &grant, &usage.before, &mut torn);
            }
            give_up(&grant, around);
            lock(around).changed();
            if let Some(governed) = &mut lock(&self.queue).governed {
                let now = self.schedule_now();
                governed.freed(planned, holding, now, &self.names[planned]);
            }
        }
        lock(around).changed();
        torn
    }

    fn schedule_now(&self) -> f64 {
        self.options.clock.now(self.started)
    }

    /// A case that will not run, and is no user of its fixtures any more, wants no devices either.
    pub(super) fn withdraw(&self, planned: usize) {
        let held = match &mut lock(&self.queue).governed {
            Some(governed) => governed.withdraw(planned),
            None => return,
        };
        if held {
            let torn = self.hand_devices_back(planned);
            self.tell_late(torn);
        }
        self.hand_deserted_back();
    }

    /// The run is being stopped, and nobody will use these servers any more: what held for the devices of a case holds for theirs.
    pub(super) fn hand_deserted_back(&self) {
        let Some(around) = &self.around else {
            return;
        };
        let deserted = match &mut lock(&self.queue).governed {
            Some(governed) => governed.deserted(),
            None => return,
        };
        for (holding, grant) in deserted {
            let mut torn = Torn::default();
            self.judge_use(&grant, true, &mut torn);
            if let Some(usage) = &grant.usage {
                self.settle(around, &grant, &usage.before, &mut torn);
            }
            give_up(&grant, around);
            lock(around).changed();
            if let Some(governed) = &mut lock(&self.queue).governed {
                governed
                    .governor
                    .holding_ended(holding, self.schedule_now());
            }
            self.tell_late(torn);
        }
    }

    /// What no case can answer for any more.
    fn tell_late(&self, torn: Torn) {
        lock(&self.late_errors).extend(torn.errors);
        torn.notes.into_iter().for_each(|n| self.evidence.note(n));
    }

    /// How long devices may take to be as they were, and whether that is less than it should be: a run that is being stopped ends with its grace.
    fn settle_bound(&self) -> (Duration, bool) {
        let bound = self.options.settle;
        let Some(since) = self.cancel.since() else {
            return (bound, false);
        };
        let grace = self.options.grace.saturating_sub(MARGIN);
        let left = grace.saturating_sub(since.elapsed());
        (bound.min(left), left < bound)
    }

    /// Whether more was used than declared. `last`: nobody will use it any more.
    fn judge_use(&self, grant: &Grant, last: bool, torn: &mut Torn) {
        let Some(seen) = grant.seen() else {
            return;
        };
        match usage::judge(grant.devices(), &seen) {
            Verdict::Fine => {}
            Verdict::Over(text) if self.options.vram_overuse_warns => torn
                .notes
                .push(format!("more device memory than declared: {text}")),
            Verdict::Over(text) => torn.errors.push(format!(
                "more device memory than declared: {text}\nhelp: --vram-overuse warn makes this a note"
            )),
            Verdict::Suggests(text) if last => torn.notes.push(text),
            Verdict::NotMade(why) if last => torn.notes.push(format!(
                "whether it kept to its device memory was not checked: {why}"
            )),
            Verdict::Suggests(_) | Verdict::NotMade(_) => {}
        }
    }

    /// Waits until the devices are as they were before the grant; tells what stays, and keeps such a device back.
    fn settle(&self, around: &Mutex<Surroundings>, grant: &Grant, before: &Live, torn: &mut Torn) {
        let keys: Vec<String> = grant.devices().iter().map(|d| d.key.clone()).collect();
        // Whatever descends from us or from another run with a lease is there by right: what a server of ours leaves behind does neither, since its
        // keeper has ended what it could.
        let by_right = RefCell::new(vec![]);
        let read = || {
            let mut around = lock(around);
            *by_right.borrow_mut() = around.users();
            around.live()
        };
        let (bound, cut_short) = self.settle_bound();
        let handover = settle(
            before,
            &keys,
            read,
            &|pid| by_right.borrow().binary_search(&pid).is_ok(),
            SETTLE_TOLERANCE,
            bound,
        );
        for (key, settled) in handover.devices {
            let name = grant.devices().iter().find(|d| d.key == key);
            let name = name.map_or(key.clone(), |d| format!("{} {}", d.platform, d.index));
            match settled {
                Settled::Clean => {}
                Settled::NotMade(why) => torn.notes.push(format!(
                    "whether {name} was handed over clean was not checked: {why}"
                )),
                Settled::Above(residue) if cut_short => {
                    lock(around).keep_back(&key, residue.before);
                    torn.notes.push(format!(
                        "whether {name} was handed over clean was not checked to the end, since the run is being stopped: {} more than before were still in use after {}",
                        usage::gib(residue.left),
                        crate::outcome::seconds(handover.waited)
                    ));
                }
                Settled::Above(residue) => {
                    lock(around).keep_back(&key, residue.before);
                    torn.errors
                        .push(left_behind(&name, &residue, handover.waited));
                }
            }
        }
    }
}

fn left_behind(name: &str, residue: &Residue, waited: Duration) -> String {
    let shown = |process: &DeviceProcess| {
        let command = process.command().unwrap_or_else(|| "ended".into());
        let bytes = process
            .bytes
            .map_or("an unknown amount".to_owned(), usage::gib);
        format!("pid {} ({command}) with {bytes}", process.pid)
    };
    let who: Vec<String> = residue.processes.iter().map(shown).collect();
    let who = match who.is_empty() {
        true => "nobody says by whom".to_owned(),
        false => who.join(", "),
    };
    format!(
        "{name} was not handed over clean: {} more are in use than before ({} then, {} now, after {}): {who}\nnote: nobody else of this run gets it until it is clean",
        usage::gib(residue.left),
        usage::gib(residue.before),
        usage::gib(residue.now),
        crate::outcome::seconds(waited)
    )
}

/// Ends a lease, and waits a moment until its keepers have let go of the lease too: they end right after they have said that the server is gone.
fn give_up(grant: &Grant, around: &Mutex<Surroundings>) {
    let claim = grant.give_up();
    let leases = lock(around).leases.clone();
    let (Some(claim), Some(leases)) = (claim, leases) else {
        return;
    };
    let me = Process::this();
    let begun = Instant::now();
    while begun.elapsed() < LETTING_GO {
        let holders = leases.holders().unwrap_or_default();
        let held = |info: &HolderInfo| info.process == me && info.claim == claim;
        if !holders.iter().any(held) {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
