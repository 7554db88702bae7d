//! The steps that ask no model: loading, scanning, checking and delivering.

use std::time::Duration;

use crate::engine::{EngineError, StoreSource};
use crate::event::EventKind;
use crate::failure::{Advice, Failure, FailureKind, chain};
use crate::id::{RevisionRef, StepKey};
use crate::job::{Cause, Job, JobStatus, Revision};
use crate::port::changes::{LeaseChange, NewRevision, StatusChange, StepWrite};
use crate::port::{CheckError, CheckRequest, Deployment, StepState, TreeSource};
use crate::run::{Answer, CheckWork, End, Finished, Loaded};
use crate::tree::FileTree;

use super::desk::{Desk, StepEnd};
use super::drive::Drive;

/// How many jobs of the lineage a target is shown the trees of.
const MAX_ANCESTORS: usize = 50;
/// How often a sandbox that failed to start is tried again.
const LAUNCH_TRIES: u32 = 3;

impl Drive<'_> {
    /// Pins the parents and reads their tree.
    pub(super) async fn load(&mut self) -> Result<Loaded, EngineError> {
        let store = self.desk.parts().store.clone();
        let mut loaded = Loaded { parents: Vec::new(), tree: FileTree::default() };
        for (ordinal, link) in (0u32..).zip(self.desk.job.parents.clone()) {
            let revision = match link.revision {
                Some(id) => store.revision(id).await?,
                None => {
                    let revision = store.resolve(RevisionRef { job: link.job, number: link.number }).await?;
                    self.pending.pins.push((ordinal, revision.id));
                    revision
                }
            };
            if ordinal == 0 {
                self.base = Some(revision.id);
                loaded.tree = store.manifest(revision.id).await?.tree();
            }
            loaded.parents.push(RevisionRef { job: link.job, number: Some(revision.number) });
        }
        Ok(loaded)
    }

    /// Looks at a tree.
    pub(super) async fn scan(&self, tree: FileTree) -> Result<crate::port::Scanned, EngineError> {
        Ok(self.desk.parts().scanner.scan(&self.source(tree)).await?)
    }

    pub(super) fn source(&self, tree: FileTree) -> StoreSource {
        StoreSource::new(tree, self.run.contents().clone(), self.desk.parts().store.clone())
    }

    /// Adds the new revision to what is written next, unless an earlier try of this run wrote it already.
    pub(super) fn stage_revision(&mut self, key: &StepKey, finished: &Finished) {
        let known = self.journal.contains_key(key);
        let state = StepState::Intent;
        self.pending.steps.push(StepWrite { key: key.clone(), state, request_hash: None, answer: None });
        if known && self.desk.job.head.is_some() {
            return;
        }
        self.pending.stamps.extend(finished.stamps.iter().copied().chain(self.desk.review_stamp()));
        self.pending.revision = Some(NewRevision {
            root_hash: finished.tree.root_hash(),
            base: self.base,
            delta: finished.delta.clone(),
            cause: Cause::Run,
            author: self.desk.authors().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        });
    }

    /// Hands the new revision over, if the job has a place for it, and ends the job.
    pub(super) async fn deliver(&mut self, key: StepKey, finished: &Finished) -> Result<Answer, EngineError> {
        let reference = RevisionRef::head(self.desk.job.id);
        let lineage: Vec<(Job, Revision)> = match self.desk.parts().deliveries {
            Some(_) => self.desk.engine.lineage(reference).await?,
            None => Vec::new(),
        };
        let (mut status, mut reason) = match &finished.end {
            End::Completed => (JobStatus::Completed, None),
            End::NeedsDecision(why) => (JobStatus::NeedsDecision, Some(why.clone())),
            End::Failed(failure) => (JobStatus::Failed, Some(failure.message.clone())),
        };
        let mut branch = None;
        let mut events = Vec::new();
        let target =
            lineage.first().and_then(|(root, _)| self.desk.parts().deliveries.as_ref().and_then(|place| place(root)));
        if let (Some(deployer), Some((job, revision))) = (target, lineage.last()) {
            let source = self.source(finished.tree.clone());
            let mut sources = Vec::new();
            for (ancestor, revision) in lineage.iter().rev().skip(1).take(MAX_ANCESTORS) {
                sources.push((ancestor.id, self.desk.engine.source(revision.id).await?));
            }
            let ancestors: Vec<_> = sources.iter().map(|(id, source)| (*id, source as &dyn TreeSource)).collect();
            let deployment = Deployment::new(job, revision, &lineage, &source).with_ancestors(&ancestors);
            match deployer.deploy(deployment).await {
                Ok(delivery) => {
                    branch = delivery.branch;
                    let (how, place, files) = (delivery.how, delivery.place, delivery.files);
                    events.push(EventKind::Delivered { how, place, files });
                }
                Err(error) => {
                    status = JobStatus::NeedsDecision;
                    reason = Some(format!("the result is in the store, but was not delivered: {}", chain(&error)));
                }
            }
        }
        events.push(EventKind::Status { status, reason: reason.clone() });
        let mut changes = self.desk.changes();
        changes.status = Some(StatusChange { status, reason });
        changes.branch = branch;
        changes.events = events;
        changes.lease = LeaseChange::Release;
        changes.steps.push(StepWrite { key, state: StepState::Applied, request_hash: None, answer: None });
        self.desk.write(changes).await?;
        Ok(Answer::Delivered)
    }
}

impl Desk<'_> {
    /// Runs check commands. That a command fails is an answer; that none could be run is not.
    pub(super) async fn perform_check(&self, key: StepKey, work: CheckWork, source: StoreSource) -> StepEnd {
        let request = CheckRequest::new(&source, &work.commands)
            .with_setup(&work.setup)
            .with_timeout(Duration::from_secs(work.seconds));
        let mut tries = 1;
        loop {
            let Some(checked) = self.signal.or(self.parts().checker.check(request.clone())).await else {
                return StepEnd::Failed(Failure::new(FailureKind::Cancelled, "cancelled on request"));
            };
            let failure = match checked {
                Ok(checked) => return StepEnd::Answer(key, Answer::Checked(checked.report)),
                Err(CheckError::Launch(_)) if tries < LAUNCH_TRIES => {
                    tries += 1;
                    continue;
                }
                Err(CheckError::Launch(why)) => {
                    Failure::new(FailureKind::Sandbox, format!("the sandbox failed to start {tries} times: {why}"))
                        .with_advice(Advice::RetrySame { after_ms: None })
                }
                Err(error) => Failure::new(FailureKind::Sandbox, chain(&error)),
            };
            return StepEnd::Failed(failure.with_phase(key.phase));
        }
    }
}
