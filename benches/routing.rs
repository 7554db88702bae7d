//! Choosing among twenty candidates with health and budgets.

use criterion::{Criterion, criterion_group, criterion_main};
use vdo_core::budget::{Account, Budget, Period, Scope, Sums};
use vdo_core::health::{Health, Sample, Seen, What};
use vdo_core::id::JobId;
use vdo_core::message::RateLimits;
use vdo_core::money::NanoUsd;
use vdo_core::route::{Candidate, Known, Question, Strategy, choose};
use vdo_core::time::Timestamp;

fn routing(bench: &mut Criterion) {
    let candidates: Vec<Candidate> = (0..20)
        .map(|number| Candidate { provider: format!("p{}", number % 4), model: format!("model-{number}") })
        .collect();
    let mut health = Health::default();
    for at in 0..64 {
        let sample = Sample { answered: true, duration_ms: at, first_ms: None, output: 100 };
        let what = What::Answered { sample, limits: RateLimits::default() };
        health.see(&Seen { at: Timestamp(i64::from(at)), what });
    }
    let known: Vec<Known<'_>> = candidates
        .iter()
        .enumerate()
        .map(|(at, candidate)| Known {
            candidate,
            is_there: true,
            tools: true,
            context: Some(200_000),
            worst: Some(NanoUsd(i64::try_from(at).unwrap_or(0))),
            health: Some(&health),
            key: Some(&health),
            failed: None,
            paced: None,
        })
        .collect();
    let accounts: Vec<Account> = (0..4)
        .map(|number| Account {
            budget: Budget::new(Scope::Provider(format!("p{number}")), Period::Month, NanoUsd(1_000_000)),
            start: Timestamp(0),
            sums: Sums::default(),
        })
        .collect();
    let Some(job) = JobId::new(1) else { return };
    for strategy in [Strategy::Ordered, Strategy::Cheapest, Strategy::Fastest, Strategy::Weighted] {
        let question = Question {
            now: Timestamp(1_795_219_200_000),
            strategy,
            tools: true,
            input: 10_000,
            output: 2000,
            job,
            project: job,
            has_budget: false,
            keep: None,
            lot: 5,
        };
        bench.bench_function(&format!("choose/20/{strategy:?}"), |bench| {
            bench.iter(|| choose(std::hint::black_box(&question), &known, &accounts));
        });
    }
}

criterion_group!(benches, routing);
criterion_main!(benches);
