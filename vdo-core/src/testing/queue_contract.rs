//! What every [`Queue`] has to keep, as cases that a backend runs on itself.
//!
//! Needs no runtime: the caller awaits. A case fails by panicking, as a test does. Time passes only in [`Bench::pause`], and what
//! takes time is waited for by looking again, at most a few hundred times.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a case fails as a test does")]

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::id::JobId;
use crate::port::{Acked, Queue, Ticket, Wake};
use crate::time::Timestamp;

/// A queue under test, empty at first, in which pullers that are silent for two seconds count as dead.
#[async_trait]
pub trait Bench: fmt::Debug + Send + Sync {
    /// Returns the queue.
    fn queue(&self) -> Arc<dyn Queue>;

    /// Closes it and opens it again, as another process would.
    async fn reopen(&mut self);

    /// Returns the time as the queue has it.
    fn now(&self) -> Timestamp;

    /// Lets about a tenth of a second pass.
    async fn pause(&self);
}

/// How often a case looks again at most.
const LOOKS: u32 = 600;

/// Checks every case, each on a queue of its own.
///
/// # Panics
/// If the queue does not keep one of them.
pub async fn run<F, S>(fresh: F)
where
    F: Fn() -> S,
    S: Future<Output = Box<dyn Bench>>,
{
    for (name, case) in CASES {
        let bench = fresh().await;
        case(bench, name).await;
    }
}

type Pending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A case: takes the queue and its own name.
type Case = fn(Box<dyn Bench>, &'static str) -> Pending;

/// Every case, with the claim it checks.
const CASES: &[(&str, Case)] = &[
    ("a pushed job is delivered once, to one of several pullers", |bench, name| Box::pin(once(bench, name))),
    ("the highest priority comes first", |bench, name| Box::pin(priorities(bench, name))),
    ("nothing comes before its time", |bench, name| Box::pin(times(bench, name))),
    ("pushing twice wakes once", |bench, name| Box::pin(twice(bench, name))),
    ("what is acked can be pushed again", |bench, name| Box::pin(again(bench, name))),
    ("what a dead puller held goes to another", |bench, name| Box::pin(dead(bench, name))),
    ("a living puller keeps what it holds", |bench, name| Box::pin(alive(bench, name))),
    ("an ack by a zombie changes nothing", |bench, name| Box::pin(zombie(bench, name))),
    ("words and holders survive reopening", |bench, name| Box::pin(reopened(bench, name))),
];

fn job(number: u64) -> JobId {
    JobId::new(number).unwrap()
}

fn wake(number: u64) -> Wake {
    Wake { job: job(number), priority: 0, not_before: None }
}

async fn started(bench: &dyn Bench, pullers: &[&str]) -> Arc<dyn Queue> {
    let queue = bench.queue();
    for puller in pullers {
        queue.beat(puller).await.unwrap();
    }
    queue
}

/// Pulls until something comes.
async fn next(bench: &dyn Bench, puller: &str, name: &str) -> Ticket {
    for _ in 0..LOOKS {
        if let Some(ticket) = bench.queue().pull(puller).await.unwrap() {
            return ticket;
        }
        bench.pause().await;
    }
    panic!("{name}: nothing came")
}

async fn once(bench: Box<dyn Bench>, name: &str) {
    let pullers = ["a", "b", "c"];
    let queue = started(bench.as_ref(), &pullers).await;
    for number in 1..=30 {
        queue.push(wake(number)).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut silent = 0;
    while silent < 3 {
        bench.pause().await;
        silent += 1;
        loop {
            let pulls = pullers.map(|puller| {
                let queue = queue.clone();
                async move { (puller, queue.pull(puller).await.unwrap()) }
            });
            let pulled = futures_util::future::join_all(pulls).await;
            let found: Vec<_> = pulled.into_iter().filter_map(|(puller, ticket)| Some((puller, ticket?))).collect();
            if found.is_empty() {
                break;
            }
            silent = 0;
            for (puller, ticket) in found {
                assert_eq!(queue.ack(puller, &ticket).await.unwrap(), Acked::Done, "{name}");
                seen.push(ticket.job.number());
            }
        }
        if seen.len() < 30 {
            silent = 0;
            for puller in pullers {
                queue.beat(puller).await.unwrap();
            }
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=30).collect::<Vec<u64>>(), "{name}");
}

async fn priorities(bench: Box<dyn Bench>, name: &str) {
    let queue = started(bench.as_ref(), &["a"]).await;
    for (number, priority) in [(1, 0), (2, -128), (3, 127), (4, 5), (5, -1)] {
        queue.push(Wake { priority, ..wake(number) }).await.unwrap();
    }
    // All of them are due before the first is pulled.
    for _ in 0..15 {
        bench.pause().await;
    }
    queue.beat("a").await.unwrap();
    let mut order = Vec::new();
    for _ in 0..5 {
        order.push(next(bench.as_ref(), "a", name).await.job.number());
    }
    assert_eq!(order, [3, 4, 1, 5, 2], "{name}");
}

async fn times(bench: Box<dyn Bench>, name: &str) {
    let queue = started(bench.as_ref(), &["a"]).await;
    let later = |seconds| Some(bench.now().after(Duration::from_secs(seconds)));
    queue.push(Wake { not_before: later(3600), ..wake(1) }).await.unwrap();
    let due = later(2);
    queue.push(Wake { not_before: due, ..wake(2) }).await.unwrap();
    queue.push(Wake { not_before: Some(Timestamp(0)), ..wake(3) }).await.unwrap();
    assert_eq!(next(bench.as_ref(), "a", name).await.job, job(3), "{name}");
    assert_eq!(next(bench.as_ref(), "a", name).await.job, job(2), "{name}");
    assert!(Some(bench.now()) >= due, "{name}: it came too early");
    assert_eq!(queue.pull("a").await.unwrap(), None, "{name}");
}

async fn twice(bench: Box<dyn Bench>, name: &str) {
    let queue = started(bench.as_ref(), &["a"]).await;
    for _ in 0..3 {
        queue.push(wake(1)).await.unwrap();
    }
    let ticket = next(bench.as_ref(), "a", name).await;
    for _ in 0..12 {
        bench.pause().await;
        queue.beat("a").await.unwrap();
        assert_eq!(queue.pull("a").await.unwrap(), None, "{name}");
    }
    assert_eq!(queue.ack("a", &ticket).await.unwrap(), Acked::Done, "{name}");
    assert_ne!(queue.ack("a", &ticket).await.unwrap(), Acked::Done, "{name}: a ticket is handed in once");
}

async fn again(bench: Box<dyn Bench>, name: &str) {
    let queue = started(bench.as_ref(), &["a"]).await;
    for _ in 0..3 {
        queue.push(wake(1)).await.unwrap();
        let ticket = next(bench.as_ref(), "a", name).await;
        assert_eq!(ticket.job, job(1), "{name}");
        assert_eq!(queue.ack("a", &ticket).await.unwrap(), Acked::Done, "{name}");
    }
}

/// Lets `keeper` live until it is handed something.
async fn inherit(bench: &dyn Bench, keeper: &str, name: &str) -> Ticket {
    for _ in 0..LOOKS {
        bench.queue().beat(keeper).await.unwrap();
        if let Some(ticket) = bench.queue().pull(keeper).await.unwrap() {
            return ticket;
        }
        bench.pause().await;
    }
    panic!("{name}: it stays with the dead")
}

async fn dead(bench: Box<dyn Bench>, name: &str) {
    let queue = started(bench.as_ref(), &["dead", "b"]).await;
    queue.push(wake(1)).await.unwrap();
    queue.push(wake(2)).await.unwrap();
    let mut held = BTreeSet::new();
    for _ in 0..2 {
        held.insert(next(bench.as_ref(), "dead", name).await.job);
    }
    let mut inherited = BTreeSet::new();
    for _ in 0..2 {
        inherited.insert(inherit(bench.as_ref(), "b", name).await.job);
    }
    assert_eq!(inherited, held, "{name}");
}

async fn alive(bench: Box<dyn Bench>, name: &str) {
    let queue = started(bench.as_ref(), &["a", "b"]).await;
    queue.push(wake(1)).await.unwrap();
    let ticket = next(bench.as_ref(), "a", name).await;
    for _ in 0..50 {
        bench.pause().await;
        queue.beat("a").await.unwrap();
        queue.beat("b").await.unwrap();
        assert_eq!(queue.pull("b").await.unwrap(), None, "{name}");
    }
    assert_eq!(queue.ack("a", &ticket).await.unwrap(), Acked::Done, "{name}");
}

async fn zombie(bench: Box<dyn Bench>, name: &str) {
    let queue = started(bench.as_ref(), &["zombie", "b"]).await;
    queue.push(wake(1)).await.unwrap();
    let old = next(bench.as_ref(), "zombie", name).await;
    let new = inherit(bench.as_ref(), "b", name).await;
    assert_eq!(new.job, old.job, "{name}");
    assert_eq!(queue.ack("zombie", &old).await.unwrap(), Acked::Lost, "{name}");
    assert_eq!(queue.ack("b", &new).await.unwrap(), Acked::Done, "{name}");
}

async fn reopened(mut bench: Box<dyn Bench>, name: &str) {
    let queue = started(bench.as_ref(), &["a", "b"]).await;
    queue.push(Wake { priority: 1, ..wake(1) }).await.unwrap();
    queue.push(wake(2)).await.unwrap();
    let held = next(bench.as_ref(), "a", name).await;
    drop(queue);
    bench.reopen().await;
    let queue = bench.queue();
    queue.beat("a").await.unwrap();
    queue.beat("b").await.unwrap();
    let other = next(bench.as_ref(), "b", name).await;
    let mut both = [held.job, other.job];
    both.sort_unstable();
    assert_eq!(both, [job(1), job(2)], "{name}");
    assert_eq!(queue.ack("a", &held).await.unwrap(), Acked::Done, "{name}");
    assert_eq!(queue.ack("b", &other).await.unwrap(), Acked::Done, "{name}");
}
