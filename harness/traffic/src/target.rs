//! Whom a load is sent to.

use std::net::{SocketAddr, ToSocketAddrs};

use http::HeaderValue;
use http::uri::{Authority, Scheme, Uri};

use crate::error::TrafficError;

/// Whom a load is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Address of the server, as in `http://127.0.0.1:8000`; a path in it stands before those of the requests.
    pub base: String,
    /// Key that goes with every request.
    pub key: Option<String>,
    /// Name of the model; requests name it themselves, so this is for those who make and report them.
    pub model: String,
}

impl Target {
    /// A server at an address, without a key.
    pub fn new(base: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            key: None,
            model: model.into(),
        }
    }

    /// With this key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

/// A target, understood.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) sockets: Vec<SocketAddr>,
    pub(crate) host: HeaderValue,
    /// Before the path of every request; no slash at its end.
    pub(crate) prefix: String,
    pub(crate) authorization: Option<HeaderValue>,
}

impl Address {
    /// Looks the host up, once for a run: names are not looked up while time is measured.
    pub(crate) fn of(target: &Target) -> Result<Self, TrafficError> {
        let wrong = |why: String| TrafficError::Target(why);
        let base = &target.base;
        let uri: Uri = base.parse().map_err(|error| {
            wrong(format!(
                "`{base}` is no address ({error}); expected http://HOST:PORT"
            ))
        })?;
        if uri.scheme() != Some(&Scheme::HTTP) {
            let why = format!(
                "`{base}` is not of the form http://HOST:PORT; load is sent without TLS, straight to the server"
            );
            return Err(wrong(why));
        }
        let authority: &Authority = uri
            .authority()
            .ok_or_else(|| wrong(format!("`{base}` names no host")))?;
        let port = authority.port_u16().unwrap_or(80);
        let host = authority.host().trim_matches(['[', ']']);
        let sockets: Vec<SocketAddr> = (host, port)
            .to_socket_addrs()
            .map_err(|error| wrong(format!("`{host}` cannot be looked up: {error}")))?
            .collect();
        if sockets.is_empty() {
            return Err(wrong(format!("`{host}` has no address")));
        }
        let authorization = target.key.as_ref().map(|key| {
            let mut value = HeaderValue::try_from(format!("Bearer {key}"))
                .map_err(|_| wrong("the key holds what no header may".into()))?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self {
            sockets,
            host: HeaderValue::try_from(authority.as_str())
                .map_err(|_| wrong(format!("`{base}` names no host")))?,
            prefix: uri.path().trim_end_matches('/').to_owned(),
            authorization: authorization.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood_or_refused_in_words() {
        let address = Address::of(&Target::new("http://127.0.0.1:80/x/", "m").key("k")).unwrap();
        assert_eq!(address.prefix, "/x");
        assert_eq!(address.sockets, ["127.0.0.1:80".parse().unwrap()]);
        assert_eq!(address.authorization.unwrap(), "Bearer k");
        let address = Address::of(&Target::new("http://[::1]:8000", "m")).unwrap();
        assert_eq!(address.sockets, ["[::1]:8000".parse().unwrap()]);
        for (base, part) in [
            ("https://127.0.0.1:1", "without TLS"),
            ("127.0.0.1:1", "http://HOST:PORT"),
            ("http://", "http://HOST:PORT"),
            ("not an address", "http://HOST:PORT"),
        ] {
            let why = Address::of(&Target::new(base, "m"))
                .unwrap_err()
                .to_string();
            assert!(why.contains(part), "{base}: {why}");
        }
        let key = Target::new("http://127.0.0.1:1", "m").key("a\nb");
        let why = Address::of(&key).unwrap_err().to_string();
        assert!(why.contains("the key") && !why.contains("a\nb"), "{why}");
    }
}
