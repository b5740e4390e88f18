//! A client that reads so slowly that its server has to wait.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{ClientFaultError, Exchange, Progress, RawRequest};

/// The receive buffer that is asked for; the system may give more.
const RECEIVE_BUFFER: u32 = 2048;

/// A client that reads so many bytes at a time, and not more often than so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowReader {
    bytes: usize,
    every: Duration,
}

/// What it had seen in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowRead {
    /// What had come of the response.
    pub seen: Progress,
    /// The whole response came.
    pub whole: bool,
    /// The most bytes that were seen waiting in the server's send buffer: the proof that it was held up. `None` where that cannot be seen: another system than Linux, a
    /// server that is not in this network namespace.
    pub held_back: Option<u64>,
    /// How long it read.
    pub after: Duration,
}

impl SlowReader {
    /// Reads `bytes` at a time, at least one, every `every`.
    pub fn new(bytes: usize, every: Duration) -> Self {
        Self {
            bytes: bytes.max(1),
            every,
        }
    }

    /// Sends the request and reads its response slowly, to its end or until `until` is over; then it closes.
    pub async fn run(
        &self,
        server: SocketAddr,
        request: &RawRequest,
        until: impl Future<Output = ()>,
    ) -> Result<SlowRead, ClientFaultError> {
        let began = Instant::now();
        let mut exchange = Exchange::open(server, Some(RECEIVE_BUFFER)).await?;
        exchange.send(&request.bytes(&server.to_string())).await?;
        let client = exchange.stream.local_addr().map(|a| a.port()).unwrap_or(0);
        let (mut held_back, mut whole) = (None, false);
        let mut buffer = vec![0; self.bytes];
        tokio::pin!(until);
        loop {
            let turn = async {
                tokio::time::sleep(self.every).await;
                exchange.read(&mut buffer).await
            };
            let read = tokio::select! {
                biased;
                () = &mut until => break,
                read = turn => read,
            };
            held_back = held_back.max(send_queue(server.port(), client));
            match read {
                Ok(Some(_)) if !exchange.answered() => {}
                outcome => {
                    whole = exchange.answered()
                        || outcome.is_ok_and(|n| n.is_none()) && exchange.wire.until_close();
                    break;
                }
            }
        }
        Ok(SlowRead {
            seen: exchange.seen,
            whole,
            held_back,
            after: began.elapsed(),
        })
    }
}

/// How many bytes the socket with these ports has sent or wants to send without them being acknowledged.
fn send_queue(local: u16, remote: u16) -> Option<u64> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    tables
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .find_map(|table| queue_in(&table, local, remote))
}

/// The same in the text of one table.
fn queue_in(table: &str, local: u16, remote: u16) -> Option<u64> {
    let port = |address: &str| u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok();
    table.lines().skip(1).find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (ours, theirs, _state, queues) =
            (words.next()?, words.next()?, words.next()?, words.next()?);
        let meant = port(ours)? == local && port(theirs)? == remote;
        let waiting = u64::from_str_radix(queues.split_once(':')?.0, 16).ok()?;
        meant.then_some(waiting)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_that_of_the_servers_socket() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr\n\
            \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:0\n\
            \x20  1: 0100007F:C350 0100007F:1F90 01 00000000:00000FFF 00:0\n\
            \x20  2: 0100007F:1F90 0100007F:C350 01 00010000:00000000 01:0\n";
        assert_eq!(queue_in(table, 8080, 50_000), Some(65_536));
        assert_eq!(queue_in(table, 50_000, 8080), Some(0));
        assert_eq!(queue_in(table, 8080, 50_001), None);
        assert_eq!(queue_in("", 1, 2), None);
    }
}
