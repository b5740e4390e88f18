//! A session as a test: the same lines at the same distances, through the same code.
//!
//! Promise: [`Script::new`] reads every line before anything happens; a line that cannot be done again is an error of the experiment. Rejected: a
//! generated program that calls each injector: nobody could read what the session did.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tribunal_client::{Client, ModelClient};
use tribunal_serving::{Offers, Server};

use super::command::{Action, Command};
use super::session::{self, Session};
use crate::error::{FaultError, FaultErrorKind};
use crate::experiment::Moment;
use crate::proxy::Proxy;
use crate::scene::Scene;
use crate::size;
use crate::undo::Undo;

/// The lines of a session of the console, with their distances from the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Script(Vec<(Duration, Action)>);

/// What a script has done, to be taken back.
#[must_use = "what is dropped is undone"]
pub struct Played {
    session: Session,
    began: Duration,
}

impl Script {
    /// Lines as they are typed at the console, each with its distance from the first: `("1200ms", "kill worker 0")`.
    ///
    /// # Errors
    /// A line that cannot be read, or that does nothing (`status`).
    pub fn new<'a>(
        lines: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, FaultError> {
        let read = |(at, line): (&str, &str)| {
            let at = size::span(at)?;
            match Command::parse(line)? {
                Command::Act(action) => Ok((at, action)),
                _ => Err(format!("`{line}` does nothing to a server")),
            }
        };
        let lines: Result<Vec<_>, String> = lines.into_iter().map(read).collect();
        lines
            .map(Script)
            .map_err(|why| FaultError::new(FaultErrorKind::Refused, "a saved session", why))
    }

    /// A scene with a proxy before the server.
    ///
    /// # Errors
    /// The server is reached by something that no proxy stands before (`https:`), or none can be started.
    pub fn scene(server: &Server, offers: &Offers) -> Result<Scene, FaultError> {
        let scene = Scene::new(server.clone(), offers);
        let proxy = proxy(server).map_err(|why| gate(&why))?;
        Ok(scene.proxy(Arc::new(proxy)))
    }

    /// The server's model, asked through the proxy of the scene where it has one.
    ///
    /// # Errors
    /// The address of the server makes no sense.
    pub fn model(scene: &Scene) -> Result<ModelClient, FaultError> {
        let url = scene.proxy.as_ref().map(|proxy| proxy.url());
        let url = url.as_deref().unwrap_or(scene.server.base_url());
        let mut client = Client::new(url).map_err(|error| gate(&error.to_string()))?;
        if let Some(name) = scene.server.key_env() {
            let key = std::env::var(name);
            let key = key.map_err(|_| gate(&format!("{name} is not set")))?;
            client = client
                .with_bearer(&key)
                .map_err(|error| gate(&error.to_string()))?;
        }
        Ok(client.model(scene.server.model().unwrap_or_default()))
    }

    /// Does all of it, each line at its time; what is in force after the last stays so until it is undone. The first load is sent and accounted for by the
    /// experiment.
    ///
    /// # Errors
    /// The first line that could not be done; what was done by then is taken back.
    pub async fn play(&self, scene: &Scene, moment: &Moment<'_>) -> Result<Played, FaultError> {
        let began = scene.timeline.since_start();
        let model = Self::model(scene)?;
        let mut session = Session::new(scene.clone(), model);
        let mut first_fault = None;
        // `None`: not begun; `Some(false)`: over.
        let mut sends = None;
        for (at, action) in &self.0 {
            let now = scene.timeline.since_start().saturating_sub(began);
            tokio::time::sleep(at.saturating_sub(now)).await;
            match (action, sends) {
                (Action::Load(rate), None) => {
                    moment.running.send(session::load(*rate));
                    sends = Some(true);
                    continue;
                }
                (Action::Load(_), Some(true)) => {
                    moment.running.stop();
                    sends = Some(false);
                }
                (Action::LoadStop, Some(true)) => {
                    moment.running.stop();
                    sends = Some(false);
                    continue;
                }
                (Action::Inject(_), _) => {
                    first_fault.get_or_insert_with(|| scene.timeline.since_start());
                }
                _ => {}
            }
            if let Err(why) = session.act(action).await {
                return Err(FaultError::new(FaultErrorKind::Refused, action, why));
            }
        }
        Ok(Played {
            session,
            began: first_fault.unwrap_or(began),
        })
    }
}

impl Undo for Played {
    fn began(&self) -> Option<Duration> {
        Some(self.began)
    }

    async fn undo(mut self) -> Result<(), FaultError> {
        match self.session.end().await {
            Ok(()) => Ok(()),
            Err(why) => Err(FaultError::new(
                FaultErrorKind::NotUndone,
                "a saved session",
                why,
            )),
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(|(_, line)| line.to_string()).collect();
        f.write_str(&lines.join("; "))
    }
}

impl fmt::Debug for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Played").finish_non_exhaustive()
    }
}

fn gate(why: &str) -> FaultError {
    FaultError::new(FaultErrorKind::Gate, "a proxy before the server", why)
}

/// A proxy before a server on this host.
fn proxy(server: &Server) -> Result<Proxy, String> {
    let url = server.base_url();
    let address = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split('/').next())
        .map(|host| host.replace("localhost", "127.0.0.1"))
        .and_then(|host| host.parse().ok());
    let address = address.ok_or_else(|| {
        format!("{url} is not of the form http://ADDRESS:PORT, so no proxy stands before it")
    })?;
    Proxy::open(address, 0).map_err(|error| format!("no proxy can be started: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_before_anything_happens() {
        let script = Script::new([("0s", "load 5"), ("1500ms", "kill worker 0")]).expect("lines");
        assert_eq!(script.to_string(), "load 5; kill worker 0");
        for (line, part) in [
            (("0s", "kil root"), "did you mean `kill`?"),
            (("0", "kill root"), "no span of time"),
            (("0s", "status"), "does nothing"),
        ] {
            let error = Script::new([line]).expect_err(line.1).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
