//! Runs the jobs of a store, in any number of processes at once.
//!
//! The loop is ours: it asks the queue for words, looks through the store now and then, chooses
//! ([`vdo_core::schedule::choose`]) and hands jobs to a handler. It never knows what the handler does, and it never claims: who may
//! run a job is settled where the run begins. apalis keeps the words ([`queue`]).
//!
//! Invariant: a job is handed to the handler at most once at a time by one worker; whatever the queue loses, the next look through
//! the store finds.

#[cfg(feature = "worker-postgres")]
mod postgres;
mod run;
mod sqlite;
mod task;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use vdo_core::id::JobId;
use vdo_core::job::JobStatus;
use vdo_core::port::{Clock, Queue, QueueError, Store, StoreError};

#[cfg(feature = "worker-postgres")]
pub use postgres::PostgresQueue;
pub use sqlite::SqliteQueue;

/// What the handler made of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// It came to an end, with this status.
    Ended(JobStatus),
    /// It was not run: somebody else runs it, it waits for another, or it is over.
    NotNow(String),
    /// It was run until somebody else took over.
    Lost,
    /// It broke down; it is let alone for a while.
    Broke(String),
}

/// What a worker tells while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerEvent {
    /// It handed a job to the handler.
    Began(JobId),
    /// The handler came back.
    Finished(JobId, Ran),
    /// It takes nothing new; so many jobs are under way.
    Draining(usize),
    /// The queue or the store did not answer; it goes on.
    Trouble(String),
}

/// Told of what a worker does. Must not block.
pub type WorkerObserver = Arc<dyn Fn(&WorkerEvent) + Send + Sync>;

/// What a worker is asked to do. Only ever becomes greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// To work.
    #[default]
    Work,
    /// To take nothing new, and to end when what runs has ended or the time for that is up.
    Drain,
    /// To end at once.
    Stop,
}

/// How a worker works.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerOptions {
    /// Its name in the queue, never used before. Best is the owner that its leases name.
    pub name: String,
    /// How many jobs it runs at once. Default: 1.
    pub concurrency: usize,
    /// How many jobs of one project may run at once, on all workers together. Default: any number.
    pub per_project: Option<u32>,
    /// After which time without a sign a worker counts as dead. Default: 20 seconds.
    pub lease: Duration,
    /// How long jobs may go on once it is asked to drain. Default: 30 seconds.
    pub drain: Duration,
    /// When it ends by itself. Default: never.
    pub until: Until,
}

/// When a worker ends by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Until {
    /// Never.
    #[default]
    Asked,
    /// When nothing is to be run, nothing runs anywhere, and nothing is put off.
    Idle,
}

impl WorkerOptions {
    /// Returns the usual options for a worker of this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            concurrency: 1,
            per_project: None,
            lease: Duration::from_secs(20),
            drain: Duration::from_secs(30),
            until: Until::Asked,
        }
    }

    /// Sets how many jobs it runs at once; at least one.
    #[must_use]
    pub fn with_concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = jobs.max(1);
        self
    }

    /// Sets how many jobs of one project may run at once.
    #[must_use]
    pub fn with_per_project(mut self, most: Option<u32>) -> Self {
        self.per_project = most;
        self
    }

    /// Sets after which time without a sign a worker counts as dead.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets how long jobs may go on once it is asked to drain.
    #[must_use]
    pub fn with_drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// Sets when it ends by itself.
    #[must_use]
    pub fn with_until(mut self, until: Until) -> Self {
        self.until = until;
        self
    }

    /// Returns how often the store is looked through: often enough to find a dead worker soon after its lease ran out.
    #[must_use]
    pub fn sweep(&self) -> Duration {
        (self.lease / 8).clamp(Duration::from_millis(100), Duration::from_secs(2))
    }
}

/// What a worker did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many jobs came to which end.
    pub ended: BTreeMap<&'static str, u64>,
    /// The jobs that were dropped under way; their leases are for the caller to give back.
    pub interrupted: Vec<JobId>,
}

/// The future that a handler returns.
pub type Running = Pin<Box<dyn Future<Output = Ran> + Send>>;

/// A worker on one store.
#[derive(Clone)]
pub struct Worker {
    store: Arc<dyn Store>,
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
    handler: Arc<dyn Fn(JobId) -> Running + Send + Sync>,
    observer: Option<WorkerObserver>,
    options: WorkerOptions,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("store", &self.store).field("options", &self.options).finish_non_exhaustive()
    }
}

impl Worker {
    /// Returns a worker that hands the jobs of `store` to `handler`.
    ///
    /// The handler claims the job, runs it and says what came of it. Dropping its future has to be as safe as a crash.
    pub fn new<F, R>(
        store: Arc<dyn Store>,
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
        options: WorkerOptions,
        handler: F,
    ) -> Self
    where
        F: Fn(JobId) -> R + Send + Sync + 'static,
        R: Future<Output = Ran> + Send + 'static,
    {
        let handler = Arc::new(move |job| Box::pin(handler(job)) as Running);
        Self { store, queue, clock, handler, observer: None, options }
    }

    /// Sets who is told of what it does.
    #[must_use]
    pub fn with_observer(mut self, observer: WorkerObserver) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Works until it is asked to stop, or until there is nothing to do if the options say so.
    ///
    /// Has to be called within a tokio runtime: jobs are tasks of it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if the store cannot say what is to be run.
    pub async fn run(&self, wanted: tokio::sync::watch::Receiver<Wanted>) -> Result<Tally, StoreError> {
        run::run(self, wanted).await
    }

    fn tell(&self, event: WorkerEvent) {
        if let Some(observer) = &self.observer {
            observer(&event);
        }
    }
}

/// Opens the queue of the store at `address`, in which workers that are silent for `lease` count as dead, and makes it if it is
/// not there.
///
/// # Errors
/// [`QueueError`] names the place.
pub async fn queue(address: &str, lease: Duration) -> Result<Arc<dyn Queue>, QueueError> {
    #[cfg(feature = "worker-postgres")]
    if is_postgres(address) {
        return Ok(Arc::new(PostgresQueue::open(address, lease).await?));
    }
    Ok(Arc::new(SqliteQueue::open(address, lease).await?))
}

/// As [`queue`], if there is one: nobody has to be woken where no worker ever was.
///
/// # Errors
/// [`QueueError`] names the place.
pub async fn queue_if_there(address: &str, lease: Duration) -> Result<Option<Arc<dyn Queue>>, QueueError> {
    if is_postgres(address) || SqliteQueue::is_there(address) {
        queue(address, lease).await.map(Some)
    } else {
        Ok(None)
    }
}

/// Returns whether a store lies in a PostgreSQL database: its queue lies there, too.
fn is_postgres(address: &str) -> bool {
    address.starts_with("postgres://") || address.starts_with("postgresql://")
}
