//! L3, L4: how fast a server is, and whether it was faster: p99 and throughput of the core routes against limits, everything against the baseline.
//!
//! The limits here are what any server that is worth testing keeps, the embedded engine and llama.cpp with a tiny model among them; what one's own server
//! must keep stands in workload files, and in baselines. A case has the host for itself. See docs/performance.md.

mod cold_start;
mod core_routes;
mod media;
mod saturation;
mod workloads;
