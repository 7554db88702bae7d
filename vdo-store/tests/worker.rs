//! The worker loop, on stores and queues that answer, lose words, or fail.
#![cfg(feature = "worker")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use tokio::sync::watch;
use vdo_core::id::JobId;
use vdo_core::job::{JobSpec, JobStatus};
use vdo_core::port::changes::{Changes, Guard, LeaseChange};
use vdo_core::port::{Acked, ClaimRequest, Clock, Queue, QueueError, Store, Ticket, Wake};
use vdo_core::testing::{MemoryQueue, MemoryStore};
use vdo_core::time::Timestamp;
use vdo_store::worker::{Ran, Until, Wanted, Worker, WorkerOptions};

/// The machine's own time.
#[derive(Debug, Clone, Copy)]
struct WallClock;

#[async_trait]
impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp(i64::try_from(since.as_millis()).unwrap())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A queue that never works.
#[derive(Debug)]
struct Broken;

impl Broken {
    fn error<T>() -> Result<T, QueueError> {
        Err(QueueError { place: "nowhere".to_owned(), source: "it is broken".into() })
    }
}

#[async_trait]
impl Queue for Broken {
    async fn push(&self, _: Wake) -> Result<(), QueueError> {
        Self::error()
    }
    async fn pull(&self, _: &str) -> Result<Option<Ticket>, QueueError> {
        Self::error()
    }
    async fn ack(&self, _: &str, _: &Ticket) -> Result<Acked, QueueError> {
        Self::error()
    }
    async fn beat(&self, _: &str) -> Result<(), QueueError> {
        Self::error()
    }
}

async fn create(store: &dyn Store, title: &str) -> JobId {
    let spec = JobSpec::new(title, "");
    store.commit(Changes::new(Guard::Create(Box::new(spec)), WallClock.now())).await.unwrap().job
}

/// Claims a job, counts that it was run, and completes it.
async fn complete(store: &dyn Store, owner: &str, job: JobId, runs: &Mutex<BTreeMap<JobId, u32>>) -> Ran {
    let now = WallClock.now();
    let ttl = Duration::from_secs(60);
    let request = ClaimRequest { job, owner: owner.to_owned(), now, ttl, presumed_dead: None, per_project: None };
    let Ok(lease) = store.claim(request).await else { return Ran::NotNow("busy".to_owned()) };
    let mut changes = Changes::new(Guard::Lease(lease), now);
    if store.job(job).await.unwrap().status == JobStatus::Queued {
        *runs.lock().unwrap().entry(job).or_default() += 1;
        tokio::task::yield_now().await;
        changes = changes.with_status(JobStatus::Completed, None);
    }
    changes.lease = LeaseChange::Release;
    store.commit(changes).await.unwrap();
    Ran::Ended(JobStatus::Completed)
}

async fn work(store: &Arc<dyn Store>, queue: Arc<dyn Queue>, workers: usize) -> BTreeMap<JobId, u32> {
    let runs = Arc::new(Mutex::new(BTreeMap::new()));
    let (_want, wanted) = watch::channel(Wanted::Work);
    let all = (0..workers).map(|number| {
        let (owner, handed, counted) = (format!("worker {number}"), store.clone(), runs.clone());
        let options = WorkerOptions::new(owner.clone())
            .with_concurrency(3)
            .with_lease(Duration::from_secs(2))
            .with_until(Until::Idle);
        let handler = move |job| {
            let (store, owner, runs) = (handed.clone(), owner.clone(), counted.clone());
            async move { complete(store.as_ref(), &owner, job, &runs).await }
        };
        let worker = Worker::new(store.clone(), queue.clone(), Arc::new(WallClock), options, handler);
        let wanted = wanted.clone();
        async move { worker.run(wanted).await.unwrap() }
    });
    futures_util::future::join_all(all).await;
    Arc::try_unwrap(runs).map_or_else(|runs| runs.lock().unwrap().clone(), |runs| runs.into_inner().unwrap())
}

#[tokio::test]
async fn every_job_is_run_once_whether_the_queue_names_it_or_not() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let queue = MemoryQueue::new(Arc::new(WallClock), Duration::from_secs(2));
    let mut expected = BTreeMap::new();
    for number in 0..60 {
        let job = create(store.as_ref(), "x").await;
        expected.insert(job, 1);
        if number % 3 != 0 {
            queue.push(Wake { job, priority: 0, not_before: None }).await.unwrap();
        }
    }
    assert_eq!(work(&store, Arc::new(queue), 4).await, expected);
}

#[tokio::test]
async fn a_queue_that_fails_costs_time_only() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut expected = BTreeMap::new();
    for _ in 0..10 {
        expected.insert(create(store.as_ref(), "x").await, 1);
    }
    assert_eq!(work(&store, Arc::new(Broken), 2).await, expected);
}

#[tokio::test]
async fn a_handler_that_panics_takes_nothing_else_along() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (bad, good) = (create(store.as_ref(), "bad").await, create(store.as_ref(), "good").await);
    let runs = Arc::new(Mutex::new(BTreeMap::new()));
    let (_want, wanted) = watch::channel(Wanted::Work);
    let (handed, counted) = (store.clone(), runs.clone());
    let handler = move |job| {
        let (store, runs) = (handed.clone(), counted.clone());
        async move {
            assert_ne!(job, bad, "as it has to");
            complete(store.as_ref(), "me", job, &runs).await
        }
    };
    let queue = Arc::new(MemoryQueue::new(Arc::new(WallClock), Duration::from_secs(2)));
    let options = WorkerOptions::new("me").with_until(Until::Idle).with_lease(Duration::from_secs(2));
    let worker = Worker::new(store.clone(), queue, Arc::new(WallClock), options, handler);
    worker.run(wanted).await.unwrap();
    assert_eq!(*runs.lock().unwrap(), BTreeMap::from([(good, 1)]));
    assert_eq!(store.job(bad).await.unwrap().status, JobStatus::Queued);
}
