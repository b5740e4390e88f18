//! NVIDIA devices: by NVML, and without it by what the kernel driver says in /proc.
//!
//! Promise: the library is loaded at run time, so that the same binary works where no driver is; a missing library is an
//! ordinary answer. MIG slices stand in the place of their card, because programs can only use the slices. Rejected: running
//! `nvidia-smi` (its output changes between versions, and it is missing in many containers that have the library).

use std::path::PathBuf;
use std::sync::Mutex;

use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device as NvmlDevice, Nvml as Library};

use crate::device::Device;
use crate::files;
use crate::live::{self, LiveReading};
use crate::source::{DeviceSource, Reading, Unreadable};

/// The driver's management library, `libnvidia-ml.so.1`. Opening it takes longer than a reading, so that it stays open.
#[derive(Default)]
pub(crate) struct Nvml {
    library: Mutex<Option<Library>>,
}

impl Nvml {
    /// Does something with the library. One that failed is opened anew the next time: a card that fell off the bus, or a driver
    /// that was replaced under it, makes every later answer of the old handle worthless.
    fn with<T>(&self, ask: impl FnOnce(&Library) -> Result<T, NvmlError>) -> Result<T, Unreadable> {
        // Nothing is left half-changed by a panic: the handle is whole or gone.
        let mut kept = self
            .library
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let library = match kept.take() {
            Some(library) => library,
            None => Library::init().map_err(unreadable)?,
        };
        let answer = ask(&library).map_err(unreadable)?;
        *kept = Some(library);
        Ok(answer)
    }
}

impl DeviceSource for Nvml {
    fn name(&self) -> &str {
        "NVML"
    }

    fn platform(&self) -> &str {
        "cuda"
    }

    fn read(&self) -> Result<Reading, Unreadable> {
        self.with(|library| {
            let count = library.device_count()?;
            let mut reading = Reading::default();
            for at in 0..count {
                match library.device_by_index(at) {
                    Ok(card) => add_card(&card, at, &mut reading),
                    Err(error) => reading
                        .notes
                        .push(format!("card {at} cannot be read: {error}")),
                }
            }
            Ok(reading)
        })
    }

    fn read_live(&self) -> Result<LiveReading, Unreadable> {
        self.with(live::nvml::read)
    }
}

/// What NVML's error means for a host: nothing here, or something that does not answer.
fn unreadable(error: NvmlError) -> Unreadable {
    match error {
        NvmlError::LibloadingError(error) => {
            // The loader's text names the file and why; "No such file" is by far the most frequent and reads badly.
            let text = error.to_string();
            if text.contains("No such file") || text.contains("cannot open shared object") {
                Unreadable::Absent("libnvidia-ml.so.1 not found".into())
            } else {
                Unreadable::Failed(format!("libnvidia-ml.so.1 cannot be loaded: {text}"))
            }
        }
        NvmlError::DriverNotLoaded => Unreadable::Absent("the NVIDIA driver is not loaded".into()),
        other => Unreadable::Failed(other.to_string()),
    }
}

/// The card, or its slices where it is cut into some.
fn add_card(card: &NvmlDevice<'_>, at: u32, reading: &mut Reading) {
    // Cards without MIG answer "not supported"; that is the same as no slice.
    let places = card.mig_device_count().unwrap_or(0);
    let slices: Vec<NvmlDevice<'_>> = (0..places)
        .filter_map(|place| card.mig_device_by_index(place).ok())
        .collect();
    if slices.is_empty() {
        add(card, &format!("card {at}"), reading);
    }
    for (place, slice) in slices.iter().enumerate() {
        add(slice, &format!("slice {place} of card {at}"), reading);
    }
}

fn add(device: &NvmlDevice<'_>, what: &str, reading: &mut Reading) {
    // Places are counted over cards and slices, so that an index names one device.
    let index = reading.devices.len() as u32;
    let mut unread =
        |figure: &str, error: NvmlError| reading.notes.push(format!("{figure} of {what}: {error}"));
    let name = device.name().map_err(|error| unread("name", error)).ok();
    let uuid = device.uuid().map_err(|error| unread("uuid", error)).ok();
    let memory = device
        .memory_info()
        .map_err(|error| unread("memory", error))
        .ok();
    let mut found = Device::new(
        "cuda",
        index,
        name.unwrap_or_else(|| "NVIDIA device without a name".into()),
    )
    .with_memory_bytes(
        memory.as_ref().map(|memory| memory.total),
        memory.as_ref().map(|memory| memory.used),
    );
    found.uuid = uuid;
    reading.devices.push(found);
}

/// The kernel driver's own list, `/proc/driver/nvidia/gpus`: name and uuid without any library.
pub(crate) struct NvidiaProc {
    pub(crate) root: PathBuf,
}

impl DeviceSource for NvidiaProc {
    fn name(&self) -> &str {
        "/proc/driver/nvidia"
    }

    fn platform(&self) -> &str {
        "cuda"
    }

    fn read(&self) -> Result<Reading, Unreadable> {
        let mut reading = Reading::default();
        let list = self.root.join("proc/driver/nvidia/gpus");
        // Names are PCI addresses, whose order is the driver's.
        for address in files::names(&list) {
            let Some(text) = files::text(&list.join(&address).join("information")) else {
                continue;
            };
            let field = |name: &str| {
                text.lines().find_map(|line| {
                    Some(
                        line.strip_prefix(name)?
                            .strip_prefix(':')?
                            .trim()
                            .to_string(),
                    )
                })
            };
            // A container sees every card in /proc, and the device nodes of its own alone.
            let node =
                field("Device Minor").map(|minor| self.root.join(format!("dev/nvidia{minor}")));
            if node.is_none_or(|node| !node.exists()) {
                reading.notes.push(format!(
                    "card {address} has no device node here, and is left out"
                ));
                continue;
            }
            let index = reading.devices.len() as u32;
            let name = field("Model").unwrap_or_else(|| "NVIDIA device without a name".into());
            let mut device = Device::new("cuda", index, name);
            // The driver writes question marks until somebody has opened the card.
            device.uuid =
                field("GPU UUID").filter(|uuid| uuid.starts_with("GPU-") && !uuid.contains('?'));
            reading.devices.push(device);
        }
        if !reading.devices.is_empty() {
            reading
                .notes
                .push("memory is unmeasured without NVML".into());
        }
        Ok(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_library_are_sorted_into_absent_and_failed() {
        assert_eq!(
            unreadable(NvmlError::DriverNotLoaded),
            Unreadable::Absent("the NVIDIA driver is not loaded".into())
        );
        assert!(
            matches!(unreadable(NvmlError::NoPermission), Unreadable::Failed(text) if text.contains("permission"))
        );
    }

    #[test]
    fn a_library_that_is_not_there_is_absent() {
        let missing = Library::builder()
            .lib_path("libnvidia-ml-that-nobody-has.so.1".as_ref())
            .init()
            .unwrap_err();
        assert_eq!(
            unreadable(missing),
            Unreadable::Absent("libnvidia-ml.so.1 not found".into())
        );
    }

    #[test]
    fn a_library_that_is_no_library_has_failed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libnvidia-ml.so.1");
        std::fs::write(&path, "no library").unwrap();
        let broken = Library::builder()
            .lib_path(path.as_os_str())
            .init()
            .unwrap_err();
        assert!(
            matches!(unreadable(broken), Unreadable::Failed(text) if text.contains("cannot be loaded"))
        );
    }
}
