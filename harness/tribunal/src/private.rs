//! For the macros only.

pub use crate::entry::{Built, main};
pub use inventory;
pub use tribunal_runner::registry::{
    ArgEntry, ArgValue, CaseEntry, Cases, MarkerEntry, ModuleMarkers, Place, ProvidedCase,
    TestEntry,
};
pub use tribunal_runner::{
    Cx, Erased, Error, Fixture, FixtureEntry, FromStored, IntoCases, IntoResult, Scope, SetUp,
    Stored, check_scope, drive, log, skip,
};
