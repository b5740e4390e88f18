//! From registered tests to events: registry → catalog → selection → gates → plan → run.
//!
//! The steps up to the plan are pure functions of data. The [`Run`] executes a plan and emits [`Event`]s; every report is a function of them.

mod attempt;
mod body;
mod capture;
mod catalog;
mod event;
mod evidence;
mod exit;
mod finding;
mod fixture;
mod gates;
mod grant;
mod isolated;
mod limit;
mod marks;
mod matrix;
mod needs;
mod options;
mod origin;
mod outcome;
mod panics;
mod plan;
mod policy;
mod provided;
mod recall;
mod records;
pub mod registry;
mod resolve;
mod resources;
mod run;
#[cfg(target_os = "linux")]
mod sampler;
mod scene;
mod selection;
mod stores;
#[cfg(unix)]
mod stress;
mod sys;
mod tables;
#[cfg(test)]
mod tests;
mod told;
#[cfg(target_os = "linux")]
mod usage;

#[cfg(target_os = "linux")]
pub use attempt::follow;
pub use attempt::{
    CurrentTest, current_test, devices, evidence, expect_failure, log, no_baseline, note,
    on_evidence, spawn_thread,
};
pub use body::{
    Case as ProviderCase, Cx, Erased, Error, IntoCases, IntoResult, Skip, TestResult, drive, skip,
};
pub use capture::Capture;
pub use catalog::{Case, Catalog, Chosen, Test, test_name};
pub use event::{Ended, Event, Output, Summary};
pub use evidence::{EvidenceOptions, Mask, base, default_root as reports_root};
pub use exit::guard_exit;
pub use finding::{Finding, Severity};
pub use fixture::{
    BoxFuture, Fixture, FixtureEntry, FromStored, Scope, SetUp, Sharing, Stored, check_scope,
};
pub use gates::{Ask, Asked, Facts, GateKind, Here, Offer, Unmet, unmet};
pub use grant::{Devices, Grant, GrantedDevice};
pub use isolated::{IsolatedCase, isolated_case, sharing_harness, verb};
pub use marks::{DeviceLine, Marks, Requirement, Xfail};
pub use matrix::{Draw, Drawn, DrawnCase};
pub use needs::{DeviceUse, Need};
pub use options::{
    Annotations, Color, Format, Group, KeepEvidence, NoTests, OptionRow, Options, ReportOptions,
    TABLE, Task, UsageError, VramUnknown, twin,
};
pub use origin::Origin;
pub use outcome::{
    Counts, Measured, Outcome, Phase, Times, exit as exit_code, inconclusive, invalid, regressed,
    seconds,
};
pub use plan::{
    DEFAULT_LIMIT, DEFAULT_SETUP_LIMIT, DEFAULT_TEARDOWN_LIMIT, Disposition, ONE_PROCESS, Plan,
    Planned, disposition,
};
pub use policy::{Quarantine, Retries, Retrying, USUAL_CAP, USUAL_CLASSES};
pub use recall::Recalled;
pub use records::{OpenCheck, open_check, record, record_text};
pub use resources::{CardInfo, Resources};
#[cfg(target_os = "linux")]
pub use run::Placing;
pub use run::{Clock, Run, RunOptions};
#[cfg(target_os = "linux")]
pub use sampler::Followed;
pub use selection::{Filter, Judged, LevelInForce, Selected, Selection, Selector};
#[cfg(unix)]
pub use stress::{stress, stress_round};
pub use tables::{Row, Table, TableRow};
pub use told::{FaultStep, fault_step, fault_step_at, figure};
