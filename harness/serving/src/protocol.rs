//! What harness and keeper say to each other: one JSON object per line over a socket.
//!
//! The first line goes to the keeper and carries the port lease's descriptor with it. When the harness's end is
//! closed, however that came about, the keeper stops the server; the keeper of a server that is shared has taken
//! note that one lease is gone. Who attaches later says nothing at first and hears what is known. JSON was preferred to a binary format because a
//! person can read it in a trace; paths and arguments travel as bytes, so that no name is lost.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

use crate::container::Handle;
use crate::launch::Fatal;
use crate::leftover::Leftover;
use crate::process::ProcessInfo;
use crate::share::Runner;

/// Harness to keeper, once: what to start and how.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub program: OsString,
    pub args: Vec<OsString>,
    pub env: Vec<(OsString, Option<OsString>)>,
    pub cwd: Option<OsString>,
    pub port: u16,
    /// The log file; it exists already.
    pub log: OsString,
    pub log_whole: u64,
    pub log_head: u64,
    pub fatal: Vec<Fatal>,
    pub grace_ms: u64,
    /// What runs is the client of a container runtime, and this is its container.
    pub container: Option<Handle>,
    /// Others may attach once the server is ready.
    pub share: Option<SharedOrder>,
}

/// What the keeper of a server needs that several processes share.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SharedOrder {
    /// Where others attach.
    pub socket: PathBuf,
    /// The file that tells others of the server; the keeper removes it when it ends.
    pub state: PathBuf,
    /// Tells of a start that failed.
    pub failure: PathBuf,
    /// Who writes or removes one of these files holds the lock on this one.
    pub lock: PathBuf,
    pub runner: Option<Runner>,
    pub linger_ms: u64,
}

/// Harness to keeper, afterwards.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Stop the server, whoever else uses it; wait this long before using force.
    Stop { grace_ms: u64 },
    /// The server is ready. From now on this connection is one lease among others.
    Publish,
    /// Give this lease back.
    Release,
}

/// Keeper to harness.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    Started {
        pid: u32,
        start_time: u64,
        /// The control group of the server, where it has one of its own.
        belt: Option<PathBuf>,
    },
    /// The program could not be run; nothing was started.
    NotStarted { error: String },
    /// A line of the log holds a pattern that the deployment calls fatal.
    FatalLine { pattern: String, line: String },
    /// The server itself has ended, with this wait status.
    Exited {
        status: i32,
        /// What still ran of its tree at that moment.
        running: Vec<ProcessInfo>,
    },
    /// The lease is given back; nothing more is said on this connection.
    Released,
    /// The tree is gone, or what is left of it is given up; the last report.
    Ended(Ending),
}

/// What a keeper knows when it is done.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Ending {
    /// Processes that still ran when the server itself had ended.
    pub outlived: Vec<ProcessInfo>,
    /// Processes that did not end when asked and were killed.
    pub killed: Vec<ProcessInfo>,
    /// Processes that even SIGKILL did not end within its limit.
    pub left: Vec<ProcessInfo>,
    /// Who still listens on the port, in words.
    pub port_held: Option<String>,
    /// What the server's processes made and nobody removed. Device memory has its place here too.
    pub leftovers: Vec<Leftover>,
    /// What could not be checked, or not be told whose it is, in words.
    pub notes: Vec<String>,
    /// Bytes of the log that could not be written, and why.
    pub log_lost: Option<(u64, String)>,
}

/// Sends one line.
pub(crate) fn send(mut socket: &UnixStream, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    socket.write_all(&line)
}

/// The most descriptors that go with one line.
const DESCRIPTORS: usize = 8;

/// Sends one line together with copies of descriptors.
pub(crate) fn send_with<'a>(
    mut socket: &UnixStream,
    message: &impl Serialize,
    descriptors: impl Iterator<Item = &'a OwnedFd>,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let descriptors: Vec<_> = descriptors.map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no room for so many descriptors"));
    }
    let sent = sendmsg(
        socket,
        &[IoSlice::new(&line)],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    socket.write_all(&line[sent..])
}

/// Reads into `buffer` and keeps the descriptors that came along. 0: the other end is closed.
pub(crate) fn receive(
    socket: &UnixStream,
    buffer: &mut [u8],
    descriptors: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    receive_with(socket, buffer, descriptors, RecvFlags::empty())
}

/// The same, without waiting and without descriptors.
pub(crate) fn receive_now(socket: &UnixStream, buffer: &mut [u8]) -> io::Result<usize> {
    receive_with(socket, buffer, &mut Vec::new(), RecvFlags::DONTWAIT)
}

fn receive_with(
    socket: &UnixStream,
    buffer: &mut [u8],
    descriptors: &mut Vec<OwnedFd>,
    flags: RecvFlags,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let read = recvmsg(
        socket,
        &mut [IoSliceMut::new(buffer)],
        &mut ancillary,
        flags | RecvFlags::CMSG_CLOEXEC,
    )?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    Ok(read.bytes)
}

/// Bytes in, whole lines out.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
    }

    /// The next whole line, without its end.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        let end = self.partial.iter().position(|b| *b == b'\n')?;
        let mut line: Vec<u8> = self.partial.drain(..=end).collect();
        line.pop();
        Some(line)
    }

    /// How much is kept of a line that is not whole.
    pub(crate) fn pending(&self) -> usize {
        self.partial.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        for byte in b"one\n\ntwo\nrest" {
            lines.push(&[*byte]);
            seen.extend(lines.next());
        }
        assert_eq!(seen, [b"one".to_vec(), b"".to_vec(), b"two".to_vec()]);
        assert_eq!(lines.partial, b"rest");
    }

    #[test]
    fn a_descriptor_and_bytes_that_are_no_text_arrive() {
        let (here, there) = UnixStream::pair().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let odd = OsString::from_vec(vec![b'a', 0xff, b'"']);
        let writer = OwnedFd::from(writer);
        send_with(&here, &odd, [&writer].into_iter()).unwrap();
        drop(writer);
        let (mut buffer, mut descriptors, mut lines) = ([0; 3], Vec::new(), Lines::default());
        let line = loop {
            let read = receive(&there, &mut buffer, &mut descriptors).unwrap();
            lines.push(&buffer[..read]);
            if let Some(line) = lines.next() {
                break line;
            }
        };
        assert_eq!(serde_json::from_slice::<OsString>(&line).unwrap(), odd);
        let mut writer = std::fs::File::from(descriptors.remove(0));
        writer.write_all(b"through").unwrap();
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    }
}
