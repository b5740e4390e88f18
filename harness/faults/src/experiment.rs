//! One fault from announcement to judgement: wait for a request in flight, inject, prove, watch, undo, recover, look for residue, judge.
//!
//! Promise: the order is always this, whatever the fault; a fault that fell beside the requests that it was meant for is an error and no result;
//! how long each step takes follows from the oracles, not from sleeps. Rejected: a script for each kind of fault: the step that one of them forgets
//! is the one that would have shown something.

use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tribunal_client::ModelClient;
use tribunal_serving::Server;

use crate::canary::CanaryAsker;
use crate::error::{FaultError, FaultErrorKind};
use crate::health::KNOWS_AFTER;
use crate::load::{Arrival, Load};
use crate::observed::{Canary, Known, Observed};
use crate::oracle::Oracle;
use crate::payload::Payload;
use crate::report::Report;
use crate::residue::Remains;
use crate::running::{InFlight, Running};
use crate::seen::Ending;
use crate::timeline::{Step, Timeline};
use crate::watch::Watch;

/// Something that was injected and can be taken back.
pub trait Undo {
    /// When it began to be injected, where it says so itself.
    fn began(&self) -> Option<Duration> {
        None
    }

    /// Takes it back, and says what was done.
    ///
    /// # Errors
    /// Where it cannot be.
    fn undo(self) -> impl Future<Output = Result<String, FaultError>>;
}

/// A fault that there is no taking back, or that is over: a process that was killed, requests that were given up.
#[derive(Debug)]
pub struct Proven(());

impl Proven {
    /// Writes down by what it is proven.
    pub fn new(timeline: &Timeline, what: impl Into<String>) -> Self {
        timeline.note(Step::Proven, what);
        Self(())
    }
}

impl Undo for Proven {
    async fn undo(self) -> Result<String, FaultError> {
        Ok("nothing to undo".into())
    }
}

/// What an injector is given: the moment has come.
#[derive(Debug)]
pub struct Moment<'a> {
    /// Where it writes down what it does.
    pub timeline: &'a Timeline,
    /// The requests that are under way, those with most to come first; empty without a load.
    pub in_flight: Vec<InFlight>,
    /// The load, to which more can be added; or in which requests can be marked as none of the fault's business.
    pub running: &'a Running,
}

type LookAtDevices<'a> = Box<dyn Fn() -> Known<Vec<String>> + 'a>;

/// An experiment that is being put together.
#[must_use = "nothing happens before `run(...)`"]
pub struct Experiment<'a> {
    fault: String,
    server: &'a Server,
    model: ModelClient,
    timeline: Timeline,
    load: Option<Load>,
    then: Vec<Load>,
    oracles: Vec<Oracle>,
    health: Option<String>,
    canary: Payload,
    canary_limit: Duration,
    hold: Duration,
    after: Duration,
    begun_within: Duration,
    evidence: Option<PathBuf>,
    devices: Option<LookAtDevices<'a>>,
}

/// How long a load may need until a request of it is under way.
const BEGUN_WITHIN: Duration = Duration::from_secs(30);
/// How long a canary may take.
const CANARY_LIMIT: Duration = Duration::from_secs(5);
/// Between two canaries.
const CANARY_PAUSE: Duration = Duration::from_millis(20);
/// As many canaries in a row must be well before it counts as recovered.
const CANARIES: usize = 2;
/// How long it is looked on after the limit of an oracle, so that what comes late is seen to come late.
const MARGIN: Duration = Duration::from_secs(1);
/// Between two questions whether enough was seen.
const STEP: Duration = Duration::from_millis(5);
/// How long the load goes on after the fault, so that there is something to compare with.
const AFTER: Duration = Duration::from_millis(500);
/// How long the server is given to be well before anything is done to it.
const WELL_WITHIN: Duration = Duration::from_secs(10);

impl<'a> Experiment<'a> {
    /// One on this server; `fault` in words. The timeline is the one that the injector writes to.
    pub fn new(
        fault: impl Into<String>,
        server: &'a Server,
        model: &ModelClient,
        timeline: &Timeline,
    ) -> Self {
        Self {
            fault: fault.into(),
            server,
            model: model.clone(),
            timeline: timeline.clone(),
            load: None,
            then: Vec::new(),
            oracles: Vec::new(),
            health: Some("/health".into()),
            canary: Payload::chat().tokens(1),
            canary_limit: CANARY_LIMIT,
            hold: Duration::ZERO,
            after: AFTER,
            begun_within: BEGUN_WITHIN,
            evidence: None,
            devices: None,
        }
    }

    /// Have this under way when the fault is injected; the fault waits for it. Without, the server is idle.
    pub fn load(mut self, load: Load) -> Self {
        self.load = Some(load);
        self
    }

    /// Send this once the fault is proven.
    pub fn then(mut self, load: Load) -> Self {
        self.then.push(load);
        self
    }

    /// This must hold.
    pub fn expect(mut self, oracle: Oracle) -> Self {
        self.oracles.push(oracle);
        self
    }

    /// All of these must hold.
    pub fn expect_all(mut self, oracles: impl IntoIterator<Item = Oracle>) -> Self {
        self.oracles.extend(oracles);
        self
    }

    /// The health route, `/health` if nothing is said; `None`: there is none.
    pub fn health(mut self, path: Option<&str>) -> Self {
        self.health = path.map(str::to_owned);
        self
    }

    /// What shows that the server works; a chat of one token if nothing is said.
    pub fn canary(mut self, payload: Payload) -> Self {
        self.canary = payload;
        self
    }

    /// How long a canary may take; 5 s if nothing is said.
    pub fn canary_limit(mut self, limit: Duration) -> Self {
        self.canary_limit = limit;
        self
    }

    /// Leave the fault in force for at least this long.
    pub fn hold(mut self, time: Duration) -> Self {
        self.hold = time;
        self
    }

    /// Let the load go on this long once everything is over; half a second if nothing is said.
    pub fn after(mut self, time: Duration) -> Self {
        self.after = time;
        self
    }

    /// How long the load may need until a request is under way; 30 s if nothing is said.
    pub fn begun_within(mut self, time: Duration) -> Self {
        self.begun_within = time;
        self
    }

    /// Write `faults.json` into this folder.
    pub fn evidence(mut self, folder: impl Into<PathBuf>) -> Self {
        self.evidence = Some(folder.into());
        self
    }

    /// Looks at the devices once the server is gone: what of it is left there, one line each.
    pub fn devices(mut self, look: impl Fn() -> Known<Vec<String>> + 'a) -> Self {
        self.devices = Some(Box::new(look));
        self
    }

    /// Runs it. `inject` is called when the moment has come; it breaks the server and proves that it did.
    ///
    /// # Errors
    /// Where it did not come to a judgement: the server was not well before, no request was under way, the fault was not injected or not undone,
    /// or it fell beside the requests. Whether the oracles held is in the report.
    pub async fn run<I, F>(self, inject: F) -> Result<Report, FaultError>
    where
        I: Undo,
        F: AsyncFnOnce(&Moment<'_>) -> Result<I, FaultError>,
    {
        let timeline = &self.timeline;
        let mut canaries = Vec::new();
        let asker = CanaryAsker::new(&self.model, self.canary_limit)
            .map_err(|why| self.not_reached(why))?
            .payload(self.canary.clone())
            .health(self.health.as_deref());
        let asker = self.well_before(asker).await?;
        let path = self.health.as_deref().unwrap_or("/health");
        let watch = Watch::start(self.model.client(), path, Some(self.server), timeline)
            .map_err(|why| self.not_reached(why))?;
        self.first_looks(&watch).await;
        let running = Running::idle(&self.model, timeline).map_err(|why| self.not_reached(why))?;
        let in_flight = self.begin(&running).await?;
        timeline.note(Step::Announced, self.fault.clone());
        let moment = Moment {
            timeline,
            in_flight,
            running: &running,
        };
        let before = timeline.since_start();
        let result = inject(&moment).await;
        let were_in_flight = moment.in_flight;
        let injected = match result {
            Ok(injected) => injected,
            Err(error) => {
                timeline.note(Step::Failed, error.to_string());
                return Err(error);
            }
        };
        let mut observed = Observed::nothing("it was not looked at");
        observed.injected = Some(injected.began().unwrap_or(before));
        observed.proven = Some(timeline.since_start());
        for load in &self.then {
            running.send(load.clone());
        }
        self.watch(&watch, &running, &observed).await;
        if self.oracles.contains(&Oracle::HealthTellsTheTruth) {
            self.until_it_can_know(&observed).await;
            canaries.push(asker.ask(timeline).await);
        }
        let undone = injected.undo().await;
        observed.undone = Some(timeline.since_start());
        match undone {
            Ok(what) => timeline.note(Step::Undone, what),
            Err(error) => {
                timeline.note(Step::Failed, error.to_string());
                return Err(error);
            }
        }
        if let Some(limit) = self.recovery_limit() {
            canaries.extend(self.recover(&asker, limit).await);
            observed.canaries = Ok(canaries);
        } else if !canaries.is_empty() {
            observed.canaries = Ok(canaries);
        } else {
            observed.canaries = Err("no oracle asked whether it works again".into());
        }
        if self.load.is_some() {
            tokio::time::sleep(self.after).await;
        }
        let (requests, accounts) = running.finish().await;
        observed.requests = requests;
        observed.accounts = accounts;
        let asked = observed.canaries.as_ref().map_or(0, Vec::len);
        observed.beside = u32::try_from(asked).unwrap_or(u32::MAX);
        self.proves_in_flight(&mut observed, were_in_flight)?;
        self.freed(&watch, &mut observed).await;
        observed.health = match self.health {
            Some(_) => Ok(watch.looks()),
            None => Err("it has no health route".into()),
        };
        observed.root_ended = watch.root_ended();
        observed.ended = timeline.since_start();
        drop(watch);
        observed.remains = self.remains().await;
        let judgements = self.oracles.iter().map(|oracle| oracle.judge(&observed));
        let report = Report::new(
            self.fault.clone(),
            self.server.name(),
            timeline.entries(),
            judgements.collect(),
            observed,
        );
        if let Some(folder) = &self.evidence {
            let written = report.write(folder);
            written.map_err(|error| {
                let place = folder.display();
                self.not_reached(format!("the report cannot be written to {place}: {error}"))
            })?;
        }
        Ok(report)
    }

    fn not_reached(&self, why: impl Into<String>) -> FaultError {
        let error = FaultError::new(FaultErrorKind::NotReached, &self.fault, why);
        self.timeline.note(Step::Failed, error.to_string());
        error
    }

    /// A server that does not work needs no fault.
    async fn well_before(&self, asker: CanaryAsker) -> Result<CanaryAsker, FaultError> {
        let deadline = Instant::now() + WELL_WITHIN;
        let there = self.model.client().metrics().await.is_ok();
        let asker = asker.metrics(there);
        loop {
            let canary = asker.ask(&self.timeline).await;
            // A health route that does not exist is told by the oracles that need it.
            let unknown = canary
                .health_after
                .as_ref()
                .is_some_and(crate::observed::Said::is_unknown_route);
            let asker = if unknown {
                asker.clone().health(None)
            } else {
                asker.clone()
            };
            match canary.trouble() {
                None => return Ok(asker),
                Some(_) if unknown && canary.answers.is_ok() && canary.lists.is_ok() => {
                    return Ok(asker);
                }
                Some(trouble) if Instant::now() >= deadline => {
                    return Err(self.not_reached(format!(
                        "the server was not well before anything was done to it: {trouble}"
                    )));
                }
                Some(_) => tokio::time::sleep(CANARY_PAUSE).await,
            }
        }
    }

    /// Every comparison begins with how things were.
    async fn first_looks(&self, watch: &Watch) {
        let deadline = Instant::now() + self.canary_limit;
        while Instant::now() < deadline {
            let read = watch.readings().is_ok() || watch.has_no_metrics();
            if !watch.looks().is_empty() && read {
                return;
            }
            tokio::time::sleep(STEP).await;
        }
    }

    /// Begins the load and waits until the fault can fall into it.
    async fn begin(&self, running: &Running) -> Result<Vec<InFlight>, FaultError> {
        let Some(load) = &self.load else {
            return Ok(Vec::new());
        };
        running.send(load.clone());
        let wanted = match load.arrival {
            Arrival::AtOnce(count) | Arrival::Always(count) => count as usize,
            Arrival::Rate(_) => 1,
        };
        let found = running
            .in_flight_within(load.has_stream(), wanted, self.begun_within)
            .await
            .map_err(|why| self.not_reached(why))?;
        let numbers: Vec<String> = found.iter().map(|one| one.number.to_string()).collect();
        self.timeline.note(
            Step::Observed,
            format!("under way, with more to come: {}", numbers.join(", ")),
        );
        Ok(found)
    }

    /// Looks on until every oracle has seen what it needs, or its limit is over.
    async fn watch(&self, watch: &Watch, running: &Running, observed: &Observed) {
        let begin = observed.injected.unwrap_or_default();
        let mut limit = self.hold;
        for oracle in &self.oracles {
            limit = limit.max(match oracle {
                Oracle::InFlightEndsWithin(t)
                | Oracle::FailsFastWithin(t)
                | Oracle::HealthTellsWithin(t)
                | Oracle::StaysAliveFor(t) => *t + MARGIN,
                Oracle::TextAndAudioFailAlike | Oracle::SomeFail(_) => MARGIN * 10,
                _ => Duration::ZERO,
            });
        }
        // The margin counts from the first new request, which may be a step of the rate away.
        if let Some(Arrival::Rate(rate)) = self.load.as_ref().map(|load| load.arrival) {
            limit += Duration::from_secs_f64(1.0 / rate);
        }
        loop {
            let since = self.timeline.since_start().saturating_sub(begin);
            if since >= limit || since >= self.hold && self.seen_enough(watch, running, begin) {
                return;
            }
            tokio::time::sleep(STEP).await;
        }
    }

    fn seen_enough(&self, watch: &Watch, running: &Running, begin: Duration) -> bool {
        let (requests, _) = running.seen();
        let open = running.in_flight();
        let new_over = requests.iter().filter(|seen| seen.sent > begin).count();
        let sends = self.load.as_ref().is_some_and(|load| match load.arrival {
            Arrival::AtOnce(_) => false,
            Arrival::Rate(_) | Arrival::Always(_) => true,
        });
        let new_wanted = match (self.then.is_empty(), &self.load) {
            (false, _) => self.then.iter().map(count_of).sum(),
            (true, Some(load)) if sends => load.payloads.len(),
            (true, _) => 0,
        };
        self.oracles.iter().all(|oracle| match oracle {
            Oracle::InFlightEndsWithin(_) => open.iter().all(|one| one.sent > begin),
            Oracle::FailsFastWithin(_)
            | Oracle::TextAndAudioFailAlike
            | Oracle::HealthTellsTheTruth
            | Oracle::RefusalsSayWhen => new_over >= new_wanted,
            Oracle::SomeFail(least) => {
                let failed = requests
                    .iter()
                    .filter(|s| s.failed() && s.ended > begin)
                    .count();
                failed >= *least as usize
            }
            Oracle::HealthTellsWithin(_) => watch
                .looks()
                .iter()
                .any(|look| look.said.tells() && look.to >= begin),
            Oracle::StaysAliveFor(limit) => {
                self.timeline.since_start() >= begin + *limit
                    || matches!(watch.root_ended(), Ok(Some(_)) | Err(_))
            }
            _ => true,
        })
    }

    async fn until_it_can_know(&self, observed: &Observed) {
        let at = observed.injected.unwrap_or_default() + KNOWS_AFTER;
        let now = self.timeline.since_start();
        tokio::time::sleep(at.saturating_sub(now) + STEP).await;
    }

    fn recovery_limit(&self) -> Option<Duration> {
        self.oracles.iter().find_map(|oracle| match oracle {
            Oracle::RecoversWithin(limit) => Some(*limit),
            _ => None,
        })
    }

    /// Asks until it works again, or until it is too late.
    async fn recover(&self, asker: &CanaryAsker, limit: Duration) -> Vec<Canary> {
        let deadline = Instant::now() + limit + MARGIN;
        let mut canaries: Vec<Canary> = Vec::new();
        loop {
            canaries.push(asker.ask(&self.timeline).await);
            let well = canaries.iter().rev().take_while(|one| one.is_well());
            if well.count() >= CANARIES || Instant::now() >= deadline {
                let word = match canaries.last().and_then(Canary::trouble) {
                    None => "it works again".to_owned(),
                    Some(trouble) => format!("it does not work: {trouble}"),
                };
                self.timeline.note(Step::Observed, word);
                return canaries;
            }
            tokio::time::sleep(CANARY_PAUSE).await;
        }
    }

    /// Which of the requests that were under way still were when the fault was proven: they failed, or ended after it.
    fn proves_in_flight(
        &self,
        observed: &mut Observed,
        before: Vec<InFlight>,
    ) -> Result<(), FaultError> {
        if self.load.is_none() {
            observed.in_flight = Err("the server was idle".into());
            return Ok(());
        }
        let proven = observed.proven.unwrap_or_default();
        let hit = |token: &String| {
            let seen = observed.requests.iter().find(|seen| &seen.token == token);
            seen.is_some_and(|seen| seen.ended >= proven || seen.ending != Ending::Whole)
        };
        let tokens: Vec<String> = before
            .into_iter()
            .map(|one| one.token)
            .filter(hit)
            .collect();
        if tokens.is_empty() {
            return Err(self.not_reached(
                "every request that was under way had been answered in whole before the fault took hold; ask for more tokens",
            ));
        }
        observed.in_flight = Ok(tokens);
        Ok(())
    }

    /// Reads the metrics until what was taken is free again, or until it is too late.
    async fn freed(&self, watch: &Watch, observed: &mut Observed) {
        let limit = self.oracles.iter().filter_map(|oracle| match oracle {
            Oracle::FreesSlotsWithin(limit) | Oracle::FreesMemoryWithin(limit) => Some(*limit),
            _ => None,
        });
        let deadline = limit.max().map(|limit| Instant::now() + limit + MARGIN);
        loop {
            observed.gauges = watch.readings();
            let frees = |oracle: &&Oracle| {
                matches!(
                    oracle,
                    Oracle::FreesSlotsWithin(_) | Oracle::FreesMemoryWithin(_)
                )
            };
            let mut judged = self.oracles.iter().filter(frees);
            let held = judged.all(|oracle| {
                let judgement = oracle.judge(observed);
                judgement.is_made() && !judgement.is_broken()
            });
            let over = deadline.is_none_or(|deadline| Instant::now() >= deadline);
            if held || over || observed.gauges.is_err() {
                return;
            }
            tokio::time::sleep(STEP * 4).await;
        }
    }

    async fn remains(&self) -> Known<Remains> {
        let wanted = |oracle: &Oracle| matches!(oracle, Oracle::NoResidue | Oracle::EndsWhenAsked);
        if !self.oracles.iter().any(wanted) {
            return Err("no oracle asked what is left; the server goes on".into());
        }
        let stopped = self.server.shut_down().await;
        let devices = match &self.devices {
            Some(look) => look(),
            None => Err("devices were not looked at".into()),
        };
        self.timeline.note(Step::Observed, "the server was stopped");
        Remains::of_stop(self.timeline.since_start(), &stopped, devices)
    }
}

/// How many requests a load sends that ends by itself; of others one of each kind.
fn count_of(load: &Load) -> usize {
    let all = match load.arrival {
        Arrival::AtOnce(count) => count as usize,
        Arrival::Rate(_) | Arrival::Always(_) => load.payloads.len(),
    };
    all.min(load.most.map_or(usize::MAX, |most| most as usize))
}
