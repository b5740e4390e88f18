//! The content of a chat message: plain text, or parts in any mix.

use serde_json::{Value, json};

/// Content of a message. A lone text is sent as a string, anything else as a list of parts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Content(Vec<Value>);

/// A text part: `text("What is in the picture?").image_url(url)`.
pub fn text(text: impl Into<String>) -> Content {
    Content::default().text(text)
}

impl Content {
    /// Add a text part.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.part(json!({ "type": "text", "text": text.into() }))
    }

    /// Add an image by address (`https:`, `file:` or `data:`).
    pub fn image_url(self, url: impl Into<String>) -> Self {
        self.part(json!({ "type": "image_url", "image_url": { "url": url.into() } }))
    }

    /// Add any part, as the server wants it.
    pub fn part(mut self, part: Value) -> Self {
        self.0.push(part);
        self
    }

    pub(crate) fn into_json(self) -> Value {
        match self.0.as_slice() {
            [only] if only["type"] == "text" => only["text"].clone(),
            _ => Value::Array(self.0),
        }
    }
}

impl<T: Into<String>> From<T> for Content {
    fn from(value: T) -> Self {
        text(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_text_is_a_string_and_a_mix_is_a_list() {
        assert_eq!(Content::from("hi").into_json(), json!("hi"));
        assert_eq!(
            text("look").image_url("data:,x").into_json(),
            json!([{ "type": "text", "text": "look" }, { "type": "image_url", "image_url": { "url": "data:,x" } }])
        );
    }
}
