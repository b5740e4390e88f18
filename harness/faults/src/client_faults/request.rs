//! A request as bytes.

use serde_json::Value;

/// A request of HTTP/1.1 that is sent as it stands here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRequest {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl RawRequest {
    /// A GET of a route, for example `/v1/models`.
    pub fn get(target: impl Into<String>) -> Self {
        Self {
            method: "GET".into(),
            target: target.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A POST of JSON.
    pub fn post(target: impl Into<String>, body: &Value) -> Self {
        Self {
            method: "POST".into(),
            body: body.to_string().into_bytes(),
            ..Self::get(target).header("content-type", "application/json")
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends these bytes as the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The head as it is sent.
    pub(crate) fn head(&self, host: &str) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {host}\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.method != "GET" || !self.body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    pub(crate) fn content(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn bytes(&self, host: &str) -> Vec<u8> {
        [self.head(host), self.body.clone()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sent_as_it_stands() {
        let request = RawRequest::post("/v1/x", &serde_json::json!({"a": 1})).header("x-a", "b");
        let expected = "POST /v1/x HTTP/1.1\r\nhost: h:1\r\ncontent-type: application/json\r\nx-a: b\r\ncontent-length: 7\r\n\r\n{\"a\":1}";
        assert_eq!(String::from_utf8(request.bytes("h:1")).unwrap(), expected);
        assert_eq!(
            RawRequest::get("/").bytes("h"),
            b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"
        );
    }
}
