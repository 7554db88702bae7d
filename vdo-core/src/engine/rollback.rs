//! Making an older tree of a job current again. The tree comes back as a new revision, so that this too can be undone.

use super::revise::{Evidence, Refusal, Renewal};
use crate::diff::changed_paths;
use crate::engine::{Engine, EngineError};
use crate::id::{JobId, RevisionRef};
use crate::job::{Cause, Job, JobStatus, Stamp};
use crate::port::StoreError;

impl Engine {
    /// Makes the tree of an older revision the newest one, by default that of the revision before the newest.
    ///
    /// No command runs: that the tree works is known from then, or it is not known, which the stamp shows. A job that waits
    /// because of its newest revision is completed again if the older one passed its checks.
    ///
    /// # Errors
    /// [`EngineError::Refused`] for a number that is not there or current already, [`EngineError::NotDecidable`] for a job that
    /// is archived or not done, [`StoreError::Busy`] while it is run.
    pub async fn rollback(&self, id: JobId, to: Option<u32>, author: &str) -> Result<Job, EngineError> {
        let store = &self.parts.store;
        let (job, head) = self.settled(id, "rolled back").await?;
        let open = self.open_rebase(id).await?;
        if !open.is_empty() {
            return Err(Refusal::Rebasing { job: id, paths: open }.into());
        }
        let number = match to {
            Some(number) => number,
            None if head.number > 1 => head.number - 1,
            None => return Err(Refusal::NothingBefore { job: id }.into()),
        };
        if number == head.number {
            return Err(Refusal::IsCurrent { job: id, number }.into());
        }
        let target = match store.resolve(RevisionRef { job: id, number: Some(number) }).await {
            Err(StoreError::NotFound(_)) => {
                return Err(Refusal::NoRevision { job: id, number, newest: head.number }.into());
            }
            other => other?,
        };
        let (now, then) = (store.manifest(head.id).await?, store.manifest(target.id).await?.tree());
        let delta = self.attributed(id, &then, &now, &target).await?;
        let root_hash = then.root_hash();
        let checks = store.checks(id).await?;
        let known = checks.into_iter().rev().map(|(_, _, report)| report).find(|report| report.tree_hash == root_hash);
        let evidence = known.map_or(Evidence::NotAsked, Evidence::Known);
        let passed = evidence.report().map(crate::check::CheckReport::passed);
        let status = match passed {
            Some(true) => (JobStatus::Completed, None),
            Some(false) | None => (job.status, job.reason.clone()),
        };
        let is_sure = passed == Some(true) || job.spec.kind == crate::job::JobKind::Import;
        let renewal = Renewal {
            files: changed_paths(&now.tree(), &then).len(),
            tree: then,
            base: head.id,
            also: vec![target.id],
            delta,
            blobs: Vec::new(),
            cause: Cause::Rollback,
            author: author.to_owned(),
            correction: None,
            evidence,
            status,
            stamps: if is_sure { Vec::new() } else { vec![Stamp::Unverified] },
            note: Some(format!("the files of revision {number}")),
            events: Vec::new(),
        };
        self.renew(&job, head.number + 1, renewal).await
    }

    /// Returns the paths on which a rebase of a job waits.
    pub(super) async fn open_rebase(&self, id: JobId) -> Result<Vec<crate::path::RepoPath>, EngineError> {
        let rows = self.parts.store.conflicts(id).await?;
        Ok(rows.into_iter().filter(|row| row.is_rebase() && row.is_open()).map(|row| row.path).collect())
    }
}
