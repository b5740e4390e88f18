//! Starting the server itself: its pipe, its environment, its process group, its control group.

use std::ffi::OsStr;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::belt::Belt;
use crate::process::{ProcessInfo, Stat};
use crate::protocol::Order;
use crate::sys;

/// A server that runs, seen by its keeper.
pub(crate) struct Spawned {
    pub server: ProcessInfo,
    pub pidfd: OwnedFd,
    pub output: PipeReader,
    pub belt: Option<Belt>,
}

/// Starts the program of the order as a child of this process.
pub(crate) fn spawn(order: &Order) -> io::Result<Spawned> {
    let (reader, writer) = io::pipe()?;
    // A bigger pipe lets a server that floods its log run on; not every user may have one.
    let _ = rustix::pipe::fcntl_setpipe_size(&reader, 1 << 20);
    rustix::io::ioctl_fionbio(&reader, true)?;
    let mut command = Command::new(&order.program);
    command
        .args(&order.args)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    for (name, value) in &order.env {
        let name: &OsStr = name;
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(cwd) = &order.cwd {
        command.current_dir(cwd);
    }
    // A group of its own: servers signal their whole group, and the keeper must not be in it.
    command.process_group(0);
    sys::die_with_keeper(&mut command);
    // A child is born in the group of its parent: in between nobody can slip out.
    let belt = Belt::put_on().ok();
    let child = command.spawn();
    if let Some(belt) = &belt {
        belt.step_out();
    }
    let child = child.inspect_err(|_| {
        if let Some(belt) = &belt {
            belt.remove();
        }
    })?;
    let pid = child.id();
    let raw = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("odd pid"))?;
    // It is our child and not reaped: the pid can mean nobody else.
    let pidfd = pidfd_open(raw, PidfdFlags::empty())?;
    let stat = Stat::of(pid).ok_or_else(|| io::Error::other("/proc is not mounted"))?;
    Ok(Spawned {
        server: stat.info,
        pidfd,
        output: reader,
        belt,
    })
}
