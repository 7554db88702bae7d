//! Days of the calendar, as tables of prices name them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// A day, UTC, written `2026-11-21`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

/// A text is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no day: expected year, month and day, such as 2026-11-21")]
pub struct ParseDayError(String);

impl Day {
    /// Returns the day of a point in time.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        // Counted from 0000-03-01, so that the day that leap years add is the last of its year.
        let days = time.0.div_euclid(MILLIS_PER_DAY).saturating_add(719_468);
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = era.saturating_mul(400).saturating_add(year_of_era).saturating_add(later);
        Self {
            year: u16::try_from(year).unwrap_or(if year < 0 { 0 } else { u16::MAX }),
            month: u8::try_from(month).unwrap_or(1),
            day: u8::try_from(day).unwrap_or(1),
        }
    }

    /// Returns how many days later `other` is; negative if it is earlier.
    #[must_use]
    pub fn until(self, other: Self) -> i64 {
        other.number() - self.number()
    }

    /// Returns the day's number, counted from 0000-03-01.
    fn number(self) -> i64 {
        let (year, month) = if self.month > 2 {
            (i64::from(self.year), i64::from(self.month) - 3)
        } else {
            (i64::from(self.year) - 1, i64::from(self.month) + 9)
        };
        let of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year
    }
}

fn days_of(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Day {
    type Err = ParseDayError;

    fn from_str(text: &str) -> Result<Self, ParseDayError> {
        let fail = || ParseDayError(text.chars().take(40).collect());
        let number = |digits: usize, part: Option<&str>| {
            part.filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|part| part.parse::<u16>().ok())
                .ok_or_else(fail)
        };
        let mut parts = text.split('-');
        let (year, month) = (number(4, parts.next())?, number(2, parts.next())?);
        let day = number(2, parts.next())?;
        let (month, day) = (u8::try_from(month).map_err(|_| fail())?, u8::try_from(day).map_err(|_| fail())?);
        let fits = parts.next().is_none() && (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
        if fits { Ok(Self { year, month, day }) } else { Err(fail()) }
    }
}

impl TryFrom<String> for Day {
    type Error = ParseDayError;

    fn try_from(text: String) -> Result<Self, ParseDayError> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_parse_print_and_count() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        for text in ["2026-11-21", "2000-02-29", "1970-01-01", "9999-12-31"] {
            assert_eq!(day(text).to_string(), text);
        }
        for text in
            ["", "2026-02-29", "1900-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-1-01", "2026-01-01-01"]
        {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        assert_eq!(day("2026-11-21").until(day("2026-12-11")), 20);
        assert_eq!(day("2026-03-01").until(day("2024-02-29")), -731);
        assert!(day("2026-11-21") < day("2026-12-01"));
    }

    #[test]
    fn a_point_in_time_lies_on_its_day() {
        for (millis, text) in
            [(0, "1970-01-01"), (-1, "1969-12-31"), (951_782_400_000, "2000-02-29"), (1_795_305_599_999, "2026-11-21")]
        {
            assert_eq!(Day::of(Timestamp(millis)).to_string(), text);
        }
        let _ = (Day::of(Timestamp(i64::MAX)), Day::of(Timestamp(i64::MIN)));
    }
}
