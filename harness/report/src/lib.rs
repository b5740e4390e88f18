//! What a run shows: the terminal (through libtest-mimic), libtest JSON, lists and pages of explanation.
//!
//! Everything here is a function of the catalog, the plan and the event stream of `tribunal-runner`.

mod causes;
mod closing;
mod context;
mod event_log;
mod explain;
mod json;
mod list;
mod pages;
mod plan_json;
mod schedule;
mod terminal;
#[cfg(test)]
mod tests;

pub use closing::exit_code;
pub use context::Context;
pub use event_log::{About, log};
pub use explain::explain;
pub use json::run_json;
pub use list::{list_json, list_text};
pub use pages::{lint_page, markers_page, plan_page};
pub use plan_json::plan_json;
pub use terminal::{Screen, run_terminal};
