//! What a tree of processes holds, as the kernel says.
//!
//! Promise: a process that ends while it is read is left out; one that may not be read makes the figure unknown, never too small. The dear figure (PSS: the
//! kernel walks every page) is read rarely, and not of processes with more than [`LARGEST`] resident. Rejected: the telemetry of the run (it keeps peaks and
//! means, and a drift needs every sample).

use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::line::Sample;

/// Between two looks at PSS at least.
const EVERY: Duration = Duration::from_secs(30);
/// So many times as long as a look took, nobody looks again.
const REST: u32 = 200;
/// The largest process that is looked at.
const LARGEST: u64 = 8 << 30;

/// When PSS may be read again.
#[derive(Debug, Default)]
pub(crate) struct Rhythm(Option<Instant>);

/// What `/proc/PID/status` says, in bytes.
#[derive(Debug, Default, PartialEq)]
struct Status {
    rss: Option<u64>,
    anonymous: Option<u64>,
    file: Option<u64>,
    shared: Option<u64>,
    threads: Option<u64>,
}

/// Reads what these processes hold into a sample. `root` is `/`.
pub(crate) fn read(root: &Path, pids: &[u32], rhythm: &mut Rhythm, sample: &mut Sample) {
    let begun = Instant::now();
    let looks = rhythm.0.is_none_or(|at| begun >= at);
    let mut sums = Sums::default();
    for pid in pids {
        let folder = root.join(format!("proc/{pid}"));
        // It has ended.
        let Ok(text) = std::fs::read_to_string(folder.join("status")) else {
            continue;
        };
        let status = status(&text);
        // A zombie holds nothing, and says nothing of memory.
        let Some(rss) = status.rss else { continue };
        sums.count += 1;
        sums.rss.add(Some(rss));
        sums.anonymous.add(status.anonymous);
        sums.file.add(status.file);
        sums.shared.add(status.shared);
        sums.threads.add(status.threads);
        match descriptors(&folder) {
            Ok(count) => sums.descriptors.add(Some(count)),
            Err(ErrorKind::NotFound) => {}
            Err(_) => sums.descriptors.add(None),
        }
        if looks {
            let pss = (rss <= LARGEST).then(|| proportional(&folder)).flatten();
            sums.pss.add(pss);
        }
    }
    if looks {
        let took = begun.elapsed();
        rhythm.0 = Some(begun + EVERY.max(took + took * REST));
    }
    if sums.count == 0 {
        return;
    }
    sample.processes = Some(sums.count);
    sample.rss = sums.rss.all();
    sample.anonymous = sums.anonymous.all();
    sample.file = sums.file.all();
    sample.shared = sums.shared.all();
    sample.threads = sums.threads.all();
    sample.descriptors = sums.descriptors.all();
    sample.pss = sums.pss.all();
    let folder = pids
        .first()
        .map(|pid| root.join(format!("proc/{pid}/limits")));
    let limits = folder.and_then(|path| std::fs::read_to_string(path).ok());
    sample.descriptor_limit = limits.and_then(|text| open_files(&text));
}

/// What the host has left, and what of its shared memory is used.
pub(crate) fn host(root: &Path, sample: &mut Sample) {
    let text = std::fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
    sample.host_available = field(&text, "MemAvailable:");
    sample.host_shm = field(&text, "Shmem:");
}

#[derive(Default)]
struct Sums {
    count: u64,
    rss: Sum,
    anonymous: Sum,
    file: Sum,
    shared: Sum,
    threads: Sum,
    descriptors: Sum,
    pss: Sum,
}

/// A sum that one unknown part makes unknown.
#[derive(Default)]
struct Sum {
    known: Option<u64>,
    gap: bool,
}

impl Sum {
    fn add(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.known = Some(self.known.unwrap_or(0).saturating_add(value)),
            None => self.gap = true,
        }
    }

    fn all(&self) -> Option<u64> {
        self.known.filter(|_| !self.gap)
    }
}

fn status(text: &str) -> Status {
    let threads = text.lines().find_map(|line| line.strip_prefix("Threads:"));
    Status {
        rss: field(text, "VmRSS:"),
        anonymous: field(text, "RssAnon:"),
        file: field(text, "RssFile:"),
        shared: field(text, "RssShmem:"),
        threads: threads.and_then(|number| number.trim().parse().ok()),
    }
}

/// A line `Name:   123 kB` in bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

fn descriptors(folder: &Path) -> Result<u64, ErrorKind> {
    let entries = std::fs::read_dir(folder.join("fd")).map_err(|error| error.kind())?;
    Ok(entries.count() as u64)
}

fn proportional(folder: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(folder.join("smaps_rollup")).ok()?;
    field(&text, "Pss:")
}

/// The soft limit of `Max open files`.
fn open_files(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tengine\nVmRSS:\t    3000 kB\nRssAnon:\t 1000 kB\nRssFile:\t 1500 kB\nRssShmem:\t  500 kB\nThreads:\t7\n";

    fn process(root: &Path, pid: u32, status: &str, descriptors: usize) {
        let folder = root.join(format!("proc/{pid}"));
        std::fs::create_dir_all(folder.join("fd")).unwrap();
        std::fs::write(folder.join("status"), status).unwrap();
        for number in 0..descriptors {
            std::fs::write(folder.join(format!("fd/{number}")), "").unwrap();
        }
        std::fs::write(
            folder.join("smaps_rollup"),
            "x\nPss:  10 kB\nPss_Dirty: 3 kB\n",
        )
        .unwrap();
        let limits = "Limit   Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n";
        std::fs::write(folder.join("limits"), limits).unwrap();
    }

    #[test]
    fn a_tree_is_the_sum_of_its_processes() {
        let root = tempfile::tempdir().unwrap();
        process(root.path(), 7, STATUS, 3);
        process(root.path(), 8, STATUS, 4);
        // A zombie.
        process(root.path(), 9, "Name:\tx\nThreads:\t1\n", 0);
        let mut sample = Sample::default();
        let mut rhythm = Rhythm::default();
        read(root.path(), &[7, 8, 9, 10], &mut rhythm, &mut sample);
        let expected = Sample {
            processes: Some(2),
            rss: Some(6000 << 10),
            anonymous: Some(2000 << 10),
            file: Some(3000 << 10),
            shared: Some(1000 << 10),
            threads: Some(14),
            descriptors: Some(7),
            descriptor_limit: Some(1024),
            pss: Some(20 << 10),
            ..Sample::default()
        };
        assert_eq!(sample, expected);
        // So soon nobody looks at the dear figure again; that is unknown, and not zero.
        let mut again = Sample::default();
        read(root.path(), &[7, 8], &mut rhythm, &mut again);
        assert_eq!((again.pss, again.rss), (None, expected.rss));
    }

    #[test]
    fn what_one_process_does_not_say_is_unknown_of_all() {
        let root = tempfile::tempdir().unwrap();
        process(root.path(), 7, STATUS, 3);
        process(root.path(), 8, "VmRSS:\t 10 kB\nThreads:\tmany\n", 1);
        let mut sample = Sample::default();
        read(root.path(), &[7, 8], &mut Rhythm::default(), &mut sample);
        assert_eq!(sample.rss, Some(3010 << 10));
        assert_eq!((sample.anonymous, sample.threads), (None, None));
        let mut none = Sample::default();
        read(root.path(), &[99], &mut Rhythm::default(), &mut none);
        assert_eq!(none, Sample::default());
    }

    #[test]
    fn this_process_can_be_read() {
        let mut sample = Sample::default();
        let me = [std::process::id()];
        read(Path::new("/"), &me, &mut Rhythm::default(), &mut sample);
        host(Path::new("/"), &mut sample);
        assert!(sample.rss.is_some_and(|bytes| bytes > 0));
        assert!(sample.descriptors.is_some_and(|count| count >= 3));
        assert!(sample.threads.is_some() && sample.host_available.is_some());
    }
}
