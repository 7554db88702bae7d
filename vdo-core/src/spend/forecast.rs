//! Where spending goes if it goes on as it did: the pace, the end of the month, the day a limit is reached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::NanoUsd;
use crate::time::Timestamp;

/// Of how many whole days before today the pace is taken.
const DAYS: i64 = 14;
const DAY_MS: i64 = 86_400_000;
/// The fewest whole days whose spread says anything.
const FEWEST: i128 = 3;

/// Where spending goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    /// What was spent this month.
    pub spent: NanoUsd,
    /// The pace, per day.
    pub per_day: NanoUsd,
    /// The month's end at this pace.
    pub month_end: NanoUsd,
    /// The lower end of the range that holds it four times out of five, as far as the past days tell; never below `spent`.
    pub low: NanoUsd,
    /// The upper end.
    pub high: NanoUsd,
    /// When the limit is reached at this pace, if there is one and it will be.
    pub limit_reached: Option<Timestamp>,
}

/// Returns where the spending of some days goes; `days` holds the day's beginning (UTC) and what was spent, in any order.
///
/// The pace is the mean of the whole days since the first spending of the last 14 days, today excepted; on the first day it is
/// today's spending over the part of the day that has passed, at least an hour. The range is 1.28 standard deviations of the
/// days' spending, times the root of the days that remain; of fewer than three whole days, half to twice what is to come.
#[must_use]
pub fn forecast(days: &[(Timestamp, NanoUsd)], now: Timestamp, limit: Option<NanoUsd>) -> Forecast {
    let (today, month) = (now.day_start(), now.month_start());
    let amount = |(_, amount): &(Timestamp, NanoUsd)| i128::from(amount.0.max(0));
    let spent: i128 = days.iter().filter(|(day, _)| *day >= month && *day <= now).map(amount).sum();
    let oldest = Timestamp(today.0 - DAYS * DAY_MS);
    let past: Vec<&(Timestamp, NanoUsd)> = days.iter().filter(|(day, _)| *day >= oldest && *day < today).collect();
    let first = past.iter().filter(|day| day.1 > NanoUsd::ZERO).map(|day| day.0).min();
    let whole = first.map_or(0, |first| i128::from((today.0 - first.0) / DAY_MS));
    let per_day = if whole > 0 {
        past.iter().map(|day| amount(day)).sum::<i128>() / whole
    } else {
        let spent_today: i128 = days.iter().filter(|(day, _)| *day >= today && *day <= now).map(amount).sum();
        spent_today * i128::from(DAY_MS) / i128::from((now.0 - today.0).max(3_600_000))
    };
    let left = i128::from((now.next_month().0 - now.0).max(0));
    let to_come = per_day * left / i128::from(DAY_MS);
    let (less, more) = if whole >= FEWEST {
        // Days without an entry spent nothing: they count in the squares too.
        let squares: i128 = past.iter().map(|day| (amount(day) - per_day).pow(2)).sum::<i128>()
            + (whole - i128::try_from(past.len()).unwrap_or(whole)).max(0) * per_day.pow(2);
        let variance = squares / (whole - 1);
        let spread = (variance * left / i128::from(DAY_MS)).max(0).isqrt() * 128 / 100;
        (spread, spread)
    } else {
        (to_come / 2, to_come)
    };
    let nano = |amount: i128| NanoUsd(i64::try_from(amount).unwrap_or(i64::MAX));
    let limit_reached = limit.and_then(|limit| {
        let open = i128::from(limit.0) - spent;
        if open <= 0 {
            return Some(now);
        }
        let wait = (per_day > 0).then(|| open * i128::from(DAY_MS) / per_day)?;
        // Further away than ten years is never.
        (wait < i128::from(DAY_MS) * 3650).then(|| Timestamp(now.0 + i64::try_from(wait).unwrap_or(0)))
    });
    Forecast {
        spent: nano(spent),
        per_day: nano(per_day),
        month_end: nano(spent + to_come),
        low: nano(spent + (to_come - less).max(0)),
        high: nano(spent + to_come + more),
        limit_reached,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon of the 21st of November 2026.
    const NOON: Timestamp = Timestamp(1_795_219_200_000 + 43_200_000);
    const USD: i64 = 1_000_000_000;

    fn day(before: i64, usd: i64) -> (Timestamp, NanoUsd) {
        (Timestamp(NOON.day_start().0 - before * DAY_MS), NanoUsd(usd * USD))
    }

    #[test]
    fn a_steady_pace_goes_on_to_the_end_of_the_month_without_a_range() {
        let days: Vec<_> = (1..=10).map(|before| day(before, 2)).chain([day(0, 1)]).collect();
        let found = forecast(&days, NOON, Some(NanoUsd(30 * USD)));
        let wanted = Forecast {
            spent: NanoUsd(21 * USD),
            per_day: NanoUsd(2 * USD),
            month_end: NanoUsd(40 * USD),
            low: NanoUsd(40 * USD),
            high: NanoUsd(40 * USD),
            limit_reached: Some(Timestamp(NOON.0 + 9 * DAY_MS / 2)),
        };
        assert_eq!(found, wanted);
    }

    #[test]
    fn an_uneven_pace_has_a_range_that_never_falls_below_what_is_spent() {
        let days = [day(6, 14), day(3, 0), day(1, 0)];
        let found = forecast(&days, NOON, None);
        assert_eq!((found.spent, found.per_day.0), (NanoUsd(14 * USD), 14 * USD / 6));
        assert_eq!(found.low, found.spent);
        assert!(found.high > found.month_end && found.high.0 < 80 * USD, "{found:?}");
    }

    #[test]
    fn the_first_day_is_taken_by_the_hour_and_no_spending_reaches_no_limit() {
        let found = forecast(&[day(0, 3)], NOON, Some(NanoUsd(2 * USD)));
        assert_eq!((found.per_day, found.limit_reached), (NanoUsd(6 * USD), Some(NOON)));
        assert_eq!((found.low, found.high), (NanoUsd(3 * USD + 57 * USD / 2), NanoUsd(3 * USD + 114 * USD)));
        let none = forecast(&[], NOON, Some(NanoUsd(USD)));
        assert_eq!((none.month_end, none.limit_reached), (NanoUsd::ZERO, None));
        let last_month = forecast(&[day(40, 100)], NOON, None);
        assert_eq!((last_month.spent, last_month.per_day), (NanoUsd::ZERO, NanoUsd::ZERO));
    }
}
