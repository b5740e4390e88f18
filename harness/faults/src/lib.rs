//! Faults: a server is broken on purpose, it is proven that it broke, and how it behaved is judged.
//!
//! Promise: a fault reaches only our own server's tree and our own connections, is proven before anything is judged by it, and is gone when it is
//! undone, dropped, or its process dies. What could not be injected is an error, never a pass.
//!
//! Rejected: faults by name or by host (`pkill`, `tc netem`, `iptables`): they reach what is not ours, and stay when we die.

mod answers;
mod backstage;
mod between;
mod canary;
mod client_faults;
mod console;
mod ending;
mod ends;
mod error;
mod experiment;
mod fault;
mod fault_text;
mod gauges;
mod health;
mod heavy;
mod injected;
mod judgement;
mod load;
mod looking_on;
mod network;
mod observed;
mod oracle;
mod oracle_name;
mod payload;
mod proxy;
mod recovery;
mod report;
mod residue;
mod running;
mod scene;
mod seen;
mod sending;
mod size;
mod steps;
mod subject;
mod timeline;
mod undo;
mod verb;
mod victim;
mod watch;

#[cfg(target_os = "linux")]
mod card;
#[cfg(target_os = "linux")]
mod clock;
#[cfg(target_os = "linux")]
mod confine;
#[cfg(target_os = "linux")]
mod descriptors;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod hog;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod pressure;
#[cfg(target_os = "linux")]
mod proc;
#[cfg(target_os = "linux")]
mod sidecar;
#[cfg(target_os = "linux")]
mod signals;
#[cfg(target_os = "linux")]
mod sys;

#[cfg(test)]
mod literals;
#[cfg(test)]
mod oracle_after_tests;
#[cfg(test)]
mod oracle_answer_tests;
#[cfg(test)]
mod oracle_tests;

pub use between::Between;
pub use canary::CanaryAsker;
pub use client_faults::{
    AbortAt, Aborted, ClientAbort, ClientFaultError, Leave, Malformed, Progress, RawAnswer, RawEnd,
    RawRequest, SlowRead, SlowReader, send_raw,
};
#[cfg(target_os = "linux")]
pub use clock::FakeClock;
#[cfg(target_os = "linux")]
pub use confine::Confine;
pub use console::{Console, Played, Script};
pub use error::{FaultError, FaultErrorKind};
pub use experiment::{Experiment, Moment};
pub use fault::{Fault, HostMemory, Signal};
pub use fault_text::{FAULT_FORMS, FaultTextError};
pub use gauges::{NAMES, Names, Reading};
pub use heavy::Heavy;
pub use injected::{Injected, Proof, Undone};
pub use judgement::{Judgement, Ruling};
pub use load::{Arrival, GiveUp, Load};
pub use observed::{Canary, Known, Look, Observed, Said};
pub use oracle::Oracle;
pub use payload::{Kind, Payload};
pub use proxy::{
    After, ConnectionLog, Cut, Direction, Ended, Outcome, Proxy, ProxyStats, RequestLog, Toxic,
    ToxicError, ToxicId, ToxicRule, ToxicStats,
};
pub use report::{Broken, Figures, Report};
pub use residue::Remains;
pub use running::{InFlight, Running};
pub use scene::{Devices, Scene};
pub use seen::{Account, Accounts, Answered, Ending, Form, Role, Seen, Told};
pub use subject::{Asked, Bounds, KnownDeviation, Subject, SubjectNames, WorkerDeath};
pub use timeline::{Entry, Step, Timeline, WORKS_AGAIN, listen};
pub use tribunal_tables::Mistakes;
pub use undo::{Proven, Undo};
pub use verb::{VERB, verb};
pub use victim::Victim;
pub use watch::{LOOK_EVERY, Watch};
