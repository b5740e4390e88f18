//! Who holds memory of AMD's and Intel's cards: what the kernel's graphics drivers write beside each open file of a card.
//!
//! Promise: a client of a card counts once however many files share it; processes of other users, which this one may not look
//! at, are told as missing; the look ends within its time. Rejected: `rocm-smi --showpids` and `xpu-smi` (not everywhere,
//! slow, output without a contract).

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::files;

/// The most time that one look through all processes may take.
const LIMIT: Duration = Duration::from_millis(500);

/// What one client holds on one card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The card's PCI address: `0000:03:00.0`.
    pub(crate) address: String,
    pub(crate) id: u64,
    /// Memory of the card itself; `None`: the driver does not say.
    pub(crate) bytes: Option<u64>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// By the card's address: the processes and what they hold.
    pub(crate) held: HashMap<String, BTreeMap<u32, Option<u64>>>,
    /// Whether processes could not be looked at, of which some may hold memory.
    pub(crate) unseen: usize,
    /// Whether the time was over before all were looked at.
    pub(crate) cut: bool,
}

/// Looks through all processes below `root/proc`.
pub(crate) fn scan(root: &Path) -> Found {
    let deadline = Instant::now() + LIMIT;
    let mut found = Found::default();
    let folder = root.join("proc");
    for pid in files::names(&folder)
        .iter()
        .filter_map(|name| files::numbered(name, ""))
    {
        if Instant::now() > deadline {
            found.cut = true;
            break;
        }
        match clients(&folder.join(pid.to_string())) {
            Some(clients) => {
                for client in clients {
                    let held = found.held.entry(client.address).or_default();
                    let sum = held.entry(pid).or_insert(Some(0));
                    *sum = sum
                        .zip(client.bytes)
                        .map(|(one, two)| one.saturating_add(two));
                }
            }
            None => found.unseen += 1,
        }
    }
    found
}

/// The clients of one process, each once; `None`: it may not be looked at.
fn clients(process: &Path) -> Option<Vec<Client>> {
    let mut clients: Vec<Client> = Vec::new();
    for entry in fs::read_dir(process.join("fd")).ok()?.flatten() {
        let Ok(link) = fs::read_link(entry.path()) else {
            continue;
        };
        if !link.starts_with("/dev/dri") {
            continue;
        }
        let text = files::text(&process.join("fdinfo").join(entry.file_name()));
        if let Some(client) = text.as_deref().and_then(parse)
            && !clients
                .iter()
                .any(|known| known.id == client.id && known.address == client.address)
        {
            clients.push(client);
        }
    }
    Some(clients)
}

/// The keys for memory of the card itself, the best first: what is there now, then what was asked for. amdgpu wrote
/// `drm-memory-vram` before the others existed; xe says `vram0` for the first tile, i915 `local0`.
const SIZES: [&str; 3] = ["drm-resident-", "drm-memory-", "drm-total-"];
const REGIONS: [&str; 3] = ["vram", "vram0", "local0"];

/// One file of `/proc/PID/fdinfo`: lines `drm-…: …`. `None`: no client of a card.
pub(crate) fn parse(text: &str) -> Option<Client> {
    let fields: HashMap<&str, &str> = text
        .lines()
        .filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            Some((key.trim(), value.trim()))
        })
        .collect();
    let bytes = SIZES.iter().find_map(|size| {
        REGIONS
            .iter()
            .find_map(|region| bytes(fields.get(format!("{size}{region}").as_str())?))
    });
    Some(Client {
        address: fields.get("drm-pdev")?.to_string(),
        id: fields.get("drm-client-id")?.parse().ok()?,
        bytes,
    })
}

/// `1234 KiB`, `5 MiB`, `7` (bytes).
fn bytes(text: &str) -> Option<u64> {
    let mut words = text.split_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    let unit = match words.next() {
        None => 1,
        Some("KiB") => 1 << 10,
        Some("MiB") => 1 << 20,
        Some(_) => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const AMD: &str = "pos:\t0\nflags:\t02100002\ndrm-driver:\tamdgpu\ndrm-client-id:\t45\ndrm-pdev:\t0000:03:00.0\ndrm-memory-vram:\t2048 KiB\ndrm-memory-gtt: \t9 KiB\ndrm-engine-gfx:\t7 ns\n";

    #[test]
    fn the_memory_of_the_card_is_read_and_that_of_the_host_is_not() {
        let client = parse(AMD).unwrap();
        assert_eq!(client.bytes, Some(2 << 20));
        assert_eq!((client.address.as_str(), client.id), ("0000:03:00.0", 45));
        let xe = "drm-driver: xe\ndrm-client-id: 3\ndrm-pdev: 0000:4d:00.0\ndrm-total-vram0: 9 MiB\ndrm-resident-vram0: 8 MiB\n";
        assert_eq!(parse(xe).unwrap().bytes, Some(8 << 20));
        let i915 = "drm-client-id: 3\ndrm-pdev: 0000:4d:00.0\ndrm-total-local0: 10\ndrm-total-system0: 5 MiB\n";
        assert_eq!(parse(i915).unwrap().bytes, Some(10));
    }

    #[test]
    fn what_is_not_said_is_unknown_and_what_is_no_client_is_none() {
        let client = parse("drm-client-id: 3\ndrm-pdev: x\n").unwrap();
        assert_eq!(client.bytes, None);
        assert_eq!(parse("pos: 0\nflags: 02\n"), None);
        assert_eq!(
            bytes(&format!("{} MiB", u64::MAX)),
            None,
            "a figure beyond every card is none"
        );
        assert_eq!(bytes("3 parsecs"), None);
    }

    #[test]
    fn clients_that_share_a_card_are_summed_and_shared_files_counted_once() {
        let root = tempfile::tempdir().unwrap();
        let process = root.path().join("proc/50");
        fs::create_dir_all(process.join("fd")).unwrap();
        fs::create_dir_all(process.join("fdinfo")).unwrap();
        for (fd, target, text) in [
            ("3", "/dev/dri/renderD128", AMD.to_string()),
            ("4", "/dev/dri/renderD128", AMD.to_string()),
            (
                "5",
                "/dev/dri/renderD128",
                AMD.replace("\t45", "\t46").replace("2048", "1024"),
            ),
            ("6", "/dev/null", AMD.replace("\t45", "\t99")),
        ] {
            symlink(target, process.join("fd").join(fd)).unwrap();
            fs::write(process.join("fdinfo").join(fd), text).unwrap();
        }
        fs::create_dir_all(root.path().join("proc/51")).unwrap();
        let found = scan(root.path());
        assert_eq!(found.held["0000:03:00.0"][&50], Some(3 << 20));
        assert_eq!((found.unseen, found.cut), (1, false));
    }
}
