//! Carrying a job over to other revisions of its parents, when those were corrected, rolled back or resolved.
//!
//! A three-way merge: what was there is the parent as the job knew it, one side is the parent as it is now, the other the
//! job. What does not merge waits as a conflict of the job (`round` 0); the decisions are kept with the terms they were
//! taken on, and the next try uses those that still fit. Invariant: the older revisions of the job keep what they stand on.

use std::collections::BTreeMap;

use super::revise::{Evidence, Refusal, Renewal, path_list};
use crate::conflict::{ConflictRow, Decision, How};
use crate::content::Blob;
use crate::contents::Contents;
use crate::diff::changed_paths;
use crate::engine::{Engine, EngineError};
use crate::event::EventKind;
use crate::id::{JobId, RevisionRef};
use crate::job::{Cause, Job, JobStatus, MergePolicy, Revision, Stamp};
use crate::merge::Conflict;
use crate::merge::{needed, trees};
use crate::port::JobQuery;
use crate::port::changes::{Changes, Guard};
use crate::tree::FileTree;

/// How many events are read at once.
const PAGE: u32 = 500;

/// How carrying a job over ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebaseEnd {
    /// It stands on these revisions already.
    UpToDate,
    /// It has a new revision.
    Carried,
    /// So many paths wait for a decision; it has no new revision.
    Conflicts(usize),
}

/// A job that was to be carried over.
#[derive(Debug, Clone)]
pub struct Rebased {
    /// The job, as it is now.
    pub job: Job,
    /// How it ended.
    pub end: RebaseEnd,
}

/// What a merge with the parents' new revisions gave.
struct Folded {
    tree: FileTree,
    blobs: Vec<Blob>,
    left: Vec<Conflict>,
}

impl Engine {
    /// Carries a job over to the newest revisions of its parents, or to the one given.
    ///
    /// A clean result has to pass the job's checks under the policies `verified` and `fail`; if it does not, it is kept and the job
    /// waits for a decision. Under `clean` it is not checked and stamped; under `ask` a person accepts it. Conflicts wait for
    /// [`Engine::resolve`]; then this, or [`Engine::run`], goes on.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if there is no such parent, or for conflicts under the policy `fail`; [`EngineError::NotDecidable`] for
    /// a job that is not done, [`crate::port::StoreError::Busy`] while it is run. Nothing is written then.
    pub async fn rebase(&self, id: JobId, onto: Option<RevisionRef>) -> Result<Rebased, EngineError> {
        let store = &self.parts.store;
        let (job, head) = self.settled(id, "carried over").await?;
        let pins = self.pins(&head).await?;
        if pins.is_empty() {
            return Err(Refusal::NoParent { job: id }.into());
        }
        let onto = match onto {
            Some(onto) => vec![onto],
            None => self.asked_onto(id).await?,
        };
        let mut targets = Vec::new();
        for pin in &pins {
            let reference = onto.iter().find(|onto| onto.job == pin.job).copied();
            let other_named = reference.is_none() && !onto.is_empty();
            targets.push(match reference {
                _ if other_named => pin.clone(),
                Some(reference) => store.resolve(reference).await?,
                None => store.resolve(RevisionRef::head(pin.job)).await?,
            });
        }
        if let Some(other) = onto.iter().find(|onto| pins.iter().all(|pin| pin.job != onto.job)) {
            let parents = pins.iter().map(|pin| pin.job).collect();
            return Err(Refusal::NotAParent { job: id, other: other.job, parents }.into());
        }
        if pins.iter().zip(&targets).all(|(pin, target)| pin.id == target.id) {
            return Ok(Rebased { job, end: RebaseEnd::UpToDate });
        }
        let rows = store.conflicts(id).await?;
        let folded = self.fold(&head, &pins, &targets, &rows).await?;
        if folded.left.is_empty() {
            let job = self.carry(&job, &head, &targets, folded).await?;
            return Ok(Rebased { job, end: RebaseEnd::Carried });
        }
        let count = folded.left.len();
        if job.spec.merge == MergePolicy::Fail {
            let paths = folded.left.into_iter().map(|conflict| conflict.path).collect();
            return Err(Refusal::Conflicts { job: id, paths }.into());
        }
        self.keep_conflicts(&job, &targets, folded, &rows).await?;
        Ok(Rebased { job: store.job(id).await?, end: RebaseEnd::Conflicts(count) })
    }

    /// Gives up a rebase that waits for decisions: the job stays what it was.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if none is under way.
    pub async fn abort_rebase(&self, id: JobId, author: &str) -> Result<Job, EngineError> {
        let store = &self.parts.store;
        let job = store.job(id).await?;
        let rows: Vec<ConflictRow> = store.conflicts(id).await?.into_iter().filter(ConflictRow::is_rebase).collect();
        let waits = rows.iter().any(ConflictRow::is_open) || self.is_rebase_decided(&job).await?;
        if job.status != JobStatus::NeedsDecision || !waits {
            return Err(Refusal::NotRebasing { job: id }.into());
        }
        let at = self.parts.clock.now();
        let (status, reason) = (JobStatus::Completed, Some("the rebase was given up".to_owned()));
        let mut changes = Changes::new(Guard::Version { job: id, version: job.version }, at)
            .with_status(status, reason.clone())
            .with_event(EventKind::Status { status, reason });
        changes.conflicts = rows.iter().filter(|row| row.is_open()).map(|row| closed(row, author, at)).collect();
        self.commit(changes).await?;
        Ok(store.job(id).await?)
    }

    /// Returns all jobs that grew out of a job, parents before children; archived ones too.
    ///
    /// # Errors
    /// [`crate::port::StoreError::NotFound`] if there is no such job.
    pub async fn descendants(&self, id: JobId) -> Result<Vec<Job>, EngineError> {
        let store = &self.parts.store;
        store.job(id).await?;
        // A job is made after its parents.
        let (mut found, mut open) = (BTreeMap::new(), vec![id]);
        while let Some(next) = open.pop() {
            let mut query = JobQuery::default().with_parent(next).with_archived().with_limit(1000);
            loop {
                let page = store.jobs(&query).await?;
                let Some(last) = page.last() else { break };
                query = query.with_before(last.id);
                for job in page {
                    if found.insert(job.id, job.clone()).is_none() {
                        open.push(job.id);
                    }
                }
            }
        }
        Ok(found.into_values().collect())
    }

    /// Returns whether a rebase of the job only waits to be gone on with.
    pub(super) async fn is_rebase_decided(&self, job: &Job) -> Result<bool, EngineError> {
        if job.head.is_none() || job.status != JobStatus::NeedsDecision {
            return Ok(false);
        }
        let rows = self.parts.store.conflicts(job.id).await?;
        let is_over = job.reason.as_deref() == Some(&decided_reason(job.id));
        Ok(is_over && rows.iter().any(ConflictRow::is_rebase) && rows.iter().all(|row| !row.is_open()))
    }

    /// Returns what a rebase that waits was asked to go to; empty if none waits.
    async fn asked_onto(&self, id: JobId) -> Result<Vec<RevisionRef>, EngineError> {
        let job = self.parts.store.job(id).await?;
        if job.status != JobStatus::NeedsDecision
            || (!self.is_rebase_decided(&job).await? && self.open_rebase(id).await?.is_empty())
        {
            return Ok(Vec::new());
        }
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let events = self.parts.store.events(id, after, PAGE).await?;
            let Some(last) = events.last() else { return Ok(found) };
            after = last.seq;
            for event in events {
                if let EventKind::Rebased { onto, conflicts } = event.kind {
                    found = if conflicts > 0 { onto } else { Vec::new() };
                }
            }
        }
    }

    /// Merges the job with each parent that moved, one after the other.
    async fn fold(
        &self,
        head: &Revision,
        pins: &[Revision],
        targets: &[Revision],
        rows: &[ConflictRow],
    ) -> Result<Folded, EngineError> {
        let store = &self.parts.store;
        let mut contents = Contents::default();
        let mut folded = Folded { tree: store.manifest(head.id).await?.tree(), blobs: Vec::new(), left: Vec::new() };
        for (pin, target) in pins.iter().zip(targets).filter(|(pin, target)| pin.id != target.id) {
            let (base, ours) = (store.manifest(pin.id).await?.tree(), store.manifest(target.id).await?.tree());
            let hashes: Vec<_> =
                needed(&base, &ours, &folded.tree).into_iter().filter(|hash| !contents.has(*hash)).collect();
            for blob in store.blobs(&hashes).await? {
                contents.add(&blob);
            }
            let merged = trees(&base, &ours, &folded.tree, &contents, self.parts.syntax.as_ref());
            for blob in merged.blobs {
                contents.add(&blob);
                folded.blobs.push(blob);
            }
            folded.tree = merged.tree;
            for conflict in merged.conflicts {
                match rows.iter().rev().find(|row| is_about(row, &conflict)) {
                    Some(row @ ConflictRow { decision: Some(decision), .. }) => {
                        for place in row.places() {
                            folded.tree.0.remove(place);
                        }
                        if let Some(entry) = decision.entry {
                            folded.tree.0.insert(row.place(decision.how).clone(), entry);
                        }
                    }
                    _ => folded.left.push(conflict),
                }
            }
            if !folded.left.is_empty() {
                break;
            }
        }
        if let (Some(fault), true) = (folded.tree.faults().into_iter().next(), folded.left.is_empty()) {
            return Err(Refusal::Tree(fault).into());
        }
        Ok(folded)
    }

    /// Writes the new revision.
    async fn carry(
        &self,
        job: &Job,
        head: &Revision,
        targets: &[Revision],
        folded: Folded,
    ) -> Result<Job, EngineError> {
        let Folded { tree, blobs, .. } = folded;
        let first = targets.first().ok_or_else(|| EngineError::Internal("a job without parents".to_owned()))?;
        let base = self.parts.store.manifest(first.id).await?;
        let delta = self.attributed(job.id, &tree, &base, head).await?;
        let policy = job.spec.merge;
        let evidence = match policy {
            MergePolicy::Clean => Evidence::NotAsked,
            MergePolicy::Fail | MergePolicy::Verified | MergePolicy::Ask => self.evidence(job, &tree, &blobs).await?,
        };
        let id = job.id.number();
        let status = match (evidence.failure(job.id), &evidence) {
            (Some(reason), _) => (JobStatus::NeedsDecision, Some(reason)),
            (None, _) if policy == MergePolicy::Ask => {
                let reason = format!("the job was carried over and waits to be accepted with vdo approve {id}");
                (JobStatus::NeedsDecision, Some(reason))
            }
            (None, Evidence::Missing) => {
                let reason = format!("no command shows whether the result works; accept it with vdo approve {id}");
                (JobStatus::NeedsDecision, Some(reason))
            }
            (None, Evidence::NotAsked | Evidence::Known(_) | Evidence::Ran(_)) => (JobStatus::Completed, None),
        };
        let onto = references(targets);
        let names: Vec<String> = onto.iter().map(ToString::to_string).collect();
        let before = self.parts.store.manifest(head.id).await?.tree();
        let renewal = Renewal {
            files: changed_paths(&before, &tree).len(),
            tree,
            base: first.id,
            also: targets.iter().skip(1).map(|target| target.id).chain([head.id]).collect(),
            delta,
            blobs,
            cause: Cause::Rebase,
            author: "rebase".to_owned(),
            correction: None,
            evidence,
            status,
            stamps: if policy == MergePolicy::Clean { vec![Stamp::Unverified] } else { Vec::new() },
            note: Some(format!("onto {}", names.join(" "))),
            events: vec![EventKind::Rebased { onto, conflicts: 0 }],
        };
        self.renew(job, head.number + 1, renewal).await
    }

    /// Writes down what waits for a decision. Questions of an earlier try that nobody asks any more are closed.
    async fn keep_conflicts(
        &self,
        job: &Job,
        targets: &[Revision],
        folded: Folded,
        rows: &[ConflictRow],
    ) -> Result<(), EngineError> {
        let at = self.parts.clock.now();
        let mut changes = Changes::new(Guard::Version { job: job.id, version: job.version }, at);
        let open = |row: &&ConflictRow| row.is_rebase() && row.is_open();
        let stale = rows.iter().filter(open).filter(|row| !folded.left.iter().any(|conflict| is_about(row, conflict)));
        changes.conflicts = stale.map(|row| closed(row, "a later rebase", at)).collect();
        let mut next = rows.iter().map(|row| row.ordinal).max().unwrap_or(0);
        let left: Vec<_> = folded.left.iter().map(|conflict| conflict.path.clone()).collect();
        changes.events.push(EventKind::Rebased {
            onto: references(targets),
            conflicts: u64::try_from(left.len()).unwrap_or(u64::MAX),
        });
        for conflict in folded.left {
            if rows.iter().any(|row| row.is_open() && is_about(row, &conflict)) {
                continue;
            }
            next = next.saturating_add(1);
            let (path, reason) = (conflict.path.clone(), conflict.reason.clone());
            changes.events.push(EventKind::Conflict { path, reason });
            changes.conflicts.push(ConflictRow {
                ordinal: next,
                round: 0,
                path: conflict.path,
                base: conflict.base,
                ours: conflict.ours,
                theirs: conflict.theirs,
                base_path: conflict.places.base,
                ours_path: conflict.places.ours,
                theirs_path: conflict.places.theirs,
                kind: conflict.kind,
                reason: conflict.reason,
                decision: None,
                created: at,
            });
        }
        changes.blobs = folded.blobs;
        let id = job.id.number();
        let verb = if left.len() == 1 { "is" } else { "are" };
        let text = format!(
            "{} {verb} in conflict with the parent. See vdo conflicts {id}, decide with vdo resolve {id} PATH --take …, then vdo rebase {id}",
            path_list(&left)
        );
        let (status, reason) = (JobStatus::NeedsDecision, Some(text));
        changes = changes.with_status(status, reason.clone()).with_event(EventKind::Status { status, reason });
        self.commit(changes).await?;
        Ok(())
    }
}

/// Returns why a job waits whose rebase is decided.
pub(super) fn decided_reason(id: JobId) -> String {
    format!("every conflict is decided; vdo rebase {} goes on", id.number())
}

fn references(revisions: &[Revision]) -> Vec<RevisionRef> {
    revisions.iter().map(|revision| RevisionRef { job: revision.job, number: Some(revision.number) }).collect()
}

/// Returns whether a row of an earlier try is the same question.
fn is_about(row: &ConflictRow, conflict: &Conflict) -> bool {
    row.is_rebase()
        && row.path == conflict.path
        && (row.base, row.ours, row.theirs) == (conflict.base, conflict.ours, conflict.theirs)
        && (&row.ours_path, &row.theirs_path) == (&conflict.places.ours, &conflict.places.theirs)
}

/// Decides a question that is not asked any more: the job's own side stays.
fn closed(row: &ConflictRow, author: &str, at: crate::time::Timestamp) -> ConflictRow {
    let decision = Decision { entry: row.theirs, how: How::Theirs, author: author.to_owned(), at };
    ConflictRow { decision: Some(decision), ..row.clone() }
}
