//! The parts of the configuration that are about workers.

use std::time::Duration;

use serde::Deserialize;
use vdo_core::retry::RetryBudget;

use super::Config;

/// How often workers try jobs again, by why they failed; see [`RetryBudget`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetriesConfig {
    /// After a failure of a provider that passes.
    pub(crate) transient: Option<u32>,
    /// After a refused key or for want of money.
    pub(crate) fatal: Option<u32>,
    /// After checks, findings or replies that did not hold.
    pub(crate) verdict: Option<u32>,
    /// After a failure of the sandbox, the store or a delivery.
    pub(crate) infrastructure: Option<u32>,
    /// Seconds until the first of them; doubles each time.
    pub(crate) first_seconds: Option<u64>,
}

impl Config {
    /// Returns how often and how long apart workers try jobs again.
    #[must_use]
    pub(crate) fn retries(&self) -> RetryBudget {
        let (given, mut budget) = (&self.retries, RetryBudget::default());
        let mut tries = budget.tries;
        for (number, own) in [
            (&mut tries.transient, given.transient),
            (&mut tries.fatal, given.fatal),
            (&mut tries.verdict, given.verdict),
            (&mut tries.infrastructure, given.infrastructure),
        ] {
            *number = own.unwrap_or(*number);
        }
        budget = budget.with_tries(tries);
        match given.first_seconds {
            Some(seconds) => budget.with_first(Duration::from_secs(seconds)),
            None => budget,
        }
    }
}
