//! What is different about a run that a worker makes of its own accord: it is tried again where that may help, put aside where
//! it kills its workers, and given back when its worker stops.
//!
//! What follows from what is for [`crate::retry`] to say.

use crate::engine::desk::Desk;
use crate::engine::{Engine, EngineError};
use crate::event::EventKind;
use crate::failure::{Failure, chain};
use crate::id::JobId;
use crate::job::{Job, JobStatus};
use crate::port::Lease;
use crate::port::changes::{Changes, Guard, LeaseChange, StatusChange};
use crate::retry::{self, After, RetryBudget};
use crate::time::Timestamp;
use crate::tries::RetryChange;

/// The rules that workers keep.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct WorkerRules {
    /// How often and how long apart runs are tried again.
    pub retry: RetryBudget,
    /// How many jobs of one project may run at once, on all workers together. Default: any number.
    pub per_project: Option<u32>,
}

impl WorkerRules {
    /// Sets how often and how long apart runs are tried again.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryBudget) -> Self {
        self.retry = retry;
        self
    }

    /// Sets how many jobs of one project may run at once.
    #[must_use]
    pub fn with_per_project(mut self, most: u32) -> Self {
        self.per_project = Some(most.max(1));
        self
    }
}

/// How a run ended, as it is written.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) status: JobStatus,
    pub(super) reason: String,
    pub(super) retry: RetryChange,
}

impl Ending {
    /// An end that holds.
    pub(super) fn final_one(status: JobStatus, reason: &str) -> Self {
        Self { status, reason: reason.to_owned(), retry: RetryChange::Ended }
    }

    /// The end that a failure makes, or the beginning of another try.
    pub(super) fn of(status: JobStatus, failure: &Failure, desk: &Desk<'_>) -> Self {
        let again = match status {
            JobStatus::Failed => desk.engine.tried_again(&desk.job, failure),
            _ => None,
        };
        again.unwrap_or_else(|| Self::final_one(status, &failure.message))
    }
}

impl Engine {
    /// Returns how a job goes back into the queue after a failure, if the rules of workers want that.
    fn tried_again(&self, job: &Job, failure: &Failure) -> Option<Ending> {
        let rules = self.parts.workers.as_ref()?;
        let now = self.parts.clock.now();
        let tries = &job.retries.tries;
        // Any number that differs between jobs and between tries.
        let lot = job.id.number().wrapping_mul(0x9E37_79B9).wrapping_add(now.0.unsigned_abs());
        match retry::after(failure, tries, &rules.retry, now, lot) {
            After::Stays => None,
            After::Again { class, not_before } => {
                let (try_number, most) = (tries.of(class) + 1, rules.retry.tries.of(class));
                let seconds = not_before.since(now).as_secs();
                let (class_name, message) = (class.as_str(), &failure.message);
                let reason =
                    format!("tried again in {seconds} s ({class_name}, {try_number} of {most}) after: {message}");
                Some(Ending { status: JobStatus::Queued, reason, retry: RetryChange::Again { class, not_before } })
            }
        }
    }

    /// Gives back what was just claimed if it is not to be run after all: others ended it between the look and the claim, or it
    /// killed too many workers.
    pub(super) async fn set_aside(
        &self,
        lease: &Lease,
        looked_at: &Job,
        claimed: &Job,
    ) -> Result<Option<Job>, EngineError> {
        let poisoned = self.parts.workers.as_ref().and_then(|_| retry::poisoned(claimed.retries.crashes));
        let now = self.parts.clock.now();
        let is_over = looked_at.status != claimed.status
            && match claimed.status {
                JobStatus::Queued | JobStatus::Running => false,
                // A person who asks for it again wants it; a worker only takes what nobody ended.
                JobStatus::BudgetStopped | JobStatus::Failed => self.parts.workers.is_some(),
                JobStatus::NeedsDecision | JobStatus::Completed | JobStatus::Cancelled | JobStatus::Archived => true,
            };
        let is_put_off = self.parts.workers.is_some()
            && claimed.status == JobStatus::Queued
            && claimed.retries.not_before.is_some_and(|at| at > now);
        let mut changes = Changes::new(Guard::Lease(lease.clone()), now);
        changes.lease = LeaseChange::Release;
        match poisoned {
            _ if is_over || is_put_off => {}
            None => return Ok(None),
            // Its count of crashes stays: it says that it was put aside.
            Some(reason) => {
                let (status, reason) = (JobStatus::NeedsDecision, Some(reason));
                changes.calls = self.lost_calls(lease.job, changes.at).await?;
                changes.status = Some(StatusChange { status, reason: reason.clone() });
                changes.events.push(EventKind::Status { status, reason });
            }
        }
        self.commit(changes).await?;
        let job = self.parts.store.job(lease.job).await?;
        if is_over || is_put_off { self.not_by_us(job).map(Some) } else { Ok(Some(job)) }
    }

    /// Returns a job that others ended or put off as it is; to a worker, which tells what it ran itself, that is an error.
    pub(super) fn not_by_us(&self, job: Job) -> Result<Job, EngineError> {
        match self.parts.workers {
            Some(_) => Err(EngineError::NotRunnable { job: job.id, status: job.status }),
            None => Ok(job),
        }
    }

    /// Returns the calls that were under way when the last runner of a job died, as entries that give them up.
    async fn lost_calls(&self, job: JobId, at: Timestamp) -> Result<Vec<crate::port::changes::CallWrite>, EngineError> {
        use crate::port::changes::CallWrite;
        use crate::port::{CallRow, CallState};
        let rows = self.parts.store.calls(job).await?;
        let lost = rows.into_iter().filter(|row| row.state == CallState::Sent);
        Ok(lost
            .map(|row| CallWrite::new(CallRow { state: CallState::PossiblyBilled, ended: Some(at), ..row }))
            .collect())
    }

    /// Puts a job back after its run broke down with an error, so that it is tried again later; ends it as failed if it was
    /// tried often enough. Without [`WorkerRules`], or where the error is no failure of what the run stands on, its lease is given
    /// back and nothing else changes.
    ///
    /// # Errors
    /// [`crate::port::StoreError::Busy`] if somebody else runs it by now.
    pub async fn postpone(&self, id: JobId, error: &EngineError) -> Result<Job, EngineError> {
        let Some(kind) = error.infrastructure() else {
            self.release(id).await?;
            return Ok(self.parts.store.job(id).await?);
        };
        let lease = self.claim(id, None).await?;
        let job = self.parts.store.job(id).await?;
        let failure = Failure::new(kind, chain(error));
        let ending = match self.tried_again(&job, &failure) {
            Some(ending) => ending,
            None => Ending::final_one(JobStatus::Failed, &failure.message),
        };
        let mut changes = Changes::new(Guard::Lease(lease), self.parts.clock.now());
        let (status, reason) = (ending.status, Some(ending.reason));
        changes.calls = self.lost_calls(id, changes.at).await?;
        changes.status = Some(StatusChange { status, reason: reason.clone() });
        changes.events.push(EventKind::Status { status, reason });
        changes.retry = Some(ending.retry);
        changes.lease = LeaseChange::Release;
        self.commit(changes).await?;
        Ok(self.parts.store.job(id).await?)
    }
}

impl EngineError {
    /// Returns the kind of failure of what a run stands on, if this is one.
    fn infrastructure(&self) -> Option<crate::failure::FailureKind> {
        use crate::failure::FailureKind;
        use crate::port::StoreError;
        match self {
            Self::Store(StoreError::Backend { .. }) => Some(FailureKind::Store),
            Self::Check(_) => Some(FailureKind::Sandbox),
            Self::Deploy(_) => Some(FailureKind::Delivery),
            _ => None,
        }
    }
}
