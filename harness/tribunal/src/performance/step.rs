//! One step: a load of one kind of request on the server, and what is found out by it.

use std::time::Duration;

use tribunal_runner::{Error, Row, TestResult};
use tribunal_traffic::{
    DataSet, Dialect, Load, Measure, Metrics, Outcome, Record, RequestOptions, Route, Run, Slo,
    Source, Validity,
};
use tribunal_workload::Threshold;

use super::figures;
use super::found::Found;
use super::held::{self, Held, Next};
use super::results;
use super::sample::{self, Checked};
use super::subject::Bench;
use super::threshold::{self, Kept};

/// Where a step says nothing else: so many requests, one after the other, after two that are not recorded.
const REQUESTS: u64 = 20;
/// So often a load is sent again where the measurement was no good: a machine is busy for a moment.
const SPARE: usize = 2;
/// So many kinds of failures of requests are told.
const TOLD: usize = 3;

/// A step on its way: what is sent, and what figures must keep. Nothing is sent before [`measure`](Step::measure).
#[derive(Clone)]
#[must_use = "nothing is sent before `.measure().await`"]
pub struct Step {
    pub(super) bench: Bench,
    pub(super) name: Option<String>,
    pub(super) route: Route,
    pub(super) data: DataSet,
    pub(super) options: RequestOptions,
    pub(super) load: Load,
    pub(super) measure: Measure,
    thresholds: Vec<Result<Threshold, String>>,
    slos: Vec<Result<Slo, String>>,
    gates: Vec<String>,
    sample: usize,
    may_fail: f64,
    baseline: bool,
}

/// What one run of a step came to.
#[derive(Debug)]
pub struct Measured {
    /// The raw records and what they cost.
    pub run: Run,
    /// The figures.
    pub metrics: Metrics,
}

impl Step {
    pub(super) fn new(bench: &Bench, route: Route, data: DataSet) -> Step {
        Step {
            bench: bench.clone(),
            name: None,
            route,
            data,
            options: RequestOptions::default(),
            load: Load::count(REQUESTS).at_most(1).warmups(2),
            measure: Measure::default(),
            thresholds: vec![],
            slos: vec![],
            gates: held::usual(route),
            sample: sample::SAMPLE,
            may_fail: 0.0,
            baseline: true,
        }
    }

    /// Another name than that of the test, where a test has several steps.
    pub fn named(mut self, name: impl Into<String>) -> Step {
        self.name = Some(name.into());
        self
    }

    /// When requests are sent, and how many; without it, twenty one after the other.
    pub fn load(mut self, load: Load) -> Step {
        self.load = load;
        self
    }

    /// What requests ask for besides their prompt.
    pub fn options(mut self, options: RequestOptions) -> Step {
        self.options = options;
        self
    }

    /// A field of every request.
    pub fn extra(mut self, key: &str, value: impl Into<serde_json::Value>) -> Step {
        self.options.extra_body.insert(key.to_owned(), value.into());
        self
    }

    /// Answers go on to the number of tokens that is asked for, whatever the model says: without it, answers of random prompts may be empty, and lengths differ
    /// from model to model.
    pub fn ignore_eos(mut self) -> Step {
        self.options.ignore_eos = true;
        self
    }

    /// Whose definitions the figures follow; without it, `strict`.
    pub fn dialect(mut self, dialect: Dialect) -> Step {
        let slos = std::mem::take(&mut self.measure.slos);
        self.measure = Measure::new(dialect).slos(slos);
        self
    }

    /// The percentiles that are made, beside 50, 90, 95 and 99.
    pub fn percentiles(mut self, percentiles: impl IntoIterator<Item = f64>) -> Step {
        for percentile in percentiles {
            if !self.measure.percentiles.contains(&percentile) {
                self.measure.percentiles.push(percentile);
            }
        }
        self
    }

    /// What a figure must keep: `p99_ttft_ms < 150`, in the unit of the metric. A text that is none is an error of the test.
    pub fn require(mut self, threshold: &str) -> Step {
        self.thresholds.push(threshold::threshold(threshold));
        self
    }

    /// The same, as it was read from a file.
    pub fn require_all(mut self, thresholds: impl IntoIterator<Item = Threshold>) -> Step {
        self.thresholds.extend(thresholds.into_iter().map(Ok));
        self
    }

    /// A limit that an answer must keep to count for the goodput: `ttft` in milliseconds.
    pub fn slo(mut self, metric: &str, limit: f64) -> Step {
        let slo = Slo::new(metric, limit).map_err(|e| format!("slo: {e}"));
        self.slos.push(slo);
        self
    }

    /// The figures that are held against the baseline, at most three; without it, the usual ones of the route.
    pub fn gate<S: Into<String>>(mut self, metrics: impl IntoIterator<Item = S>) -> Step {
        self.gates = metrics.into_iter().map(Into::into).collect();
        self
    }

    /// Nothing is held against a baseline.
    pub fn without_baseline(mut self) -> Step {
        self.baseline = false;
        self
    }

    /// So many answers are judged before the load; 0: none.
    pub fn sample(mut self, answers: usize) -> Step {
        self.sample = answers;
        self
    }

    /// This share of the requests may fail; without it, none.
    pub fn may_fail(mut self, share: f64) -> Step {
        self.may_fail = share;
        self
    }

    /// Judges answers, sends the load, and ends the test with what is found: see the module.
    pub async fn measure(self) -> TestResult {
        self.find().await?.conclude()
    }

    /// As [`measure`](Self::measure), for a test that goes on: what is found is added up, and ends it when all steps are done.
    pub(crate) async fn find(mut self) -> Result<Found, Error> {
        self.speak();
        let mut found = Found::default();
        let thresholds = all(self.thresholds.clone())?;
        let how = self.how()?;
        let checked = match self.sample {
            0 => Checked::NotMade("the step judges no answers".to_owned()),
            count => {
                let mut source = self.source(&self.options)?;
                match sample::check(self.bench.api(), &mut *source, count).await {
                    Ok(checked) => checked,
                    Err(e) => {
                        found.broken.push(format!(
                            "before any load, an answer to a request of this data is wrong: {e}"
                        ));
                        return Ok(found);
                    }
                }
            }
        };
        let key = held::key(&self);
        let mut held = match &checked {
            Checked::NotMade(why) => {
                found.notes.push(format!(
                    "no answer was judged before the load, so that its figures are held against no baseline: {why}"
                ));
                None
            }
            Checked::Right(_) if self.baseline => Some(Held::open(&key, &self.gates)?),
            Checked::Right(_) => None,
        };
        let (mut runs, mut judged, mut no_good) = (0, 0, 0);
        let mut told_figures = vec![];
        loop {
            let (measured, salt) = self.once(&how).await?;
            runs += 1;
            let Measured { run, metrics } = &measured;
            tribunal_runner::log(format_args!("{}", told(run, metrics)));
            let failed = failures(&run.records, self.may_fail);
            let record = held::record(&key, &measured, &checked, &failed);
            let kept = results::keep(&self, &measured, &record, runs, salt.as_deref());
            if let Err(e) = kept {
                found.notes.push(format!("the evidence is incomplete: {e}"));
            }
            found.broken.extend(failed);
            if let Validity::Invalid(reasons) = run.validity() {
                no_good += 1;
                if no_good <= SPARE && found.broken.is_empty() {
                    tribunal_runner::log(format_args!(
                        "no good, and sent again: {}",
                        reasons.join("; ")
                    ));
                    continue;
                }
                found.invalid.extend(reasons);
            }
            judged += 1;
            if judged == 1 {
                self.row(metrics);
                found.metrics = Some(metrics.clone());
                told_figures = figures::of(&self.title(), &self.gates, metrics);
                for threshold in &thresholds {
                    match threshold::judge(threshold, metrics) {
                        Kept::Yes(text) => tribunal_runner::log(format_args!("{text}")),
                        Kept::No(text) => found.missed.push(text),
                        Kept::Undecided(text) => found.undecided.push(text),
                    }
                }
            }
            if !found.broken.is_empty() || !found.invalid.is_empty() {
                figures::tell(told_figures, true);
                return Ok(found);
            }
            let Some(held) = &mut held else {
                figures::tell(told_figures, false);
                return Ok(found);
            };
            if held.next(record) == Next::Done {
                break;
            }
        }
        if let Some(held) = held {
            let wrong = !found.missed.is_empty();
            held.beside(&mut told_figures);
            figures::tell(told_figures, false);
            found = found.and(held.conclude(wrong)?);
        }
        Ok(found)
    }

    /// Lets a voice of the deployment speak, where the step names none.
    fn speak(&mut self) {
        let body = &mut self.options.extra_body;
        if self.route != Route::Speech || body.contains_key("voice") {
            return;
        }
        if let Some(voice) = crate::voices_of(self.bench.server()).into_iter().next() {
            body.insert("voice".to_owned(), voice.into());
        }
    }

    /// How figures are made.
    pub(super) fn how(&self) -> Result<Measure, Error> {
        let mut how = self.measure.clone().slos(all(self.slos.clone())?);
        how = how.of_load(&self.load);
        how.streamed = self.options.stream;
        Ok(how)
    }

    /// One run of the load.
    pub(super) async fn once(&self, how: &Measure) -> Result<(Measured, Option<String>), Error> {
        let mut options = self.options.clone();
        // Of its own for each run: or the second is answered from what the server remembers of the first.
        options.salt.get_or_insert_with(salt);
        let source = self.source(&options)?;
        let target = self.bench.target();
        let run = tribunal_traffic::run(target, &self.load, source).await;
        let run = run.map_err(Error::of)?;
        let metrics = tribunal_traffic::measure(&run.records, how);
        Ok((Measured { run, metrics }, options.salt))
    }

    fn source(&self, options: &RequestOptions) -> Result<Box<dyn Source>, Error> {
        let model = self.bench.api().model();
        let source = self.data.source(self.route, model, self.load.seed, options);
        source.map_err(Error::of)
    }

    /// The name of the step: that of the test, unless it has one of its own.
    pub(crate) fn title(&self) -> String {
        let case = self.bench.case();
        match &self.name {
            Some(name) => format!("{case}::{name}"),
            None => case.to_owned(),
        }
    }

    /// The same without the modules of the test.
    pub(super) fn short_title(&self) -> String {
        let case = self.bench.case();
        let mut last: Vec<&str> = case.rsplit("::").take(2).collect();
        last.reverse();
        match &self.name {
            // The name of a case that was made from a step has it already.
            Some(name) if !case.contains(name.as_str()) => format!("{}::{name}", last.join("::")),
            _ => last.join("::"),
        }
    }

    /// Its row in the table at the end of the run.
    fn row(&self, metrics: &Metrics) {
        let title = format!("performance of {}", self.bench.deployment());
        let mut row = Row::new(title, 0, "steps").cell("step", self.short_title());
        for (heading, key) in COLUMNS {
            let value = metrics.value(key).map_or("-".to_owned(), threshold::shown);
            row = row.cell(*heading, value);
        }
        row.add();
    }

    /// What is sent, for whoever must know it again.
    pub(super) fn digest_of_data(&self) -> String {
        let mut options = self.options.clone();
        options.salt = None;
        format!(
            "{:?} {:?} {options:?} {:?}",
            self.route, self.data, self.load
        )
    }

    /// The route, as keys of baselines have it.
    pub(super) fn route_name(&self) -> &'static str {
        self.route.path()
    }

    /// Where its files lie, given the folder of the attempt.
    pub(super) fn stem(&self, run: u32) -> String {
        let name = self.name.as_deref().unwrap_or("step");
        format!("{}-{run}", tribunal_vocabulary::slug(name))
    }
}

/// What the table shows of each step.
const COLUMNS: &[(&str, &str)] = &[
    ("requests/s", "request_throughput"),
    ("tokens/s", "output_throughput"),
    ("ttft p50 ms", "median_ttft_ms"),
    ("ttft p99 ms", "p99_ttft_ms"),
    ("tpot p50 ms", "median_tpot_ms"),
    ("e2el p50 ms", "median_e2el_ms"),
    ("e2el p99 ms", "p99_e2el_ms"),
    ("failed", "failed"),
];

fn all<T>(list: Vec<Result<T, String>>) -> Result<Vec<T>, Error> {
    list.into_iter()
        .collect::<Result<_, _>>()
        .map_err(Error::of)
}

/// A text that no run before had.
fn salt() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!("run {:x}", now.unwrap_or_default().as_nanos() as u64)
}

/// What failed, if more did than may.
fn failures(records: &[Record], may_fail: f64) -> Vec<String> {
    let failed: Vec<&tribunal_traffic::Failure> = records
        .iter()
        .filter_map(|record| match &record.outcome {
            Outcome::Failed(failure) => Some(failure),
            _ => None,
        })
        .collect();
    let share = failed.len() as f64 / records.len().max(1) as f64;
    if failed.is_empty() || share <= may_fail {
        return match records.iter().any(|r| r.outcome == Outcome::Ok) {
            true => vec![],
            false => vec!["no request was answered".to_owned()],
        };
    }
    let mut kinds = std::collections::BTreeMap::new();
    for failure in &failed {
        kinds
            .entry(failure.class)
            .or_insert_with(|| (0_usize, &failure.text))
            .0 += 1;
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let more = kinds.len().saturating_sub(TOLD);
    let mut text = format!("{} of {} requests failed", failed.len(), records.len());
    for (class, (count, first)) in kinds.into_iter().take(TOLD) {
        text.push_str(&format!("\n  {count} {class:?}, the first: {first}"));
    }
    if more > 0 {
        text.push_str(&format!("\n  and {more} more kinds"));
    }
    vec![text]
}

/// One line on what a run cost and gave.
fn told(run: &Run, metrics: &Metrics) -> String {
    let value = |key: &str| metrics.value(key).map_or("-".to_owned(), threshold::shown);
    let cost = &run.cost;
    let lag = cost
        .lag
        .map_or("-".to_owned(), |lag| format!("{:?}", lag.p99));
    let share = cost.busiest_share();
    let share = share.map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0));
    format!(
        "{} requests in {:?}: {} requests/s, ttft p50 {} ms, e2el p50 {} ms; client: late by {lag} (p99), busiest thread {share}",
        run.records.len(),
        Duration::from_millis(u64::try_from(cost.wall.as_millis()).unwrap_or(u64::MAX)),
        value("request_throughput"),
        value("median_ttft_ms"),
        value("median_e2el_ms"),
    )
}
