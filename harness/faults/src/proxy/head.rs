//! The head of a request or a response, as far as it says how the body is framed.
//!
//! Promise: what cannot be understood is `None`, and its connection is passed on unread. Rejected: a parser for all of HTTP; the proxy passes on what it reads, right or
//! wrong, and judges nothing.

/// Which messages a direction has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

/// How a body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Length(u64),
    Chunked,
    UntilClose,
    /// What follows is another protocol.
    Opaque,
}

/// Whether the events of a body can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// It is no event stream: it has none.
    No,
    Events,
    /// It is compressed: nobody knows from outside.
    Unknown,
}

/// A head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Of a request; empty for a response.
    pub method: String,
    /// Of a request; empty for a response.
    pub target: String,
    /// Of a response; 0 for a request.
    pub status: u16,
    pub body: Body,
    pub stream: Stream,
    /// Of a request: an answer that is not the server's must be the last of its connection, because the client says so, or because it may or may not send the body that
    /// it has announced (`Expect: 100-continue`).
    pub closes: bool,
}

/// Whether bytes can be the beginning of a message.
pub(crate) fn plausible(side: Side, bytes: &[u8]) -> bool {
    match side {
        Side::Response => {
            let known = b"HTTP/1.";
            let n = bytes.len().min(known.len());
            bytes[..n] == known[..n]
        }
        Side::Request => {
            let method = bytes.split(|b| *b == b' ').next().unwrap_or_default();
            // `PRI` begins HTTP/2.
            method.len() <= 24
                && method.iter().all(|b| b.is_ascii_alphabetic() || *b == b'-')
                && method != b"PRI"
        }
    }
}

/// The target of the request that begins here.
pub(crate) fn target_of(bytes: &[u8]) -> String {
    let line = bytes
        .split(|b| matches!(b, b'\r' | b'\n'))
        .find(|l| !l.is_empty());
    let target = line.unwrap_or_default().split(|b| *b == b' ').nth(1);
    String::from_utf8_lossy(target.unwrap_or_default()).into_owned()
}

/// Reads a whole head.
pub(crate) fn read(side: Side, bytes: &[u8]) -> Option<Head> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let mut first = lines.next()?.split(' ');
    let (one, two) = (first.next()?, first.next()?);
    let (mut method, mut target, mut status) = (String::new(), String::new(), 0);
    match side {
        Side::Request => (method, target) = (one.into(), two.into()),
        Side::Response => status = two.parse().ok().filter(|s| (100..1000).contains(s))?,
    }
    let mut head = Head {
        method,
        target,
        status,
        body: Body::Length(0),
        stream: Stream::No,
        closes: first.next() == Some("HTTP/1.0"),
    };
    let (mut length, mut chunked, mut upgrade, mut stream, mut coded) =
        (None, false, false, false, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim().to_ascii_lowercase();
        match name.trim().to_ascii_lowercase().as_str() {
            "content-length" => length = Some(value.parse::<u64>().ok()?),
            "transfer-encoding" => chunked = value.ends_with("chunked"),
            "content-type" => stream = value.starts_with("text/event-stream"),
            "content-encoding" => coded = value != "identity",
            "upgrade" => upgrade = true,
            "expect" => head.closes |= value == "100-continue",
            "connection" => head.closes |= value == "close",
            _ => {}
        }
    }
    if stream {
        head.stream = if coded {
            Stream::Unknown
        } else {
            Stream::Events
        };
    }
    let bodiless = side == Side::Response && matches!(head.status, 100..200 | 204 | 304);
    head.body = match (side, length) {
        _ if head.status == 101 => Body::Opaque,
        (Side::Request, _) if upgrade || head.method == "CONNECT" => Body::Opaque,
        _ if bodiless => Body::Length(0),
        _ if chunked => Body::Chunked,
        (_, Some(length)) => Body::Length(length),
        (Side::Request, None) => Body::Length(0),
        (Side::Response, None) => Body::UntilClose,
    };
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_follows_the_head() {
        let response =
            |text: &str| read(Side::Response, text.as_bytes()).map(|h| (h.body, h.stream));
        let request = |text: &str| read(Side::Request, text.as_bytes()).map(|h| h.body);
        for (text, expected) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
                Some((Body::Length(5), Stream::No)),
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n",
                Some((Body::Chunked, Stream::Events)),
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\r\n",
                Some((Body::UntilClose, Stream::Unknown)),
            ),
            (
                "HTTP/1.1 204 No Content\r\n\r\n",
                Some((Body::Length(0), Stream::No)),
            ),
            (
                "HTTP/1.1 101 Switching\r\n\r\n",
                Some((Body::Opaque, Stream::No)),
            ),
            ("HTTP/1.1 200\r\ncontent-length: many\r\n\r\n", None),
            ("HTTP/1.1 okay\r\n\r\n", None),
        ] {
            assert_eq!(response(text), expected, "{text:?}");
        }
        for (text, expected) in [
            ("GET / HTTP/1.1\r\n\r\n", Body::Length(0)),
            (
                "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n",
                Body::Length(3),
            ),
            (
                "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
                Body::Opaque,
            ),
            ("CONNECT a:1 HTTP/1.1\r\n\r\n", Body::Opaque),
        ] {
            assert_eq!(request(text), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn other_protocols_are_seen_early() {
        for (side, bytes, expected) in [
            (Side::Request, &b"PO"[..], true),
            (Side::Request, b"POST /v1 HTTP/1.1", true),
            (Side::Request, b"PRI * HTTP/2.0", false),
            (Side::Request, b"\x16\x03\x01", false),
            (Side::Response, b"HT", true),
            (Side::Response, b"HTTP/2", false),
            (Side::Response, b"220 ready", false),
        ] {
            assert_eq!(plausible(side, bytes), expected, "{bytes:?}");
        }
    }
}
