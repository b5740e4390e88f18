//! Platforms and their devices: what `hardware_test` may name.
//!
//! Promise: a device belongs to one platform, so that naming it is enough. Rejected: free text for devices (a misspelt one
//! would never find a machine).

use crate::marker::MarkerId;

/// A platform.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Platform {
    /// The declared name: `cuda`.
    pub name: String,
    /// What it is.
    pub doc: String,
    /// Whether its devices are GPUs.
    pub gpu: bool,
    /// The devices, in the order of the file.
    pub devices: Vec<Device>,
    /// The counts that a test may ask for, ascending.
    pub cards: Vec<u32>,
    /// The marker of that name.
    pub id: MarkerId,
    /// What each count implies: `cards_N`, and `gpu_N` and `PLATFORM_N` where they are declared.
    pub(crate) counts: Vec<(u32, Vec<MarkerId>)>,
}

/// A device.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Device {
    /// The declared name: `H100`.
    pub name: String,
    /// The memory of one device, in GiB, as it is sold.
    pub vram_gib: f64,
    /// Other spellings of the name.
    pub aliases: Vec<String>,
    /// The marker of that name.
    pub id: MarkerId,
}
