//! Where readings of devices come from.
//!
//! Promise: one small trait, behind which NVML, sysfs and made-up devices look the same, and a reading of all sources
//! that ends within its limit whatever a driver does. Rejected: asking the sources one after the other (a hanging driver
//! would eat the time of the others), and a process per source (a thread is enough: nothing of a hung one is needed).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use crate::device::Device;
use crate::live::{self, LiveReading};

/// The longest limit that a reading accepts; above it the clock's arithmetic could overflow.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// Something that knows devices of one platform.
///
/// A source may block or hang; it is read on a thread of its own and left behind when its time is over.
pub trait DeviceSource: Send + Sync {
    /// What notes call it: `NVML`, `sysfs`.
    fn name(&self) -> &str;

    /// The platform of its devices: `cuda`.
    fn platform(&self) -> &str;

    /// All devices that it knows, in the driver's order.
    ///
    /// # Errors
    /// [`Unreadable::Absent`] where driver or library are not on this host, [`Unreadable::Failed`] where they are and gave
    /// no answer. A figure that one device does not give is no error: it is `None` with a note.
    fn read(&self) -> Result<Reading, Unreadable>;

    /// The same devices, as they are at this moment. A source that knows no more than [`DeviceSource::read`] tells keeps this default: their
    /// memory.
    ///
    /// # Errors
    /// As [`DeviceSource::read`].
    fn read_live(&self) -> Result<LiveReading, Unreadable> {
        self.read().map(live::from_inventory)
    }
}

/// What a source found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The devices in the driver's order.
    pub devices: Vec<Device>,
    /// Which figures are unmeasured, and why.
    pub notes: Vec<String>,
}

/// Why a source has no reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The driver or library is not on this host.
    Absent(String),
    /// It is, or may be, there and could not be read.
    Failed(String),
}

/// Reads all sources side by side; the answers stand in the order of the sources. Returns after `limit` (at most an hour) at
/// the latest; a source that has not answered by then is `Failed`, and its thread is left to itself.
pub(crate) fn read_all(sources: &[Arc<dyn DeviceSource>], limit: Duration) -> Vec<Answer> {
    let limit = limit.min(LONGEST);
    let deadline = Instant::now() + limit;
    let mut answers: Vec<Option<Answer>> = sources.iter().map(|_| None).collect();
    let (answer, answered) = mpsc::channel();
    for (at, source) in sources.iter().enumerate() {
        let (answer, source) = (answer.clone(), Arc::clone(source));
        let reader = std::thread::Builder::new()
            .name(format!("probe {}", source.name()))
            .spawn(move || {
                let reading = catch_unwind(AssertUnwindSafe(|| source.read()))
                    .unwrap_or_else(|_| Err(Unreadable::Failed("the probe panicked".into())));
                // Nobody listens any more when the limit is over; that is the plan and no error.
                let _ = answer.send((at, reading));
            });
        if let Err(error) = reader {
            answers[at] = Some(Err(Unreadable::Failed(format!(
                "no thread to probe on: {error}"
            ))));
        }
    }
    drop(answer);
    collect(&answered, &mut answers, deadline);
    let late = || Err(Unreadable::Failed(format!("no answer within {limit:?}")));
    answers
        .into_iter()
        .map(|answer| answer.unwrap_or_else(late))
        .collect()
}

type Answer = Result<Reading, Unreadable>;

/// Fills in answers until there is one for each, or the deadline has passed. What has arrived by then is taken in any case.
fn collect(
    answered: &mpsc::Receiver<(usize, Answer)>,
    answers: &mut [Option<Answer>],
    deadline: Instant,
) {
    while answers.iter().any(Option::is_none) {
        match answered.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((at, reading)) => answers[at] = Some(reading),
            Err(_) => break,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Fixed(Result<Reading, Unreadable>);

    impl DeviceSource for Fixed {
        fn name(&self) -> &str {
            "fixed"
        }
        fn platform(&self) -> &str {
            "cuda"
        }
        fn read(&self) -> Result<Reading, Unreadable> {
            self.0.clone()
        }
    }

    /// Answers only when its channel does.
    struct Hanging(Mutex<mpsc::Receiver<()>>);

    impl DeviceSource for Hanging {
        fn name(&self) -> &str {
            "hanging"
        }
        fn platform(&self) -> &str {
            "cuda"
        }
        fn read(&self) -> Result<Reading, Unreadable> {
            let _ = self.0.lock().unwrap().recv();
            Ok(Reading::default())
        }
    }

    struct Panicking;

    impl DeviceSource for Panicking {
        fn name(&self) -> &str {
            "panicking"
        }
        fn platform(&self) -> &str {
            "cuda"
        }
        fn read(&self) -> Result<Reading, Unreadable> {
            // Unwinds without calling the panic hook, which would print into the output of the tests.
            std::panic::resume_unwind(Box::new("a driver's binding gave up"))
        }
    }

    fn one_device() -> Reading {
        Reading {
            devices: vec![Device::new("cuda", 0, "NVIDIA L4")],
            notes: vec![],
        }
    }

    #[test]
    fn a_hanging_source_costs_its_limit() {
        let (open, never) = mpsc::channel();
        let answers = read_all(
            &[Arc::new(Hanging(Mutex::new(never)))],
            Duration::from_millis(20),
        );
        assert_eq!(
            answers,
            [Err(Unreadable::Failed("no answer within 20ms".into()))]
        );
        // The thread that was left behind ends with the test.
        drop(open);
    }

    #[test]
    fn what_has_arrived_counts_although_another_source_hangs() {
        let (answer, answered) = mpsc::channel();
        answer.send((1, Ok(one_device()))).unwrap();
        let mut answers = [None, None];
        collect(&answered, &mut answers, Instant::now());
        assert_eq!(answers, [None, Some(Ok(one_device()))]);
    }

    #[test]
    fn answers_stand_in_the_order_of_the_sources() {
        let absent = Err(Unreadable::Absent("nothing here".into()));
        let sources: [Arc<dyn DeviceSource>; 3] = [
            Arc::new(Fixed(absent.clone())),
            Arc::new(Panicking),
            Arc::new(Fixed(Ok(one_device()))),
        ];
        let answers = read_all(&sources, Duration::MAX);
        assert_eq!(
            answers,
            [
                absent,
                Err(Unreadable::Failed("the probe panicked".into())),
                Ok(one_device())
            ]
        );
    }

    #[test]
    fn no_source_no_answer() {
        assert_eq!(read_all(&[], Duration::MAX), []);
    }
}
