//! Probes of made-up hosts: trees of files, sources that answer or hang, and the cache between processes.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tribunal_hardware::{
    Device, DeviceNeed, DeviceSource, Host, NoteKind, Probe, Reading, Unreadable,
    VISIBILITY_VARIABLES, gate,
};

/// Long enough for any of these trees on a busy machine; nothing waits for it.
const LIMIT: Duration = Duration::from_secs(60);

fn scaffold(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn probe(files: &[(&str, &str)]) -> Host {
    let root = tempfile::tempdir().unwrap();
    scaffold(root.path(), files);
    Probe::tree(root.path()).run(LIMIT)
}

fn notes(host: &Host) -> Vec<String> {
    host.notes().iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_tree_has_no_devices_and_nothing_to_explain() {
    let host = probe(&[]);
    assert_eq!((host.devices(), notes(&host)), (&[][..], vec![]));
    assert!(host.looked_for_devices());
}

#[test]
fn amd_cards_with_name_and_memory() {
    let host = probe(&[
        ("dev/kfd", ""),
        // The second card by PCI address has the lower number: the address decides.
        ("sys/class/drm/card0/device/vendor", "0x1002\n"),
        (
            "sys/class/drm/card0/device/uevent",
            "DRIVER=amdgpu\nPCI_SLOT_NAME=0000:83:00.0\n",
        ),
        (
            "sys/class/drm/card0/device/product_name",
            "AMD Instinct MI325X OAM\n",
        ),
        ("sys/class/drm/card0/device/unique_id", "b16d9dbc22c7a1f5\n"),
        (
            "sys/class/drm/card0/device/mem_info_vram_total",
            "274877906944\n",
        ),
        ("sys/class/drm/card0/device/mem_info_vram_used", "0\n"),
        ("sys/class/drm/card0-DP-1/device/vendor", "0x1002\n"),
        ("sys/class/drm/card1/device/vendor", "0x1002\n"),
        (
            "sys/class/drm/card1/device/uevent",
            "PCI_SLOT_NAME=0000:03:00.0\n",
        ),
        ("sys/class/drm/card1/device/device", "0x74a1\n"),
        (
            "sys/class/drm/card1/device/mem_info_vram_total",
            "nonsense\n",
        ),
        ("sys/class/drm/renderD128/device/vendor", "0x1002\n"),
        ("sys/class/drm/card2/device/vendor", "0x1234\n"),
    ]);
    assert_eq!(
        host.devices(),
        [
            Device::new("rocm", 0, "AMD device 0x74a1"),
            Device::new("rocm", 1, "AMD Instinct MI325X OAM")
                .with_uuid("GPU-b16d9dbc22c7a1f5")
                .with_memory_gib(Some(256.0), Some(0.0)),
        ]
    );
    assert_eq!(
        notes(&host),
        [
            "sysfs: the driver does not name the card at 0000:03:00.0; no model matches it",
            "sysfs: the memory of the card at 0000:03:00.0 is unmeasured",
        ]
    );
}

#[test]
fn an_amd_card_of_zero_bytes_is_unmeasured() {
    let host = probe(&[
        ("dev/kfd", ""),
        ("sys/class/drm/card0/device/vendor", "0x1002"),
        ("sys/class/drm/card0/device/product_name", "X"),
        ("sys/class/drm/card0/device/mem_info_vram_total", "0"),
        ("sys/class/drm/card0/device/mem_info_vram_used", "0"),
    ]);
    assert_eq!(host.devices()[0].memory_total_gib, None);
    assert!(
        notes(&host)[0].contains("is unmeasured"),
        "{:?}",
        notes(&host)
    );
}

#[test]
fn amd_cards_without_kfd_cannot_be_used() {
    let host = probe(&[("sys/class/drm/card0/device/vendor", "0x1002")]);
    assert_eq!(host.devices().len(), 1);
    assert_eq!(host.platforms().count(), 0);
    let need = DeviceNeed {
        platform: "rocm".into(),
        count: 1,
        ..DeviceNeed::default()
    };
    let reason = gate(&host, &need).unwrap_err().to_string();
    assert!(reason.contains("of which 0 are visible"), "{reason}");
    assert!(
        notes(&host)[0].contains("/dev/kfd is missing"),
        "{:?}",
        notes(&host)
    );
}

#[test]
fn intel_cards_count_and_graphics_in_the_processor_do_not() {
    let host = probe(&[
        ("sys/class/drm/card0/device/vendor", "0x8086"),
        (
            "sys/class/drm/card0/device/uevent",
            "PCI_SLOT_NAME=0000:00:02.0",
        ),
        ("sys/class/drm/card1/device/vendor", "0x8086"),
        (
            "sys/class/drm/card1/device/uevent",
            "PCI_SLOT_NAME=0000:4d:00.0",
        ),
        ("sys/class/drm/card1/device/device", "0x0bd5"),
    ]);
    assert_eq!(
        host.devices(),
        [Device::new("xpu", 0, "Intel device 0x0bd5")]
    );
    assert_eq!(notes(&host), ["sysfs: model and memory are unmeasured"]);
}

#[test]
fn device_nodes_are_counted_and_unmeasured() {
    let host = probe(&[
        ("dev/davinci0", ""),
        ("dev/davinci10", ""),
        ("dev/davinci2", ""),
        ("dev/davinci_manager", ""),
        ("dev/mtgpu.0", ""),
        ("dev/neuron0", ""),
        ("dev/neuron_x", ""),
    ]);
    let found: Vec<(&str, u32)> = host
        .devices()
        .iter()
        .map(|device| (device.platform.as_str(), device.index))
        .collect();
    assert_eq!(
        found,
        [
            ("npu", 0),
            ("npu", 2),
            ("npu", 10),
            ("musa", 0),
            ("neuron", 0)
        ]
    );
    assert!(
        host.devices()
            .iter()
            .all(|device| device.memory_total_gib.is_none() && device.memory_used_gib.is_none())
    );
    assert_eq!(
        host.platforms().collect::<Vec<_>>(),
        ["npu", "musa", "neuron"]
    );
    assert_eq!(host.notes().len(), 3);
    let memory = DeviceNeed {
        platform: "npu".into(),
        count: 1,
        max_vram_gib: Some(1.0),
        ..DeviceNeed::default()
    };
    assert!(
        gate(&host, &memory)
            .unwrap_err()
            .reason()
            .contains("is unmeasured")
    );
}

#[test]
fn nvidia_cards_by_the_kernel_driver_alone() {
    let information = |name: &str, uuid: &str, minor: &str| {
        format!(
            "Model: \t\t {name}\nIRQ:   \t\t 11\nGPU UUID: \t {uuid}\nDevice Minor: \t {minor}\nGPU Excluded:\t No\n"
        )
    };
    let host = probe(&[
        ("dev/nvidia0", ""),
        ("dev/nvidia2", ""),
        (
            "proc/driver/nvidia/gpus/0000:07:00.0/information",
            &information("NVIDIA H100 80GB HBM3", "GPU-ab12", "0"),
        ),
        (
            "proc/driver/nvidia/gpus/0000:0a:00.0/information",
            &information("NVIDIA H100 80GB HBM3", "GPU-cd34", "1"),
        ),
        (
            "proc/driver/nvidia/gpus/0000:47:00.0/information",
            &information("NVIDIA L4", "GPU-????????-????", "2"),
        ),
        (
            "proc/driver/nvidia/gpus/0000:4d:00.0/information",
            "nonsense",
        ),
    ]);
    assert_eq!(
        host.devices(),
        [
            Device::new("cuda", 0, "NVIDIA H100 80GB HBM3").with_uuid("GPU-ab12"),
            Device::new("cuda", 1, "NVIDIA L4")
        ]
    );
    assert_eq!(host.notes().len(), 3, "{:?}", notes(&host));
    assert!(
        notes(&host)[2].contains("memory is unmeasured without NVML"),
        "{:?}",
        notes(&host)
    );
}

#[test]
fn the_environment_hides_devices() {
    let root = tempfile::tempdir().unwrap();
    scaffold(root.path(), &[("dev/davinci0", ""), ("dev/davinci1", "")]);
    let variable = |value: &str| [("ASCEND_RT_VISIBLE_DEVICES".to_string(), value.to_string())];
    let host = Probe::tree(root.path())
        .with_environment(variable("1"))
        .run(LIMIT);
    let visible: Vec<bool> = host.devices().iter().map(|device| device.visible).collect();
    assert_eq!(visible, [false, true]);
    assert_eq!(host.notes()[1].kind, NoteKind::Hidden);
    assert!(VISIBILITY_VARIABLES.contains(&"ASCEND_RT_VISIBLE_DEVICES"));
}

/// One card, and how often it was asked for.
struct Counting {
    asked: AtomicUsize,
}

impl DeviceSource for Counting {
    fn name(&self) -> &str {
        "fake"
    }
    fn platform(&self) -> &str {
        "cuda"
    }
    fn read(&self) -> Result<Reading, Unreadable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let card = |index| {
            Device::new("cuda", index, "NVIDIA L4")
                .with_memory_gib(Some(22.494_873_046_875), Some(0.3))
        };
        Ok(Reading {
            devices: vec![card(0), card(1)],
            notes: vec![],
        })
    }
}

/// A source that answers when it is told to.
struct Hanging(Mutex<mpsc::Receiver<()>>);

impl DeviceSource for Hanging {
    fn name(&self) -> &str {
        "NVML"
    }
    fn platform(&self) -> &str {
        "cuda"
    }
    fn read(&self) -> Result<Reading, Unreadable> {
        let _ = self.0.lock().unwrap().recv();
        Ok(Reading {
            devices: vec![Device::new("cuda", 0, "too late")],
            notes: vec![],
        })
    }
}

#[test]
fn a_driver_that_hangs_costs_its_limit_and_is_named_in_the_gate() {
    let (open, never) = mpsc::channel();
    let host = Probe::empty()
        .with_source(Arc::new(Hanging(Mutex::new(never))))
        .run(Duration::from_millis(20));
    let need = DeviceNeed {
        platform: "cuda".into(),
        count: 1,
        ..DeviceNeed::default()
    };
    assert_eq!(
        gate(&host, &need).unwrap_err().to_string(),
        "needs 1 cuda device; NVIDIA devices could not be read (NVML: no answer within 20ms)"
    );
    drop(open);
}

#[test]
fn the_processes_of_a_run_ask_once() {
    let dir = tempfile::tempdir().unwrap();
    let source = Arc::new(Counting {
        asked: AtomicUsize::new(0),
    });
    let probe = Probe::empty().with_source(Arc::clone(&source) as Arc<dyn DeviceSource>);
    let first = probe.run_cached("run-1", dir.path(), LIMIT);
    // Another process of the run is another probe with another environment.
    let hidden = probe
        .clone()
        .with_environment([("CUDA_VISIBLE_DEVICES".into(), "1".into())]);
    let second = hidden.run_cached("run-1", dir.path(), LIMIT);
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);
    assert_eq!(first.devices()[1], second.devices()[1]);
    assert_eq!(
        (first.devices()[0].visible, second.devices()[0].visible),
        (true, false)
    );
    probe.run_cached("run-2", dir.path(), LIMIT);
    assert_eq!(source.asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_spoilt_cache_costs_a_note_and_a_probe() {
    let dir = tempfile::tempdir().unwrap();
    let source = Arc::new(Counting {
        asked: AtomicUsize::new(0),
    });
    let probe = Probe::empty().with_source(Arc::clone(&source) as Arc<dyn DeviceSource>);
    probe.run_cached("run", dir.path(), LIMIT);
    let file = fs::read_dir(dir.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::write(&file, "{\"schema\":").unwrap();
    let host = probe.run_cached("run", dir.path(), LIMIT);
    assert_eq!(host.devices().len(), 2);
    assert!(
        notes(&host)[0].contains("is not used"),
        "{:?}",
        notes(&host)
    );
    // The file was made whole again.
    assert_eq!(probe.run_cached("run", dir.path(), LIMIT).notes(), []);
    assert_eq!(source.asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_folder_that_cannot_be_written_costs_a_note() {
    let dir = tempfile::tempdir().unwrap();
    let no_folder = dir.path().join("file");
    fs::write(&no_folder, "").unwrap();
    let source: Arc<dyn DeviceSource> = Arc::new(Counting {
        asked: AtomicUsize::new(0),
    });
    let host = Probe::empty()
        .with_source(source)
        .run_cached("run", &no_folder, LIMIT);
    assert_eq!(host.devices().len(), 2);
    assert!(
        notes(&host).iter().any(|note| note.starts_with("cache: ")),
        "{:?}",
        notes(&host)
    );
}

#[test]
fn the_real_system_is_probed_without_failing() {
    let host = Host::probe(LIMIT);
    assert!(host.looked_for_devices());
    // Whatever is here: a host without NVIDIA devices says why, one with them has named them.
    let cuda: Vec<&Device> = host
        .devices()
        .iter()
        .filter(|device| device.platform == "cuda")
        .collect();
    if cuda.is_empty() {
        assert!(
            host.notes().iter().any(|note| note.source == "NVML"),
            "{:?}",
            host.notes()
        );
    }
    assert!(cuda.iter().all(|device| !device.name.is_empty()));
}
