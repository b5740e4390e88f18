//! The embedded engine as a server, and its processes.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tribunal_client::{Client, ModelClient};
use tribunal_faults::{FaultError, Proven, Step, Timeline, Undo};
use tribunal_serving::{Deployment, Server, StartOptions};

/// A server with everything that a test needs of it.
pub struct Engine {
    pub server: Server,
    pub model: ModelClient,
    pub timeline: Timeline,
    pub folder: PathBuf,
    _folder: tempfile::TempDir,
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

impl Engine {
    pub async fn start(options: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let program = std::env::current_exe().expect("this program");
        let args = [
            tribunal_engine::VERB,
            "--host",
            "{host}",
            "--port",
            "{port}",
            "--model",
            "{model}",
        ];
        let deployment = Deployment::command(program)
            .name("embedded")
            .model("embedded")
            .args(args)
            .args(options.split_whitespace());
        let start = StartOptions::new(folder.path()).grace(Duration::from_secs(10));
        let server = Server::start(&deployment, &start).await.expect("a start");
        let client = Client::new(server.base_url()).expect("a client");
        Self {
            model: client.model("embedded"),
            server,
            timeline: Timeline::new(),
            folder: folder.path().to_owned(),
            _folder: folder,
        }
    }

    /// The pids of the workers, which are processes of our own server.
    pub async fn workers(&self) -> Vec<i32> {
        let answer = self.model.client().get("/debug/workers").await;
        let body: serde_json::Value = answer.expect("an answer").json().expect("JSON");
        let workers = body["workers"].as_array().expect("workers").iter();
        let ours: Vec<u32> = self.server.processes().iter().map(|p| p.pid).collect();
        let pids: Vec<i32> = workers
            .filter_map(|worker| worker["pid"].as_i64())
            .map(|pid| i32::try_from(pid).expect("a pid"))
            .collect();
        assert!(pids.iter().all(|pid| ours.contains(&(*pid as u32))));
        pids
    }

    pub fn root(&self) -> i32 {
        let pid = self.server.pid().expect("a pid");
        i32::try_from(pid).expect("a pid")
    }

    /// Kills a process of the server and sees it dead.
    pub async fn kill(&self, pid: i32) -> Result<Proven, FaultError> {
        let began = self.timeline.since_start();
        signal(pid, Signal::KILL);
        while runs(pid) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(Proven::new(&self.timeline, format!("pid {pid} is dead")).at_once(began))
    }
}

pub fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).expect("a pid"), signal).expect("a signal");
}

/// The state of a process: `None` where there is none.
fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn runs(pid: i32) -> bool {
    !matches!(state(pid), None | Some('Z' | 'X'))
}

/// A process that is stopped until it is undone.
pub struct Stopped(i32, Timeline);

impl Stopped {
    pub async fn now(pid: i32, timeline: &Timeline) -> Self {
        signal(pid, Signal::STOP);
        while state(pid) != Some('T') {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        timeline.note(Step::Proven, format!("pid {pid} is stopped"));
        Self(pid, timeline.clone())
    }
}

impl Undo for Stopped {
    async fn undo(self) -> Result<(), FaultError> {
        signal(self.0, Signal::CONT);
        self.1.note(Step::Undone, format!("pid {} goes on", self.0));
        Ok(())
    }
}
