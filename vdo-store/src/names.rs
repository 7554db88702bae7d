//! The numbers and words that stand for values of the core in the tables.
//!
//! Pure. Invariant: a number or word that was ever written keeps its meaning.

use serde::Serialize;
use serde::de::DeserializeOwned;
use vdo_core::content::Mode;
use vdo_core::job::{Cause, JobStatus, Stamp};
use vdo_core::port::{CallState, Outcome, StepState};
use vdo_core::usage::ServiceTier;

/// Returns the number of a file mode.
pub(crate) fn mode_number(mode: Mode) -> i64 {
    match mode {
        Mode::File => 0,
        Mode::Executable => 1,
        Mode::Symlink => 2,
        Mode::Submodule => 3,
    }
}

/// Returns the file mode with this number.
pub(crate) fn mode(number: i64) -> Option<Mode> {
    [Mode::File, Mode::Executable, Mode::Symlink, Mode::Submodule].into_iter().find(|mode| mode_number(*mode) == number)
}

/// Returns the number of a step's state; later states are greater.
pub(crate) fn step_number(state: StepState) -> i64 {
    match state {
        StepState::Intent => 0,
        StepState::Answered => 1,
        StepState::Applied => 2,
    }
}

/// Returns the step's state with this number.
pub(crate) fn step_state(number: i64) -> Option<StepState> {
    StepState::ALL.into_iter().find(|state| step_number(*state) == number)
}

/// Returns the number of a call's state.
pub(crate) fn call_number(state: CallState) -> i64 {
    match state {
        CallState::Sent => 0,
        CallState::Answered => 1,
        CallState::Failed => 2,
        CallState::PossiblyBilled => 3,
        CallState::Reconciled => 4,
    }
}

/// Returns the call's state with this number.
pub(crate) fn call_state(number: i64) -> Option<CallState> {
    CallState::ALL.into_iter().find(|state| call_number(*state) == number)
}

/// Returns the number of a tier.
pub(crate) fn tier_number(tier: ServiceTier) -> i64 {
    match tier {
        ServiceTier::Standard => 0,
        ServiceTier::Flex => 1,
        ServiceTier::Batch => 2,
        ServiceTier::Priority => 3,
        ServiceTier::Fast => 4,
    }
}

/// Returns the tier with this number.
pub(crate) fn tier(number: i64) -> Option<ServiceTier> {
    use ServiceTier::{Batch, Fast, Flex, Priority, Standard};
    [Standard, Flex, Batch, Priority, Fast].into_iter().find(|tier| tier_number(*tier) == number)
}

/// Returns the number of an outcome.
pub(crate) fn outcome_number(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Accepted => 0,
        Outcome::Repaired => 1,
        Outcome::Refused => 2,
    }
}

/// Returns the outcome with this number.
pub(crate) fn outcome(number: i64) -> Option<Outcome> {
    Outcome::ALL.into_iter().find(|outcome| outcome_number(*outcome) == number)
}

const STAMPS: [Stamp; 4] = [Stamp::Unverified, Stamp::SelfReviewed, Stamp::LowerTier, Stamp::Approved];

fn stamp_bit(stamp: Stamp) -> i64 {
    match stamp {
        Stamp::Unverified => 1,
        Stamp::SelfReviewed => 2,
        Stamp::LowerTier => 4,
        Stamp::Approved => 8,
    }
}

/// Returns the bits of some stamps.
pub(crate) fn stamp_bits(stamps: &[Stamp]) -> i64 {
    stamps.iter().fold(0, |bits, stamp| bits | stamp_bit(*stamp))
}

/// Returns the stamps with these bits.
pub(crate) fn stamps(bits: i64) -> Vec<Stamp> {
    STAMPS.into_iter().filter(|stamp| bits & stamp_bit(*stamp) != 0).collect()
}

/// Returns the status with this name.
pub(crate) fn status(name: &str) -> Option<JobStatus> {
    JobStatus::ALL.into_iter().find(|status| status.as_str() == name)
}

/// Returns the cause with this name.
pub(crate) fn cause(name: &str) -> Option<Cause> {
    Cause::ALL.into_iter().find(|cause| cause.as_str() == name)
}

/// Returns the word that JSON has for a value without fields.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

/// Returns the value that JSON has this word for.
pub(crate) fn from_word<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

/// The largest token count that is kept; sums of a thousand such still fit into a database integer.
const MOST_TOKENS: u64 = 1 << 53;

/// Returns a token count as the database keeps it.
pub(crate) fn tokens(count: u64) -> i64 {
    i64::try_from(count.min(MOST_TOKENS)).unwrap_or(i64::MAX)
}

/// Returns a number as the database keeps it.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Returns a number that the database kept.
pub(crate) fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
