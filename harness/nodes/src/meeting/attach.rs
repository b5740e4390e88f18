//! A conductor's way into a meeting that is held by another process of the same machine.

use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::channel::{self, Heard, JoinError, Line};
use super::hub::{Crew, WAITING};
use super::message::{Event, Hello, Relay, SCHEMA, Who};
use super::token::{Token, nonce};

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
