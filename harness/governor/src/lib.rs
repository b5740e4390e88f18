//! Which case starts when, and on which devices.
//!
//! Two questions, one answer: [`plan`] says before a run what will happen, [`Governor`] decides during it, and both are the same code. The crate
//! reads nothing and waits for nothing; time, readings and the leases of others are handed to it.
//!
//! A job starts when all it needs is there at once: its cards (all of a gang or none), its share of their memory by the books of this run, by the
//! leases of others *and* by the live reading, its exclusive names, a slot, processors, host memory. A job that is alone on a card may have all of
//! it; several share [`SHARED`] of it. What cannot be read is never taken for free.
//!
//! # Nobody waits for ever
//!
//! Whoever fits goes first, so that no card stands idle behind a job that is too large for the moment. The first job in the order that waits gets
//! a *promise* before anybody overtakes it: certain cards, from a certain moment. From then on a job starts only if it is expected to end before
//! that moment, or fits beside. Let *D* be the longest expected length of a job and *L* the longest actual one (of a shared server: from its start
//! to its stop). Then the first job that waits starts
//!
//! * at most *D* + *L* (and one spacing) after it was first overtaken, if it was not refused a lease and no outsider came; however wrong the
//!   expected lengths are. By *D* the promised moment has come, after it nobody joins those it waits for, and they end within *L*.
//! * With outsiders: the same, once more for every time that an outsider (a process that is not ours, a lease of another run, a job of ours that
//!   takes more than it declared, a failing reading) held its cards for [`PATIENCE`] or longer, plus the time for which they did. Shorter visits move
//!   nothing: the promise stands. After [`PATIENCE`] it is made anew on other cards, and if there are none others no longer wait for this job.
//!
//! Jobs without devices come after those with, and where lengths are as expected they hold none of them off.
//!
//! ```
//! use tribunal_governor::{Card, Governor, Job, Limits, Memory, View, plan};
//!
//! let gib = |n: u64| n << 30;
//! let cards = [Card { total: Some(gib(24)) }];
//! let mut jobs = [
//!     Job::new(0, 30.0).on(1, Memory::Bytes(gib(6))),
//!     Job::new(1, 60.0).on(1, Memory::Bytes(gib(14))),
//!     Job::new(2, 20.0).on(1, Memory::Bytes(gib(22))),
//! ];
//! let schedule = plan(&cards, &jobs, Limits::default())?;
//! assert_eq!((schedule.makespan, schedule.bound.seconds.round()), (80.0, 80.0));
//!
//! schedule.rank(&mut jobs);
//! let (mut governor, impossible) = Governor::new(&cards, &jobs, Limits::default())?;
//! assert!(impossible.is_empty());
//! let started: Vec<usize> = governor.admit(0.0, &View::undisturbed()).iter().map(|s| s.job).collect();
//! assert_eq!(started, [1, 0]);
//! # Ok::<(), tribunal_governor::Malformed>(())
//! ```

mod admission;
mod bound;
mod drive;
mod fillers;
mod governor;
mod impossible;
mod job;
mod plan;
mod problem;
mod promise;
mod queue;
mod rooms;
mod search;
mod starting;
mod state;
mod view;
mod why;

pub use bound::{Binding, LowerBound};
pub use governor::{Governor, Start};
pub use impossible::{Impossible, Lack};
pub use job::{Card, IDLE, Job, Limits, Memory, PATIENCE, REFUSED_PAUSE, SHARED};
pub use plan::{Planned, Schedule, plan};
pub use problem::Malformed;
pub use view::{Foreign, Reading, View};
pub use why::Why;
