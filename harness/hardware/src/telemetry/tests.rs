//! The sampler on made-up devices and processes.

use std::sync::Mutex;
use std::sync::mpsc;

use super::*;
use crate::device::Device;
use crate::live::{DeviceProcess, LiveDevice, LiveReading};
use crate::probe::Probe;
use crate::source::{DeviceSource, Reading, Unreadable};

const LONG: Duration = Duration::from_secs(60);
const FAST: Duration = Duration::from_millis(1);
const MIB: u64 = 1 << 20;

/// Gives one reading for each of its channel; the last is repeated when the channel is closed.
struct Played {
    readings: Mutex<mpsc::Receiver<Result<LiveDevice, Unreadable>>>,
    last: Mutex<Option<Result<LiveDevice, Unreadable>>>,
}

impl DeviceSource for Played {
    fn name(&self) -> &str {
        "played"
    }
    fn platform(&self) -> &str {
        "cuda"
    }
    fn read(&self) -> Result<Reading, Unreadable> {
        Ok(Reading {
            devices: vec![Device::new("cuda", 0, "x")],
            notes: vec![],
        })
    }
    fn read_live(&self) -> Result<LiveReading, Unreadable> {
        let mut last = self.last.lock().unwrap();
        if let Ok(next) = self.readings.lock().unwrap().recv() {
            *last = Some(next);
        }
        let device = last
            .clone()
            .unwrap_or(Err(Unreadable::Absent("nothing played".into())))?;
        Ok(LiveReading {
            devices: vec![device],
            ..LiveReading::default()
        })
    }
}

fn played(readings: Vec<Result<LiveDevice, Unreadable>>) -> LiveReader {
    let (play, readings_of) = mpsc::channel();
    for reading in readings {
        play.send(reading).unwrap();
    }
    LiveReader::of(&Probe::empty().with_source(Arc::new(Played {
        readings: Mutex::new(readings_of),
        last: Mutex::new(None),
    })))
}

fn holding(processes: Option<&[(u32, Option<u64>)]>) -> Result<LiveDevice, Unreadable> {
    let mut device = LiveDevice::new("cuda", 0, "x");
    device.memory_used = Some(5 * MIB);
    device.processes = processes.map(|all| {
        let all = all.iter();
        all.map(|(pid, mib)| DeviceProcess::new(*pid, mib.map(|mib| mib * MIB)))
            .collect()
    });
    device.processes_note = processes.is_none().then(|| "a container".to_string());
    Ok(device)
}

/// A tree of processes: 10 with its child 11, and 20 beside them. Each has 100 pages and 12 ticks.
fn processes() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (pid, parent) in [(10, 1), (11, 10), (20, 1)] {
        let folder = root.path().join(format!("proc/{pid}"));
        std::fs::create_dir_all(&folder).unwrap();
        let stat = format!(
            "{pid} (x) S {parent} 0 0 0 -1 0 0 0 0 0 7 5 0 0 20 0 1 0 {} 1 100 1\n",
            pid * 10
        );
        std::fs::write(folder.join("stat"), stat).unwrap();
    }
    root
}

#[test]
fn the_peak_of_a_tree_is_the_largest_sum_of_one_moment() {
    let root = processes();
    let table = Table::read(root.path());
    let mut watches = Watches::default();
    watches.add("server".into(), Members::Tree(10));
    let take = |watches: &mut Watches, at, device: Result<LiveDevice, Unreadable>| {
        let live = Live {
            devices: device.into_iter().collect(),
            ..Live::default()
        };
        watches.sample(Duration::from_secs(at), &live, &table, None)
    };
    take(
        &mut watches,
        0,
        holding(Some(&[(10, Some(30)), (20, Some(900))])),
    );
    take(
        &mut watches,
        1,
        holding(Some(&[(10, Some(10)), (11, Some(25))])),
    );
    take(&mut watches, 2, holding(None));
    take(&mut watches, 3, holding(Some(&[(10, Some(1)), (11, None)])));
    take(&mut watches, 4, Err(Unreadable::Failed("gone".into())));
    let tree = &watches.summaries()[0];
    let peak = &tree.devices[0];
    assert_eq!(peak.bytes, Some(35 * MIB));
    assert_eq!((peak.samples, peak.gaps), (2, 3));
    assert_eq!(peak.reason.as_deref(), Some("the device could not be read"));
    let page = rustix::param::page_size() as u64;
    assert_eq!((tree.samples, tree.rss_max), (5, Some(200 * page)));
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    assert_eq!(tree.cpu_seconds, Some(24.0 / ticks));
    assert_eq!(tree.cores_max, Some(0.0));
}

#[test]
fn load_is_between_samples_and_what_ended_still_counts() {
    let root = processes();
    let mut watches = Watches::default();
    watches.add("server".into(), Members::Tree(10));
    let ticks = rustix::param::clock_ticks_per_second();
    let used = |pid: u32, seconds: u64| {
        let stat = root.path().join(format!("proc/{pid}/stat"));
        let text = std::fs::read_to_string(&stat).unwrap();
        let old = text.split(' ').nth(13).unwrap().to_owned();
        let new = format!(" {} 5 ", seconds * ticks);
        std::fs::write(&stat, text.replace(&format!(" {old} 5 "), &new)).unwrap();
    };
    let mut take = |at| {
        let table = Table::read(root.path());
        let seen = watches.sample(Duration::from_secs(at), &Live::default(), &table, None);
        let tree = watches.summaries().remove(0);
        (
            seen,
            tree.cpu_seconds.unwrap(),
            tree.cores_mean,
            tree.cores_max,
        )
    };
    let five = 5.0 / ticks as f64;
    used(10, 0);
    used(11, 0);
    let (_, first, mean, most) = take(0);
    assert_eq!(
        (first, mean, most),
        (2.0 * five, None, None),
        "one sample is no load"
    );
    used(10, 2);
    used(11, 6);
    assert_eq!(take(4).2, Some(2.0));
    // One is gone, with all that it had used.
    std::fs::remove_dir_all(root.path().join("proc/11")).unwrap();
    used(10, 4);
    let (_, seconds, mean, most) = take(8);
    assert_eq!(seconds, 10.0 + 2.0 * five);
    assert_eq!((mean, most), (Some(1.25), Some(2.0)));
}

#[test]
fn proportional_memory_is_the_sum_of_a_look_or_nothing() {
    let root = processes();
    let table = Table::read(root.path());
    let mut watches = Watches::default();
    watches.add("server".into(), Members::Tree(10));
    let page = rustix::param::page_size() as u64;
    assert_eq!(
        watches.members(&table),
        [(10, 100 * page), (11, 100 * page)]
    );
    let mut take = |looked: &[(u32, Option<u64>)]| {
        let looked = looked.iter().copied().collect();
        watches.sample(FAST, &Live::default(), &table, Some(&looked));
        watches.summaries()[0].pss_max
    };
    assert_eq!(
        take(&[(10, Some(5)), (11, None)]),
        None,
        "a part is no figure"
    );
    assert_eq!(take(&[]), None);
    assert_eq!(
        take(&[(10, Some(5)), (11, Some(7)), (20, Some(90))]),
        Some(12)
    );
    assert_eq!(take(&[(10, Some(5)), (11, Some(1))]), Some(12));
}

#[test]
fn a_pid_that_was_used_again_is_not_followed() {
    let root = processes();
    let mut watches = Watches::default();
    watches.add("server".into(), Members::Tree(20));
    let live = Live::default();
    watches.sample(Duration::ZERO, &live, &Table::read(root.path()), None);
    let stat = root.path().join("proc/20/stat");
    let text = std::fs::read_to_string(&stat).unwrap();
    std::fs::write(&stat, text.replace(" 200 1 ", " 999 1 ")).unwrap();
    let seen = watches.sample(FAST, &live, &Table::read(root.path()), None);
    assert_eq!(seen, []);
    assert_eq!(watches.summaries()[0].samples, 1);
}

#[test]
fn a_run_is_sampled_written_and_summed_up() {
    let root = processes();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.jsonl");
    let reader = played(vec![
        holding(Some(&[(11, Some(3))])),
        Err(Unreadable::Failed("gone".into())),
        holding(Some(&[(11, Some(4))])),
    ]);
    let telemetry = Telemetry::start_below(reader, Some(&path), FAST, root.path().into()).unwrap();
    let roots = Members::Trees(Box::new(|| vec![10, 20, 10]));
    let watch = telemetry.watch("servers", roots);
    assert!(telemetry.wait_for_samples(3, LONG));
    assert!(telemetry.sample_now(LONG));
    assert_eq!(watch.summary().devices[0].bytes, Some(4 * MIB));
    drop(watch);
    assert_eq!(telemetry.latest().unwrap().devices.len(), 1);
    let summary = telemetry.finish();
    assert!(summary.samples >= 4);
    // One that was played; on a machine that stands still, readings that came too late besides.
    assert!(summary.devices[0].missing >= 1);
    assert_eq!(summary.devices[0].memory_used_max, Some(5 * MIB));
    assert_eq!(summary.trees[0].label, "servers");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["schema"], 1);
    assert!(lines.iter().any(|line| line["device"] == "cuda:0"));
    assert!(lines.iter().any(|line| line["host"] == true));
}

#[test]
fn with_an_interval_of_zero_nothing_is_sampled_and_no_file_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.jsonl");
    let telemetry = Telemetry::start(played(vec![]), Some(&path), Duration::ZERO).unwrap();
    assert!(!telemetry.wait_for_samples(1, LONG));
    assert!(!telemetry.sample_now(LONG));
    assert_eq!(telemetry.finish().reason.unwrap(), "nothing was sampled");
    assert!(!path.exists());
}

#[test]
fn this_process_is_measured() {
    let telemetry = Telemetry::start(LiveReader::of(&Probe::empty()), None, FAST).unwrap();
    let watch = telemetry.watch("me", Members::Tree(std::process::id()));
    assert!(telemetry.sample_now(LONG));
    let seen = watch.summary();
    assert!(seen.samples >= 1);
    assert!(seen.rss_max.unwrap() > 0);
    assert_eq!(seen.devices, []);
}
