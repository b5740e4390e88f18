//! Servers that the body of a test starts for itself.
//!
//! Promise: what such a server takes is seen in the telemetry of the run and, where the test was given devices, counts as taken by the test. Rejected:
//! handing the test's devices over here (a test that shares a server would start another one beside it on the same devices).

use tribunal_runner::Error;
use tribunal_serving::{Deployment, Server, StartOptions};

/// A deployment that is built and started in the body of a test: `Deployment::command("vllm").args([…]).start().await?`.
pub trait Start {
    /// Starts the server for the running test alone; its log lies in the test's evidence. The test ends it by [`Server::stop`], which tells what
    /// it left behind; one that is merely dropped is stopped all the same, and nobody is told.
    ///
    /// An error where no test runs, and where the server does not become ready.
    fn start(self) -> impl Future<Output = Result<Server, Error>>;
}

impl Start for Deployment {
    async fn start(self) -> Result<Server, Error> {
        let folder = tribunal_runner::evidence()?;
        let started = Server::start(&self, &StartOptions::new(folder)).await;
        let server = started.map_err(Error::of)?;
        #[cfg(target_os = "linux")]
        {
            let parts = server.parts().iter().map(|part| part.pid);
            let pids = parts.chain(server.pid()).collect();
            tribunal_runner::follow(&self.display_name(), pids);
            if let Some(grant) = tribunal_runner::devices() {
                crate::fixtures::look(grant).await;
            }
        }
        Ok(server)
    }
}
