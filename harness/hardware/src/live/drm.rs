//! What AMD's and Intel's cards do now, as the kernel's graphics drivers say it in `/sys/class/drm`.
//!
//! Promise: only files are read, each with a bound, and what a driver does not offer is `None`; processes come from the
//! kernel's own books ([`super::kfd`], [`super::fdinfo`]). Rejected: the vendors' libraries (a binary that links them starts
//! nowhere else) and programs (`amd-smi` can hang where a card does).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::{DeviceProcess, Driver, LiveDevice, Namespace, fdinfo, kfd};
use crate::device::Device;
use crate::files;
use crate::proc_table;

/// A card's folder and its PCI address.
pub(crate) struct Place<'a> {
    pub(crate) address: &'a str,
    pub(crate) folder: &'a Path,
}

/// What one card does, in addition to what the inventory says.
pub(crate) fn amd(place: &Place<'_>, known: &Device) -> LiveDevice {
    let mut live = begin(place, known);
    let card = place.folder;
    live.memory_total = files::number(&card.join("mem_info_vram_total")).filter(|bytes| *bytes > 0);
    live.memory_used = files::number(&card.join("mem_info_vram_used"));
    live.utilisation_percent = small(&card.join("gpu_busy_percent"));
    let core = files::text(&card.join("pp_dpm_sclk")).map(|text| clocks(&text));
    let memory = files::text(&card.join("pp_dpm_mclk")).map(|text| clocks(&text));
    (live.core_clock_mhz, live.core_clock_max_mhz) = core.unwrap_or_default();
    (live.memory_clock_mhz, live.memory_clock_max_mhz) = memory.unwrap_or_default();
    live
}

/// As [`amd`], for a card of Intel. Only some of its drivers offer these files.
pub(crate) fn intel(place: &Place<'_>, known: &Device) -> LiveDevice {
    let mut live = begin(place, known);
    let device = place.folder;
    // Of the driver i915 beside the card's `device`, of xe below it.
    let card = device.parent().unwrap_or(device);
    let first = |paths: &[std::path::PathBuf]| paths.iter().find_map(|path| files::number(path));
    live.memory_total = first(&[
        card.join("lmem_total_bytes"),
        device.join("tile0/physical_vram_size_bytes"),
    ])
    .filter(|bytes| *bytes > 0);
    live.memory_free = files::number(&card.join("lmem_avail_bytes"));
    live.memory_used = live
        .memory_total
        .zip(live.memory_free)
        .map(|(total, free)| total.saturating_sub(free));
    let clock = |paths: [std::path::PathBuf; 2]| first(&paths).and_then(|mhz| mhz.try_into().ok());
    live.core_clock_mhz = clock([
        card.join("gt_act_freq_mhz"),
        device.join("tile0/gt0/freq0/act_freq"),
    ]);
    live.core_clock_max_mhz = clock([
        card.join("gt_RP0_freq_mhz"),
        device.join("tile0/gt0/freq0/rp0_freq"),
    ]);
    live
}

fn begin(place: &Place<'_>, known: &Device) -> LiveDevice {
    let mut live = LiveDevice::new(&known.platform, known.index, &known.name);
    live.uuid.clone_from(&known.uuid);
    sensors(place.folder, &mut live);
    live
}

/// Power and temperature, by the card's first sensor chip. Micro- and milliunits, as the kernel's hwmon has them.
fn sensors(card: &Path, live: &mut LiveDevice) {
    let list = card.join("hwmon");
    let Some(chip) = files::names(&list).into_iter().next() else {
        return;
    };
    let chip = list.join(chip);
    let watts = |name: &str| files::number(&chip.join(name)).map(|micro| micro as f64 / 1e6);
    live.power_watts = watts("power1_average").or_else(|| watts("power1_input"));
    live.power_limit_watts = watts("power1_cap").or_else(|| watts("power1_max"));
    // `temp1` is the edge of AMD's chip; Intel's cards begin with `temp2`.
    live.temperature_celsius = ["temp1_input", "temp2_input"]
        .iter()
        .find_map(|name| files::number(&chip.join(name)))
        .and_then(|milli| u32::try_from(milli / 1000).ok());
}

/// AMD's steps: `0: 132Mhz`, and the one in force with a star. Now, and the highest of all.
fn clocks(text: &str) -> (Option<u32>, Option<u32>) {
    let mhz = |line: &str| -> Option<u32> {
        let value = line.split_once(':')?.1.trim().trim_end_matches('*').trim();
        let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let unit = value[digits..].to_ascii_lowercase();
        (unit == "mhz").then(|| value[..digits].parse().ok())?
    };
    let now = text
        .lines()
        .find(|line| line.trim_end().ends_with('*'))
        .and_then(mhz);
    (now, text.lines().filter_map(mhz).max())
}

fn small(path: &Path) -> Option<u32> {
    files::number(path)?.try_into().ok()
}

/// The driver's version where it has one of its own; modules of the kernel's own tree have none.
pub(crate) fn driver(root: &Path, platform: &str, modules: &[&str]) -> Option<Driver> {
    let version = modules.iter().find_map(|module| {
        let version = files::text(&root.join("sys/module").join(module).join("version"))?;
        Some(format!("{module} {version}"))
    })?;
    Some(Driver {
        platform: platform.into(),
        version: Some(version),
        cuda: None,
    })
}

/// Who holds what, for cards with these addresses, from both books of the kernel.
pub(crate) struct Holders {
    files: fdinfo::Found,
    computing: Option<Result<Books, String>>,
}

/// By a card's address, what each process holds.
type Books = HashMap<String, BTreeMap<u32, Option<u64>>>;

impl Holders {
    /// Looks at all processes below the root. Slow in comparison with the rest: once per reading.
    pub(crate) fn read(root: &Path) -> Holders {
        let computing = kfd::read(root).map(|books| {
            // Every number of the books must be one of this place before any is believed.
            let all = books.values().flatten();
            let listed: Vec<DeviceProcess> = all
                .map(|(pid, bytes)| DeviceProcess::new(*pid, *bytes))
                .collect();
            if listed.is_empty() {
                return Ok(books);
            }
            Namespace::of(root)
                .believe(listed, "/dev/kfd")
                .map(|_| books)
        });
        Holders {
            files: fdinfo::scan(root),
            computing,
        }
    }

    /// Enters who holds memory of the card at this address.
    pub(crate) fn enter(&self, root: &Path, address: &str, live: &mut LiveDevice) {
        let mut held = self.files.held.get(address).cloned().unwrap_or_default();
        let mut missing = Vec::new();
        match &self.computing {
            // Both books may hold the same memory, so that the larger figure is taken and not the sum.
            Some(Ok(books)) => {
                for (pid, bytes) in books.get(address).into_iter().flatten() {
                    held.entry(*pid)
                        .and_modify(|known| *known = (*known).max(*bytes))
                        .or_insert(*bytes);
                }
            }
            Some(Err(reason)) => missing.push(reason.clone()),
            None if self.files.unseen > 0 => {
                missing.push("processes of other users cannot be looked at".into());
            }
            None => {}
        }
        if self.files.cut {
            missing.push("there are too many processes to look at all of them".into());
        }
        let listed = held.into_iter().map(|(pid, bytes)| DeviceProcess {
            start_time: proc_table::start_time(root, pid),
            ..DeviceProcess::new(pid, bytes)
        });
        live.processes_note = (!missing.is_empty()).then(|| missing.join("; "));
        // A list of which this process's own may be missing is none.
        let own_may_miss = self.files.cut || matches!(self.computing, Some(Err(_)));
        live.processes = (!own_may_miss).then(|| listed.collect());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn steps_of_a_clock_give_the_one_in_force_and_the_highest() {
        assert_eq!(
            clocks("0: 132Mhz\n1: 800Mhz *\n2: 2100Mhz\n"),
            (Some(800), Some(2100))
        );
        assert_eq!(clocks("0: 500Mhz *"), (Some(500), Some(500)));
        assert_eq!(clocks("S: 19Mhz *\n0: 1Ghz\nx\n"), (Some(19), Some(19)));
        assert_eq!(clocks(""), (None, None));
        assert_eq!(clocks("0: 99999999999Mhz *"), (None, None));
    }

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn an_amd_card_says_what_it_does() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            &[
                ("mem_info_vram_total", "1000"),
                ("mem_info_vram_used", "10"),
                ("gpu_busy_percent", "97\n"),
                ("pp_dpm_sclk", "0: 132Mhz\n1: 2100Mhz *\n"),
                ("pp_dpm_mclk", "0: 900Mhz *\n"),
                ("hwmon/hwmon3/power1_average", "550000000\n"),
                ("hwmon/hwmon3/power1_cap", "750000000\n"),
                ("hwmon/hwmon3/temp1_input", "61500\n"),
            ],
        );
        let place = Place {
            address: "a",
            folder: root.path(),
        };
        let live = amd(&place, &Device::new("rocm", 1, "X").with_uuid("GPU-9"));
        assert_eq!((live.index, live.key().as_str()), (1, "GPU-9"));
        assert_eq!((live.memory_used, live.free()), (Some(10), Some(990)));
        assert_eq!(live.utilisation_percent, Some(97));
        assert_eq!(
            (live.core_clock_mhz, live.memory_clock_max_mhz),
            (Some(2100), Some(900))
        );
        assert_eq!(
            (live.power_watts, live.power_limit_watts),
            (Some(550.0), Some(750.0))
        );
        assert_eq!(live.temperature_celsius, Some(61));
        assert_eq!((live.throttle, live.mig), (None, None));
    }

    #[test]
    fn an_intel_card_without_files_is_unmeasured_and_with_them_measured() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("device");
        fs::create_dir(&folder).unwrap();
        let place = Place {
            address: "a",
            folder: &folder,
        };
        let known = Device::new("xpu", 0, "Intel device 0x0bd5");
        let live = intel(&place, &known);
        assert_eq!((live.memory_total, live.memory_used), (None, None));
        write(
            root.path(),
            &[
                ("lmem_total_bytes", "100"),
                ("lmem_avail_bytes", "70"),
                ("gt_act_freq_mhz", "900"),
            ],
        );
        let live = intel(&place, &known);
        assert_eq!((live.memory_total, live.memory_used), (Some(100), Some(30)));
        assert_eq!(live.core_clock_mhz, Some(900));
    }

    #[test]
    fn both_books_hold_the_same_memory_and_count_once() {
        let held = |bytes| HashMap::from([("a".to_string(), BTreeMap::from([(7, bytes)]))]);
        let holders = |files: fdinfo::Found, computing| Holders { files, computing };
        let found = |unseen, cut| fdinfo::Found {
            held: held(Some(5)),
            unseen,
            cut,
        };
        let read = |holders: &Holders| {
            let mut live = LiveDevice::new("rocm", 0, "x");
            holders.enter(Path::new("/nowhere"), "a", &mut live);
            (live.processes, live.processes_note)
        };
        let list = |bytes| Some(vec![DeviceProcess::new(7, bytes)]);
        assert_eq!(
            read(&holders(found(3, false), Some(Ok(held(Some(9)))))),
            (list(Some(9)), None)
        );
        let (processes, note) = read(&holders(found(3, false), None));
        assert_eq!(processes, list(Some(5)));
        assert!(note.unwrap().contains("other users"));
        let (processes, note) = read(&holders(found(0, true), None));
        assert_eq!(processes, None);
        assert!(note.unwrap().contains("too many"));
        let container = Some(Err("a container".to_string()));
        let (processes, note) = read(&holders(found(0, false), container));
        assert_eq!((processes, note.as_deref()), (None, Some("a container")));
    }
}
