//! The address of a server: `http://host:port` with an optional path prefix.
//!
//! Only what the readiness probe needs is understood, and everything else is refused with a reason. A full URL
//! library was rejected: it accepts many spellings that the probe could not honour.

use std::fmt;

/// Why an address was refused: what was given, what is wrong with it, and the form that is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlError {
    given: String,
    why: &'static str,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no address of a server: {}; expected http://HOST:PORT, for example http://127.0.0.1:8000",
            self.given, self.why
        )
    }
}

impl std::error::Error for UrlError {}

/// A parsed address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Base {
    /// Name or address, without the brackets of an IPv6 address.
    pub host: String,
    pub port: u16,
    /// Path prefix without a trailing slash; empty for none.
    pub prefix: String,
}

impl Base {
    #[cfg(target_os = "linux")]
    pub(crate) fn local(port: u16) -> Base {
        Base {
            host: "127.0.0.1".into(),
            port,
            prefix: String::new(),
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Base, UrlError> {
        let refuse = |why| {
            Err(UrlError {
                given: crate::text::printable(text),
                why,
            })
        };
        let text_trimmed = text.trim();
        let Some((scheme, rest)) = text_trimmed.split_once("://") else {
            return refuse("it has no scheme");
        };
        match scheme.to_ascii_lowercase().as_str() {
            "http" => {}
            "https" => return refuse("https is not supported yet, only plain http"),
            _ => return refuse("its scheme is not http"),
        }
        if rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return refuse("it contains blanks or control characters");
        }
        if rest.contains(['?', '#']) {
            return refuse("it has a query or a fragment");
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return refuse("it contains a user or password");
        }
        let (host, port) = if let Some(v6) = authority.strip_prefix('[') {
            let Some((host, after)) = v6.split_once(']') else {
                return refuse("the bracket of its IPv6 address is not closed");
            };
            (
                host,
                after.strip_prefix(':').or(after.is_empty().then_some("80")),
            )
        } else {
            match authority.rsplit_once(':') {
                Some((host, _)) if host.contains(':') => {
                    return refuse("an IPv6 address needs brackets");
                }
                Some((host, port)) => (host, Some(port)),
                None => (authority, Some("80")),
            }
        };
        if host.is_empty() {
            return refuse("it has no host");
        }
        let Some(port) = port.and_then(|p| p.parse::<u16>().ok()).filter(|p| *p != 0) else {
            return refuse("its port is not a number from 1 to 65535");
        };
        Ok(Base {
            host: host.into(),
            port,
            prefix: path.trim_end_matches('/').into(),
        })
    }

    /// `host:port` as it stands in a `Host` header and in messages.
    pub(crate) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.authority(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_understood() {
        for (text, url) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            (" http://localhost:8000/ ", "http://localhost:8000"),
            ("HTTP://host/api/", "http://host:80/api"),
            ("http://[::1]:9", "http://[::1]:9"),
        ] {
            assert_eq!(Base::parse(text).map(|b| b.url()), Ok(url.into()), "{text}");
        }
    }

    #[test]
    fn addresses_that_are_refused_say_why() {
        for (text, why) in [
            ("127.0.0.1:8000", "no scheme"),
            ("https://x:1", "https"),
            ("ftp://x:1", "scheme"),
            ("http://", "no host"),
            ("http://:80", "no host"),
            ("http://x:0", "port"),
            ("http://x:70000", "port"),
            ("http://[::1", "not closed"),
            ("http://[::1]x", "port"),
            ("http://::1:80", "brackets"),
            ("http://me:pw@x:1", "password"),
            ("http://x:1/?a=b", "query"),
            ("http://x:1/ y", "blanks"),
        ] {
            let message = Base::parse(text).unwrap_err().to_string();
            assert!(message.contains(why), "{text}: {message}");
        }
    }
}
