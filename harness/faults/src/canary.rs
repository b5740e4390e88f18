//! Whether a client finds everything it needs: one token, the list of models, the metrics.
//!
//! A health route may say anything; a server is back when it works.

use std::time::Duration;

use tribunal_client::{Client, ModelClient, Timeouts, Watcher};

use crate::ending::{Read, Sent};
use crate::observed::Canary;
use crate::payload::Payload;
use crate::seen::{Ending, Seen, short};
use crate::timeline::Timeline;
use crate::watch::said;

/// Asks for everything that a client needs.
#[derive(Clone, Debug)]
pub struct CanaryAsker {
    client: Client,
    model: ModelClient,
    payload: Payload,
    health: Option<String>,
    lists: bool,
    metrics: bool,
    limit: Duration,
}

/// What a canary's request carries in place of a token of a load.
const TOKEN: &str = "canary";

impl CanaryAsker {
    /// One that sends a chat of one token, and asks the health route at `/health`.
    ///
    /// # Errors
    /// In words: where no client can be made.
    pub fn new(model: &ModelClient, limit: Duration) -> Result<Self, String> {
        let limits = Timeouts {
            connect: limit,
            idle: limit,
            total: limit,
        };
        let client = model.client().clone().without_transcript();
        let client = client
            .with_timeouts(limits)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            model: client.model(model.model()),
            client,
            payload: Payload::chat().tokens(1),
            health: Some("/health".into()),
            lists: true,
            metrics: true,
            limit,
        })
    }

    /// Send this instead.
    #[must_use]
    pub fn payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// The health route; `None` where there is none.
    #[must_use]
    pub fn health(mut self, path: Option<&str>) -> Self {
        self.health = path.map(str::to_owned);
        self
    }

    /// Whether the list of models is asked. Routers may list none of their workers' models; then what it says afterwards says nothing either.
    #[must_use]
    pub fn lists(mut self, has: bool) -> Self {
        self.lists = has;
        self
    }

    /// Whether the metrics must be there.
    #[must_use]
    pub fn metrics(mut self, there: bool) -> Self {
        self.metrics = there;
        self
    }

    /// Asks once.
    pub async fn ask(&self, timeline: &Timeline) -> Canary {
        let at = timeline.since_start();
        let health_before = self.look().await;
        let answers = self.one_token().await;
        let health_after = self.look().await;
        let lists = match self.lists {
            true => self.models().await,
            false => Ok(()),
        };
        let metrics = match self.metrics {
            true => Some(self.client.metrics().await.map(drop).map_err(first_line)),
            false => None,
        };
        Canary {
            at,
            ended: timeline.since_start(),
            answers,
            lists,
            metrics,
            health_before,
            health_after,
        }
    }

    async fn look(&self) -> Option<crate::observed::Said> {
        let path = self.health.as_ref()?;
        Some(said(
            self.client.get(path).await.map(|answer| answer.status),
        ))
    }

    async fn one_token(&self) -> Result<(), String> {
        let watcher = Watcher::new(|_, _| {});
        let result = self
            .payload
            .send(&self.model, TOKEN, self.limit, watcher)
            .await;
        let sent = Sent {
            kind: self.payload.kind(),
            stream: self.payload.is_stream(),
            token: TOKEN,
            family: TOKEN,
        };
        let read = Read::of(sent, &result);
        if read.ending == Ending::Whole {
            return Ok(());
        }
        Err(Seen::how(&read.ending, read.status, read.error.as_ref()))
    }

    async fn models(&self) -> Result<(), String> {
        let models = self.client.models().await.map_err(first_line)?;
        let model = self.model.model();
        if models.ids().any(|id| id == model) {
            return Ok(());
        }
        let listed: Vec<&str> = models.ids().take(8).collect();
        Err(format!(
            "`{model}` is not in the list, but {}",
            short(&listed.join(", "))
        ))
    }
}

fn first_line(error: tribunal_client::ClientError) -> String {
    let text = error.to_string();
    short(text.lines().next().unwrap_or_default())
}
