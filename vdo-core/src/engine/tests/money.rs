//! Budgets, prices, and what stays reserved.

use std::sync::atomic::Ordering;

use super::world::*;
use crate::engine::lock;
use crate::job::JobStatus;
use crate::money::NanoUsd;
use crate::port::{CallState, ProviderError};
use crate::run::Limits;
use crate::spend::Prices;

#[test]
fn a_call_that_does_not_fit_into_the_budget_is_not_sent() {
    let world = World::story(Tasks::InTurn);
    let id = world.job_with(|spec| spec.with_budget("0.036".parse().unwrap()));
    let limits = Limits::default().with_max_output(16_000);
    let engine = world.builder().limits(limits).build();
    let job = finish(engine.run(id)).unwrap();
    // Every call reserves more than 0.032 for its output, and costs 0.0012: some fit, then one does not.
    assert_eq!(job.status, JobStatus::BudgetStopped, "{:?}", job.reason);
    let sent = world.author.asked().len() + world.critic.asked().len();
    let cost = NanoUsd(1_200_000 * i64::try_from(sent).unwrap());
    assert!((1..8).contains(&sent), "{sent} calls");
    assert_eq!((job.cost, job.reserved, world.calls(id).len()), (cost, NanoUsd::ZERO, sent));
    assert!(job.reason.as_deref().unwrap().contains("does not fit into the budget of job #2"), "{:?}", job.reason);

    let again = finish(engine.run(id)).unwrap();
    assert_eq!((again.status, again.cost, again.reason), (JobStatus::BudgetStopped, cost, job.reason));
    assert_eq!(world.author.asked().len() + world.critic.asked().len(), sent, "and not when it is run again");
}

#[test]
fn calls_that_do_not_fit_into_the_budget_together_are_made_one_after_the_other() {
    for (budget, at_once) in [("0.06", 1), ("0.08", 2)] {
        let world = World::story(Tasks::SideBySide);
        let id = world.job_with(|spec| spec.with_budget(budget.parse().unwrap()));
        let limits = Limits::default().with_calls(8);
        let job = finish(world.builder().limits(limits).build().run(id)).unwrap();
        assert_eq!((job.status, job.reason, job.reserved), (JobStatus::Completed, None, NanoUsd::ZERO), "{budget}");
        assert_eq!(world.author.most_in_flight.load(Ordering::Relaxed), at_once, "{budget}");
    }
}

#[test]
fn under_a_budget_a_model_without_a_price_is_refused_with_the_reason() {
    let world = World::story(Tasks::InTurn);
    let id = world.job_with(|spec| spec.with_budget("5".parse().unwrap()));
    let job = finish(world.builder().prices(Prices::default()).build().run(id)).unwrap();
    assert_eq!(
        (job.status, job.reason.as_deref()),
        (
            JobStatus::BudgetStopped,
            Some("the job has a budget, but the price of author:w is not known; name it under [prices.\"author:w\"]")
        )
    );
    assert_eq!((world.calls(id), world.author.asked()), (vec![], vec![]));
    assert_eq!(world.run(id).status, JobStatus::Completed, "with the price it goes on");
}

#[test]
fn without_a_budget_an_unknown_price_stays_unknown() {
    let world = World::short();
    let id = world.job();
    let job = finish(world.builder().prices(Prices::default()).build().run(id)).unwrap();
    assert_eq!((job.status, job.cost, job.usage.input), (JobStatus::Completed, NanoUsd::ZERO, 3000));
    assert!(world.calls(id).iter().all(|row| (row.reserved, row.cost) == (None, None)));
}

#[test]
fn a_request_that_had_been_sent_when_the_line_broke_is_possibly_billed_and_stays_reserved() {
    for (sent, state) in [(true, CallState::PossiblyBilled), (false, CallState::Failed)] {
        let world = World::short();
        let id = world.job();
        lock(&world.author.chaos).push_back(Some(ProviderError::Transport { sent, source: "cut".into() }));
        let job = world.run(id);
        assert_eq!(job.status, JobStatus::Completed);
        let calls = world.calls(id);
        assert_eq!((calls[0].state, calls[1].state), (state, CallState::Answered));
        assert_eq!((calls[0].number, calls[1].number), (1, 2));
        assert_eq!(calls[0].cost, None, "what it cost is not known");
        let kept = if sent { calls[0].reserved.unwrap() } else { NanoUsd::ZERO };
        assert_eq!(job.reserved, kept);
    }
}

#[test]
fn tokens_billed_for_an_answer_that_cannot_be_read_are_paid() {
    let world = World::short();
    let id = world.job();
    let usage = crate::usage::Usage { input: 500, output: 50, ..Default::default() };
    let error = ProviderError::BadAnswer { message: "<html>".to_owned(), usage: Some(usage) };
    lock(&world.author.chaos).push_back(Some(error));
    let job = world.run(id);
    assert_eq!(job.status, JobStatus::Failed, "nobody else can be asked");
    assert_eq!((job.cost, job.reserved, job.usage), (NanoUsd(600_000), NanoUsd::ZERO, usage));
}

#[test]
fn a_run_that_made_all_the_calls_it_may_fails_and_goes_on_when_it_is_run_again() {
    let world = World::story(Tasks::InTurn);
    let id = world.job();
    let engine = world.builder().limits(Limits::default().with_calls(3)).build();
    let mut asked = Vec::new();
    let last = loop {
        let job = finish(engine.run(id)).unwrap();
        asked.push(world.author.asked().len() + world.critic.asked().len());
        if job.status != JobStatus::Failed {
            break job;
        }
        assert!(job.reason.as_deref().unwrap().contains("made 3 calls, as many as are allowed"), "{:?}", job.reason);
    };
    assert_eq!((last.status, asked), (JobStatus::Completed, vec![3, 6, 8]));
}
