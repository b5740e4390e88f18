//! What follows from the catalog of tests and the vocabulary: whether stages partition the tests, what a diff leaves of them, what they cover, and
//! pipelines for CI.
//!
//! Promise: pure functions of the catalog (as `--list --format json` prints it), the vocabulary and lists of files; the one exception is
//! [`changed_files`], which asks git. What cannot be told keeps every test.
//!
//! Rejected: reading test sources (a macro, a module or a case may add markers; only the program knows its tests).

mod audit;
mod changes;
mod coverage;
mod git;
mod paths;
#[cfg(feature = "pipelines")]
pub mod pipeline;
mod show;
mod suite;

pub use audit::{Audit, Due, StageAudit, StepAudit, audit};
pub use changes::{Kept, Narrowing};
pub use coverage::{Coverage, Gap, Lost, Row, coverage, lost, undeclared};
pub use git::{changed_files, repository};
pub use paths::touches;
pub use suite::{Case, Device, Suite, in_stage};
