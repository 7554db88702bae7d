//! What to do after a failed call.

use std::time::Duration;

use crate::failure::{Advice, Failure};

/// What to do after a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ask the same candidate again after a wait.
    Again(Duration),
    /// Ask another.
    Other,
    /// Give up.
    Stop,
}

/// How often and how long apart a candidate is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often, after a failure that may pass.
    pub retries: u32,
    /// The first wait; doubles each time.
    pub first: Duration,
    /// The longest wait of one's own accord.
    pub longest: Duration,
    /// The longest wait that a provider may ask for before another is tried instead.
    pub patience: Duration,
}

impl Default for RetryPolicy {
    /// Twice, after half a second and then a second; at most 8 seconds, and at most a minute on request.
    fn default() -> Self {
        Self {
            retries: 2,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(8),
            patience: Duration::from_secs(60),
        }
    }
}

/// Decides what to do after `failure`, the `tries`-th of this candidate in this step (from 1), with `left` until the deadline.
///
/// `lot` is any number; the jitter is drawn with it. A wait is never shorter than the one asked for: jitter is added, up to a
/// quarter of the wait. A reply that had begun is not asked of somebody else: a part of it may have been seen.
#[must_use]
pub fn next(failure: &Failure, tries: u32, policy: &RetryPolicy, left: Duration, lot: u64) -> Next {
    let asked = match failure.advice {
        Advice::Never => return Next::Stop,
        Advice::RetryOther if failure.began => return Next::Stop,
        Advice::RetryOther => return Next::Other,
        Advice::RetrySame { after_ms } => after_ms.map(Duration::from_millis),
    };
    let other = if failure.began { Next::Stop } else { Next::Other };
    if tries > policy.retries || asked.is_some_and(|asked| asked > policy.patience) {
        return other;
    }
    let doubled = policy.first.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(policy.longest);
    let floor = asked.map_or(doubled, |asked| asked.max(doubled));
    let jitter = floor.as_micros().saturating_mul(u128::from(lot % 1024)) / 4096;
    let wait = floor.saturating_add(Duration::from_micros(u64::try_from(jitter).unwrap_or(0)));
    if wait > left { other } else { Next::Again(wait) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureKind;

    const LONG: Duration = Duration::from_secs(600);

    fn failure(advice: Advice) -> Failure {
        Failure::new(FailureKind::RateLimited, "").with_advice(advice)
    }

    #[test]
    fn waits_are_never_shorter_than_asked_for_and_longer_by_a_quarter_at_most() {
        let policy = RetryPolicy { retries: 5, ..RetryPolicy::default() };
        for (asked, tries, floor) in
            [(None, 1, 500), (None, 3, 2000), (Some(50), 1, 500), (Some(3000), 1, 3000), (Some(3000), 4, 4000)]
        {
            let failure = failure(Advice::RetrySame { after_ms: asked });
            let waits: Vec<Duration> = (0..2048)
                .map(|lot| match next(&failure, tries, &policy, LONG, lot) {
                    Next::Again(wait) => wait,
                    other => panic!("{other:?}"),
                })
                .collect();
            let floor = Duration::from_millis(floor);
            assert_eq!(waits.iter().min(), Some(&floor));
            assert!(waits.iter().all(|wait| *wait <= floor * 5 / 4) && waits.iter().max() > Some(&(floor * 6 / 5)));
        }
    }

    #[test]
    fn another_is_asked_when_it_failed_too_often_or_would_take_too_long() {
        let policy = RetryPolicy::default();
        let soon = failure(Advice::RetrySame { after_ms: Some(50) });
        assert_eq!(next(&soon, 3, &policy, LONG, 0), Next::Other);
        assert_eq!(next(&failure(Advice::RetrySame { after_ms: Some(60_001) }), 1, &policy, LONG, 0), Next::Other);
        assert_eq!(next(&soon, 1, &policy, Duration::from_millis(499), 0), Next::Other);
        assert_eq!(next(&failure(Advice::RetryOther), 1, &policy, LONG, 0), Next::Other);
        assert_eq!(next(&failure(Advice::Never), 1, &policy, LONG, 0), Next::Stop);
    }

    #[test]
    fn a_reply_that_had_begun_is_asked_for_again_and_never_of_somebody_else() {
        let policy = RetryPolicy::default();
        let began = |advice| Failure { began: true, ..failure(advice) };
        assert!(matches!(next(&began(Advice::RetrySame { after_ms: None }), 1, &policy, LONG, 0), Next::Again(_)));
        assert_eq!(next(&began(Advice::RetrySame { after_ms: None }), 3, &policy, LONG, 0), Next::Stop);
        assert_eq!(next(&began(Advice::RetryOther), 1, &policy, LONG, 0), Next::Stop);
    }
}
