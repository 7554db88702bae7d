//! Whether a write may happen, and what it changes: decided in memory, one write after the other.
//!
//! Pure. Invariant: a refused write leaves the [`State`] and the [`Rows`] as they were.

use std::collections::HashSet;

use vdo_core::content::BlobHash;
use vdo_core::id::{JobId, RevisionId, RevisionRef};
use vdo_core::job::{JobSpec, JobStatus, ParentLink};
use vdo_core::money::NanoUsd;
use vdo_core::path::RepoPath;
use vdo_core::port::accounts::sightings;
use vdo_core::port::changes::{Changes, Guard, LeaseChange, NewRevision, Receipt};
use vdo_core::port::{CallState, ClaimRequest, Lease, Running, StoreError, Waiting};
use vdo_core::schedule::crowded;
use vdo_core::tries::Retries;
use vdo_core::usage::Usage;

use crate::emit;
use crate::names;
use crate::pack::Packed;
use crate::prepare::{Fault, Prepared};
use crate::rows::Rows;
use crate::state::{JobState, Needs, RevisionState, State};

/// The largest event that is kept, before compression.
pub(crate) const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;
/// The largest answer of a step that is kept, before compression.
pub(crate) const MAX_ANSWER_BYTES: usize = 128 * 1024 * 1024;

/// Adds what a write needs to know.
pub(crate) fn needs(prepared: &Prepared, needs: &mut Needs) {
    let changes = &prepared.changes;
    match &changes.guard {
        Guard::Create(spec) => {
            needs.ids = true;
            needs.keys.extend(spec.idempotency_key.clone());
            for parent in &spec.parents {
                needs.jobs.insert(parent.job);
                if let Some(number) = parent.number {
                    needs.numbered.entry(parent.job).or_default().insert(number);
                }
            }
        }
        Guard::Lease(lease) => _ = needs.jobs.insert(lease.job),
        Guard::Version { job, .. } => _ = needs.jobs.insert(*job),
    }
    needs.revisions.extend(changes.pins.iter().map(|(_, revision)| *revision));
    needs.revisions.extend(changes.correction);
    for call in &changes.calls {
        needs.charged.insert(call.row.started);
        if !call.pace.is_free() && call.row.state == CallState::Sent {
            let (provider, at) = (call.row.provider.clone(), call.row.started);
            needs.paced.entry(provider).and_modify(|known| *known = at.min(*known)).or_insert(at);
        }
        let subjects = sightings(call, changes.at).into_iter().map(|(subject, _)| subject);
        needs.health.extend(subjects.map(|subject| (subject.provider, subject.model.unwrap_or_default())));
    }
    needs.contents |= !prepared.blobs.is_empty();
    // What comes with the write itself need not be there before.
    let own: HashSet<&BlobHash> = prepared.blobs.iter().map(|(hash, _)| hash).collect();
    needs.blobs.extend(decided(changes).map(|(_, blob)| blob).filter(|blob| !own.contains(blob)));
    if let Some(new) = &changes.revision {
        needs.ids = true;
        needs.revisions.extend(new.base);
        needs.revisions.extend(&new.also);
        let blobs = new.delta.0.values().filter_map(|entry| Some(entry.change.entry()?.blob));
        needs.blobs.extend(blobs.filter(|blob| !own.contains(blob)));
    }
}

/// Returns the contents that decide conflicts, with their paths.
fn decided(changes: &Changes) -> impl Iterator<Item = (&RepoPath, BlobHash)> {
    let entries = changes.conflicts.iter().filter_map(|row| Some((&row.path, row.decision.as_ref()?.entry?)));
    entries.map(|(path, entry)| (path, entry.blob))
}

/// Decides a write.
///
/// # Errors
/// As [`vdo_core::port::Store::commit`].
pub(crate) fn commit(state: &mut State, prepared: &Prepared, rows: &mut Rows) -> Result<Receipt, StoreError> {
    let changes = &prepared.changes;
    bounded(prepared)?;
    let (id, mut job, new) = match &changes.guard {
        Guard::Create(spec) => {
            spec.validate().map_err(|error| StoreError::Invalid(error.to_string()))?;
            if let Some(id) = spec.idempotency_key.as_ref().and_then(|key| state.keys.get(key)) {
                return existing(state, *id);
            }
            let (id, job) = create(state, spec, changes)?;
            (id, job, Some(spec))
        }
        Guard::Lease(lease) => {
            let job = find(state, lease.job)?;
            if job.epoch != lease.epoch || job.owner.is_none() {
                return Err(StoreError::Fenced { job: lease.job, epoch: lease.epoch });
            }
            (lease.job, job, None)
        }
        Guard::Version { job: id, version } => {
            let job = find(state, *id)?;
            if job.version != *version {
                return Err(StoreError::Conflict { job: *id, expected: *version, found: job.version });
            }
            (*id, job, None)
        }
    };
    let created = job.clone();
    let revision = apply(state, id, &mut job, prepared)?;
    let moved = state.book.decide(changes, id, job.root)?;
    let crossed: Vec<Packed> = moved.events().collect();
    let events = changes.events.len() + crossed.len();
    let first_seq = if events == 0 { 0 } else { job.next_seq };
    job.next_seq = job.next_seq.saturating_add(events as u64);
    let receipt = Receipt {
        job: id,
        existed: false,
        version: job.version,
        first_seq,
        revision,
        cancel_requested: job.cancel_requested,
        crossings: moved.crossings().to_vec(),
    };

    // Nothing is refused from here on.
    state.book.adopt(moved);
    if let Some(spec) = new {
        state.last_job = id.number();
        state.keys.extend(spec.idempotency_key.clone().map(|key| (key, id)));
        emit::created(rows, id, &created, spec, changes.at);
    }
    if let Some((revision, number)) = revision {
        state.last_revision = revision.0;
        state.revisions.insert(revision, RevisionState { job: id, number });
        state.numbered.insert((id, number), revision);
    }
    state.blobs.extend(prepared.blobs.iter().map(|(hash, _)| *hash));
    emit::written(rows, id, &job, prepared, &crossed, &receipt);
    if job.owner.is_none() {
        state.live.remove(&id);
    }
    state.jobs.insert(id, job);
    state.dirty.insert(id);
    Ok(receipt)
}

/// Insists that nothing is so large that whoever follows the job or goes on with it would choke on it.
fn bounded(prepared: &Prepared) -> Result<(), StoreError> {
    let events = prepared.changes.events.iter().zip(&prepared.events);
    if let Some((kind, packed)) = events.into_iter().find(|(_, packed)| packed.len > MAX_EVENT_BYTES) {
        let name = serde_json::to_value(kind).ok().and_then(|value| Some(value.get("kind")?.as_str()?.to_owned()));
        let (name, len) = (name.unwrap_or_default(), packed.len);
        return Err(invalid(format!("the event {name} has {len} bytes; at most {MAX_EVENT_BYTES} are kept")));
    }
    let answers = prepared.changes.steps.iter().zip(&prepared.answers);
    let large = answers.filter_map(|(step, answer)| Some((step, answer.as_ref()?.len)));
    match large.into_iter().find(|(_, len)| *len > MAX_ANSWER_BYTES) {
        Some((step, len)) => {
            let key = &step.key;
            Err(invalid(format!("the answer of step {key} has {len} bytes; at most {MAX_ANSWER_BYTES} are kept")))
        }
        None => Ok(()),
    }
}

/// Decides a claim.
///
/// # Errors
/// As [`vdo_core::port::Store::claim`].
pub(crate) fn claim(state: &mut State, request: &ClaimRequest) -> Result<Lease, StoreError> {
    let mut job = find(state, request.job)?;
    if let (Some(owner), Some(until)) = (&job.owner, job.until)
        && until > request.now
        && *owner != request.owner
        && request.presumed_dead != Some(job.epoch)
    {
        return Err(StoreError::Busy { job: request.job, owner: owner.clone(), epoch: job.epoch, until });
    }
    let merges = if job.parents.len() > 1 { job.parents.iter().map(|link| link.job).collect() } else { Vec::new() };
    let waiting = Waiting { job: request.job, root: job.root, merges, priority: 0, since: request.now };
    if let Some((other, reason)) = crowded(&waiting, state.live.values(), request.per_project, request.now) {
        return Err(StoreError::Crowded { job: request.job, other, reason });
    }
    // Whoever had it neither ended nor gave it back.
    if job.owner.as_ref().is_some_and(|owner| *owner != request.owner) {
        job.retries = job.retries.crashed();
        job.moved = true;
    }
    let until = request.now.after(request.ttl);
    job.epoch += 1;
    job.owner = Some(request.owner.clone());
    job.until = Some(until);
    let Waiting { root, merges, .. } = waiting;
    state.live.insert(request.job, Running { job: request.job, root, merges, until });
    let lease = Lease { job: request.job, epoch: job.epoch };
    state.jobs.insert(request.job, job);
    state.dirty.insert(request.job);
    Ok(lease)
}

fn find(state: &State, id: JobId) -> Result<JobState, StoreError> {
    state.jobs.get(&id).cloned().ok_or_else(|| StoreError::NotFound(format!("job {id}")))
}

fn existing(state: &State, id: JobId) -> Result<Receipt, StoreError> {
    let job = find(state, id)?;
    Ok(Receipt {
        job: id,
        existed: true,
        version: job.version,
        first_seq: 0,
        revision: None,
        cancel_requested: job.cancel_requested,
        crossings: Vec::new(),
    })
}

fn create(state: &State, spec: &JobSpec, changes: &Changes) -> Result<(JobId, JobState), StoreError> {
    let id = JobId::new(state.last_job.saturating_add(1)).ok_or_else(|| invalid("the store has no ids left"))?;
    let mut parents = Vec::with_capacity(spec.parents.len());
    for parent in &spec.parents {
        parents.push(link(state, *parent)?);
    }
    let first = spec.parents.first().and_then(|parent| state.jobs.get(&parent.job));
    let job = JobState {
        status: JobStatus::Queued,
        reason: None,
        updated: changes.at,
        version: 1,
        owner: None,
        epoch: 0,
        until: None,
        next_seq: 1,
        cost: NanoUsd::ZERO,
        reserved: NanoUsd::ZERO,
        usage: Usage::default(),
        cancel_requested: false,
        stamps: 0,
        head: None,
        head_number: 0,
        budget: spec.budget,
        depth: first.map_or(1, |first| first.depth.saturating_add(1)),
        root: first.map_or(id, |first| first.root),
        parents,
        retries: Retries::default(),
        branch: None,
        rating: None,
        moved: false,
    };
    Ok((id, job))
}

fn link(state: &State, parent: RevisionRef) -> Result<ParentLink, StoreError> {
    let refuse = |reason: &str| StoreError::Parent { parent, reason: reason.to_owned() };
    let job = state.jobs.get(&parent.job).ok_or_else(|| refuse("there is no such job"))?;
    if job.status == JobStatus::Archived {
        return Err(refuse("it is archived"));
    }
    let revision = match parent.number {
        None => None,
        Some(number) => {
            let found = state.numbered.get(&(parent.job, number));
            Some(*found.ok_or_else(|| refuse("it has no such revision"))?)
        }
    };
    Ok(ParentLink { job: parent.job, number: parent.number, revision })
}

/// Moves `job` on; returns the id and number of a new revision.
fn apply(
    state: &State,
    id: JobId,
    job: &mut JobState,
    prepared: &Prepared,
) -> Result<Option<(RevisionId, u32)>, StoreError> {
    let changes = &prepared.changes;
    let leased = matches!(changes.guard, Guard::Lease(_));
    match (changes.lease, leased) {
        (LeaseChange::Keep, _) => {}
        (LeaseChange::Extend(until), true) => job.until = Some(until),
        (LeaseChange::Release, true) => (job.owner, job.until) = (None, None),
        (LeaseChange::Extend(_) | LeaseChange::Release, false) => {
            return Err(invalid("a lease is changed only by its holder"));
        }
    }
    pin(state, job, changes)?;
    for (path, blob) in decided(changes) {
        if !state.blobs.contains(&blob) && !prepared.blobs.iter().any(|(hash, _)| *hash == blob) {
            return Err(invalid(format!("the content {blob} of {path} is not stored")));
        }
    }
    money(id, job, changes)?;
    let revision = match &changes.revision {
        Some(new) => Some(revision(state, id, job, prepared, new)?),
        None => None,
    };
    if let Some(from) = changes.correction {
        if revision.is_none() {
            return Err(invalid("a correction comes with the revision it made"));
        }
        related(state, id, job, from)?;
    }
    match changes.retry {
        None => {}
        Some(change) if leased => {
            job.moved |= job.retries != job.retries.after(change);
            job.retries = job.retries.after(change);
        }
        Some(_) => return Err(invalid("the tries of a job are counted by the holder of its lease")),
    }
    let stated = changes.status.as_ref().filter(|new| new.status != job.status || new.reason != job.reason);
    if let Some(new) = stated {
        (job.status, job.reason) = (new.status, new.reason.clone());
        job.updated = changes.at;
    }
    match &changes.guard {
        Guard::Create(_) => {}
        Guard::Lease(_) => job.version += u64::from(stated.is_some()),
        Guard::Version { .. } => job.version += 1,
    }
    job.cancel_requested = changes.cancel_requested.unwrap_or(job.cancel_requested);
    job.stamps |= names::stamp_bits(&changes.stamps);
    if let Some(rating) = &changes.rating {
        if !(1..=5).contains(&rating.stars) {
            return Err(invalid(format!("a rating of {} stars; 1 to 5 are taken", rating.stars)));
        }
        job.rating = Some(rating.clone());
    }
    job.branch = changes.branch.clone().or_else(|| job.branch.take());
    job.moved |= stated.is_some()
        || changes.cancel_requested.is_some()
        || changes.branch.is_some()
        || changes.rating.is_some()
        || revision.is_some()
        || !changes.stamps.is_empty();
    Ok(revision)
}

fn pin(state: &State, job: &mut JobState, changes: &Changes) -> Result<(), StoreError> {
    for (ordinal, id) in &changes.pins {
        let parent = usize::try_from(*ordinal).ok().and_then(|at| job.parents.get_mut(at));
        let parent = parent.ok_or_else(|| invalid(format!("there is no parent {ordinal} to pin")))?;
        let revision = state.revisions.get(id).filter(|revision| revision.job == parent.job);
        let revision = revision.ok_or_else(|| invalid(format!("job {} has no revision {}", parent.job, id.0)))?;
        match parent.revision {
            Some(pinned) if pinned != *id => {
                return Err(invalid(format!("parent {} is pinned to another revision already", parent.job)));
            }
            Some(_) | None => (parent.revision, parent.number) = (Some(*id), Some(revision.number)),
        }
    }
    Ok(())
}

fn money(id: JobId, job: &mut JobState, changes: &Changes) -> Result<(), StoreError> {
    let mut asked = NanoUsd::ZERO;
    for call in &changes.calls {
        let amounts = [call.row.reserved.unwrap_or_default(), call.row.cost.unwrap_or_default(), call.released];
        if amounts.iter().any(|amount| *amount < NanoUsd::ZERO) {
            return Err(invalid(format!("call {} of {} has a negative amount", call.row.number, call.row.step)));
        }
        if call.row.state == CallState::Sent {
            asked = asked.plus(call.row.reserved.unwrap_or_default());
            continue;
        }
        job.reserved = job.reserved.minus(call.released);
        job.cost = job.cost.plus(call.row.cost.unwrap_or_default());
        job.usage = job.usage.plus(&call.row.usage.unwrap_or_default());
    }
    if job.reserved < NanoUsd::ZERO {
        return Err(invalid(format!("more is released than job {id} has reserved")));
    }
    let committed = job.cost.plus(job.reserved);
    match job.budget {
        Some(limit) if asked > NanoUsd::ZERO && committed.plus(asked) > limit => {
            Err(StoreError::Budget { job: id, limit, committed, asked })
        }
        Some(_) | None => {
            job.reserved = job.reserved.plus(asked);
            Ok(())
        }
    }
}

fn revision(
    state: &State,
    id: JobId,
    job: &mut JobState,
    prepared: &Prepared,
    new: &NewRevision,
) -> Result<(RevisionId, u32), StoreError> {
    match new.base {
        None if job.parents.is_empty() => {}
        None => return Err(invalid("a revision of a job with parents has a base")),
        Some(base) => related(state, id, job, base)?,
    }
    for other in &new.also {
        related(state, id, job, *other)?;
    }
    match prepared.revision.as_ref().and_then(|prepared| prepared.fault.as_ref()) {
        None => {}
        Some(Fault::NoBase) => {
            return Err(StoreError::NotFound(format!("revision {}", new.base.map_or(0, |base| base.0))));
        }
        Some(Fault::RootHash { found }) => {
            return Err(invalid(format!("the delta gives the tree {found}, not {}", new.root_hash)));
        }
    }
    let own: HashSet<&BlobHash> = prepared.blobs.iter().map(|(hash, _)| hash).collect();
    for (path, entry) in &new.delta.0 {
        let Some(file) = entry.change.entry() else { continue };
        if !state.blobs.contains(&file.blob) && !own.contains(&file.blob) {
            return Err(invalid(format!("the content {} of {path} is not stored", file.blob)));
        }
    }
    job.head_number += 1;
    let revision = RevisionId(state.last_revision.saturating_add(1));
    job.head = Some(revision);
    Ok((revision, job.head_number))
}

/// Insists that a revision is of the job or of a pinned parent.
fn related(state: &State, id: JobId, job: &JobState, revision: RevisionId) -> Result<(), StoreError> {
    let missing = || StoreError::NotFound(format!("revision {}", revision.0));
    let owner = state.revisions.get(&revision).ok_or_else(missing)?.job;
    let pinned = |parent: &ParentLink| parent.job == owner && parent.revision.is_some();
    if owner != id && !job.parents.iter().any(pinned) {
        return Err(invalid(format!("revision {} is neither of job {id} nor of a pinned parent", revision.0)));
    }
    Ok(())
}

fn invalid(reason: impl Into<String>) -> StoreError {
    StoreError::Invalid(reason.into())
}
