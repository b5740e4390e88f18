//! What devices this host has, what was measured of them, and whether they meet a need.
//!
//! Three questions, three answers:
//!
//! * *What is here?* [`Host::probe`] asks every [`DeviceSource`] (NVML for NVIDIA, sysfs for AMD and Intel, device
//!   nodes for the others) side by side and within one limit. It never fails: what could not be read is a [`Note`].
//! * *Which declared device is this card?* [`device_is`] compares the driver's own name and the measured memory with
//!   a declaration; a label from the environment is never believed.
//! * *Can this case run here?* [`gate()`] is a pure function of a [`Host`] and a [`DeviceNeed`], and says in one
//!   sentence what is missing.
//!
//! One rule holds everywhere: a figure that could not be read is `None`, *unmeasured*, and never zero. An unmeasured
//! device is not given to a case that states how much memory it needs.
//!
//! ```
//! use tribunal_hardware::{DeviceNeed, Host, gate};
//!
//! let host = Host::without_devices();
//! let need = DeviceNeed { platform: "cuda".into(), count: 1, ..DeviceNeed::default() };
//! assert_eq!(
//!     gate(&host, &need).unwrap_err().to_string(),
//!     "needs 1 cuda device; devices were not looked for"
//! );
//! ```

mod cache;
mod device;
mod drm;
mod files;
mod gate;
mod host;
mod matching;
mod measured;
mod nodes;
mod note;
mod nvidia;
mod platform;
mod probe;
mod source;
mod visible;

pub use device::Device;
pub use gate::{DeclaredDevice, DeviceNeed, Unmet, gate};
pub use host::Host;
pub use matching::{MEMORY_TOLERANCE, declared_as, device_is};
pub use measured::{Measured, MeasuredDevice};
pub use note::{Note, NoteKind};
pub use platform::VISIBILITY_VARIABLES;
pub use probe::Probe;
pub use source::{DeviceSource, Reading, Unreadable};
