//! Proves on a machine with an NVIDIA card what no other can: that readings are true, and that memory is told to be whose it is.
//!
//!     cargo build -p tribunal-hardware --examples
//!     cargo run -p tribunal-hardware --example gpu_proof [-- --device N | --simulated]
//!
//! It starts the example `cuda_hog` beside it and takes up to 4 GiB of one card for about a minute; a card that others use at
//! the time makes some checks fail. It prints a record for the documents. Without a card it says so and ends with 0: nothing was
//! proved and nothing failed. Exit code 1: a check failed.
//!
//! With `--simulated` it makes a device of 24 GiB in a file and proves itself only; the record then says so.

mod hog;
mod smi;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hog::Hogs;
use tribunal_hardware::{
    Live, LiveDevice, LiveReader, Members, Probe, SETTLE_BOUND, SETTLE_TOLERANCE, Settled,
    Telemetry, settle,
};

const LIMIT: Duration = Duration::from_secs(5);
const MIB: u64 = 1 << 20;
/// What a context of the driver takes of a card beside what a program asks for, at most.
const CONTEXT: u64 = 1024 * MIB;
/// The variable that the hog obeys.
const FRACTION: &str = "TRIBUNAL_GPU_MEMORY_FRACTION";

/// Why a check ended before its end.
enum Came {
    Wrong(String),
    NotMade(String),
}

use Came::{NotMade, Wrong};

/// The figures of a check that was right.
type Check = Result<String, Came>;

/// A check's name and what makes it.
type Named = (&'static str, fn(&mut Proof) -> Check);

struct Proof {
    reader: LiveReader,
    probe: Probe,
    key: String,
    hogs: Hogs,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // Lives to the end: with it goes the ledger.
    let mut folder = None;
    let (device, simulated) = match words[..] {
        [] => (0, None),
        ["--device", number] if number.parse::<usize>().is_ok() => {
            (number.parse().unwrap_or(0), None)
        }
        ["--simulated"] => match ledger() {
            Ok((path, keep)) => {
                folder = Some(keep);
                (0, Some(path))
            }
            Err(error) => {
                eprintln!("no simulated device: {error}");
                return ExitCode::from(2);
            }
        },
        _ => {
            eprintln!("usage: gpu_proof [--device N | --simulated]");
            return ExitCode::from(2);
        }
    };
    let code = match begin(device, simulated) {
        Ok(mut proof) => proof.run(),
        Err(why) => {
            println!("gpu_proof: not made: {why}");
            ExitCode::SUCCESS
        }
    };
    drop(folder);
    code
}

/// A device of 24 GiB in a file, and the folder that goes when it is dropped.
#[cfg(target_os = "linux")]
fn ledger() -> std::io::Result<(PathBuf, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("devices");
    let device = tribunal_hardware::LayoutDevice {
        platform: "cuda".into(),
        model: "card of 24 GiB".into(),
        total: 24 << 30,
    };
    tribunal_hardware::Simulated::create(&path, &[device])?;
    Ok((path, folder))
}

#[cfg(not(target_os = "linux"))]
fn ledger() -> std::io::Result<(PathBuf, tempfile::TempDir)> {
    Err(std::io::Error::other("simulated devices need Linux"))
}

#[cfg(target_os = "linux")]
fn probe(simulated: Option<&PathBuf>) -> Result<Probe, String> {
    match simulated {
        Some(path) => Probe::simulated(path).map_err(|error| error.to_string()),
        None => Ok(Probe::system()),
    }
}

#[cfg(not(target_os = "linux"))]
fn probe(_: Option<&PathBuf>) -> Result<Probe, String> {
    Err("the proof is for Linux".into())
}

fn begin(device: usize, simulated: Option<PathBuf>) -> Result<Proof, String> {
    let probe = probe(simulated.as_ref())?;
    let mut reader = LiveReader::of(&probe);
    let live = reader.read(LIMIT);
    let cards = live
        .devices
        .iter()
        .filter(|device| device.platform == "cuda");
    let cards: Vec<&LiveDevice> = cards.collect();
    let notes: Vec<String> = live
        .notes
        .iter()
        .filter(|note| note.platform == "cuda")
        .map(ToString::to_string)
        .collect();
    let Some(card) = cards.get(device) else {
        return Err(format!(
            "there is no NVIDIA device {device} here, of {} ({})",
            cards.len(),
            notes.join("; ")
        ));
    };
    if card.memory_used.is_none() {
        return Err(format!(
            "the memory of {} is unmeasured ({})",
            card.name,
            notes.join("; ")
        ));
    }
    let hogs = Hogs::beside_this(device, simulated)?;
    head(&live, card);
    let key = card.key();
    Ok(Proof {
        reader,
        probe,
        key,
        hogs,
    })
}

fn head(live: &Live, card: &LiveDevice) {
    println!("# {}\n", card.name);
    if card.simulated {
        println!("SIMULATED: nothing here was measured on hardware.\n");
    }
    let driver = live.drivers.iter().find(|driver| driver.platform == "cuda");
    let unknown = || "unknown".to_string();
    let version = driver.and_then(|driver| driver.version.clone());
    let cuda = driver.and_then(|driver| driver.cuda.clone());
    let flag = |flag: Option<bool>| match flag {
        Some(true) => "on",
        Some(false) => "off",
        None => "unknown",
    };
    println!(
        "driver {}, CUDA {}, {} MiB, MIG {}, ECC {}\n\n| check | came | figures |\n|---|---|---|",
        version.unwrap_or_else(unknown),
        cuda.unwrap_or_else(unknown),
        card.memory_total.unwrap_or(0) / MIB,
        flag(card.mig),
        flag(card.ecc),
    );
}

impl Proof {
    fn run(&mut self) -> ExitCode {
        let checks: [Named; 8] = [
            ("a reading is what nvidia-smi says", Proof::compared),
            ("what a reading costs", Proof::cost),
            ("memory of one process, and its peak", Proof::attributed),
            ("the share that may be taken is kept", Proof::share),
            ("three processes on one card", Proof::packed),
            ("more than there is", Proof::too_much),
            ("a process that stays behind is found", Proof::orphan),
            ("memory is back after the end", Proof::clean),
        ];
        let mut failed = false;
        for (name, check) in checks {
            let (word, figures) = match check(self) {
                Ok(figures) => ("ok", figures),
                Err(Wrong(figures)) => {
                    failed = true;
                    ("FAILED", figures)
                }
                Err(NotMade(why)) => ("not made", why),
            };
            println!("| {name} | {word} | {} |", figures.replace('\n', " "));
        }
        ExitCode::from(u8::from(failed))
    }

    fn read(&mut self) -> Result<(Live, LiveDevice), Came> {
        let live = self.reader.read(LIMIT);
        match live.device(&self.key).cloned() {
            Some(device) => Ok((live, device)),
            None => Err(Wrong(format!("the device is gone: {:?}", live.notes))),
        }
    }

    fn used(&mut self) -> Result<u64, Came> {
        let (_, device) = self.read()?;
        device
            .memory_used
            .ok_or_else(|| Wrong("memory in use is unmeasured".into()))
    }

    fn compared(&mut self) -> Check {
        let (_, device) = self.read()?;
        if device.simulated {
            return Err(NotMade("simulated".into()));
        }
        let said = smi::query(&self.key).map_err(NotMade)?;
        let differences = smi::differences(&device, &said);
        if differences.is_empty() {
            Ok(format!("{said:?}"))
        } else {
            Err(Wrong(differences.join("; ")))
        }
    }

    fn cost(&mut self) -> Check {
        const READINGS: u32 = 50;
        let begin = Instant::now();
        for _ in 0..READINGS {
            self.read()?;
        }
        let each = begin.elapsed() / READINGS;
        Ok(format!("{each:.1?} each, of {READINGS}"))
    }

    fn attributed(&mut self) -> Check {
        let before = self.used()?;
        let reader = LiveReader::of(&self.probe);
        let telemetry = Telemetry::start(reader, None, Duration::from_millis(100))
            .map_err(|error| NotMade(error.to_string()))?;
        let hog = self.hogs.start(2048, None).map_err(Wrong)?;
        let watch = telemetry.watch("hog", Members::Tree(hog.pid()));
        if !telemetry.sample_now(LIMIT) {
            return Err(Wrong("no sample in time".into()));
        }
        let grown = self.used()?.saturating_sub(before);
        drop(hog);
        within("the device", grown)?;
        let peaks = watch.summary().devices;
        let peak = peaks.iter().find(|peak| peak.device == self.key);
        match peak.map(|peak| (peak.bytes, peak.reason.as_deref())) {
            Some((Some(bytes), _)) => {
                within("the process", bytes)?;
                Ok(format!(
                    "asked 2048 MiB: process {} MiB, device {} MiB more",
                    bytes / MIB,
                    grown / MIB
                ))
            }
            Some((None, why)) => Err(NotMade(format!(
                "device {} MiB more; of the process: {}",
                grown / MIB,
                why.unwrap_or("no sample")
            ))),
            None => Err(Wrong("the tree has no figure for the device".into())),
        }
    }

    fn share(&mut self) -> Check {
        let (_, device) = self.read()?;
        let total = device.memory_total.unwrap_or(0) as f64;
        let share = |mib: u64| (mib * MIB) as f64 / total;
        let refused = match self.hogs.start(1024, Some(share(900))) {
            Ok(_) => return Err(Wrong("1024 MiB were taken with a share of 900 MiB".into())),
            Err(text) if text.contains("out of memory") => text,
            Err(text) => return Err(Wrong(format!("refused for another reason: {text}"))),
        };
        drop(self.hogs.start(1024, Some(share(1200))).map_err(Wrong)?);
        Ok(format!(
            "1024 MiB taken with {FRACTION} for 1200 MiB; for 900 MiB: {refused}"
        ))
    }

    fn packed(&mut self) -> Check {
        let before = self.used()?;
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(self.hogs.start(1024, None).map_err(Wrong)?);
        }
        let (_, device) = self.read()?;
        let grown = device.memory_used.unwrap_or(0).saturating_sub(before);
        if grown < 3 * 1024 * MIB {
            return Err(Wrong(format!("device only {} MiB more", grown / MIB)));
        }
        let mut figures = Vec::new();
        for hog in &all {
            let held = device.used_by(&[hog.pid()]).map_err(|why| {
                NotMade(format!("device {} MiB more; of each: {why}", grown / MIB))
            })?;
            if held < 1024 * MIB {
                return Err(Wrong(format!("one holds {} MiB of its 1024", held / MIB)));
            }
            figures.push((held / MIB).to_string());
        }
        Ok(format!(
            "each asked 1024 MiB: {} MiB, device {} MiB more",
            figures.join(", "),
            grown / MIB
        ))
    }

    fn too_much(&mut self) -> Check {
        let (_, device) = self.read()?;
        let more = device.memory_total.unwrap_or(0) / MIB + 1024;
        match self.hogs.start(more, None) {
            Ok(_) => Err(Wrong(format!("{more} MiB were taken"))),
            Err(text) if text.contains("out of memory") => Ok(text),
            Err(text) => Err(Wrong(text)),
        }
    }

    fn orphan(&mut self) -> Check {
        let (before, _) = self.read()?;
        let hog = self.hogs.start_orphan(1024).map_err(Wrong)?;
        let found = self.settle(&before, Duration::from_secs(2));
        drop(hog);
        let residue = match found {
            Settled::Above(residue) => residue,
            other => return Err(Wrong(format!("{other:?}"))),
        };
        match self.settle(&before, SETTLE_BOUND) {
            Settled::Clean => Ok(format!(
                "{} MiB left, processes {:?}; clean after its end",
                residue.left / MIB,
                residue.processes
            )),
            other => Err(Wrong(format!("not clean after its end: {other:?}"))),
        }
    }

    fn clean(&mut self) -> Check {
        let (before, _) = self.read()?;
        drop(self.hogs.start(1024, None).map_err(Wrong)?);
        let begin = Instant::now();
        match self.settle(&before, SETTLE_BOUND) {
            Settled::Clean => Ok(format!("after {:.0?}", begin.elapsed())),
            other => Err(Wrong(format!("{other:?}"))),
        }
    }

    fn settle(&mut self, before: &Live, bound: Duration) -> Settled {
        let keys = [self.key.clone()];
        let reader = &mut self.reader;
        let read = || reader.read(LIMIT);
        let mut handover = settle(before, &keys, read, &|_| false, SETTLE_TOLERANCE, bound);
        handover.devices.remove(0).1
    }
}

/// Whether a figure is the 2048 MiB that were asked for and what the driver adds.
fn within(what: &str, bytes: u64) -> Result<(), Came> {
    let asked = 2048 * MIB;
    if (asked..=asked + CONTEXT).contains(&bytes) {
        return Ok(());
    }
    Err(Wrong(format!("{what}: {} MiB for 2048 MiB", bytes / MIB)))
}
