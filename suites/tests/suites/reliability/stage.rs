//! What a case needs of a server: a client, a scene, and what is known of the deployment.

use std::time::Duration;

use tribunal::client::Timeouts;
use tribunal::faults::{
    Bounds, Experiment, Fault, FaultError, Load, Oracle, Payload, Remains, Report, Scene, Subject,
    Victim,
};
use tribunal::prelude::*;
use tribunal::serving::Offers;

use super::{table, told};

/// Chooses where a fault leaves a choice; the same each time.
const SEED: u64 = 6;
/// Requests under way when something is done to a server.
pub const SOME: u32 = 4;
/// Requests for each second from then on, and how long they are: so few that no server is overloaded by them, which would be a fault of ours.
const RATE: f64 = 2.0;
const SHORT: u64 = 32;

/// A server and what is known of it.
pub struct Stage {
    pub subject: Subject,
    pub scene: Scene,
    pub model: ModelClient,
    pub payloads: Vec<Payload>,
}

impl Stage {
    pub fn new(server: &Server, offers: &Offers) -> Result<Self, Error> {
        if server.pid().is_none() {
            skip!(
                "the server is only reached and was not started by this run: nothing of it is ours to break"
            );
        }
        let subject = table::subject(server.name(), offers)?;
        let mut scene = Scene::new(server.clone(), offers).seed(SEED);
        if let (Some(pattern), Some(workers)) = (&subject.worker_pattern, &mut scene.workers) {
            workers.pattern.clone_from(pattern);
        }
        let payloads = subject
            .requests
            .iter()
            .map(table::payload)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            model: client(server, server.base_url())?,
            subject,
            scene,
            payloads,
        })
    }

    pub fn server(&self) -> &Server {
        &self.scene.server
    }

    pub fn bounds(&self) -> &Bounds {
        &self.subject.bounds
    }

    /// How many workers there are, as the deployment says.
    pub fn workers(&self) -> u32 {
        let workers = self.scene.workers.as_ref();
        workers.and_then(|w| w.count).unwrap_or(0)
    }

    /// All requests in turn, this way.
    fn in_turn(&self, payloads: &[Payload], load: impl FnOnce(Payload) -> Load) -> Load {
        let (first, more) = payloads
            .split_first()
            .expect("a subject is asked something");
        let load = more
            .iter()
            .fold(load(first.clone()), |load, next| load.and(next.clone()));
        load.limit(self.bounds().in_flight)
    }

    /// So many at once.
    pub fn at_once(&self, count: u32) -> Load {
        self.in_turn(&self.payloads, |payload| Load::at_once(payload, count))
    }

    /// So many under way at every time.
    pub fn always(&self, count: u32) -> Load {
        self.in_turn(&self.payloads, |payload| Load::always(payload, count))
    }

    /// A few for each second, with short answers, as long as the fault is there and a little longer.
    pub fn steady(&self) -> Load {
        let short = |payload: &Payload| match payload.asked() {
            Some(_) => payload.clone().tokens(SHORT),
            None => payload.clone(),
        };
        let payloads: Vec<Payload> = self.payloads.iter().map(short).collect();
        self.in_turn(&payloads, |payload| Load::rate(payload, RATE))
    }

    /// An experiment with this fault.
    pub fn experiment<'a>(&'a self, fault: &'a Fault) -> Experiment<'a> {
        Experiment::of(fault, &self.scene, &self.model).canary(canary(&self.payloads))
    }

    /// An experiment with something that a test does itself.
    pub fn doing(&self, what: &str) -> Experiment<'_> {
        Experiment::new(what, self.server(), &self.model, &self.scene.timeline)
            .canary(canary(&self.payloads))
    }

    /// Judges, puts what was found into the table, and fails where it is not known.
    pub fn told(&self, case: &str, report: Result<Report, FaultError>) -> TestResult {
        told::told(self.server().name(), case, report, &self.subject)
    }

    /// The same once the server's own end is over: whatever of its tree is left then is left for good.
    pub async fn told_of_the_end(
        &self,
        case: &str,
        report: Result<Report, FaultError>,
        limit: Duration,
    ) -> TestResult {
        let mut report = match report {
            Ok(report) => report,
            Err(error) => return self.told(case, Err(error)),
        };
        let server = self.server();
        let own: Vec<u32> = server.parts().iter().map(|part| part.pid).collect();
        let deadline = std::time::Instant::now() + limit;
        // Parts are servers of their own; that they go on is no residue.
        while server.processes().iter().any(|p| !own.contains(&p.pid))
            && std::time::Instant::now() < deadline
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let stopped = server.shut_down().await;
        let at = self.scene.timeline.since_start();
        report.observed.remains = Remains::of_stop(
            at,
            &stopped,
            Err("the runner looks at them when the case is over".into()),
        );
        let mut oracles = vec![Oracle::NoResidue, Oracle::EndsWhenAsked];
        if tribunal::devices().is_some_and(|grant| !grant.devices().is_empty()) {
            oracles.push(Oracle::NoDeviceResidue);
        }
        for oracle in oracles {
            report.judgements.push(oracle.judge(&report.observed));
        }
        self.told(case, Ok(report))
    }
}

/// The same as is asked under the fault, as short as can be.
fn canary(payloads: &[Payload]) -> Payload {
    use tribunal::faults::Kind;
    match payloads.first().map(Payload::kind) {
        Some(Kind::Completion) => Payload::completion().tokens(1),
        Some(Kind::Speech) => Payload::speech(),
        Some(Kind::Images) => Payload::images(),
        Some(Kind::Videos) => Payload::videos(),
        _ => Payload::chat().tokens(1),
    }
}

/// A client of its own: what is sent on purpose does not belong among the exchanges of other tests.
pub fn client(server: &Server, url: &str) -> Result<ModelClient, Error> {
    let client = Client::new(url)?.with_timeouts(Timeouts {
        total: Duration::from_secs(120),
        ..Timeouts::default()
    })?;
    let key = server.key_env().and_then(|name| std::env::var(name).ok());
    let client = match key {
        Some(key) => client.with_bearer(&key)?,
        None => client,
    };
    Ok(client.model(server.model().unwrap_or_default()))
}

/// Whom a fault that ends something is meant for.
pub fn is_worker(victim: &Victim) -> bool {
    matches!(victim, Victim::Worker(_) | Victim::AnyWorker)
}
