//! Whether a selected case can run here, and what it lacks.
//!
//! Promise: a pure function of marks and facts. Facts are asked for only when a case needs them: no device is probed for a run without device tests.
//! A gate is never overridden by `--include-ignored`: ignored means *off by default*, a gate means *cannot*.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use tribunal_hardware::{Host, Measured};
use tribunal_vocabulary::Vocabulary;

use crate::marks::{Marks, Requirement};
use crate::needs::DeviceUse;
use crate::recall::Recalled;

/// Which kind of condition is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GateKind {
    /// The test is marked `skip("why")`.
    Skip,
    /// A cargo feature is off.
    Feature,
    /// A device is missing; `--require-hardware` makes it a failure.
    Device,
    /// Another operating system.
    Platform,
    /// An environment variable is not set.
    Env,
    /// A program is not on `PATH`.
    Program,
    /// The deployment cannot do what the case needs.
    Deployment,
    /// The deployment is not installed.
    NotInstalled,
    /// The deployment is unknown or its file is wrong: never a skip.
    Broken,
}

/// A gate that is not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Which kind.
    pub kind: GateKind,
    /// What the case needs and what is here.
    pub reason: String,
}

/// What can be known about this machine.
pub trait Facts {
    /// Whether an environment variable is set and not empty.
    fn env(&mut self, name: &str) -> bool;
    /// Whether a program is on `PATH`.
    fn program(&mut self, name: &str) -> bool;
    /// The operating system, as `std::env::consts::OS`.
    fn os(&mut self) -> &str;
    /// The devices.
    fn host(&mut self) -> &Host;
    /// The devices are simulated.
    fn simulated(&self) -> bool {
        false
    }
    /// What runs must leave the real devices of this host alone.
    fn only_simulated(&self) -> bool {
        false
    }
    /// What a case was measured to need, on devices like those here; `None`: nobody measured it on such.
    ///
    /// # Errors
    /// There is a measurement that cannot be read: in words, with the file and what to do.
    fn measured(&mut self, case: &str) -> Result<Option<Measured>, String> {
        let _ = case;
        Ok(None)
    }
    /// How long a case took in earlier runs, in seconds.
    fn seconds(&mut self, case: &str) -> Option<f64> {
        let _ = case;
        None
    }
    /// Whether a case failed when it ran last, where somebody asks for that.
    fn failed_last(&mut self, case: &str) -> bool {
        let _ = case;
        false
    }
    /// What a deployment offers at a level; the error says why nobody knows.
    fn offer(&mut self, deployment: &str, level: Option<&str>) -> Result<Arc<Offer>, String>;
}

/// What a deployment offers, as far as gates ask.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offer {
    /// What its server can do; `None` where nobody has said, which is not the same as nothing: such a case runs.
    pub capabilities: Option<BTreeSet<String>>,
    /// Features that are on, with their values as text.
    pub features: BTreeMap<String, String>,
    /// Why it cannot be started here, with the remedy.
    pub missing: Option<String>,
    /// The server runs already and is somebody else's: nothing may break it.
    pub foreign: bool,
    /// What makes two servers the same: equal texts are one server.
    pub identity: String,
    /// What one server uses of devices; `None`: nothing, as far as its file says.
    pub devices: Option<DeviceUse>,
}

/// What of a case concerns its deployment.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The deployment that the case runs against, if it has a server at all.
    pub deployment: Option<&'a str>,
    /// The level at which it runs.
    pub level: Option<&'a str>,
}

/// Simulated devices are no reason to use real ones.
pub(crate) fn real_devices(name: &str, offer: &Offer, facts: &dyn Facts) -> Option<Unmet> {
    let uses = offer.devices.as_ref().filter(|_| !offer.foreign)?;
    (facts.only_simulated() && !uses.simulated_only).then(|| Unmet {
        kind: GateKind::Device,
        reason: format!("deployment {name} uses real devices, and these are simulated"),
    })
}

/// The gate of the deployment.
fn deployment_unmet(marks: &Marks, asked: Asked<'_>, facts: &mut dyn Facts) -> Option<Unmet> {
    let name = asked.deployment?;
    let no = |kind, reason: String| Some(Unmet { kind, reason });
    let offer = match facts.offer(name, asked.level) {
        Ok(offer) => offer,
        Err(why) => return no(GateKind::Broken, why),
    };
    if let Some(missing) = &offer.missing {
        return no(
            GateKind::NotInstalled,
            format!("deployment {name} is not installed: {missing}"),
        );
    }
    if let Some(unmet) = real_devices(name, &offer, facts) {
        return Some(unmet);
    }
    if marks.fresh && offer.foreign {
        return no(
            GateKind::Deployment,
            format!("needs a server of its own; {name} runs already and belongs to somebody else"),
        );
    }
    for requirement in &marks.requires {
        match requirement {
            Requirement::Capability(wanted) => {
                if let Some(has) = &offer.capabilities
                    && !has.contains(wanted)
                {
                    return no(
                        GateKind::Deployment,
                        format!("deployment {name} does not offer `{wanted}`"),
                    );
                }
            }
            Requirement::ServerFeature(wanted) => {
                let (key, value) = match wanted.split_once('=') {
                    Some((key, value)) => (key.trim(), Some(value.trim())),
                    None => (wanted.as_str(), None),
                };
                let here = offer.features.get(key);
                let holds = match (here.map(String::as_str), value) {
                    (None | Some("false"), None) => false,
                    (Some(_), None) => true,
                    (here, Some(value)) => here == Some(value),
                };
                if !holds {
                    let here = match here {
                        None => "does not have it".to_owned(),
                        Some(here) => format!("has {key} = {here}"),
                    };
                    return no(
                        GateKind::Deployment,
                        format!("needs the server feature `{wanted}`; deployment {name} {here}"),
                    );
                }
            }
            _ => {}
        }
    }
    None
}

/// The first gate of a case that is not met.
pub fn unmet(
    marks: &Marks,
    asked: Asked<'_>,
    v: &Vocabulary,
    facts: &mut dyn Facts,
) -> Option<Unmet> {
    let no = |kind, reason: String| Some(Unmet { kind, reason });
    if let Some(reason) = &marks.skip {
        return no(GateKind::Skip, reason.clone());
    }
    for requirement in &marks.requires {
        match requirement {
            Requirement::Feature(name, false) => {
                return no(
                    GateKind::Feature,
                    format!("needs the cargo feature `{name}`: run with --features {name}"),
                );
            }
            Requirement::Feature(_, true)
            | Requirement::Capability(_)
            | Requirement::ServerFeature(_) => {}
            Requirement::Os(os) => {
                let here = facts.os().to_owned();
                if !os.eq_ignore_ascii_case(&here) {
                    return no(GateKind::Platform, format!("needs {os}; this is {here}"));
                }
            }
            Requirement::Env(name) => {
                if !facts.env(name) {
                    return no(
                        GateKind::Env,
                        format!("needs the environment variable {name}"),
                    );
                }
            }
            Requirement::Program(name) => {
                if !facts.program(name) {
                    return no(
                        GateKind::Program,
                        format!("needs the program `{name}` on PATH"),
                    );
                }
            }
        }
    }
    // Devices last: to probe them takes longest.
    if let Some(unmet) = deployment_unmet(marks, asked, facts) {
        return Some(unmet);
    }
    if marks.devices.is_empty() {
        return None;
    }
    let mut reasons: Vec<String> = vec![];
    for need in crate::needs::alternatives(marks, v) {
        match tribunal_hardware::gate(facts.host(), &need) {
            Ok(()) => return None,
            Err(unmet) => reasons.push(unmet.reason().to_owned()),
        }
    }
    if marks.devices.iter().all(|l| l.platform.is_empty()) {
        let count = marks.devices[0].count;
        let here = facts.host().devices().len();
        let notes = facts
            .host()
            .notes()
            .iter()
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join("; ");
        let memory = marks
            .max_vram_gib
            .map_or(String::new(), |gib| format!(" with {gib} GiB"));
        let found = if here == 0 {
            "this host has none".to_owned()
        } else {
            format!(
                "this host has {here} device{} that do not suffice",
                if here == 1 { "" } else { "s" }
            )
        };
        return no(
            GateKind::Device,
            format!(
                "needs {count} GPU{}{memory}; {found}{}",
                if count == 1 { "" } else { "s" },
                if notes.is_empty() {
                    String::new()
                } else {
                    format!(" ({notes})")
                }
            ),
        );
    }
    no(GateKind::Device, reasons.join("; or "))
}

/// The facts of the machine that we run on, each read at most once.
pub struct Here {
    programs: HashMap<String, bool>,
    path: Option<OsString>,
    host: Option<Host>,
    simulated: bool,
    only_simulated: bool,
    offers: HashMap<(String, Option<String>), Result<Arc<Offer>, String>>,
    ask: Box<Ask>,
    recalled: Recalled,
}

/// Who knows what deployments offer.
pub type Ask = dyn Fn(&str, Option<&str>) -> Result<Offer, String>;

impl Here {
    /// Reads nothing yet. `ask` is asked once per deployment and level, and only when a case needs to know.
    pub fn new(ask: Box<Ask>) -> Here {
        Here {
            offers: HashMap::new(),
            ask,
            programs: HashMap::new(),
            path: std::env::var_os("PATH"),
            host: None,
            simulated: false,
            only_simulated: false,
            recalled: Recalled::default(),
        }
    }

    /// With what earlier runs tell.
    pub fn recalling(mut self, recalled: Recalled) -> Here {
        self.recalled = recalled;
        self
    }

    /// The devices of this host in place of those that are here; `run`: the real ones are not to be used.
    #[must_use]
    pub fn simulating(mut self, host: Host, run: bool) -> Here {
        self.host = Some(host);
        self.simulated = true;
        self.only_simulated = run;
        self
    }
}

/// How long device probes may take together; drivers that hang exist, and a list must not.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// Whether a measurement says something of these devices; `simulated`: they are not here, `run`: runs use them all the same.
pub(crate) fn holds(measured: &Measured, host: &Host, simulated: bool, run: bool) -> bool {
    match simulated && !run {
        // A plan for devices that are elsewhere: there is no name of a driver to compare.
        true => !measured.simulated,
        false => host
            .devices()
            .iter()
            .any(|device| measured.holds_for(&device.name, run)),
    }
}

impl Facts for Here {
    fn env(&mut self, name: &str) -> bool {
        std::env::var_os(name).is_some_and(|v| !v.is_empty())
    }

    fn program(&mut self, name: &str) -> bool {
        let path = self.path.clone();
        *self
            .programs
            .entry(name.to_owned())
            .or_insert_with(|| on_path(name, path.as_deref()))
    }

    fn os(&mut self) -> &str {
        std::env::consts::OS
    }

    fn simulated(&self) -> bool {
        self.simulated
    }

    fn only_simulated(&self) -> bool {
        self.only_simulated
    }

    fn measured(&mut self, case: &str) -> Result<Option<Measured>, String> {
        let folder = crate::evidence::default_root().join("vram");
        let (simulated, run) = (self.simulated, self.only_simulated);
        let measured = Measured::load(&folder, case)?;
        Ok(measured.filter(|measured| holds(measured, self.host(), simulated, run)))
    }

    fn seconds(&mut self, case: &str) -> Option<f64> {
        self.recalled.seconds.get(case).copied()
    }

    fn failed_last(&mut self, case: &str) -> bool {
        self.recalled.failed.contains(case)
    }

    fn offer(&mut self, deployment: &str, level: Option<&str>) -> Result<Arc<Offer>, String> {
        let key = (deployment.to_owned(), level.map(str::to_owned));
        self.offers
            .entry(key)
            .or_insert_with(|| (self.ask)(deployment, level).map(Arc::new))
            .clone()
    }

    fn host(&mut self) -> &Host {
        self.host.get_or_insert_with(|| {
            match (
                std::env::var("NEXTEST_RUN_ID"),
                std::env::var_os("TMPDIR")
                    .map(Into::into)
                    .or_else(|| Some(std::env::temp_dir())),
            ) {
                // One probe for the two list calls and every test process of a nextest run.
                (Ok(run), Some(dir)) if !run.is_empty() => {
                    Host::probe_cached(&run, &dir, PROBE_LIMIT)
                }
                _ => Host::probe(PROBE_LIMIT),
            }
        })
    }
}

/// Whether an executable file of this name is in one of the folders of `path`, or is one itself if it has a slash.
fn on_path(name: &str, path: Option<&std::ffi::OsStr>) -> bool {
    let runs = |file: &std::path::Path| {
        let Ok(meta) = file.metadata() else {
            return false;
        };
        #[cfg(unix)]
        let executable = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o111 != 0;
        #[cfg(not(unix))]
        let executable = true;
        meta.is_file() && executable
    };
    if name.contains('/') {
        return runs(std::path::Path::new(name));
    }
    path.is_some_and(|p| std::env::split_paths(p).any(|dir| runs(&dir.join(name))))
}
