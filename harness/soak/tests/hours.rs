//! Hours of a soak, played in simulated time through the whole pipeline: loop, folding, journal, reading, verdict.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tribunal_soak::{
    Batch, BatchPlan, DriftLimits, Identity, Incident, Journal, Limits, Line, Looked, Probing,
    Report, Sample, Sending, Signal, Soak, SoakError, StopReason, Subject, Traffic,
};
use tribunal_statistics::Random;
use tribunal_statistics::drift::Verdict;
use tribunal_traffic::{Failure, FailureClass, Kind, Load, Outcome, Record, Request, Seen, Source};

const HOUR: f64 = 3600.0;
const SECOND: u64 = 1_000_000_000;

struct Nothing;

impl Source for Nothing {
    fn next(&mut self) -> Option<Vec<Request>> {
        None
    }
}

fn batch(_: &mut BatchPlan) -> Result<Batch, String> {
    let load = Load::count(10);
    let source = Box::new(Nothing);
    Ok(Batch { load, source })
}

/// A server whose life is a function of the hours since it began.
struct Life<F> {
    begun: Instant,
    sample: F,
    probes: Cell<u32>,
    wrong_from: Option<u32>,
}

impl<F: Fn(f64) -> Sample> Life<F> {
    fn new(sample: F) -> Self {
        Self {
            begun: Instant::now(),
            sample,
            probes: Cell::new(0),
            wrong_from: None,
        }
    }
}

impl<F: Fn(f64) -> Sample> Subject for Life<F> {
    fn look(&self) -> Probing<'_, Looked> {
        let hours = self.begun.elapsed().as_secs_f64() / HOUR;
        let sample = (self.sample)(hours);
        let incidents = vec![];
        Box::pin(async { Looked { sample, incidents } })
    }

    fn probe(&self) -> Probing<'_, Result<(), String>> {
        let number = self.probes.get();
        self.probes.set(number + 1);
        let wrong = self.wrong_from.is_some_and(|from| number >= from);
        Box::pin(async move {
            if wrong {
                Err("it is ill".into())
            } else {
                Ok(())
            }
        })
    }
}

/// Ten requests in ten seconds, each as slow as the hour says.
struct Slow<F>(Instant, F);

fn record(number: u64, milliseconds: f64, outcome: Outcome) -> Record {
    let scheduled = number * SECOND;
    let end = scheduled + (milliseconds * 1e6) as u64;
    Record {
        sent: Some(scheduled),
        end: Some(end),
        events: vec![Seen {
            at: end - 1000,
            kind: Kind::Text,
            bytes: 4,
            tokens: None,
            coalesced: false,
        }],
        outcome,
        ..Record::new(number, scheduled)
    }
}

impl<F: Fn(f64) -> f64> Traffic for Slow<F> {
    fn send<'a>(&'a self, _: Batch, sink: &'a mut dyn FnMut(Record)) -> Sending<'a> {
        Box::pin(async move {
            for number in 0..10 {
                sleep(Duration::from_secs(1)).await;
                let hours = self.0.elapsed().as_secs_f64() / HOUR;
                sink(record(number, (self.1)(hours), Outcome::Ok));
            }
            Ok(vec![])
        })
    }
}

/// A process of 500 MB with this much beside it, and noise of a megabyte.
fn memory(bytes: f64, hours: f64) -> Sample {
    let noise = Random::new(hours.to_bits()).normal() * 1e6;
    let all = (500e6 + bytes + noise) as u64;
    Sample {
        server: Some(Identity {
            pid: Some(7),
            start: 1.0,
        }),
        rss: Some(all + 100_000_000),
        anonymous: Some(all),
        descriptors: Some(40),
        descriptor_limit: Some(1024),
        threads: Some(12),
        host_available: Some(8_000_000_000),
        ..Sample::default()
    }
}

fn soak(folder: &Path, hours: f64) -> Soak {
    let path = folder.join("soak.jsonl");
    Soak::new("played", path, Duration::from_secs_f64(hours * HOUR)).seed(3)
}

async fn play(soak: &Soak, latency: impl Fn(f64) -> f64, life: impl Fn(f64) -> Sample) -> Report {
    let traffic = Slow(Instant::now(), latency);
    let subject = Life::new(life);
    let report = soak.run(&mut batch, &traffic, &subject, &mut |_| {}).await;
    report.unwrap()
}

fn verdict(report: &Report, signal: &Signal) -> Verdict {
    report.finding(signal).unwrap().drift.verdict.clone()
}

#[tokio::test(start_paused = true)]
async fn a_leak_is_found_and_its_hours_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let report = play(
        &soak(folder.path(), 2.0),
        |_| 100.0,
        |hours| memory(200e6 * hours, hours),
    )
    .await;
    let found = report.finding(&Signal::Memory).unwrap();
    assert_eq!(found.drift.verdict, Verdict::Leak);
    let slope = found.drift.slope_per_hour.unwrap();
    assert!((195e6..205e6).contains(&slope), "{slope}");
    // 8 GB are left.
    assert!((38.0..42.0).contains(&found.hours_to_limit.unwrap()));
    let failures = report.failures();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(
        failures[0].starts_with("host memory: LEAK, 200"),
        "{failures:?}"
    );
    for signal in [
        Signal::Descriptors,
        Signal::Threads,
        Signal::Latency,
        Signal::Throughput,
    ] {
        assert_eq!(verdict(&report, &signal), Verdict::Ok, "{signal}");
    }
    assert!(
        (7200.0..7220.0).contains(&report.covered),
        "{}",
        report.covered
    );
    assert_eq!(report.counts.ok, 7200);
}

#[tokio::test(start_paused = true)]
async fn half_an_hour_is_the_shortest_that_is_claimed() {
    for (minutes, expected) in [(31.0, true), (29.0, false)] {
        let folder = tempfile::tempdir().unwrap();
        let soak = soak(folder.path(), minutes / 60.0);
        let report = play(&soak, |_| 100.0, |hours| memory(200e6 * hours, hours)).await;
        let found = verdict(&report, &Signal::Memory);
        assert_eq!(found == Verdict::Leak, expected, "{found:?}");
        if !expected {
            assert!(matches!(found, Verdict::Insufficient(_)));
            // That is no failure, but said.
            assert_eq!(report.failures(), [] as [String; 0]);
            assert!(report.remarks().iter().any(|r| r.contains("insufficient")));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_is_no_leak() {
    for (hours, seconds) in [(0.52, 600.0), (2.0, 1800.0)] {
        let folder = tempfile::tempdir().unwrap();
        let curve = |at: f64| {
            let part = (at * HOUR / seconds).min(1.0);
            400e6 * (1.0 - (-5.0 * part).exp()) / (1.0 - (-5.0_f64).exp())
        };
        let report = play(
            &soak(folder.path(), hours),
            |_| 100.0,
            |at| memory(curve(at), at),
        )
        .await;
        let found = report.finding(&Signal::Memory).unwrap();
        assert_ne!(found.drift.verdict, Verdict::Leak, "{found}");
        assert_eq!(report.failures(), [] as [String; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn descriptors_threads_and_latency_drift_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let life = |hours: f64| Sample {
        descriptors: Some(40 + (hours * 100.0) as u64),
        threads: Some(12 + (hours * 70.0) as u64),
        ..memory(0.0, hours)
    };
    let report = play(
        &soak(folder.path(), 2.0),
        |hours| 100.0 + 30.0 * hours,
        life,
    )
    .await;
    for signal in [
        Signal::Descriptors,
        Signal::Threads,
        Signal::Latency,
        Signal::LatencyP95,
        Signal::First,
    ] {
        assert_eq!(verdict(&report, &signal), Verdict::Leak, "{signal}");
    }
    assert_eq!(verdict(&report, &Signal::Memory), Verdict::Ok);
    let left = report.finding(&Signal::Descriptors).unwrap().hours_to_limit;
    assert!((7.0..8.5).contains(&left.unwrap()), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn another_process_is_another_segment_and_an_incident() {
    let folder = tempfile::tempdir().unwrap();
    // It leaks, and is restarted after an hour: over both together it does not grow.
    let life = |hours: f64| {
        let (since, start) = if hours < 1.0 {
            (hours, 1.0)
        } else {
            (hours - 1.0, 9.0)
        };
        let server = Some(Identity {
            pid: Some(7),
            start,
        });
        Sample {
            server,
            ..memory(200e6 * since, hours)
        }
    };
    let report = play(&soak(folder.path(), 2.0), |_| 100.0, life).await;
    assert_eq!(report.segments.len(), 2);
    for segment in &report.segments {
        assert!(
            (3580.0..3620.0).contains(&segment.seconds),
            "{}",
            segment.seconds
        );
        let memory = segment.findings.iter().find(|f| f.signal == Signal::Memory);
        assert_eq!(memory.unwrap().drift.verdict, Verdict::Leak);
    }
    assert!(
        matches!(report.incidents[..], [(at, Incident::Restarted { .. })] if (3600.0..3610.0).contains(&at))
    );
}

/// The third batch never ends.
struct Hangs(Cell<u32>);

impl Traffic for Hangs {
    fn send<'a>(&'a self, _: Batch, sink: &'a mut dyn FnMut(Record)) -> Sending<'a> {
        let number = self.0.get();
        self.0.set(number + 1);
        Box::pin(async move {
            sleep(Duration::from_secs(10)).await;
            sink(record(0, 50.0, Outcome::Ok));
            if number == 2 {
                std::future::pending::<()>().await;
            }
            Ok(vec![])
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_hung_batch_is_cut_and_the_next_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let soak = soak(folder.path(), 0.1).batch_limit(Duration::from_secs(60));
    let subject = Life::new(|hours| memory(0.0, hours));
    let traffic = Hangs(Cell::new(0));
    let report = soak
        .run(&mut batch, &traffic, &subject, &mut |_| {})
        .await
        .unwrap();
    assert!(matches!(
        report.incidents[..],
        [(_, Incident::Hung { batch: 2, .. })]
    ));
    // 360 s: three batches of 10 s and one that was cut after 60, the rest of 10 s each.
    assert_eq!(report.batches, (31, 1));
    assert!(
        (360.0..420.0).contains(&report.covered),
        "{}",
        report.covered
    );
    assert!(report.failures()[0].contains("batch 2 did not end within 60.0 s"));
}

struct Refuses;

impl Traffic for Refuses {
    fn send<'a>(&'a self, _: Batch, sink: &'a mut dyn FnMut(Record)) -> Sending<'a> {
        Box::pin(async move {
            for number in 0..10 {
                let failure = Failure {
                    class: FailureClass::Connect,
                    text: "connection refused".into(),
                };
                sink(record(number, 1.0, Outcome::Failed(failure)));
            }
            Ok(vec![])
        })
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_hopeless_is_stopped_early_and_without_haste() {
    let folder = tempfile::tempdir().unwrap();
    let subject = Life::new(|hours| memory(0.0, hours));
    let soak = soak(folder.path(), 12.0);
    let report = soak
        .run(&mut batch, &Refuses, &subject, &mut |_| {})
        .await
        .unwrap();
    assert!(matches!(
        report.end,
        Some(Some(StopReason::Failures { .. }))
    ));
    assert!(report.covered < 20.0, "{}", report.covered);
    // A batch a second, not as many as can be refused.
    assert!(report.counts.failed <= 200, "{:?}", report.counts);
    let failures = report.failures().join("\n");
    assert!(
        failures.contains("connection refused") && failures.contains("connect)"),
        "{failures}"
    );
    assert!(failures.contains("no request was answered"), "{failures}");
}

#[tokio::test(start_paused = true)]
async fn memory_and_probes_stop_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        rss: Some(800_000_000),
        ..Limits::default()
    };
    let limited = soak(folder.path(), 12.0).limits(limits);
    let report = play(&limited, |_| 100.0, |hours| memory(200e6 * hours, hours)).await;
    assert!(matches!(report.end, Some(Some(StopReason::Memory { .. }))));
    assert!(
        (3400.0..3800.0).contains(&report.covered),
        "{}",
        report.covered
    );

    let folder = tempfile::tempdir().unwrap();
    let mut subject = Life::new(|hours| memory(0.0, hours));
    subject.wrong_from = Some(5);
    let traffic = Slow(Instant::now(), |_| 100.0);
    let soak = soak(folder.path(), 12.0);
    let report = soak
        .run(&mut batch, &traffic, &subject, &mut |_| {})
        .await
        .unwrap();
    assert!(matches!(
        report.end,
        Some(Some(StopReason::Probes { failed: 3, .. }))
    ));
    assert_eq!(report.probes, (8, 3));
}

#[tokio::test(start_paused = true)]
async fn a_killed_run_reports_and_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let whole = soak(folder.path(), 3.0);
    let path = whole.journal().to_owned();
    let life = |hours: f64| memory(200e6 * hours, hours);
    {
        let traffic = Slow(Instant::now(), |_| 100.0);
        let subject = Life::new(life);
        let mut silent = |_: &_| {};
        let mut make = batch;
        let run = whole.run(&mut make, &traffic, &subject, &mut silent);
        // Killed: the future is dropped, and the last line is torn.
        let _ = tokio::time::timeout(Duration::from_secs(3600), run).await;
    }
    let mut text = std::fs::read(&path).unwrap();
    text.extend(b"{\"line\":\"sam");
    std::fs::write(&path, text).unwrap();
    let report = Report::read(&path).unwrap();
    assert_eq!(report.end, None);
    assert_eq!(verdict(&report, &Signal::Memory), Verdict::Leak);
    assert!(report.failures()[0].contains("killed"));
    let batches = report.next_batch;

    // Not without being told to, and not as another soak.
    let subject = Life::new(life);
    let traffic = Slow(Instant::now(), |_| 100.0);
    let again = whole.run(&mut batch, &traffic, &subject, &mut |_| {}).await;
    assert!(matches!(again, Err(SoakError::Exists(_))));
    let other = whole.clone().seed(4).resume();
    let again = other.run(&mut batch, &traffic, &subject, &mut |_| {}).await;
    assert!(
        again
            .unwrap_err()
            .to_string()
            .contains("its seed is 3, not 4")
    );

    let begun = Instant::now();
    let report = play(&whole.clone().resume(), |_| 100.0, life).await;
    assert!(
        (7190.0..7220.0).contains(&begun.elapsed().as_secs_f64()),
        "two hours were left"
    );
    assert_eq!(report.begun.len(), 2);
    assert!(report.is_over());
    let lines = Journal::read(&path).unwrap().lines;
    let numbers: Vec<u64> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Batch { number, .. } => Some(*number),
            _ => None,
        })
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "batches go on at {batches}"
    );
    // Over: nothing more is sent.
    let begun = Instant::now();
    play(&whole.resume(), |_| 100.0, life).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_faster_by_a_factor_is_judged_alike() {
    // What a soak of minutes can show: a leak sixty times as large in two minutes, with limits sixty times as high.
    let limits = DriftLimits::default().scaled(60.0);
    for (leak, expected) in [(200e6 * 60.0, Verdict::Leak), (0.0, Verdict::Ok)] {
        let folder = tempfile::tempdir().unwrap();
        let soak = soak(folder.path(), 2.0 / 60.0)
            .sample_every(Duration::from_millis(250))
            .drift(limits);
        let report = play(&soak, |_| 100.0, |hours| memory(leak * hours, hours)).await;
        assert_eq!(verdict(&report, &Signal::Memory), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn progress_tells_what_is_left_and_a_mistake_is_told_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    let subject = Life::new(|hours| memory(0.0, hours));
    let traffic = Slow(Instant::now(), |_| 100.0);
    let soak = soak(folder.path(), 0.1).tell_every(Duration::from_secs(60));
    let mut tell = |progress: &tribunal_soak::Progress| told.push(progress.to_string());
    soak.run(&mut batch, &traffic, &subject, &mut tell)
        .await
        .unwrap();
    assert!(
        told[1].starts_with("soak 0:02:00, 0:04:00 left: batch 1"),
        "{told:?}"
    );

    let path = folder.path().join("other.jsonl");
    let none = Soak::new("none", &path, Duration::ZERO);
    let error = none.run(&mut batch, &traffic, &subject, &mut |_| {}).await;
    assert!(matches!(error, Err(SoakError::Plan(why)) if why.contains("the duration")));
    assert!(!path.exists());
}
