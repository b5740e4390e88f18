//! A recipe for programs: JSON.
//!
//! Promise: the same masks as in the text for people; keys are only added while `schema` stays the same.

use serde_json::{Value, json};
use tribunal_serving::{KnownModel, Readiness, StartOrder, Truth};

use crate::devices::DeviceUse;
use crate::judging::{JudgingFacts, TranscriberFact, VoiceFact};
use crate::recipe::{FatalLine, Process, Recipe, Way};
use crate::secret::names_secret;
use crate::show::masked;

/// Grows when a key changes its meaning or goes away.
const SCHEMA: u32 = 2;

impl Recipe {
    /// The recipe as JSON. `schema` grows when a key changes its meaning or goes away. Values of variables and options whose names say that they are
    /// secrets are `***`.
    pub fn to_json(&self) -> Value {
        let (way, body) = match &self.way {
            Way::Command(process) => ("command", process_json(process)),
            Way::Url { url, key_env } => ("url", json!({ "url": url, "key_env": key_env })),
            Way::Offline(job) => (
                "offline",
                json!({
                    "command": masked(&job.command), "env": env_json(&job.env), "cwd": job.cwd, "output": job.output,
                    "format": if job.json { "json" } else { "text" }, "timeout_s": job.timeout.as_secs_f64(), "at_once": job.at_once,
                    "streaming": job.streaming, "ignore": job.ignore,
                }),
            ),
        };
        let parts: Vec<Value> = self
            .parts
            .iter()
            .map(|part| {
                let order = match part.order {
                    StartOrder::Before => "before",
                    StartOrder::After => "after",
                };
                json!({ "name": part.name, "order": order, "process": process_json(&part.process), "ready": ready_json(&part.ready) })
            })
            .collect();
        let params: serde_json::Map<String, Value> = self
            .params
            .iter()
            .map(|(name, value)| {
                let secret = value.is_some() && names_secret(name);
                (
                    name.clone(),
                    if secret { json!("***") } else { json!(value) },
                )
            })
            .collect();
        let offers = &self.offers;
        let shown = json!({
            "schema": SCHEMA,
            "name": self.name,
            "doc": self.doc,
            "sources": self.sources,
            "level": self.level,
            "platform": self.platform,
            "way": way,
            way: body,
            "model": self.model,
            "served_name": self.served_name,
            "ready": ready_json(&self.ready),
            "parts": parts,
            "capabilities": offers.capabilities,
            "features": offers.features,
            "workers": offers.workers.as_ref().map(|workers| json!({ "pattern": workers.pattern, "count": workers.count })),
            "version": self.version.as_ref().map(|version| json!({ "pinned": version.pinned, "command": version.command, "links": version.links })),
            "requires": { "program": self.requires.program, "file": self.requires.file, "env": self.requires.env, "hint": self.requires.hint },
            "config": self.config.as_ref().map(|config| json!({ "from": config.from, "name": config.name, "text": config.text })),
            "log": self.log.map(|log| json!({ "whole": log.whole, "head": log.head })),
            "devices": self.devices.as_ref().map(devices_json),
            "params": params,
            "destructive_ok": self.destructive_ok,
            "known_model": offers.known_model.as_ref().map(known_json),
            "judging": judging_json(&self.judging),
            "notes": self.notes,
        });
        self.secrets.masked_json(shown)
    }
}

fn known_json(known: &KnownModel) -> Value {
    match &known.truth {
        Truth::File(path) => json!({ "name": known.name, "truth": path }),
        Truth::Bigram { seed } => json!({ "name": known.name, "bigram_seed": seed }),
    }
}

fn devices_json(devices: &DeviceUse) -> Value {
    let profile = &devices.profile;
    json!({
        "count": devices.count,
        "memory_bytes": devices.memory,
        "simulated_only": devices.simulated_only,
        "start_group": devices.start_group,
        "start_spacing_s": devices.start_spacing.map(|spacing| spacing.as_secs_f64()),
        "cap": devices.cap,
        "cap_of": devices.cap_of,
        "profile": {
            "fraction": profile.fraction, "kv_bytes": profile.kv_bytes, "kv_tokens": profile.kv_tokens, "kv_tokens_log": profile.kv_tokens_log,
        },
    })
}

fn judging_json(facts: &JudgingFacts) -> Value {
    let transcriber = |fact: &TranscriberFact| match fact {
        TranscriberFact::Http { url, model } => json!({ "url": url, "model": model }),
        TranscriberFact::Command { command, timeout } => {
            json!({ "command": command, "timeout": timeout.map(|timeout| timeout.as_secs_f64()) })
        }
        TranscriberFact::Whisper { folder, timeout } => {
            json!({ "whisper": folder, "timeout": timeout.map(|timeout| timeout.as_secs_f64()) })
        }
    };
    let voices = facts.voices.iter().map(|(name, voice)| {
        let voice = match voice {
            VoiceFact::Pitch(pitch) => json!({ "pitch_hz": pitch }),
            VoiceFact::Male => json!({ "gender": "male" }),
            VoiceFact::Female => json!({ "gender": "female" }),
        };
        (name.clone(), voice)
    });
    json!({
        "thresholds": facts.thresholds.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<serde_json::Map<_, _>>(),
        "voices": voices.collect::<serde_json::Map<_, _>>(),
        "similarity": facts.similarity,
        "transcriber": facts.transcriber.as_ref().map(transcriber),
        "stronger_transcriber": facts.stronger_transcriber.as_ref().map(transcriber),
    })
}

fn process_json(process: &Process) -> Value {
    let fatal: Vec<Value> = process
        .fatal
        .iter()
        .map(|line| match line {
            FatalLine::Text(text) => json!(text),
            FatalLine::Regex { pattern, cause } => json!({ "regex": pattern, "cause": cause }),
        })
        .collect();
    json!({
        "program": process.program,
        "args": masked(&process.args),
        "env": env_json(&process.env),
        "cwd": process.cwd,
        "port": process.port,
        "ports": process.ports,
        "fatal": fatal,
        "container": process.container.as_ref().map(|container| json!({
            "image": container.image, "runtime": container.runtime, "options": masked(&container.options), "port": container.port,
        })),
        "grace_s": process.grace.map(|grace| grace.as_secs_f64()),
    })
}

fn env_json(env: &[(String, Option<String>)]) -> Value {
    env.iter()
        .map(|(name, value)| {
            let secret = value.is_some() && names_secret(name);
            (
                name.clone(),
                if secret { json!("***") } else { json!(value) },
            )
        })
        .collect::<serde_json::Map<String, Value>>()
        .into()
}

fn ready_json(ready: &Readiness) -> Value {
    json!({
        "listens": ready.listens,
        "health": ready.health,
        "models": ready.models,
        "one_token": ready.one_token,
        "within_s": ready.within.as_secs_f64(),
    })
}
