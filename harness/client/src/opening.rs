//! How a WebSocket session is opened.
//!
//! By hand rather than by the library's own `connect`, so that the limit that ran out and the answer
//! of a server that refuses are told apart.

use std::time::{Instant, SystemTime};

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::api_error::ApiError;
use crate::client::Client;
use crate::error::{ClientError, Failure, Limit, Phase, seconds};
use crate::headers::Headers;
use crate::mask::{self, Secrets};
use crate::recorder::Recorder;
use crate::transcript::{Exchange, Outcome};
use crate::websocket::WebSocket;

impl Client {
    /// Open a WebSocket session at this path, such as `/v1/realtime?model=m`.
    ///
    /// # Errors
    /// Where nothing listens, or the server does not switch protocols; then its status is the
    /// reason.
    pub async fn websocket(&self, path: &str) -> Result<WebSocket, ClientError> {
        let start = Instant::now();
        let Some(rest) = self.base.strip_prefix("http://") else {
            return Err(ClientError::new(
                Failure::Unusable,
                Phase::Prepare,
                "GET",
                &self.base_url(),
                "WebSocket sessions have no TLS",
            )
            .advice("give the server an `http://` address"));
        };
        let address = format!("ws://{rest}{path}");
        let url = mask::url(&address);
        let secrets = self.secrets.join(&Secrets::of(mask::query_pairs(&address)));
        let fail = |failure, phase, message: String| {
            ClientError::new(failure, phase, "GET", &url, secrets.text(&message))
                .after(start.elapsed())
        };
        let mut request = address.as_str().into_client_request().map_err(|error| {
            fail(
                Failure::Unusable,
                Phase::Prepare,
                "this is no address of a session".into(),
            )
            .caused_by(error)
        })?;
        request.headers_mut().extend((*self.headers).clone());
        let mut recorder = Recorder::begin(self.transcript.clone(), secrets.clone(), start, |_| {
            Exchange {
                started: SystemTime::now(),
                method: "GET".into(),
                url: url.clone(),
                request_headers: mask::headers(request.headers()),
                request_body: None,
                request_form: Vec::new(),
                attempt: 1,
                rejected: None,
                status: None,
                response_headers: Headers::default(),
                headers_after: None,
                response_body: Bytes::new(),
                events: Vec::new(),
                outcome: Outcome::InFlight,
            }
        });
        let opened = async {
            let authority = rest.split('/').next().unwrap_or(rest);
            let authority = authority.rsplit('@').next().unwrap_or(authority);
            let host = if authority.rsplit(':').next().is_some_and(|port| {
                !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
            }) && authority.contains(':')
            {
                authority.to_owned()
            } else {
                format!("{authority}:80")
            };
            let limit = self.timeouts.connect;
            let socket = match timeout(limit, TcpStream::connect(&host)).await {
                Ok(Ok(socket)) => socket,
                Ok(Err(error)) => {
                    let failure = match error.kind() {
                        std::io::ErrorKind::ConnectionRefused => Failure::Refused,
                        _ => Failure::Other,
                    };
                    let message = format!("no connection to {host} could be opened");
                    return Err(fail(failure, Phase::Connect, message)
                        .advice("see whether the server runs, and check the port")
                        .caused_by(error));
                }
                Err(_) => {
                    let message = format!(
                        "nothing accepted the connection at {host} within {}",
                        seconds(limit)
                    );
                    let failure = Failure::TimedOut {
                        limit: Limit::Connect,
                        after: limit,
                    };
                    return Err(fail(failure, Phase::Connect, message));
                }
            };
            // Nagle's algorithm would hold small frames back and falsify their times.
            let _ = socket.set_nodelay(true);
            let config = WebSocketConfig::default()
                .max_message_size(Some(self.sizes.event))
                .max_frame_size(Some(self.sizes.event));
            let limit = self.timeouts.idle;
            match timeout(
                limit,
                client_async_with_config(request, socket, Some(config)),
            )
            .await
            {
                Ok(Ok(opened)) => Ok(opened),
                Ok(Err(Error::Http(response))) => {
                    let status = response.status().as_u16();
                    let body = response.body().as_deref().unwrap_or_default();
                    let error = ApiError::read(status, body, &secrets);
                    let message = format!("the server did not open the session: {error}");
                    Err(fail(Failure::Status(error), Phase::Headers, message)
                        .advice("check the route and the model's name"))
                }
                Ok(Err(error)) => Err(fail(
                    Failure::Closed,
                    Phase::Headers,
                    format!("{host} accepted the connection and did not open a session"),
                )
                .caused_by(error)),
                Err(_) => {
                    let message = format!("no session was opened within {}", seconds(limit));
                    let failure = Failure::TimedOut {
                        limit: Limit::Idle,
                        after: limit,
                    };
                    Err(fail(failure, Phase::Headers, message))
                }
            }
        };
        let (stream, response) = match opened.await {
            Ok(opened) => opened,
            Err(error) => {
                recorder.close(Some(&error));
                return Err(error);
            }
        };
        recorder.headers(
            response.status().as_u16(),
            mask::headers(response.headers()),
            start.elapsed(),
        );
        Ok(WebSocket {
            stream,
            recorder,
            secrets,
            start,
            url,
            idle: self.timeouts.idle,
            total: self.timeouts.total,
            most: self.sizes.body,
            headers: Headers::from_map(response.headers()),
            over: false,
        })
    }
}
