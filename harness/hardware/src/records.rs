//! One file of records that count only while somebody holds a kernel lock on them.
//!
//! Byte 0 is the lock of the whole file, held for microseconds while records are read and written. An *entry* is one record
//! (its head) with any number of parts; it counts as long as an open file description holds the lock on the head's first
//! byte. The kernel drops that lock when the last copy of the descriptor is closed, however its holder died, so that
//! nothing has to expire and nothing stale is believed.
//!
//! Promise: the file grows in steps up to a bound; a file that is something else is refused with what it is; one of another
//! version, or cut short, is begun anew if nobody holds anything in it, else refused. Rejected: a lock file per entry
//! (hundreds of files that somebody must sweep), and times after which an entry is void (a stopped process would lose
//! what it still uses).

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::ledger_error::{Fault, LedgerError};
use crate::{shared_file, sys};

pub(crate) use section::{Record, Section, View};

mod section;

/// Bytes of one record.
pub(crate) const SIZE: usize = 256;
const MAGIC: &[u8; 8] = b"TRIBLEDG";
const VERSION: u32 = 1;
const HEADER: u64 = 64;
/// The most that may stand between header and records: 256 KiB.
const PREAMBLE: u64 = 256 * 1024;
/// Records by which the file grows.
const STEP: u32 = 64;
/// How long somebody may hold the lock of the whole file before that is an error.
const LOCKED: Duration = Duration::from_secs(30);

/// What a file of records is for.
#[derive(Clone, Copy)]
pub(crate) struct Purpose {
    /// Stands in the header.
    pub(crate) tag: &'static [u8; 8],
    /// The most records that it may grow to.
    pub(crate) most: u32,
}

/// An open file of records.
#[derive(Debug)]
pub(crate) struct Records {
    /// For the lock of the whole file and for looking at the others' locks; entries are held by descriptions of their own,
    /// since nobody sees the locks of his own description.
    file: File,
    path: PathBuf,
    most: u32,
    /// Where the records begin.
    start: u64,
    preamble: Vec<u8>,
    /// Where a free record was found the last time.
    hint: AtomicU32,
    /// Keeps the threads of this process apart, whom the kernel's lock does not; keeps the memory for reading, too.
    bytes: Mutex<Vec<u8>>,
}

/// The part of the header that changes.
#[derive(Clone, Copy, Debug)]
struct Counters {
    /// Records that were ever used; those behind them are empty.
    used: u32,
    /// The number of the last entry.
    ticket: u64,
}

impl Records {
    /// The records of this file. An empty file becomes a ledger without preamble.
    pub(crate) fn open(file: File, path: &Path, purpose: Purpose) -> Result<Records, LedgerError> {
        Records::of(file, path, purpose)?.ready(purpose, true)
    }

    /// As [`Records::open`], and refuses what is not there yet or is not whole.
    pub(crate) fn open_existing(path: &Path, purpose: Purpose) -> Result<Records, LedgerError> {
        let file =
            shared_file::open(path).map_err(|error| LedgerError::new(path, Fault::Io(error)))?;
        Records::of(file, path, purpose)?.ready(purpose, false)
    }

    /// Reads what does not change. `anew`: an empty file, and one of ours that cannot be used and that nobody uses, is begun
    /// anew.
    fn ready(mut self, purpose: Purpose, anew: bool) -> Result<Records, LedgerError> {
        let lock = self.lock()?;
        let preamble = match self.examine(purpose, self.length()?) {
            Ok(preamble) => preamble,
            Err((_, true)) if anew && !self.anybody()? => {
                self.file.set_len(0).map_err(|e| self.io(e))?;
                self.begin(purpose, &[])?;
                Vec::new()
            }
            Err((what, _)) => return Err(self.error(Fault::Foreign(what))),
        };
        drop(lock);
        self.start = start(preamble.len());
        self.preamble = preamble;
        Ok(self)
    }

    /// Makes the file, which must not be there, with this preamble.
    pub(crate) fn create(
        path: &Path,
        purpose: Purpose,
        preamble: &[u8],
    ) -> Result<Records, LedgerError> {
        let io = |error| LedgerError::new(path, Fault::Io(error));
        if preamble.len() as u64 > PREAMBLE {
            return Err(io(io::Error::other("its preamble is too long")));
        }
        let mut records = Records::of(shared_file::make(path).map_err(io)?, path, purpose)?;
        let lock = records.lock()?;
        records.begin(purpose, preamble)?;
        drop(lock);
        records.preamble = preamble.to_vec();
        records.start = start(preamble.len());
        Ok(records)
    }

    fn of(file: File, path: &Path, purpose: Purpose) -> Result<Records, LedgerError> {
        let kind = file
            .metadata()
            .map_err(|e| LedgerError::new(path, Fault::Io(e)))?;
        if !kind.is_file() {
            let what = "it is no ordinary file".to_string();
            return Err(LedgerError::new(path, Fault::Foreign(what)));
        }
        Ok(Records {
            file,
            path: path.into(),
            most: purpose.most,
            start: start(0),
            preamble: Vec::new(),
            hint: AtomicU32::new(0),
            bytes: Mutex::default(),
        })
    }

    /// What stands between header and records.
    pub(crate) fn preamble(&self) -> &[u8] {
        &self.preamble
    }

    /// A new open file description of the same file, for holding entries.
    pub(crate) fn another(&self) -> Result<File, LedgerError> {
        let other = match shared_file::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.error(Fault::Replaced));
            }
            other => other.map_err(|e| self.io(e))?,
        };
        let identity = |file: &File| file.metadata().map(|meta| (meta.dev(), meta.ino()));
        if identity(&other).map_err(|e| self.io(e))?
            == identity(&self.file).map_err(|e| self.io(e))?
        {
            Ok(other)
        } else {
            Err(self.error(Fault::Replaced))
        }
    }

    /// Does something with the records while nobody else, neither thread nor process, reads or writes them.
    pub(crate) fn locked<T>(
        &self,
        work: impl FnOnce(&mut Section<'_>) -> Result<T, Fault>,
    ) -> Result<T, LedgerError> {
        let mut lock = self.lock()?;
        let length = self.length()?;
        let counters = self
            .counters()
            .map_err(|e| self.io(e))?
            .filter(|counters| self.place(counters.used) <= length)
            .ok_or_else(|| {
                self.error(Fault::Foreign(
                    "somebody overwrote it or cut it short".into(),
                ))
            })?;
        Section::read(self, counters, length, &mut lock.bytes)
            .map_err(Fault::Io)
            .and_then(|mut section| work(&mut section))
            .map_err(|fault| self.error(fault))
    }

    /// Whether this entry still stands and somebody holds it, without waiting for the whole file. What is said to stand may
    /// end at any moment; what has ended never stands again.
    pub(crate) fn stands(&self, slot: u32, ticket: u64) -> io::Result<bool> {
        let mut bytes = [0; 16];
        self.file.read_exact_at(&mut bytes, self.place(slot))?;
        let one = bytes[0] != section::FREE && bytes[8..] == ticket.to_le_bytes();
        Ok(one && sys::is_locked(&self.file, self.place(slot), 1)?)
    }

    /// Frees an entry whose lock `held` has, without waiting for the whole file: one byte is written, after which others may
    /// use the record as soon as the lock is gone.
    pub(crate) fn free(&self, held: &File, slot: u32) {
        // Closing the description frees it in any case: this only spares the others a look at the lock.
        let _ = held.write_all_at(&[section::FREE], self.place(slot));
    }

    /// Frees an entry that is held by a description that goes on holding others.
    pub(crate) fn free_and_unlock(&self, held: &File, slot: u32) {
        // Otherwise a thread of this process could take the record in between, and lose its lock by the second line.
        let _threads = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        self.free(held, slot);
        let _ = sys::unlock(held, self.place(slot));
    }

    pub(crate) fn place(&self, slot: u32) -> u64 {
        self.start + u64::from(slot) * SIZE as u64
    }

    fn lock(&self) -> Result<Lock<'_>, LedgerError> {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked again and again and not waited for, since only this way a holder that was stopped can be told.
        let begin = Instant::now();
        let mut pause = Duration::from_micros(20);
        while !sys::try_lock(&self.file, 0).map_err(|e| self.io(e))? {
            if begin.elapsed() > LOCKED {
                return Err(self.error(Fault::Locked(LOCKED.as_secs())));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(2));
        }
        Ok(Lock {
            file: &self.file,
            bytes,
        })
    }

    fn length(&self) -> Result<u64, LedgerError> {
        Ok(self.file.metadata().map_err(|e| self.io(e))?.len())
    }

    /// The preamble of a good file; else what is wrong with it, and whether it is a ledger at all.
    fn examine(&self, purpose: Purpose, length: u64) -> Result<Vec<u8>, (String, bool)> {
        let mut head = [0; HEADER as usize];
        let ours = |what: &str| Err((what.to_string(), true));
        if length < HEADER || self.file.read_exact_at(&mut head, 0).is_err() {
            return Err((format!("it has {length} bytes"), length == 0));
        }
        if head[..8] != *MAGIC {
            return Err(("it was not written by Tribunal".into(), false));
        }
        let number =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if number(8) != VERSION {
            return ours(&format!(
                "it has version {}, and this Tribunal reads version {VERSION}",
                number(8)
            ));
        }
        if head[16..24] != *purpose.tag {
            let tag = String::from_utf8_lossy(&head[16..24]);
            return Err((format!("it is for {:?}", tag.trim_end()), false));
        }
        let preamble = number(24);
        let used = number(28);
        let end = start(preamble as usize) + u64::from(used) * SIZE as u64;
        if number(12) != SIZE as u32
            || u64::from(preamble) > PREAMBLE
            || used > purpose.most
            || end > length
        {
            return ours("it is torn: its header does not fit its length");
        }
        let mut bytes = vec![0; preamble as usize];
        self.file
            .read_exact_at(&mut bytes, HEADER)
            .map_err(|e| (e.to_string(), true))?;
        Ok(bytes)
    }

    /// Whether anybody holds an entry, wherever its records begin.
    fn anybody(&self) -> Result<bool, LedgerError> {
        sys::is_locked(&self.file, 1, 0).map_err(|e| self.io(e))
    }

    fn begin(&self, purpose: Purpose, preamble: &[u8]) -> Result<(), LedgerError> {
        let mut head = vec![0; start(preamble.len()) as usize];
        head[..8].copy_from_slice(MAGIC);
        head[8..12].copy_from_slice(&VERSION.to_le_bytes());
        head[12..16].copy_from_slice(&(SIZE as u32).to_le_bytes());
        head[16..24].copy_from_slice(purpose.tag);
        head[24..28].copy_from_slice(&(preamble.len() as u32).to_le_bytes());
        head[HEADER as usize..][..preamble.len()].copy_from_slice(preamble);
        self.file.write_all_at(&head, 0).map_err(|e| self.io(e))
    }

    fn counters(&self) -> io::Result<Option<Counters>> {
        let mut head = [0; 40];
        match self.file.read_exact_at(&mut head, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let mut ticket = [0; 8];
        ticket.copy_from_slice(&head[32..40]);
        let used = u32::from_le_bytes([head[28], head[29], head[30], head[31]]);
        let good = head[..8] == *MAGIC && used <= self.most;
        Ok(good.then_some(Counters {
            used,
            ticket: u64::from_le_bytes(ticket),
        }))
    }

    fn write_counters(&self, counters: Counters) -> io::Result<()> {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&counters.used.to_le_bytes());
        bytes[4..].copy_from_slice(&counters.ticket.to_le_bytes());
        self.file.write_all_at(&bytes, 28)
    }

    pub(crate) fn error(&self, fault: Fault) -> LedgerError {
        LedgerError::new(&self.path, fault)
    }

    fn io(&self, error: io::Error) -> LedgerError {
        self.error(Fault::Io(error))
    }
}

/// Where the records begin behind a preamble.
fn start(preamble: usize) -> u64 {
    (HEADER + preamble as u64).next_multiple_of(SIZE as u64)
}

/// The lock of the whole file and of this process's threads.
struct Lock<'a> {
    file: &'a File,
    bytes: MutexGuard<'a, Vec<u8>>,
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // It can only fail where the descriptor is no file, which `open` has ruled out.
        let _ = sys::unlock(self.file, 0);
    }
}

#[cfg(test)]
mod tests;
