//! AMD and Intel cards, as the kernel's graphics drivers list them in /sys/class/drm.
//!
//! Promise: no vendor library is needed; AMD's memory is read in bytes, Intel's is unmeasured. Rejected: `rocm-smi` and
//! `xpu-smi` (not everywhere, output without a contract) and linking against vendor libraries (the binary would not start
//! elsewhere).

use std::path::{Path, PathBuf};

use crate::device::Device;
use crate::files;
use crate::live::drm::{Holders, Place};
use crate::live::{self, LiveReading};
use crate::source::{DeviceSource, Reading, Unreadable};

#[derive(Clone, Copy, PartialEq)]
enum Vendor {
    Amd,
    Intel,
}

/// The cards of one vendor below a root.
pub(crate) struct Drm {
    root: PathBuf,
    vendor: Vendor,
}

impl Drm {
    pub(crate) fn amd(root: &Path) -> Drm {
        Drm {
            root: root.into(),
            vendor: Vendor::Amd,
        }
    }

    pub(crate) fn intel(root: &Path) -> Drm {
        Drm {
            root: root.into(),
            vendor: Vendor::Intel,
        }
    }

    /// The device folders of the vendor's cards with their PCI addresses, in the order of the addresses: the order in which
    /// both vendors' runtimes count.
    fn cards(&self, vendor_id: &str) -> Vec<(String, PathBuf)> {
        let list = self.root.join("sys/class/drm");
        let mut cards: Vec<(String, PathBuf)> = files::names(&list)
            .iter()
            .filter(|name| files::numbered(name, "card").is_some())
            .map(|name| list.join(name).join("device"))
            .filter(|device| files::text(&device.join("vendor")).as_deref() == Some(vendor_id))
            .map(|device| (address(&device), device))
            .collect();
        cards.sort();
        cards
    }
}

/// The PCI address (`0000:03:00.0`), or the folder's own path where the driver does not say it.
fn address(device: &Path) -> String {
    let uevent = files::text(&device.join("uevent")).unwrap_or_default();
    uevent
        .lines()
        .find_map(|line| line.strip_prefix("PCI_SLOT_NAME="))
        .map_or_else(|| device.display().to_string(), str::to_string)
}

impl DeviceSource for Drm {
    fn name(&self) -> &str {
        "sysfs"
    }

    fn platform(&self) -> &str {
        match self.vendor {
            Vendor::Amd => "rocm",
            Vendor::Intel => "xpu",
        }
    }

    fn read(&self) -> Result<Reading, Unreadable> {
        let mut reading = Reading::default();
        match self.vendor {
            Vendor::Amd => self.read_amd(&mut reading),
            Vendor::Intel => self.read_intel(&mut reading),
        }
        Ok(reading)
    }

    fn read_live(&self) -> Result<LiveReading, Unreadable> {
        let known = self.read()?;
        let places = match self.vendor {
            Vendor::Amd => self.cards("0x1002"),
            Vendor::Intel => self.intel_cards(),
        };
        let mut reading = LiveReading::default();
        if places.is_empty() {
            return Ok(reading);
        }
        let holders = Holders::read(&self.root);
        for (device, (address, folder)) in known.devices.iter().zip(&places) {
            let place = Place { address, folder };
            let mut live = match self.vendor {
                Vendor::Amd => live::drm::amd(&place, device),
                Vendor::Intel => live::drm::intel(&place, device),
            };
            holders.enter(&self.root, place.address, &mut live);
            if live.memory_used.is_none() {
                let text = format!("the memory in use of the card at {address} is unmeasured");
                reading.notes.push(text);
            }
            reading.devices.push(live);
        }
        let modules: &[&str] = match self.vendor {
            Vendor::Amd => &["amdgpu"],
            Vendor::Intel => &["xe", "i915"],
        };
        reading.driver = live::drm::driver(&self.root, self.platform(), modules);
        Ok(reading)
    }
}

impl Drm {
    /// PCI vendor 0x8086: Intel. Graphics inside the processor always sit on bus 0 (0000:00:02.0); cards never do.
    fn intel_cards(&self) -> Vec<(String, PathBuf)> {
        let mut cards = self.cards("0x8086");
        cards.retain(|(address, _)| address.split(':').nth(1) != Some("00"));
        cards
    }

    fn read_amd(&self, reading: &mut Reading) {
        // PCI vendor 0x1002: Advanced Micro Devices / ATI.
        let cards = self.cards("0x1002");
        let usable = self.root.join("dev/kfd").exists();
        if !cards.is_empty() && !usable {
            reading
                .notes
                .push("/dev/kfd is missing: programs on ROCm cannot use the cards".into());
        }
        for (address, card) in cards {
            let index = reading.devices.len() as u32;
            let model = ["product_name", "product_number"]
                .iter()
                .find_map(|file| files::text(&card.join(file)).filter(|name| !name.is_empty()));
            let name = model.unwrap_or_else(|| {
                reading.notes.push(format!(
                    "the driver does not name the card at {address}; no model matches it"
                ));
                let id = files::text(&card.join("device")).unwrap_or_else(|| "without id".into());
                format!("AMD device {id}")
            });
            let total = files::number(&card.join("mem_info_vram_total"));
            let used = files::number(&card.join("mem_info_vram_used"));
            if total.is_none_or(|bytes| bytes == 0) || used.is_none() {
                reading
                    .notes
                    .push(format!("the memory of the card at {address} is unmeasured"));
            }
            let mut device = Device::new("rocm", index, name).with_memory_bytes(total, used);
            // ROCm's own way to write it.
            device.uuid = files::text(&card.join("unique_id"))
                .filter(|id| !id.is_empty())
                .map(|id| format!("GPU-{id}"));
            device.visible = usable;
            reading.devices.push(device);
        }
    }

    fn read_intel(&self, reading: &mut Reading) {
        for (_, card) in self.intel_cards() {
            let id = files::text(&card.join("device")).unwrap_or_else(|| "without id".into());
            reading.devices.push(Device::new(
                "xpu",
                reading.devices.len() as u32,
                format!("Intel device {id}"),
            ));
        }
        if !reading.devices.is_empty() {
            reading.notes.push("model and memory are unmeasured".into());
        }
    }
}
