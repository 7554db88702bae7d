//! One exchange with a provider: a request goes out, an answer comes back, bounded in time and size.
//!
//! A codec says what stands in the bodies; everything else that backends have in common is here: keys, headers,
//! time-outs, failures, request ids, rate limits, and what is checked of every reply.

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use vdo_core::message::{Completion, Reply};
use vdo_core::port::{ProviderError, ReplyStream, StreamEvent};

use super::body::{self, Timing};
use super::bounds::{Bounds, check_nodes};
use super::client::{LazyClient, Settings, parse_proxy};
use super::config::{ConfigError, Connection};
use super::endpoint::Endpoint;
use super::failure::TransportFailure;
use super::head::{Head, content_type, headers, not_compressed};
use super::reading::{self, Fold};
use super::redact::{Redactor, is_html};
use super::retry_after::Hints;

/// The most bytes of a failure's body that are read.
const MAX_FAILURE: usize = 256 << 10;

/// How a key is sent.
#[derive(Debug, Clone)]
pub(crate) enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// As the value of a header of its own.
    Header(HeaderName),
}

/// What a backend is made of, beside its configuration.
#[derive(Debug)]
pub(crate) struct Backend {
    /// How the key is sent.
    pub(crate) auth: Auth,
    /// The path of a base URL that has none.
    pub(crate) default_path: &'static str,
    /// Headers of every request.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Classifies an answer whose status is not a success.
    pub(crate) classify: fn(&Failed<'_>, &Redactor) -> ProviderError,
}

/// An answer whose status is not a success.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed<'a> {
    /// The status.
    pub(crate) status: u16,
    /// What the headers advise.
    pub(crate) hints: Hints,
    /// What kind of content the body is, in lower case.
    pub(crate) content_type: Option<&'a str>,
    /// The body; empty if it could not be read.
    pub(crate) body: &'a [u8],
}

/// A request for a reply.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// Where it is sent.
    pub(crate) url: Url,
    /// What is sent.
    pub(crate) body: Vec<u8>,
    /// What it was made from.
    pub(crate) request: &'a Completion,
    /// The model's window in tokens, if known.
    pub(crate) context: Option<u64>,
    /// What of the request had to be left out.
    pub(crate) warnings: Vec<String>,
}

/// Exchanges requests and answers with one provider.
///
/// Keeps connections and nothing else. Building one is cheap: certificates are read on first use, and only for
/// an address that needs them.
pub(crate) struct Exchange {
    endpoint: Endpoint,
    client: LazyClient,
    host: String,
    redactor: Redactor,
    timing: (std::time::Duration, std::time::Duration),
    limit: usize,
    classify: fn(&Failed<'_>, &Redactor) -> ProviderError,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Exchange {
    /// Returns the exchange. Sends nothing.
    pub(crate) fn new(connection: Connection, backend: Backend) -> Result<Self, ConfigError> {
        let endpoint = Endpoint::parse(&connection.base_url, backend.default_path)?;
        let (host, port) = endpoint.host();
        let host = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if let Some(proxy) = &connection.proxy {
            parse_proxy(proxy).map_err(|_| ConfigError::Proxy)?;
        }
        let key = connection.key.as_ref().map(|key| SecretString::from(key.expose_secret().trim()));
        let key = key.filter(|key| !key.expose_secret().is_empty());
        let settings = Settings {
            headers: headers(key.as_ref(), &connection, &backend)?,
            connect_timeout: connection.connect_timeout,
            proxy: connection.proxy.clone().filter(|_| !endpoint.is_loopback()),
            tls: endpoint.is_tls(),
        };
        let secrets = key.into_iter().chain(connection.headers.into_values()).chain(connection.proxy);
        Ok(Self {
            client: LazyClient::new(settings),
            endpoint,
            host,
            redactor: Redactor::new(secrets),
            timing: (connection.idle_timeout, connection.total_timeout),
            limit: connection.max_reply_bytes,
            classify: backend.classify,
        })
    }

    /// Returns the address of something below the base.
    pub(crate) fn url(&self, path: &str) -> Url {
        self.endpoint.join(path)
    }

    /// Returns the host and port of the base, if it names one.
    pub(crate) fn address(&self) -> (&str, Option<u16>) {
        self.endpoint.host()
    }

    /// Returns the path of the base, without a slash at its end.
    pub(crate) fn base_path(&self) -> &str {
        self.endpoint.path()
    }

    /// Returns the host, with the port if one was given.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Returns what cleans texts from the other side.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Sends a request and returns the whole reply, as `read` finds it in the body.
    pub(crate) async fn complete(
        &self,
        call: Call<'_>,
        read: impl FnOnce(&[u8]) -> Result<Reply, ProviderError>,
    ) -> Result<Reply, ProviderError> {
        let timing = self.start();
        let answer = self.post(call.url, call.body, &timing).await?;
        let head = Head::of(&answer, &self.redactor);
        let body = self.body(answer, &timing).await?;
        let bounds = Bounds::new(call.context, || call.request.estimated_tokens());
        Ok(head.dress(bounds.judge(read(&body))?, call.warnings))
    }

    /// Sends a request and returns the reply as it arrives. A server that answers whole is read by `read`.
    pub(crate) async fn stream<F: Fold>(
        &self,
        call: Call<'_>,
        fold: F,
        read: impl FnOnce(&[u8]) -> Result<Reply, ProviderError>,
    ) -> Result<ReplyStream, ProviderError> {
        let timing = self.start();
        let answer = self.post(call.url, call.body, &timing).await?;
        let head = Head::of(&answer, &self.redactor);
        let input = call.request.estimated_tokens();
        let bounds = Bounds::new(call.context, move || input);
        if head.content_type.as_deref().is_some_and(|kind| !kind.starts_with("text/event-stream")) {
            let body = self.body(answer, &timing).await?;
            let reply = head.dress(bounds.judge(read(&body))?, call.warnings);
            let text = Some(reply.text()).filter(|text| !text.is_empty()).map(StreamEvent::Text);
            let events = text.into_iter().chain([StreamEvent::Done(Box::new(reply))]);
            return Ok(Box::pin(stream::iter(events.map(Ok).collect::<Vec<_>>())));
        }
        not_compressed(&answer)?;
        let collector = reading::Collector::new(fold, bounds, self.limit);
        let warnings = call.warnings;
        Ok(reading::stream(answer, timing, collector, move |reply| head.dress(reply, warnings)))
    }

    /// Sends a small request and returns the JSON of the answer; `what` names it in errors.
    pub(crate) async fn post_json<T: DeserializeOwned>(
        &self,
        url: Url,
        body: Vec<u8>,
        what: &str,
    ) -> Result<T, ProviderError> {
        let timing = self.start();
        let answer = self.post(url, body, &timing).await?;
        self.json(answer, &timing, what).await
    }

    /// Fetches something and returns its JSON; `what` names it in errors.
    pub(crate) async fn get_json<T: DeserializeOwned>(&self, url: Url, what: &str) -> Result<T, ProviderError> {
        let timing = self.start();
        let request = self.client.get()?.get(url);
        let answer = self.succeed(request, &timing).await?;
        self.json(answer, &timing, what).await
    }

    async fn json<T: DeserializeOwned>(
        &self,
        answer: Response,
        timing: &Timing,
        what: &str,
    ) -> Result<T, ProviderError> {
        let body = self.body(answer, timing).await?;
        serde_json::from_slice(&body).map_err(|error| bad(self.redactor.clean(&format!("{what}: {error}"))))
    }

    fn start(&self) -> Timing {
        Timing::start(self.timing.0, self.timing.1)
    }

    async fn post(&self, url: Url, body: Vec<u8>, timing: &Timing) -> Result<Response, ProviderError> {
        self.succeed(self.client.get()?.post(url).body(body), timing).await
    }

    /// Sends a request and returns the answer if its status is a success.
    async fn succeed(&self, request: RequestBuilder, timing: &Timing) -> Result<Response, ProviderError> {
        let sent = timing.within_total(request.send()).await?;
        let answer = sent.map_err(|error| ProviderError::from(TransportFailure::of_sending(error, &self.host)))?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.failure(answer, timing).await) }
    }

    /// Reads an answer whose status is not a success.
    async fn failure(&self, answer: Response, timing: &Timing) -> ProviderError {
        let status = answer.status().as_u16();
        let hints = Hints::of(answer.headers(), SystemTime::now());
        let content_type = content_type(&answer);
        // A failure whose reason cannot be read is still that failure.
        let body = if not_compressed(&answer).is_ok() {
            body::read(answer, MAX_FAILURE, timing).await.unwrap_or_default()
        } else {
            Bytes::new()
        };
        (self.classify)(&Failed { status, hints, content_type: content_type.as_deref(), body: &body }, &self.redactor)
    }

    /// Reads a whole body that should not be a page, empty or compressed.
    async fn body(&self, answer: Response, timing: &Timing) -> Result<Bytes, ProviderError> {
        not_compressed(&answer)?;
        let content_type = content_type(&answer);
        let body = body::read(answer, self.limit, timing).await?;
        if is_html(content_type.as_deref(), &body) {
            return Err(bad("the server answered with an HTML page".to_owned()));
        }
        if body.trim_ascii().is_empty() {
            return Err(bad("it is empty".to_owned()));
        }
        check_nodes(&body)?;
        Ok(body)
    }
}

fn bad(message: String) -> ProviderError {
    ProviderError::BadAnswer { message, usage: None }
}
