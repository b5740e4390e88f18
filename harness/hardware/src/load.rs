//! What this host itself does now: memory, load, and what a control group allows.
//!
//! Promise: figures of the kernel's own files, `None` where there are none (another system, a hidden `/proc`); the limit is the
//! tightest of all groups above this process. Rejected: the machine's memory alone, which in a container is not what a server gets.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::files;

/// The host now. Sizes are bytes.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HostLoad {
    /// All memory of the machine.
    pub memory_total: Option<u64>,
    /// What can be had without taking it from anybody.
    pub memory_available: Option<u64>,
    /// The tightest limit on memory of a control group that this process is in; `None`: there is none, or it cannot be read.
    pub memory_limit: Option<u64>,
    /// What the group with that limit uses, caches included.
    pub memory_limited_used: Option<u64>,
    /// Tasks that ran or waited to run, the mean of the last minute.
    pub load_1: Option<f64>,
    /// Processors that this process may use by the control groups' quota; `None`: no quota, or it cannot be read.
    pub cpu_quota: Option<f64>,
    /// Processors of the machine that this process may use.
    pub cpus: Option<u32>,
}

impl HostLoad {
    /// This host now.
    pub fn now() -> HostLoad {
        let mut load = HostLoad::below(Path::new("/"));
        load.cpus = std::thread::available_parallelism()
            .ok()
            .and_then(|count| u32::try_from(count.get()).ok());
        load
    }

    /// As the files below `root` say it.
    fn below(root: &Path) -> HostLoad {
        let meminfo = files::text(&root.join("proc/meminfo")).unwrap_or_default();
        let field = |name: &str| {
            meminfo.lines().find_map(|line| {
                let rest = line.strip_prefix(name)?.strip_prefix(':')?;
                let kib: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
                kib.checked_mul(1024)
            })
        };
        let groups = groups(root);
        let tightest = groups
            .iter()
            .filter_map(|group| Some((files::number(&group.join("memory.max"))?, group)))
            .min();
        let quotas = groups
            .iter()
            .filter_map(|group| quota(&files::text(&group.join("cpu.max"))?));
        HostLoad {
            memory_total: field("MemTotal"),
            memory_available: field("MemAvailable"),
            memory_limit: tightest.as_ref().map(|(limit, _)| *limit),
            memory_limited_used: tightest
                .and_then(|(_, group)| files::number(&group.join("memory.current"))),
            load_1: files::text(&root.join("proc/loadavg"))
                .and_then(|text| text.split_whitespace().next()?.parse().ok()),
            cpu_quota: quotas.reduce(f64::min),
            cpus: None,
        }
    }
}

/// The folders of this process's control group (version 2) and of all above it.
fn groups(root: &Path) -> Vec<PathBuf> {
    let own = files::text(&root.join("proc/self/cgroup")).unwrap_or_default();
    let Some(path) = own.lines().find_map(|line| line.strip_prefix("0::/")) else {
        return Vec::new();
    };
    let top = root.join("sys/fs/cgroup");
    // Names from the kernel, but a path that climbs would lead out of the folder.
    if path.split('/').any(|part| part == "..") {
        return vec![top];
    }
    let own = top.join(path);
    own.ancestors()
        .take_while(|group| group.starts_with(&top))
        .map(Path::to_path_buf)
        .collect()
}

/// `cpu.max`: `200000 100000` are two processors, `max 100000` is no quota.
fn quota(text: &str) -> Option<f64> {
    let (quota, period) = text.split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.trim().parse().ok()?);
    (period > 0.0 && quota.is_finite()).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_tightest_group_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "proc/meminfo",
            "MemTotal:       2048 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\n",
        );
        write("proc/loadavg", "1.50 0.7 0.1 1/200 999\n");
        write("proc/self/cgroup", "0::/a/b\n");
        write("sys/fs/cgroup/a/memory.max", "1000000\n");
        write("sys/fs/cgroup/a/memory.current", "400\n");
        write("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
        write("sys/fs/cgroup/a/b/memory.max", "max\n");
        write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
        let load = HostLoad::below(root.path());
        assert_eq!(
            (load.memory_total, load.memory_available),
            (Some(2 << 20), Some(1 << 20))
        );
        assert_eq!(
            (load.memory_limit, load.memory_limited_used),
            (Some(1_000_000), Some(400))
        );
        assert_eq!((load.load_1, load.cpu_quota), (Some(1.5), Some(1.5)));
    }

    #[test]
    fn a_system_without_these_files_is_unmeasured() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(HostLoad::below(root.path()), HostLoad::default());
        assert_eq!(quota("max 100000"), None);
        assert_eq!(quota("1 0"), None);
    }
}
