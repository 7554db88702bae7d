//! `vdo files`, `vdo cat` and `vdo diff`: looking at the trees of jobs.

use std::collections::BTreeSet;

use serde::Serialize;
use vdo_core::content::{Bytes, Entry};
use vdo_core::contents::Contents;
use vdo_core::diff;
use vdo_core::id::{RevisionId, RevisionRef};
use vdo_core::path::RepoPath;
use vdo_core::tree::FileTree;

use crate::app::App;
use crate::args;
use crate::fail::Fail;

/// Insists that a job has the result that is asked for.
pub(crate) async fn has_result(app: &App, reference: RevisionRef) -> Result<(), Fail> {
    let job = app.engine()?.store().job(reference.job).await?;
    match job.head {
        Some(_) => Ok(()),
        None => Err(Fail::NotFound(format!("job {} has no result yet; it is {}", job.id, job.status))),
    }
}

/// Lists a job's files.
pub(crate) async fn files(app: &App, args: &args::OneRevision) -> Result<(), Fail> {
    has_result(app, args.id).await?;
    let rows = app.engine()?.files(args.id).await?;
    if app.out.json {
        return app.out.value(&rows);
    }
    for row in rows {
        let from = row.from_job.map_or(String::new(), |job| format!(" from {job}"));
        app.out.line(format!("{:<10} {}{from}", row.source, row.filename))?;
    }
    Ok(())
}

/// Prints a file.
pub(crate) async fn cat(app: &App, args: &args::Cat) -> Result<(), Fail> {
    let path: RepoPath = args.path.parse().map_err(|error| Fail::usage(format!("{error}")))?;
    has_result(app, args.id).await?;
    let engine = app.engine()?;
    let revision = engine.store().resolve(args.id).await?;
    let manifest = engine.store().manifest(revision.id).await?;
    let file = manifest.0.get(&path).ok_or_else(|| Fail::NotFound(format!("job {} has no file {path}", args.id)))?;
    let blobs = engine.store().blobs(&[file.entry.blob]).await?;
    match blobs.first() {
        Some(blob) => app.out.bytes(blob.bytes()),
        None => Err(Fail::failed(format!("the content of {path} is missing"))),
    }
}

/// How one file differs.
#[derive(Debug, Serialize)]
struct FileDiff {
    filename: RepoPath,
    operation: &'static str,
    added: u32,
    removed: u32,
}

/// Shows what differs between two jobs, or what one changed.
pub(crate) async fn diff(app: &App, args: &args::Diff) -> Result<(), Fail> {
    for reference in [Some(args.a), args.b].into_iter().flatten() {
        has_result(app, reference).await?;
    }
    let engine = app.engine()?;
    let store = engine.store();
    let (before, after) = match args.b {
        Some(b) => (store.manifest(store.resolve(args.a).await?.id).await?.tree(), tree_of(app, b).await?),
        None => (parent_tree(app, args.a).await?, tree_of(app, args.a).await?),
    };
    let changed = diff::changed_paths(&before, &after);
    let hashes: BTreeSet<_> =
        changed.iter().flat_map(|(_, old, new)| [*old, *new]).flatten().map(|entry| entry.blob).collect();
    let hashes: Vec<_> = hashes.into_iter().collect();
    let mut contents = Contents::default();
    for blob in store.blobs(&hashes).await? {
        contents.add(&blob);
    }
    let mut rows = Vec::new();
    for (path, old, new) in changed {
        let (before, after) = (side(old, &contents), side(new, &contents));
        let bytes =
            |side: &Option<(Entry, Bytes)>| side.as_ref().map_or_else(Bytes::default, |(_, bytes)| bytes.clone());
        let counts = diff::line_counts(&bytes(&before), &bytes(&after));
        let operation = match (old, new) {
            (None, _) => "created",
            (_, None) => "deleted",
            _ => "modified",
        };
        if !app.out.json && !args.stat {
            app.out.bytes(diff::file_patch(&path, borrowed(&before), borrowed(&after)).as_bytes())?;
        }
        rows.push(FileDiff { filename: path, operation, added: counts.added, removed: counts.removed });
    }
    if app.out.json {
        return app.out.value(&rows);
    }
    if args.stat {
        for row in &rows {
            app.out.line(format!("{:<10} +{:<5} -{:<5} {}", row.operation, row.added, row.removed, row.filename))?;
        }
    }
    Ok(())
}

fn borrowed(side: &Option<(Entry, Bytes)>) -> diff::Side<'_> {
    side.as_ref().map(|(entry, bytes)| (*entry, bytes.as_ref()))
}

fn side(entry: Option<Entry>, contents: &Contents) -> Option<(Entry, Bytes)> {
    entry.and_then(|entry| contents.get(entry.blob).map(|bytes| (entry, bytes)))
}

async fn tree_of(app: &App, reference: RevisionRef) -> Result<FileTree, Fail> {
    let engine = app.engine()?;
    let revision = engine.store().resolve(reference).await?;
    Ok(engine.store().manifest(revision.id).await?.tree())
}

/// Returns the tree of the first parent, as it was pinned; empty for a root.
async fn parent_tree(app: &App, reference: RevisionRef) -> Result<FileTree, Fail> {
    let engine = app.engine()?;
    let job = engine.store().job(reference.job).await?;
    let pinned: Option<RevisionId> = job.parents.first().and_then(|link| link.revision);
    match pinned {
        Some(id) => Ok(engine.store().manifest(id).await?.tree()),
        None => Ok(FileTree::default()),
    }
}
