//! Messages as they stand on the wire, where `content` is text, a list of parts, or nothing.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::chat_answer::{ChatDelta, ChatMessage};

#[derive(Deserialize)]
pub(crate) struct WireMessage {
    role: Option<String>,
    content: Option<Value>,
    tool_calls: Option<Vec<Value>>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Deserialize)]
pub(crate) struct WireDelta {
    role: Option<String>,
    #[serde(default, deserialize_with = "present")]
    content: Option<Option<Value>>,
    tool_calls: Option<Vec<Value>>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl TryFrom<WireMessage> for ChatMessage {
    type Error = &'static str;

    fn try_from(wire: WireMessage) -> Result<Self, Self::Error> {
        let (content, parts) = content(wire.content)?;
        Ok(Self {
            role: wire.role,
            content,
            parts,
            tool_calls: wire.tool_calls,
            extra: wire.extra,
        })
    }
}

impl TryFrom<WireDelta> for ChatDelta {
    type Error = &'static str;

    fn try_from(wire: WireDelta) -> Result<Self, Self::Error> {
        let (content, parts) = match wire.content {
            None => (None, Vec::new()),
            Some(sent) => {
                let (text, parts) = content(sent)?;
                (Some(text), parts)
            }
        };
        Ok(Self {
            role: wire.role,
            content,
            parts,
            tool_calls: wire.tool_calls,
            extra: wire.extra,
        })
    }
}

/// The text and the parts of a content.
fn content(sent: Option<Value>) -> Result<(Option<String>, Vec<Value>), &'static str> {
    match sent {
        None | Some(Value::Null) => Ok((None, Vec::new())),
        Some(Value::String(text)) => Ok((Some(text), Vec::new())),
        Some(Value::Array(parts)) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect();
            let text = (!texts.is_empty()).then(|| texts.concat());
            Ok((text, parts))
        }
        Some(_) => Err("`content` is neither text, nor a list of parts, nor null"),
    }
}

fn present<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<Value>>, D::Error> {
    Option::deserialize(field).map(Some)
}
