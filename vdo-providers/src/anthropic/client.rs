//! The client: sends one request, and says what of it can be sent.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use vdo_core::message::{Completion, Reply};
use vdo_core::models::{Model, ModelTable};
use vdo_core::port::{Accepts, Capabilities, Health, Provider, ProviderError, ReplyStream, TokenCount};

use super::config::Config;
use super::convert::{self, Mode};
use super::reply::{self, Asked};
use super::streaming::Events;
use super::{errors, wire};
use crate::transport::config::ConfigError;
use crate::transport::exchange::{Auth, Backend, Call, Exchange};

/// A provider that speaks Anthropic's Messages.
///
/// Keeps connections and nothing else. Building one is cheap: certificates are read on first use, and only for
/// an address that needs them.
pub struct Anthropic {
    config: Config,
    exchange: Exchange,
}

impl fmt::Debug for Anthropic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anthropic")
            .field("name", &self.config.name)
            .field("host", &self.exchange.host())
            .field("version", &self.config.version)
            .finish_non_exhaustive()
    }
}

impl Anthropic {
    /// Returns the provider. Sends nothing.
    ///
    /// # Errors
    /// [`ConfigError`] if the address, the key, the version or a header cannot be used.
    pub fn new(mut config: Config) -> Result<Self, ConfigError> {
        config.version = config.version.trim().to_owned();
        let refused = || ConfigError::Version { version: config.version.chars().take(80).collect() };
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        if config.version.is_empty() || !config.version.bytes().all(fits) {
            return Err(refused());
        }
        let version = HeaderValue::from_str(&config.version).map_err(|_| refused())?;
        let mut connection = config.connection();
        let base_url = connection.base_url.trim().trim_end_matches('/').trim_end_matches("/messages");
        connection.base_url = base_url.to_owned();
        let backend = Backend {
            auth: Auth::Header(HeaderName::from_static("x-api-key")),
            default_path: "/v1",
            headers: vec![(HeaderName::from_static("anthropic-version"), version)],
            classify: errors::of_answer,
        };
        Ok(Self { exchange: Exchange::new(connection, backend)?, config })
    }

    /// Returns the address of something; a base that is not the versioned one gets that.
    fn url(&self, path: &str) -> Url {
        if self.exchange.base_path().ends_with("/v1") {
            self.exchange.url(path)
        } else {
            self.exchange.url(&format!("v1/{path}"))
        }
    }

    /// Returns the call for a reply, or for a count.
    fn call<'a>(&self, request: &'a Completion, mode: Mode) -> Result<Call<'a>, ProviderError> {
        let model = self.capabilities(&request.model);
        let made = convert::convert(request, &model, &self.config.version, mode);
        let body = made
            .body(request)
            .map_err(|error| ProviderError::BadRequest { status: 400, message: error.to_string() })?;
        let url = self.url(if mode == Mode::Counted { "messages/count_tokens" } else { "messages" });
        Ok(Call { url, body, request, context: model.context, warnings: made.warnings })
    }

    fn read(&self, body: &[u8], request: &Completion) -> Result<Reply, ProviderError> {
        reply::parse(body, request, self.exchange.redactor())
    }
}

#[async_trait]
impl Provider for Anthropic {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        let unknown = Capabilities {
            tools: true,
            json_schema: true,
            context: None,
            max_output: None,
            accepts: Accepts::default(),
        };
        let usual = ModelTable::embedded().find("anthropic", model).map_or(unknown, Model::capabilities);
        self.config.capabilities(model, usual)
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        let call = self.call(request, Mode::Whole)?;
        self.exchange.complete(call, |body| self.read(body, request)).await
    }

    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        let call = self.call(request, Mode::Streamed)?;
        let asked = Asked { model: &request.model, messages: request.messages.len() };
        let events = Events::new(asked, request.estimated_tokens(), self.exchange.redactor().clone());
        self.exchange.stream(call, events, |body| self.read(body, request)).await
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        let call = self.call(request, Mode::Counted)?;
        match self.exchange.post_json::<wire::TokenCount>(call.url, call.body, "the count of tokens").await {
            Ok(count) => Ok(TokenCount { tokens: count.input_tokens.0, estimated: false }),
            // A server that speaks the protocol and does not count, or does not know the model.
            Err(
                ProviderError::BadRequest { status: 404 | 405 | 501, .. } | ProviderError::Fault { status: 501, .. },
            ) => Ok(TokenCount { tokens: request.estimated_tokens(), estimated: true }),
            Err(error) => Err(error),
        }
    }

    async fn probe(&self) -> Result<Health, ProviderError> {
        let mut url = self.url("models");
        url.query_pairs_mut().append_pair("limit", "1");
        match self.exchange.get_json::<wire::Models>(url, "the list of models").await {
            // A part of a list would say of the other models that they are missing.
            Ok(models) if models.has_more => Ok(Health { models: Vec::new() }),
            Ok(models) => Ok(Health { models: models.data.into_iter().map(|model| model.id).collect() }),
            // It is up; it just does not list its models.
            Err(ProviderError::BadRequest { status: 404 | 405, .. }) => Ok(Health { models: Vec::new() }),
            Err(error) => Err(error),
        }
    }
}

/// Makes sure that providers can be shared.
const _: fn() = || {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Anthropic>();
    shared::<Arc<dyn Provider>>();
};
