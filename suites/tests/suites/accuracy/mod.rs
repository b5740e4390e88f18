//! How often a model is right. To examine a model of your own: copy a test, name your data set, and say when an answer is right; or name a workload file
//! with accuracy benchmarks: `--workload FILE`.
//!
//! The answers of the shipped sets are those of the embedded engine's little prose, so these tests skip where another model is served.

mod village;
mod workloads;

tribunal::markers!(parallel);
