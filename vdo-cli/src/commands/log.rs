//! `vdo log`: the events of a job, or its journal and ledger.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use vdo_core::content::BlobHash;
use vdo_core::id::StepKey;
use vdo_core::job::JobStatus;
use vdo_core::port::{CallRow, CallState, Clock as _, StepState};

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
    /// What had arrived of a reply that was never heard to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<String>,
}

/// Shows what happened.
pub(crate) async fn show(app: &App, args: &args::Log) -> Result<(), Fail> {
    if args.attempts {
        attempts(app, args).await
    } else if args.journal {
        journal(app, args).await
    } else {
        events(app, args).await
    }
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
            match store.watch() {
                // The status may change without an event that is read here.
                Some(watch) => {
                    let heard = std::pin::pin!(watch.changed(args.id, after));
                    let _ = tokio::time::timeout(Duration::from_secs(2), heard).await;
                }
                None => app.clock.sleep(Duration::from_millis(300)).await,
            }
        }
    }
}

/// A task or repair, as it is listed.
#[derive(Debug, Serialize)]
struct AttemptLine {
    step: StepKey,
    models: Vec<String>,
    outcome: &'static str,
    failure: Option<String>,
    turns: u32,
    files: Vec<String>,
    added: u64,
    removed: u64,
    /// How many checks failed on its tree, where that was the best so far.
    failing: Option<u64>,
    tree_hash: BlobHash,
}

async fn attempts(app: &App, args: &args::Log) -> Result<(), Fail> {
    let views = app.engine()?.attempts(args.id).await?;
    let lines = views.into_iter().map(|view| AttemptLine {
        step: view.attempt.step,
        models: view.models,
        outcome: if view.attempt.failure.is_some() { "given_up" } else { "done" },
        failure: view.attempt.failure,
        turns: view.attempt.turns,
        files: view.attempt.changed.iter().map(|change| change.path.to_string()).collect(),
        added: view.added,
        removed: view.removed,
        failing: view.failing,
        tree_hash: view.attempt.root,
    });
    let lines: Vec<AttemptLine> = lines.collect();
    if app.out.json {
        return app.out.value(&lines);
    }
    for line in lines {
        let outcome = line.outcome.replace('_', " ");
        let files = if line.files.len() == 1 { "file" } else { "files" };
        let failing = line.failing.map_or(String::new(), |failing| format!(", best so far: {failing} failing"));
        app.out.line(format!(
            "{:<18} {outcome:<9} {} {files}, +{} -{}, {}{failing}",
            line.step.to_string(),
            line.files.len(),
            line.added,
            line.removed,
            story::plain(&line.models.join(", "), 100)
        ))?;
        if let Some(failure) = &line.failure {
            app.out.line(format!("    {}", story::plain(failure, 300)))?;
        }
    }
    Ok(())
}

async fn journal(app: &App, args: &args::Log) -> Result<(), Fail> {
    let engine = app.engine()?;
    let mut calls: BTreeMap<StepKey, Vec<CallRow>> = BTreeMap::new();
    for row in engine.store().calls(args.id).await? {
        calls.entry(row.step.clone()).or_default().push(row);
    }
    let partials = engine.store().partials(args.id).await?;
    let mut partials: BTreeMap<(StepKey, u32), String> =
        partials.into_iter().map(|kept| ((kept.step, kept.number), kept.text)).collect();
    let mut views = Vec::new();
    for step in engine.store().steps(args.id).await? {
        let rows = calls.remove(&step.key).unwrap_or_default();
        let rows = rows
            .into_iter()
            .map(|row| CallView {
                possibly_billed: row.state == CallState::PossiblyBilled,
                partial: partials.remove(&(row.step.clone(), row.number)),
                row,
            })
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
            if let Some(partial) = &call.partial {
                let begun = story::plain(partial, 300);
                app.out.line(format!("       {} bytes of the reply had arrived: {begun}", partial.len()))?;
            }
        }
    }
    Ok(())
}
