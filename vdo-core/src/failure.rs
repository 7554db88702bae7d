//! What the journal, events and people are told of a failure: plain data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Phase;
use crate::usage::Usage;

/// The kind of a failure. A kind is a decision somebody can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The provider asked to be called less often.
    RateLimited,
    /// The provider has more to do than it can.
    Overloaded,
    /// The provider failed on its side.
    ProviderFault,
    /// No complete answer arrived: connection, TLS, time-out, a cut stream.
    Transport,
    /// The key is missing, wrong or lacks a permission.
    KeyRefused,
    /// Credit or a limit on the provider's side is used up.
    ProviderMoney,
    /// The request is larger than the model's window.
    ContextTooLong,
    /// The provider refused the request as malformed, or does not know the model.
    BadRequest,
    /// The answer was not what the protocol promises (an HTML page, broken JSON).
    BadAnswer,
    /// The model declined, or a filter stopped it.
    Refused,
    /// The reply could not be used after all allowed attempts: no plan, no edit that fits.
    UnusableReply,
    /// A model went round in circles: the same call again and again, or looking without ever changing anything.
    Stalled,
    /// The checks still fail after all allowed repairs.
    ChecksFailed,
    /// The critic's findings still stand after all allowed repairs.
    FindingsOpen,
    /// The parents of a merge job do not come together by themselves, and its policy wants that.
    Conflict,
    /// The budget does not cover the next call, or its price is unknown.
    Budget,
    /// A limit on steps, attempts or time was reached.
    LimitReached,
    /// The sandbox could not be used.
    Sandbox,
    /// The store failed.
    Store,
    /// The target of a delivery failed.
    Delivery,
    /// Configuration: no route, an unknown provider.
    Configuration,
    /// Somebody asked for it to stop.
    Cancelled,
    /// A fault of VDO itself.
    Internal,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// The same request may succeed, after this many milliseconds if given.
    RetrySame {
        /// The wait the other side asked for.
        after_ms: Option<u64>,
    },
    /// Another provider or model may succeed.
    RetryOther,
    /// Nothing automatic helps.
    Never,
}

/// A failure as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The kind.
    pub kind: FailureKind,
    /// What to do.
    pub advice: Advice,
    /// Where in the run it happened, if in one.
    pub phase: Option<Phase>,
    /// Tokens that were billed before it failed, if the provider said so.
    pub usage: Option<Usage>,
    /// For a transport failure: whether the request had already been sent, so that it may have been billed.
    pub sent: bool,
    /// Whether the reply had begun to arrive, so that somebody may have seen a part of it.
    #[serde(default)]
    pub began: bool,
    /// One or a few sentences for people: what was wrong, where, and what to do.
    pub message: String,
}

impl Failure {
    /// Returns a failure that nothing automatic helps.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            advice: Advice::Never,
            phase: None,
            usage: None,
            sent: false,
            began: false,
            message: message.into(),
        }
    }

    /// Sets the advice.
    #[must_use]
    pub fn with_advice(mut self, advice: Advice) -> Self {
        self.advice = advice;
        self
    }

    /// Sets the phase.
    #[must_use]
    pub fn with_phase(mut self, phase: Phase) -> Self {
        self.phase = Some(phase);
        self
    }
}

/// Returns an error with its causes, as one line. A cause that the text before it repeats is left out.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
