//! Taking jobs and contents away for good, and making jobs stand on their own so that others can be taken away.

use crate::content::BlobHash;
use crate::engine::{Engine, EngineError, Refusal};
use crate::event::EventKind;
use crate::id::JobId;
use crate::job::Job;
use crate::port::upkeep::{Purged, Redacted, Redaction, Seen, Upkeep};
use crate::port::{JobQuery, StoreError};

/// How many events are read at once.
const PAGE: u32 = 500;

impl Engine {
    fn upkeep(&self) -> Result<&dyn Upkeep, EngineError> {
        let none = || StoreError::Invalid("nothing can be taken out of this store".to_owned());
        Ok(self.parts.store.upkeep().ok_or_else(none)?)
    }

    /// Returns a job, and with `subtree` all that grew out of it, as what is to be purged.
    async fn going(&self, id: JobId, subtree: bool) -> Result<(Vec<Job>, Seen), EngineError> {
        let mut jobs = vec![self.parts.store.job(id).await?];
        if subtree {
            jobs.extend(self.descendants(id).await?);
        }
        let seen = jobs.iter().map(|job| (job.id, job.version)).collect();
        Ok((jobs, Seen { jobs: seen, now: self.parts.clock.now() }))
    }

    /// Returns what would go with a job, or with all that grew out of it too, and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::HasChildren`] names the children of a job that would go without them, [`StoreError::Busy`] a job that is run.
    pub async fn purge_plan(&self, id: JobId, subtree: bool) -> Result<(Vec<Job>, Purged), EngineError> {
        let (jobs, seen) = self.going(id, subtree).await?;
        let purged = self.upkeep()?.purge_plan(&seen).await?;
        Ok((jobs, purged))
    }

    /// Takes jobs away for good, as [`Engine::purge_plan`] listed them. What was delivered or deployed stays where it is.
    ///
    /// # Errors
    /// As [`Engine::purge_plan`]; [`StoreError::Conflict`] if one of them changed since it was listed. Nothing is taken away then.
    pub async fn purge(&self, listed: &[Job]) -> Result<Purged, EngineError> {
        let jobs = listed.iter().map(|job| (job.id, job.version)).collect();
        Ok(self.upkeep()?.purge(&Seen { jobs, now: self.parts.clock.now() }).await?)
    }

    /// Returns where the files of some jobs were put outside the store, each place once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if a job is not there.
    pub async fn places(&self, jobs: &[Job]) -> Result<Vec<String>, EngineError> {
        let mut places = std::collections::BTreeSet::new();
        for job in jobs {
            let mut after = 0;
            loop {
                let events = self.parts.store.events(job.id, after, PAGE).await?;
                let Some(last) = events.last() else { break };
                after = last.seq;
                for event in events {
                    if let EventKind::Delivered { how, place, .. } = event.kind {
                        places.insert(format!("{how} {place}"));
                    }
                }
            }
        }
        Ok(places.into_iter().collect())
    }

    /// Makes the children of a job stand on their own, so that it can be purged. Their trees stay what they are; their lineage
    /// begins with themselves. Returns the children.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if a child has no result yet, [`StoreError::Busy`] if one is run; nothing changes then.
    pub async fn detach(&self, id: JobId) -> Result<Vec<Job>, EngineError> {
        let store = &self.parts.store;
        store.job(id).await?;
        let mut children = Vec::new();
        let mut query = JobQuery::default().with_parent(id).with_archived();
        loop {
            let page = store.jobs(&query).await?;
            let Some(last) = page.last() else { break };
            query = query.with_before(last.id);
            children.extend(page);
        }
        children.sort_by_key(|job| job.id);
        if let Some(job) = children.iter().find(|job| job.head.is_none()) {
            return Err(Refusal::NoResult { job: job.id, status: job.status }.into());
        }
        let jobs = children.iter().map(|job| (job.id, job.version)).collect();
        self.upkeep()?.detach(&Seen { jobs, now: self.parts.clock.now() }).await?;
        let mut now = Vec::new();
        for child in children {
            now.push(store.job(child.id).await?);
        }
        Ok(now)
    }

    /// Takes contents, and everything that has a text in it, out of the store.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if any job is being run, [`StoreError::NotFound`] if a content is not there,
    /// [`StoreError::Invalid`] for a text that is too short to be looked for.
    pub async fn redact(
        &self,
        blobs: Vec<BlobHash>,
        text: Option<Vec<u8>>,
        author: &str,
    ) -> Result<Redacted, EngineError> {
        let redaction = Redaction { blobs, text, author: author.to_owned(), now: self.parts.clock.now() };
        Ok(self.upkeep()?.redact(&redaction).await?)
    }
}
