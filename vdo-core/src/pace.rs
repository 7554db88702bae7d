//! How many calls a provider's key takes at once and per minute, over all workers of a store.
//!
//! Pure. A store counts in the transaction that announces a call; nothing has to be given back: a call counts as under way while it is
//! announced, not ended, and the lease it was announced under is alive. So a worker that dies holds its places until its lease runs
//! out and no longer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The time that [`Pace::per_minute`] is about.
pub const MINUTE: Duration = Duration::from_secs(60);
/// When to look again for a place that somebody else's call has.
const AGAIN: Duration = Duration::from_millis(200);

/// The limits of one provider's key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// How many calls may be under way at once; none: any number.
    pub max_concurrent: Option<u32>,
    /// How many calls may be sent in any sixty seconds; none: any number.
    pub per_minute: Option<u32>,
}

/// The calls of one provider that count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many are under way.
    pub under_way: u32,
    /// When those of the last minute were sent, in any order.
    pub recent: Vec<Timestamp>,
}

impl Traffic {
    /// Takes in a call that is sent.
    pub fn sent(&mut self, at: Timestamp) {
        self.under_way = self.under_way.saturating_add(1);
        self.recent.push(at);
    }

    /// Takes in a call that ended.
    pub fn ended(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }
}

impl Pace {
    /// Returns whether nothing is limited.
    #[must_use]
    pub fn is_free(&self) -> bool {
        *self == Self::default()
    }

    /// Returns when to look again, if there is no room for one more call now.
    #[must_use]
    pub fn wait(&self, traffic: &Traffic, now: Timestamp) -> Option<Timestamp> {
        let place = self.max_concurrent.is_some_and(|most| traffic.under_way >= most).then(|| now.after(AGAIN));
        let turn = self.per_minute.and_then(|most| {
            // A clock that jumped back must not keep anybody waiting for longer than a minute.
            let is_recent = |at: &Timestamp| now.since(*at) < MINUTE && at.since(now) < MINUTE;
            let mut recent: Vec<Timestamp> = traffic.recent.iter().copied().filter(is_recent).collect();
            recent.sort_unstable_by_key(|at| std::cmp::Reverse(*at));
            let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
            // The call that has to be a minute old first: as many are newer as fill the minute with one more.
            recent.get(most - 1).map(|oldest| oldest.after(MINUTE).max(now.after(Duration::from_millis(1))))
        });
        place.max(turn)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_is_looked_for_again_soon_and_a_turn_when_it_comes() {
        let now = Timestamp(1_000_000);
        let traffic = |under_way, ages: &[i64]| Traffic {
            under_way,
            recent: ages.iter().map(|age| Timestamp(now.0 - age * 1000)).collect(),
        };
        let pace = Pace { max_concurrent: Some(2), per_minute: Some(3) };
        assert_eq!(pace.wait(&traffic(1, &[50, 10]), now), None);
        assert_eq!(pace.wait(&traffic(2, &[50, 10]), now), Some(Timestamp(1_000_200)));
        assert_eq!(pace.wait(&traffic(1, &[50, 10, 1]), now), Some(Timestamp(1_010_000)));
        assert_eq!(pace.wait(&traffic(1, &[61, 10, 1]), now), None);
        assert_eq!(Pace::default().wait(&traffic(900, &[1; 900]), now), None);
    }

    proptest! {
        #[test]
        fn no_minute_has_more_calls_than_allowed(most in 1u32..5, gaps in proptest::collection::vec(0i64..40_000, 1..40)) {
            let pace = Pace { max_concurrent: None, per_minute: Some(most) };
            let (mut traffic, mut now) = (Traffic::default(), Timestamp(0));
            for gap in gaps {
                now = Timestamp(now.0 + gap);
                while let Some(at) = pace.wait(&traffic, now) {
                    prop_assert!(at > now);
                    now = at;
                }
                traffic.sent(now);
                let within = traffic.recent.iter().filter(|at| now.since(**at) < MINUTE).count();
                prop_assert!(within <= most as usize);
            }
        }
    }
}
