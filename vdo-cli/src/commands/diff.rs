//! `vdo diff`: what differs between two jobs, or what one changed.

use std::io::Write as _;

use serde::Serialize;
use vdo_core::content::{Bytes, Entry, Mode};
use vdo_core::contents::Contents;
use vdo_core::engine::Engine;
use vdo_core::patch::{self, FileChange, Size, Status};
use vdo_core::path::RepoPath;
use vdo_workspace::beside::NewFile;

use super::trees::has_result;
use crate::app::App;
use crate::args;
use crate::fail::Fail;

/// Files whose contents are in memory at once.
const AT_ONCE: usize = 64;

/// How one file differs.
#[derive(Debug, Serialize)]
struct FileView<'a> {
    filename: &'a RepoPath,
    status: Status,
    from: Option<&'a RepoPath>,
    similarity: Option<u8>,
    added: u32,
    removed: u32,
    binary: bool,
    old_mode: Option<Mode>,
    new_mode: Option<Mode>,
}

/// Shows what differs between two jobs, or what one changed.
pub(crate) async fn diff(app: &App, args: &args::Diff) -> Result<(), Fail> {
    if args.patch && app.out.json {
        return Err(Fail::usage("--patch and --json exclude each other"));
    }
    let engine = app.engine()?;
    if let Some(attempt) = &args.attempt {
        engine.store().job(args.a.job).await?;
        return write(app, args, &engine, engine.attempt_changes(args.a.job, attempt).await?).await;
    }
    for reference in [Some(args.a), args.b].into_iter().flatten() {
        has_result(app, reference).await?;
    }
    let changes = match args.b {
        Some(b) => engine.changes(Some(args.a), b).await?,
        None => engine.changes(None, args.a).await?,
    };
    write(app, args, &engine, changes).await
}

/// Writes changes as they were asked for.
async fn write(app: &App, args: &args::Diff, engine: &Engine, changes: Vec<FileChange>) -> Result<(), Fail> {
    let wants_patch = !app.out.json && (args.patch || !args.stat);
    let mut out = match &args.output {
        Some(path) => {
            let file = NewFile::create(path);
            Target::File(file.map_err(|error| Fail::failed(format!("{} cannot be written: {error}", path.display())))?)
        }
        None => Target::Standard,
    };
    // The sum comes first, and is told once every file was looked at.
    let sums = if args.stat || app.out.json { sizes(engine, &changes).await? } else { Vec::new() };
    if app.out.json {
        let views: Vec<FileView<'_>> = sums.iter().map(|(change, size)| view(change, size)).collect();
        let text = serde_json::to_string(&views).map_err(|error| Fail::failed(error.to_string()))?;
        out.write(app, format!("{text}\n").as_bytes())?;
    } else if args.stat {
        out.write(app, patch::stat(&sums).as_bytes())?;
    }
    if wants_patch {
        if args.stat {
            out.write(app, b"\n")?;
        }
        for some in changes.chunks(AT_ONCE) {
            let contents = load(engine, some).await?;
            for change in some {
                let (old, new) = (bytes(&contents, change.before), bytes(&contents, change.after));
                out.write(app, &patch::patch(change, &old, &new))?;
            }
        }
    }
    out.finish()
}

/// Where the difference is written.
enum Target {
    Standard,
    File(NewFile),
}

impl Target {
    fn write(&mut self, app: &App, bytes: &[u8]) -> Result<(), Fail> {
        match self {
            Self::Standard => app.out.bytes(bytes),
            Self::File(file) => Ok(file.write_all(bytes)?),
        }
    }

    fn finish(self) -> Result<(), Fail> {
        match self {
            Self::Standard => Ok(()),
            Self::File(file) => Ok(file.finish()?),
        }
    }
}

async fn sizes(engine: &Engine, changes: &[FileChange]) -> Result<Vec<(FileChange, Size)>, Fail> {
    let mut sizes = Vec::new();
    for some in changes.chunks(AT_ONCE) {
        let contents = load(engine, some).await?;
        for change in some {
            let (old, new) = (bytes(&contents, change.before), bytes(&contents, change.after));
            sizes.push((change.clone(), patch::size(&old, &new)));
        }
    }
    Ok(sizes)
}

async fn load(engine: &Engine, changes: &[FileChange]) -> Result<Contents, Fail> {
    Ok(engine.contents(changes.iter().flat_map(FileChange::contents)).await?)
}

fn bytes(contents: &Contents, entry: Option<Entry>) -> Bytes {
    entry.and_then(|entry| contents.get(entry.blob)).unwrap_or_default()
}

fn view<'a>(change: &'a FileChange, size: &Size) -> FileView<'a> {
    FileView {
        filename: &change.path,
        status: change.status(),
        from: change.from.as_ref().map(|(from, _)| from),
        similarity: change.from.as_ref().map(|(_, similarity)| *similarity),
        added: size.added,
        removed: size.removed,
        binary: size.binary.is_some(),
        old_mode: change.before.map(|entry| entry.mode),
        new_mode: change.after.map(|entry| entry.mode),
    }
}
