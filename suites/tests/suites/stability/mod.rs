//! L5: load for long, and what grows under it; and whether the detector finds what it is there for. docs/stability.md tells how to read it.
//!
//! `cargo test -- --run-level slow -m stability` takes minutes, `--soak 12h` takes as long as it says for each route.

mod detector;
mod in_turn;
mod routes;
mod workloads;

tribunal::markers!(slow, stability, e2e);
