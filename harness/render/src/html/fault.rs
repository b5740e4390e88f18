//! What an experiment with a fault came to, as a page shows it.
//!
//! Promise: an extract of `faults.json`; times are seconds on its own timeline, and what did not happen is absent. Rejected: the observations (every request
//! and every look stand in the file, which is linked).

use serde::Serialize;
use serde_json::Value;

use super::folder::Folder;
use super::text::{Cut, shown};

/// A longer file is linked, and not read.
const LONGEST: usize = 16 << 20;
/// Entries of the timeline, and judgements.
const MOST: usize = 200;

/// An experiment.
#[derive(Debug, Serialize)]
pub(crate) struct FaultReport {
    fault: String,
    server: String,
    inject: Option<f64>,
    first_error: Option<f64>,
    detected: Option<f64>,
    undone: Option<f64>,
    recovered: Option<f64>,
    /// Requests served each second: before, during, after.
    goodput: [Option<f64>; 3],
    accounts: Vec<(String, u64)>,
    /// The oracle, how it ended, what it says.
    judgements: Vec<[String; 3]>,
    /// When, which kind of step, what.
    steps: Vec<(f64, String, String)>,
}

/// What `faults.json` says; `None` where it is none.
pub(crate) fn fault_report(folder: &Folder, path: &str) -> Option<FaultReport> {
    let taken = folder
        .read(path, LONGEST)
        .filter(|taken| taken.is_whole())?;
    let all: Value = serde_json::from_slice(&taken.bytes).ok()?;
    let fault = line(all["fault"].as_str()?);
    let figures = &all["figures"];
    let figure = |name: &str| figures[name].as_f64();
    let list = |name: &str| all[name].as_array().cloned().unwrap_or_default();
    let accounts = figures["accounts"].as_object();
    Some(FaultReport {
        fault,
        server: line(all["server"].as_str().unwrap_or_default()),
        inject: figure("t_inject"),
        first_error: figure("t_first_error"),
        detected: figure("t_detected"),
        undone: figure("t_undone"),
        recovered: figure("t_recovered"),
        goodput: ["goodput_before", "goodput_during", "goodput_after"].map(figure),
        accounts: accounts
            .into_iter()
            .flatten()
            .filter_map(|(name, count)| Some((line(name), count.as_u64()?)))
            .collect(),
        judgements: list("judgements")
            .iter()
            .take(MOST)
            .map(|one| {
                let (ruling, why) = match &one["ruling"] {
                    Value::Object(object) => {
                        let (word, why) = object.iter().next().unzip();
                        let why = why.and_then(Value::as_str).unwrap_or_default();
                        (word.map_or("", String::as_str), why)
                    }
                    word => (word.as_str().unwrap_or_default(), ""),
                };
                let says = one["says"].as_str().filter(|says| !says.is_empty());
                [
                    words(&one["oracle"]),
                    line(&ruling.replace('_', " ")),
                    line(says.unwrap_or(why)),
                ]
            })
            .collect(),
        steps: list("timeline")
            .iter()
            .take(MOST)
            .filter_map(|one| {
                let at = &one["at"];
                let at = at["secs"].as_f64()? + at["nanos"].as_f64()? / 1e9;
                let text = |key: &str| line(one[key].as_str().unwrap_or_default());
                Some((at, text("step"), text("what")))
            })
            .collect(),
    })
}

/// The name of an oracle; one with a bound is an object of one key.
fn words(oracle: &Value) -> String {
    let name = match oracle {
        Value::Object(object) => object.keys().next().map_or("", String::as_str),
        name => name.as_str().unwrap_or_default(),
    };
    line(&name.replace('_', " "))
}

fn line(text: &str) -> String {
    shown(text, 600, Cut::Middle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn judgements_and_times_are_read() {
        let root = tempfile::tempdir().unwrap();
        let text = json!({
            "fault": "kill worker 0", "server": "s",
            "figures": {"t_inject": 1.5, "t_recovered": null, "accounts": {"ok": 3}},
            "judgements": [
                {"oracle": "error_form", "ruling": "held", "says": "fine"},
                {"oracle": {"some_fail": 1}, "ruling": {"not_made": "nobody asked"}, "says": ""},
            ],
            "timeline": [{"at": {"secs": 2, "nanos": 500_000_000}, "step": "injected", "what": "SIGKILL"}, {"at": 3}],
        });
        std::fs::write(root.path().join("faults.json"), text.to_string()).unwrap();
        std::fs::write(root.path().join("other.json"), "[1]").unwrap();
        let folder = Folder::open(root.path(), "", None).unwrap();
        let found = fault_report(&folder, "faults.json").unwrap();
        assert_eq!(
            (found.inject, found.recovered, found.detected),
            (Some(1.5), None, None)
        );
        assert_eq!(
            found.judgements[1],
            ["some fail", "not made", "nobody asked"]
        );
        assert_eq!(
            found.steps,
            [(2.5, "injected".to_owned(), "SIGKILL".to_owned())]
        );
        assert!(fault_report(&folder, "other.json").is_none());
    }
}
