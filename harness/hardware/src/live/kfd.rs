//! Who computes on AMD's cards: the kernel's list of processes that use ROCm.
//!
//! Promise: it holds the processes of all users; the numbers are the machine's, so the list is believed only where they are
//! this place's ([`Namespace`](super::Namespace)). Rejected: file descriptors alone, which show only this user's processes.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::files;

/// By the card's PCI address: the processes and what they hold. `None`: the kernel has no such list.
pub(crate) fn read(root: &Path) -> Option<HashMap<String, BTreeMap<u32, Option<u64>>>> {
    let folder = root.join("sys/class/kfd/kfd");
    if !folder.join("proc").is_dir() {
        return None;
    }
    let cards = cards(&folder.join("topology/nodes"));
    let mut held: HashMap<String, BTreeMap<u32, Option<u64>>> = HashMap::new();
    for name in files::names(&folder.join("proc")) {
        let Some(pid) = files::numbered(&name, "") else {
            continue;
        };
        let process = folder.join("proc").join(&name);
        for file in files::names(&process) {
            let Some(id) = files::numbered(&file, "vram_") else {
                continue;
            };
            if let Some(address) = cards.get(&id) {
                let bytes = files::number(&process.join(&file));
                // A process with a context and no memory is no user of the card that a reader would look for.
                if bytes != Some(0) {
                    held.entry(address.clone()).or_default().insert(pid, bytes);
                }
            }
        }
    }
    Some(held)
}

/// The kernel's numbers for cards, with their PCI addresses.
fn cards(nodes: &Path) -> HashMap<u32, String> {
    files::names(nodes)
        .iter()
        .filter_map(|node| {
            let id: u32 = files::text(&nodes.join(node).join("gpu_id"))?
                .parse()
                .ok()?;
            let properties = files::text(&nodes.join(node).join("properties"))?;
            Some((id, address(&properties)?))
        })
        .filter(|(id, _)| *id != 0)
        .collect()
}

/// The address is packed: 8 bits of bus, 5 of device, 3 of function.
fn address(properties: &str) -> Option<String> {
    let field = |name: &str| {
        properties.lines().find_map(|line| {
            let (key, value) = line.split_once(' ')?;
            (key == name).then(|| value.trim().parse::<u32>().ok())?
        })
    };
    let place = field("location_id")?;
    let domain = field("domain").unwrap_or(0);
    Some(format!(
        "{domain:04x}:{:02x}:{:02x}.{:x}",
        place >> 8 & 0xff,
        place >> 3 & 0x1f,
        place & 0x7
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn processes_are_found_under_the_address_of_their_card() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join("sys/class/kfd/kfd").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(read(root.path()), None);
        write("topology/nodes/0/gpu_id", "0\n");
        write("topology/nodes/0/properties", "location_id 0\n");
        write("topology/nodes/1/gpu_id", "51234\n");
        write(
            "topology/nodes/1/properties",
            "simd_count 440\nlocation_id 33536\ndomain 1\n",
        );
        write("proc/900/vram_51234", "1048576\n");
        write("proc/900/vram_777", "5\n");
        write("proc/900/pasid", "3\n");
        write("proc/901/vram_51234", "0\n");
        write("proc/902/vram_51234", "nonsense\n");
        let held = read(root.path()).unwrap();
        // 33536 = 0x8300: bus 0x83, device 0, function 0.
        assert_eq!(
            held["0001:83:00.0"],
            BTreeMap::from([(900, Some(1 << 20)), (902, None)])
        );
        assert_eq!(held.len(), 1);
    }
}
