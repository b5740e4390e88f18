//! A request with its head made, so that nothing is put together at the moment at which it is sent.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};

use crate::error::TrafficError;
use crate::request::{Body, Reading, Request};
use crate::target::Address;

/// A request with its head made.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) reading: Reading,
    pub(crate) prompt_tokens: Option<u32>,
    pub(crate) input_audio_seconds: Option<f64>,
}

impl Prepared {
    pub(crate) fn new(request: &Request, address: &Address) -> Result<Self, TrafficError> {
        let wrong = |why: String| TrafficError::Request(why);
        let path = &request.path;
        if !path.starts_with('/') {
            return Err(wrong(format!("its path `{path}` does not begin with `/`")));
        }
        let uri: Uri = format!("{}{path}", address.prefix)
            .parse()
            .map_err(|error| wrong(format!("its path `{path}` is none: {error}")))?;
        let mut headers = HeaderMap::with_capacity(4 + request.headers.len());
        headers.insert(HOST, address.host.clone());
        if let Some(key) = &address.authorization {
            headers.insert(AUTHORIZATION, key.clone());
        }
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let (method, body) = match &request.body {
            Body::None => (Method::GET, Bytes::new()),
            Body::Json(body) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                (Method::POST, Bytes::from_owner(body.clone()))
            }
            Body::Other(body, kind) => {
                let kind = HeaderValue::try_from(kind)
                    .map_err(|_| wrong(format!("its content type `{kind}` is none")))?;
                headers.insert(CONTENT_TYPE, kind);
                (Method::POST, Bytes::from_owner(body.clone()))
            }
        };
        for (name, value) in &request.headers {
            let known = HeaderName::try_from(name)
                .map_err(|_| wrong(format!("`{name}` is no name of a header")))?;
            let value = HeaderValue::try_from(value)
                .map_err(|_| wrong(format!("the header `{name}` holds what no header may")))?;
            headers.insert(known, value);
        }
        Ok(Self {
            method,
            uri,
            headers,
            body,
            reading: request.reading,
            prompt_tokens: request.prompt_tokens,
            input_audio_seconds: request.input_audio_seconds,
        })
    }

    /// A GET of something below this request's path, with its headers.
    pub(crate) fn below(&self, rest: &str) -> Option<Self> {
        let uri = format!("{}/{rest}", self.uri.path().trim_end_matches('/'))
            .parse()
            .ok()?;
        let mut headers = self.headers.clone();
        headers.remove(CONTENT_TYPE);
        Some(Self {
            method: Method::GET,
            uri,
            headers,
            body: Bytes::new(),
            ..self.clone()
        })
    }

    pub(crate) fn http(&self) -> http::Request<http_body_util::Full<Bytes>> {
        let mut request = http::Request::new(http_body_util::Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::target::Target;

    fn request(path: &str) -> Request {
        Request {
            path: path.into(),
            body: Body::Json(Arc::from(&b"{}"[..])),
            headers: vec![("x-a".into(), "b".into())],
            reading: Reading::Chat,
            prompt_tokens: None,
            asked_tokens: None,
            input_audio_seconds: None,
        }
    }

    #[test]
    fn heads_are_made_or_refused_in_words() {
        let address = Address::of(&Target::new("http://127.0.0.1:9/p", "m").key("k")).unwrap();
        let prepared = Prepared::new(&request("/v1/videos?x=1"), &address).unwrap();
        assert_eq!(prepared.uri, "/p/v1/videos?x=1");
        assert_eq!(prepared.headers["host"], "127.0.0.1:9");
        assert_eq!(prepared.headers["x-a"], "b");
        let below = prepared.below("v_1/content").unwrap();
        assert_eq!(
            (below.uri.to_string(), below.method),
            ("/p/v1/videos/v_1/content".into(), Method::GET)
        );
        assert!(prepared.below("a b").is_none());
    }

    #[test]
    fn what_no_head_may_hold_is_refused() {
        let address = Address::of(&Target::new("http://127.0.0.1:9", "m")).unwrap();
        for (change, part) in [
            (
                (|r: &mut Request| r.path = "v1".into()) as fn(&mut Request),
                "begin with",
            ),
            (|r| r.path = "/a b".into(), "is none"),
            (|r| r.headers[0].0 = "x y".into(), "name of a header"),
            (|r| r.headers[0].1 = "a\nb".into(), "holds what"),
            (
                |r| r.body = Body::Other(Arc::from(&b""[..]), "\n".into()),
                "content type",
            ),
        ] {
            let mut request = request("/v1");
            change(&mut request);
            let why = Prepared::new(&request, &address).unwrap_err().to_string();
            assert!(why.contains(part), "{why}");
        }
    }
}
