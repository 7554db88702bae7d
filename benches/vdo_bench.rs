//! Runs a six-call job many times through the engine, the store and the provider as shipped, and prints one line of JSON.
//!
//! `vdo-bench --base URL --jobs N --conc C --test 0|1 [--db off|normal|full] [--tier T0|T2] [--store FOLDER] [--trees FOLDER]`. The
//! server answers as `mock-extra.json` beside this file says: a plan that is refused, a plan that fits, three files, a review. The
//! database lies in the system's folder for temporary files or in `--store`. Trees are laid out for the checks in `--trees`, or in
//! memory (`/dev/shm`) where there is such a folder: what durability costs is measured, not what files cost that nobody keeps.
//! `--test 1` runs `/bin/true` as the project's check, twice per job as every run does; `--test 0` passes without a process.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;
use vdo_core::engine::Engine;
use vdo_core::id::JobId;
use vdo_core::job::{JobSpec, JobStatus};
use vdo_core::money::{PicoUsdPerToken, Price};
use vdo_core::port::{Checker, Store};
use vdo_core::route::Routes;
use vdo_core::spend::Prices;
use vdo_core::testing::MemoryStore;
use vdo_providers::clock::TokioClock;
use vdo_providers::openai_chat::{Config, ModelConfig, OpenAiChat};
use vdo_store::{Durability, Options, SqlStore};
use vdo_workspace::check::SandboxChecker;
use vdo_workspace::sandbox::{Require, Sandbox, SandboxConfig};
use vdo_workspace::scan::WorkspaceScanner;
use vdo_workspace::syntax::TreeSitterSyntax;

mod pass;

use pass::Pass;

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Arguments {
    base: String,
    jobs: usize,
    conc: usize,
    test: bool,
    db: String,
    tier: String,
    store: String,
    trees: String,
}

impl Arguments {
    fn read() -> Result<Self, Failure> {
        let all: Vec<String> = std::env::args().collect();
        let value = |name: &str, default: &str| {
            let at = all.iter().position(|one| one == name);
            at.and_then(|at| all.get(at + 1)).cloned().unwrap_or_else(|| default.to_owned())
        };
        Ok(Self {
            base: value("--base", "http://127.0.0.1:8099"),
            jobs: value("--jobs", "100").parse()?,
            conc: value("--conc", "1").parse()?,
            test: value("--test", "1") == "1",
            db: value("--db", "full"),
            tier: value("--tier", "T0"),
            store: value("--store", ""),
            trees: value("--trees", ""),
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::read()?;
    let folder = match arguments.store.as_str() {
        "" => tempfile::tempdir()?,
        folder => tempfile::tempdir_in(folder)?,
    };
    let sqlite = match arguments.db.as_str() {
        "off" => None,
        "normal" => Some(Durability::Normal),
        _ => Some(Durability::Full),
    };
    let sqlite = match sqlite {
        None => None,
        Some(durability) => {
            let file = folder.path().join("bench.db");
            let options = Options::default().with_durability(durability);
            Some(Arc::new(SqlStore::open(&format!("sqlite:{}", file.display()), options).await?))
        }
    };
    let store: Arc<dyn Store> = match &sqlite {
        Some(store) => store.clone(),
        None => Arc::new(MemoryStore::default()),
    };
    let engine = engine(&arguments, store)?;
    job(&engine).await?;
    let before = sqlite.as_ref().map(|store| store.stats()).unwrap_or_default();
    let (next, started) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let workers: Vec<_> = (0..arguments.conc.min(arguments.jobs))
        .map(|_| {
            let (engine, next, jobs) = (engine.clone(), next.clone(), arguments.jobs);
            tokio::spawn(async move {
                let mut times = Vec::new();
                let mut calls = 0;
                while next.fetch_add(1, Ordering::Relaxed) < jobs {
                    let begun = Instant::now();
                    let id = job(&engine).await?;
                    times.push(begun.elapsed().as_secs_f64() * 1e3);
                    calls += 6;
                    let _ = id;
                }
                Ok::<_, Failure>((times, calls))
            })
        })
        .collect();
    let (mut times, mut calls) = (Vec::new(), 0);
    for worker in workers {
        let (some, made) = worker.await??;
        times.extend(some);
        calls += made;
    }
    let wall = started.elapsed().as_secs_f64();
    // From the process's start, as the peers count it.
    let used = cpu();
    times.sort_by(f64::total_cmp);
    let jobs = arguments.jobs as f64;
    let at =
        |share: f64| times.get(((times.len().saturating_sub(1)) as f64 * share) as usize).copied().unwrap_or_default();
    let stats = sqlite.as_ref().map(|store| store.stats()).unwrap_or_default();
    let per_job = |new: u64, old: u64| new.saturating_sub(old) as f64 / jobs;
    let line = json!({
        "peer": format!("vdo db={} tier={}", arguments.db, arguments.tier), "jobs": arguments.jobs, "conc": arguments.conc,
        "test": u8::from(arguments.test).to_string(), "wall_s": wall, "jobs_s": jobs / wall, "p50_ms": at(0.5), "p99_ms": at(0.99),
        "cpu_ms_job": used * 1e3 / jobs, "rss_mb": peak_mib(), "calls_job": f64::from(calls) / jobs,
        "commits_job": per_job(stats.commits, before.commits), "transactions_job": per_job(stats.transactions, before.transactions),
        "statements_job": per_job(stats.statements, before.statements), "rows_job": per_job(stats.rows, before.rows),
    });
    use std::io::Write as _;
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

fn engine(arguments: &Arguments, store: Arc<dyn Store>) -> Result<Engine, Failure> {
    let plain = ModelConfig { tools: Some(false), json_schema: Some(false), ..ModelConfig::default() };
    let config = Config::new("mock", format!("{}/v1", arguments.base))
        .with_key(secrecy::SecretString::from("x".to_owned()))
        .with_model("gpt-4o-mini", plain);
    let memory = Path::new("/dev/shm");
    let trees = match arguments.trees.as_str() {
        "" if memory.is_dir() => memory.to_owned(),
        "" => std::env::temp_dir(),
        folder => folder.into(),
    };
    let checked = |require| {
        let sandbox = Sandbox::new(SandboxConfig::default());
        Arc::new(SandboxChecker::new(sandbox, require, "/nonexistent").with_trees(&trees))
    };
    let checker: Arc<dyn Checker> = match (arguments.test, arguments.tier.as_str()) {
        (false, _) => Arc::new(Pass),
        (true, "T2") => checked(Require::T2),
        (true, _) => checked(Require::T0 { reason: "a benchmark of its own command".to_owned() }),
    };
    let syntax = Arc::new(TreeSitterSyntax);
    let price = Price::new(PicoUsdPerToken::per_million("0.15")?, PicoUsdPerToken::per_million("0.60")?);
    Ok(Engine::builder(store, Arc::new(TokioClock), Arc::new(WorkspaceScanner::new(syntax.clone())), checker)
        .syntax(syntax)
        .provider(Arc::new(OpenAiChat::new(config)?))
        .routes(Routes::all("mock:gpt-4o-mini".parse()?))
        .prices(Prices::default().with(&"mock:gpt-4o-mini".parse()?, price))
        .build())
}

async fn job(engine: &Engine) -> Result<JobId, Failure> {
    let id = engine.create(JobSpec::new("a small module", "Three files.").with_check("/bin/true")).await?;
    let job = engine.run(id).await?;
    if job.status != JobStatus::Completed {
        return Err(format!("job {id} is {}: {}", job.status, job.reason.unwrap_or_default()).into());
    }
    Ok(id)
}

/// Returns the processor seconds this process has used, its children left out.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / rustix::param::clock_ticks_per_second() as f64
}

/// Returns the most memory this process had, in MiB.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default()
        / 1024.0
}
