//! What all workers share: budgets beyond the job's, how providers are doing, and who is asked.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::world::*;
use crate::budget::{Action, Alert, Budget, Period, Scope};
use crate::engine::{Listener, lock};
use crate::event::EventKind;
use crate::health::{Breaker, Subject};
use crate::id::{JobId, Phase};
use crate::job::{Job, JobStatus};
use crate::message::{Block, CacheMark, Completion};
use crate::money::NanoUsd;
use crate::port::{CallState, Clock, EventLog, ProviderError, Store};
use crate::route::{Rejection, Routes, Strategy};
use crate::time::Timestamp;

fn routes(default: &[&str]) -> Routes {
    Routes { default: default.iter().map(|text| text.parse().unwrap()).collect(), ..Routes::default() }
}

fn set(world: &World, budget: Budget) {
    finish(world.store.accounts().unwrap().set_budget(budget, now(world))).unwrap();
}

fn author_budget(limit: &str) -> Budget {
    Budget::new(Scope::Provider("author".to_owned()), Period::Month, limit.parse().unwrap())
}

fn spare() -> Arc<Model> {
    let one = plan(json!([{"id": "a", "title": "A", "modify": ["app.py"]}]));
    let edited = edit("app.py", "bye = 0", "bye = 1");
    Model::new("spare", &[says("plan", None, 1, one), says("build", Some("a"), 1, edited)])
}

/// Runs the job with a spare beside the author.
fn run_with(world: &World, spare: &Arc<Model>, id: JobId) -> Job {
    let routes = routes(&["author:w", "spare:s", "critic:r"]);
    finish(world.builder().provider(spare.clone()).routes(routes).build().run(id)).unwrap()
}

fn now(world: &World) -> Timestamp {
    world.clock.now()
}

/// A plan of one task, built with tools in three exchanges.
fn handy() -> Vec<Value> {
    let one = plan(json!([{"id": "a", "title": "A", "modify": ["app.py"]}]));
    let calls = [
        json!([{"name": "read", "input": {"path": "app.py"}}]),
        json!([{"name": "edit", "input": {"path": "app.py", "find": "bye = 0", "replace": "bye = 1"}}]),
        json!([{"name": "done", "input": {}}]),
    ];
    let mut answers = vec![says("plan", None, 1, one)];
    answers.extend((1..).zip(calls).map(|(turn, calls)| {
        json!({
            "when": {"phase": "build", "task": "a", "turn": turn},
            "reply": {"tool_calls": calls},
            "usage": {"input": 1000, "output": 100},
            "repeat": true,
        })
    }));
    answers
}

fn with_tools() -> World {
    World::new(&handy(), &[says("critique", None, 1, r#"{"findings": []}"#)])
}

fn fault() -> Option<ProviderError> {
    Some(ProviderError::Fault { status: 500, message: "oops".to_owned() })
}

#[test]
fn a_hard_budget_of_a_provider_stops_the_job_and_more_money_lets_it_go_on() {
    let world = World::short();
    let id = world.job();
    set(&world, author_budget("0.000001"));
    let job = world.run(id);
    assert_eq!(job.status, JobStatus::BudgetStopped, "{:?}", job.reason);
    let reason = job.reason.unwrap();
    assert!(reason.contains("the budget of provider:author has no room"), "{reason}");
    assert_eq!((job.cost, job.reserved, world.author.asked().len()), (NanoUsd::ZERO, NanoUsd::ZERO, 0));
    set(&world, author_budget("5"));
    let job = world.run(id);
    assert_eq!((job.status, job.reserved), (JobStatus::Completed, NanoUsd::ZERO));
    let accounts = finish(world.store.accounts().unwrap().budgets(now(&world))).unwrap();
    let authored = world.calls(id).iter().filter(|row| row.provider == "author").filter_map(|row| row.cost).sum();
    assert_eq!((accounts[0].sums.spent, accounts[0].sums.reserved), (authored, NanoUsd::ZERO));
}

#[test]
fn another_candidate_is_asked_when_a_budget_has_no_room_and_the_reason_is_kept() {
    let world = World::short();
    let id = world.job();
    set(&world, author_budget("0.000001"));
    let spare = spare();
    let total = Budget::new(Scope::Total, Period::Day, "5".parse().unwrap());
    set(&world, total);
    assert_eq!(run_with(&world, &spare, id).status, JobStatus::BudgetStopped, "the spare has no price");
    for (scope, per) in [(Scope::Provider("author".to_owned()), Period::Month), (Scope::Total, Period::Day)] {
        assert!(finish(world.store.accounts().unwrap().drop_budget(scope, per)).unwrap());
    }
    let id = world.job();
    let mut soft = author_budget("0.01");
    (soft.hard, soft.alerts) = (false, vec![Alert { percent: 1, action: Action::Stop }]);
    set(&world, soft);
    // The first call crosses the part at which nothing more goes to the author.
    let job = run_with(&world, &spare, id);
    assert_eq!(job.status, JobStatus::Completed, "{:?}", job.reason);
    let rows = world.calls(id);
    let lines: Vec<String> = rows.iter().map(|row| format!("{} {}", row.step.phase, row.provider)).collect();
    assert_eq!(lines, ["plan author", "build spare", "critique critic"]);
    let rejected = &rows[1].decision.as_ref().unwrap().rejected;
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].why, Rejection::Budget { scope: "provider:author".to_owned() });
    let events = finish(world.store.events(id, 0, 200)).unwrap();
    let crossed = events.iter().filter(|event| matches!(event.kind, EventKind::BudgetCrossed(_))).count();
    assert_eq!(crossed, 1);
}

#[test]
fn a_model_that_failed_too_often_is_left_alone_and_tried_again_once() {
    let world = World::short();
    let spare = spare();
    let first = world.job();
    lock(&world.author.chaos).extend(std::iter::repeat_with(fault).take(5));
    // Three tries of the plan fail, then the spare is asked; the build stays with whoever is well.
    assert_eq!(run_with(&world, &spare, first).status, JobStatus::Completed);
    let health = |world: &World| {
        let all = finish(world.store.accounts().unwrap().health()).unwrap();
        let author = Subject { provider: "author".to_owned(), model: Some("w".to_owned()) };
        all.into_iter().find(|(subject, _)| *subject == author).unwrap().1
    };
    assert_eq!(health(&world).errors.values().sum::<u64>(), 5);
    assert!(matches!(health(&world).breaker, Breaker::Open { .. }), "{:?}", health(&world).breaker);
    let asked = world.author.asked().len();
    let second = world.job();
    assert_eq!(run_with(&world, &self::spare(), second).status, JobStatus::Completed);
    assert_eq!(world.author.asked().len(), asked, "nobody calls it while it is open");
    let rejected = world.calls(second)[0].decision.clone().unwrap().rejected;
    assert!(matches!(rejected[0].why, Rejection::Broken { .. }), "{rejected:?}");

    finish(world.clock.sleep(Duration::from_secs(6)));
    let third = world.job();
    assert_eq!(world.run(third).status, JobStatus::Completed);
    let decisions: Vec<bool> = world.calls(third).iter().map(|row| row.decision.as_ref().unwrap().probe).collect();
    assert_eq!(decisions, [true, false, false], "one call finds out that it works again");
    assert_eq!(health(&world).breaker, Breaker::default());
}

#[test]
fn a_pause_is_waited_for_when_there_is_nobody_else() {
    let world = World::short();
    let id = world.job();
    let limited = ProviderError::RateLimited { retry_after: Some(Duration::from_secs(90)), message: "slow".to_owned() };
    lock(&world.author.chaos).push_back(Some(limited));
    let job = world.run(id);
    // It is longer than a provider is waited for within a step: the step fails, and the next run waits for it.
    assert_eq!(job.status, JobStatus::Failed);
    let before = now(&world);
    assert_eq!(world.run(id).status, JobStatus::Completed);
    let waited: Duration = lock(&world.clock.sleeps).iter().sum();
    assert_eq!(waited, Duration::from_secs(90));
    assert!(now(&world).since(before) >= Duration::from_secs(90));
}

#[test]
fn who_answered_a_conversation_goes_on_with_it_and_reasoning_goes_back_to_him_only() {
    let world = with_tools();
    let id = world.job();
    let spare = Model::new("spare", &handy());
    spare.thinks.store(true, Ordering::Relaxed);
    world.author.thinks.store(true, Ordering::Relaxed);
    // The author answers the plan, and breaks down in the first exchange of the build.
    lock(&world.author.chaos).extend([None, Some(ProviderError::BadRequest { status: 400, message: "no".to_owned() })]);
    let job = run_with(&world, &spare, id);
    assert_eq!(job.status, JobStatus::Completed, "{:?}", job.reason);
    let lines = world.call_lines(id);
    let built: Vec<&String> = lines.iter().filter(|line| line.starts_with("build/")).collect();
    assert_eq!(built[0], "build/a/1/1#1 author:w failed");
    assert!(built.len() > 2 && built[1..].iter().all(|line| line.contains("spare:s answered")), "{built:?}");
    assert!(world.calls(id).iter().any(|row| row.decision.as_ref().unwrap().kept));
    let authors = |request: &Completion| {
        let blocks = request.messages.iter().flat_map(|message| &message.blocks);
        let authors = blocks.filter_map(|block| match block {
            Block::Reasoning(reasoning) => Some(reasoning.author.clone()),
            _ => None,
        });
        authors.collect::<Vec<_>>()
    };
    let sent = lock(&spare.requests).clone();
    assert_eq!(authors(sent.last().unwrap()), vec!["spare:s"; built.len() - 2]);
}

#[test]
fn consecutive_requests_of_a_task_begin_with_the_same_bytes_up_to_the_mark() {
    let world = with_tools();
    let id = world.job();
    world.author.thinks.store(true, Ordering::Relaxed);
    assert_eq!(world.run(id).status, JobStatus::Completed);
    let requests = lock(&world.author.requests).clone();
    let built: Vec<&Completion> = requests.iter().filter(|request| !request.tools.is_empty()).collect();
    assert!(built.len() >= 2);
    for pair in built.windows(2) {
        let [before, after] = pair else { continue };
        let bytes = |request: &Completion, most: usize| {
            let messages = &request.messages[..most];
            serde_json::to_vec(&(&request.system, &request.tools, &request.output, messages)).unwrap()
        };
        let most = before.messages.len();
        assert!(bytes(before, most) == bytes(after, most), "what was sent is sent again unchanged");
        let marks = &before.settings.cache.as_ref().unwrap().marks;
        assert_eq!(marks, &[CacheMark::System, CacheMark::Message(most - 1)]);
        assert_eq!(before.settings.cache.as_ref().unwrap().key, after.settings.cache.as_ref().unwrap().key);
    }
}

#[test]
fn who_is_asked_can_be_changed_while_the_engine_runs_and_for_every_engine_on_the_store() {
    let world = World::short();
    let spare = spare();
    let engine = world.builder().provider(spare.clone()).build();
    let other = world.builder().provider(spare.clone()).build();
    let changed =
        Routes { default: vec!["spare:s".parse().unwrap(), "critic:r".parse().unwrap()], ..Routes::default() };
    finish(engine.set_routes(Some(changed.clone()))).unwrap();
    let id = world.job();
    assert_eq!(finish(other.run(id)).unwrap().status, JobStatus::Completed);
    assert_eq!((world.author.asked().len(), other.routes()), (0, changed));
    finish(engine.set_routes(None)).unwrap();
    assert_eq!(engine.routes(), world.builder().provider(spare).build().routes());
}

#[test]
fn streamed_replies_are_heard_as_they_arrive_and_their_first_words_are_timed() {
    let world = World::short();
    let id = world.job();
    let heard: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
    let told = heard.clone();
    let listener: Listener = Arc::new(move |delta| {
        lock(&told).entry(format!("{}#{}", delta.step, delta.number)).or_default().push_str(delta.text);
    });
    let engine = world.builder().listener(listener).build();
    assert_eq!(finish(engine.run(id)).unwrap().status, JobStatus::Completed);
    let heard = lock(&heard).clone();
    assert_eq!(heard.keys().collect::<Vec<_>>(), ["build/a/1/1#1", "critique/-/1/1#1", "plan/-/1/1#1"]);
    assert_eq!(heard["build/a/1/1#1"], edit("app.py", "bye = 0", "bye = 1"));
    assert!(world.calls(id).iter().all(|row| row.first_ms.is_some()));
}

#[test]
fn a_stream_that_breaks_off_is_asked_for_again_of_the_same_and_of_nobody_else() {
    for (cuts, status) in [(2, JobStatus::Completed), (3, JobStatus::Failed)] {
        let world = World::short();
        let id = world.job();
        world.author.cuts.store(cuts, Ordering::Relaxed);
        let engine =
            world.builder().provider(spare()).routes(routes(&["author:w", "spare:s", "critic:r"])).streaming(true);
        let job = finish(engine.build().run(id)).unwrap();
        assert_eq!(job.status, status, "{:?}", job.reason);
        let rows = world.calls(id);
        let broken =
            rows.iter().take(cuts).filter(|row| row.provider == "author" && row.state == CallState::PossiblyBilled);
        assert_eq!(broken.count(), cuts);
        assert!(rows.iter().filter(|row| row.step.phase == Phase::Plan).all(|row| row.provider == "author"));
        assert!(rows[0].failure.as_ref().unwrap().began);
    }
}

#[test]
fn whoever_began_to_answer_is_asked_again_whatever_the_strategy_draws() {
    let routes = Routes { strategy: Strategy::Weighted, ..routes(&["author:w", "spare:s"]) };
    for before in 0..8 {
        let (world, spare) = (World::short(), spare());
        // Another number draws another lot.
        let id = (0..before).fold(world.job(), |_, _| world.job());
        world.author.cuts.store(1, Ordering::Relaxed);
        spare.cuts.store(1, Ordering::Relaxed);
        let engine = world.builder().provider(spare).routes(routes.clone()).streaming(true).build();
        let _ = finish(engine.run(id)).unwrap();
        let rows = world.calls(id);
        let asked: Vec<&str> =
            rows.iter().filter(|row| row.step.phase == Phase::Plan).map(|row| row.provider.as_str()).collect();
        assert!(asked.len() == 2 && asked[0] == asked[1], "{asked:?}");
    }
}
