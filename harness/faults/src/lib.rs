//! Faults: a server is broken on purpose, it is proven that it broke, and how it behaved is judged.
//!
//! Promise: a fault reaches only our own server's tree and our own connections, is proven before anything is judged by it, and is gone when it is
//! undone, dropped, or its process dies. What could not be injected is an error, never a pass.
//!
//! Rejected: faults by name or by host (`pkill`, `tc netem`, `iptables`): they reach what is not ours, and stay when we die.

mod answers;
mod backstage;
mod canary;
mod ending;
mod ends;
mod error;
mod experiment;
mod gauges;
mod health;
mod heavy;
mod judgement;
mod load;
mod observed;
mod oracle;
mod payload;
mod recovery;
mod report;
mod residue;
mod running;
mod seen;
mod timeline;
mod watch;

pub use canary::CanaryAsker;
pub use error::{FaultError, FaultErrorKind};
pub use experiment::{Experiment, Moment, Proven, Undo};
pub use gauges::{NAMES, Names, Reading};
pub use heavy::Heavy;
pub use judgement::{Judgement, Outcome};
pub use load::{Arrival, GiveUp, Load};
pub use observed::{Canary, Known, Look, Observed, Said};
pub use oracle::Oracle;
pub use payload::{Kind, Payload};
pub use report::{Broken, Figures, Report};
pub use residue::Remains;
pub use running::{InFlight, Running};
pub use seen::{Account, Accounts, Answered, Ending, Form, Role, Seen, Told};
pub use timeline::{Entry, Step, Timeline};
pub use watch::{LOOK_EVERY, Watch};
