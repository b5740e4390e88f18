//! What the cases of a plan need of the machine, and in which order and where they start.
//!
//! Promise: there is such a thing only where some case that runs needs devices, processors or memory; without, nothing is asked, planned or
//! leased. What can never run here is said before anything starts. The run follows the same governor that made the plan.

use std::collections::{BTreeMap, HashMap};

use tribunal_governor::{Binding, Card, Job, Limits, Memory, Schedule, plan};
use tribunal_hardware::{Cores, Host};

use crate::needs::Need;

/// One device, as plan and run know it: by its place in the host's list.
#[derive(Clone, Debug, PartialEq)]
pub struct CardInfo {
    /// The driver's number of it; of a simulated one, its place in the layout.
    pub index: u32,
    /// What names it in leases.
    pub key: String,
    /// The platform's name in the vocabulary.
    pub platform: String,
    /// As the driver names it.
    pub model: String,
    /// Its memory in bytes; `None`: unmeasured.
    pub total: Option<u64>,
    /// The cores by which its runtime knows it, where that counts cores.
    pub cores: Option<Cores>,
}

impl CardInfo {
    /// `cuda 0`.
    pub fn shown(&self) -> String {
        format!("{} {}", self.platform, self.index)
    }
}

/// The devices of the host, the jobs of the plan, and the schedule.
#[derive(Clone, Debug)]
pub struct Resources {
    /// The devices are simulated.
    pub simulated: bool,
    /// All devices.
    pub cards: Vec<CardInfo>,
    /// One job for each case that runs, by its index in the plan.
    pub jobs: Vec<Job>,
    /// What all may use together.
    pub limits: Limits,
    /// What starts when and where if everything lasts as long as expected.
    pub schedule: Schedule,
    /// The exclusive names, by their number in the jobs.
    pub names: Vec<String>,
}

/// One case as it comes from the plan.
pub(crate) struct Asking {
    /// Its index in the plan.
    pub planned: usize,
    pub need: Need,
    pub names: Vec<String>,
    pub alone: bool,
    /// What makes its server the same as that of others; `None`: it shares none.
    pub server: Option<String>,
    /// Expected seconds.
    pub expected: f64,
}

impl Resources {
    /// The jobs of these cases, and what can never run: its index in the plan, and why.
    pub(crate) fn new(
        asking: &[Asking],
        host: &Host,
        simulated: bool,
        slots: usize,
        spacing: Option<f64>,
    ) -> Result<(Resources, Vec<(usize, String)>), String> {
        let cards: Vec<CardInfo> = cards(host, simulated);
        let measured: Vec<Card> = cards.iter().map(|c| Card { total: c.total }).collect();
        let (mut names, mut groups, mut servers) = (Numbers::new(), Numbers::new(), Numbers::new());
        // A server takes devices if one of its users does.
        let takes: Vec<&str> = asking
            .iter()
            .filter(|a| a.need.devices > 0)
            .filter_map(|a| a.server.as_deref())
            .collect();
        let jobs: Vec<Job> = asking
            .iter()
            .map(|a| {
                let memory = match a.need.memory {
                    _ if a.need.devices == 0 => Memory::None,
                    None => Memory::Whole,
                    Some(bytes) => Memory::Bytes(bytes),
                };
                let server = a.server.as_deref().filter(|s| takes.contains(s));
                let mut job = Job::new(a.planned, a.expected).on(a.need.devices, memory);
                job.suits = (a.need.devices > 0).then(|| a.need.suits.clone());
                job.names = a
                    .names
                    .iter()
                    .map(|name| number(&mut names, name))
                    .collect();
                job.cpus = a.need.cpus;
                job.host_memory = a.need.host_memory;
                job.alone = a.alone;
                job.holding = server.map(|server| number(&mut servers, server));
                if let Some((group, seconds)) = &a.need.start_group {
                    job.start_group = Some(number(&mut groups, group));
                    // One figure of the command line is for all of them.
                    job.spacing = spacing.is_none().then_some(*seconds);
                }
                job
            })
            .collect();
        let limits = Limits {
            slots,
            spacing: spacing.unwrap_or_default(),
            ..host_limits()
        };
        let schedule = plan(&measured, &jobs, limits).map_err(|e| e.to_string())?;
        let impossible = schedule.impossible.iter();
        let impossible = impossible.map(|i| (i.job, i.to_string())).collect();
        let mut by_number: Vec<(u32, String)> = names.into_iter().map(|(n, i)| (i, n)).collect();
        by_number.sort_unstable();
        Ok((
            Resources {
                simulated,
                cards,
                jobs,
                limits,
                schedule,
                names: by_number.into_iter().map(|(_, name)| name).collect(),
            },
            impossible,
        ))
    }

    /// Gives the jobs their places in the order of the schedule, and everything the new numbers of the plan.
    pub(crate) fn settle(&mut self, new: &HashMap<usize, usize>) {
        self.schedule.rank(&mut self.jobs);
        let at = |id: usize| new.get(&id).copied().unwrap_or(id);
        for job in &mut self.jobs {
            job.id = at(job.id);
        }
        for planned in &mut self.schedule.starts {
            planned.job = at(planned.job);
        }
        for id in &mut self.schedule.order {
            *id = at(*id);
        }
        for i in &mut self.schedule.impossible {
            i.job = at(i.job);
        }
    }

    /// The cards as the governor takes them.
    pub fn measured(&self) -> Vec<Card> {
        let cards = self.cards.iter();
        cards.map(|c| Card { total: c.total }).collect()
    }

    /// What no schedule gets around.
    pub fn bound_by(&self) -> String {
        match self.schedule.bound.by {
            Binding::Name(number) => {
                let name = usize::try_from(number).ok().and_then(|n| self.names.get(n));
                match name.map_or("", |name| name) {
                    "" => "the cases that are `serial`".to_owned(),
                    name => format!("the cases that are `serial(\"{name}\")`"),
                }
            }
            by => by.to_string(),
        }
    }

    /// The job of a planned case.
    pub fn job(&self, planned: usize) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id == planned)
    }

    /// What a job takes of each of its cards as far as the books go: the largest need of all that share its server. `None`: whole devices.
    pub fn amount(&self, job: &Job) -> Option<u64> {
        let of = |job: &Job| match job.memory {
            Memory::Bytes(bytes) => Some(bytes),
            Memory::None | Memory::Whole => None,
        };
        let Some(holding) = job.holding else {
            return of(job);
        };
        let users = self.jobs.iter();
        let users = users.filter(|other| other.holding == Some(holding) && other.gang > 0);
        users
            .map(of)
            .try_fold(0, |most, need| Some(most.max(need?)))
    }
}

/// Names with their numbers.
type Numbers = BTreeMap<String, u32>;

fn number(numbers: &mut Numbers, name: &str) -> u32 {
    let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    *numbers.entry(name.to_owned()).or_insert(next)
}

fn cards(host: &Host, simulated: bool) -> Vec<CardInfo> {
    const GIB: f64 = (1u64 << 30) as f64;
    let devices = host.devices().iter().enumerate();
    devices
        .map(|(place, device)| CardInfo {
            index: match simulated {
                true => u32::try_from(place).unwrap_or(u32::MAX),
                false => device.index,
            },
            key: device.key(),
            platform: device.platform.clone(),
            model: device.name.clone(),
            cores: device.cores,
            // A whole number of bytes over 2^30, so that this is exact.
            total: device
                .memory_total_gib
                .map(|gib| (gib * GIB).round() as u64),
        })
        .collect()
}

#[cfg(target_os = "linux")]
fn host_limits() -> Limits {
    let host = tribunal_hardware::HostLimits::of_this_host();
    Limits {
        cpus: host.cpus.unwrap_or(u32::MAX),
        host_memory: host.memory,
        ..Limits::default()
    }
}

#[cfg(not(target_os = "linux"))]
fn host_limits() -> Limits {
    Limits::default()
}
