//! Jobs as JSON and as text, in the form that the REST interface has too. The seed's field names are kept exactly.

use std::collections::BTreeSet;

use serde::Serialize;
use vdo_core::check::{CommandOutcome, CommandSource, Tier};
use vdo_core::compare::Comparison;
use vdo_core::content::BlobHash;
use vdo_core::engine::{Engine, EngineError};
use vdo_core::event::{Drift, EventKind};
use vdo_core::file::FileRow;
use vdo_core::findings::Tracked;
use vdo_core::id::{JobId, Phase, RevisionRef};
use vdo_core::job::{Job, JobKind, JobStatus, MergePolicy, ParentLink, Revision, Stamp};
use vdo_core::money::NanoUsd;
use vdo_core::path::RepoPath;
use vdo_core::port::{JobQuery, StoreError};
use vdo_core::time::Timestamp;
use vdo_core::tries::Retries;
use vdo_core::usage::Usage;

/// A job and its title.
#[derive(Debug, Serialize)]
pub(crate) struct Named {
    pub(crate) id: JobId,
    pub(crate) title: String,
}

/// A command that was run on a job's tree, as evidence.
#[derive(Debug, Serialize)]
pub(crate) struct CheckView {
    pub(crate) phase: String,
    pub(crate) attempt: u32,
    pub(crate) command: String,
    pub(crate) exit_code: i32,
    pub(crate) passed: bool,
    pub(crate) tests_passed: usize,
    pub(crate) tests_failed: usize,
    /// Tests that failed and passed on the same tree.
    pub(crate) tests_flaky: usize,
    /// How the command ended when it was run once more.
    pub(crate) rerun_exit_code: Option<i32>,
    pub(crate) tree_hash: BlobHash,
    pub(crate) tier: Tier,
}

/// How many conflicts a merge left, and the paths that are still open.
#[derive(Debug, Serialize)]
pub(crate) struct ConflictsView {
    pub(crate) open: usize,
    pub(crate) resolved: usize,
    pub(crate) paths: Vec<RepoPath>,
}

/// How many files a plan named and how many were touched.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct DriftView {
    pub(crate) planned: u64,
    pub(crate) touched: u64,
    pub(crate) unplanned: u64,
    pub(crate) untouched: u64,
    #[serde(skip)]
    is_told: bool,
}

impl DriftView {
    fn of(drift: &Drift) -> Self {
        let (unplanned, untouched) = (drift.unplanned.count, drift.untouched.count);
        Self { planned: drift.planned, touched: drift.touched, unplanned, untouched, is_told: true }
    }
}

/// A job in a list.
#[derive(Debug, Serialize)]
pub(crate) struct ShortView {
    pub(crate) id: JobId,
    pub(crate) title: String,
    pub(crate) status: JobStatus,
    pub(crate) kind: JobKind,
    pub(crate) extends_job_id: Option<JobId>,
    pub(crate) root_id: JobId,
    pub(crate) depth: u32,
    pub(crate) cost_nanousd: NanoUsd,
    pub(crate) created_at: Timestamp,
}

/// A whole job.
#[derive(Debug, Serialize)]
pub(crate) struct JobView {
    pub(crate) id: JobId,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) status: JobStatus,
    pub(crate) reason: Option<String>,
    pub(crate) kind: JobKind,
    pub(crate) extends_job_id: Option<JobId>,
    pub(crate) is_extension: bool,
    pub(crate) parents: Vec<ParentLink>,
    pub(crate) merge_policy: Option<MergePolicy>,
    pub(crate) conflicts: ConflictsView,
    pub(crate) parent_job: Option<Named>,
    pub(crate) child_jobs: Vec<Named>,
    pub(crate) root_id: JobId,
    pub(crate) depth: u32,
    pub(crate) revision: Option<Revision>,
    pub(crate) files: Vec<FileRow>,
    pub(crate) rating: Option<u8>,
    pub(crate) stamps: Vec<Stamp>,
    pub(crate) budget_nanousd: Option<NanoUsd>,
    pub(crate) cost_nanousd: NanoUsd,
    pub(crate) reserved_nanousd: NanoUsd,
    pub(crate) usage: Usage,
    pub(crate) calls: usize,
    pub(crate) checks: Vec<CheckView>,
    /// What the last of them shows against the files before the job, where those were checked, too.
    pub(crate) comparison: Option<Comparison>,
    pub(crate) findings: Vec<Tracked>,
    /// How far the files that were touched are from those of the plan; none if nothing was planned.
    pub(crate) drift: Option<DriftView>,
    /// How many tasks and repairs ended.
    pub(crate) attempts: usize,
    pub(crate) branch: Option<String>,
    pub(crate) github_repo_url: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// How much sooner than others it is run.
    pub(crate) priority: i8,
    /// How often it was tried again, and until when it waits for that.
    pub(crate) retries: Retries,
}

/// Returns a job as it stands in a list.
pub(crate) fn short(job: &Job) -> ShortView {
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
pub(crate) async fn full(engine: &Engine, id: JobId) -> Result<JobView, EngineError> {
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
        // A checker of the language that passed is no evidence; the report in the log has it.
        let is_told =
            |outcome: &&CommandOutcome| outcome.command.source != CommandSource::Language || !outcome.passed();
        for outcome in report.setup_failed.iter().chain(&report.outcomes).filter(is_told) {
            let count = |status| outcome.count(status);
            checks.push(CheckView {
                phase: phase.to_string(),
                attempt,
                command: outcome.command.run.clone(),
                exit_code: outcome.exit.code(),
                passed: outcome.passed(),
                tests_passed: count(vdo_core::check::TestStatus::Passed),
                tests_failed: count(vdo_core::check::TestStatus::Failed),
                tests_flaky: count(vdo_core::check::TestStatus::Flaky),
                rerun_exit_code: outcome.rerun.map(vdo_core::check::Exit::code),
                tree_hash: report.tree_hash,
                tier: report.tier,
            });
        }
    }
    let told = told(engine, id).await?;
    let (open, resolved): (Vec<_>, Vec<_>) =
        store.conflicts(id).await?.into_iter().partition(vdo_core::conflict::ConflictRow::is_open);
    Ok(JobView {
        id,
        title: job.spec.title,
        description: job.spec.description,
        status: job.status,
        reason: job.reason,
        kind: job.spec.kind,
        extends_job_id: extends,
        is_extension: extends.is_some(),
        merge_policy: (job.parents.len() > 1).then_some(job.spec.merge),
        conflicts: ConflictsView {
            open: open.len(),
            resolved: resolved.len(),
            paths: open.into_iter().map(|row| row.path).collect(),
        },
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
        comparison: told.comparison,
        findings: told.findings,
        drift: told.drift,
        attempts: told.attempts,
        branch: job.branch,
        github_repo_url: job.spec.github_repo_url,
        tags: job.spec.tags,
        created_at: job.created,
        updated_at: job.updated,
        priority: job.spec.priority,
        retries: job.retries,
    })
}

/// What events say of a job and nothing else does.
#[derive(Debug, Default)]
struct Told {
    comparison: Option<Comparison>,
    findings: Vec<Tracked>,
    attempts: usize,
    drift: Option<DriftView>,
    /// What the tasks of the plan touched.
    built: BTreeSet<RepoPath>,
}

async fn told(engine: &Engine, id: JobId) -> Result<Told, EngineError> {
    let (mut told, mut after) = (Told::default(), 0);
    loop {
        let page = engine.store().events(id, after, 500).await?;
        let Some(last) = page.last() else {
            // Where no drift was told of, what the tasks touched is what was planned.
            if let Some(drift) = told.drift.as_mut().filter(|drift| !drift.is_told) {
                drift.planned = u64::try_from(told.built.len()).unwrap_or(u64::MAX);
                drift.touched = drift.planned;
            }
            return Ok(told);
        };
        after = last.seq;
        for event in page {
            match event.kind {
                EventKind::Checked { comparison, phase, .. } if phase != Phase::Base => {
                    told.comparison = comparison.map(|comparison| *comparison);
                }
                EventKind::Found { found } => match told.findings.iter_mut().find(|known| known.id == found.id) {
                    Some(known) => *known = found,
                    None => told.findings.push(found),
                },
                EventKind::Planned { .. } => {
                    (told.drift, told.built) = (Some(DriftView::default()), BTreeSet::new());
                }
                EventKind::Drift { drift } => told.drift = Some(DriftView::of(&drift)),
                EventKind::Attempt { attempt } => {
                    told.attempts += 1;
                    if attempt.step.phase == Phase::Build {
                        told.built.extend(attempt.changed.into_iter().map(|change| change.path));
                    }
                }
                _ => {}
            }
        }
    }
}

/// Returns a parent as people name it: with the revision it is pinned to.
pub(crate) fn pinned(link: &ParentLink) -> String {
    RevisionRef { job: link.job, number: link.number }.to_string()
}

fn named(job: &Job) -> Named {
    Named { id: job.id, title: job.spec.title.clone() }
}
