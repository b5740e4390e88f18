//! The steps: each a load as any other.

use std::time::Duration;

use serde_json::Value;

use super::Options;
use super::report::{Flood, Plain, Schedule, SelfTest, Streams, Trusted};
use crate::client_cost::ClientCost;
use crate::clock::Clock;
use crate::error::TrafficError;
use crate::load::{Arrivals, Load, Until};
use crate::record::{Outcome, Record};
use crate::request::{Body, Reading, Request, Source};
use crate::run::{Summary, run_by, shards};
use crate::stop::Stop;
use crate::target::Target;

/// Requests for each second of the schedule's step.
const RATE: f64 = 500.0;
const CONNECTIONS: u32 = 64;
const FLOOD_STREAMS: u32 = 64;
/// Events of one stream of the flood.
const FLOOD_EVENTS: u64 = 500;
/// What beginning so many streams at once does is not what is measured.
const BEGINNING: u64 = 500_000_000;

/// The same request again and again.
struct Same(Request);

impl Source for Same {
    fn next(&mut self) -> Option<Vec<Request>> {
        Some(vec![self.0.clone()])
    }
}

fn request(path: String, reading: Reading) -> Box<Same> {
    Box::new(Same(Request {
        path,
        body: Body::Json(b"{}"[..].into()),
        headers: Vec::new(),
        reading,
        prompt_tokens: None,
        asked_tokens: None,
        input_audio_seconds: None,
    }))
}

pub(crate) async fn all(base: &str, options: &Options) -> Result<SelfTest, TrafficError> {
    let target = Target::new(base, "known-delay");
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let mut runs = Vec::new();
    for _ in 0..options.repeats.max(1) {
        runs.push(streams(&target, options).await?);
    }
    let median = medians(&runs);
    let flood = flood(&target, options).await?;
    let schedule = schedule(&target, options).await?;
    let plain = plain(&target, options).await?;
    let optimised = !cfg!(debug_assertions);
    let shards = shards(cores, &Load::rate(RATE, options.step));
    Ok(SelfTest {
        schema: 1,
        optimised,
        cores,
        shards,
        trusted: Trusted::of(shards, &median, &flood, &schedule, optimised),
        streams: runs,
        streams_median: median,
        flood,
        schedule,
        plain,
    })
}

async fn send(
    target: &Target,
    load: &Load,
    source: Box<Same>,
    sink: &mut (dyn FnMut(Record) + Send),
) -> Result<(Summary, Clock), TrafficError> {
    let clock = Clock::new();
    let summary = run_by(clock.clone(), target, load, source, sink, &Stop::new()).await?;
    Ok((summary, clock))
}

async fn streams(target: &Target, options: &Options) -> Result<Streams, TrafficError> {
    let each = options.events_per_second;
    let count = (options.step.as_secs_f64() * each).ceil().max(1.0) as u64;
    let every = (1e6 / each).round() as u64;
    let source = request(
        format!("/stream?events={count}&every_us={every}"),
        Reading::ChatStream,
    );
    let load = Load::count(options.streams.into()).at_most(options.streams);
    let mut records = Vec::new();
    let (summary, clock) = send(target, &load, source, &mut |record| records.push(record)).await?;
    let mut delays = Vec::new();
    for record in &records {
        add_delays(record, clock.origin(), &mut delays);
    }
    delays.sort_unstable();
    let cost = &summary.cost;
    Ok(Streams {
        streams: options.streams,
        events_per_second_each: each,
        events: cost.events,
        failed: summary.counts.all() - summary.counts.ok,
        cpu_per_event_us: per(cost, cost.events),
        busiest_share: cost.busiest_share().unwrap_or(0.0),
        delay_p50_us: at(&delays, 0.5),
        delay_p99_us: at(&delays, 0.99),
        delay_max_us: at(&delays, 1.0),
        coalesced_share: cost.coalesced_share().unwrap_or(0.0),
    })
}

/// From the stamp of each event to its time in the record.
fn add_delays(record: &Record, origin: u64, delays: &mut Vec<u64>) {
    let stamps = record.told.get("stamps_ns").and_then(Value::as_array);
    let (Some(stamps), Outcome::Ok) = (stamps, &record.outcome) else {
        return;
    };
    let settled = stamps.len() as u64 > 50;
    for (stamp, seen) in stamps.iter().zip(&record.events) {
        let Some(stamp) = stamp.as_u64() else {
            continue;
        };
        if !settled || seen.at > BEGINNING {
            delays.push((seen.at + origin).saturating_sub(stamp));
        }
    }
}

async fn flood(target: &Target, options: &Options) -> Result<Flood, TrafficError> {
    let source = request(
        format!("/stream?events={FLOOD_EVENTS}&every_us=0"),
        Reading::ChatStream,
    );
    let load = Load::new(Arrivals::AtOnce, Until::Elapsed(options.step)).at_most(FLOOD_STREAMS);
    let (summary, _) = send(target, &load, source, &mut drop).await?;
    let cost = &summary.cost;
    let each = per(cost, cost.events);
    Ok(Flood {
        streams: FLOOD_STREAMS,
        events_per_second: cost.events as f64 / cost.wall.as_secs_f64().max(1e-9),
        events_per_cpu_second: 1e6 / each.max(1e-3),
        cpu_per_event_us: each,
        busiest_share: cost.busiest_share().unwrap_or(0.0),
    })
}

async fn schedule(target: &Target, options: &Options) -> Result<Schedule, TrafficError> {
    let load = Load::rate(RATE, options.step.max(Duration::from_millis(100)));
    let source = request("/plain".into(), Reading::Chat);
    let (summary, _) = send(target, &load, source, &mut drop).await?;
    let lag = summary.cost.lag.unwrap_or_default();
    let us = |long: Duration| long.as_secs_f64() * 1e6;
    Ok(Schedule {
        rate: RATE,
        requests: lag.requests,
        error_p50_us: us(lag.p50),
        error_p99_us: us(lag.p99),
        error_max_us: us(lag.max),
    })
}

async fn plain(target: &Target, options: &Options) -> Result<Plain, TrafficError> {
    let load = Load::new(Arrivals::AtOnce, Until::Elapsed(options.step)).at_most(CONNECTIONS);
    let source = request("/plain".into(), Reading::Plain);
    let (summary, _) = send(target, &load, source, &mut drop).await?;
    let (cost, ok) = (&summary.cost, summary.counts.ok);
    Ok(Plain {
        connections: CONNECTIONS,
        requests_per_second: ok as f64 / cost.wall.as_secs_f64().max(1e-9),
        cpu_per_request_us: per(cost, ok),
    })
}

/// Microseconds of processor time for each.
fn per(cost: &ClientCost, count: u64) -> f64 {
    cost.cpu.as_secs_f64() * 1e6 / count.max(1) as f64
}

/// Microseconds at a share of sorted nanoseconds.
fn at(sorted: &[u64], share: f64) -> f64 {
    let index = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted
        .get(index)
        .map_or(0.0, |nanoseconds| *nanoseconds as f64 / 1e3)
}

fn medians(runs: &[Streams]) -> Streams {
    let median = |of: fn(&Streams) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(0.0)
    };
    let first = &runs[0];
    Streams {
        streams: first.streams,
        events_per_second_each: first.events_per_second_each,
        events: runs.iter().map(|run| run.events).sum(),
        failed: runs.iter().map(|run| run.failed).sum(),
        cpu_per_event_us: median(|run| run.cpu_per_event_us),
        busiest_share: median(|run| run.busiest_share),
        delay_p50_us: median(|run| run.delay_p50_us),
        delay_p99_us: median(|run| run.delay_p99_us),
        delay_max_us: median(|run| run.delay_max_us),
        coalesced_share: median(|run| run.coalesced_share),
    }
}
