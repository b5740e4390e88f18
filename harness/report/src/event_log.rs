//! The event log of a run, written while it runs: it stands between the run and what shows it.
//!
//! Promise: what has happened is in the log before it is shown as JSON, and within a moment in any case; a log that cannot be written is a note and fails
//! nothing. Secrets are masked. Rejected: writing it where things happen (a body would wait for the disk), and from a copy of each event (what a failed
//! test has printed may be long).

mod about;
mod files;
mod lines;
mod vcs;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use tribunal_events::{Line, RunStarted, Writer};
use tribunal_history::{History, Past};
use tribunal_runner::{Event, Run};

pub use self::about::About;
use self::lines::Lines;
use crate::context::Context;

/// How long events may gather: to be woken for each costs more than to run a short test.
const GATHER: Duration = Duration::from_micros(200);
/// So many events are written at a time.
const BATCH: usize = 4096;

/// Writes the log of a run from its events, and hands each on when it is written.
pub fn log(
    context: &Arc<Context>,
    run: &Arc<Run>,
    about: About,
    events: Receiver<Event>,
) -> Receiver<Event> {
    let (sender, receiver) = channel();
    // Two ends of one channel: who gets the events when there is no thread for the log.
    let (take, taken) = channel::<Receiver<Event>>();
    let log = Log {
        context: context.clone(),
        run: run.clone(),
        about,
        sender,
    };
    let spawned = std::thread::Builder::new()
        .name("tribunal-log".into())
        .spawn(move || {
            if let Ok(events) = taken.recv() {
                log.write(&events);
            }
        });
    match spawned {
        Ok(_) => {
            let _ = take.send(events);
            receiver
        }
        // The run is shown all the same.
        Err(_) => events,
    }
}

struct Log {
    context: Arc<Context>,
    run: Arc<Run>,
    about: About,
    sender: Sender<Event>,
}

impl Log {
    fn write(self, events: &Receiver<Event>) {
        let mut file = Opened::new(&self.run);
        let mut lines = Lines::new(&self.context, &self.run, file.folder());
        let mut started = None;
        for line in lines.beginning(&self.about) {
            file.add(&line);
            if let Line::RunStarted(first) = line {
                started = Some(first);
            }
        }
        let mut past: Vec<Past> = vec![];
        let mut batch: Vec<Event> = vec![];
        let mut over = false;
        while !over {
            let Some(event) = next(events) else {
                break;
            };
            batch.push(event);
            while batch.len() < BATCH
                && let Ok(event) = events.try_recv()
            {
                batch.push(event);
            }
            for event in &mut batch {
                let line = lines.of(event);
                match event {
                    Event::CaseEnded(ended) if self.about.history.is_some() => {
                        past.push(lines.past(ended));
                    }
                    Event::RunEnded(summary) => {
                        let ends = std::mem::take(&mut past);
                        summary
                            .notes
                            .extend(self.remember(started.as_deref(), &ends));
                    }
                    _ => {}
                }
                if let (Event::RunEnded(summary), Some(wrong)) = (&mut *event, file.wrong.take()) {
                    summary.notes.push(wrong);
                }
                if let Some(line) = line {
                    file.add(&line);
                }
                over |= matches!(event, Event::RunEnded(_));
            }
            file.flush();
            for event in batch.drain(..) {
                // Nobody may be left to show it.
                let _ = self.sender.send(event);
            }
        }
    }
}

impl Log {
    /// Adds the run to the history; what is to be said where that cannot be.
    fn remember(&self, started: Option<&RunStarted>, ends: &[Past]) -> Option<String> {
        let (folder, started) = (self.about.history.as_ref()?, started?);
        if started.run.is_empty() {
            return None;
        }
        // Nothing is read: a run only adds.
        let added = History::newest(folder, 0).add_ends(started, ends);
        let e = added.err()?;
        Some(format!(
            "the next runs will not know how long cases took: {}: {e}\nhelp: --history-dir DIR names another folder",
            folder.display()
        ))
    }
}

/// The next event: a short wait for more, and then one until there is one.
fn next(events: &Receiver<Event>) -> Option<Event> {
    match events.try_recv() {
        Ok(event) => return Some(event),
        Err(TryRecvError::Disconnected) => return None,
        Err(TryRecvError::Empty) => std::thread::sleep(GATHER),
    }
    match events.try_recv() {
        Ok(event) => Some(event),
        Err(TryRecvError::Disconnected) => None,
        Err(TryRecvError::Empty) => events.recv().ok(),
    }
}

/// The file, if there is one.
struct Opened {
    path: Option<PathBuf>,
    writer: Option<Writer>,
    wrong: Option<String>,
}

impl Opened {
    fn new(run: &Run) -> Opened {
        let made = run.log_file().map(|path| (Writer::create(&path), path));
        match made {
            Ok((Ok(writer), path)) => Opened {
                path: Some(path),
                writer: Some(writer),
                wrong: None,
            },
            Ok((Err(e), path)) => Opened {
                path: None,
                writer: None,
                wrong: Some(told(&path.display().to_string(), &e.to_string())),
            },
            Err(why) => Opened {
                path: None,
                writer: None,
                wrong: Some(told("", &why)),
            },
        }
    }

    /// The folder of the run.
    fn folder(&self) -> Option<PathBuf> {
        Some(self.path.as_ref()?.parent()?.to_owned())
    }

    fn add(&mut self, line: &Line) {
        let added = self.writer.as_mut().map(|w| w.add(line));
        self.judge(added);
    }

    fn flush(&mut self) {
        let flushed = self.writer.as_mut().map(Writer::flush);
        self.judge(flushed);
    }

    fn judge(&mut self, done: Option<io::Result<()>>) {
        if let Some(Err(e)) = done {
            self.writer = None;
            let path = self.path.as_ref().map(|p| p.display().to_string());
            self.wrong = Some(told(&path.unwrap_or_default(), &e.to_string()));
        }
    }
}

fn told(path: &str, why: &str) -> String {
    let colon = if path.is_empty() { "" } else { ": " };
    format!(
        "the event log cannot be written, so that reports of this run lack what comes after: {path}{colon}{why}\nhelp: --evidence-dir DIR names another folder"
    )
}
