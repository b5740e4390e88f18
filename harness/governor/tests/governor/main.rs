//! The governor from outside: its rules one by one, its plans, and random worlds.

mod books;
mod plan;
mod room;
mod run;
mod scenarios;
mod servers;
mod starts;
mod support;
mod waiting;
mod world;
