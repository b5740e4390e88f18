//! A test harness for model servers, run by `cargo test`.
//!
//! Tests register themselves with marker attributes; a runner that looks like libtest selects them by run level, marker expression and hardware,
//! starts real servers for them, judges every answer as deeply as the level asks, and says in plain words what ran, what did not and why.
//!
//! ```no_run
//! use tribunal::prelude::*;
//!
//! /// The server answers a plain question.
//! #[tribunal::test]
//! #[core_model]
//! #[timeout("30s")]
//! async fn answers(chat: ChatClient) -> TestResult {
//!     let answer = chat.user("What is a tribunal?").max_tokens(16).send().await?;
//!     assert!(!answer.text().is_empty());
//!     Ok(())
//! }
//!
//! tribunal::main!();
//! ```
//!
//! The target that holds the tests has `harness = false` in `Cargo.toml`:
//!
//! ```toml
//! [[test]]
//! name = "e2e"
//! harness = false
//! ```

extern crate self as tribunal;

mod asked;
mod changed;
mod classes;
mod deployments;
mod docs;
mod drawing;
mod entry;
mod examined;
mod fixtures;
mod given;
mod hold;
mod judged;
mod layout;
mod memory_limit;
pub mod nightly;
mod nodes;
pub mod performance;
mod recall;
mod reports;
mod rounds;
pub mod stability;
mod starting;
mod version;

pub use asked::{
    Soak, accepts_baseline, deployments as deployments_asked_for, soak, vocabulary_of_run,
    workloads,
};
pub use docs::docs;
pub use fixtures::{chosen, embedded, judged, offers, start};
pub use judged::{judging_of, voices_of};
#[cfg(target_os = "linux")]
pub use nodes::nodes_of;
pub use starting::Start;
pub use tribunal_accuracy as accuracy;
pub use tribunal_client as client;
pub use tribunal_conformance as conformance;
pub use tribunal_deploy as deploy;
pub use tribunal_faults as faults;
pub use tribunal_hardware as hardware;
pub use tribunal_macros::{fixture, main, markers, test};
#[cfg(target_os = "linux")]
pub use tribunal_nodes::{NodeControl, NodeProcess, NodeProcesses};
pub use tribunal_offline as offline;
pub use tribunal_runner::{
    CurrentTest, Devices, Error, Grant, GrantedDevice, Measured, ProviderCase as Case, Row, SetUp,
    Sharing, Skip, TestResult, current_test, devices, evidence, expect_failure, inconclusive,
    invalid, no_baseline, note, on_evidence, regressed, spawn_thread,
};
pub use tribunal_serving as serving;
pub use tribunal_traffic as traffic;
pub use tribunal_verdict as verdict;
pub use tribunal_vocabulary as vocabulary;

/// What a test file imports: the attribute macros of the default markers, the built-in fixtures, and the types of their values.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::fixtures::{api, chat, server};
    pub use crate::starting::Start as _;
    #[doc(no_inline)]
    pub use crate::{Case, Error, SetUp, TestResult, fail, fixture, skip};
    #[doc(no_inline)]
    pub use tribunal_client::{ChatClient, Client, Media, MediaPart, ModelClient, text};
    ::tribunal_macros::prelude_attributes!();
    #[doc(no_inline)]
    pub use tribunal_serving::{Deployment, Server};
    #[doc(no_inline)]
    pub use tribunal_verdict::{Expect, FrameRule, Modality, Similarity, Voice};
}

/// Ends the running test as skipped, with a reason in the words of `format!`. Works in bodies, helpers and fixtures, whatever they return.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)+) => { $crate::__private::skip(::std::format!($($reason)+)) };
}

/// Returns an error from a test or a fixture that returns `Result<_, tribunal::Error>`, in the words of `format!`.
#[macro_export]
macro_rules! fail {
    ($($reason:tt)+) => { return ::core::result::Result::Err($crate::Error::msg(::std::format!($($reason)+))) };
}

/// Adds a line to the output of the running test, in the words of `format!`; exact also when tests run side by side.
#[macro_export]
macro_rules! log {
    ($($text:tt)+) => { $crate::__private::log(::core::format_args!($($text)+)) };
}

/// What the macros render. Not subject to semantic versioning.
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
