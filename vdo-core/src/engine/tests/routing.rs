//! Who is asked, when again, and who else.

use std::time::Duration;

use serde_json::json;

use super::world::*;
use crate::engine::{EngineError, lock};
use crate::failure::FailureKind;
use crate::id::Phase;
use crate::job::{JobStatus, Stamp};
use crate::port::{CallState, ProviderError};
use crate::route::{Candidate, Routes};

fn route(text: &str) -> Candidate {
    text.parse().unwrap()
}

fn routes(default: &[&str]) -> Routes {
    Routes { default: default.iter().map(|text| route(text)).collect(), ..Routes::default() }
}

fn limited(wait: Duration) -> Option<ProviderError> {
    Some(ProviderError::RateLimited { retry_after: Some(wait), message: "slow down".to_owned() })
}

/// Waits are never shorter than asked for, and longer by a quarter at most.
fn is_about(wait: Duration, millis: u64) -> bool {
    (Duration::from_millis(millis)..=Duration::from_millis(millis * 5 / 4)).contains(&wait)
}

fn fault() -> Option<ProviderError> {
    Some(ProviderError::Fault { status: 500, message: "oops".to_owned() })
}

#[test]
fn a_provider_that_asks_for_a_wait_is_asked_again_after_it() {
    let world = World::short();
    let id = world.job();
    lock(&world.author.chaos).push_back(limited(Duration::from_millis(1234)));
    assert_eq!(world.run(id).status, JobStatus::Completed);
    let sleeps = lock(&world.clock.sleeps).clone();
    assert!(sleeps.len() == 1 && is_about(sleeps[0], 1234), "{sleeps:?}");
    let calls = world.calls(id);
    let first = calls[0].failure.clone().unwrap();
    assert_eq!(
        (first.kind, first.phase, calls[0].state),
        (FailureKind::RateLimited, Some(Phase::Plan), CallState::Failed)
    );
    assert!(calls[1].started.since(calls[0].started) >= Duration::from_millis(1234));
    assert_eq!(calls[0].request_hash, calls[1].request_hash, "the request is the same");
}

#[test]
fn a_provider_that_refuses_the_key_is_passed_over_at_once() {
    let world = World::short();
    let spare =
        Model::new("spare", &[says("plan", None, 1, plan(json!([{"id": "a", "title": "A", "modify": ["app.py"]}])))]);
    let id = world.job();
    lock(&world.author.chaos).push_back(Some(ProviderError::KeyRefused { message: "no".to_owned() }));
    let engine = world.builder().provider(spare).routes(routes(&["author:w", "spare:s", "critic:r"])).build();
    assert_eq!(finish(engine.run(id)).unwrap().status, JobStatus::Completed);
    assert_eq!(
        world.call_lines(id),
        [
            "plan/-/1/1#1 author:w failed",
            "plan/-/1/1#2 spare:s answered",
            // The key is not tried again so soon while there are others; when they fail, it is.
            "build/a/1/1#1 spare:s failed",
            "build/a/1/1#2 critic:r failed",
            "build/a/1/1#3 author:w answered",
            "critique/-/1/1#1 spare:s failed",
            "critique/-/1/1#2 critic:r answered",
        ]
    );
    assert_eq!(*lock(&world.clock.sleeps), [] as [Duration; 0]);
}

#[test]
fn when_nobody_answers_the_job_fails_and_only_that_step_is_tried_again() {
    let world = World::short();
    let id = world.job();
    lock(&world.author.chaos).extend([None, fault(), fault(), fault()]);
    let job = world.run(id);
    assert_eq!((job.status, job.reason.as_deref()), (JobStatus::Failed, Some("the provider failed (HTTP 500): oops")));
    let sleeps = lock(&world.clock.sleeps).clone();
    assert!(sleeps.len() == 2 && is_about(sleeps[0], 500) && is_about(sleeps[1], 1000), "{sleeps:?}");
    assert_eq!(world.run(id).status, JobStatus::Completed);
    assert_eq!(
        world.call_lines(id),
        [
            "plan/-/1/1#1 author:w answered",
            "build/a/1/1#1 author:w failed",
            "build/a/1/1#2 author:w failed",
            "build/a/1/1#3 author:w failed",
            "build/a/1/1#4 author:w answered",
            "critique/-/1/1#1 critic:r answered",
        ]
    );
}

#[test]
fn what_others_answered_is_kept_when_one_of_two_tasks_finds_nobody() {
    let world = World::story(Tasks::SideBySide);
    let id = world.job();
    lock(&world.author.chaos).extend([None, None, Some(ProviderError::KeyRefused { message: "no".to_owned() })]);
    assert_eq!(world.run(id).status, JobStatus::Failed);
    assert_eq!(world.call_lines(id)[2..], ["build/a/1/1#1 author:w failed", "build/b/1/1#1 author:w answered"]);
    assert_eq!(world.run(id).status, JobStatus::Completed);
    let asked = world.author.asked();
    let count = |tag: &str| asked.iter().filter(|other| *other == tag).count();
    assert_eq!((count("build/a/1/1"), count("build/b/1/1")), (2, 1));
}

#[test]
fn the_review_goes_to_another_provider_else_another_model_else_it_is_stamped() {
    let review = || says("critique", None, 1, r#"{"findings": []}"#);
    for (candidates, reviewer, stamps) in [
        (vec!["author:w", "author:x", "critic:r"], "critic:r", vec![]),
        (vec!["author:w", "author:x"], "author:x", vec![]),
        (vec!["author:w"], "author:w", vec![Stamp::SelfReviewed]),
    ] {
        let mut answers = vec![review()];
        let tasks = plan(json!([{"id": "a", "title": "A", "modify": ["app.py"]}]));
        answers
            .extend([says("plan", None, 1, tasks), says("build", Some("a"), 1, edit("app.py", "bye = 0", "bye = 1"))]);
        let world = World::new(&answers, &[review()]);
        let id = world.job();
        let job = finish(world.builder().routes(routes(&candidates)).build().run(id)).unwrap();
        assert_eq!((job.status, job.stamps), (JobStatus::Completed, stamps), "{candidates:?}");
        assert_eq!(world.call_lines(id).last().unwrap(), &format!("critique/-/1/1#1 {reviewer} answered"));
    }
}

#[test]
fn routes_that_lead_nowhere_are_refused_before_anything_is_written() {
    let world = World::short();
    let id = world.job();
    let run = |routes| finish(world.builder().routes(routes).build().run(id)).unwrap_err();
    assert!(matches!(run(Routes::default()), EngineError::NoRoute(Phase::Plan)));
    match run(routes(&["nobody:x"])) {
        EngineError::UnknownProvider { route, provider } => {
            assert_eq!((route.as_str(), provider.as_str()), ("nobody:x", "nobody"))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((world.store.commits(), finish(world.engine().run(id)).unwrap().status), (0, JobStatus::Completed));
}
