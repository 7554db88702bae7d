//! Which jobs a list has.

use crate::id::JobId;
use crate::job::{JobKind, JobStatus};

/// Which jobs to list, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobQuery {
    /// Only those with this status; archived jobs are listed only if asked for.
    pub status: Option<JobStatus>,
    /// Without a status: archived jobs too.
    pub archived: bool,
    /// Only those of this kind.
    pub kind: Option<JobKind>,
    /// Only those that name this job as a parent.
    pub parent: Option<JobId>,
    /// Only those of this lineage.
    pub root: Option<JobId>,
    /// Only those older than this one.
    pub before: Option<JobId>,
    /// At most this many; 0 is 100.
    pub limit: u32,
}

impl JobQuery {
    /// Sets the parent.
    #[must_use]
    pub fn with_parent(mut self, parent: JobId) -> Self {
        self.parent = Some(parent);
        self
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: JobStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Lists archived jobs too.
    #[must_use]
    pub fn with_archived(mut self) -> Self {
        self.archived = true;
        self
    }

    /// Sets the kind.
    #[must_use]
    pub fn with_kind(mut self, kind: JobKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Sets the lineage.
    #[must_use]
    pub fn with_root(mut self, root: JobId) -> Self {
        self.root = Some(root);
        self
    }

    /// Lists only jobs older than `job`.
    #[must_use]
    pub fn with_before(mut self, job: JobId) -> Self {
        self.before = Some(job);
        self
    }

    /// Sets the limit.
    #[must_use]
    pub fn with_limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }
}

/// What the writer of a store did since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreFigures {
    /// Accepted writes: commits and claims.
    pub commits: u64,
    /// Transactions that were committed; writes that waited at the same time share one.
    pub transactions: u64,
    /// Statements inside them.
    pub statements: u64,
    /// Rows that were written.
    pub rows: u64,
}
