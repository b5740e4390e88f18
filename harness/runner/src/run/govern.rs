//! The queue of a run whose cases share devices: the governor says which starts, and a lease makes it so for all processes of the host.
//!
//! Promise: nothing starts without its lease; a server's devices are its own from the start of its first user until it has been taken down after
//! its last. Whoever waits for another process is told for whom.
//!
//! Rejected: taking leases outside of the queue's lock (another user of a server could start before its devices are there).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tribunal_governor::{Governor, Job, Start, View};
use tribunal_hardware::{Lease, Leases, Telemetry, waits_for};

use super::Run;
use super::course::Course;
use super::place::Place;
use super::surroundings::Surroundings;
use crate::attempt::lock;
use crate::event::Event;
use crate::grant::Grant;
use crate::resources::Resources;
use crate::usage::Usage;

/// A slot that waits for another process looks again after so long.
const LOOK: Duration = Duration::from_millis(250);
/// Who waits longer than this for other processes is told for whom, and then again after each of the longer times.
const TELL_AFTER: Duration = Duration::from_secs(2);
const TELL_AGAIN: Duration = Duration::from_secs(30);

/// The governor of a run and what it has given out.
pub(super) struct Governed {
    pub governor: Governor,
    /// May start, and has its lease.
    ready: VecDeque<usize>,
    /// By planned case.
    grants: HashMap<usize, Arc<Grant>>,
    /// By holding.
    servers: HashMap<u32, Arc<Grant>>,
    /// Processors of cases that share a server, by planned case.
    processors: HashMap<usize, Lease>,
    /// Why the lease of a case cannot be taken at all, by planned case.
    broken: HashMap<usize, String>,
    /// Looks at all devices beside the run.
    pub telemetry: Option<Arc<Telemetry>>,
    /// Writes down what starts and ends.
    pub course: Option<Course>,
    /// Since when nothing could start although something waits.
    stuck: Option<(Instant, Option<Instant>)>,
    /// A place in the queue of the host for the case that waits for other processes, so that those who come later do not delay it.
    place: Option<(usize, Place)>,
    /// Every test has a process of its own: cases take their devices themselves.
    one_process: bool,
}

/// What a case gives back at its end.
pub(super) enum Back {
    /// Its own devices, or those of the server whose last user it was.
    Devices {
        grant: Arc<Grant>,
        holding: Option<u32>,
    },
    /// Others still use them, or it had none.
    Nothing,
}

impl Governed {
    pub fn new(resources: &Resources, one_process: bool) -> Option<Governed> {
        let mut jobs = resources.jobs.clone();
        if one_process {
            jobs.iter_mut().for_each(without_needs);
        }
        let (governor, _) = Governor::new(&resources.measured(), &jobs, resources.limits).ok()?;
        Some(Governed {
            governor,
            ready: VecDeque::new(),
            grants: HashMap::new(),
            servers: HashMap::new(),
            processors: HashMap::new(),
            broken: HashMap::new(),
            telemetry: None,
            course: None,
            stuck: None,
            place: None,
            one_process,
        })
    }

    /// What a case was given.
    pub fn grant(&self, planned: usize) -> Option<Arc<Grant>> {
        self.grants.get(&planned).cloned()
    }

    /// A case that may start now.
    fn take(
        &mut self,
        resources: &Resources,
        around: &mut Surroundings,
        view: &View,
        now: f64,
        names: &[Arc<str>],
    ) -> Option<usize> {
        if self.ready.is_empty() {
            self.ask_in_queue();
            for start in self.governor.admit(now, view) {
                if let Err(why) = self.start(resources, around, &start, names) {
                    // It starts all the same, and fails with this.
                    self.broken.insert(start.job, why);
                    self.ready.push_back(start.job);
                }
            }
        }
        let planned = self.ready.pop_front()?;
        if let Some(course) = &mut self.course {
            let grant = self.grants.get(&planned).map(|grant| &**grant);
            course.start(now, &names[planned], grant, &self.governor);
        }
        Some(planned)
    }

    /// This will not run any more. True where it had been started already, but no slot had taken it: it may hold something then.
    pub fn withdraw(&mut self, planned: usize) -> bool {
        self.governor.withdraw(planned);
        let at = self.ready.iter().position(|ready| *ready == planned);
        at.and_then(|at| self.ready.remove(at)).is_some()
    }

    /// What is given out of a device, in bytes.
    pub fn given(&self, card: usize) -> u64 {
        self.governor.given(card)
    }

    /// Whether more may start at once.
    pub fn has_more(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Why a case cannot have its devices, if that is so.
    pub fn broken(&self, planned: usize) -> Option<String> {
        self.broken.get(&planned).cloned()
    }

    /// Takes the lease of a start, or refuses it.
    fn start(
        &mut self,
        resources: &Resources,
        around: &mut Surroundings,
        start: &Start,
        names: &[Arc<str>],
    ) -> Result<(), String> {
        let planned = start.job;
        let Some(job) = resources.job(planned).filter(|_| !self.one_process) else {
            self.ready.push_back(planned);
            return Ok(());
        };
        let shared = job.holding.filter(|_| !start.cards.is_empty());
        if let Some(holding) = shared
            && start.opens.is_none()
            && !self.servers.contains_key(&holding)
        {
            // The start that was to open it was refused a moment ago.
            self.governor.refuse(planned);
            return Ok(());
        }
        let amount = resources.amount(job);
        let opens = shared.is_none() || start.opens.is_some();
        let cards: &[usize] = if opens { &start.cards } else { &[] };
        let claim = around.claim(job, amount, cards, &names[planned]);
        let wanted =
            !claim.devices.is_empty() || claim.cpus > 0 || (opens && claim.host_memory > 0);
        let mut lease = None;
        if opens
            && wanted
            && let Some(leases) = &around.leases
        {
            // A place of our own for other devices would be in our own way.
            let place = self.place.take_if(|(waits, _)| *waits == planned);
            let queued = place.filter(|(_, place)| place.cards == cards);
            lease = match queued.and_then(|(_, mut place)| place.take()) {
                Some(lease) => Some(lease),
                None => leases.try_take(&claim).map_err(|e| e.to_string())?,
            };
            if lease.is_none() {
                self.governor.refuse(planned);
                return Ok(());
            }
        }
        if shared.is_some()
            && job.cpus > 0
            && let Some(leases) = &around.leases
        {
            let claim = tribunal_hardware::Claim {
                cpus: job.cpus,
                label: names[planned].to_string(),
                ..Default::default()
            };
            match leases.try_take(&claim).map_err(|e| e.to_string())? {
                Some(lease) => drop(self.processors.insert(planned, lease)),
                None => {
                    self.governor.refuse(planned);
                    return Ok(());
                }
            }
        }
        if opens && wanted {
            let mut grant = around.grant(amount, cards, lease);
            if let (Some(telemetry), false) = (&self.telemetry, cards.is_empty()) {
                let before = around.live();
                grant.usage = Some(Usage::new(telemetry, &names[planned], before));
            }
            let grant = Arc::new(grant);
            if let Some(holding) = shared {
                self.servers.insert(holding, grant.clone());
            }
            self.grants.insert(planned, grant);
        } else if let Some(holding) = shared
            && let Some(grant) = self.servers.get(&holding)
        {
            self.grants.insert(planned, grant.clone());
        }
        self.ready.push_back(planned);
        Ok(())
    }

    /// Asks whether the turn of the case has come that stands in the queue of the host.
    fn ask_in_queue(&mut self) {
        let Some((planned, place)) = &mut self.place else {
            return;
        };
        // It has started, elsewhere or never; or what it got is of no use to it, and others wait.
        let over = self.governor.waits(*planned).is_none() || place.is_idle();
        if over || place.ask().is_err() {
            self.place = None;
        }
    }

    /// What a case took itself.
    pub fn took(&mut self, planned: usize, taken: Result<Grant, String>) {
        match taken {
            Ok(grant) => drop(self.grants.insert(planned, Arc::new(grant))),
            Err(why) => drop(self.broken.insert(planned, why)),
        }
    }

    /// A case has been taken down. Devices that nobody uses any more are to be given back, and then [`freed`](Self::freed) is to be called: before,
    /// the governor would give them to others who could not have the lease yet.
    pub fn ended(&mut self, planned: usize, holding: Option<u32>, now: f64, name: &str) -> Back {
        self.processors.remove(&planned);
        let own = self.grants.remove(&planned);
        match holding {
            Some(holding) if self.servers.contains_key(&holding) => {
                if self.governor.holding_left(holding) <= 1
                    && let Some(grant) = self.servers.remove(&holding)
                {
                    return Back::Devices {
                        grant,
                        holding: Some(holding),
                    };
                }
                self.freed(planned, None, now, name);
            }
            // A server whose lease was not to be had at all: nobody else of its users has started.
            Some(_) if own.is_none() => self.freed(planned, holding, now, name),
            _ => match own {
                Some(grant) => {
                    return Back::Devices {
                        grant,
                        holding: None,
                    };
                }
                None => self.freed(planned, None, now, name),
            },
        }
        Back::Nothing
    }

    /// All that a case had for itself is free, and what its server had if nobody will use that any more.
    pub fn freed(&mut self, planned: usize, holding: Option<u32>, now: f64, name: &str) {
        self.governor.ended(planned, now);
        if let Some(holding) = holding {
            self.governor.holding_ended(holding, now);
        }
        if let Some(course) = &mut self.course {
            course.end(now, name, &self.governor);
        }
    }

    /// The servers that nobody will use any more, because those who would have are not run.
    pub fn deserted(&mut self) -> Vec<(u32, Arc<Grant>)> {
        let governor = &self.governor;
        let left = |holding: &u32| governor.holding_left(*holding) > 0;
        let gone: Vec<u32> = self.servers.keys().copied().filter(|h| !left(h)).collect();
        gone.into_iter()
            .filter_map(|holding| Some((holding, self.servers.remove(&holding)?)))
            .collect()
    }

    /// For whom the next in the order waits, if it is another process, and how often that is said.
    fn awaited(
        &mut self,
        resources: &Resources,
        around: &Surroundings,
        names: &[Arc<str>],
    ) -> Option<String> {
        let leases = around.leases.as_ref()?;
        let now = Instant::now();
        let (since, told) = *self.stuck.get_or_insert((now, None));
        let due = match told {
            None => now - since >= TELL_AFTER,
            Some(told) => now - told >= TELL_AGAIN,
        };
        if !due {
            return None;
        }
        let (planned, cards) = match self.governor.promised() {
            Some((planned, cards, _)) => (planned, cards),
            None => {
                let waits = |job: &&Job| self.governor.waits(job.id).is_some();
                let first = resources.jobs.iter().filter(waits);
                let first = first.min_by_key(|job| (job.gang == 0, job.rank))?;
                let suits = first.suits.clone().unwrap_or_default();
                let gang = usize::try_from(first.gang).unwrap_or(usize::MAX);
                (first.id, suits.into_iter().take(gang).collect())
            }
        };
        let job = resources.job(planned)?;
        let claim = around.claim(job, resources.amount(job), &cards, &names[planned]);
        let mut blockers = Leases::blocked_by(leases, &claim).ok()?;
        let me = tribunal_hardware::Process::this();
        blockers.retain(|info| info.process != me);
        if blockers.is_empty() {
            return None;
        }
        self.stuck = Some((since, Some(now)));
        if self.place.is_none() && !claim.devices.is_empty() {
            // Without it the case is served too, but behind all who stand in the queue.
            let place = Place::new(leases, &claim, cards).ok();
            self.place = place.map(|place| (planned, place));
        }
        Some(format!(
            "{} {}",
            names[planned],
            waits_for(&claim, &blockers)
        ))
    }
}

/// A job that takes nothing of what is shared out.
fn without_needs(job: &mut Job) {
    let own = Job::new(job.id, job.expected);
    *job = Job {
        names: std::mem::take(&mut job.names),
        alone: job.alone,
        rank: job.rank,
        ..own
    };
}

impl Run {
    /// The next case that may start in a run whose cases share devices, or how long to wait before asking again.
    pub(super) fn next_governed(
        &self,
        governed: &mut Governed,
        around: &Mutex<Surroundings>,
    ) -> Result<usize, Duration> {
        let Some(resources) = &self.plan.resources else {
            return Err(LOOK);
        };
        let mut around = lock(around);
        let view = around.view();
        let now = self.options.clock.now(self.started);
        match governed.take(resources, &mut around, &view, now, &self.names) {
            Some(planned) => {
                governed.stuck = None;
                around.changed();
                Ok(planned)
            }
            None => {
                if let Some(text) = governed.awaited(resources, &around, &self.names) {
                    self.emit(Event::Awaiting(text));
                }
                let wake = governed.governor.next_wake(now).map_or(LOOK, |at| {
                    Duration::from_secs_f64((at - now).clamp(0.001, LOOK.as_secs_f64()))
                });
                Err(wake)
            }
        }
    }
}
