//! A summary in Markdown, as GitHub shows it below a step and Buildkite above a build.
//!
//! Promise: it is never longer than asked for, and what was left out is counted; failures come first. Nothing that a model or a server wrote becomes
//! markup. Rejected: cutting a finished page at its limit (its end, where the reasons stand, would be lost first, and markup left open).

mod sections;

use tribunal_events::RunLog;

use crate::standing::{self, Tally};
use crate::text::{duration, plain};
use sections::escaped;

/// A limit that both GitHub (1 MiB for a step's summary) and Buildkite (1 MiB for an annotation) take with certainty.
pub const GOOD_LIMIT: usize = 900 * 1024;

/// What the closing note takes.
const CLOSING: usize = 256;

/// The summary of a run, at most `limit` bytes; a limit below 1 KiB is taken for one.
pub fn markdown(run: &RunLog, limit: usize) -> String {
    let mut page = Page::new(limit.max(1024));
    page.add(&head(run));
    sections::troubles(&mut page, run);
    sections::failures(&mut page, run);
    sections::flaky(&mut page, run);
    sections::absent(&mut page, run);
    sections::figures(&mut page, run);
    sections::notes(&mut page, run);
    page.finish()
}

/// A text that grows as long as there is room.
pub(crate) struct Page {
    text: String,
    limit: usize,
    left_out: usize,
}

impl Page {
    fn new(limit: usize) -> Page {
        Page {
            text: String::new(),
            limit: limit - CLOSING,
            left_out: 0,
        }
    }

    /// Adds a piece whole, or counts it as left out.
    fn add(&mut self, piece: &str) -> bool {
        let fits = self.fits(piece.len());
        match fits {
            true => self.text.push_str(piece),
            false => self.left_out += 1,
        }
        fits
    }

    fn fits(&self, bytes: usize) -> bool {
        self.text.len() + bytes <= self.limit
    }

    /// How much of the room is taken, from 0 to 1.
    fn taken(&self) -> f64 {
        self.text.len() as f64 / self.limit as f64
    }

    fn finish(mut self) -> String {
        if self.left_out > 0 {
            let parts = match self.left_out {
                1 => "One part has".to_owned(),
                n => format!("{n} parts have"),
            };
            self.text.push_str(&format!(
                "\n{parts} no room here; `cargo tribunal report` makes other reports of the run's log.\n"
            ));
        }
        self.text
    }
}

fn head(run: &RunLog) -> String {
    let tally = Tally::of(run);
    let bad = tally.failed + tally.cut_off;
    let ended_well = run.ended.as_ref().is_some_and(|e| e.code == 0);
    let sign = match (bad, ended_well) {
        (0, true) => "✅",
        _ => "❌",
    };
    let started = &run.started;
    let mut facts = vec![duration(standing::wall_seconds(run))];
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            facts.push(format!("{name} {}", escaped(value, 200)));
        }
    };
    add("level", &started.level.name);
    add("deployments", &started.deployments.join(", "));
    add("on", &started.host.name);
    add("devices", &devices(run));
    let commit = started.vcs.commit.as_deref().unwrap_or("");
    add("commit", commit.get(..12).unwrap_or(commit));
    add("branch", started.vcs.branch.as_deref().unwrap_or(""));
    match run.parts.len() {
        0 => {
            if let Some(shard) = started.shard {
                add("shard", &format!("{}/{}", shard.index, shard.count));
            }
        }
        n => add("merged of", &format!("{n} logs")),
    }
    if let Some(end) = &run.ended
        && end.code != 0
    {
        add("exit code", &end.code.to_string());
    }
    format!(
        "### {sign} {}: {}\n\n{}\n",
        escaped(&title(run), 200),
        tally.sentence(),
        facts.join(" · ")
    )
}

fn title(run: &RunLog) -> String {
    let started = &run.started;
    match started.package.is_empty() {
        true => "tribunal".to_owned(),
        false => plain(&started.package).into_owned(),
    }
}

fn devices(run: &RunLog) -> String {
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for device in &run.started.host.devices {
        let name = match device.simulated {
            true if !device.name.contains("simulated") => {
                format!("{} (simulated)", device.name)
            }
            _ => device.name.clone(),
        };
        match kinds.iter_mut().find(|(known, _)| *known == name) {
            Some((_, n)) => *n += 1,
            None => kinds.push((name, 1)),
        }
    }
    let all: Vec<String> = kinds
        .iter()
        .map(|(name, n)| format!("{n}×{name}"))
        .collect();
    all.join(", ")
}
