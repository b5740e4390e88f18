//! The memory of devices over a run, for the timeline of a page.
//!
//! Promise: the highest of the samples that share a point of the curve, so that a peak is never thinned away; a device that was not measured has no curve, and none
//! is invented. Rejected: the mean (a budget is broken by a peak).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tribunal_events::RunLog;

use super::folder::Folder;
use super::text::first_line;

/// What one file of samples has at most, and a little more.
const LONGEST: usize = 20 << 20;
/// Points of a curve.
const POINTS: usize = 500;
/// Files of one run: under a runner with a process for each test there are many.
const FILES: usize = 64;

/// The memory of one device.
#[derive(Debug, Serialize)]
pub(crate) struct Curve {
    part: u32,
    index: u32,
    name: String,
    simulated: bool,
    /// In MiB.
    total: Option<f64>,
    /// Milliseconds from the beginning of the run, and MiB in use.
    points: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    started_unix_ms: Option<f64>,
    #[serde(default)]
    t: f64,
    /// Which device, where the sample is of one.
    #[serde(default)]
    device: Option<String>,
    #[serde(default)]
    index: u32,
    #[serde(default)]
    name: String,
    #[serde(default)]
    simulated: bool,
    #[serde(default)]
    memory_total: Option<f64>,
    #[serde(default)]
    memory_used: Option<f64>,
}

/// Which part of a merged run each case belongs to, and the folders of the parts.
pub(crate) fn parts(run: &RunLog) -> (Vec<u32>, Vec<PathBuf>) {
    let mut folders: Vec<PathBuf> = Vec::new();
    let parts = run
        .cases
        .iter()
        .map(|case| {
            // Neighbours are mostly of one part.
            let at = folders.iter().rposition(|folder| *folder == case.folder);
            at.unwrap_or_else(|| {
                folders.push(case.folder.clone());
                folders.len() - 1
            }) as u32
        })
        .collect();
    if folders.is_empty() {
        folders.push(run.folder.clone());
    }
    (parts, folders)
}

/// The curves of all parts.
pub(crate) fn curves(run: &RunLog, folders: &[PathBuf]) -> Vec<Curve> {
    let mut all = Vec::new();
    for (part, folder) in folders.iter().enumerate() {
        all.extend(of_folder(part as u32, folder, run));
    }
    all
}

fn of_folder(part: u32, folder: &Path, run: &RunLog) -> Vec<Curve> {
    let Some(folder) = Folder::open(folder, "devices", None) else {
        return Vec::new();
    };
    let mut found: BTreeMap<(u32, String), Curve> = BTreeMap::new();
    let lines = |name: &String| name.ends_with(".jsonl");
    let files = folder.list(10 * FILES).into_iter().map(|(name, _)| name);
    for name in files.filter(lines).take(FILES) {
        let Some(taken) = folder.read(&name, LONGEST) else {
            continue;
        };
        let mut zero = None;
        for line in taken.bytes.split(|byte| *byte == b'\n') {
            // Lines of hosts and servers are most of them, and are long.
            let is_of_device = line.starts_with(b"{\"device\"");
            if zero.is_some() && !is_of_device {
                continue;
            }
            let Ok(sample) = serde_json::from_slice::<Sample>(line) else {
                continue;
            };
            zero = sample.started_unix_ms.or(zero);
            let (Some(zero), Some(key), Some(used)) = (zero, sample.device, sample.memory_used)
            else {
                continue;
            };
            let curve = found.entry((sample.index, key)).or_insert_with(|| Curve {
                part,
                index: sample.index,
                name: first_line(&sample.name, 200),
                simulated: sample.simulated,
                total: sample.memory_total.map(mib),
                points: Vec::new(),
            });
            let at = zero + sample.t * 1000.0 - run.started.at;
            curve.points.push((at, mib(used)));
        }
    }
    let mut curves: Vec<Curve> = found.into_values().collect();
    for curve in &mut curves {
        curve.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        curve.points = thinned(&curve.points);
    }
    curves
}

fn mib(bytes: f64) -> f64 {
    (bytes / f64::from(1 << 20) * 10.0).round() / 10.0
}

fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let each = points.len().div_ceil(POINTS).max(1);
    let highest = |chunk: &[(f64, f64)]| chunk.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
    points.chunks(each).filter_map(highest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_never_thinned_away() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|at| (f64::from(at), 1.0)).collect();
        points[7_777].1 = 50.0;
        let thin = thinned(&points);
        assert!(thin.len() <= POINTS);
        assert!(thin.contains(&(7777.0, 50.0)));
    }

    #[test]
    fn samples_are_put_on_the_clock_of_the_run() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("devices")).unwrap();
        let text = "{\"interval_s\":1.0,\"schema\":1,\"started_unix_ms\":2000}\n\
            {\"device\":\"U\",\"index\":1,\"memory_total\":2097152,\"memory_used\":1048576,\"name\":\"L4\",\"simulated\":true,\"t\":0.5}\n\
            {\"device\":\"V\",\"index\":2,\"t\":0.5}\n\
            {\"cpus\":2,\"host\":true,\"t\":0.5}\n{\"device\":\"U\",\"ind";
        std::fs::write(root.path().join("devices/telemetry.jsonl"), text).unwrap();
        let mut run = RunLog {
            folder: root.path().into(),
            ..RunLog::default()
        };
        run.started.at = 1000.0;
        let (_, folders) = parts(&run);
        let found = curves(&run, &folders);
        assert_eq!(found.len(), 1, "the other one was not measured");
        assert_eq!((found[0].index, found[0].total), (1, Some(2.0)));
        assert_eq!(found[0].points, [(1500.0, 1.0)]);
    }
}
