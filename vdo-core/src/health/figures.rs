//! What is read off a health: availability, latencies, speed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Health, Sample};

/// The figures of the newest calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// Of how many calls.
    pub calls: u64,
    /// The share that was answered, in thousandths; none without calls.
    pub availability: Option<u32>,
    /// The moving average of how long answers take, in milliseconds.
    pub average_ms: Option<u64>,
    /// The median of it.
    pub p50_ms: Option<u64>,
    /// What 95 of 100 do not exceed.
    pub p95_ms: Option<u64>,
    /// The median of how long the first output takes, where that is seen.
    pub first_p50_ms: Option<u64>,
    /// What 95 of 100 do not exceed.
    pub first_p95_ms: Option<u64>,
    /// Output tokens per second, of all answers together.
    pub tokens_per_second: Option<u64>,
}

/// Returns the value that `percent` of 100 do not exceed (nearest rank).
fn quantile(values: &mut [u32], percent: usize) -> Option<u64> {
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).map(|value| u64::from(*value))
}

impl Health {
    /// Returns the figures of the calls that are remembered.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let answered = || self.recent.iter().filter(|sample| sample.answered);
        let calls = self.recent.len();
        let mut took: Vec<u32> = answered().map(|sample| sample.duration_ms).collect();
        let mut first: Vec<u32> = answered().filter_map(|sample| sample.first_ms).collect();
        let sum = |of: fn(&Sample) -> u32| answered().map(|sample| u64::from(of(sample))).sum::<u64>();
        let (output, millis) = (sum(|sample| sample.output), sum(|sample| sample.duration_ms));
        Figures {
            calls: calls as u64,
            availability: (calls > 0).then(|| u32::try_from(took.len() * 1000 / calls).unwrap_or(0)),
            average_ms: (self.average_us > 0).then_some(self.average_us / 1000),
            p50_ms: quantile(&mut took, 50),
            p95_ms: quantile(&mut took, 95),
            first_p50_ms: quantile(&mut first, 50),
            first_p95_ms: quantile(&mut first, 95),
            tokens_per_second: (output > 0 && millis > 0).then(|| output * 1000 / millis),
        }
    }
}
