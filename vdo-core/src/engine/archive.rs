//! Hiding a job, and showing it again. Its data stays, and whatever builds on it goes on.

use crate::engine::{Engine, EngineError, Refusal};
use crate::event::EventKind;
use crate::id::JobId;
use crate::job::{Job, JobStatus};
use crate::port::changes::{Changes, Guard};

/// How many events are read at once.
const PAGE: u32 = 500;

impl Engine {
    /// Hides a job from lists; nothing can be built on it until it is restored.
    ///
    /// # Errors
    /// [`crate::port::StoreError::Busy`] while it is run, [`EngineError::NotDecidable`] if it is archived already.
    pub async fn archive(&self, id: JobId) -> Result<Job, EngineError> {
        let store = &self.parts.store;
        let job = store.job(id).await?;
        if job.status == JobStatus::Archived {
            return Err(EngineError::NotDecidable { job: id, status: job.status, decision: "archived" });
        }
        self.insist_idle(id).await?;
        // A runner that died left it running; whoever restores it takes that up again.
        let was = if job.status == JobStatus::Running { JobStatus::Queued } else { job.status };
        let (status, reason) = (JobStatus::Archived, None);
        let changes = Changes::new(Guard::Version { job: id, version: job.version }, self.parts.clock.now())
            .with_status(status, None)
            .with_event(EventKind::Archived { was, reason: job.reason.clone() })
            .with_event(EventKind::Status { status, reason });
        self.commit(changes).await?;
        Ok(store.job(id).await?)
    }

    /// Shows an archived job again, as it stood.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if it is not archived.
    pub async fn restore(&self, id: JobId) -> Result<Job, EngineError> {
        let store = &self.parts.store;
        let job = store.job(id).await?;
        if job.status != JobStatus::Archived {
            return Err(Refusal::NotArchived { job: id, status: job.status }.into());
        }
        let default = if job.head.is_some() { JobStatus::Completed } else { JobStatus::Queued };
        let (mut status, mut reason, mut after) = (default, None, 0);
        loop {
            let events = store.events(id, after, PAGE).await?;
            let Some(last) = events.last() else { break };
            after = last.seq;
            for event in events {
                if let EventKind::Archived { was, reason: why } = event.kind {
                    (status, reason) = (was, why);
                }
            }
        }
        let changes = Changes::new(Guard::Version { job: id, version: job.version }, self.parts.clock.now())
            .with_status(status, reason.clone())
            .with_event(EventKind::Status { status, reason });
        self.commit(changes).await?;
        Ok(store.job(id).await?)
    }
}
