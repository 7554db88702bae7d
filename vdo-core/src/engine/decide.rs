//! What people decide about a job: to accept its result, to stop it.

use crate::engine::{Engine, EngineError, Refusal};
use crate::event::EventKind;
use crate::id::JobId;
use crate::job::{Job, JobStatus, MergePolicy, Revision, Stamp};
use crate::port::changes::{Changes, Guard};
use crate::port::{Delivery, StoreError};

/// How often a decision is tried on a job that changes meanwhile.
const TRIES: u32 = 20;

impl Engine {
    /// Accepts the result of a job that waits for a decision. It is completed then, and the stamp shows who vouched for it.
    ///
    /// # Errors
    /// [`EngineError::NotDecidable`] if the job does not wait for a decision or has no result, [`EngineError::Deploy`] if the
    /// result of a merge that was kept until now cannot be handed over; the job waits on then.
    pub async fn approve(&self, id: JobId) -> Result<Job, EngineError> {
        let job = self.parts.store.job(id).await?;
        if job.status != JobStatus::NeedsDecision || job.head.is_none() {
            return Err(EngineError::NotDecidable { job: id, status: job.status, decision: "accepted" });
        }
        let open = self.open_rebase(id).await?;
        if !open.is_empty() || self.is_rebase_decided(&job).await? {
            return Err(Refusal::Rebasing { job: id, paths: open }.into());
        }
        let (status, reason) = (JobStatus::Completed, Some("accepted by a person".to_owned()));
        let guard = Guard::Version { job: id, version: job.version };
        let mut changes = Changes::new(guard, self.parts.clock.now())
            .with_status(status, reason.clone())
            .with_event(EventKind::Status { status, reason });
        changes.stamps.push(Stamp::Approved);
        // A merge or a further revision that was only kept until now is handed over with the word that accepts it.
        let is_held = |head: &Revision| {
            head.number > 1 || (job.branch.is_none() && job.parents.len() > 1 && job.spec.merge == MergePolicy::Ask)
        };
        if let Some(head) = job.head.as_ref().filter(|head| is_held(head)) {
            let source = self.source(head.id).await?;
            if let Some(Delivery { how, place, branch, files }) = self.hand_over(id, &source).await? {
                changes.events.insert(0, EventKind::Delivered { how, place, files });
                changes.branch = branch;
            }
        }
        self.commit(changes).await?;
        Ok(self.parts.store.job(id).await?)
    }

    /// Stops a job. One that nobody runs is cancelled at once; a run is asked to stop, and does at its next write or when its
    /// engine's [`Engine::heartbeat`] sees the request.
    ///
    /// # Errors
    /// [`EngineError::NotDecidable`] if the job is over.
    pub async fn cancel(&self, id: JobId) -> Result<Job, EngineError> {
        let mut tries = 0;
        loop {
            let job = self.parts.store.job(id).await?;
            let guard = Guard::Version { job: id, version: job.version };
            let mut changes = Changes::new(guard, self.parts.clock.now());
            match job.status {
                JobStatus::Running => changes.cancel_requested = Some(true),
                JobStatus::Queued | JobStatus::BudgetStopped | JobStatus::NeedsDecision | JobStatus::Failed => {
                    let (status, reason) = (JobStatus::Cancelled, None);
                    // A worker may have claimed it a moment ago: its first write learns of this.
                    changes.cancel_requested = (job.status == JobStatus::Queued).then_some(true);
                    changes = changes.with_status(status, None).with_event(EventKind::Status { status, reason });
                }
                JobStatus::Completed | JobStatus::Cancelled | JobStatus::Archived => {
                    return Err(EngineError::NotDecidable { job: id, status: job.status, decision: "cancelled" });
                }
            }
            tries += 1;
            match self.commit(changes).await {
                Err(EngineError::Store(StoreError::Conflict { .. })) if tries < TRIES => {}
                other => {
                    other?;
                    return Ok(self.parts.store.job(id).await?);
                }
            }
        }
    }
}
