//! `vdo spend`: what was spent, on what, and where that goes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use vdo_core::budget::{Account, Period, Scope};
use vdo_core::id::{JobId, RevisionRef};
use vdo_core::money::NanoUsd;
use vdo_core::port::{Accounts, Clock, Dimension, JobQuery, SpendLine, SpendQuery};
use vdo_core::spend::{Forecast, forecast};
use vdo_core::time::Timestamp;

use super::reconcile;
use crate::app::App;
use crate::args::money::{Spend, SpendAction};
use crate::commands::budget::accounts;
use crate::fail::Fail;
use crate::gauge::{self, count, day, short};
use crate::story;

/// Where one provider's spending goes.
#[derive(Debug, Serialize)]
pub(crate) struct Outlook {
    provider: String,
    spent: NanoUsd,
    reserved: NanoUsd,
    /// The budget of the month, if there is one.
    budget: Option<NanoUsd>,
    forecast: Forecast,
}

/// Everything that `vdo spend --json` prints.
#[derive(Debug, Serialize)]
struct View {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    lines: Vec<SpendLine>,
    total: SpendLine,
    budgets: Vec<Account>,
    outlook: Vec<Outlook>,
}

/// Shows spending, or brings it in line with what a provider counted.
pub(crate) async fn spend(app: &App, args: &Spend) -> Result<(), Fail> {
    match &args.action {
        None => show(app, args).await,
        Some(SpendAction::Reconcile { job: None, .. }) => reconcile::list(app).await,
        Some(SpendAction::Reconcile { job: Some(job), step, cost }) => {
            reconcile::one(app, *job, step.as_deref().unwrap_or_default(), cost.unwrap_or_default()).await
        }
        Some(SpendAction::Import { file, provider, settle }) => reconcile::import(app, file, provider, *settle).await,
    }
}

fn read_day(text: &str) -> Result<Timestamp, Fail> {
    gauge::parse_day(text).ok_or_else(|| Fail::usage(format!("{text:?} is no day: expected one such as 2026-11-21")))
}

/// Returns the jobs that a query is about.
async fn jobs(app: &App, args: &Spend) -> Result<Option<BTreeSet<JobId>>, Fail> {
    let Some(id) = args.job else { return Ok(None) };
    let engine = app.engine()?;
    engine.store().job(id).await?;
    let mut jobs = BTreeSet::from([id]);
    if args.lineage {
        let head = engine.store().resolve(RevisionRef::head(id)).await;
        if head.is_ok() {
            jobs.extend(engine.lineage(RevisionRef::head(id)).await?.into_iter().map(|(job, _)| job.id));
        } else {
            // It has no result yet: its parents are what it is to grow out of.
            let mut above = engine.store().job(id).await?.parents;
            while let Some(link) = above.pop() {
                if jobs.insert(link.job) {
                    above.extend(engine.store().job(link.job).await?.parents);
                }
            }
        }
    }
    if args.descendants {
        let mut open = vec![id];
        while let Some(parent) = open.pop() {
            let mut query = JobQuery::default().with_archived().with_limit(1000).with_parent(parent);
            loop {
                let page = engine.store().jobs(&query).await?;
                open.extend(page.iter().map(|job| job.id).filter(|id| jobs.insert(*id)));
                let Some(last) = page.last() else { break };
                query = query.with_before(last.id);
            }
        }
    }
    Ok(Some(jobs))
}

async fn show(app: &App, args: &Spend) -> Result<(), Fail> {
    let engine = app.engine()?;
    let store = accounts(engine.store().as_ref())?;
    app.set_budgets().await?;
    let now = app.clock.now();
    let since = match &args.since {
        Some(text) => Some(read_day(text)?),
        None => args.job.is_none().then(|| now.month_start()),
    };
    let until = args.until.as_deref().map(read_day).transpose()?;
    let by: BTreeSet<Dimension> = if args.by.is_empty() {
        [Dimension::Provider, Dimension::Model].into()
    } else {
        args.by.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(Fail::usage)?
    };
    let query = SpendQuery { since, until, jobs: jobs(app, args).await?, by };
    let lines = store.breakdown(&query).await?;
    let total = store.breakdown(&SpendQuery { by: BTreeSet::new(), ..query }).await?;
    let total = total.into_iter().next().unwrap_or_default();
    let budgets = store.budgets(now).await?;
    let outlook = outlook(store, &budgets, now).await?;
    let view = View { since, until, lines, total, budgets, outlook };
    if app.out.json { app.out.value(&view) } else { print(app, &view) }
}

/// Returns where each provider's spending goes, by what it spent in the last weeks.
pub(crate) async fn outlook(store: &dyn Accounts, budgets: &[Account], now: Timestamp) -> Result<Vec<Outlook>, Fail> {
    let oldest = Timestamp(now.month_start().0.min(now.0 - 15 * 86_400_000));
    let by = [Dimension::Day, Dimension::Provider].into();
    let lines = store.breakdown(&SpendQuery { since: Some(oldest), by, ..SpendQuery::default() }).await?;
    let mut days: BTreeMap<String, Vec<(Timestamp, NanoUsd)>> = BTreeMap::new();
    for line in &lines {
        let get = |dimension| line.group.get(&dimension).cloned().unwrap_or_default();
        let at = gauge::parse_day(&get(Dimension::Day)).unwrap_or_default();
        days.entry(get(Dimension::Provider)).or_default().push((at, line.cost));
    }
    let since = Some(now.month_start());
    let by = [Dimension::Provider].into();
    let month = store.breakdown(&SpendQuery { since, by, ..SpendQuery::default() }).await?;
    let reserved: BTreeMap<&String, NanoUsd> =
        month.iter().filter_map(|line| Some((line.group.get(&Dimension::Provider)?, line.reserved))).collect();
    let outlook = |(provider, days): (String, Vec<(Timestamp, NanoUsd)>)| {
        let scope = Scope::Provider(provider.clone());
        let own = budgets.iter().find(|account| account.budget.scope == scope && account.budget.per == Period::Month);
        let budget = own.map(|account| account.budget.limit);
        let forecast = forecast(&days, now, budget);
        Outlook {
            spent: forecast.spent,
            reserved: reserved.get(&provider).copied().unwrap_or_default(),
            provider,
            budget,
            forecast,
        }
    };
    Ok(days.into_iter().map(outlook).collect())
}

fn print(app: &App, view: &View) -> Result<(), Fail> {
    let out = &app.out;
    if !view.budgets.is_empty() {
        out.line(gauge::gauges(&view.budgets))?;
    }
    let mut names: Vec<String> = view
        .lines
        .first()
        .map(|line| line.group.keys().map(|one| one.as_str().to_owned()).collect())
        .unwrap_or_default();
    if names.is_empty() {
        names.push(String::new());
    }
    let header = format!(
        "{:<44} {:>6} {:>12} {:>12} {:>7} {:>12} {:>12}",
        names.join(" "),
        "calls",
        "input",
        "output",
        "cached",
        "cost",
        "reserved"
    );
    out.line(header)?;
    for line in view.lines.iter().chain(std::iter::once(&view.total)) {
        let name: Vec<String> = line.group.values().map(|value| story::plain(value, 60)).collect();
        let name = if name.is_empty() { "total".to_owned() } else { name.join(" ") };
        let input = line.usage.total_input();
        let cached = line.usage.cache_read.saturating_mul(100).checked_div(input).unwrap_or(0);
        let unpriced =
            if line.unpriced > 0 { format!("  {} at an unknown price", line.unpriced) } else { String::new() };
        out.line(format!(
            "{name:<44} {:>6} {:>12} {:>12} {:>6}% {:>12} {:>12}{unpriced}",
            line.calls,
            count(input),
            count(line.usage.output),
            cached,
            line.cost.to_string(),
            line.reserved.to_string()
        ))?;
    }
    for one in &view.outlook {
        out.line(sentence(one))?;
    }
    Ok(())
}

/// Says where the spending of a provider goes.
fn sentence(one: &Outlook) -> String {
    let seen = &one.forecast;
    let name = story::plain(&one.provider, 40);
    let range = if seen.low == seen.high {
        String::new()
    } else {
        format!(" (between {} and {})", short(seen.low), short(seen.high))
    };
    let mut text = format!(
        "{name}: {} a day; at the current pace {} by month end{range}",
        short(seen.per_day),
        short(seen.month_end)
    );
    if let (Some(limit), Some(at)) = (one.budget, seen.limit_reached) {
        text.push_str(&if seen.spent >= limit {
            format!("; the budget of {} is used up", short(limit))
        } else {
            format!("; the budget of {} is reached on {}", short(limit), day(at))
        });
    }
    text
}
