//! Writes a store of one's own and holds it to the contract of stores; then runs a job on it.
//!
//! The whole port is here: `claim` and the one door for writes, `commit`; the five small reading traits are in
//! `own_store/reads.rs`. This store keeps everything in memory and treats a commit as a transaction in the plainest
//! way: it works on a copy of the world and puts that in place only if nothing was refused. A store on a database
//! does the same with the database's transactions.
//!
//! Run it with `cargo run -p vdo-examples --bin 05_own_store`. It needs bubblewrap, for the job at the end.

#[path = "own_store/reads.rs"]
mod reads;

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use vdo_core::check::CheckReport;
use vdo_core::conflict::ConflictRow;
use vdo_core::content::{Blob, BlobHash};
use vdo_core::engine::Engine;
use vdo_core::event::Event;
use vdo_core::id::{JobId, Phase, RevisionId, RevisionRef};
use vdo_core::job::{Correction, Job, JobSpec, JobStatus, ParentLink, Revision};
use vdo_core::money::NanoUsd;
use vdo_core::port::changes::{CallWrite, Changes, Guard, LeaseChange, NewRevision, PartialWrite, Receipt, StepWrite};
use vdo_core::port::{CallRow, CallState, ClaimRequest, Lease, PartialReply, StepRow, Store, StoreError};
use vdo_core::route::Routes;
use vdo_core::testing::scripted::{Answers, ScriptedProvider};
use vdo_core::testing::store_contract;
use vdo_core::time::Timestamp;
use vdo_core::tree::{Delta, Manifest};
use vdo_core::usage::Usage;
use vdo_providers::clock::TokioClock;
use vdo_workspace::check::SandboxChecker;
use vdo_workspace::sandbox::{Require, Sandbox, SandboxConfig};
use vdo_workspace::scan::WorkspaceScanner;
use vdo_workspace::syntax::TreeSitterSyntax;

/// A store that forgets everything when it is dropped.
#[derive(Debug, Default)]
struct CopyStore(Mutex<World>);

#[derive(Debug, Clone, Default)]
struct World {
    jobs: BTreeMap<JobId, Record>,
    revisions: BTreeMap<RevisionId, Arc<Stored>>,
    blobs: HashMap<BlobHash, Blob>,
    corrections: Vec<Correction>,
}

/// A job with all that belongs to it.
#[derive(Debug, Clone)]
struct Record {
    job: Job,
    /// Who holds the lease, and until when.
    lease: Option<(String, Timestamp)>,
    epoch: u64,
    steps: Vec<StepRow>,
    calls: Vec<CallRow>,
    checks: Vec<(Phase, u32, CheckReport)>,
    conflicts: BTreeMap<u32, ConflictRow>,
    partials: Vec<PartialReply>,
    events: Vec<Event>,
}

#[derive(Debug)]
struct Stored {
    revision: Revision,
    delta: Delta,
    manifest: Manifest,
}

impl CopyStore {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for CopyStore {
    async fn commit(&self, changes: Changes) -> Result<Receipt, StoreError> {
        let mut world = self.world();
        let mut next = world.clone();
        let receipt = next.apply(changes)?;
        *world = next;
        Ok(receipt)
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Lease, StoreError> {
        let mut world = self.world();
        let record = world.record_mut(request.job)?;
        if let Some((owner, until)) = &record.lease {
            let free = *until <= request.now || *owner == request.owner || request.presumed_dead == Some(record.epoch);
            if !free {
                let (owner, until, epoch) = (owner.clone(), *until, record.epoch);
                return Err(StoreError::Busy { job: request.job, owner, epoch, until });
            }
        }
        // Whoever held the lease before is fenced from here on, because his epoch is the old one.
        record.epoch += 1;
        record.lease = Some((request.owner, request.now.after(request.ttl)));
        Ok(Lease { job: request.job, epoch: record.epoch })
    }
}

impl World {
    fn record(&self, job: JobId) -> Result<&Record, StoreError> {
        self.jobs.get(&job).ok_or_else(|| StoreError::NotFound(format!("job {job}")))
    }

    fn record_mut(&mut self, job: JobId) -> Result<&mut Record, StoreError> {
        self.jobs.get_mut(&job).ok_or_else(|| StoreError::NotFound(format!("job {job}")))
    }

    fn stored(&self, id: RevisionId) -> Result<&Stored, StoreError> {
        self.revisions.get(&id).map(Arc::as_ref).ok_or_else(|| StoreError::NotFound(format!("revision {}", id.0)))
    }

    fn find(&self, reference: RevisionRef) -> Option<&Stored> {
        let mut of_job = self.revisions.values().filter(|stored| stored.revision.job == reference.job);
        let found = match reference.number {
            Some(number) => of_job.find(|stored| stored.revision.number == number),
            None => of_job.next_back(),
        };
        found.map(Arc::as_ref)
    }

    /// Applies changes to a world that is thrown away if any of them is refused.
    fn apply(&mut self, changes: Changes) -> Result<Receipt, StoreError> {
        let (id, existed) = self.enter(&changes)?;
        if existed {
            return Ok(receipt(&self.record(id)?.job, true));
        }
        self.blobs.extend(changes.blobs.into_iter().map(|blob| (blob.hash(), blob)));
        for (ordinal, revision) in &changes.pins {
            self.pin(id, *ordinal, *revision)?;
        }
        let revision = changes.revision.map(|new| self.revise(id, new, changes.at)).transpose()?;
        if let Some(from) = changes.correction {
            let (to, _) = revision.ok_or_else(|| invalid("a correction comes with the revision it made"))?;
            self.related(&self.record(id)?.job, from)?;
            self.corrections.push(Correction { job: id, from, to, at: changes.at });
        }
        for row in &changes.conflicts {
            let entry = row.decision.as_ref().and_then(|decision| decision.entry);
            if entry.is_some_and(|entry| !self.blobs.contains_key(&entry.blob)) {
                return Err(invalid(format!("the content that decides {} is not stored", row.path)));
            }
        }
        let record = self.record_mut(id)?;
        let leased = matches!(changes.guard, Guard::Lease(_));
        match (changes.lease, &mut record.lease) {
            (LeaseChange::Keep, _) => {}
            (LeaseChange::Extend(until), Some((_, end))) if leased => *end = until,
            (LeaseChange::Release, lease) if leased => *lease = None,
            _ => return Err(invalid("a lease is changed only by its holder")),
        }
        record.spend(&changes.calls)?;

        let job = &mut record.job;
        let new = changes.status.filter(|new| new.status != job.status || new.reason != job.reason);
        job.version += match changes.guard {
            Guard::Create(_) => 0,
            Guard::Lease(_) => u64::from(new.is_some()),
            Guard::Version { .. } => 1,
        };
        if let Some(new) = new {
            (job.status, job.reason, job.updated) = (new.status, new.reason, changes.at);
        }
        job.cancel_requested = changes.cancel_requested.unwrap_or(job.cancel_requested);
        job.branch = changes.branch.or_else(|| job.branch.take());
        job.stamps.extend(changes.stamps);
        job.stamps.sort_unstable();
        job.stamps.dedup();
        if let Some(rating) = changes.rating {
            if !(1..=5).contains(&rating.stars) {
                return Err(invalid("1 to 5 stars are taken"));
            }
            (job.rating, job.note, job.is_reference) = (Some(rating.stars), rating.note, rating.is_reference);
        }

        changes.steps.into_iter().for_each(|step| record.step(step));
        changes.calls.into_iter().for_each(|call| record.call(call.row));
        changes.partials.into_iter().for_each(|partial| record.partial(partial));
        for known in changes.outcomes {
            let mut calls = record.calls.iter_mut();
            if let Some(call) = calls.find(|call| call.step == known.step && call.number == known.number) {
                call.outcome = Some(known.outcome);
            }
        }
        record.conflicts.extend(changes.conflicts.into_iter().map(|row| (row.ordinal, row)));
        record.checks.extend(changes.checks.into_iter().map(|check| (check.phase, check.attempt, check.report)));
        let first_seq = if changes.events.is_empty() { 0 } else { record.events.len() as u64 + 1 };
        for kind in changes.events {
            let seq = record.events.len() as u64 + 1;
            record.events.push(Event { job: id, seq, at: changes.at, kind });
        }
        Ok(Receipt { first_seq, revision, ..receipt(&record.job, false) })
    }

    /// Finds or makes the job that changes are about, and checks that the writer may write. The flag says that a job
    /// with the same idempotency key was there already.
    fn enter(&mut self, changes: &Changes) -> Result<(JobId, bool), StoreError> {
        match &changes.guard {
            Guard::Create(spec) => {
                spec.validate().map_err(|error| invalid(error.to_string()))?;
                let key = spec.idempotency_key.as_ref();
                let same = |record: &&Record| key.is_some() && record.job.spec.idempotency_key.as_ref() == key;
                match self.jobs.values().find(same) {
                    Some(first) => Ok((first.job.id, true)),
                    None => Ok((self.create(spec, changes.at)?, false)),
                }
            }
            Guard::Lease(lease) => {
                let record = self.record(lease.job)?;
                if record.epoch != lease.epoch || record.lease.is_none() {
                    return Err(StoreError::Fenced { job: lease.job, epoch: lease.epoch });
                }
                Ok((lease.job, false))
            }
            Guard::Version { job, version } => {
                let found = self.record(*job)?.job.version;
                if found != *version {
                    return Err(StoreError::Conflict { job: *job, expected: *version, found });
                }
                Ok((*job, false))
            }
        }
    }

    fn create(&mut self, spec: &JobSpec, at: Timestamp) -> Result<JobId, StoreError> {
        let last = self.jobs.keys().next_back().map_or(0, |id| id.number());
        let id = JobId::new(last + 1).ok_or_else(|| invalid("no ids left"))?;
        let mut parents = Vec::new();
        for parent in &spec.parents {
            let refuse = |reason: &str| StoreError::Parent { parent: *parent, reason: reason.to_owned() };
            let known = self.jobs.get(&parent.job).ok_or_else(|| refuse("there is no such job"))?;
            if known.job.status == JobStatus::Archived {
                return Err(refuse("it is archived"));
            }
            // A number pins the revision at once; without one it is pinned at the job's first load.
            let pinned = parent.number.and_then(|_| self.find(*parent)).map(|stored| stored.revision.id);
            if parent.number.is_some() && pinned.is_none() {
                return Err(refuse("it has no such revision"));
            }
            parents.push(ParentLink { job: parent.job, number: parent.number, revision: pinned });
        }
        let first = parents.first().and_then(|parent| self.jobs.get(&parent.job)).map(|record| &record.job);
        let job = Job {
            id,
            spec: spec.clone(),
            status: JobStatus::Queued,
            reason: None,
            stamps: Vec::new(),
            version: 1,
            cancel_requested: false,
            depth: first.map_or(1, |first| first.depth + 1),
            root: first.map_or(id, |first| first.root),
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
            retries: Default::default(),
        };
        let (steps, calls, checks, events) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        self.jobs.insert(
            id,
            Record {
                job,
                lease: None,
                epoch: 0,
                steps,
                calls,
                checks,
                conflicts: BTreeMap::new(),
                partials: Vec::new(),
                events,
            },
        );
        Ok(id)
    }

    fn pin(&mut self, id: JobId, ordinal: u32, revision: RevisionId) -> Result<(), StoreError> {
        let found = self.stored(revision).map_err(|error| invalid(error.to_string()))?.revision.clone();
        let at = usize::try_from(ordinal).map_err(|_| invalid("no such parent"))?;
        let parent = self.record_mut(id)?.job.parents.get_mut(at).ok_or_else(|| invalid("no such parent"))?;
        if found.job != parent.job || parent.revision.is_some_and(|pinned| pinned != revision) {
            return Err(invalid(format!("parent {} cannot be pinned to revision {}", parent.job, revision.0)));
        }
        (parent.revision, parent.number) = (Some(revision), Some(found.number));
        Ok(())
    }

    /// Returns a revision that is of the job or of a pinned parent.
    fn related(&self, job: &Job, id: RevisionId) -> Result<&Stored, StoreError> {
        let stored = self.stored(id)?;
        let owner = stored.revision.job;
        let pinned = |parent: &ParentLink| parent.job == owner && parent.revision.is_some();
        if owner != job.id && !job.parents.iter().any(pinned) {
            return Err(invalid("the revision is neither of this job nor of a pinned parent"));
        }
        Ok(stored)
    }

    fn revise(&mut self, id: JobId, new: NewRevision, at: Timestamp) -> Result<(RevisionId, u32), StoreError> {
        let job = &self.record(id)?.job;
        let base = match new.base {
            None if job.parents.is_empty() => Manifest::default(),
            None => return Err(invalid("a revision of a job with parents has a base")),
            Some(base) => self.related(job, base)?.manifest.clone(),
        };
        for other in &new.also {
            self.related(job, *other)?;
        }
        let number = job.head.as_ref().map_or(1, |head| head.number + 1);
        let manifest = base.with(id, &new.delta);
        if manifest.tree().root_hash() != new.root_hash {
            return Err(invalid("the delta does not give the tree it names"));
        }
        let entries = new.delta.0.values().filter_map(|entry| entry.change.entry());
        if let Some(missing) = entries.map(|entry| entry.blob).find(|blob| !self.blobs.contains_key(blob)) {
            return Err(invalid(format!("the content {missing} is not stored")));
        }
        let revision = RevisionId(self.revisions.keys().next_back().map_or(1, |last| last.0 + 1));
        let head = Revision {
            id: revision,
            job: id,
            number,
            root_hash: new.root_hash,
            base: new.base,
            also: new.also,
            cause: new.cause,
            author: new.author,
            created: at,
        };
        self.record_mut(id)?.job.head = Some(head.clone());
        self.revisions.insert(revision, Arc::new(Stored { revision: head, delta: new.delta, manifest }));
        Ok((revision, number))
    }
}

impl Record {
    /// Moves the job's money. All reservations of a write fit into the budget, or the write is refused.
    fn spend(&mut self, calls: &[CallWrite]) -> Result<(), StoreError> {
        let (job, mut asked) = (&mut self.job, NanoUsd::ZERO);
        for CallWrite { row, released, .. } in calls {
            let (reserved, cost) = (row.reserved.unwrap_or_default(), row.cost.unwrap_or_default());
            if reserved.min(cost).min(*released) < NanoUsd::ZERO {
                return Err(invalid("an amount is negative"));
            }
            if row.state == CallState::Sent {
                asked = asked.plus(reserved);
            } else {
                job.reserved = job.reserved.minus(*released);
                job.cost = job.cost.plus(cost);
                job.usage = job.usage.plus(&row.usage.unwrap_or_default());
            }
        }
        if job.reserved < NanoUsd::ZERO {
            return Err(invalid("more is released than was reserved"));
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

    /// Keeps what arrived of a reply under way, or takes it away.
    fn partial(&mut self, PartialWrite { step, number, text }: PartialWrite) {
        let known = self.partials.iter().position(|kept| kept.step == step && kept.number == number);
        match (text, known.and_then(|at| self.partials.get_mut(at))) {
            (Some(text), Some(kept)) => kept.text.push_str(&text),
            (Some(text), None) => self.partials.push(PartialReply { step, number, text }),
            (None, _) => _ = known.map(|at| self.partials.remove(at)),
        }
    }

    /// Writes a step or moves it on; it never goes back, and what it has it keeps.
    fn step(&mut self, step: StepWrite) {
        let epoch = self.epoch;
        match self.steps.iter_mut().find(|row| row.key == step.key) {
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

    fn call(&mut self, call: CallRow) {
        match self.calls.iter_mut().find(|row| row.step == call.step && row.number == call.number) {
            Some(row) => *row = call,
            None => self.calls.push(call),
        }
    }
}

fn receipt(job: &Job, existed: bool) -> Receipt {
    let (version, cancel_requested) = (job.version, job.cancel_requested);
    Receipt { job: job.id, existed, version, first_seq: 0, revision: None, cancel_requested, crossings: Vec::new() }
}

fn invalid(reason: impl Into<String>) -> StoreError {
    StoreError::Invalid(reason.into())
}

/// The cases that are hardest to get right; the contract has them all.
const HARDEST: [&str; 4] = [
    "numbers_have_no_gaps_under_many_commits",
    "an_older_epoch_is_fenced_and_writes_nothing",
    "of_two_that_race_for_one_budget_one_is_refused",
    "a_budget_covers_every_reservation_or_none_of_the_write",
];

async fn fresh() -> Arc<dyn Store> {
    Arc::new(CopyStore::default())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    for name in HARDEST {
        assert!(store_contract::CASES.iter().any(|case| case.name == name), "the contract has no case {name}");
    }
    // A case that fails panics with the values that differ. In a crate of your own, the macro
    // `vdo_core::store_contract_tests!(fresh)` makes one `#[tokio::test]` of each.
    for case in store_contract::CASES {
        case.run(store_contract::Fresh::new(fresh)).await;
        println!("{} {}", if HARDEST.contains(&case.name) { "**" } else { "  " }, case.name.replace('_', " "));
    }
    println!("the store keeps the contract in {} cases", store_contract::CASES.len());

    let job = run_a_job(fresh().await).await?;
    assert_eq!((job.status, job.reason), (JobStatus::Completed, None));
    Ok(())
}

const ANSWERS: &str = r#"{"answers": [
  {"when": {"phase": "plan"}, "reply": {"text":
    "{\"summary\": \"One file.\", \"tasks\": [{\"id\": \"t1\", \"title\": \"Note\", \"create\": [\"note.txt\"]}]}"}},
  {"when": {"phase": "build"}, "reply": {"text": "note.txt\n```\nhello\n```\n"}},
  {"when": {"phase": "critique"}, "reply": {"text": "{\"findings\": []}"}}
]}"#;

async fn run_a_job(store: Arc<dyn Store>) -> Result<Job, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let checker = SandboxChecker::new(Sandbox::new(SandboxConfig::default()), Require::T2, folder.path());
    let scanner = WorkspaceScanner::new(Arc::new(TreeSitterSyntax));
    let engine = Engine::builder(store.clone(), Arc::new(TokioClock), Arc::new(scanner), Arc::new(checker))
        .provider(Arc::new(ScriptedProvider::new("demo", Answers::parse(ANSWERS)?)))
        .routes(Routes::all("demo:scripted".parse()?))
        .build();
    let id = engine.create(JobSpec::new("Take a note", "").with_check("test -s note.txt")).await?;
    let job = engine.run(id).await?;
    let (steps, events) = (store.steps(id).await?.len(), store.events(id, 0, u32::MAX).await?.len());
    println!("job {id} is {}: {steps} steps and {events} events are in the store", job.status);
    Ok(job)
}
