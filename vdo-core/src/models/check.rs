//! What looks wrong with a table.

use std::fmt;

use serde::Serialize;

use super::{Day, Model, ModelTable};
use crate::money::Rates;

/// What ends within this many days ends soon.
const SOON: i64 = 90;
/// A table older than this many days is old.
const OLD: i64 = 120;

/// What looks wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Oddity {
    /// The table is old, so that prices may have changed.
    OldTable {
        /// The day it is from.
        date: Day,
    },
    /// The model is no longer served.
    Deprecated {
        /// Since when.
        since: Day,
    },
    /// The model will soon no longer be served.
    DeprecatedSoon {
        /// From when.
        from: Day,
    },
    /// Its price is not known.
    NoPrice,
    /// Its window is not known.
    NoContext,
    /// The most it replies with is not known.
    NoMaxOutput,
    /// To read from the cache costs more than input.
    CacheReadDearer,
    /// To write to the cache for long costs less than for short.
    LongWriteCheaper,
    /// Output costs less than input.
    OutputCheaper,
    /// Long requests cost less than others.
    LongContextCheaper,
    /// Long requests have a price and do not fit the window.
    LongContextUnreachable,
    /// Something costs nothing.
    Free,
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OldTable { date } => write!(f, "the table is from {date}: prices may have changed"),
            Self::Deprecated { since } => write!(f, "it is no longer served since {since}"),
            Self::DeprecatedSoon { from } => write!(f, "it is no longer served from {from} on"),
            Self::NoPrice => f.write_str("its price is not known: under a budget it is not called"),
            Self::NoContext => f.write_str("its window is not known"),
            Self::NoMaxOutput => f.write_str("the most it replies with is not known"),
            Self::CacheReadDearer => f.write_str("to read from the cache costs more than input"),
            Self::LongWriteCheaper => f.write_str("to write to the cache for long costs less than for short"),
            Self::OutputCheaper => f.write_str("output costs less than input"),
            Self::LongContextCheaper => f.write_str("long requests cost less than others"),
            Self::LongContextUnreachable => f.write_str("the price of long requests is for more than its window"),
            Self::Free => f.write_str("something costs nothing"),
        }
    }
}

/// A model, and what looks wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The model, `vendor/id`; empty if it is the table as a whole.
    pub model: String,
    /// What looks wrong.
    pub oddity: Oddity,
}

impl ModelTable {
    /// Returns what looks wrong today, by vendor and id.
    #[must_use]
    pub fn check(&self, today: Day) -> Vec<Problem> {
        let old = self.date().filter(|date| date.until(today) > OLD).map(|date| Oddity::OldTable { date });
        let mut problems: Vec<_> = old.into_iter().map(|oddity| Problem { model: String::new(), oddity }).collect();
        for model in self.models() {
            let oddities = oddities(model, today).into_iter();
            problems.extend(oddities.map(|oddity| Problem { model: model.name(), oddity }));
        }
        problems
    }
}

fn oddities(model: &Model, today: Day) -> Vec<Oddity> {
    let mut found = Vec::new();
    match model.deprecated {
        Some(since) if since <= today => found.push(Oddity::Deprecated { since }),
        Some(from) if today.until(from) <= SOON => found.push(Oddity::DeprecatedSoon { from }),
        Some(_) | None => {}
    }
    let mut add = |is: bool, oddity| {
        if is {
            found.push(oddity);
        }
    };
    add(model.context.is_none(), Oddity::NoContext);
    add(model.max_output.is_none(), Oddity::NoMaxOutput);
    let Some(price) = model.price else {
        add(true, Oddity::NoPrice);
        return found;
    };
    let long = price.long.map(|long| long.rates);
    let any = |is: fn(&Rates) -> bool| is(&price.rates) || long.as_ref().is_some_and(is);
    add(any(|rates| rates.cache_read.is_some_and(|read| read > rates.input)), Oddity::CacheReadDearer);
    add(any(|rates| rates.output < rates.input), Oddity::OutputCheaper);
    let cheaper =
        |rates: &Rates| rates.cache_write_long.is_some_and(|long| rates.cache_write.is_some_and(|short| long < short));
    add(any(cheaper), Oddity::LongWriteCheaper);
    add(any(|rates| rates.input.0 == 0 || rates.output.0 == 0), Oddity::Free);
    add(
        long.is_some_and(|long| long.input < price.rates.input || long.output < price.rates.output),
        Oddity::LongContextCheaper,
    );
    let unreachable = price.long.zip(model.context).is_some_and(|(long, context)| long.above >= context);
    add(unreachable, Oddity::LongContextUnreachable);
    found
}
