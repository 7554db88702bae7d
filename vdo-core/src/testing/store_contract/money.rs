//! Money: budgets, reservations, settling, sums.

use super::Fresh;
use super::fixtures::*;
use crate::content::BlobHash;
use crate::job::JobSpec;
use crate::money::NanoUsd;
use crate::port::changes::{CallOutcome, StepWrite};
use crate::port::{CallState, Outcome, SpendRow, StepState, StoreError};
use crate::time::Timestamp;
use crate::usage::Usage;

pub(super) async fn a_budget_covers_every_reservation_or_none_of_the_write(fresh: Fresh) {
    let store = fresh.store().await;
    let id = create(&store, JobSpec::new("x", "").with_budget(NanoUsd(100))).await;
    let lease = claimed(&store, id).await;
    let mut fits = leased(&lease);
    fits.calls = vec![sent(1, 1, Some(30)), sent(2, 1, Some(30)), sent(3, 1, None)];
    store.commit(fits).await.unwrap();
    let before = store.job(id).await.unwrap();
    assert_eq!((before.reserved, before.cost), (NanoUsd(60), NanoUsd::ZERO));

    let mut large = leased(&lease).with_event(note("large"));
    large.calls = vec![sent(4, 1, Some(20)), sent(5, 1, Some(21))];
    large.blobs = blobs(&["large"]);
    assert_refused!(
        store.commit(large).await,
        StoreError::Budget { job, limit: NanoUsd(100), committed: NanoUsd(60), asked: NanoUsd(41) } if job == id
    );
    assert_eq!(store.job(id).await.unwrap(), before);
    assert_eq!(store.calls(id).await.unwrap().len(), 3);
    assert_eq!(store.events(id, 0, 9).await.unwrap(), []);
    assert_refused!(store.blobs(&[BlobHash::of(b"large")]).await, StoreError::NotFound(_));

    let mut exact = leased(&lease);
    exact.calls = vec![sent(4, 1, Some(40))];
    store.commit(exact).await.unwrap();
    // What is settled and freed in the same write makes room; what costs more than it reserved is not refused.
    let mut dear = leased(&lease);
    dear.calls = vec![ended(&sent(4, 1, Some(40)), CallState::Answered, Some(500))];
    store.commit(dear).await.unwrap();
    assert_eq!(store.job(id).await.unwrap().cost, NanoUsd(500));
    let mut none = leased(&lease);
    none.calls = vec![sent(9, 1, Some(1))];
    assert_refused!(store.commit(none).await, StoreError::Budget { committed: NanoUsd(560), .. });

    let free = job(&store, "no budget").await;
    let lease = claimed(&store, free).await;
    let mut any = leased(&lease);
    any.calls = vec![sent(1, 1, Some(1_000_000_000_000))];
    store.commit(any).await.unwrap();
}

pub(super) async fn of_two_that_race_for_one_budget_one_is_refused(fresh: Fresh) {
    let store = fresh.store().await;
    let id = create(&store, JobSpec::new("x", "").with_budget(NanoUsd(100))).await;
    let lease = claimed(&store, id).await;
    let racer = |number: u32| {
        let mut changes = leased(&lease).with_event(note("racer"));
        changes.calls = vec![sent(number, 1, Some(60))];
        changes.blobs = blobs(&[&format!("racer {number}")]);
        changes.steps =
            vec![StepWrite { key: key(number), state: StepState::Intent, request_hash: None, answer: None }];
        store.commit(changes)
    };
    let results = futures_util::future::join_all([racer(1), racer(2)]).await;
    let winner = match &results[..] {
        [Ok(_), Err(StoreError::Budget { .. })] => 1,
        [Err(StoreError::Budget { .. }), Ok(_)] => 2,
        other => panic!("exactly one fits: {other:?}"),
    };
    let loser = 3 - winner;
    assert_eq!(store.job(id).await.unwrap().reserved, NanoUsd(60));
    assert_eq!(store.calls(id).await.unwrap(), [sent(winner, 1, Some(60)).row]);
    assert_eq!(store.steps(id).await.unwrap().iter().map(|step| step.key.clone()).collect::<Vec<_>>(), [key(winner)]);
    assert_eq!(store.events(id, 0, 9).await.unwrap().len(), 1);
    store.blobs(&[BlobHash::of(format!("racer {winner}").as_bytes())]).await.unwrap();
    let lost = BlobHash::of(format!("racer {loser}").as_bytes());
    assert_refused!(store.blobs(&[lost]).await, StoreError::NotFound(_));
}

pub(super) async fn a_settled_call_frees_its_reservation_and_counts(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    let lease = claimed(&store, id).await;
    let calls = [sent(1, 1, Some(50)), sent(2, 1, Some(70)), sent(3, 1, None)];
    let mut changes = leased(&lease);
    changes.calls = calls.to_vec();
    store.commit(changes).await.unwrap();
    let mut failed = ended(&calls[1], CallState::Failed, Some(7));
    failed.row.failure = Some(failure());
    failed.row.usage = None;
    let mut answered = ended(&calls[0], CallState::Answered, Some(42));
    answered.row.outcome = Some(Outcome::Repaired);
    let unpriced = ended(&calls[2], CallState::Answered, None);
    let rows = vec![answered.row.clone(), failed.row.clone(), unpriced.row.clone()];
    let mut changes = leased(&lease);
    changes.calls = vec![failed, unpriced, answered];
    store.commit(changes).await.unwrap();
    let job = store.job(id).await.unwrap();
    assert_eq!((job.reserved, job.cost, job.usage), (NanoUsd::ZERO, NanoUsd(49), usage().plus(&usage())));
    assert_eq!(store.calls(id).await.unwrap(), rows, "in the order they were sent");
}

pub(super) async fn what_may_have_been_billed_stays_reserved(fresh: Fresh) {
    let store = fresh.store().await;
    let id = create(&store, JobSpec::new("x", "").with_budget(NanoUsd(100))).await;
    let lease = claimed(&store, id).await;
    let mut changes = leased(&lease);
    changes.calls = vec![sent(1, 1, Some(80))];
    store.commit(changes).await.unwrap();
    let mut lost = sent(1, 1, Some(80));
    lost.row.state = CallState::PossiblyBilled;
    let mut changes = leased(&lease);
    changes.calls = vec![lost, sent(1, 2, Some(20))];
    store.commit(changes).await.unwrap();
    let job = store.job(id).await.unwrap();
    assert_eq!((job.reserved, job.cost), (NanoUsd(100), NanoUsd::ZERO));
    let states: Vec<_> = store.calls(id).await.unwrap().iter().map(|call| (call.number, call.state)).collect();
    assert_eq!(states, [(1, CallState::PossiblyBilled), (2, CallState::Sent)]);
    let spent = store.spend(Timestamp(0)).await.unwrap();
    assert_eq!((spent[0].calls, spent[0].reserved), (2, NanoUsd(100)));
}

pub(super) async fn amounts_that_cannot_be_are_refused(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    let lease = claimed(&store, id).await;
    let freeing = |released| {
        let mut call = ended(&sent(1, 1, Some(5)), CallState::Answered, Some(1));
        call.released = NanoUsd(released);
        call
    };
    for call in [sent(1, 1, Some(-1)), freeing(1), freeing(-1), ended(&sent(1, 1, None), CallState::Failed, Some(-5))] {
        let mut changes = leased(&lease);
        changes.calls = vec![call];
        assert!(is_invalid(&store.commit(changes).await));
    }
    assert_eq!(store.calls(id).await.unwrap(), []);
}

pub(super) async fn spend_sums_per_provider_and_model(fresh: Fresh) {
    let store = fresh.store().await;
    let (one, two) = (job(&store, "one").await, job(&store, "two").await);
    let leases = [claimed(&store, one).await, claimed(&store, two).await];
    let call = |turn, model: &str, state, cost, at| {
        let mut call = match state {
            CallState::Sent => sent(turn, 1, Some(10)),
            other => ended(&sent(turn, 1, None), other, cost),
        };
        call.row.model = model.to_owned();
        call.row.started = Timestamp(at);
        call
    };
    let mut changes = leased(&leases[0]);
    changes.calls = vec![
        call(1, "b", CallState::Answered, Some(5), 100),
        call(2, "a", CallState::Answered, None, 100),
        call(3, "b", CallState::Sent, None, 200),
    ];
    store.commit(changes).await.unwrap();
    let mut changes = leased(&leases[1]);
    let mut estimated = call(1, "b", CallState::Failed, Some(1), 201);
    estimated.row.usage = Some(Usage { estimated: true, ..usage() });
    changes.calls = vec![estimated];
    store.commit(changes).await.unwrap();

    let row = |model: &str, calls, usage, cost, reserved, unpriced| SpendRow {
        provider: "mock".to_owned(),
        model: model.to_owned(),
        calls,
        usage,
        cost: NanoUsd(cost),
        reserved: NanoUsd(reserved),
        unpriced,
    };
    let double = Usage { estimated: true, ..usage().plus(&usage()) };
    assert_eq!(
        store.spend(Timestamp(0)).await.unwrap(),
        [row("a", 1, usage(), 0, 0, 1), row("b", 3, double, 6, 10, 0)]
    );
    let since = [row("b", 2, Usage { estimated: true, ..usage() }, 1, 10, 0)];
    assert_eq!(store.spend(Timestamp(200)).await.unwrap(), since);
    assert_eq!(store.spend(Timestamp(202)).await.unwrap(), []);
}

pub(super) async fn calls_are_replaced_by_step_and_number(fresh: Fresh) {
    let store = fresh.store().await;
    let (id, other) = (job(&store, "x").await, job(&store, "y").await);
    let lease = claimed(&store, id).await;
    for state in CallState::ALL {
        for outcome in [None, Some(Outcome::Accepted), Some(Outcome::Repaired), Some(Outcome::Refused)] {
            let mut call = sent(1, 1, None);
            call.row.state = state;
            call.row.outcome = outcome;
            call.row.edit_format = outcome.map(|outcome| outcome.as_str().to_owned());
            call.row.model = format!("model of {state:?}");
            call.row.failure = (state == CallState::Failed).then(failure);
            let mut changes = leased(&lease);
            changes.calls = vec![call.clone()];
            store.commit(changes).await.unwrap();
            assert_eq!(store.calls(id).await.unwrap(), [call.row]);
        }
    }
    assert_eq!(store.calls(other).await.unwrap(), []);
}

pub(super) async fn an_outcome_touches_nothing_else_of_its_call(fresh: Fresh) {
    let store = fresh.store().await;
    let id = job(&store, "x").await;
    let lease = claimed(&store, id).await;
    let (one, other) = (sent(1, 1, Some(30)), sent(2, 1, Some(5)));
    let mut first = leased(&lease);
    first.calls = vec![one.clone(), other.clone()];
    store.commit(first).await.unwrap();
    let answered = ended(&one, CallState::Answered, Some(7));
    let mut second = leased(&lease);
    second.calls = vec![answered.clone()];
    store.commit(second).await.unwrap();
    let before = store.job(id).await.unwrap();

    let known =
        |step: &crate::id::StepKey, number| CallOutcome { step: step.clone(), number, outcome: Outcome::Refused };
    let mut third = leased(&lease);
    third.outcomes = vec![known(&one.row.step, 1), known(&one.row.step, 9)];
    store.commit(third).await.unwrap();
    let mut expected = answered.row;
    expected.outcome = Some(Outcome::Refused);
    assert_eq!(store.calls(id).await.unwrap(), [expected, other.row]);
    let after = store.job(id).await.unwrap();
    assert_eq!((after.cost, after.reserved, after.usage), (before.cost, before.reserved, before.usage));
}
