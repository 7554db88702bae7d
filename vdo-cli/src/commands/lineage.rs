//! `vdo lineage`: what a job grew out of, as the seed's object and as a graph.

use serde::Serialize;
use vdo_core::engine::{Engine, FileCounts};
use vdo_core::id::{JobId, RevisionRef};
use vdo_core::job::{Job, JobKind, JobStatus};
use vdo_core::port::JobQuery;

use crate::app::App;
use crate::args;
use crate::fail::Fail;
use crate::graph::{self, Node};
use crate::story;

/// A job of the chain, with what it did to the files.
#[derive(Debug, Serialize)]
struct Link {
    id: JobId,
    title: String,
    status: JobStatus,
    kind: JobKind,
    revision: Option<u32>,
    parents: Vec<JobId>,
    files_created: usize,
    files_modified: usize,
    files_renamed: usize,
    files_deleted: usize,
}

/// That one job builds on a revision of another.
#[derive(Debug, Serialize)]
struct Edge {
    from: JobId,
    to: JobId,
    ordinal: usize,
    /// The pinned revision of `from`; null until it is pinned.
    revision: Option<u32>,
}

/// All jobs with one root.
#[derive(Debug, Serialize)]
struct Project {
    title: String,
    root_job_id: JobId,
    latest_job_id: Option<JobId>,
    iterations: usize,
    total_files: usize,
    jobs: Vec<JobId>,
}

/// The seed's lineage object, and more.
#[derive(Debug, Serialize)]
struct View {
    job_id: JobId,
    root_job_id: JobId,
    status: JobStatus,
    chain: Vec<Link>,
    total_files: usize,
    edges: Vec<Edge>,
    project: Project,
}

/// Shows where a job comes from.
pub(crate) async fn show(app: &App, args: &args::OneRevision) -> Result<(), Fail> {
    let engine = app.engine()?;
    let view = view(&engine, args.id).await?;
    if app.out.json {
        return app.out.value(&view);
    }
    let project = &view.project;
    let latest = project.latest_job_id.map_or_else(|| "none".to_owned(), |id| id.to_string());
    app.out.line(format!(
        "project {} — root {}, latest {latest}, {} jobs, {} files",
        story::plain(&project.title, 80),
        project.root_job_id,
        project.iterations,
        project.total_files
    ))?;
    let nodes: Vec<Node> = view.chain.iter().rev().map(node).collect();
    for line in graph::draw(&nodes) {
        app.out.line(line)?;
    }
    app.out.line(format!("{} files", view.total_files))
}

fn node(link: &Link) -> Node {
    let counts = [
        (link.files_created, "created"),
        (link.files_modified, "modified"),
        (link.files_renamed, "renamed"),
        (link.files_deleted, "deleted"),
    ];
    let did: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let did = if did.is_empty() { String::new() } else { format!(" ({})", did.join(", ")) };
    let revision = link.revision.filter(|number| *number > 1).map_or(String::new(), |number| format!("@{number}"));
    let text = format!("{}{revision} {} [{}]{did}", link.id, story::plain(&link.title, 60), link.status);
    Node { id: link.id.number(), parents: link.parents.iter().map(|id| id.number()).collect(), text }
}

async fn view(engine: &Engine, reference: RevisionRef) -> Result<View, Fail> {
    let job = engine.store().job(reference.job).await?;
    let line = engine.line(reference).await?;
    let (mut chain, mut edges) = (Vec::new(), Vec::new());
    for (job, revision) in &line {
        let counts = match revision {
            Some(revision) => engine.file_counts(revision).await?,
            None => FileCounts::default(),
        };
        chain.push(Link {
            id: job.id,
            title: job.spec.title.clone(),
            status: job.status,
            kind: job.spec.kind,
            revision: revision.as_ref().map(|revision| revision.number),
            parents: job.parents.iter().map(|link| link.job).collect(),
            files_created: counts.created,
            files_modified: counts.modified,
            files_renamed: counts.renamed,
            files_deleted: counts.deleted,
        });
        edges.extend(job.parents.iter().enumerate().map(|(ordinal, link)| Edge {
            from: link.job,
            to: job.id,
            ordinal,
            revision: link.number,
        }));
    }
    let total_files = match line.last().and_then(|(_, revision)| revision.as_ref()) {
        Some(revision) => engine.store().manifest(revision.id).await?.0.len(),
        None => 0,
    };
    let project = project(engine, &job).await?;
    Ok(View { job_id: job.id, root_job_id: job.root, status: job.status, chain, total_files, edges, project })
}

async fn project(engine: &Engine, job: &Job) -> Result<Project, Fail> {
    let store = engine.store();
    let root = store.job(job.root).await?;
    let mut jobs: Vec<Job> = Vec::new();
    let mut query = JobQuery::default().with_root(job.root).with_limit(1000);
    loop {
        let page = store.jobs(&query).await?;
        let Some(last) = page.last() else { break };
        query = query.with_before(last.id);
        jobs.extend(page);
    }
    let latest = jobs.iter().find(|job| job.head.is_some());
    let total_files = match latest.and_then(|job| job.head.as_ref()) {
        Some(head) => store.manifest(head.id).await?.0.len(),
        None => 0,
    };
    Ok(Project {
        title: root.spec.project.filter(|name| !name.is_empty()).unwrap_or(root.spec.title),
        root_job_id: root.id,
        latest_job_id: latest.map(|job| job.id),
        iterations: jobs.len(),
        total_files,
        jobs: jobs.iter().rev().map(|job| job.id).collect(),
    })
}
