//! One fault from announcement to judgement, as it is put together.
//!
//! Promise: the order is always the same, whatever the fault: wait for a request in flight, inject, prove, watch, undo, recover, look for residue,
//! judge. Rejected: a script for each kind of fault: the step that one of them forgets is the one that would have shown something.

use std::path::PathBuf;
use std::time::Duration;

use tribunal_client::{Client, ModelClient};
use tribunal_serving::Server;

use crate::fault::Fault;
use crate::load::Load;
use crate::observed::Known;
use crate::oracle::Oracle;
use crate::payload::Payload;
use crate::running::{InFlight, Running};
use crate::scene::Scene;
use crate::timeline::Timeline;

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

pub(crate) type LookAtDevices<'a> = Box<dyn Fn() -> Known<Vec<String>> + 'a>;

/// An experiment that is being put together.
#[must_use = "nothing happens before `run(...)`"]
pub struct Experiment<'a> {
    pub(crate) fault: String,
    pub(crate) known: Option<(&'a Fault, &'a Scene)>,
    pub(crate) looker: Option<Client>,
    pub(crate) server: &'a Server,
    pub(crate) model: ModelClient,
    pub(crate) timeline: Timeline,
    pub(crate) load: Option<Load>,
    pub(crate) then: Vec<Load>,
    pub(crate) oracles: Vec<Oracle>,
    pub(crate) health: Option<String>,
    pub(crate) canary: Payload,
    pub(crate) canary_limit: Duration,
    pub(crate) hold: Duration,
    pub(crate) after: Duration,
    pub(crate) begun_within: Duration,
    pub(crate) evidence: Option<PathBuf>,
    pub(crate) devices: Option<LookAtDevices<'a>>,
}

/// How long a load may need until a request of it is under way.
const BEGUN_WITHIN: Duration = Duration::from_secs(30);
/// How long a canary may take.
const CANARY_LIMIT: Duration = Duration::from_secs(5);
/// How long the load goes on after the fault, so that there is something to compare with.
const AFTER: Duration = Duration::from_millis(500);

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
            known: None,
            looker: None,
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

    /// One with this fault in this scene; [`inject`](Self::inject) runs it.
    pub fn of(fault: &'a Fault, scene: &'a Scene, model: &ModelClient) -> Self {
        let mut experiment = Self::new(fault.to_string(), &scene.server, model, &scene.timeline);
        experiment.known = Some((fault, scene));
        experiment
    }

    /// Look at the health route and at the metrics through this client, past a proxy that the requests go through.
    pub fn look_through(mut self, client: &Client) -> Self {
        self.looker = Some(client.clone());
        self
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
}
