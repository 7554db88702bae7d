//! Points in time, as a [`crate::port::Clock`] gives them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Returns the moment `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Returns how long after `earlier` this is; zero if it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Returns when the day began, in UTC.
    #[must_use]
    pub fn day_start(self) -> Self {
        Self(self.0.div_euclid(DAY_MS).saturating_mul(DAY_MS))
    }

    /// Returns when the next day begins, in UTC.
    #[must_use]
    pub fn next_day(self) -> Self {
        Self(self.day_start().0.saturating_add(DAY_MS))
    }

    /// Returns when the month began, in UTC.
    #[must_use]
    pub fn month_start(self) -> Self {
        let (year, month, _) = self.date();
        Self::of_date(year, month, 1)
    }

    /// Returns when the next month begins, in UTC.
    #[must_use]
    pub fn next_month(self) -> Self {
        let (year, month, _) = self.date();
        if month == 12 { Self::of_date(year.saturating_add(1), 1, 1) } else { Self::of_date(year, month + 1, 1) }
    }

    /// Returns the year, the month and the day, in UTC, by the proleptic Gregorian calendar.
    ///
    /// Howard Hinnant's `civil_from_days`.
    #[must_use]
    pub fn date(self) -> (i64, u32, u32) {
        let days = self.0.div_euclid(DAY_MS) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
    }

    /// Returns when a day began, in UTC.
    ///
    /// Howard Hinnant's `days_from_civil`.
    #[must_use]
    pub fn of_date(year: i64, month: u32, day: u32) -> Self {
        let year = if month <= 2 { year.saturating_sub(1) } else { year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let month = i64::from(month);
        let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + i64::from(day) - 1;
        let days = era.saturating_mul(146_097) + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        Self(days.saturating_mul(DAY_MS))
    }
}

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_are_those_of_utc() {
        for (at, date) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (951_782_400_000, (2000, 2, 29)),
            (1_795_219_199_999, (2026, 11, 20)),
            (1_795_219_200_000, (2026, 11, 21)),
        ] {
            assert_eq!(Timestamp(at).date(), date, "{at}");
            assert_eq!(Timestamp::of_date(date.0, date.1, date.2), Timestamp(at).day_start());
        }
        let at = Timestamp(1_795_219_200_000);
        assert_eq!(at.month_start().date(), (2026, 11, 1));
        assert_eq!(at.next_month().date(), (2026, 12, 1));
        assert_eq!(at.next_month().next_month().date(), (2027, 1, 1));
        for days in (-800_000..800_000).step_by(17) {
            let (year, month, day) = Timestamp(days * DAY_MS).date();
            assert_eq!(Timestamp::of_date(year, month, day), Timestamp(days * DAY_MS));
        }
    }
}
