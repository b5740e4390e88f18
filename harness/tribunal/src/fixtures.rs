//! The built-in fixtures: a running server, and a client that judges every answer.

use std::sync::Arc;

use tribunal_client::{ChatClient, Client};
use tribunal_runner::{Error, SetUp};
use tribunal_serving::{Deployment, Server, StartOptions};
use tribunal_verdict::Depth;

use crate::deployments::{identity, rendered};
use crate::fixture;

/// The server that tests talk to: the embedded engine, started once for all cases of a level and stopped after the last.
///
/// A `server` fixture of your own takes its place where it is in scope, and [`crate::start`] starts any [`Deployment`] in it.
#[fixture(scope = session, deployment, shared_by = identity, implies(e2e))]
pub async fn server(cx: &SetUp) -> Result<Server, Error> {
    let name = cx.deployment().unwrap_or("embedded");
    crate::start(cx, &rendered(name, cx.level())?).await
}

/// A client of `server` whose answers are judged as deeply as the case's level asks.
#[fixture]
pub fn chat(cx: &SetUp, server: &Server) -> Result<ChatClient, Error> {
    judged(cx, server)
}

/// The embedded engine as a deployment: this binary, run again. Arguments of the engine can be added with [`Deployment::arg`].
///
/// An error without the feature `engine`.
pub fn embedded() -> Result<Deployment, Error> {
    #[cfg(feature = "engine")]
    {
        let program = std::env::current_exe()?;
        Ok(Deployment::command(program)
            .name("embedded engine")
            .model("embedded")
            .args([
                tribunal_engine::VERB,
                "--host",
                "{host}",
                "--port",
                "{port}",
                "--model",
                "{model}",
                "--workers",
                "2",
            ]))
    }
    #[cfg(not(feature = "engine"))]
    {
        Err(Error::msg(
            "the embedded engine is not built in: enable the feature `engine` of `tribunal`, or bring a fixture `server` of your own",
        ))
    }
}

/// Starts a deployment for a fixture, and stops it when the fixture's last user is done. What it leaves behind is an error of the teardown.
pub async fn start(cx: &SetUp, deployment: &Deployment) -> Result<Server, Error> {
    let folder = cx.evidence(&deployment.display_name());
    let server = Server::start(deployment, &StartOptions::new(folder)).await?;
    let handle = server.clone();
    cx.on_teardown(move || async move { handle.stop().await.map(drop) });
    Ok(server)
}

/// A chat client of a server, with the verdict that the level of the asking case calls for: format, finish reason and a well-formed stream at the
/// lowest level; usage, log-probabilities and the rest above.
pub fn judged(cx: &SetUp, server: &Server) -> Result<ChatClient, Error> {
    let client = Client::new(server.base_url())?;
    let Some(model) = server.model() else {
        crate::fail!(
            "the server at {} lists no model, so a chat client has none to ask for; give its deployment a .model(…)",
            server.base_url()
        );
    };
    let depth = if cx.depth() == 0 {
        Depth::Basic
    } else {
        Depth::Deep
    };
    Ok(client.chat(model).with_judge(Arc::new(depth)))
}
