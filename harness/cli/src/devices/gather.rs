//! Looks: the inventory once, the readings again and again, and the leases where there are any.
//!
//! Promise: bounded in time, and nothing is made; a ledger that does not exist is no ledger. Rejected: the inventory at each look
//! (it opens the driver's library, and what is here does not change while somebody watches).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tribunal_hardware::{
    Device, Driver, Host, HostLoad, LiveDevice, LiveReader, Note, Probe, VISIBILITY_VARIABLES,
};

/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(5);

/// All that is shown.
pub(crate) struct Facts {
    pub(crate) taken_unix_ms: u64,
    pub(crate) simulated: bool,
    pub(crate) devices: Vec<Seen>,
    pub(crate) drivers: Vec<Driver>,
    pub(crate) host: HostLoad,
    pub(crate) visibility: BTreeMap<&'static str, String>,
    /// Who holds or waits for what; or why that was not read.
    pub(crate) leases: Result<Vec<Lease>, String>,
    pub(crate) notes: Vec<Note>,
}

/// One device.
pub(crate) struct Seen {
    pub(crate) visible: bool,
    pub(crate) live: LiveDevice,
    /// The commands of its processes, in their order.
    pub(crate) commands: Vec<Option<String>>,
}

/// One who holds or waits for something.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct Lease {
    pub(crate) pid: u32,
    pub(crate) command: String,
    pub(crate) since_unix_ms: u64,
    pub(crate) waits: bool,
    pub(crate) label: String,
    pub(crate) devices: Vec<LeasedDevice>,
    pub(crate) names: Vec<String>,
    pub(crate) cpus: u32,
    pub(crate) host_memory: u64,
    pub(crate) host_exclusive: bool,
    pub(crate) server: bool,
    /// As one sentence.
    #[serde(skip)]
    pub(crate) sentence: String,
}

/// What of one device; without bytes: all of it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct LeasedDevice {
    pub(crate) key: String,
    pub(crate) bytes: Option<u64>,
}

/// Looks as often as it is asked.
pub(crate) struct Gatherer {
    inventory: Host,
    reader: LiveReader,
    simulated: bool,
}

impl Gatherer {
    /// The machine's devices, or those of a ledger.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub(crate) fn new(simulated: Option<&Path>) -> Result<Gatherer, String> {
        let probe = match simulated {
            None => Probe::system(),
            Some(path) => ledger(path)?,
        };
        Ok(Gatherer {
            inventory: probe.run(LIMIT),
            reader: LiveReader::of(&probe),
            simulated: simulated.is_some(),
        })
    }

    pub(crate) fn look(&mut self) -> Facts {
        let live = self.reader.read(LIMIT);
        let devices = self.inventory.devices().iter();
        let devices = devices.map(|device| {
            let live = live.of(device).cloned();
            let live = live.unwrap_or_else(|| unread(device));
            let processes = live.processes.iter().flatten();
            let commands = processes.map(|process| process.command()).collect();
            Seen {
                visible: device.visible,
                live,
                commands,
            }
        });
        let visibility = VISIBILITY_VARIABLES
            .iter()
            .filter(|_| !self.simulated)
            .filter_map(|name| Some((*name, std::env::var_os(name)?)))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()));
        Facts {
            taken_unix_ms: unix_ms(SystemTime::now()),
            simulated: self.simulated,
            devices: devices.collect(),
            host: HostLoad::now(),
            visibility: visibility.collect(),
            leases: leases(self.simulated),
            notes: notes(self.inventory.notes(), &live.notes),
            drivers: live.drivers,
        }
    }
}

/// What the inventory knows of a device that the reading has not.
fn unread(device: &Device) -> LiveDevice {
    let mut live = LiveDevice::new(&device.platform, device.index, &device.name);
    live.uuid.clone_from(&device.uuid);
    live.processes_note = Some("the device was not read this time".into());
    live
}

/// Each reason once: a driver that is missing is missing for both.
fn notes(inventory: &[Note], live: &[Note]) -> Vec<Note> {
    let mut all: Vec<Note> = Vec::new();
    for note in inventory.iter().chain(live) {
        if !all.contains(note) {
            all.push(note.clone());
        }
    }
    all
}

fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(target_os = "linux")]
fn ledger(path: &Path) -> Result<Probe, String> {
    Probe::simulated(path).map_err(|error| {
        format!(
            "the simulated devices of {} cannot be read: {error}",
            path.display()
        )
    })
}

#[cfg(not(target_os = "linux"))]
fn ledger(_: &Path) -> Result<Probe, String> {
    Err("simulated devices need Linux".into())
}

/// The leases of this machine. Those of simulated devices belong to their run and are not looked for.
#[cfg(target_os = "linux")]
fn leases(simulated: bool) -> Result<Vec<Lease>, String> {
    use tribunal_hardware::{Leases, default_lease_folder};
    if simulated {
        return Err("the leases of simulated devices belong to their run".into());
    }
    let folder = default_lease_folder();
    if !Leases::exists(&folder) {
        return Ok(Vec::new());
    }
    let read = Leases::open(&folder).and_then(|leases| leases.holders());
    let holders = read.map_err(|error| error.to_string())?;
    Ok(holders.iter().map(lease).collect())
}

#[cfg(not(target_os = "linux"))]
fn leases(_: bool) -> Result<Vec<Lease>, String> {
    Err("leases need Linux".into())
}

#[cfg(target_os = "linux")]
fn lease(info: &tribunal_hardware::HolderInfo) -> Lease {
    use tribunal_hardware::Amount;
    let devices = info.claim.devices.iter().map(|device| LeasedDevice {
        key: device.key.clone(),
        bytes: match device.amount {
            Amount::Whole => None,
            Amount::Bytes(bytes) => Some(bytes),
        },
    });
    Lease {
        pid: info.process.pid,
        command: info.command.clone(),
        since_unix_ms: unix_ms(info.since),
        waits: info.waits,
        label: info.claim.label.clone(),
        devices: devices.collect(),
        names: info.claim.names.clone(),
        cpus: info.claim.cpus,
        host_memory: info.claim.host_memory,
        host_exclusive: info.claim.host_exclusive,
        server: info.claim.server,
        sentence: info.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tribunal_hardware::NoteKind;

    #[test]
    fn a_reason_that_both_give_is_told_once() {
        let note = |text: &str| Note {
            platform: "cuda".into(),
            source: "NVML".into(),
            kind: NoteKind::Absent,
            text: text.into(),
        };
        assert_eq!(
            notes(&[note("a"), note("b")], &[note("b"), note("c")]),
            [note("a"), note("b"), note("c")]
        );
    }

    #[test]
    fn a_device_that_was_not_read_keeps_its_name_and_has_no_figures() {
        let device = Device::new("cuda", 1, "NVIDIA L4").with_uuid("GPU-1");
        let live = unread(&device);
        assert_eq!((live.key().as_str(), live.memory_used), ("GPU-1", None));
        assert!(live.used_by(&[1]).is_err());
    }
}
