//! A store that forgets everything when it is dropped.
//!
//! For tests, examples and throw-away runs. It keeps the whole contract of [`Store`], one commit at a time under one
//! lock; it performs no I/O and needs no runtime. Invariant: a refused write leaves no trace, because it worked on a copy.

mod backlog;
mod books;
mod partials;
mod reads;
mod upkeep;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::budget::Books;
use crate::check::CheckReport;
use crate::conflict::ConflictRow;
use crate::content::{Blob, BlobHash};
use crate::event::{Event, EventKind};
use crate::health::{Health, Subject};
use crate::id::{JobId, Phase, RevisionId, RevisionRef, StepKey};
use crate::job::{Correction, Job, JobSpec, JobStatus, ParentLink, Revision};
use crate::money::NanoUsd;
use crate::port::accounts::{self, Accounts};
use crate::port::backlog::Backlog;
use crate::port::changes::{Changes, Guard, LeaseChange, NewRevision, Receipt, StepWrite};
use crate::port::upkeep::Upkeep;
use crate::port::{CallRow, CallState, ClaimRequest, Lease, PartialReply, StepRow, Store, StoreError};
use crate::time::Timestamp;
use crate::tree::{Delta, Manifest};
use crate::tries::Retries;
use crate::usage::Usage;

/// A [`Store`] in memory.
///
/// ```
/// use vdo_core::job::JobSpec;
/// use vdo_core::port::changes::{Changes, Guard};
/// use vdo_core::port::{Jobs, Store};
/// use vdo_core::testing::MemoryStore;
/// use vdo_core::time::Timestamp;
///
/// # async fn example() -> Result<(), vdo_core::port::StoreError> {
/// let store = MemoryStore::new();
/// let spec = JobSpec::new("Say goodbye", "Add a goodbye() beside hello().");
/// let receipt = store.commit(Changes::new(Guard::Create(Box::new(spec)), Timestamp(0))).await?;
/// assert_eq!(store.job(receipt.job).await?.spec.title, "Say goodbye");
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    data: Mutex<Data>,
}

#[derive(Debug, Default)]
struct Data {
    jobs: BTreeMap<JobId, Record>,
    revisions: BTreeMap<RevisionId, Tree>,
    blobs: HashMap<BlobHash, Blob>,
    corrections: Vec<Correction>,
    books: Books,
    health: BTreeMap<Subject, Health>,
    settings: BTreeMap<String, String>,
}

/// A job and all that belongs to it.
#[derive(Debug, Clone)]
struct Record {
    job: Job,
    owner: Option<String>,
    epoch: u64,
    until: Timestamp,
    steps: Vec<StepRow>,
    calls: Vec<CallRow>,
    checks: Vec<(Phase, u32, CheckReport)>,
    conflicts: BTreeMap<u32, ConflictRow>,
    partials: Vec<PartialReply>,
    events: Vec<Event>,
}

#[derive(Debug, Clone)]
struct Tree {
    revision: Revision,
    delta: Delta,
    manifest: Manifest,
}

impl MemoryStore {
    /// Returns an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        // Nothing below panics, and every write is whole: what a panic of a test left behind is sound.
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Data {
    fn record(&self, id: JobId) -> Result<&Record, StoreError> {
        self.jobs.get(&id).ok_or_else(|| StoreError::NotFound(format!("job {id}")))
    }

    fn tree(&self, id: RevisionId) -> Result<&Tree, StoreError> {
        self.revisions.get(&id).ok_or_else(|| StoreError::NotFound(format!("revision {}", id.0)))
    }

    fn numbered(&self, reference: RevisionRef) -> Option<&Tree> {
        let mut of_job = self.revisions.values().filter(|tree| tree.revision.job == reference.job);
        match reference.number {
            Some(number) => of_job.find(|tree| tree.revision.number == number),
            None => of_job.next_back(),
        }
    }

    fn create(&self, spec: &JobSpec, at: Timestamp) -> Result<Record, StoreError> {
        let last = self.jobs.keys().next_back().map_or(0, |id| id.number());
        let id = JobId::new(last + 1).ok_or_else(|| invalid("no ids left"))?;
        let parents = spec.parents.iter().map(|parent| self.link(*parent)).collect::<Result<Vec<_>, _>>()?;
        let first = parents.first().and_then(|parent| self.jobs.get(&parent.job));
        let job = Job {
            id,
            spec: spec.clone(),
            status: JobStatus::Queued,
            reason: None,
            stamps: Vec::new(),
            version: 1,
            cancel_requested: false,
            depth: first.map_or(1, |first| first.job.depth + 1),
            root: first.map_or(id, |first| first.job.root),
            parents,
            head: None,
            branch: None,
            rating: None,
            note: None,
            is_reference: false,
            cost: NanoUsd::ZERO,
            reserved: NanoUsd::ZERO,
            usage: Usage::default(),
            created: at,
            updated: at,
            retries: Retries::default(),
        };
        Ok(Record {
            job,
            owner: None,
            epoch: 0,
            until: Timestamp(0),
            steps: Vec::new(),
            calls: Vec::new(),
            checks: Vec::new(),
            conflicts: BTreeMap::new(),
            partials: Vec::new(),
            events: Vec::new(),
        })
    }

    fn link(&self, parent: RevisionRef) -> Result<ParentLink, StoreError> {
        let refuse = |reason: &str| StoreError::Parent { parent, reason: reason.to_owned() };
        let record = self.jobs.get(&parent.job).ok_or_else(|| refuse("there is no such job"))?;
        if record.job.status == JobStatus::Archived {
            return Err(refuse("it is archived"));
        }
        let revision = match parent.number {
            None => None,
            Some(_) => Some(self.numbered(parent).ok_or_else(|| refuse("it has no such revision"))?.revision.id),
        };
        Ok(ParentLink { job: parent.job, number: parent.number, revision })
    }

    /// Finds the job that changes are about, and checks that the writer may write. `Err(Ok(..))` is a job that was there.
    fn guarded(&self, changes: &Changes) -> Result<Record, Result<Receipt, StoreError>> {
        match &changes.guard {
            Guard::Create(spec) => {
                spec.validate().map_err(|error| Err(invalid(error.to_string())))?;
                let same = |record: &&Record| record.job.spec.idempotency_key == spec.idempotency_key;
                let first = spec.idempotency_key.as_ref().and_then(|_| self.jobs.values().find(same));
                match first {
                    Some(first) => Err(Ok(receipt(&first.job, true))),
                    None => self.create(spec, changes.at).map_err(Err),
                }
            }
            Guard::Lease(lease) => {
                let record = self.record(lease.job).map_err(Err)?;
                if record.epoch != lease.epoch || record.owner.is_none() {
                    return Err(Err(StoreError::Fenced { job: lease.job, epoch: lease.epoch }));
                }
                Ok(record.head())
            }
            Guard::Version { job, version } => {
                let record = self.record(*job).map_err(Err)?;
                let found = record.job.version;
                if found != *version {
                    return Err(Err(StoreError::Conflict { job: *job, expected: *version, found }));
                }
                Ok(record.head())
            }
        }
    }

    fn commit(&mut self, changes: Changes) -> Result<Receipt, StoreError> {
        let mut record = match self.guarded(&changes) {
            Ok(record) => record,
            Err(answer) => return answer,
        };
        record.lease(&changes)?;
        self.pin(&mut record, &changes)?;
        record.money(&changes)?;
        let (job, project) = (record.job.id, record.job.root);
        let charges: Vec<_> = changes.calls.iter().map(|call| accounts::charge(call, job, project)).collect();
        let posted = self.books.post(&charges).map_err(Box::new)?;
        let health = self.observed(&changes)?;
        self.pace(&changes)?;
        let tree = changes.revision.as_ref().map(|new| self.revise(&mut record, new, &changes)).transpose()?;
        let correction = self.correction(&record, tree.as_ref(), &changes)?;
        record.judge(&changes)?;
        for row in &changes.conflicts {
            let Some(entry) = row.decision.as_ref().and_then(|decision| decision.entry) else { continue };
            if !self.blobs.contains_key(&entry.blob) && !changes.blobs.iter().any(|blob| blob.hash() == entry.blob) {
                return Err(invalid(format!("the content {} of {} is not stored", entry.blob, row.path)));
            }
        }
        // Nothing is refused from here on: what the job has so far moves over, it is never copied.
        if let Some(known) = self.jobs.remove(&record.job.id) {
            record = Record { job: record.job, owner: record.owner, epoch: record.epoch, until: record.until, ..known };
        }
        let silent = changes.events.is_empty() && posted.crossings.is_empty();
        let first_seq = if silent { 0 } else { record.events.len() as u64 + 1 };
        let mut receipt = Receipt { first_seq, crossings: posted.crossings.clone(), ..receipt(&record.job, false) };
        receipt.revision = tree.as_ref().map(|tree| (tree.revision.id, tree.revision.number));
        let crossed = posted.crossings.iter().cloned().map(EventKind::BudgetCrossed);
        let events = changes.events.into_iter().chain(crossed).collect();
        record.append(changes.at, changes.steps, changes.calls.into_iter().map(|call| call.row), events);
        record.keep_partials(changes.partials);
        for known in changes.outcomes {
            let mut rows = record.calls.iter_mut();
            if let Some(row) = rows.find(|row| row.step == known.step && row.number == known.number) {
                row.outcome = Some(known.outcome);
            }
        }
        record.conflicts.extend(changes.conflicts.into_iter().map(|row| (row.ordinal, row)));
        record.checks.extend(changes.checks.into_iter().map(|check| (check.phase, check.attempt, check.report)));

        self.books.adopt(&posted);
        self.health.extend(health);
        self.blobs.extend(changes.blobs.into_iter().map(|blob| (blob.hash(), blob)));
        self.revisions.extend(tree.map(|tree| (tree.revision.id, tree)));
        self.corrections.extend(correction);
        self.jobs.insert(record.job.id, record);
        Ok(receipt)
    }

    fn pin(&self, record: &mut Record, changes: &Changes) -> Result<(), StoreError> {
        for (ordinal, id) in &changes.pins {
            let parent = usize::try_from(*ordinal).ok().and_then(|at| record.job.parents.get_mut(at));
            let parent = parent.ok_or_else(|| invalid(format!("there is no parent {ordinal} to pin")))?;
            let revision = self.revisions.get(id).map(|tree| &tree.revision);
            let revision = revision.filter(|revision| revision.job == parent.job);
            let revision = revision.ok_or_else(|| invalid(format!("job {} has no revision {}", parent.job, id.0)))?;
            if parent.revision.is_some_and(|pinned| pinned != *id) {
                return Err(invalid(format!("parent {} is pinned to another revision already", parent.job)));
            }
            (parent.revision, parent.number) = (Some(*id), Some(revision.number));
        }
        Ok(())
    }

    /// Returns the revision, if it is of the job itself or of a pinned parent's.
    fn related(&self, job: &Job, id: RevisionId) -> Result<&Tree, StoreError> {
        let tree = self.tree(id)?;
        let owner = tree.revision.job;
        let pinned = |parent: &ParentLink| parent.job == owner && parent.revision.is_some();
        if owner != job.id && !job.parents.iter().any(pinned) {
            return Err(invalid(format!("revision {} is neither of job {} nor of a pinned parent", id.0, job.id)));
        }
        Ok(tree)
    }

    fn correction(
        &self,
        record: &Record,
        tree: Option<&Tree>,
        changes: &Changes,
    ) -> Result<Option<Correction>, StoreError> {
        let Some(from) = changes.correction else { return Ok(None) };
        let to = tree.ok_or_else(|| invalid("a correction comes with the revision it made"))?.revision.id;
        self.related(&record.job, from)?;
        Ok(Some(Correction { job: record.job.id, from, to, at: changes.at }))
    }

    fn revise(&self, record: &mut Record, new: &NewRevision, changes: &Changes) -> Result<Tree, StoreError> {
        let job = record.job.id;
        let base = match new.base {
            None if record.job.parents.is_empty() => Manifest::default(),
            None => return Err(invalid("a revision of a job with parents has a base")),
            Some(id) => self.related(&record.job, id)?.manifest.clone(),
        };
        for id in &new.also {
            self.related(&record.job, *id)?;
        }
        let manifest = base.with(job, &new.delta);
        let found = manifest.tree().root_hash();
        if found != new.root_hash {
            return Err(invalid(format!("the delta gives the tree {found}, not {}", new.root_hash)));
        }
        for (path, entry) in &new.delta.0 {
            let Some(file) = entry.change.entry() else { continue };
            if !self.blobs.contains_key(&file.blob) && !changes.blobs.iter().any(|blob| blob.hash() == file.blob) {
                return Err(invalid(format!("the content {} of {path} is not stored", file.blob)));
            }
        }
        let revision = Revision {
            id: RevisionId(self.revisions.keys().next_back().map_or(1, |last| last.0 + 1)),
            job,
            number: record.job.head.as_ref().map_or(1, |head| head.number + 1),
            root_hash: new.root_hash,
            base: new.base,
            also: new.also.clone(),
            cause: new.cause,
            author: new.author.clone(),
            created: changes.at,
        };
        record.job.head = Some(revision.clone());
        Ok(Tree { revision, delta: new.delta.clone(), manifest })
    }
}

impl Record {
    /// Returns a copy without what belongs to the job: all that a write can be refused for.
    fn head(&self) -> Self {
        Self {
            job: self.job.clone(),
            owner: self.owner.clone(),
            epoch: self.epoch,
            until: self.until,
            steps: Vec::new(),
            calls: Vec::new(),
            checks: Vec::new(),
            conflicts: BTreeMap::new(),
            partials: Vec::new(),
            events: Vec::new(),
        }
    }

    fn lease(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let leased = matches!(changes.guard, Guard::Lease(_));
        match changes.lease {
            LeaseChange::Keep => {}
            LeaseChange::Extend(until) if leased => self.until = until,
            LeaseChange::Release if leased => self.owner = None,
            LeaseChange::Extend(_) | LeaseChange::Release => {
                return Err(invalid("a lease is changed only by its holder"));
            }
        }
        Ok(())
    }

    fn money(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let (job, mut asked) = (&mut self.job, NanoUsd::ZERO);
        for call in &changes.calls {
            let (reserved, cost) = (call.row.reserved.unwrap_or_default(), call.row.cost.unwrap_or_default());
            if reserved.min(cost).min(call.released) < NanoUsd::ZERO {
                return Err(invalid(format!("call {} of {} has a negative amount", call.row.number, call.row.step)));
            }
            match call.row.state {
                CallState::Sent => asked = asked.plus(reserved),
                CallState::Answered | CallState::Failed | CallState::PossiblyBilled | CallState::Reconciled => {
                    job.reserved = job.reserved.minus(call.released);
                    job.cost = job.cost.plus(cost);
                    job.usage = job.usage.plus(&call.row.usage.unwrap_or_default());
                }
            }
        }
        if job.reserved < NanoUsd::ZERO {
            return Err(invalid(format!("more is released than job {} has reserved", job.id)));
        }
        let committed = job.cost.plus(job.reserved);
        if let Some(limit) = job.spec.budget
            && asked > NanoUsd::ZERO
            && committed.plus(asked) > limit
        {
            return Err(StoreError::Budget { job: job.id, limit, committed, asked });
        }
        job.reserved = job.reserved.plus(asked);
        Ok(())
    }

    fn judge(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let job = &mut self.job;
        if let Some(change) = changes.retry {
            if !matches!(changes.guard, Guard::Lease(_)) {
                return Err(invalid("the tries of a job are counted by the holder of its lease"));
            }
            job.retries = job.retries.after(change);
        }
        let stated = changes.status.as_ref().filter(|new| new.status != job.status || new.reason != job.reason);
        if let Some(new) = stated {
            (job.status, job.reason, job.updated) = (new.status, new.reason.clone(), changes.at);
        }
        job.version += match &changes.guard {
            Guard::Create(_) => 0,
            Guard::Lease(_) => u64::from(stated.is_some()),
            Guard::Version { .. } => 1,
        };
        job.cancel_requested = changes.cancel_requested.unwrap_or(job.cancel_requested);
        job.stamps.extend(&changes.stamps);
        job.stamps.sort_unstable();
        job.stamps.dedup();
        job.branch = changes.branch.clone().or_else(|| job.branch.take());
        if let Some(rating) = &changes.rating {
            if !(1..=5).contains(&rating.stars) {
                return Err(invalid(format!("a rating of {} stars; 1 to 5 are taken", rating.stars)));
            }
            (job.rating, job.note, job.is_reference) = (Some(rating.stars), rating.note.clone(), rating.is_reference);
        }
        Ok(())
    }

    fn append(
        &mut self,
        at: Timestamp,
        steps: Vec<StepWrite>,
        calls: impl Iterator<Item = CallRow>,
        events: Vec<EventKind>,
    ) {
        for step in steps {
            let epoch = self.epoch;
            let index = self.steps.iter().position(|row| row.key == step.key);
            match index.and_then(|at| self.steps.get_mut(at)) {
                Some(row) => {
                    row.state = std::cmp::max_by_key(row.state, step.state, |state| *state as u8);
                    row.epoch = epoch;
                    row.request_hash = step.request_hash.or(row.request_hash);
                    row.answer = step.answer.or_else(|| row.answer.take());
                }
                None => {
                    let StepWrite { key, state, request_hash, answer } = step;
                    self.steps.push(StepRow { key, state, epoch, request_hash, answer });
                }
            }
        }
        for call in calls {
            let same = |row: &CallRow, step: &StepKey| row.step == *step && row.number == call.number;
            match self.calls.iter_mut().find(|row| same(row, &call.step)) {
                Some(row) => *row = call,
                None => self.calls.push(call),
            }
        }
        for kind in events {
            let seq = self.events.len() as u64 + 1;
            self.events.push(Event { job: self.job.id, seq, at, kind });
        }
    }
}

fn receipt(job: &Job, existed: bool) -> Receipt {
    Receipt {
        job: job.id,
        existed,
        version: job.version,
        first_seq: 0,
        revision: None,
        cancel_requested: job.cancel_requested,
        crossings: Vec::new(),
    }
}

fn invalid(reason: impl Into<String>) -> StoreError {
    StoreError::Invalid(reason.into())
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, changes: Changes) -> Result<Receipt, StoreError> {
        self.data().commit(changes)
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Lease, StoreError> {
        self.data().claim(request)
    }

    fn accounts(&self) -> Option<&dyn Accounts> {
        Some(self)
    }

    fn backlog(&self) -> Option<&dyn Backlog> {
        Some(self)
    }

    fn upkeep(&self) -> Option<&dyn Upkeep> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::store_contract;

    #[tokio::test]
    async fn the_store_in_memory_keeps_the_contract() {
        store_contract::run(|| async { Arc::new(MemoryStore::new()) as Arc<dyn Store> }).await;
    }
}
