//! What somebody asks to have for himself.
//!
//! Promise: plain data; a claim that could never be granted is refused with the reason before anybody waits for it. Rejected:
//! taking one thing after the other (two runs that each have half of what they need wait for ever).

use std::fmt;

use super::error::LeaseError;

/// The most devices and names of one claim.
const MOST: usize = 1024;

/// Everything that one test or server needs at once. All of it is granted together, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The devices, each of them once.
    pub devices: Vec<DeviceClaim>,
    /// Names of which each belongs to one at a time, on the whole host.
    pub names: Vec<String>,
    /// Processors that it keeps busy; 0: none worth counting.
    pub cpus: u32,
    /// Memory of the host in bytes; 0: none worth counting.
    pub host_memory: u64,
    /// Nobody else beside it on the whole host, except servers.
    pub host_exclusive: bool,
    /// It is a server's: those who want the host for themselves do not wait for its end, since the tests that use it
    /// have claims of their own.
    pub server: bool,
    /// What it is for, as a reader knows it: the name of the test or server.
    pub label: String,
}

/// A part of one device, or all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceClaim {
    /// The same for everybody who means this device: its uuid, else its platform and number (`rocm:0`).
    pub key: String,
    /// How much of its memory.
    pub amount: Amount,
    /// How much there is to share out.
    pub capacity: Capacity,
}

/// How much of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// All of it, with nobody beside.
    Whole,
    /// So many bytes of its memory, beside others if there is room for all.
    Bytes(u64),
}

/// How many bytes of a device may be given away. Where several claims differ, the smallest counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// To one who is alone on it; `None`: unmeasured, so that only the whole device can be claimed.
    pub total: Option<u64>,
    /// To several together; `None`: unmeasured, so that nobody shares it.
    pub shared: Option<u64>,
}

/// What the host has for claims of processors and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostLimits {
    /// Processors; `None`: unknown, so that only one claim of processors is granted at a time.
    pub cpus: Option<u32>,
    /// Bytes; `None`: unknown, so that only one claim of memory is granted at a time.
    pub memory: Option<u64>,
}

impl HostLimits {
    /// What this process may use of this host.
    pub fn of_this_host() -> HostLimits {
        HostLimits {
            cpus: std::thread::available_parallelism()
                .ok()
                .and_then(|n| u32::try_from(n.get()).ok()),
            memory: total_memory(),
        }
    }
}

fn total_memory() -> Option<u64> {
    let text = crate::files::text(std::path::Path::new("/proc/meminfo"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

impl Claim {
    /// Whether it could be granted to one who is alone on this host.
    pub(crate) fn check(&self, limits: HostLimits) -> Result<(), LeaseError> {
        let no = |reason: String| Err(LeaseError::Impossible(reason));
        if self.devices.len() + self.names.len() > MOST {
            return no(format!(
                "it names {} devices and names, and {MOST} are the most",
                self.devices.len() + self.names.len()
            ));
        }
        for (at, device) in self.devices.iter().enumerate() {
            let key = &device.key;
            if key.is_empty() {
                return no("a device of it has no key".into());
            }
            if self.devices[..at].iter().any(|d| d.key == *key) {
                return no(format!("it names {key} twice"));
            }
            match (device.amount, device.capacity.total) {
                (Amount::Bytes(wanted), Some(total)) if wanted > total => {
                    return no(format!(
                        "it asks for {} of {key}, which has {}",
                        Bytes(wanted),
                        Bytes(total)
                    ));
                }
                (Amount::Bytes(wanted), None) => {
                    return no(format!(
                        "it asks for {} of {key}, whose memory is unmeasured: only the whole device can be claimed",
                        Bytes(wanted)
                    ));
                }
                _ => {}
            }
        }
        match limits {
            HostLimits {
                cpus: Some(cpus), ..
            } if self.cpus > cpus => no(format!(
                "it asks for {} processors, and this host has {cpus}",
                self.cpus
            )),
            HostLimits {
                memory: Some(memory),
                ..
            } if self.host_memory > memory => no(format!(
                "it asks for {} of host memory, and this host has {}",
                Bytes(self.host_memory),
                Bytes(memory)
            )),
            _ => Ok(()),
        }
    }
}

/// `12 GiB`, `0.5 GiB`, `700 MiB`, `12 bytes`: short, exact where it can be, and never nothing for something.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        for (unit, name) in [(1u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
            if bytes >= unit {
                let hundredths = u128::from(bytes) * 100 / u128::from(unit);
                let (whole, part) = (hundredths / 100, hundredths % 100);
                return match part {
                    0 => write!(f, "{whole} {name}"),
                    _ if part % 10 == 0 => write!(f, "{whole}.{} {name}", part / 10),
                    _ => write!(f, "{whole}.{part:02} {name}"),
                };
            }
        }
        let plural = if bytes == 1 { "" } else { "s" };
        write!(f, "{bytes} byte{plural}")
    }
}

/// `12 GiB of GPU-1`, `GPU-1 (whole)`
impl fmt::Display for DeviceClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.amount {
            Amount::Whole => write!(f, "{} (whole)", self.key),
            Amount::Bytes(bytes) => write!(f, "{} of {}", Bytes(bytes), self.key),
        }
    }
}

/// `12 GiB of GPU-1, the name "db", 2 processors`
impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.devices.iter().map(ToString::to_string).collect();
        parts.extend(self.names.iter().map(|name| format!("the name {name:?}")));
        match self.cpus {
            0 => {}
            1 => parts.push("1 processor".into()),
            n => parts.push(format!("{n} processors")),
        }
        if self.host_memory > 0 {
            parts.push(format!("{} of host memory", Bytes(self.host_memory)));
        }
        if self.host_exclusive {
            parts.push("the host for itself".into());
        }
        if parts.is_empty() {
            parts.push("nothing in particular".into());
        }
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1 << 30, "1 GiB"),
            (3 << 29, "1.5 GiB"),
            (700 << 20, "700 MiB"),
            ((22 << 30) + 536_870_911, "22.49 GiB"),
            (u64::MAX, "17179869183.99 GiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    fn device(key: &str, amount: Amount, total: Option<u64>) -> DeviceClaim {
        DeviceClaim {
            key: key.into(),
            amount,
            capacity: Capacity {
                total,
                shared: total,
            },
        }
    }

    #[test]
    fn what_can_never_be_granted_is_refused_with_the_reason() {
        let limits = HostLimits {
            cpus: Some(4),
            memory: Some(1 << 30),
        };
        let devices = |devices: Vec<DeviceClaim>| Claim {
            devices,
            ..Claim::default()
        };
        let whole = || device("A", Amount::Whole, None);
        let table = [
            (
                devices(vec![device("A", Amount::Bytes(25), Some(24))]),
                "it asks for 25 bytes of A, which has 24 bytes",
            ),
            (
                devices(vec![device("A", Amount::Bytes(1), None)]),
                "it asks for 1 byte of A, whose memory is unmeasured: only the whole device can be claimed",
            ),
            (devices(vec![whole(), whole()]), "it names A twice"),
            (
                devices(vec![device("", Amount::Whole, None)]),
                "a device of it has no key",
            ),
            (
                Claim {
                    cpus: 5,
                    ..Claim::default()
                },
                "it asks for 5 processors, and this host has 4",
            ),
            (
                Claim {
                    host_memory: 1 << 31,
                    ..Claim::default()
                },
                "it asks for 2 GiB of host memory, and this host has 1 GiB",
            ),
            (
                Claim {
                    names: vec!["x".into(); 1025],
                    ..Claim::default()
                },
                "it names 1025 devices and names, and 1024 are the most",
            ),
        ];
        for (claim, reason) in table {
            let error = claim.check(limits).unwrap_err().to_string();
            assert!(error.ends_with(reason), "{error}");
        }
        let fits = Claim {
            devices: vec![
                whole(),
                device("B", Amount::Bytes(24), Some(24)),
                device("C", Amount::Bytes(0), Some(24)),
            ],
            cpus: 4,
            host_memory: 1 << 30,
            ..Claim::default()
        };
        assert!(fits.check(limits).is_ok());
        // Where the host could not be measured, a single claim is still granted.
        assert!(fits.check(HostLimits::default()).is_ok());
    }

    #[test]
    fn a_claim_reads_as_a_list() {
        let claim = Claim {
            devices: vec![
                device("GPU-1", Amount::Bytes(12 << 30), None),
                device("GPU-2", Amount::Whole, None),
            ],
            names: vec!["db".into()],
            cpus: 2,
            ..Claim::default()
        };
        assert_eq!(
            claim.to_string(),
            "12 GiB of GPU-1, GPU-2 (whole), the name \"db\", 2 processors"
        );
        assert_eq!(Claim::default().to_string(), "nothing in particular");
    }
}
