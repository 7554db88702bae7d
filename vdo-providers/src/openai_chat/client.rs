//! The client: sends one request, and says what of it can be sent.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use vdo_core::message::{Completion, Reply};
use vdo_core::models::{Model, ModelTable};
use vdo_core::port::{Accepts, Capabilities, Health, Provider, ProviderError, ReplyStream, TokenCount};

use super::config::Config;
use super::convert::{self, Mode};
use super::profile::{Dialect, Profile};
use super::reply::{self, Asked};
use super::streaming::Chunks;
use super::wire;
use crate::openai_shared::errors;
use crate::transport::config::ConfigError;
use crate::transport::exchange::{Auth, Backend, Call, Exchange};

/// A provider that speaks Chat Completions.
///
/// Keeps connections and nothing else. Building one is cheap: certificates are read on first use, and only for
/// an address that needs them.
pub struct OpenAiChat {
    config: Config,
    dialect: Dialect,
    /// Who makes the models, if that is known of the server.
    vendor: &'static str,
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
        let vendor = if profile == Profile::OpenAi { "openai" } else { "" };
        Ok(Self { dialect: profile.dialect(), vendor, exchange, config })
    }

    /// Returns the call for a reply.
    fn call<'a>(&self, request: &'a Completion, mode: Mode) -> Result<Call<'a>, ProviderError> {
        let model = self.capabilities(&request.model);
        let (body, warnings) = convert::body(request, &self.dialect, &model, mode)
            .map_err(|error| ProviderError::BadRequest { status: 400, message: error.to_string() })?;
        let url = self.exchange.url("chat/completions");
        Ok(Call { url, body, request, context: model.context, warnings })
    }

    fn read(&self, body: &[u8], request: &Completion) -> Result<Reply, ProviderError> {
        reply::parse(body, self.asked(request), || request.estimated_tokens(), self.exchange.redactor())
    }

    fn asked<'a>(&self, request: &'a Completion) -> Asked<'a> {
        let cost = self.dialect.supports.cost;
        Asked { model: &request.model, messages: request.messages.len(), cost }
    }

    /// Returns what is known of a model: of OpenAI's, and of those that a router names with their vendors.
    fn known(&self, model: &str) -> Option<&'static Model> {
        ModelTable::embedded().find(self.vendor, model)
    }
}

#[async_trait]
impl Provider for OpenAiChat {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        let supports = &self.dialect.supports;
        let known = self.known(model).map(Model::capabilities);
        let usual = Capabilities {
            tools: supports.tools && known.is_none_or(|known| known.tools),
            json_schema: supports.json_schema && known.is_none_or(|known| known.json_schema),
            context: known.and_then(|known| known.context),
            max_output: known.and_then(|known| known.max_output),
            accepts: known.map_or_else(Accepts::default, |known| known.accepts),
        };
        self.config.capabilities(model, usual)
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        let call = self.call(request, Mode::Whole)?;
        self.exchange.complete(call, |body| self.read(body, request)).await
    }

    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        let call = self.call(request, Mode::Streamed)?;
        let chunks = Chunks::new(self.asked(request), request.estimated_tokens(), self.exchange.redactor().clone());
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
