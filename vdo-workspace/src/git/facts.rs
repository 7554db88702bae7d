//! What the deployer needs to know of the jobs it delivers, as values a thread can own.

use vdo_core::content::BlobHash;
use vdo_core::job::{HEAD_PARAMETER, Job, JobKind, Revision};
use vdo_core::port::Deployment;

/// One job of a lineage and the revision it contributes.
#[derive(Debug, Clone)]
pub(super) struct JobFacts {
    pub(super) id: u64,
    /// When the job was made: tells it from a job of another store with the same number.
    pub(super) born: i64,
    pub(super) number: u32,
    pub(super) root_hash: BlobHash,
    /// When the revision was made, in seconds: the commit's time, so that the same revision gives the same commit.
    pub(super) made: i64,
    pub(super) title: String,
    pub(super) description: String,
    /// Whether the tree came from a repository, rather than from a run.
    pub(super) came_from_outside: bool,
    /// The commit it came from, as recorded.
    pub(super) head: Option<String>,
    pub(super) parents: Vec<u64>,
    pub(super) branch: Option<String>,
}

impl JobFacts {
    fn new(job: &Job, revision: &Revision) -> Self {
        Self {
            id: job.id.number(),
            born: job.created.0,
            number: revision.number,
            root_hash: revision.root_hash,
            made: revision.created.0.div_euclid(1000),
            title: job.spec.title.clone(),
            description: job.spec.description.clone(),
            came_from_outside: match job.spec.kind {
                JobKind::Import | JobKind::External => true,
                JobKind::Work => false,
            },
            head: job.spec.parameters.get(HEAD_PARAMETER).cloned(),
            parents: job.parents.iter().map(|parent| parent.job.number()).collect(),
            branch: job.branch.clone(),
        }
    }
}

/// A job to deliver and the jobs before it, root first.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) job: JobFacts,
    pub(super) ancestors: Vec<JobFacts>,
}

impl Facts {
    pub(super) fn new(deployment: &Deployment<'_>) -> Self {
        let id = deployment.job.id;
        let before = deployment.lineage.iter().filter(|(job, _)| job.id != id);
        Self {
            job: JobFacts::new(deployment.job, deployment.revision),
            ancestors: before.map(|(job, revision)| JobFacts::new(job, revision)).collect(),
        }
    }
}
