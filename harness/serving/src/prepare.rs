//! What is done to a deployment right before its processes start, by the process that starts them.
//!
//! Promise: whoever attaches to a server that is shared is not asked; what is changed here does not change which deployments are the same. The
//! descriptors are kept open by the keepers, as long as these keep the server, also when the process that started it is gone. Rejected: doing it
//! before the start is called (of all processes that share a server, each would take devices for it).

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
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

/// What the other processes of a deployment are told instead of the address of one of them, by its name and its address; the same address for one that is told
/// as it is. `server` is the one whose port answers.
pub type PartAddress = Arc<dyn Fn(&str, SocketAddr) -> Result<SocketAddr, String> + Send + Sync>;

/// It as options hold it.
#[derive(Clone, Default)]
pub(crate) struct Detour(pub Option<PartAddress>);

#[cfg(target_os = "linux")]
impl Detour {
    /// What others are told of the process with this name and port instead of its address, if anything.
    pub(crate) fn told(&self, name: &str, port: u16) -> Result<Option<SocketAddr>, String> {
        let Some(ask) = &self.0 else {
            return Ok(None);
        };
        let real = SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port));
        let told = ask(name, real)?;
        Ok((told != real).then_some(told))
    }
}

impl fmt::Debug for Detour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "a hook" } else { "none" })
    }
}
