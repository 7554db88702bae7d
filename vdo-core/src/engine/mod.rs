//! The engine: drives runs through the ports. The only place in the core that awaits more than one port.
//!
//! It spawns nothing. Dropping the future of a run is the same as a crash: what was answered is in the journal,
//! and the next run goes on from there. Every write goes through [`crate::port::Store::commit`] under the run's lease.
//! Invariant: a provider's answer is in the journal before it is read, and a step that has one is never asked again.

mod answers;
mod archive;
mod attempts;
mod builder;
mod call;
mod choice;
mod conflicts;
mod corrections;
mod decide;
mod desk;
mod drive;
mod hear;
mod history;
mod merging;
pub mod metrics;
mod origins;
mod rebase;
mod reconcile;
mod removal;
mod revise;
mod rollback;
mod signal;
mod source;
mod steps;
mod trace;
mod watch;
mod workers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::content::Blob;
use crate::event::{Event, EventKind};
use crate::id::{JobId, Phase, RevisionId, RevisionRef};
use crate::job::{Cause, Job, JobKind, JobSpec, JobStatus, Revision, SpecError};
use crate::port::changes::{Changes, Guard, LeaseChange, NewRevision, Receipt};
use crate::port::{
    CheckError, ClaimRequest, Delivery, DeployError, Deployer, Deployment, JobQuery, Lease, ScanError, Store,
    StoreError,
};
use crate::tree::FileTree;

use signal::Signal;
use tracing::Instrument as _;

pub use attempts::AttemptView;
pub use builder::{Deliveries, Delta, EngineBuilder, Listener, Observer};
pub use conflicts::{ConflictView, HunkView, Resolution, ResolveRefusal};
pub use corrections::Corrected;
pub use history::{FileCounts, History, MergeRefusal};
pub use origins::{Blamed, BlamedLine};
pub use rebase::{RebaseEnd, Rebased};
pub use revise::Refusal;
pub use source::StoreSource;
pub use workers::WorkerRules;

/// The runs under way, with what asks them to stop.
type Runs = BTreeMap<JobId, (Lease, Arc<Signal>)>;

/// The longest time between two beats: a request to stop is seen within it.
const LONGEST_BEAT: Duration = Duration::from_millis(1500);

/// What an engine operation may fail with. That a job did not succeed is no error: see [`Job::status`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The job cannot be made.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The job waits for a parent that has no result yet.
    #[error("job {job} waits for job {parent}, which has no result yet (it is {status}); run that first")]
    WaitsFor {
        /// The job.
        job: JobId,
        /// The parent.
        parent: JobId,
        /// Where the parent stands.
        status: JobStatus,
    },
    /// The job is over and has no result to run for.
    #[error("job {job} is {status} and cannot be run")]
    NotRunnable {
        /// The job.
        job: JobId,
        /// Where it stands.
        status: JobStatus,
    },
    /// The job is not in a state in which that can be decided.
    #[error("job {job} is {status} and cannot be {decision}")]
    NotDecidable {
        /// The job.
        job: JobId,
        /// Where it stands.
        status: JobStatus,
        /// What was to be decided.
        decision: &'static str,
    },
    /// The jobs cannot be merged.
    #[error(transparent)]
    Merge(#[from] MergeRefusal),
    /// The job cannot be corrected, rolled back, carried over or archived so.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The checks could not be run.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// A conflict cannot be decided so.
    #[error(transparent)]
    Resolve(#[from] ResolveRefusal),
    /// No provider is configured for a phase.
    #[error("no route for the phase {0}: name a candidate under [routes]")]
    NoRoute(Phase),
    /// A route names a provider that is not configured.
    #[error("the route {route} names a provider that is not configured; add [providers.{provider}]")]
    UnknownProvider {
        /// The route.
        route: String,
        /// The provider.
        provider: String,
    },
    /// The tree could not be looked at.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// The result could not be handed over.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The journal does not fit the run, or the machine stood still: a fault of VDO.
    #[error("internal fault: {0}")]
    Internal(String),
}

/// Runs jobs. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Engine {
    parts: Arc<EngineBuilder>,
    /// The leases of runs under way, for the heartbeat.
    active: Arc<Mutex<Runs>>,
    /// What is known of the state that all workers share.
    watch: Arc<Mutex<watch::Watch>>,
    metrics: Arc<metrics::Metrics>,
}

/// A tree from outside, to become the root of a lineage.
#[derive(Debug, Clone)]
pub struct Import {
    /// The job it becomes: its title, and in `repo` the folder or address it came from. An import from there with the same
    /// tree is used again.
    pub spec: JobSpec,
    /// The tree.
    pub tree: FileTree,
    /// Its contents.
    pub blobs: Vec<Blob>,
}

impl Engine {
    /// Returns the store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.parts.store
    }

    /// Makes a job. It is queued until it is run.
    ///
    /// # Errors
    /// [`EngineError::Spec`] for a bad title or the like, [`StoreError::Parent`] for a bad parent, [`EngineError::Merge`] for
    /// parents that cannot be merged.
    pub async fn create(&self, spec: JobSpec) -> Result<JobId, EngineError> {
        spec.validate()?;
        self.check_merge(&spec).await?;
        let title = spec.title.clone();
        let changes = Changes::new(Guard::Create(Box::new(spec)), self.parts.clock.now())
            .with_event(EventKind::Created { title });
        Ok(self.commit(changes).await?.job)
    }

    /// Makes a completed job of a tree from outside, or returns the one there is for the same place and tree.
    ///
    /// # Errors
    /// [`EngineError::Spec`] or [`EngineError::Store`].
    pub async fn import(&self, import: Import) -> Result<JobId, EngineError> {
        let root_hash = import.tree.root_hash();
        let mut query = JobQuery::default().with_kind(JobKind::Import);
        loop {
            let page = self.parts.store.jobs(&query).await?;
            let same = |job: &&Job| {
                job.spec.repo == import.spec.repo && job.head.as_ref().is_some_and(|head| head.root_hash == root_hash)
            };
            if let Some(job) = page.iter().find(same) {
                return Ok(job.id);
            }
            let Some(last) = page.last() else { break };
            query = query.with_before(last.id);
        }
        let mut spec = import.spec;
        spec.kind = JobKind::Import;
        spec.validate()?;
        let delta = import.tree.delta_from(&FileTree::default(), &BTreeMap::new());
        let mut changes = Changes::new(Guard::Create(Box::new(spec.clone())), self.parts.clock.now())
            .with_event(EventKind::Created { title: spec.title })
            .with_status(JobStatus::Completed, None);
        changes.blobs = import.blobs;
        changes.revision = Some(NewRevision {
            root_hash,
            base: None,
            delta,
            also: Vec::new(),
            cause: Cause::Import,
            author: "import".to_owned(),
        });
        changes.events.push(EventKind::Status { status: JobStatus::Completed, reason: None });
        Ok(self.commit(changes).await?.job)
    }

    /// Runs a job, or goes on with it, to its end. Returns the job as it is then; a job that is over already is returned as it is.
    ///
    /// The lease is renewed by every write and by [`Engine::heartbeat`]. A job that is completed or needs a decision comes back as
    /// it is.
    ///
    /// # Errors
    /// [`EngineError::NotRunnable`] if it is over, or for an engine with [`WorkerRules`] if others gave it a result or put it off:
    /// of many workers, only one says that it ran a job. [`StoreError::Busy`] if somebody else runs it, [`StoreError::Fenced`] if
    /// somebody took over, [`EngineError::WaitsFor`] if
    /// a parent has no result, [`EngineError::NoRoute`] and [`EngineError::UnknownProvider`] before anything is paid.
    pub async fn run(&self, job: JobId) -> Result<Job, EngineError> {
        self.run_after(job, None).await
    }

    /// As [`Engine::run`], taking over at once from a runner that the caller knows to be dead.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub async fn run_after(&self, id: JobId, dead_epoch: Option<u64>) -> Result<Job, EngineError> {
        let job = self.parts.store.job(id).await?;
        match job.status {
            JobStatus::NeedsDecision if self.is_rebase_decided(&job).await? => {
                return Ok(self.rebase(id, None).await?.job);
            }
            // By hand, and not by another worker.
            JobStatus::NeedsDecision if job.is_poisoned() && self.parts.workers.is_none() => {}
            JobStatus::Completed | JobStatus::NeedsDecision => return self.not_by_us(job),
            JobStatus::Archived | JobStatus::Cancelled => {
                return Err(EngineError::NotRunnable { job: id, status: job.status });
            }
            JobStatus::Queued | JobStatus::Running | JobStatus::BudgetStopped | JobStatus::Failed => {}
        }
        self.refresh(false).await?;
        self.check_routes(&job)?;
        self.check_parents(&job).await?;
        let lease = self.claim(id, dead_epoch).await?;
        let claimed = self.parts.store.job(id).await?;
        if let Some(job) = self.set_aside(&lease, &job, &claimed).await? {
            return Ok(job);
        }
        let signal = Arc::new(Signal::default());
        let _active = Active::enter(&self.active, &lease, signal.clone());
        let (begun, span) = (self.parts.clock.now(), trace::run(&lease));
        let driven = drive::drive(self, lease, claimed, signal).instrument(span.clone()).await;
        let ended = match driven {
            Ok(()) => self.parts.store.job(id).await.map_err(EngineError::from),
            Err(error) => Err(error),
        };
        let status = ended.as_ref().ok().map(|job| job.status);
        trace::ended(&span, status);
        self.metrics.run(status, self.parts.clock.now().since(begun));
        ended
    }

    /// Gives the lease on a job back after its run was dropped, so that the next runner need not wait.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if somebody else runs it by now.
    pub async fn release(&self, job: JobId) -> Result<(), EngineError> {
        let lease = self.claim(job, None).await?;
        let mut changes = Changes::new(Guard::Lease(lease), self.parts.clock.now())
            .with_event(EventKind::Note { text: "interrupted; run it again to go on".to_owned(), tier: None });
        changes.lease = LeaseChange::Release;
        self.commit(changes).await?;
        Ok(())
    }

    /// Renews the leases of all runs under way, for ever. A host spawns it once beside the runs it awaits; without it a lease
    /// lasts from the run's last write on, and a call that takes longer can be taken for dead.
    pub async fn heartbeat(&self) {
        loop {
            self.parts.clock.sleep((self.parts.lease_ttl / 3).min(LONGEST_BEAT)).await;
            let runs: Vec<(Lease, Arc<Signal>)> = lock(&self.active).values().cloned().collect();
            // Together, so that they share a flush to the disk.
            let beats = runs.into_iter().map(|(lease, signal)| async move {
                let now = self.parts.clock.now();
                let mut changes = Changes::new(Guard::Lease(lease), now);
                changes.lease = LeaseChange::Extend(now.after(self.parts.lease_ttl));
                match self.parts.store.commit(changes).await {
                    Ok(receipt) if !receipt.cancel_requested => {}
                    // A run that was taken over stops like one that is asked to; its next write is refused.
                    Ok(_) | Err(StoreError::Fenced { .. }) => signal.raise(),
                    // What else is wrong with the store shows at the run's next write.
                    Err(_) => {}
                }
            });
            futures_util::future::join_all(beats).await;
        }
    }

    /// Returns a revision's tree as the other ports read it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such revision.
    pub async fn source(&self, revision: RevisionId) -> Result<StoreSource, EngineError> {
        let tree = self.parts.store.manifest(revision).await?.tree();
        Ok(StoreSource::new(tree, crate::contents::Contents::default(), self.parts.store.clone()))
    }

    /// Returns the line of first parents that leads to a revision, root first, each with the revision it contributes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if a job or revision is not there.
    pub async fn lineage(&self, reference: RevisionRef) -> Result<Vec<(Job, Revision)>, EngineError> {
        let store = &self.parts.store;
        let mut revision = store.resolve(reference).await?;
        let mut line = Vec::new();
        loop {
            let job = store.job(revision.job).await?;
            let parent = self.pins(&revision).await?.into_iter().next();
            line.push((job, revision));
            match parent {
                Some(next) => revision = next,
                None => break,
            }
        }
        line.reverse();
        Ok(line)
    }

    /// Hands a revision over to a target.
    ///
    /// # Errors
    /// [`EngineError::Deploy`]; the target is as it was then.
    pub async fn deploy(&self, reference: RevisionRef, deployer: &dyn Deployer) -> Result<Delivery, EngineError> {
        let lineage = self.ancestry(reference).await?;
        let (job, revision) =
            lineage.last().ok_or_else(|| EngineError::Internal("a lineage without jobs".to_owned()))?;
        let source = self.source(revision.id).await?;
        let manifest = self.manifest(revision).await?;
        let files = self.files_of(revision, &manifest).await?;
        let deployment = Deployment::new(job, revision, &lineage, &source).with_manifest(&manifest).with_files(&files);
        let delivery = deployer.deploy(deployment).await?;
        let guard = Guard::Version { job: job.id, version: job.version };
        let (how, place, files) = (delivery.how.clone(), delivery.place.clone(), delivery.files);
        let changes =
            Changes::new(guard, self.parts.clock.now()).with_event(EventKind::Delivered { how, place, files });
        match self.commit(changes).await {
            // Somebody else wrote meanwhile: the delivery happened all the same.
            Ok(_) | Err(EngineError::Store(StoreError::Conflict { .. })) => Ok(delivery),
            Err(error) => Err(error),
        }
    }

    async fn claim(&self, job: JobId, presumed_dead: Option<u64>) -> Result<Lease, EngineError> {
        let (owner, ttl) = (self.parts.owner.clone(), self.parts.lease_ttl);
        let per_project = self.parts.workers.as_ref().and_then(|rules| rules.per_project);
        let request = ClaimRequest { job, owner, now: self.parts.clock.now(), ttl, presumed_dead, per_project };
        Ok(self.parts.store.claim(request).await?)
    }

    /// Commits and tells the observer of the events, numbered as the store numbered them.
    async fn commit(&self, changes: Changes) -> Result<Receipt, EngineError> {
        let (at, events) = (changes.at, self.parts.observer.as_ref().map(|_| changes.events.clone()));
        let receipt = self.parts.store.commit(changes).await?;
        let crossed = receipt.crossings.iter().cloned().map(EventKind::BudgetCrossed);
        if let (Some(observer), Some(events), false) = (&self.parts.observer, events, receipt.existed) {
            for (seq, kind) in (receipt.first_seq..).zip(events.into_iter().chain(crossed)) {
                observer(&Event { job: receipt.job, seq, at, kind });
            }
        }
        Ok(receipt)
    }

    /// Insists that somebody can be asked, except where perhaps nobody has to be: in a merge without a description.
    fn check_routes(&self, job: &Job) -> Result<(), EngineError> {
        let routes = self.routes();
        let is_merge = job.parents.len() > 1;
        let needs_none = is_merge && job.spec.description.trim().is_empty();
        let merge = is_merge.then_some(Phase::Merge);
        for phase in merge.into_iter().chain([Phase::Plan, Phase::Build, Phase::Repair, Phase::Critique]) {
            let candidates = routes.of(phase);
            if candidates.is_empty() && !needs_none && phase != Phase::Merge {
                return Err(EngineError::NoRoute(phase));
            }
            if let Some(unknown) = candidates.iter().find(|route| !self.parts.providers.contains_key(&route.provider)) {
                let (route, provider) = (unknown.to_string(), unknown.provider.clone());
                return Err(EngineError::UnknownProvider { route, provider });
            }
        }
        Ok(())
    }

    async fn check_parents(&self, job: &Job) -> Result<(), EngineError> {
        for link in &job.parents {
            let parent = self.parts.store.job(link.job).await?;
            if link.revision.is_none() && parent.head.is_none() {
                return Err(EngineError::WaitsFor { job: job.id, parent: parent.id, status: parent.status });
            }
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Marks a run as under way until it is dropped.
struct Active<'a> {
    active: &'a Mutex<Runs>,
    job: JobId,
}

impl<'a> Active<'a> {
    fn enter(active: &'a Mutex<Runs>, lease: &Lease, signal: Arc<Signal>) -> Self {
        lock(active).insert(lease.job, (lease.clone(), signal));
        Self { active, job: lease.job }
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        lock(self.active).remove(&self.job);
    }
}

#[cfg(test)]
mod tests;
