//! Ends a run before its time.

use std::sync::Arc;

use tokio::sync::watch;

/// Ends a run before its time. Copies are the same handle.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<Level>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Run,
    /// Nothing more is sent.
    Stopped,
    /// What is under way is given up.
    Aborted,
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// A handle; the run goes on until it is used.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Level::Run)))
    }

    /// Nothing more is sent; what is under way is waited for. Turns that were to follow are [`NotSent`](crate::Outcome::NotSent).
    pub fn stop(&self) {
        self.raise(Level::Stopped);
    }

    /// Nothing more is sent, and what is under way is given up: [`Cancelled`](crate::Outcome::Cancelled).
    pub fn abort(&self) {
        self.raise(Level::Aborted);
    }

    /// Whether it was used.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow() >= Level::Stopped
    }

    fn raise(&self, to: Level) {
        self.0.send_if_modified(|level| {
            let higher = to > *level;
            *level = to.max(*level);
            higher
        });
    }

    /// Waits until nothing more is to be sent.
    pub(crate) async fn stopped(&self) {
        self.reached(Level::Stopped).await;
    }

    /// Waits until what is under way is to be given up.
    pub(crate) async fn aborted(&self) {
        self.reached(Level::Aborted).await;
    }

    async fn reached(&self, level: Level) {
        let mut watch = self.0.subscribe();
        // The sender lives as long as this handle.
        let _ = watch.wait_for(|now| *now >= level).await;
    }
}
