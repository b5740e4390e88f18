//! Telling a person what a start waits for: in one line, now and then.
//!
//! A function that is called, not a line that is printed: who owns the terminal is not known here.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::readiness::Waiting;

/// When progress is told first, and how often after that.
const FIRST: Duration = Duration::from_secs(1);
const NEXT: Duration = Duration::from_secs(3);

/// Who is told; a function of one line.
pub(crate) type Listener = Arc<dyn Fn(&str) + Send + Sync>;

/// Who is told how far a start is, if anybody is.
#[derive(Clone, Default)]
pub(crate) struct Tell(pub(crate) Option<Listener>);

impl fmt::Debug for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "told" } else { "untold" })
    }
}

/// How far a start is, in one line.
pub(crate) fn in_one_line(who: &str, brief: &str, waited: Duration, limit: Duration) -> String {
    format!(
        "{who}: waiting for {brief} {} s of {} s",
        waited.as_secs(),
        limit.as_secs()
    )
}

/// Tells now and then what is awaited.
pub(crate) async fn tell(
    who: &str,
    waiting: &Waiting,
    started: Instant,
    limit: Duration,
    progress: &Tell,
) -> Infallible {
    let Some(tell) = &progress.0 else {
        return std::future::pending().await;
    };
    tokio::time::sleep(FIRST).await;
    loop {
        let brief = waiting.progress().brief;
        tell(&in_one_line(who, &brief, started.elapsed(), limit));
        tokio::time::sleep(NEXT).await;
    }
}
