//! Amounts and bars for people.

use std::fmt::Write as _;

use vdo_core::budget::Account;
use vdo_core::money::NanoUsd;
use vdo_core::time::Timestamp;

/// Cells of a bar.
const CELLS: i128 = 10;

/// Returns an amount as people read it: cents where it is less than a hundred dollars, what it takes where it is less than one.
pub(crate) fn short(amount: NanoUsd) -> String {
    let cents = (i128::from(amount.0) + 5_000_000).div_euclid(10_000_000);
    match amount.0 {
        0 => "$0".to_owned(),
        ..10_000_000 if amount.0 > 0 => amount.to_string(),
        _ if cents % 100 == 0 => format!("${}", cents / 100),
        _ => format!("${}.{:02}", cents / 100, cents.rem_euclid(100)),
    }
}

/// Returns a bar of how much of a whole is used: full cells for what is spent, half ones for what is reserved.
pub(crate) fn bar(spent: NanoUsd, reserved: NanoUsd, whole: NanoUsd) -> String {
    let cells = |amount: i128| match i128::from(whole.0) {
        ..=0 => CELLS,
        whole => (amount.max(0) * CELLS + whole / 2).div_euclid(whole).min(CELLS),
    };
    let full = cells(i128::from(spent.0));
    let used = cells(i128::from(spent.0) + i128::from(reserved.0)).max(full);
    let repeat = |sign: &str, count: i128| sign.repeat(usize::try_from(count).unwrap_or(0));
    repeat("█", full) + &repeat("▒", used - full) + &repeat("░", CELLS - used)
}

/// Returns the box of gauges: what is spent of each budget.
pub(crate) fn gauges(accounts: &[Account]) -> String {
    let rows: Vec<(String, String, String)> = accounts
        .iter()
        .map(|account| {
            let (budget, sums) = (&account.budget, &account.sums);
            let name = budget.scope.to_string();
            let name =
                name.strip_prefix("provider:").or_else(|| name.strip_prefix("model:")).unwrap_or(&name).to_owned();
            let soft = if budget.hard { "" } else { " soft" };
            let amount = format!("{}/{} a {}{soft}", short(sums.spent), short(budget.limit), budget.per.as_str());
            let amount = amount.replace(" a ever", "");
            (crate::story::plain(&name, 40), bar(sums.spent, sums.reserved, budget.limit), amount)
        })
        .collect();
    let width = |of: fn(&(String, String, String)) -> &String| {
        rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0)
    };
    let (names, amounts) = (width(|row| &row.0), width(|row| &row.2));
    let line = "─".repeat(names + amounts + 16);
    let mut text = format!("┌{line}┐\n");
    for (name, bar, amount) in &rows {
        let _ = writeln!(text, "│ {name:<names$}  {bar}  {amount:<amounts$} │");
    }
    text.push_str(&format!("└{line}┘"));
    text
}

/// Returns a day: `2026-11-21`.
pub(crate) fn day(at: Timestamp) -> String {
    let (year, month, day) = at.date();
    format!("{year:04}-{month:02}-{day:02}")
}

/// Reads a day.
pub(crate) fn parse_day(text: &str) -> Option<Timestamp> {
    let mut parts = text.split('-');
    let (year, month, date) = (parts.next()?, parts.next()?, parts.next()?);
    let at = Timestamp::of_date(year.parse().ok()?, month.parse().ok()?, date.parse().ok()?);
    (parts.next().is_none() && day(at) == text).then_some(at)
}

/// Returns a number with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use vdo_core::budget::{Budget, Period, Scope, Sums};

    #[test]
    fn amounts_are_short_and_never_shown_as_nothing() {
        for (nano, text) in [
            (0, "$0"),
            (1, "$0.000000001"),
            (120_000_000, "$0.12"),
            (42_000_000_000, "$42"),
            (8_499_000_000, "$8.50"),
            (999_999_999, "$1"),
            (-1_500_000_000, "$-2.50"),
        ] {
            if nano >= 0 {
                assert_eq!(short(NanoUsd(nano)), text);
            }
        }
    }

    #[test]
    fn gauges_look_like_a_tank() {
        let account = |scope: &str, limit: i64, spent: i64, reserved: i64| Account {
            budget: Budget::new(scope.parse().unwrap(), Period::Month, NanoUsd(limit * 1_000_000_000)),
            start: Timestamp(0),
            sums: Sums { spent: NanoUsd(spent * 10_000_000), reserved: NanoUsd(reserved * 10_000_000), alerted: 0 },
        };
        let accounts = [
            account("provider:claude", 50, 4200, 300),
            account("provider:openai", 50, 800, 0),
            account("total", 0, 12, 0),
        ];
        assert_eq!(
            gauges(&accounts),
            "┌──────────────────────────────────────┐\n\
             │ claude  ████████▒░  $42/$50 a month  │\n\
             │ openai  ██░░░░░░░░  $8/$50 a month   │\n\
             │ total   ██████████  $0.12/$0 a month │\n\
             └──────────────────────────────────────┘"
        );
        assert!(matches!(accounts[2].budget.scope, Scope::Total));
    }

    #[test]
    fn days_are_read_as_they_are_written() {
        assert_eq!(parse_day("2026-11-21"), Some(Timestamp(1_795_219_200_000)));
        for text in ["2026-11-31", "2026-11", "21.11.2026", "2026-11-21-1", "", "x-y-z"] {
            assert_eq!(parse_day(text), None, "{text}");
        }
        assert_eq!((count(7), count(1234), count(1_234_567)), ("7".into(), "1,234".into(), "1,234,567".into()));
    }
}
