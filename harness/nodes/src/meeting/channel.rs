//! One connection between two nodes: the greeting with its proofs, then sealed messages both ways, and a beat where there is nothing to say.
//!
//! Promise: every wait has a limit; a side that falls silent is told from one that ends; whoever is stopped himself does not blame the other side for it (silence
//! is counted in ticks of the own clock that passed with nothing heard, not in time). Rejected: keep-alive of TCP (it is tuned by the machine, in hours).

use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::frame::{self, LARGEST, LARGEST_STRANGER, Seal};
use super::message::{Answer, Challenge, Hello, Proof, SCHEMA};
use super::token::{Token, nonce};

/// How often a side that has nothing to say says so.
pub(crate) const BEAT: Duration = Duration::from_millis(250);
/// After so many ticks of silence the other side is lost.
const SILENT: u32 = 8;
/// How long a greeting may take.
const GREETING: Duration = Duration::from_secs(5);
/// Messages that may wait to be sent.
const WAITING: usize = 64;

/// The end of a connection that takes messages in.
pub(crate) struct Incoming {
    half: OwnedReadHalf,
    arrived: Vec<u8>,
    seal: Option<Seal>,
}

/// The other end.
pub(crate) struct Outgoing {
    half: OwnedWriteHalf,
    seal: Option<Seal>,
}

impl Incoming {
    /// The next message; `None`: the other side has closed the connection. Whoever stops waiting loses nothing.
    async fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let most = if self.seal.is_some() {
            LARGEST
        } else {
            LARGEST_STRANGER
        };
        loop {
            let frame = frame::take(&mut self.arrived, most, self.seal.as_mut())
                .map_err(io::Error::other)?;
            if let Some(frame) = frame {
                return serde_json::from_slice(&frame)
                    .map(Some)
                    .map_err(|e| io::Error::other(format!("a message cannot be read: {e}")));
            }
            if self.half.read_buf(&mut self.arrived).await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn must<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        self.next().await?.ok_or_else(|| {
            io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")
        })
    }
}

impl Outgoing {
    async fn send<T: Serialize>(&mut self, message: &T) -> io::Result<()> {
        let message = serde_json::to_vec(message).map_err(io::Error::other)?;
        let frame = frame::encode(&message, self.seal.as_mut()).map_err(io::Error::other)?;
        self.half.write_all(&frame).await
    }
}

/// A connection whose two sides know each other.
pub(crate) struct Channel {
    incoming: Incoming,
    outgoing: Outgoing,
}

/// Why somebody could not join.
#[derive(Debug)]
pub(crate) enum JoinError {
    /// The leader says no; it will say so again.
    Refused(String),
    /// The leader did not prove that it has the token.
    Impostor,
    /// The connection did not hold.
    Broken(io::Error),
}

impl From<io::Error> for JoinError {
    fn from(error: io::Error) -> Self {
        JoinError::Broken(error)
    }
}

fn halves(stream: TcpStream) -> (Incoming, Outgoing) {
    // Messages are small, and each is waited for.
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let incoming = Incoming {
        half: read,
        arrived: Vec::new(),
        seal: None,
    };
    (
        incoming,
        Outgoing {
            half: write,
            seal: None,
        },
    )
}

const JOINER: &str = "tribunal joiner 1";
const LEADER: &str = "tribunal leader 1";
const FROM_JOINER: &str = "tribunal from joiner 1";
const FROM_LEADER: &str = "tribunal from leader 1";

/// Joins at a leader: the name of the run, and the connection.
pub(crate) async fn join(
    stream: TcpStream,
    token: &Token,
    hello: Hello,
) -> Result<(String, Channel), JoinError> {
    let greeting = async {
        let (mut incoming, mut outgoing) = halves(stream);
        let said = serde_json::to_string(&hello).map_err(io::Error::other)?;
        outgoing.send(&hello).await?;
        let challenge: Challenge = incoming.must().await?;
        let parts = [said.as_str(), challenge.nonce.as_str()];
        let proof = token.proof(JOINER, &parts);
        outgoing.send(&Proof { proof }).await?;
        match incoming.must::<Answer>().await? {
            Answer::Refused { reason } => Err(JoinError::Refused(reason)),
            Answer::Welcome { run, proof } => {
                if !token.proves(LEADER, &[parts[0], parts[1], &run], &proof) {
                    return Err(JoinError::Impostor);
                }
                incoming.seal = Some(Seal::new(token.key(FROM_LEADER, &parts)));
                outgoing.seal = Some(Seal::new(token.key(FROM_JOINER, &parts)));
                Ok((run, Channel { incoming, outgoing }))
            }
        }
    };
    timeout(GREETING, greeting)
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the leader does not answer"))?
}

/// Somebody who has proven that he has the token, and waits to be let in.
pub(crate) struct Guest {
    pub hello: Hello,
    said: String,
    nonce: String,
    incoming: Incoming,
    outgoing: Outgoing,
}

/// Takes the greeting of whoever has connected. `Ok(Err(reason))`: he was refused.
pub(crate) async fn greet(stream: TcpStream, token: &Token) -> io::Result<Result<Guest, String>> {
    let greeting = async {
        let (mut incoming, mut outgoing) = halves(stream);
        let hello: Hello = incoming.must().await?;
        if hello.schema != SCHEMA {
            // Its proof would be of things that are not understood here.
            let reason = format!(
                "its harness speaks version {} of this protocol, and the leader's {SCHEMA}: every node needs the same build",
                hello.schema
            );
            let answer = Answer::Refused {
                reason: reason.clone(),
            };
            outgoing.send(&answer).await?;
            return Ok(Err(reason));
        }
        // What was understood is what is proven.
        let said = serde_json::to_string(&hello).map_err(io::Error::other)?;
        let nonce = nonce().map_err(io::Error::other)?;
        let challenge = Challenge {
            nonce: nonce.clone(),
        };
        outgoing.send(&challenge).await?;
        let proof: Proof = incoming.must().await?;
        if !token.proves(JOINER, &[&said, &nonce], &proof.proof) {
            let reason = "its token is not that of this run".to_owned();
            let answer = Answer::Refused {
                reason: reason.clone(),
            };
            outgoing.send(&answer).await?;
            return Ok(Err(reason));
        }
        Ok(Ok(Guest {
            hello,
            said,
            nonce,
            incoming,
            outgoing,
        }))
    };
    timeout(GREETING, greeting)
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "it does not finish its greeting"))?
}

impl Guest {
    /// Turns him away.
    pub(crate) async fn refuse(mut self, reason: String) {
        // Who does not listen has left.
        let _ = timeout(GREETING, self.outgoing.send(&Answer::Refused { reason })).await;
    }

    /// Lets him in.
    pub(crate) async fn welcome(mut self, token: &Token, run: &str) -> io::Result<Channel> {
        let parts = [self.said.as_str(), self.nonce.as_str()];
        let answer = Answer::Welcome {
            run: run.to_owned(),
            proof: token.proof(LEADER, &[parts[0], parts[1], run]),
        };
        timeout(GREETING, self.outgoing.send(&answer))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "it does not listen"))??;
        self.incoming.seal = Some(Seal::new(token.key(FROM_JOINER, &parts)));
        self.outgoing.seal = Some(Seal::new(token.key(FROM_LEADER, &parts)));
        Ok(Channel {
            incoming: self.incoming,
            outgoing: self.outgoing,
        })
    }
}

/// What goes over a connection after the greeting.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wire<T> {
    Beat,
    Said(T),
}

/// What is heard on a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard<I> {
    Said(I),
    /// Nothing more will be heard, and why.
    Gone(String),
}

/// A connection with two tasks behind it: one speaks, one listens.
pub(crate) struct Line<I, O> {
    pub incoming: mpsc::Receiver<Heard<I>>,
    pub outgoing: mpsc::Sender<O>,
    speaking: JoinHandle<()>,
}

impl<I, O> Line<I, O> {
    /// Waits until everything is on its way, and closes.
    pub(crate) async fn finish(self, limit: Duration) {
        drop(self.outgoing);
        // A side that does not listen any more hears nothing.
        let _ = timeout(limit, self.speaking).await;
    }
}

impl Channel {
    /// Starts to beat and to listen.
    pub(crate) fn open<I, O>(self) -> Line<I, O>
    where
        I: DeserializeOwned + Send + 'static,
        O: Serialize + Send + Sync + 'static,
    {
        let (said, to_send) = mpsc::channel::<O>(WAITING);
        let (heard, incoming) = mpsc::channel(WAITING);
        let speaking = tokio::spawn(speak(self.outgoing, to_send));
        let mute = speaking.abort_handle();
        tokio::spawn(async move {
            let why = listen(self.incoming, &heard).await;
            // A writer that waits for a side that is gone would wait for ever, and whoever speaks with it.
            mute.abort();
            let _ = heard.send(Heard::Gone(why)).await;
        });
        Line {
            incoming,
            outgoing: said,
            speaking,
        }
    }
}

async fn speak<O: Serialize>(mut outgoing: Outgoing, mut to_send: mpsc::Receiver<O>) {
    loop {
        let sent = match timeout(BEAT, to_send.recv()).await {
            Err(_) => outgoing.send(&Wire::<()>::Beat).await,
            Ok(Some(message)) => outgoing.send(&Wire::Said(message)).await,
            // Everything is said: the other side sees the end of the stream.
            Ok(None) => break,
        };
        if sent.is_err() {
            return;
        }
    }
    let _ = outgoing.half.shutdown().await;
}

async fn listen<I: DeserializeOwned>(
    mut incoming: Incoming,
    heard: &mpsc::Sender<Heard<I>>,
) -> String {
    let mut silent = 0;
    loop {
        match timeout(BEAT, incoming.next::<Wire<I>>()).await {
            Err(_) if silent + 1 < SILENT => silent += 1,
            Err(_) => {
                let silence = BEAT * SILENT;
                return format!(
                    "nothing was heard of it for {:.1} s: it is stopped, or the network between is cut",
                    silence.as_secs_f64()
                );
            }
            Ok(Ok(Some(message))) => {
                silent = 0;
                if let Wire::Said(message) = message
                    && heard.send(Heard::Said(message)).await.is_err()
                {
                    return "nobody listens any more".to_owned();
                }
            }
            Ok(Ok(None)) => return "its connection was closed: its process has ended".to_owned(),
            Ok(Err(error)) => return format!("its connection broke: {error}"),
        }
    }
}
