//! Looks at the health route and at the metrics, again and again, while something else happens.
//!
//! Promise: a look at the health route begins every eight milliseconds unless the one before it still waits, so that with its own time what it says is
//! known to about ten; looks alike are one entry, so that a minute of them is a few lines. Rejected: a look every half second, as is usual: half a second is
//! then the error of every time that is measured with it.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tribunal_client::{Client, ClientError, Failure, Timeouts};
use tribunal_serving::Server;

use crate::backstage::Backstage;
use crate::gauges::Reading;
use crate::observed::{Known, Look, Said};
use crate::timeline::Timeline;

/// From the beginning of one look at the health route to the beginning of the next.
pub const LOOK_EVERY: Duration = Duration::from_millis(8);
/// How long a look may wait.
const SILENT_AFTER: Duration = Duration::from_secs(1);
/// Between two readings of the metrics.
const READ_EVERY: Duration = Duration::from_millis(50);
/// How long a reading may take; a server that hangs gives none.
const READ_LIMIT: Duration = Duration::from_secs(2);
/// Readings that are kept: an hour of them.
const MOST_READINGS: usize = 72_000;

/// Looks that are being taken. Dropped, no more are.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    _backstage: Backstage,
}

#[derive(Debug)]
struct Shared {
    timeline: Timeline,
    server: Option<Server>,
    looks: Mutex<Vec<Look>>,
    root_ended: Mutex<Option<Duration>>,
    readings: Mutex<Vec<Reading>>,
    trouble: Mutex<Option<String>>,
    resident: Mutex<Vec<(Duration, u64)>>,
}

impl Watch {
    /// Begins to look at the health route at `path` and at the metrics; and whether the server's own process lives, where it is ours.
    ///
    /// # Errors
    /// In words: where no threads or no client can be made.
    pub fn start(
        client: &Client,
        path: &str,
        server: Option<&Server>,
        timeline: &Timeline,
    ) -> Result<Self, String> {
        let within = |total| {
            let limits = Timeouts {
                connect: total,
                idle: total,
                total,
            };
            let client = client.clone().without_transcript().with_timeouts(limits);
            client.map_err(|error| error.to_string())
        };
        let shared = Arc::new(Shared {
            timeline: timeline.clone(),
            server: server.cloned(),
            looks: Mutex::default(),
            root_ended: Mutex::default(),
            readings: Mutex::default(),
            trouble: Mutex::default(),
            resident: Mutex::default(),
        });
        let backstage = Backstage::new()?;
        let (looker, reader) = (within(SILENT_AFTER)?, within(READ_LIMIT)?);
        let (for_looks, path) = (shared.clone(), path.to_owned());
        backstage.spawn(async move { for_looks.look(&looker, &path).await });
        let for_readings = shared.clone();
        backstage.spawn(async move { for_readings.read(&reader).await });
        Ok(Self {
            shared,
            _backstage: backstage,
        })
    }

    /// Everything that the health route has said.
    pub fn looks(&self) -> Vec<Look> {
        lock(&self.shared.looks).clone()
    }

    /// Everything that the metrics have said; or why they say nothing.
    pub fn readings(&self) -> Known<Vec<Reading>> {
        let readings = lock(&self.shared.readings).clone();
        match (readings.is_empty(), lock(&self.shared.trouble).clone()) {
            (true, Some(why)) => Err(why),
            (true, None) => Err("the metrics were never read".into()),
            (false, _) => Ok(readings),
        }
    }

    /// Whether it is known that the metrics cannot be read.
    pub(crate) fn has_no_metrics(&self) -> bool {
        lock(&self.shared.trouble).is_some()
    }

    /// What the server's processes held in memory.
    pub fn resident(&self) -> Known<Vec<(Duration, u64)>> {
        let read = lock(&self.shared.resident).clone();
        match (read.is_empty(), &self.shared.server) {
            (false, _) => Ok(read),
            (true, Some(server)) if server.pid().is_some() => {
                Err("the memory of its processes could not be read".into())
            }
            (true, _) => Err("the server's processes are not ours to look at".into()),
        }
    }

    /// When the server's own process had ended; `None`: it lives.
    pub fn root_ended(&self) -> Known<Option<Duration>> {
        match &self.shared.server {
            Some(server) if server.pid().is_some() => Ok(*lock(&self.shared.root_ended)),
            _ => Err("the server's process is not ours to watch".into()),
        }
    }

    /// Waits until there is a look that fits, at most this long.
    pub async fn until(&self, within: Duration, fits: impl Fn(&Look) -> bool) -> Option<Look> {
        let deadline = Instant::now() + within;
        loop {
            let last = lock(&self.shared.looks).last().cloned();
            if let Some(look) = last.filter(&fits) {
                return Some(look);
            }
            if Instant::now() >= deadline {
                return None;
            }
            sleep(LOOK_EVERY / 2).await;
        }
    }
}

impl Shared {
    async fn look(&self, client: &Client, path: &str) {
        loop {
            let begin = Instant::now();
            let said = said(client.get(path).await.map(|answer| answer.status));
            self.take(self.timeline.since_start(), said);
            if let Some(server) = &self.server
                // Not whether all its parts live: that a worker of a router died is no end of the router.
                && server.exit_status().is_some()
            {
                lock(&self.root_ended).get_or_insert(self.timeline.since_start());
            }
            sleep_until(begin + LOOK_EVERY).await;
        }
    }

    fn take(&self, at: Duration, said: Said) {
        let mut looks = lock(&self.looks);
        match looks.last_mut() {
            Some(last) if last.said == said => {
                last.to = at;
                last.looks += 1;
            }
            _ => looks.push(Look {
                from: at,
                to: at,
                looks: 1,
                said,
            }),
        }
    }

    async fn read(&self, client: &Client) {
        loop {
            if let Some(bytes) = self.server.as_ref().and_then(resident) {
                let at = self.timeline.since_start();
                let mut held = lock(&self.resident);
                if held.len() < MOST_READINGS {
                    held.push((at, bytes));
                }
            }
            let page = client.metrics().await;
            let at = self.timeline.since_start();
            let reading = page
                .map_err(|error| {
                    let text = error.to_string();
                    text.lines().next().unwrap_or_default().to_owned()
                })
                .and_then(|page| Reading::of_page(at, &page));
            match reading {
                Ok(reading) => {
                    let mut readings = lock(&self.readings);
                    if readings.len() < MOST_READINGS {
                        readings.push(reading);
                    }
                }
                Err(why) => drop(lock(&self.trouble).get_or_insert(why)),
            }
            sleep(READ_EVERY).await;
        }
    }
}

/// What a look says.
pub(crate) fn said(answer: Result<u16, ClientError>) -> Said {
    let error = match answer {
        Ok(status) => return Said::Status(status),
        Err(error) => error,
    };
    match error.failure() {
        Failure::Refused => Said::Refused,
        Failure::Closed | Failure::Truncated => Said::Closed,
        Failure::TimedOut { .. } => Said::Silent,
        // A reset while the connection is being opened, as a dying process leaves it.
        _ if crate::ending::is_reset(&error as &(dyn Error + 'static)) => Said::Closed,
        _ => {
            let text = error.to_string();
            Said::Other(crate::seen::short(text.lines().next().unwrap_or_default()))
        }
    }
}

/// What all processes of a server hold, shared pages once for each; `None` where nothing can be read.
#[cfg(not(target_os = "linux"))]
fn resident(_: &Server) -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
fn resident(server: &Server) -> Option<u64> {
    let pages = server.processes().into_iter().filter_map(|process| {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", process.pid)).ok()?;
        statm.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    let page = rustix::param::page_size() as u64;
    pages
        .reduce(u64::saturating_add)
        .map(|sum| sum.saturating_mul(page))
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
