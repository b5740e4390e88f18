//! Properties of JUnit's XML: what a reader of the whole table may want to sort or search by.
//!
//! Promise: what is unknown is not there. Rejected: a property for each marker (readers keep one value for each name).

use tribunal_events::{CaseLog, Device, Figure, Quarantine, RunLog};

use crate::standing;
use crate::text::figure;

/// The most figures of a case.
const FIGURES: usize = 200;

/// Of a run.
pub(super) fn of_run(run: &RunLog) -> Vec<(String, String)> {
    let started = &run.started;
    let mut all = vec![
        ("run", started.run.clone()),
        ("group", started.group.clone().unwrap_or_default()),
        ("harness", started.harness.clone()),
        ("level", started.level.name.clone()),
        ("level because", started.level.because.clone()),
        ("platform", started.host.platform.clone()),
        ("deployments", started.deployments.join(", ")),
        ("commit", started.vcs.commit.clone().unwrap_or_default()),
        ("branch", started.vcs.branch.clone().unwrap_or_default()),
        (
            "parts",
            match run.parts.len() {
                0 => String::new(),
                n => n.to_string(),
            },
        ),
        (
            "shard",
            started
                .shard
                .map_or(String::new(), |s| format!("{}/{}", s.index, s.count)),
        ),
        (
            "shuffle",
            started.shuffle.map_or(String::new(), |s| s.to_string()),
        ),
        ("devices", devices(run)),
        (
            "exit code",
            run.ended
                .as_ref()
                .map_or(String::new(), |e| e.code.to_string()),
        ),
    ];
    if !run.parts.is_empty() {
        // The shard of the first part is not that of the whole.
        all.retain(|(name, _)| *name != "shard");
    }
    all.into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn devices(run: &RunLog) -> String {
    let one = |d: &Device| match d.simulated {
        true if !d.name.contains("simulated") => format!("{} {} (simulated)", d.index, d.name),
        _ => format!("{} {}", d.index, d.name),
    };
    let all: Vec<String> = run.started.host.devices.iter().map(one).collect();
    all.join(", ")
}

/// Of a case.
pub(super) fn of_case(case: &CaseLog) -> Vec<(String, String)> {
    let line = &case.line;
    let mut all: Vec<(String, String)> = Vec::with_capacity(8);
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            all.push((name.to_owned(), value));
        }
    };
    add("outcome", standing::word(case).to_owned());
    add("markers", line.markers.join(", "));
    add("level", line.level.clone().unwrap_or_default());
    add("deployment", line.deployment.clone().unwrap_or_default());
    add("file", line.place.file.clone());
    if line.place.line > 0 {
        add("line", line.place.line.to_string());
    }
    if let Some(quarantine) = &line.quarantine {
        let Quarantine {
            reason,
            until,
            issue,
        } = quarantine;
        add("quarantine", format!("{reason} (until {until}, {issue})"));
    }
    if let Some(last) = case.attempts.last() {
        let indices: Vec<String> = last.started.devices.iter().map(u32::to_string).collect();
        add("devices", indices.join(","));
        add("attempts", case.attempts.len().to_string());
    }
    if let Some(end) = case.end() {
        add("class", end.class.clone().unwrap_or_default());
        add(
            "class because",
            end.class_because.clone().unwrap_or_default(),
        );
        add("waived", end.waived.clone().unwrap_or_default());
        for (name, seconds) in [
            ("set-up seconds", end.times.set_up),
            ("body seconds", end.times.body),
            ("teardown seconds", end.times.teardown),
        ] {
            if seconds > 0.0 {
                add(name, format!("{seconds:.3}"));
            }
        }
        for open in &end.open {
            add(&format!("{}: {}", open.ending, open.rule), open.why.clone());
        }
        for one in end.figures.iter().take(FIGURES) {
            add(&figure_name(one), figure(one));
        }
        if end.figures.len() > FIGURES {
            let more = end.figures.len() - FIGURES;
            add("figures left out", more.to_string());
        }
    }
    all
}

fn figure_name(figure: &Figure) -> String {
    match figure.step.is_empty() {
        true => format!("figure.{}", figure.metric),
        false => format!("figure.{}.{}", figure.step, figure.metric),
    }
}
