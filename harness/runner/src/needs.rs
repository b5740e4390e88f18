//! What a case needs of devices, processors and memory: its markers, and what its deployment says that a server uses.
//!
//! Promise: a pure function of marks, offer and host. An amount that nobody states is unknown, which takes whole devices and is never nothing.
//!
//! Rejected: the smaller of two statements (a server that takes what its file says does not take less because a test says so).

use tribunal_hardware::{DeclaredDevice, DeviceNeed, Host, suitable};
use tribunal_vocabulary::Vocabulary;

use crate::gates::Offer;
use crate::marks::{DeviceLine, Marks};

/// What a deployment says that one server uses of devices.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceUse {
    /// Devices of one server.
    pub count: u32,
    /// The most bytes that it uses of each; `None`: nobody has said.
    pub memory: Option<u64>,
    /// It uses simulated devices only.
    pub simulated_only: bool,
    /// Starts of the same group are spaced on a device: the group, and by how many seconds.
    pub start_group: Option<(String, f64)>,
}

/// What a case needs for itself or for its server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Need {
    /// Devices at once; 0: none.
    pub devices: u32,
    /// Which would do, by their place in the host's list.
    pub suits: Vec<usize>,
    /// Bytes of each; `None`: unknown, so whole devices.
    pub memory: Option<u64>,
    /// Processors that it keeps busy.
    pub cpus: u32,
    /// Bytes of the host's memory.
    pub host_memory: u64,
    /// Starts of this group are spaced by so many seconds on a device.
    pub start_group: Option<(String, f64)>,
}

impl Need {
    /// What is enough for either of two, which are not there at a time.
    #[must_use]
    pub fn or(mut self, other: Need) -> Need {
        if self.devices == 0 || other.devices == 0 {
            let mut more = if other.devices > 0 {
                other.clone()
            } else {
                self.clone()
            };
            more.cpus = self.cpus.max(other.cpus);
            more.host_memory = self.host_memory.max(other.host_memory);
            return more;
        }
        self.devices = self.devices.max(other.devices);
        self.suits.retain(|place| other.suits.contains(place));
        self.memory = self.memory.zip(other.memory).map(|(a, b)| a.max(b));
        self.cpus = self.cpus.max(other.cpus);
        self.host_memory = self.host_memory.max(other.host_memory);
        self.start_group = self.start_group.or(other.start_group);
        self
    }

    /// Whether there is anything to be shared out.
    pub fn is_any(&self) -> bool {
        self.devices > 0 || self.cpus > 0 || self.host_memory > 0
    }
}

const GIB: f64 = (1u64 << 30) as f64;

/// GiB as bytes; what is no amount is none.
pub(crate) fn bytes(gib: f64) -> Option<u64> {
    (gib.is_finite() && gib > 0.0).then(|| (gib * GIB).ceil().min(u64::MAX as f64) as u64)
}

/// The needs that the lines of a case stand for, each of which suffices.
pub(crate) fn alternatives(marks: &Marks, v: &Vocabulary) -> Vec<DeviceNeed> {
    let mut out = vec![];
    for line in &marks.devices {
        let platforms: Vec<&str> = if line.platform.is_empty() {
            v.platforms()
                .iter()
                .filter(|p| p.gpu)
                .map(|p| p.name.as_str())
                .collect()
        } else {
            vec![&line.platform]
        };
        out.extend(platforms.into_iter().map(|platform| DeviceNeed {
            platform: platform.to_owned(),
            models: models(line, v),
            count: line.count,
            max_vram_gib: marks.max_vram_gib,
        }));
    }
    out
}

fn models(line: &DeviceLine, v: &Vocabulary) -> Vec<DeclaredDevice> {
    let declared = |name: &String| {
        let (name, aliases, vram_gib) = match v.device(name) {
            Some((_, d)) => (d.name.clone(), d.aliases.clone(), Some(d.vram_gib)),
            None => (name.clone(), vec![], None),
        };
        DeclaredDevice {
            name,
            aliases,
            vram_gib,
        }
    };
    line.models.iter().map(declared).collect()
}

/// What a case needs on this host. `host` is asked for only where devices play a part.
pub(crate) fn of<'h>(
    marks: &Marks,
    offer: Option<&Offer>,
    simulated: bool,
    v: &Vocabulary,
    host: impl FnOnce() -> &'h Host,
) -> Need {
    let mut need = Need {
        cpus: marks.cpus,
        host_memory: marks.host_memory_gib.and_then(bytes).unwrap_or(0),
        ..Need::default()
    };
    let used = offer
        .filter(|offer| !offer.foreign)
        .and_then(|offer| offer.devices.as_ref())
        .filter(|used| simulated || !used.simulated_only);
    if marks.devices.is_empty() && used.is_none() {
        return need;
    }
    let host = host();
    let lines = alternatives(marks, v);
    let met = lines
        .iter()
        .find(|line| tribunal_hardware::gate(host, line).is_ok());
    if !lines.is_empty() && met.is_none() {
        // A gate says so, in its own words.
        return need;
    }
    let any = DeviceNeed::default();
    let suits = suitable(host, met.unwrap_or(&any));
    let stated = marks.max_vram_gib.and_then(bytes);
    if let Some(line) = met {
        need.devices = line.count;
        need.memory = stated;
    }
    // Where no device is, a deployment runs without: its file says where it needs one.
    if let Some(used) = used
        && !suits.is_empty()
    {
        need.devices = need.devices.max(used.count);
        need.memory = match (stated, used.memory) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        need.start_group.clone_from(&used.start_group);
    }
    if need.devices > 0 {
        need.suits = suits;
    }
    need
}
