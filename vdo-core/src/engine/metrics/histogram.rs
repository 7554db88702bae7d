//! Durations counted by how long they are.
//!
//! Pure. Invariant: the counts add up to the number of durations that were added.

use std::time::Duration;

/// Up to how many milliseconds a duration counts in a bucket: from a local step to a run of an hour.
pub(super) const BOUNDS: [u64; 15] =
    [10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 900_000, 3_600_000];

/// Durations by length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How many fall between a bound and the one before it; what is above the last counts at the end.
    counts: [u64; BOUNDS.len() + 1],
    sum_ms: u64,
}

impl Histogram {
    /// Adds a duration.
    pub fn add(&mut self, took: Duration) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let at = BOUNDS.iter().position(|bound| ms <= *bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        self.sum_ms = self.sum_ms.saturating_add(ms);
    }

    /// Returns how many durations were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns all durations together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_millis(self.sum_ms)
    }

    /// Returns how many durations are no longer than each bound, in milliseconds; none is the bound above all others.
    pub fn up_to(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = BOUNDS.iter().map(|bound| Some(*bound)).chain([None]);
        bounds.zip(self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        }))
    }
}
