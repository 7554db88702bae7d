//! Handing a finished tree over, as a port.

use std::fmt;

use async_trait::async_trait;

use crate::file::FileRow;
use crate::id::{JobId, RevisionRef};
use crate::job::{Job, Revision};
use crate::port::{SourceError, TreeSource};
use crate::tree::Manifest;

/// What to hand over.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Deployment<'a> {
    /// The job.
    pub job: &'a Job,
    /// The revision.
    pub revision: &'a Revision,
    /// The lineage, root first: every job up to this one with the revision it contributes.
    pub lineage: &'a [(Job, Revision)],
    /// The whole tree.
    pub source: &'a dyn TreeSource,
    /// Trees of jobs of the lineage, for targets that show history and may lack them. Default: none.
    pub ancestors: &'a [(JobId, &'a dyn TreeSource)],
    /// Which job each file comes from. Default: not told.
    pub manifest: Option<&'a Manifest>,
    /// What the job did to each file, deleted files included. Default: not told.
    pub files: &'a [FileRow],
}

impl<'a> Deployment<'a> {
    /// Returns a deployment of `revision`.
    #[must_use]
    pub fn new(
        job: &'a Job,
        revision: &'a Revision,
        lineage: &'a [(Job, Revision)],
        source: &'a dyn TreeSource,
    ) -> Self {
        Self { job, revision, lineage, source, ancestors: &[], manifest: None, files: &[] }
    }

    /// Sets the trees of jobs of the lineage.
    #[must_use]
    pub fn with_ancestors(mut self, ancestors: &'a [(JobId, &'a dyn TreeSource)]) -> Self {
        self.ancestors = ancestors;
        self
    }

    /// Sets which job each file comes from.
    #[must_use]
    pub fn with_manifest(mut self, manifest: &'a Manifest) -> Self {
        self.manifest = Some(manifest);
        self
    }

    /// Sets what the job did to each file.
    #[must_use]
    pub fn with_files(mut self, files: &'a [FileRow]) -> Self {
        self.files = files;
        self
    }

    /// Returns the name of what is handed over.
    #[must_use]
    pub fn reference(&self) -> RevisionRef {
        RevisionRef { job: self.job.id, number: Some(self.revision.number) }
    }
}

/// Where it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// How: `branch`, `dir`, …
    pub how: String,
    /// Where, for people: a branch name, a folder.
    pub place: String,
    /// The branch it was put on, if it was.
    pub branch: Option<String>,
    /// How many files.
    pub files: u64,
}

/// It was not handed over; the target is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// The target is not what the deployer expects.
    #[error("{target}: {reason}")]
    Target {
        /// The target.
        target: String,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// The target holds something VDO did not put there.
    #[error("{target} was changed by somebody else: {what}")]
    Drift {
        /// The target.
        target: String,
        /// What differs.
        what: String,
    },
    /// The tree could not be read.
    #[error("the tree could not be read")]
    Source(#[from] SourceError),
    /// Writing failed.
    #[error("writing to {target} failed")]
    Write {
        /// The target.
        target: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Hands trees over to one target. Handing the same revision over twice changes nothing the second time.
#[async_trait]
pub trait Deployer: fmt::Debug + Send + Sync {
    /// Hands `deployment` over; afterwards the target holds all of it, or is as it was.
    ///
    /// # Errors
    /// [`DeployError::Drift`] if the target was changed by others, [`DeployError::Target`] if it is unfit.
    async fn deploy(&self, deployment: Deployment<'_>) -> Result<Delivery, DeployError>;
}
