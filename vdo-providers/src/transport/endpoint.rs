//! Where a provider is reached: parsed once, safe to send a key to from then on.

use std::net::IpAddr;

use reqwest::Url;

/// The address of a provider.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    base: Url,
    loopback: bool,
}

/// An address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is not a URL.
    #[error("the base URL is not one: {0}")]
    NotAUrl(String),
    /// It would send the key in the open.
    #[error("the base URL has to start with https:// (http:// is for this machine only)")]
    NotSecure,
    /// It has a user name or password in it.
    #[error("the base URL must not contain a user name or password; use a key or a header")]
    Credentials,
}

impl Endpoint {
    /// Parses a base URL. One without a path gets `default_path`.
    pub(crate) fn parse(text: &str, default_path: &str) -> Result<Self, EndpointError> {
        let mut base = Url::parse(text.trim()).map_err(|error| EndpointError::NotAUrl(error.to_string()))?;
        let loopback = is_loopback(&base);
        match base.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err(EndpointError::NotSecure),
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(if path.is_empty() { default_path } else { &path });
        Ok(Self { base, loopback })
    }

    /// Returns the address of something below the base. The base's query is kept.
    pub(crate) fn join(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.path()));
        url
    }

    /// Returns the path of the base, without a slash at its end.
    pub(crate) fn path(&self) -> &str {
        self.base.path().trim_end_matches('/')
    }

    /// Returns the address itself.
    #[cfg(feature = "webhook")]
    pub(crate) fn address(&self) -> Url {
        self.base.clone()
    }

    /// Returns whether it is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Returns whether it is reached over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Returns the host and port, if it names one.
    pub(crate) fn host(&self) -> (&str, Option<u16>) {
        (self.base.host_str().unwrap_or_default(), self.base.port())
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or_else(|_| host == "localhost", |address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_and_an_empty_one_is_filled() {
        let join = |base: &str| Endpoint::parse(base, "/v1").unwrap().join("chat/completions").to_string();
        assert_eq!(join("https://api.example.com"), "https://api.example.com/v1/chat/completions");
        assert_eq!(join("https://api.example.com/api/v1/"), "https://api.example.com/api/v1/chat/completions");
        assert_eq!(join("http://127.0.0.1:80/x?v=2"), "http://127.0.0.1/x/chat/completions?v=2");
    }

    #[test]
    fn a_key_is_never_sent_in_the_open() {
        let parse = |base: &str| Endpoint::parse(base, "/v1").map(|endpoint| endpoint.is_loopback());
        for base in ["http://localhost:1", "http://127.8.9.1:1", "http://[::1]:1", "http://[::ffff:127.0.0.1]:1"] {
            assert_eq!(parse(base), Ok(true), "{base}");
        }
        assert_eq!(parse("https://example.com"), Ok(false));
        for base in ["http://example.com", "http://10.0.0.1", "ftp://localhost", "http://localhost.example.com"] {
            assert_eq!(parse(base), Err(EndpointError::NotSecure), "{base}");
        }
        assert_eq!(parse("https://me:secret@example.com"), Err(EndpointError::Credentials));
        assert!(matches!(parse("example.com/v1"), Err(EndpointError::NotAUrl(_))));
    }
}
