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

mod entry;
mod fixtures;

pub use fixtures::{embedded, judged, start};
pub use tribunal_client as client;
pub use tribunal_hardware as hardware;
pub use tribunal_macros::{fixture, main, markers, test};
pub use tribunal_runner::{
    CurrentTest, Error, ProviderCase as Case, SetUp, Skip, TestResult, current_test, spawn_thread,
};
pub use tribunal_serving as serving;
pub use tribunal_verdict as verdict;
pub use tribunal_vocabulary as vocabulary;

/// What a test file imports: the attribute macros of the default markers, the built-in fixtures, and the types of their values.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::fixtures::{chat, server};
    #[doc(no_inline)]
    pub use crate::{Case, Error, SetUp, TestResult, fail, fixture, skip};
    #[doc(no_inline)]
    pub use tribunal_client::{ChatClient, Client};
    #[doc(no_inline)]
    pub use tribunal_macros::{
        A2, A3, A100, B60, B200, H100, H200, H800, Inf2, L4, L40S, MI300, MI300X, MI325, MI325X,
        S5000, T4, Trn1, Trn2, a2, a3, a100, advanced_model, aiconfigurator, b60, b200, benchmark,
        cache, cards_1, cards_2, cards_3, cards_4, cards_8, cards_16, cases, core, core_model, cpu,
        cuda, custom_build, defaulted, deploy, diffusion, e2e, example, fault_tolerance, flaky,
        framework_only, framework_with_efa, framework_with_gaie, frontend_api_surface_compliance,
        full_model, gpu, gpu_0, gpu_1, gpu_2, gpu_4, gpu_8, h100, h200, h800, hardware_test, inf2,
        integration, k8s, kvbm, kvbm_concurrency, l4, l40s, lmcache, local_model, local_only,
        max_vram_gib, mi300, mi325, model, multi_dgd_live, multimodal, musa, neuron, nightly, none,
        npu, omni, parallel, parallelism, performance, planner, post_merge, power_agent, pre_merge,
        profiled_vram_gib, release, requested_sglang_kv_tokens, requested_sglang_vram_gib,
        requested_trtllm_kv_tokens, requested_trtllm_vram_gib, requested_vllm_kv_cache_bytes,
        requires, rocm, router, s5000, serial, sglang, skip_in_nightly, slow, stress, t4, timeout,
        topology_dependent, trn1, trn2, trtllm, tts, unified, unit, vllm, weekly, xfail, xpu,
        xpu_1, xpu_2,
    };
    #[doc(no_inline)]
    pub use tribunal_serving::{Deployment, Server};
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
