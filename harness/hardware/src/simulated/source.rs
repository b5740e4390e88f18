//! Simulated devices where a driver's are expected.
//!
//! Promise: a probe, a gate and a live reading treat them as they treat real cards, and the names say that they are simulated.
//! Rejected: names of real cards, since a figure taken here must never pass for one of hardware.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{DeviceUsage, Simulated};
use crate::device::Device;
use crate::layout;
use crate::live::{DeviceProcess, LiveDevice, LiveReading};
use crate::probe::Probe;
use crate::source::{DeviceSource, Reading, Unreadable};

/// The simulated devices of one platform.
#[derive(Clone, Debug)]
pub struct SimulatedSource {
    simulated: Simulated,
    platform: String,
}

impl SimulatedSource {
    /// One source for each platform that the ledger has devices of.
    pub fn all(simulated: &Simulated) -> Vec<SimulatedSource> {
        let mut sources: Vec<SimulatedSource> = Vec::new();
        for device in simulated.devices() {
            if sources.iter().all(|s| s.platform != device.platform) {
                sources.push(SimulatedSource {
                    simulated: simulated.clone(),
                    platform: device.platform.clone(),
                });
            }
        }
        sources
    }
}

impl DeviceSource for SimulatedSource {
    fn name(&self) -> &str {
        "simulated"
    }

    fn platform(&self) -> &str {
        &self.platform
    }

    fn read(&self) -> Result<Reading, Unreadable> {
        let usage = self
            .simulated
            .usage()
            .map_err(|error| Unreadable::Failed(error.to_string()))?;
        let used = |at: usize| usage.get(at).map(|usage| usage.used);
        let mut devices = layout::devices_of(self.simulated.devices(), used);
        devices.retain(|device| device.platform == self.platform);
        Ok(Reading {
            devices,
            notes: vec![],
        })
    }

    fn read_live(&self) -> Result<LiveReading, Unreadable> {
        let usage = self
            .simulated
            .usage()
            .map_err(|error| Unreadable::Failed(error.to_string()))?;
        let known = layout::devices_of(self.simulated.devices(), |_| None);
        let devices = known.into_iter().zip(usage);
        Ok(LiveReading {
            devices: devices
                .filter(|(device, _)| device.platform == self.platform)
                .map(|(device, usage)| live(device, &usage))
                .collect(),
            ..LiveReading::default()
        })
    }
}

/// What the ledger says of one device: memory to the byte, and nothing that only hardware has.
fn live(device: Device, usage: &DeviceUsage) -> LiveDevice {
    let mut live = LiveDevice::new(device.platform, device.index, device.name);
    live.uuid = device.uuid;
    live.simulated = true;
    live.memory_total = Some(usage.total);
    live.memory_used = Some(usage.used);
    live.memory_free = Some(usage.total.saturating_sub(usage.used));
    let processes = usage.processes.iter().map(|held| DeviceProcess {
        start_time: held.process.start_time,
        ..DeviceProcess::new(held.process.pid, Some(held.bytes))
    });
    live.processes = Some(processes.collect());
    live
}

impl Probe {
    /// Only the simulated devices of this ledger, without any variable of the environment.
    ///
    /// # Errors
    /// A ledger that cannot be used.
    pub fn simulated(path: &Path) -> io::Result<Probe> {
        let simulated = Simulated::open(path)?;
        let sources = SimulatedSource::all(&simulated).into_iter();
        Ok(sources.fold(Probe::empty(), |probe, source| {
            probe.with_source(Arc::new(source))
        }))
    }
}
