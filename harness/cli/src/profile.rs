//! `cargo tribunal profile-vram`: how much device memory a test needs.
//!
//! The search and its texts are of `tribunal-profiler`; here are the processes, the devices and the files.

mod drive;
mod help;
mod log;
mod machine;
mod options;
mod outcome;
mod sampler;
mod source;
mod target;
mod tree;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tribunal_hardware::{
    Host, LayoutDevice, LiveReader, Measured, MeasuredDevice, Probe, Simulated, parse_layout,
};
use tribunal_profiler::{Allowed, Ended, Tried};

use crate::command::see;
use crate::deploy;
use crate::workspace::Workspace;
use drive::{Conclusion, Measure, Subject};
pub(crate) use help::HELP;
use log::TokenLog;
use machine::Machine;
use options::By;
pub(crate) use options::{FLAGS, ProfileOptions, parse};
use sampler::Live;

/// The command line is wrong.
const USAGE: u8 = 2;
/// It cannot be measured here.
const FAILED: u8 = 1;
/// The longest that looking for devices may take.
const LOOKING: Duration = Duration::from_secs(5);
/// Where runs on simulated devices find their ledger.
const LEDGER: &str = "TRIBUNAL_SIMULATED_LEDGER";

/// Measures.
pub(crate) fn run(o: &ProfileOptions) -> ExitCode {
    match profile(o) {
        Ok(code) => ExitCode::from(code),
        Err((code, text)) => {
            // Where standard error is closed, the exit code still tells.
            let _ = writeln!(std::io::stderr(), "error: {}", text.trim_end());
            ExitCode::from(code)
        }
    }
}

type Failure = (u8, String);

fn failed(text: impl Into<String>) -> Failure {
    (FAILED, text.into())
}

fn profile(o: &ProfileOptions) -> Result<u8, Failure> {
    if o.by != By::Fraction && !o.ci {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let names = ["CI", "GITHUB_ACTIONS", "GITLAB_CI"];
        if let Some(name) = names.into_iter().find(|name| is_set(name)) {
            return Err((
                USAGE,
                format!(
                    "{name} is set, and a KV cache measured beside other jobs misleads whoever plans by it\nhelp: measure on a quiet machine, or add --ci\n"
                ),
            ));
        }
    }
    let simulated = simulated(o)?;
    let devices = Devices::find(o, simulated.as_ref())?;
    let workspace = crate::workspace::workspace();
    let target = target::find(o).map_err(failed)?;
    if let Some(why) = &target.listed.skip {
        return Err(failed(format!(
            "`{}` would not run here: {why}\n{}",
            o.test,
            see("cargo tribunal devices")
        )));
    }
    tree::adopt_orphans()
        .map_err(|error| failed(format!("processes cannot be kept together: {error}")))?;
    let folder = Measured::folder(&workspace.target);
    let evidence = folder.join("evidence");
    let mut machine = Machine {
        options: o,
        target: &target,
        sampler: Some(Box::new(devices.sampler())),
        variables: simulated.iter().map(Ledger::variable).collect(),
        evidence: &evidence,
        tokens: (o.by == By::KvTokens).then(|| TokenLog::of(&o.rest)),
    };
    let text: &mut dyn std::io::Write = match o.json {
        true => &mut std::io::sink(),
        false => &mut std::io::stdout(),
    };
    let words = devices.words();
    let subject = Subject {
        model: target.listed.model.as_deref(),
        device: words.as_deref(),
    };
    let conclusion = drive::drive(o, &mut machine, subject, text).map_err(failed)?;
    keep(o, &conclusion, &devices, &workspace, &target)?;
    Ok(u8::try_from(conclusion.code).unwrap_or(FAILED))
}

/// Files and JSON of what was found.
fn keep(
    o: &ProfileOptions,
    conclusion: &Conclusion,
    devices: &Devices,
    workspace: &Workspace,
    target: &target::Target,
) -> Result<(), Failure> {
    let io =
        |what: &dyn std::fmt::Display, error: std::io::Error| failed(format!("{what}: {error}"));
    if let (Some(path), Some(trace)) = (&o.csv, &conclusion.trace) {
        std::fs::write(path, trace.csv()).map_err(|error| io(&path.display(), error))?;
    }
    let measured = conclusion
        .measured
        .as_ref()
        .and_then(|measure| devices.measured(&o.test, measure));
    let mut saved = None;
    if let Some(measured) = &measured {
        let folder = Measured::folder(&workspace.target);
        let path = measured
            .save(&folder)
            .map_err(|error| io(&folder.display(), error))?;
        saved = Some(path);
    }
    if o.json {
        let value = result(o, conclusion, measured.as_ref());
        let mut out = std::io::stdout();
        writeln!(out, "{value:#}").map_err(|error| io(&"the result", error))?;
    } else if let Some(path) = &saved {
        let _ = writeln!(std::io::stderr(), "kept in {}", path.display());
    }
    if o.write
        && let Some(measure) = &conclusion.measured
    {
        let said = source::write(
            workspace,
            &o.test,
            &target.listed,
            &measure.advice,
            o.allow_dirty,
        )
        .map_err(failed)?;
        let _ = write!(std::io::stderr(), "{said}");
        if devices.simulated {
            let _ = writeln!(
                std::io::stderr(),
                "note: these figures are of simulated devices; measure again before anybody plans hardware by them"
            );
        }
    }
    Ok(())
}

/// The result as one object.
fn result(o: &ProfileOptions, conclusion: &Conclusion, measured: Option<&Measured>) -> Value {
    let run = |(allowed, tried): &(Allowed, Tried)| {
        let (ended, why) = match &tried.ended {
            Ended::Passed => ("passed", None),
            Ended::OutOfMemory(line) => ("out_of_memory", Some(line)),
            Ended::Broken { why, .. } => ("failed", Some(why)),
            Ended::TimedOut => ("timed_out", None),
        };
        json!({
            "allowed": allowed.value(), "ended": ended, "why": why, "peak_bytes": tried.peak,
            "wall_s": tried.wall.as_secs_f64(), "took_s": tried.took.as_secs_f64(), "tokens": tried.tokens,
        })
    };
    let advice = conclusion.measured.as_ref().map(|measure| &measure.advice);
    json!({
        "schema": 1,
        "command": o.command(),
        "exit_code": conclusion.code,
        "measured": measured,
        "attributes": advice.map(|advice| advice.items.iter().map(|item| json!({"attribute": item.marker.rust(), "reason": item.reason})).collect::<Vec<_>>()),
        "ready_within_s": advice.and_then(|advice| advice.ready_within.as_ref().map(|(seconds, _)| *seconds)),
        "warnings": advice.map(|advice| &advice.warnings),
        "runs": conclusion.runs.iter().map(run).collect::<Vec<_>>(),
    })
}

/// A ledger of simulated devices that lives as long as the session.
struct Ledger(PathBuf);

impl Ledger {
    fn variable(&self) -> (OsString, OsString) {
        (LEDGER.into(), self.0.clone().into())
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // The folder is this session's own, with what runs keep beside the ledger. One that stays in the temporary folder does no harm.
        if let Some(folder) = self.0.parent() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn simulated(o: &ProfileOptions) -> Result<Option<Ledger>, Failure> {
    let Some(layout) = &o.simulate else {
        return Ok(None);
    };
    let vocabulary = deploy::vocabulary().map_err(|text| (USAGE, text))?;
    let find = |name: &str| {
        let (platform, device) = vocabulary.device(name)?;
        Some((platform.name.clone(), device.name.clone(), device.vram_gib))
    };
    let known = || {
        let all = vocabulary.platforms().iter().flat_map(|p| &p.devices);
        all.map(|device| device.name.clone()).collect()
    };
    let devices: Vec<LayoutDevice> =
        parse_layout(layout, &find, &known).map_err(|error| (USAGE, format!("{error}\n")))?;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let folder = std::env::temp_dir().join(format!(
        "tribunal-profile-{}-{}",
        std::process::id(),
        now.as_nanos()
    ));
    std::fs::create_dir(&folder)
        .map_err(|error| failed(format!("{}: {error}", folder.display())))?;
    let path = folder.join("devices");
    // From here on the folder is removed, whatever becomes of the ledger.
    let ledger = Ledger(path);
    Simulated::create(&ledger.0, &devices)
        .map_err(|error| failed(format!("{}: {error}", ledger.0.display())))?;
    Ok(Some(ledger))
}

/// The devices that count: those of one platform that a test may use.
struct Devices {
    probe: Probe,
    platform: String,
    devices: Vec<MeasuredDevice>,
    indexes: Vec<u32>,
    driver: Option<String>,
    simulated: bool,
}

impl Devices {
    fn find(o: &ProfileOptions, ledger: Option<&Ledger>) -> Result<Devices, Failure> {
        let probe = match ledger {
            None => Probe::system(),
            Some(ledger) => {
                let path = &ledger.0;
                Probe::simulated(path)
                    .map_err(|error| failed(format!("{}: {error}", path.display())))?
            }
        };
        let host: Host = probe.run(LOOKING);
        let platform = host.platforms().next().map(str::to_owned);
        let platform = platform.ok_or_else(|| {
            failed(format!(
                "there is no device here to measure on\nhelp: `--simulate-devices 1xL4` measures on a simulated one; {}",
                see("cargo tribunal devices").trim_start_matches("help: ")
            ))
        })?;
        let here = host
            .devices()
            .iter()
            .filter(|device| device.platform == platform && device.visible);
        let all: Vec<u32> = here.clone().map(|device| device.index).collect();
        let indexes: Vec<u32> = match o.gpu {
            None => all,
            Some(gpu) if all.contains(&gpu) => vec![gpu],
            Some(gpu) => {
                return Err((
                    USAGE,
                    format!("there is no visible {platform} device {gpu}; there are {all:?}\n"),
                ));
            }
        };
        let live = LiveReader::of(&probe).read(LOOKING);
        let devices = live
            .devices
            .iter()
            .filter(|device| device.platform == platform && indexes.contains(&device.index))
            .map(|device| MeasuredDevice {
                index: device.index as usize,
                name: device.name.clone(),
                total: device.memory_total,
            })
            .collect();
        let driver = live
            .drivers
            .iter()
            .find(|driver| driver.platform == platform)
            .and_then(|driver| driver.version.clone());
        Ok(Devices {
            probe,
            platform,
            devices,
            indexes,
            driver,
            simulated: ledger.is_some(),
        })
    }

    fn sampler(&self) -> Live {
        Live {
            reader: LiveReader::of(&self.probe),
            platform: self.platform.clone(),
            indexes: self.indexes.clone(),
        }
    }

    /// What the devices are; that they are simulated is said whenever they are.
    fn words(&self) -> Option<String> {
        let names: Vec<&str> = self
            .devices
            .iter()
            .map(|device| device.name.as_str())
            .collect();
        let simulated = match self.simulated {
            true => "; nothing here was measured on hardware",
            false => "",
        };
        Some(format!("{}{simulated}", names.join(", ")))
            .filter(|_| self.simulated || names.len() > 1)
    }

    /// What is kept; `None` where no memory was read.
    fn measured(&self, test: &str, measure: &Measure) -> Option<Measured> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Some(Measured {
            schema: Measured::SCHEMA,
            test: test.to_owned(),
            simulated: self.simulated,
            devices: self.devices.clone(),
            used_devices: measure.profile.count() as u32,
            driver: self.driver.clone(),
            when: now.unwrap_or_default().as_secs(),
            peak_bytes: measure.profile.peak()?,
            of_tree: measure.profile.of_tree,
            wall_s: measure.wall,
            body_s: measure.body,
            set_up_s: measure.set_up,
            least: measure.least.clone(),
        })
    }
}
