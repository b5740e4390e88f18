//! Loads sent to a server that does what a test tells it.

mod ends;
mod loads;
mod server;
mod turns;
mod wire;
