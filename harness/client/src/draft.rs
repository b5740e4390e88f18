//! A request being written: the body, its limits, what travels with it; and how it is sent.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Extensions;
use reqwest::Method;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::call::{Outgoing, Payload, call};
use crate::client::Client;
use crate::error::{ClientError, Failure, Phase};
use crate::form::{self, FormFile};
use crate::mask;
use crate::media::Media;
use crate::model_client::ModelClient;
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
                return Err(raw
                    .fail(Failure::Judged, Phase::Judge, message)
                    .caused_by(error));
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

impl Payload {
    pub(crate) fn json(json: Arc<Value>) -> Self {
        Self {
            content_type: "application/json".into(),
            bytes: json.to_string().into(),
            json,
            parts: Vec::new(),
        }
    }

    pub(crate) fn bytes(content_type: &str, bytes: Bytes) -> Self {
        let json = Arc::new(serde_json::from_slice(&bytes).unwrap_or(Value::Null));
        Self {
            content_type: content_type.to_owned(),
            bytes,
            json,
            parts: Vec::new(),
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

/// What every builder with a field `draft` has.
macro_rules! request_methods {
    ($request:ident => $answer:ty) => {
        impl $request {
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

            /// Ask this path below the server's root instead of the usual one.
            pub fn path(mut self, path: impl Into<String>) -> Self {
                self.draft.path = path.into().into();
                self
            }

            /// Send this header with this request. Its value is masked if its name says secret.
            pub fn header(mut self, name: &str, value: &str) -> Self {
                self.draft.headers.push((name.to_owned(), value.to_owned()));
                self
            }

            /// Let this value travel to whoever judges the answer; the server never sees it. Of
            /// each type there is one, the last.
            pub fn attach<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
                self.draft.attached.insert(value);
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

            /// While the judge rejects the answer, send the same request again, this many times at
            /// most. Every attempt stands in the transcript, and the answer counts them. A request
            /// that the server fails to serve is never sent again.
            pub fn retry_content(mut self, times: u32) -> Self {
                self.draft.retries = times;
                self
            }

            /// Of the requests of `send_many`, have at most this many under way at a time.
            pub fn at_most(mut self, in_flight: usize) -> Self {
                self.draft.at_most = Some(in_flight);
                self
            }

            /// The body as it will be sent; of a form, its fields without the files.
            pub fn body(&self) -> serde_json::Value {
                serde_json::Value::Object(self.draft.body.clone())
            }

            /// Expect a refusal: `400`, `[400, 422]`, `400..500`.
            pub fn expect_status(self, expected: impl Into<crate::Statuses>) -> crate::ExpectError {
                crate::ExpectError::new(self.draft, expected.into())
            }

            /// Send it, and let the judge look at the answer.
            ///
            /// # Errors
            /// Where no complete, successful, readable answer comes, or the judge rejects it.
            pub async fn send(self) -> Result<$answer, crate::ClientError> {
                self.draft.send().await
            }

            /// Send it and take whatever comes: any status, a stream that breaks off. Nothing is
            /// judged.
            ///
            /// # Errors
            /// Where no response comes, a limit runs out, or the answer is too large.
            pub async fn send_raw(self) -> Result<crate::RawAnswer, crate::ClientError> {
                self.draft.send_raw().await
            }

            /// Send the same request this many times at once (or as many at a time as
            /// [`at_most`](Self::at_most) says); all results, in order.
            pub async fn send_many(self, times: usize) -> crate::Many<$answer> {
                let at_most = self.draft.at_most;
                crate::many::send_bounded((0..times).map(|_| self.clone().send()), at_most).await
            }

            /// Send the same request `times` times, all of them, and want at least `gate` answers
            /// that pass their verdict. Only a verdict is tolerated: a request that the server
            /// fails to serve fails the whole. The answers that passed come back.
            ///
            /// # Errors
            /// At once, and nothing is sent, where the gate is higher than the number of requests;
            /// see [`Many::at_least`](crate::Many::at_least) for the rest.
            pub async fn send_gated(
                self,
                gate: usize,
                times: usize,
            ) -> Result<Vec<$answer>, crate::ClientError> {
                crate::many::reachable(gate, times, &self.draft)?;
                self.send_many(times).await.at_least(gate)
            }
        }

        impl crate::Attach for $request {
            fn attached(&mut self) -> &mut http::Extensions {
                &mut self.draft.attached
            }
        }
    };
}
pub(crate) use request_methods;

/// The parameters of sampling and streaming that the text routes share.
macro_rules! sampling_methods {
    () => {
        /// Generate at most this many tokens.
        pub fn max_tokens(self, tokens: u64) -> Self {
            self.extra("max_tokens", tokens)
        }

        /// Generate at least this many tokens before the model may end (vLLM, SGLang).
        pub fn min_tokens(self, tokens: u64) -> Self {
            self.extra("min_tokens", tokens)
        }

        /// Go on past the model's end token, to the limit of tokens (vLLM, SGLang, llama.cpp).
        pub fn ignore_eos(self) -> Self {
            self.extra("ignore_eos", true)
        }

        /// Sampling temperature; 0 is greedy.
        pub fn temperature(self, temperature: f64) -> Self {
            self.extra("temperature", temperature)
        }

        /// Sample from the likeliest tokens that hold this share of the probability.
        pub fn top_p(self, top_p: f64) -> Self {
            self.extra("top_p", top_p)
        }

        /// Sample from this many likeliest tokens (vLLM, SGLang, llama.cpp).
        pub fn top_k(self, top_k: i64) -> Self {
            self.extra("top_k", top_k)
        }

        /// The seed of the sampling.
        pub fn seed(self, seed: i64) -> Self {
            self.extra("seed", seed)
        }

        /// Lower runs first, where the server schedules by priority (vLLM).
        pub fn priority(self, priority: i64) -> Self {
            self.extra("priority", priority)
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
            self.extra(
                "stream_options",
                serde_json::json!({ "include_usage": true }),
            )
        }
    };
}
pub(crate) use sampling_methods;
