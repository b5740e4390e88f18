//! A runtime of its own for what must go on whatever the test's own thread does.
//!
//! A look at the health route every few milliseconds is worth nothing if it waits for a body that reads a file. Rejected: the runtime of the test: it
//! has one thread, and its runner counts the tasks that are left on it.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Two threads; what still runs there ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Backstage(Option<Runtime>);

impl Backstage {
    /// # Errors
    /// In words: where threads cannot be made.
    pub(crate) fn new() -> Result<Self, String> {
        Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("faults")
            .enable_all()
            .build()
            .map(|runtime| Self(Some(runtime)))
            .map_err(|error| format!("no threads for the load and the looks: {error}"))
    }

    pub(crate) fn spawn<F>(&self, future: F) -> Option<JoinHandle<F::Output>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0.as_ref().map(|runtime| runtime.spawn(future))
    }
}

impl Drop for Backstage {
    fn drop(&mut self) {
        // A runtime must not be waited for on a thread of another one.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
