//! A recipe for people.
//!
//! Promise: arguments are quoted as a shell would want them, one option on each line, so that a difference shows; values of variables and
//! options whose names say that they are secrets are masked, and the values of such variables of the harness wherever a file puts them.

use std::fmt::{self, Write};
use std::time::Duration;

use tribunal_serving::{Container, Readiness, StartOrder};

use crate::devices::DeviceUse;
use crate::judging::{JudgingFacts, TranscriberFact};
use crate::recipe::{FatalLine, Process, Recipe, Way};
use crate::secret::names_secret;

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.secrets.masked(&Open(self).to_string()))
    }
}

/// A recipe with everything that was put into it.
struct Open<'a>(&'a Recipe);

impl fmt::Display for Open<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recipe = self.0;
        writeln!(f, "{}", recipe.name)?;
        if let Some(doc) = &recipe.doc {
            for line in doc.trim().lines() {
                writeln!(f, "  {line}")?;
            }
        }
        row(f, "level", recipe.level.as_deref().unwrap_or("none"))?;
        row(f, "platform", recipe.platform.as_deref().unwrap_or("none"))?;
        match &recipe.way {
            Way::Command(process) => show_process(f, process)?,
            Way::Url { url, key_env } => {
                row(f, "url", url)?;
                if let Some(name) = key_env {
                    row(f, "key", &format!("that of variable {name}"))?;
                }
            }
            Way::Offline(job) => {
                lines(f, "offline", &command_lines(&job.command))?;
                lines(f, "env", &env_lines(&job.env))?;
                let form = if job.json { "JSON" } else { "text" };
                let from = job.output.as_deref().unwrap_or("standard output");
                let limit = seconds(job.timeout);
                row(
                    f,
                    "answer",
                    &format!(
                        "{form} from {from}, within {limit}, {} at once",
                        job.at_once
                    ),
                )?;
                if job.streaming {
                    row(f, "streams", "as one chunk")?;
                }
                if !job.ignore.is_empty() {
                    row(f, "ignores", &job.ignore.join(", "))?;
                }
            }
        }
        if let Some(model) = &recipe.model {
            row(f, "model", model)?;
        }
        if let Some(name) = &recipe.served_name {
            row(f, "served as", name)?;
        }
        row(f, "ready", &ready(&recipe.ready))?;
        for part in &recipe.parts {
            let order = match part.order {
                StartOrder::Before => "before",
                StartOrder::After => "after",
            };
            row(
                f,
                "part",
                &format!("{} (starts {order} the server)", part.name),
            )?;
            show_process(f, &part.process)?;
            row(f, "ready", &ready(&part.ready))?;
        }
        if let Some(config) = &recipe.config {
            row(
                f,
                "config",
                &format!("{} from {}", config.name, config.from.display()),
            )?;
        }
        let offers = &recipe.offers;
        let words: Vec<&str> = offers.capabilities.iter().map(String::as_str).collect();
        row(
            f,
            "offers",
            if words.is_empty() {
                "nothing declared".to_owned()
            } else {
                words.join(" ")
            }
            .as_str(),
        )?;
        let features: Vec<String> = offers
            .features
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        lines(f, "features", &features)?;
        if let Some(workers) = &offers.workers {
            let count = workers
                .count
                .map_or(String::new(), |count| format!(", {count} of them"));
            row(f, "workers", &format!("/{}/{count}", workers.pattern))?;
        }
        if let Some(version) = &recipe.version {
            row(
                f,
                "version",
                version.pinned.as_deref().unwrap_or("not pinned"),
            )?;
            lines(f, "looked up", &version.links)?;
        }
        let params: Vec<String> = recipe
            .params
            .iter()
            .filter_map(|(name, value)| {
                let value = value.as_ref()?;
                let shown = if names_secret(name) { "***" } else { value };
                Some(format!("{name} = {shown}"))
            })
            .collect();
        lines(f, "params", &params)?;
        let unset = recipe.params.iter().filter(|(_, value)| value.is_none());
        let unset: Vec<&str> = unset.map(|(name, _)| name.as_str()).collect();
        if !unset.is_empty() {
            row(f, "not set", &unset.join(" "))?;
        }
        if let Some(devices) = &recipe.devices {
            lines(f, "devices", &device_lines(devices))?;
        }
        let requires = &recipe.requires;
        let needs: Vec<String> = requires
            .program
            .iter()
            .map(|name| format!("program {name}"))
            .chain(
                requires
                    .file
                    .iter()
                    .map(|path| format!("file {}", path.display())),
            )
            .chain(requires.env.iter().map(|name| format!("variable {name}")))
            .collect();
        lines(f, "requires", &needs)?;
        if let Some(known) = &recipe.offers.known_model {
            row(f, "known", &known.to_string())?;
        }
        lines(f, "judged by", &judging_lines(&recipe.judging))?;
        row(
            f,
            "breakable",
            if recipe.destructive_ok { "yes" } else { "no" },
        )?;
        lines(f, "note", &recipe.notes)
    }
}

fn judging_lines(facts: &JudgingFacts) -> Vec<String> {
    let transcriber = |role: &str, fact: &Option<TranscriberFact>| {
        fact.as_ref().map(|fact| match fact {
            TranscriberFact::Http { url, model } => format!("{role} {model} at {url}"),
            TranscriberFact::Command { command, .. } => format!("{role} {}", command.join(" ")),
            TranscriberFact::Whisper { folder, .. } => {
                format!("{role} whisper in {}", folder.display())
            }
        })
    };
    let voices: Vec<&str> = facts.voices.iter().map(|(name, _)| name.as_str()).collect();
    let mut lines: Vec<String> = facts
        .thresholds
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    lines.extend(
        facts
            .similarity
            .as_ref()
            .map(|name| format!("similarity {name}")),
    );
    lines.extend((!voices.is_empty()).then(|| format!("voices {}", voices.join(", "))));
    lines.extend(transcriber("transcriber", &facts.transcriber));
    lines.extend(transcriber(
        "stronger transcriber",
        &facts.stronger_transcriber,
    ));
    lines
}

fn device_lines(devices: &DeviceUse) -> Vec<String> {
    let memory = match devices.memory {
        Some(bytes) => format!("{} GiB of each", gib(bytes)),
        None => "how much memory is not known: whole devices".to_owned(),
    };
    let what = match devices.simulated_only {
        true => "simulated, ",
        false => "",
    };
    let mut out = vec![format!("{}, {what}{memory}", devices.count)];
    if let Some(group) = &devices.start_group {
        let spacing = devices
            .start_spacing
            .map_or(String::new(), |spacing| format!(" by {}", seconds(spacing)));
        out.push(format!("starts of {group} are spaced{spacing}"));
    }
    let profile = &devices.profile;
    let of = devices.cap_of.as_deref().unwrap_or("server");
    for (what, args) in [
        (format!("limit of {of}"), &devices.cap),
        ("profiled by".to_owned(), &profile.fraction),
        ("profiled by".to_owned(), &profile.kv_bytes),
        ("profiled by".to_owned(), &profile.kv_tokens),
    ] {
        if !args.is_empty() {
            let words: Vec<String> = args.iter().map(|arg| quoted(arg)).collect();
            out.push(format!("{what}: {}", words.join(" ")));
        }
    }
    if let Some(pattern) = &profile.kv_tokens_log {
        out.push(format!("tokens of the cache by /{pattern}/"));
    }
    out
}

/// Up to three digits behind the point.
fn gib(bytes: u64) -> String {
    let thousandths = (bytes as f64 / f64::from(1u32 << 30) * 1000.0).round();
    (thousandths / 1000.0).to_string()
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, text: &str) -> fmt::Result {
    writeln!(f, "{name:<10} {text}")
}

fn lines(f: &mut fmt::Formatter<'_>, name: &str, lines: &[String]) -> fmt::Result {
    for (index, line) in lines.iter().enumerate() {
        row(f, if index == 0 { name } else { "" }, line)?;
    }
    Ok(())
}

fn show_process(f: &mut fmt::Formatter<'_>, process: &Process) -> fmt::Result {
    let argv: Vec<String> = std::iter::once(&process.program)
        .chain(&process.args)
        .cloned()
        .collect();
    lines(f, "command", &command_lines(&argv))?;
    lines(f, "env", &env_lines(&process.env))?;
    if let Some(cwd) = &process.cwd {
        row(f, "cwd", &cwd.display().to_string())?;
    }
    match (process.port, process.ports) {
        (Some(port), _) => row(f, "port", &format!("{port}, fixed"))?,
        (None, 1) => row(f, "port", "one that is free")?,
        (None, ports) => row(f, "port", &format!("a block of {ports} that are free"))?,
    }
    if let Some(container) = &process.container {
        row(f, "container", &image(container))?;
    }
    let fatal: Vec<String> = process
        .fatal
        .iter()
        .map(|line| match line {
            FatalLine::Text(text) => text.clone(),
            FatalLine::Regex { pattern, cause } => {
                let cause = cause
                    .as_ref()
                    .map_or(String::new(), |cause| format!(": {cause}"));
                format!("/{pattern}/{cause}")
            }
        })
        .collect();
    lines(f, "fatal", &fatal)?;
    match process.grace {
        Some(grace) => row(f, "grace", &seconds(grace)),
        None => Ok(()),
    }
}

fn image(container: &Container) -> String {
    let mut out = container.image.clone();
    if let Some(runtime) = &container.runtime {
        let _ = write!(out, " by {runtime}");
    }
    match container.port {
        Some(port) => drop(write!(out, ", port {port} published")),
        None => out.push_str(", on the host's network"),
    }
    if !container.options.is_empty() {
        let _ = write!(out, ", {}", command_lines(&container.options).join(" "));
    }
    out
}

fn ready(ready: &Readiness) -> String {
    let mut steps = Vec::new();
    if ready.listens {
        steps.push("listens".to_owned());
    }
    steps.extend(ready.health.iter().cloned());
    steps.extend(ready.models.iter().map(|route| format!("model in {route}")));
    if ready.one_token {
        steps.push("one token".to_owned());
    }
    if steps.is_empty() {
        steps.push("lives".to_owned());
    }
    format!("{}, within {}", steps.join(", "), seconds(ready.within))
}

fn seconds(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{} s", duration.as_secs()),
        _ => format!("{} ms", duration.as_millis()),
    }
}

fn env_lines(env: &[(String, Option<String>)]) -> Vec<String> {
    env.iter()
        .map(|(name, value)| match value {
            Some(_) if names_secret(name) => format!("{name}=***"),
            Some(value) => format!("{name}={}", quoted(value)),
            None => format!("{name} is removed"),
        })
        .collect()
}

/// A command line with a break before each option.
fn command_lines(argv: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for arg in masked(argv) {
        let option = arg.starts_with('-') && arg.len() > 1;
        match out.last_mut() {
            Some(line) if !option => {
                line.push(' ');
                line.push_str(&quoted(&arg));
            }
            _ => out.push(quoted(&arg)),
        }
    }
    out
}

/// The arguments, with the values of options that hold secrets masked.
pub(crate) fn masked(argv: &[String]) -> Vec<String> {
    let mut next = false;
    argv.iter()
        .map(|arg| {
            if std::mem::take(&mut next) && !arg.starts_with('-') {
                return "***".to_owned();
            }
            match arg.split_once('=') {
                Some((name, _)) if name.starts_with('-') && names_secret(name) => {
                    format!("{name}=***")
                }
                _ => {
                    next = arg.starts_with('-') && names_secret(arg);
                    arg.clone()
                }
            }
        })
        .collect()
}

fn quoted(word: &str) -> String {
    let plain = !word.is_empty()
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || "-_./:=,@%+{}[]*".contains(c));
    let clean: String = word
        .chars()
        .map(|c| {
            if c.is_control() && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    if plain {
        clean
    } else {
        format!("'{}'", clean.replace('\'', "'\\''"))
    }
}
