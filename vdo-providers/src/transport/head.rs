//! What stands in the heads of requests and answers.

use std::time::SystemTime;

use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use vdo_core::message::{RateLimits, Reply};
use vdo_core::port::ProviderError;
use vdo_core::usage::ServiceTier;

use super::config::{ConfigError, Connection};
use super::exchange::{Auth, Backend};
use super::limits;
use super::redact::Redactor;

/// What the headers of a successful answer say.
#[derive(Debug)]
pub(super) struct Head {
    request_id: Option<String>,
    pub(super) content_type: Option<String>,
    limits: RateLimits,
    tier: Option<ServiceTier>,
}

impl Head {
    /// Reads the headers of an answer.
    pub(super) fn of(answer: &Response, redactor: &Redactor) -> Self {
        let headers = answer.headers();
        let id = ["x-request-id", "request-id"].iter().find_map(|name| headers.get(*name)?.to_str().ok());
        Self {
            request_id: id.map(|id| redactor.clean(id)).filter(|id| !id.is_empty()),
            content_type: content_type(answer),
            limits: limits::of(headers, SystemTime::now()),
            tier: limits::text(headers, "x-gemini-service-tier").and_then(limits::tier),
        }
    }

    /// Adds to a reply what is known beside its body.
    pub(super) fn dress(self, mut reply: Reply, warnings: Vec<String>) -> Reply {
        reply.request_id = self.request_id.or(reply.request_id).filter(|id| !id.is_empty());
        reply.about.limits = self.limits;
        reply.about.tier = self.tier.unwrap_or(reply.about.tier);
        let mut all = warnings;
        all.append(&mut reply.about.warnings);
        reply.about.warnings = all;
        reply
    }
}

/// Refuses a body in an encoding: none is asked for, and a small one can hide a huge one.
pub(super) fn not_compressed(answer: &Response) -> Result<(), ProviderError> {
    let mut encodings = answer.headers().get_all(CONTENT_ENCODING).iter();
    if encodings.all(|one| one.as_bytes().eq_ignore_ascii_case(b"identity") || one.is_empty()) {
        return Ok(());
    }
    let message = "it is compressed, which was not asked for; check what stands between here and the provider";
    Err(ProviderError::BadAnswer { message: message.to_owned(), usage: None })
}

pub(super) fn content_type(answer: &Response) -> Option<String> {
    answer.headers().get(CONTENT_TYPE)?.to_str().ok().map(str::to_ascii_lowercase)
}

/// Returns the headers of every request; those that hold secrets are marked.
pub(super) fn headers(
    key: Option<&SecretString>,
    connection: &Connection,
    backend: &Backend,
) -> Result<HeaderMap, ConfigError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    headers.extend(backend.headers.iter().cloned());
    if let Some(key) = key {
        let (name, value) = match &backend.auth {
            Auth::Bearer => (AUTHORIZATION, SecretString::from(format!("Bearer {}", key.expose_secret()))),
            Auth::Header(name) => (name.clone(), key.clone()),
        };
        let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| ConfigError::Key)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    for (name, value) in &connection.headers {
        let refused = || ConfigError::Header { name: name.chars().take(80).collect() };
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| refused())?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    Ok(headers)
}
