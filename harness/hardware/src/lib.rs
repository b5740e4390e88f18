//! What devices this host has, what was measured of them, whether they meet a need, and who may use them.
//!
//! Four questions, four answers:
//!
//! * *What is here?* [`Host::probe`] asks every [`DeviceSource`] (NVML for NVIDIA, sysfs for AMD and Intel, device
//!   nodes for the others) side by side and within one limit. It never fails: what could not be read is a [`Note`].
//! * *Which declared device is this card?* [`device_is`] compares the driver's own name and the measured memory with
//!   a declaration; a label from the environment is never believed.
//! * *Can this case run here?* [`gate()`] is a pure function of a [`Host`] and a [`DeviceNeed`], and says in one
//!   sentence what is missing.
//! * *May I have it?* [`Leases`] gives devices, memory of them, names and shares of the host to one process at a time, or to
//!   several as far as there is room.
//!
//! [`Simulated`] devices stand in for real ones where there are none, and [`parse_layout`] reads them from words.
//!
//! * *What is going on there?* A [`LiveReader`] reads again and again what each device does and which processes hold what
//!   of it; [`Telemetry`] does so beside a run, and [`settle()`] tells whether a server has given back what it took.
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
mod cores;
mod device;
mod drm;
mod files;
mod gate;
mod host;
mod layout;
#[cfg(target_os = "linux")]
mod lease;
#[cfg(target_os = "linux")]
mod ledger_error;
mod live;
mod load;
mod matching;
mod measured;
mod nodes;
mod note;
mod nvidia;
mod platform;
mod probe;
mod proc_table;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod records;
mod settle;
#[cfg(target_os = "linux")]
mod shared_file;
#[cfg(target_os = "linux")]
mod simulated;
mod source;
#[cfg(target_os = "linux")]
mod sys;
mod telemetry;
mod visible;

pub use cores::{Cores, visible_cores};
pub use device::Device;
pub use gate::{DeclaredDevice, DeviceNeed, Unmet, gate, suitable};
pub use host::Host;
pub use layout::{FindModel, LayoutDevice, LayoutError, MOST_DEVICES, host_of, parse_layout};
#[cfg(target_os = "linux")]
pub use lease::{
    Amount, Capacity, Claim, DeviceClaim, HolderInfo, HostLimits, Lease, LeaseError, Leases,
    Waiter, waits_for,
};
#[cfg(target_os = "linux")]
pub use ledger_error::LedgerError;
pub use live::{DeviceProcess, Driver, Live, LiveDevice, LiveReader, LiveReading, Throttle};
pub use load::HostLoad;
pub use matching::{MEMORY_TOLERANCE, declared_as, device_is};
pub use measured::{Measured, MeasuredDevice};
pub use note::{Note, NoteKind};
pub use platform::{PLATFORMS, Platform, VISIBILITY_VARIABLES};
pub use probe::Probe;
pub use proc_table::tree_of;
#[cfg(target_os = "linux")]
pub use process::Process;
pub use settle::{Handover, Residue, SETTLE_BOUND, SETTLE_TOLERANCE, Settled, settle, settled};
#[cfg(target_os = "linux")]
pub use shared_file::{default_lease_folder, host_folder, open_shared};
#[cfg(target_os = "linux")]
pub use simulated::{
    AllocError, Allocation, DeviceUsage, ProcessUsage, Simulated, SimulatedSource,
};
pub use source::{DeviceSource, Reading, Unreadable};
pub use telemetry::{
    DevicePeak, DeviceSummary, HostSummary, Members, Range, TELEMETRY_INTERVAL, Telemetry,
    TelemetrySummary, TreeSummary, Watch,
};
