//! The side of the conductor.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tribunal_serving::{ProcessInfo, ProcessSignal, process_of, processes_below, signal_process};

use crate::world::{Links, Party};

use super::{Answer, Ask, End, MOST, NodeProcess, NodeProcesses, SOCKET};

/// What can be broken.
pub(crate) struct Nodes {
    /// What is between them; `None`: nothing that could break.
    pub links: Option<Links>,
    /// Their addresses.
    pub addresses: Vec<String>,
    /// Their agents.
    pub agents: Vec<ProcessInfo>,
}

/// Answers until it is dropped; the socket goes with it.
pub(crate) struct Control {
    socket: PathBuf,
    serving: JoinHandle<()>,
}

impl Control {
    /// Listens in the evidence folder.
    ///
    /// # Errors
    /// Nothing can be listened at there.
    pub fn open(evidence: &Path, nodes: Nodes) -> io::Result<Control> {
        std::fs::create_dir_all(evidence)?;
        let folder = File::open(evidence)?;
        let socket = evidence.join(SOCKET);
        match std::fs::remove_file(&socket) {
            // What an earlier run left.
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        // Addresses of sockets are short, and paths of evidence are not.
        let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
        let listener = UnixListener::bind(path)?;
        let nodes = Arc::new(nodes);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let nodes = nodes.clone();
                tokio::spawn(async move {
                    // Who asks and goes away is not told.
                    let _ = answer(stream, nodes).await;
                });
            }
        });
        Ok(Control { socket, serving })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.serving.abort();
        let _ = std::fs::remove_file(&self.socket);
    }
}

async fn answer(stream: UnixStream, nodes: Arc<Nodes>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(MOST)).read_line(&mut line).await?;
    let answer = match serde_json::from_str::<Ask>(&line) {
        Ok(ask) => {
            // What is done enters other networks and looks at all processes.
            let done = tokio::task::spawn_blocking(move || nodes.act(&ask)).await;
            done.unwrap_or_else(|e| Err(io::Error::other(e)))
                .unwrap_or_else(|e| Answer::Failed(e.to_string()))
        }
        Err(e) => Answer::Failed(format!("this is not understood: {e}")),
    };
    let mut line = serde_json::to_string(&answer)?;
    line.push('\n');
    write.write_all(line.as_bytes()).await
}

impl Nodes {
    fn act(&self, ask: &Ask) -> io::Result<Answer> {
        match ask {
            Ask::Partition { from, to, both } => {
                let links = self.links()?;
                links.cut(party(*from), party(*to))?;
                if *both {
                    links.cut(party(*to), party(*from))?;
                }
            }
            Ask::Heal {} => self.links()?.mend_all()?,
            Ask::Slow {
                node,
                bytes_per_second,
            } => self.links()?.rate(*node, *bytes_per_second)?,
            Ask::KillNode { node } => self.kill(*node)?,
            Ask::StopNode { node } => self.signal(*node, ProcessSignal::Stop)?,
            Ask::ContinueNode { node } => self.signal(*node, ProcessSignal::Continue)?,
            Ask::Processes {} => return Ok(Answer::Processes(self.processes())),
        }
        Ok(Answer::Done)
    }

    fn links(&self) -> io::Result<&Links> {
        self.links.as_ref().ok_or_else(|| {
            io::Error::other("cannot inject: these nodes are loopback addresses, between which nothing can break")
        })
    }

    /// The processes of a node, its agent first.
    fn of(&self, node: usize) -> io::Result<Vec<ProcessInfo>> {
        let agent = self.agents.get(node).ok_or_else(|| {
            let last = self.agents.len().saturating_sub(1);
            io::Error::other(format!("there is no node {node}: there are 0 to {last}"))
        })?;
        let there = process_of(agent.pid).filter(|now| now.start_time == agent.start_time);
        if there.is_none() {
            return Err(io::Error::other(format!("node {node} is gone already")));
        }
        let mut all = vec![agent.clone()];
        all.extend(processes_below(agent.pid));
        Ok(all)
    }

    fn signal(&self, node: usize, signal: ProcessSignal) -> io::Result<()> {
        for process in self.of(node)? {
            // One that has ended meanwhile is as good.
            signal_process(&process, signal)?;
        }
        Ok(())
    }

    /// Nobody there may see that another is gone.
    fn kill(&self, node: usize) -> io::Result<()> {
        self.signal(node, ProcessSignal::Stop)?;
        self.signal(node, ProcessSignal::Kill)
    }

    fn processes(&self) -> Vec<NodeProcesses> {
        let nodes = self.agents.iter().zip(&self.addresses).enumerate();
        nodes
            .map(|(node, (agent, address))| NodeProcesses {
                node,
                address: address.clone(),
                agent: agent.pid,
                processes: self
                    .of(node)
                    .unwrap_or_default()
                    .into_iter()
                    .skip(1)
                    .map(|process| NodeProcess {
                        pid: process.pid,
                        start_time: process.start_time,
                        name: process.name,
                    })
                    .collect(),
            })
            .collect()
    }
}

fn party(end: End) -> Party {
    match end {
        End::Node(node) => Party::Node(node),
        End::Leader => Party::Leader,
    }
}
