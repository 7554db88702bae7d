//! How a request fails without an answer, and what that says about whether it was sent.

use std::time::Duration;

use vdo_core::port::ProviderError;

/// Why no complete answer arrived.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportFailure {
    /// No connection could be made: address, refusal, TLS or time-out.
    #[error("cannot connect to {host}")]
    Connect { host: String, source: reqwest::Error },
    /// The connection broke.
    #[error("the connection broke")]
    Broke(#[source] reqwest::Error),
    /// TLS could not be set up on this machine.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
    /// Nothing came for too long.
    #[error("nothing came for {}", Seconds(*.0))]
    Idle(Duration),
    /// The whole took too long.
    #[error("it took longer than {}", Seconds(*.0))]
    Total(Duration),
    /// The body ended before its completion mark.
    #[error("the reply was cut off")]
    Truncated,
}

struct Seconds(Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}

impl TransportFailure {
    /// Returns the failure of sending a request to `host`. The URL is taken out of the cause.
    pub(crate) fn of_sending(error: reqwest::Error, host: &str) -> Self {
        let error = error.without_url();
        if error.is_connect() || error.is_builder() {
            Self::Connect { host: host.to_owned(), source: error }
        } else {
            Self::Broke(error)
        }
    }

    /// Returns the failure of reading an answer.
    pub(crate) fn of_reading(error: reqwest::Error) -> Self {
        Self::Broke(error.without_url())
    }

    /// Returns whether the request may have reached the other side.
    pub(crate) fn is_sent(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Tls(_) => false,
            Self::Broke(_) | Self::Idle(_) | Self::Total(_) | Self::Truncated => true,
        }
    }
}

impl From<TransportFailure> for ProviderError {
    fn from(failure: TransportFailure) -> Self {
        Self::Transport { sent: failure.is_sent(), source: Box::new(failure) }
    }
}
