//! The steps of workload files as cases.
//!
//! Promise: each step is a case of its own with the name that the file gives it, those of one server beside each other; what a step cannot be run for is its
//! reason to skip, before anything starts. Limits that a file states for a device or a model hold there and nowhere else. Rejected: one case for a file (one step that
//! fails would hide the others).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tribunal_runner::{ProviderCase as Case, TestResult};
use tribunal_traffic as traffic;
use tribunal_vocabulary::{Value, Vocabulary, slug};
use tribunal_workload::{
    DataTable, Lookups, Purpose, Step as WorkStep, Threshold, WorkCase, Workload,
};

use super::data::data_set;
use super::step::Step;
use super::subject::Bench;

/// One step of a workload file, as the value of a case.
#[derive(Debug)]
pub struct FromFile {
    /// The file.
    pub file: PathBuf,
    /// The case of the file.
    pub case: Arc<WorkCase>,
    /// The step.
    pub step: WorkStep,
}

/// The steps of this purpose in these files as cases, with the markers that each file gives them. A step that cannot be run here is skipped with the reason.
///
/// # Errors
/// All mistakes of the first file that has some.
pub fn steps_of(files: &[PathBuf], purpose: Purpose) -> Result<Vec<Case<FromFile>>, String> {
    let data = data_table()?;
    let vocabulary = crate::vocabulary_of_run();
    let lookups = Lookups {
        vocabulary,
        data: &data,
        roots: &[],
    };
    let mut cases = vec![];
    for file in files {
        let workload = Workload::read(file, &lookups).map_err(|e| e.to_string())?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let stem = slug(&stem);
        for case in &workload.cases {
            let shared = Arc::new(case.clone());
            for step in case.steps.iter().filter(|step| step.purpose == purpose) {
                let value = FromFile {
                    file: file.clone(),
                    case: shared.clone(),
                    step: step.clone(),
                };
                cases.push(marked(value, &stem, vocabulary));
            }
        }
    }
    Ok(cases)
}

/// Data sets that are on this machine: `TRIBUNAL_DATA`, pairs of a name and a path, parted by semicolons.
pub(crate) fn data_table() -> Result<DataTable, String> {
    let mut table = DataTable::default();
    let pairs = std::env::var("TRIBUNAL_DATA").unwrap_or_default();
    for pair in pairs.split(';').filter(|pair| !pair.trim().is_empty()) {
        table.add(pair).map_err(|e| format!("TRIBUNAL_DATA: {e}"))?;
    }
    Ok(table)
}

fn marked(value: FromFile, stem: &str, vocabulary: &Vocabulary) -> Case<FromFile> {
    let name = format!("{stem}__{}", value.step.name);
    let text = format!("{}: {}", value.file.display(), value.step.label);
    let refused = value.step.refused.clone();
    let marks = value.case.marks.clone();
    let mut case = Case::new(name, value).text(text);
    if !marks
        .iter()
        .any(|mark| vocabulary.level(&mark.name).is_some())
    {
        // What says nothing must not run among the quick ones.
        case = case.marker("full_model");
    }
    for mark in marks {
        let args = mark.args.into_iter().map(|arg| (arg.key, arg.value));
        case = case.marker_with(mark.name, args);
    }
    if let Some(refusal) = refused {
        let why = format!("{}: {}", refusal.why, refusal.help);
        case = case.marker_with("skip", [(String::new(), Value::Str(why))]);
    }
    case
}

impl FromFile {
    /// Sends the step's load to the server of the case, and ends the test with what is found.
    pub async fn measure(&self, bench: &Bench) -> TestResult {
        let step = &self.step;
        let mut own = self.step_on(bench);
        match self.wants(bench.model()) {
            None => {
                let device = self.device(bench);
                let limits = step.thresholds_on(device.as_deref());
                let limits: Vec<Threshold> = limits.cloned().collect();
                let others = step.thresholds.len() - limits.len();
                if others > 0 {
                    tribunal_runner::note(format!(
                        "{others} limits of the file are for other devices, and were not asked for"
                    ));
                }
                own = own.require_all(limits);
            }
            Some(other) => tribunal_runner::note(format!(
                "{other}; its {} limits were not asked for",
                step.thresholds.len()
            )),
        }
        own.measure().await
    }

    /// Its load, as a step that nothing is required of yet.
    pub(crate) fn step_on(&self, bench: &Bench) -> Step {
        let step = &self.step;
        let mut own = bench
            .step(route(step.route), data_set(&step.data))
            .named(&step.name)
            .load(step.load.clone())
            .dialect(step.dialect)
            .percentiles(step.percentiles.iter().copied());
        for (metric, limit) in &step.goodput {
            own = own.slo(metric, *limit);
        }
        own.options = self.request_options(own.options);
        own
    }

    /// What its requests ask for besides their prompt; `usual` where the file says nothing.
    pub(crate) fn request_options(
        &self,
        usual: traffic::RequestOptions,
    ) -> traffic::RequestOptions {
        traffic::RequestOptions {
            stream: self.step.stream,
            ignore_eos: self.step.ignore_eos,
            extra_body: self.step.extra_body.clone(),
            ..usual
        }
    }

    /// How the server of the file differs from the one that is measured, if it does.
    pub(crate) fn wants(&self, served: &str) -> Option<String> {
        let server = &self.case.server;
        let mut other = vec![];
        if let Some(model) = &server.model
            && model != served
        {
            other.push(format!("the model {model}"));
        }
        if !server.arguments(|_| "FILE".to_owned()).is_empty() {
            other.push("arguments of its own".to_owned());
        }
        if server.stage_config.is_some() || !server.patch.is_empty() {
            other.push("a stage configuration of its own".to_owned());
        }
        (!other.is_empty()).then(|| {
            format!(
                "{} is for a server with {}, and this one is {} as its deployment starts it",
                place(&self.file, server.line),
                other.join(", "),
                served
            )
        })
    }

    /// The device that limits are looked up for: the one that the case names, where it names one; else the one of them that the server was given.
    fn device(&self, bench: &Bench) -> Option<String> {
        let named: Vec<&str> = self.case.marks.iter().flat_map(|m| m.devices()).collect();
        let given = &bench.about().devices;
        let fits = |name: &&&str| {
            let name = name.to_ascii_lowercase();
            given.iter().any(|d| d.to_ascii_lowercase().contains(&name))
        };
        match named.as_slice() {
            [one] => Some((*one).to_owned()),
            many => many.iter().find(fits).map(|name| (*name).to_owned()),
        }
    }
}

fn place(file: &Path, line: usize) -> String {
    format!("{}:{line}", file.display())
}

/// The route of a step.
pub(crate) fn route(route: tribunal_workload::Route) -> traffic::Route {
    use tribunal_workload::Route as From;
    match route {
        From::Chat => traffic::Route::Chat,
        From::Completions => traffic::Route::Completions,
        From::Speech => traffic::Route::Speech,
        From::Images => traffic::Route::Images,
        From::ImageEdits => traffic::Route::ImageEdits,
        From::Videos => traffic::Route::Videos,
        From::Transcriptions => traffic::Route::Transcriptions,
        From::Embeddings => traffic::Route::Embeddings,
    }
}
