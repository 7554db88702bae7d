//! The client: sends one request, and says what of it can be sent.

use std::fmt;

use async_trait::async_trait;
use vdo_core::message::{Completion, Reply};
use vdo_core::models::{Model, ModelTable};
use vdo_core::port::{Accepts, Capabilities, Health, Provider, ProviderError, ReplyStream, TokenCount};

use super::config::Config;
use super::convert::{self, Purpose};
use super::reply::{self, Asked};
use super::streaming::Events;
use super::wire;
use crate::openai_shared::errors;
use crate::transport::config::ConfigError;
use crate::transport::exchange::{Auth, Backend, Call, Exchange};

/// A provider that speaks Responses.
///
/// Keeps connections and nothing else. Building one is cheap: certificates are read on first use, and only for
/// an address that needs them.
pub struct OpenAi {
    config: Config,
    exchange: Exchange,
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi")
            .field("name", &self.config.name)
            .field("host", &self.exchange.host())
            .finish_non_exhaustive()
    }
}

impl OpenAi {
    /// Returns the provider. Sends nothing.
    ///
    /// # Errors
    /// [`ConfigError`] if the address, the key or a header cannot be used.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let mut connection = config.connection();
        let base_url = connection.base_url.trim().trim_end_matches('/').trim_end_matches("/responses");
        connection.base_url = base_url.to_owned();
        let backend =
            Backend { auth: Auth::Bearer, default_path: "/v1", headers: Vec::new(), classify: errors::of_answer };
        Ok(Self { exchange: Exchange::new(connection, backend)?, config })
    }

    fn body(&self, request: &Completion, purpose: Purpose) -> Result<(Vec<u8>, Vec<String>), ProviderError> {
        convert::body(request, &self.capabilities(&request.model), purpose)
            .map_err(|error| ProviderError::BadRequest { status: 400, message: error.to_string() })
    }

    /// Returns the call for a reply.
    fn call<'a>(&self, request: &'a Completion, purpose: Purpose) -> Result<Call<'a>, ProviderError> {
        let (body, warnings) = self.body(request, purpose)?;
        let context = self.capabilities(&request.model).context;
        Ok(Call { url: self.exchange.url("responses"), body, request, context, warnings })
    }

    fn read(&self, body: &[u8], request: &Completion) -> Result<Reply, ProviderError> {
        reply::parse(body, request, self.exchange.redactor())
    }
}

#[async_trait]
impl Provider for OpenAi {
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
        let usual = ModelTable::embedded().find("openai", model).map_or(unknown, Model::capabilities);
        self.config.capabilities(model, usual)
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        let call = self.call(request, Purpose::Whole)?;
        self.exchange.complete(call, |body| self.read(body, request)).await
    }

    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        let call = self.call(request, Purpose::Streamed)?;
        let events = Events::new(Asked::of(request), self.exchange.redactor().clone());
        self.exchange.stream(call, events, |body| self.read(body, request)).await
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        let (body, _) = self.body(request, Purpose::Count)?;
        let url = self.exchange.url("responses/input_tokens");
        match self.exchange.post_json::<wire::InputTokens>(url, body, "the number of tokens").await {
            Ok(count) => Ok(TokenCount { tokens: count.input_tokens.0, estimated: false }),
            // A server that speaks Responses and does not count.
            Err(ProviderError::BadRequest { status: 404 | 405, .. }) => {
                Ok(TokenCount { tokens: request.estimated_tokens(), estimated: true })
            }
            Err(error) => Err(error),
        }
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
