//! Sends a load and collects what came of it.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::sync::{Barrier, Mutex as Turnstile, Semaphore, mpsc, oneshot};

use crate::client_cost::{ClientCost, Counts, Tally};
use crate::clock::Clock;
use crate::error::TrafficError;
use crate::feeder::{AHEAD, Feeder};
use crate::load::{Arrivals, Load};
use crate::record::Record;
use crate::request::Source;
use crate::schedule;
use crate::shard::{self, Common, Report, thread_cpu};
use crate::stop::Stop;
use crate::target::{Address, Target};
use crate::validity::Validity;

/// So many records may wait for whoever takes them.
const RECORDS: usize = 4096;
/// So many at once are many: the next are left to gather, for so long.
const MANY: usize = 8;
const GATHER: Duration = Duration::from_millis(1);
/// More threads than this do not send faster: the kernel is the limit.
const MOST_SHARDS: usize = 8;
/// So many requests under way keep one thread no more than a little busy.
const FEW: u32 = 8;

/// One execution of a load, with every record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What was sent.
    pub load: Load,
    /// When it began; all times of its records are since then.
    pub started: SystemTime,
    /// One for each request that was scheduled, by number.
    pub records: Vec<Record>,
    /// What it cost to send.
    pub cost: ClientCost,
    /// Warm-ups that failed.
    #[serde(default)]
    pub warmups_failed: u32,
}

impl Run {
    /// Whether it measured the server.
    pub fn validity(&self) -> Validity {
        Validity::of(&self.load, &self.cost)
    }
}

/// One execution of a load, whose records went elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// When it began.
    pub started: SystemTime,
    /// How its requests ended.
    pub counts: Counts,
    /// What it cost to send.
    pub cost: ClientCost,
    /// Warm-ups that failed.
    pub warmups_failed: u32,
    /// Whether it measured the server.
    pub validity: Validity,
}

/// Sends a load to its end and keeps every record.
///
/// # Errors
/// [`TrafficError`], where it could not be sent at all; what goes wrong with requests stands in their records.
pub async fn run(
    target: &Target,
    load: &Load,
    source: Box<dyn Source>,
) -> Result<Run, TrafficError> {
    let mut records = Vec::new();
    let stop = Stop::new();
    let summary = run_into(
        target,
        load,
        source,
        &mut |record| records.push(record),
        &stop,
    )
    .await?;
    records.sort_by_key(|record: &Record| record.number);
    Ok(Run {
        load: load.clone(),
        started: summary.started,
        records,
        cost: summary.cost,
        warmups_failed: summary.warmups_failed,
    })
}

/// Sends a load to its end, or until it is stopped; hands every record to `sink` when its request is over, at high rates a millisecond later (not in order), and keeps none.
///
/// A sink that is slow holds the load up, which [`ClientCost::held_up`] tells.
///
/// # Errors
/// As [`run`].
pub async fn run_into(
    target: &Target,
    load: &Load,
    source: Box<dyn Source>,
    sink: &mut (dyn FnMut(Record) + Send),
    stop: &Stop,
) -> Result<Summary, TrafficError> {
    run_by(Clock::new(), target, load, source, sink, stop).await
}

/// By a clock that whoever calls can ask when the run began.
pub(crate) async fn run_by(
    clock: Clock,
    target: &Target,
    load: &Load,
    source: Box<dyn Source>,
    sink: &mut (dyn FnMut(Record) + Send),
    stop: &Stop,
) -> Result<Summary, TrafficError> {
    schedule::check(load).map_err(TrafficError::Load)?;
    let address = Arc::new(Address::of(target)?);
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let shards = shards(cores, load);
    let (mut started, mut records) = start(clock, address, load, source, shards)?;
    let (mut stopped, mut aborted) = (false, false);
    let mut ready = Vec::new();
    loop {
        tokio::select! {
            count = records.recv_many(&mut ready, RECORDS) => {
                if count == 0 {
                    break;
                }
                ready.drain(..).for_each(&mut *sink);
                if count >= MANY {
                    // Whoever waits must be woken by whoever sends: at such a rate that costs more than the request.
                    tokio::time::sleep(GATHER).await;
                }
            }
            () = stop.stopped(), if !stopped => {
                stopped = true;
                started.stop.stop();
            }
            () = stop.aborted(), if !aborted => {
                aborted = true;
                started.stop.abort();
            }
        }
    }
    started.end(load).await
}

/// How many threads send: half of the cores, for the server wants the others; one where little is under way at once.
pub(crate) fn shards(cores: usize, load: &Load) -> u32 {
    if load.concurrency.is_some_and(|most| most <= FEW) {
        return 1;
    }
    let count = (cores / 2).clamp(1, MOST_SHARDS) as u32;
    match load.arrivals {
        Arrivals::AtOnce => count.min(load.concurrency.unwrap_or(u32::MAX)),
        _ => count,
    }
}

/// The threads of a run. Dropped before its end, what is under way is given up.
struct Started {
    stop: Stop,
    shards: Vec<(oneshot::Receiver<Report>, JoinHandle<()>)>,
    feeder: Option<(oneshot::Receiver<Duration>, JoinHandle<()>)>,
    failed: Arc<Mutex<Option<TrafficError>>>,
}

impl Drop for Started {
    fn drop(&mut self) {
        self.stop.abort();
    }
}

fn start(
    clock: Clock,
    address: Arc<Address>,
    load: &Load,
    source: Box<dyn Source>,
    count: u32,
) -> Result<(Started, mpsc::Receiver<Record>), TrafficError> {
    let machine = |error: std::io::Error| TrafficError::Machine(format!("no thread: {error}"));
    let (warm_in, warm_out) = mpsc::channel(AHEAD);
    let (jobs_in, jobs_out) = mpsc::channel(AHEAD);
    let (asks_in, asks) = mpsc::unbounded_channel();
    let (records_in, records) = mpsc::channel(RECORDS);
    let load = Arc::new(load.clone());
    let stop = Stop::new();
    let failed = Arc::new(Mutex::new(None));
    let open = !matches!(load.arrivals, Arrivals::AtOnce);
    let common = Common {
        address: address.clone(),
        load: load.clone(),
        clock,
        stop: stop.clone(),
        warmups: Arc::new(Turnstile::new(warm_out)),
        jobs: Arc::new(Turnstile::new(jobs_out)),
        asks: asks_in,
        records: records_in,
        places: load
            .concurrency
            .filter(|_| open)
            .map(|most| Arc::new(Semaphore::new((most as usize).min(Semaphore::MAX_PERMITS)))),
        barrier: Arc::new(Barrier::new(count as usize)),
    };
    let feeder = Feeder {
        source,
        address,
        load,
        stop: stop.clone(),
        asks,
        failed: failed.clone(),
    };
    // Runtimes are made here, where an error can be told: a shard that never came to the barrier would hold up the others.
    let mut runtimes = Vec::new();
    for _ in 0..=count {
        runtimes.push(runtime()?);
    }
    let feeding = runtimes.pop();
    let (cpu_in, cpu) = oneshot::channel();
    let feeder_thread = std::thread::Builder::new()
        .name("traffic-feeder".into())
        .spawn(move || {
            let Some(runtime) = feeding else { return };
            runtime.block_on(feeder.run(warm_in, jobs_in));
            let _ = cpu_in.send(thread_cpu());
        })
        .map_err(machine)?;
    let mut started = Started {
        stop,
        shards: Vec::new(),
        feeder: Some((cpu, feeder_thread)),
        failed,
    };
    for (index, runtime) in runtimes.into_iter().enumerate() {
        let common = common.clone();
        let (done_in, done) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(format!("traffic-{index}"))
            .spawn(move || {
                let _ = done_in.send(runtime.block_on(shard::run(common, index as u32, count)));
            })
            .map_err(machine)?;
        started.shards.push((done, thread));
    }
    Ok((started, records))
}

fn runtime() -> Result<tokio::runtime::Runtime, TrafficError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Waking a task from the socket and looking at the socket again are the same work here.
        .event_interval(31)
        .build()
        .map_err(|error| TrafficError::Machine(format!("no runtime: {error}")))
}

impl Started {
    /// All records were taken: the threads are at their ends.
    async fn end(&mut self, load: &Load) -> Result<Summary, TrafficError> {
        let mut cost = ClientCost {
            shards: self.shards.len() as u32,
            asked_rate: schedule::asked_rate(load),
            ..ClientCost::default()
        };
        let mut tally = Tally::default();
        let mut warmups_failed = 0;
        let mut panicked = false;
        let mut began = None;
        for (report, thread) in self.shards.drain(..) {
            match report.await {
                Ok(report) => {
                    tally.merge(&report.tally);
                    warmups_failed += report.warmups_failed;
                    began = began.min(report.began).or(report.began);
                    cost.cpu += report.cpu;
                    cost.wall = cost.wall.max(report.wall);
                    let wall = report.wall.as_secs_f64().max(1e-9);
                    cost.shares.push(report.cpu.as_secs_f64() / wall);
                }
                Err(_) => panicked = true,
            }
            panicked |= thread.join().is_err();
        }
        let mut source_panicked = false;
        if let Some((cpu, thread)) = self.feeder.take() {
            cost.cpu += cpu.await.unwrap_or_default();
            source_panicked = thread.join().is_err();
        }
        let failed = self
            .failed
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .take();
        if let Some(error) = failed {
            return Err(error);
        }
        if source_panicked {
            return Err(TrafficError::Panicked(
                "the source of requests panicked".into(),
            ));
        }
        if panicked || tally.begun != tally.finished {
            let why = format!("{} of {} records are there", tally.finished, tally.begun);
            return Err(TrafficError::Panicked(why));
        }
        cost.lag = tally.lag();
        cost.events = tally.events;
        cost.coalesced = tally.coalesced;
        cost.reads = tally.reads;
        cost.connections = tally.connections;
        cost.held_up = Duration::from_nanos(tally.held_up);
        cost.median_ttft = tally.ttft.at(0.5).map(Duration::from_nanos);
        cost.achieved_rate = cost.asked_rate.and_then(|asked| {
            // Over the time that the schedule gave to what was sent; what was sent late takes longer.
            let late = tally.last_sent.saturating_sub(tally.last_scheduled) as f64 / 1e9;
            let scheduled = tally.sent as f64 / asked;
            (tally.sent > 0).then(|| tally.sent as f64 / (scheduled + late))
        });
        Ok(Summary {
            started: began.unwrap_or_else(SystemTime::now),
            counts: tally.counts,
            validity: Validity::of(load, &cost),
            cost,
            warmups_failed,
        })
    }
}
