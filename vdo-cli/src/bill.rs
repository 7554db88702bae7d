//! A provider's export of costs, as CSV: what it says each day and model cost.
//!
//! The columns are found by their names, as the vendors' exports have them: a day, an amount in USD, and a model if there is one.

use std::collections::BTreeMap;
use std::io::Read;

use vdo_core::money::NanoUsd;
use vdo_core::time::Timestamp;

use crate::fail::Fail;
use crate::gauge::parse_day;

const DAYS: [&str; 10] = [
    "date",
    "day",
    "usage_date_utc",
    "usage_date",
    "start_time_iso",
    "start_time",
    "bucket_start",
    "usage_start_time",
    "usage_start_date",
    "timestamp",
];
const MODELS: [&str; 7] =
    ["model", "model_name", "model_version", "model_id", "snapshot_id", "line_item", "sku_description"];
const AMOUNTS: [&str; 10] = [
    "cost_usd",
    "cost_in_usd",
    "amount_usd",
    "total_cost_usd",
    "cost",
    "total_cost",
    "amount",
    "amount_value",
    "usd",
    "subtotal",
];
/// The most lines of an export.
const MOST_LINES: usize = 1_000_000;

/// What a provider says it charged, by day and model; the model is empty where the export names none.
pub(crate) type Bill = BTreeMap<(Timestamp, String), NanoUsd>;

/// Reads an export.
///
/// # Errors
/// [`Fail::Usage`] names the line and the column that cannot be read, or the columns there are.
pub(crate) fn read(file: impl Read) -> Result<Bill, Fail> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(file);
    let headers = reader.headers().map_err(|error| Fail::usage(format!("it is no CSV: {error}")))?.clone();
    let names: Vec<String> = headers.iter().map(plain).collect();
    let find = |known: &[&str]| known.iter().find_map(|one| names.iter().position(|name| name == one));
    let missing = |what: &str| {
        let there: Vec<&str> = headers.iter().collect();
        Fail::usage(format!("there is no column with {what}; the columns are {}", there.join(", ")))
    };
    let day = find(&DAYS).ok_or_else(|| missing("days"))?;
    let amount = find(&AMOUNTS).ok_or_else(|| missing("amounts in USD"))?;
    let model = find(&MODELS);
    let mut bill = Bill::new();
    for (at, record) in reader.records().enumerate() {
        let line = at + 2;
        if at >= MOST_LINES {
            return Err(Fail::usage(format!("it has more than {MOST_LINES} lines")));
        }
        let record = record.map_err(|error| Fail::usage(format!("line {line}: {error}")))?;
        let cell = |column: usize| record.get(column).unwrap_or_default();
        if cell(amount).is_empty() && cell(day).is_empty() {
            continue;
        }
        let wrong = |what: &str, text: &str| Fail::usage(format!("line {line}: {text:?} is no {what}"));
        let on = read_day(cell(day)).ok_or_else(|| wrong("day", cell(day)))?;
        let cost = read_amount(cell(amount)).ok_or_else(|| wrong("amount in USD", cell(amount)))?;
        let name = model.map_or("", cell).to_owned();
        let sum = bill.entry((on, name)).or_default();
        *sum = sum.plus(cost);
    }
    Ok(bill)
}

/// Returns a header in lower case, with `_` for all that is neither letter nor digit.
fn plain(header: &str) -> String {
    let text: String = header
        .trim_start_matches('\u{feff}')
        .chars()
        .map(|sign| if sign.is_ascii_alphanumeric() { sign.to_ascii_lowercase() } else { '_' })
        .collect();
    let words: Vec<&str> = text.split('_').filter(|word| !word.is_empty()).collect();
    words.join("_")
}

/// Reads a day: a date, the beginning of a timestamp, or seconds since 1970.
fn read_day(text: &str) -> Option<Timestamp> {
    if let Some(day) = text.get(..10).and_then(parse_day) {
        return Some(day);
    }
    let seconds: i64 = text.parse().ok()?;
    Some(Timestamp(seconds.checked_mul(1000)?).day_start())
}

/// Reads an amount with any number of decimals, rounded to a nano-dollar, half of one up; credits are negative.
fn read_amount(text: &str) -> Option<NanoUsd> {
    let text = text.trim().trim_start_matches('$').replace(',', "");
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start_matches('$').to_owned()),
        None => (false, text),
    };
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits.to_owned(), exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) || all.len() > 30 {
        return None;
    }
    let value: i128 = all.parse().ok()?;
    // How many places the digits have to be moved to stand for nano-dollars.
    let places = 9_i32.checked_add(exponent)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let scale = 10_i128.checked_pow(places.unsigned_abs())?;
    let nano = if places >= 0 { value.checked_mul(scale)? } else { value.checked_add(scale / 2)?.div_euclid(scale) };
    let nano = i64::try_from(nano).ok()?;
    Some(NanoUsd(if negative { -nano } else { nano }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_read_by_the_names_of_their_columns() {
        let day = |text: &str| parse_day(text).unwrap();
        let wanted = Bill::from([
            ((day("2026-11-20"), "claude-opus-5-5".to_owned()), NanoUsd(1_500_000_000)),
            ((day("2026-11-21"), "claude-opus-5-5".to_owned()), NanoUsd(2)),
        ]);
        for text in [
            "\u{feff}usage_date_utc,model_version,workspace,cost_usd\n2026-11-20,claude-opus-5-5,a,1.25\n2026-11-20,claude-opus-5-5,b,0.25\n2026-11-21,claude-opus-5-5,a,0.0000000015\n",
            "Date;x\n",
            "start_time,Model,Amount (value)\n1795132800,claude-opus-5-5,\"1.5\"\n2026-11-21T09:30:00Z,claude-opus-5-5,1.5e-9\n",
        ] {
            match read(text.as_bytes()) {
                Ok(bill) => assert_eq!(bill, wanted),
                Err(fail) => assert!(text.contains(';') && fail.to_string().contains("no column with days"), "{fail}"),
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        for (text, said) in [
            ("date,tokens\n2026-11-20,5\n", "no column with amounts in USD; the columns are date, tokens"),
            ("date,cost\n2026-11-20,1\nyesterday,1\n", "line 3: \"yesterday\" is no day"),
            ("date,cost\n2026-11-20,1.2.3\n", "line 2: \"1.2.3\" is no amount in USD"),
            ("date,cost\n2026-11-20,NaN\n", "line 2: \"NaN\" is no amount in USD"),
        ] {
            let fail = read(text.as_bytes()).unwrap_err().to_string();
            assert!(fail.contains(said), "{fail}");
        }
    }

    #[test]
    fn amounts_are_rounded_once_and_credits_are_negative() {
        for (text, nano) in [
            ("$1,234.5", 1_234_500_000_000),
            ("-0.10", -100_000_000),
            ("-$2", -2_000_000_000),
            ("1E2", 100_000_000_000),
            ("0.00000000049", 0),
        ] {
            assert_eq!(read_amount(text), Some(NanoUsd(nano)), "{text}");
        }
    }
}
