//! The pages that are being run: one run per page for all its cases, with its working folder and its servers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tribunal::hardware::Host;
use tribunal::prelude::*;
use tribunal_snippets::{Need, Page, PageRun, Report, Settings, Source};

/// How long the look for a GPU may take.
const LOOK: Duration = Duration::from_secs(20);

/// The pages under way.
pub struct Pages {
    output: PathBuf,
    runs: Arc<Mutex<BTreeMap<Source, PageRun>>>,
}

impl Pages {
    /// What became of a block; it and those before it on its page run now, if they have not.
    pub fn report(&self, source: &Source, page: &Page, index: usize) -> Result<Report, Error> {
        // A panic in another case says nothing of the map.
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let run = match runs.remove(source) {
            Some(run) => run,
            None => {
                let mut settings = Settings::new(&self.output);
                let usual = settings.has;
                settings.has = Box::new(move |need| match need {
                    Need::Gpu => gpu(),
                    other => usual(other),
                });
                PageRun::new(page.clone(), settings)?
            }
        };
        let run = runs.entry(source.clone()).or_insert(run);
        let report = run.report(index).cloned();
        report.ok_or_else(|| Error::msg(format!("the page has no block {index}")))
    }
}

fn gpu() -> Result<(), String> {
    let host = Host::probe(LOOK);
    match host.devices().is_empty() {
        false => Ok(()),
        true => Err("no GPU was found".to_owned()),
    }
}

/// Where pages run: `OUTPUT_DIR`, relative to the workspace, or the evidence of this run.
#[tribunal::fixture(scope = session)]
pub fn under_way(cx: &SetUp) -> Result<Pages, Error> {
    let output = match std::env::var_os("OUTPUT_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => {
            let package = Path::new(env!("CARGO_MANIFEST_DIR"));
            package.parent().unwrap_or(package).join(dir)
        }
        None => cx.evidence("documentation"),
    };
    let runs: Arc<Mutex<BTreeMap<Source, PageRun>>> = Arc::default();
    let (ended, note) = (runs.clone(), cx.notes());
    cx.on_teardown(move || async move {
        let runs = std::mem::take(&mut *ended.lock().unwrap_or_else(PoisonError::into_inner));
        for text in runs.into_values().flat_map(PageRun::finish) {
            note(text);
        }
        Ok::<(), Error>(())
    });
    Ok(Pages { output, runs })
}
