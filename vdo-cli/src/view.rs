//! Jobs as JSON and as text, in the form that the REST interface has too. The seed's field names are kept exactly.

use serde::Serialize;
use vdo_core::check::Tier;
use vdo_core::content::BlobHash;
use vdo_core::engine::{Engine, EngineError};
use vdo_core::file::FileRow;
use vdo_core::id::{JobId, RevisionRef};
use vdo_core::job::{Job, JobKind, JobStatus, ParentLink, Revision, Stamp};
use vdo_core::money::NanoUsd;
use vdo_core::port::{JobQuery, StoreError};
use vdo_core::time::Timestamp;
use vdo_core::usage::Usage;

/// A job and its title.
#[derive(Debug, Serialize)]
pub struct Named {
    pub id: JobId,
    pub title: String,
}

/// A command that was run on a job's tree, as evidence.
#[derive(Debug, Serialize)]
pub struct CheckView {
    pub phase: String,
    pub attempt: u32,
    pub command: String,
    pub exit_code: i32,
    pub passed: bool,
    pub tests_passed: usize,
    pub tests_failed: usize,
    pub tree_hash: BlobHash,
    pub tier: Tier,
}

/// A job in a list.
#[derive(Debug, Serialize)]
pub struct ShortView {
    pub id: JobId,
    pub title: String,
    pub status: JobStatus,
    pub kind: JobKind,
    pub extends_job_id: Option<JobId>,
    pub root_id: JobId,
    pub depth: u32,
    pub cost_nanousd: NanoUsd,
    pub created_at: Timestamp,
}

/// A whole job.
#[derive(Debug, Serialize)]
pub struct JobView {
    pub id: JobId,
    pub title: String,
    pub description: String,
    pub status: JobStatus,
    pub reason: Option<String>,
    pub kind: JobKind,
    pub extends_job_id: Option<JobId>,
    pub is_extension: bool,
    pub parents: Vec<ParentLink>,
    pub parent_job: Option<Named>,
    pub child_jobs: Vec<Named>,
    pub root_id: JobId,
    pub depth: u32,
    pub revision: Option<Revision>,
    pub files: Vec<FileRow>,
    pub rating: Option<u8>,
    pub stamps: Vec<Stamp>,
    pub budget_nanousd: Option<NanoUsd>,
    pub cost_nanousd: NanoUsd,
    pub reserved_nanousd: NanoUsd,
    pub usage: Usage,
    pub calls: usize,
    pub checks: Vec<CheckView>,
    pub branch: Option<String>,
    pub github_repo_url: Option<String>,
    pub tags: Vec<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Returns a job as it stands in a list.
pub fn short(job: &Job) -> ShortView {
    ShortView {
        id: job.id,
        title: job.spec.title.clone(),
        status: job.status,
        kind: job.spec.kind,
        extends_job_id: job.parents.first().map(|link| link.job),
        root_id: job.root,
        depth: job.depth,
        cost_nanousd: job.cost,
        created_at: job.created,
    }
}

/// Reads everything there is to say of a job.
pub async fn full(engine: &Engine, id: JobId) -> Result<JobView, EngineError> {
    let store = engine.store();
    let job = store.job(id).await?;
    let extends = job.parents.first().map(|link| link.job);
    let parent_job = match extends {
        Some(id) => Some(named(&store.job(id).await?)),
        None => None,
    };
    let children = store.jobs(&JobQuery::default().with_parent(id).with_limit(1000)).await?;
    let files = match engine.files(RevisionRef::head(id)).await {
        Ok(files) => files,
        Err(EngineError::Store(StoreError::NotFound(_))) => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut checks = Vec::new();
    for (phase, attempt, report) in store.checks(id).await? {
        for outcome in report.setup_failed.iter().chain(&report.outcomes) {
            let count = |status| outcome.tests.iter().filter(|test| test.status == status).count();
            checks.push(CheckView {
                phase: phase.to_string(),
                attempt,
                command: outcome.command.run.clone(),
                exit_code: outcome.exit.code(),
                passed: outcome.passed(),
                tests_passed: count(vdo_core::check::TestStatus::Passed),
                tests_failed: count(vdo_core::check::TestStatus::Failed),
                tree_hash: report.tree_hash,
                tier: report.tier,
            });
        }
    }
    Ok(JobView {
        id,
        title: job.spec.title,
        description: job.spec.description,
        status: job.status,
        reason: job.reason,
        kind: job.spec.kind,
        extends_job_id: extends,
        is_extension: extends.is_some(),
        parents: job.parents,
        parent_job,
        child_jobs: children.iter().rev().map(named).collect(),
        root_id: job.root,
        depth: job.depth,
        revision: job.head,
        files,
        rating: job.rating,
        stamps: job.stamps,
        budget_nanousd: job.spec.budget,
        cost_nanousd: job.cost,
        reserved_nanousd: job.reserved,
        usage: job.usage,
        calls: store.calls(id).await?.len(),
        checks,
        branch: job.branch,
        github_repo_url: job.spec.github_repo_url,
        tags: job.spec.tags,
        created_at: job.created,
        updated_at: job.updated,
    })
}

fn named(job: &Job) -> Named {
    Named { id: job.id, title: job.spec.title.clone() }
}
