//! A provider's error as it is kept in a cassette.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vdo_core::failure::chain;
use vdo_core::port::ProviderError;
use vdo_core::usage::Usage;

/// An error of a provider, as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Failed {
    RateLimited { retry_after_ms: Option<u64>, message: String },
    Overloaded { retry_after_ms: Option<u64>, message: String },
    Fault { status: u16, message: String },
    KeyRefused { message: String },
    Money { message: String },
    ContextTooLong { message: String },
    BadRequest { status: u16, message: String },
    BadAnswer { message: String, usage: Option<Usage> },
    Transport { sent: bool, message: String },
    BrokeOff { began: bool, usage: Option<Usage>, source: Box<Failed> },
}

/// Why no answer arrived, when it was recorded.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Recorded(String);

impl Failed {
    pub(super) fn of(error: &ProviderError) -> Self {
        let millis = |wait: &Option<Duration>| wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        match error {
            ProviderError::RateLimited { retry_after, message } => {
                Self::RateLimited { retry_after_ms: millis(retry_after), message: message.clone() }
            }
            ProviderError::Overloaded { retry_after, message } => {
                Self::Overloaded { retry_after_ms: millis(retry_after), message: message.clone() }
            }
            ProviderError::Fault { status, message } => Self::Fault { status: *status, message: message.clone() },
            ProviderError::KeyRefused { message } => Self::KeyRefused { message: message.clone() },
            ProviderError::Money { message } => Self::Money { message: message.clone() },
            ProviderError::ContextTooLong { message } => Self::ContextTooLong { message: message.clone() },
            ProviderError::BadRequest { status, message } => {
                Self::BadRequest { status: *status, message: message.clone() }
            }
            ProviderError::BadAnswer { message, usage } => Self::BadAnswer { message: message.clone(), usage: *usage },
            ProviderError::Transport { sent, source } => {
                Self::Transport { sent: *sent, message: chain(source.as_ref()) }
            }
            ProviderError::BrokeOff { began, usage, source } => {
                Self::BrokeOff { began: *began, usage: *usage, source: Box::new(Self::of(source)) }
            }
            // A kind that this version does not know: what everybody can read of it is kept.
            other => Self::Fault { status: 500, message: chain(other) },
        }
    }

    pub(super) fn into_error(self) -> ProviderError {
        let wait = |millis: Option<u64>| millis.map(Duration::from_millis);
        match self {
            Self::RateLimited { retry_after_ms, message } => {
                ProviderError::RateLimited { retry_after: wait(retry_after_ms), message }
            }
            Self::Overloaded { retry_after_ms, message } => {
                ProviderError::Overloaded { retry_after: wait(retry_after_ms), message }
            }
            Self::Fault { status, message } => ProviderError::Fault { status, message },
            Self::KeyRefused { message } => ProviderError::KeyRefused { message },
            Self::Money { message } => ProviderError::Money { message },
            Self::ContextTooLong { message } => ProviderError::ContextTooLong { message },
            Self::BadRequest { status, message } => ProviderError::BadRequest { status, message },
            Self::BadAnswer { message, usage } => ProviderError::BadAnswer { message, usage },
            Self::Transport { sent, message } => ProviderError::Transport { sent, source: Box::new(Recorded(message)) },
            Self::BrokeOff { began, usage, source } => {
                ProviderError::BrokeOff { began, usage, source: Box::new(source.into_error()) }
            }
        }
    }
}
