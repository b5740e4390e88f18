//! What twelve hours at fifty requests a second take of the client's memory: `cargo run --release -p tribunal-soak --example long`.
//!
//! Played in simulated time, with as many records, samples and lines as in real time; what the connections take comes on top.

use std::time::{Duration, Instant};

use tribunal_soak::{Batch, Looked, Probing, Sample, Sending, Soak, Subject, Traffic};
use tribunal_traffic::{Kind, Load, Outcome, Record, Request, Seen, Source};

const SECOND: u64 = 1_000_000_000;
/// Requests for each second, and events of each answer.
const RATE: u64 = 50;
const EVENTS: u64 = 100;

struct Nothing;

impl Source for Nothing {
    fn next(&mut self) -> Option<Vec<Request>> {
        None
    }
}

struct Fifty;

impl Traffic for Fifty {
    fn send<'a>(&'a self, _: Batch, sink: &'a mut dyn FnMut(Record)) -> Sending<'a> {
        Box::pin(async move {
            for second in 0..60 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                for number in 0..RATE {
                    sink(record(second * RATE + number, second * SECOND));
                }
            }
            Ok(vec![])
        })
    }
}

fn record(number: u64, at: u64) -> Record {
    let event = |index: u64| Seen {
        at: at + index * 10_000_000,
        kind: Kind::Text,
        bytes: 4,
        tokens: Some(index as u32),
        coalesced: false,
    };
    Record {
        sent: Some(at),
        end: Some(at + SECOND),
        outcome: Outcome::Ok,
        events: (1..=EVENTS).map(event).collect(),
        ..Record::new(number, at)
    }
}

struct Flat;

impl Subject for Flat {
    fn look(&self) -> Probing<'_, Looked> {
        let sample = Sample {
            rss: Some(500_000_000),
            anonymous: Some(400_000_000),
            descriptors: Some(60),
            threads: Some(20),
            notes: vec!["as long as a note usually is, and then a little longer than that".into()],
            ..Sample::default()
        };
        Box::pin(async {
            Looked {
                sample,
                incidents: vec![],
            }
        })
    }

    fn probe(&self) -> Probing<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("soak.jsonl");
    println!("before: {}", peak());
    let begun = Instant::now();
    let soak = Soak::new("twelve hours", &path, Duration::from_secs(12 * 3600));
    let mut batch = |_: &mut _| {
        Ok(Batch {
            load: Load::count(60 * RATE),
            source: Box::new(Nothing),
        })
    };
    let report = runtime.block_on(soak.run(&mut batch, &Fifty, &Flat, &mut |_| {}))?;
    println!("after:  {}", peak());
    println!(
        "{} requests, {:.1} s",
        report.counts.ok,
        begun.elapsed().as_secs_f64()
    );
    println!(
        "journal: {:.1} MB",
        std::fs::metadata(&path)?.len() as f64 / 1e6
    );
    println!("{report}");
    Ok(())
}

/// The most memory that this process ever had resident, as the kernel says.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.unwrap_or("unknown").to_owned()
}
