//! `vdo conflicts` and `vdo resolve`: what a merge left to decide, and deciding it.

use std::io::Read as _;

use serde::Serialize;
use vdo_core::conflict::{ConflictKind, Decision, Side};
use vdo_core::content::Entry;
use vdo_core::edit::apply::MAX_FILE_BYTES;
use vdo_core::engine::{ConflictView, Resolution};
use vdo_core::job::JobStatus;
use vdo_core::path::RepoPath;

use crate::app::App;
use crate::args;
use crate::fail::Fail;
use crate::story;

/// A conflict in JSON.
#[derive(Debug, Serialize)]
struct View<'a> {
    path: &'a RepoPath,
    state: &'static str,
    kind: ConflictKind,
    reason: &'a str,
    base: Term<'a>,
    ours: Term<'a>,
    theirs: Term<'a>,
    hunks: Vec<Hunk<'a>>,
    marked: Option<&'a str>,
    decision: Option<&'a Decision>,
}

/// One term of a conflict.
#[derive(Debug, Serialize)]
struct Term<'a> {
    /// What it is called at the marker lines.
    name: &'a str,
    /// Where it lies; null where the file is not there.
    filename: Option<&'a RepoPath>,
    entry: Option<Entry>,
}

#[derive(Debug, Serialize)]
struct Hunk<'a> {
    line: usize,
    reason: &'a str,
    base: &'a str,
    ours: &'a str,
    theirs: &'a str,
}

impl<'a> View<'a> {
    fn of(view: &'a ConflictView) -> Self {
        let row = &view.row;
        let term = |name, place: &'a Option<RepoPath>, entry: Option<Entry>| Term {
            name,
            filename: entry.map(|_| place.as_ref().unwrap_or(&row.path)),
            entry,
        };
        let hunk = |hunk: &'a vdo_core::engine::HunkView| Hunk {
            line: hunk.line,
            reason: &hunk.reason,
            base: &hunk.base,
            ours: &hunk.ours,
            theirs: &hunk.theirs,
        };
        Self {
            path: &row.path,
            state: if row.is_open() { "open" } else { "resolved" },
            kind: row.kind,
            reason: &row.reason,
            base: term("base", &row.base_path, row.base),
            ours: term(&view.ours, &row.ours_path, row.ours),
            theirs: term(&view.theirs, &row.theirs_path, row.theirs),
            hunks: view.hunks.iter().map(hunk).collect(),
            marked: view.marked.as_deref(),
            decision: row.decision.as_ref(),
        }
    }
}

/// Shows what a merge left to decide.
pub(crate) async fn show(app: &App, args: &args::OneJob) -> Result<(), Fail> {
    let found = app.engine()?.conflicts(args.id).await?;
    let views: Vec<View<'_>> = found.iter().map(View::of).collect();
    if app.out.json {
        return app.out.value(&views);
    }
    for view in &views {
        app.out.line(format!("{:<9} {}: {}", view.state, view.path, story::plain(view.reason, 300)))?;
        if let Some(decision) = view.decision {
            let author = story::plain(&decision.author, 100);
            app.out.line(format!("          {} by {author}", decision.how.as_str()))?;
            continue;
        }
        if view.hunks.is_empty() {
            for term in [&view.base, &view.ours, &view.theirs] {
                let what = term.filename.map_or_else(|| "not there".to_owned(), ToString::to_string);
                app.out.line(format!("          {}: {what}", term.name))?;
            }
        }
        for hunk in &view.hunks {
            let why = if hunk.reason == view.reason { "" } else { hunk.reason };
            app.out.line(format!("          line {} {}", hunk.line, story::plain(why, 300)).trim_end())?;
            for (mark, name, lines) in [
                ("<<<<<<<", view.ours.name, hunk.ours),
                ("|||||||", view.base.name, hunk.base),
                ("=======", "", hunk.theirs),
                (">>>>>>>", view.theirs.name, ""),
            ] {
                app.out.line(format!("{mark} {name}").trim_end())?;
                for line in lines.lines() {
                    app.out.line(harmless(line))?;
                }
            }
        }
    }
    if views.is_empty() {
        app.out.say(format!("the merge of job {} left nothing to decide", args.id));
    }
    Ok(())
}

/// Returns a line of a file without what could move the cursor.
fn harmless(line: &str) -> String {
    line.chars().filter(|c| *c == '\t' || !c.is_control()).collect()
}

/// What came of a decision.
#[derive(Debug, Serialize)]
struct Resolved {
    path: RepoPath,
    status: JobStatus,
    open: Vec<RepoPath>,
}

/// Decides a conflict.
pub(crate) async fn resolve(app: &App, args: &args::Resolve) -> Result<(), Fail> {
    let path: RepoPath = args.path.parse().map_err(|error| Fail::usage(format!("{error}")))?;
    let engine = app.engine()?;
    engine.store().job(args.id).await?;
    let resolution = match args.take.as_str() {
        "ours" => Resolution::Take(Side::Ours),
        "theirs" => Resolution::Take(Side::Theirs),
        "base" => Resolution::Take(Side::Base),
        "delete" => Resolution::Delete,
        file => Resolution::File(read(file)?),
    };
    let job = engine.resolve(args.id, &path, resolution, "a person").await?;
    let rows = engine.store().conflicts(args.id).await?;
    let open: Vec<RepoPath> = rows.into_iter().filter(|row| row.is_open()).map(|row| row.path).collect();
    if app.out.json {
        return app.out.value(&Resolved { path, status: job.status, open });
    }
    let names: Vec<&str> = open.iter().map(RepoPath::as_str).collect();
    app.out.say(match names.as_slice() {
        [] => format!("{path} is decided, as the last one; vdo run {} goes on", job.id.number()),
        names => format!("{path} is decided; open are {}", story::plain(&names.join(", "), 400)),
    });
    Ok(())
}

/// Reads a file, or standard input; one byte more than is taken, so that too much shows.
fn read(file: &str) -> Result<Vec<u8>, Fail> {
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = match file {
        "-" => std::io::stdin().lock().take(limit).read_to_end(&mut bytes),
        _ => std::fs::File::open(file).and_then(|open| open.take(limit).read_to_end(&mut bytes)),
    };
    read.map_err(|error| {
        Fail::usage(format!("--take {file}: expected ours, theirs, base, delete or a file: {error}"))
    })?;
    Ok(bytes)
}
