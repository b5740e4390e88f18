//! Why a ledger could not be used.
//!
//! Promise: the file, what is wrong with it, and what to do. Rejected: a bare I/O error, which names neither.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a ledger of leases or of simulated devices could not be used. `Display` is the whole sentence.
#[derive(Debug)]
pub struct LedgerError {
    pub(crate) path: PathBuf,
    pub(crate) fault: Fault,
}

/// What is wrong.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The system refused.
    Io(io::Error),
    /// It is no ledger of this version and kind; says what it is instead.
    Foreign(String),
    /// Somebody has had the ledger's lock for this many seconds.
    Locked(u64),
    /// As many records are alive as there may be.
    Full(u32),
    /// The file was removed or replaced while it was open.
    Replaced,
}

impl LedgerError {
    pub(crate) fn new(path: &Path, fault: Fault) -> LedgerError {
        LedgerError {
            path: path.into(),
            fault,
        }
    }

    /// The file that it is about.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.fault {
            Fault::Io(error) => write!(f, "the ledger {path} could not be used: {error}"),
            Fault::Foreign(what) => write!(
                f,
                "{path} is not the ledger that was expected: {what}; end the runs that use it and remove it, or name another place"
            ),
            Fault::Locked(seconds) => write!(
                f,
                "the ledger {path} has been locked for {seconds} s, which takes microseconds otherwise; a run that was stopped \
                 (Ctrl-Z, a debugger) may hold it: let it go on, or end it"
            ),
            Fault::Full(records) => write!(
                f,
                "the ledger {path} is full: all of its {records} records belong to processes that live; end runs that are not \
                 needed"
            ),
            Fault::Replaced => write!(
                f,
                "the ledger {path} was removed or replaced while this run had it open, so that leases in the old file are seen \
                 by nobody else; end all runs and start again"
            ),
        }
    }
}

impl Error for LedgerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.fault {
            Fault::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<LedgerError> for io::Error {
    fn from(error: LedgerError) -> io::Error {
        let kind = match &error.fault {
            Fault::Io(inner) => inner.kind(),
            Fault::Foreign(_) | Fault::Replaced => io::ErrorKind::InvalidData,
            Fault::Locked(_) => io::ErrorKind::TimedOut,
            Fault::Full(_) => io::ErrorKind::StorageFull,
        };
        io::Error::new(kind, error)
    }
}
