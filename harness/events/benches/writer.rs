//! What an event costs: a line made and written, with a flush for each and with one for many.
//!
//! `cargo bench -p tribunal-events`

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use tribunal_events::{CaseEnded, CaseStarted, Line, Outcome, RunLog, RunStarted, Times, Writer};

const EVENTS: usize = 100_000;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, every) in [("a flush for each", 1), ("a flush for 64", 64)] {
        let path = folder.path().join(format!("{every}.jsonl"));
        let began = Instant::now();
        write(&path, every);
        let each = began.elapsed().as_secs_f64() * 1e6 / EVENTS as f64;
        println!("event, {name}: {each:.2} µs (budget 20)");
    }
    let text = std::fs::read_to_string(folder.path().join("64.jsonl")).expect("a log");
    let began = Instant::now();
    let run = RunLog::parse(&text, folder.path());
    let each = began.elapsed().as_secs_f64() * 1e6 / EVENTS as f64;
    println!("event, read back: {each:.2} µs");
    black_box(run.is_ok());
}

fn write(path: &Path, every: usize) {
    let mut writer = Writer::create(path).expect("a new file");
    writer
        .add(&Line::RunStarted(Box::<RunStarted>::default()))
        .expect("written");
    for n in 0..EVENTS / 2 {
        let at = n as f64 + 0.125;
        let started = Line::CaseStarted(CaseStarted {
            at,
            case: n,
            attempt: 1,
            ..CaseStarted::default()
        });
        let ended = Line::CaseEnded(Box::new(CaseEnded {
            at,
            case: n,
            attempt: 1,
            outcome: Outcome::Passed,
            times: Times {
                body: 0.001,
                ..Times::default()
            },
            notes: vec!["a note of usual length, as tests make them".to_owned()],
            ..CaseEnded::default()
        }));
        for (k, line) in [started, ended].iter().enumerate() {
            writer.add(line).expect("written");
            if (2 * n + k) % every == 0 {
                writer.flush().expect("written");
            }
        }
    }
    writer.flush().expect("written");
}
