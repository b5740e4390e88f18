//! A server's address with what every request to it shares, and the routes that need no builder.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::call::call;
use crate::error::{ClientError, Failure, Phase};
use crate::mask::{self, Secrets};
use crate::model_client::ModelClient;
use crate::outgoing::{Outgoing, Payload};
use crate::raw::RawAnswer;
use crate::timeouts::{Sizes, Timeouts};
use crate::transcript::{Exchange, Transcript};

/// A client of one server. Clones are cheap and write to the same transcript.
///
/// It holds no connection and no task: it may be made on one runtime and used on another.
#[derive(Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Arc<str>,
    pub(crate) headers: Arc<HeaderMap>,
    pub(crate) secrets: Secrets,
    pub(crate) timeouts: Timeouts,
    pub(crate) sizes: Sizes,
    pub(crate) transcript: Option<Transcript>,
    health_path: Arc<str>,
}

/// What `GET /health` said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The status, 200 to 299.
    pub status: u16,
    /// The body; many servers send none.
    pub body: String,
    /// How long the answer took.
    pub elapsed: Duration,
}

/// What `GET /v1/models` said.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Models {
    /// `object`; `list` by the API.
    pub object: Option<String>,
    /// The models.
    pub data: Vec<ModelCard>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One served model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ModelCard {
    /// The name to ask for.
    pub id: String,
    /// `object`; `model` by the API.
    pub object: Option<String>,
    /// Who owns it, as the server says.
    pub owned_by: Option<String>,
    /// Everything else (`max_model_len`, `root`, `permission` …).
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Models {
    /// The names, in the server's order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.data.iter().map(|card| card.id.as_str())
    }
}

impl Client {
    /// A client of the server at this root, such as `http://127.0.0.1:8000`. A trailing `/v1`, which
    /// other clients want, is taken off.
    ///
    /// # Errors
    /// Where the address is none, or its scheme is not `http` (nor `https`, with the feature `tls`).
    pub fn new(base_url: impl AsRef<str>) -> Result<Self, ClientError> {
        let given = base_url.as_ref().trim();
        let shown = mask::url(given);
        let unusable = |message: &str| {
            ClientError::new(Failure::Unusable, Phase::Prepare, "", &shown, message)
                .advice("write it like `http://127.0.0.1:8000`")
        };
        let url = Url::parse(given)
            .map_err(|error| unusable("this is no address of a server").caused_by(error))?;
        match url.scheme() {
            "http" => {}
            "https" if cfg!(feature = "tls") => {}
            "https" => {
                return Err(unusable(
                    "this client is built without TLS: the feature `tls` is off",
                )
                .advice(
                    "enable the feature `tls` of `tribunal` (or `tribunal-client`), or give an `http://` address",
                ));
            }
            other => {
                return Err(unusable(&format!(
                    "the scheme `{other}` is not `http` or `https`"
                )));
            }
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(unusable("the address has no host"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(unusable(
                "the address of a server has no `?query` and no `#fragment`",
            ));
        }
        let base = url.as_str().trim_end_matches('/');
        let base = base.strip_suffix("/v1").unwrap_or(base);
        let timeouts = Timeouts::default();
        let user_secret = Secrets::of(
            url.password()
                .map(|password| ("password", password))
                .into_iter(),
        );
        Ok(Self {
            http: http(timeouts.connect).map_err(|error| {
                unusable("the HTTP library could not be set up").caused_by(error)
            })?,
            base: base.into(),
            headers: Arc::default(),
            secrets: user_secret,
            timeouts,
            sizes: Sizes::default(),
            transcript: Some(Transcript::new()),
            health_path: "/health".into(),
        })
    }

    /// The root of the server, secrets masked, without a slash at its end.
    pub fn base_url(&self) -> String {
        mask::url(&self.base)
    }

    /// Send this header with every request. Its value is masked everywhere if its name says secret.
    ///
    /// # Errors
    /// Where the name or value cannot stand in a header.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, ClientError> {
        let unusable = |message: String| {
            ClientError::new(
                Failure::Unusable,
                Phase::Prepare,
                "",
                &self.base_url(),
                message,
            )
        };
        let key: HeaderName = name.parse().map_err(|error| {
            unusable(format!(
                "`{}` is no name of a header",
                name.escape_default()
            ))
            .caused_by(error as reqwest::header::InvalidHeaderName)
        })?;
        let content = HeaderValue::from_str(value).map_err(|error| {
            unusable(format!(
                "the value for the header `{key}` holds characters that cannot stand there"
            ))
            .caused_by(error)
        })?;
        self.secrets = self.secrets.join(&Secrets::of([(name, value)].into_iter()));
        Arc::make_mut(&mut self.headers).insert(key, content);
        Ok(self)
    }

    /// Send `authorization: Bearer …` with every request.
    ///
    /// # Errors
    /// Where the token cannot stand in a header.
    pub fn with_bearer(self, token: &str) -> Result<Self, ClientError> {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// Other limits of time.
    ///
    /// # Errors
    /// Where the HTTP library cannot be set up.
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Result<Self, ClientError> {
        if timeouts.connect != self.timeouts.connect {
            self.http = http(timeouts.connect).map_err(|error| {
                ClientError::new(
                    Failure::Unusable,
                    Phase::Prepare,
                    "",
                    &self.base_url(),
                    "the HTTP library could not be set up",
                )
                .caused_by(error)
            })?;
        }
        self.timeouts = timeouts;
        Ok(self)
    }

    /// Other limits of size.
    pub fn with_sizes(mut self, sizes: Sizes) -> Self {
        self.sizes = sizes;
        self
    }

    /// Write to this transcript from now on (an attempt has its own, a shared server's client has not).
    pub fn with_transcript(mut self, transcript: Transcript) -> Self {
        self.transcript = Some(transcript);
        self
    }

    /// Record nothing (a soak would fill the memory).
    pub fn without_transcript(mut self) -> Self {
        self.transcript = None;
        self
    }

    /// The health route, `/health` by default.
    pub fn with_health_path(mut self, path: &str) -> Self {
        self.health_path = path.into();
        self
    }

    /// Everything that was exchanged so far; nothing after `without_transcript`.
    pub fn transcript(&self) -> Vec<Exchange> {
        self.transcript
            .as_ref()
            .map(Transcript::exchanges)
            .unwrap_or_default()
    }

    /// The transcript that it writes to; `None` after `without_transcript`.
    pub fn recorded(&self) -> Option<&Transcript> {
        self.transcript.as_ref()
    }

    /// A client for the routes of one model.
    pub fn model(&self, model: impl Into<String>) -> ModelClient {
        ModelClient::new(self.clone(), model)
    }

    /// The same as [`model`](Self::model), by the name of the route that is asked most.
    pub fn chat(&self, model: impl Into<String>) -> ModelClient {
        ModelClient::new(self.clone(), model)
    }

    /// Ask the health route.
    ///
    /// # Errors
    /// Where no answer comes, or its status is no success.
    pub async fn health(&self) -> Result<Health, ClientError> {
        let answer = self.get(&self.health_path).await?.complete()?.success()?;
        Ok(Health {
            status: answer.status,
            body: String::from_utf8_lossy(&answer.body).into_owned(),
            elapsed: answer.elapsed,
        })
    }

    /// Ask which models are served.
    ///
    /// # Errors
    /// Where no list comes.
    pub async fn models(&self) -> Result<Models, ClientError> {
        self.get("/v1/models").await?.complete()?.success()?.json()
    }

    /// The metrics page, as text.
    ///
    /// # Errors
    /// Where no page comes.
    pub async fn metrics(&self) -> Result<String, ClientError> {
        let answer = self.get("/metrics").await?.complete()?.success()?;
        Ok(answer.text()?.to_owned())
    }

    /// `GET` any path below the root. Any status is an answer.
    ///
    /// # Errors
    /// Where no response comes.
    pub async fn get(&self, path: &str) -> Result<RawAnswer, ClientError> {
        call(self, Outgoing::new(Method::GET, path, self.timeouts)).await
    }

    /// `DELETE` any path below the root. Any status is an answer.
    ///
    /// # Errors
    /// Where no response comes.
    pub async fn delete(&self, path: &str) -> Result<RawAnswer, ClientError> {
        call(self, Outgoing::new(Method::DELETE, path, self.timeouts)).await
    }

    /// `POST` this JSON. Any status is an answer.
    ///
    /// # Errors
    /// Where no response comes.
    pub async fn post_json(&self, path: &str, body: &Value) -> Result<RawAnswer, ClientError> {
        let accept = if body["stream"] == true {
            "text/event-stream"
        } else {
            "application/json"
        };
        self.post(path, Payload::json(Arc::new(body.clone())), accept)
            .await
    }

    /// `POST` these bytes, well-formed or not. Any status is an answer.
    ///
    /// # Errors
    /// Where no response comes, or the content type cannot stand in a header.
    pub async fn post_bytes(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<RawAnswer, ClientError> {
        self.post(path, Payload::bytes(content_type, body.into()), "*/*")
            .await
    }

    async fn post(
        &self,
        path: &str,
        payload: Payload,
        accept: &'static str,
    ) -> Result<RawAnswer, ClientError> {
        let out = Outgoing {
            accept,
            payload: Some(payload),
            ..Outgoing::new(Method::POST, path, self.timeouts)
        };
        call(self, out).await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.base_url())
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

/// The HTTP library, told to do nothing on its own account.
fn http(connect: Duration) -> reqwest::Result<reqwest::Client> {
    // The HTTP library brings no cryptography of its own; one that the program has chosen stays.
    #[cfg(feature = "tls")]
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("tribunal/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect)
        .http1_only()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(0)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .build()
}
