//! Trees of processes that a run follows: a server with all that it started.
//!
//! Promise: the peak on a device is the largest *sum* over the tree that one sample saw, never a sum of peaks of different
//! moments; a sample that could not attribute anything is a gap with its reason, and not a zero. Rejected: the driver's own records per
//! process (NVIDIA's accounting needs root to be switched on).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::Shared;
use super::pss::Looked;
use super::summary::TreeSummary;
use crate::live::Live;
use crate::proc_table::Table;

/// Trees whose end is remembered; the oldest are forgotten first.
const KEPT: usize = 1000;

/// Whose processes are followed.
pub enum Members {
    /// A process and all that descend from it. A pid that is used again later is another process, and is not followed.
    Tree(u32),
    /// The processes that this names at each sample, and all that descend from them. It is called by the sampler and must
    /// neither wait nor ask the telemetry anything.
    Trees(Box<dyn Fn() -> Vec<u32> + Send>),
}

/// What a tree held on one device at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DevicePeak {
    /// The device's key.
    pub device: String,
    /// In bytes; `None`: it could not be told in any sample.
    pub bytes: Option<u64>,
    /// Samples in which it could be told.
    pub samples: u64,
    /// Samples in which it could not: the peak may be higher.
    pub gaps: u64,
    /// Why not, the last time.
    pub reason: Option<String>,
}

/// Follows a tree until it is dropped. What was seen stays in the summary.
pub struct Watch {
    id: u64,
    of: Arc<Shared>,
}

impl Watch {
    pub(super) fn new(id: u64, of: Arc<Shared>) -> Watch {
        Watch { id, of }
    }

    /// What was seen up to now.
    pub fn summary(&self) -> TreeSummary {
        let state = self.of.lock();
        let entry = state.watches.all.iter().find(|entry| entry.id == self.id);
        entry.map(Entry::summary).unwrap_or_default()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = self.of.lock();
        if let Some(entry) = state
            .watches
            .all
            .iter_mut()
            .find(|entry| entry.id == self.id)
        {
            entry.members = None;
        }
    }
}

/// One tree in one sample.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct TreeSample {
    #[serde(skip)]
    pub(super) label: String,
    processes: usize,
    rss: u64,
    /// Null: nobody looked at this sample, or it cannot be told.
    pss: Option<u64>,
    cpu_seconds: f64,
    /// Processors that it kept busy since the sample before; null: there was none.
    cores: Option<f64>,
    /// By device; null: it cannot be told.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    memory: BTreeMap<String, Option<u64>>,
}

/// All trees, the followed and the ended.
#[derive(Default)]
pub(super) struct Watches {
    all: Vec<Entry>,
    next: u64,
}

struct Entry {
    id: u64,
    label: String,
    /// `None`: it is not followed any more.
    members: Option<Members>,
    /// When the root was started, as first seen.
    started: Option<u64>,
    samples: u64,
    rss_max: Option<u64>,
    pss_max: Option<u64>,
    /// What each process had used when it was last seen, by pid and start.
    used: HashMap<(u32, u64), u64>,
    /// What those had used that are gone.
    gone: u64,
    /// When the first sample was, and what all had used by then.
    first: Option<(Duration, u64)>,
    /// When the last sample was, and what all had used by then.
    last: Option<(Duration, u64)>,
    cores_max: Option<f64>,
    devices: Vec<DevicePeak>,
}

impl Watches {
    pub(super) fn add(&mut self, label: String, members: Members) -> u64 {
        let ended = |entry: &Entry| entry.members.is_none();
        if self.all.iter().filter(|entry| ended(entry)).count() >= KEPT
            && let Some(oldest) = self.all.iter().position(ended)
        {
            self.all.remove(oldest);
        }
        let id = self.next;
        self.next += 1;
        self.all.push(Entry {
            id,
            label,
            members: Some(members),
            started: None,
            samples: 0,
            rss_max: None,
            pss_max: None,
            used: HashMap::new(),
            gone: 0,
            first: None,
            last: None,
            cores_max: None,
            devices: Vec::new(),
        });
        id
    }

    /// Whether any tree is followed now.
    pub(super) fn any(&self) -> bool {
        self.all.iter().any(|entry| entry.members.is_some())
    }

    /// The processes of all trees that are followed, with their resident bytes.
    pub(super) fn members(&mut self, table: &Table) -> Vec<(u32, u64)> {
        let pids = self.all.iter_mut().flat_map(|entry| entry.pids(table));
        let mut pids: Vec<u32> = pids.collect();
        pids.sort_unstable();
        pids.dedup();
        let rss = |pid: u32| Some((pid, table.get(pid)?.rss_pages.saturating_mul(page())));
        pids.into_iter().filter_map(rss).collect()
    }

    /// `looked`: what the proportional memory of the processes is, if somebody looked.
    pub(super) fn sample(
        &mut self,
        at: Duration,
        live: &Live,
        table: &Table,
        looked: Option<&Looked>,
    ) -> Vec<TreeSample> {
        self.all
            .iter_mut()
            .filter_map(|entry| entry.sample(at, live, table, looked))
            .collect()
    }

    pub(super) fn summaries(&self) -> Vec<TreeSummary> {
        self.all.iter().map(Entry::summary).collect()
    }
}

impl Entry {
    /// The pids of now; none where the tree is not there.
    fn pids(&mut self, table: &Table) -> Vec<u32> {
        match &self.members {
            None => Vec::new(),
            Some(Members::Tree(root)) => {
                let Some(process) = table.get(*root) else {
                    return Vec::new();
                };
                if *self.started.get_or_insert(process.start_time) != process.start_time {
                    return Vec::new();
                }
                table.tree(*root)
            }
            Some(Members::Trees(roots)) => {
                let mut all: Vec<u32> = roots()
                    .into_iter()
                    .flat_map(|root| table.tree(root))
                    .collect();
                all.sort_unstable();
                all.dedup();
                all
            }
        }
    }

    fn sample(
        &mut self,
        at: Duration,
        live: &Live,
        table: &Table,
        looked: Option<&Looked>,
    ) -> Option<TreeSample> {
        let pids = self.pids(table);
        if pids.is_empty() {
            return None;
        }
        self.samples += 1;
        let mut rss: u64 = 0;
        for pid in &pids {
            if let Some(process) = table.get(*pid) {
                rss = rss.saturating_add(process.rss_pages.saturating_mul(page()));
                self.used
                    .insert((*pid, process.start_time), process.cpu_ticks);
            }
        }
        self.rss_max = self.rss_max.max(Some(rss));
        // A server that starts many short processes is no reason to remember them all.
        let gone = &mut self.gone;
        self.used.retain(|(pid, start), used| {
            let there = table.get(*pid).is_some_and(|p| p.start_time == *start);
            if !there {
                *gone = gone.saturating_add(*used);
            }
            there
        });
        let used = self
            .used
            .values()
            .fold(self.gone, |a, b| a.saturating_add(*b));
        let pss = looked.and_then(|looked| proportional(&pids, looked));
        self.pss_max = self.pss_max.max(pss);
        let mut cores_now = None;
        if let Some((before, old)) = self.last
            && at > before
        {
            let cores = used.saturating_sub(old) as f64 / ticks() / (at - before).as_secs_f64();
            cores_now = Some(cores);
            self.cores_max = Some(self.cores_max.map_or(cores, |most| most.max(cores)));
        }
        self.first.get_or_insert((at, used));
        self.last = Some((at, used));
        let mut memory = BTreeMap::new();
        for device in &live.devices {
            let key = device.key();
            let held = device.used_by(&pids);
            memory.insert(key.clone(), held.as_ref().ok().copied());
            self.peak(key).add(held);
        }
        // A device that was there before and is not in this sample is a gap.
        for peak in &mut self.devices {
            if !memory.contains_key(&peak.device) {
                peak.add(Err("the device could not be read".into()));
            }
        }
        Some(TreeSample {
            label: self.label.clone(),
            processes: pids.len(),
            rss,
            pss,
            cpu_seconds: used as f64 / ticks(),
            cores: cores_now,
            memory,
        })
    }

    fn cores_mean(&self) -> Option<f64> {
        let ((from, old), (to, used)) = (self.first?, self.last?);
        let used = used.saturating_sub(old) as f64 / ticks();
        (to > from).then(|| used / (to - from).as_secs_f64())
    }

    fn peak(&mut self, key: String) -> &mut DevicePeak {
        let at = self.devices.iter().position(|peak| peak.device == key);
        let at = at.unwrap_or_else(|| {
            self.devices.push(DevicePeak {
                device: key,
                bytes: None,
                samples: 0,
                gaps: 0,
                reason: None,
            });
            self.devices.len() - 1
        });
        &mut self.devices[at]
    }

    fn summary(&self) -> TreeSummary {
        TreeSummary {
            label: self.label.clone(),
            samples: self.samples,
            rss_max: self.rss_max,
            pss_max: self.pss_max,
            cpu_seconds: self.last.map(|(_, used)| used as f64 / ticks()),
            cores_mean: self.cores_mean(),
            cores_max: self.cores_max,
            devices: self.devices.clone(),
        }
    }
}

impl DevicePeak {
    fn add(&mut self, held: Result<u64, String>) {
        match held {
            Ok(bytes) => {
                self.samples += 1;
                self.bytes = self.bytes.max(Some(bytes));
            }
            Err(reason) => {
                self.gaps += 1;
                self.reason = Some(reason);
            }
        }
    }
}

/// The sum over a tree; `None` where one of its processes cannot be told, or none was looked at.
fn proportional(pids: &[u32], looked: &Looked) -> Option<u64> {
    let known = pids.iter().filter_map(|pid| looked.get(pid)).copied();
    let mut known = known.peekable();
    known.peek()?;
    known.sum()
}

fn page() -> u64 {
    rustix::param::page_size() as u64
}

fn ticks() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}
