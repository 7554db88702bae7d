//! Replies that are streamed: what arrived of them is in the journal before they are whole, and no longer than that.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::stream;

use super::world::*;
use crate::context::tokens;
use crate::engine::{Engine, EngineError, lock};
use crate::id::JobId;
use crate::job::JobStatus;
use crate::message::{Completion, Reply};
use crate::port::changes::PartialWrite;
use crate::port::{
    CallState, Capabilities, Health, Journal as _, PartialReply, Provider, ProviderError, ReplyStream, StoreError,
    StreamEvent, TokenCount,
};
use crate::usage::Usage;

/// What comes of a stream next.
#[derive(Debug, Clone)]
enum Comes {
    Text(String),
    /// Nothing, for one turn of everybody else.
    Pause,
    /// Nothing more, ever.
    Silence,
    /// The end, too early.
    Cut,
}

/// A model whose streams come as they are told; without orders it is the one it stands for.
#[derive(Debug)]
struct Teller {
    model: Arc<Model>,
    orders: Mutex<VecDeque<Vec<Comes>>>,
    /// How many events were taken from its streams.
    taken: Arc<AtomicUsize>,
}

#[async_trait]
impl Provider for Teller {
    fn name(&self) -> &str {
        self.model.name()
    }
    fn capabilities(&self, model: &str) -> Capabilities {
        self.model.capabilities(model)
    }
    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        self.model.complete(request).await
    }
    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        let Some(order) = lock(&self.orders).pop_front() else { return self.model.stream(request).await };
        let taken = Arc::clone(&self.taken);
        let rest = if order.iter().any(|comes| matches!(comes, Comes::Silence | Comes::Cut)) {
            None
        } else {
            Some(self.model.stream(request).await?)
        };
        let told = stream::unfold(VecDeque::from(order), move |mut order| {
            let taken = Arc::clone(&taken);
            async move {
                loop {
                    match order.pop_front()? {
                        Comes::Text(text) => {
                            taken.fetch_add(1, Ordering::Relaxed);
                            return Some((Ok(StreamEvent::Text(text)), order));
                        }
                        Comes::Pause => breathe().await,
                        Comes::Silence => std::future::pending().await,
                        Comes::Cut => {
                            let cut = ProviderError::Transport { sent: true, source: "cut".into() }.after(true, None);
                            return Some((Err(cut), order));
                        }
                    }
                }
            }
        });
        Ok(match rest {
            Some(rest) => Box::pin(futures_util::StreamExt::chain(told, rest)),
            None => Box::pin(told),
        })
    }
    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        self.model.count_tokens(request).await
    }
    async fn probe(&self) -> Result<Health, ProviderError> {
        self.model.probe().await
    }
}

/// The shortest run, whose author's first streams come as ordered.
fn told(orders: &[&[Comes]]) -> (World, Engine, Arc<Teller>) {
    let world = World::short();
    let orders = orders.iter().map(|order| order.to_vec()).collect();
    let teller = Arc::new(Teller { model: world.author.clone(), orders: Mutex::new(orders), taken: Arc::default() });
    let engine = world.builder().provider(teller.clone()).streaming(true).build();
    (world, engine, teller)
}

fn text(sign: &str, bytes: usize) -> Comes {
    Comes::Text(sign.repeat(bytes / sign.len()))
}

fn partials(world: &World, job: JobId) -> Vec<PartialReply> {
    finish(world.store.partials(job)).unwrap()
}

/// The writes of partial texts so far, in order.
fn writes(world: &World) -> Vec<PartialWrite> {
    lock(&world.store.written).iter().flat_map(|changes| changes.partials.clone()).collect()
}

fn plan_key() -> crate::id::StepKey {
    crate::id::StepKey::first(crate::id::Phase::Plan)
}

#[test]
fn a_stream_that_is_dropped_in_the_middle_leaves_its_text_and_an_estimate_and_is_asked_for_again() {
    let (world, engine, _) = told(&[&[text("word ", 5000), Comes::Pause, text("more ", 100), Comes::Silence]]);
    let id = world.job();
    assert!(poll_times(engine.run(id), 300).is_none(), "the stream is silent, and the run is dropped");
    let whole = "word ".repeat(1000) + &"more ".repeat(20);
    let expected = PartialReply { step: plan_key(), number: 1, text: whole.clone() };
    assert_eq!(partials(&world, id), std::slice::from_ref(&expected), "what was silent for a while is kept, too");
    assert_eq!(world.call_lines(id), ["plan/-/1/1#1 author:w sent"]);

    let job = finish(engine.run(id)).unwrap();
    assert_eq!(job.status, JobStatus::Completed);
    let calls = world.calls(id);
    let usage = Usage { output: tokens::estimate(&whole), estimated: true, ..Usage::default() };
    assert_eq!((calls[0].state, calls[0].usage, calls[0].cost), (CallState::PossiblyBilled, Some(usage), None));
    assert_eq!(job.reserved, calls[0].reserved.unwrap(), "it stays reserved");
    assert_eq!(partials(&world, id), [expected], "what was answered afterwards keeps nothing");
}

#[test]
fn a_reply_that_comes_to_its_end_leaves_nothing_and_one_that_breaks_off_leaves_all_of_it() {
    let (world, engine, _) = told(&[
        &[text("a", 5000), Comes::Pause, Comes::Pause, Comes::Pause, Comes::Pause, text("b", 10), Comes::Cut],
        &[text("c", 5000), Comes::Pause, Comes::Pause, Comes::Pause, Comes::Pause],
    ]);
    let id = world.job();
    assert_eq!(finish(engine.run(id)).unwrap().status, JobStatus::Completed);
    let kept = PartialReply { step: plan_key(), number: 1, text: "a".repeat(5000) + &"b".repeat(10) };
    assert_eq!(partials(&world, id), std::slice::from_ref(&kept));
    let calls = world.calls(id);
    assert_eq!(calls[0].usage.map(|usage| (usage.output, usage.estimated)), Some((tokens::estimate(&kept.text), true)));
    let piece = |number, text: Option<String>| PartialWrite { step: plan_key(), number, text };
    let expected = [
        piece(1, Some("a".repeat(5000))),
        piece(1, Some("b".repeat(10))),
        piece(2, Some("c".repeat(5000))),
        piece(2, None),
    ];
    assert_eq!(writes(&world), expected, "short replies are never written in part");
}

#[test]
fn many_small_pieces_are_few_writes_and_all_of_it_is_there_in_the_end() {
    let mut order = Vec::new();
    for _ in 0..20 {
        order.extend((0..1000).map(|_| text("token ", 6)));
        // Long enough for a write to end.
        order.extend([Comes::Pause, Comes::Pause, Comes::Pause, Comes::Pause]);
    }
    order.push(Comes::Silence);
    let (world, engine, _) = told(&[&order]);
    let id = world.job();
    assert!(poll_times(engine.run(id), 1000).is_none());
    let sizes: Vec<usize> = writes(&world).iter().map(|write| write.text.as_ref().unwrap().len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 120_000, "{sizes:?}");
    assert!(sizes.len() <= 2 * 20, "20,000 pieces in {} writes: {sizes:?}", sizes.len());
    assert_eq!(partials(&world, id)[0].text, "token ".repeat(20_000));
}

#[test]
fn a_stream_does_not_wait_for_a_write() {
    let order: Vec<Comes> = (0..10).map(|_| text("x", 5000)).chain([Comes::Silence]).collect();
    let (world, engine, teller) = told(&[&order]);
    let id = world.job();
    *lock(&world.store.stuck_partials) = true;
    assert!(poll_times(engine.run(id), 300).is_none());
    assert_eq!(teller.taken.load(Ordering::Relaxed), 10, "everything was heard");
    assert_eq!((writes(&world).len(), partials(&world, id)), (0, vec![]), "and the first write never came to its end");
    assert_eq!(world.store.partial_tries.load(Ordering::Relaxed), 1, "nor was a second one begun");
}

#[test]
fn a_runner_that_lost_its_lease_stops_hearing() {
    let (world, engine, teller) =
        told(&[&[text("x", 5000), Comes::Pause, Comes::Pause, Comes::Pause, Comes::Pause, Comes::Silence]]);
    let id = world.job();
    let mut run = Box::pin(engine.run(id));
    while teller.taken.load(Ordering::Relaxed) == 0 {
        if world.calls(id).iter().any(|row| row.state == CallState::Sent) {
            world.store.usurp(id, 1);
        }
        assert!(poll_times(run.as_mut(), 1).is_none());
    }
    let error = finish(run).unwrap_err();
    assert!(matches!(error, EngineError::Store(StoreError::Fenced { epoch: 1, .. })), "{error}");
    assert_eq!(partials(&world, id), []);
}

#[test]
fn a_write_that_fails_does_not_end_a_call_that_is_paid_for() {
    let (world, engine, _) =
        told(&[&[text("x", 5000), Comes::Pause, Comes::Pause, Comes::Pause, Comes::Pause, text("y", 5000)]]);
    let id = world.job();
    *lock(&world.store.broken_partials) = true;
    assert_eq!(finish(engine.run(id)).unwrap().status, JobStatus::Completed);
    assert_eq!(partials(&world, id), []);
    assert!(world.calls(id).iter().all(|row| row.state == CallState::Answered));
}
