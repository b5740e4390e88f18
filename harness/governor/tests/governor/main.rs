//! The governor from outside: its rules one by one, its plans, and random worlds.

mod books;
mod plan;
#[path = "../../workload/random.rs"]
mod random;
mod room;
mod run;
mod scenarios;
mod servers;
mod starts;
mod support;
mod waiting;
mod world;
