//! The steps of an experiment, in their order.
//!
//! Promise: a fault that fell beside the requests that it was meant for is an error and no result; what was not asked for by an oracle is not
//! waited for.

use std::time::{Duration, Instant};

use crate::canary::CanaryAsker;
use crate::error::{FaultError, FaultErrorKind};
use crate::experiment::{Experiment, Moment};
use crate::health::KNOWS_AFTER;
use crate::load::{Arrival, Load};
use crate::observed::{Canary, Known, Observed};
use crate::oracle::Oracle;
use crate::report::Report;
use crate::residue::Remains;
use crate::running::{InFlight, Running};
use crate::seen::{Ending, Seen};
use crate::timeline::Step;
use crate::undo::Undo;
use crate::watch::Watch;

/// Between two canaries.
const CANARY_PAUSE: Duration = Duration::from_millis(20);
/// As many canaries in a row must be well before it counts as recovered.
const CANARIES: usize = 2;
/// How long the server is given to be well before anything is done to it.
const WELL_WITHIN: Duration = Duration::from_secs(10);
/// How long it is looked on after the limit of an oracle, so that what comes late is seen to come late.
pub(crate) const MARGIN: Duration = Duration::from_secs(1);
/// Between two questions whether enough was seen.
pub(crate) const STEP: Duration = Duration::from_millis(5);

/// Whether a fault met a request: it ended after the fault had taken hold, or was cut short after the fault had begun. What had failed by then had failed
/// of something else.
fn was_met(seen: &Seen, began: Duration, took_hold: Duration) -> bool {
    seen.ended >= took_hold || seen.ended >= began && seen.ending != Ending::Whole
}

impl Experiment<'_> {
    /// Runs it with the fault that it is [of](Self::of).
    ///
    /// # Errors
    /// As [`run`](Self::run); and where no fault was named.
    pub async fn inject(self) -> Result<Report, FaultError> {
        match self.known {
            Some((fault, scene)) => self.run(async |_| fault.inject(scene).await).await,
            None => Err(self.not_reached("no fault was named; use `Experiment::of`")),
        }
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
        let looker = self.looker.as_ref().unwrap_or(self.model.client());
        let watch = Watch::start(looker, path, Some(self.server), timeline)
            .map_err(|why| self.not_reached(why))?;
        self.first_looks(&watch).await;
        let running = Running::idle(&self.model, timeline).map_err(|why| self.not_reached(why))?;
        self.undisturbed(&running).await;
        let in_flight = self.begin(&running).await?;
        // A fault that is known announces itself.
        if self.known.is_none() {
            timeline.note(Step::Announced, self.fault.clone());
        }
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
        let took_hold = match injected.at_once() {
            true => observed.injected,
            false => observed.proven,
        };
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
        undone?;
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
        self.proves_in_flight(&mut observed, were_in_flight, took_hold.unwrap_or_default())?;
        self.freed(&watch, &mut observed).await;
        observed.health = match self.health {
            Some(_) => Ok(watch.looks()),
            None => Err("it has no health route".into()),
        };
        observed.root_ended = watch.root_ended();
        observed.resident = watch.resident();
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
        let mut asker = asker.metrics(there);
        let (mut health, mut lists) = (true, true);
        loop {
            let canary = asker.ask(&self.timeline).await;
            let Some(trouble) = canary.trouble() else {
                return Ok(asker);
            };
            let said = canary.health_after.as_ref();
            if health && said.is_some_and(crate::observed::Said::is_unknown_route) {
                // That it does not exist is told by the oracles that need it.
                health = false;
                asker = asker.health(None);
            } else if lists && canary.answers.is_ok() && canary.lists.is_err() {
                lists = false;
                asker = asker.lists(false);
                let why = "the list of models does not have the model, so the list is not asked";
                self.timeline.note(Step::Observed, why);
            } else if Instant::now() >= deadline {
                return Err(self.not_reached(format!(
                    "the server was not well before anything was done to it: {trouble}"
                )));
            } else {
                tokio::time::sleep(CANARY_PAUSE).await;
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

    /// Sends each payload once while nothing is wrong, where an oracle compares with that.
    async fn undisturbed(&self, running: &Running) {
        let compares =
            |oracle: &Oracle| matches!(oracle, Oracle::StreamsToldApart | Oracle::AnsweredAlike);
        let Some(load) = self
            .load
            .as_ref()
            .filter(|_| self.oracles.iter().any(compares))
        else {
            return;
        };
        for payload in &load.payloads {
            if payload.is_stream() || payload.is_alike() {
                running.send(Load::at_once(payload.clone(), 1).limit(load.limit));
                running.all_over().await;
            }
        }
    }

    /// Begins the load and waits until the fault can fall into it.
    async fn begin(&self, running: &Running) -> Result<Vec<InFlight>, FaultError> {
        let Some(load) = &self.load else {
            return Ok(Vec::new());
        };
        running.send(load.clone());
        let wanted = match load.arrival {
            // What is given up soon does not wait for others to begin.
            _ if load.give_up.is_some() => 1,
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
                    None => crate::timeline::WORKS_AGAIN.to_owned(),
                    Some(trouble) => format!("it does not work: {trouble}"),
                };
                self.timeline.note(Step::Observed, word);
                return canaries;
            }
            tokio::time::sleep(CANARY_PAUSE).await;
        }
    }

    /// Which of the requests that were under way still were when the fault took hold.
    fn proves_in_flight(
        &self,
        observed: &mut Observed,
        before: Vec<InFlight>,
        took_hold: Duration,
    ) -> Result<(), FaultError> {
        if self.load.is_none() {
            observed.in_flight = Err("the server was idle".into());
            return Ok(());
        }
        // Clients that go away are the fault themselves: it begins with the first of them.
        let gives_up = self
            .load
            .as_ref()
            .is_some_and(|load| load.give_up.is_some());
        let began = observed.injected.filter(|_| !gives_up).unwrap_or_default();
        let hit = |token: &String| {
            let seen = observed.requests.iter().find(|seen| &seen.token == token);
            seen.is_some_and(|seen| was_met(seen, began, took_hold))
        };
        let tokens: Vec<String> = before
            .into_iter()
            .map(|one| one.token)
            .filter(hit)
            .collect();
        if tokens.is_empty() {
            return Err(self.not_reached(
                "every request that was under way was over before the fault took hold; ask for more tokens, or look at why they failed",
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
        let wanted = |oracle: &Oracle| {
            matches!(
                oracle,
                Oracle::NoResidue | Oracle::NoDeviceResidue | Oracle::EndsWhenAsked
            )
        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::literals::{ms, seen, whole};

    #[test]
    fn a_request_that_was_over_before_was_not_met() {
        let met = |seen: &Seen| was_met(seen, ms(1000), ms(1100));
        assert!(met(&whole(1, 900, 1200)) && met(&seen(1, 900, 1050, Ending::Status)));
        assert!(!met(&whole(1, 900, 1050)), "it may have been untouched");
        assert!(
            !met(&seen(1, 900, 990, Ending::Status)),
            "of something else"
        );
    }
}
