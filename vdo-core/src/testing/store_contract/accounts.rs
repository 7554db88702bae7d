//! What a store keeps for all jobs together, if it keeps anything: budgets, health, sums, settings.

use std::time::Duration;

use super::Fresh;
use super::fixtures::*;
use crate::budget::{Action, Alert, Budget, Crossing, Period, Scope, Sums};
use crate::candidate::Decision;
use crate::event::EventKind;
use crate::failure::{Advice, Failure, FailureKind};
use crate::health::{Breaker, Gate, Seen, Subject, What};
use crate::message::{Headroom, RateLimits};
use crate::money::NanoUsd;
use crate::port::accounts::{Accounts, Dimension, SpendLine, SpendQuery};
use crate::port::changes::CallWrite;
use crate::port::{CallState, Lease, StoreError};
use crate::time::Timestamp;

/// The provider and model of the fixtures' calls.
fn subject() -> Subject {
    Subject { provider: "mock".to_owned(), model: Some("model-1".to_owned()) }
}

fn provider_budget(limit: i64) -> Budget {
    Budget::new(Scope::Provider("mock".to_owned()), Period::Month, NanoUsd(limit))
}

async fn write(
    store: &Shared,
    lease: &Lease,
    calls: Vec<CallWrite>,
) -> Result<crate::port::changes::Receipt, StoreError> {
    let mut changes = leased(lease);
    changes.calls = calls;
    store.commit(changes).await
}

async fn sums(accounts: &dyn Accounts, scope: &Scope) -> Sums {
    let all = accounts.budgets(NOW).await.unwrap();
    all.into_iter().find(|account| account.budget.scope == *scope).unwrap().sums
}

pub(super) async fn a_budget_counts_what_was_there_before_and_all_jobs_after(fresh: Fresh) {
    let store = fresh.store().await;
    let Some(accounts) = store.accounts() else { return };
    let (first, second) = (job(&store, "one").await, job(&store, "two").await);
    let (one, two) = (claimed(&store, first).await, claimed(&store, second).await);
    write(&store, &one, vec![sent(1, 1, Some(30)), sent(2, 1, Some(20))]).await.unwrap();
    write(&store, &one, vec![ended(&sent(1, 1, Some(30)), CallState::Answered, Some(25))]).await.unwrap();
    let account = accounts.set_budget(provider_budget(100), NOW).await.unwrap();
    let before = Sums { spent: NanoUsd(25), reserved: NanoUsd(20), alerted: 0 };
    assert_eq!((account.start, account.sums), (Period::Month.start(NOW), before));

    write(&store, &two, vec![sent(1, 1, Some(55))]).await.unwrap();
    let before = store.job(second).await.unwrap();
    let refused = write(&store, &two, vec![sent(2, 1, Some(1))]).await;
    assert_refused!(refused, StoreError::OverBudget(over)
        if over.scope == Scope::Provider("mock".to_owned()) && over.committed == NanoUsd(100) && over.asked == Some(NanoUsd(1)));
    assert_eq!(store.job(second).await.unwrap(), before);
    assert_refused!(write(&store, &two, vec![sent(3, 1, None)]).await, StoreError::OverBudget(over) if over.asked.is_none());

    // What failed costs nothing and makes room again; what a month ago was sent does not count in this one.
    write(&store, &two, vec![ended(&sent(1, 1, Some(55)), CallState::Failed, None)]).await.unwrap();
    let mut old = sent(2, 1, Some(90));
    old.row.started = Timestamp(Period::Month.start(NOW).0 - 1);
    write(&store, &two, vec![old]).await.unwrap();
    assert_eq!(
        sums(accounts, &Scope::Provider("mock".to_owned())).await,
        Sums { spent: NanoUsd(25), reserved: NanoUsd(20), alerted: 0 }
    );

    assert!(accounts.drop_budget(Scope::Provider("mock".to_owned()), Period::Month).await.unwrap());
    assert!(!accounts.drop_budget(Scope::Provider("mock".to_owned()), Period::Month).await.unwrap());
    write(&store, &two, vec![sent(3, 1, Some(1_000_000))]).await.unwrap();
    let mut negative = provider_budget(1);
    negative.limit = NanoUsd(-1);
    assert_refused!(accounts.set_budget(negative, NOW).await, StoreError::Invalid(_));
}

pub(super) async fn every_scope_covers_its_calls_and_no_others(fresh: Fresh) {
    let store = fresh.store().await;
    let Some(accounts) = store.accounts() else { return };
    let (first, second) = (job(&store, "one").await, job(&store, "two").await);
    let lease = claimed(&store, first).await;
    let covering = [
        Scope::Total,
        Scope::Provider("mock".to_owned()),
        Scope::Model("mock".to_owned(), "model-1".to_owned()),
        Scope::Project(first),
        Scope::Job(first),
    ];
    let others = [
        Scope::Provider("other".to_owned()),
        Scope::Model("mock".to_owned(), "model-2".to_owned()),
        Scope::Project(second),
        Scope::Job(second),
    ];
    write(&store, &lease, vec![sent(1, 1, Some(7))]).await.unwrap();
    for per in Period::ALL {
        for scope in covering.iter().chain(&others) {
            accounts.set_budget(Budget::new(scope.clone(), per, NanoUsd(1000)), NOW).await.unwrap();
        }
    }
    write(&store, &lease, vec![sent(2, 1, Some(5)), ended(&sent(1, 1, Some(7)), CallState::Answered, Some(3))])
        .await
        .unwrap();
    let all = accounts.budgets(NOW).await.unwrap();
    assert_eq!(all.len(), 27);
    let mut keys: Vec<_> = all.iter().map(|account| (account.budget.scope.clone(), account.budget.per)).collect();
    for account in &all {
        let wanted = if covering.contains(&account.budget.scope) { (3, 5) } else { (0, 0) };
        assert_eq!((account.sums.spent.0, account.sums.reserved.0), wanted, "{}", account.budget.scope);
    }
    keys.dedup();
    assert!(keys.is_sorted() && keys.len() == 27);
}

pub(super) async fn what_is_crossed_is_an_event_once(fresh: Fresh) {
    let store = fresh.store().await;
    let Some(accounts) = store.accounts() else { return };
    let id = job(&store, "one").await;
    let lease = claimed(&store, id).await;
    let mut budget = provider_budget(100);
    budget.alerts[1] = Alert { percent: 80, action: Action::Reroute };
    accounts.set_budget(budget, NOW).await.unwrap();
    let seq = store.events(id, 0, 99).await.unwrap().len() as u64;
    let spend = async |turn: u32, cost: i64| {
        write(&store, &lease, vec![sent(turn, 1, Some(1))]).await.unwrap();
        let mut changes = leased(&lease).with_event(note("answered"));
        changes.calls = vec![ended(&sent(turn, 1, Some(1)), CallState::Answered, Some(cost))];
        store.commit(changes).await.unwrap()
    };
    let receipt = spend(1, 82).await;
    let crossing = |percent, action| Crossing {
        scope: Scope::Provider("mock".to_owned()),
        per: Period::Month,
        limit: NanoUsd(100),
        spent: NanoUsd(82),
        percent,
        action,
    };
    let wanted = [crossing(50, Action::Warn), crossing(80, Action::Reroute)];
    assert_eq!((receipt.first_seq, receipt.crossings.as_slice()), (seq + 1, wanted.as_slice()));
    let events = store.events(id, seq, 99).await.unwrap();
    let kinds: Vec<EventKind> = events.iter().map(|event| event.kind.clone()).collect();
    let [first, second] = wanted.map(EventKind::BudgetCrossed);
    assert_eq!(kinds, [note("answered"), first, second]);
    assert_eq!(events.last().unwrap().seq, seq + 3);
    assert_eq!(spend(2, 1).await.crossings, []);
    assert_eq!(store.events(id, seq + 3, 9).await.unwrap().len(), 1, "numbers go on without a gap");
}

fn fault(call: &CallWrite, kind: FailureKind) -> CallWrite {
    let mut call = ended(call, CallState::Failed, None);
    call.row.usage = None;
    call.row.failure = Some(Failure::new(kind, "oops").with_advice(Advice::RetrySame { after_ms: None }));
    call
}

pub(super) async fn health_follows_the_calls_and_one_trial_is_let_through(fresh: Fresh) {
    let store = fresh.store().await;
    let Some(accounts) = store.accounts() else { return };
    let lease = claimed(&store, job(&store, "one").await).await;
    for turn in 1..=5 {
        write(&store, &lease, vec![sent(turn, 1, None)]).await.unwrap();
        write(&store, &lease, vec![fault(&sent(turn, 1, None), FailureKind::ProviderFault)]).await.unwrap();
    }
    let health = accounts.health().await.unwrap();
    assert_eq!(health.len(), 1);
    assert_eq!((&health[0].0, health[0].1.calls), (&subject(), 5));
    let Breaker::Open { until, times: 1 } = health[0].1.breaker else { panic!("{:?}", health[0].1.breaker) };

    let mut trial = sent(6, 1, Some(3));
    trial.row.decision = Some(Box::new(Decision { probe: true, ..Decision::default() }));
    let at = until.after(Duration::from_secs(1));
    let commit = async |call: CallWrite| {
        let mut changes = leased(&lease);
        changes.at = at;
        changes.calls = vec![call];
        store.commit(changes).await
    };
    commit(trial.clone()).await.unwrap();
    let mut second = trial.clone();
    second.row.number = 2;
    assert_refused!(commit(second).await, StoreError::Trial { provider, model } if (provider.as_str(), model.as_str()) == ("mock", "model-1"));
    let mut answer = ended(&trial, CallState::Answered, Some(1));
    answer.limits = RateLimits {
        requests: Some(Headroom { limit: Some(5), remaining: 4, reset_ms: Some(10) }),
        ..RateLimits::default()
    };
    answer.row.first_ms = Some(2);
    commit(answer.clone()).await.unwrap();
    let (_, health) = accounts.health().await.unwrap().remove(0);
    assert_eq!((health.breaker.gate(at), health.limits, health.answered), (Gate::Pass, answer.limits, 1));
    assert_eq!(health.recent.back().unwrap().first_ms, Some(2));
    let row = store.calls(lease.job).await.unwrap().pop().unwrap();
    assert_eq!(row, answer.row);
}

pub(super) async fn money_and_keys_are_the_providers_affair_and_probes_count(fresh: Fresh) {
    let store = fresh.store().await;
    let Some(accounts) = store.accounts() else { return };
    let lease = claimed(&store, job(&store, "one").await).await;
    write(&store, &lease, vec![sent(1, 1, None)]).await.unwrap();
    write(&store, &lease, vec![fault(&sent(1, 1, None), FailureKind::KeyRefused)]).await.unwrap();
    let key = Subject { provider: "mock".to_owned(), model: None };
    let health = async || accounts.health().await.unwrap();
    let known = health().await;
    assert_eq!(known.iter().map(|(subject, _)| subject.clone()).collect::<Vec<_>>(), [key.clone(), subject()]);
    assert!(known[0].1.blocked.is_some() && known[1].1.blocked.is_some());
    accounts.see(vec![(key.clone(), Seen { at: NOW, what: What::Reached })]).await.unwrap();
    assert_eq!(health().await[0].1.blocked, None);
    let quiet = Subject { provider: "quiet".to_owned(), model: None };
    accounts.see(vec![(quiet.clone(), Seen { at: NOW, what: What::Reached })]).await.unwrap();
    assert_eq!(health().await.into_iter().find(|(subject, _)| *subject == quiet).unwrap().1.seen, Some(NOW));
    let unknown = Subject { provider: "new".to_owned(), model: None };
    let kind = FailureKind::Transport;
    let what = What::Failed { kind, after_ms: None, message: "no \u{0} route".to_owned(), duration_ms: 3 };
    accounts.see(vec![(unknown.clone(), Seen { at: NOW, what })]).await.unwrap();
    assert_eq!(health().await.into_iter().find(|(subject, _)| *subject == unknown).unwrap().1.errors[&kind], 1);
}

pub(super) async fn calls_are_summed_by_what_is_asked_for(fresh: Fresh) {
    let store = fresh.store().await;
    let Some(accounts) = store.accounts() else { return };
    let (first, second) = (job(&store, "one").await, job(&store, "two").await);
    for (id, turn, model, day) in [(first, 1, "a", 0), (first, 2, "b", 0), (second, 1, "a", 1), (second, 2, "a", 1)] {
        let lease = claimed(&store, id).await;
        let mut call = sent(turn, 1, Some(10));
        call.row.model = model.to_owned();
        call.row.started = Timestamp(NOW.0 + day * 86_400_000);
        write(&store, &lease, vec![call.clone()]).await.unwrap();
        if turn == 1 {
            write(&store, &lease, vec![ended(&call, CallState::Answered, Some(4))]).await.unwrap();
        }
    }
    let by = |by: &[Dimension]| SpendQuery { by: by.iter().copied().collect(), ..SpendQuery::default() };
    let short = async |query: SpendQuery| {
        let lines = accounts.breakdown(&query).await.unwrap();
        let line = |line: &SpendLine| {
            let group: Vec<&str> = line.group.values().map(String::as_str).collect();
            (group.join(" "), line.calls, line.cost.0, line.reserved.0, line.usage.input)
        };
        lines.iter().map(line).collect::<Vec<_>>()
    };
    let one = usage().input;
    let (day, next) = (NOW.date(), Timestamp(NOW.0 + 86_400_000).date());
    let text = |(year, month, day): (i64, u32, u32)| format!("{year:04}-{month:02}-{day:02}");
    assert_eq!(short(by(&[])).await, [(String::new(), 4, 8, 20, 2 * one)]);
    assert_eq!(
        short(by(&[Dimension::Model])).await,
        [("a".to_owned(), 3, 8, 10, 2 * one), ("b".to_owned(), 1, 0, 10, 0)]
    );
    assert_eq!(short(by(&[Dimension::Day])).await, [(text(day), 2, 4, 10, one), (text(next), 2, 4, 10, one)]);
    let step = key(1);
    let task = step.task.as_ref().map_or("-".to_owned(), ToString::to_string);
    let lines = short(by(&[Dimension::Job, Dimension::Phase, Dimension::Task])).await;
    let wanted = |id: crate::id::JobId| (format!("{} {} {task}", id.number(), step.phase), 2, 4, 10, one);
    assert_eq!(lines, [wanted(first), wanted(second)]);
    let some = SpendQuery {
        since: Some(Timestamp(NOW.0 + 1)),
        until: Some(Timestamp(NOW.0 + 2 * 86_400_000)),
        jobs: Some([first, second].into()),
        by: [Dimension::Provider].into(),
    };
    assert_eq!(short(some.clone()).await, [("mock".to_owned(), 2, 4, 10, one)]);
    assert_eq!(short(SpendQuery { jobs: Some([first].into()), ..some }).await, []);
    let open = accounts.unsettled().await.unwrap();
    assert_eq!(open.iter().map(|(id, call)| (*id, call.step.turn)).collect::<Vec<_>>(), [(first, 2), (second, 2)]);
}

pub(super) async fn a_reconciled_call_is_paid_and_no_longer_reserved(fresh: Fresh) {
    let store = fresh.store().await;
    let Some(accounts) = store.accounts() else { return };
    let id = job(&store, "one").await;
    let lease = claimed(&store, id).await;
    accounts.set_budget(provider_budget(1000), NOW).await.unwrap();
    let call = sent(1, 1, Some(40));
    write(&store, &lease, vec![call.clone()]).await.unwrap();
    let mut lost = call.clone();
    lost.row.state = CallState::PossiblyBilled;
    write(&store, &lease, vec![lost.clone()]).await.unwrap();
    let scope = Scope::Provider("mock".to_owned());
    assert_eq!(sums(accounts, &scope).await.reserved, NanoUsd(40));
    lost.row.state = CallState::Reconciled;
    lost.row.cost = Some(NanoUsd(12));
    change(&store, id, |changes| changes.calls = vec![lost.clone().releasing(NanoUsd(40))]).await;
    assert_eq!(sums(accounts, &scope).await, Sums { spent: NanoUsd(12), reserved: NanoUsd::ZERO, alerted: 0 });
    let job = store.job(id).await.unwrap();
    assert_eq!((job.cost, job.reserved), (NanoUsd(12), NanoUsd::ZERO));
    assert_eq!(accounts.unsettled().await.unwrap(), []);
}

pub(super) async fn settings_are_kept_changed_and_taken_back(fresh: Fresh) {
    let store = fresh.store().await;
    let Some(accounts) = store.accounts() else { return };
    assert_eq!(accounts.setting("routes").await.unwrap(), None);
    for value in [Some("one"), Some("two \u{0} ü"), None] {
        accounts.set_setting("routes", value.map(str::to_owned)).await.unwrap();
        assert_eq!(accounts.setting("routes").await.unwrap().as_deref(), value);
    }
}
