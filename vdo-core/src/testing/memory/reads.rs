//! What the store in memory answers. Never changes anything.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::MemoryStore;
use crate::check::CheckReport;
use crate::conflict::ConflictRow;
use crate::content::{Blob, BlobHash};
use crate::event::Event;
use crate::id::{JobId, Phase, RevisionId, RevisionRef};
use crate::job::{Correction, Job, JobStatus, Revision};
use crate::money::NanoUsd;
use crate::port::{
    Blobs, CallRow, CallState, EventLog, JobQuery, Jobs, Journal, Ledger, PartialReply, SpendRow, StepRow, StoreError,
};
use crate::time::Timestamp;
use crate::tree::{Delta, Manifest};
use crate::usage::Usage;

#[async_trait]
impl Jobs for MemoryStore {
    async fn job(&self, id: JobId) -> Result<Job, StoreError> {
        Ok(self.data().record(id)?.job.clone())
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Vec<Job>, StoreError> {
        let matches = |job: &&Job| {
            query.status.map_or(query.archived || job.status != JobStatus::Archived, |status| job.status == status)
                && query.kind.is_none_or(|kind| job.spec.kind == kind)
                && query.parent.is_none_or(|parent| job.parents.iter().any(|link| link.job == parent))
                && query.root.is_none_or(|root| job.root == root)
                && query.before.is_none_or(|before| job.id < before)
        };
        let limit = usize::try_from(if query.limit == 0 { 100 } else { query.limit }).unwrap_or(usize::MAX);
        let data = self.data();
        Ok(data.jobs.values().rev().map(|record| &record.job).filter(matches).take(limit).cloned().collect())
    }

    async fn resolve(&self, reference: RevisionRef) -> Result<Revision, StoreError> {
        let data = self.data();
        let tree = data.numbered(reference).ok_or_else(|| StoreError::NotFound(format!("revision {reference}")))?;
        Ok(tree.revision.clone())
    }

    async fn revision(&self, id: RevisionId) -> Result<Revision, StoreError> {
        Ok(self.data().tree(id)?.revision.clone())
    }

    async fn manifest(&self, id: RevisionId) -> Result<Manifest, StoreError> {
        Ok(self.data().tree(id)?.manifest.clone())
    }

    async fn delta(&self, id: RevisionId) -> Result<Delta, StoreError> {
        Ok(self.data().tree(id)?.delta.clone())
    }

    async fn corrections(&self, job: JobId) -> Result<Vec<Correction>, StoreError> {
        let data = self.data();
        data.record(job)?;
        let of = |id| data.revisions.get(&id).map(|tree| tree.revision.job);
        let about = |row: &&Correction| row.job == job || of(row.from) == Some(job);
        Ok(data.corrections.iter().filter(about).copied().collect())
    }
}

#[async_trait]
impl Blobs for MemoryStore {
    async fn blobs(&self, hashes: &[BlobHash]) -> Result<Vec<Blob>, StoreError> {
        let data = self.data();
        let missing = |hash: &BlobHash| StoreError::NotFound(format!("content {hash}"));
        hashes.iter().map(|hash| data.blobs.get(hash).cloned().ok_or_else(|| missing(hash))).collect()
    }
}

#[async_trait]
impl Journal for MemoryStore {
    async fn steps(&self, job: JobId) -> Result<Vec<StepRow>, StoreError> {
        Ok(self.data().record(job)?.steps.clone())
    }

    async fn checks(&self, job: JobId) -> Result<Vec<(Phase, u32, CheckReport)>, StoreError> {
        Ok(self.data().record(job)?.checks.clone())
    }

    async fn conflicts(&self, job: JobId) -> Result<Vec<ConflictRow>, StoreError> {
        Ok(self.data().record(job)?.conflicts.values().cloned().collect())
    }

    async fn partials(&self, job: JobId) -> Result<Vec<PartialReply>, StoreError> {
        Ok(self.data().record(job)?.partials.clone())
    }
}

#[async_trait]
impl Ledger for MemoryStore {
    async fn calls(&self, job: JobId) -> Result<Vec<CallRow>, StoreError> {
        Ok(self.data().record(job)?.calls.clone())
    }

    async fn spend(&self, since: Timestamp) -> Result<Vec<SpendRow>, StoreError> {
        let data = self.data();
        let mut rows: BTreeMap<(&str, &str), SpendRow> = BTreeMap::new();
        let calls = data.jobs.values().flat_map(|record| &record.calls).filter(|call| call.started >= since);
        for call in calls {
            let row = rows.entry((&call.provider, &call.model)).or_insert_with(|| SpendRow {
                provider: call.provider.clone(),
                model: call.model.clone(),
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
impl EventLog for MemoryStore {
    async fn events(&self, job: JobId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.data().record(job)?.events.iter().skip(skip).take(limit).cloned().collect())
    }
}
