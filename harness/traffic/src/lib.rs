//! Load on model servers: open and closed loops, a raw record of every request, and metrics in named dialects.
//!
//! Promise: what is measured is kept raw ([`Record`]), so that every metric of every dialect is a function of it; every request that was
//! scheduled has its record. Rejected: histograms filled while requests run (a definition could not be changed afterwards).

mod load;
mod record;
mod request;

mod data;
mod events_file;
mod metrics;
mod results;

pub use load::{Arrivals, Cancel, Load, Ramp, Until};
pub use record::{Failure, FailureClass, Kind, Outcome, Record, Seen, TokenSource, Turn};
pub use request::{Body, Reading, Request, Source};

mod client_cost;
mod clock;
mod connection;
mod conversation;
mod error;
mod exchange;
mod feeder;
mod job;
mod limits;
mod prepared;
mod quantiles;
mod random;
mod reading;
mod reuse;
mod run;
mod schedule;
mod shard;
mod stop;
#[cfg(target_os = "linux")]
mod sys;
mod target;
mod timer;
mod validity;

pub use client_cost::{ClientCost, Counts, Lag};
pub use error::TrafficError;
pub use reading::{Piece, Splitter, TooLarge};
pub use run::{Run, Summary, run, run_into};
pub use stop::Stop;
pub use target::Target;
pub use validity::Validity;

pub use data::{
    Bucket, DataError, DataSet, Lengths, Lines, MediaLimits, RequestOptions, Route, UsageOption,
    trace_times,
};
pub use events_file::{
    Events, EventsError, EventsHead, EventsWriter, each_event, read_events, write_events,
};
pub use metrics::{
    Dialect, Direction, Family, Figure, Known, Measure, Metrics, Pcm, Slo, Unknown, known,
    known_keys, measure,
};
pub use results::{Provenance, ResultFile};

pub mod selftest;
