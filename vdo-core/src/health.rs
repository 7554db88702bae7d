//! How a provider and each of its models have been doing: what happened of late, and whether they are to be asked.
//!
//! Pure: a [`Health`] is a fold over what was seen of calls. Stores keep one per model and one per provider (its key) and
//! move it in the transaction that writes the call, so that all workers share it.
//!
//! Invariants: one failure more never makes a model look better; of a model that is being tried again, at most one call is
//! under way until it ends or its time is up.

mod breaker;
mod figures;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::FailureKind;
use crate::message::RateLimits;
use crate::time::Timestamp;

pub use breaker::{Breaker, Gate, PROBE_TIME};
pub use figures::Figures;

/// How many calls are remembered one by one.
const RECENT: usize = 64;
/// How long a provider that has no money or refuses the key is left alone at first; doubles each time.
const BLOCK: Duration = Duration::from_secs(60);
/// The longest that it is left alone.
const MOST_BLOCK: Duration = Duration::from_secs(3600);
/// The longest pause that a provider is given on its word.
const MOST_REST: Duration = Duration::from_secs(24 * 3600);
/// The most that is kept of an error's message, in characters.
const MESSAGE: usize = 300;

/// One call of those remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// Whether it was answered.
    #[serde(rename = "ok")]
    pub answered: bool,
    /// How long it took, in milliseconds.
    #[serde(rename = "ms")]
    pub duration_ms: u32,
    /// How long the first output took, if that was seen.
    #[serde(rename = "first", default, skip_serializing_if = "Option::is_none")]
    pub first_ms: Option<u32>,
    /// The output tokens.
    #[serde(rename = "out", default, skip_serializing_if = "is_zero")]
    pub output: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The last error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastError {
    /// When.
    pub at: Timestamp,
    /// What kind.
    pub kind: FailureKind,
    /// What was said, shortened.
    pub message: String,
}

/// How a model, or a provider as a whole, has been doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Health {
    /// Calls that ended.
    pub calls: u64,
    /// Those that were answered.
    pub answered: u64,
    /// The others, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<FailureKind, u64>,
    /// The newest calls, the oldest first.
    pub recent: VecDeque<Sample>,
    /// How long calls take, in microseconds: a moving average in which the newest has the weight of an eighth.
    pub average_us: u64,
    /// When it was seen last.
    pub seen: Option<Timestamp>,
    /// The last error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// Whether calls go through.
    pub breaker: Breaker,
    /// Until when it asked not to be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rests_until: Option<Timestamp>,
    /// Until when it is not called because it has no money or refuses the key, and how often in a row it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<(Timestamp, u32)>,
    /// What it still allowed, when it said so last.
    #[serde(skip_serializing_if = "RateLimits::is_default")]
    pub limits: RateLimits,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits_at: Option<Timestamp>,
}

/// Who: a provider, and one of its models or none for the provider as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// The provider.
    pub provider: String,
    /// The model; none for what concerns the provider's key.
    pub model: Option<String>,
}

/// What was seen of one call or probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A call was sent that finds out whether it works again.
    Trial,
    /// A call was answered.
    Answered {
        /// The figures.
        sample: Sample,
        /// What is still allowed.
        limits: RateLimits,
    },
    /// A call failed.
    Failed {
        /// How.
        kind: FailureKind,
        /// The pause asked for, in milliseconds.
        after_ms: Option<u64>,
        /// What was said.
        message: String,
        /// How long it took, in milliseconds.
        duration_ms: u32,
    },
    /// A call was taken back before it was sent, or nobody knows how it ended.
    Unknown,
    /// A probe without cost was answered: the provider is there and takes the key.
    Reached,
}

/// Whether a failure speaks of the provider as a whole: its key or its money.
#[must_use]
pub fn concerns_key(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::KeyRefused | FailureKind::ProviderMoney)
}

/// Whether a failure says that the model is not well.
fn is_illness(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Overloaded
            | FailureKind::ProviderFault
            | FailureKind::Transport
            | FailureKind::BadAnswer
            | FailureKind::RateLimited
    )
}

impl Health {
    /// Takes in what was seen.
    pub fn see(&mut self, seen: &Seen) {
        self.seen = Some(self.seen.map_or(seen.at, |known| known.max(seen.at)));
        match &seen.what {
            What::Trial => self.breaker.try_again(seen.at),
            What::Answered { sample, limits } => {
                self.count(*sample);
                self.answered = self.answered.saturating_add(1);
                self.breaker.well();
                (self.rests_until, self.blocked) = (None, None);
                if !limits.is_default() {
                    (self.limits, self.limits_at) = (*limits, Some(seen.at));
                }
            }
            What::Failed { kind, after_ms, message, duration_ms } => {
                let sample = Sample { answered: false, duration_ms: *duration_ms, first_ms: None, output: 0 };
                self.count(sample);
                let count = self.errors.entry(*kind).or_default();
                *count = count.saturating_add(1);
                let message = message.chars().take(MESSAGE).collect();
                self.last_error = Some(LastError { at: seen.at, kind: *kind, message });
                self.pause(*kind, *after_ms, seen.at);
            }
            What::Unknown => self.breaker.unknown(),
            What::Reached => {
                self.breaker.reached();
                if self.last_error.as_ref().is_some_and(|error| error.kind == FailureKind::KeyRefused) {
                    self.blocked = None;
                }
            }
        }
    }

    fn count(&mut self, sample: Sample) {
        self.calls = self.calls.saturating_add(1);
        if sample.answered {
            let took = u64::from(sample.duration_ms).saturating_mul(1000);
            self.average_us = if self.average_us == 0 { took } else { (self.average_us * 7).saturating_add(took) / 8 };
        }
        while self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(sample);
    }

    fn pause(&mut self, kind: FailureKind, after_ms: Option<u64>, at: Timestamp) {
        if concerns_key(kind) {
            let times = self.blocked.map_or(0, |(_, times)| times);
            let wait = BLOCK.saturating_mul(1 << times.min(6)).min(MOST_BLOCK);
            self.blocked = Some((at.after(wait), times.saturating_add(1)));
            return;
        }
        if let Some(wait) = after_ms.map(Duration::from_millis) {
            let until = at.after(wait.min(MOST_REST));
            self.rests_until = Some(self.rests_until.map_or(until, |known| known.max(until)));
        }
        if is_illness(kind) {
            self.breaker.ill(at, self.recent.iter().rev().map(|sample| sample.answered));
        } else {
            // It answered, if only with a refusal: it is there.
            self.breaker.reached();
        }
    }

    /// Returns until when it asked not to be called, if that is still to come.
    #[must_use]
    pub fn rests(&self, now: Timestamp) -> Option<Timestamp> {
        // A clock that jumped back must not keep anybody away for longer than a pause can be.
        self.rests_until.filter(|until| *until > now && until.since(now) <= MOST_REST)
    }

    /// Returns until when it is not called for want of money or a key.
    #[must_use]
    pub fn blocked_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.blocked.map(|(until, _)| until).filter(|until| *until > now && until.since(now) <= MOST_BLOCK)
    }

    /// Returns when there is headroom again, if what was allowed last is known to be used up.
    #[must_use]
    pub fn out_of_headroom(&self, tokens: u64, now: Timestamp) -> Option<Timestamp> {
        let at = self.limits_at?;
        let used_up = |headroom: Option<crate::message::Headroom>, needed: u64| {
            let headroom = headroom?;
            let until = at.after(Duration::from_millis(headroom.reset_ms?));
            let cannot = headroom.remaining < needed.min(headroom.limit.unwrap_or(needed));
            (cannot && until > now && until.since(now) <= Duration::from_secs(60)).then_some(until)
        };
        [
            used_up(self.limits.requests, 1),
            used_up(self.limits.tokens, tokens),
            used_up(self.limits.input_tokens, tokens),
        ]
        .into_iter()
        .flatten()
        .max()
    }
}

#[cfg(test)]
mod tests;
