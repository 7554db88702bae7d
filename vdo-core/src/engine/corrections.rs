//! Taking in what a person made of a job's files by hand.

use super::revise::{Evidence, Refusal, Renewal};
use crate::content::Blob;
use crate::diff::changed_paths;
use crate::engine::{Engine, EngineError};
use crate::id::JobId;
use crate::job::{Cause, Job, JobKind, JobStatus};
use crate::tree::FileTree;

/// A job's files as a person left them.
#[derive(Debug, Clone)]
pub struct Corrected {
    /// The whole tree.
    pub tree: FileTree,
    /// The contents that the store may not have yet.
    pub blobs: Vec<Blob>,
    /// What the person says about it.
    pub note: Option<String>,
    /// Who it was.
    pub author: String,
}

impl Engine {
    /// Makes a person's files the newest revision of a job; `None` if they are what the job has already.
    ///
    /// The job's checks run on the new tree first, and the report is kept with it. If they fail the revision is kept all the
    /// same, and the job waits for a decision. Without a command to run, the person's word completes it, stamped as
    /// unverified; an import needs no evidence.
    ///
    /// # Errors
    /// [`EngineError::Refused`] for a job without a result or files that cannot lie together, [`EngineError::NotDecidable`] for
    /// an archived job, [`crate::port::StoreError::Busy`] while it is run, [`EngineError::Check`] if the checks could not be run
    /// and [`crate::port::StoreError::Conflict`] if the job changed meanwhile; nothing is written then.
    pub async fn correct(&self, id: JobId, corrected: Corrected) -> Result<Option<Job>, EngineError> {
        let (job, head) = self.settled(id, "corrected").await?;
        let open = self.open_rebase(id).await?;
        if !open.is_empty() {
            return Err(Refusal::Rebasing { job: id, paths: open }.into());
        }
        let Corrected { tree, blobs, note, author } = corrected;
        let before = self.parts.store.manifest(head.id).await?;
        if tree == before.tree() {
            return Ok(None);
        }
        if let Some(fault) = tree.faults().into_iter().next() {
            return Err(Refusal::Tree(fault).into());
        }
        let is_import = job.spec.kind == JobKind::Import;
        let evidence = if is_import { Evidence::NotAsked } else { self.evidence(&job, &tree, &blobs).await? };
        let status = match evidence.failure(id) {
            Some(reason) => (JobStatus::NeedsDecision, Some(reason)),
            None => (JobStatus::Completed, None),
        };
        let delta = self.attributed(id, &tree, &before, &head).await?;
        let renewal = Renewal {
            files: changed_paths(&before.tree(), &tree).len(),
            tree,
            base: head.id,
            also: Vec::new(),
            delta,
            blobs,
            cause: Cause::Correction,
            author,
            correction: Some(head.id),
            evidence,
            status,
            stamps: Vec::new(),
            note,
            events: Vec::new(),
        };
        Ok(Some(self.renew(&job, head.number + 1, renewal).await?))
    }
}
