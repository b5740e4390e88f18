//! Error answers: the object that a server sends instead of an answer.
//!
//! Servers disagree about its shape. The shape that came is kept as [`ErrorShape`], so that a
//! verdict can demand one, and the fields are read from any of them.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::headers::Headers;
use crate::mask::Secrets;
use crate::raw::RawAnswer;

/// What an error body looked like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorShape {
    /// `{"error": {"message": …, "type": …, "param": …, "code": …}}`, OpenAI's.
    Nested,
    /// `{"error": "text"}`.
    Text,
    /// `{"object": "error", "message": …}`, older vLLM's.
    Flat,
    /// `{"detail": …}`, FastAPI's.
    Detail,
    /// JSON, but none of these.
    OtherJson,
    /// No JSON at all (an HTML page of a proxy, a stack trace, nothing).
    NotJson,
}

/// An error as the server described it. Secrets that this client sent are masked in every text.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// The HTTP status; for an error inside a stream, the status of the stream.
    pub status: u16,
    /// `type`.
    pub error_type: Option<String>,
    /// `message`, or `detail` as text.
    pub message: Option<String>,
    /// `param`: the parameter that is wrong.
    pub param: Option<String>,
    /// `code`; numbers are kept as text.
    pub code: Option<String>,
    /// The shape of the body.
    pub shape: ErrorShape,
    /// The body, bytes that are no UTF-8 replaced.
    pub body: String,
}

impl ApiError {
    pub(crate) fn read(status: u16, body: &[u8], secrets: &Secrets) -> Self {
        let text = secrets.text(&String::from_utf8_lossy(body)).into_owned();
        let json: Option<Value> = serde_json::from_str(&text).ok();
        let none = Value::Null;
        let (shape, fields, message) = match &json {
            None => (ErrorShape::NotJson, &none, None),
            Some(json) => match (&json["error"], &json["detail"]) {
                (error @ Value::Object(_), _) => (
                    ErrorShape::Nested,
                    error,
                    error["message"].as_str().map(str::to_owned),
                ),
                (Value::String(error), _) => (ErrorShape::Text, json, Some(error.clone())),
                _ if json["object"] == "error" => (
                    ErrorShape::Flat,
                    json,
                    json["message"].as_str().map(str::to_owned),
                ),
                (_, Value::Null) => (ErrorShape::OtherJson, json, None),
                (_, Value::String(detail)) => (ErrorShape::Detail, json, Some(detail.clone())),
                (_, detail) => (ErrorShape::Detail, json, Some(detail.to_string())),
            },
        };
        let field = |name: &str| match &fields[name] {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Self {
            status,
            error_type: field("type"),
            message,
            param: field("param"),
            code: field("code"),
            shape,
            body: text,
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "status {}", self.status)?;
        if let Some(kind) = &self.error_type {
            write!(f, ", {kind}")?;
        }
        if let Some(param) = &self.param {
            write!(f, ", parameter `{param}`")?;
        }
        match &self.message {
            Some(message) => write!(f, ": {}", message.replace(char::is_control, " ")),
            None => write!(f, ", without a message"),
        }
    }
}

/// How the server's health route answered after it had refused a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthAfter {
    /// It answered with a success.
    Healthy,
    /// It did not; why.
    Unhealthy(String),
    /// Nobody asked (the answer came from `send_raw`).
    NotAsked,
}

/// An answer that was expected to be an error.
#[derive(Debug, Clone)]
pub struct ErrorAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The response headers.
    pub headers: Headers,
    /// The raw body.
    pub body: Bytes,
    /// What the body says.
    pub error: ApiError,
    /// Whether the server was healthy afterwards.
    pub health_after: HealthAfter,
    /// From before the connection was opened to the last byte.
    pub elapsed: Duration,
    /// The response below: the request, what was attached to it, the bytes, the times.
    pub raw: RawAnswer,
}

impl ErrorAnswer {
    pub(crate) fn of(raw: &RawAnswer) -> Self {
        Self {
            status: raw.status,
            headers: raw.headers.clone(),
            body: raw.body.clone(),
            error: raw.api_error(),
            health_after: HealthAfter::NotAsked,
            elapsed: raw.elapsed,
            raw: raw.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> ApiError {
        ApiError::read(400, body.as_bytes(), &Secrets::default())
    }

    #[test]
    fn every_shape_is_read_and_named() {
        let nested = read(
            r#"{"error":{"message":"bad n","type":"invalid_request_error","param":"n","code":400}}"#,
        );
        assert_eq!(nested.shape, ErrorShape::Nested);
        assert_eq!(
            (
                nested.message.as_deref(),
                nested.param.as_deref(),
                nested.code.as_deref()
            ),
            (Some("bad n"), Some("n"), Some("400"))
        );
        assert_eq!(
            nested.to_string(),
            "status 400, invalid_request_error, parameter `n`: bad n"
        );
        for (body, shape, message) in [
            (r#"{"error":"gone"}"#, ErrorShape::Text, Some("gone")),
            (
                r#"{"object":"error","message":"old"}"#,
                ErrorShape::Flat,
                Some("old"),
            ),
            (
                r#"{"detail":"Not Found"}"#,
                ErrorShape::Detail,
                Some("Not Found"),
            ),
            (
                r#"{"detail":[{"loc":["n"]}]}"#,
                ErrorShape::Detail,
                Some(r#"[{"loc":["n"]}]"#),
            ),
            (r#"{"oops":1}"#, ErrorShape::OtherJson, None),
            ("[1]", ErrorShape::OtherJson, None),
            ("<html>", ErrorShape::NotJson, None),
            ("", ErrorShape::NotJson, None),
        ] {
            let error = read(body);
            assert_eq!(
                (error.shape, error.message.as_deref()),
                (shape, message),
                "{body}"
            );
        }
    }
}
