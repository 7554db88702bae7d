//! Repairs that are given to somebody else, that cost too much or that nobody makes; reports taken from the store; reviewers.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::world::*;
use crate::check::Tier;
use crate::engine::lock;
use crate::event::EventKind;
use crate::id::{JobId, Phase, RevisionRef};
use crate::job::{JobSpec, JobStatus, Stamp};
use crate::money::NanoUsd;
use crate::port::{CallState, Jobs, Journal};
use crate::route::{Candidate, Routes};
use crate::run::Limits;

fn route(text: &str) -> Candidate {
    text.parse().unwrap()
}

fn clean() -> Value {
    says("critique", None, 1, r#"{"findings": []}"#)
}

/// An author whose work has a bug, with these repairs.
fn buggy(repairs: &[Value]) -> Vec<Value> {
    let tasks = plan(json!([{"id": "a", "title": "A", "modify": ["app.py"]}]));
    let mut answers =
        vec![says("plan", None, 1, tasks), says("build", Some("a"), 1, edit("app.py", "bye = 0", "bye = BUG"))];
    answers.extend_from_slice(repairs);
    answers
}

fn repair(attempt: u32, to: &str) -> Value {
    says("repair", None, attempt, edit("app.py", "bye = BUG", to))
}

#[test]
fn repairs_that_get_nowhere_go_to_the_next_candidate_once_and_it_is_recorded() {
    let world = World::new(&buggy(&[repair(1, "bye = BUG # again")]), &[clean()]);
    let second = Model::new("second", &[repair(2, "bye = 1")]);
    let mut routes = Routes::all(route("author:w"));
    routes.phases.insert(Phase::Repair, vec![route("author:w"), route("second:s")]);
    routes.phases.insert(Phase::Critique, vec![route("critic:r")]);
    let id = world.job();
    let engine = world.builder().provider(second).routes(routes).build();
    let job = finish(engine.run(id)).unwrap();
    assert_eq!((job.status, world.text(id, "app.py").as_str()), (JobStatus::Completed, "hello = 1\nbye = 1\n"));
    assert_eq!(
        world.call_lines(id)[2..],
        ["repair/-/1/1#1 author:w answered", "repair/-/2/1#1 second:s answered", "critique/-/1/1#1 critic:r answered"]
    );
    let escalated: Vec<(String, String)> = world
        .events(id)
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Escalated { from, to, .. } => Some((from, to)),
            _ => None,
        })
        .collect();
    assert_eq!(escalated, [("author:w".to_owned(), "second:s".to_owned())]);
    let attempts = finish(engine.attempts(id)).unwrap();
    let told: Vec<(String, Vec<String>)> =
        attempts.into_iter().map(|view| (view.attempt.step.to_string(), view.models)).collect();
    assert_eq!(
        told,
        [("build/a/1/1", "author:w"), ("repair/-/1/1", "author:w"), ("repair/-/2/1", "second:s")]
            .map(|(step, model)| (step.to_owned(), vec![model.to_owned()]))
    );
}

#[test]
fn of_three_providers_the_one_that_wrote_nothing_reviews() {
    let world = World::new(&buggy(&[]), &[clean()]);
    let second = Model::new("second", &[repair(1, "bye = 1")]);
    let default = ["author:w", "second:s", "critic:r"].map(route).to_vec();
    let routes = Routes { phases: [(Phase::Repair, vec![route("second:s")])].into(), default, ..Routes::default() };
    let id = world.job();
    let job = finish(world.builder().provider(second).routes(routes).build().run(id)).unwrap();
    assert_eq!((job.status, job.stamps), (JobStatus::Completed, vec![]));
    assert_eq!(world.call_lines(id).last().unwrap(), "critique/-/1/1#1 critic:r answered");
    assert_eq!(world.call_lines(id)[2], "repair/-/1/1#1 second:s answered");
}

#[test]
fn repairs_end_at_their_cost_with_a_limit_and_go_on_once_more_is_allowed() {
    let mended = says("repair", None, 2, edit("app.py", "bye = BUG + 1", "bye = 1"));
    let world = World::new(&buggy(&[repair(1, "bye = BUG + 1"), mended]), &[clean()]);
    let id = world.job();
    // The second repair is due because the first leads to another failure.
    lock(&world.checks.noise).push("other.py".to_owned());
    let limits = Limits::default().with_repair_cost("0.001".parse().unwrap());
    let job = finish(world.builder().limits(limits).build().run(id)).unwrap();
    assert_eq!(job.status, JobStatus::Failed);
    let reason = job.reason.unwrap();
    assert!(reason.starts_with("the repairs of job #2 cost $0.0012; $0.001 are allowed"), "{reason}");
    assert_eq!(world.run(id).status, JobStatus::Completed);
    let repairs = world.calls(id).into_iter().filter(|row| row.step.phase == Phase::Repair);
    assert_eq!(repairs.map(|row| row.cost.unwrap()).collect::<Vec<_>>(), [NanoUsd(1_200_000); 2]);
}

#[test]
fn a_job_on_files_that_were_red_waits_for_a_person_if_nobody_repairs_them() {
    let world = World::short();
    let parent = world.import(&[("app.py", "hello = 1\nbye = 0\n"), ("old.py", "BUG\n")]);
    let spec = JobSpec::new("Mend old.py", "").with_parent(RevisionRef::head(parent)).with_check("pytest");
    let id = finish(world.engine().create(spec)).unwrap();
    let job = world.run(id);
    assert_eq!((job.status, job.stamps), (JobStatus::NeedsDecision, vec![Stamp::Unverified]));
    let reason = job.reason.unwrap();
    assert!(reason.starts_with("1 check fails that failed before this job already: old.py."), "{reason}");
    let repairs: Vec<CallState> =
        world.calls(id).into_iter().filter(|row| row.step.phase == Phase::Repair).map(|row| row.state).collect();
    assert_eq!(repairs, [CallState::Failed], "it was tried");
    assert_eq!(finish(world.engine().approve(id)).unwrap().status, JobStatus::Completed);
}

#[test]
fn a_report_on_the_same_tree_in_the_same_tier_is_taken_from_an_ancestor() {
    let story = |from: &str, to: &str| {
        let tasks = plan(json!([{"id": "a", "title": "A", "modify": ["app.py"]}]));
        [says("plan", None, 1, tasks), says("build", Some("a"), 1, edit("app.py", from, to))]
    };
    let world = World::new(&story("bye = 0", "bye = 1"), &[clean()]);
    let first = world.job();
    world.run(first);
    let child = |tier: Tier| -> (Option<JobId>, usize) {
        let world = World { author: Model::new("author", &story("bye = 1", "bye = 2")), ..world.clone() };
        *lock(&world.checks.tier) = tier;
        let spec = JobSpec::new("More", "").with_parent(RevisionRef::head(first)).with_check("make check");
        let id = finish(world.engine().create(spec)).unwrap();
        let before = world.checks.runs.load(Ordering::Relaxed);
        assert_eq!(world.run(id).status, JobStatus::Completed);
        let from = world.events(id).into_iter().find_map(|event| match event.kind {
            EventKind::Checked { phase: Phase::Base, from, .. } => Some(from),
            _ => None,
        });
        assert_eq!(finish(world.store.checks(id)).unwrap().len(), 2);
        (from.unwrap(), world.checks.runs.load(Ordering::Relaxed) - before)
    };
    assert_eq!(child(Tier::T2), (Some(first), 2));
    assert_eq!(child(Tier::T1), (None, 3), "a report in another tier says nothing");
    assert_eq!(finish(world.store.job(first)).unwrap().status, JobStatus::Completed);
}
