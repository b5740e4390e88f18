//! The devices around a run: what they do now, and what others have leased of them.
//!
//! Promise: what cannot be read is unknown in the [`View`] and never free; a claim holds for exactly the cards of a start. Rejected: asking the
//! drivers at each start of a case (they take milliseconds, and most starts need no device).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tribunal_governor::{Card, Foreign, Job, Reading, View};
use tribunal_hardware::{
    Amount, Capacity, Claim, DeviceClaim, Lease, Leases, Live, LiveReader, Probe, Process,
    SETTLE_TOLERANCE,
};

use crate::grant::{Grant, GrantedDevice};
use crate::resources::{CardInfo, Resources};

/// The longest time that one look waits for drivers.
const LIMIT: Duration = Duration::from_secs(2);
/// A look is good for so long, if nothing ended meanwhile.
const FRESH: Duration = Duration::from_millis(250);

/// What a run sees of devices and of other runs.
pub(crate) struct Surroundings {
    cards: Vec<CardInfo>,
    simulated: Option<PathBuf>,
    /// `None`: leases are off.
    pub(super) leases: Option<Leases>,
    reader: Option<LiveReader>,
    seen: Option<(Instant, View)>,
    /// Devices that are not as they were before a server came, by key, with what was in use then; nobody gets them until they are.
    unclean: BTreeMap<String, u64>,
}

impl Surroundings {
    /// Nothing is read yet. `leases` is the folder of the ledger.
    pub(crate) fn new(
        resources: &Resources,
        leases: Option<&Path>,
        simulated: Option<&Path>,
    ) -> Result<Surroundings, String> {
        let devices = resources.jobs.iter().any(|job| job.gang > 0);
        let reader = match simulated {
            _ if !devices => None,
            None => Some(LiveReader::system()),
            Some(path) => {
                let probe = Probe::simulated(path).map_err(|e| {
                    format!(
                        "the simulated devices in {} cannot be used: {e}",
                        path.display()
                    )
                })?;
                Some(LiveReader::of(&probe))
            }
        };
        let folder = match (leases, simulated) {
            (None, _) => None,
            // Leases of devices that are in a file lie beside it.
            (Some(_), Some(ledger)) => Some(ledger.with_extension("leases")),
            (Some(folder), None) => Some(folder.to_owned()),
        };
        let leases = folder.map(|folder| Leases::open(&folder)).transpose();
        let leases = leases.map_err(|e| {
            format!("{e}\nhelp: --leases DIR names another folder; --leases off runs without, which is safe only where nobody else uses the devices")
        })?;
        Ok(Surroundings {
            cards: resources.cards.clone(),
            simulated: simulated.map(Path::to_owned),
            leases,
            reader,
            seen: None,
            unclean: BTreeMap::new(),
        })
    }

    /// What all devices do now.
    pub(super) fn live(&mut self) -> Live {
        self.reader
            .as_mut()
            .map_or_else(Live::default, |reader| reader.read(LIMIT))
    }

    /// The processes that use devices by right, sorted: ours, and those of other runs that have leases.
    pub(super) fn users(&self) -> Vec<u32> {
        let me = std::process::id();
        let holders = self.leases.as_ref().and_then(|l| l.holders().ok());
        let roots = holders.unwrap_or_default().into_iter();
        let mut roots: Vec<u32> = roots.filter(|h| !h.waits).map(|h| h.process.pid).collect();
        roots.push(me);
        roots.sort_unstable();
        roots.dedup();
        let mut out: Vec<u32> = roots
            .into_iter()
            .flat_map(tribunal_hardware::tree_of)
            .collect();
        out.sort_unstable();
        out
    }

    /// Nobody gets this device until it is back at what was in use before.
    pub(super) fn keep_back(&mut self, key: &str, before: u64) {
        self.unclean.insert(key.to_owned(), before);
    }

    /// Something ended or began: the next look reads again.
    pub(super) fn changed(&mut self) {
        self.seen = None;
    }

    /// The surroundings of this moment.
    pub(super) fn view(&mut self) -> View {
        if let Some((at, view)) = &self.seen
            && at.elapsed() < FRESH
        {
            return view.clone();
        }
        let live = self.live();
        self.unclean.retain(|key, before| {
            let used = live.device(key).and_then(|device| device.memory_used);
            used.is_none_or(|used| used > before.saturating_add(SETTLE_TOLERANCE))
        });
        let view = self.look(&live);
        self.seen = Some((Instant::now(), view.clone()));
        view
    }

    fn look(&self, live: &Live) -> View {
        let holders = self.leases.as_ref().map(Leases::holders);
        let readable = !matches!(holders, Some(Err(_)));
        let me = Process::this();
        let mut others = holders.and_then(Result::ok).unwrap_or_default();
        others.retain(|info| !info.waits && info.process != me);
        let mut own: Option<Vec<u32>> = None;
        let cards = self.cards.iter().map(|card| {
            let device = live.device(&card.key);
            let processes = device.and_then(|device| device.processes.as_ref());
            let ours = processes.and_then(|all| {
                let tree =
                    own.get_or_insert_with(|| tribunal_hardware::tree_of(std::process::id()));
                let mine = all.iter().filter(|p| tree.binary_search(&p.pid).is_ok());
                mine.map(|process| process.bytes).sum::<Option<u64>>()
            });
            let mut foreign = Foreign {
                // A ledger that cannot be read may hold anything.
                whole: !readable || self.unclean.contains_key(&card.key),
                ..Foreign::default()
            };
            let claims = others.iter().flat_map(|info| &info.claim.devices);
            for claim in claims.filter(|claim| claim.key == card.key) {
                foreign.leases += 1;
                match claim.amount {
                    Amount::Whole => foreign.whole = true,
                    Amount::Bytes(bytes) => foreign.bytes = foreign.bytes.saturating_add(bytes),
                }
            }
            let reading = Reading {
                used: device.and_then(|device| device.memory_used),
                ours,
            };
            (reading, foreign)
        });
        let mut view = View::of(cards.collect());
        for info in &others {
            view.cpus = view.cpus.saturating_add(info.claim.cpus);
            view.host_memory = view.host_memory.saturating_add(info.claim.host_memory);
            view.host_taken |= info.claim.host_exclusive;
        }
        view
    }

    /// The claim of a job that starts on these cards.
    pub(super) fn claim(
        &self,
        job: &Job,
        amount: Option<u64>,
        cards: &[usize],
        label: &str,
    ) -> Claim {
        let devices = cards.iter().filter_map(|place| self.cards.get(*place));
        let devices = devices.map(|card| DeviceClaim {
            key: card.key.clone(),
            amount: amount.map_or(Amount::Whole, Amount::Bytes),
            capacity: Capacity {
                total: card.total,
                shared: card.total.map(Card::shared),
            },
        });
        Claim {
            devices: devices.collect(),
            cpus: if job.holding.is_none() { job.cpus } else { 0 },
            host_memory: job.host_memory,
            server: job.holding.is_some(),
            label: label.to_owned(),
            ..Claim::default()
        }
    }

    /// What the start of a job gets.
    pub(super) fn grant(
        &self,
        amount: Option<u64>,
        cards: &[usize],
        lease: Option<Lease>,
    ) -> Grant {
        let devices = cards.iter().filter_map(|place| self.cards.get(*place));
        let devices = devices.map(|card| GrantedDevice {
            index: card.index,
            key: card.key.clone(),
            platform: card.platform.clone(),
            model: card.model.clone(),
            total: card.total,
            cores: card.cores,
            amount,
        });
        Grant {
            devices: devices.collect(),
            simulated: self.simulated.clone(),
            lease: Mutex::new(lease),
            usage: None,
        }
    }
}
