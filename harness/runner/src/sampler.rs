//! The sampler of a run: it begins with the first server or device that somebody wants looked at, and ends with the run.
//!
//! Promise: a run that starts no server and uses no device has none; where it cannot be had, a note says so, and what hangs on it is reported as not
//! checked. Rejected: a sampler for every run (a thread that wakes each second is not nothing on a small machine).

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tribunal_hardware::{
    LiveReader, Members, Probe, TELEMETRY_INTERVAL, Telemetry, TelemetrySummary, TreeSummary, Watch,
};

use crate::attempt::lock;
use crate::evidence::Evidence;

/// Below the folder of the run.
const FOLDER: &str = "devices";
/// The lines, in that folder.
const LINES: &str = "telemetry.jsonl";
/// What they come to.
const SUMMARY: &str = "telemetry.json";
/// How long a sample that somebody asks for may take.
const SAMPLE: Duration = Duration::from_secs(2);
/// The most servers that the end of a run tells of; the file has all.
const TOLD: usize = 64;

/// Starts the telemetry of a run when it is wanted.
pub(crate) struct Sampler {
    evidence: Arc<Evidence>,
    simulated: Option<PathBuf>,
    state: Mutex<State>,
}

enum State {
    Unwanted,
    Runs(Arc<Telemetry>),
    /// It could not be had, or the run is over.
    Over,
}

impl Sampler {
    /// Nothing is started yet.
    pub fn new(evidence: Arc<Evidence>, simulated: Option<PathBuf>) -> Arc<Sampler> {
        Arc::new(Sampler {
            evidence,
            simulated,
            state: Mutex::new(match crate::isolated::is_child() {
                // The harness above looks at this process and all that it starts.
                true => State::Over,
                false => State::Unwanted,
            }),
        })
    }

    /// The telemetry, which is started if it has not been.
    pub fn wanted(&self) -> Option<Arc<Telemetry>> {
        let mut state = lock(&self.state);
        if let State::Unwanted = *state {
            *state = match self.start() {
                Ok(telemetry) => State::Runs(Arc::new(telemetry)),
                Err(e) => {
                    self.evidence.note(format!(
                        "nothing is recorded of servers and devices, and their use is not checked: {e}"
                    ));
                    State::Over
                }
            };
        }
        match &*state {
            State::Runs(telemetry) => Some(telemetry.clone()),
            _ => None,
        }
    }

    fn start(&self) -> std::io::Result<Telemetry> {
        let reader = match &self.simulated {
            None => LiveReader::system(),
            Some(ledger) => LiveReader::of(&Probe::simulated(ledger)?),
        };
        // Without a folder there are no lines, and a summary all the same.
        let lines = self.evidence.run_folder().ok().and_then(|run| {
            let folder = run.join(FOLDER);
            std::fs::create_dir_all(&folder).ok()?;
            Some(folder.join(LINES))
        });
        Telemetry::start(reader, lines.as_deref(), TELEMETRY_INTERVAL)
    }

    /// Follows processes and all that they start.
    pub fn follow(&self, label: &str, pids: Vec<u32>) -> Followed {
        let telemetry = (!pids.is_empty()).then(|| self.wanted()).flatten();
        Followed(telemetry.map(|telemetry| {
            let members = Members::Trees(Box::new(move || pids.clone()));
            let watch = telemetry.watch(label, members);
            telemetry.wake();
            (telemetry, watch)
        }))
    }

    /// Ends it, writes what the samples come to, and says it for the end of the run; `None`: there was none.
    pub fn end(&self) -> Option<Value> {
        let state = std::mem::replace(&mut *lock(&self.state), State::Over);
        let State::Runs(telemetry) = state else {
            return None;
        };
        let summary = telemetry.summary();
        drop(telemetry);
        if let Ok(run) = self.evidence.run_folder()
            && let Ok(text) = serde_json::to_vec_pretty(&summary)
        {
            // It is read by those who look into the folder; the run itself does not need it.
            let _ = std::fs::write(run.join(FOLDER).join(SUMMARY), text);
        }
        Some(told(summary))
    }
}

/// A summary of bounded size: the servers that took most.
fn told(mut summary: TelemetrySummary) -> Value {
    let left_out = summary.trees.len().saturating_sub(TOLD);
    if left_out > 0 {
        // Stable: those that cannot be told come last, in their order.
        summary
            .trees
            .sort_by_key(|tree| std::cmp::Reverse(tree.rss_max));
        summary.trees.truncate(TOLD);
    }
    let mut value = serde_json::to_value(summary).unwrap_or_default();
    if left_out > 0 {
        value["trees_left_out"] = json!(left_out);
    }
    value
}

/// Processes that the telemetry of the run follows until this is dropped.
pub struct Followed(Option<(Arc<Telemetry>, Watch)>);

impl Followed {
    /// Nothing is followed.
    pub fn none() -> Followed {
        Followed(None)
    }

    /// Looks now, whatever the rhythm of the run's own looks. Blocks for a moment.
    pub fn look(&self) {
        if let Some((telemetry, _)) = &self.0 {
            telemetry.sample_now(SAMPLE);
        }
    }

    /// What was seen up to now; `None`: nobody looks.
    pub fn seen(&self) -> Option<TreeSummary> {
        self.0.as_ref().map(|(_, watch)| watch.summary())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::EvidenceOptions;

    fn sampler(root: &std::path::Path) -> (Arc<Evidence>, Arc<Sampler>) {
        let evidence = Evidence::new(EvidenceOptions {
            root: Some(root.to_owned()),
            ..EvidenceOptions::default()
        });
        (evidence.clone(), Sampler::new(evidence, None))
    }

    #[test]
    fn it_begins_with_the_first_server_and_tells_what_that_took() {
        let folder = tempfile::tempdir().unwrap();
        let (evidence, sampler) = sampler(folder.path());
        let followed = sampler.follow("mine", vec![std::process::id()]);
        followed.look();
        let seen = followed.seen().unwrap();
        assert!(seen.samples >= 1 && seen.rss_max.unwrap() > 1 << 20);
        assert!(seen.pss_max.unwrap() <= seen.rss_max.unwrap());
        let run = evidence.run_folder().unwrap();
        let told = sampler.end().unwrap();
        assert_eq!(told["trees"][0]["label"], "mine");
        assert!(told["trees"][0]["rss_max"].as_u64().unwrap() > 1 << 20);
        assert!(told["host"]["memory_total"].as_u64().unwrap() > 0);
        assert_eq!(told.get("trees_left_out"), None);
        let written = std::fs::read(run.join("devices/telemetry.json")).unwrap();
        let written: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(written["trees"][0]["label"], "mine");
        let lines = std::fs::read_to_string(run.join("devices/telemetry.jsonl")).unwrap();
        assert!(lines.contains(r#""tree":"mine""#), "{lines}");
        // The run is over: nobody starts it again.
        assert!(sampler.follow("late", vec![1]).seen().is_none());
        assert!(sampler.end().is_none());
    }

    #[test]
    fn without_servers_there_is_neither_a_thread_nor_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (_, sampler) = sampler(folder.path());
        assert!(sampler.follow("elsewhere", vec![]).seen().is_none());
        assert_eq!(sampler.end(), None);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_end_of_a_run_tells_of_the_largest_servers_only() {
        let mut summary = TelemetrySummary::default();
        for n in 0..70u64 {
            let mut tree = TreeSummary::default();
            tree.label = n.to_string();
            tree.rss_max = (n > 2).then_some(n);
            summary.trees.push(tree);
        }
        let told = told(summary);
        assert_eq!(told["trees"].as_array().unwrap().len(), 64);
        assert_eq!(told["trees"][0]["label"], "69");
        assert_eq!(told["trees_left_out"], 6);
    }
}
