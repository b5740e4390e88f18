//! What happens to a request while it is under way, told to whoever asked.
//!
//! A fault must fall into a stream that has begun and has more to come, so somebody must know of the first event before the last. A watcher is
//! attached to a request like a value for a judge, so that every builder has it. Rejected: a stream of events in place of the answer: every
//! reader of an answer would be written twice.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One thing that happened to a request under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// The response headers came, with this status.
    Headers(u16),
    /// Bytes of the body came, this many.
    Bytes(usize),
    /// An event of a stream came: its data. It is told after its bytes.
    Event(&'a str),
}

type Tell = dyn Fn(Duration, Progress<'_>) + Send + Sync;

/// Is told of a request that carries it (`.attach(watcher)`) as its answer comes, with the time since the request started.
///
/// It is called on the request's own task, so it must not wait for anything.
#[derive(Clone)]
pub struct Watcher(Arc<Tell>);

impl Watcher {
    /// One that calls this.
    pub fn new(tell: impl Fn(Duration, Progress<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, at: Duration, progress: Progress<'_>) {
        (self.0)(at, progress);
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}
