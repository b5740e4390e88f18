//! The side of the test.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Answer, Ask, End, MOST, NodeProcesses, SOCKET};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What can be done to the nodes of a rehearsal while it runs.
#[derive(Clone, Debug)]
pub struct NodeControl {
    folder: PathBuf,
}

impl NodeControl {
    /// Of the rehearsal whose evidence lies in this folder: that of the server's log.
    ///
    /// # Errors
    /// There is no rehearsal that runs.
    pub fn of(folder: &Path) -> io::Result<NodeControl> {
        let control = NodeControl {
            folder: folder.to_path_buf(),
        };
        control.connect()?;
        Ok(control)
    }

    /// What one node sends to the other is lost without a word, and with `both` what comes back. `None` is whoever conducts.
    ///
    /// # Errors
    /// There is no such node, or it cannot be injected here: nodes that are loopback addresses have no links.
    pub fn partition(&self, from: Option<usize>, to: Option<usize>, both: bool) -> io::Result<()> {
        let end = |node: Option<usize>| node.map_or(End::Leader, End::Node);
        let (from, to) = (end(from), end(to));
        self.done(&Ask::Partition { from, to, both })
    }

    /// Everything arrives again, at every rate.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn heal(&self) -> io::Result<()> {
        self.done(&Ask::Heal {})
    }

    /// A node sends and receives so many bytes in a second; `None`: as many as it can.
    ///
    /// # Errors
    /// As of [`partition`](NodeControl::partition); also where the kernel has no means for rates.
    pub fn slow(&self, node: usize, bytes_per_second: Option<u64>) -> io::Result<()> {
        self.done(&Ask::Slow {
            node,
            bytes_per_second,
        })
    }

    /// A node is gone, with all its processes, as when its power fails.
    ///
    /// # Errors
    /// There is no such node, or it is gone already.
    pub fn kill(&self, node: usize) -> io::Result<()> {
        self.done(&Ask::KillNode { node })
    }

    /// A node stands still.
    ///
    /// # Errors
    /// As of [`kill`](NodeControl::kill).
    pub fn stop(&self, node: usize) -> io::Result<()> {
        self.done(&Ask::StopNode { node })
    }

    /// A node that stands still goes on.
    ///
    /// # Errors
    /// As of [`kill`](NodeControl::kill).
    pub fn go_on(&self, node: usize) -> io::Result<()> {
        self.done(&Ask::ContinueNode { node })
    }

    /// Who runs where.
    ///
    /// # Errors
    /// The rehearsal is gone.
    pub fn processes(&self) -> io::Result<Vec<NodeProcesses>> {
        match self.ask(&Ask::Processes {})? {
            Answer::Processes(nodes) => Ok(nodes),
            Answer::Failed(why) => Err(io::Error::other(why)),
            Answer::Done => Err(io::Error::other("an answer to another question")),
        }
    }

    fn done(&self, ask: &Ask) -> io::Result<()> {
        match self.ask(ask)? {
            Answer::Failed(why) => Err(io::Error::other(why)),
            Answer::Done | Answer::Processes(_) => Ok(()),
        }
    }

    fn connect(&self) -> io::Result<UnixStream> {
        // Addresses of sockets are short, and paths of evidence are not.
        let said = |e: io::Error| {
            let folder = self.folder.display();
            io::Error::new(
                e.kind(),
                format!("no rehearsal of nodes can be asked in {folder}: {e}"),
            )
        };
        let folder = File::open(&self.folder).map_err(said)?;
        let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
        let stream = UnixStream::connect(path).map_err(said)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    fn ask(&self, ask: &Ask) -> io::Result<Answer> {
        let mut stream = self.connect()?;
        let mut line = serde_json::to_string(ask)?;
        line.push('\n');
        stream.write_all(line.as_bytes())?;
        let mut answer = String::new();
        BufReader::new(stream.take(MOST)).read_line(&mut answer)?;
        if answer.is_empty() {
            return Err(io::Error::other("the rehearsal ended before it answered"));
        }
        Ok(serde_json::from_str(&answer)?)
    }
}
