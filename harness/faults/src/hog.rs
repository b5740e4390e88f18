//! Memory of the server's devices, taken away: one process per device, and a look at what is left.
//!
//! Promise: the memory is taken before a word is said of it, what is left is read back by somebody else than the one who took it (where NVML does not know
//! a card: by CUDA, and the proof says so), and it is free again when the fault is undone or this process ends. Rejected: taking it in this process (it cannot be ended alone, and a driver's context stays).
//!
//! A device is hogged as a whole: whoever else uses it feels it. A test that hogs must have the device for itself.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use tribunal_hardware::{LiveReader, Simulated, VISIBILITY_VARIABLES};

use crate::card;
use crate::error::{Reason, gate, not_undone, refused, unproven};
use crate::fault::environment_of;
use crate::injected::{Done, Remedy};
use crate::scene::{Devices, Scene};
use crate::sidecar::Sidecar;
use crate::size::shown;
use crate::timeline::Step;

/// Where a server finds the ledger of simulated devices.
const LEDGER: &str = "TRIBUNAL_SIMULATED_DEVICES";
/// Which of them are its own.
const NUMBERS: &str = "TRIBUNAL_DEVICES";
const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";
const ORDER: &str = "CUDA_DEVICE_ORDER";
/// How long it may take until all of it is taken: a context and a write to all of a large card.
const READY: Duration = Duration::from_secs(60);
/// How long the driver may take to say what is left.
const READ: Duration = Duration::from_secs(10);
/// What a strict hog may leave: drivers give memory in pieces of 2 MiB, and keep some for themselves.
const STRICTLY_LEFT: u64 = 64 << 20;

/// How much more may be free of a card than what was not taken: its two libraries do not count alike.
const SLACK: u64 = 256 << 20;

/// One process to be.
struct Order {
    /// How messages call the device.
    device: String,
    words: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
}

/// Takes memory of the server's devices.
pub(crate) async fn take(
    scene: &Scene,
    ratio: f64,
    strict: bool,
    chosen: &[u32],
) -> Result<Done, Reason> {
    if !(ratio > 0.0 && ratio <= 1.0) {
        return Err(refused(format!(
            "{ratio} is no share of what is free: expected above 0 and up to 1"
        )));
    }
    let devices = match &scene.devices {
        Some(devices) => devices.clone(),
        None => given(scene)?,
    };
    let orders = orders(&devices, chosen, ratio, strict)?;
    let at = scene.timeline.since_start();
    let starting: Vec<_> = orders
        .into_iter()
        .map(|order| {
            tokio::task::spawn_blocking(move || {
                let words: Vec<&OsStr> = order.words.iter().map(OsString::as_os_str).collect();
                Sidecar::start(&words, &order.env, READY)
                    .map(|sidecar| (order.device.clone(), sidecar))
                    .map_err(|(kind, why)| (kind, format!("{}: {why}", order.device)))
            })
        })
        .collect();
    let mut hogs = Hogs(Vec::new());
    let mut failed = None;
    for start in starting {
        match start.await {
            Ok(Ok(hog)) => hogs.0.push(hog),
            Ok(Err(reason)) => failed = failed.or(Some(reason)),
            Err(error) => failed = failed.or(Some(refused(error.to_string()))),
        }
    }
    if let Some(reason) = failed {
        return Err(reason);
    }
    scene.timeline.note(
        Step::Injected,
        format!("memory of {} devices taken", hogs.0.len()),
    );
    let (hogs, seen) = tokio::task::spawn_blocking(move || {
        let seen = left(&hogs, &devices, strict);
        (hogs, seen)
    })
    .await
    .map_err(|error| refused(error.to_string()))?;
    let what = seen?;
    Ok(Done {
        at,
        what,
        victims: Vec::new(),
        remedy: Some(Box::new(hogs)),
    })
}

/// What the server was given, from its own environment.
fn given(scene: &Scene) -> Result<Devices, Reason> {
    let env = environment_of(scene)?;
    let get = |name: &str| env.get(OsStr::new(name)).filter(|v| !v.is_empty());
    match (get(LEDGER), get(NUMBERS)) {
        (Some(ledger), Some(numbers)) => {
            let numbers = numbers.to_string_lossy();
            let numbers: Result<Vec<usize>, _> =
                numbers.split(',').map(|n| n.trim().parse()).collect();
            let numbers =
                numbers.map_err(|_| refused(format!("{NUMBERS} of the server is no list")))?;
            Ok(Devices::Simulated {
                ledger: ledger.into(),
                numbers,
            })
        }
        (Some(_), None) => Err(gate(format!(
            "the server was given no devices: {NUMBERS} is not in its environment"
        ))),
        (None, _) => {
            let visible = get(VISIBLE).map(|v| v.to_string_lossy().into_owned());
            let other = VISIBILITY_VARIABLES
                .iter()
                .find(|name| **name != VISIBLE && get(name).is_some());
            match (&visible, other) {
                (None, Some(other)) => Err(gate(format!(
                    "the server has devices by {other}; only simulated ones and cards of NVIDIA can be hogged"
                ))),
                _ => Ok(Devices::Cuda { visible }),
            }
        }
    }
}

fn orders(
    devices: &Devices,
    chosen: &[u32],
    ratio: f64,
    strict: bool,
) -> Result<Vec<Order>, Reason> {
    let tail = [
        ratio.to_string().into(),
        OsString::from(if strict { "strict" } else { "loose" }),
    ];
    let count = match devices {
        Devices::Simulated { numbers, .. } => numbers.len(),
        Devices::Cuda { visible } => cards(visible.as_deref())?,
    };
    let positions: Vec<usize> = match chosen {
        [] => (0..count).collect(),
        some => some.iter().map(|n| *n as usize).collect(),
    };
    if positions.is_empty() {
        return Err(gate("the server was given no devices"));
    }
    let order = |at: usize| {
        if at >= count {
            return Err(refused(format!(
                "the server has no device {at}: it has {count}, numbered from 0"
            )));
        }
        Ok(match devices {
            Devices::Simulated { ledger, numbers } => Order {
                device: format!("simulated device {}", numbers[at]),
                words: [card::SIMULATED.into(), ledger.into()]
                    .into_iter()
                    .chain([numbers[at].to_string().into()])
                    .chain(tail.clone())
                    .collect(),
                env: Vec::new(),
            },
            Devices::Cuda { visible } => Order {
                device: format!("card {at} of the server"),
                words: [card::CUDA.into(), at.to_string().into()]
                    .into_iter()
                    .chain(tail.clone())
                    .collect(),
                env: vec![
                    (VISIBLE.into(), visible.as_ref().map(Into::into)),
                    (ORDER.into(), Some("PCI_BUS_ID".into())),
                ],
            },
        })
    };
    positions.into_iter().map(order).collect()
}

/// How many cards a server sees.
fn cards(visible: Option<&str>) -> Result<usize, Reason> {
    #[cfg(not(feature = "cuda"))]
    {
        let _ = visible;
        Err(gate(card::NO_CUDA))
    }
    #[cfg(feature = "cuda")]
    {
        let seen = match visible {
            Some(list) => list.split(',').filter(|n| !n.trim().is_empty()).count(),
            None => {
                let live = LiveReader::system().read(READ);
                let cards = live.devices.iter().filter(|d| d.platform == "cuda");
                cards.count()
            }
        };
        match seen {
            0 => Err(gate("the server was given no devices")),
            n => Ok(n),
        }
    }
}

/// What is left of each device, in words; read from the ledger or by the management library.
fn left(hogs: &Hogs, devices: &Devices, strict: bool) -> Result<String, Reason> {
    let mut all = Vec::new();
    for (device, hog) in &hogs.0 {
        let told = |key: &str| {
            let figure = hog.figure(key);
            figure.ok_or_else(|| unproven(format!("{device}: the hog does not tell `{key}`")))
        };
        let taken = told("taken")?;
        let (left, total, by) = match devices {
            Devices::Simulated { ledger, .. } => {
                let number = device.rsplit(' ').next().and_then(|n| n.parse().ok());
                let (left, total) = in_ledger(ledger, number.unwrap_or(0), hog, taken)?;
                (left, total, "the ledger")
            }
            Devices::Cuda { .. } => {
                let (left, total, by) = by_driver(hog, told("free")?, told("total")?);
                is_gone(told("free_before")?, taken, left)
                    .map_err(|why| unproven(format!("{device}: {why}, as {by} says")))?;
                (left, total, by)
            }
        };
        if strict && left > STRICTLY_LEFT {
            return Err(unproven(format!(
                "{device}: {} of {} are left although everything was taken: somebody gave memory back meanwhile",
                shown(left),
                shown(total)
            )));
        }
        all.push(format!(
            "{device}: {} of {} left, as {by} says (pid {} took {})",
            shown(left),
            shown(total),
            hog.process.pid,
            shown(taken)
        ));
    }
    Ok(all.join("; "))
}

fn in_ledger(
    ledger: &std::path::Path,
    number: usize,
    hog: &Sidecar,
    taken: u64,
) -> Result<(u64, u64), Reason> {
    let usage = Simulated::open(ledger).and_then(|ledger| ledger.usage());
    let usage = usage.map_err(|error| unproven(format!("the ledger cannot be read: {error}")))?;
    let device = usage.get(number);
    let device =
        device.ok_or_else(|| unproven(format!("the ledger has no device {number} any more")))?;
    let of_hog = device
        .processes
        .iter()
        .find(|p| p.process.pid == hog.process.pid);
    match of_hog {
        Some(of_hog) if of_hog.bytes >= taken => {
            Ok((device.total.saturating_sub(device.used), device.total))
        }
        _ => Err(unproven(format!(
            "the ledger does not say that pid {} has {}",
            hog.process.pid,
            shown(taken)
        ))),
    }
}

/// By NVML where it knows the card, else as CUDA told the one who took it.
fn by_driver(hog: &Sidecar, free: u64, total: u64) -> (u64, u64, &'static str) {
    let uuid = hog.ready.get("uuid").and_then(|u| u.as_str());
    let live = LiveReader::system().read(READ);
    let card = live
        .devices
        .iter()
        .find(|d| uuid.is_some() && d.uuid.as_deref() == uuid);
    match card.and_then(|d| Some((d.memory_free?, d.memory_total?))) {
        Some((free, total)) => (free, total, "NVML"),
        None => (free, total, "CUDA"),
    }
}

/// Whether what was taken is missing from what is free now. A card has no ledger that would name who has it.
fn is_gone(free_before: u64, taken: u64, left: u64) -> Result<(), String> {
    let most = free_before.saturating_sub(taken).saturating_add(SLACK);
    if left <= most {
        return Ok(());
    }
    Err(format!(
        "{} are free although {} of {} were taken: somebody gave memory back meanwhile",
        shown(left),
        shown(taken),
        shown(free_before)
    ))
}

/// Those who have the memory.
struct Hogs(Vec<(String, Sidecar)>);

impl Remedy for Hogs {
    fn undo(&mut self) -> Result<String, Reason> {
        let mut gone = Vec::new();
        for (device, hog) in &mut self.0 {
            if !hog.end() {
                gone.push(format!(
                    "{device}: pid {} had ended before, and its memory was free again",
                    hog.process.pid
                ));
            }
        }
        match gone.is_empty() {
            true => Ok(format!("memory of {} devices given back", self.0.len())),
            false => Err(not_undone(gone.join("; "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_must_be_missing() {
        let gib = |n: u64| n << 30;
        assert!(is_gone(gib(70), gib(63), gib(7)).is_ok());
        assert!(is_gone(gib(70), gib(63), gib(7) + SLACK).is_ok());
        let why = is_gone(gib(70), gib(63), gib(40)).unwrap_err();
        assert!(
            why.contains("40.0 GiB are free although 63.0 GiB of 70.0 GiB"),
            "{why}"
        );
    }
}
