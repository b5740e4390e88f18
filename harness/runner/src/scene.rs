//! What the house looks like when a limit is over: stacks, processes, listening ports.
//!
//! Promise: bounded in time, whatever hangs; what cannot be had is said to be so, with the reason. Stacks come from gdb where it is on `PATH` and may
//! attach, else from what `/proc` tells of every thread.
//!
//! Rejected: a signal handler that writes a backtrace (not safe in a signal, and it shows one thread only).

mod gdb;
mod processes;
mod threads;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use self::processes::Process;
use crate::attempt::lock;

/// gdb stops every thread of the process that it looks at: not more often than this in one run.
const MOST: usize = 4;

static TAKEN: AtomicUsize = AtomicUsize::new(0);
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Writes `stacks.txt` and `processes.txt` of a process and its descendants. `stuck` threads are worth stopping the process for.
pub(crate) fn take(pid: u32, stuck: bool, folder: &Path) -> std::io::Result<()> {
    let _turn = lock(&ONE_AT_A_TIME);
    fs::create_dir_all(folder)?;
    fs::write(folder.join("processes.txt"), processes::text(pid))?;
    let with_gdb = if !stuck {
        Err("no thread is stuck, so the process was not stopped for it".to_owned())
    } else if TAKEN.fetch_add(1, Ordering::SeqCst) >= MOST {
        Err(format!("it has stopped this run {MOST} times already"))
    } else {
        gdb::stacks(pid, &folder.join("gdb.txt"))
    };
    let mut text = threads::text(pid);
    match with_gdb {
        Ok(stacks) => text.push_str(&format!("\nStacks, by gdb:\n\n{stacks}")),
        Err(why) => text.push_str(&format!("\nStacks by gdb are not available: {why}\n")),
    }
    fs::write(folder.join("stacks.txt"), text)
}

/// Run as a process of its own, since it stops the one that asks for it: `gdb` with a limit.
pub(crate) use self::gdb::{VERB as STACKS, watch as watch_gdb};
