//! `vdo files`, `vdo cat` and `vdo blame`: looking at the trees of jobs.

use serde::Serialize;
use vdo_core::id::{JobId, RevisionRef, TaskId};
use vdo_core::path::RepoPath;
use vdo_core::port::StoreError;
use vdo_core::provenance;

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
    let blobs = engine.store().blobs(&[file.entry.blob]).await.map_err(|error| match error {
        StoreError::Corrupt { .. } => Fail::failed(format!("{path} of job {}: {error}", args.id)),
        other => other.into(),
    })?;
    match blobs.first() {
        Some(blob) => app.out.bytes(blob.bytes()),
        None => Err(Fail::failed(format!("the content of {path} is missing"))),
    }
}

/// A line and where it comes from.
#[derive(Debug, Serialize)]
struct LineView<'a> {
    line: usize,
    job: JobId,
    revision: u32,
    /// Where the file was then.
    filename: &'a RepoPath,
    step: Option<String>,
    task: Option<&'a TaskId>,
    model: Option<&'a str>,
    author: &'a str,
    text: String,
}

/// Tells which job, task and model each line of a file comes from.
pub(crate) async fn blame(app: &App, args: &args::Cat) -> Result<(), Fail> {
    let path: RepoPath = args.path.parse().map_err(|error| Fail::usage(format!("{error}")))?;
    has_result(app, args.id).await?;
    let blamed = app.engine()?.blame(args.id, &path).await?;
    let texts = provenance::units(&blamed.content);
    let lines = blamed.lines.iter().zip(&texts).zip(1..).map(|((origin, text), line)| LineView {
        line,
        job: origin.job,
        revision: origin.revision,
        filename: &origin.path,
        step: origin.step.as_ref().map(ToString::to_string),
        task: origin.step.as_ref().and_then(|step| step.task.as_ref()),
        model: origin.model.as_deref(),
        author: &origin.author,
        text: shown(text),
    });
    let lines: Vec<LineView<'_>> = lines.collect();
    if app.out.json {
        return app.out.value(&lines);
    }
    let job = |line: &LineView<'_>| line.job.to_string();
    let task = |line: &LineView<'_>| line.task.map_or_else(|| "-".to_owned(), ToString::to_string);
    // A line that no model wrote has an author all the same: the import, a person, a merge.
    let writer = |line: &LineView<'_>| line.model.unwrap_or(line.author).to_owned();
    let width = |column: &dyn Fn(&LineView<'_>) -> String| {
        lines.iter().map(|line| column(line).chars().count()).max().unwrap_or(0)
    };
    let widths = (width(&job), width(&task), width(&writer));
    let mut text = String::new();
    for line in &lines {
        let (job, task, writer) = (job(line), task(line), writer(line));
        let (first, second, third) = widths;
        text.push_str(&format!("{job:<first$} {task:<second$} {writer:<third$} | {}\n", line.text));
    }
    app.out.bytes(text.as_bytes())
}

/// Returns a line without its end; a binary content is named, not shown.
fn shown(text: &[u8]) -> String {
    if vdo_core::diff::is_binary(text) {
        return format!("({} bytes of binary content)", text.len());
    }
    String::from_utf8_lossy(text).trim_end_matches(['\n', '\r']).to_owned()
}
