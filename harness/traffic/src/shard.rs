//! One thread that sends: a runtime of its own, connections of its own.
//!
//! Promise: requests of a shard never wait for another thread but for a place among those that may be under way, and for their source. Rejected:
//! one runtime with several workers (a task that is stolen meets a cold cache, and its events wait for the theft).

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use tokio::sync::{Barrier, Mutex as Turnstile, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::client_cost::Tally;
use crate::clock::Clock;
use crate::connection::Connection;
use crate::conversation::{Place, converse, none_sent};
use crate::exchange::exchange;
use crate::feeder::{Ask, Job};
use crate::load::{Arrivals, Load};
use crate::record::{Outcome, Record};
use crate::reuse::Reuse;
use crate::schedule;
use crate::stop::Stop;
use crate::target::Address;
use crate::timer::Timer;

type Jobs = Arc<Turnstile<mpsc::Receiver<Job>>>;

/// What all shards share.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) address: Arc<Address>,
    pub(crate) load: Arc<Load>,
    pub(crate) clock: Clock,
    pub(crate) stop: Stop,
    pub(crate) warmups: Jobs,
    pub(crate) jobs: Jobs,
    pub(crate) asks: mpsc::UnboundedSender<Ask>,
    pub(crate) records: mpsc::Sender<Record>,
    /// Places among those that may be under way, in an open loop with a limit.
    pub(crate) places: Option<Arc<Semaphore>>,
    /// Where shards wait for each other between warm-ups and run.
    pub(crate) barrier: Arc<Barrier>,
}

/// What a shard did.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) tally: Tally,
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    pub(crate) warmups_failed: u32,
    /// When the run began, by the clock on the wall.
    pub(crate) began: Option<SystemTime>,
}

#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) address: Arc<Address>,
    pub(crate) load: Arc<Load>,
    pub(crate) clock: Clock,
    pub(crate) stop: Stop,
    asks: mpsc::UnboundedSender<Ask>,
    records: mpsc::Sender<Record>,
    pool: Mutex<Vec<Connection>>,
    pub(crate) reuse: Reuse,
    tally: Mutex<Tally>,
}

/// Held by every task of a shard: none is left once nobody holds it.
type Busy = mpsc::Sender<()>;

/// Sends this shard's part of the load. `index` of `count` shards.
pub(crate) async fn run(common: Common, index: u32, count: u32) -> Report {
    let (busy, mut idle) = mpsc::channel::<()>(1);
    let shard = Arc::new(Shard {
        address: common.address,
        load: common.load,
        clock: common.clock,
        stop: common.stop,
        asks: common.asks,
        records: common.records,
        pool: Mutex::default(),
        reuse: Reuse::default(),
        tally: Mutex::default(),
    });
    let warmups_failed = warm(&shard, &common.warmups, index, count).await;
    if meet(&shard, &common.barrier).await {
        shard.clock.begin();
    }
    meet(&shard, &common.barrier).await;
    *shard.tally() = Tally::default();
    let began = SystemTime::now();
    let (cpu, wall) = (thread_cpu(), std::time::Instant::now());
    match (&shard.load.arrivals, shard.load.concurrency) {
        (Arrivals::AtOnce, Some(places)) => {
            for _ in (index..places).step_by(count.max(1) as usize) {
                tokio::spawn(work(shard.clone(), common.jobs.clone(), busy.clone()));
            }
        }
        _ => dispatch(&shard, &common.jobs, common.places.as_ref(), &busy).await,
    }
    drop(busy);
    // Nothing is ever sent: this is the end of the last task.
    let _ = idle.recv().await;
    let tally = shard.tally().clone();
    Report {
        tally,
        began: Some(began),
        cpu: thread_cpu().saturating_sub(cpu),
        wall: wall.elapsed(),
        warmups_failed,
    }
}

/// Waits for the other shards; whether this one is their first. A shard that could not be started must not hold up the others for ever.
async fn meet(shard: &Shard, barrier: &Barrier) -> bool {
    tokio::select! {
        met = barrier.wait() => met.is_leader(),
        () = shard.stop.aborted() => false,
    }
}

/// The warm-ups: as many at once as are allowed, else one after the other.
async fn warm(shard: &Arc<Shard>, jobs: &Jobs, index: u32, count: u32) -> u32 {
    let places = shard.load.concurrency.unwrap_or(1).min(shard.load.warmups);
    let mut tasks = Vec::new();
    for _ in (index..places).step_by(count.max(1) as usize) {
        let (shard, jobs) = (shard.clone(), jobs.clone());
        tasks.push(tokio::spawn(async move {
            let mut failed = 0;
            while let Some(job) = take(&jobs).await {
                let mut record = Record::new(schedule::WARM_UP, shard.clock.now());
                exchange(&shard, &job.first, false, &mut record, &mut 0).await;
                failed += u32::from(!matches!(record.outcome, Outcome::Ok | Outcome::Cancelled));
            }
            failed
        }));
    }
    let mut failed = 0;
    for task in tasks {
        failed += task.await.unwrap_or(1);
    }
    failed
}

async fn take(jobs: &Jobs) -> Option<Job> {
    jobs.lock().await.recv().await
}

/// A place of the closed loop: one conversation after the other.
async fn work(shard: Arc<Shard>, jobs: Jobs, busy: Busy) {
    let end = schedule::end(&shard.load).unwrap_or(u64::MAX);
    let mut free = 0;
    let mut first = true;
    loop {
        let job = tokio::select! {
            biased;
            () = shard.stop.stopped() => break,
            job = take(&jobs) => job,
        };
        let Some(mut job) = job else { break };
        if shard.clock.now() >= end {
            break;
        }
        job.room = None;
        let place = Place {
            scheduled: free,
            slot: Some(free),
            judged: !std::mem::take(&mut first),
        };
        free = converse(&shard, job, place).await;
    }
    drop(busy);
}

/// The open loop: each conversation at its time, whatever became of those before.
async fn dispatch(shard: &Arc<Shard>, jobs: &Jobs, places: Option<&Arc<Semaphore>>, busy: &Busy) {
    let mut timer = Timer::new().ok();
    let timed = !matches!(shard.load.arrivals, Arrivals::AtOnce);
    loop {
        let job = tokio::select! {
            biased;
            () = shard.stop.stopped() => return,
            job = take(jobs) => job,
        };
        let Some(mut job) = job else { return };
        let wait = job.scheduled.saturating_sub(shard.clock.now());
        if wait > 0 {
            let sleep = async {
                match &mut timer {
                    Some(timer) => timer.sleep(wait).await,
                    None => tokio::time::sleep(Duration::from_nanos(wait)).await,
                }
            };
            tokio::select! {
                biased;
                () = shard.stop.stopped() => return,
                () = sleep => {}
            }
        }
        job.room = None;
        let (shard, places, busy) = (shard.clone(), places.cloned(), busy.clone());
        tokio::spawn(async move {
            let _busy = busy;
            let held = match places {
                None => None,
                Some(places) => match shard.place(places).await {
                    Some(held) => Some(held),
                    None => {
                        none_sent(&shard, job).await;
                        return;
                    }
                },
            };
            let place = Place {
                scheduled: job.scheduled,
                slot: held.as_ref().map(|_| shard.clock.now()),
                judged: timed,
            };
            converse(&shard, job, place).await;
            drop(held);
        });
    }
}

impl Shard {
    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn pool(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.pool
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A connection that rests and can still be used: the one that was used last.
    pub(crate) fn resting(&self) -> Option<Connection> {
        loop {
            let mut connection = self.pool().pop()?;
            if !connection.is_open() {
                if connection.is_fresh(&self.clock) {
                    self.reuse.closed();
                }
            } else if connection.is_fresh(&self.clock) && self.reuse.is_worth_it() {
                return Some(connection);
            }
        }
    }

    pub(crate) fn give_back(&self, connection: Connection) {
        self.pool().push(connection);
    }

    pub(crate) fn opened(&self) {
        self.tally().connections += 1;
    }

    /// The request of the next turn; `None` where the source is gone.
    pub(crate) async fn ask(
        &self,
        next: crate::request::Request,
        text: String,
    ) -> Option<crate::prepared::Prepared> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask { next, text, reply }).ok()?;
        answer.await.ok()
    }

    /// A place among those that may be under way; `None`: the run ended before there was one.
    async fn place(&self, places: Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        let left = schedule::end(&self.load).map(|end| end.saturating_sub(self.clock.now()));
        tokio::select! {
            biased;
            () = self.stop.stopped() => None,
            place = places.acquire_owned() => place.ok(),
            () = async {
                match left {
                    Some(left) => tokio::time::sleep(Duration::from_nanos(left)).await,
                    None => std::future::pending().await,
                }
            } => None,
        }
    }

    /// Hands a record over.
    pub(crate) async fn done(&self, record: Record, reads: u64, judged: bool) {
        self.count(&record, reads, judged);
        let refused = match self.records.try_send(record) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(record)) => Some(record),
            // Nobody wants records any more: the run was dropped.
            Err(mpsc::error::TrySendError::Closed(_)) => None,
        };
        if let Some(record) = refused {
            let from = std::time::Instant::now();
            let _ = self.records.send(record).await;
            self.tally().held_up += from.elapsed().as_nanos() as u64;
        }
    }

    fn count(&self, record: &Record, reads: u64, judged: bool) {
        let mut tally = self.tally();
        tally.finished += 1;
        tally.reads += reads;
        tally.events += record.events.len() as u64;
        tally.coalesced += record.events.iter().filter(|seen| seen.coalesced).count() as u64;
        match record.outcome {
            Outcome::Ok => tally.counts.ok += 1,
            Outcome::Failed(_) => tally.counts.failed += 1,
            Outcome::Cancelled => tally.counts.cancelled += 1,
            Outcome::NotSent => tally.counts.not_sent += 1,
        }
        let Some(sent) = record.sent else { return };
        tally.sent += 1;
        tally.last_sent = tally.last_sent.max(sent);
        tally.last_scheduled = tally.last_scheduled.max(record.scheduled);
        if judged {
            let due = record
                .slot
                .unwrap_or(record.scheduled)
                .max(record.scheduled);
            let lag = sent
                .saturating_sub(due)
                .saturating_sub(record.connect.unwrap_or(0));
            tally.lag.add(lag);
            tally.lags += 1;
        }
        let first = record.events.iter().find(|seen| seen.kind.is_payload());
        if let Some(first) = first {
            tally.ttft.add(first.at.saturating_sub(sent));
        }
    }
}

/// Processor time of the calling thread.
pub(crate) fn thread_cpu() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}
