//! What AWS Neuron devices say: `neuron-ls`, the driver's own program, asked for JSON.
//!
//! Promise: the memory in all and the processes; what is in use it does not say, so that stays unmeasured. The program is ended after its
//! limit. Rejected: the files below `/sys/devices/virtual/neuron_device`, which moved between driver versions without a
//! way back.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;

use super::DeviceProcess;

/// Where the driver's package puts it. Only this place is believed: a program of that name elsewhere may be anything.
const PROGRAM: &str = "opt/aws/neuron/bin/neuron-ls";
/// Shorter than the limit of a probe, so that the reason is told and not only that there was none.
const LIMIT: Duration = Duration::from_secs(4);
/// The most that is read of its answer.
const MOST: u64 = 1024 * 1024;

/// One device as the program describes it.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Described {
    neuron_device: u32,
    /// As the runtime counts them.
    #[serde(default)]
    nc_count: Option<u32>,
    #[serde(default)]
    memory_size: Option<u64>,
    #[serde(default)]
    neuron_processes: Option<Vec<Running>>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Running {
    pid: u32,
}

impl Described {
    pub(crate) fn number(&self) -> u32 {
        self.neuron_device
    }

    pub(crate) fn memory(&self) -> Option<u64> {
        self.memory_size.filter(|bytes| *bytes > 0)
    }

    pub(crate) fn cores(&self) -> Option<u32> {
        self.nc_count
    }

    /// The processes, without what each holds: the program does not say.
    pub(crate) fn processes(&self) -> Option<Vec<DeviceProcess>> {
        let processes = self.neuron_processes.as_ref()?;
        let all = processes
            .iter()
            .map(|process| DeviceProcess::new(process.pid, None));
        Some(all.collect())
    }
}

/// Asks the program below the root.
///
/// # Errors
/// In words: it is not there, or it gave no answer that can be read.
pub(crate) fn describe(root: &Path) -> Result<Vec<Described>, String> {
    let program = root.join(PROGRAM);
    if !program.is_file() {
        return Err(format!("there is no /{PROGRAM}"));
    }
    parse(&output(&program)?)
}

fn parse(text: &str) -> Result<Vec<Described>, String> {
    serde_json::from_str(text).map_err(|error| format!("the answer of neuron-ls: {error}"))
}

/// What the program prints, within the limit.
fn output(program: &PathBuf) -> Result<String, String> {
    let mut child = Command::new(program)
        .arg("-j")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("neuron-ls cannot be started: {error}"))?;
    let (send, answer) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut text = String::new();
            let read = stdout.take(MOST).read_to_string(&mut text);
            // Nobody listens any more after the limit.
            let _ = send.send(read.map(|_| text).map_err(|error| error.to_string()));
        });
    }
    let answer = answer
        .recv_timeout(LIMIT)
        .unwrap_or_else(|_| Err(format!("no answer within {LIMIT:?}")));
    // It may have ended by itself; either way it is reaped.
    let _ = child.kill();
    let _ = child.wait();
    answer.map_err(|error| format!("neuron-ls: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_answer_gives_memory_and_processes() {
        let text = r#"[{"neuron_device": 0, "bdf": "00:1e.0", "nc_count": 2, "memory_size": 34359738368,
            "neuron_processes": [{"pid": 77, "command": "serve", "neuroncore_ids": [0, 1]}]},
            {"neuron_device": 1, "memory_size": 0}]"#;
        let devices = parse(text).unwrap();
        assert_eq!(devices[0].memory(), Some(32 << 30));
        assert_eq!((devices[0].cores(), devices[1].cores()), (Some(2), None));
        assert_eq!(
            devices[0].processes(),
            Some(vec![DeviceProcess::new(77, None)])
        );
        assert_eq!((devices[1].number(), devices[1].memory()), (1, None));
        assert_eq!(devices[1].processes(), None);
        assert!(parse("neuron-ls: no driver").is_err());
        assert!(parse("{}").is_err());
    }

    #[test]
    fn the_program_below_the_root_is_asked() {
        let root = tempfile::tempdir().unwrap();
        assert!(describe(root.path()).unwrap_err().contains("there is no"));
        let path = root.path().join(PROGRAM);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // It repeats its arguments: no JSON, and no flag that it would refuse.
        std::os::unix::fs::symlink("/bin/echo", &path).unwrap();
        let error = describe(root.path()).unwrap_err();
        assert!(error.starts_with("the answer of neuron-ls"), "{error}");
    }
}
