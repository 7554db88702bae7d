//! `vdo jobs`, `vdo show`, `vdo approve` and `vdo cancel`.

use vdo_core::job::{JobStatus, MergePolicy};
use vdo_core::port::JobQuery;

use crate::app::App;
use crate::args;
use crate::fail::Fail;
use crate::story;
use crate::view;

/// Lists jobs.
pub(crate) async fn list(app: &App, args: &args::Jobs) -> Result<(), Fail> {
    let mut query = JobQuery::default().with_limit(args.limit.clamp(1, 1000));
    if let Some(status) = &args.status {
        let known = JobStatus::ALL.into_iter().find(|known| known.as_str() == status).ok_or_else(|| {
            let names: Vec<&str> = JobStatus::ALL.iter().map(|status| status.as_str()).collect();
            Fail::usage(format!("{status:?} is no status: expected one of {}", names.join(", ")))
        })?;
        query = query.with_status(known);
    }
    if args.all {
        query = query.with_archived();
    }
    let jobs = app.engine()?.store().jobs(&query).await?;
    if app.out.json {
        return app.out.value(&jobs.iter().map(view::short).collect::<Vec<_>>());
    }
    for job in jobs {
        let parents: Vec<String> = job.parents.iter().map(|link| link.job.to_string()).collect();
        let extends = match parents.len() {
            0 => String::new(),
            1 => format!("  extends {}", parents.concat()),
            _ => format!("  merges {}", parents.join(" ")),
        };
        let title = story::plain(&job.spec.title, 60);
        app.out.line(format!("{:<6} {:<15} {:<12} {title}{extends}", job.id.to_string(), job.status, job.cost))?;
    }
    Ok(())
}

/// Shows one job.
pub(crate) async fn show(app: &App, args: &args::OneJob) -> Result<(), Fail> {
    let view = view::full(&app.engine()?, args.id).await?;
    if app.out.json {
        return app.out.value(&view);
    }
    let out = &app.out;
    out.line(format!("{} {}", view.id, story::plain(&view.title, 200)))?;
    let reason = view.reason.as_deref().map_or(String::new(), |reason| format!(" — {}", story::plain(reason, 400)));
    out.line(format!("status    {}{reason}", view.status))?;
    if view.parents.len() > 1 {
        let names: Vec<String> = view.parents.iter().map(view::pinned).collect();
        out.line(format!(
            "merges    {}, policy {}",
            names.join(" "),
            view.merge_policy.map_or("", MergePolicy::as_str)
        ))?;
    } else if let Some(parent) = &view.parent_job {
        out.line(format!("extends   {} {}", parent.id, story::plain(&parent.title, 100)))?;
    }
    for child in &view.child_jobs {
        out.line(format!("child     {} {}", child.id, story::plain(&child.title, 100)))?;
    }
    if view.conflicts.open + view.conflicts.resolved > 0 {
        let open = &view.conflicts;
        let paths: Vec<&str> = open.paths.iter().map(|path| path.as_str()).collect();
        let paths = story::plain(&paths.join(" "), 400);
        out.line(format!("conflicts {} open, {} resolved {paths}", open.open, open.resolved).trim_end())?;
    }
    if let Some(branch) = &view.branch {
        out.line(format!("branch    {branch}"))?;
    }
    for stamp in &view.stamps {
        let text = serde_json::to_string(stamp).unwrap_or_default();
        out.line(format!("stamp     {}", text.trim_matches('"')))?;
    }
    out.line(format!("calls     {}, {}", view.calls, story::spent(&view.usage, view.cost_nanousd)))?;
    if let Some(check) = view.checks.last() {
        let verdict = if check.passed { "passed" } else { "failed" };
        out.line(format!("check     {verdict} in {}: {}", check.tier, story::plain(&check.command, 160)))?;
    }
    if let Some(comparison) = view.comparison.as_ref().filter(|comparison| !comparison.summary().is_empty()) {
        out.line(format!("compared  {}", comparison.summary()))?;
        let lists = [
            (&comparison.broke, "broke"),
            (&comparison.new_failed, "fails"),
            (&comparison.red_before, "was red"),
            (&comparison.vanished, "vanished"),
            (&comparison.flaky, "flaky"),
        ];
        for (list, what) in lists.into_iter().filter(|(list, _)| !list.is_empty()) {
            out.line(format!("          {what}: {}", story::plain(&list.named(10), 400)))?;
        }
    }
    for found in &view.findings {
        let reason = found.standing.reason().map_or(String::new(), |reason| format!(" — {reason}"));
        let text = story::plain(&format!("{} {}: {}{reason}", found.id, found.standing.as_str(), found.finding), 300);
        out.line(format!("finding   {text}"))?;
    }
    let count = |source: &str| view.files.iter().filter(|file| file.source == source).count();
    out.line(format!(
        "files     {} created, {} modified, {} renamed, {} deleted, {} inherited",
        count("created"),
        count("modified"),
        count("renamed"),
        count("deleted"),
        count("inherited")
    ))
}

/// Accepts a result that waits for a decision.
pub(crate) async fn approve(app: &App, args: &args::OneJob) -> Result<(), Fail> {
    let job = app.engine()?.approve(args.id).await?;
    app.out.say(format!("job {} is {}", job.id, job.status));
    Ok(())
}

/// Asks a job to stop; one that nobody runs is cancelled at once.
pub(crate) async fn cancel(app: &App, args: &args::OneJob) -> Result<(), Fail> {
    let job = app.engine()?.cancel(args.id).await?;
    let how = if job.status == JobStatus::Cancelled { "is cancelled" } else { "is asked to stop" };
    app.out.say(format!("job {} {how}", job.id));
    Ok(())
}
