//! Whether a run that ended without a result is tried again, and when: each class of failure has a budget of its own.
//!
//! Pure. This is about whole runs; the calls within one are [`crate::route::next`]'s. A run that is tried again replays its
//! journal, so that nothing that was answered is paid again.

use std::time::Duration;

use crate::failure::{Advice, Failure, FailureKind};
use crate::time::Timestamp;
use crate::tries::{RetryClass, Tries};

/// How many workers may die under a job, one after the other, until it is put aside for a person.
pub const POISON: u32 = 3;

/// How often and how long apart runs are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryBudget {
    /// How often in each class. Default: 5 transient, 3 infrastructure; the others are a person's affair, as nothing changes
    /// by itself and a journal that is replayed gives the same verdict.
    pub tries: Tries,
    /// The first wait; doubles each time. Default: 15 seconds.
    pub first: Duration,
    /// The longest wait of one's own accord. Default: 15 minutes.
    pub longest: Duration,
    /// The longest wait that is kept when the other side asked for it. Default: a day.
    pub patience: Duration,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            tries: Tries { transient: 5, infrastructure: 3, ..Tries::default() },
            first: Duration::from_secs(15),
            longest: Duration::from_secs(15 * 60),
            patience: Duration::from_secs(24 * 3600),
        }
    }
}

impl RetryBudget {
    /// Sets how often runs are tried again in each class.
    #[must_use]
    pub fn with_tries(mut self, tries: Tries) -> Self {
        self.tries = tries;
        self
    }

    /// Sets the first wait.
    #[must_use]
    pub fn with_first(mut self, first: Duration) -> Self {
        self.first = first;
        self
    }
}

/// What follows from how a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It is tried again.
    Again {
        /// The class that this counts in.
        class: RetryClass,
        /// Not before this.
        not_before: Timestamp,
    },
    /// It stays as it ended.
    Stays,
}

/// Returns the class of a failure; none where trying again is no remedy for anybody: what a person or a limit decided.
#[must_use]
pub fn class(kind: FailureKind) -> Option<RetryClass> {
    match kind {
        FailureKind::RateLimited
        | FailureKind::Overloaded
        | FailureKind::ProviderFault
        | FailureKind::Transport
        | FailureKind::BadAnswer => Some(RetryClass::Transient),
        FailureKind::KeyRefused | FailureKind::ProviderMoney => Some(RetryClass::Fatal),
        FailureKind::ContextTooLong
        | FailureKind::BadRequest
        | FailureKind::Refused
        | FailureKind::UnusableReply
        | FailureKind::Stalled
        | FailureKind::ChecksFailed
        | FailureKind::FindingsOpen => Some(RetryClass::Verdict),
        FailureKind::Sandbox | FailureKind::Store | FailureKind::Delivery => Some(RetryClass::Infrastructure),
        FailureKind::Conflict
        | FailureKind::Budget
        | FailureKind::LimitReached
        | FailureKind::Configuration
        | FailureKind::Cancelled
        | FailureKind::Internal => None,
    }
}

/// Decides what follows from `failure`, with which a run ended at `now` after `tries` tries.
///
/// A wait that was asked for is kept, and one that is longer than the patience ends it. `lot` is any number; up to a quarter
/// of the wait is added by it, so that jobs that failed together do not all come back together.
#[must_use]
pub fn after(failure: &Failure, tries: &Tries, budget: &RetryBudget, now: Timestamp, lot: u64) -> After {
    let Some(class) = class(failure.kind) else { return After::Stays };
    let made = tries.of(class);
    if made >= budget.tries.of(class) {
        return After::Stays;
    }
    let asked = match failure.advice {
        Advice::RetrySame { after_ms } => after_ms.map(Duration::from_millis),
        Advice::RetryOther | Advice::Never => None,
    };
    if asked.is_some_and(|asked| asked > budget.patience) {
        return After::Stays;
    }
    let doubled = budget.first.saturating_mul(1 << made.min(16)).min(budget.longest);
    let floor = asked.map_or(doubled, |asked| asked.max(doubled));
    let jitter = floor.as_millis().saturating_mul(u128::from(lot % 1024)) / 4096;
    let wait = floor.saturating_add(Duration::from_millis(u64::try_from(jitter).unwrap_or(0)));
    After::Again { class, not_before: now.after(wait) }
}

/// Says why a job is put aside after its workers died, if it is.
#[must_use]
pub fn poisoned(crashes: u32) -> Option<String> {
    (crashes >= POISON).then(|| {
        format!(
            "{crashes} workers died or stood still while they ran it, one after the other; it is put aside. See what it does \
             to its worker, then run it by hand"
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failed(kind: FailureKind, after_ms: Option<u64>) -> Failure {
        Failure::new(kind, "").with_advice(Advice::RetrySame { after_ms })
    }

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn each_class_has_its_own_budget() {
        let budget = RetryBudget::default().with_tries(Tries { transient: 2, fatal: 1, verdict: 0, infrastructure: 1 });
        let used = Tries { transient: 2, ..Tries::default() };
        assert_eq!(after(&failed(FailureKind::Overloaded, None), &used, &budget, NOW, 0), After::Stays);
        for (kind, class) in
            [(FailureKind::KeyRefused, RetryClass::Fatal), (FailureKind::Sandbox, RetryClass::Infrastructure)]
        {
            let not_before = NOW.after(Duration::from_secs(15));
            assert_eq!(after(&failed(kind, None), &used, &budget, NOW, 0), After::Again { class, not_before });
        }
        assert_eq!(after(&failed(FailureKind::ChecksFailed, None), &used, &budget, NOW, 0), After::Stays);
        for kind in [FailureKind::Budget, FailureKind::Cancelled, FailureKind::Conflict, FailureKind::LimitReached] {
            assert_eq!(class(kind), None, "{kind:?}");
        }
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept_and_one_beyond_patience_ends_it() {
        let budget = RetryBudget::default();
        let again =
            |after_ms, tries: &Tries| after(&failed(FailureKind::RateLimited, after_ms), tries, &budget, NOW, 0);
        let at = |seconds| After::Again {
            class: RetryClass::Transient,
            not_before: NOW.after(Duration::from_secs(seconds)),
        };
        assert_eq!(again(None, &Tries::default()), at(15));
        assert_eq!(again(Some(1000), &Tries::default()), at(15));
        assert_eq!(again(Some(40_000), &Tries::default()), at(40));
        assert_eq!(again(None, &Tries { transient: 3, ..Tries::default() }), at(120));
        assert_eq!(again(Some(86_400_001), &Tries::default()), After::Stays);
    }

    proptest! {
        #[test]
        fn a_job_is_never_tried_more_often_than_its_budget_and_never_too_early(
            transient in 0u32..9, first in 1u64..600, asked in proptest::option::of(0u64..4_000_000), lot: u64,
        ) {
            let budget = RetryBudget::default()
                .with_tries(Tries { transient, ..Tries::default() })
                .with_first(Duration::from_secs(first));
            let (mut tries, mut now) = (Tries::default(), NOW);
            let failure = failed(FailureKind::Transport, asked);
            while let After::Again { class, not_before } = after(&failure, &tries, &budget, now, lot) {
                prop_assert_eq!(class, RetryClass::Transient);
                prop_assert!(not_before.since(now) >= Duration::from_millis(asked.unwrap_or(0)));
                prop_assert!(not_before.since(now) >= budget.first.min(budget.longest));
                tries = tries.and_one(class);
                now = not_before;
            }
            prop_assert_eq!(tries, Tries { transient, ..Tries::default() });
        }
    }
}
