//! What NVIDIA's cards do now, by NVML.
//!
//! Promise: one figure that a card does not give leaves the others standing; slices (MIG) stand where the inventory has them,
//! with memory and processes of their own and the rest of their card. Rejected: `nvidia-smi` (its columns change their names between
//! drivers, and a start of it takes longer than a sample may).

use std::collections::BTreeMap;
use std::path::Path;

use nvml_wrapper::enum_wrappers::device::{Clock, EccCounter, MemoryError, TemperatureSensor};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::ProcessInfo;
use nvml_wrapper::{Device as Card, Nvml as Library};
use nvml_wrapper::{cuda_driver_version_major, cuda_driver_version_minor};

use super::{DeviceProcess, Driver, LiveDevice, LiveReading, Namespace, Throttle};

/// Every card, or its slices, in the order of the inventory.
///
/// # Errors
/// The library does not answer at all.
pub(crate) fn read(library: &Library) -> Result<LiveReading, NvmlError> {
    let count = library.device_count()?;
    let namespace = Namespace::of(Path::new("/"));
    let mut reading = LiveReading {
        driver: Some(driver(library)),
        ..LiveReading::default()
    };
    for at in 0..count {
        let card = match library.device_by_index(at) {
            Ok(card) => card,
            Err(error) => {
                reading
                    .notes
                    .push(format!("card {at} cannot be read: {error}"));
                continue;
            }
        };
        // As in the inventory: cards without MIG answer "not supported".
        let places = card.mig_device_count().unwrap_or(0);
        let slices: Vec<Card<'_>> = (0..places)
            .filter_map(|place| card.mig_device_by_index(place).ok())
            .collect();
        if slices.is_empty() {
            let index = reading.devices.len() as u32;
            reading
                .devices
                .push(device(&card, &card, index, &namespace, &mut reading.notes));
        }
        for slice in &slices {
            let index = reading.devices.len() as u32;
            reading
                .devices
                .push(device(slice, &card, index, &namespace, &mut reading.notes));
        }
    }
    Ok(reading)
}

fn driver(library: &Library) -> Driver {
    let cuda = library.sys_cuda_driver_version().ok().map(|version| {
        format!(
            "{}.{}",
            cuda_driver_version_major(version),
            cuda_driver_version_minor(version)
        )
    });
    Driver {
        platform: "cuda".into(),
        version: library.sys_driver_version().ok(),
        cuda,
    }
}

/// One device: memory and processes of itself, clocks and heat of its card.
fn device(
    device: &Card<'_>,
    card: &Card<'_>,
    index: u32,
    namespace: &Namespace,
    notes: &mut Vec<String>,
) -> LiveDevice {
    let name = device
        .name()
        .unwrap_or_else(|_| "NVIDIA device without a name".into());
    let mut live = LiveDevice::new("cuda", index, name);
    live.uuid = device.uuid().ok();
    match device.memory_info() {
        Ok(memory) if memory.total > 0 => {
            live.memory_total = Some(memory.total);
            live.memory_used = Some(memory.used);
            live.memory_reserved = Some(memory.reserved);
            live.memory_free = Some(memory.free);
        }
        Ok(_) => notes.push(format!(
            "memory of device {index}: the driver says 0 bytes in all"
        )),
        Err(error) => notes.push(format!("memory of device {index}: {error}")),
    }
    match processes(device) {
        Ok(listed) => match namespace.believe(listed, "/dev/nvidia") {
            Ok(listed) => live.processes = Some(listed),
            Err(reason) => live.processes_note = Some(reason),
        },
        Err(error) => {
            live.processes_note = Some(format!("the driver does not list processes: {error}"));
        }
    }
    live.utilisation_percent = card.utilization_rates().ok().map(|rates| rates.gpu);
    live.core_clock_mhz = card.clock_info(Clock::SM).ok();
    live.core_clock_max_mhz = card.max_clock_info(Clock::SM).ok();
    live.memory_clock_mhz = card.clock_info(Clock::Memory).ok();
    live.memory_clock_max_mhz = card.max_clock_info(Clock::Memory).ok();
    live.power_watts = card.power_usage().ok().map(watts);
    live.power_limit_watts = card.enforced_power_limit().ok().map(watts);
    live.temperature_celsius = card.temperature(TemperatureSensor::Gpu).ok();
    live.throttle = card
        .current_throttle_reasons()
        .ok()
        .map(|reasons| Throttle::of_bits(reasons.bits()));
    live.mig = card.mig_mode().ok().map(|mode| mode.current == MIG_ENABLED);
    live.ecc = card.is_ecc_enabled().ok().map(|ecc| ecc.currently_enabled);
    if live.ecc == Some(true) {
        live.ecc_uncorrected = card
            .total_ecc_errors(MemoryError::Uncorrected, EccCounter::Volatile)
            .ok();
    }
    live
}

/// NVML's number for "MIG is on".
const MIG_ENABLED: u32 = 1;

fn watts(milliwatts: u32) -> f64 {
    f64::from(milliwatts) / 1000.0
}

/// Computing and drawing processes; one that does both stands in both lists with the same figure.
fn processes(device: &Card<'_>) -> Result<Vec<DeviceProcess>, NvmlError> {
    let computing = device.running_compute_processes()?;
    // Slices and some cards for computing have no list of drawing processes.
    let drawing = device.running_graphics_processes().unwrap_or_default();
    Ok(union(computing.into_iter().chain(drawing).map(figure)))
}

fn figure(process: ProcessInfo) -> (u32, Option<u64>) {
    let bytes = match process.used_gpu_memory {
        UsedGpuMemory::Used(bytes) => Some(bytes),
        UsedGpuMemory::Unavailable => None,
    };
    (process.pid, bytes)
}

/// Each pid once, with the larger figure; without one where either entry has none.
fn union(listed: impl Iterator<Item = (u32, Option<u64>)>) -> Vec<DeviceProcess> {
    let mut all: BTreeMap<u32, Option<u64>> = BTreeMap::new();
    for (pid, bytes) in listed {
        all.entry(pid)
            .and_modify(|known| *known = known.zip(bytes).map(|(one, two)| one.max(two)))
            .or_insert(bytes);
    }
    all.into_iter()
        .map(|(pid, bytes)| DeviceProcess::new(pid, bytes))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_computes_and_draws_counts_once() {
        let listed = [
            (7, Some(10)),
            (3, Some(5)),
            (7, Some(12)),
            (9, Some(1)),
            (9, None),
        ];
        assert_eq!(
            union(listed.into_iter()),
            [
                DeviceProcess::new(3, Some(5)),
                DeviceProcess::new(7, Some(12)),
                DeviceProcess::new(9, None)
            ]
        );
    }
}
