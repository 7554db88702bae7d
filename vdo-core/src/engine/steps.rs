//! The steps that ask no model: loading, scanning, checking and delivering.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::check::{CheckReport, CommandSource};
use crate::engine::{Engine, EngineError, StoreSource};
use crate::event::EventKind;
use crate::failure::{Advice, Failure, FailureKind, chain};
use crate::id::{JobId, Phase, RevisionId, RevisionRef, StepKey};
use crate::job::{Cause, HEAD_PARAMETER, JobKind, JobStatus};
use crate::port::changes::{LeaseChange, NewRevision, StatusChange, StepWrite};
use crate::port::{CheckError, CheckRequest, Delivery, Deployment, Interest, StepState, TreeSource};
use crate::run::{Answer, CheckWork, End, Finished, Loaded};
use crate::tree::FileTree;

use super::desk::{Desk, StepEnd};
use super::drive::Drive;

/// How many jobs of the lineage a target is shown the trees of.
const MAX_ANCESTORS: usize = 50;
/// How many revisions of the lineage speak for the files they touched.
const MAX_PAST: usize = 200;
/// How many ancestors are asked whether they know a tree.
const MAX_ASKED_ANCESTORS: usize = 8;
/// How often a sandbox that failed to start is tried again.
pub(super) const LAUNCH_TRIES: u32 = 3;

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
            let manifest = store.manifest(revision.id).await?;
            if ordinal == 0 {
                loaded.tree = manifest.tree();
            } else {
                self.others.push((link.job, manifest));
            }
            self.pins.push(revision.id);
            loaded.parents.push(RevisionRef { job: link.job, number: Some(revision.number) });
        }
        Ok(loaded)
    }

    /// Looks at a tree.
    pub(super) async fn scan(&self, tree: FileTree) -> Result<crate::port::Scanned, EngineError> {
        let interest = self.interest().await?;
        Ok(self.desk.parts().scanner.scan(&self.source(tree), &interest).await?)
    }

    /// Returns what the job is about, and what its lineage did before.
    async fn interest(&self) -> Result<Interest, EngineError> {
        let store = &self.desk.parts().store;
        let spec = &self.desk.job.spec;
        let mut past = Vec::new();
        let mut origin = None;
        let mut seen = BTreeSet::new();
        let mut next: VecDeque<RevisionId> = self.pins.iter().copied().collect();
        while let Some(id) = next.pop_front().filter(|_| seen.len() < MAX_PAST) {
            if !seen.insert(id) {
                continue;
            }
            let revision = store.revision(id).await?;
            let job = store.job(revision.job).await?;
            if job.spec.kind == JobKind::Import {
                // The import itself changed nothing; what led to its commit did.
                let head = job.spec.parameters.get(HEAD_PARAMETER).cloned();
                origin = origin.or_else(|| job.spec.repo.clone().zip(head));
            } else {
                let files = store.delta(id).await?.0.keys().map(ToString::to_string).collect();
                past.push((format!("{}\n{}", job.spec.title, job.spec.description), files));
            }
            next.extend(revision.base.into_iter().chain(revision.also));
        }
        let interest = Interest::new(format!("{}\n{}", spec.title, spec.description)).with_past(past);
        Ok(match origin {
            Some((repository, commit)) => interest.with_origin(repository, commit),
            None => interest,
        })
    }

    pub(super) fn source(&self, tree: FileTree) -> StoreSource {
        StoreSource::new(tree, self.run.contents().clone(), self.desk.parts().store.clone())
    }

    /// Adds the result to what is written next; returns whether that ends the job, because it goes nowhere but into the store.
    pub(super) async fn stage_result(&mut self, key: &StepKey, finished: &Finished) -> Result<bool, EngineError> {
        if !finished.is_held && self.has_place().await? {
            self.stage_revision(key, finished, StepState::Intent);
            return Ok(false);
        }
        self.stage_revision(key, finished, StepState::Applied);
        let (status, reason) = outcome(&finished.end);
        self.pending.events.push(EventKind::Status { status, reason: reason.clone() });
        self.pending.status = Some(StatusChange { status, reason });
        self.pending.lease = LeaseChange::Release;
        Ok(true)
    }

    /// Returns whether jobs of this lineage go to some place besides the store.
    async fn has_place(&self) -> Result<bool, EngineError> {
        let (parts, job) = (self.desk.parts(), &self.desk.job);
        let Some(places) = &parts.deliveries else { return Ok(false) };
        if job.root == job.id {
            return Ok(places(job).is_some());
        }
        Ok(places(&parts.store.job(job.root).await?).is_some())
    }

    /// Adds the new revision to what is written next, unless an earlier try of this run wrote it already.
    fn stage_revision(&mut self, key: &StepKey, finished: &Finished, state: StepState) {
        let known = self.journal.contains_key(key);
        self.pending.steps.push(StepWrite { key: key.clone(), state, request_hash: None, answer: None });
        if known && self.desk.job.head.is_some() {
            return;
        }
        self.pending.stamps.extend(finished.stamps.iter().copied().chain(self.desk.review_stamp()));
        let authors = self.desk.authors().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        self.pending.revision = Some(NewRevision {
            root_hash: finished.tree.root_hash(),
            base: self.pins.first().copied(),
            delta: finished.delta.clone().with_origins(&self.others),
            also: Vec::new(),
            cause: Cause::Run,
            author: if authors.is_empty() && !self.others.is_empty() { "merge".to_owned() } else { authors },
        });
    }

    /// Hands the new revision, which is written, over to its place, and ends the job.
    pub(super) async fn deliver(&mut self, key: StepKey, finished: &Finished) -> Result<(), EngineError> {
        let (mut status, mut reason) = outcome(&finished.end);
        let mut branch = None;
        let mut events = Vec::new();
        match self.desk.engine.hand_over(self.desk.job.id, &self.source(finished.tree.clone())).await {
            Ok(None) => {}
            Ok(Some(delivery)) => {
                branch = delivery.branch;
                let (how, place, files) = (delivery.how, delivery.place, delivery.files);
                events.push(EventKind::Delivered { how, place, files });
            }
            Err(EngineError::Deploy(error)) => {
                status = JobStatus::NeedsDecision;
                reason = Some(format!("the result is in the store, but was not delivered: {}", chain(&error)));
            }
            Err(error) => return Err(error),
        }
        events.push(EventKind::Status { status, reason: reason.clone() });
        let mut changes = self.desk.changes();
        changes.status = Some(StatusChange { status, reason });
        changes.branch = branch;
        changes.events = events;
        changes.lease = LeaseChange::Release;
        changes.steps.push(StepWrite { key, state: StepState::Applied, request_hash: None, answer: None });
        self.desk.write(changes).await?;
        Ok(())
    }
}

/// Returns what becomes of the job when its run ended like this.
fn outcome(end: &End) -> (JobStatus, Option<String>) {
    match end {
        End::Completed => (JobStatus::Completed, None),
        End::NeedsDecision(why) => (JobStatus::NeedsDecision, Some(why.clone())),
        End::Failed(failure) => (JobStatus::Failed, Some(failure.message.clone())),
    }
}

impl Engine {
    /// Hands a job's newest revision to the place that jobs of its lineage go to, if there is one.
    pub(super) async fn hand_over(&self, id: JobId, source: &StoreSource) -> Result<Option<Delivery>, EngineError> {
        let Some(places) = &self.parts.deliveries else { return Ok(None) };
        let lineage = self.ancestry(RevisionRef::head(id)).await?;
        let (Some((root, _)), Some((job, revision))) = (lineage.first(), lineage.last()) else { return Ok(None) };
        let Some(deployer) = places(root) else { return Ok(None) };
        let mut sources = Vec::new();
        for (ancestor, revision) in lineage.iter().rev().skip(1).take(MAX_ANCESTORS) {
            sources.push((ancestor.id, self.source(revision.id).await?));
        }
        let ancestors: Vec<_> = sources.iter().map(|(id, source)| (*id, source as &dyn TreeSource)).collect();
        let deployment = Deployment::new(job, revision, &lineage, source).with_ancestors(&ancestors);
        Ok(Some(deployer.deploy(deployment).await?))
    }
}

impl Desk<'_> {
    /// Looks for what an ancestor's checks said of exactly this tree, with the same commands in the same tier. What has to be
    /// installed follows from the tree.
    async fn recorded(&self, work: &CheckWork) -> Result<Option<(CheckReport, JobId)>, EngineError> {
        let Some(tier) = self.parts().checker.tier() else { return Ok(None) };
        let store = &self.parts().store;
        let root = work.tree.root_hash();
        let is_same = |report: &CheckReport| {
            // A language's own checker is about what was changed, and nothing was here.
            let all = report.outcomes.iter().map(|outcome| &outcome.command);
            let commands = all.filter(|command| command.source != CommandSource::Language);
            report.tree_hash == root
                && report.tier == tier
                && report.setup_failed.is_none()
                && commands.eq(work.commands.iter())
        };
        let mut open: BTreeSet<JobId> = self.job.parents.iter().map(|link| link.job).collect();
        let mut looked = 0;
        // The nearest first: a job is made after its parents.
        while let Some(id) = open.pop_last().filter(|_| looked < MAX_ASKED_ANCESTORS) {
            looked += 1;
            let checks = store.checks(id).await?;
            if let Some((_, _, mut report)) = checks.into_iter().rev().find(|(_, _, report)| is_same(report)) {
                report.outcomes.retain(|outcome| outcome.command.source != CommandSource::Language);
                return Ok(Some((report, id)));
            }
            open.extend(store.job(id).await?.parents.iter().map(|link| link.job));
        }
        Ok(None)
    }

    /// Runs check commands. That a command fails is an answer; that none could be run is not.
    pub(super) async fn perform_check(&self, key: StepKey, work: CheckWork, source: StoreSource) -> StepEnd {
        if key.phase == Phase::Base {
            match self.recorded(&work).await {
                Ok(Some((report, job))) => return StepEnd::Answer(key, Box::new(Answer::Recalled(report, job))),
                Ok(None) => {}
                Err(error) => return StepEnd::Fatal(error),
            }
        }
        let request = CheckRequest::new(&source, &work.commands)
            .with_setup(&work.setup)
            .with_timeout(Duration::from_secs(work.seconds));
        let mut tries = 1;
        loop {
            let Some(checked) = self.signal.or(self.parts().checker.check(request.clone())).await else {
                return StepEnd::Failed(Failure::new(FailureKind::Cancelled, "cancelled on request"));
            };
            let failure = match checked {
                Ok(checked) => return StepEnd::Answer(key, Box::new(Answer::Checked(checked.report))),
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
            let failure = failure.with_phase(key.phase);
            // What there was before is needed once the first test is judged, and not sooner.
            return if key.phase == Phase::Base { StepEnd::Postponed(failure) } else { StepEnd::Failed(failure) };
        }
    }
}
