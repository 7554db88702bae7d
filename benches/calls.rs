//! What a single call costs on its way from choice to settlement, beside the same request in a bare loop, in one run.
//!
//! `vdo-calls [--base URL] [--calls N] [--conc C] [--db off|normal|full] [--rounds R]`: each round makes N calls in the bare loop and
//! N through the backend alone and N through the whole path: choose among three candidates, reserve and write the intent, encode, send, decode, settle and
//! write the answer. Without `--base`, nothing is sent: a reply that is at hand stands for the provider. One line of JSON.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Value, json};
use vdo_core::budget::{Account, Budget, Period, Scope};
use vdo_core::content::BlobHash;
use vdo_core::event::EventKind;
use vdo_core::health::Health;
use vdo_core::id::{JobId, Phase, StepKey};
use vdo_core::job::JobSpec;
use vdo_core::message::{Block, Completion, Message, Reply, Settings, Stop};
use vdo_core::money::{NanoUsd, PicoUsdPerToken, Price};
use vdo_core::port::changes::{CallWrite, Changes, Guard, LeaseChange, StepWrite};
use vdo_core::port::{
    CallRow, CallState, Capabilities, ClaimRequest, Clock, Lease, Provider, ProviderError, ReplyStream, StepState,
    Store, TokenCount,
};
use vdo_core::route::{Candidate, Choice, Known, Question, Strategy, choose};
use vdo_core::spend;
use vdo_core::testing::MemoryStore;
use vdo_core::usage::Usage;
use vdo_providers::clock::TokioClock;
use vdo_providers::openai_chat::{Config, OpenAiChat};
use vdo_store::{Durability, Options, SqlStore};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many calls belong to one job: the store in memory looks through all calls of a job at every commit.
const CALLS_A_JOB: usize = 8;
const MODEL: &str = "gpt-4o-mini";

fn request() -> Completion {
    Completion {
        model: MODEL.to_owned(),
        system: "You carry out one task of a plan.".to_owned(),
        messages: vec![Message::user("Write the file src/config.py.")],
        tools: Vec::new(),
        output: None,
        max_output: Some(2000),
        settings: Settings::default(),
    }
}

/// A provider whose reply is at hand.
#[derive(Debug)]
struct Ready;

#[async_trait]
impl Provider for Ready {
    fn name(&self) -> &str {
        "mock"
    }

    fn capabilities(&self, _: &str) -> Capabilities {
        Capabilities { tools: true, json_schema: false, context: None, max_output: None, accepts: Default::default() }
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        Ok(Reply {
            blocks: vec![Block::text("OK")],
            stop: Stop::End,
            usage: Usage { input: 100, output: 10, ..Usage::default() },
            model: request.model.clone(),
            request_id: None,
            about: Default::default(),
        })
    }

    async fn stream(&self, _: &Completion) -> Result<ReplyStream, ProviderError> {
        Err(ProviderError::BadRequest { status: 400, message: "not streamed".to_owned() })
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        Ok(TokenCount { tokens: request.estimated_tokens(), estimated: true })
    }

    async fn probe(&self) -> Result<vdo_core::port::Health, ProviderError> {
        Ok(vdo_core::port::Health { models: Vec::new() })
    }
}

struct Path {
    store: Arc<dyn Store>,
    provider: Arc<dyn Provider>,
    candidates: Vec<Candidate>,
    health: Health,
    accounts: Vec<Account>,
    price: Price,
}

impl Path {
    /// Makes one call the whole way.
    async fn call(&self, lease: &Lease, turn: u32) -> Result<(), Failure> {
        let request = request();
        let now = TokioClock.now();
        let bound = spend::bound(&request.system, &request.messages, &request.tools, None);
        let worst = self.price.worst_case_at(bound, 2000, request.settings.tier);
        let known: Vec<Known<'_>> = self
            .candidates
            .iter()
            .map(|candidate| Known {
                candidate,
                is_there: true,
                tools: true,
                context: Some(200_000),
                worst,
                health: Some(&self.health),
                key: None,
                failed: None,
                paced: None,
            })
            .collect();
        let question = Question {
            now,
            strategy: Strategy::Ordered,
            tools: false,
            input: request.estimated_tokens(),
            output: 1024,
            job: lease.job,
            project: lease.job,
            has_budget: false,
            keep: None,
            lot: 0,
        };
        let Choice::Ask(_, decision) = choose(&question, &known, &self.accounts) else { return Err("nobody".into()) };
        let step = StepKey { turn, ..StepKey::first(Phase::Build) };
        let hash = BlobHash::of(&serde_json::to_vec(&request)?);
        let row = CallRow {
            step: step.clone(),
            number: 1,
            provider: "mock".to_owned(),
            model: MODEL.to_owned(),
            state: CallState::Sent,
            request_hash: hash,
            prompt: "build@3".to_owned(),
            prompt_hash: hash,
            edit_format: None,
            reserved: worst,
            usage: None,
            cost: None,
            failure: None,
            outcome: None,
            started: now,
            ended: None,
            first_ms: None,
            tier: request.settings.tier,
            priced: None,
            decision: Some(Box::new(decision)),
        };
        let mut changes = Changes::new(Guard::Lease(lease.clone()), now);
        changes.lease = LeaseChange::Extend(now.after(Duration::from_secs(60)));
        changes.steps.push(StepWrite {
            key: step.clone(),
            state: StepState::Intent,
            request_hash: Some(hash),
            answer: None,
        });
        changes.events.push(EventKind::CallSent {
            step: step.clone(),
            number: 1,
            provider: row.provider.clone(),
            model: row.model.clone(),
            reserved: row.reserved,
        });
        changes.calls.push(CallWrite::new(row.clone()));
        self.store.commit(changes).await?;

        let reply = self.provider.complete(&request).await?;

        let ended = TokioClock.now();
        let cost = self.price.cost_at(&reply.usage, reply.about.tier);
        let (usage, released) = (Some(reply.usage), row.reserved.unwrap_or_default());
        let row = CallRow { state: CallState::Answered, ended: Some(ended), usage, cost, ..row };
        let mut changes = Changes::new(Guard::Lease(lease.clone()), ended);
        changes.lease = LeaseChange::Extend(ended.after(Duration::from_secs(60)));
        changes.events.push(EventKind::CallAnswered {
            step: step.clone(),
            number: 1,
            provider: row.provider.clone(),
            model: row.model.clone(),
            usage: reply.usage,
            cost,
            duration_ms: u64::try_from(ended.since(row.started).as_millis())?,
        });
        let answer = Some(serde_json::to_vec(&reply)?.into());
        changes.steps.push(StepWrite { key: step, state: StepState::Answered, request_hash: None, answer });
        changes.calls.push(CallWrite { limits: reply.about.limits, ..CallWrite::new(row).releasing(released) });
        self.store.commit(changes).await?;
        Ok(())
    }

    async fn lease(&self) -> Result<Lease, Failure> {
        let now = TokioClock.now();
        let create = Changes::new(Guard::Create(Box::new(JobSpec::new("bench", ""))), now);
        let job: JobId = self.store.commit(create).await?.job;
        let (owner, ttl) = ("bench".to_owned(), Duration::from_secs(3600));
        Ok(self.store.claim(ClaimRequest { job, owner, now, ttl, presumed_dead: None, per_project: None }).await?)
    }
}

/// What many calls took.
#[derive(Debug, Default)]
struct Taken {
    micros: Vec<f64>,
    cpu: f64,
    wall: f64,
}

impl Taken {
    fn line(mut self) -> Value {
        self.micros.sort_by(f64::total_cmp);
        let calls = self.micros.len().max(1) as f64;
        let at = |share: f64| self.micros.get(((calls - 1.0) * share) as usize).copied().unwrap_or_default();
        json!({"p50_us": at(0.5), "p99_us": at(0.99), "cpu_us": self.cpu * 1e6 / calls, "calls_s": calls / self.wall})
    }

    fn plus(&mut self, other: Self) {
        self.micros.extend(other.micros);
        self.cpu += other.cpu;
        self.wall += other.wall;
    }
}

async fn measure<F, R>(calls: usize, conc: usize, one: F) -> Result<Taken, Failure>
where
    F: Fn(usize) -> R + Clone + Send + 'static,
    R: Future<Output = Result<(), Failure>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let (used, begun) = (cpu(), Instant::now());
    let workers: Vec<_> = (0..conc)
        .map(|_| {
            let (one, next) = (one.clone(), next.clone());
            tokio::spawn(async move {
                let mut micros = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= calls {
                        return Ok::<_, Failure>(micros);
                    }
                    let begun = Instant::now();
                    one(number).await?;
                    micros.push(begun.elapsed().as_secs_f64() * 1e6);
                }
            })
        })
        .collect();
    let mut taken = Taken::default();
    for worker in workers {
        taken.micros.extend(worker.await??);
    }
    (taken.cpu, taken.wall) = (cpu() - used, begun.elapsed().as_secs_f64());
    Ok(taken)
}

fn value(name: &str, default: &str) -> String {
    let all: Vec<String> = std::env::args().collect();
    let at = all.iter().position(|one| one == name);
    at.and_then(|at| all.get(at + 1)).cloned().unwrap_or_else(|| default.to_owned())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // The bare client has no cryptography of its own; nothing here is encrypted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (base, db) = (value("--base", ""), value("--db", "off"));
    let (calls, conc): (usize, usize) = (value("--calls", "2000").parse()?, value("--conc", "1").parse()?);
    let rounds: u32 = value("--rounds", "3").parse()?;
    let folder = tempfile::tempdir()?;
    let store: Arc<dyn Store> = match db.as_str() {
        "off" => Arc::new(MemoryStore::default()),
        kind => {
            let durability = if kind == "normal" { Durability::Normal } else { Durability::Full };
            let file = folder.path().join("bench.db");
            let options = Options::default().with_durability(durability);
            Arc::new(SqlStore::open(&file.display().to_string(), options).await?)
        }
    };
    let provider: Arc<dyn Provider> = if base.is_empty() {
        Arc::new(Ready)
    } else {
        let config = Config::new("mock", format!("{base}/v1")).with_key("x".to_owned().into());
        Arc::new(OpenAiChat::new(config)?)
    };
    let budget = Budget::new(Scope::Provider("mock".to_owned()), Period::Month, NanoUsd(i64::MAX / 4));
    let now = TokioClock.now();
    let accounts = match store.accounts() {
        Some(accounts) => vec![accounts.set_budget(budget, now).await?],
        None => Vec::new(),
    };
    let price = Price::new(PicoUsdPerToken::per_million("0.15")?, PicoUsdPerToken::per_million("0.60")?);
    let candidates =
        ["mock:gpt-4o-mini", "mock:b", "mock:c"].map(str::parse).into_iter().collect::<Result<Vec<_>, _>>()?;
    let path = Arc::new(Path { store, provider, candidates, health: Health::default(), accounts, price });
    let (mut bare, mut whole, mut backend) = (Taken::default(), Taken::default(), Taken::default());
    for round in 0..=rounds {
        let mut leases = Vec::new();
        for _ in 0..calls.div_ceil(CALLS_A_JOB) {
            leases.push(path.lease().await?);
        }
        let (leases, own) = (Arc::new(leases), path.clone());
        let first = bare_round(&base, calls, conc).await?;
        let second = measure(calls, conc, move |number| {
            let (path, lease) = (own.clone(), leases.get(number / CALLS_A_JOB).cloned());
            async move { path.call(&lease.ok_or("no lease")?, u32::try_from(number % CALLS_A_JOB)? + 1).await }
        })
        .await?;
        let provider = path.provider.clone();
        let third = measure(calls, conc, move |_| {
            let provider = provider.clone();
            async move { Ok(provider.complete(&request()).await.map(drop)?) }
        })
        .await?;
        // The first round warms up.
        if round > 0 {
            bare.plus(first);
            whole.plus(second);
            backend.plus(third);
        }
    }
    let (bare, whole, backend) = (bare.line(), whole.line(), backend.line());
    let ratio = |field: &str| {
        whole.get(field).and_then(Value::as_f64).unwrap_or(0.0)
            / bare.get(field).and_then(Value::as_f64).unwrap_or(0.0).max(1e-9)
    };
    let (p50, cpu) = (ratio("p50_us"), ratio("cpu_us"));
    let line = json!({"db": db, "conc": conc, "calls": calls, "bare": bare, "backend": backend, "vdo": whole, "p50_ratio": p50, "cpu_ratio": cpu});
    use std::io::Write as _;
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

/// The same request and reply without any of it: one client, JSON out, JSON in.
async fn bare_round(base: &str, calls: usize, conc: usize) -> Result<Taken, Failure> {
    if base.is_empty() {
        return Ok(Taken::default());
    }
    let client = reqwest::Client::builder().pool_max_idle_per_host(4096).no_proxy().build()?;
    let url = format!("{base}/v1/chat/completions");
    measure(calls, conc, move |_| {
        let (client, url) = (client.clone(), url.clone());
        async move {
            let body = json!({"model": MODEL, "max_tokens": 2000, "messages": [
                {"role": "system", "content": "You carry out one task of a plan."},
                {"role": "user", "content": "Write the file src/config.py."},
            ]});
            let response = client.post(url).bearer_auth("x").json(&body).send().await?.error_for_status()?;
            let reply: Value = serde_json::from_slice(&response.bytes().await?)?;
            if reply.get("choices").is_none() { Err("no choices".into()) } else { Ok(()) }
        }
    })
    .await
}

/// Returns the processor seconds this process has used.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / rustix::param::clock_ticks_per_second() as f64
}
