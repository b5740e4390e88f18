//! Where the nodes of a run meet: on node 0, for as long as the run lasts.
//!
//! Promise: the run begins when every node is there and no sooner; one that comes twice, too late, with another file, another build or another token is refused, and told why;
//! a node that is lost ends the run on all others, with its cause. Rejected: nodes that find each other by polling a server's health (the end of a run and the
//! loss of a node look the same there).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, mpsc};

use super::channel::{self, Channel, Guest, Heard, JoinError, Line};
use super::message::{Event, Hello, Order, Outcome, Relay, Report, SCHEMA, Who};
use super::token::{Token, nonce};

/// Those who may be greeting at the same time: more are no nodes of ours.
const STRANGERS: usize = 64;
/// Events that may wait for a conductor.
const WAITING: usize = 256;
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
struct Member {
    address: String,
    orders: mpsc::Sender<Order>,
}

#[derive(Default)]
struct State {
    members: Vec<Option<Member>>,
    /// All have been there at once.
    begun: bool,
    over: Option<Outcome>,
    /// Who was refused, and why.
    refused: Vec<String>,
    /// Who hears what the nodes say.
    audience: Option<mpsc::Sender<Event>>,
    /// Counts those who were.
    audiences: u64,
}

struct Shared {
    token: Token,
    expected: Expected,
    run: String,
    state: Mutex<State>,
    changed: Notify,
}

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

/// A conductor that takes part from another process.
pub(crate) struct Attached {
    pub crew: Crew,
    pub addresses: Vec<String>,
}

/// Takes part as the conductor, in a meeting where all nodes are.
pub(crate) async fn attach(stream: TcpStream, token: &Token) -> Result<Attached, String> {
    let hello = Hello {
        schema: SCHEMA,
        version: crate::VERSION.to_owned(),
        who: Who::Conductor,
        digest: None,
        nonce: nonce()?,
    };
    let joined = channel::join(stream, token, hello).await;
    let (_, channel) = joined.map_err(|error| match error {
        JoinError::Refused(reason) => reason,
        JoinError::Impostor => "whoever answers there does not have the token".to_owned(),
        JoinError::Broken(e) => format!("the meeting of the nodes does not answer: {e}"),
    })?;
    let mut line: Line<Event, Relay> = channel.open();
    let (heard, events) = mpsc::channel(WAITING);
    let orders = line.outgoing;
    let Some(Heard::Said(Event::Here { addresses })) = line.incoming.recv().await else {
        return Err("the meeting of the nodes is over, or not complete".to_owned());
    };
    tokio::spawn(async move {
        while let Some(Heard::Said(event)) = line.incoming.recv().await {
            if heard.send(event).await.is_err() {
                return;
            }
        }
    });
    Ok(Attached {
        crew: Crew { events, orders },
        addresses,
    })
}

impl Hub {
    /// Opens a meeting on a socket that listens.
    pub(crate) fn open(
        listener: TcpListener,
        token: Token,
        expected: Expected,
    ) -> Result<Hub, String> {
        let mut run = nonce()?;
        run.truncate(12);
        let members = (0..expected.count).map(|_| None).collect();
        let shared = Arc::new(Shared {
            token,
            expected,
            run,
            state: Mutex::new(State {
                members,
                ..State::default()
            }),
            changed: Notify::new(),
        });
        tokio::spawn(accept(listener, shared.clone()));
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

    /// Why the run is over, if it is.
    pub(crate) fn ended(&self) -> Option<Outcome> {
        self.shared.state().over.clone()
    }

    /// Waits until something ends the run.
    pub(crate) async fn end(&self) -> Outcome {
        loop {
            let changed = self.shared.changed.notified();
            if let Some(outcome) = self.ended() {
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

    fn addresses(&self) -> Vec<String> {
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
    fn objection(&self, node: usize, count: usize, expected: &Expected) -> Option<String> {
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
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the conductor, if there is one.
    async fn tell(&self, event: Event) {
        let audience = self.state().audience.clone();
        if let Some(audience) = audience {
            // One that does not listen any more has left.
            let _ = audience.send(event).await;
        }
    }

    /// A new audience: its number, and what it hears.
    fn listen(&self) -> Result<(u64, mpsc::Receiver<Event>), String> {
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
    async fn deaf(&self, number: u64) {
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

    async fn relay(&self, relay: Relay) {
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

    async fn over(&self, outcome: Outcome) {
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

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let strangers = Arc::new(Semaphore::new(STRANGERS));
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of descriptors: some come back.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = strangers.clone().acquire_owned().await else {
            return;
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            let guest = introduce(&shared, stream, peer).await;
            drop(place);
            if let Some(guest) = guest {
                receive(&shared, guest, peer).await;
            }
        });
    }
}

/// Somebody with the token, this build and this file.
async fn introduce(shared: &Shared, stream: TcpStream, peer: SocketAddr) -> Option<Guest> {
    let guest = match channel::greet(stream, &shared.token).await {
        Ok(Ok(guest)) => guest,
        Ok(Err(reason)) => {
            refused(shared, peer.to_string(), reason).await;
            return None;
        }
        // Port scanners and health checks come and go.
        Err(_) => return None,
    };
    let expected = &shared.expected;
    let hello = &guest.hello;
    let reason = match (&expected.digest, &hello.digest) {
        _ if hello.version != expected.version => format!(
            "its harness is version {}, and the leader's {}: every node needs the same build",
            hello.version, expected.version
        ),
        (Some(ours), Some(theirs)) if ours != theirs => {
            "its nodes file is not that of the leader: every node needs the same one".to_owned()
        }
        _ => return Some(guest),
    };
    turn_away(shared, guest, peer, reason).await;
    None
}

async fn turn_away(shared: &Shared, guest: Guest, peer: SocketAddr, reason: String) {
    let who = match &guest.hello.who {
        Who::Agent { node, .. } => format!("node {node} ({peer})"),
        Who::Conductor => format!("a conductor ({peer})"),
    };
    guest.refuse(reason.clone()).await;
    refused(shared, who, reason).await;
}

async fn refused(shared: &Shared, who: String, reason: String) {
    {
        let mut state = shared.state();
        // Somebody who tries for hours must not fill the memory.
        if state.refused.len() < STRANGERS {
            state.refused.push(format!("{who}: {reason}"));
        }
    }
    shared.tell(Event::Refused { who, reason }).await;
}

async fn receive(shared: &Arc<Shared>, guest: Guest, peer: SocketAddr) {
    match guest.hello.who.clone() {
        Who::Conductor => match shared.listen() {
            Ok((number, events)) => {
                if let Ok(channel) = guest.welcome(&shared.token, &shared.run).await {
                    conduct(shared, channel, events).await;
                }
                shared.deaf(number).await;
            }
            Err(reason) => turn_away(shared, guest, peer, reason).await,
        },
        Who::Agent {
            node,
            count,
            address,
        } => {
            let (orders, to_send) = mpsc::channel(WAITING);
            let objection = {
                let mut state = shared.state();
                let objection = state.objection(node, count, &shared.expected);
                if objection.is_none() {
                    // The place is taken before the welcome is sent, so that it is given once.
                    state.members[node] = Some(Member {
                        address: address.clone(),
                        orders,
                    });
                }
                objection
            };
            if let Some(reason) = objection {
                return turn_away(shared, guest, peer, reason).await;
            }
            let why = match guest.welcome(&shared.token, &shared.run).await {
                Ok(channel) => attend(shared, node, channel, to_send).await,
                Err(error) => format!("it did not hear that it may join: {error}"),
            };
            leave(shared, node, address, why).await;
        }
    }
}

/// Takes part in the meeting for a node; the reason for which that ended.
async fn attend(
    shared: &Shared,
    node: usize,
    channel: Channel,
    mut to_send: mpsc::Receiver<Order>,
) -> String {
    let mut line: Line<Report, Order> = channel.open();
    let here = {
        let mut state = shared.state();
        let all = !state.begun && state.members.iter().all(Option::is_some);
        state.begun |= all;
        all.then(|| state.addresses())
    };
    if let Some(addresses) = here {
        shared.changed.notify_waiters();
        shared.tell(Event::Here { addresses }).await;
    }
    loop {
        tokio::select! {
            heard = line.incoming.recv() => match heard {
                Some(Heard::Said(Report::Leaving { reason })) => return reason,
                Some(Heard::Said(report)) => shared.tell(Event::Report { node, report }).await,
                Some(Heard::Gone(why)) => return why,
                None => return "its connection was closed".to_owned(),
            },
            order = to_send.recv() => if let Some(order) = order {
                // If it is gone, the other arm says so.
                let _ = line.outgoing.send(order).await;
            },
        }
    }
}

async fn leave(shared: &Shared, node: usize, address: String, why: String) {
    let lost = {
        let mut state = shared.state();
        state.members[node] = None;
        state.over.is_none() && state.begun
    };
    shared.changed.notify_waiters();
    if lost {
        let cause = format!("node {node} ({address}) is lost: {why}");
        shared.tell(Event::Lost { node, address, why }).await;
        shared.over(Outcome::Failed { cause }).await;
    }
}

/// Relays between a conductor and the nodes until it leaves.
async fn conduct(shared: &Shared, channel: Channel, mut events: mpsc::Receiver<Event>) {
    let mut line: Line<Relay, Event> = channel.open();
    loop {
        tokio::select! {
            heard = line.incoming.recv() => match heard {
                Some(Heard::Said(relay)) => shared.relay(relay).await,
                Some(Heard::Gone(_)) | None => return,
            },
            event = events.recv() => match event {
                Some(event) => if line.outgoing.send(event).await.is_err() {
                    return;
                },
                None => return,
            },
        }
    }
}
