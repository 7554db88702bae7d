//! Why a store refuses or fails: one variant for each decision that a caller can take.
//!
//! Never tells by words alone: callers branch on the variant.

use crate::id::{JobId, RevisionRef};
use crate::money::NanoUsd;
use crate::time::Timestamp;

/// What a store may fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// Somebody else runs the job.
    #[error("job {job} is being run by {owner} (its lease, epoch {epoch}, ends at {until:?})")]
    Busy {
        /// The job.
        job: JobId,
        /// Who runs it.
        owner: String,
        /// The epoch of his lease.
        epoch: u64,
        /// When the lease ends unless he renews it.
        until: Timestamp,
    },
    /// Others run that it may not run beside: as many of its project as are allowed, or another merge into the same head.
    #[error("job {job} has to wait for job {other}: {reason}")]
    Crowded {
        /// The job.
        job: JobId,
        /// One of the others.
        other: JobId,
        /// Why they do not run together.
        reason: &'static str,
    },
    /// The writer's lease is not the job's any more: another runner took over. Nothing was written.
    #[error("the lease on job {job} (epoch {epoch}) was lost to another runner")]
    Fenced {
        /// The job.
        job: JobId,
        /// The writer's epoch.
        epoch: u64,
    },
    /// The job moved on since the writer looked at it. Nothing was written.
    #[error("job {job} has changed meanwhile (version {found}, expected {expected})")]
    Conflict {
        /// The job.
        job: JobId,
        /// The version the writer saw.
        expected: u64,
        /// The version it has.
        found: u64,
    },
    /// The reservations do not fit into the budget. Nothing was written.
    #[error(
        "{asked} more does not fit into the budget of job {job}: {limit}, of which {committed} are spent or reserved"
    )]
    Budget {
        /// The job.
        job: JobId,
        /// The budget.
        limit: NanoUsd,
        /// What is spent and reserved.
        committed: NanoUsd,
        /// What was to be reserved.
        asked: NanoUsd,
    },
    /// A budget that covers one of the calls has no room for it. Nothing was written.
    #[error(transparent)]
    OverBudget(#[from] Box<crate::budget::OverBudget>),
    /// A call was to find out whether a model works again, and another is finding out already. Nothing was written.
    #[error("{provider}:{model} failed too often of late; one call is finding out whether it works again")]
    Trial {
        /// The provider.
        provider: String,
        /// The model.
        model: String,
    },
    /// A provider takes no more calls for now, by the limits of its key. Nothing was written.
    #[error("as many calls are made to {provider} as its limits allow")]
    Paced {
        /// The provider.
        provider: String,
        /// When to look again.
        until: Timestamp,
    },
    /// A parent cannot be one. Nothing was written.
    #[error("job {parent} cannot be a parent: {reason}")]
    Parent {
        /// The parent.
        parent: RevisionRef,
        /// Why.
        reason: String,
    },
    /// Jobs that stay build on one that was to go. Nothing was written.
    #[error("job {job} has children: {}; purge them with it, or detach them first", ids(.children))]
    HasChildren {
        /// The job.
        job: JobId,
        /// What builds on it.
        children: Vec<JobId>,
    },
    /// The changes contradict themselves or what is stored, such as a pin that would move. Nothing was written.
    #[error("the write is refused: {0}")]
    Invalid(String),
    /// Stored data is damaged.
    #[error("{what} is damaged in the store: {detail}")]
    Corrupt {
        /// What.
        what: String,
        /// How it shows.
        detail: String,
    },
    /// The store was made by a newer version.
    #[error("the store was made by a newer version of VDO (schema {found}; this one knows {known}); use that version")]
    Newer {
        /// Its schema.
        found: String,
        /// Ours.
        known: String,
    },
    /// The database or the disk failed: unreachable, read-only, full.
    #[error("the store at {place} failed")]
    Backend {
        /// Where it lies.
        place: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn ids(jobs: &[JobId]) -> String {
    jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
