//! What is to run, on what, and within which limits: plain data that the caller fills in.
//!
//! Promise: nothing here is computed or read from the machine. Memory is in bytes, time in seconds.
//!
//! Rejected: types of the runner or of the hardware crate in these places. A case, a device and a lease are known by number here, so that the
//! same governor runs in a plan, in a run and in a simulation of thousands of runs.

/// The share of a card's memory that several jobs may use together.
///
/// Every process on a card costs memory that no declaration has (its context, its code, what the allocator rounds up to); a job that is alone
/// has the whole card for that.
pub const SHARED: f64 = 0.85;

/// The share of a card's memory that may be in use without the card counting as used: what a driver and a desktop keep.
pub const IDLE: f64 = 0.05;

/// How long outsiders may keep the first waiting job from what was promised to it before others are let past it, in seconds.
pub const PATIENCE: f64 = 30.0;

/// How long a job whose lease was not to be had is not offered again, in seconds.
pub const REFUSED_PAUSE: f64 = 0.5;

/// One device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its memory. `None`: unmeasured, so that only one job at a time may have it, and only one that takes whole cards.
    pub total: Option<u64>,
}

impl Card {
    /// What several jobs may hold together on a card of this size: [`SHARED`] of it, in whole bytes.
    pub fn shared(total: u64) -> u64 {
        // Integers: a float loses bytes above 2^53, and the boundary is to be exact.
        (u128::from(total) * 85 / 100) as u64
    }
}

/// How much of each of its cards a job takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Nothing was declared. A job that needs cards takes them whole.
    None,
    /// The cards are for this job only.
    Whole,
    /// At most so many bytes on each card.
    Bytes(u64),
}

/// One job: a case of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The caller's number of it; no two jobs share one.
    pub id: usize,
    /// How many cards it takes at once; 0: it needs no device.
    pub gang: u32,
    /// The cards that it can run on, by index; `None`: all.
    pub suits: Option<Vec<usize>>,
    /// What it takes of each of its cards.
    pub memory: Memory,
    /// Names that only one job at a time may hold.
    pub names: Vec<u32>,
    /// Processors that it keeps busy.
    pub cpus: u32,
    /// Memory of the host that it needs, in bytes.
    pub host_memory: u64,
    /// No other job runs while it does. Servers that nobody uses at that moment may stay.
    pub alone: bool,
    /// The server that it shares: jobs with the same number share one, which takes the largest need of all of them when the first starts, and
    /// gives its cards and host memory back when the server has stopped.
    pub holding: Option<u32>,
    /// Jobs of one group start apart on every card.
    pub start_group: Option<u32>,
    /// By how many seconds; `None`: [`Limits::spacing`]. The longest of a group counts for all of it, and for no other group.
    pub spacing: Option<f64>,
    /// How long it is expected to run, in seconds.
    pub expected: f64,
    /// Its place in the order; lower goes first. Jobs that need a device go before those that need none, whatever their ranks.
    pub rank: usize,
}

impl Job {
    /// A job that takes nothing but a slot.
    pub fn new(id: usize, expected: f64) -> Job {
        Job {
            id,
            gang: 0,
            suits: None,
            memory: Memory::None,
            names: vec![],
            cpus: 0,
            host_memory: 0,
            alone: false,
            holding: None,
            start_group: None,
            spacing: None,
            expected,
            rank: id,
        }
    }

    /// The same on `gang` cards, with so much of each.
    pub fn on(mut self, gang: u32, memory: Memory) -> Job {
        self.gang = gang;
        self.memory = memory;
        self
    }
}

/// What all jobs together may use beside the cards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Jobs at a time.
    pub slots: usize,
    /// Processors.
    pub cpus: u32,
    /// Memory of the host, in bytes; `None`: not limited.
    pub host_memory: Option<u64>,
    /// Seconds between two starts of one group on one card, for jobs that say nothing of their own.
    pub spacing: f64,
}

impl Default for Limits {
    /// No limits.
    fn default() -> Limits {
        Limits {
            slots: usize::MAX,
            cpus: u32::MAX,
            host_memory: None,
            spacing: 0.0,
        }
    }
}
