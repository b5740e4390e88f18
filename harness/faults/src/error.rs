//! Why a fault was not injected, not proven, or not taken back.
//!
//! Promise: whoever reads it knows which fault, what happened, and what to do. A fault that could not be injected is an error of the test, except where
//! that was to be known before anything began ([`FaultErrorKind::Gate`]): then it is a reason not to run it here. Rejected: an `Option`, as in
//! "no worker was found, so nothing was killed": such a test passes by not testing.

use std::fmt;

/// Why a fault did not happen as it was asked for. `Display` is the whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultError {
    kind: FaultErrorKind,
    fault: String,
    why: String,
}

/// What kind of reason it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultErrorKind {
    /// It cannot be done here, and that could be known beforehand: a server of somebody else, something that is not installed or not allowed.
    Gate,
    /// There is no such process in the server's tree.
    NoVictim,
    /// It was tried, and the system refused.
    Refused,
    /// It was done, and that it had its effect could not be shown.
    Unproven,
    /// It was done, and could not be taken back.
    NotUndone,
    /// The experiment around it did not get as far.
    NotReached,
}

impl FaultError {
    /// The fault in its text form, and why.
    pub fn new(kind: FaultErrorKind, fault: impl fmt::Display, why: impl Into<String>) -> Self {
        FaultError {
            kind,
            fault: fault.to_string(),
            why: why.into(),
        }
    }

    /// What kind of reason it is.
    pub fn kind(&self) -> FaultErrorKind {
        self.kind
    }

    /// The fault in its text form.
    pub fn fault(&self) -> &str {
        &self.fault
    }

    /// The reason without the rest of the message.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Whether it is no failure but a reason to skip, known before anything was tried.
    pub fn is_gate(&self) -> bool {
        self.kind == FaultErrorKind::Gate
    }
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FaultError { kind, fault, why } = self;
        match kind {
            FaultErrorKind::Gate => write!(f, "`{fault}` cannot be done here: {why}"),
            FaultErrorKind::NoVictim => write!(f, "`{fault}` has no victim: {why}"),
            FaultErrorKind::Refused => write!(f, "`{fault}` was not injected: {why}"),
            FaultErrorKind::Unproven => {
                write!(f, "`{fault}` was injected, but it is not proven: {why}")
            }
            FaultErrorKind::NotUndone => write!(f, "`{fault}` could not be undone: {why}"),
            FaultErrorKind::NotReached => write!(f, "`{fault}` was not reached: {why}"),
        }
    }
}

impl std::error::Error for FaultError {}

/// A reason without its fault, as the parts that do the work give it.
pub(crate) type Reason = (FaultErrorKind, String);

pub(crate) fn gate(why: impl Into<String>) -> Reason {
    (FaultErrorKind::Gate, why.into())
}

pub(crate) fn refused(why: impl Into<String>) -> Reason {
    (FaultErrorKind::Refused, why.into())
}

#[cfg(target_os = "linux")]
pub(crate) fn unproven(why: impl Into<String>) -> Reason {
    (FaultErrorKind::Unproven, why.into())
}

#[cfg(target_os = "linux")]
pub(crate) fn no_victim(why: impl Into<String>) -> Reason {
    (FaultErrorKind::NoVictim, why.into())
}

pub(crate) fn not_undone(why: impl Into<String>) -> Reason {
    (FaultErrorKind::NotUndone, why.into())
}
