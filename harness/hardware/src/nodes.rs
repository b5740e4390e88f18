//! Devices of which little more than the device node is known: Ascend, Moore Threads, AWS Neuron.
//!
//! Promise: they are counted; what is not known of them is *unmeasured*, never zero. Rejected: parsing the tables of the vendors'
//! programs, whose layout changes between releases (Neuron's prints JSON, and is asked).

use std::path::{Path, PathBuf};

use crate::cores;
use crate::device::Device;
use crate::files;
use crate::live::neuron::{self, Described};
use crate::live::{self, LiveReading, Namespace};
use crate::source::{DeviceSource, Reading, Unreadable};

/// The device nodes of one vendor below a root.
pub(crate) struct Nodes {
    root: PathBuf,
    platform: &'static str,
    /// A node is called one of these and a number.
    prefixes: &'static [&'static str],
    name: &'static str,
}

impl Nodes {
    /// All vendors that are known by their nodes alone.
    pub(crate) fn all(root: &Path) -> impl Iterator<Item = Nodes> {
        let of = |platform, prefixes, name| Nodes {
            root: root.into(),
            platform,
            prefixes,
            name,
        };
        [
            // `davinci_manager` stands beside the cards and is none.
            of("npu", &["davinci"][..], "Ascend device"),
            of("musa", &["mtgpu.", "mtgpu"][..], "Moore Threads device"),
            of("neuron", &["neuron"][..], "Neuron device"),
        ]
        .into_iter()
    }
}

impl DeviceSource for Nodes {
    fn name(&self) -> &str {
        "/dev"
    }

    fn platform(&self) -> &str {
        self.platform
    }

    fn read(&self) -> Result<Reading, Unreadable> {
        let (mut devices, mut notes) = (self.devices(), Vec::new());
        if !devices.is_empty() {
            match self.described() {
                Ok(described) => {
                    for device in &mut devices {
                        let found = described.iter().find(|one| one.number() == device.index);
                        *device = device
                            .clone()
                            .with_memory_bytes(found.and_then(Described::memory), None);
                    }
                    let found =
                        |device: &Device| described.iter().find(|one| one.number() == device.index);
                    cores::number(&mut devices, |device| found(device)?.cores());
                    notes.push("model and memory in use are unmeasured".into());
                }
                Err(why) => notes.push(why),
            }
        }
        Ok(Reading { devices, notes })
    }

    fn read_live(&self) -> Result<LiveReading, Unreadable> {
        let described = self.described();
        let mut reading = live::from_inventory(Reading {
            devices: self.devices(),
            notes: Vec::new(),
        });
        if reading.devices.is_empty() {
            return Ok(reading);
        }
        match described {
            Ok(described) => {
                let namespace = Namespace::of(&self.root);
                for device in &mut reading.devices {
                    let found = described.iter().find(|one| one.number() == device.index);
                    device.memory_total = found.and_then(Described::memory);
                    let listed = found.and_then(Described::processes);
                    match listed.map(|all| namespace.believe(all, "/dev/neuron")) {
                        Some(Ok(all)) => {
                            (device.processes, device.processes_note) = (Some(all), None)
                        }
                        Some(Err(reason)) => device.processes_note = Some(reason),
                        None => {}
                    }
                }
            }
            Err(why) => reading.notes.push(why),
        }
        Ok(reading)
    }
}

impl Nodes {
    /// What the vendor's own program says.
    ///
    /// # Errors
    /// A note for people: why no more than the nodes is known.
    fn described(&self) -> Result<Vec<Described>, String> {
        let plain = "model and memory are unmeasured: only the device nodes are known";
        if self.platform != "neuron" {
            return Err(plain.into());
        }
        neuron::describe(&self.root).map_err(|why| format!("{plain} ({why})"))
    }

    fn devices(&self) -> Vec<Device> {
        let number = |name: &String| {
            self.prefixes
                .iter()
                .find_map(|prefix| files::numbered(name, prefix))
        };
        let mut numbers: Vec<u32> = files::names(&self.root.join("dev"))
            .iter()
            .filter_map(number)
            .collect();
        numbers.sort_unstable();
        numbers
            .iter()
            .map(|number| Device::new(self.platform, *number, self.name))
            .collect()
    }
}
