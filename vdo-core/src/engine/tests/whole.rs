//! One whole run, and what every run keeps to.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::world::*;
use crate::engine::{Observer, lock};
use crate::event::{Event, EventKind};
use crate::id::RevisionRef;
use crate::job::JobStatus;
use crate::money::NanoUsd;
use crate::port::{CallState, Journal, Outcome, StepState};
use crate::usage::Usage;
use std::sync::Arc;

/// Says an event in a few words.
fn line(event: &EventKind) -> String {
    match event {
        EventKind::Created { title } => format!("created {title}"),
        EventKind::Status { status, reason } => format!("status {status} {}", reason.as_deref().unwrap_or("-")),
        EventKind::Started { owner, epoch, replayed } => format!("started by {owner}, epoch {epoch}, {replayed} known"),
        EventKind::Phase { phase } => format!("phase {phase}"),
        EventKind::Loaded { parents, files } => format!("loaded {} with {files} files", parents[0]),
        EventKind::Planned { tasks, .. } => format!("planned {} tasks", tasks.len()),
        EventKind::Refused { step, .. } => format!("refused {step}"),
        EventKind::CallSent { step, number, provider, .. } => format!("sent {step}#{number} to {provider}"),
        EventKind::CallAnswered { step, number, cost, .. } => format!("answered {step}#{number} for {}", cost.unwrap()),
        EventKind::Edited { path, operation, .. } => format!("{operation} {path}"),
        EventKind::TaskDone { task } => format!("done {task}"),
        EventKind::Checked { phase, attempt, passed, .. } => format!("checked {phase} {attempt}: {passed}"),
        EventKind::Critiqued { findings, .. } => format!("critiqued: {} findings", findings.len()),
        EventKind::Attempt { attempt } => format!("attempt {} changed {}", attempt.step, attempt.changed.len()),
        EventKind::Best { failing, .. } => format!("best so far: {failing} fail"),
        EventKind::Found { found } => format!("{} is {}", found.id, found.standing.as_str()),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_run_tells_every_step_in_order_and_counts_every_cent() {
    let world = World::story(Tasks::SideBySide);
    let id = world.job();
    let told: Arc<Mutex<Vec<Event>>> = Arc::default();
    let observer: Observer = {
        let told = told.clone();
        Arc::new(move |event| lock(&told).push(event.clone()))
    };
    let job = finish(world.builder().observer(observer).build().run(id)).unwrap();

    let events = world.events(id);
    assert_eq!(*lock(&told), events[1..], "the observer is told of what is written, numbered as it is");
    let lines: Vec<String> = events.iter().map(|event| line(&event.kind)).collect();
    assert_eq!(
        lines,
        [
            "created Say goodbye",
            "started by embedded, epoch 1, 0 known",
            "loaded #1@1 with 2 files",
            "phase plan",
            "sent plan/-/1/1#1 to author",
            "answered plan/-/1/1#1 for $0.0012",
            "refused plan/-/1/1",
            "sent plan/-/2/1#1 to author",
            "answered plan/-/2/1#1 for $0.0012",
            "planned 2 tasks",
            "phase build",
            "sent build/a/1/1#1 to author",
            "sent build/b/1/1#1 to author",
            "answered build/a/1/1#1 for $0.0012",
            "answered build/b/1/1#1 for $0.0012",
            "modified app.py",
            "done a",
            "attempt build/a/1/1 changed 1",
            "created b.py",
            "done b",
            "attempt build/b/1/1 changed 1",
            "phase test",
            "checked base 1: true",
            "checked test 1: false",
            "best so far: 1 fail",
            "phase repair",
            "sent repair/-/1/1#1 to author",
            "answered repair/-/1/1#1 for $0.0012",
            "modified app.py",
            "attempt repair/-/1/1 changed 1",
            "phase test",
            "checked test 2: true",
            "phase critique",
            "sent critique/-/1/1#1 to critic",
            "answered critique/-/1/1#1 for $0.0012",
            "f1 is open",
            "critiqued: 1 findings",
            "phase repair",
            "sent repair/-/2/1#1 to author",
            "answered repair/-/2/1#1 for $0.0012",
            "modified b.py",
            "attempt repair/-/2/1 changed 1",
            "f1 is mended",
            "phase test",
            "checked test 3: true",
            "phase critique",
            "sent critique/-/2/1#1 to critic",
            "answered critique/-/2/1#1 for $0.0012",
            "critiqued: 0 findings",
            "phase sandbox",
            "checked sandbox 1: true",
            "phase deliver",
            "status completed -",
        ]
    );
    assert!(events.iter().map(|event| event.seq).eq(1..=events.len() as u64));

    assert_eq!((job.status, job.reason.clone(), job.stamps.clone()), (JobStatus::Completed, None, vec![]));
    let usage = Usage { input: 8000, output: 800, ..Usage::default() };
    assert_eq!((job.cost, job.reserved, job.usage), (NanoUsd(8 * 1_200_000), NanoUsd::ZERO, usage));
    let calls = world.calls(id);
    let rows: Vec<_> = calls.iter().map(|row| (row.step.to_string(), row.state, row.cost, row.outcome)).collect();
    let row = |step: &str, outcome| (step.to_owned(), CallState::Answered, Some(NanoUsd(1_200_000)), Some(outcome));
    assert_eq!(
        rows,
        [
            row("plan/-/1/1", Outcome::Refused),
            row("plan/-/2/1", Outcome::Accepted),
            row("build/a/1/1", Outcome::Accepted),
            row("build/b/1/1", Outcome::Accepted),
            row("repair/-/1/1", Outcome::Accepted),
            row("critique/-/1/1", Outcome::Accepted),
            row("repair/-/2/1", Outcome::Accepted),
            row("critique/-/2/1", Outcome::Accepted),
        ]
    );
    assert_eq!(world.text(id, "app.py"), "hello = 1\nbye = 1\n");
    assert_eq!(world.text(id, "b.py"), "b = 2\n");
    assert_eq!(finish(world.store.checks(id)).unwrap().len(), 4, "three tests and the sandbox are evidence");
}

#[test]
fn an_answer_is_in_the_journal_before_anything_comes_of_it() {
    let world = World::story(Tasks::SideBySide);
    let id = world.job();
    world.run(id);
    let mut when: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    for (at, changes) in lock(&world.store.written).iter().enumerate() {
        for step in &changes.steps {
            let known = when.entry(step.key.to_string()).or_default();
            assert_eq!(known.insert(step.state.as_str(), at), None, "{} is written once as {:?}", step.key, step.state);
        }
    }
    let asked: Vec<String> = world.calls(id).iter().map(|row| row.step.to_string()).collect();
    assert_eq!(asked.len(), 8);
    for step in asked {
        let known = &when[&step];
        assert!(known["intent"] < known["answered"] && known["answered"] < known["applied"], "{step}: {known:?}");
    }
    assert!(world.steps(id).iter().all(|step| step.state == StepState::Applied));
}

#[test]
fn tasks_with_nothing_in_common_are_built_at_the_same_time() {
    for (tasks, most) in [(Tasks::SideBySide, 2), (Tasks::InTurn, 1)] {
        let world = World::story(tasks);
        world.run(world.job());
        assert_eq!(world.author.most_in_flight.load(Ordering::Relaxed), most, "{tasks:?}");
    }
}

#[test]
fn a_job_that_is_over_is_not_run_again_and_nothing_is_written() {
    let world = World::story(Tasks::InTurn);
    let id = world.job();
    let first = world.run(id);
    let (asked, commits, events) = (world.author.asked(), world.store.commits(), world.events(id));
    assert_eq!(world.run(id), first);
    assert_eq!((world.author.asked(), world.store.commits(), world.events(id)), (asked, commits, events));
}

#[test]
fn a_job_whose_parent_has_no_result_waits_and_says_for_whom() {
    let world = World::short();
    let parent = world.job();
    let spec = crate::job::JobSpec::new("More", "").with_parent(RevisionRef::head(parent));
    let child = finish(world.engine().create(spec)).unwrap();
    let error = finish(world.engine().run(child)).unwrap_err();
    assert!(
        matches!(error, crate::engine::EngineError::WaitsFor { job, parent: waited, status: JobStatus::Queued } if job == child && waited == parent),
        "{error}"
    );
    assert_eq!((world.store.commits(), world.author.asked()), (0, vec![]));
}
