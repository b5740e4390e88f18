//! Devices that the command line asks for: to plan with, or to run on.
//!
//! Promise: all processes of one run, also where a runner starts one per test, share one ledger of simulated devices, which nobody has to name.
//! Rejected: a ledger per process (tests of one run would each have all devices).

use std::path::PathBuf;

use tribunal_hardware::{LayoutDevice, parse_layout};
use tribunal_runner::{Options, Task, UsageError};
use tribunal_vocabulary::Vocabulary;

/// The layout that was asked for, if any.
pub(crate) fn asked(o: &Options, v: &Vocabulary) -> Result<Option<Vec<LayoutDevice>>, UsageError> {
    let (option, text) = match (&o.devices, &o.simulate_devices) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(UsageError(
                "`--devices` and `--simulate-devices` exclude one another: the first only plans, the second runs".into(),
            ));
        }
        (Some(text), None) => {
            if o.task == Task::Run {
                return Err(UsageError(format!(
                    "`--devices` only plans: give it with --plan, --list or --explain\nhelp: `--simulate-devices {text}` runs on simulated devices"
                )));
            }
            ("--devices", text)
        }
        (None, Some(text)) => ("--simulate-devices", text),
    };
    let find = |name: &str| {
        let (platform, device) = v.device(name)?;
        Some((platform.name.clone(), device.name.clone(), device.vram_gib))
    };
    let known = || {
        let devices = v.platforms().iter().flat_map(|p| &p.devices);
        devices.map(|d| d.name.clone()).collect()
    };
    match parse_layout(text, &find, &known) {
        Ok(layout) => Ok(Some(layout)),
        Err(e) => Err(UsageError(format!("{option}: {e}"))),
    }
}

/// Where runs of this host agree on who has what; `None`: they do not.
pub(crate) fn leases(o: &Options) -> Option<PathBuf> {
    match o.leases.as_deref() {
        Some("off") => None,
        Some(folder) => Some(PathBuf::from(folder)),
        #[cfg(target_os = "linux")]
        None => Some(tribunal_hardware::default_lease_folder()),
        #[cfg(not(target_os = "linux"))]
        None => None,
    }
}

/// The ledger of these simulated devices, made by whichever process of the run comes first. `TRIBUNAL_SIMULATED_LEDGER` names one that several
/// runs share.
#[cfg(target_os = "linux")]
pub(crate) fn ledger(layout: &[LayoutDevice]) -> Result<PathBuf, UsageError> {
    use tribunal_hardware::{Process, Simulated};
    use tribunal_serving::{Runner, Share};

    let failed = |e: std::io::Error| UsageError(format!("--simulate-devices: {e}"));
    let named = std::env::var_os("TRIBUNAL_SIMULATED_LEDGER").filter(|path| !path.is_empty());
    let path = match named {
        Some(path) => std::path::absolute(path).map_err(failed)?,
        None => {
            let this = Process::this();
            let runner = Runner::detect().unwrap_or(Runner {
                pid: this.pid,
                start_time: this.start_time.unwrap_or(0),
            });
            let folder = Share::folder_for_run(&runner).map_err(failed)?;
            folder.join("simulated-devices")
        }
    };
    let shown = path.display();
    if !path.exists() {
        // Whole before anybody sees it.
        let draft = path.with_extension(format!("{}", std::process::id()));
        let _ = std::fs::remove_file(&draft);
        drop(Simulated::create(&draft, layout).map_err(failed)?);
        let linked = std::fs::hard_link(&draft, &path);
        let _ = std::fs::remove_file(&draft);
        match linked {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(e)),
            _ => {}
        }
    }
    let there = Simulated::open(&path).map_err(failed)?;
    if there.devices() != layout {
        return Err(UsageError(format!(
            "--simulate-devices: the ledger {shown} has other devices: {} of them",
            there.devices().len()
        )));
    }
    Ok(path)
}

/// Simulated devices need locks that only Linux has.
#[cfg(not(target_os = "linux"))]
pub(crate) fn ledger(_: &[LayoutDevice]) -> Result<PathBuf, UsageError> {
    Err(UsageError("--simulate-devices needs Linux".into()))
}
