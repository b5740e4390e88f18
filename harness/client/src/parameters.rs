//! A request being written: the body, its limits, and what both text routes share.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::api_error::{ErrorAnswer, HealthAfter};
use crate::chat_request::ChatClient;
use crate::error::{ClientError, Failure, Phase};
use crate::judge::JudgeError;
use crate::raw::{BodyEnd, RawAnswer};
use crate::statuses::Statuses;

/// A request being written.
#[derive(Clone)]
pub(crate) struct Draft {
    pub chat: ChatClient,
    pub path: &'static str,
    pub body: Map<String, Value>,
    pub idle: Option<Duration>,
    pub total: Option<Duration>,
    pub judged: bool,
}

impl Draft {
    pub(crate) fn new(chat: &ChatClient, path: &'static str) -> Self {
        let mut body = chat.defaults.clone();
        body.insert("model".into(), chat.model.clone().into());
        Self {
            chat: chat.clone(),
            path,
            body,
            idle: None,
            total: None,
            judged: true,
        }
    }

    pub(crate) fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.body.insert(key.to_owned(), value.into());
        self
    }

    pub(crate) async fn send_raw(self) -> Result<RawAnswer, ClientError> {
        let mut timeouts = self.chat.client.timeouts;
        timeouts.idle = self.idle.unwrap_or(timeouts.idle);
        timeouts.total = self.total.unwrap_or(timeouts.total);
        self.chat
            .client
            .post_value(self.path, Arc::new(Value::Object(self.body)), timeouts)
            .await
    }
}

/// The names under which the answering model may appear: the one asked for and its aliases.
pub(crate) fn accepted_models(request: &Value, aliases: &[String]) -> Vec<String> {
    request["model"]
        .as_str()
        .map(str::to_owned)
        .into_iter()
        .chain(aliases.iter().cloned())
        .collect()
}

/// Read a successful answer that must be complete. Where it broke off, the break is the reason, not
/// what could not be read for it; but an error object that came before the break explains the break.
pub(crate) fn settled<T>(
    raw: RawAnswer,
    read: fn(RawAnswer) -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    if raw.end == BodyEnd::Complete {
        return read(raw);
    }
    match read(raw.clone()) {
        Err(error) if matches!(error.failure(), Failure::ErrorEvent(_)) => Err(error),
        _ => read(raw.complete()?),
    }
}

/// The error of a judge, as the client's.
pub(crate) fn judged(
    verdict: Result<(), JudgeError>,
    fail: impl FnOnce(Failure, Phase, String) -> ClientError,
) -> Result<(), ClientError> {
    verdict.map_err(|error| {
        fail(
            Failure::Judged,
            Phase::Judge,
            "the answer fails its verdict".into(),
        )
        .caused_by(error)
    })
}

/// A request that should be refused: from `expect_status(...)`.
#[must_use = "nothing is sent before `.send().await`"]
pub struct ExpectError {
    draft: Draft,
    expected: Statuses,
}

impl ExpectError {
    pub(crate) fn new(draft: Draft, expected: Statuses) -> Self {
        Self { draft, expected }
    }

    /// Send it, then ask the server's health route, then let the judge look at both.
    ///
    /// # Errors
    /// Where no complete response comes, the judge rejects it, or its status is not among those
    /// expected.
    pub async fn send(self) -> Result<ErrorAnswer, ClientError> {
        let chat = self.draft.chat.clone();
        let judge = chat.judge.clone().filter(|_| self.draft.judged);
        let raw = self.draft.send_raw().await?.complete()?;
        let mut answer = raw.error();
        answer.health_after = match chat.client.health().await {
            Ok(_) => HealthAfter::Healthy,
            Err(error) => HealthAfter::Unhealthy(error.to_string()),
        };
        if let Some(judge) = judge {
            judged(
                judge.error(&answer, &self.expected),
                |failure, phase, message| raw.fail(failure, phase, message),
            )?;
        }
        if !self.expected.contains(answer.status) {
            let message = format!(
                "the server answered {}, expected was {}",
                answer.error, self.expected
            );
            return Err(raw
                .fail(Failure::Status(answer.error), Phase::Headers, message)
                .excerpt(raw.shown(&String::from_utf8_lossy(&raw.body), 0)));
        }
        Ok(answer)
    }
}

/// The parameters that chat and completions share, for a builder with a field `draft`.
macro_rules! shared_parameters {
    () => {
        /// Generate at most this many tokens.
        pub fn max_tokens(self, tokens: u64) -> Self {
            self.extra("max_tokens", tokens)
        }

        /// Sampling temperature; 0 is greedy.
        pub fn temperature(self, temperature: f64) -> Self {
            self.extra("temperature", temperature)
        }

        /// Sample from the likeliest tokens that hold this share of the probability.
        pub fn top_p(self, top_p: f64) -> Self {
            self.extra("top_p", top_p)
        }

        /// The seed of the sampling.
        pub fn seed(self, seed: i64) -> Self {
            self.extra("seed", seed)
        }

        /// End the text before any of these.
        pub fn stop<S: Into<String>>(self, stop: impl IntoIterator<Item = S>) -> Self {
            let stop: Vec<String> = stop.into_iter().map(Into::into).collect();
            self.extra("stop", stop)
        }

        /// This many choices.
        pub fn n(self, n: u64) -> Self {
            self.extra("n", n)
        }

        /// Ask for a stream of events.
        pub fn stream(self) -> Self {
            self.extra("stream", true)
        }

        /// Ask for the token counts at the end of a stream.
        pub fn include_usage(self) -> Self {
            self.extra("stream_options", serde_json::json!({ "include_usage": true }))
        }

        /// Ask another model (or LoRA adapter) of the same server.
        pub fn model(self, name: impl Into<String>) -> Self {
            self.extra("model", name.into())
        }

        /// Any key of the body, with any value, right or wrong. It replaces what was there.
        pub fn extra(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
            self.draft = self.draft.set(key, value);
            self
        }

        /// Leave a key out of the body, also one that the builder or a default set.
        pub fn without(mut self, key: &str) -> Self {
            self.draft.body.remove(key);
            self
        }

        /// For this request: the longest time without any byte once the headers came.
        pub fn idle_timeout(mut self, limit: std::time::Duration) -> Self {
            self.draft.idle = Some(limit);
            self
        }

        /// For this request: the longest time from before the connection to the last byte.
        pub fn total_timeout(mut self, limit: std::time::Duration) -> Self {
            self.draft.total = Some(limit);
            self
        }

        /// Do not ask the client's judge about this answer.
        pub fn unjudged(mut self) -> Self {
            self.draft.judged = false;
            self
        }

        /// The body as it will be sent.
        pub fn body(&self) -> serde_json::Value {
            serde_json::Value::Object(self.draft.body.clone())
        }

        /// Expect a refusal: `400`, `[400, 422]`, `400..500`.
        pub fn expect_status(self, expected: impl Into<crate::Statuses>) -> crate::ExpectError {
            crate::ExpectError::new(self.draft, expected.into())
        }

        /// Send it and take whatever comes: any status, a stream that breaks off. Nothing is judged.
        ///
        /// # Errors
        /// Where no response comes, a limit runs out, or the answer is too large.
        pub async fn send_raw(self) -> Result<crate::RawAnswer, crate::ClientError> {
            self.draft.send_raw().await
        }
    };
}
pub(crate) use shared_parameters;
