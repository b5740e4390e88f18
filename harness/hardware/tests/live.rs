//! Live readings of made-up hosts, through the public interface: trees of files and ledgers.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tribunal_hardware::{Live, LiveReader, Probe};

/// Long enough for any of these trees on a busy machine; nothing waits for it.
const LIMIT: Duration = Duration::from_secs(60);

fn scaffold(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn live(root: &Path) -> Live {
    LiveReader::of(&Probe::tree(root)).read(LIMIT)
}

#[test]
fn an_empty_tree_has_no_devices_and_nothing_to_explain() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(live(root.path()), Live::default());
}

#[test]
fn an_amd_card_with_the_process_that_computes_on_it() {
    let root = tempfile::tempdir().unwrap();
    let card = "sys/class/drm/card0/device";
    let kfd = "sys/class/kfd/kfd";
    scaffold(
        root.path(),
        &[
            ("dev/kfd", ""),
            (&format!("{card}/vendor"), "0x1002\n"),
            (&format!("{card}/uevent"), "PCI_SLOT_NAME=0000:83:00.0\n"),
            (&format!("{card}/product_name"), "AMD Instinct MI300X\n"),
            (&format!("{card}/mem_info_vram_total"), "206141652992\n"),
            (&format!("{card}/mem_info_vram_used"), "5368709120\n"),
            (&format!("{card}/gpu_busy_percent"), "3\n"),
            (&format!("{kfd}/topology/nodes/1/gpu_id"), "400\n"),
            (
                &format!("{kfd}/topology/nodes/1/properties"),
                "location_id 33536\n",
            ),
            (&format!("{kfd}/proc/77/vram_400"), "4294967296\n"),
            ("sys/module/amdgpu/version", "6.12.12\n"),
            (
                "proc/77/stat",
                "77 (serve) S 1 0 0 0 -1 0 0 0 0 0 7 5 0 0 20 0 1 0 900 1 100 1\n",
            ),
        ],
    );
    fs::create_dir_all(root.path().join("proc/self/ns")).unwrap();
    let namespace = root.path().join("proc/self/ns/pid");
    std::os::unix::fs::symlink("pid:[4026531836]", &namespace).unwrap();

    let reading = live(root.path());
    let device = &reading.devices[0];
    assert_eq!((device.key().as_str(), device.index), ("rocm:0", 0));
    assert_eq!(device.utilisation_percent, Some(3));
    assert_eq!(device.used_by(&[77]), Ok(4 << 30));
    assert_eq!(device.processes.as_ref().unwrap()[0].start_time, Some(900));
    assert_eq!(
        reading.drivers[0].version.as_deref(),
        Some("amdgpu 6.12.12")
    );
    assert_eq!(reading.notes, []);

    // In a container the same numbers are nobody's.
    fs::remove_file(&namespace).unwrap();
    std::os::unix::fs::symlink("pid:[4026532222]", &namespace).unwrap();
    let device = &live(root.path()).devices[0];
    assert_eq!(device.memory_used, Some(5 << 30));
    let reason = device.used_by(&[77]).unwrap_err();
    assert!(reason.contains("container"), "{reason}");
}

#[test]
fn devices_of_which_only_nodes_are_known_are_there_and_unmeasured() {
    let root = tempfile::tempdir().unwrap();
    scaffold(root.path(), &[("dev/davinci0", ""), ("dev/neuron3", "")]);
    let reading = live(root.path());
    let keys: Vec<String> = reading.devices.iter().map(|device| device.key()).collect();
    assert_eq!(keys, ["npu:0", "neuron:3"]);
    for device in &reading.devices {
        assert_eq!(
            (device.memory_total, device.memory_used, device.free()),
            (None, None, None)
        );
        assert!(device.used_by(&[1]).is_err());
    }
    let notes: Vec<String> = reading.notes.iter().map(ToString::to_string).collect();
    assert!(
        notes.iter().any(|note| note.contains("neuron-ls")),
        "{notes:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_ledger_reads_as_a_card_does_and_says_that_it_is_none() {
    use tribunal_hardware::{LayoutDevice, Simulated};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("devices");
    let layout = ["cuda", "rocm", "cuda"].map(|platform| LayoutDevice {
        platform: platform.into(),
        model: "X".into(),
        total: 1000,
    });
    let ledger = Simulated::create(&path, &layout).unwrap();
    let taken = ledger.allocate(2, 300, "weights").unwrap();
    let mut reader = LiveReader::of(&Probe::simulated(&path).unwrap());
    let reading = reader.read(LIMIT);
    assert!(reading.devices.iter().all(|device| device.simulated));
    let device = reading.device("SIM-2").unwrap();
    assert_eq!((device.platform.as_str(), device.index), ("cuda", 1));
    assert_eq!((device.memory_used, device.free()), (Some(300), Some(700)));
    assert_eq!(device.used_by(&[std::process::id()]), Ok(300));
    assert_eq!(reading.device("SIM-0").unwrap().memory_used, Some(0));
    drop(taken);
    let device = reader.read(LIMIT);
    assert_eq!(device.device("SIM-2").unwrap().memory_used, Some(0));
}
