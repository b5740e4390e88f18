//! What can never run here, and why.
//!
//! Promise: said before anything starts, from the sizes of the cards and the limits alone; what others happen to use at the moment plays no part.

use std::fmt;

/// A job that fits nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible {
    /// The caller's number of the job.
    pub job: usize,
    /// The server whose need it shares, if that is what does not fit.
    pub holding: Option<u32>,
    /// What is missing.
    pub lack: Lack,
}

/// What is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Too few cards that suit it.
    Cards {
        /// How many it takes.
        wanted: u32,
        /// How many suit it.
        suitable: usize,
        /// How many there are.
        cards: usize,
    },
    /// Too few cards that are large enough.
    Memory {
        /// Bytes that it needs on each.
        wanted: u64,
        /// How many cards it takes.
        gang: u32,
        /// How many of the suitable ones are large enough.
        large: usize,
        /// The largest suitable card; `None`: no suitable card is measured.
        largest: Option<u64>,
        /// How many of the suitable ones are unmeasured.
        unmeasured: usize,
    },
    /// More processors than may be used.
    Cpus {
        /// What it keeps busy.
        wanted: u32,
        /// What may be used.
        limit: u32,
    },
    /// More host memory than may be used.
    HostMemory {
        /// Bytes that it needs.
        wanted: u64,
        /// Bytes that may be used.
        limit: u64,
    },
    /// No job may run at all.
    Slots,
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = match self.holding {
            Some(_) => "the server that it shares ",
            None => "",
        };
        match &self.lack {
            Lack::Cards {
                wanted,
                suitable,
                cards,
            } => write!(
                f,
                "{server}needs {wanted} devices; {suitable} of {cards} suit"
            ),
            Lack::Memory {
                wanted,
                gang,
                large,
                largest,
                unmeasured,
            } => {
                write!(f, "{server}needs {}", gib(*wanted))?;
                if *gang > 1 {
                    write!(f, " on each of {gang} devices; {large} are large enough")?;
                } else {
                    f.write_str(" on a device")?;
                }
                match largest {
                    Some(largest) => write!(f, "; the largest that suits has {}", gib(*largest))?,
                    None => f.write_str("; none that suits is measured")?,
                }
                if largest.is_some() && *unmeasured > 0 {
                    write!(f, "; {unmeasured} unmeasured")?;
                }
                Ok(())
            }
            Lack::Cpus { wanted, limit } => {
                write!(f, "needs {wanted} processors; {limit} may be used")
            }
            Lack::HostMemory { wanted, limit } => write!(
                f,
                "{server}needs {} of host memory; {} may be used",
                gib(*wanted),
                gib(*limit)
            ),
            Lack::Slots => f.write_str("no slots: nothing may run"),
        }
    }
}

/// Bytes as people read them: GiB with as many digits as tell it from its neighbours.
pub(crate) fn gib(bytes: u64) -> String {
    let gib = bytes as f64 / (1u64 << 30) as f64;
    let text = format!("{gib:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "0" && bytes > 0 {
        format!("{bytes} bytes")
    } else {
        format!("{text} GiB")
    }
}
