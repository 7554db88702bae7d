//! `vdo models`.

use serde_json::json;
use vdo_core::models::{Day, Model};
use vdo_core::money::PicoUsdPerToken;
use vdo_core::port::Clock;

use crate::app::App;
use crate::args::money;
use crate::fail::Fail;
use crate::gauge::count;

/// Shows the table, or what is odd in it.
pub(crate) fn show(app: &App, args: &money::Models) -> Result<(), Fail> {
    let table = app.config.table()?;
    if args.check {
        let problems = table.check(Day::of(app.clock.now()));
        if app.out.json {
            return app.out.value(
                &problems
                    .iter()
                    .map(|one| json!({"model": one.model, "problem": one.oddity.to_string()}))
                    .collect::<Vec<_>>(),
            );
        }
        for problem in &problems {
            app.out.line(format!("{}: {}", problem.model, problem.oddity))?;
        }
        app.out.say(format!("{} models, {} remarks", table.models().count(), problems.len()));
        return Ok(());
    }
    let wanted = |model: &&Model| args.name.as_ref().is_none_or(|name| model.name().contains(name.as_str()));
    let models: Vec<&Model> = table.models().filter(wanted).collect();
    if models.is_empty() {
        return Err(Fail::NotFound(format!("no model has {:?} in its name", args.name.as_deref().unwrap_or_default())));
    }
    if app.out.json {
        return app.out.value(&json!({"date": table.date().map(|day| day.to_string()), "models": models}));
    }
    app.out.line(format!(
        "{:<38} {:>8} {:>8} {:>8} {:>8} {:>10} {:>9}  notes",
        "USD per million tokens", "input", "output", "cached", "write", "window", "reply"
    ))?;
    for model in models {
        app.out.line(line(model).trim_end())?;
    }
    if let Some(date) = table.date() {
        app.out.say(format!("prices as of {date}; a model without one is never taken for free"));
    }
    Ok(())
}

fn per_million(price: Option<PicoUsdPerToken>) -> String {
    let Some(price) = price else { return "–".to_owned() };
    let text = format!("{}.{:06}", price.0 / 1_000_000, price.0 % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn line(model: &Model) -> String {
    let rates = model.price.map(|price| price.rates);
    let mut notes = Vec::new();
    if let Some(long) = model.price.and_then(|price| price.long) {
        notes.push(format!(
            "above {} tokens {}/{}",
            count(long.above),
            per_million(Some(long.rates.input)),
            per_million(Some(long.rates.output))
        ));
    }
    if let Some(day) = model.deprecated {
        notes.push(format!("served until {day}"));
    }
    if rates.is_none() {
        notes.push("price unknown".to_owned());
    }
    let number = |tokens: Option<u64>| tokens.map_or_else(|| "?".to_owned(), count);
    format!(
        "{:<38} {:>8} {:>8} {:>8} {:>8} {:>10} {:>9}  {}",
        model.name(),
        per_million(rates.map(|rates| rates.input)),
        per_million(rates.map(|rates| rates.output)),
        per_million(rates.and_then(|rates| rates.cache_read)),
        per_million(rates.and_then(|rates| rates.cache_write)),
        number(model.context),
        number(model.max_output),
        notes.join("; ")
    )
}
