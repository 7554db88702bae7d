//! The client: sends one request, and says what of it can be sent.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::HeaderName;
use vdo_core::message::{Completion, Reply};
use vdo_core::models::{Model, ModelTable};
use vdo_core::port::{Accepts, Capabilities, Health, Provider, ProviderError, ReplyStream, TokenCount};

use super::config::Config;
use super::convert;
use super::reply::{self, Asked};
use super::streaming::Pieces;
use super::{errors, wire};
use crate::transport::config::ConfigError;
use crate::transport::exchange::{Auth, Backend, Call, Exchange};

/// A provider that speaks Gemini's generateContent.
///
/// Keeps connections and nothing else. Building one is cheap: certificates are read on first use, and only for
/// an address that needs them.
pub struct Gemini {
    config: Config,
    exchange: Exchange,
    /// What comes between the base and `models`; empty if the base has it.
    version: String,
}

impl fmt::Debug for Gemini {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gemini")
            .field("name", &self.config.name)
            .field("host", &self.exchange.host())
            .field("version", &self.config.version)
            .finish_non_exhaustive()
    }
}

impl Gemini {
    /// Returns the provider. Sends nothing.
    ///
    /// # Errors
    /// [`ConfigError`] if the address, the key, the version or a header cannot be used.
    pub fn new(mut config: Config) -> Result<Self, ConfigError> {
        config.version = config.version.trim().to_owned();
        let fits = |byte: u8| byte.is_ascii_alphanumeric();
        if config.version.is_empty() || !config.version.bytes().all(fits) {
            return Err(ConfigError::Version { version: config.version.chars().take(80).collect() });
        }
        let mut connection = config.connection();
        let base_url = connection.base_url.trim().trim_end_matches('/').trim_end_matches("/models");
        connection.base_url = base_url.to_owned();
        let backend = Backend {
            auth: Auth::Header(HeaderName::from_static("x-goog-api-key")),
            default_path: "",
            headers: Vec::new(),
            classify: errors::of_answer,
        };
        let exchange = Exchange::new(connection, backend)?;
        let last = exchange.base_path().rsplit('/').next().unwrap_or_default();
        let is_version = last.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let version = if is_version { String::new() } else { format!("{}/", config.version) };
        Ok(Self { config, exchange, version })
    }

    /// Returns the address of what a model does.
    fn url(&self, model: &str, does: &str) -> Result<Url, ProviderError> {
        let model = resource(model);
        if model.split('/').any(|part| matches!(part, "" | "." | "..")) {
            let message = format!("{model:?} is not the name of a model");
            return Err(ProviderError::BadRequest { status: 404, message });
        }
        Ok(self.exchange.url(&format!("{}{model}:{does}", self.version)))
    }

    /// Returns the call for a reply.
    fn call<'a>(&self, request: &'a Completion, url: Url) -> Result<Call<'a>, ProviderError> {
        let model = self.capabilities(&request.model);
        let made = convert::convert(request, &model);
        let body = convert::body(&made.request, request).map_err(unsendable)?;
        Ok(Call { url, body, request, context: model.context, warnings: made.warnings })
    }

    fn read(&self, body: &[u8], request: &Completion) -> Result<Reply, ProviderError> {
        reply::parse(body, request, self.exchange.redactor())
    }
}

/// Returns the name of a model in full.
fn resource(model: &str) -> String {
    if model.contains('/') { model.to_owned() } else { format!("models/{model}") }
}

fn unsendable(error: serde_json::Error) -> ProviderError {
    ProviderError::BadRequest { status: 400, message: error.to_string() }
}

#[async_trait]
impl Provider for Gemini {
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
        let usual = ModelTable::embedded().find("gemini", model).map_or(unknown, Model::capabilities);
        self.config.capabilities(model, usual)
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        let call = self.call(request, self.url(&request.model, "generateContent")?)?;
        self.exchange.complete(call, |body| self.read(body, request)).await
    }

    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        let mut url = self.url(&request.model, "streamGenerateContent")?;
        url.query_pairs_mut().append_pair("alt", "sse");
        let call = self.call(request, url)?;
        let redactor = self.exchange.redactor().clone();
        let pieces = Pieces::new(Asked::of(request), request.estimated_tokens(), redactor);
        self.exchange.stream(call, pieces, |body| self.read(body, request)).await
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        let url = self.url(&request.model, "countTokens")?;
        let model = self.capabilities(&request.model);
        let name = resource(&request.model);
        let body = convert::body(&convert::count(request, &model, &name), request).map_err(unsendable)?;
        match self.exchange.post_json::<wire::TokenCount>(url, body, "the count of tokens").await {
            Ok(count) => Ok(TokenCount { tokens: count.total_tokens.0, estimated: false }),
            // A server that speaks the protocol and does not count, or does not know the model.
            Err(ProviderError::BadRequest { status: 404 | 405, .. } | ProviderError::Fault { status: 501, .. }) => {
                Ok(TokenCount { tokens: request.estimated_tokens(), estimated: true })
            }
            Err(error) => Err(error),
        }
    }

    async fn probe(&self) -> Result<Health, ProviderError> {
        let url = self.exchange.url(&format!("{}models", self.version));
        match self.exchange.get_json::<wire::Models>(url, "the list of models").await {
            // A part of a list would say of the other models that they are missing.
            Ok(models) if models.next_page_token.as_deref().is_some_and(|token| !token.is_empty()) => {
                Ok(Health { models: Vec::new() })
            }
            Ok(models) => {
                let id = |model: wire::Model| model.name.strip_prefix("models/").unwrap_or(&model.name).to_owned();
                Ok(Health { models: models.models.into_iter().map(id).collect() })
            }
            // It is up; it just does not list its models.
            Err(ProviderError::BadRequest { status: 404 | 405, .. }) => Ok(Health { models: Vec::new() }),
            Err(error) => Err(error),
        }
    }
}

/// Makes sure that providers can be shared.
const _: fn() = || {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Gemini>();
    shared::<Arc<dyn Provider>>();
};
