//! Who can be asked, and the record of why one of them was.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::FailureKind;
use crate::time::Timestamp;

/// A provider and one of its models, written `provider:model`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Candidate {
    /// The name the provider is configured under.
    pub provider: String,
    /// The provider's name of the model.
    pub model: String,
}

/// A text is not `provider:model`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no route: expected provider:model, such as claude:claude-opus-5-5")]
pub struct ParseCandidateError(String);

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.provider, self.model)
    }
}

impl FromStr for Candidate {
    type Err = ParseCandidateError;

    fn from_str(text: &str) -> Result<Self, ParseCandidateError> {
        match text.split_once(':') {
            Some((provider, model)) if !provider.trim().is_empty() && !model.trim().is_empty() => {
                Ok(Self { provider: provider.trim().to_owned(), model: model.trim().to_owned() })
            }
            _ => Err(ParseCandidateError(text.chars().take(80).collect())),
        }
    }
}

impl TryFrom<String> for Candidate {
    type Error = ParseCandidateError;

    fn try_from(text: String) -> Result<Self, ParseCandidateError> {
        text.parse()
    }
}

impl From<Candidate> for String {
    fn from(candidate: Candidate) -> Self {
        candidate.to_string()
    }
}

/// How one of several candidates is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The first that can be asked, in the order they are named.
    #[default]
    Ordered,
    /// The one whose call costs least at worst; those of unknown price last.
    Cheapest,
    /// The one that answered fastest of late; those never asked first, so that they get a chance.
    Fastest,
    /// By lot, the earlier ones more often: each has half the chance of the one before it.
    Weighted,
}

impl FromStr for Strategy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ordered" => Ok(Self::Ordered),
            "cheapest" => Ok(Self::Cheapest),
            "fastest" => Ok(Self::Fastest),
            "weighted" => Ok(Self::Weighted),
            other => Err(format!("{other:?} is no strategy: ordered, cheapest, fastest or weighted")),
        }
    }
}

/// Why a candidate is not asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rejection {
    /// No provider of that name is configured.
    NoProvider,
    /// It cannot call tools, and others can.
    NoTools,
    /// The request and the reply it leaves room for do not fit into its window.
    TooLong {
        /// The tokens needed, estimated.
        needed: u64,
        /// The window.
        window: u64,
    },
    /// Its price is not known, and a budget counts.
    Unpriced,
    /// A budget has no room for it.
    Budget {
        /// Which.
        scope: String,
    },
    /// A budget is so far used up that others are preferred.
    Rerouted {
        /// Which.
        scope: String,
    },
    /// It failed too often of late.
    Broken {
        /// When it is tried again.
        until: Timestamp,
    },
    /// Its provider asked for a pause.
    Resting {
        /// Until when.
        until: Timestamp,
    },
    /// Its provider has no money or refuses the key.
    Blocked {
        /// When it is tried again.
        until: Timestamp,
    },
    /// As many calls are made to its provider as the configuration allows.
    Paced {
        /// When to look again.
        until: Timestamp,
    },
    /// What it still allows is used up.
    NoHeadroom {
        /// When there is some again.
        until: Timestamp,
    },
    /// It failed in this step already, in a way that asking again does not help.
    Failed {
        /// How.
        kind: FailureKind,
    },
}

impl Rejection {
    /// Returns when the reason passes by itself, if it does.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Broken { until }
            | Self::Resting { until }
            | Self::Blocked { until }
            | Self::Paced { until }
            | Self::NoHeadroom { until } => Some(*until),
            Self::NoProvider
            | Self::NoTools
            | Self::TooLong { .. }
            | Self::Unpriced
            | Self::Budget { .. }
            | Self::Rerouted { .. }
            | Self::Failed { .. } => None,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProvider => f.write_str("no such provider is configured"),
            Self::NoTools => f.write_str("it cannot call tools"),
            Self::TooLong { needed, window } => {
                write!(f, "about {needed} tokens do not fit into its window of {window}")
            }
            Self::Unpriced => f.write_str("its price is not known, and a budget counts"),
            Self::Budget { scope } => write!(f, "the budget of {scope} has no room for it"),
            Self::Rerouted { scope } => write!(f, "the budget of {scope} is nearly used up"),
            Self::Broken { .. } => f.write_str("it failed too often of late"),
            Self::Resting { .. } => f.write_str("it asked for a pause"),
            Self::Blocked { .. } => f.write_str("its provider wants money or refuses the key"),
            Self::Paced { .. } => f.write_str("as many calls are made to it as are allowed"),
            Self::NoHeadroom { .. } => f.write_str("what it allows for now is used up"),
            Self::Failed { kind } => write!(f, "it failed in this step already ({kind:?})"),
        }
    }
}

/// A candidate that was passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// Who.
    pub candidate: Candidate,
    /// Why.
    #[serde(flatten)]
    pub why: Rejection,
}

/// Why a candidate was asked: kept with the call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Decision {
    /// How it was chosen among those that could be asked.
    pub strategy: Strategy,
    /// Whether it answered the conversation so far and was kept for that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
    /// Whether the call also finds out if the candidate works again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
    /// Who else could have been asked, in order; the first four.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Candidate>,
    /// Who could not, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<Rejected>,
}
