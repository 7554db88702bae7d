//! What is to be run, as the store in memory has it, and who may run it.

use async_trait::async_trait;

use super::{Data, MemoryStore, Record};
use crate::job::JobStatus;
use crate::port::backlog::{Agenda, AgendaQuery, Backlog, Running, Waiting, rank};
use crate::port::{ClaimRequest, Lease, StoreError};
use crate::schedule::crowded;
use crate::time::Timestamp;

impl Record {
    /// Returns the job as one that waits.
    pub(super) fn waiting(&self) -> Waiting {
        let job = &self.job;
        let merges = if job.parents.len() > 1 { job.parents.iter().map(|link| link.job).collect() } else { Vec::new() };
        let since = job.retries.not_before.unwrap_or(job.created).max(job.created);
        Waiting { job: job.id, root: job.root, merges, priority: job.spec.priority, since }
    }
}

impl Data {
    /// Gives the right to run a job to whoever asks, if he may have it.
    pub(super) fn claim(&mut self, request: ClaimRequest) -> Result<Lease, StoreError> {
        let running = self.running(request.now);
        let missing = || StoreError::NotFound(format!("job {}", request.job));
        let record = self.jobs.get_mut(&request.job).ok_or_else(missing)?;
        if let Some(owner) = &record.owner
            && record.until > request.now
            && *owner != request.owner
            && request.presumed_dead != Some(record.epoch)
        {
            let (epoch, until) = (record.epoch, record.until);
            return Err(StoreError::Busy { job: request.job, owner: owner.clone(), epoch, until });
        }
        let waiting = record.waiting();
        if let Some((other, reason)) = crowded(&waiting, &running, request.per_project, request.now) {
            return Err(StoreError::Crowded { job: request.job, other, reason });
        }
        if record.owner.as_ref().is_some_and(|owner| *owner != request.owner) {
            record.job.retries = record.job.retries.crashed();
        }
        record.epoch += 1;
        record.owner = Some(request.owner);
        record.until = request.now.after(request.ttl);
        Ok(Lease { job: request.job, epoch: record.epoch })
    }

    /// Returns what runs under a live lease.
    pub(super) fn running(&self, now: Timestamp) -> Vec<Running> {
        let live = self.jobs.values().filter(|record| {
            record.owner.is_some()
                && record.until > now
                && matches!(record.job.status, JobStatus::Queued | JobStatus::Running)
        });
        live.map(|record| {
            let Waiting { job, root, merges, .. } = record.waiting();
            Running { job, root, merges, until: record.until }
        })
        .collect()
    }
}

#[async_trait]
impl Backlog for MemoryStore {
    async fn agenda(&self, query: AgendaQuery) -> Result<Agenda, StoreError> {
        let (now, data) = (query.now, self.data());
        let has_result = |id: &crate::id::JobId| data.jobs.get(id).is_some_and(|parent| parent.job.head.is_some());
        let free = |record: &&Record| record.owner.is_none() || record.until <= now;
        let ready =
            |record: &&Record| record.job.parents.iter().all(|link| link.revision.is_some() || has_result(&link.job));
        let put_off = |record: &Record| {
            record.job.retries.not_before.filter(|at| record.job.status == JobStatus::Queued && *at > now)
        };
        let could_run = |record: &&Record| matches!(record.job.status, JobStatus::Queued | JobStatus::Running);
        let all: Vec<&Record> = data.jobs.values().filter(could_run).filter(free).filter(ready).collect();
        let mut waiting: Vec<Waiting> = all
            .iter()
            .filter(|record| put_off(record).is_none())
            .map(|record| record.waiting())
            .filter(|one| query.only.is_none_or(|only| only == one.job))
            .collect();
        waiting.sort_by_key(|one| (rank(one.priority, one.since), one.job));
        waiting.truncate(usize::try_from(query.limit).unwrap_or(usize::MAX));
        if query.only.is_some() {
            return Ok(Agenda { waiting, ..Agenda::default() });
        }
        let next_due = all.into_iter().filter_map(put_off).min();
        Ok(Agenda { waiting, running: data.running(now), next_due })
    }
}
