//! Worker processes on one store, many short jobs: a plan, a file, a review, checks that pass without a process. Prints one line of JSON,
//! and fails unless each job was done once: by the store, by what the workers say, and by the answers that were given.
//!
//! `vdo-workers --store URL [--jobs N] [--workers W] [--conc C]` makes the jobs and starts W processes of itself that run C at once.
//! `workers.sh` beside this file runs it on a PostgreSQL server of its own. Answers are scripted, so no server shares the processors.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::watch;
use vdo_core::engine::{Engine, WorkerRules};
use vdo_core::job::{JobSpec, JobStatus};
use vdo_core::message::{Completion, Reply};
use vdo_core::money::{PicoUsdPerToken, Price};
use vdo_core::port::{
    Accounts as _, Capabilities, Clock as _, Health, JobQuery, Jobs as _, Provider, ProviderError, ReplyStream,
    SpendQuery, Store, TokenCount,
};
use vdo_core::route::Routes;
use vdo_core::spend::Prices;
use vdo_core::testing::scripted::{Answers, ScriptedProvider};
use vdo_providers::clock::TokioClock;
use vdo_store::worker::{Ran, Until, Wanted, Worker, WorkerOptions};
use vdo_store::{Options, SqlStore};
use vdo_workspace::scan::WorkspaceScanner;
use vdo_workspace::syntax::TreeSitterSyntax;

mod pass;

use pass::Pass;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many calls a job takes.
const CALLS: u64 = 3;
const LEASE: Duration = Duration::from_secs(20);

/// Counts what is asked.
#[derive(Debug)]
struct Counted {
    inner: ScriptedProvider,
    calls: Arc<AtomicU64>,
}

#[async_trait]
impl Provider for Counted {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        // No tools: the script answers in plain text.
        Capabilities { tools: false, json_schema: false, ..self.inner.capabilities(model) }
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inner.complete(request).await
    }

    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inner.stream(request).await
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        self.inner.count_tokens(request).await
    }

    async fn probe(&self) -> Result<Health, ProviderError> {
        self.inner.probe().await
    }
}

fn argument(name: &str, default: &str) -> String {
    let all: Vec<String> = std::env::args().collect();
    let at = all.iter().position(|one| one == name);
    at.and_then(|at| all.get(at + 1)).cloned().unwrap_or_else(|| default.to_owned())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = argument("--store", "");
    let store = Arc::new(SqlStore::open(&url, Options::default()).await?);
    let line = if std::env::args().any(|one| one == "--work") {
        work(&url, store).await?
    } else {
        supervise(&url, &store).await?
    };
    use std::io::Write as _;
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

/// Makes the jobs, starts the workers, and counts.
async fn supervise(url: &str, store: &Arc<SqlStore>) -> Result<Value, Failure> {
    let (jobs, workers) = (argument("--jobs", "10000").parse::<u64>()?, argument("--workers", "4").parse::<usize>()?);
    let maker = engine(store.clone(), Arc::default())?;
    let began = Instant::now();
    for number in 0..jobs {
        maker.create(JobSpec::new(format!("a note, {number}"), "").with_check("/bin/true")).await?;
    }
    let made = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let mut running = Vec::new();
    for _ in 0..workers {
        let mut command = std::process::Command::new(std::env::current_exe()?);
        command.args(["--work", "--store", url, "--conc", &argument("--conc", "8")]).stdout(Stdio::piped());
        running.push(command.spawn()?);
    }
    let mut told: Vec<Value> = Vec::new();
    for worker in running {
        let output = worker.wait_with_output()?;
        if !output.status.success() {
            return Err("a worker failed".into());
        }
        told.push(serde_json::from_slice(&output.stdout)?);
    }
    let wall = began.elapsed().as_secs_f64();
    let sum = |name: &str| told.iter().filter_map(|line| line.get(name).and_then(Value::as_u64)).sum::<u64>();
    let (mut completed, mut once, mut query) = (0, 0, JobQuery::default().with_limit(1000));
    loop {
        let page = store.jobs(&query).await?;
        for job in &page {
            completed += u64::from(job.status == JobStatus::Completed);
            once += u64::from(store.resolve(vdo_core::id::RevisionRef::head(job.id)).await?.number == 1);
        }
        let Some(last) = page.last() else { break };
        query = query.with_before(last.id);
    }
    let journal = store.breakdown(&SpendQuery::default()).await?.first().map_or(0, |line| line.calls);
    let line = json!({
        "workers": workers, "jobs": jobs, "wall_s": wall, "jobs_s": jobs as f64 / wall, "made_s": made,
        "completed": completed, "with_one_revision": once, "ended": sum("ended"), "asked": sum("asked"), "journal": journal, "each": told,
    });
    if [completed, once, sum("ended")] != [jobs; 3] || [sum("asked"), journal] != [jobs * CALLS; 2] {
        return Err(format!("not each job was done once: {line}").into());
    }
    Ok(line)
}

/// Runs jobs until none is left.
async fn work(url: &str, store: Arc<SqlStore>) -> Result<Value, Failure> {
    let calls: Arc<AtomicU64> = Arc::default();
    let engine = engine(store.clone(), calls.clone())?;
    let queue = vdo_store::worker::queue(url, LEASE).await?;
    let options = WorkerOptions::new(format!("worker {}", std::process::id()))
        .with_concurrency(argument("--conc", "8").parse()?)
        .with_lease(LEASE)
        .with_until(Until::Idle);
    let beating = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.heartbeat().await })
    };
    let handler = move |job| {
        let engine = engine.clone();
        async move {
            match engine.run(job).await {
                Ok(job) => Ran::Ended(job.status),
                Err(error) => Ran::NotNow(error.to_string()),
            }
        }
    };
    let (_want, wanted) = watch::channel(Wanted::Work);
    let tally = Worker::new(store, queue, Arc::new(TokioClock), options, handler).run(wanted).await?;
    beating.abort();
    Ok(json!({"ended": tally.ended.values().sum::<u64>(), "asked": calls.load(Ordering::Relaxed)}))
}

fn engine(store: Arc<dyn Store>, calls: Arc<AtomicU64>) -> Result<Engine, Failure> {
    let plan = json!({"summary": "A note.", "checks": [], "tasks": [{
        "id": "t1", "title": "Note", "description": "Write it down.", "create": ["note.txt"], "modify": [], "delete": [], "depends_on": [],
    }]});
    let say = |phase: &str, text: &str| json!({"when": {"phase": phase}, "reply": {"text": text}, "usage": {"input": 1000, "output": 100}, "repeat": true});
    let answers = json!({"answers": [
        say("plan", &plan.to_string()), say("build", "note.txt\n```\nnoted\n```\n"), say("critique", "{\"findings\": []}"),
    ]});
    let answers = Answers::parse(&answers.to_string())?;
    let provider = Counted { inner: ScriptedProvider::new("script", answers).without_recording(), calls };
    let syntax = Arc::new(TreeSitterSyntax);
    let price = Price::new(PicoUsdPerToken::per_million("0.15")?, PicoUsdPerToken::per_million("0.60")?);
    let owner = format!("worker {} since {}", std::process::id(), TokioClock.now().0);
    Ok(Engine::builder(store, Arc::new(TokioClock), Arc::new(WorkspaceScanner::new(syntax.clone())), Arc::new(Pass))
        .syntax(syntax)
        .provider(Arc::new(provider))
        .routes(Routes::all("script:m".parse()?))
        .prices(Prices::default().with(&"script:m".parse()?, price))
        .owner(owner)
        .lease_ttl(LEASE)
        .worker_rules(WorkerRules::default())
        .build())
}
