//! The client: sends one request, and says what of it can be sent.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use vdo_core::message::{Completion, Reply};
use vdo_core::port::{Accepts, Capabilities, Health, Provider, ProviderError, ReplyStream, TokenCount};

use super::config::Config;
use super::convert::{self, Mode};
use super::profile::{Dialect, Profile};
use super::reply::{self, Asked};
use super::streaming::Chunks;
use super::{errors, wire};
use crate::transport::config::ConfigError;
use crate::transport::exchange::{Auth, Backend, Call, Exchange};

/// A provider that speaks Chat Completions.
///
/// Keeps connections and nothing else. Building one is cheap: certificates are read on first use, and only for
/// an address that needs them.
pub struct OpenAiChat {
    config: Config,
    dialect: Dialect,
    exchange: Exchange,
}

impl fmt::Debug for OpenAiChat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiChat")
            .field("name", &self.config.name)
            .field("host", &self.exchange.host())
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
        let mut connection = config.connection();
        let base_url = connection.base_url.trim().trim_end_matches('/').trim_end_matches("/chat/completions");
        connection.base_url = base_url.to_owned();
        let backend =
            Backend { auth: Auth::Bearer, default_path: "/v1", headers: Vec::new(), classify: errors::of_answer };
        let exchange = Exchange::new(connection, backend)?;
        let (host, port) = exchange.address();
        let profile = config.profile.unwrap_or_else(|| Profile::of_host(host, port));
        Ok(Self { dialect: profile.dialect(), exchange, config })
    }

    /// Returns the call for a reply.
    fn call<'a>(&self, request: &'a Completion, mode: Mode) -> Result<Call<'a>, ProviderError> {
        let model = self.capabilities(&request.model);
        let body = convert::body(request, &self.dialect, &model, mode)
            .map_err(|error| ProviderError::BadRequest { status: 400, message: error.to_string() })?;
        let url = self.exchange.url("chat/completions");
        Ok(Call { url, body, request, context: model.context, warnings: Vec::new() })
    }

    fn read(&self, body: &[u8], request: &Completion) -> Result<Reply, ProviderError> {
        reply::parse(body, request, self.exchange.redactor())
    }
}

#[async_trait]
impl Provider for OpenAiChat {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        let supports = &self.dialect.supports;
        let usual = Capabilities {
            tools: supports.tools,
            json_schema: supports.json_schema,
            context: None,
            max_output: None,
            accepts: Accepts::default(),
        };
        self.config.capabilities(model, usual)
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        let call = self.call(request, Mode::Whole)?;
        self.exchange.complete(call, |body| self.read(body, request)).await
    }

    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        let call = self.call(request, Mode::Streamed)?;
        let asked = Asked { model: &request.model, messages: request.messages.len() };
        let chunks = Chunks::new(asked, request.estimated_tokens(), self.exchange.redactor().clone());
        self.exchange.stream(call, chunks, |body| self.read(body, request)).await
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        Ok(TokenCount { tokens: request.estimated_tokens(), estimated: true })
    }

    async fn probe(&self) -> Result<Health, ProviderError> {
        match self.exchange.get_json::<wire::Models>(self.exchange.url("models"), "the list of models").await {
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
    shared::<OpenAiChat>();
    shared::<Arc<dyn Provider>>();
};
