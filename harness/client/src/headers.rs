//! HTTP headers as plain text pairs, in the order of the wire.
//!
//! Rejected: handing out `reqwest`'s header map. A test compares text, and the public surface of
//! this crate should not change when its HTTP library does.

use serde::Serialize;

/// Headers in wire order; names in lower case, a name may occur several times.
///
/// A value that is no visible ASCII is kept with U+FFFD where bytes were no UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value of this name; the case of the name does not matter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All pairs, in wire order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The media type of `content-type`, without parameters, in lower case.
    pub fn media_type(&self) -> Option<String> {
        let value = self.get("content-type")?;
        Some(
            value
                .split(';')
                .next()
                .unwrap_or(value)
                .trim()
                .to_ascii_lowercase(),
        )
    }

    pub(crate) fn from_map(map: &reqwest::header::HeaderMap) -> Self {
        Self(
            map.iter()
                .map(|(name, value)| {
                    (
                        name.as_str().to_owned(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    )
                })
                .collect(),
        )
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(pairs: T) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into().to_ascii_lowercase(), value.into()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_and_the_media_type_without_parameters() {
        let headers = Headers::from_iter([
            ("Content-Type", "Text/Event-Stream; charset=utf-8"),
            ("X-A", "1"),
            ("x-a", "2"),
        ]);
        assert_eq!(
            headers.get("CONTENT-TYPE"),
            Some("Text/Event-Stream; charset=utf-8")
        );
        assert_eq!(headers.media_type().as_deref(), Some("text/event-stream"));
        assert_eq!(headers.get("x-a"), Some("1"));
        assert_eq!(headers.get("x-b"), None);
    }
}
