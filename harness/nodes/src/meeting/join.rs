//! The way of an agent to its leader: pods do not start at the same time, and their names are known later still.
//!
//! Promise: it is tried again until the limit, with longer and longer pauses; a refusal is final. Rejected: waiting for the names of all nodes (the leader's is enough: the others come
//! through the channel).

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use super::agent::{AgentEnd, AgentOptions};
use super::channel::{self, Channel, JoinError};
use super::message::{Hello, SCHEMA, Who};
use super::token::nonce;

/// The first pause between two tries to reach the leader; each is half as long again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long one try may take.
const TRY: Duration = Duration::from_secs(5);
/// How long the first packets of one may be on their way.
const AGAIN: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(300)];
/// How long the last one may at least.
const SHORTEST_TRY: Duration = Duration::from_millis(500);

/// Our address, the name of the run and the connection. Reaches the leader and joins, again and again within the limit.
pub(super) async fn join(options: &AgentOptions) -> Result<(IpAddr, String, Channel), AgentEnd> {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let left = options.limit.saturating_sub(began.elapsed());
        let why = match reach(options, left.clamp(SHORTEST_TRY, TRY)).await {
            Err(why) => why,
            Ok((address, stream)) => {
                let hello = Hello {
                    schema: SCHEMA,
                    version: crate::VERSION.to_owned(),
                    who: Who::Agent {
                        node: options.node,
                        count: options.count,
                        address: address.to_string(),
                    },
                    digest: options.digest.clone(),
                    nonce: nonce().map_err(AgentEnd::Broken)?,
                };
                match channel::join(stream, &options.token, hello).await {
                    Ok((run, channel)) => return Ok((address, run, channel)),
                    Err(JoinError::Refused(reason)) => return Err(AgentEnd::Refused(reason)),
                    Err(JoinError::Impostor) => {
                        let reason = "whoever answers there does not have the token".to_owned();
                        return Err(AgentEnd::Refused(reason));
                    }
                    Err(JoinError::Broken(e)) => format!("{}: {e}", options.leader),
                }
            }
        };
        if began.elapsed() + pause >= options.limit {
            let waited = began.elapsed().as_secs();
            return Err(AgentEnd::Unreachable(format!(
                "{why} (tried for {waited} s)\nhelp: the leader is the harness of node 0; it listens there from its start on"
            )));
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// A connection to the leader, and our own address on it. Its name and each of its addresses may take so long.
async fn reach(options: &AgentOptions, within: Duration) -> Result<(IpAddr, TcpStream), String> {
    let name = &options.leader;
    let seconds = within.as_secs_f64();
    let found = match timeout(within, lookup_host(name)).await {
        Ok(found) => {
            found.map_err(|e| format!("the name of the leader, {name}, is not known (DNS): {e}"))?
        }
        Err(_) => {
            return Err(format!(
                "no name server (DNS) has said within {seconds:.1} s which address the leader, {name}, has"
            ));
        }
    };
    let mut why = format!("the leader, {name}, has no address");
    for leader in found {
        match connect_soon(leader, options.address, within).await {
            Some(Ok(stream)) => {
                let own = stream.local_addr().map(|a| a.ip());
                match (options.address, own) {
                    (Some(address), _) | (None, Ok(address)) => return Ok((address, stream)),
                    (None, Err(e)) => why = format!("no own address: {e}"),
                }
            }
            Some(Err(e)) => why = format!("{name} ({leader}): {e}"),
            None => why = format!("{name} ({leader}) does not answer within {seconds:.1} s"),
        }
    }
    Err(why)
}

/// A connection within this time; `None`: nobody answers. Whose first packet is lost, as on a link that has just come up, asks again before the kernel would, which waits for a second.
async fn connect_soon(
    leader: SocketAddr,
    from: Option<IpAddr>,
    within: Duration,
) -> Option<std::io::Result<TcpStream>> {
    let began = Instant::now();
    for limit in AGAIN {
        if let Ok(done) = timeout(limit.min(within), connect(leader, from)).await {
            return Some(done);
        }
    }
    let left = within.saturating_sub(began.elapsed());
    timeout(left, connect(leader, from)).await.ok()
}

async fn connect(leader: SocketAddr, from: Option<IpAddr>) -> std::io::Result<TcpStream> {
    match from {
        Some(from) if from.is_ipv4() == leader.is_ipv4() => {
            let socket = match leader {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            socket.bind((from, 0).into())?;
            socket.connect(leader).await
        }
        _ => TcpStream::connect(leader).await,
    }
}

/// The network interface with this address; nothing where none has it.
pub(super) fn interface_of(address: IpAddr) -> String {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    // That of the machine itself has all of 127.0.0.0/8, and says one.
    let found = interfaces.iter().find(|i| i.ip() == address).or_else(|| {
        interfaces
            .iter()
            .find(|i| i.is_loopback() && address.is_loopback())
    });
    found.map_or_else(String::new, |i| i.name.clone())
}
