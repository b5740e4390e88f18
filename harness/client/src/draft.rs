//! A request being written: the body, its limits, what travels with it; and how it is sent.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::Extensions;
use reqwest::Method;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::call::call;
use crate::client::Client;
use crate::error::{ClientError, Failure, Phase};
use crate::form::{self, FormFile};
use crate::mask;
use crate::media::Media;
use crate::model_client::ModelClient;
use crate::outgoing::{Outgoing, Payload};
use crate::raw::RawAnswer;
use crate::timeouts::Timeouts;

/// A request being written.
#[derive(Clone)]
pub(crate) struct Draft {
    pub model: ModelClient,
    pub path: Cow<'static, str>,
    pub body: Map<String, Value>,
    /// The files of a multipart form; `None` for a JSON body.
    pub files: Option<Vec<FormFile>>,
    /// Whether the route answers with anything but JSON and events.
    pub media: bool,
    pub headers: Vec<(String, String)>,
    pub attached: Extensions,
    pub idle: Option<Duration>,
    pub total: Option<Duration>,
    pub judged: bool,
    /// How often a rejected answer is asked for again.
    pub retries: u32,
    pub at_most: Option<usize>,
    /// What already went wrong while it was written (a file that cannot be read).
    pub broken: Option<String>,
}

impl Draft {
    pub(crate) fn new(model: &ModelClient, path: &'static str) -> Self {
        let mut body = model.defaults.clone();
        body.insert("model".into(), model.model.clone().into());
        Self {
            model: model.clone(),
            path: Cow::Borrowed(path),
            body,
            files: None,
            media: false,
            headers: Vec::new(),
            attached: Extensions::new(),
            idle: None,
            total: None,
            judged: true,
            retries: 0,
            at_most: None,
            broken: None,
        }
    }

    pub(crate) fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.body.insert(key.to_owned(), value.into());
        self
    }

    /// Add to the list of this key.
    pub(crate) fn add(mut self, key: &str, item: Value) -> Self {
        match self.body.get_mut(key) {
            Some(Value::Array(list)) => list.push(item),
            // Replaced or left out through `extra` or `without`: what is said last holds.
            _ => drop(self.body.insert(key.to_owned(), Value::Array(vec![item]))),
        }
        self
    }

    /// Send a multipart form instead of JSON.
    pub(crate) fn form(mut self) -> Self {
        self.files.get_or_insert_default();
        self
    }

    /// Add a file; the request becomes a form.
    pub(crate) fn file(mut self, field: &str, media: Media) -> Self {
        match media.into_file(field) {
            Ok(file) => self.files.get_or_insert_default().push(file),
            Err(why) => drop(self.broken.get_or_insert(why)),
        }
        self
    }

    /// The bytes and the limits, fixed from here on: every attempt sends the same.
    pub(crate) fn sending(self) -> Result<Sending, ClientError> {
        let client = self.model.client;
        if let Some(why) = self.broken {
            let url = mask::url(&format!("{}{}", client.base, self.path));
            return Err(ClientError::new(
                Failure::Unusable,
                Phase::Prepare,
                "POST",
                &url,
                why,
            ));
        }
        let mut timeouts = client.timeouts;
        timeouts.idle = self.idle.unwrap_or(timeouts.idle);
        timeouts.total = self.total.unwrap_or(timeouts.total);
        let payload = match self.files {
            Some(files) => form::payload(&self.body, &files),
            None => Payload::json(Arc::new(Value::Object(self.body))),
        };
        Ok(Sending {
            client,
            path: self.path,
            payload,
            media: self.media,
            timeouts,
            headers: self.headers,
            attached: self.attached,
        })
    }

    /// Send it, read the answer and let the judge look at it.
    pub(crate) async fn send<T: Answer>(self) -> Result<T, ClientError> {
        let judge = self.model.judge.clone().filter(|_| self.judged);
        let (aliases, retries) = (self.model.aliases.clone(), self.retries);
        let sending = self.sending()?;
        let mut rejected: Vec<String> = Vec::new();
        loop {
            let attempt = u32::try_from(rejected.len()).map_or(u32::MAX, |count| count + 1);
            let mut answer = T::fetch(&sending, attempt).await?;
            answer.accept(accepted_models(&sending.payload.json, &aliases));
            let raw = answer.raw_mut();
            raw.attempts = attempt;
            raw.rejected.clone_from(&rejected);
            let (Some(judge), Some(judged)) = (&judge, answer.judged()) else {
                return Ok(answer);
            };
            let Err(error) = judge.judge(judged).await else {
                return Ok(answer);
            };
            let raw = judged.raw();
            sending.rejected(raw, &error.to_string());
            if attempt > retries {
                let message = match attempt {
                    1 => "the answer fails its verdict".to_owned(),
                    _ => format!(
                        "the answer fails its verdict, the last of {attempt} attempts at the same request; before it:{}",
                        rejected
                            .iter()
                            .enumerate()
                            .map(|(number, why)| format!("\n  attempt {}: {why}", number + 1))
                            .collect::<String>()
                    ),
                };
                let failed = raw.fail(Failure::Judged, Phase::Judge, message);
                let told = error.to_string();
                let masked = raw.masked(&told);
                // A verdict quotes the answer, and an answer may quote a key.
                return Err(match masked == told {
                    true => failed.caused_by(error),
                    false => failed.caused_by(masked),
                });
            }
            rejected.push(error.to_string());
        }
    }

    pub(crate) async fn send_raw(self) -> Result<RawAnswer, ClientError> {
        self.sending()?.call(1).await
    }
}

/// A request as it goes out, once or several times.
pub(crate) struct Sending {
    pub client: Client,
    pub path: Cow<'static, str>,
    pub payload: Payload,
    pub media: bool,
    pub timeouts: Timeouts,
    pub headers: Vec<(String, String)>,
    pub attached: Extensions,
}

impl Sending {
    pub(crate) async fn call(&self, attempt: u32) -> Result<RawAnswer, ClientError> {
        let mut out = self.outgoing(Method::POST, &self.path, attempt);
        out.accept = match (self.media, &self.payload.json["stream"]) {
            (true, _) => "*/*",
            (false, Value::Bool(true)) => "text/event-stream",
            (false, _) => "application/json",
        };
        out.payload = Some(self.payload.clone());
        call(&self.client, out).await
    }

    /// Another exchange for the same answer (a poll, a download).
    pub(crate) fn outgoing(&self, method: Method, path: &str, attempt: u32) -> Outgoing {
        Outgoing {
            headers: self.headers.clone(),
            attached: self.attached.clone(),
            attempt,
            ..Outgoing::new(method, path, self.timeouts)
        }
    }

    /// Write into the transcript that the judge rejected this answer.
    fn rejected(&self, raw: &RawAnswer, why: &str) {
        if let (Some(transcript), Some(number)) = (&self.client.transcript, raw.exchange) {
            transcript.rejected(number, raw.masked(why));
        }
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
