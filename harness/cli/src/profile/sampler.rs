//! Reads devices again and again while a test runs.
//!
//! Promise: what counts is the memory of the processes below this one where the driver tells it, of the whole device only where it never
//! does; the two are not mixed in one trace. A reading that failed is a gap. Rejected: running `nvidia-smi` each second.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tribunal_hardware::LiveReader;
use tribunal_profiler::{Sample, Trace};

use super::tree;

/// One device at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    pub(crate) device: usize,
    /// What the test's own processes hold.
    pub(crate) of_tree: Option<u64>,
    /// What everybody holds.
    pub(crate) of_all: Option<u64>,
    pub(crate) total: Option<u64>,
    pub(crate) utilization: Option<u32>,
}

/// Readings, each with the seconds since the first.
pub(crate) type Seen = Vec<(f64, Reading)>;

/// Whoever can read devices.
pub(crate) trait Sampler: Send {
    /// The devices now; `pids` are the test's processes.
    fn read(&mut self, pids: &[u32]) -> Vec<Reading>;
}

/// The drivers of this host, or a ledger of simulated devices.
pub(crate) struct Live {
    pub(crate) reader: LiveReader,
    pub(crate) platform: String,
    /// The devices of the platform that count.
    pub(crate) indexes: Vec<u32>,
}

/// The longest that one reading waits for a driver.
const READING: Duration = Duration::from_secs(5);

impl Sampler for Live {
    fn read(&mut self, pids: &[u32]) -> Vec<Reading> {
        let live = self.reader.read(READING);
        live.devices
            .iter()
            .filter(|one| one.platform == self.platform && self.indexes.contains(&one.index))
            .map(|one| Reading {
                device: one.index as usize,
                of_tree: one.used_by(pids).ok(),
                of_all: one.memory_used,
                total: one.memory_total,
                utilization: one.utilisation_percent,
            })
            .collect()
    }
}

/// A sampler at work on a thread of its own.
pub(crate) struct Recorder {
    begun: Instant,
    stop: Sender<()>,
    seen: Arc<Mutex<Seen>>,
    thread: JoinHandle<Box<dyn Sampler>>,
}

impl Recorder {
    /// Begins with a first reading, so that there always is one before the test.
    pub(crate) fn start(mut sampler: Box<dyn Sampler>, interval: Duration) -> Recorder {
        let begun = Instant::now();
        let (stop, stopped) = mpsc::channel();
        let seen = Arc::new(Mutex::new(vec![]));
        let take = move |sampler: &mut dyn Sampler, seen: &Mutex<Seen>| {
            let readings = sampler.read(&tree::below_this());
            let at = begun.elapsed().as_secs_f64();
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.extend(readings.into_iter().map(|reading| (at, reading)));
        };
        take(sampler.as_mut(), &seen);
        let all = Arc::clone(&seen);
        let thread = std::thread::spawn(move || {
            loop {
                match stopped.recv_timeout(interval) {
                    Err(RecvTimeoutError::Timeout) => take(sampler.as_mut(), &all),
                    _ => {
                        // The last word: what is held now.
                        take(sampler.as_mut(), &all);
                        return sampler;
                    }
                }
            }
        });
        Recorder {
            begun,
            stop,
            seen,
            thread,
        }
    }

    /// Seconds since the beginning.
    pub(crate) fn now(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// What was read up to now.
    pub(crate) fn seen(&self) -> Seen {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Stops; gives the sampler back, for the next run.
    pub(crate) fn finish(self) -> Result<(Box<dyn Sampler>, Seen), String> {
        // Where the thread has ended by itself, joining says why.
        let _ = self.stop.send(());
        let sampler = self
            .thread
            .join()
            .map_err(|_| "reading the devices panicked".to_owned())?;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((sampler, seen.clone()))
    }
}

/// The trace of what was read.
pub(crate) fn trace(seen: &[(f64, Reading)], baseline_end: f64, test_end: f64) -> Trace {
    let of_tree = seen.iter().any(|(_, reading)| reading.of_tree.is_some());
    let sample = |(at, reading): &(f64, Reading)| {
        let used = match of_tree {
            true => reading.of_tree,
            false => reading.of_all,
        };
        Some(Sample {
            at: *at,
            device: reading.device,
            used: used?,
            total: reading.total,
            utilization: reading.utilization,
        })
    };
    Trace {
        samples: seen.iter().filter_map(sample).collect(),
        baseline_end,
        test_end,
        of_tree,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(of_tree: Option<u64>, of_all: Option<u64>) -> Reading {
        Reading {
            of_tree,
            of_all,
            ..Reading::default()
        }
    }

    #[test]
    fn the_tree_counts_where_it_is_told_and_a_failed_reading_is_a_gap() {
        let seen = [
            (0.0, reading(Some(0), Some(900))),
            (1.0, reading(None, Some(900))),
            (2.0, reading(Some(5), None)),
        ];
        let told = trace(&seen, 0.5, 1.5);
        let used: Vec<_> = told.samples.iter().map(|s| (s.at, s.used)).collect();
        assert!(told.of_tree);
        assert_eq!(used, [(0.0, 0), (2.0, 5)]);
    }

    #[test]
    fn without_processes_the_device_counts() {
        let seen = [(0.0, reading(None, Some(900))), (1.0, reading(None, None))];
        let told = trace(&seen, 0.5, 1.5);
        assert!(!told.of_tree);
        assert_eq!(told.samples.len(), 1);
    }

    struct Counting(u64);

    impl Sampler for Counting {
        fn read(&mut self, _: &[u32]) -> Vec<Reading> {
            self.0 += 1;
            vec![reading(Some(self.0), None)]
        }
    }

    #[test]
    fn there_is_a_reading_at_the_beginning_and_one_at_the_end() {
        let hour = Duration::from_secs(3600);
        let recorder = Recorder::start(Box::new(Counting(0)), hour);
        assert_eq!(recorder.seen().len(), 1);
        let (_, seen) = recorder.finish().unwrap();
        let used: Vec<_> = seen.iter().map(|(_, reading)| reading.of_tree).collect();
        assert_eq!(used, [Some(1), Some(2)]);
    }
}
