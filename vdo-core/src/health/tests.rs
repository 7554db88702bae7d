//! Breakers open, are tried once and close; figures are those of the newest calls.

use super::breaker::Gate;
use super::*;
use crate::message::Headroom;

fn answered(at: i64, duration_ms: u32) -> Seen {
    let sample = Sample { answered: true, duration_ms, first_ms: Some(duration_ms / 2), output: 100 };
    Seen { at: Timestamp(at), what: What::Answered { sample, limits: RateLimits::default() } }
}

fn failed(at: i64, kind: FailureKind, after_ms: Option<u64>) -> Seen {
    Seen { at: Timestamp(at), what: What::Failed { kind, after_ms, message: "no".repeat(400), duration_ms: 5 } }
}

fn after(events: &[Seen]) -> Health {
    let mut health = Health::default();
    events.iter().for_each(|seen| health.see(seen));
    health
}

#[test]
fn five_failures_in_a_row_open_the_breaker_and_one_trial_at_a_time_finds_out() {
    let ill: Vec<Seen> = (0..5).map(|at| failed(at, FailureKind::ProviderFault, None)).collect();
    assert_eq!(after(&ill[..4]).breaker, Breaker::Closed { failures: 4 });
    let mut health = after(&ill);
    assert_eq!(health.breaker, Breaker::Open { until: Timestamp(5004), times: 1 });
    assert_eq!(health.breaker.gate(Timestamp(5003)), Gate::Wait(Timestamp(5004)));
    assert_eq!(health.breaker.gate(Timestamp(5004)), Gate::Trial);
    health.see(&Seen { at: Timestamp(5004), what: What::Trial });
    assert_eq!(health.breaker.gate(Timestamp(5005)), Gate::Wait(Timestamp(605_004)), "a second trial has to wait");
    let mut worse = health.clone();
    worse.see(&failed(6000, FailureKind::Transport, None));
    assert_eq!(worse.breaker, Breaker::Open { until: Timestamp(16_000), times: 2 }, "it opens for twice as long");
    health.see(&answered(6000, 10));
    assert_eq!(health.breaker, Breaker::Closed { failures: 0 });
}

#[test]
fn a_trial_whose_end_nobody_knows_does_not_keep_the_breaker_half_open() {
    let mut health = after(&(0..5).map(|at| failed(at, FailureKind::Overloaded, None)).collect::<Vec<_>>());
    health.see(&Seen { at: Timestamp(9000), what: What::Trial });
    health.see(&Seen { at: Timestamp(9001), what: What::Unknown });
    assert_eq!(health.breaker.gate(Timestamp(9002)), Gate::Trial);
}

#[test]
fn a_large_share_of_failures_opens_the_breaker_without_a_row_of_them() {
    let mut health = Health::default();
    let mut opened = None;
    for at in 0..30 {
        health.see(&if at % 3 == 0 { answered(at, 5) } else { failed(at, FailureKind::ProviderFault, None) });
        if opened.is_none() && health.breaker.as_str() == "open" {
            opened = Some(at);
        }
    }
    assert_eq!(opened, Some(10));
}

#[test]
fn money_and_keys_block_the_provider_for_longer_each_time_and_requests_at_fault_do_not_count() {
    let mut health = after(&[failed(0, FailureKind::ProviderMoney, None)]);
    assert_eq!(health.blocked_until(Timestamp(1)), Some(Timestamp(60_000)));
    health.see(&failed(60_000, FailureKind::ProviderMoney, None));
    assert_eq!(health.blocked_until(Timestamp(60_001)), Some(Timestamp(180_000)));
    assert_eq!(health.blocked_until(Timestamp(180_000)), None);
    let harmless = [FailureKind::BadRequest, FailureKind::ContextTooLong, FailureKind::Refused];
    let health = after(&harmless.repeat(5).into_iter().map(|kind| failed(0, kind, None)).collect::<Vec<_>>());
    assert_eq!((health.breaker, health.blocked), (Breaker::default(), None));
}

#[test]
fn a_pause_asked_for_is_kept_and_one_without_end_is_not_believed() {
    let health =
        after(&[failed(1000, FailureKind::RateLimited, Some(1500)), failed(1001, FailureKind::RateLimited, Some(10))]);
    assert_eq!(health.rests(Timestamp(2499)), Some(Timestamp(2500)));
    assert_eq!(health.rests(Timestamp(2500)), None);
    let endless = after(&[failed(0, FailureKind::RateLimited, Some(u64::MAX))]);
    assert_eq!(endless.rests(Timestamp(1)), Some(Timestamp(86_400_000)));
    assert_eq!(endless.rests(Timestamp(-400_000_000)), None, "the clock jumped back by days");
}

#[test]
fn headroom_that_is_used_up_keeps_calls_away_until_it_is_back() {
    let limits = RateLimits {
        requests: Some(Headroom { limit: Some(50), remaining: 3, reset_ms: Some(1000) }),
        input_tokens: Some(Headroom { limit: Some(10_000), remaining: 400, reset_ms: Some(2000) }),
        ..RateLimits::default()
    };
    let sample = Sample { answered: true, duration_ms: 1, first_ms: None, output: 1 };
    let health = after(&[Seen { at: Timestamp(100), what: What::Answered { sample, limits } }]);
    assert_eq!(health.out_of_headroom(400, Timestamp(200)), None);
    assert_eq!(health.out_of_headroom(401, Timestamp(200)), Some(Timestamp(2100)));
    assert_eq!(health.out_of_headroom(401, Timestamp(2100)), None);
}

#[test]
fn figures_are_those_of_the_newest_calls() {
    let mut health = Health::default();
    for at in 0..100 {
        health.see(&answered(at, u32::try_from(at).unwrap() * 10));
    }
    health.see(&failed(100, FailureKind::BadRequest, None));
    let figures = health.figures();
    let newest: Vec<u64> = (37..100).map(|at| at * 10).collect();
    assert_eq!((figures.calls, figures.availability), (64, Some(984)));
    assert_eq!((figures.p50_ms, figures.p95_ms), (Some(newest[31]), Some(newest[59])));
    assert_eq!(figures.first_p50_ms, Some(newest[31] / 2));
    assert_eq!(figures.tokens_per_second, Some(63 * 100 * 1000 / newest.iter().sum::<u64>()));
    assert_eq!((health.calls, health.answered, health.errors.len()), (101, 100, 1));
    assert_eq!(health.last_error.as_ref().unwrap().message.len(), 300);
    let text = serde_json::to_string(&health).unwrap();
    assert_eq!(serde_json::from_str::<Health>(&text).unwrap(), health);
}
