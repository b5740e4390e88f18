//! Why there is no lease, other than that one must wait.

use std::error::Error;
use std::fmt;
use std::io;

use crate::ledger_error::LedgerError;

/// Why a claim was neither granted nor queued. `Display` is the whole sentence.
#[derive(Debug)]
pub enum LeaseError {
    /// The ledger could not be used.
    Ledger(LedgerError),
    /// The claim could not be granted on this host even if nobody else were here; says why.
    Impossible(String),
    /// This waiter has been given its lease already.
    Served,
}

impl fmt::Display for LeaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeaseError::Ledger(error) => error.fmt(f),
            LeaseError::Impossible(reason) => {
                write!(f, "the claim can never be granted here: {reason}")
            }
            LeaseError::Served => {
                f.write_str("this waiter has its lease already; queue again for another")
            }
        }
    }
}

impl Error for LeaseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            LeaseError::Ledger(error) => error.source(),
            _ => None,
        }
    }
}

impl From<LedgerError> for LeaseError {
    fn from(error: LedgerError) -> LeaseError {
        LeaseError::Ledger(error)
    }
}

impl From<LeaseError> for io::Error {
    fn from(error: LeaseError) -> io::Error {
        match error {
            LeaseError::Ledger(error) => error.into(),
            LeaseError::Impossible(_) => io::Error::new(io::ErrorKind::InvalidInput, error),
            LeaseError::Served => io::Error::other(error),
        }
    }
}
