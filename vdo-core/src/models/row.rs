//! One row of a table, read.

use serde::Deserialize;
use serde_json::Value;

use super::Model;
use super::fields::{Fault, Fields, ParseModelsError};
use crate::edit::Format;
use crate::money::{LongContext, Price, Rates, TierFactors};
use crate::port::Accepts;

/// The most characters of a model's name.
const LONGEST_NAME: usize = 200;
/// The largest factor of a tier: a thousand times the usual price.
const LARGEST_FACTOR: u64 = 1_000_000;

const RATES: [&str; 5] = ["input", "output", "cache_read", "cache_write", "cache_write_long"];
const REST: [&str; 10] = [
    "long",
    "tiers",
    "context",
    "max_output",
    "cache_min",
    "deprecated",
    "tools",
    "json_schema",
    "edit_format",
    "accepts",
];

/// Reads a row called `vendor/id`.
pub(super) fn read(name: &str, row: &Value) -> Result<Model, ParseModelsError> {
    let (vendor, id) =
        name.split_once('/').filter(|(vendor, id)| !vendor.is_empty() && !id.is_empty()).ok_or_else(|| {
            let expected = "a model is named by its vendor and its id, such as openai/gpt-4.1".to_owned();
            ParseModelsError::row(name, "", Fault::Value(expected))
        })?;
    if name.chars().count() > LONGEST_NAME || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        let fault = format!("its name has blanks or more than {LONGEST_NAME} characters");
        return Err(ParseModelsError::row(name, "", Fault::Value(fault)));
    }
    let fields = Fields::of(name, "", row)?;
    let known: Vec<&str> = RATES.into_iter().chain(REST).collect();
    fields.only(&known)?;
    let format = fields.text("edit_format")?.map(str::parse::<Format>).transpose();
    let format = format.map_err(|error| fields.error("edit_format", Fault::Value(error.to_string())))?;
    Ok(Model {
        vendor: vendor.to_owned(),
        id: id.to_owned(),
        price: price(name, &fields)?,
        context: fields.count("context")?,
        max_output: fields.count("max_output")?,
        cache_min: fields.count("cache_min")?,
        deprecated: fields.day("deprecated")?,
        // Nearly all can; to offer tools to one that cannot is refused by the other side.
        tools: fields.flag("tools", true)?,
        json_schema: fields.flag("json_schema", false)?,
        edit_format: format,
        accepts: accepts(&fields)?,
    })
}

fn accepts(fields: &Fields<'_>) -> Result<Accepts, ParseModelsError> {
    let accepts = fields.value("accepts").map(Accepts::deserialize).transpose();
    let accepts = accepts.map_err(|error| fields.error("accepts", Fault::Value(error.to_string())))?;
    Ok(accepts.unwrap_or_default())
}

fn price(name: &str, fields: &Fields<'_>) -> Result<Option<Price>, ParseModelsError> {
    let long = fields.value("long").map(|long| Fields::of(name, "long.", long)).transpose()?;
    let tiers = fields.value("tiers").map(|tiers| Fields::of(name, "tiers.", tiers)).transpose()?;
    let tiers = tiers.map(|fields| factors(&fields)).transpose()?.unwrap_or_default();
    let Some(rates) = rates(fields)? else {
        return match long {
            Some(_) => Err(fields.error("input", Fault::Missing)),
            None => Ok(None),
        };
    };
    let long = long.map(|fields| long_context(&fields)).transpose()?;
    Ok(Some(Price { rates, long, tiers }))
}

/// Returns the rates; none if neither input nor output has a price.
fn rates(fields: &Fields<'_>) -> Result<Option<Rates>, ParseModelsError> {
    let (input, output) = (fields.price("input")?, fields.price("output")?);
    let [cache_read, cache_write, cache_write_long] =
        [fields.price("cache_read")?, fields.price("cache_write")?, fields.price("cache_write_long")?];
    match (input, output) {
        (Some(input), Some(output)) => Ok(Some(Rates { input, output, cache_read, cache_write, cache_write_long })),
        (None, None) if cache_read.or(cache_write).or(cache_write_long).is_none() => Ok(None),
        (None, _) => Err(fields.error("input", Fault::Missing)),
        (Some(_), None) => Err(fields.error("output", Fault::Missing)),
    }
}

fn long_context(fields: &Fields<'_>) -> Result<LongContext, ParseModelsError> {
    let known: Vec<&str> = RATES.into_iter().chain(["above"]).collect();
    fields.only(&known)?;
    let above = fields.count("above")?;
    let above = above.ok_or_else(|| {
        fields.error("above", Fault::Value("it is missing: from how many tokens on these rates hold".to_owned()))
    })?;
    let rates = rates(fields)?.ok_or_else(|| fields.error("input", Fault::Missing))?;
    Ok(LongContext { above, rates })
}

fn factors(fields: &Fields<'_>) -> Result<TierFactors, ParseModelsError> {
    fields.only(&["flex", "batch", "priority", "fast"])?;
    let factor = |name: &str| match fields.count(name)? {
        None => Ok(None),
        Some(factor) if factor <= LARGEST_FACTOR => Ok(u32::try_from(factor).ok()),
        Some(_) => {
            let fault = format!("a factor is at most {LARGEST_FACTOR} thousandths");
            Err(fields.error(name, Fault::Value(fault)))
        }
    };
    Ok(TierFactors {
        flex: factor("flex")?,
        batch: factor("batch")?,
        priority: factor("priority")?,
        fast: factor("fast")?,
    })
}
