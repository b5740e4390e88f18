//! Nodes files as deployments, and rehearsals of all kinds of deployments.
//!
//! A layout of a nodes file becomes an ordinary deployment whose one command is this program again, as the conductor of the nodes; in a rehearsal the program that
//! a deployment starts is the embedded engine. Promise: whoever asks for a deployment by its name sees none of this: keepers, logs, readiness, gates,
//! sharing and teardown are those of any server. Rejected: a second kind of server beside `serving` (every fixture would have to know both).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tribunal_deploy::{Catalogue, Context, Spec, Way};
#[cfg(target_os = "linux")]
use tribunal_nodes::NodeControl;
use tribunal_nodes::{Layout, NodesFile, Targets};
#[cfg(target_os = "linux")]
use tribunal_runner::Task;
use tribunal_runner::{Options, UsageError};
#[cfg(target_os = "linux")]
use tribunal_serving::Server;
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{DataTable, Lookups};

#[cfg(target_os = "linux")]
use crate::Error;

/// What the nodes of a layout are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cast {
    /// This machine, made for it, with the embedded engine.
    Rehearsed,
    /// This machine, as the only node.
    Alone,
    /// Machines that meet at this address.
    Joined(String),
}

/// A layout that was chosen.
struct Part {
    path: PathBuf,
    layout: Layout,
    cast: Cast,
}

/// The chosen layouts, by the names of their deployments.
static PARTS: OnceLock<BTreeMap<String, Part>> = OnceLock::new();

/// How many nodes files are looked through for one run.
const MOST_FILES: usize = 1024;

/// What can be done to the nodes of a rehearsal while it runs: links and nodes that break and heal.
///
/// # Errors
/// The server is no rehearsal of a nodes file, or it has ended.
#[cfg(target_os = "linux")]
pub fn nodes_of(server: &Server) -> Result<NodeControl, Error> {
    let folder = server.log_path().and_then(Path::parent);
    let folder = folder.ok_or_else(|| {
        Error::msg("this server was only reached, so no nodes of it are here to be broken")
    })?;
    NodeControl::of(folder).map_err(Error::of)
}

/// Whether a name of a deployment is a nodes file.
pub(crate) fn is_file(name: &str) -> bool {
    let file = name.split_once('#').map_or(name, |(file, _)| file);
    !file.contains("://") && (file.ends_with(".yaml") || file.ends_with(".yml"))
}

/// The last segment of the names of cases that run against a nodes file: its layout if it has several, else the file.
pub(crate) fn stem(name: &str) -> &str {
    let (file, layout) = name
        .split_once('#')
        .map_or((name, None), |(f, l)| (f, Some(l)));
    let file = file.rsplit('/').next().unwrap_or(file);
    let plain = file
        .strip_suffix(".yaml")
        .or_else(|| file.strip_suffix(".yml"));
    layout.unwrap_or(plain.unwrap_or(file))
}

/// Reads the chosen nodes files: of several layouts each is a deployment. An exit code where this process was not to run tests, and is done.
///
/// # Errors
/// What is wrong with a file, or with how it is to be run.
pub(crate) fn settle(
    o: &mut Options,
    package: &Path,
    v: &Vocabulary,
    isolated: bool,
) -> Result<Option<u8>, UsageError> {
    if !o.deploy.iter().any(|name| is_file(name)) {
        if let Some((name, _)) = given(o) {
            return Err(UsageError(format!(
                "{name} is about the nodes of a nodes file\nhelp: choose one with --deploy FILE.yaml"
            )));
        }
        return Ok(None);
    }
    if o.rehearse && (o.node.is_some() || o.leader.is_some()) {
        return Err(UsageError(
            "--rehearse makes all nodes on this machine, so --node and --leader have no meaning beside it".into(),
        ));
    }
    let mut names = vec![];
    let mut parts = BTreeMap::new();
    for name in std::mem::take(&mut o.deploy) {
        if !is_file(&name) {
            names.push(name);
            continue;
        }
        for (name, part) in read(&name, package, v)? {
            if parts.len() >= MOST_FILES {
                return Err(UsageError(format!(
                    "--deploy: more than {MOST_FILES} layouts at once"
                )));
            }
            names.push(name.clone());
            parts.insert(name, part);
        }
    }
    o.deploy = names;
    for part in parts.values_mut() {
        if o.rehearse {
            part.cast = Cast::Rehearsed;
        }
    }
    let several = parts.values().any(|part| part.layout.nodes.len() > 1);
    if !o.rehearse && several {
        if o.process_per_test {
            return Err(UsageError(
                "nodes meet once for a run, and this runner starts a process for each test\nhelp: run it by `cargo test`, or rehearse it (--rehearse)".into(),
            ));
        }
        if let Some(code) = on_machines(o, &mut parts, isolated)? {
            return Ok(Some(code));
        }
    } else if let Some((option, _)) = given(o) {
        return Err(UsageError(format!(
            "{option} is about files of several nodes, and each that was chosen has one"
        )));
    }
    // The first call of a process counts; there is only one.
    let _ = PARTS.set(parts);
    Ok(None)
}

/// Settles which machine this is; an exit code where it was none that runs tests.
#[cfg(target_os = "linux")]
fn on_machines(
    o: &Options,
    parts: &mut BTreeMap<String, Part>,
    isolated: bool,
) -> Result<Option<u8>, UsageError> {
    let several: Vec<(&String, usize)> = parts
        .iter()
        .filter(|(_, part)| part.layout.nodes.len() > 1)
        .map(|(name, part)| (name, part.layout.nodes.len()))
        .collect();
    let place = machines::place(o, &several)?;
    let token = machines::token()?;
    let digest = machines::digest(parts.values().map(|part| part.path.as_path()))?;
    let running = matches!(o.task, Task::Run) && !isolated;
    if running && place.node > 0 {
        return Ok(Some(machines::follow(o, &place, token, digest)));
    }
    let hub = machines::hub(&place);
    for part in parts.values_mut() {
        if part.layout.nodes.len() > 1 {
            part.cast = Cast::Joined(hub.clone());
        }
    }
    if running {
        machines::expect(o, place, token, digest);
    }
    Ok(None)
}

#[cfg(not(target_os = "linux"))]
fn on_machines(
    _: &Options,
    _: &mut BTreeMap<String, Part>,
    _: bool,
) -> Result<Option<u8>, UsageError> {
    Err(UsageError(
        "files of several nodes run on Linux only".into(),
    ))
}

/// An option about machines, and its value.
fn given(o: &Options) -> Option<(&'static str, &str)> {
    let all = [("--node", &o.node), ("--leader", &o.leader)];
    all.into_iter()
        .find_map(|(name, value)| Some((name, value.as_deref()?)))
}

/// The layouts of a nodes file that a name means, with the names of their deployments.
fn read(name: &str, package: &Path, v: &Vocabulary) -> Result<Vec<(String, Part)>, UsageError> {
    let (file, wanted) = name
        .split_once('#')
        .map_or((name, None), |(f, l)| (f, Some(l)));
    let path = find(file, package)?;
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: v,
        data: &data,
        roots: &[],
    };
    let read = NodesFile::read(&path, &lookups)
        .map_err(|problems| UsageError(format!("--deploy {name}: {problems}")))?;
    let several = read.layouts.len() > 1;
    let there: Vec<String> = read.layouts.iter().map(|l| l.name.clone()).collect();
    let mut parts = vec![];
    for layout in read.layouts {
        if wanted.is_some_and(|wanted| wanted != layout.name) {
            continue;
        }
        let name = match several {
            true => format!("{file}#{}", layout.name),
            false => name.to_owned(),
        };
        let part = Part {
            path: path.clone(),
            layout,
            cast: Cast::Alone,
        };
        parts.push((name, part));
    }
    if parts.is_empty() {
        let wanted = wanted.unwrap_or_default();
        let near = tribunal_vocabulary::nearest(wanted, there.iter().map(String::as_str));
        let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        return Err(UsageError(format!(
            "--deploy {name}: the file has no layout `{wanted}`; it has {}{near}",
            there.join(", ")
        )));
    }
    Ok(parts)
}

/// Where a file lies: from the current folder, the package and the workspace.
fn find(file: &str, package: &Path) -> Result<PathBuf, UsageError> {
    let workspace = package
        .ancestors()
        .find(|dir| dir.join("Cargo.lock").is_file());
    let current = std::env::current_dir().ok();
    let roots = [current.as_deref(), Some(package), workspace];
    let places = roots.into_iter().flatten().map(|root| root.join(file));
    let found = places.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| {
        UsageError(format!(
            "--deploy {file}: there is no such file\nhelp: it is looked for from the current folder, the package and the workspace"
        ))
    })
}

/// The deployment of a layout; `None` where the name is none of a layout that was chosen.
pub(crate) fn spec(name: &str, catalogue: &Catalogue) -> Option<Result<Spec, String>> {
    let part = PARTS.get()?.get(name)?;
    let made = match &part.cast {
        Cast::Rehearsed => rehearsed(part, catalogue),
        Cast::Alone => written(part, catalogue, &["--alone"]),
        Cast::Joined(hub) => written(part, catalogue, &["--hub", hub]),
    };
    Some(made.and_then(|text| {
        let origin = format!("the deployment made of {}", part.path.display());
        let spec = catalogue.parse(&text, &origin, stem(name));
        spec.map_err(|problems| problems.to_string())
    }))
}

/// A text of TOML, with nothing in it that would be filled in.
fn quoted(text: &str) -> String {
    // JSON's strings are TOML's.
    serde_json::Value::from(text.replace("${", "$${")).to_string()
}

fn listed<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(quoted).collect();
    format!("[{}]", texts.join(", "))
}

/// What servers of a rehearsal offer: what the embedded engine does, but for what is of one process.
fn offered(catalogue: &Catalogue, like: &str) -> Result<Vec<String>, String> {
    let spec = catalogue.resolve(like).map_err(|p| p.to_string())?;
    let rendered = spec
        .render(&Context::default())
        .map_err(|p| p.to_string())?;
    let all = rendered.offers().capabilities.iter();
    // These follow from other keys, or belong to one process.
    let not = ["known_model", "http", "device_memory", "defects"];
    let kept = all.filter(|name| !not.contains(&name.as_str()));
    Ok(kept.cloned().collect())
}

/// Whether a prompt that comes again meets what is remembered of it: by one server that answers, and none that is told to remember nothing.
fn remembers(layout: &Layout) -> bool {
    let answering = match layout.proxy.as_ref().map(|proxy| &proxy.targets) {
        None => 1,
        Some(Targets::Any(all)) => all.len(),
        Some(Targets::Pair { decode, .. }) => decode.len(),
        Some(Targets::Encode { rest, .. }) => rest.len(),
    };
    let processes = layout.nodes.iter().flat_map(|node| &node.processes);
    let mut words = processes.flat_map(|process| &process.command);
    let told = words.any(|word| {
        FORGETFUL
            .iter()
            .any(|no| word.plain().as_deref() == Some(*no))
    });
    answering == 1 && !told
}

/// What a rehearsal of several nodes offers: [`nodes_of`] has something to break.
const NODES: &str = "rehearsed_nodes";

/// Options by which servers are told to remember nothing of prompts.
const FORGETFUL: [&str; 2] = ["--no-enable-prefix-caching", "--disable-radix-cache"];

fn rehearsed(part: &Part, catalogue: &Catalogue) -> Result<String, String> {
    let mut capabilities = offered(catalogue, crate::deployments::DEFAULT)?;
    if !remembers(&part.layout) {
        capabilities.retain(|name| name != "prefix_cache");
    }
    if part.layout.nodes.len() > 1 {
        capabilities.push(NODES.to_owned());
    }
    let text = include_str!("rehearsed.toml");
    Ok(text
        .replace("@MODEL@", &quoted(&part.layout.model))
        .replace("@FILE@", &quoted(&part.path.display().to_string()))
        .replace("@LAYOUT@", &quoted(&part.layout.name))
        .replace("@ENGINE@", &engine())
        .replace(
            "@CAPABILITIES@",
            &listed(capabilities.iter().map(String::as_str)),
        ))
}

/// What the embedded engine of a rehearsal is told beside the command that it stands for: the parameters of `embedded`.
fn engine() -> String {
    const GROUPS: [(&str, &str); 22] = [
        ("workers", "workers"),
        ("slots", "slots"),
        ("max_model_len", "max-model-len"),
        ("max_logprobs", "max-logprobs"),
        ("seed", "seed"),
        ("ttft_ms", "ttft-ms"),
        ("tpot_ms", "tpot-ms"),
        ("slowdown", "slowdown"),
        ("startup_delay_ms", "startup-delay-ms"),
        ("cache_blocks", "cache-blocks"),
        ("mode", "mode"),
        ("health", "health"),
        ("heartbeat_ms", "heartbeat-ms"),
        ("unresponsive", "unresponsive"),
        ("queue", "queue"),
        ("drain_ms", "drain-ms"),
        ("misbehave", "misbehave"),
        ("leak_mb_per_hour", "leak-mb-per-hour"),
        ("warm_up_mb", "warm-up-mb"),
        ("warm_up_seconds", "warm-up-seconds"),
        ("speech", "speech"),
        ("flite", "flite"),
    ];
    let groups = GROUPS
        .iter()
        .map(|(param, option)| format!("[\"--engine\", \"--{option}={{{param}}}\"],"));
    let rest = [
        "\"--engine\", \"--beside=bigram\",",
        "[\"{!prefix_caching}\", \"--engine\", \"--prefix-caching=off\"],",
        "[\"{?speculative_method}\", \"--engine\", \"--speculative={speculative_tokens}\"],",
        "[\"{?respawn}\", \"--engine\", \"--respawn\"],",
    ];
    let all: Vec<String> = groups.chain(rest.map(str::to_owned)).collect();
    all.join("\n    ")
}

/// A layout with the commands of the file.
fn written(part: &Part, catalogue: &Catalogue, cast: &[&str]) -> Result<String, String> {
    let capabilities = offered(catalogue, "vllm")?;
    let cast: Vec<String> = cast.iter().map(|word| quoted(word)).collect();
    Ok(format!(
        "doc = {}\nmodel = {model}\nserved_name = {model}\n\
         command = [\"{{self}}\", \"__nodes-conduct\", \"--file\", {}, \"--layout\", {}, \"--host\", \"{{host}}\", \"--port\", \"{{port}}\", \"--evidence\", \"{{evidence}}\", {cast}]\n\
         capabilities = {}\nready.within = \"2800s\"\nlimits.grace = \"60s\"\n",
        quoted(&part.layout.test_name),
        quoted(&part.path.display().to_string()),
        quoted(&part.layout.name),
        listed(capabilities.iter().map(String::as_str)),
        model = quoted(&part.layout.model),
        cast = cast.join(", "),
    ))
}

/// A deployment with the embedded engine in the place of its command, as `--rehearse` asks.
///
/// # Errors
/// It starts nothing, or nothing that can be stood for.
pub(crate) fn rehearse(
    spec: &Spec,
    catalogue: &Catalogue,
    context: &Context<'_>,
) -> Result<Spec, String> {
    let name = spec.name();
    let mut text = format!(
        "extends = {}\ndoc = {}\nworkers = false\nmatrix = false\ndevices = false\n",
        quoted(crate::deployments::DEFAULT),
        quoted(&format!("A rehearsal of {name} with the embedded engine")),
    );
    let capabilities = offered(catalogue, crate::deployments::DEFAULT)?;
    text += &format!(
        "capabilities = {}\n",
        listed(capabilities.iter().map(String::as_str))
    );
    text += "transcriber = { url = \"http://{host}:{port}\", model = \"{served_name}\" }\n";
    text += &of_level(spec, context, None)?;
    for level in spec.levels() {
        text += &format!("[level.{level}]\n");
        text += &of_level(spec, context, Some(level))?;
    }
    let made = catalogue.parse(&text, &format!("the rehearsal of {name}"), name);
    made.map_err(|problems| problems.to_string())
}

/// The command and the model of a deployment at a level, the engine in its place.
fn of_level(spec: &Spec, context: &Context<'_>, level: Option<&str>) -> Result<String, String> {
    let name = spec.name();
    let context = Context {
        level,
        ..context.clone()
    };
    let rendered = spec.render(&context).map_err(|p| p.to_string())?;
    let recipe = rendered.recipe;
    let process = match &recipe.way {
        Way::Command(process) => process,
        Way::Url { url, .. } => {
            return Err(format!(
                "{name} is a server that runs already, at {url}: there is nothing to rehearse"
            ));
        }
        _ => {
            return Err(format!(
                "{name} is a command for each request: there is no server to rehearse"
            ));
        }
    };
    if let Some(part) = recipe.parts.first() {
        return Err(format!(
            "{name} is several processes ({} and others): a rehearsal stands for one server, or for the processes of a nodes file",
            part.name
        ));
    }
    let model = recipe.served_name.as_ref().or(recipe.model.as_ref());
    let model = model.ok_or_else(|| format!("{name} says no model that requests could ask for"))?;
    let mut command = vec![
        "{self}",
        tribunal_engine_verb(),
        "serve-as",
        "--bind",
        "{host}",
    ];
    command.extend([
        "--model",
        "{served_name}",
        "--engine",
        "--beside=bigram",
        "--",
    ]);
    let words = command
        .iter()
        .map(|word| serde_json::Value::from(*word).to_string());
    let own = std::iter::once(&process.program).chain(&process.args);
    let own = own.map(|word| quoted(&variables_as_they_are(word)));
    let words: Vec<String> = words.chain(own).collect();
    Ok(format!(
        "model = {model}\nserved_name = {model}\nports = {}\ncommand = [{}]\n",
        process.ports,
        words.join(", "),
        model = quoted(model),
    ))
}

/// A variable that is not set (`{NAME}`, where the recipe would have its value) is a text here: nothing looks for what it leads to. What the start fills in
/// (`{port}`) stays to be filled in.
fn variables_as_they_are(word: &str) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('{') {
        out += before;
        let variable = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let length = after.find(|c| !variable(c)).unwrap_or(after.len());
        match length > 0 && after[length..].starts_with('}') {
            true => {
                out += &format!("{{{{{}}}}}", &after[..length]);
                rest = &after[length + 1..];
            }
            false => {
                out.push('{');
                rest = after;
            }
        }
    }
    out + rest
}

/// The verb of the embedded engine; without the feature nothing starts, and the gate says why.
fn tribunal_engine_verb() -> &'static str {
    "__tribunal-engine"
}

#[cfg_attr(not(target_os = "linux"), path = "nodes/machines_elsewhere.rs")]
mod machines;
pub(crate) use machines::{begin, over};

#[cfg(test)]
mod tests;
