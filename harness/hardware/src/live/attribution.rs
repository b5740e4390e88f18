//! Whether the pids that a driver lists are pids of this place.
//!
//! Drivers know processes by the number that the machine gives them. In a container the same number is another process or none,
//! or the driver lists nothing at all; a leak check that compares such a list with its own pids finds nothing, always.
//!
//! Promise: a list is believed only where the numbers are this namespace's: this is the machine's own namespace, or every
//! listed process is here and has the driver's device node open. Else there is no list but a reason. Rejected: believing newer drivers,
//! which translate (nothing tells which do).

use std::fs;
use std::path::{Path, PathBuf};

use super::DeviceProcess;
use crate::proc_table;

/// The inode of the machine's own pid namespace: a constant of the kernel (`PROC_PID_INIT_INO`).
const INITIAL: &str = "pid:[4026531836]";

/// The processes below a root, seen from this process.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    root: PathBuf,
    initial: bool,
}

impl Namespace {
    /// As `/proc/self/ns/pid` below the root says it; where it says nothing the numbers are not believed.
    pub(crate) fn of(root: &Path) -> Namespace {
        let link = fs::read_link(root.join("proc/self/ns/pid")).ok();
        Namespace {
            root: root.into(),
            initial: link.is_some_and(|link| link.as_os_str() == INITIAL),
        }
    }

    /// The list with the processes' start times, or why it cannot be used. `node`: the start of the paths of the driver's nodes.
    pub(crate) fn believe(
        &self,
        mut listed: Vec<DeviceProcess>,
        node: &str,
    ) -> Result<Vec<DeviceProcess>, String> {
        if !self.initial {
            if listed.is_empty() {
                return Err("the driver lists no process; within a container that may mean that it hides them".into());
            }
            if let Some(stranger) = listed.iter().find(|process| !self.has(process.pid, node)) {
                return Err(format!(
                    "the driver lists process {}, which is not one that uses the device here: its numbers are not this container's",
                    stranger.pid
                ));
            }
        }
        for process in &mut listed {
            process.start_time = proc_table::start_time(&self.root, process.pid);
        }
        Ok(listed)
    }

    /// Whether the process is here and has a node open whose path begins so.
    fn has(&self, pid: u32, node: &str) -> bool {
        let folder = self.root.join(format!("proc/{pid}/fd"));
        fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .any(|link| link.to_string_lossy().starts_with(node))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree(namespace: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc/self/ns")).unwrap();
        symlink(namespace, root.path().join("proc/self/ns/pid")).unwrap();
        fs::create_dir_all(root.path().join("proc/41/fd")).unwrap();
        symlink("/dev/nvidia0", root.path().join("proc/41/fd/3")).unwrap();
        fs::create_dir_all(root.path().join("proc/42/fd")).unwrap();
        symlink("/dev/null", root.path().join("proc/42/fd/0")).unwrap();
        root
    }

    fn pids(pids: &[u32]) -> Vec<DeviceProcess> {
        pids.iter()
            .map(|pid| DeviceProcess::new(*pid, Some(1)))
            .collect()
    }

    #[test]
    fn on_the_machine_itself_every_number_is_believed() {
        let root = tree(INITIAL);
        let here = Namespace::of(root.path());
        assert_eq!(here.believe(pids(&[]), "/dev/nvidia"), Ok(vec![]));
        assert_eq!(here.believe(pids(&[99]), "/dev/nvidia").unwrap().len(), 1);
    }

    #[test]
    fn within_a_container_only_a_process_that_has_the_device_open_is_believed() {
        let root = tree("pid:[4026532222]");
        let here = Namespace::of(root.path());
        assert_eq!(here.believe(pids(&[41]), "/dev/nvidia"), Ok(pids(&[41])));
        for strange in [&[42][..], &[41, 42], &[77]] {
            let reason = here.believe(pids(strange), "/dev/nvidia").unwrap_err();
            assert!(reason.contains("container"), "{reason}");
        }
        assert!(
            here.believe(vec![], "/dev/nvidia")
                .unwrap_err()
                .contains("hides")
        );
    }

    #[test]
    fn a_namespace_that_cannot_be_read_is_not_believed() {
        let root = tempfile::tempdir().unwrap();
        assert!(
            Namespace::of(root.path())
                .believe(pids(&[1]), "/dev/nvidia")
                .is_err()
        );
    }
}
