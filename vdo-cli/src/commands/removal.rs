//! `vdo purge`, `vdo detach` and `vdo redact`: taking things out of the store.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use serde::Serialize;
use vdo_core::content::BlobHash;
use vdo_core::engine::Engine;
use vdo_core::id::JobId;
use vdo_core::job::Job;
use vdo_core::path::RepoPath;
use vdo_core::port::JobQuery;
use vdo_core::port::upkeep::{Purged, Redacted};

use crate::app::App;
use crate::args;
use crate::fail::Fail;
use crate::story;

/// The longest text that is looked for, in bytes.
const MAX_TEXT: u64 = 1024 * 1024;
/// What no command can reach, wherever a content was.
const BEYOND: &[&str] = &[
    "git branches that were pushed, and clones of them",
    "backups and copies of the store's file",
    "what providers keep of the requests they were sent",
    "names of files, and parts of a content that stand somewhere in another form",
];

/// What goes, or went.
#[derive(Debug, Serialize)]
struct View<'a> {
    #[serde(flatten)]
    purged: &'a Purged,
    done: bool,
    /// Places outside the store that keep what was put there.
    untouched: &'a [String],
}

/// Takes a job away, if nothing builds on it, or a whole subtree.
pub(crate) async fn purge(app: &App, args: &args::Purge) -> Result<(), Fail> {
    let engine = app.engine()?;
    let (jobs, plan) = engine.purge_plan(args.id, args.subtree).await?;
    let places = engine.places(&jobs).await?;
    if !args.yes {
        list(app, &jobs, &plan, &places)?;
        if !agrees(app)? {
            let subtree = if args.subtree { " --subtree" } else { "" };
            let text = format!("nothing was changed; vdo purge {}{subtree} --yes takes this away", args.id.number());
            return Err(Fail::Decision(text));
        }
    }
    let purged = engine.purge(&jobs).await?;
    if app.out.json {
        return app.out.value(&View { purged: &purged, done: true, untouched: &places });
    }
    let names: Vec<String> = purged.jobs.iter().map(ToString::to_string).collect();
    app.out.say(format!("purged {}: {} contents, {} bytes", names.join(" "), purged.blobs, purged.bytes));
    untouched(app, &places);
    Ok(())
}

fn list(app: &App, jobs: &[Job], plan: &Purged, places: &[String]) -> Result<(), Fail> {
    if app.out.json {
        return app.out.value(&View { purged: plan, done: false, untouched: places });
    }
    for job in jobs {
        app.out.line(format!("{:<6} {:<15} {}", job.id.to_string(), job.status, story::plain(&job.spec.title, 60)))?;
    }
    app.out.line(format!(
        "{} jobs, {} revisions, {} steps, {} events, {} contents that nothing else uses, {} bytes",
        plan.jobs.len(),
        plan.revisions,
        plan.steps,
        plan.events,
        plan.blobs,
        plan.bytes
    ))?;
    if !plan.waits_for.is_empty() {
        let names: Vec<String> = plan.waits_for.iter().map(ToString::to_string).collect();
        app.out.say(format!("contents stay while {} unfinished: their runs may need them", names.join(", ")));
    }
    untouched(app, places);
    Ok(())
}

fn untouched(app: &App, places: &[String]) {
    for place in places {
        app.out.say(format!("stays as it is: {}", story::plain(place, 200)));
    }
    if places.is_empty() {
        app.out.say("nothing was delivered or deployed from these jobs");
    }
}

/// Asks at a terminal; nowhere else.
fn agrees(app: &App) -> Result<bool, Fail> {
    let input = std::io::stdin();
    if !input.is_terminal() || app.out.json {
        return Ok(false);
    }
    app.out.say("This cannot be undone. Type yes to go on:");
    let mut line = String::new();
    input.lock().read_line(&mut line)?;
    Ok(line.trim() == "yes")
}

/// A job that stands on its own now.
#[derive(Debug, Serialize)]
struct Detached {
    detached: Vec<JobId>,
}

/// Makes the children of a job stand on their own.
pub(crate) async fn detach(app: &App, args: &args::OneJob) -> Result<(), Fail> {
    let jobs = app.engine()?.detach(args.id).await?;
    let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    if app.out.json {
        return app.out.value(&Detached { detached: ids });
    }
    let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
    app.out.say(match names.as_slice() {
        [] => format!("job {} has no children", args.id),
        names => format!("{} stand on their own from here on; job {} can be purged", names.join(" "), args.id),
    });
    Ok(())
}

/// What a redaction did, and what it could not.
#[derive(Debug, Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    redacted: &'a Redacted,
    /// Places outside the store where it may still be.
    beyond: Vec<String>,
}

/// Takes a leaked content or text out of the store.
pub(crate) async fn redact(app: &App, args: &args::Redact) -> Result<(), Fail> {
    let engine = app.engine()?;
    let (mut blobs, mut text) = (Vec::new(), None);
    match (args.id, &args.path) {
        (Some(id), Some(path)) => {
            let path: RepoPath = path.parse().map_err(|error| Fail::usage(format!("{error}")))?;
            let revision = engine.store().resolve(id).await?;
            let manifest = engine.store().manifest(revision.id).await?;
            let file = manifest.0.get(&path).ok_or_else(|| Fail::NotFound(format!("job {id} has no file {path}")))?;
            blobs.push(file.entry.blob);
        }
        (Some(_), None) => return Err(Fail::usage("name the file, too: vdo redact ID PATH")),
        (None, _) => {}
    }
    if let Some(hash) = &args.blob {
        blobs.push(hash.parse::<BlobHash>().map_err(|error| Fail::usage(format!("--blob {hash}: {error}")))?);
    }
    if let Some(file) = &args.text {
        text = Some(read(file)?);
    }
    if blobs.is_empty() && text.is_none() {
        return Err(Fail::usage("say what is to go: ID PATH, --blob HASH or --text FILE (- for standard input)"));
    }
    let redacted = engine.redact(blobs, text, "a person").await?;
    let beyond = beyond(&engine).await?;
    if app.out.json {
        return app.out.value(&Report { redacted: &redacted, beyond });
    }
    for place in &redacted.searched {
        app.out.line(format!("{:>6} in {}", place.hits, place.place))?;
    }
    let names: Vec<String> = redacted.revisions.iter().map(ToString::to_string).collect();
    if !names.is_empty() {
        app.out.say(format!("files of {} show a tombstone; these revisions have new root hashes", names.join(" ")));
    }
    if !redacted.erased {
        app.out.say("freed pages of the store's file could not be cleared, because another process uses it: try again");
    }
    for place in beyond {
        app.out.say(format!("not reached: {}", story::plain(&place, 200)));
    }
    Ok(())
}

/// Names the places outside the store where something may still be.
async fn beyond(engine: &Engine) -> Result<Vec<String>, Fail> {
    let mut jobs = Vec::new();
    let mut query = JobQuery::default().with_archived().with_limit(1000);
    loop {
        let page = engine.store().jobs(&query).await?;
        let Some(last) = page.last() else { break };
        query = query.with_before(last.id);
        jobs.extend(page);
    }
    let mut places = engine.places(&jobs).await?;
    places.extend(BEYOND.iter().map(|place| (*place).to_owned()));
    Ok(places)
}

/// Reads the text that is looked for, without the line break that ends it.
fn read(file: &str) -> Result<Vec<u8>, Fail> {
    let mut bytes = Vec::new();
    let read = match file {
        "-" => std::io::stdin().lock().take(MAX_TEXT + 1).read_to_end(&mut bytes),
        _ => std::fs::File::open(file).and_then(|open| open.take(MAX_TEXT + 1).read_to_end(&mut bytes)),
    };
    read.map_err(|error| Fail::usage(format!("--text {file}: {error}")))?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(Fail::usage(format!("--text {file}: at most {MAX_TEXT} bytes are looked for")));
    }
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        bytes.pop();
    }
    Ok(bytes)
}
