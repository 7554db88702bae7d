//! `vdo stats`: how jobs went and what models were worth.

use std::collections::BTreeMap;

use serde::Serialize;
use vdo_core::job::JobStatus;
use vdo_core::money::NanoUsd;
use vdo_core::port::{CallState, JobQuery, Outcome};
use vdo_core::usage::Usage;

use crate::app::App;
use crate::fail::Fail;
use crate::gauge::{count, short};
use crate::story;

/// What one model was worth.
#[derive(Debug, Default, Serialize)]
struct ModelStats {
    calls: u64,
    answered: u64,
    failed: u64,
    possibly_billed: u64,
    /// Replies that were used as they were.
    accepted: u64,
    /// Replies that were used in part or after a repair.
    repaired: u64,
    /// Replies that could not be used.
    refused: u64,
    usage: Usage,
    cost: NanoUsd,
    /// Input read from the provider's cache, in thousandths of all input.
    cached: u64,
}

/// How jobs went.
#[derive(Debug, Default, Serialize)]
struct Stats {
    jobs: BTreeMap<&'static str, u64>,
    rated: u64,
    /// The mean of the ratings, in hundredths of a star.
    rating: Option<u64>,
    cost: NanoUsd,
    /// What a completed job that asked a model cost in the mean.
    cost_per_completed: Option<NanoUsd>,
    models: BTreeMap<String, ModelStats>,
}

/// Shows the statistics of the whole store.
pub(crate) async fn show(app: &App) -> Result<(), Fail> {
    let stats = collect(app).await?;
    if app.out.json {
        return app.out.value(&stats);
    }
    let jobs: Vec<String> = stats.jobs.iter().map(|(status, number)| format!("{number} {status}")).collect();
    app.out.line(format!("jobs   {}", if jobs.is_empty() { "none".to_owned() } else { jobs.join(", ") }))?;
    if let Some(rating) = stats.rating {
        app.out.line(format!(
            "rated  {} of them, {}.{:02} stars in the mean",
            stats.rated,
            rating / 100,
            rating % 100
        ))?;
    }
    let each = stats.cost_per_completed.map_or(String::new(), |each| format!(", {} a completed job", short(each)));
    app.out.line(format!("cost   {}{each}", short(stats.cost)))?;
    app.out.line(format!(
        "{:<34} {:>6} {:>6} {:>8} {:>8} {:>8} {:>12} {:>7} {:>10}",
        "model", "calls", "failed", "accepted", "repaired", "refused", "tokens", "cached", "cost"
    ))?;
    for (name, model) in &stats.models {
        app.out.line(format!(
            "{:<34} {:>6} {:>6} {:>8} {:>8} {:>8} {:>12} {:>6}% {:>10}",
            story::plain(name, 34),
            model.calls,
            model.failed + model.possibly_billed,
            model.accepted,
            model.repaired,
            model.refused,
            count(model.usage.total()),
            model.cached / 10,
            short(model.cost)
        ))?;
    }
    Ok(())
}

async fn collect(app: &App) -> Result<Stats, Fail> {
    let engine = app.engine()?;
    let store = engine.store();
    let mut stats = Stats::default();
    let (mut stars, mut completed, mut paid) = (0_u64, 0_i64, NanoUsd::ZERO);
    let mut query = JobQuery::default().with_archived().with_limit(1000);
    loop {
        let page = store.jobs(&query).await?;
        for job in &page {
            *stats.jobs.entry(job.status.as_str()).or_default() += 1;
            if let Some(rating) = job.rating {
                stats.rated += 1;
                stars += u64::from(rating);
            }
            stats.cost = stats.cost.plus(job.cost);
            let calls = store.calls(job.id).await?;
            if job.status == JobStatus::Completed && !calls.is_empty() {
                completed += 1;
                paid = paid.plus(job.cost);
            }
            for call in calls {
                let model = stats.models.entry(format!("{}:{}", call.provider, call.model)).or_default();
                model.calls += 1;
                match call.state {
                    CallState::Answered => model.answered += 1,
                    CallState::Failed => model.failed += 1,
                    CallState::PossiblyBilled => model.possibly_billed += 1,
                    CallState::Sent | CallState::Reconciled => {}
                }
                match call.outcome {
                    Some(Outcome::Accepted) => model.accepted += 1,
                    Some(Outcome::Repaired) => model.repaired += 1,
                    Some(Outcome::Refused) => model.refused += 1,
                    None => {}
                }
                model.usage = model.usage.plus(&call.usage.unwrap_or_default());
                model.cost = model.cost.plus(call.cost.unwrap_or_default());
            }
        }
        let Some(last) = page.last() else { break };
        query = query.with_before(last.id);
    }
    for model in stats.models.values_mut() {
        let input = model.usage.total_input();
        model.cached = model.usage.cache_read.saturating_mul(1000).checked_div(input).unwrap_or(0);
    }
    stats.rating = (stars * 100).checked_div(stats.rated);
    stats.cost_per_completed = paid.0.checked_div(completed).map(NanoUsd);
    Ok(stats)
}
