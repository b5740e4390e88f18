//! Simulated devices where a driver's are expected.
//!
//! Promise: a probe, a gate and a live reading treat them as they treat real cards, and the names say that they are simulated.
//! Rejected: names of real cards, since a figure taken here must never pass for one of hardware.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::Simulated;
use crate::layout;
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
