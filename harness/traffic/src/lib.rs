//! Load on model servers: open and closed loops, a raw record of every request, and metrics in named dialects.
//!
//! Promise: what is measured is kept raw ([`Record`]), so that every metric of every dialect is a function of it; every request that was
//! scheduled has its record. Rejected: histograms filled while requests run (a definition could not be changed afterwards).

mod load;
mod record;
mod request;

mod metrics;

pub use load::{Arrivals, Cancel, Load, Ramp, Until};
pub use record::{Failure, FailureClass, Kind, Outcome, Record, Seen, TokenSource, Turn};
pub use request::{Body, Reading, Request, Source};

pub use metrics::{
    Dialect, Direction, Family, Figure, Known, Measure, Metrics, Pcm, Slo, Unknown, known,
    known_keys, measure,
};
