//! One device as its driver describes it.
//!
//! Promise: plain data; a figure that was not read is `None`. Rejected: a trait object per vendor, since everything
//! that decides (gates, plans, reports) wants values that can be written down as literals in a test.

use serde::{Deserialize, Serialize};

use crate::cores::Cores;

/// Bytes of one GiB, 2^30. Division by it is exact in `f64` for every size below 2^53 bytes.
const GIB: f64 = 1_073_741_824.0;

/// One device of this host. Sizes are GiB (2^30 bytes).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// The platform's name in the vocabulary: `cuda`, `rocm`, `xpu`, `npu`, `musa`, `neuron`.
    pub platform: String,
    /// The driver's number of the device among those of its platform, from 0; numbers may be left out.
    pub index: u32,
    /// As the driver writes it (`GPU-…`, `MIG-…`); `None` where it gives none.
    pub uuid: Option<String>,
    /// As the driver says it: `NVIDIA H100 80GB HBM3`. Where the driver names nothing, a description that no declared
    /// device matches (`AMD device 0x74a1`).
    pub name: String,
    /// All memory of the device; `None`: unmeasured.
    pub memory_total_gib: Option<f64>,
    /// Memory in use when the device was read; `None`: unmeasured.
    pub memory_used_gib: Option<f64>,
    /// Whether a program started now could use it: `CUDA_VISIBLE_DEVICES` and its like do not hide it.
    pub visible: bool,
    /// The cores by which AWS Neuron's runtime knows it; `None`: it knows devices, or the numbers are unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<Cores>,
}

impl Device {
    /// A visible device of which nothing was measured.
    pub fn new(platform: impl Into<String>, index: u32, name: impl Into<String>) -> Device {
        Device {
            platform: platform.into(),
            index,
            uuid: None,
            name: name.into(),
            memory_total_gib: None,
            memory_used_gib: None,
            visible: true,
            cores: None,
        }
    }

    /// The same device with this uuid.
    #[must_use]
    pub fn with_uuid(mut self, uuid: impl Into<String>) -> Device {
        self.uuid = Some(uuid.into());
        self
    }

    /// The same device with this memory in GiB. A total that is not a positive finite number, or a used amount that is
    /// not a finite number from 0 up, is no measurement and becomes `None`.
    #[must_use]
    pub fn with_memory_gib(mut self, total: Option<f64>, used: Option<f64>) -> Device {
        self.memory_total_gib = total.filter(|gib| gib.is_finite() && *gib > 0.0);
        self.memory_used_gib = used.filter(|gib| gib.is_finite() && *gib >= 0.0);
        self
    }

    /// As [`Device::with_memory_gib`], from what a driver reports: bytes.
    pub(crate) fn with_memory_bytes(self, total: Option<u64>, used: Option<u64>) -> Device {
        let gib = |bytes: u64| bytes as f64 / GIB;
        self.with_memory_gib(total.map(gib), used.map(gib))
    }

    /// What names the device in leases and records, as in [`LiveDevice::key`](crate::LiveDevice::key): its uuid, else
    /// `platform:index`.
    pub fn key(&self) -> String {
        crate::live::key(self.uuid.as_deref(), &self.platform, self.index)
    }

    /// Whether this is a slice of an NVIDIA card (MIG) and not a whole card. The driver says so in the uuid or name.
    pub(crate) fn is_slice(&self) -> bool {
        self.uuid
            .as_deref()
            .is_some_and(|uuid| uuid.starts_with("MIG-"))
            || self.name.split(' ').any(|word| word == "MIG")
    }

    /// The name without control characters, for a line of text.
    pub(crate) fn label(&self) -> String {
        let clean: String = self
            .name
            .chars()
            .filter(|c| !c.is_control())
            .take(80)
            .collect();
        match self.memory_total_gib {
            Some(gib) => format!("{clean} {} GiB", floor_gib(gib)),
            None => format!("{clean} (memory unmeasured)"),
        }
    }
}

/// A measured size for people: one decimal, rounded down, so that a device that is a little too small never reads as
/// large enough; whole numbers without decimal.
pub(crate) fn floor_gib(gib: f64) -> String {
    let tenths = (gib * 10.0).floor() / 10.0;
    // A device of less than a tenth of a GiB must not read as "0 GiB".
    if tenths == 0.0 && gib > 0.0 {
        "less than 0.1".into()
    } else {
        format!("{tenths}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_rounded_down_and_short() {
        for (gib, text) in [
            (24.0, "24"),
            (79.647, "79.6"),
            (79.97, "79.9"),
            (0.5, "0.5"),
            (0.01, "less than 0.1"),
        ] {
            assert_eq!(floor_gib(gib), text);
        }
    }

    #[test]
    fn what_is_no_measurement_becomes_none_and_not_zero() {
        let device = Device::new("cuda", 0, "x");
        for total in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(
                device
                    .clone()
                    .with_memory_gib(Some(total), None)
                    .memory_total_gib,
                None,
                "{total}"
            );
        }
        let measured = device.clone().with_memory_gib(Some(24.0), Some(0.0));
        assert_eq!(
            (measured.memory_total_gib, measured.memory_used_gib),
            (Some(24.0), Some(0.0))
        );
        assert_eq!(
            device
                .with_memory_gib(Some(24.0), Some(f64::NAN))
                .memory_used_gib,
            None
        );
    }

    #[test]
    fn bytes_become_gib_exactly() {
        let device = Device::new("cuda", 0, "x").with_memory_bytes(Some(85_520_809_984), Some(1));
        assert_eq!(device.memory_total_gib.unwrap() * GIB, 85_520_809_984.0);
        assert_eq!(device.memory_used_gib.unwrap() * GIB, 1.0);
    }

    #[test]
    fn slices_are_told_from_cards() {
        assert!(Device::new("cuda", 0, "NVIDIA H100 80GB HBM3 MIG 1g.10gb").is_slice());
        assert!(
            Device::new("cuda", 0, "NVIDIA H100")
                .with_uuid("MIG-1-2")
                .is_slice()
        );
        assert!(
            !Device::new("cuda", 0, "NVIDIA H100")
                .with_uuid("GPU-1-2")
                .is_slice()
        );
    }
}
