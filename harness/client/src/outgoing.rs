//! A request as it goes out: where to, with what, within which limits.

use std::sync::Arc;

use bytes::Bytes;
use http::Extensions;
use reqwest::Method;
use serde_json::Value;

use crate::form::FormPart;
use crate::timeouts::Timeouts;

/// A request to be made.
pub(crate) struct Outgoing {
    pub method: Method,
    pub path: String,
    pub accept: &'static str,
    pub payload: Option<Payload>,
    pub timeouts: Timeouts,
    /// Headers of this request alone.
    pub headers: Vec<(String, String)>,
    pub attached: Extensions,
    /// 1 for the first attempt at this request.
    pub attempt: u32,
}

impl Outgoing {
    pub(crate) fn new(method: Method, path: &str, timeouts: Timeouts) -> Self {
        Self {
            method,
            path: path.to_owned(),
            accept: "*/*",
            payload: None,
            timeouts,
            headers: Vec::new(),
            attached: Extensions::new(),
            attempt: 1,
        }
    }
}

/// What a request carries.
#[derive(Clone)]
pub(crate) struct Payload {
    pub content_type: String,
    pub bytes: Bytes,
    /// The bytes as JSON, for whoever judges the answer; of a form, its fields and what its files
    /// are; `Null` where they are neither.
    pub json: Arc<Value>,
    /// The parts of a form.
    pub parts: Vec<FormPart>,
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
