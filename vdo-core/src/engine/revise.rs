//! What all ways to give a job a further revision share: who may, what shows that it works, and writing it down.
//!
//! Nothing of it holds a lease: the work is done on the job as it was seen, and written against that version. Whoever
//! wrote meanwhile wins, and nothing is lost. Invariant: a revision that is written never changes an older one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::steps::LAUNCH_TRIES;
use crate::check::{CheckCommand, CheckReport, CommandSource, Tier, Verdict};
use crate::content::Blob;
use crate::contents::Contents;
use crate::engine::{Engine, EngineError, StoreSource};
use crate::event::EventKind;
use crate::failure::chain;
use crate::id::{JobId, Phase, RevisionId, TaskId};
use crate::job::{Cause, Job, JobKind, JobStatus, Revision, Stamp};
use crate::path::RepoPath;
use crate::port::changes::{Changes, CheckWrite, Guard, LeaseChange, NewRevision};
use crate::port::{CheckError, CheckRequest, Checked, Interest, StoreError};
use crate::run::runner_of;
use crate::tree::{Delta, FileTree, Manifest, TreeFault};

/// How many bytes of a failure a reason has.
const MAX_REASON: usize = 600;

/// Why a job does not get the revision that was asked for, or is not archived. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The job has no result yet.
    #[error("job {job} has no result yet; it is {status}")]
    NoResult {
        /// The job.
        job: JobId,
        /// Where it stands.
        status: JobStatus,
    },
    /// The job has no revision of this number.
    #[error("job {job} has no revision {number}; its newest is {newest}")]
    NoRevision {
        /// The job.
        job: JobId,
        /// The number.
        number: u32,
        /// The newest one's.
        newest: u32,
    },
    /// The revision is current already.
    #[error("revision {number} is what job {job} has now; there is nothing to roll back")]
    IsCurrent {
        /// The job.
        job: JobId,
        /// The number.
        number: u32,
    },
    /// There is nothing before the first revision.
    #[error("job {job} has one revision only; there is nothing to roll back to")]
    NothingBefore {
        /// The job.
        job: JobId,
    },
    /// The job was made from nothing that could have moved on.
    #[error("job {job} builds on no other job; there is nothing to carry it over to")]
    NoParent {
        /// The job.
        job: JobId,
    },
    /// The job does not build on that one.
    #[error("job {job} does not build on job {other}; it builds on {}", named(.parents))]
    NotAParent {
        /// The job.
        job: JobId,
        /// The other one.
        other: JobId,
        /// What it builds on.
        parents: Vec<JobId>,
    },
    /// The sides do not fit together, and the job's policy is to fail then.
    #[error("job {job} cannot be carried over, and its policy is to fail: {} in conflict", path_list(.paths))]
    Conflicts {
        /// The job.
        job: JobId,
        /// Where they do not.
        paths: Vec<RepoPath>,
    },
    /// The job has no such attempt.
    #[error("job {job} has no attempt {name:?}; it has: {}", if .known.is_empty() { "none".to_owned() } else { .known.join(", ") })]
    NoAttempt {
        /// The job.
        job: JobId,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Later changes of the job build on those of the task.
    #[error("what task {task} of job {job} did cannot be taken back: later changes build on it in {}", path_list(.paths))]
    TaskConflicts {
        /// The job.
        job: JobId,
        /// The task.
        task: TaskId,
        /// Where they do.
        paths: Vec<RepoPath>,
    },
    /// A rebase waits for decisions.
    #[error("a rebase of job {job} waits for decisions on {}; decide them with vdo resolve, or give it up with vdo rebase --abort", path_list(.paths))]
    Rebasing {
        /// The job.
        job: JobId,
        /// The paths that are in conflict.
        paths: Vec<RepoPath>,
    },
    /// No rebase is under way.
    #[error("no rebase of job {job} is under way")]
    NotRebasing {
        /// The job.
        job: JobId,
    },
    /// The files cannot lie beside each other.
    #[error(transparent)]
    Tree(#[from] TreeFault),
    /// The job is not archived.
    #[error("job {job} is {status}, not archived")]
    NotArchived {
        /// The job.
        job: JobId,
        /// Where it stands.
        status: JobStatus,
    },
}

fn named(jobs: &[JobId]) -> String {
    jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Names some paths, and how many more there are.
pub(super) fn path_list(paths: &[RepoPath]) -> String {
    let shown: Vec<&str> = paths.iter().take(10).map(RepoPath::as_str).collect();
    match paths.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What shows that a tree works.
#[derive(Debug, Clone)]
pub(super) enum Evidence {
    /// Nobody asks for any.
    NotAsked,
    /// No command is known that could show it.
    Missing,
    /// An earlier report on exactly this tree.
    Known(CheckReport),
    /// Commands that ran just now.
    Ran(CheckReport),
}

impl Evidence {
    pub(super) fn report(&self) -> Option<&CheckReport> {
        match self {
            Self::NotAsked | Self::Missing => None,
            Self::Known(report) | Self::Ran(report) => Some(report),
        }
    }

    /// Says why the tree cannot be trusted, if the commands say so.
    pub(super) fn failure(&self, job: JobId) -> Option<String> {
        let report = self.report().filter(|report| !report.passed())?;
        let id = job.number();
        if report.verdict() == Verdict::Unverified {
            let why = "no test ran on the new revision, so nothing shows whether it works";
            return Some(format!(
                "{why}; correct it, take it back with vdo rollback {id}, or accept it with vdo approve {id}"
            ));
        }
        let failures = crate::context::bounded(&crate::prompt::failures_text(report), MAX_REASON);
        Some(format!(
            "the checks fail on the new revision; correct it, take it back with vdo rollback {id}, or accept it with vdo approve {id}:\n{failures}"
        ))
    }
}

/// A further revision of a job, ready to be written.
pub(super) struct Renewal {
    pub(super) tree: FileTree,
    pub(super) base: RevisionId,
    pub(super) also: Vec<RevisionId>,
    pub(super) delta: Delta,
    pub(super) blobs: Vec<Blob>,
    pub(super) cause: Cause,
    pub(super) author: String,
    pub(super) correction: Option<RevisionId>,
    pub(super) evidence: Evidence,
    pub(super) status: (JobStatus, Option<String>),
    pub(super) stamps: Vec<Stamp>,
    pub(super) note: Option<String>,
    /// How many paths differ from the revision before.
    pub(super) files: usize,
    /// What happened besides.
    pub(super) events: Vec<EventKind>,
}

impl Engine {
    /// Returns a job that has a result and that nobody works on, with that result.
    pub(super) async fn settled(&self, id: JobId, decision: &'static str) -> Result<(Job, Revision), EngineError> {
        let job = self.parts.store.job(id).await?;
        match job.status {
            JobStatus::Running => {
                self.insist_idle(id).await?;
                return Err(EngineError::NotDecidable { job: id, status: job.status, decision });
            }
            JobStatus::Archived => return Err(EngineError::NotDecidable { job: id, status: job.status, decision }),
            JobStatus::Queued
            | JobStatus::BudgetStopped
            | JobStatus::NeedsDecision
            | JobStatus::Failed
            | JobStatus::Completed
            | JobStatus::Cancelled => {}
        }
        let Some(head) = job.head.clone() else {
            return Err(Refusal::NoResult { job: id, status: job.status }.into());
        };
        if !matches!(job.status, JobStatus::Completed | JobStatus::NeedsDecision) {
            return Err(EngineError::NotDecidable { job: id, status: job.status, decision });
        }
        Ok((job, head))
    }

    /// Insists that nobody runs a job, by taking its lease for a moment.
    pub(super) async fn insist_idle(&self, id: JobId) -> Result<(), EngineError> {
        if let Some((lease, _)) = super::lock(&self.active).get(&id) {
            let (owner, epoch) = (self.parts.owner.clone(), lease.epoch);
            let until = self.parts.clock.now().after(self.parts.lease_ttl);
            return Err(StoreError::Busy { job: id, owner, epoch, until }.into());
        }
        let lease = self.claim(id, None).await?;
        let mut changes = Changes::new(Guard::Lease(lease), self.parts.clock.now());
        changes.lease = LeaseChange::Release;
        self.commit(changes).await?;
        Ok(())
    }

    /// Returns the parents' revisions that a revision stands on, in the order of the parents; none for a root.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if a revision is not there.
    pub async fn pins(&self, revision: &Revision) -> Result<Vec<Revision>, EngineError> {
        let store = &self.parts.store;
        let mut at = revision.clone();
        let base = loop {
            let Some(base) = at.base else { return Ok(Vec::new()) };
            let base = store.revision(base).await?;
            if base.job != at.job {
                break base;
            }
            at = base;
        };
        let mut pins = vec![base.clone()];
        for id in &at.also {
            let other = store.revision(*id).await?;
            if other.job != at.job {
                pins.push(other);
            }
        }
        if pins.len() > 1 {
            return Ok(pins);
        }
        pins.clear();
        for link in store.job(at.job).await?.parents {
            match link.revision {
                _ if link.job == base.job => pins.push(base.clone()),
                Some(id) => pins.push(store.revision(id).await?),
                None => {}
            }
        }
        Ok(pins)
    }

    /// Finds out whether a tree works: by what is known of exactly this tree, else by running the job's commands on it.
    pub(super) async fn evidence(&self, job: &Job, tree: &FileTree, blobs: &[Blob]) -> Result<Evidence, EngineError> {
        let root_hash = tree.root_hash();
        let recorded = self.parts.store.checks(job.id).await?;
        let reports = || recorded.iter().rev().map(|(_, _, report)| report);
        if let Some(known) = reports().find(|report| report.tree_hash == root_hash && report.passed()) {
            return Ok(Evidence::Known(known.clone()));
        }
        let mut contents = Contents::default();
        for blob in blobs {
            contents.add(blob);
        }
        let source = StoreSource::new(tree.clone(), contents, self.parts.store.clone());
        let scanned = self.parts.scanner.scan(&source, &Interest::default()).await?;
        let commands: Vec<CheckCommand> = if !job.spec.checks.is_empty() {
            let named =
                |run: &String| CheckCommand { run: run.clone(), source: CommandSource::User, runner: runner_of(run) };
            job.spec.checks.iter().map(named).collect()
        } else if !scanned.checks.is_empty() {
            scanned.checks
        } else {
            let last = reports().find(|report| !report.outcomes.is_empty());
            last.map(|report| report.outcomes.iter().map(|outcome| outcome.command.clone()).collect())
                .unwrap_or_default()
        };
        if commands.is_empty() {
            return Ok(Evidence::Missing);
        }
        let request = CheckRequest::new(&source, &commands)
            .with_setup(&scanned.setup)
            .with_timeout(Duration::from_secs(self.parts.limits.check_seconds));
        let mut tries = 1;
        loop {
            match self.parts.checker.check(request.clone()).await {
                Ok(Checked { report, .. }) => return Ok(Evidence::Ran(report)),
                Err(CheckError::Launch(_)) if tries < LAUNCH_TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes a further revision of a job as it was seen, and hands it over where its results go.
    pub(super) async fn renew(&self, job: &Job, number: u32, new: Renewal) -> Result<Job, EngineError> {
        let mut changes = Changes::new(Guard::Version { job: job.id, version: job.version }, self.parts.clock.now());
        let (status, reason) = new.status;
        changes.events.push(EventKind::Revised {
            number,
            cause: new.cause,
            files: u64::try_from(new.files).unwrap_or(u64::MAX),
            note: new.note,
        });
        changes.events.extend(new.events);
        changes.stamps = new.stamps;
        if let Evidence::Ran(report) = &new.evidence {
            let attempt =
                u32::try_from(self.parts.store.checks(job.id).await?.len()).unwrap_or(u32::MAX).saturating_add(1);
            let (phase, passed) = (Phase::Sandbox, report.passed());
            changes.events.push(EventKind::Checked {
                phase,
                attempt,
                passed,
                report: report.clone(),
                comparison: None,
                from: None,
            });
            changes.checks.push(CheckWrite { phase, attempt, report: report.clone() });
        }
        match new.evidence.report() {
            Some(report) if report.tier < Tier::T2 => changes.stamps.push(Stamp::LowerTier),
            None if matches!(new.evidence, Evidence::Missing) => changes.stamps.push(Stamp::Unverified),
            Some(_) | None => {}
        }
        if status != job.status || reason != job.reason {
            changes.events.push(EventKind::Status { status, reason: reason.clone() });
        }
        changes = changes.with_status(status, reason);
        changes.blobs = new.blobs;
        changes.correction = new.correction;
        let root_hash = new.tree.root_hash();
        let (base, also, delta) = (Some(new.base), new.also, new.delta);
        changes.revision = Some(NewRevision { root_hash, base, also, delta, cause: new.cause, author: new.author });
        self.commit(changes).await?;
        if status == JobStatus::Completed && job.spec.kind != JobKind::Import {
            self.hand_over_again(job.id, new.tree).await?;
        }
        Ok(self.parts.store.job(job.id).await?)
    }

    /// Hands the newest revision over; that it cannot be is a note, not a failure: it is in the store.
    async fn hand_over_again(&self, id: JobId, tree: FileTree) -> Result<(), EngineError> {
        let source = StoreSource::new(tree, Contents::default(), self.parts.store.clone());
        let (branch, event) = match self.hand_over(id, &source).await {
            Ok(None) => return Ok(()),
            Ok(Some(delivery)) => {
                let (how, place, files) = (delivery.how, delivery.place, delivery.files);
                (delivery.branch, EventKind::Delivered { how, place, files })
            }
            Err(EngineError::Deploy(error)) => {
                let text = format!("the revision is in the store, but was not delivered: {}", chain(&error));
                (None, EventKind::Note { text, tier: None })
            }
            Err(error) => return Err(error),
        };
        let job = self.parts.store.job(id).await?;
        let guard = Guard::Version { job: id, version: job.version };
        let mut changes = Changes::new(guard, self.parts.clock.now()).with_event(event);
        changes.branch = branch;
        match self.commit(changes).await {
            // Somebody else wrote meanwhile: the delivery happened all the same.
            Ok(_) | Err(EngineError::Store(StoreError::Conflict { .. })) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Returns what turns `base` into `tree`, with the job and step that wrote each file as far as `known` tells.
    pub(super) async fn attributed(
        &self,
        own: JobId,
        tree: &FileTree,
        base: &Manifest,
        known: &Revision,
    ) -> Result<Delta, EngineError> {
        let store = &self.parts.store;
        let (manifest, written) = (store.manifest(known.id).await?, store.delta(known.id).await?);
        let mut delta = tree.delta_from(&base.tree(), &BTreeMap::new());
        for (path, entry) in &mut delta.0 {
            let Some(file) = entry.change.entry() else { continue };
            match manifest.0.get(path).filter(|there| there.entry == file) {
                Some(there) if there.job != own => entry.origin = Some(there.job),
                Some(_) => entry.step = written.0.get(path).and_then(|before| before.step.clone()),
                None => {}
            }
        }
        Ok(delta)
    }
}
