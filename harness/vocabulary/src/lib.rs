//! The marker vocabulary of Tribunal: markers.toml as types, the marker expression language, the marker rules.
//!
//! Three consumers share it, so that they cannot disagree: the attribute macros (at compile time), the harness (at start-up)
//! and the command line. A [`Vocabulary`] is read from one file, [`Vocabulary::check`] judges what a test writes,
//! [`Vocabulary::expand`] says what it means, [`Vocabulary::rules`] judges the merged whole, and an [`Expression`] selects by it.
//!
//! Promise: everything here is a function of its arguments; the only I/O is the few existence checks of [`Vocabulary::find`].
//! Nothing that comes from outside (a file, an expression, an argument) makes it panic, and all mistakes are reported at once.
//!
//! Rejected: markers as Rust types (an enum per category). A project could then not add a marker without a crate of its own,
//! and tools outside Rust could not read the list.

mod args;
mod assemble;
mod category;
mod check;
mod date;
mod document;
mod duration;
mod expression;
mod find;
mod hardware;
mod level;
mod marker;
mod mistake;
mod nearest;
mod pipeline;
mod platform;
mod rules;
mod set;
mod slug;
mod stage;
mod utc;
mod value;
mod vocabulary;

pub use args::{ArgKind, ArgSpec, Args};
pub use category::{Category, Rule};
pub use check::{Inner, Problem, ProblemAt};
pub use date::Date;
pub use duration::parse_duration;
pub use expression::{Bound, Expression, ExpressionError, Fault, Ident};
pub use hardware::Variant;
pub use level::Level;
pub use marker::{Marker, MarkerId};
pub use mistake::{Mistake, Mistakes};
pub use nearest::nearest;
pub use pipeline::{ChangeRules, Priority, Queue, Subject, SubjectKind, Triggers};
pub use platform::{Device, Platform};
pub use rules::Breach;
pub use set::MarkerSet;
pub use slug::slug;
pub use stage::{Stage, Step};
pub use utc::Utc;
pub use value::{Arg, Value};
pub use vocabulary::Vocabulary;
