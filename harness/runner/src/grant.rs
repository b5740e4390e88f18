//! The devices that a case, or the server that it shares, was given for as long as it needs them.
//!
//! Promise: what a grant says is what the lease holds; the variables that it sets are those by which programs see these devices and no others.
//! Rejected: setting the variables of this process (tests of one process have different devices).

use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::sync::Mutex;

use serde_json::{Value, json};
use tribunal_hardware::{Cores, visible_cores};

#[cfg(target_os = "linux")]
use crate::attempt::lock;

/// One device of a [`Grant`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedDevice {
    /// The driver's number of it among the devices of its platform; of a simulated one, its place in the layout.
    pub index: u32,
    /// What names it in leases and records: its uuid, else `platform:index`.
    pub key: String,
    /// The platform's name in the vocabulary: `cuda`.
    pub platform: String,
    /// As the driver names it.
    pub model: String,
    /// All its memory in bytes; `None`: unmeasured.
    pub total: Option<u64>,
    /// The cores by which its runtime knows it, where that counts cores and their numbers are known.
    pub cores: Option<Cores>,
    /// The bytes of it that may be used; `None`: all of it, with nobody beside.
    pub amount: Option<u64>,
}

/// Devices that were given to a case or a server, and to nobody else in this measure.
#[derive(Debug, Default)]
pub struct Grant {
    pub(crate) devices: Vec<GrantedDevice>,
    pub(crate) simulated: Option<PathBuf>,
    /// Holds the devices against all other processes of this host.
    #[cfg(target_os = "linux")]
    pub(crate) lease: Mutex<Option<tribunal_hardware::Lease>>,
    /// `None`: nobody looks at what is used.
    #[cfg(target_os = "linux")]
    pub(crate) usage: Option<crate::usage::Usage>,
}

impl Grant {
    /// The devices, in the order of their numbers.
    pub fn devices(&self) -> &[GrantedDevice] {
        &self.devices
    }

    /// The ledger of the devices, where they are simulated.
    pub fn simulated(&self) -> Option<&Path> {
        self.simulated.as_deref()
    }

    /// A copy of the descriptor that holds the lease: whoever has it open holds the devices. `None`: there is no lease (`TRIBUNAL_LEASES=off`,
    /// or another process holds it).
    ///
    /// # Errors
    /// No descriptor is free.
    #[cfg(target_os = "linux")]
    pub fn descriptor(&self) -> std::io::Result<Option<std::os::fd::OwnedFd>> {
        let copy = |lease: &tribunal_hardware::Lease| lease.descriptor().try_clone_to_owned();
        lock(&self.lease).as_ref().map(copy).transpose()
    }

    /// Ends the lease, whoever still knows the grant; what it gave the right to.
    #[cfg(target_os = "linux")]
    pub(crate) fn give_up(&self) -> Option<tribunal_hardware::Claim> {
        let lease = lock(&self.lease).take()?;
        Some(lease.claim().clone())
    }

    /// The variables by which a program sees these devices and no others.
    pub fn variables(&self) -> Vec<(String, String)> {
        let numbers: Vec<String> = self.devices.iter().map(|d| d.index.to_string()).collect();
        let mut out = vec![("TRIBUNAL_DEVICES".to_owned(), numbers.join(","))];
        let mut set = |name: &str, value: String| out.push((name.to_owned(), value));
        if let Some(ledger) = &self.simulated {
            set(LEDGER, ledger.to_string_lossy().into_owned());
            return out;
        }
        let mut platforms: Vec<&str> = self.devices.iter().map(|d| &*d.platform).collect();
        platforms.dedup();
        for platform in platforms {
            let of_it = self.devices.iter().filter(|d| d.platform == platform);
            let numbers = of_it.clone().map(|d| d.index.to_string());
            let numbers = numbers.collect::<Vec<_>>().join(",");
            match platform {
                "cuda" => {
                    // A slice of a card has no number of its own.
                    let name = |d: &GrantedDevice| match d.key.starts_with("MIG-") {
                        true => d.key.clone(),
                        false => d.index.to_string(),
                    };
                    // The driver's numbers follow the bus; CUDA's own do only if it is told so.
                    set("CUDA_DEVICE_ORDER", "PCI_BUS_ID".to_owned());
                    let names: Vec<String> = of_it.map(name).collect();
                    set("CUDA_VISIBLE_DEVICES", names.join(","));
                }
                "rocm" => set("HIP_VISIBLE_DEVICES", numbers),
                "xpu" => set("ZE_AFFINITY_MASK", numbers),
                "npu" => set("ASCEND_RT_VISIBLE_DEVICES", numbers),
                "musa" => set("MUSA_VISIBLE_DEVICES", numbers),
                // Neuron counts cores and not devices. Without their numbers nothing is better than a wrong one.
                "neuron" => {
                    if let Some(cores) = visible_cores(of_it.map(|d| d.cores)) {
                        set("NEURON_RT_VISIBLE_CORES", cores);
                    }
                }
                _ => {}
            }
        }
        out
    }

    /// For another process of the same run, which holds no lease of its own.
    pub(crate) fn told(&self) -> Value {
        let devices = self.devices.iter().map(|d| {
            json!({"index": d.index, "key": d.key, "platform": d.platform, "model": d.model, "total": d.total, "cores": d.cores, "amount": d.amount})
        });
        json!({"devices": devices.collect::<Vec<_>>(), "simulated": self.simulated.as_ref().and_then(|p| p.to_str())})
    }

    pub(crate) fn heard(value: &Value) -> Option<Grant> {
        let device = |v: &Value| {
            Some(GrantedDevice {
                index: u32::try_from(v["index"].as_u64()?).ok()?,
                key: v["key"].as_str()?.to_owned(),
                platform: v["platform"].as_str()?.to_owned(),
                model: v["model"].as_str()?.to_owned(),
                total: v["total"].as_u64(),
                cores: serde_json::from_value(v["cores"].clone()).ok().flatten(),
                amount: v["amount"].as_u64(),
            })
        };
        let devices = value["devices"].as_array()?.iter().map(device);
        Some(Grant {
            devices: devices.collect::<Option<_>>()?,
            simulated: value["simulated"].as_str().map(PathBuf::from),
            #[cfg(target_os = "linux")]
            lease: Mutex::default(),
            #[cfg(target_os = "linux")]
            usage: None,
        })
    }
}

#[cfg(not(target_os = "linux"))]
impl Grant {
    /// Nobody looks.
    pub fn follow(&self, _: u32) {}

    /// Nobody looks.
    pub fn look(&self) {}
}

/// How a case, or its fixture, comes to devices.
#[derive(Clone, Default)]
pub enum Devices {
    /// It needs none.
    #[default]
    None,
    /// It has them.
    Granted(Arc<Grant>),
    /// Whoever starts the server takes them first: every test has a process of its own, and nobody knows which of them that will be.
    #[cfg(target_os = "linux")]
    OnStart(Arc<crate::run::Placing>),
}

impl Devices {
    /// What there is already.
    pub fn granted(&self) -> Option<&Arc<Grant>> {
        match self {
            Devices::Granted(grant) => Some(grant),
            _ => None,
        }
    }
}

/// Where an engine finds the ledger of simulated devices.
pub(crate) const LEDGER: &str = "TRIBUNAL_SIMULATED_DEVICES";

#[cfg(test)]
mod tests {
    use super::*;

    fn device(platform: &str, index: u32, key: &str) -> GrantedDevice {
        GrantedDevice {
            index,
            key: key.into(),
            platform: platform.into(),
            model: "x".into(),
            total: Some(24),
            cores: None,
            amount: None,
        }
    }

    fn of(devices: Vec<GrantedDevice>, simulated: Option<&str>) -> Grant {
        Grant {
            devices,
            simulated: simulated.map(PathBuf::from),
            ..Grant::default()
        }
    }

    fn shown(grant: &Grant) -> String {
        let all = grant.variables();
        let all: Vec<String> = all.iter().map(|(k, v)| format!("{k}={v}")).collect();
        all.join(" ")
    }

    #[test]
    fn programs_see_their_devices_by_the_variable_of_the_platform() {
        let cards = vec![device("cuda", 1, "GPU-1"), device("cuda", 3, "GPU-3")];
        assert_eq!(
            shown(&of(cards.clone(), None)),
            "TRIBUNAL_DEVICES=1,3 CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=1,3"
        );
        assert_eq!(
            shown(&of(vec![device("cuda", 0, "MIG-a")], None)),
            "TRIBUNAL_DEVICES=0 CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES=MIG-a"
        );
        assert_eq!(
            shown(&of(vec![device("npu", 2, "npu:2")], None)),
            "TRIBUNAL_DEVICES=2 ASCEND_RT_VISIBLE_DEVICES=2"
        );
        let neuron = |index, first| GrantedDevice {
            cores: Some(Cores { first, count: 2 }),
            ..device("neuron", index, "x")
        };
        assert_eq!(
            shown(&of(vec![neuron(1, 2), neuron(2, 4)], None)),
            "TRIBUNAL_DEVICES=1,2 NEURON_RT_VISIBLE_CORES=2-5"
        );
        assert_eq!(
            shown(&of(vec![neuron(0, 0), device("neuron", 1, "x")], None)),
            "TRIBUNAL_DEVICES=0,1"
        );
        // No engine of real devices may take a simulated one for its own.
        assert_eq!(
            shown(&of(cards, Some("/x/ledger"))),
            "TRIBUNAL_DEVICES=1,3 TRIBUNAL_SIMULATED_DEVICES=/x/ledger"
        );
    }

    #[test]
    fn a_grant_is_told_to_another_process() {
        let mut told = vec![device("cuda", 1, "GPU-1"), device("neuron", 0, "neuron:0")];
        told[1].cores = Some(Cores { first: 0, count: 2 });
        let grant = of(told, Some("/x"));
        let heard = Grant::heard(&grant.told()).unwrap();
        assert_eq!(heard.devices, grant.devices);
        assert_eq!(heard.simulated, grant.simulated);
        assert!(Grant::heard(&json!({"devices": [{}]})).is_none());
    }
}
