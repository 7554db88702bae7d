//! What every task and repair of a job did, whatever became of it; and going back: to the tree that one left, or to the job's
//! tree without what a task did.
//!
//! Both make a new revision, checked like a correction, which another rollback undoes.

use std::collections::BTreeSet;

use super::revise::{Evidence, Refusal, Renewal};
use crate::content::Blob;
use crate::diff::{changed_paths, line_counts};
use crate::engine::{Engine, EngineError};
use crate::event::{Attempt, EventKind, PathChange};
use crate::id::{JobId, Phase, StepKey, TaskId};
use crate::job::{Cause, Job, JobKind, JobStatus};
use crate::merge;
use crate::patch::FileChange;
use crate::path::RepoPath;
use crate::port::CallState;
use crate::tree::FileTree;

/// How many events are read at once.
const PAGE: u32 = 500;

/// A task or repair that ended, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// What it did.
    pub attempt: Attempt,
    /// Who carried it out, as `provider:model`, in the order they were asked.
    pub models: Vec<String>,
    /// Lines added, binary files left out.
    pub added: u64,
    /// Lines removed, binary files left out.
    pub removed: u64,
    /// How many checks failed on its tree, where that was the best so far.
    pub failing: Option<u64>,
}

impl Engine {
    /// Returns the attempts of a job, in the order they ended.
    ///
    /// # Errors
    /// [`crate::port::StoreError::NotFound`] if there is no such job.
    pub async fn attempts(&self, job: JobId) -> Result<Vec<AttemptView>, EngineError> {
        let calls = self.parts.store.calls(job).await?;
        let (attempts, best) = self.told_attempts(job).await?;
        let mut views = Vec::new();
        for attempt in attempts {
            let is_of = |step: &StepKey| first_step(step.clone()) == attempt.step;
            let answered = calls.iter().filter(|row| row.state == CallState::Answered && is_of(&row.step));
            let mut models: Vec<String> = answered.map(|row| format!("{}:{}", row.provider, row.model)).collect();
            models.dedup();
            let (mut added, mut removed) = (0u64, 0u64);
            let hashes = attempt.changed.iter().flat_map(|one| [one.before, one.after]).flatten().map(|one| one.blob);
            let contents = self.contents(hashes).await?;
            for change in &attempt.changed {
                let side = |entry: Option<crate::content::Entry>| {
                    entry.and_then(|entry| contents.get(entry.blob)).unwrap_or_default()
                };
                let counts = line_counts(&side(change.before), &side(change.after));
                (added, removed) = (added + u64::from(counts.added), removed + u64::from(counts.removed));
            }
            let failing = best.iter().rev().find(|(step, _)| *step == attempt.step).map(|(_, failing)| *failing);
            views.push(AttemptView { attempt, models, added, removed, failing });
        }
        Ok(views)
    }

    /// Returns the attempt that a text names: its step, with or without the exchange, or the task: `repair/-/2`, `t1`.
    ///
    /// # Errors
    /// [`Refusal::NoAttempt`] names those there are.
    pub async fn attempt(&self, job: JobId, name: &str) -> Result<Attempt, EngineError> {
        let (attempts, _) = self.told_attempts(job).await?;
        let step = name.parse::<StepKey>().or_else(|_| format!("{name}/1").parse()).map(first_step).ok();
        let is_meant = |attempt: &&Attempt| {
            step.as_ref() == Some(&attempt.step) || attempt.step.task.as_ref().is_some_and(|task| task.as_str() == name)
        };
        let known: Vec<String> = attempts.iter().map(|attempt| attempt.step.to_string()).collect();
        let refusal = || Refusal::NoAttempt { job, name: name.chars().take(100).collect(), known };
        attempts.iter().rfind(is_meant).cloned().ok_or_else(|| refusal().into())
    }

    /// Returns what an attempt changed against the files it started from.
    ///
    /// # Errors
    /// As [`Engine::attempt`].
    pub async fn attempt_changes(&self, job: JobId, name: &str) -> Result<Vec<FileChange>, EngineError> {
        let changed = self.attempt(job, name).await?.changed;
        let change = |PathChange { path, before, after }| FileChange { path, from: None, before, after };
        Ok(changed.into_iter().map(change).collect())
    }

    /// Makes the tree that an attempt left the job's newest revision.
    ///
    /// # Errors
    /// As [`Engine::attempt`] and [`Engine::rollback`]; [`EngineError::Check`] if the checks cannot be run.
    pub async fn rollback_to_attempt(&self, id: JobId, name: &str, author: &str) -> Result<Job, EngineError> {
        let (job, _) = self.settled(id, "rolled back").await?;
        let attempt = self.attempt(id, name).await?;
        let mut tree = match job.parents.first().and_then(|link| link.revision) {
            Some(parent) => self.parts.store.manifest(parent).await?.tree(),
            None => FileTree::default(),
        };
        set(&mut tree, attempt.against_parent.iter().map(|change| (&change.path, change.after)));
        if tree.root_hash() != attempt.root {
            let what = format!("the tree of attempt {} of job {id}", attempt.step);
            let detail = "it does not have its hash".to_owned();
            return Err(crate::port::StoreError::Corrupt { what, detail }.into());
        }
        let note = format!("the files as {} left them", attempt.step);
        self.go_back(&job, tree, Vec::new(), note, author).await
    }

    /// Makes the job's tree without what a task did its newest revision: everything that came later stays.
    ///
    /// # Errors
    /// [`Refusal::TaskConflicts`] names the paths on which later changes build on the task's; else as
    /// [`Engine::rollback_to_attempt`].
    pub async fn rollback_task(&self, id: JobId, task: &TaskId, author: &str) -> Result<Job, EngineError> {
        let (job, head) = self.settled(id, "rolled back").await?;
        let step = StepKey::first(Phase::Build).with_task(task.clone());
        let attempt = self.attempt(id, &step.to_string()).await?;
        let ours = self.parts.store.manifest(head.id).await?.tree();
        // Only what the task changed differs between the three.
        let (mut base, mut theirs) = (ours.clone(), ours.clone());
        set(&mut base, attempt.changed.iter().map(|change| (&change.path, change.after)));
        set(&mut theirs, attempt.changed.iter().map(|change| (&change.path, change.before)));
        let contents = self.contents(merge::needed(&base, &ours, &theirs)).await?;
        let merged = merge::trees(&base, &ours, &theirs, &contents, self.parts.syntax.as_ref());
        if !merged.conflicts.is_empty() {
            let paths: BTreeSet<RepoPath> = merged.conflicts.into_iter().map(|conflict| conflict.path).collect();
            let (task, paths) = (task.clone(), paths.into_iter().collect());
            return Err(Refusal::TaskConflicts { job: id, task, paths }.into());
        }
        let note = format!("without what task {task} did");
        self.go_back(&job, merged.tree, merged.blobs, note, author).await
    }

    /// Gives a job a tree that nobody made for it, once that is checked.
    async fn go_back(
        &self,
        job: &Job,
        tree: FileTree,
        blobs: Vec<Blob>,
        note: String,
        author: &str,
    ) -> Result<Job, EngineError> {
        let (job, head) = self.settled(job.id, "rolled back").await?;
        let open = self.open_rebase(job.id).await?;
        if !open.is_empty() {
            return Err(Refusal::Rebasing { job: job.id, paths: open }.into());
        }
        let before = self.parts.store.manifest(head.id).await?;
        if tree == before.tree() {
            return Err(Refusal::IsCurrent { job: job.id, number: head.number }.into());
        }
        if let Some(fault) = tree.faults().into_iter().next() {
            return Err(Refusal::Tree(fault).into());
        }
        let is_import = job.spec.kind == JobKind::Import;
        let evidence = if is_import { Evidence::NotAsked } else { self.evidence(&job, &tree, &blobs).await? };
        let status = match evidence.failure(job.id) {
            Some(reason) => (JobStatus::NeedsDecision, Some(reason)),
            None => (JobStatus::Completed, None),
        };
        let delta = self.attributed(job.id, &tree, &before, &head).await?;
        let renewal = Renewal {
            files: changed_paths(&before.tree(), &tree).len(),
            tree,
            base: head.id,
            also: Vec::new(),
            delta,
            blobs,
            cause: Cause::Rollback,
            author: author.to_owned(),
            correction: None,
            evidence,
            status,
            stamps: Vec::new(),
            note: Some(note),
            events: Vec::new(),
        };
        self.renew(&job, head.number + 1, renewal).await
    }

    /// Reads the attempts of a job and which were the best when they were tested.
    async fn told_attempts(&self, job: JobId) -> Result<(Vec<Attempt>, Vec<(StepKey, u64)>), EngineError> {
        let (mut attempts, mut best, mut after) = (Vec::new(), Vec::new(), 0);
        loop {
            let page = self.parts.store.events(job, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok((attempts, best)) };
            after = last.seq;
            for event in page {
                match event.kind {
                    EventKind::Attempt { attempt } => attempts.push(*attempt),
                    EventKind::Best { step: Some(step), failing, restored: false, .. } => best.push((step, failing)),
                    _ => {}
                }
            }
        }
    }
}

/// Returns the first step of the attempt that a step belongs to.
fn first_step(step: StepKey) -> StepKey {
    step.with_turn(1).with_tool(0)
}

fn set<'c>(tree: &mut FileTree, changes: impl Iterator<Item = (&'c RepoPath, Option<crate::content::Entry>)>) {
    for (path, entry) in changes {
        match entry {
            Some(entry) => tree.0.insert(path.clone(), entry),
            None => tree.0.remove(path),
        };
    }
}
