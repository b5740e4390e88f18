//! The deployments of this run: chosen on the command line, found once, rendered per level.
//!
//! Promise: what the command line names is read before anything runs, and its mistakes are usage errors; anything else is read when a case asks.
//! Equal renderings are one server, whatever their names and levels.
//!
//! Rejected: handing a list of deployments from `main` to the fixtures (they are plain functions that only know the name).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tribunal_deploy::{Catalogue, Context, Rendered, Spec, Way};
use tribunal_models::{Lease, ModelPaths, Wanted};
use tribunal_runner::{Chosen, DeviceUse, Offer, Options, Sharing, UsageError};
use tribunal_serving::Deployment;
use tribunal_vocabulary::Vocabulary;

use crate::Error;
use crate::drawing::parted;

/// What runs when nothing is chosen.
pub(crate) const DEFAULT: &str = "embedded";

/// What is the embedded engine already.
const OURS: [&str; 3] = [DEFAULT, "embedded-offline", "embedded-speech"];

/// How often people are told how far a copy of a model has come.
const TELL_EVERY: Duration = Duration::from_secs(3);

/// How long to look for devices when a deployment has overlays for platforms and none is asked for.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// A rendering, or why there is none.
type Made = Result<Arc<Rendered>, String>;

/// What the whole run uses.
struct Here {
    /// The names on the command line, in their order; the default one if there are none.
    chosen: Vec<String>,
    catalogue: Catalogue,
    package: PathBuf,
    workspace: Option<PathBuf>,
    sets: Vec<String>,
    platform: Option<String>,
    rehearse: bool,
    specs: Mutex<HashMap<String, Result<Spec, String>>>,
    rendered: Mutex<HashMap<(String, Option<String>), Made>>,
    /// The platform of the devices that are here, once somebody wanted to know.
    found: OnceLock<Option<String>>,
}

static HERE: OnceLock<Here> = OnceLock::new();

/// Nothing was prepared: a fixture is used outside of a run.
fn here() -> &'static Here {
    HERE.get_or_init(|| Here::new(Path::new("."), &Options::default(), Vocabulary::shipped()))
}

/// A deployment that was found, with all that the command line sets.
pub(crate) fn spec(name: &str) -> Result<Spec, String> {
    here().spec(name)
}

/// Fixes what the run uses, and finds the deployments that it runs against.
pub(crate) fn choose(
    package: &Path,
    o: &Options,
    v: &Vocabulary,
) -> Result<Vec<Chosen>, UsageError> {
    let here = HERE.get_or_init(|| Here::new(package, o, v));
    if let Some(platform) = &o.platform
        && !v.platforms().iter().any(|p| p.name == *platform)
    {
        let names = || v.platforms().iter().map(|p| p.name.as_str());
        let near = tribunal_vocabulary::nearest(platform, names())
            .map_or(String::new(), |n| format!("; did you mean `{n}`?"));
        return Err(UsageError(format!(
            "no platform `{platform}` is declared (platforms: {}){near}",
            names().collect::<Vec<_>>().join(", ")
        )));
    }
    let names = match o.deploy.as_slice() {
        // Read when a case asks, unless something is set of it.
        [] if o.sets_nothing() => return Ok(vec![chosen(DEFAULT)]),
        [] => &[DEFAULT.to_owned()][..],
        names => names,
    };
    let mut all: Vec<Chosen> = vec![];
    for name in names {
        if let Err(problems) = here.spec(name) {
            return Err(UsageError(format!("--deploy {name}: {problems}")));
        }
        let next = chosen(name);
        if let Some(same) = all.iter().find(|c| c.segment == next.segment) {
            return Err(UsageError(format!(
                "--deploy: `{}` and `{}` would both be called `{}` in the names of cases\nhelp: give one of them a file of another name",
                same.name, next.name, next.segment
            )));
        }
        all.push(next);
    }
    Ok(all)
}

/// A deployment with the last segment of its cases: an identifier.
fn chosen(name: &str) -> Chosen {
    let stem = match name.strip_suffix(".toml") {
        Some(stem) => stem.rsplit('/').next().unwrap_or(stem),
        None if crate::nodes::is_file(name) => crate::nodes::stem(name),
        None => name.split_once("://").map_or(name, |(_, rest)| rest),
    };
    let slug = tribunal_vocabulary::slug(stem);
    let digit = slug.starts_with(|c: char| c.is_ascii_digit());
    Chosen {
        name: name.to_owned(),
        segment: match slug.is_empty() || digit {
            true => format!("at_{slug}"),
            false => slug,
        },
    }
}

impl Here {
    fn new(package: &Path, o: &Options, v: &Vocabulary) -> Here {
        // The lock file stands at the root of the workspace.
        let workspace = package
            .ancestors()
            .find(|dir| dir.join("Cargo.lock").is_file())
            .map(Path::to_path_buf);
        let current = std::env::current_dir().unwrap_or_else(|_| package.to_path_buf());
        let mut roots = vec![current];
        for root in [Some(package.to_path_buf()), workspace.clone()]
            .into_iter()
            .flatten()
        {
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        let chosen = match o.deploy.is_empty() {
            true => vec![DEFAULT.to_owned()],
            false => o.deploy.clone(),
        };
        Here {
            chosen,
            catalogue: Catalogue::new(&roots).vocabulary(v),
            package: package.to_path_buf(),
            workspace,
            sets: o.set.clone(),
            platform: o.platform.clone(),
            rehearse: o.rehearse,
            specs: Mutex::default(),
            rendered: Mutex::default(),
            found: OnceLock::new(),
        }
    }

    fn spec(&self, name: &str) -> Result<Spec, String> {
        let mut specs = self.specs.lock().unwrap_or_else(PoisonError::into_inner);
        specs
            .entry(name.to_owned())
            .or_insert_with(|| {
                let (base, variants) = parted(name);
                let mut spec = match crate::nodes::spec(base, &self.catalogue) {
                    Some(made) => made?,
                    None => {
                        let spec = self.catalogue.resolve(base).map_err(|p| p.to_string())?;
                        match self.rehearse && !OURS.contains(&base) {
                            true => crate::nodes::rehearse(
                                &spec,
                                &self.catalogue,
                                &self.context(&spec),
                            )?,
                            false => spec,
                        }
                    }
                };
                for set in &self.sets {
                    spec.set(set).map_err(|p| format!("--set: {p}"))?;
                }
                match variants.is_empty() {
                    true => Ok(spec),
                    false => spec.with_variants(&variants).map_err(|p| p.to_string()),
                }
            })
            .clone()
    }

    /// What a deployment is read for before it is rehearsed.
    fn context(&self, spec: &Spec) -> Context<'_> {
        let asked = self.platform.as_deref();
        Context {
            platform: asked.filter(|platform| spec.platforms().contains(platform)),
            package: Some(self.package.clone()),
            workspace: self.workspace.clone(),
            offline: Some(&offline),
            ..Context::default()
        }
    }

    /// Whose overlays are used: the one asked for, else that of the devices that are here, if they are all of one.
    fn platform(&self, spec: &Spec) -> Option<String> {
        if self.platform.is_some() || spec.platforms().is_empty() {
            return self.platform.clone();
        }
        let probe = || {
            let host = tribunal_hardware::Host::probe(PROBE_LIMIT);
            let mut names = host.devices().iter().map(|d| d.platform.to_string());
            let first = names.next()?;
            names.all(|other| other == first).then_some(first)
        };
        self.found.get_or_init(probe).clone()
    }

    fn rendered(&self, name: &str, level: Option<&str>) -> Made {
        let key = (name.to_owned(), level.map(str::to_owned));
        let known = |all: &HashMap<_, Made>| all.get(&key).cloned();
        let all = || self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = known(&all()) {
            return there;
        }
        let made = self
            .spec(name)
            .and_then(|spec| self.render(&spec, level, None));
        all().insert(key, made.clone());
        made
    }

    fn render(
        &self,
        spec: &Spec,
        level: Option<&str>,
        model: Option<Find<'_>>,
    ) -> Result<Arc<Rendered>, String> {
        let platform = self.platform(spec);
        let context = Context {
            level,
            platform: platform.as_deref(),
            package: Some(self.package.clone()),
            workspace: self.workspace.clone(),
            offline: Some(&offline),
            model,
            ..Context::default()
        };
        spec.render(&context)
            .map(Arc::new)
            .map_err(|p| p.to_string())
    }
}

/// Where a model lies, from its name.
type Find<'a> = &'a dyn Fn(&str) -> String;

/// A command for each request, behind a server of our own.
fn offline(job: &tribunal_deploy::OfflineJob) -> Result<Deployment, String> {
    let mut made = tribunal_offline::OfflineJob::new(job.command.iter().cloned());
    made.env = job.env.iter().cloned().collect();
    made.cwd = job.cwd.clone();
    made.model = job.model.clone();
    made.output = job.output.clone();
    made.json = job.json;
    made.timeout = job.timeout;
    made.at_once = job.at_once;
    made.streaming = job.streaming;
    made.ignore = job.ignore.clone();
    tribunal_offline::deployment(&made).map_err(|e| e.to_string())
}

/// The deployments that the run was told to test, as they are started at a level.
pub(crate) fn all_chosen(level: Option<&str>) -> Result<Vec<Arc<Rendered>>, Error> {
    let names = here().chosen.iter();
    names.map(|name| rendered(Some(name), level)).collect()
}

/// What a deployment offers at a level.
pub(crate) fn offer(name: &str, level: Option<&str>) -> Result<Offer, String> {
    if let Some(why) = without_engine(name) {
        return Err(why);
    }
    let rendered = here().rendered(name, level)?;
    let offers = rendered.offers();
    Ok(Offer {
        capabilities: Some(offers.capabilities.clone()),
        features: offers.features.clone(),
        missing: (!rendered.missing.is_empty()).then(|| rendered.missing.join("; ")),
        foreign: matches!(rendered.recipe.way, Way::Url { .. }) || !rendered.destructive_ok(),
        identity: rendered.deployment.digest(),
        devices: rendered.recipe.devices.as_ref().map(used),
    })
}

fn used(devices: &tribunal_deploy::DeviceUse) -> DeviceUse {
    let spacing = devices.start_spacing.unwrap_or_default().as_secs_f64();
    DeviceUse {
        count: devices.count,
        memory: devices.memory,
        simulated_only: devices.simulated_only,
        start_group: devices.start_group.clone().map(|group| (group, spacing)),
    }
}

/// The embedded engine is a feature; without it there is no default deployment.
fn without_engine(name: &str) -> Option<String> {
    (!cfg!(feature = "engine") && name == DEFAULT).then(|| {
        "the embedded engine is not built in: enable the feature `engine` of `tribunal`, choose a deployment with --deploy, or bring a fixture `server` of your own".to_owned()
    })
}

/// A deployment as it is started at a level. `None` is the default one.
pub(crate) fn rendered(name: Option<&str>, level: Option<&str>) -> Result<Arc<Rendered>, Error> {
    let name = name.unwrap_or(DEFAULT);
    match without_engine(name) {
        Some(why) => Err(Error::of(why)),
        None => here().rendered(name, level).map_err(Error::of),
    }
}

/// A deployment with its models where they lie on this machine, to be started now.
pub(crate) struct Located {
    /// As it is started.
    pub rendered: Arc<Rendered>,
    /// What was found out about its models.
    pub notes: Vec<String>,
    /// The right to use copies in the fast store, as long as the server runs.
    pub leases: Vec<Lease>,
}

/// Whether somebody has said where models lie; engines find those of the hub themselves.
fn models_are_configured() -> bool {
    ["MAPPINGS", "SHARED", "FAST"].iter().any(|name| {
        std::env::var_os(format!("TRIBUNAL_MODEL_{name}")).is_some_and(|v| !v.is_empty())
    })
}

/// [`rendered`], with the model's name replaced by the folder that it leads to, which may mean to copy it. Takes long, and blocks.
pub(crate) fn located(
    name: Option<&str>,
    level: Option<&str>,
    cancel: &AtomicBool,
    tell: &dyn Fn(String),
) -> Result<Located, Error> {
    let rendered = rendered(name, level)?;
    let mut located = Located {
        rendered,
        notes: vec![],
        leases: vec![],
    };
    if !models_are_configured() || matches!(located.rendered.recipe.way, Way::Url { .. }) {
        return Ok(located);
    }
    let paths = ModelPaths::from_env(&|name| std::env::var_os(name)).map_err(Error::of)?;
    let found = std::cell::RefCell::new((vec![], vec![], None));
    let told = std::cell::Cell::new(None::<Instant>);
    let find = |model: &str| -> String {
        let wanted = Wanted {
            cancel: Some(cancel),
            progress: Some(&|progress| {
                let now = Instant::now();
                if told.get().is_none_or(|at| now - at >= TELL_EVERY) {
                    told.set(Some(now));
                    tell(format!("model {model}: {progress}"));
                }
            }),
            ..Wanted::default()
        };
        let mut found = found.borrow_mut();
        match paths.resolve(model, &wanted) {
            Ok(resolved) => {
                let argument = resolved.argument().to_string_lossy().into_owned();
                found.0.extend(resolved.notes);
                found.1.extend(resolved.lease);
                argument
            }
            Err(e) => {
                found.2.get_or_insert(e);
                model.to_owned()
            }
        }
    };
    let here = here();
    let name = name.unwrap_or(DEFAULT);
    let again = here
        .spec(name)
        .and_then(|spec| here.render(&spec, level, Some(&find)));
    let (notes, leases, error) = found.into_inner();
    if let Some(error) = error {
        return Err(Error::of(error));
    }
    located.rendered = again.map_err(Error::of)?;
    located.notes = notes;
    located.leases = leases;
    Ok(located)
}

/// What figures of a deployment are held against: the same server without what is done to it on purpose.
pub(crate) struct Compared {
    /// Its name.
    pub name: String,
    /// All that makes its configuration, as text. The path of this program is no part of it: it is another one with each build.
    pub configuration: String,
    /// What is done to it on purpose: parameters that are set and declared `injected`.
    pub injected: Vec<(String, String)>,
    /// The version that its file is pinned to.
    pub version: Option<String>,
}

pub(crate) fn compared(name: Option<&str>, level: Option<&str>) -> Result<Compared, Error> {
    let as_it_is = rendered(name, level)?;
    let name = name.unwrap_or(DEFAULT);
    let here = here();
    let spec = here.spec(name).map_err(Error::of)?.without_injected();
    let plain = here.render(&spec, level, None).map_err(Error::of)?;
    let own = std::env::current_exe().unwrap_or_default();
    let program = |program: &str| match Path::new(program) == own {
        true => "{self}".to_owned(),
        false => program.to_owned(),
    };
    let process = |process: &tribunal_deploy::Process| {
        let program = program(&process.program);
        format!("{program} {:?} {:?}", process.args, process.env)
    };
    let recipe = &plain.recipe;
    let mut lines = vec![match &recipe.way {
        Way::Command(server) => process(server),
        Way::Url { url, .. } => url.clone(),
        other => format!("{other:?}"),
    }];
    lines.extend(recipe.parts.iter().map(|part| process(&part.process)));
    let (base, variants) = parted(&recipe.name);
    lines.push(format!("{base} {variants:?} {:?}", recipe.platform));
    let set = as_it_is.recipe.params.iter();
    let injected = set.filter(|param| !recipe.params.contains(param));
    let injected = injected.filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    Ok(Compared {
        name: recipe.name.clone(),
        configuration: lines.join("\n"),
        injected: injected.collect(),
        version: recipe.version.as_ref().and_then(|v| v.pinned.clone()),
    })
}

/// What makes two servers the same.
pub(crate) fn identity(s: &Sharing<'_>) -> String {
    let name = s.deployment().unwrap_or(DEFAULT);
    match here().rendered(name, s.level()) {
        Ok(rendered) => rendered.deployment.digest(),
        // It fails when it is set up, with the whole story.
        Err(why) => why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_segment_of_a_deployment_is_an_identifier() {
        for (name, segment) in [
            ("embedded", "embedded"),
            ("llama-cpp", "llama_cpp"),
            ("deploy/my.server.toml", "my_server"),
            ("fixtures/nodes/two-nodes.yaml", "two_nodes"),
            ("one-node.yaml#qwen3_32b", "qwen3_32b"),
            ("http://127.0.0.1:8000", "at_127_0_0_1_8000"),
            ("https://models.example.org/v1", "models_example_org_v1"),
        ] {
            assert_eq!(chosen(name).segment, segment, "{name}");
        }
    }
}
