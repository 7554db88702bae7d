//! Telling another program of an alert: a signed POST of JSON.
//!
//! The signature is the HMAC-SHA256, in hexadecimal, of the time in the header `x-vdo-timestamp` (seconds since 1970), a full stop
//! and the body, under a shared secret; it is in the header `x-vdo-signature`, after `v1=`. A receiver checks it and that the time
//! is not long ago. Sent at most three times; an answer of 2xx is a receipt.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use vdo_core::failure::chain;
use vdo_core::time::Timestamp;

use crate::transport::client::{LazyClient, Settings};
use crate::transport::endpoint::{Endpoint, EndpointError};

/// The waits before the second and the third try.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// The most one try may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where alerts go.
#[derive(Debug)]
pub struct Webhook {
    url: Url,
    secret: SecretString,
    client: LazyClient,
}

/// An alert was not received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The other side did not take it.
    #[error("it answered with HTTP {status}")]
    Refused {
        /// The status.
        status: u16,
    },
    /// The other side could not be reached.
    #[error("{0}")]
    Unreachable(String),
}

impl Webhook {
    /// Returns a webhook that posts to `url`. Sends nothing.
    ///
    /// # Errors
    /// [`EndpointError`] if the address is not https (or this machine), or holds a password.
    pub fn new(url: &str, secret: SecretString) -> Result<Self, EndpointError> {
        let endpoint = Endpoint::parse(url, "/")?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let settings = Settings { headers, connect_timeout: TIMEOUT, proxy: None, tls: endpoint.is_tls() };
        Ok(Self { url: endpoint.address(), secret, client: LazyClient::new(settings) })
    }

    /// Sends `body`, JSON, signed with the time `now`.
    ///
    /// # Errors
    /// [`WebhookError`] of the last try.
    pub async fn send(&self, body: &[u8], now: Timestamp) -> Result<(), WebhookError> {
        let mut waits = WAITS.into_iter();
        loop {
            let error = match self.try_once(body, now).await {
                Ok(()) => return Ok(()),
                // What it does not want once, it does not want twice.
                Err(error @ WebhookError::Refused { status: 400..=407 | 409..=428 }) => return Err(error),
                Err(error) => error,
            };
            match waits.next() {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }

    async fn try_once(&self, body: &[u8], now: Timestamp) -> Result<(), WebhookError> {
        let seconds = now.0.div_euclid(1000).to_string();
        let client = self.client.get().map_err(|error| WebhookError::Unreachable(chain(&error)))?;
        let post = client
            .post(self.url.clone())
            .header("x-vdo-timestamp", &seconds)
            .header("x-vdo-signature", format!("v1={}", sign(&self.secret, &seconds, body)))
            .timeout(TIMEOUT)
            .body(body.to_vec());
        let answer = post.send().await.map_err(|error| WebhookError::Unreachable(chain(&error.without_url())))?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(WebhookError::Refused { status: answer.status().as_u16() })
        }
    }
}

/// Returns the signature of a body sent at a time.
fn sign(secret: &SecretString, seconds: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in [seconds.as_bytes(), b".", body] {
        context.update(part);
    }
    context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_signed_with_its_time_as_anybody_can_check() {
        // openssl: printf '1795219200.{"a":1}' | openssl dgst -sha256 -hmac 'shared secret'
        let found = sign(&"shared secret".to_owned().into(), "1795219200", b"{\"a\":1}");
        assert_eq!(found, "e0a3ba211ae2f39d6ba676722137269db264be8bb96f6289647a840d9f5e46d1");
        assert_ne!(found, sign(&"shared secret".to_owned().into(), "1795219201", b"{\"a\":1}"));
    }

    #[test]
    fn alerts_do_not_travel_in_the_open() {
        let to = |url: &str| Webhook::new(url, "s".to_owned().into()).map(|_| ());
        assert_eq!(to("http://127.0.0.1:1/hook"), Ok(()));
        assert_eq!(to("http://example.com/hook"), Err(EndpointError::NotSecure));
        let shown = format!("{:?}", Webhook::new("https://example.com/hook", "secret word".to_owned().into()));
        assert!(!shown.contains("secret word"), "{shown}");
    }
}
