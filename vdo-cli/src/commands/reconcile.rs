//! `vdo spend reconcile` and `vdo spend import`: what calls cost whose end nobody saw.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use vdo_core::id::{JobId, StepKey};
use vdo_core::money::NanoUsd;
use vdo_core::port::{CallRow, CallState, Dimension, SpendQuery};
use vdo_core::time::Timestamp;

use crate::app::App;
use crate::bill::{self, Bill};
use crate::commands::budget::accounts;
use crate::fail::Fail;
use crate::gauge::{day, parse_day};
use crate::story;

/// Lists the calls whose cost is not known.
pub(crate) async fn list(app: &App) -> Result<(), Fail> {
    let engine = app.engine()?;
    let open = accounts(engine.store().as_ref())?.unsettled().await?;
    let open: Vec<_> = open.into_iter().filter(|(_, row)| row.state == CallState::PossiblyBilled).collect();
    if app.out.json {
        let view = |(job, row): &(JobId, CallRow)| serde_json::json!({"job": job, "call": row});
        return app.out.value(&open.iter().map(view).collect::<Vec<_>>());
    }
    for (job, row) in &open {
        let reserved = row.reserved.map_or("an unknown amount".to_owned(), |amount| amount.to_string());
        let name = story::plain(&format!("{}:{}", row.provider, row.model), 60);
        app.out.line(format!("{job} {}#{}  {name}  {}  up to {reserved}", row.step, row.number, day(row.started)))?;
    }
    app.out.say(format!(
        "{} calls may have been billed; vdo spend reconcile ID STEP#NUMBER --cost USD settles one",
        open.len()
    ));
    Ok(())
}

/// Says what one call cost.
pub(crate) async fn one(app: &App, job: JobId, call: &str, cost: NanoUsd) -> Result<(), Fail> {
    let wrong = || Fail::usage(format!("{call:?} is no call: expected STEP#NUMBER, such as build/t1/1/2#1"));
    let (step, number) = call.rsplit_once('#').ok_or_else(wrong)?;
    let step: StepKey = step.parse().map_err(|_| wrong())?;
    let row = app.engine()?.reconcile(job, &step, number.parse().map_err(|_| wrong())?, cost).await?;
    if app.out.json { app.out.value(&row) } else { app.out.line(format!("{job} {call} cost {cost}")) }
}

/// One day and model, as the provider and as we have it.
#[derive(Debug, Serialize)]
struct Compared {
    day: String,
    /// The model; empty for what the export does not name by a model that was recorded.
    model: String,
    /// What the provider charged.
    billed: NanoUsd,
    /// What was recorded.
    recorded: NanoUsd,
    /// What is reserved for calls that may have been billed.
    open: NanoUsd,
    /// What the provider charged beyond what was recorded, after settling.
    difference: NanoUsd,
    /// How many calls were settled.
    settled: u64,
}

/// Compares an export with what was recorded, and settles the calls in doubt if that is asked for.
pub(crate) async fn import(app: &App, file: &Path, provider: &str, settle: bool) -> Result<(), Fail> {
    let opened = std::fs::File::open(file)
        .map_err(|error| Fail::usage(format!("{} cannot be read: {error}", file.display())))?;
    let bill = bill::read(std::io::BufReader::new(opened))
        .map_err(|fail| Fail::usage(format!("{}: {fail}", file.display())))?;
    let (Some(first), Some(last)) = (bill.keys().map(|key| key.0).min(), bill.keys().map(|key| key.0).max()) else {
        return Err(Fail::usage(format!("{} has no lines", file.display())));
    };
    let engine = app.engine()?;
    let store = accounts(engine.store().as_ref())?;
    let query = SpendQuery {
        since: Some(first),
        until: Some(last.next_day()),
        jobs: None,
        by: [Dimension::Day, Dimension::Provider, Dimension::Model].into(),
    };
    let mut recorded: BTreeMap<(Timestamp, String), NanoUsd> = BTreeMap::new();
    for line in store.breakdown(&query).await? {
        let get = |dimension| line.group.get(&dimension).cloned().unwrap_or_default();
        if get(Dimension::Provider) == provider {
            let on = parse_day(&get(Dimension::Day)).unwrap_or_default();
            recorded.insert((on, get(Dimension::Model)), line.cost);
        }
    }
    let known: BTreeSet<&String> = recorded.keys().map(|(_, model)| model).collect();
    let bill = matched(bill, &known, app)?;
    let mut open: BTreeMap<(Timestamp, String), Vec<(JobId, CallRow)>> = BTreeMap::new();
    for (job, row) in store.unsettled().await? {
        if row.provider == provider && row.state == CallState::PossiblyBilled {
            open.entry((row.started.day_start(), row.model.clone())).or_default().push((job, row));
        }
    }
    let keys: BTreeSet<(Timestamp, String)> = bill.keys().chain(recorded.keys()).cloned().collect();
    let mut all = Vec::new();
    for key in keys {
        let billed = bill.get(&key).copied().unwrap_or_default();
        let mut ours = recorded.get(&key).copied().unwrap_or_default();
        let rows = open.remove(&key).unwrap_or_default();
        let reserved = rows.iter().filter_map(|(_, row)| row.reserved).sum();
        let mut settled = 0;
        if settle && bill.contains_key(&key) {
            for (job, row) in rows {
                let left = billed.minus(ours).max(NanoUsd::ZERO);
                let cost = row.reserved.map_or(left, |most| left.min(most));
                engine.reconcile(job, &row.step, row.number, cost).await?;
                ours = ours.plus(cost);
                settled += 1;
            }
        }
        let (on, model) = key;
        let difference = billed.minus(ours);
        all.push(Compared { day: day(on), model, billed, recorded: ours, open: reserved, difference, settled });
    }
    print(app, &all)
}

/// Names the models of an export as they were recorded: exactly, else by the table of models; others have no name.
fn matched(bill: Bill, known: &BTreeSet<&String>, app: &App) -> Result<Bill, Fail> {
    let table = app.config.table()?;
    let vendors = ["anthropic", "openai", "gemini"];
    let id = |name: &str| vendors.iter().find_map(|vendor| Some(table.find(vendor, name)?.id.clone()));
    let mut named = Bill::new();
    for ((on, model), cost) in bill {
        let found = if known.contains(&model) {
            model
        } else {
            let same = id(&model).and_then(|id_of| known.iter().find(|name| id(name).as_ref() == Some(&id_of)));
            same.map(|name| (*name).clone()).unwrap_or_default()
        };
        let sum = named.entry((on, found)).or_default();
        *sum = sum.plus(cost);
    }
    Ok(named)
}

fn print(app: &App, all: &[Compared]) -> Result<(), Fail> {
    if app.out.json {
        return app.out.value(&all);
    }
    app.out.line(format!(
        "{:<11} {:<34} {:>14} {:>14} {:>14} {:>14}",
        "day", "model", "billed", "recorded", "difference", "open"
    ))?;
    for one in all {
        let model = if one.model.is_empty() { "(others)".to_owned() } else { story::plain(&one.model, 34) };
        let settled = if one.settled > 0 { format!("  {} settled", one.settled) } else { String::new() };
        app.out.line(format!(
            "{:<11} {model:<34} {:>14} {:>14} {:>14} {:>14}{settled}",
            one.day,
            one.billed.to_string(),
            one.recorded.to_string(),
            one.difference.to_string(),
            one.open.to_string()
        ))?;
    }
    let difference: NanoUsd = all.iter().map(|one| one.difference).sum();
    app.out.say(format!("the provider charged {difference} more than was recorded"));
    Ok(())
}
