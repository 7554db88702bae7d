//! What is to be run and what runs: read together, for choosing what to start.

use async_trait::async_trait;

use super::refusal::StoreError;
use crate::id::JobId;
use crate::time::Timestamp;

/// A job that could be run now: queued and due, every parent has a result, and nobody holds a live lease on it; or running
/// under a lease that ran out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The job.
    pub job: JobId,
    /// The root of its project.
    pub root: JobId,
    /// The parents it merges; empty if it has fewer than two.
    pub merges: Vec<JobId>,
    /// How much sooner than others it is wanted.
    pub priority: i8,
    /// Since when it could have been run.
    pub since: Timestamp,
}

/// A job that somebody holds a live lease on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The job.
    pub job: JobId,
    /// The root of its project.
    pub root: JobId,
    /// The parents it merges; empty if it has fewer than two.
    pub merges: Vec<JobId>,
    /// When the lease ends unless it is renewed.
    pub until: Timestamp,
}

/// Which part of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgendaQuery {
    /// The time now.
    pub now: Timestamp,
    /// At most this many waiting jobs, those of the best [`rank`] first.
    pub limit: u32,
    /// Only this waiting job, if it is one; what runs and what is put off is left out then.
    pub only: Option<JobId>,
}

/// What is to be run and what runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agenda {
    /// What could be run, the best [`rank`] first.
    pub waiting: Vec<Waiting>,
    /// Everything that runs.
    pub running: Vec<Running>,
    /// When the next job is due that was put off, if one was.
    pub next_due: Option<Timestamp>,
}

/// How long a job waits until it counts as much as one with a priority one higher.
pub const AGEING_MS: i64 = 60_000;

/// Returns where a job stands among those that wait; the lowest comes first.
///
/// Every minute of waiting counts as one step of priority. As all age alike, the order of two jobs never changes while they wait,
/// and whoever came 256 minutes earlier comes first whatever the priorities.
#[must_use]
pub fn rank(priority: i8, since: Timestamp) -> i64 {
    since.0.saturating_sub(i64::from(priority).saturating_mul(AGEING_MS))
}

/// Reads what is to be run.
#[async_trait]
pub trait Backlog {
    /// Returns what is to be run and what runs.
    ///
    /// # Errors
    /// [`StoreError::Backend`] only.
    async fn agenda(&self, query: AgendaQuery) -> Result<Agenda, StoreError>;
}
