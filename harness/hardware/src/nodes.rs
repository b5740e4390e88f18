//! Devices of which only the device node is known: Ascend, Moore Threads, AWS Neuron.
//!
//! Promise: they are counted; model and memory are *unmeasured*, never zero. Rejected: parsing the output of the vendors'
//! programs, whose layout changes between releases, before there is a host to check it on.

use std::path::{Path, PathBuf};

use crate::device::Device;
use crate::files;
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
        let devices: Vec<Device> = numbers
            .iter()
            .map(|number| Device::new(self.platform, *number, self.name))
            .collect();
        let unmeasured =
            "model and memory are unmeasured: only the device nodes are known".to_string();
        let notes = if devices.is_empty() {
            vec![]
        } else {
            vec![unmeasured]
        };
        Ok(Reading { devices, notes })
    }
}
