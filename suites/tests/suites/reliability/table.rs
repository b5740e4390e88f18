//! What a deployment is asked, and what is known of it: `fixtures/reliability/NAME.toml`, or `reliability/NAME.toml` of a project of one's own.
//!
//! Promise: a deployment without a file is asked what its capabilities allow. Rejected: cases by the names of models: a new one would be a new test.

use std::path::PathBuf;

use tribunal::faults::{Asked, Heavy, Oracle, Payload, Subject, SubjectNames};
use tribunal::prelude::*;
use tribunal::serving::Offers;

/// Every case that a known deviation can name.
pub const CASES: &[&str] = &[
    "idle/kill_worker",
    "idle/term_worker",
    "idle/kill_root",
    "idle/term_root",
    "idle/int_root",
    "idle/kill_tree",
    "idle/term_tree",
    "under_load/kill_worker",
    "under_load/term_worker",
    "under_load/kill_root",
    "under_load/term_root",
    "under_load/int_root",
    "under_load/kill_tree",
    "under_load/term_tree",
    "stopped/worker",
    "stopped/root",
    "together/four",
    "together/sixteen",
    "failover/stop_one",
    "failover/all_dead",
    "failover/flapping",
    "cancelled/before_the_first_byte",
    "cancelled/in_the_prefill",
    "cancelled/after_events",
    "network/latency",
    "network/slices",
    "network/narrow",
    "network/reset",
    "network/closed",
    "network/silent",
    "between/reset",
    "between/silent",
    "between/refused",
    "scarce/descriptors",
    "scarce/processors",
    "scarce/host_memory",
    "scarce/disk",
    "scarce/shared_memory",
    "scarce/clock",
    "malformed/all",
    "parameters/chat",
    "parameters/completions",
    "parameters/speech",
    "parameters/transcriptions",
    "parameters/images",
    "parameters/videos",
    "memory/text",
    "memory/text_and_audio",
    "memory/heavy",
    "nodes/killed_0",
    "nodes/killed_1",
    "nodes/killed_2",
    "nodes/killed_3",
    "nodes/stopped",
    "nodes/mute",
    "nodes/deaf",
    "nodes/cut_off",
    "nodes/link_heals",
    "nodes/link_stays",
    "nodes/slow",
    "nodes/disk",
];

/// What a request can ask, by the name of its capability.
const ENDPOINTS: &[&str] = &[
    "chat",
    "completions",
    "audio_output",
    "speech",
    "images",
    "videos",
];

/// What is sent: the usual; an answer several times as long, for engines that are fast; in one piece; heavy.
const PAYLOADS: &[&str] = &[
    "text",
    "long-text",
    "plain",
    "heavy-text",
    "heavy-image",
    "heavy-audio",
    "heavy-video",
];

const TOKENS: u64 = 400;
const MANY_TOKENS: u64 = 1800;

/// What is known of a deployment, and what it is asked.
pub fn subject(name: &str, offers: &Offers) -> Result<Subject, Error> {
    let mut subject = match read(name, 0) {
        Some(read) => read.map_err(|mistakes| Error::msg(mistakes.to_string()))?,
        None => Subject::default(),
    };
    if subject.requests.is_empty() {
        subject.requests = allowed(offers);
    }
    subject
        .requests
        .retain(|asked| offers.capabilities.contains(&asked.endpoint));
    if subject.requests.is_empty() {
        skip!(
            "the deployment offers none of {}, so there is nothing to ask while it is broken",
            ENDPOINTS.join(", ")
        );
    }
    Ok(subject)
}

/// One request: for text where there is any, else for pictures, videos or speech.
fn allowed(offers: &Offers) -> Vec<Asked> {
    let first = |of: &[&str]| {
        of.iter()
            .find(|name| offers.capabilities.contains(**name))
            .map(|name| Asked {
                name: (*name).to_owned(),
                endpoint: (*name).to_owned(),
                payload: "text".to_owned(),
            })
    };
    let text = first(&["chat", "completions"]);
    let other = first(&["images", "videos", "speech"]);
    text.or(other).into_iter().collect()
}

/// The longest chain of `extends`.
const LONGEST: usize = 8;

fn read(name: &str, depth: usize) -> Option<Result<Subject, tribunal::faults::Mistakes>> {
    let plain = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
    if !plain || depth > LONGEST {
        return None;
    }
    let (text, shown) = folders().into_iter().find_map(|folder| {
        let path = folder.join(format!("{name}.toml"));
        let text = std::fs::read_to_string(&path).ok()?;
        Some((text, path.display().to_string()))
    })?;
    let names = SubjectNames {
        cases: CASES,
        oracles: &Oracle::NAMES,
        endpoints: ENDPOINTS,
        payloads: PAYLOADS,
    };
    Some(Subject::parse(&text, &shown, names, |other| {
        read(other, depth + 1)
    }))
}

/// Where files lie: `reliability` in the current folder, in the package and in the workspace, and where this project has its own.
fn folders() -> Vec<PathBuf> {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let workspace = package.parent().map(PathBuf::from).unwrap_or_default();
    let roots = [PathBuf::from("."), package, workspace];
    roots
        .iter()
        .flat_map(|root| ["reliability", "fixtures/reliability"].map(|folder| root.join(folder)))
        .collect()
}

/// A request as it is sent: streamed wherever that can be.
pub fn payload(asked: &Asked) -> Result<Payload, Error> {
    let base = match asked.endpoint.as_str() {
        "completions" => Payload::completion().tokens(TOKENS),
        "audio_output" => Payload::audio_chat().tokens(TOKENS),
        "speech" => Payload::speech(),
        "images" => Payload::images(),
        "videos" => Payload::videos(),
        _ => Payload::chat().tokens(TOKENS),
    };
    Ok(match asked.payload.as_str() {
        "long-text" => base.stream().tokens(MANY_TOKENS),
        "plain" => base,
        "heavy-text" => base.stream().with(Heavy::text()),
        "heavy-image" => base.stream().with(Heavy::image()?),
        "heavy-audio" => base.stream().with(Heavy::audio()?),
        "heavy-video" => base.stream().with(Heavy::video()?),
        _ => base.stream(),
    })
}

/// What is known of an engine that keeps to everything.
pub fn nothing_known() -> Subject {
    Subject::default()
}
