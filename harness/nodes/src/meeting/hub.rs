//! Where the nodes of a run meet: on node 0, for as long as the run lasts.
//!
//! Promise: the run begins when every node is there and no sooner; one that comes twice, too late, with another file, another build or another token is refused, and told why;
//! a node that is lost ends the run on all others, with its cause. Rejected: nodes that find each other by polling a server's health (the end of a run and the
//! loss of a node look the same there).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

use super::message::{Event, Order, Outcome, Relay};
use super::reception;
use super::token::{Token, nonce};

/// Those who may be greeting at the same time: more are no nodes of ours.
pub(super) const STRANGERS: usize = 64;
/// Events that may wait for a conductor.
pub(super) const WAITING: usize = 256;
/// How long the nodes may take to hear of the end before the connections are dropped.
const FAREWELL: Duration = Duration::from_millis(500);

/// Who may join.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// So many nodes.
    pub count: usize,
    /// With this file; `None`: whatever they have.
    pub digest: Option<String>,
    pub version: String,
}

/// A node that has joined.
pub(super) struct Member {
    pub address: String,
    pub orders: mpsc::Sender<Order>,
}

#[derive(Default)]
pub(super) struct State {
    pub members: Vec<Option<Member>>,
    /// All have been there at once.
    pub begun: bool,
    pub over: Option<Outcome>,
    /// Who was refused, and why.
    refused: Vec<String>,
    /// Who hears what the nodes say.
    audience: Option<mpsc::Sender<Event>>,
    /// Counts those who were.
    audiences: u64,
}

pub(super) struct Shared {
    pub token: Token,
    pub expected: Expected,
    tell: Tell,
    pub run: String,
    state: Mutex<State>,
    pub changed: Notify,
}

/// Hears a line for the person at the leader.
pub(crate) type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// The meeting of a run.
#[derive(Clone)]
pub(crate) struct Hub {
    shared: Arc<Shared>,
}

/// What somebody who conducts needs: what the nodes say, and how they are told something.
pub(crate) struct Crew {
    pub events: mpsc::Receiver<Event>,
    pub orders: mpsc::Sender<Relay>,
}

impl Hub {
    /// Opens a meeting on a socket that listens; `tell` hears who was refused.
    pub(crate) fn open(
        listener: TcpListener,
        token: Token,
        expected: Expected,
        tell: Tell,
    ) -> Result<Hub, String> {
        let mut run = nonce()?;
        run.truncate(12);
        let members = (0..expected.count).map(|_| None).collect();
        let shared = Arc::new(Shared {
            token,
            expected,
            tell,
            run,
            state: Mutex::new(State {
                members,
                ..State::default()
            }),
            changed: Notify::new(),
        });
        tokio::spawn(reception::accept(listener, shared.clone()));
        Ok(Hub { shared })
    }

    /// The addresses of all nodes, as soon as all are there.
    ///
    /// # Errors
    /// They are not within the limit, or one of them is lost meanwhile.
    pub(crate) async fn gathered(&self, limit: Duration) -> Result<Vec<String>, String> {
        let wait = async {
            loop {
                let changed = self.shared.changed.notified();
                if let Some(verdict) = self.shared.state().gathered() {
                    return verdict;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(limit, wait).await {
            Ok(verdict) => verdict,
            Err(_) => Err(self.shared.state().missing(limit)),
        }
    }

    /// Takes part as the conductor, from within this process.
    pub(crate) fn crew(&self) -> Result<Crew, String> {
        let (number, events) = self.shared.listen()?;
        let (orders, mut relays) = mpsc::channel::<Relay>(WAITING);
        let shared = self.shared.clone();
        tokio::spawn(async move {
            while let Some(relay) = relays.recv().await {
                shared.relay(relay).await;
            }
            shared.deaf(number).await;
        });
        Ok(Crew { events, orders })
    }

    /// Waits until something ends the run.
    pub(crate) async fn end(&self) -> Outcome {
        loop {
            let changed = self.shared.changed.notified();
            if let Some(outcome) = self.shared.state().over.clone() {
                return outcome;
            }
            changed.await;
        }
    }

    /// Tells all nodes that the run is over, unless it is already, and waits until they have left.
    pub(crate) async fn over(&self, outcome: Outcome, limit: Duration) {
        self.shared.over(outcome).await;
        let left = async {
            loop {
                let changed = self.shared.changed.notified();
                if self.shared.state().members.iter().all(Option::is_none) {
                    return;
                }
                changed.await;
            }
        };
        let _ = tokio::time::timeout(limit, left).await;
    }
}

impl State {
    fn gathered(&self) -> Option<Result<Vec<String>, String>> {
        if let Some(Outcome::Failed { cause }) = &self.over {
            return Some(Err(cause.clone()));
        }
        self.begun.then(|| Ok(self.addresses()))
    }

    pub fn addresses(&self) -> Vec<String> {
        let members = self.members.iter();
        members
            .map(|m| m.as_ref().map_or_else(String::new, |m| m.address.clone()))
            .collect()
    }

    fn missing(&self, limit: Duration) -> String {
        let missing: Vec<String> = self
            .members
            .iter()
            .enumerate()
            .filter(|(_, member)| member.is_none())
            .map(|(index, _)| index.to_string())
            .collect();
        let refused = match &self.refused[..] {
            [] => String::new(),
            some => format!("; refused were: {}", some.join("; ")),
        };
        format!(
            "after {} s {} of {} nodes have not joined (node {}){refused}",
            limit.as_secs_f64(),
            missing.len(),
            self.members.len(),
            missing.join(", node "),
        )
    }

    /// Why this node may not join; `None`: it may.
    pub fn objection(&self, node: usize, count: usize, expected: &Expected) -> Option<String> {
        if count != expected.count {
            return Some(format!(
                "it says that there are {count} nodes, and this run has {}",
                expected.count
            ));
        }
        if node >= expected.count {
            return Some(format!(
                "there is no node {node}: there are nodes 0 to {}",
                expected.count - 1
            ));
        }
        match &self.over {
            Some(Outcome::Finished) => return Some("the run is over: it finished".to_owned()),
            Some(Outcome::Failed { cause }) => {
                return Some(format!("the run is over: it failed: {cause}"));
            }
            None => {}
        }
        if let Some(Some(member)) = self.members.get(node) {
            return Some(format!(
                "node {node} has joined already, from {}: every node has an index of its own",
                member.address
            ));
        }
        self.begun
            .then(|| "the run has begun, and takes no node any more".to_owned())
    }
}

impl Shared {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the conductor, if there is one.
    pub async fn tell(&self, event: Event) {
        let audience = self.state().audience.clone();
        if let Some(audience) = audience {
            // One that does not listen any more has left.
            let _ = audience.send(event).await;
        }
    }

    /// Somebody was refused.
    pub fn refused(&self, who: &str, reason: &str) {
        let line = format!("{who}: {reason}");
        {
            let mut state = self.state();
            // Somebody who tries for hours must not fill the memory.
            if state.refused.len() < STRANGERS {
                state.refused.push(line.clone());
            }
        }
        (self.tell)(&format!("refused {line}"));
    }

    /// A new audience: its number, and what it hears.
    pub fn listen(&self) -> Result<(u64, mpsc::Receiver<Event>), String> {
        let mut state = self.state();
        if state.audience.is_some() {
            return Err("another deployment is being conducted: there is one at a time".to_owned());
        }
        if let Some(Outcome::Failed { cause }) = &state.over {
            return Err(format!("the run is over: it failed: {cause}"));
        }
        let (audience, events) = mpsc::channel(WAITING);
        if state.begun {
            let addresses = state.addresses();
            // The channel is new and has room.
            let _ = audience.try_send(Event::Here { addresses });
        }
        state.audience = Some(audience);
        state.audiences += 1;
        Ok((state.audiences, events))
    }

    /// The conductor has left: what it started is ended.
    pub async fn deaf(&self, number: u64) {
        let orders = {
            let mut state = self.state();
            if state.audiences != number || state.audience.take().is_none() {
                return;
            }
            if state.over.is_some() {
                return;
            }
            state.orders()
        };
        for order in orders {
            let _ = order.send(Order::Reset).await;
        }
    }

    pub async fn relay(&self, relay: Relay) {
        let orders = {
            let state = self.state();
            let member = state.members.get(relay.node).and_then(Option::as_ref);
            member.map(|member| member.orders.clone())
        };
        if let Some(orders) = orders {
            // A node that is lost is told of as such.
            let _ = orders.send(relay.order).await;
        }
    }

    pub async fn over(&self, outcome: Outcome) {
        let orders = {
            let mut state = self.state();
            if state.over.is_some() {
                return;
            }
            state.over = Some(outcome.clone());
            state.orders()
        };
        self.changed.notify_waiters();
        for order in orders {
            // One that is stuck does not keep the others from hearing it.
            let _ = tokio::time::timeout(FAREWELL, order.send(Order::Over(outcome.clone()))).await;
        }
    }
}

impl State {
    fn orders(&self) -> Vec<mpsc::Sender<Order>> {
        let members = self.members.iter().flatten();
        members.map(|member| member.orders.clone()).collect()
    }
}
