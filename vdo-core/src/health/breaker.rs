//! The circuit breaker of one model: closed, open after too many failures, and then tried with one call.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How many failures in a row open it.
const IN_A_ROW: u32 = 5;
/// Of how many newest calls the share of failures counts.
const WINDOW: usize = 20;
/// The fewest of them that say anything.
const FEWEST: usize = 10;
/// The share of failures among them that opens it, in percent.
const SHARE: usize = 60;
/// How long it stays open at first; doubles each time it opens again without having closed.
const OPEN: Duration = Duration::from_secs(5);
/// The longest it stays open.
const MOST: Duration = Duration::from_secs(300);
/// How long a trial may take before another is allowed: the runner that made it may have died.
pub const PROBE_TIME: Duration = Duration::from_secs(600);

/// Whether calls go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Breaker {
    /// They do.
    Closed {
        /// Failures in a row.
        failures: u32,
    },
    /// They do not, before a moment; from then on one may find out.
    Open {
        /// The moment.
        until: Timestamp,
        /// How often it opened in a row.
        times: u32,
    },
    /// One call is finding out.
    HalfOpen {
        /// When it is given up for lost.
        until: Timestamp,
        /// How often it opened in a row.
        times: u32,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// What a breaker says to somebody who wants to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Go on.
    Pass,
    /// Go on, as the one that finds out.
    Trial,
    /// Not before this.
    Wait(Timestamp),
}

impl Breaker {
    /// Says whether a call may be made.
    #[must_use]
    pub fn gate(&self, now: Timestamp) -> Gate {
        match *self {
            Self::Closed { .. } => Gate::Pass,
            // A clock that jumped back must not keep it open for longer than it can be.
            Self::Open { until, .. } if until > now && until.since(now) <= MOST => Gate::Wait(until),
            Self::HalfOpen { until, .. } if until > now && until.since(now) <= PROBE_TIME => Gate::Wait(until),
            Self::Open { .. } | Self::HalfOpen { .. } => Gate::Trial,
        }
    }

    /// Returns the name of the state: `closed`, `open` or `half_open`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }

    pub(super) fn try_again(&mut self, at: Timestamp) {
        if let Self::Open { times, .. } | Self::HalfOpen { times, .. } = *self {
            *self = Self::HalfOpen { until: at.after(PROBE_TIME), times };
        }
    }

    pub(super) fn well(&mut self) {
        *self = Self::default();
    }

    /// It answered, with a refusal: it is there, which ends a trial.
    pub(super) fn reached(&mut self) {
        match self {
            Self::Closed { .. } => {}
            Self::Open { .. } | Self::HalfOpen { .. } => *self = Self::default(),
        }
    }

    /// Nobody knows how the trial ended: another may be made at once.
    pub(super) fn unknown(&mut self) {
        if let Self::HalfOpen { times, .. } = *self {
            *self = Self::Open { until: Timestamp(0), times };
        }
    }

    /// A call failed; `newest` says of the newest calls, this one first, whether they were answered.
    pub(super) fn ill(&mut self, at: Timestamp, newest: impl Iterator<Item = bool>) {
        let (opened, failures) = match *self {
            Self::Closed { failures } => (0, failures.saturating_add(1)),
            Self::HalfOpen { times, .. } => (times, IN_A_ROW),
            // A call that was sent before it opened.
            Self::Open { .. } => return,
        };
        let newest: Vec<bool> = newest.take(WINDOW).collect();
        let failed = newest.iter().filter(|answered| !**answered).count();
        let too_many = newest.len() >= FEWEST && failed * 100 >= newest.len() * SHARE;
        *self = if failures >= IN_A_ROW || too_many {
            let wait = OPEN.saturating_mul(1 << opened.min(6)).min(MOST);
            Self::Open { until: at.after(wait), times: opened.saturating_add(1) }
        } else {
            Self::Closed { failures }
        };
    }
}
