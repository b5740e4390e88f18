//! One request through the proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::{Map, Value};

use crate::run::Routes;

use super::answer::{Body, error, known, passing};
use super::health;
use super::plan::{self, Plan};
use super::upstream::{Target, Upstream, whole};

/// The largest request that is read.
const MOST: usize = 64 << 20;
/// Goes with a request to every server.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What concerns one connection only.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The proxy.
#[derive(Debug)]
pub(super) struct Front {
    pub routes: Routes,
    pub upstream: Arc<Upstream>,
    requests: AtomicU64,
}

type Answered = Result<Response<Body>, Box<Response<Body>>>;

impl Front {
    pub fn new(routes: Routes) -> Front {
        Front {
            upstream: Arc::new(Upstream::new(&routes)),
            routes,
            requests: AtomicU64::new(0),
        }
    }

    /// The answer to a request.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        self.through(request)
            .await
            .unwrap_or_else(|refused| *refused)
    }

    async fn through(&self, request: Request<Incoming>) -> Answered {
        let plan = Plan::of(
            request.method().as_str(),
            request.uri().path(),
            &self.routes,
        );
        if plan == Plan::Health {
            return Ok(health::answer(&self.upstream).await);
        }
        let (mut head, body) = request.into_parts();
        for name in HOP_BY_HOP {
            head.headers.remove(name);
        }
        head.headers.remove(header::HOST);
        if !head.headers.contains_key(REQUEST_ID) {
            let number = self.requests.fetch_add(1, Ordering::Relaxed);
            let id = format!("proxy-{:x}-{number}", std::process::id());
            let id = HeaderValue::from_str(&id).map_err(|e| {
                Box::new(error(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "no_request_id",
                    &e.to_string(),
                ))
            })?;
            head.headers.insert(REQUEST_ID, id);
        }
        let head = Head {
            method: head.method,
            uri: head.uri,
            headers: head.headers,
        };
        match plan {
            Plan::Same | Plan::Health => {
                let target = one(self.upstream.answering.same())?;
                self.pass(target, head.with(passing(body))).await
            }
            Plan::Next => {
                let target = one(self.upstream.answering.next())?;
                self.pass(target, head.with(passing(body))).await
            }
            Plan::All => {
                let body = read(body).await?;
                self.to_all(&head, &body).await
            }
            Plan::Split => {
                let body = read(body).await?;
                self.split(&head, body).await
            }
        }
    }

    /// A server's answer, as it comes.
    async fn pass(&self, target: &Target, request: Request<Body>) -> Answered {
        let response = self.upstream.send(target, request).await?;
        let (mut head, body) = response.into_parts();
        for name in HOP_BY_HOP {
            head.headers.remove(name);
        }
        Ok(Response::from_parts(head, passing(body)))
    }

    /// The first refusal of any server, or what the last one says.
    async fn to_all(&self, head: &Head, body: &Bytes) -> Answered {
        let mut said = None;
        for target in self.upstream.all() {
            let answer = self.pass(target, head.with(known(body.clone()))).await?;
            let well = answer.status().is_success();
            said = Some(answer);
            if !well {
                break;
            }
        }
        said.ok_or_else(nobody)
    }

    /// A server of the first group, then one of the second with what the first said.
    async fn split(&self, head: &Head, body: Bytes) -> Answered {
        let answering = &self.upstream.answering;
        let parsed: Option<Map<String, Value>> = serde_json::from_slice(&body).ok();
        let (Some(request), Some(before)) = (parsed, &self.upstream.before) else {
            // It is refused where it is understood.
            return self
                .pass(one(answering.next())?, head.with(known(body)))
                .await;
        };
        let pair = matches!(self.routes, Routes::Pair { .. });
        let first = match pair {
            true => Some(plan::prefill(&request)),
            false => plan::encode(&request),
        };
        let Some(first) = first else {
            return self
                .pass(one(answering.next())?, head.with(known(body)))
                .await;
        };
        let target = one(before.next())?;
        let asked = head.brief().with(known(Value::Object(first).to_string()));
        let prepared = self.upstream.send(target, asked).await?;
        if !prepared.status().is_success() {
            let (mut head, body) = prepared.into_parts();
            for name in HOP_BY_HOP {
                head.headers.remove(name);
            }
            return Ok(Response::from_parts(head, passing(body)));
        }
        let said = whole(target, prepared).await?;
        let body = match pair {
            false => body,
            true => {
                let said: Value = serde_json::from_slice(&said).map_err(|e| {
                    let Target { role, address } = target;
                    let message = format!("the answer of the {role} at {address} is no JSON: {e}");
                    Box::new(error(StatusCode::BAD_GATEWAY, "target_nonsense", &message))
                })?;
                Bytes::from(Value::Object(plan::decode(&request, &said)).to_string())
            }
        };
        self.pass(one(answering.next())?, head.with(known(body)))
            .await
    }
}

/// A request without its body.
struct Head {
    method: hyper::Method,
    uri: hyper::Uri,
    headers: HeaderMap,
}

impl Head {
    fn with(&self, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        *headers = self.headers.clone();
        // Of a body that was changed.
        headers.remove(header::CONTENT_LENGTH);
        request
    }

    /// What the first of two servers has to know.
    fn brief(&self) -> Head {
        let kept = [header::CONTENT_TYPE, header::AUTHORIZATION, REQUEST_ID];
        let headers = kept.iter().filter_map(|name| {
            let value = self.headers.get(name)?;
            Some((name.clone(), value.clone()))
        });
        Head {
            method: self.method.clone(),
            uri: self.uri.clone(),
            headers: headers.collect(),
        }
    }
}

fn one(target: Option<&Target>) -> Result<&Target, Box<Response<Body>>> {
    target.ok_or_else(nobody)
}

fn nobody() -> Box<Response<Body>> {
    Box::new(error(
        StatusCode::SERVICE_UNAVAILABLE,
        "no_target",
        "there is no server behind the proxy that could answer this",
    ))
}

async fn read(body: Incoming) -> Result<Bytes, Box<Response<Body>>> {
    let read = Limited::new(body, MOST).collect().await;
    let read = read.map(|body| body.to_bytes());
    read.map_err(|e| {
        let large = e.is::<http_body_util::LengthLimitError>();
        let (status, code) = match large {
            true => (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large"),
            false => (StatusCode::BAD_REQUEST, "request_broke_off"),
        };
        let message = format!("the body of the request cannot be read: {e}");
        Box::new(error(status, code, &message))
    })
}
