//! Devices that exist only in a file, and the memory of them that processes have.
//!
//! Promise: many processes allocate at once, and what is given away never exceeds what a device has; what a process had is
//! free when it ends, however it ends, as on a real card. Rejected: a counter per device in the file (a killed process cannot
//! subtract itself), and a server that keeps the books (one more process to start, watch and end).

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::layout::LayoutDevice;
use crate::lease::Bytes;
use crate::ledger_error::{Fault, LedgerError};
use crate::process::Process;
use crate::records::{Purpose, Record, Records};

pub use source::SimulatedSource;

mod source;

const PURPOSE: Purpose = Purpose {
    tag: b"devices ",
    most: 16384,
};
const ALLOCATED: u8 = 1;
const DEVICE: usize = 16;
const PID: usize = 20;
const START: usize = 24;
const AMOUNT: usize = 32;
const LABEL: usize = 40;
const END: usize = 256;
const UNKNOWN: u64 = u64::MAX;

/// Simulated devices: an open ledger, which any number of processes have open at once.
#[derive(Clone, Debug)]
pub struct Simulated {
    ledger: Arc<Ledger>,
}

#[derive(Debug)]
struct Ledger {
    records: Records,
    path: PathBuf,
    devices: Vec<LayoutDevice>,
    /// Holds the records of all allocations that this process makes here; closed on exec, so that no child keeps them.
    held: File,
}

/// What of one device is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceUsage {
    /// All memory of the device in bytes.
    pub total: u64,
    /// What all processes have of it.
    pub used: u64,
    /// What each process has of it, those without left out, in the order of their pids.
    pub processes: Vec<ProcessUsage>,
}

/// What one process has of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessUsage {
    /// The process.
    pub process: Process,
    /// All its allocations, in bytes.
    pub bytes: u64,
}

/// Why an allocation failed. `Display` is the whole sentence.
#[derive(Debug)]
pub enum AllocError {
    /// There is not as much left.
    OutOfMemory {
        /// The device's number in the layout.
        device: usize,
        /// Bytes that were asked for.
        wanted: u64,
        /// Bytes that nobody has.
        free: u64,
        /// All bytes of the device.
        total: u64,
    },
    /// There is no device of this number.
    NoSuchDevice {
        /// The number that was asked for.
        device: usize,
        /// How many devices there are; they are numbered from 0.
        devices: usize,
    },
    /// The ledger could not be used.
    Ledger(LedgerError),
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AllocError::OutOfMemory {
                device,
                wanted,
                free,
                total,
            } => write!(
                f,
                "out of memory: tried to allocate {} on simulated device {device}, which has {} free of {}",
                Bytes(*wanted),
                Bytes(*free),
                Bytes(*total)
            ),
            AllocError::NoSuchDevice { device, devices } => write!(
                f,
                "there is no simulated device {device}: there are {devices}, numbered from 0"
            ),
            AllocError::Ledger(error) => error.fmt(f),
        }
    }
}

impl Error for AllocError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            AllocError::Ledger(error) => error.source(),
            _ => None,
        }
    }
}

impl Simulated {
    /// Makes a ledger of these devices. The file must not be there.
    ///
    /// # Errors
    /// A file that cannot be made, and a layout that is too long.
    pub fn create(path: &Path, layout: &[LayoutDevice]) -> io::Result<Simulated> {
        let preamble = serde_json::to_vec(layout)?;
        let records = Records::create(path, PURPOSE, &preamble)?;
        Simulated::of(records, path, layout.to_vec())
    }

    /// The ledger that another process made.
    ///
    /// # Errors
    /// A file that cannot be used, or is something else.
    pub fn open(path: &Path) -> io::Result<Simulated> {
        let records = Records::open_existing(path, PURPOSE)?;
        let devices = serde_json::from_slice(records.preamble()).map_err(|error| {
            records.error(Fault::Foreign(format!(
                "its devices are not to be read: {error}"
            )))
        })?;
        Simulated::of(records, path, devices)
    }

    fn of(records: Records, path: &Path, devices: Vec<LayoutDevice>) -> io::Result<Simulated> {
        let held = records.another()?;
        let path = std::path::absolute(path)?;
        Ok(Simulated {
            ledger: Arc::new(Ledger {
                records,
                path,
                devices,
                held,
            }),
        })
    }

    /// Where the ledger lies.
    pub fn path(&self) -> &Path {
        &self.ledger.path
    }

    /// All devices, in the order of the layout, by which they are numbered from 0.
    pub fn devices(&self) -> &[LayoutDevice] {
        &self.ledger.devices
    }

    /// The number of a device in the layout, from its platform and its number there (`CUDA_VISIBLE_DEVICES` counts so).
    pub fn device(&self, platform: &str, index: u32) -> Option<usize> {
        let of_platform = |(_, device): &(usize, &LayoutDevice)| device.platform == platform;
        let mut devices = self.ledger.devices.iter().enumerate().filter(of_platform);
        devices.nth(index as usize).map(|(at, _)| at)
    }

    /// Takes so many bytes of a device, until the allocation is dropped or this process ends. The label says what for.
    ///
    /// # Errors
    /// [`AllocError::OutOfMemory`] with the figures, if there is not as much left.
    pub fn allocate(
        &self,
        device: usize,
        bytes: u64,
        label: &str,
    ) -> Result<Allocation, AllocError> {
        let ledger = &self.ledger;
        let total = match ledger.devices.get(device) {
            Some(device) => device.total,
            None => {
                let devices = ledger.devices.len();
                return Err(AllocError::NoSuchDevice { device, devices });
            }
        };
        let process = Process::this();
        let mut head = Record::new(ALLOCATED, 0, 0);
        head.put(DEVICE, &(device as u32).to_le_bytes());
        head.put(PID, &process.pid.to_le_bytes());
        head.put(START, &process.start_time.unwrap_or(UNKNOWN).to_le_bytes());
        head.put(AMOUNT, &bytes.to_le_bytes());
        head.put_text(LABEL, END, label);
        let slot = ledger.records.locked(|section| {
            let mut on_it: Vec<(u32, u64)> = section
                .heads()
                .filter(|(_, record)| record.u32(DEVICE) as usize == device)
                .map(|(slot, record)| (slot, record.u64(AMOUNT)))
                .collect();
            let used =
                |of: &[(u32, u64)]| of.iter().fold(0, |sum: u64, (_, n)| sum.saturating_add(*n));
            // The dead count only until they are in the way.
            if used(&on_it).saturating_add(bytes) > total {
                let mut alive = Vec::new();
                for (slot, amount) in on_it {
                    if section.is_held(slot).map_err(Fault::Io)? {
                        alive.push((slot, amount));
                    } else {
                        section.bury(slot).map_err(Fault::Io)?;
                    }
                }
                on_it = alive;
            }
            let used = used(&on_it);
            if used.saturating_add(bytes) > total {
                return Ok(Err(total.saturating_sub(used)));
            }
            let (slot, _) = section.add(&ledger.held, head, &mut [])?;
            Ok(Ok(slot))
        });
        match slot.map_err(AllocError::Ledger)? {
            Ok(slot) => Ok(Allocation {
                ledger: Arc::clone(ledger),
                device,
                bytes,
                slot,
            }),
            Err(free) => Err(AllocError::OutOfMemory {
                device,
                wanted: bytes,
                free,
                total,
            }),
        }
    }

    /// What of each device is in use at this moment.
    ///
    /// # Errors
    /// A ledger that cannot be used.
    pub fn usage(&self) -> io::Result<Vec<DeviceUsage>> {
        let ledger = &self.ledger;
        let mut by_process: Vec<BTreeMap<Process, u64>> =
            vec![BTreeMap::new(); ledger.devices.len()];
        ledger.records.locked(|section| {
            for (slot, record) in section.heads() {
                if !section.is_held(slot).map_err(Fault::Io)? {
                    continue;
                }
                let process = Process {
                    pid: record.u32(PID),
                    start_time: Some(record.u64(START)).filter(|n| *n != UNKNOWN),
                };
                if let Some(of_device) = by_process.get_mut(record.u32(DEVICE) as usize) {
                    let sum = of_device.entry(process).or_default();
                    *sum = sum.saturating_add(record.u64(AMOUNT));
                }
            }
            Ok(())
        })?;
        let usage = ledger
            .devices
            .iter()
            .zip(by_process)
            .map(|(device, of)| DeviceUsage {
                total: device.total,
                used: of.values().fold(0, |sum, n| sum.saturating_add(*n)),
                processes: of
                    .into_iter()
                    .map(|(process, bytes)| ProcessUsage { process, bytes })
                    .collect(),
            });
        Ok(usage.collect())
    }
}

/// Memory of a simulated device that this process has. Dropping it gives it back.
#[derive(Debug)]
pub struct Allocation {
    ledger: Arc<Ledger>,
    device: usize,
    bytes: u64,
    slot: u32,
}

impl Allocation {
    /// The device's number in the layout.
    pub fn device(&self) -> usize {
        self.device
    }

    /// How much it is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        let Ledger { records, held, .. } = &*self.ledger;
        records.free_and_unlock(held, self.slot);
    }
}

#[cfg(test)]
mod tests;
