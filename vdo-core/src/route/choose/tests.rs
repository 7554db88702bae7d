//! Who is asked, and why the others are not.

use super::*;
use crate::budget::{Alert, Budget, Period, Scope, Sums};
use crate::health::{Seen, What};

const NOW: Timestamp = Timestamp(1_795_219_200_000);

fn candidates(texts: &[&str]) -> Vec<Candidate> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn question() -> Question<'static> {
    Question {
        now: NOW,
        strategy: Strategy::Ordered,
        tools: false,
        input: 1000,
        output: 500,
        job: JobId::new(2).unwrap(),
        project: JobId::new(1).unwrap(),
        has_budget: false,
        keep: None,
        lot: 0,
    }
}

fn known(candidate: &Candidate) -> Known<'_> {
    let (health, key, failed) = (None, None, None);
    Known {
        candidate,
        is_there: true,
        tools: true,
        context: None,
        worst: Some(NanoUsd(10)),
        health,
        key,
        failed,
        paced: None,
    }
}

fn failing(kinds: &[FailureKind], after_ms: Option<u64>) -> Health {
    let mut health = Health::default();
    for kind in kinds {
        let what = What::Failed { kind: *kind, after_ms, message: String::new(), duration_ms: 1 };
        health.see(&Seen { at: NOW, what });
    }
    health
}

fn account(budget: Budget, spent: i64) -> Account {
    Account { budget, start: NOW.month_start(), sums: Sums { spent: NanoUsd(spent), ..Sums::default() } }
}

fn reasons(choice: &Choice) -> Vec<(String, Rejection)> {
    let (Choice::Ask(_, decision) | Choice::Wait(_, decision) | Choice::Nobody(decision)) = choice;
    decision.rejected.iter().map(|one| (one.candidate.to_string(), one.why.clone())).collect()
}

#[test]
fn the_first_that_can_be_asked_is_and_every_other_has_its_reason() {
    let all = candidates(&[
        "gone:m", "mute:m", "small:m", "broken:m", "tired:m", "poor:m", "dear:m", "tried:m", "good:m", "next:m",
    ]);
    let broken = failing(&[FailureKind::ProviderFault; 5], None);
    let tired = failing(&[FailureKind::RateLimited], Some(2000));
    let poor = failing(&[FailureKind::ProviderMoney], None);
    let mut list: Vec<Known<'_>> = all.iter().map(known).collect();
    list[0].is_there = false;
    list[1].tools = false;
    list[2].context = Some(1499);
    list[3].health = Some(&broken);
    list[4].health = Some(&tired);
    list[5].key = Some(&poor);
    list[6].worst = Some(NanoUsd(1001));
    list[7].failed = Some(FailureKind::BadAnswer);
    let accounts = [account(Budget::new(Scope::Total, Period::Month, NanoUsd(1000)), 0)];
    let choice = choose(&Question { tools: true, ..question() }, &list, &accounts);
    let Choice::Ask(8, decision) = &choice else { panic!("{choice:?}") };
    assert_eq!(decision.others, candidates(&["next:m"]));
    let wanted = [
        ("gone:m", Rejection::NoProvider),
        ("mute:m", Rejection::NoTools),
        ("small:m", Rejection::TooLong { needed: 1500, window: 1499 }),
        ("broken:m", Rejection::Broken { until: Timestamp(NOW.0 + 5000) }),
        ("tired:m", Rejection::Resting { until: Timestamp(NOW.0 + 2000) }),
        ("poor:m", Rejection::Blocked { until: Timestamp(NOW.0 + 60_000) }),
        ("dear:m", Rejection::Budget { scope: "total".to_owned() }),
        ("tried:m", Rejection::Failed { kind: FailureKind::BadAnswer }),
    ];
    assert_eq!(reasons(&choice), wanted.map(|(who, why)| (who.to_owned(), why)));
}

#[test]
fn when_all_rest_the_soonest_is_waited_for_and_when_none_can_ever_be_nobody_is_asked() {
    let all = candidates(&["a:m", "b:m"]);
    let (long, short) =
        (failing(&[FailureKind::RateLimited], Some(9000)), failing(&[FailureKind::RateLimited], Some(700)));
    let mut list: Vec<Known<'_>> = all.iter().map(known).collect();
    (list[0].health, list[1].health) = (Some(&long), Some(&short));
    assert!(matches!(choose(&question(), &list, &[]), Choice::Wait(Timestamp(until), _) if until == NOW.0 + 700));
    list.iter_mut().for_each(|one| one.failed = Some(FailureKind::BadRequest));
    assert!(matches!(choose(&question(), &list, &[]), Choice::Nobody(_)));
}

#[test]
fn an_unpriced_first_candidate_gives_way_to_a_priced_one_under_a_budget() {
    let all = candidates(&["new:m", "old:m"]);
    let mut list: Vec<Known<'_>> = all.iter().map(known).collect();
    list[0].worst = None;
    assert!(matches!(choose(&question(), &list, &[]), Choice::Ask(0, _)));
    assert!(matches!(choose(&Question { has_budget: true, ..question() }, &list, &[]), Choice::Ask(1, _)));
    let hard = [account(Budget::new(Scope::Total, Period::Day, NanoUsd(1000)), 0)];
    let choice = choose(&question(), &list, &hard);
    assert!(matches!(choice, Choice::Ask(1, _)));
    assert_eq!(reasons(&choice), [("new:m".to_owned(), Rejection::Unpriced)]);
}

#[test]
fn a_budget_that_reroutes_prefers_others_and_refuses_nobody() {
    let mut budget = Budget::new(Scope::Provider("a".to_owned()), Period::Month, NanoUsd(1000));
    budget.alerts = vec![Alert { percent: 80, action: Action::Reroute }];
    let all = candidates(&["a:m", "b:m"]);
    let list: Vec<Known<'_>> = all.iter().map(known).collect();
    let near = [account(budget.clone(), 800)];
    assert!(matches!(choose(&question(), &list, &[account(budget, 799)]), Choice::Ask(0, _)));
    assert!(matches!(choose(&question(), &list, &near), Choice::Ask(1, _)));
    assert!(matches!(choose(&question(), &list[..1], &near), Choice::Ask(0, _)));
}

#[test]
fn too_long_a_request_goes_to_larger_windows_only() {
    let all = candidates(&["a:m", "same:m", "unknown:m", "larger:m"]);
    let mut list: Vec<Known<'_>> = all.iter().map(known).collect();
    (list[0].context, list[1].context, list[3].context) = (Some(8000), Some(8000), Some(9000));
    list[0].failed = Some(FailureKind::ContextTooLong);
    assert!(matches!(choose(&question(), &list, &[]), Choice::Ask(3, _)));
    assert!(matches!(choose(&question(), &list[..3], &[]), Choice::Nobody(_)));
}

#[test]
fn strategies_choose_by_price_by_speed_and_by_lot_and_whoever_knows_the_conversation_is_kept() {
    let all = candidates(&["a:m", "b:m", "c:m"]);
    let (slow, fast) =
        (Health { average_us: 900, ..Health::default() }, Health { average_us: 100, ..Health::default() });
    let mut list: Vec<Known<'_>> = all.iter().map(known).collect();
    (list[0].worst, list[1].worst, list[2].worst) = (None, Some(NanoUsd(30)), Some(NanoUsd(20)));
    (list[0].health, list[1].health, list[2].health) = (Some(&slow), Some(&fast), Some(&slow));
    let at = |question: &Question<'_>| match choose(question, &list, &[]) {
        Choice::Ask(at, _) => at,
        other => panic!("{other:?}"),
    };
    let with = |strategy| Question { strategy, ..question() };
    assert_eq!(at(&with(Strategy::Cheapest)), 2);
    assert_eq!(at(&with(Strategy::Fastest)), 1);
    assert_eq!(at(&Question { keep: Some(&all[2]), ..with(Strategy::Fastest) }), 2);
    let mut drawn = [0; 3];
    for lot in 0..8 {
        drawn[at(&Question { lot, ..with(Strategy::Weighted) })] += 1;
    }
    assert_eq!(drawn, [4, 2, 2]);
}
