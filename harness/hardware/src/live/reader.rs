//! Readings again and again, each within its limit.
//!
//! Promise: every source has one thread of its own that lives as long as the reader; a source that hangs costs its limit once,
//! and after that nothing until it answers. Rejected: a thread per reading (a driver that hangs for an hour would leave one behind each
//! second), and reading on the caller's thread (the caller has tests to start).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use super::{Live, LiveReading};
use crate::note::{Note, NoteKind};
use crate::probe::Probe;
use crate::source::{DeviceSource, LONGEST, Unreadable};

type Answer = Result<LiveReading, Unreadable>;

/// Asks the sources of a [`Probe`] what their devices do now.
pub struct LiveReader {
    workers: Vec<Worker>,
}

impl LiveReader {
    /// All that knows devices on this system, as in [`Probe::system`]. Drivers are touched at the first reading, not before.
    pub fn system() -> LiveReader {
        LiveReader::of(&Probe::system())
    }

    /// The sources of this probe. Its environment hides nothing here: a hidden device can be in use.
    pub fn of(probe: &Probe) -> LiveReader {
        let workers = probe.sources().iter().map(|source| Worker {
            source: Arc::clone(source),
            link: None,
            asked: None,
        });
        LiveReader {
            workers: workers.collect(),
        }
    }

    /// All devices as they are now. Returns after `limit` (at most an hour) at the latest and never fails: what could not be read
    /// stands in [`Live::notes`].
    pub fn read(&mut self, limit: Duration) -> Live {
        let limit = limit.min(LONGEST);
        let deadline = Instant::now() + limit;
        for worker in &mut self.workers {
            worker.ask();
        }
        let answers = self
            .workers
            .iter_mut()
            .map(|worker| worker.answer(limit, deadline));
        let answers: Vec<Answer> = answers.collect();
        let sources = self.workers.iter().map(|worker| worker.source.as_ref());
        merge(sources.zip(answers))
    }
}

/// A source and the thread that asks it.
struct Worker {
    source: Arc<dyn DeviceSource>,
    link: Option<Link>,
    /// Since when an answer is owed.
    asked: Option<Asked>,
}

struct Link {
    ask: Sender<()>,
    answers: Receiver<Answer>,
}

#[derive(Clone, Copy)]
struct Asked {
    at: Instant,
    /// The question is of an earlier reading, whose limit is over.
    late: bool,
}

impl Worker {
    /// Asks, unless an earlier question is still open.
    fn ask(&mut self) {
        let Some(link) = self.link.as_ref() else {
            self.link = start(&self.source);
            self.asked = self.link.as_ref().map(|_| Asked {
                at: Instant::now(),
                late: false,
            });
            return;
        };
        if let Some(asked) = &mut self.asked {
            match link.answers.try_recv() {
                // An answer to the earlier question is of an unknown moment since then.
                Ok(_) => self.asked = None,
                Err(_) => {
                    asked.late = true;
                    return;
                }
            }
        }
        if link.ask.send(()).is_ok() {
            self.asked = Some(Asked {
                at: Instant::now(),
                late: false,
            });
        }
    }

    fn answer(&mut self, limit: Duration, deadline: Instant) -> Answer {
        let (Some(link), Some(asked)) = (&self.link, self.asked) else {
            return Err(Unreadable::Failed("no thread to read on".into()));
        };
        if asked.late {
            let text = format!("no answer since {:.0?}", asked.at.elapsed());
            return Err(Unreadable::Failed(text));
        }
        match link
            .answers
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            Ok(answer) => {
                self.asked = None;
                answer
            }
            Err(_) => Err(Unreadable::Failed(format!("no answer within {limit:?}"))),
        }
    }
}

/// The thread of a source, which has its first question. It ends when the reader is gone; one that hangs in a driver is left behind.
fn start(source: &Arc<dyn DeviceSource>) -> Option<Link> {
    let (ask, asked) = mpsc::channel();
    let (answer, answers) = mpsc::channel();
    let source = Arc::clone(source);
    ask.send(()).ok()?;
    std::thread::Builder::new()
        .name(format!("live {}", source.name()))
        .spawn(move || {
            while asked.recv().is_ok() {
                let reading = catch_unwind(AssertUnwindSafe(|| source.read_live()))
                    .unwrap_or_else(|_| Err(Unreadable::Failed("the reading panicked".into())));
                if answer.send(reading).is_err() {
                    return;
                }
            }
        })
        .ok()?;
    Some(Link { ask, answers })
}

/// Per platform the first source that has devices, and the complaints of those before it: as in the inventory.
fn merge<'a>(answers: impl Iterator<Item = (&'a dyn DeviceSource, Answer)>) -> Live {
    let mut live = Live::default();
    for (source, answer) in answers {
        let platform = source.platform();
        if live
            .devices
            .iter()
            .any(|device| device.platform == platform)
        {
            continue;
        }
        let note = |kind, text| Note::new(platform, source.name(), kind, text);
        match answer {
            Err(Unreadable::Absent(text)) => live.notes.push(note(NoteKind::Absent, text)),
            Err(Unreadable::Failed(text)) => live.notes.push(note(NoteKind::Unread, text)),
            Ok(reading) => {
                let notes = reading.notes.into_iter();
                live.notes
                    .extend(notes.map(|text| note(NoteKind::Partial, text)));
                live.drivers.extend(reading.driver);
                let devices = reading.devices.into_iter();
                live.devices
                    .extend(devices.filter(|device| device.platform == platform));
            }
        }
    }
    live
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::device::Device;
    use crate::source::Reading;

    /// Answers once for each message of its channel.
    struct Gated(Mutex<Receiver<u32>>);

    impl DeviceSource for Gated {
        fn name(&self) -> &str {
            "gated"
        }
        fn platform(&self) -> &str {
            "cuda"
        }
        fn read(&self) -> Result<Reading, Unreadable> {
            let devices = self.0.lock().unwrap().recv();
            let devices = (0..devices.unwrap_or(0)).map(|index| Device::new("cuda", index, "x"));
            Ok(Reading {
                devices: devices.collect(),
                notes: vec![],
            })
        }
    }

    fn reader(source: impl DeviceSource + 'static) -> LiveReader {
        LiveReader::of(&Probe::empty().with_source(Arc::new(source)))
    }

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(10);

    #[test]
    fn a_source_that_hangs_is_told_and_one_that_comes_back_is_read_again() {
        let (open, gate) = mpsc::channel();
        let mut reader = reader(Gated(Mutex::new(gate)));
        let texts =
            |live: &Live| -> Vec<String> { live.notes.iter().map(ToString::to_string).collect() };
        let first = reader.read(SHORT);
        assert_eq!(texts(&first), ["gated: no answer within 10ms"]);
        // The limit is not waited for again: an hour would be noticed.
        let second = reader.read(Duration::from_secs(3600));
        assert!(texts(&second)[0].contains("no answer since"), "{second:?}");
        // The late answer has three devices and is dropped; the next question is answered with two.
        open.send(3).unwrap();
        open.send(2).unwrap();
        let until = Instant::now() + LONG;
        let live = loop {
            let live = reader.read(LONG);
            if !live.devices.is_empty() || Instant::now() > until {
                break live;
            }
            std::thread::yield_now();
        };
        assert_eq!((live.devices.len(), live.notes.len()), (2, 0));
    }

    #[test]
    fn readings_repeat() {
        let (open, gate) = mpsc::channel();
        let mut reader = reader(Gated(Mutex::new(gate)));
        for count in [1, 4, 2] {
            open.send(count).unwrap();
            assert_eq!(reader.read(LONG).devices.len(), count as usize);
        }
    }

    #[test]
    fn without_sources_there_is_nothing_and_no_wait() {
        assert_eq!(LiveReader::of(&Probe::empty()).read(LONG), Live::default());
    }
}
