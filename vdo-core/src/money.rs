//! Money: integer nano-dollars, and prices in pico-dollars per token.
//!
//! Nothing here is a float. An amount that is not known is `None` to its holder, never 0.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::usage::{ServiceTier, Usage};

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

/// What tokens cost, one price for each field of [`Usage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rates {
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

impl Rates {
    fn pico(&self, usage: &Usage) -> i128 {
        let write = self.cache_write.unwrap_or(self.input);
        [
            (usage.input, self.input),
            (usage.cache_read, self.cache_read.unwrap_or(self.input)),
            (usage.cache_write, write),
            (usage.cache_write_long, self.cache_write_long.unwrap_or(write)),
            (usage.output, self.output),
        ]
        .into_iter()
        .map(|(tokens, price)| i128::from(tokens) * i128::from(price.0))
        .sum()
    }

    /// Returns the dearest price of an input token of any kind.
    fn dearest_input(&self) -> PicoUsdPerToken {
        let kinds = [Some(self.input), self.cache_read, self.cache_write, self.cache_write_long];
        kinds.into_iter().flatten().max().unwrap_or(self.input)
    }
}

/// The rates of requests whose whole input, cached or not, is longer than a threshold. They hold for the whole request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LongContext {
    /// The most input tokens at the usual rates.
    pub above: u64,
    /// The rates beyond.
    pub rates: Rates,
}

/// What a model's tokens cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Price {
    /// The usual rates.
    pub rates: Rates,
    /// The rates of long requests, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long: Option<LongContext>,
    /// What other tiers than the standard one cost, in thousandths of the rates. A tier that is not named has no known price.
    #[serde(default, skip_serializing_if = "TierFactors::is_default")]
    pub tiers: TierFactors,
}

/// What the tiers cost, in thousandths of the standard rates: 500 is half.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TierFactors {
    /// Flex.
    pub flex: Option<u32>,
    /// Batch.
    pub batch: Option<u32>,
    /// Priority.
    pub priority: Option<u32>,
    /// Fast.
    pub fast: Option<u32>,
}

impl TierFactors {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn of(&self, tier: ServiceTier) -> Option<u32> {
        match tier {
            ServiceTier::Standard => Some(1000),
            ServiceTier::Flex => self.flex,
            ServiceTier::Batch => self.batch,
            ServiceTier::Priority => self.priority,
            ServiceTier::Fast => self.fast,
        }
    }
}

impl Price {
    /// Returns the price of plain input and output.
    #[must_use]
    pub fn new(input: PicoUsdPerToken, output: PicoUsdPerToken) -> Self {
        let rates = Rates { input, output, cache_read: None, cache_write: None, cache_write_long: None };
        Self { rates, long: None, tiers: TierFactors::default() }
    }

    /// Returns what `usage` costs at the standard tier, rounded to a whole nano-dollar once, at the end; half of one is rounded up.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> NanoUsd {
        let pico = self.rates_of(usage.total_input()).pico(usage);
        nano(pico.saturating_add(500).div_euclid(1000))
    }

    /// Returns what `usage` costs at a tier, rounded likewise; none if that tier has no known price.
    #[must_use]
    pub fn cost_at(&self, usage: &Usage, tier: ServiceTier) -> Option<NanoUsd> {
        let factor = i128::from(self.tiers.of(tier)?);
        let femto = self.rates_of(usage.total_input()).pico(usage).saturating_mul(factor);
        Some(nano(femto.saturating_add(500_000).div_euclid(1_000_000)))
    }

    /// Returns the most that a request of at most `input` tokens with up to `output` tokens of reply can cost, rounded up.
    #[must_use]
    pub fn worst_case(&self, input: u64, output: u64) -> NanoUsd {
        let long = self.long.filter(|long| input > long.above).map(|long| long.rates);
        let pico = |rates: Rates| {
            i128::from(input) * i128::from(rates.dearest_input().0) + i128::from(output) * i128::from(rates.output.0)
        };
        let most = pico(self.rates).max(long.map_or(0, pico));
        nano(most.saturating_add(999).div_euclid(1000))
    }

    /// Returns [`Price::worst_case`] at a tier; none if that tier has no known price.
    #[must_use]
    pub fn worst_case_at(&self, input: u64, output: u64, tier: ServiceTier) -> Option<NanoUsd> {
        // A provider may serve at the standard rate what was asked for at a cheaper one.
        let factor = i128::from(self.tiers.of(tier)?.max(1000));
        let most = i128::from(self.worst_case(input, output).0).saturating_mul(factor);
        Some(nano(most.saturating_add(999).div_euclid(1000)))
    }

    fn rates_of(&self, input: u64) -> &Rates {
        match &self.long {
            Some(long) if input > long.above => &long.rates,
            Some(_) | None => &self.rates,
        }
    }
}

fn nano(amount: i128) -> NanoUsd {
    NanoUsd(i64::try_from(amount).unwrap_or(i64::MAX))
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
    fn cost_sums_disjoint_fields_and_rounds_half_up_once() {
        let per_million = |text: &str| PicoUsdPerToken::per_million(text).unwrap();
        let mut price = Price::new(per_million("0.75"), per_million("3.75"));
        price.rates.cache_read = Some(per_million("0.025"));
        let usage = Usage { input: 1, cache_read: 1, output: 1, reasoning: 1, ..Usage::default() };
        // 0.75 + 0.025 + 3.75 = 4.525 micro-dollars = 4525 nano-dollars.
        assert_eq!(price.cost(&usage), NanoUsd(4525));
        let pico = |pico: i64| Price::new(PicoUsdPerToken(pico), PicoUsdPerToken(0));
        let one = Usage { input: 1, ..Usage::default() };
        assert_eq!([499, 500, 1499].map(|price| pico(price).cost(&one)), [NanoUsd(0), NanoUsd(1), NanoUsd(1)]);
        assert!(pico(1).worst_case(1, 0) >= NanoUsd(1));
        assert_eq!(
            pico(1).cost(&Usage { input: u64::MAX, output: u64::MAX, ..Usage::default() }),
            NanoUsd(18_446_744_073_709_552)
        );
    }

    #[test]
    fn a_long_request_is_priced_by_all_its_input_and_as_a_whole() {
        let per_million = |text: &str| PicoUsdPerToken::per_million(text).unwrap();
        let mut price = Price::new(per_million("0.10"), per_million("0.50"));
        let long = Price::new(per_million("0.50"), per_million("2.50"));
        price.long = Some(LongContext { above: 100_000, rates: long.rates });
        let usage = |input| Usage { input, cache_read: 1, output: 10, ..Usage::default() };
        assert_eq!(price.cost(&usage(99_999)), NanoUsd(100_000 * 100 + 10 * 500));
        assert_eq!(price.cost(&usage(100_000)), NanoUsd(100_001 * 500 + 10 * 2500));
        assert_eq!(price.worst_case(100_001, 10), NanoUsd(100_001 * 500 + 10 * 2500));
        assert_eq!(price.worst_case(100_000, 10), NanoUsd(100_000 * 100 + 10 * 500));
    }

    #[test]
    fn a_tier_without_a_price_has_no_cost_and_a_cheap_one_reserves_the_usual_rate() {
        let mut price = Price::new(PicoUsdPerToken(1_000_000), PicoUsdPerToken(5_000_000));
        price.tiers = TierFactors { flex: Some(500), priority: Some(1800), ..TierFactors::default() };
        let usage = Usage { input: 100, output: 10, ..Usage::default() };
        let at = |tier| (price.cost_at(&usage, tier), price.worst_case_at(100, 10, tier));
        assert_eq!(at(ServiceTier::Standard), (Some(NanoUsd(150_000)), Some(NanoUsd(150_000))));
        assert_eq!(at(ServiceTier::Flex), (Some(NanoUsd(75_000)), Some(NanoUsd(150_000))));
        assert_eq!(at(ServiceTier::Priority), (Some(NanoUsd(270_000)), Some(NanoUsd(270_000))));
        assert_eq!(at(ServiceTier::Fast), (None, None));
    }
}
