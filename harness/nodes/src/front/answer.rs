//! What the proxy itself answers, and bodies that pass through it.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Response, StatusCode, header};
use serde_json::{Value, json};

/// A body that is known, or one that passes.
pub(super) type Body = BoxBody<Bytes, hyper::Error>;

/// A body that is known.
pub(super) fn known(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed()
}

/// A body that passes.
pub(super) fn passing(body: Incoming) -> Body {
    body.boxed()
}

/// JSON with a status.
pub(super) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(known(value.to_string()));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// An error object of the proxy.
pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body =
        json!({"error": {"message": message, "type": "proxy_error", "param": null, "code": code}});
    json(status, &body)
}
