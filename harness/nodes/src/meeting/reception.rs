//! The door of a meeting: who comes is asked for the token, his build and his file, and gets his place or a reason.
//!
//! Promise: whoever has no token learns nothing but that; a place is given once; every refusal is told to both sides. Rejected: letting a node come back (its processes are gone, and
//! the others wait for them).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

use super::channel::{self, Channel, Guest, Heard, Line};
use super::hub::{Member, STRANGERS, Shared, WAITING};
use super::message::{Event, Order, Outcome, Relay, Report, Who};

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
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
            shared.refused(&peer.to_string(), &reason);
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
    shared.refused(&who, &reason);
    guest.refuse(reason).await;
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
    let (lost, over) = {
        let mut state = shared.state();
        state.members[node] = None;
        let over = state.over.is_some();
        (!over && state.begun, over)
    };
    shared.changed.notify_waiters();
    if lost {
        let cause = format!("node {node} ({address}) is lost: {why}");
        shared.tell(Event::Lost { node, address, why }).await;
        shared.over(Outcome::Failed { cause }).await;
    } else if over {
        shared.tell(Event::Left { node }).await;
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
