//! A language model behind an API, as a port.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::efforts::Efforts;
use crate::failure::{Advice, Failure, FailureKind, chain};
use crate::message::{Completion, Reply};
use crate::usage::Usage;

/// What a model can do, as far as it matters for a request. Data, from configuration or a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capabilities {
    /// It can call tools.
    pub tools: bool,
    /// It can be held to a JSON Schema.
    pub json_schema: bool,
    /// Its window in tokens, input and output together, if known.
    pub context: Option<u64>,
    /// The most tokens it can reply with, if known.
    pub max_output: Option<u64>,
    /// What it takes beyond that.
    #[serde(default)]
    pub accepts: Accepts,
}

/// What a model takes in a request. What it does not is left out, with a warning. The default is a model nothing is known of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Accepts {
    /// `temperature` and its like.
    pub sampling: bool,
    /// A conversation that ends with the beginning of the model's own reply.
    pub prefill: bool,
    /// Being made to call a tool.
    pub forced_tools: bool,
    /// Schemas that are enforced to the letter.
    pub strict: bool,
    /// How its reasoning is steered.
    pub reasoning: ReasoningControl,
    /// The levels of reasoning, where it is steered by one.
    pub efforts: Efforts,
    /// Of OpenAI's two interfaces, only the newer one.
    pub responses_only: bool,
}

impl Default for Accepts {
    fn default() -> Self {
        Self {
            sampling: true,
            prefill: true,
            forced_tools: true,
            strict: true,
            reasoning: ReasoningControl::default(),
            efforts: Efforts::default(),
            responses_only: false,
        }
    }
}

/// How a model's reasoning is steered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningControl {
    /// Not at all, or it is not known: nothing is sent.
    #[default]
    None,
    /// By a number of tokens.
    Budget,
    /// By a level.
    Level,
    /// By a level; it cannot be switched off.
    Always,
}

/// A token count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenCount {
    /// The tokens.
    pub tokens: u64,
    /// Whether the number was estimated rather than counted by the provider.
    pub estimated: bool,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The models the provider lists; none if it lists none.
    pub models: Vec<String>,
}

/// A part of a streamed reply.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent {
    /// More text. The engine keeps it until the reply is whole.
    Text(String),
    /// The whole reply; always the last event of a stream that succeeds.
    Done(Box<Reply>),
}

/// A reply as it arrives. Ends after [`StreamEvent::Done`] or the first error.
pub type ReplyStream = Pin<Box<dyn Stream<Item = Result<StreamEvent, ProviderError>> + Send>>;

/// What a [`Provider`] may fail with. Callers branch on the variant, never on the text.
///
/// No message contains a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The provider asked to be called less often.
    #[error("rate limited: {message}")]
    RateLimited {
        /// The wait it asked for, if it named one.
        retry_after: Option<Duration>,
        /// What it said.
        message: String,
    },
    /// The provider has more to do than it can.
    #[error("overloaded: {message}")]
    Overloaded {
        /// The wait it asked for, if it named one.
        retry_after: Option<Duration>,
        /// What it said.
        message: String,
    },
    /// The provider failed on its side.
    #[error("the provider failed (HTTP {status}): {message}")]
    Fault {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The key is missing, wrong or lacks a permission.
    #[error("the key was refused: {message}")]
    KeyRefused {
        /// What it said, or which variable is not set.
        message: String,
    },
    /// Credit or a limit on the provider's side is used up.
    #[error("the provider wants money: {message}")]
    Money {
        /// What it said.
        message: String,
    },
    /// The request is larger than the model's window.
    #[error("the request is too long: {message}")]
    ContextTooLong {
        /// What it said.
        message: String,
    },
    /// The request was refused as malformed, or the model is not known.
    #[error("the request was refused (HTTP {status}): {message}")]
    BadRequest {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The answer is not what the protocol promises.
    #[error("the answer is not what the protocol promises: {message}")]
    BadAnswer {
        /// What was wrong, and the start of the answer.
        message: String,
        /// The usage, if it could be read.
        usage: Option<Usage>,
    },
    /// No complete answer arrived: connection, TLS, time-out, a cut stream.
    #[error("no complete answer arrived")]
    Transport {
        /// Whether the request had been sent, so that it may have been billed.
        sent: bool,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It had begun to answer or at least to count, and what came is lost but billed.
    #[error("the reply broke off: {source}")]
    BrokeOff {
        /// Whether a part of the reply had arrived, so that somebody may have seen it.
        began: bool,
        /// What was used up to then, as far as the provider said.
        usage: Option<Usage>,
        /// Why.
        #[source]
        source: Box<ProviderError>,
    },
}

impl ProviderError {
    /// Returns the error with what had been used when it came, if there was anything.
    #[must_use]
    pub fn after(self, began: bool, usage: Option<Usage>) -> Self {
        if began || usage.is_some() { Self::BrokeOff { began, usage, source: Box::new(self) } } else { self }
    }

    /// Returns the failure as the journal keeps it. The causes are part of its message.
    #[must_use]
    pub fn to_failure(&self) -> Failure {
        if let Self::BrokeOff { began, usage, source } = self {
            let mut failure = source.to_failure();
            failure.usage = failure.usage.or(*usage);
            failure.sent = true;
            failure.began |= *began;
            return failure;
        }
        let millis = |wait: &Option<Duration>| wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let (kind, advice) = match self {
            Self::RateLimited { retry_after, .. } => {
                (FailureKind::RateLimited, Advice::RetrySame { after_ms: millis(retry_after) })
            }
            Self::Overloaded { retry_after, .. } => {
                (FailureKind::Overloaded, Advice::RetrySame { after_ms: millis(retry_after) })
            }
            Self::Fault { .. } => (FailureKind::ProviderFault, Advice::RetrySame { after_ms: None }),
            Self::Transport { .. } => (FailureKind::Transport, Advice::RetrySame { after_ms: None }),
            Self::KeyRefused { .. } => (FailureKind::KeyRefused, Advice::RetryOther),
            Self::Money { .. } => (FailureKind::ProviderMoney, Advice::RetryOther),
            Self::ContextTooLong { .. } => (FailureKind::ContextTooLong, Advice::RetryOther),
            Self::BadRequest { .. } => (FailureKind::BadRequest, Advice::RetryOther),
            Self::BadAnswer { .. } => (FailureKind::BadAnswer, Advice::RetryOther),
            Self::BrokeOff { source, .. } => return source.to_failure(),
        };
        let mut failure = Failure::new(kind, chain(self)).with_advice(advice);
        match self {
            Self::Transport { sent, .. } => failure.sent = *sent,
            Self::BadAnswer { usage, .. } => {
                failure.usage = *usage;
                failure.sent = true;
            }
            Self::RateLimited { .. }
            | Self::Overloaded { .. }
            | Self::Fault { .. }
            | Self::KeyRefused { .. }
            | Self::Money { .. }
            | Self::ContextTooLong { .. }
            | Self::BadRequest { .. }
            | Self::BrokeOff { .. } => {}
        }
        failure
    }
}

/// A language model behind an API.
///
/// The engine holds providers as `Arc<dyn Provider>` and calls them from many tasks at once. Retrying,
/// failover and spend belong to the engine. An implementation sends exactly one request per call and
/// remembers nothing.
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync {
    /// Returns the name it is configured under, used in routes and in the ledger: `"claude"`.
    fn name(&self) -> &str;

    /// Returns what `model` can do.
    fn capabilities(&self, model: &str) -> Capabilities;

    /// Sends one request and returns the whole reply with its token usage.
    ///
    /// Dropping the future cancels the request. A truncated reply is not an error.
    ///
    /// # Errors
    /// [`ProviderError`], classified; [`ProviderError::Transport`] says whether the request had been sent.
    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError>;

    /// Sends one request and returns the reply as it arrives.
    ///
    /// # Errors
    /// As [`Provider::complete`]; errors after the first event come through the stream.
    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError>;

    /// Counts the request's input tokens, or estimates them.
    ///
    /// # Errors
    /// [`ProviderError`] where the provider counts and failed to.
    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError>;

    /// Finds out, without cost, whether the provider answers and takes the key.
    ///
    /// # Errors
    /// [`ProviderError`], classified.
    async fn probe(&self) -> Result<Health, ProviderError>;
}
