//! Runs that are dropped, that fail at the store, or that are taken over: nothing that was paid for is paid for twice.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::world::*;
use crate::content::BlobHash;
use crate::engine::{EngineError, lock};
use crate::event::EventKind;
use crate::id::JobId;
use crate::job::{Job, JobStatus};
use crate::port::{CallState, ClaimRequest, ProviderError, Store, StoreError};
use crate::time::Timestamp;

/// What has to come out the same, whatever happened on the way.
#[derive(Debug, PartialEq)]
struct Result {
    status: JobStatus,
    tree: BlobHash,
    cost: crate::money::NanoUsd,
    events: Vec<String>,
    checks: usize,
}

fn result(world: &World, job: &Job) -> Result {
    let events = world.events(job.id);
    assert!(events.iter().map(|event| event.seq).eq(1..=events.len() as u64), "events are numbered without gaps");
    let lasting = events.iter().filter_map(|event| match &event.kind {
        EventKind::Started { .. } | EventKind::CallSent { .. } | EventKind::CallFailed { .. } => None,
        EventKind::CallAnswered { step, cost, .. } => Some(format!("answered {step} {cost:?}")),
        other => Some(format!("{other:?}")),
    });
    Result {
        status: job.status,
        tree: job.head.as_ref().unwrap().root_hash,
        cost: job.cost,
        events: lasting.collect(),
        checks: finish(crate::port::Journal::checks(&*world.store, job.id)).unwrap().len(),
    }
}

/// How often each request was answered, as the models saw it.
fn answers(world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for tag in world.author.answered().into_iter().chain(world.critic.answered()) {
        *counts.entry(tag).or_default() += 1;
    }
    counts
}

/// The steps that the journal has an answer for, as tags.
fn completed(world: &World, job: JobId) -> Vec<String> {
    let steps = world.steps(job);
    steps.iter().filter(|step| step.answer.is_some()).map(|step| step.key.to_string()).collect()
}

fn possibly_billed(world: &World, job: JobId) -> usize {
    world.calls(job).iter().filter(|row| row.state == CallState::PossiblyBilled).count()
}

fn undisturbed(tasks: Tasks) -> Result {
    let world = World::story(tasks);
    let job = world.run(world.job());
    result(&world, &job)
}

/// Runs to the end and compares with a run that nothing happened to.
fn goes_on(world: &World, id: JobId, crashes: usize, tasks: Tasks, what: &str) {
    let (done, before) = (completed(world, id), answers(world));
    let job = world.run(id);
    assert_eq!(result(world, &job), undisturbed(tasks), "{what}");
    let after = answers(world);
    for step in done {
        assert_eq!(after.get(&step), before.get(&step), "{what}: {step} was complete and is not asked again");
    }
    let at_once = if tasks == Tasks::SideBySide { 2 } else { 1 };
    let billed = possibly_billed(world, id);
    assert!(billed <= crashes * at_once, "{what}: {billed} calls are possibly billed after {crashes} crashes");
    let twice: usize = after.values().map(|count| count - 1).sum();
    assert!(twice <= billed, "{what}: whatever was answered twice is recorded as possibly billed");
    let kept = world.calls(id).into_iter().filter(|row| row.state == CallState::PossiblyBilled);
    assert_eq!(job.reserved, kept.map(|row| row.reserved.unwrap()).sum(), "{what}: it stays reserved");
}

#[test]
fn a_run_dropped_at_any_place_where_it_waits_goes_on_from_there() {
    for tasks in [Tasks::InTurn, Tasks::SideBySide, Tasks::WithTools] {
        let mut polls = 1;
        loop {
            let world = World::story(tasks);
            let id = world.job();
            if poll_times(world.engine().run(id), polls).is_some() {
                break;
            }
            goes_on(&world, id, 1, tasks, &format!("{tasks:?}, dropped after {polls} polls"));
            polls += 1;
        }
        assert!(polls > 60, "the run waits in {polls} places only");
    }
}

#[test]
fn a_run_whose_store_fails_at_any_commit_goes_on_from_there() {
    for fault in [Fault::FailBefore, Fault::FailAfter] {
        let mut at = 0;
        loop {
            let world = World::story(Tasks::InTurn);
            let id = world.job();
            *lock(&world.store.fault) = Some((at, fault));
            match finish(world.engine().run(id)) {
                Ok(_) => break,
                Err(EngineError::Store(StoreError::Backend { .. })) => {}
                Err(other) => panic!("{other:?}"),
            }
            goes_on(&world, id, 1, Tasks::InTurn, &format!("{fault:?} at commit {at}"));
            at += 1;
        }
        assert!(at > 15, "the run commits {at} times only");
    }
}

#[test]
fn a_run_that_lost_its_lease_stops_and_pays_nothing_more() {
    let world = World::story(Tasks::InTurn);
    let id = world.job();
    let store = world.store.clone();
    *lock(&world.author.hook) = Some(Box::new(move |tag| {
        if tag == "build/a/1/1" {
            store.usurp(id, 1);
        }
    }));
    let error = finish(world.engine().run(id)).unwrap_err();
    assert!(matches!(error, EngineError::Store(StoreError::Fenced { job, epoch: 1 }) if job == id), "{error}");
    assert_eq!(world.author.asked(), ["plan/-/1/1", "plan/-/2/1", "build/a/1/1"]);
    assert_eq!(world.call_lines(id).last().unwrap(), "build/a/1/1#1 author:w sent", "nothing was written after it");
}

#[test]
fn a_second_runner_is_told_who_runs_the_job_and_takes_over_only_from_the_dead() {
    let world = World::story(Tasks::InTurn);
    let id = world.job();
    assert!(poll_times(world.builder().owner("first").build().run(id), 20).is_none());
    let second = world.builder().owner("second").build();
    match finish(second.run(id)).unwrap_err() {
        EngineError::Store(StoreError::Busy { job, owner, epoch, .. }) => {
            assert_eq!((job, owner.as_str(), epoch), (id, "first", 1))
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(finish(second.run_after(id, Some(7))), Err(EngineError::Store(StoreError::Busy { .. }))));
    assert_eq!(finish(second.run_after(id, Some(1))).unwrap().status, JobStatus::Completed);
}

#[test]
fn a_run_that_is_given_back_can_be_taken_up_at_once() {
    let world = World::story(Tasks::InTurn);
    let id = world.job();
    let first = world.builder().owner("first").build();
    assert!(poll_times(first.run(id), 20).is_none());
    finish(first.release(id)).unwrap();
    assert_eq!(finish(world.builder().owner("second").build().run(id)).unwrap().status, JobStatus::Completed);
}

#[test]
fn a_heartbeat_keeps_the_lease_of_a_call_that_takes_longer_than_it_lasts() {
    for has_heart in [true, false] {
        let world = World::short();
        let id = world.job();
        lock(&world.author.stuck).insert("plan/-/1/1".to_owned());
        let engine = world.builder().owner("first").lease_ttl(Duration::from_secs(60)).build();
        let mut run = Box::pin(engine.run(id));
        let mut beat = Box::pin(engine.heartbeat());
        // Half an hour goes by while the model thinks.
        for _ in 0..900 {
            assert!(poll_times(run.as_mut(), 1).is_none());
            if has_heart {
                assert!(poll_times(beat.as_mut(), 3).is_none());
            } else {
                finish(crate::port::Clock::sleep(&*world.clock, Duration::from_secs(20)));
            }
        }
        let now = crate::port::Clock::now(&*world.clock);
        assert!(now > Timestamp(600_000), "{now:?}");
        let rival = ClaimRequest {
            job: id,
            owner: "rival".to_owned(),
            now,
            ttl: Duration::from_secs(60),
            presumed_dead: None,
            per_project: None,
        };
        let claimed = finish(world.store.claim(rival));
        assert_eq!(matches!(claimed, Err(StoreError::Busy { .. })), has_heart, "{claimed:?}");
    }
}

fn failure(kind: u8) -> Option<ProviderError> {
    let message = "scripted".to_owned();
    match kind {
        0 => Some(ProviderError::RateLimited { retry_after: None, message }),
        1 => Some(ProviderError::Fault { status: 500, message }),
        2 => Some(ProviderError::Transport { sent: true, source: message.into() }),
        3 => Some(ProviderError::Transport { sent: false, source: message.into() }),
        4 => Some(ProviderError::KeyRefused { message }),
        5 => Some(ProviderError::BadAnswer { message, usage: None }),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_mix_of_failures_and_crashes_repeats_a_completed_call(
        tasks in proptest::sample::select(vec![Tasks::InTurn, Tasks::SideBySide, Tasks::WithTools]),
        failures in proptest::collection::vec(0u8..12, 0..30),
        drops in proptest::collection::vec(1usize..80, 0..6),
    ) {
        let world = World::story(tasks);
        let id = world.job();
        lock(&world.author.chaos).extend(failures.into_iter().map(failure));
        let mut status = JobStatus::Queued;
        let mut rounds = drops.into_iter().map(Some).chain(std::iter::repeat(None)).take(60);
        let mut done: BTreeMap<String, usize> = BTreeMap::new();
        while status != JobStatus::Completed {
            let round = rounds.next().expect("the job is never completed");
            let job = match round {
                Some(polls) => poll_times(world.engine().run(id), polls),
                None => Some(finish(world.engine().run(id))),
            };
            status = job.map_or(JobStatus::Running, |job| job.unwrap().status);
            let now = answers(&world);
            for (step, count) in &done {
                prop_assert_eq!(now.get(step), Some(count), "{} was complete and is not asked again", step);
            }
            done = completed(&world, id).into_iter().filter_map(|step| now.get(&step).map(|count| (step, *count))).collect();
        }
        let job = world.run(id);
        let (mut found, mut wanted) = (result(&world, &job), undisturbed(tasks));
        // A step that failed for good ended its run, and that was told; the rest has to be the same.
        found.events.retain(|event| !event.starts_with("Status { status: Failed"));
        if tasks == Tasks::SideBySide {
            // Which of two tasks is answered first is up to the failures.
            found.events.sort();
            wanted.events.sort();
        }
        prop_assert_eq!(found, wanted);
    }
}
