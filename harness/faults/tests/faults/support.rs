//! What the tests share: a place of their own, servers in it, and looks at the kernel instead of waits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use tribunal_faults::{Confine, Devices, FakeClock, Fault, Proxy, Scene};
use tribunal_hardware::{LayoutDevice, Simulated};
use tribunal_serving::{Deployment, Offers, Readiness, Server, StartOptions, Workers};

use crate::fake;

/// Longer than anything here takes on a machine that is busy with other things; reached only when a test fails.
pub const DEADLINE: Duration = Duration::from_secs(60);
pub const MIB: u64 = 1 << 20;

pub fn trial(name: &'static str, body: fn()) -> Trial {
    Trial::test(name, move || -> Result<(), Failed> {
        body();
        Ok(())
    })
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Looks again and again until it holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "still not: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// State and start time of a process.
pub fn stat(pid: u32) -> Option<(char, u64, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    Some((
        fields[0].chars().next()?,
        fields[19].parse().ok()?,
        fields[1].parse().ok()?,
    ))
}

pub fn state(pid: u32) -> char {
    stat(pid).map_or('-', |s| s.0)
}

/// Everything below a process, with start times.
pub fn below(root: u32) -> Vec<(u32, u64)> {
    let all: Vec<(u32, u64, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse().ok())
        .filter_map(|pid| stat(pid).map(|(_, start, parent)| (pid, start, parent)))
        .collect();
    let mut found: Vec<(u32, u64)> = Vec::new();
    let mut queue = vec![root];
    while let Some(parent) = queue.pop() {
        for (pid, start, _) in all.iter().filter(|p| p.2 == parent) {
            found.push((*pid, *start));
            queue.push(*pid);
        }
    }
    found
}

/// Where a test has its server, its devices and its disk.
pub struct Place(PathBuf);

impl Place {
    pub fn at(path: PathBuf) -> Place {
        Place(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The folder on which a disk is mounted.
    pub fn disk(&self) -> PathBuf {
        let disk = self.0.join("disk");
        std::fs::create_dir_all(&disk).unwrap();
        disk
    }

    pub fn ledger(&self) -> PathBuf {
        self.0.join("ledger")
    }

    /// Two devices of 1 GiB.
    pub fn devices(&self) -> Simulated {
        let path = self.ledger();
        let device = LayoutDevice {
            platform: "cuda".into(),
            model: "L4".into(),
            total: 1024 * MIB,
        };
        Simulated::open(&path)
            .or_else(|_| Simulated::create(&path, &[device.clone(), device]))
            .unwrap()
    }

    pub fn deployment(&self) -> Deployment {
        Deployment::command(std::env::current_exe().unwrap())
            .args([fake::SERVER, "{port}", "2"])
            .name("fake")
            .ready(Readiness {
                health: Some("/health".into()),
                within: DEADLINE,
                ..Readiness::listening()
            })
    }

    pub fn options(&self) -> StartOptions {
        StartOptions::new(self.0.join("evidence"))
    }

    pub async fn scene(&self, deployment: Deployment) -> Scene {
        let server = Server::start(&deployment, &self.options()).await.unwrap();
        Scene::new(server, &offers(fake::WORKER))
    }

    /// A server that has what this fault needs.
    pub async fn scene_for(&self, fault: &Fault) -> Scene {
        let mut deployment = self.deployment();
        match fault {
            Fault::HogDevices { .. } => {
                self.devices();
                deployment = deployment
                    .env("TRIBUNAL_SIMULATED_DEVICES", self.ledger())
                    .env("TRIBUNAL_DEVICES", "1,0");
            }
            Fault::FullDisk { .. } | Fault::FullShm => {
                let confine = Confine::new().disk(self.disk(), 2 * MIB).shm(MIB);
                deployment = confine.around(deployment);
            }
            Fault::Clock { .. } => {
                deployment = FakeClock::new(&self.0).unwrap().around(deployment);
            }
            _ => {}
        }
        let scene = self.scene(deployment).await;
        match fault {
            Fault::Network(_) => {
                let server = ([127, 0, 0, 1], scene.server.port()).into();
                scene.proxy(Arc::new(Proxy::open(server, 0).unwrap()))
            }
            _ => scene,
        }
    }
}

pub fn offers(pattern: &str) -> Offers {
    Offers {
        workers: Some(Workers {
            pattern: pattern.into(),
            count: None,
        }),
        ..Offers::default()
    }
}

/// A place that is removed in the end, and a runtime to work in.
pub fn in_place<F: Future<Output = ()>>(body: impl FnOnce(Place) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::at(folder.path().to_path_buf());
    runtime().block_on(body(place));
}

/// Free bytes of a simulated device.
pub fn free(devices: &Simulated, number: usize) -> u64 {
    let usage = &devices.usage().unwrap()[number];
    usage.total - usage.used
}

pub fn simulated(place: &Place, numbers: &[usize]) -> Devices {
    Devices::Simulated {
        ledger: place.ledger(),
        numbers: numbers.to_vec(),
    }
}

pub fn fault(text: &str) -> Fault {
    text.parse().unwrap()
}
