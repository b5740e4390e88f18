//! The curves of a soak, with what its detector said.
//!
//! Promise: what its file in the folder of the run says, bounded; a curve without points is left out, and a verdict that was not made says why. Rejected: judging here (a page and the
//! test that it shows would part).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tribunal_events::{CaseLog, RunLog};

use super::folder::Folder;
use super::text::{Cut, shown};

/// A longer file is linked, and not read.
const LONGEST: usize = 4 << 20;
const CURVES: usize = 64;
const POINTS: usize = 1000;

/// A soak. The names of the fields are those of its file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Soak {
    #[serde(skip_serializing)]
    name: String,
    #[serde(rename(serialize = "name"), skip_deserializing)]
    shown: String,
    seconds: f64,
    counts: String,
    failures: Vec<String>,
    remarks: Vec<String>,
    incidents: Vec<(f64, String)>,
    curves: Vec<Curve>,
}

/// A signal of one server process.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Curve {
    signal: String,
    server: String,
    unit: String,
    verdict: String,
    says: String,
    /// For each hour.
    slope: Option<f64>,
    limit: Option<f64>,
    judged: Option<(f64, f64)>,
    last: Option<f64>,
    /// Seconds, and values in the unit.
    points: Vec<(f64, f64)>,
}

/// So many files of one folder are looked at.
const FILES: usize = 200;

/// The soaks of a run: those in `soaks/` of each of its folders, each with the number of its case; none where the log has no such case.
pub(crate) fn soaks(run: &RunLog, folders: &[PathBuf]) -> Vec<(Option<usize>, Soak)> {
    let mut found = Vec::new();
    for path in folders {
        let Some(folder) = Folder::open(path, "soaks", None) else {
            continue;
        };
        for (name, _) in folder.list(FILES) {
            let Some(soak) = soak(&folder, &name) else {
                continue;
            };
            let of = |case: &CaseLog| case.folder == *path && case.line.name == soak.name;
            found.push((run.cases.iter().position(of), soak));
        }
    }
    found
}

/// What a file says; `None` where it is none of a soak.
fn soak(folder: &Folder, path: &str) -> Option<Soak> {
    let taken = folder
        .read(path, LONGEST)
        .filter(|taken| taken.is_whole())?;
    let mut soak: Soak = serde_json::from_slice(&taken.bytes).ok()?;
    if soak.name.is_empty() {
        return None;
    }
    let line = |text: &mut String| *text = shown(text, 1000, Cut::Middle);
    line(&mut soak.counts);
    for texts in [&mut soak.failures, &mut soak.remarks] {
        texts.truncate(100);
        texts.iter_mut().for_each(line);
    }
    soak.incidents.truncate(100);
    soak.incidents.iter_mut().for_each(|(_, text)| line(text));
    soak.curves.retain(|curve| !curve.points.is_empty());
    soak.curves.truncate(CURVES);
    for curve in &mut soak.curves {
        curve.points.truncate(POINTS);
        let Curve {
            signal,
            server,
            unit,
            verdict,
            says,
            ..
        } = curve;
        for text in [signal, server, unit, verdict, says] {
            line(text);
        }
    }
    soak.shown = shown(&soak.name, 1000, Cut::Middle);
    Some(soak)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soak_is_put_to_its_case() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("soaks")).unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(root.path().join("soaks").join(name), text).unwrap();
        };
        write(
            "a.json",
            r#"{"name": "m::a", "seconds": 5, "curves": [{"signal": "threads", "points": [[1, 2]]}, {"signal": "empty"}]}"#,
        );
        write("b.json", r#"{"name": "gone\u202e"}"#);
        write("c.json", "[]");
        write("d.txt", "");
        let case = |name: &str| {
            let mut case = CaseLog {
                folder: root.path().into(),
                ..CaseLog::default()
            };
            case.line.name = name.into();
            case
        };
        let run = RunLog {
            cases: vec![case("m::b"), case("m::a")],
            ..RunLog::default()
        };
        let found = soaks(&run, &[root.path().into()]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].0, Some(1));
        assert_eq!(
            found[0].1.curves.len(),
            1,
            "without points there is no curve"
        );
        assert_eq!(
            (found[1].0, found[1].1.shown.as_str()),
            (None, "gone‹U+202E›")
        );
    }
}
