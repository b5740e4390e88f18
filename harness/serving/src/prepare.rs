//! What is done to a deployment right before its processes start, by the process that starts them.
//!
//! Promise: whoever attaches to a server that is shared is not asked; what is changed here does not change which deployments are the same. The
//! descriptors are kept open by the keepers, as long as these keep the server, also when the process that started it is gone. Rejected: doing it
//! before the start is called (of all processes that share a server, each would take devices for it).

use std::fmt;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;

use crate::deployment::Deployment;

/// A deployment as it is really started, and what its keepers hold meanwhile.
#[derive(Debug)]
pub struct Prepared {
    /// With the variables and arguments of the devices that it got, for example.
    pub deployment: Deployment,
    /// Kept open as long as the server is kept: the lease of its devices.
    pub held: Vec<OwnedFd>,
}

/// The future of a [`Prepare`].
pub type PrepareFuture = Pin<Box<dyn Future<Output = Result<Prepared, String>> + Send>>;

/// Prepares a deployment for its start, or says why it cannot start.
pub type Prepare = Arc<dyn Fn(Deployment) -> PrepareFuture + Send + Sync>;

/// The hook as options hold it.
#[derive(Clone, Default)]
pub(crate) struct Hook(pub Option<Prepare>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "a hook" } else { "none" })
    }
}
