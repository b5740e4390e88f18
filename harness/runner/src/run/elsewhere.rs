//! Systems without the locks of open files that leases need: nothing is shared out there, and a case that needs a part says so.

use std::sync::Mutex;
use std::time::Duration;

use super::Run;
use crate::grant::Devices;
use crate::resources::Resources;
use crate::stores::Torn;

/// There is none.
pub(super) enum Governed {}

impl Governed {
    pub fn new(_: &Resources, _: bool) -> Option<Governed> {
        None
    }

    pub fn has_more(&self) -> bool {
        match *self {}
    }

    pub fn given(&self, _: usize) -> u64 {
        match *self {}
    }
}

/// There are none.
pub(super) enum Surroundings {}

impl Surroundings {
    pub fn new(
        _: &Resources,
        _: Option<&std::path::Path>,
        _: Option<&std::path::Path>,
    ) -> Result<Surroundings, String> {
        Err("devices, processors and memory are shared out on Linux only so far".into())
    }
}

impl Run {
    pub(super) fn next_governed(
        &self,
        governed: &mut Governed,
        _: &Mutex<Surroundings>,
    ) -> Result<usize, Duration> {
        match *governed {}
    }

    pub(super) fn devices(&self, _: usize) -> Devices {
        Devices::None
    }

    pub(super) fn take_devices(&self, _: usize) {}

    pub(super) fn without_devices(&self, planned: usize) -> Option<String> {
        let job = self.plan.resources.as_ref()?.job(planned)?;
        let needs = job.gang > 0 || job.cpus > 0 || job.host_memory > 0;
        self.no_devices.clone().filter(|_| needs)
    }

    pub(super) fn hand_devices_back(&self, _: usize) -> Torn {
        Torn::default()
    }

    pub(super) fn withdraw(&self, _: usize) {}

    pub(super) fn hand_deserted_back(&self) {}

    pub(super) fn hold_names(&self, _: usize) -> Result<Option<()>, String> {
        Ok(None)
    }

    pub(super) fn start_telemetry(&self) {}

    pub(super) fn end_telemetry(&self) -> Option<serde_json::Value> {
        None
    }
}
