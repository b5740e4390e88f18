//! One frame of a WebSocket, as a row writes it.

use serde_json::Value;

#[cfg(feature = "websocket")]
use crate::body::{Names, fill};

/// A frame that is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// JSON as text.
    Json(Value),
    /// Text as it is.
    Text(String),
    /// Bytes as a binary frame.
    Bytes(Vec<u8>),
}

impl Frame {
    /// A frame from `{"json": …}`, `{"text": …}` or `{"hex": …}`.
    pub(crate) fn of(value: &Value) -> Option<Frame> {
        let fields = value.as_object().filter(|f| f.len() == 1)?;
        let (key, value) = fields.iter().next()?;
        match (&**key, value) {
            ("json", value) => Some(Frame::Json(value.clone())),
            ("text", Value::String(text)) => Some(Frame::Text(text.clone())),
            ("hex", Value::String(text)) => unhex(text).map(Frame::Bytes),
            _ => None,
        }
    }

    #[cfg(feature = "websocket")]
    /// The text of a frame that is text; else its bytes.
    pub(crate) fn content(&self, names: &Names) -> Result<String, &[u8]> {
        match self {
            Frame::Json(value) => Ok(fill(value, names).to_string()),
            Frame::Text(text) => Ok(names.fill(text)),
            Frame::Bytes(bytes) => Err(bytes),
        }
    }
}

/// Bytes from hexadecimal digits; spaces may stand between them.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let value = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
    Some(
        digits
            .chunks_exact(2)
            .map(|pair| value(pair[0]) * 16 + value(pair[1]))
            .collect(),
    )
}
