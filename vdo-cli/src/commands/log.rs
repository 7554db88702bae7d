//! `vdo log`: the events of a job, or its journal and ledger.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use vdo_core::id::StepKey;
use vdo_core::job::JobStatus;
use vdo_core::port::{CallRow, Clock as _, StepState};

use crate::app::App;
use crate::args;
use crate::fail::Fail;
use crate::story;

/// A step with the calls made for it.
#[derive(Debug, Serialize)]
struct StepView {
    step: StepKey,
    state: Option<StepState>,
    calls: Vec<CallView>,
}

#[derive(Debug, Serialize)]
struct CallView {
    #[serde(flatten)]
    row: CallRow,
    possibly_billed: bool,
}

/// Shows what happened.
pub(crate) async fn show(app: &App, args: &args::Log) -> Result<(), Fail> {
    if args.journal { journal(app, args).await } else { events(app, args).await }
}

async fn events(app: &App, args: &args::Log) -> Result<(), Fail> {
    let engine = app.engine()?;
    let store = engine.store();
    let mut after = args.after;
    loop {
        let status = store.job(args.id).await?.status;
        let page = store.events(args.id, after, 500).await?;
        for event in &page {
            after = event.seq;
            if app.out.json {
                app.out.value(event)?;
            } else if let Some(line) = story::line(&event.kind) {
                app.out.line(format!("{:>5} {line}", event.seq))?;
            }
        }
        let over = !matches!(status, JobStatus::Queued | JobStatus::Running);
        if page.is_empty() && (over || !args.follow) {
            return Ok(());
        }
        if page.is_empty() {
            app.clock.sleep(Duration::from_millis(300)).await;
        }
    }
}

async fn journal(app: &App, args: &args::Log) -> Result<(), Fail> {
    let engine = app.engine()?;
    let mut calls: BTreeMap<StepKey, Vec<CallRow>> = BTreeMap::new();
    for row in engine.store().calls(args.id).await? {
        calls.entry(row.step.clone()).or_default().push(row);
    }
    let mut views = Vec::new();
    for step in engine.store().steps(args.id).await? {
        let rows = calls.remove(&step.key).unwrap_or_default();
        let rows = rows
            .into_iter()
            .map(|row| CallView { possibly_billed: row.state == vdo_core::port::CallState::PossiblyBilled, row })
            .collect();
        views.push(StepView { step: step.key, state: Some(step.state), calls: rows });
    }
    if app.out.json {
        return app.out.value(&views);
    }
    for view in views {
        let state = view.state.map_or("", StepState::as_str);
        app.out.line(format!("{:<24} {state}", view.step.to_string()))?;
        for call in view.calls {
            let usage = call.row.usage.unwrap_or_default();
            let cost = call.row.cost.map_or("unknown price".to_owned(), |cost| cost.to_string());
            app.out.line(format!(
                "    {}. {}:{} {} — {} in, {} out, {cost}",
                call.row.number,
                call.row.provider,
                call.row.model,
                call.row.state.as_str(),
                usage.total_input(),
                usage.output
            ))?;
            if let Some(failure) = &call.row.failure {
                app.out.line(format!("       {}", story::plain(&failure.message, 300)))?;
            }
        }
    }
    Ok(())
}
