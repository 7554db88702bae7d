//! What the store answers: the five reading traits of the port. Nothing here changes anything.

use std::collections::BTreeMap;

use async_trait::async_trait;
use vdo_core::check::CheckReport;
use vdo_core::conflict::ConflictRow;
use vdo_core::content::{Blob, BlobHash};
use vdo_core::event::Event;
use vdo_core::id::{JobId, Phase, RevisionId, RevisionRef};
use vdo_core::job::{Correction, Job, JobStatus, Revision};
use vdo_core::money::NanoUsd;
use vdo_core::port::{
    Blobs, CallRow, CallState, EventLog, JobQuery, Jobs, Journal, Ledger, PartialReply, SpendRow, StepRow, StoreError,
};
use vdo_core::time::Timestamp;
use vdo_core::tree::{Delta, Manifest};
use vdo_core::usage::Usage;

use super::CopyStore;

#[async_trait]
impl Jobs for CopyStore {
    async fn job(&self, id: JobId) -> Result<Job, StoreError> {
        Ok(self.world().record(id)?.job.clone())
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Vec<Job>, StoreError> {
        let wanted = |job: &&Job| {
            query.status.map_or(query.archived || job.status != JobStatus::Archived, |status| job.status == status)
                && query.kind.is_none_or(|kind| job.spec.kind == kind)
                && query.parent.is_none_or(|parent| job.parents.iter().any(|link| link.job == parent))
                && query.root.is_none_or(|root| job.root == root)
                && query.before.is_none_or(|before| job.id < before)
        };
        let limit = if query.limit == 0 { 100 } else { usize::try_from(query.limit).unwrap_or(usize::MAX) };
        let world = self.world();
        Ok(world.jobs.values().rev().map(|record| &record.job).filter(wanted).take(limit).cloned().collect())
    }

    async fn resolve(&self, reference: RevisionRef) -> Result<Revision, StoreError> {
        let world = self.world();
        let found = world.find(reference).ok_or_else(|| StoreError::NotFound(format!("revision {reference}")))?;
        Ok(found.revision.clone())
    }

    async fn revision(&self, id: RevisionId) -> Result<Revision, StoreError> {
        Ok(self.world().stored(id)?.revision.clone())
    }

    async fn manifest(&self, id: RevisionId) -> Result<Manifest, StoreError> {
        Ok(self.world().stored(id)?.manifest.clone())
    }

    async fn delta(&self, id: RevisionId) -> Result<Delta, StoreError> {
        Ok(self.world().stored(id)?.delta.clone())
    }

    async fn corrections(&self, job: JobId) -> Result<Vec<Correction>, StoreError> {
        let world = self.world();
        world.record(job)?;
        let of = |id| world.stored(id).map(|stored| stored.revision.job).ok();
        let about = |row: &&Correction| row.job == job || of(row.from) == Some(job);
        Ok(world.corrections.iter().filter(about).copied().collect())
    }
}

#[async_trait]
impl Blobs for CopyStore {
    async fn blobs(&self, hashes: &[BlobHash]) -> Result<Vec<Blob>, StoreError> {
        let world = self.world();
        let found = |hash: &BlobHash| world.blobs.get(hash).cloned();
        let missing = |hash: &BlobHash| StoreError::NotFound(format!("content {hash}"));
        hashes.iter().map(|hash| found(hash).ok_or_else(|| missing(hash))).collect()
    }
}

#[async_trait]
impl Journal for CopyStore {
    async fn steps(&self, job: JobId) -> Result<Vec<StepRow>, StoreError> {
        Ok(self.world().record(job)?.steps.clone())
    }

    async fn checks(&self, job: JobId) -> Result<Vec<(Phase, u32, CheckReport)>, StoreError> {
        Ok(self.world().record(job)?.checks.clone())
    }

    async fn conflicts(&self, job: JobId) -> Result<Vec<ConflictRow>, StoreError> {
        Ok(self.world().record(job)?.conflicts.values().cloned().collect())
    }

    async fn partials(&self, job: JobId) -> Result<Vec<PartialReply>, StoreError> {
        Ok(self.world().record(job)?.partials.clone())
    }
}

#[async_trait]
impl Ledger for CopyStore {
    async fn calls(&self, job: JobId) -> Result<Vec<CallRow>, StoreError> {
        Ok(self.world().record(job)?.calls.clone())
    }

    async fn spend(&self, since: Timestamp) -> Result<Vec<SpendRow>, StoreError> {
        let world = self.world();
        let mut rows: BTreeMap<(&str, &str), SpendRow> = BTreeMap::new();
        let calls = world.jobs.values().flat_map(|record| &record.calls);
        for call in calls.filter(|call| call.started >= since) {
            let (provider, model) = (call.provider.as_str(), call.model.as_str());
            let row = rows.entry((provider, model)).or_insert_with(|| SpendRow {
                provider: provider.to_owned(),
                model: model.to_owned(),
                calls: 0,
                usage: Usage::default(),
                cost: NanoUsd::ZERO,
                reserved: NanoUsd::ZERO,
                unpriced: 0,
            });
            row.calls += 1;
            row.usage = row.usage.plus(&call.usage.unwrap_or_default());
            row.cost = row.cost.plus(call.cost.unwrap_or_default());
            match call.state {
                CallState::Sent | CallState::PossiblyBilled => {
                    row.reserved = row.reserved.plus(call.reserved.unwrap_or_default());
                }
                CallState::Answered => row.unpriced += u64::from(call.cost.is_none()),
                CallState::Failed | CallState::Reconciled => {}
            }
        }
        Ok(rows.into_values().collect())
    }
}

#[async_trait]
impl EventLog for CopyStore {
    async fn events(&self, job: JobId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let events = self.world().record(job)?.events.clone();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(events.into_iter().filter(|event| event.seq > after).take(limit).collect())
    }
}
