//! The HTTP client of one provider: built on first use, shared by all its calls.
//!
//! Follows no redirect and reads no proxy from the environment: a redirect could carry the key elsewhere, and
//! a library does not look around.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Proxy, redirect};
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};

use super::failure::TransportFailure;

/// How long a connection that nobody uses is kept.
const POOL_IDLE: Duration = Duration::from_secs(55);

/// A client that is built when it is first used, so that starting up costs nothing.
#[derive(Debug)]
pub(crate) struct LazyClient {
    settings: Settings,
    client: OnceLock<Result<Client, String>>,
}

/// What a client is built from.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Sent with every request.
    pub(crate) headers: HeaderMap,
    /// The most a connection may take to be made.
    pub(crate) connect_timeout: Duration,
    /// The proxy to go through, if any.
    pub(crate) proxy: Option<SecretString>,
    /// Whether the other side is reached over TLS.
    pub(crate) tls: bool,
}

impl LazyClient {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, client: OnceLock::new() }
    }

    /// Returns the client.
    pub(crate) fn get(&self) -> Result<&Client, TransportFailure> {
        let client = self.client.get_or_init(|| self.settings.build());
        client.as_ref().map_err(|error| TransportFailure::Tls(error.clone()))
    }
}

impl Settings {
    fn build(&self) -> Result<Client, String> {
        let mut builder = Client::builder()
            .tls_backend_preconfigured(self.tls_config()?)
            .default_headers(self.headers.clone())
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(self.connect_timeout)
            .pool_max_idle_per_host(usize::MAX)
            .pool_idle_timeout(POOL_IDLE)
            .tcp_nodelay(true)
            .https_only(self.tls);
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(parse_proxy(proxy)?);
        }
        builder.build().map_err(|error| error.to_string())
    }

    /// Names ring as the cryptography, so that nothing depends on what the host has installed, and reads
    /// the system's certificates only where there is somebody to verify.
    fn tls_config(&self) -> Result<ClientConfig, String> {
        let crypto = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&crypto))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let mut config = if self.tls {
            let verifier = rustls_platform_verifier::Verifier::new(crypto).map_err(|error| error.to_string())?;
            let verifier: Arc<dyn ServerCertVerifier> = Arc::new(verifier);
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        } else {
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Parses the address of a proxy.
pub(crate) fn parse_proxy(proxy: &SecretString) -> Result<Proxy, String> {
    // The cause could repeat the address, which may hold a password.
    Proxy::all(proxy.expose_secret()).map_err(|_| "the proxy is not a URL".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_built_with_and_without_tls() {
        for tls in [false, true] {
            let settings = Settings {
                headers: HeaderMap::new(),
                connect_timeout: Duration::from_secs(1),
                proxy: Some("http://me:secret-word@127.0.0.1:9".into()),
                tls,
            };
            let client = LazyClient::new(settings);
            client.get().unwrap();
            assert!(!format!("{:?}", client.settings).contains("secret-word"));
        }
    }
}
