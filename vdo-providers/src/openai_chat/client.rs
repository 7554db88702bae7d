//! The client: sends one request, bounded in time and size.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use vdo_core::message::{Completion, Reply};
use vdo_core::port::{Accepts, Capabilities, Health, Provider, ProviderError, ReplyStream, StreamEvent, TokenCount};

use super::config::{Config, ConfigError};
use super::convert::{self, Mode};
use super::profile::{Dialect, Profile};
use super::reply::{self, Asked};
use super::streaming::Collector;
use super::{errors, wire};
use crate::transport::body::{self, Timing};
use crate::transport::client::{LazyClient, Settings, parse_proxy};
use crate::transport::endpoint::Endpoint;
use crate::transport::failure::TransportFailure;
use crate::transport::redact::{Redactor, is_html};
use crate::transport::retry_after::Hints;

/// How long the end of a body is waited for after its completion mark, so that the connection can be used again.
const DRAIN: Duration = Duration::from_millis(50);
/// The most bytes of a failure's body that are read.
const MAX_FAILURE: usize = 256 << 10;

/// A provider that speaks Chat Completions.
///
/// Keeps connections and nothing else. Building one is cheap: certificates are read on first use, and only for
/// an address that needs them.
pub struct OpenAiChat {
    config: Config,
    dialect: Dialect,
    client: LazyClient,
    chat: Url,
    models: Url,
    host: String,
    redactor: Redactor,
}

impl fmt::Debug for OpenAiChat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiChat")
            .field("name", &self.config.name)
            .field("host", &self.host)
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

impl OpenAiChat {
    /// Returns the provider. Sends nothing.
    ///
    /// # Errors
    /// [`ConfigError`] if the address, the key or a header cannot be used.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let base_url = config.base_url.trim().trim_end_matches('/').trim_end_matches("/chat/completions");
        let endpoint = Endpoint::parse(base_url, "/v1")?;
        let (host, port) = endpoint.host();
        let profile = config.profile.unwrap_or_else(|| Profile::of_host(host, port));
        let host = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let proxy = config.proxy.clone().filter(|_| !endpoint.is_loopback());
        if let Some(proxy) = &config.proxy {
            parse_proxy(proxy).map_err(|_| ConfigError::Proxy)?;
        }
        let key = config.key.as_ref().map(|key| SecretString::from(key.expose_secret().trim()));
        let key = key.filter(|key| !key.expose_secret().is_empty());
        let settings = Settings {
            headers: headers(key.as_ref(), &config)?,
            connect_timeout: config.connect_timeout,
            proxy,
            tls: endpoint.is_tls(),
        };
        let secrets = key.into_iter().chain(config.headers.values().cloned()).chain(config.proxy.clone());
        Ok(Self {
            dialect: profile.dialect(),
            client: LazyClient::new(settings),
            chat: endpoint.join("chat/completions"),
            models: endpoint.join("models"),
            host,
            redactor: Redactor::new(secrets),
            config,
        })
    }

    fn timing(&self) -> Timing {
        Timing::start(self.config.idle_timeout, self.config.total_timeout)
    }

    /// Sends a request for a reply and returns the answer if its status is a success.
    async fn post(&self, request: &Completion, mode: Mode, timing: &Timing) -> Result<Response, ProviderError> {
        let body = convert::body(request, &self.dialect, &self.capabilities(&request.model), mode)
            .map_err(|error| ProviderError::BadRequest { status: 400, message: error.to_string() })?;
        let response = self.send(self.client.get()?.post(self.chat.clone()).body(body), timing).await?;
        if response.status().is_success() { Ok(response) } else { Err(self.failure(response, timing).await) }
    }

    async fn send(&self, request: RequestBuilder, timing: &Timing) -> Result<Response, ProviderError> {
        let sent = timing.within_total(request.send()).await?;
        sent.map_err(|error| TransportFailure::of_sending(error, &self.host).into())
    }

    /// Reads an answer whose status is not a success.
    async fn failure(&self, response: Response, timing: &Timing) -> ProviderError {
        let status = response.status().as_u16();
        let hints = Hints::of(response.headers(), SystemTime::now());
        let content_type = content_type(&response);
        // A failure whose reason cannot be read is still that failure.
        let body = body::read(response, MAX_FAILURE, timing).await.unwrap_or_default();
        errors::of_answer(status, hints, content_type.as_deref(), &body, &self.redactor)
    }

    /// Reads a whole reply.
    fn parse(&self, body: &[u8], request: &Completion, about: &About) -> Result<Reply, ProviderError> {
        if is_html(about.content_type.as_deref(), body) {
            let message = "the server answered with an HTML page".to_owned();
            return Err(ProviderError::BadAnswer { message, usage: None });
        }
        reply::parse(body, request, about.request_id.as_deref(), &self.redactor)
    }

    fn about(&self, response: &Response) -> About {
        let id = ["x-request-id", "request-id"].iter().find_map(|name| response.headers().get(*name)?.to_str().ok());
        About { request_id: id.map(|id| self.redactor.clean(id)), content_type: content_type(response) }
    }
}

/// What the headers of an answer say.
struct About {
    request_id: Option<String>,
    content_type: Option<String>,
}

fn content_type(response: &Response) -> Option<String> {
    response.headers().get(CONTENT_TYPE)?.to_str().ok().map(str::to_ascii_lowercase)
}

/// Returns the headers of every request; those that hold secrets are marked.
fn headers(key: Option<&SecretString>, config: &Config) -> Result<HeaderMap, ConfigError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    if let Some(key) = key {
        let value = format!("Bearer {}", key.expose_secret());
        let mut value = HeaderValue::from_str(&value).map_err(|_| ConfigError::Key)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    for (name, value) in &config.headers {
        let refused = || ConfigError::Header { name: name.chars().take(80).collect() };
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| refused())?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    Ok(headers)
}

#[async_trait]
impl Provider for OpenAiChat {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        let known = self.config.models.get(model).copied().unwrap_or_default();
        let supports = &self.dialect.supports;
        Capabilities {
            tools: known.tools.unwrap_or(supports.tools),
            json_schema: known.json_schema.unwrap_or(supports.json_schema),
            context: known.context,
            max_output: known.max_output,
            accepts: Accepts::default(),
        }
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        let timing = self.timing();
        let response = self.post(request, Mode::Whole, &timing).await?;
        let about = self.about(&response);
        let body = body::read(response, self.config.max_reply_bytes, &timing).await?;
        self.parse(&body, request, &about)
    }

    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        let timing = self.timing();
        let response = self.post(request, Mode::Streamed, &timing).await?;
        let about = self.about(&response);
        if about.content_type.as_deref().is_some_and(|kind| !kind.starts_with("text/event-stream")) {
            // A server that cannot stream answers whole.
            let body = body::read(response, self.config.max_reply_bytes, &timing).await?;
            let reply = self.parse(&body, request, &about)?;
            let text = Some(reply.text()).filter(|text| !text.is_empty()).map(StreamEvent::Text);
            let events = text.into_iter().chain([StreamEvent::Done(Box::new(reply))]);
            return Ok(Box::pin(stream::iter(events.map(Ok).collect::<Vec<_>>())));
        }
        let asked =
            Asked { model: &request.model, messages: request.messages.len(), request_id: about.request_id.as_deref() };
        let limit = self.config.max_reply_bytes;
        let collector = Collector::new(asked, request.estimated_tokens(), limit, self.redactor.clone());
        let reading = Reading { response, timing, collector: Some(collector), ready: VecDeque::new() };
        Ok(Box::pin(stream::unfold(reading, |mut reading| async {
            let event = reading.next().await?;
            Some((event, reading))
        })))
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        Ok(TokenCount { tokens: request.estimated_tokens(), estimated: true })
    }

    async fn probe(&self) -> Result<Health, ProviderError> {
        let timing = self.timing();
        let response = self.send(self.client.get()?.get(self.models.clone()), &timing).await?;
        match response.status().as_u16() {
            // It is up; it just does not list its models.
            404 | 405 => return Ok(Health { models: Vec::new() }),
            200..300 => {}
            _ => return Err(self.failure(response, &timing).await),
        }
        let body = body::read(response, self.config.max_reply_bytes, &timing).await?;
        let models: wire::Models = serde_json::from_slice(&body).map_err(|error| ProviderError::BadAnswer {
            message: self.redactor.clean(&format!("the list of models: {error}")),
            usage: None,
        })?;
        Ok(Health { models: models.data.into_iter().map(|model| model.id).collect() })
    }
}

/// A streamed reply that is being read. Dropping it closes the connection.
struct Reading {
    response: Response,
    timing: Timing,
    /// Gone when the stream has ended.
    collector: Option<Collector>,
    /// Events that are read but not handed out.
    ready: VecDeque<Result<StreamEvent, ProviderError>>,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<StreamEvent, ProviderError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            self.collector.as_ref()?;
            let piece = self.timing.chunk(&mut self.response).await;
            self.take(piece).await;
        }
    }

    /// Takes in a piece of the body, its end or its failure.
    async fn take(&mut self, piece: Result<Option<Bytes>, TransportFailure>) {
        let Some(mut collector) = self.collector.take() else { return };
        let ready = &mut self.ready;
        let mut text = |text| ready.push_back(Ok(StreamEvent::Text(text)));
        let ended = match piece {
            Ok(Some(piece)) => match collector.push(&piece, &mut text) {
                Ok(()) if !collector.is_done() => {
                    self.collector = Some(collector);
                    return;
                }
                Ok(()) => {
                    // More than the end of the body is not expected, and not waited for.
                    let _ = tokio::time::timeout(DRAIN, self.response.chunk()).await;
                    collector.finish(text)
                }
                Err(error) => Err(error),
            },
            Ok(None) => collector.finish(text),
            Err(failure) => Err(failure.into()),
        };
        self.ready.push_back(ended.map(|reply| StreamEvent::Done(Box::new(reply))));
    }
}

/// Makes sure that providers can be shared.
const _: fn() = || {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<OpenAiChat>();
    shared::<Arc<dyn Provider>>();
};
