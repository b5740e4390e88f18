//! Bad requests by the table: what a server must refuse, how it must say so, and that it goes on in good health.
//!
//! A [`Route`] is a file of rows (`fixtures/conformance/*.toml`), each one bad or abnormal request with the statuses that are allowed for it. [`run`]
//! sends them one after the other to one server, judges each answer, and asks after each whether the server is well and still answers a valid request
//! (the *canary*). What it finds is data, [`Report`]s, sorted for people by [`Entry`]: what a server must not do and does, which of that is
//! [`Known`], what it merely should do, and what could not be made. [`walk`] does the same for whatever a server says of itself in
//! `/openapi.json`.
//!
//! ```
//! let route = tribunal_conformance::shipped("chat").unwrap().read().unwrap();
//! assert!(route.rows.len() >= 12);
//! ```
//!
//! Promises: a row that was not judged is there as *not made*, with the reason; a hang, a broken connection and ill health are findings, and never end
//! the run of the table; nothing here knows of tests. The file format is described in docs/conformance.md.
//!
//! Rejected: bad requests made at random. What a fuzzer finds needs a person to say whether it is wrong; a row says it, and why.

mod body;
mod change;
mod expect;
mod frame;
mod known;
mod openapi;
mod read;
mod report;
mod route;
mod run;
mod send;
mod shipped;
mod socket;

pub use expect::{Deviation, Expected, Fault, Reply, Says, Severity, judge};
pub use frame::Frame;
pub use known::{Known, KnownDeviation};
pub use openapi::{SchemaError, Walk, synthesise, walk};
pub use report::{Entry, Group, entries};
pub use route::{BadRequest, Canary, Field, Payload, Route};
pub use run::{Ending, Report, RunOptions, Subject, Well, run};
pub use shipped::{LoadError, SHIPPED, Shipped, added, known_of, load, shipped};
pub use tribunal_tables::Mistakes;
