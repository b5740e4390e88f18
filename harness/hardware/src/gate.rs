//! Whether a case's need for devices is met here, and in one sentence what is missing.
//!
//! Promise: a pure function of what was found; nothing is probed. Rejected: a yes or no with the reason made elsewhere (it
//! would drift from the decision), and counting an unmeasured device as large enough.

use std::error::Error;
use std::fmt;

use crate::device::{Device, floor_gib};
use crate::host::Host;
use crate::matching::{device_is, matched_words, memory_agrees};
use crate::note::{Note, NoteKind};
use crate::platform::{PLATFORMS, platform};

/// What a case needs of devices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceNeed {
    /// The platform's name in the vocabulary (`cuda`); empty: any platform will do.
    pub platform: String,
    /// The models of which one must be matched by every device that is counted; empty: any model will do.
    pub models: Vec<DeclaredDevice>,
    /// How many devices. 0 means none, unless models or memory are asked for: those ask for one.
    pub count: u32,
    /// Peak memory per device in GiB; `None`: not stated, every device is large enough.
    pub max_vram_gib: Option<f64>,
}

/// A device as the vocabulary declares it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeclaredDevice {
    /// Its name: `H100`.
    pub name: String,
    /// Other names, also as the driver writes them.
    pub aliases: Vec<String>,
    /// Its memory in GiB as declared; `None`: not declared, any size agrees.
    pub vram_gib: Option<f64>,
}

impl DeclaredDevice {
    fn is(&self, card: &Device) -> bool {
        let aliases: Vec<&str> = self.aliases.iter().map(String::as_str).collect();
        device_is(card, &self.name, &aliases, self.vram_gib)
    }

    /// Whether the card has the name and another memory: an H100 NVL of 94 GiB for an `H100` of 80.
    fn is_by_name_alone(&self, card: &Device) -> bool {
        let aliases: Vec<&str> = self.aliases.iter().map(String::as_str).collect();
        matched_words(card, &self.name, &aliases).is_some() && !memory_agrees(card, self.vram_gib)
    }
}

/// Why a need is not met here. `Display` is the whole sentence: "needs 2 x H100 (cuda); this host has 1 x NVIDIA L4 22.4 GiB".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    reason: String,
}

impl Unmet {
    /// The whole sentence, without a full stop.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for Unmet {}

/// Whether this host meets the need: enough visible devices of the platform, each one of the models, each with the memory.
///
/// # Errors
/// [`Unmet`] with the reason. A device whose memory or name is unmeasured does not meet a need that asks for it.
pub fn gate(host: &Host, need: &DeviceNeed) -> Result<(), Unmet> {
    let count = match need.count {
        0 if need.models.is_empty() && need.max_vram_gib.is_none() => return Ok(()),
        0 => 1,
        count => count as usize,
    };
    let here: Vec<&Device> = host
        .devices()
        .iter()
        .filter(|device| need.platform.is_empty() || device.platform == need.platform)
        .collect();
    let visible: Vec<&Device> = here
        .iter()
        .copied()
        .filter(|device| device.visible)
        .collect();
    let of_model: Vec<&Device> = visible
        .iter()
        .copied()
        .filter(|device| need.models.is_empty() || need.models.iter().any(|model| model.is(device)))
        .collect();
    let large = of_model
        .iter()
        .filter(|device| {
            need.max_vram_gib
                .is_none_or(|gib| device.memory_total_gib.is_some_and(|total| total >= gib))
        })
        .count();
    if large >= count {
        return Ok(());
    }
    let lacks = if here.is_empty() {
        nothing_here(host, &need.platform)
    } else if of_model.len() >= count {
        too_small(host, need, &of_model, count, large)
    } else {
        too_few(host, need, &here, visible.len())
    };
    Err(Unmet {
        reason: format!("needs {}; {lacks}", wanted(need, count)),
    })
}

/// Which devices of this host could meet the need, by their place in [`Host::devices`], whatever their memory: visible, of the platform, and one
/// of the models.
pub fn suitable(host: &Host, need: &DeviceNeed) -> Vec<usize> {
    let devices = host.devices().iter().enumerate();
    devices
        .filter(|(_, device)| {
            device.visible
                && (need.platform.is_empty() || device.platform == need.platform)
                && (need.models.is_empty() || need.models.iter().any(|model| model.is(device)))
        })
        .map(|(place, _)| place)
        .collect()
}

/// `2 x H100 (cuda)`, `1 x H100 or H200 (cuda) with 60 GiB`, `2 cuda devices`, `60 GiB on a device`.
fn wanted(need: &DeviceNeed, count: usize) -> String {
    let memory = need.max_vram_gib.map(|gib| format!("{gib} GiB"));
    let each = if count > 1 { " each" } else { "" };
    if need.models.is_empty() {
        let device = if need.platform.is_empty() {
            "device".into()
        } else {
            format!("{} device", need.platform)
        };
        let devices = if count == 1 {
            format!("1 {device}")
        } else {
            format!("{count} {device}s")
        };
        return match memory {
            None => devices,
            Some(memory) if count == 1 => format!("{memory} on a {device}"),
            Some(memory) => format!("{devices} with {memory} each"),
        };
    }
    let models: Vec<&str> = need
        .models
        .iter()
        .map(|model| model.name.as_str())
        .collect();
    let platform = if need.platform.is_empty() {
        String::new()
    } else {
        format!(" ({})", need.platform)
    };
    let memory = memory
        .map(|memory| format!(" with {memory}{each}"))
        .unwrap_or_default();
    format!("{count} x {}{platform}{memory}", models.join(" or "))
}

/// No device of the platform was found: says why, as far as that is known.
fn nothing_here(host: &Host, name: &str) -> String {
    if !host.looked_for_devices() {
        return "devices were not looked for".into();
    }
    let why: Vec<&Note> = host
        .notes_on(name)
        .filter(|note| matches!(note.kind, NoteKind::Absent | NoteKind::Unread))
        .collect();
    let texts = |notes: &[&Note]| {
        notes
            .iter()
            .map(|note| note.to_string())
            .collect::<Vec<_>>()
            .join("; ")
    };
    let Some(platform) = platform(name) else {
        if name.is_empty() {
            let why = if why.is_empty() {
                String::new()
            } else {
                format!(" ({})", texts(&why))
            };
            return format!("no device here{why}");
        }
        let known: Vec<&str> = PLATFORMS.iter().map(|platform| platform.name).collect();
        return format!(
            "Tribunal cannot look for {name} devices (it can for {})",
            known.join(", ")
        );
    };
    if why.is_empty() {
        format!(
            "no {} device here (looked in {})",
            platform.maker, platform.looked_in
        )
    } else if why.iter().any(|note| note.kind == NoteKind::Unread) {
        format!(
            "{} devices could not be read ({})",
            platform.maker,
            texts(&why)
        )
    } else {
        format!("no {} driver here ({})", platform.maker, texts(&why))
    }
}

/// Enough devices, not enough memory on them.
fn too_small(
    host: &Host,
    need: &DeviceNeed,
    of_model: &[&Device],
    count: usize,
    large: usize,
) -> String {
    if large > 0 {
        return format!(
            "{large} of the {} here {} that much",
            of_model.len(),
            if large == 1 { "has" } else { "have" }
        );
    }
    let measured = of_model.iter().filter_map(|device| device.memory_total_gib);
    let unmeasured = of_model
        .iter()
        .filter(|device| device.memory_total_gib.is_none())
        .count();
    match measured.reduce(f64::max) {
        Some(largest) if unmeasured == 0 => {
            format!("the largest here has {} GiB", floor_gib(largest))
        }
        Some(largest) => format!(
            "the largest here has {} GiB, and the memory of {unmeasured} more is unmeasured",
            floor_gib(largest)
        ),
        None => {
            let of_it = if count == 1 && of_model.len() == 1 {
                "the device"
            } else {
                "the devices"
            };
            let why: Vec<String> = host
                .notes_on(&need.platform)
                .filter(|note| note.kind != NoteKind::Hidden)
                .map(ToString::to_string)
                .collect();
            let why = if why.is_empty() {
                String::new()
            } else {
                format!(" ({})", why.join("; "))
            };
            format!("the memory of {of_it} here is unmeasured{why}")
        }
    }
}

/// Not enough devices of the platform or model.
fn too_few(host: &Host, need: &DeviceNeed, here: &[&Device], visible: usize) -> String {
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for device in here {
        let label = device.label();
        match kinds.iter_mut().find(|(known, _)| *known == label) {
            Some((_, count)) => *count += 1,
            None => kinds.push((label, 1)),
        }
    }
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(label, count)| format!("{count} x {label}"))
        .collect();
    let mut text = format!("this host has {}", kinds.join(", "));
    if visible < here.len() {
        let hiding: Vec<String> = host
            .notes_on(&need.platform)
            .filter(|note| note.kind == NoteKind::Hidden)
            .map(ToString::to_string)
            .collect();
        let hiding = if hiding.is_empty() {
            String::new()
        } else {
            format!(" ({})", hiding.join("; "))
        };
        text.push_str(&format!(
            ", of which {visible} {} visible{hiding}",
            if visible == 1 { "is" } else { "are" }
        ));
    }
    // A model that nobody can read looks like a wrong one; the note tells them apart.
    let unread: Vec<String> = host
        .notes_on(&need.platform)
        .filter(|note| note.kind == NoteKind::Partial && !need.models.is_empty())
        .map(ToString::to_string)
        .collect();
    if !unread.is_empty() {
        text.push_str(&format!(" ({})", unread.join("; ")));
    }
    for model in &need.models {
        if let (Some(gib), true) = (
            model.vram_gib,
            here.iter().any(|device| model.is_by_name_alone(device)),
        ) {
            text.push_str(&format!(
                " (a declared {} has {gib} GiB; 15 % more or less is accepted)",
                model.name
            ));
        }
    }
    text
}
