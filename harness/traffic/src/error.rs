//! Why a load could not be sent at all. What goes wrong with a request stands in its record.

use std::fmt;

/// Why a load could not be sent at all.
#[derive(Debug)]
pub enum TrafficError {
    /// The address of the server cannot be used.
    Target(String),
    /// The load cannot be sent.
    Load(String),
    /// A request of the source cannot be sent: a path, a header or a key that HTTP does not allow.
    Request(String),
    /// This machine did not let it: a thread or a timer.
    Machine(String),
    /// A thread of the load ended by a panic; the records that it had are lost.
    Panicked(String),
}

impl fmt::Display for TrafficError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why) = match self {
            Self::Target(why) => ("the server cannot be addressed", why),
            Self::Load(why) => ("the load cannot be sent", why),
            Self::Request(why) => ("a request cannot be sent", why),
            Self::Machine(why) => ("this machine cannot send the load", why),
            Self::Panicked(why) => ("the load ended early", why),
        };
        write!(f, "{what}: {why}")
    }
}

impl std::error::Error for TrafficError {}
