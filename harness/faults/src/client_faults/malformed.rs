//! Requests that are none.

use std::fmt;
use std::str::FromStr;

use crate::proxy::Random;

/// One way in which a request is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// A request line that ends after the method.
    NoTarget,
    /// A request line without a version.
    NoVersion,
    /// A method that does not exist.
    UnknownMethod,
    /// One header of 256 KiB.
    HugeHeader,
    /// 5,000 headers.
    ManyHeaders,
    /// A zero byte in a header.
    ZeroInHeader,
    /// A space before the colon of a header.
    SpaceBeforeColon,
    /// Two lengths that differ.
    TwoLengths,
    /// A length, and chunks.
    LengthAndChunks,
    /// A length below zero.
    NegativeLength,
    /// A body that ends before its length.
    ShortBody,
    /// A size of a chunk that is no number.
    BadChunkSize,
    /// JSON that ends in the middle.
    CutJson,
    /// JSON with bytes that are no UTF-8.
    NotUtf8,
    /// 100,000 arrays in each other.
    DeepJson,
    /// The beginning of a TLS handshake.
    Tls,
    /// The beginning of HTTP/2 without an upgrade.
    Http2,
    /// 4 KiB of chance, drawn by a seed.
    Noise,
}

impl Malformed {
    /// All of them.
    pub const ALL: [Malformed; 18] = [
        Self::NoTarget,
        Self::NoVersion,
        Self::UnknownMethod,
        Self::HugeHeader,
        Self::ManyHeaders,
        Self::ZeroInHeader,
        Self::SpaceBeforeColon,
        Self::TwoLengths,
        Self::LengthAndChunks,
        Self::NegativeLength,
        Self::ShortBody,
        Self::BadChunkSize,
        Self::CutJson,
        Self::NotUtf8,
        Self::DeepJson,
        Self::Tls,
        Self::Http2,
        Self::Noise,
    ];

    /// Its name in tables and consoles.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoTarget => "no-target",
            Self::NoVersion => "no-version",
            Self::UnknownMethod => "unknown-method",
            Self::HugeHeader => "huge-header",
            Self::ManyHeaders => "many-headers",
            Self::ZeroInHeader => "zero-in-header",
            Self::SpaceBeforeColon => "space-before-colon",
            Self::TwoLengths => "two-lengths",
            Self::LengthAndChunks => "length-and-chunks",
            Self::NegativeLength => "negative-length",
            Self::ShortBody => "short-body",
            Self::BadChunkSize => "bad-chunk-size",
            Self::CutJson => "cut-json",
            Self::NotUtf8 => "not-utf8",
            Self::DeepJson => "deep-json",
            Self::Tls => "tls",
            Self::Http2 => "http2",
            Self::Noise => "noise",
        }
    }

    /// Whether the sender closes its half after the bytes: else the server would wait for the rest, and rightly so.
    pub fn ends(self) -> bool {
        matches!(self, Self::ShortBody | Self::Tls | Self::Noise)
    }

    /// The bytes, as a POST to this route where it is one.
    pub fn bytes(self, route: &str, seed: u64) -> Vec<u8> {
        let start = format!("POST {route} HTTP/1.1\r\nhost: localhost\r\n");
        let with = |rest: &str| format!("{start}{rest}").into_bytes();
        let json = |body: &[u8]| {
            let head = format!(
                "content-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            [&with(&head), body].concat()
        };
        match self {
            Self::NoTarget => b"POST\r\n\r\n".to_vec(),
            Self::NoVersion => format!("POST {route}\r\n\r\n").into_bytes(),
            Self::UnknownMethod => start
                .replace("POST", "FROB")
                .into_bytes()
                .into_iter()
                .chain(*b"\r\n")
                .collect(),
            Self::HugeHeader => with(&format!("x: {}\r\n\r\n", "y".repeat(256 << 10))),
            Self::ManyHeaders => with(&format!("{}\r\n", "x: y\r\n".repeat(5_000))),
            Self::ZeroInHeader => with("x: a\0b\r\n\r\n"),
            Self::SpaceBeforeColon => with("content-length : 2\r\n\r\n{}"),
            Self::TwoLengths => with("content-length: 2\r\ncontent-length: 4\r\n\r\n{}{}"),
            Self::LengthAndChunks => {
                with("content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
            }
            Self::NegativeLength => with("content-length: -2\r\n\r\n{}"),
            Self::ShortBody => {
                with("content-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"model\":")
            }
            Self::BadChunkSize => with("transfer-encoding: chunked\r\n\r\nnine\r\n{}\r\n0\r\n\r\n"),
            Self::CutJson => json(br#"{"messages": [{"role": "user""#),
            Self::NotUtf8 => {
                json(b"{\"messages\": [{\"role\": \"user\", \"content\": \"\xFF\xFE\"}]}")
            }
            Self::DeepJson => json("[".repeat(100_000).as_bytes()),
            Self::Tls => b"\x16\x03\x01\x00\x2A\x01\x00\x00\x26\x03\x03"
                .iter()
                .copied()
                .chain([0; 32])
                .collect(),
            Self::Http2 => {
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec()
            }
            Self::Noise => {
                let mut random = Random(seed);
                (0..512).flat_map(|_| random.next().to_le_bytes()).collect()
            }
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Malformed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(known) = Self::ALL.iter().find(|m| m.name() == text) {
            return Ok(*known);
        }
        let near = crate::proxy::nearest(text, Self::ALL.map(Self::name));
        let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        let all = Self::ALL.map(Self::name).join(", ");
        Err(format!(
            "no malformed request is called `{text}`; there are {all}{near}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for malformed in Malformed::ALL {
            assert_eq!(malformed.to_string().parse(), Ok(malformed));
            assert!(!malformed.bytes("/v1/x", 1).is_empty());
        }
        let error = "cut-jsn".parse::<Malformed>().unwrap_err();
        assert!(error.ends_with("did you mean `cut-json`?"), "{error}");
        assert_eq!(Malformed::Noise.bytes("", 3), Malformed::Noise.bytes("", 3));
    }
}
