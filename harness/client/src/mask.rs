//! Which values are secret, and how they are kept out of everything that is written down.
//!
//! Two rules: a header or query parameter whose *name* says secret is masked; and the masked
//! *values* are masked again wherever a server echoes them (error messages like to quote the key
//! that they refuse). Rejected: masking by the look of a value, which misses half and hits token
//! counts.

use std::borrow::Cow;
use std::sync::Arc;

use crate::form::FormPart;
use crate::headers::Headers;

/// What stands in place of a secret.
pub(crate) const MASK: &str = "***";

/// Values shorter than this are not searched for in bodies: they would hit ordinary words.
const SHORTEST: usize = 6;

/// Whether the value of a header or query parameter of this name is a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "authorization",
        "cookie",
        "key",
        "token",
        "secret",
        "password",
        "signature",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// The secret values that a client sends.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<[String]>);

impl Secrets {
    pub(crate) fn of<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut values = Vec::new();
        for (name, value) in pairs {
            if !is_secret_name(name) {
                continue;
            }
            // "Bearer abc": a server that quotes the key quotes the second word.
            for value in [
                value,
                value.split_once(' ').map_or(value, |(_, rest)| rest.trim()),
            ] {
                if value.len() >= SHORTEST && !values.iter().any(|known| known == value) {
                    values.push(value.to_owned());
                }
            }
        }
        // The longest first, or a part of it would be replaced and the rest left standing.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self(values.into())
    }

    pub(crate) fn join(&self, other: &Secrets) -> Self {
        if other.0.is_empty() {
            return self.clone();
        }
        let mut values: Vec<String> = self.0.iter().chain(other.0.iter()).cloned().collect();
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        Self(values.into())
    }

    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in self.0.iter() {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), MASK));
            }
        }
        text
    }

    /// Bytes in which a secret stands are replaced by masked text; all others stay as they are.
    pub(crate) fn bytes(&self, bytes: &bytes::Bytes) -> bytes::Bytes {
        let found = |secret: &String| {
            bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes())
        };
        if self.0.iter().any(found) {
            self.text(&String::from_utf8_lossy(bytes))
                .into_owned()
                .into()
        } else {
            bytes.clone()
        }
    }
}

impl Secrets {
    /// The parts of a form as they may be written down.
    pub(crate) fn parts(&self, parts: &[FormPart]) -> Vec<FormPart> {
        let mut parts = parts.to_vec();
        for part in &mut parts {
            match part {
                FormPart::Text { value, .. } => *value = self.text(value).into_owned(),
                FormPart::File { bytes, .. } => *bytes = self.bytes(bytes),
            }
        }
        parts
    }
}

/// A header value as it may be written down.
pub(crate) fn header(name: &str, value: &str) -> String {
    if !is_secret_name(name) {
        return value.to_owned();
    }
    // The scheme helps whoever repeats the request and is no secret.
    match value.split_once(' ') {
        Some((scheme @ ("Bearer" | "Basic"), _)) => format!("{scheme} {MASK}"),
        _ => MASK.to_owned(),
    }
}

/// Headers of the HTTP library as they may be written down.
pub(crate) fn headers(headers: &reqwest::header::HeaderMap) -> Headers {
    let all = Headers::from_map(headers);
    all.iter()
        .map(|(name, value)| (name.to_owned(), header(name, value)))
        .collect()
}

/// An address as it may be written down: user information and secret query values are masked.
pub(crate) fn url(url: &str) -> String {
    let (front, fragment) = url
        .split_once('#')
        .map_or((url, None), |(front, rest)| (front, Some(rest)));
    let (path, query) = front
        .split_once('?')
        .map_or((front, None), |(path, query)| (path, Some(query)));
    let mut out = match path.split_once("://") {
        Some((scheme, rest)) => {
            let authority = &rest[..rest.find('/').unwrap_or(rest.len())];
            match authority.rfind('@') {
                Some(at) => format!("{scheme}://{MASK}@{}", &rest[at + 1..]),
                None => path.to_owned(),
            }
        }
        None => path.to_owned(),
    };
    if let Some(query) = query {
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, _)) if is_secret_name(name) => format!("{name}={MASK}"),
                _ => pair.to_owned(),
            })
            .collect();
        out = format!("{out}?{}", pairs.join("&"));
    }
    if let Some(fragment) = fragment {
        out = format!("{out}#{fragment}");
    }
    out
}

/// The name and value pairs of an address's query.
pub(crate) fn query_pairs(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter_map(|pair| pair.split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide() {
        for name in [
            "Authorization",
            "X-Api-Key",
            "api_key",
            "Cookie",
            "set-cookie",
            "hf_token",
            "x-amz-security-token",
            "Proxy-Authorization",
        ] {
            assert!(is_secret_name(name), "{name}");
            assert_eq!(header(name, "opensesame"), MASK);
        }
        assert_eq!(
            header("content-type", "application/json"),
            "application/json"
        );
        assert_eq!(header("authorization", "Bearer opensesame"), "Bearer ***");
    }

    #[test]
    fn addresses_lose_user_and_secret_parameters_only() {
        assert_eq!(
            url("http://a:b@127.0.0.1:1/x?api_key=1&n=2&token=3#f"),
            "http://***@127.0.0.1:1/x?api_key=***&n=2&token=***#f"
        );
        assert_eq!(url("http://127.0.0.1:1/x?n=2"), "http://127.0.0.1:1/x?n=2");
        assert_eq!(url("http://127.0.0.1:1/@home"), "http://127.0.0.1:1/@home");
    }

    #[test]
    fn a_secret_that_a_server_echoes_is_masked_whole() {
        let secrets = Secrets::of(
            [
                ("authorization", "Bearer sk-12345678"),
                ("x-key", "sk-1234"),
                ("accept", "anything"),
            ]
            .into_iter(),
        );
        assert_eq!(
            secrets.text("wrong key: sk-12345678, anything"),
            "wrong key: ***, anything"
        );
        assert_eq!(
            secrets.bytes(&bytes::Bytes::from_static(b"\xFFsk-12345678")),
            bytes::Bytes::from("\u{FFFD}***")
        );
        assert_eq!(
            secrets.bytes(&bytes::Bytes::from_static(b"\xFFclean")),
            bytes::Bytes::from_static(b"\xFFclean")
        );
    }
}
