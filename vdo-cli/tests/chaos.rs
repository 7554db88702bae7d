//! Money under fire: ten thousand calls over three providers of which a third fails, a thousand jobs that race for one budget.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "chaos/server.rs"]
mod server;
#[path = "chaos/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use server::{Fault, PRICE, Server};
use tokio::task::JoinSet;
use vdo_core::budget::{Budget, Period, Scope};
use vdo_core::engine::Engine;
use vdo_core::id::JobId;
use vdo_core::job::{JobSpec, JobStatus};
use vdo_core::money::{NanoUsd, PicoUsdPerToken, Price};
use vdo_core::port::{CallState, Clock, Provider, SpendQuery, Store};
use vdo_core::prompt;
use vdo_core::route::{Candidate, Routes};
use vdo_core::run::Limits;
use vdo_core::spend::Prices;
use vdo_core::testing::MemoryStore;
use vdo_providers::{anthropic, gemini, openai};
use vdo_store::{Durability, Options, SqlStore};
use world::{Blank, Leap, Pass};

/// Jobs of three steps each.
const JOBS: usize = 3400;
const AT_ONCE: usize = 48;

fn providers(port: u16) -> Vec<Arc<dyn Provider>> {
    let base = format!("http://127.0.0.1:{port}");
    // Whoever says that a request is too long is followed only by one with a larger window.
    let window = |tokens| anthropic::ModelConfig {
        tools: Some(false),
        json_schema: Some(false),
        context: Some(tokens),
        ..Default::default()
    };
    vec![
        Arc::new(
            anthropic::Anthropic::new(anthropic::Config::new("claude", &base).with_model("m", window(100000))).unwrap(),
        ),
        Arc::new(
            openai::OpenAi::new(openai::Config::new("openai", format!("{base}/v1")).with_model("m", window(200000)))
                .unwrap(),
        ),
        Arc::new(gemini::Gemini::new(gemini::Config::new("gemini", &base).with_model("m", window(400000))).unwrap()),
    ]
}

fn candidates() -> Vec<Candidate> {
    ["claude:m", "openai:m", "gemini:m"].map(|text| text.parse().unwrap()).to_vec()
}

fn engine(store: Arc<dyn Store>, clock: &Leap, port: u16) -> Engine {
    let price =
        Price::new(PicoUsdPerToken::per_million(PRICE.0).unwrap(), PicoUsdPerToken::per_million(PRICE.1).unwrap());
    let prices = candidates().iter().fold(Prices::default(), |all, one| all.with(one, price));
    let mut routes = Routes { default: candidates(), ..Routes::default() };
    routes.strategy = "weighted".parse().unwrap();
    let mut builder = Engine::builder(store, Arc::new(clock.clone()), Arc::new(Blank), Arc::new(Pass))
        .routes(routes)
        .prices(prices)
        .limits(Limits::default().with_max_output(200).with_run_seconds(1_000_000));
    for provider in providers(port) {
        builder = builder.provider(provider);
    }
    builder.build()
}

/// Runs many jobs, some at once, and returns them as they ended.
async fn run_all(engine: &Engine, count: usize, at_once: usize) -> Vec<vdo_core::job::Job> {
    let mut tasks = JoinSet::new();
    let mut done = Vec::with_capacity(count);
    for number in 0..count {
        if tasks.len() >= at_once {
            done.push(tasks.join_next().await.unwrap().unwrap());
        }
        let engine = engine.clone();
        tasks.spawn(async move {
            let spec = JobSpec::new(format!("job {number}"), "").with_check("make check");
            let id = engine.create(spec).await.unwrap();
            engine.run(id).await.unwrap()
        });
    }
    done.extend(tasks.join_all().await);
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_calls_of_which_a_third_fails_are_answered_and_paid_to_the_nano_dollar() {
    let clock = Leap::new();
    let server = Server::start(clock.clone(), 30).await;
    let store = Arc::new(MemoryStore::new());
    let engine = engine(store.clone(), &clock, server.port);
    let accounts = store.accounts().unwrap();
    accounts.set_budget(Budget::new(Scope::Total, Period::Ever, NanoUsd(i64::MAX / 2)), clock.now()).await.unwrap();
    let jobs = run_all(&engine, JOBS, AT_ONCE).await;

    let failed: Vec<_> = jobs.iter().filter(|job| job.status != JobStatus::Completed).collect();
    let steps = JOBS * 3;
    assert!(failed.len() * 1000 <= steps, "{} of {steps} steps unanswered: {:?}", failed.len(), failed[0].reason);
    let log = std::mem::take(&mut *server.log.lock().unwrap());
    let arrivals: Vec<_> = log.arrivals.values().flatten().collect();
    let faults: BTreeMap<Option<Fault>, usize> = arrivals.iter().fold(BTreeMap::new(), |mut all, one| {
        *all.entry(one.fault).or_default() += 1;
        all
    });
    assert!(arrivals.len() >= 10_000, "{} calls", arrivals.len());
    let share = arrivals.iter().filter(|one| one.fault.is_some()).count() * 100 / arrivals.len();
    assert!((28..=32).contains(&share), "{share} % failed: {faults:?}");
    assert_eq!((log.too_early.len(), log.after_money.len()), (0, 0), "{:?} {:?}", log.too_early, log.after_money);
    let billed: i64 = arrivals.iter().map(|one| one.billed).sum();

    // Row by row: what was answered cost what was billed; what was not, nothing, or it is in doubt.
    let mut in_doubt = Vec::new();
    for job in &jobs {
        for row in store.calls_of(job.id).await {
            let tag = prompt::tag(job.id, &row.step);
            let arrived = &log.arrivals[tag.trim_end_matches(']')][usize::try_from(row.number).unwrap() - 1];
            match row.state {
                CallState::Answered => assert_eq!(row.cost, Some(NanoUsd(arrived.billed)), "{tag}"),
                CallState::Failed => assert_eq!((row.cost, arrived.billed), (None, 0), "{tag} {:?}", arrived.fault),
                CallState::PossiblyBilled => in_doubt.push((job.id, row, arrived.billed)),
                other => panic!("{tag} is {other:?}"),
            }
        }
    }
    assert!(in_doubt.len() > 500, "{}", in_doubt.len());
    for (job, row, billed) in in_doubt {
        engine.reconcile(job, &row.step, row.number, NanoUsd(billed)).await.unwrap();
    }
    let sums = accounts.budgets(clock.now()).await.unwrap().remove(0).sums;
    assert_eq!((sums.spent, sums.reserved), (NanoUsd(billed), NanoUsd::ZERO));
    let total = accounts.breakdown(&SpendQuery::default()).await.unwrap().remove(0);
    assert_eq!((total.cost, total.reserved), (NanoUsd(billed), NanoUsd::ZERO));
}

/// Reads the calls of a job.
trait CallsOf {
    async fn calls_of(&self, job: JobId) -> Vec<vdo_core::port::CallRow>;
}

impl CallsOf for MemoryStore {
    async fn calls_of(&self, job: JobId) -> Vec<vdo_core::port::CallRow> {
        use vdo_core::port::Ledger as _;
        self.calls(job).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_jobs_at_once_never_overspend_one_budget() {
    let clock = Leap::new();
    let server = Server::start(clock.clone(), 0).await;
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().join("vdo.db");
    let options = Options::default().with_durability(Durability::Normal);
    let store = Arc::new(SqlStore::open(address.to_str().unwrap(), options.clone()).await.unwrap());
    // A second store on the same file, as another process would have.
    let other = Arc::new(SqlStore::open(address.to_str().unwrap(), options).await.unwrap());
    let limit = NanoUsd(2_000_000_000);
    let budget = Budget::new(Scope::Total, Period::Month, limit);
    store.accounts().unwrap().set_budget(budget, clock.now()).await.unwrap();
    let (one, two) = (engine(store.clone(), &clock, server.port), engine(other, &clock, server.port));
    let (first, second) = tokio::join!(run_all(&one, 500, 500), run_all(&two, 500, 500));

    let ended = |status| first.iter().chain(&second).filter(|job| job.status == status).count();
    let (completed, stopped) = (ended(JobStatus::Completed), ended(JobStatus::BudgetStopped));
    assert_eq!(completed + stopped, 1000);
    assert!(stopped > 0, "the budget was too large to be reached");
    let billed: i64 = server.log.lock().unwrap().arrivals.values().flatten().map(|one| one.billed).sum();
    let sums = store.accounts().unwrap().budgets(clock.now()).await.unwrap().remove(0).sums;
    assert_eq!((sums.spent, sums.reserved), (NanoUsd(billed), NanoUsd::ZERO));
    assert!(sums.spent <= limit, "{} of {limit}", sums.spent);
    assert!(sums.spent.0 * 10 > limit.0 * 5, "only {} of {limit} were used", sums.spent);
    let spent: i64 = first.iter().chain(&second).map(|job| job.cost.0).sum();
    assert_eq!(spent, billed);
}
