//! The HTTP side of the bridge: routes, bodies, replies.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::{Method, Response, StatusCode};
use serde_json::json;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::failure::Failure;
use crate::folder::Folders;
use crate::job::OfflineJob;
use crate::request::{Form, Request};
use crate::run;

/// The largest body of a request.
const LARGEST_BODY: usize = 64 << 20;
/// How many requests may wait for their run.
const MOST_WAITING: usize = 256;

/// What every request needs.
pub(crate) struct Bridge {
    pub job: OfflineJob,
    pub folders: Folders,
    pub slots: Arc<Semaphore>,
    /// Held by every run until its supervisor has ended.
    pub running: mpsc::WeakSender<()>,
    pub waiting: AtomicUsize,
    pub closing: watch::Receiver<bool>,
}

/// Answers a request.
pub(crate) async fn answer(
    bridge: Arc<Bridge>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().trim_end_matches('/').to_owned();
    let form = match path.as_str() {
        "/v1/chat/completions" => Some(Form::Chat),
        "/v1/completions" => Some(Form::Completion),
        _ => None,
    };
    let allowed = match (&form, path.as_str()) {
        (Some(_), _) => Method::POST,
        (None, "/health" | "/v1/models") => Method::GET,
        _ => {
            let failure = Failure::new(
                404,
                "not_found",
                format!(
                    "There is no route `{path}`; this server runs a command for /v1/chat/completions and /v1/completions."
                ),
            );
            return Ok(refusal(&failure));
        }
    };
    if *request.method() != allowed {
        let mut response = refusal(&Failure::new(
            405,
            "method_not_allowed",
            format!("`{path}` is asked with {allowed}."),
        ));
        if let Ok(value) = allowed.as_str().parse() {
            response.headers_mut().insert(ALLOW, value);
        }
        return Ok(response);
    }
    Ok(match form {
        None if path == "/health" => reply(
            StatusCode::OK,
            "application/json",
            json!({"status": "ok"}).to_string(),
        ),
        None => reply(StatusCode::OK, "application/json", models(&bridge.job)),
        Some(form) => match generate(&bridge, form, request).await {
            Ok((kind, body)) => reply(StatusCode::OK, kind, body),
            Err(failure) => refusal(&failure),
        },
    })
}

fn models(job: &OfflineJob) -> String {
    json!({"object": "list", "data": [{"id": job.model_name(), "object": "model", "created": 0, "owned_by": "offline"}]}).to_string()
}

async fn generate(
    bridge: &Bridge,
    form: Form,
    request: hyper::Request<Incoming>,
) -> Result<(&'static str, String), Failure> {
    let body = Limited::new(request.into_body(), LARGEST_BODY)
        .collect()
        .await
        .map_err(|e| {
            if e.downcast_ref::<LengthLimitError>().is_some() {
                Failure::new(
                    413,
                    "body_too_large",
                    format!("The body is larger than {LARGEST_BODY} bytes."),
                )
            } else {
                Failure::invalid(
                    "body_incomplete",
                    "",
                    format!("The body did not arrive whole: {e}."),
                )
            }
        })?;
    let request = Request::parse(form, &body.to_bytes(), &bridge.job)?;
    let mut closing = bridge.closing.clone();
    tokio::select! {
        answered = in_turn(bridge, &request) => answered,
        // The run is dropped with the other branch, which ends it.
        _ = closing.wait_for(|closing| *closing) => Err(Failure::new(503, "shutting_down", "The server is about to end; the run was stopped.")),
    }
}

/// Runs the command when it is this request's turn.
async fn in_turn(bridge: &Bridge, request: &Request) -> Result<(&'static str, String), Failure> {
    let waiting = Waiting::enter(&bridge.waiting)?;
    let ending = || Failure::new(503, "shutting_down", "The server is about to end.");
    let slot = bridge
        .slots
        .clone()
        .acquire_owned()
        .await
        .map_err(|_| ending())?;
    drop(waiting);
    let running = bridge.running.upgrade().ok_or_else(ending)?;
    let folder = bridge.folders.next().map_err(|e| {
        Failure::new(
            500,
            "lost",
            format!("No folder can be made for the run: {e}."),
        )
    })?;
    run::run(&bridge.job, request, &folder, (slot, running)).await
}

/// A place in the queue, given back when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Result<Self, Failure> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let place = Self(count);
        if before >= MOST_WAITING {
            return Err(Failure::new(
                503,
                "queue_full",
                format!("{MOST_WAITING} requests wait for their run already."),
            ));
        }
        Ok(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn refusal(failure: &Failure) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply(status, "application/json", failure.to_json().to_string())
}

fn reply(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}
