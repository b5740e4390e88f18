//! A server that is looked at: its processes, the devices, what its metrics say.
//!
//! Promise: of a server that this run started the whole tree is read; of one that was only reached what its metrics say of its process (the names that
//! Prometheus' client libraries use), and the rest is unknown. Nothing here starts a process or waits for a driver longer than [`DRIVERS`].

use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use tribunal_client::{Client, ClientError};
use tribunal_faults::Reading;
use tribunal_hardware::{Live, LiveReader};
use tribunal_serving::{ProcessInfo, Server};

use crate::line::{DeviceSample, Gauges, Identity, Incident, Sample};
use crate::subject::{Looked, Probing, Subject};
#[cfg(target_os = "linux")]
use crate::tree;

/// The longest that drivers are waited for.
const DRIVERS: Duration = Duration::from_secs(3);
/// The longest that metrics are waited for.
const METRICS: Duration = Duration::from_secs(3);

/// A server that is looked at.
pub struct Watched {
    server: Server,
    client: Client,
    /// Away while a read of it hangs.
    reader: Arc<Mutex<LiveReader>>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The processes that were there at the first look and have not ended.
    members: Option<Vec<ProcessInfo>>,
    dead: bool,
    #[cfg(target_os = "linux")]
    rhythm: tree::Rhythm,
}

impl Watched {
    /// Looks at this server, and at these devices ([`LiveReader::system`]: those of this host).
    ///
    /// # Errors
    /// No client can be made for its address.
    pub fn new(server: &Server, devices: LiveReader) -> Result<Self, ClientError> {
        Ok(Self {
            client: Client::new(server.base_url())?.without_transcript(),
            server: server.clone(),
            reader: Arc::new(Mutex::new(devices)),
            known: Mutex::default(),
        })
    }

    /// As [`Watched::new`], with headers that its metrics need.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.client = client.without_transcript();
        self
    }

    async fn looked(&self) -> Looked {
        let mut looked = Looked::default();
        let sample = &mut looked.sample;
        let processes = self.server.processes();
        let pids: Vec<u32> = processes.iter().map(|process| process.pid).collect();
        let own = self.server.pid();
        sample.server = own.and_then(|pid| {
            let process = processes.iter().find(|process| process.pid == pid)?;
            Some(identity(process))
        });
        if let Ok(mut known) = self.known.lock() {
            looked.incidents = known.changes(own.is_some(), self.server.is_alive(), &processes);
            #[cfg(target_os = "linux")]
            {
                tree::read(std::path::Path::new("/"), &pids, &mut known.rhythm, sample);
                tree::host(std::path::Path::new("/"), sample);
            }
        }
        match self.devices().await {
            Ok(live) => {
                sample.devices = live.devices.iter().map(|one| device(one, &pids)).collect()
            }
            Err(why) => sample.notes.push(why),
        }
        match tokio::time::timeout(METRICS, self.client.metrics()).await {
            Ok(Ok(page)) => read_page(&page, own.is_none(), sample),
            Ok(Err(error)) => sample.notes.push(format!("no metrics: {}", brief(&error))),
            Err(_) => sample.notes.push("no metrics in time".to_owned()),
        }
        looked
    }

    async fn devices(&self) -> Result<Live, String> {
        let reader = Arc::clone(&self.reader);
        let read = tokio::task::spawn_blocking(move || match reader.try_lock() {
            Ok(mut reader) => Ok(reader.read(DRIVERS)),
            Err(TryLockError::Poisoned(_)) => Err("reading the devices has panicked".to_owned()),
            Err(TryLockError::WouldBlock) => Err("a read of the devices hangs".to_owned()),
        });
        let late = DRIVERS + Duration::from_secs(2);
        match tokio::time::timeout(late, read).await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => Err(format!("devices were not read: {error}")),
            Err(_) => Err("a read of the devices hangs".to_owned()),
        }
    }
}

impl Subject for Watched {
    fn look(&self) -> Probing<'_, Looked> {
        Box::pin(self.looked())
    }

    fn probe(&self) -> Probing<'_, Result<(), String>> {
        Box::pin(async {
            let checked = self.server.check().await;
            checked.map_err(|unwell| brief(&unwell))
        })
    }
}

impl Known {
    /// What has happened since the last look. `own`: the server was started by this run, so that its processes are known.
    fn changes(&mut self, own: bool, alive: bool, now: &[ProcessInfo]) -> Vec<Incident> {
        let mut found = Vec::new();
        if !own {
            return found;
        }
        if !alive && !self.dead {
            self.dead = true;
            found.push(Incident::Dead {
                why: "its process has ended".to_owned(),
            });
        }
        let Some(members) = &mut self.members else {
            self.members = Some(now.to_vec());
            return found;
        };
        let same = |one: &ProcessInfo, other: &ProcessInfo| {
            (one.pid, one.start_time) == (other.pid, other.start_time)
        };
        members.retain(|member| {
            let there = now.iter().any(|process| same(process, member));
            if !there {
                let process = format!("{} (pid {})", member.name, member.pid);
                found.push(Incident::Ended { process });
            }
            there
        });
        found
    }
}

fn identity(process: &ProcessInfo) -> Identity {
    Identity {
        pid: Some(process.pid),
        // Ticks since boot: exact for a hundred thousand years.
        start: process.start_time as f64,
    }
}

fn device(live: &tribunal_hardware::LiveDevice, pids: &[u32]) -> DeviceSample {
    let held = live.throttle.as_deref().filter(|held| !held.is_empty());
    DeviceSample {
        device: live.key(),
        simulated: live.simulated,
        own: live.used_by(pids).ok().filter(|_| !pids.is_empty()),
        used: live.memory_used,
        total: live.memory_total,
        celsius: live.temperature_celsius,
        clock_mhz: live.core_clock_mhz,
        throttle: held.map(|held| format!("{held:?}")),
    }
}

/// What a page of metrics says of the load, and of a process of which nothing else is known.
fn read_page(page: &str, reached: bool, sample: &mut Sample) {
    match Reading::of_page(Duration::ZERO, page) {
        Ok(reading) => {
            sample.gauges = Some(Gauges {
                running: reading.running,
                waiting: reading.waiting,
                cache: reading.cache,
            });
        }
        Err(why) => sample.notes.push(why),
    }
    if reached {
        let number = |name| value(page, name);
        let whole = |name| {
            number(name)
                .filter(|v| (0.0..1e18).contains(v))
                .map(|v| v as u64)
        };
        sample.server =
            number("process_start_time_seconds").map(|start| Identity { pid: None, start });
        sample.rss = whole("process_resident_memory_bytes");
        sample.descriptors = whole("process_open_fds");
        sample.descriptor_limit = whole("process_max_fds");
    }
}

/// The value of a metric without labels.
fn value(page: &str, name: &str) -> Option<f64> {
    let rest = page
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    let value: f64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some(value)
}

/// The first line, and not all of it.
fn brief(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, start_time: u64, name: &str) -> ProcessInfo {
        ProcessInfo {
            pid,
            start_time,
            name: name.into(),
            parent: 1,
        }
    }

    #[test]
    fn a_process_of_the_first_look_that_ends_is_told_once_and_later_ones_may_come_and_go() {
        let mut known = Known::default();
        let first = [process(7, 1, "api"), process(8, 1, "worker")];
        assert_eq!(known.changes(true, true, &first), []);
        let more = [
            process(7, 1, "api"),
            process(8, 1, "worker"),
            process(9, 2, "x"),
        ];
        assert_eq!(known.changes(true, true, &more), []);
        assert_eq!(known.changes(true, true, &first), []);
        // The same pid, another process.
        let other = [process(7, 1, "api"), process(8, 5, "worker")];
        let ended = Incident::Ended {
            process: "worker (pid 8)".into(),
        };
        assert_eq!(known.changes(true, true, &other), [ended]);
        assert_eq!(known.changes(true, true, &other), []);
        let gone = known.changes(true, false, &[]);
        assert!(matches!(
            &gone[..],
            [Incident::Dead { .. }, Incident::Ended { .. }]
        ));
        assert_eq!(known.changes(true, false, &[]), []);
        // Of a server that was only reached nothing is known.
        assert_eq!(Known::default().changes(false, true, &[]), []);
    }

    #[test]
    fn of_a_server_that_was_only_reached_its_metrics_speak() {
        let page = "# HELP x y\nprocess_start_time_seconds 1.7e9\nprocess_resident_memory_bytes 4.5e+07\nprocess_open_fds NaN\nprocess_open_fds_more 3\nvllm:num_requests_running{m=\"x\"} 2\nvllm:kv_cache_usage_perc 0.5\n";
        let mut sample = Sample::default();
        read_page(page, true, &mut sample);
        assert_eq!(sample.rss, Some(45_000_000));
        assert_eq!(sample.descriptors, None);
        assert_eq!(sample.server.map(|server| server.start), Some(1.7e9));
        let gauges = sample.gauges.unwrap();
        assert_eq!((gauges.running, gauges.cache), (Some(2.0), Some(0.5)));
        // What is read of the processes is not overwritten.
        let mut own = Sample::default();
        read_page(page, false, &mut own);
        assert_eq!((own.rss, own.server), (None, None));
        let mut none = Sample::default();
        read_page("nothing", true, &mut none);
        assert_eq!((none.gauges, none.notes.len()), (None, 1));
    }
}
