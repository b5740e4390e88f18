//! Accepted runs of measurements, and what becomes of new runs beside them.
//!
//! * [`Key`]: what two runs must have in common to be comparable at all; where they differ, it says in what.
//! * [`RunRecord`]: the figures of one run, whether they are worth anything, and where they come from.
//! * [`Store`]: a folder of accepted runs, one file each, that several processes may write.
//! * [`judge`]: passed, regressed, improved, inconclusive, invalid, no baseline, or so many more runs.
//!
//! ```
//! use tribunal_baseline::{Checks, Gate, Key, Next, RunRecord, State, Store, judge};
//! use tribunal_traffic::Direction;
//!
//! # let folder = tempfile::tempdir()?;
//! let store = Store::new(folder.path());
//! let key = Key { step: "chat".into(), hardware: "H100".into(), count: 1, ..Key::default() };
//! let run = |ttft: f64| {
//!     let mut run = RunRecord::new(key.clone());
//!     run.checks = Checks::Passed(20);
//!     run.figure("median_ttft_ms", ttft, 200, Direction::LowerIsBetter);
//!     run
//! };
//! for ttft in [99.0, 100.0, 101.0, 100.5, 99.5] {
//!     store.accept(&run(ttft))?;
//! }
//! let base = store.base(&key)?;
//! let gate = Gate::new(["median_ttft_ms"])?;
//! // A tenth slower: one run does not suffice to say so.
//! assert_eq!(judge(&base, &[run(110.0)], &gate), Next::MoreRuns(2));
//! let Next::Done(verdict) = judge(&base, &[run(110.0), run(109.0), run(111.0)], &gate) else { panic!() };
//! assert_eq!(verdict.state, State::Regressed);
//! println!("{verdict}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It knows nothing of tests, servers or requests. Rejected: one stored number for each metric (it has no spread, nobody knows which build it came from,
//! and it is edited by hand until it fits).

mod base;
mod error;
mod gate;
mod judge;
mod key;
mod record;
mod shown;
mod store;
mod verdict;

pub use base::Base;
pub use error::BaselineError;
pub use gate::{Gate, MOST_PRIMARY};
pub use judge::{Next, judge};
pub use key::{Difference, Key};
pub use record::{Checks, RunFigure, RunRecord, Validity};
pub use store::{Accepted, Kept, Pruned, Store};
pub use verdict::{Judged, State, Verdict, Warning};
