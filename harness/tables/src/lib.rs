//! A TOML file as it is read: typed looks at its keys, and every mistake with its line.
//!
//! Promise: all mistakes of a file at once, each with line, caret and what to do. Rejected: serde (it stops at the first mistake, and has no nearest name).

mod file;

pub use file::{File, Mistakes, Node};
