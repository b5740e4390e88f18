//! How much device memory a test needs, found by running it with less and less, and the markers that follow from it.
//!
//! Everything here decides or writes text; nothing runs a process, reads a device or opens a file. Whoever drives it
//! (`cargo tribunal profile-vram`) asks a [`Search`] what to try next and tells it how that ended, gathers a [`Trace`] of each run
//! and reads a [`Profile`] off it, and shows the [`text`] of both.
//!
//! * [`Search`]: by a fraction of the device's memory, by absolute bytes of KV cache, or by its tokens.
//! * [`Trace`], [`Profile`], [`Phase`]: what was sampled, and what it says for each device.
//! * [`Advice`]: the markers, and what to be warned of.
//! * [`rewrite()`]: the markers written into a source file, every other byte as it was.

mod advice;
mod ended;
mod phase;
mod probe;
mod profile;
mod rewrite;
mod search;
mod size;
pub mod text;
mod tier;
mod trace;

pub use advice::{Advice, Item, Marker, Measurement};
pub use ended::Ended;
pub use phase::Phase;
pub use probe::{Allowed, Kind, Probe, Scale, Tried};
pub use profile::{DeviceProfile, Profile};
pub use rewrite::{Change, Mistake, Place, Rewritten, rewrite};
pub use search::{Found, Outcome, Search, Settings, Step};
pub use size::{GIB, MIB};
pub use tier::{TIERS, Tier};
pub use trace::{Sample, Trace};

/// A change of memory up to this counts as none: readings of a device that nobody uses move by this much.
pub const TOLERANCE: u64 = 50 * MIB;
