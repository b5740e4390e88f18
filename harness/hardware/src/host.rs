//! What was found on this host.
//!
//! Promise: plain data that is made once and only read afterwards; finding it never fails. Rejected: a handle that asks the
//! drivers again at every question, since a run must decide all its gates on one and the same reading.

use std::path::Path;
use std::time::Duration;

use crate::device::Device;
use crate::note::Note;
use crate::probe::Probe;

/// The devices of a host, and why something about them is not known.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    devices: Vec<Device>,
    notes: Vec<Note>,
    looked: bool,
}

impl Host {
    /// Asks everything that knows devices on this system ([`Probe::system`]), and returns after `limit` at the latest. Never fails:
    /// what could not be read stands in [`Host::notes`].
    pub fn probe(limit: Duration) -> Host {
        Probe::system().run(limit)
    }

    /// As [`Host::probe`], shared by the processes of one run: see [`Probe::run_cached`].
    pub fn probe_cached(key: &str, dir: &Path, limit: Duration) -> Host {
        Probe::system().run_cached(key, dir, limit)
    }

    /// A host on which devices were not looked for: it has none, and gates say so.
    pub fn without_devices() -> Host {
        Host {
            devices: Vec::new(),
            notes: Vec::new(),
            looked: false,
        }
    }

    /// A host with these devices, for plans and tests.
    pub fn from_parts(devices: Vec<Device>, notes: Vec<Note>) -> Host {
        Host {
            devices,
            notes,
            looked: true,
        }
    }

    /// All devices, hidden ones too, grouped by platform, each group in the driver's order.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The platforms of which at least one device is visible, each once, in the order of the devices.
    pub fn platforms(&self) -> impl Iterator<Item = &str> {
        let mut seen: Vec<&str> = Vec::new();
        for device in self.devices.iter().filter(|device| device.visible) {
            if !seen.contains(&device.platform.as_str()) {
                seen.push(&device.platform);
            }
        }
        seen.into_iter()
    }

    /// Why something is unmeasured, hidden or absent.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Whether devices were looked for at all ([`Host::without_devices`]: not).
    pub fn looked_for_devices(&self) -> bool {
        self.looked
    }

    /// The notes on one platform, and those on all; with an empty name every note.
    pub(crate) fn notes_on<'a>(&'a self, platform: &'a str) -> impl Iterator<Item = &'a Note> {
        self.notes.iter().filter(move |note| {
            platform.is_empty() || note.platform.is_empty() || note.platform == platform
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_those_with_a_visible_device() {
        let mut hidden = Device::new("npu", 0, "x");
        hidden.visible = false;
        let devices = vec![
            Device::new("cuda", 0, "x"),
            Device::new("cuda", 1, "x"),
            hidden,
            Device::new("rocm", 0, "x"),
        ];
        let host = Host::from_parts(devices, vec![]);
        assert_eq!(host.platforms().collect::<Vec<_>>(), ["cuda", "rocm"]);
    }

    #[test]
    fn a_host_without_devices_says_that_it_did_not_look() {
        let host = Host::without_devices();
        assert!(host.devices().is_empty() && !host.looked_for_devices());
        assert!(Host::from_parts(vec![], vec![]).looked_for_devices());
    }
}
