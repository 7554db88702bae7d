//! How often a job was tried again, and how its workers fared with it: what a store keeps of that.
//!
//! Plain data. What follows from it is for [`crate::retry`] to say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Why a run ended without a result, as far as trying again is concerned. Each class has a budget of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryClass {
    /// A provider failed in a way that passes: too much to do, a cut connection.
    Transient,
    /// A provider failed in a way that lasts until somebody does something: a refused key, no money.
    Fatal,
    /// The work itself did not hold: checks, findings, replies of no use.
    Verdict,
    /// What the run stands on failed: the sandbox, the store, the target of a delivery.
    Infrastructure,
}

impl RetryClass {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Transient, Self::Fatal, Self::Verdict, Self::Infrastructure];

    /// Returns the name used in JSON and by people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Fatal => "fatal",
            Self::Verdict => "verdict",
            Self::Infrastructure => "infrastructure",
        }
    }
}

/// A number for each class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Tries {
    /// For [`RetryClass::Transient`].
    pub transient: u32,
    /// For [`RetryClass::Fatal`].
    pub fatal: u32,
    /// For [`RetryClass::Verdict`].
    pub verdict: u32,
    /// For [`RetryClass::Infrastructure`].
    pub infrastructure: u32,
}

impl Tries {
    /// Returns the number of a class.
    #[must_use]
    pub fn of(&self, class: RetryClass) -> u32 {
        match class {
            RetryClass::Transient => self.transient,
            RetryClass::Fatal => self.fatal,
            RetryClass::Verdict => self.verdict,
            RetryClass::Infrastructure => self.infrastructure,
        }
    }

    /// Returns the numbers with one more in a class.
    #[must_use]
    pub fn and_one(mut self, class: RetryClass) -> Self {
        let number = match class {
            RetryClass::Transient => &mut self.transient,
            RetryClass::Fatal => &mut self.fatal,
            RetryClass::Verdict => &mut self.verdict,
            RetryClass::Infrastructure => &mut self.infrastructure,
        };
        *number = number.saturating_add(1);
        self
    }
}

/// What a store keeps of a job's tries since its last orderly end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Retries {
    /// How often it was put back to be tried again, by class.
    pub tries: Tries,
    /// How often a lease on it ran out and was taken over: a worker that died under it, or stood still for too long.
    pub crashes: u32,
    /// Queued: it is not to be run before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

/// What a write does to a job's [`Retries`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryChange {
    /// The run came to an end that holds: everything begins anew with the next one.
    Ended,
    /// The run is tried again: counts one try of the class and ends the count of crashes.
    Again {
        /// The class.
        class: RetryClass,
        /// Not before this.
        not_before: Timestamp,
    },
}

impl Retries {
    /// Returns what a change makes of it.
    #[must_use]
    pub fn after(self, change: RetryChange) -> Self {
        match change {
            RetryChange::Ended => Self::default(),
            RetryChange::Again { class, not_before } => {
                Self { tries: self.tries.and_one(class), crashes: 0, not_before: Some(not_before) }
            }
        }
    }

    /// Returns what taking over a lease that ran out makes of it.
    #[must_use]
    pub fn crashed(self) -> Self {
        Self { crashes: self.crashes.saturating_add(1), ..self }
    }
}
