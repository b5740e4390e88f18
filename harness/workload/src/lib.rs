//! Workload files of Tribunal: loads, data sets, sweeps and baselines, as vLLM-Omni and vLLM-Ascend write them, and in a form of its own.
//!
//! A [`Workload`] is read from a file: JSON of vLLM-Omni's performance and stability tests, YAML of vLLM-Ascend's benchmarks, or TOML. Its [`WorkCase`]s say what
//! server they want and what is sent; every point of a sweep is a [`Step`] of its own, with a load, a data set and limits.
//!
//! ```
//! use std::path::Path;
//! use tribunal_vocabulary::Vocabulary;
//! use tribunal_workload::{DataTable, Lookups, Workload};
//!
//! let data = DataTable::default();
//! let lookups = Lookups { vocabulary: Vocabulary::shipped(), data: &data, roots: &[] };
//! let text = r#"{
//!     "test_name": "short", "server_params": {}, // any server
//!     "benchmark_params": [{ "num_prompts": 10, "max_concurrency": [1, 4], "baseline": { "mean_ttft_ms": [500, 800] } }],
//! }"#;
//! let workload = Workload::parse(text, Path::new("short.json"), &lookups)?;
//! let names: Vec<&str> = workload.steps().map(|(_, step)| &*step.name).collect();
//! assert_eq!(names, ["short_random_c1", "short_random_c4"]);
//! assert_eq!(workload.cases[0].steps[1].thresholds[0].words(), "mean_ttft_ms < 800");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Promises: all mistakes at once, each with file, line, column and what to do; nothing from outside makes it panic; reading changes nothing and sends nothing; what
//! cannot be had here is refused with a reason, never replaced silently. docs/workloads.md has every key.
//!
//! Rejected: serde for the schema (it stops at the first mistake, knows no places, and takes the second of two equal keys).

mod amount;
mod ascend;
mod baseline;
mod benchmark;
mod benchmark_data;
mod block;
mod block_data;
mod block_route;
mod block_shapes;
mod block_sweep;
mod case;
mod data;
mod draw;
mod exam;
mod fields;
mod json;
mod lookups;
mod marks;
mod native;
mod number;
mod options;
mod reader;
mod render;
mod route;
mod server;
mod shared;
mod stage;
mod step;
mod sweep;
mod workload;

pub use amount::{Amount, Bucket, Medium};
pub use ascend::{Benchmarks, benchmarks};
pub use baseline::{Compare, Threshold};
pub use case::{Comparison, WorkCase};
pub use data::{DataSpec, Lengths, Refusal, Shape};
pub use exam::{ExamSpec, Scoring};
pub use lookups::{DataTable, Lookups};
pub use marks::Mark;
pub use render::BenchServer;
pub use server::{InlineFile, ServerParams};
pub use stage::StagePatch;
pub use step::{Purpose, Step};
pub use sweep::Point;
pub use tribunal_traffic::Route;
pub use workload::{Form, Note, Workload};
