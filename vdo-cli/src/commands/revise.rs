//! `vdo rollback`, `vdo correct`, `vdo rebase` and `vdo archive`: a job after its run.

use std::sync::Arc;

use serde::Serialize;
use vdo_core::engine::{Corrected, Engine, Observer, RebaseEnd, Rebased};
use vdo_core::id::{JobId, RevisionRef};
use vdo_core::job::{Cause, Job, JobStatus};
use vdo_workspace::correction;
use vdo_workspace::import::ImportLimits;

use crate::app::App;
use crate::args;
use crate::fail::{Fail, chain};
use crate::story;

/// Who is named as the author of what is done at the command line.
const AUTHOR: &str = "a person";

/// A job and what became of it.
#[derive(Debug, Serialize)]
struct View {
    job: JobId,
    status: JobStatus,
    reason: Option<String>,
    /// Its newest revision.
    revision: Option<u32>,
    /// Why that exists.
    cause: Option<Cause>,
    /// Whether this command changed anything.
    changed: bool,
    /// The paths that wait for a decision.
    conflicts: Vec<String>,
}

impl View {
    async fn of(engine: &Engine, job: &Job, changed: bool) -> Result<Self, Fail> {
        let rows = engine.store().conflicts(job.id).await?;
        Ok(Self {
            job: job.id,
            status: job.status,
            reason: job.reason.clone(),
            revision: job.head.as_ref().map(|head| head.number),
            cause: job.head.as_ref().map(|head| head.cause),
            changed,
            conflicts: rows.into_iter().filter(|row| row.is_open()).map(|row| row.path.to_string()).collect(),
        })
    }
}

/// Tells what happens, in lines.
fn observer(app: &App) -> Observer {
    let out = app.out;
    Arc::new(move |event| {
        if !out.json
            && let Some(line) = story::line(&event.kind)
        {
            out.say(line);
        }
    })
}

async fn tell(app: &App, engine: &Engine, job: &Job) -> Result<(), Fail> {
    if app.out.json {
        app.out.value(&View::of(engine, job, true).await?)?;
    } else {
        let number = job.head.as_ref().map_or(0, |head| head.number);
        app.out.say(format!("{} {}, revision {number}", job.id, job.status));
    }
    match job.status {
        JobStatus::Completed => Ok(()),
        _ => {
            let reason = story::plain(job.reason.as_deref().unwrap_or_default(), 2000);
            Err(Fail::Decision(format!("job {} is {}: {reason}", job.id, job.status)))
        }
    }
}

/// Makes an older revision current again.
pub(crate) async fn rollback(app: &App, args: &args::Rollback) -> Result<(), Fail> {
    let to = match (args.id.number, args.to) {
        (Some(_), Some(_)) => return Err(Fail::usage("give the revision once: ID@N or --to N")),
        (number, to) => number.or(to),
    };
    if to.is_some() && (args.task.is_some() || args.attempt.is_some()) {
        return Err(Fail::usage("a revision, a task or an attempt: give one of them"));
    }
    let id = args.id.job;
    let engine = match (&args.task, &args.attempt) {
        (None, None) => app.bare_engine(observer(app))?,
        // What nobody made before has to be checked.
        _ => app.checking(observer(app)).await?,
    };
    let job = match (&args.task, &args.attempt) {
        (Some(task), _) => engine.rollback_task(id, task, AUTHOR).await?,
        (None, Some(attempt)) => engine.rollback_to_attempt(id, attempt, AUTHOR).await?,
        (None, None) => engine.rollback(id, to, AUTHOR).await?,
    };
    tell(app, &engine, &job).await
}

/// Takes in what a person made of a job's files.
pub(crate) async fn correct(app: &App, args: &args::Correct) -> Result<(), Fail> {
    super::trees::has_result(app, RevisionRef::head(args.id)).await?;
    let engine = app.checking(observer(app)).await?;
    let head = engine.store().resolve(RevisionRef::head(args.id)).await?;
    let before = engine.store().manifest(head.id).await?.tree();
    let folder = args.from.clone();
    let read = tokio::task::spawn_blocking(move || correction::read(&folder, &before, &ImportLimits::default())).await;
    let read = read.map_err(|error| Fail::failed(error.to_string()))?.map_err(|error| Fail::usage(chain(&error)))?;
    for skipped in read.skipped.iter().take(20) {
        app.out.say(format!("left out: {}: {}", story::plain(&skipped.path, 200), skipped.reason));
    }
    let (tree, blobs, note) = (read.tree, read.blobs, args.note.clone());
    let corrected = Corrected { tree, blobs, note, author: AUTHOR.to_owned() };
    match engine.correct(args.id, corrected).await? {
        Some(job) => tell(app, &engine, &job).await,
        None => {
            app.out.say(format!("nothing changed: {} is what job {} has", args.from.display(), args.id));
            if app.out.json {
                app.out.value(&View::of(&engine, &engine.store().job(args.id).await?, false).await?)?;
            }
            Ok(())
        }
    }
}

/// Carries a job, or all that grew out of it, over to the newest revisions of the parents.
pub(crate) async fn rebase(app: &App, args: &args::Rebase) -> Result<(), Fail> {
    if args.abort {
        let engine = app.engine()?;
        let job = engine.abort_rebase(args.id, AUTHOR).await?;
        return tell(app, &engine, &job).await;
    }
    let engine = app.checking(observer(app)).await?;
    let mut all = Vec::new();
    let job = engine.store().job(args.id).await?;
    if !args.descendants || !job.parents.is_empty() {
        all.push(job);
    }
    if args.descendants {
        all.extend(engine.descendants(args.id).await?);
    }
    let mut views = Vec::new();
    let mut stopped = None;
    let mut left = all.iter();
    for job in left.by_ref() {
        // What has no result yet takes the newest revision when it is run; what is hidden stays as it is.
        if job.id != args.id && (job.head.is_none() || job.status == JobStatus::Archived) {
            app.out.say(format!("{} {} is passed over", job.id, job.status));
            continue;
        }
        let onto = args.onto.filter(|_| job.id == args.id);
        let rebased = match engine.rebase(job.id, onto).await {
            Ok(rebased) => rebased,
            Err(error) if job.id == args.id => return Err(error.into()),
            Err(error) => {
                stopped = Some(Fail::from(error));
                break;
            }
        };
        views.push(View::of(&engine, &rebased.job, rebased.end != RebaseEnd::UpToDate).await?);
        if let Err(fail) = told(app, &rebased) {
            stopped = Some(fail);
            break;
        }
    }
    let left: Vec<String> = left.map(|job| job.id.to_string()).collect();
    if app.out.json {
        match views.as_slice() {
            [one] if !args.descendants => app.out.value(one)?,
            all => app.out.value(&all)?,
        }
    }
    if !left.is_empty() {
        app.out.say(format!("not carried over yet: {}", left.join(" ")));
    }
    stopped.map_or(Ok(()), Err)
}

fn told(app: &App, rebased: &Rebased) -> Result<(), Fail> {
    let job = &rebased.job;
    let number = job.head.as_ref().map_or(0, |head| head.number);
    match rebased.end {
        RebaseEnd::UpToDate => app.out.say(format!("{} is up to date", job.id)),
        RebaseEnd::Carried => app.out.say(format!("{} {}, revision {number}", job.id, job.status)),
        RebaseEnd::Conflicts(_) => {}
    }
    if rebased.end == RebaseEnd::UpToDate || job.status == JobStatus::Completed {
        return Ok(());
    }
    let reason = story::plain(job.reason.as_deref().unwrap_or_default(), 2000);
    Err(Fail::Decision(format!("job {} is {}: {reason}", job.id, job.status)))
}

/// Hides a job, or shows it again.
pub(crate) async fn archive(app: &App, args: &args::Archive) -> Result<(), Fail> {
    let engine = app.engine()?;
    let job = if args.undo { engine.restore(args.id).await? } else { engine.archive(args.id).await? };
    if app.out.json {
        return app.out.value(&View::of(&engine, &job, true).await?);
    }
    app.out.say(format!("job {} is {}", job.id, job.status));
    Ok(())
}
