//! One HTTP exchange for a readiness check: a request, a bounded answer, the connection closed.
//!
//! A full client was rejected: a probe runs while the server is half up, wants the raw status and body of whatever
//! comes, must never reuse a connection, and stands below everything that judges answers.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::url::Base;

/// Larger answers are refused: no list of models and no single token needs more.
const LARGEST: usize = 8 << 20;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Sends one request; a body makes it a POST of JSON, a key goes along as a bearer token. The error says in words what happened.
pub(crate) async fn exchange(
    base: &Base,
    route: &str,
    body: Option<&str>,
    key: Option<&str>,
    limit: Duration,
) -> Result<Answer, String> {
    match tokio::time::timeout(limit, talk(base, route, body, key)).await {
        Ok(result) => result,
        Err(_) => Err(format!("no answer within {:.1} s", limit.as_secs_f64())),
    }
}

async fn talk(
    base: &Base,
    route: &str,
    body: Option<&str>,
    key: Option<&str>,
) -> Result<Answer, String> {
    let mut stream = TcpStream::connect((base.host.as_str(), base.port))
        .await
        .map_err(|e| format!("cannot connect: {e}"))?;
    let slash = if route.starts_with('/') { "" } else { "/" };
    let mut request = format!(
        "{} {}{slash}{route} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tribunal-readiness\r\nAccept: */*\r\nConnection: close\r\n",
        if body.is_some() { "POST" } else { "GET" },
        base.prefix,
        base.authority(),
    );
    if let Some(key) = key {
        request += &format!("Authorization: Bearer {key}\r\n");
    }
    if let Some(body) = body {
        request += &format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
    }
    request += "\r\n";
    request += body.unwrap_or("");
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(|e| format!("cannot send: {e}"))?;
    let mut received = Vec::new();
    let mut buffer = vec![0; 16 << 10];
    loop {
        if let Some(answer) = parse(&received, false)? {
            return Ok(answer);
        }
        match stream.read(&mut buffer).await {
            Ok(0) => {
                return parse(&received, true)?.ok_or_else(|| match received.len() {
                    0 => "the connection was closed without an answer".into(),
                    n => format!(
                        "the connection was closed in the middle of the answer, after {n} bytes"
                    ),
                });
            }
            Ok(read) => received.extend_from_slice(&buffer[..read]),
            Err(e) => return Err(format!("cannot read the answer: {e}")),
        }
        if received.len() > LARGEST {
            return Err(format!("the answer is larger than {LARGEST} bytes"));
        }
    }
}

/// The answer in `bytes`, once it is complete; `ended`: nothing more will come.
fn parse(mut bytes: &[u8], ended: bool) -> Result<Option<Answer>, String> {
    // Interim answers (1xx) stand before the real one.
    loop {
        match parse_one(bytes, ended)? {
            Parsed::Interim(rest) => bytes = rest,
            Parsed::Incomplete => return Ok(None),
            Parsed::Answer(answer) => return Ok(Some(answer)),
        }
    }
}

enum Parsed<'a> {
    Interim(&'a [u8]),
    Incomplete,
    Answer(Answer),
}

fn parse_one(bytes: &[u8], ended: bool) -> Result<Parsed<'_>, String> {
    let Some(head_end) = find(bytes, b"\r\n\r\n") else {
        let shown = &bytes[..bytes.len().min(5)];
        if !shown.is_empty() && !b"HTTP/"[..shown.len()].eq_ignore_ascii_case(shown) {
            let what = crate::text::excerpt(bytes, 60);
            return Err(format!("what answers does not speak HTTP: {what}"));
        }
        return Ok(Parsed::Incomplete);
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]);
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or("");
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse::<u16>().ok())
        .ok_or_else(|| {
            format!(
                "what answers does not speak HTTP/1.1: {}",
                crate::text::excerpt(first.as_bytes(), 60)
            )
        })?;
    let header = |name: &str| {
        head.split("\r\n")
            .skip(1)
            .filter_map(|l| l.split_once(':'))
            .find_map(|(n, value)| {
                n.trim()
                    .eq_ignore_ascii_case(name)
                    .then(|| value.trim().to_string())
            })
    };
    let body = &bytes[head_end + 4..];
    if (100..200).contains(&status) {
        return Ok(Parsed::Interim(body));
    }
    let body = if header("transfer-encoding")
        .is_some_and(|v| v.to_ascii_lowercase().contains("chunked"))
    {
        unchunk(body)?
    } else if matches!(status, 204 | 304) {
        Some(Vec::new())
    } else if let Some(length) = header("content-length") {
        let length: usize = length
            .parse()
            .ok()
            .filter(|l| *l <= LARGEST)
            .ok_or_else(|| format!("its Content-Length is no acceptable size: {length}"))?;
        body.get(..length).map(<[u8]>::to_vec)
    } else {
        ended.then(|| body.to_vec())
    };
    Ok(body.map_or(Parsed::Incomplete, |body| {
        Parsed::Answer(Answer { status, body })
    }))
}

/// The content of a chunked body, once it is complete.
fn unchunk(mut body: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut out = Vec::new();
    loop {
        let Some(end) = find(body, b"\r\n") else {
            return Ok(None);
        };
        let line = String::from_utf8_lossy(&body[..end]);
        let size = line.split(';').next().unwrap_or("").trim();
        let size = usize::from_str_radix(size, 16)
            .ok()
            .filter(|s| *s <= LARGEST)
            .ok_or_else(|| "its chunked body is malformed".to_string())?;
        let rest = &body[end + 2..];
        if size == 0 {
            return Ok(Some(out));
        }
        let Some(chunk) = rest.get(..size) else {
            return Ok(None);
        };
        out.extend_from_slice(chunk);
        let Some(after) = rest.get(size + 2..) else {
            return Ok(None);
        };
        body = after;
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Result<Option<Answer>, String> {
        // However it is cut, nothing short of the whole is an answer, and the whole is one.
        for cut in 0..text.len() {
            assert!(
                !matches!(parse(&text.as_bytes()[..cut], false), Ok(Some(_))),
                "cut at {cut}"
            );
        }
        parse(text.as_bytes(), false)
    }

    #[test]
    fn complete_answers_are_told_from_incomplete_ones() {
        for (text, status, body) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
            ("HTTP/1.0 503 Busy\r\ncontent-length:0\r\n\r\n", 503, ""),
            ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
                200,
                "x",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n",
                200,
                "abcde",
            ),
        ] {
            let answer = Answer {
                status,
                body: body.into(),
            };
            assert_eq!(whole(text), Ok(Some(answer)), "{text:?}");
        }
    }

    #[test]
    fn without_a_length_the_end_is_the_end() {
        let text = b"HTTP/1.1 500 Oops\r\n\r\ntrace";
        assert_eq!(parse(text, false), Ok(None));
        let answer = Answer {
            status: 500,
            body: b"trace".to_vec(),
        };
        assert_eq!(parse(text, true), Ok(Some(answer)));
    }

    #[test]
    fn nonsense_is_an_error_and_no_panic() {
        for (text, why) in [
            ("SSH-2.0-OpenSSH_9\r\n", "does not speak HTTP"),
            ("HTTP/2 200\r\n\r\n", "HTTP/1.1"),
            ("HTTP/1.1 abc\r\n\r\n", "HTTP/1.1"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                "Content-Length",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
                "Content-Length",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "chunked",
            ),
        ] {
            let error = parse(text.as_bytes(), true).unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }
}
