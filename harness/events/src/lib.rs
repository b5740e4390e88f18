//! The event log of a run: what its lines say, and the run that is read back from them.
//!
//! Promise: every report is a function of these lines; a log is valid up to its last whole line, whenever its writer died. This crate knows
//! neither the runner nor any report.
//!
//! Rejected: reports that read the runner's own types (a report made tomorrow, or on another machine, has only the log).

mod class;
mod line;
mod merge;
mod poison;
mod run;
mod writer;

pub use class::{Class, Classes, Failure, Sorted};
pub use line::{
    Attachment, CaseEnded, CaseLine, CaseStarted, Device, Disposition, Expected, Fault, Figure,
    Host, Level, Line, OpenCheck, Outcome, PhaseName, Place, Quarantine, Row, RunEnded, RunStarted,
    SCHEMA, Shard, SharedOutput, Table, Times, Vcs,
};
pub use merge::merge;
pub use poison::{Fallen, Poisoned, poisoned};
pub use run::{AttemptLog, CaseLog, RunLog};
pub use writer::Writer;
