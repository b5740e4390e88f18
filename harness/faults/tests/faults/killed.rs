//! A harness is killed while a fault is in force: nothing stays stopped, hogged, filled, proxied or mounted.

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};
use tribunal_faults::{Confine, FakeClock, Fault};

use crate::fake::HARNESS;
use crate::support::{MIB, Place, below, free, stat, until};

pub fn trials() -> Vec<Trial> {
    let faults = [
        "kill worker 0",
        "terminate worker 1",
        "stop root",
        "stop worker 0",
        "stop tree",
        "hog devices 0.9 strict",
        "hog host take 32MiB",
        "busy cpus leave 0.6",
        "descriptors root leave 3",
        "fill disk DISK",
        "fill shm",
        "clock +2h",
        "toxic silence",
    ];
    let trial = |text: &'static str| {
        let name = text.replace([' ', '+', '-', '.'], "_").to_lowercase();
        Trial::test(format!("killed::{name}"), move || -> Result<(), Failed> {
            killed_during(text);
            Ok(())
        })
    };
    faults.into_iter().map(trial).collect()
}

fn killed_during(text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::at(folder.path().to_path_buf());
    let text = text.replace("DISK", place.disk().to_str().unwrap());
    let fault: Fault = text.parse().unwrap();
    let missing = match fault {
        Fault::FullDisk { .. } | Fault::FullShm => Confine::allowed().err(),
        Fault::Clock { .. } => FakeClock::new(place.path()).err(),
        _ => None,
    };
    if let Some(gate) = missing {
        assert!(gate.is_gate());
        eprintln!("not checked: {gate}");
        return;
    }
    let devices = place.devices();
    let mut harness = Command::new(std::env::current_exe().unwrap())
        .arg(HARNESS)
        .arg(place.path())
        .args(text.split(' '))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut output = BufReader::new(harness.stdout.take().unwrap());
    output.read_line(&mut said).unwrap();
    assert!(said.starts_with("injected: "), "{said}");
    let all = below(harness.id());
    // The keeper at least, and mostly a server and what stands beside it.
    assert!(!all.is_empty());
    if matches!(fault, Fault::HogDevices { .. }) {
        assert_eq!(free(&devices, 0), 0);
    }
    // `… is in force at ADDRESS as rule …`
    let proxy = said.split_once("is in force at ").map(|(_, rest)| {
        let address = rest.split(' ').next().unwrap();
        address.parse::<SocketAddr>().unwrap()
    });
    assert_eq!(proxy.is_some(), matches!(fault, Fault::Network(_)));
    if let Some(proxy) = proxy {
        TcpStream::connect(proxy).unwrap();
    }
    harness.kill().unwrap();
    harness.wait().unwrap();
    if let Some(proxy) = proxy {
        let error = TcpStream::connect(proxy).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
    until("everything of it is gone", || {
        all.iter()
            .all(|(pid, start)| stat(*pid).is_none_or(|s| s.1 != *start || s.0 == 'Z'))
    });
    for number in [0, 1] {
        assert_eq!(free(&devices, number), 1024 * MIB);
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(place.path().to_str().unwrap()));
    // What was written there was written to a disk that is gone.
    assert_eq!(std::fs::read_dir(place.disk()).unwrap().count(), 0);
}
