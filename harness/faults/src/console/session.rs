//! What was done to the held server, what is in force, and what became of it.
//!
//! Promise: what is done by hand and what a saved session does again goes through the same code; every fault that lasts has a number by which it is
//! taken back, and dropping the session takes all of them back. Rejected: two ways, one for hands and one for tests: the saved test would
//! slowly come to do something else.

use std::time::{Duration, Instant};

use tribunal_client::ModelClient;

use super::command::{Action, Kind};
use crate::error::FaultErrorKind;
use crate::fault::Fault;
use crate::injected::Injected;
use crate::load::Load;
use crate::payload::Payload;
use crate::running::Running;
use crate::scene::Scene;
use crate::seen::Accounts;
use crate::timeline::Step;

/// How long a request of the load may take: who stands at a console does not wait for two minutes.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// How many requests one load sends: what is known of each is kept.
const MOST_REQUESTS: u32 = 100_000;
/// Long enough that a fault falls into it, short enough for many.
const TOKENS: u64 = 256;
/// How long answers under way are waited for when a load is stopped.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(10);
/// How many lines are kept for saving.
const MOST_LINES: usize = 1000;

/// What was done when.
pub(super) type History = Vec<(Duration, Action)>;

/// A session.
pub(super) struct Session {
    pub(super) scene: Scene,
    model: ModelClient,
    in_force: Vec<InForce>,
    next: u32,
    load: Option<(f64, Running)>,
    pub(super) history: History,
}

/// A fault that lasts.
pub(super) struct InForce {
    pub(super) number: u32,
    pub(super) injected: Injected,
}

/// The load that the console and saved sessions send.
pub(super) fn load(rate: f64) -> Load {
    let payload = Payload::chat().stream().tokens(TOKENS);
    Load::rate(payload, rate)
        .limit(REQUEST_LIMIT)
        .most(MOST_REQUESTS)
}

impl Session {
    /// `model` is asked by the load: through the proxy, where rules of it are to be felt.
    pub(super) fn new(scene: Scene, model: ModelClient) -> Session {
        Session {
            scene,
            model,
            in_force: Vec::new(),
            next: 1,
            load: None,
            history: Vec::new(),
        }
    }

    /// The faults in force. One whose time is over is none any more.
    pub(super) fn in_force(&mut self) -> &[InForce] {
        self.in_force.retain(|one| !is_over(one));
        &self.in_force
    }

    /// Does it.
    ///
    /// # Errors
    /// In words. What failed is not in the history.
    pub(super) async fn act(&mut self, action: &Action) -> Result<String, String> {
        let full = self.history.len() >= MOST_LINES;
        // What is in force can always be taken back.
        if full && matches!(action, Action::Inject(_) | Action::Load(_)) {
            return Err(format!(
                "{MOST_LINES} lines were typed; `save` them, `quit`, and hold the deployment once more"
            ));
        }
        let at = self.scene.timeline.since_start();
        let said = match action {
            Action::Inject(fault) => self.inject(fault).await?,
            Action::Undo(kind, number) => self.undo(*kind, *number).await?,
            Action::Load(rate) => self.start_load(*rate).await?,
            Action::LoadStop => match self.stop_load().await {
                Some(accounts) => told(&accounts),
                None => return Err("no load is sent; `load 5` begins one".into()),
            },
        };
        if !full {
            self.history.push((at, action.clone()));
        }
        Ok(said)
    }

    async fn inject(&mut self, fault: &Fault) -> Result<String, String> {
        let injected = fault.inject(&self.scene).await;
        let injected = injected.map_err(|error| error.to_string())?;
        let what = injected.proof().what.clone();
        if !injected.lasts() {
            return Ok(what);
        }
        let number = self.next;
        self.next += 1;
        self.in_force.push(InForce { number, injected });
        Ok(format!("{number}: {what}"))
    }

    /// Takes faults back, the last first.
    async fn undo(&mut self, kind: Kind, number: Option<u32>) -> Result<String, String> {
        let meant = |one: &InForce| {
            kind.has(one.injected.fault()) && number.is_none_or(|number| one.number == number)
        };
        let mut said = Vec::new();
        let mut failed = Vec::new();
        while let Some(place) = self.in_force.iter().rposition(meant) {
            let one = self.in_force.remove(place);
            let number = one.number;
            match one.injected.undo().await {
                Ok(undone) => said.push(format!("{number}: {}", undone.what)),
                // It is as before: that nothing met it is worth a word and no failure here.
                Err(error) if error.kind() == FaultErrorKind::Unproven => {
                    said.push(format!("{number}: {}", error.why()));
                }
                Err(error) => failed.push(format!("{number}: {error}")),
            }
        }
        match (failed.is_empty(), said.is_empty(), number) {
            (false, ..) => Err(failed.join("; ")),
            (true, false, _) => Ok(said.join("; ")),
            (true, true, None) => Ok("nothing of that kind is in force".into()),
            (true, true, Some(number)) => Err(format!(
                "no fault {number} of that kind is in force; `status` lists those that are"
            )),
        }
    }

    async fn start_load(&mut self, rate: f64) -> Result<String, String> {
        let before = self.stop_load().await;
        let running = Running::start(load(rate), &self.model, &self.scene.timeline)?;
        self.load = Some((rate, running));
        let text = format!("{rate} requests for each second");
        self.scene
            .timeline
            .note(Step::Observed, format!("load: {text}"));
        Ok(match before {
            None => text,
            Some(before) => format!("{text}; the load before: {before}"),
        })
    }

    /// Sends no more, and waits for the answers that are under way, as far as they come soon: whoever wants to continue what they wait for must not
    /// wait behind them.
    pub(super) async fn stop_load(&mut self) -> Option<Accounts> {
        let (_, running) = self.load.take()?;
        running.stop();
        let deadline = Instant::now() + LAST_ANSWERS;
        while !running.in_flight().is_empty() && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
        let mut accounts = books(&running);
        if running.in_flight().is_empty() {
            accounts = running.finish().await.1;
        } else {
            // Dropping it gives them up.
            let known = accounts.ok + accounts.failed + accounts.refused + accounts.aborted;
            accounts.aborted += accounts.sent.saturating_sub(known);
        }
        let timeline = &self.scene.timeline;
        timeline.note(Step::Observed, format!("load over: {}", told(&accounts)));
        Some(accounts)
    }

    /// The load in words, where there is one.
    pub(super) fn load_now(&self) -> Option<(f64, Accounts, usize)> {
        let (rate, running) = self.load.as_ref()?;
        Some((*rate, books(running), running.in_flight().len()))
    }

    /// Takes back all that is in force, and ends the load.
    ///
    /// # Errors
    /// What could not be taken back, in words.
    pub(super) async fn end(&mut self) -> Result<(), String> {
        let undone = self.undo(Kind::Any, None).await;
        self.stop_load().await;
        undone.map(drop)
    }
}

fn books(running: &Running) -> Accounts {
    let (requests, sent) = running.seen();
    Accounts::of(sent, requests.iter())
}

fn told(accounts: &Accounts) -> String {
    match accounts.conserved() {
        true => accounts.to_string(),
        false => format!("{accounts}; they do not add up"),
    }
}

/// A stop ends by itself; everything else lasts until it is taken back.
fn is_over(one: &InForce) -> bool {
    match one.injected.fault() {
        Fault::Stop {
            for_: Some(time), ..
        } => one.injected.since() >= *time,
        _ => false,
    }
}
