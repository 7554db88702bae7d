//! Money: integer nano-dollars, and prices in pico-dollars per token.
//!
//! Nothing here is a float. An amount that is not known is `None` to its holder, never 0.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::usage::Usage;

/// An amount in nano-dollars: 1 USD is 1,000,000,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct NanoUsd(pub i64);

impl NanoUsd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Returns the sum, at most the largest amount.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns the difference, at least the smallest amount.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for NanoUsd {
    /// Prints dollars with as many decimals as the amount needs, at least two: `$0.0123`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        let decimals = format!("{:09}", amount % 1_000_000_000);
        let kept = decimals.trim_end_matches('0').len().max(2);
        let decimals: String = decimals.chars().take(kept).collect();
        f.pad(&format!("{sign}${}.{decimals}", amount / 1_000_000_000))
    }
}

/// A text is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an amount in USD: expected digits with at most {1} decimals, such as 2.50")]
pub struct ParseMoneyError(String, usize);

fn parse_decimal(text: &str, decimals: usize) -> Result<i64, ParseMoneyError> {
    let fail = || ParseMoneyError(text.chars().take(40).collect(), decimals);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) || fraction.len() > decimals {
        return Err(fail());
    }
    format!("{whole}{fraction:0<decimals$}").parse().map_err(|_| fail())
}

impl FromStr for NanoUsd {
    type Err = ParseMoneyError;

    fn from_str(text: &str) -> Result<Self, ParseMoneyError> {
        parse_decimal(text.strip_prefix('$').unwrap_or(text), 9).map(Self)
    }
}

/// A price in pico-dollars per token. 1 USD per million tokens is 1,000,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PicoUsdPerToken(pub i64);

impl PicoUsdPerToken {
    /// Returns the price written as USD per million tokens: `"2.50"`.
    ///
    /// # Errors
    /// [`ParseMoneyError`] if the text is no decimal number with at most 6 decimals.
    pub fn per_million(text: &str) -> Result<Self, ParseMoneyError> {
        parse_decimal(text, 6).map(Self)
    }
}

/// What a model's tokens cost. The fields match those of [`Usage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Price {
    /// Input that was not cached.
    pub input: PicoUsdPerToken,
    /// Output, reasoning included.
    pub output: PicoUsdPerToken,
    /// Input read from a cache; priced as input where not named.
    pub cache_read: Option<PicoUsdPerToken>,
    /// Input written to a short-lived cache; priced as input where not named.
    pub cache_write: Option<PicoUsdPerToken>,
    /// Input written to a long-lived cache; priced as a short-lived write where not named.
    pub cache_write_long: Option<PicoUsdPerToken>,
}

impl Price {
    /// Returns the price of plain input and output.
    #[must_use]
    pub fn new(input: PicoUsdPerToken, output: PicoUsdPerToken) -> Self {
        Self { input, output, cache_read: None, cache_write: None, cache_write_long: None }
    }

    /// Returns what `usage` costs, rounded up to a whole nano-dollar once, at the end.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> NanoUsd {
        let write = self.cache_write.unwrap_or(self.input);
        let pico: i128 = [
            (usage.input, self.input),
            (usage.cache_read, self.cache_read.unwrap_or(self.input)),
            (usage.cache_write, write),
            (usage.cache_write_long, self.cache_write_long.unwrap_or(write)),
            (usage.output, self.output),
        ]
        .into_iter()
        .map(|(tokens, price)| i128::from(tokens) * i128::from(price.0))
        .sum();
        let nano = pico.div_euclid(1000) + i128::from(pico.rem_euclid(1000) != 0);
        NanoUsd(i64::try_from(nano).unwrap_or(i64::MAX))
    }

    /// Returns the most that a request of `input` tokens with up to `output` tokens of reply can cost.
    #[must_use]
    pub fn worst_case(&self, input: u64, output: u64) -> NanoUsd {
        let dearest = [Some(self.input), self.cache_read, self.cache_write, self.cache_write_long]
            .into_iter()
            .flatten()
            .max()
            .unwrap_or(self.input);
        Self::new(dearest, self.output).cost(&Usage { input, output, ..Usage::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_parse_and_print_exactly() {
        for (text, nano, shown) in [
            ("2.50", 2_500_000_000, "$2.50"),
            ("$0.000000001", 1, "$0.000000001"),
            (".5", 500_000_000, "$0.50"),
            ("7", 7_000_000_000, "$7.00"),
        ] {
            let amount: NanoUsd = text.parse().unwrap();
            assert_eq!((amount, amount.to_string().as_str()), (NanoUsd(nano), shown));
        }
        for text in ["", ".", "-1", "1e3", "1.0000000001", "99999999999", "1,5"] {
            assert!(text.parse::<NanoUsd>().is_err(), "{text}");
        }
        assert_eq!(NanoUsd(-1_500_000_000).to_string(), "-$1.50");
    }

    #[test]
    fn cost_sums_disjoint_fields_and_rounds_up_once() {
        let price = Price {
            cache_read: Some(PicoUsdPerToken::per_million("0.025").unwrap()),
            ..Price::new(PicoUsdPerToken::per_million("0.75").unwrap(), PicoUsdPerToken::per_million("3.75").unwrap())
        };
        let usage = Usage { input: 1, cache_read: 1, output: 1, reasoning: 1, ..Usage::default() };
        // 0.75 + 0.025 + 3.75 = 4.525 micro-dollars = 4525 nano-dollars.
        assert_eq!(price.cost(&usage), NanoUsd(4525));
        let tiny = Price::new(PicoUsdPerToken(1), PicoUsdPerToken(1));
        assert_eq!(tiny.cost(&Usage { input: 1, output: 1, ..Usage::default() }), NanoUsd(1));
        assert!(tiny.cost(&Usage { input: u64::MAX, output: u64::MAX, ..Usage::default() }).0 > 0);
    }
}
