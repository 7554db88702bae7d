//! The text as a scraper reads it, whole.

use super::*;
use crate::content::BlobHash;
use crate::id::StepKey;
use crate::port::CallRow;
use crate::port::changes::CallWrite;
use crate::time::Timestamp;
use crate::usage::ServiceTier;

fn row(provider: &str, model: &str, number: u32, state: CallState) -> CallRow {
    CallRow {
        step: StepKey::first(Phase::Plan),
        number,
        provider: provider.to_owned(),
        model: model.to_owned(),
        state,
        request_hash: BlobHash::of(b""),
        prompt: "plan@1".to_owned(),
        prompt_hash: BlobHash::of(b""),
        edit_format: None,
        reserved: None,
        usage: None,
        cost: None,
        failure: None,
        outcome: None,
        started: Timestamp(1_000),
        ended: None,
        first_ms: None,
        tier: ServiceTier::default(),
        priced: None,
        decision: None,
    }
}

fn answered(provider: &str, model: &str, cost: Option<i64>, ms: i64) -> CallRow {
    let usage = Usage { input: 100, cache_read: 20, output: 7, reasoning: 3, ..Usage::default() };
    let ended = Some(Timestamp(1_000 + ms));
    CallRow { usage: Some(usage), cost: cost.map(NanoUsd), ended, ..row(provider, model, 1, CallState::Answered) }
}

#[test]
fn a_page_has_every_family_with_escaped_labels_and_an_end() {
    let metrics = Metrics::default();
    metrics.run(Some(JobStatus::Completed), Duration::from_millis(1_500));
    metrics.run(None, Duration::from_secs(7_200));
    metrics.step(Phase::Plan, StepResult::Answered, Duration::from_millis(40));
    let odd = "say \"hi\"\\\nto me";
    metrics.calls(&[
        CallWrite::new(row("a", odd, 1, CallState::Sent)),
        CallWrite::new(row("a", odd, 2, CallState::Sent)),
        CallWrite::new(answered("a", odd, Some(1_234), 250)),
        CallWrite::new(answered("a", odd, None, 10_001)),
    ]);
    let store = StoreFigures { commits: 5, transactions: 3, statements: 20, rows: 60 };
    let figures = Figures { running: 2, store: Some(store), ..lock(&metrics.0).clone() };
    insta::assert_snapshot!(figures.to_text());
}

#[test]
fn an_engine_that_did_nothing_has_a_page_all_the_same() {
    insta::assert_snapshot!(Figures::default().to_text());
}

#[test]
fn models_beyond_a_bound_are_counted_together() {
    let metrics = Metrics::default();
    for at in 0..MAX_MODELS + 50 {
        metrics.calls(&[CallWrite::new(row("p", &format!("m{at}"), 1, CallState::Sent))]);
    }
    let figures = lock(&metrics.0).clone();
    let other = Candidate { provider: OTHER.to_owned(), model: OTHER.to_owned() };
    assert_eq!((figures.calls.len(), figures.calls[&other].states["sent"]), (MAX_MODELS + 1, 50));
}
