//! Runs that somebody asks to stop.

use super::world::*;
use crate::engine::{EngineError, lock};
use crate::failure::FailureKind;
use crate::job::JobStatus;
use crate::money::NanoUsd;
use crate::port::{CallState, ProviderError};

#[test]
fn a_request_to_stop_is_seen_at_the_next_write_and_ends_the_run() {
    let world = World::story(Tasks::SideBySide);
    let id = world.job();
    lock(&world.author.stuck).insert("build/b/1/1".to_owned());
    let store = world.store.clone();
    *lock(&world.author.hook) = Some(Box::new(move |tag| {
        if tag == "build/b/1/1" {
            store.cancel(id);
        }
    }));
    let job = world.run(id);
    assert_eq!((job.status, job.reason.as_deref()), (JobStatus::Cancelled, Some("cancelled on request")));
    assert_eq!(
        world.call_lines(id)[2..],
        ["build/a/1/1#1 author:w answered", "build/b/1/1#1 author:w possibly_billed"],
        "what was under way may be billed"
    );
    assert_eq!(Some(job.reserved), world.calls(id)[3].reserved, "and stays reserved");
    assert!(matches!(
        finish(world.engine().run(id)),
        Err(EngineError::NotRunnable { status: JobStatus::Cancelled, .. })
    ));
}

#[test]
fn a_job_that_was_cancelled_while_it_waited_asks_nobody() {
    let world = World::story(Tasks::InTurn);
    let id = world.job();
    world.store.cancel(id);
    let job = world.run(id);
    assert_eq!((job.status, job.reserved, world.calls(id)), (JobStatus::Cancelled, NanoUsd::ZERO, vec![]));
    assert_eq!(world.author.asked(), Vec::<String>::new());
}

#[test]
fn a_call_that_was_announced_but_never_sent_is_not_billed() {
    let world = World::story(Tasks::InTurn);
    let id = world.job();
    let store = world.store.clone();
    // The request arrives while the answer to the first plan is being written; the next call is not announced.
    *lock(&world.author.hook) = Some(Box::new(move |_| store.cancel(id)));
    let job = world.run(id);
    assert_eq!((job.status, job.reserved), (JobStatus::Cancelled, NanoUsd::ZERO));
    assert_eq!(world.call_lines(id), ["plan/-/1/1#1 author:w answered"]);

    // Or at any other moment.
    for polls in 1.. {
        let world = World::story(Tasks::InTurn);
        let id = world.job();
        let engine = world.engine();
        let mut run = Box::pin(engine.run(id));
        if poll_times(run.as_mut(), polls).is_some() {
            break;
        }
        world.store.cancel(id);
        let Ok(job) = finish(run) else { continue };
        let sent = world.author.asked().len() + world.critic.asked().len();
        let rows = world.calls(id);
        let unsent = rows.iter().filter(|row| row.failure.as_ref().is_some_and(|f| f.kind == FailureKind::Cancelled));
        assert_eq!(rows.len() - unsent.count(), sent, "cancelled after {polls} polls");
        let billed = rows.iter().filter(|row| row.state == CallState::PossiblyBilled).count();
        assert_eq!(
            (billed, job.reserved),
            (0, NanoUsd::ZERO),
            "cancelled after {polls} polls: every call was answered"
        );
    }
}

#[test]
fn a_call_that_would_be_made_again_is_not_once_somebody_asked_to_stop() {
    for polls in 1.. {
        let world = World::short();
        let id = world.job();
        let busy = || ProviderError::Overloaded { retry_after: None, message: "busy".to_owned() };
        lock(&world.author.chaos).extend([Some(busy()), Some(busy())]);
        let engine = world.engine();
        let mut run = Box::pin(engine.run(id));
        if poll_times(run.as_mut(), polls).is_some() {
            break;
        }
        world.store.cancel(id);
        let asked = world.author.asked().len() + world.critic.asked().len();
        let job = finish(run).unwrap();
        let later = world.author.asked().len() + world.critic.asked().len();
        assert!(later <= asked + 1, "cancelled after {polls} polls: {asked} calls, then {later}");
        assert_eq!(job.reserved, NanoUsd::ZERO, "cancelled after {polls} polls");
    }
}

#[test]
fn a_heartbeat_sees_the_request_during_a_call_that_never_ends() {
    let world = World::short();
    let id = world.job();
    lock(&world.author.stuck).insert("plan/-/1/1".to_owned());
    let engine = world.engine();
    let mut run = Box::pin(engine.run(id));
    let mut beat = Box::pin(engine.heartbeat());
    assert!(poll_times(run.as_mut(), 50).is_none());
    world.store.cancel(id);
    assert!(poll_times(run.as_mut(), 50).is_none());
    assert!(poll_times(beat.as_mut(), 20).is_none());
    let job = finish(run).unwrap();
    assert_eq!(job.status, JobStatus::Cancelled);
    let calls = world.calls(id);
    assert_eq!(calls.iter().map(|call| call.state).collect::<Vec<_>>(), [CallState::PossiblyBilled]);
}
