//! Faults: a server is broken on purpose, it is proven that it broke, and how it behaved is judged.
//!
//! Promise: a fault reaches only our own server's tree and our own connections, is proven before anything is judged by it, and is gone when it is
//! undone, dropped, or its process dies. What could not be injected is an error, never a pass.
//!
//! Rejected: faults by name or by host (`pkill`, `tc netem`, `iptables`): they reach what is not ours, and stay when we die.

mod client_faults;
mod proxy;

pub use client_faults::{
    AbortAt, Aborted, ClientAbort, ClientFaultError, Leave, Malformed, Progress, RawAnswer, RawEnd,
    RawRequest, SlowRead, SlowReader, send_raw,
};
pub use proxy::{
    After, ConnectionLog, Cut, Direction, Ended, Outcome, Proxy, ProxyStats, RequestLog, Toxic,
    ToxicError, ToxicId, ToxicRule, ToxicStats,
};
