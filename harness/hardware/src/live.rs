//! What a device does at this moment: memory, who holds it, load, clocks, power, heat.
//!
//! Promise: plain data; every figure is `None` where it was not measured, and a list of processes that may be incomplete or of
//! other pids is no list at all but a reason ([`LiveDevice::processes_note`]). [`Device`] answers *what is here* once per run,
//! [`LiveDevice`] *what is going on* as often as it is asked. Rejected: one type for both, since gates must not move with a
//! reading, and readings must not drag along what never changes.

mod attribution;
pub(crate) mod drm;
mod fdinfo;
mod kfd;
pub(crate) mod neuron;
pub(crate) mod nvml;
mod reader;
mod throttle;

use std::path::Path;

use serde::Serialize;

pub(crate) use attribution::Namespace;
pub use reader::LiveReader;
pub use throttle::Throttle;

use crate::device::Device;
use crate::note::Note;
use crate::proc_table;
use crate::source::Reading;

/// One device as it is now. Sizes are bytes.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LiveDevice {
    /// As [`Device::platform`].
    pub platform: String,
    /// As [`Device::index`]: the two name the same device.
    pub index: u32,
    /// As [`Device::uuid`].
    pub uuid: Option<String>,
    /// As [`Device::name`].
    pub name: String,
    /// Whether this is a device of a ledger and no hardware; nothing read of it was measured on hardware.
    pub simulated: bool,
    /// All memory of the device.
    pub memory_total: Option<u64>,
    /// What is taken, by whomever; without what the driver keeps for itself where the driver tells the two apart.
    pub memory_used: Option<u64>,
    /// What the driver keeps for itself.
    pub memory_reserved: Option<u64>,
    /// What can still be taken.
    pub memory_free: Option<u64>,
    /// The processes that use the device; `None`: not known, and [`LiveDevice::processes_note`] says why.
    pub processes: Option<Vec<DeviceProcess>>,
    /// Why the processes are not known, or what is missing of them.
    pub processes_note: Option<String>,
    /// Share of the time in which it did something, in percent.
    pub utilisation_percent: Option<u32>,
    /// Clock of the computing units now.
    pub core_clock_mhz: Option<u32>,
    /// The highest that it can have.
    pub core_clock_max_mhz: Option<u32>,
    /// Clock of the memory now.
    pub memory_clock_mhz: Option<u32>,
    /// The highest that it can have.
    pub memory_clock_max_mhz: Option<u32>,
    /// Power drawn.
    pub power_watts: Option<f64>,
    /// Power that it may draw.
    pub power_limit_watts: Option<f64>,
    /// Temperature of the chip.
    pub temperature_celsius: Option<u32>,
    /// What holds the clocks down; empty: nothing does.
    pub throttle: Option<Vec<Throttle>>,
    /// NVIDIA: whether the card (of the slice) is in MIG mode.
    pub mig: Option<bool>,
    /// Whether its memory corrects errors.
    pub ecc: Option<bool>,
    /// Errors of the memory that could not be corrected since the driver was loaded.
    pub ecc_uncorrected: Option<u64>,
}

/// A process that uses a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceProcess {
    /// Its number in this process's own pid namespace.
    pub pid: u32,
    /// What it holds on the device, in bytes; `None`: the driver does not say.
    pub bytes: Option<u64>,
    /// When it started (clock ticks since boot, as in `/proc/PID/stat`): tells a pid that was used again.
    pub start_time: Option<u64>,
}

impl DeviceProcess {
    /// A process with what it holds.
    pub fn new(pid: u32, bytes: Option<u64>) -> DeviceProcess {
        DeviceProcess {
            pid,
            bytes,
            start_time: None,
        }
    }

    /// Its command line for one line of text; `None`: it has ended, or it may not be looked at.
    pub fn command(&self) -> Option<String> {
        let root = Path::new("/");
        let now = proc_table::start_time(root, self.pid);
        let same = self.start_time.is_none() || now == self.start_time;
        same.then(|| proc_table::command(root, self.pid))?
    }

    /// Whether the two are one process, as far as is known.
    pub(crate) fn is(&self, other: &DeviceProcess) -> bool {
        let same_start = match (self.start_time, other.start_time) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        self.pid == other.pid && same_start
    }
}

/// The driver of a platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Driver {
    /// The platform that it drives.
    pub platform: String,
    /// Its version, as it writes it itself.
    pub version: Option<String>,
    /// NVIDIA: the newest CUDA that it understands, `13.0`.
    pub cuda: Option<String>,
}

/// What one source reads of its devices at this moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveReading {
    /// In the order of [`DeviceSource::read`](crate::DeviceSource::read), with the same indexes.
    pub devices: Vec<LiveDevice>,
    /// The driver, where it is known.
    pub driver: Option<Driver>,
    /// Which figures are unmeasured, and why.
    pub notes: Vec<String>,
}

/// All devices of this host as they are now.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Live {
    /// Hidden ones too, grouped by platform.
    pub devices: Vec<LiveDevice>,
    /// The drivers that said their version.
    pub drivers: Vec<Driver>,
    /// Why something is unmeasured.
    pub notes: Vec<Note>,
}

impl LiveDevice {
    /// A device of which nothing is measured.
    pub fn new(platform: impl Into<String>, index: u32, name: impl Into<String>) -> LiveDevice {
        LiveDevice {
            platform: platform.into(),
            index,
            name: name.into(),
            ..LiveDevice::default()
        }
    }

    /// What names the device in leases and records: its uuid, else `platform:index`.
    pub fn key(&self) -> String {
        key(self.uuid.as_deref(), &self.platform, self.index)
    }

    /// What can still be taken: as the driver says it, else what is neither used nor reserved.
    pub fn free(&self) -> Option<u64> {
        let computed = || {
            let taken = self
                .memory_used?
                .saturating_add(self.memory_reserved.unwrap_or(0));
            Some(self.memory_total?.saturating_sub(taken))
        };
        self.memory_free.or_else(computed)
    }

    /// What the processes with these pids hold together; 0 where they are known to hold nothing.
    ///
    /// # Errors
    /// Why it cannot be told. A process without a figure makes the whole unknown: a sum without it would be too small.
    pub fn used_by(&self, pids: &[u32]) -> Result<u64, String> {
        let Some(processes) = &self.processes else {
            let reason = self.processes_note.as_deref();
            return Err(reason
                .unwrap_or("the driver does not list processes")
                .to_string());
        };
        let mut sum: u64 = 0;
        for process in processes
            .iter()
            .filter(|process| pids.contains(&process.pid))
        {
            let bytes = process.bytes.ok_or_else(|| {
                format!(
                    "the driver does not say how much process {} holds",
                    process.pid
                )
            })?;
            sum = sum.saturating_add(bytes);
        }
        Ok(sum)
    }
}

impl Live {
    /// The device with this key ([`LiveDevice::key`]).
    pub fn device(&self, key: &str) -> Option<&LiveDevice> {
        self.devices.iter().find(|device| device.key() == key)
    }

    /// The reading of a device of the inventory.
    pub fn of(&self, device: &Device) -> Option<&LiveDevice> {
        self.devices
            .iter()
            .find(|live| live.platform == device.platform && live.index == device.index)
    }
}

/// What names a device in leases and records.
pub(crate) fn key(uuid: Option<&str>, platform: &str, index: u32) -> String {
    uuid.map_or_else(|| format!("{platform}:{index}"), str::to_string)
}

/// A live reading by a source that has no more than an inventory: the memory, and nothing else.
pub(crate) fn from_inventory(reading: Reading) -> LiveReading {
    // A source gives GiB as a quotient of whole bytes and 2^30, so that this is exact.
    let bytes = |gib: f64| (gib * 1_073_741_824.0).round() as u64;
    let devices = reading.devices.into_iter().map(|device| LiveDevice {
        uuid: device.uuid,
        memory_total: device.memory_total_gib.map(bytes),
        memory_used: device.memory_used_gib.map(bytes),
        processes_note: Some("processes are not known of this kind of device".into()),
        ..LiveDevice::new(device.platform, device.index, device.name)
    });
    LiveReading {
        devices: devices.collect(),
        driver: None,
        notes: reading.notes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(processes: Option<Vec<DeviceProcess>>, note: Option<&str>) -> LiveDevice {
        LiveDevice {
            processes,
            processes_note: note.map(str::to_string),
            ..LiveDevice::new("cuda", 1, "x")
        }
    }

    #[test]
    fn what_processes_hold_is_a_sum_or_a_reason_but_never_too_small() {
        let listed = with(
            Some(vec![
                DeviceProcess::new(7, Some(100)),
                DeviceProcess::new(8, None),
                DeviceProcess::new(9, Some(20)),
            ]),
            None,
        );
        assert_eq!(listed.used_by(&[7, 9, 1]), Ok(120));
        assert_eq!(listed.used_by(&[1]), Ok(0));
        assert_eq!(
            listed.used_by(&[7, 8]),
            Err("the driver does not say how much process 8 holds".into())
        );
        assert_eq!(
            with(None, Some("a container")).used_by(&[7]),
            Err("a container".into())
        );
        assert!(with(None, None).used_by(&[]).is_err());
    }

    #[test]
    fn a_device_is_named_by_its_uuid_or_else_by_its_place() {
        let mut device = LiveDevice::new("npu", 3, "x");
        assert_eq!(device.key(), "npu:3");
        device.uuid = Some("GPU-1".into());
        assert_eq!(device.key(), "GPU-1");
        assert_eq!(Device::new("npu", 3, "x").key(), "npu:3");
        let named = Device::new("npu", 3, "x").with_uuid("GPU-1");
        assert_eq!(named.key(), "GPU-1");
    }

    #[test]
    fn free_memory_is_never_guessed() {
        let mut device = LiveDevice::new("cuda", 0, "x");
        assert_eq!(device.free(), None);
        device.memory_total = Some(100);
        assert_eq!(device.free(), None);
        device.memory_used = Some(30);
        device.memory_reserved = Some(10);
        assert_eq!(device.free(), Some(60));
        device.memory_free = Some(55);
        assert_eq!(device.free(), Some(55));
    }

    #[test]
    fn an_inventory_alone_gives_its_memory_back_to_the_byte() {
        let bytes = 85_520_809_984;
        let reading = Reading {
            devices: vec![
                Device::new("cuda", 2, "x").with_memory_bytes(Some(bytes), Some(1)),
                Device::new("npu", 0, "y"),
            ],
            notes: vec!["n".into()],
        };
        let live = from_inventory(reading);
        assert_eq!(live.devices[0].memory_total, Some(bytes));
        assert_eq!(live.devices[0].memory_used, Some(1));
        assert_eq!(
            (live.devices[1].memory_total, live.devices[1].memory_used),
            (None, None)
        );
        assert_eq!((live.devices[0].index, live.notes.len()), (2, 1));
    }

    #[test]
    fn a_pid_that_was_used_again_is_another_process() {
        let at = |start| DeviceProcess {
            start_time: start,
            ..DeviceProcess::new(7, None)
        };
        assert!(at(Some(1)).is(&at(Some(1))));
        assert!(!at(Some(1)).is(&at(Some(2))));
        assert!(at(None).is(&at(Some(2))));
        assert!(!at(None).is(&DeviceProcess::new(8, None)));
    }
}
