//! The world that the engine's tests play: a gate before the store, a clock, models, a scanner, a checker, a target.

use std::collections::{BTreeSet, VecDeque};
use std::future::{Future, pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::task::noop_waker_ref;
use serde_json::{Value, json};

use crate::check::{CheckReport, CommandOutcome, CommandSource, Exit, Runner, TestResult, TestStatus, Tier};
use crate::conflict::ConflictRow;
use crate::content::{Blob, BlobHash, Entry};
use crate::engine::{Engine, EngineBuilder, Import, lock};
use crate::event::Event;
use crate::id::{JobId, Phase, RevisionId, RevisionRef};
use crate::job::{Correction, Job, JobSpec, Revision};
use crate::message::{Block, Completion, Reasoning, Reply};
use crate::money::{PicoUsdPerToken, Price};
use crate::path::RepoPath;
use crate::port::changes::{Changes, Guard, Receipt};
use crate::port::{
    Accepts, Accounts, Blobs, CallRow, Capabilities, CheckError, CheckRequest, Checked, Checker, ClaimRequest, Clock,
    Delivery, DeployError, Deployer, Deployment, EventLog, FileFacts, Health, Interest, JobQuery, Jobs, Journal, Lease,
    Ledger, PartialReply, Provider, ProviderError, ReplyStream, ScanError, Scanned, Scanner, SpendRow, StepRow, Store,
    StoreError, TokenCount, TreeSource,
};
use crate::route::Routes;
use crate::spend::Prices;
use crate::testing::MemoryStore;
use crate::testing::scripted::{Answers, RequestTag, ScriptedProvider};
use crate::time::Timestamp;
use crate::tree::{Delta, FileTree, Manifest};

/// Lets go of the thread once, so that a run can be dropped at every place where it waits.
pub(super) async fn breathe() {
    let mut breathed = false;
    poll_fn(|context| {
        if std::mem::replace(&mut breathed, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls at most `times` times; the future is dropped with its end, if it has one by then.
pub(super) fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut context = Context::from_waker(noop_waker_ref());
    for _ in 0..times {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
    }
    None
}

/// Polls to the end.
pub(super) fn finish<F: Future>(future: F) -> F::Output {
    poll_times(future, 1_000_000).expect("the future never ends")
}

/// What befalls the n-th commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    FailBefore,
    FailAfter,
}

/// A store that lets go of the thread around everything, keeps what was committed, and fails on demand.
#[derive(Debug, Default)]
pub(super) struct Gate {
    inner: MemoryStore,
    /// Every commit under a lease that was applied.
    pub(super) written: Mutex<Vec<Changes>>,
    /// Which commit under a lease fails next, counted from 0, and how.
    pub(super) fault: Mutex<Option<(usize, Fault)>>,
    /// Whether writes of what arrived of a reply never end, or fail; and how many were tried.
    pub(super) stuck_partials: Mutex<bool>,
    pub(super) broken_partials: Mutex<bool>,
    pub(super) partial_tries: AtomicUsize,
}

impl Gate {
    /// Takes the lease away from whoever holds it.
    pub(super) fn usurp(&self, job: JobId, epoch: u64) -> Lease {
        finish(self.inner.claim(ClaimRequest {
            job,
            owner: "rival".to_owned(),
            now: Timestamp(0),
            ttl: Duration::from_secs(60),
            presumed_dead: Some(epoch),
            per_project: None,
        }))
        .unwrap()
    }

    /// Asks the run of a job to stop.
    pub(super) fn cancel(&self, id: JobId) {
        let version = finish(self.inner.job(id)).unwrap().version;
        let mut changes = Changes::new(Guard::Version { job: id, version }, Timestamp(0));
        changes.cancel_requested = Some(true);
        finish(self.inner.commit(changes)).unwrap();
    }

    pub(super) fn commits(&self) -> usize {
        lock(&self.written).len()
    }
}

#[async_trait]
impl Store for Gate {
    async fn commit(&self, changes: Changes) -> Result<Receipt, StoreError> {
        breathe().await;
        if changes.partials.iter().any(|partial| partial.text.is_some()) {
            self.partial_tries.fetch_add(1, Ordering::Relaxed);
            if *lock(&self.stuck_partials) {
                pending::<()>().await;
            }
            if *lock(&self.broken_partials) {
                return Err(StoreError::Backend { place: "gate".to_owned(), source: "the disk is full".into() });
            }
        }
        let leased = matches!(changes.guard, Guard::Lease(_));
        let broken = || StoreError::Backend { place: "gate".to_owned(), source: "the disk is full".into() };
        let now = { *lock(&self.fault) }.filter(|(at, _)| leased && *at == 0).map(|(_, fault)| fault);
        if leased {
            let mut fault = lock(&self.fault);
            *fault = fault.and_then(|(at, fault)| at.checked_sub(1).map(|at| (at, fault)));
        }
        if now == Some(Fault::FailBefore) {
            return Err(broken());
        }
        let receipt = self.inner.commit(changes.clone()).await?;
        if leased {
            lock(&self.written).push(changes);
        }
        breathe().await;
        if now == Some(Fault::FailAfter) { Err(broken()) } else { Ok(receipt) }
    }

    fn accounts(&self) -> Option<&dyn Accounts> {
        self.inner.accounts()
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Lease, StoreError> {
        breathe().await;
        let lease = self.inner.claim(request).await;
        breathe().await;
        lease
    }
}

#[async_trait]
impl Jobs for Gate {
    async fn job(&self, id: JobId) -> Result<Job, StoreError> {
        breathe().await;
        self.inner.job(id).await
    }
    async fn jobs(&self, query: &JobQuery) -> Result<Vec<Job>, StoreError> {
        self.inner.jobs(query).await
    }
    async fn resolve(&self, reference: RevisionRef) -> Result<Revision, StoreError> {
        self.inner.resolve(reference).await
    }
    async fn revision(&self, id: RevisionId) -> Result<Revision, StoreError> {
        self.inner.revision(id).await
    }
    async fn manifest(&self, id: RevisionId) -> Result<Manifest, StoreError> {
        breathe().await;
        self.inner.manifest(id).await
    }
    async fn delta(&self, id: RevisionId) -> Result<Delta, StoreError> {
        self.inner.delta(id).await
    }
    async fn corrections(&self, job: JobId) -> Result<Vec<Correction>, StoreError> {
        self.inner.corrections(job).await
    }
}

#[async_trait]
impl Blobs for Gate {
    async fn blobs(&self, hashes: &[BlobHash]) -> Result<Vec<Blob>, StoreError> {
        breathe().await;
        self.inner.blobs(hashes).await
    }
}

#[async_trait]
impl Journal for Gate {
    async fn steps(&self, job: JobId) -> Result<Vec<StepRow>, StoreError> {
        breathe().await;
        self.inner.steps(job).await
    }
    async fn checks(&self, job: JobId) -> Result<Vec<(Phase, u32, CheckReport)>, StoreError> {
        self.inner.checks(job).await
    }
    async fn conflicts(&self, job: JobId) -> Result<Vec<ConflictRow>, StoreError> {
        self.inner.conflicts(job).await
    }
    async fn partials(&self, job: JobId) -> Result<Vec<PartialReply>, StoreError> {
        self.inner.partials(job).await
    }
}

#[async_trait]
impl Ledger for Gate {
    async fn calls(&self, job: JobId) -> Result<Vec<CallRow>, StoreError> {
        breathe().await;
        self.inner.calls(job).await
    }
    async fn spend(&self, since: Timestamp) -> Result<Vec<SpendRow>, StoreError> {
        self.inner.spend(since).await
    }
}

#[async_trait]
impl EventLog for Gate {
    async fn events(&self, job: JobId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.inner.events(job, after, limit).await
    }
}

/// A clock that moves only when somebody sleeps.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    now: AtomicI64,
    pub(super) sleeps: Mutex<Vec<Duration>>,
}

#[async_trait]
impl Clock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::Relaxed))
    }

    async fn sleep(&self, duration: Duration) {
        lock(&self.sleeps).push(duration);
        self.now.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::Relaxed);
        breathe().await;
    }
}

type Hook = Box<dyn Fn(&str) + Send + Sync>;

/// A scripted model that keeps what it was asked and what it answered, by the tags of the requests.
pub(super) struct Model {
    script: ScriptedProvider,
    pub(super) asked: Mutex<Vec<String>>,
    pub(super) requests: Mutex<Vec<Completion>>,
    /// How many of the next streams break off after their first words.
    pub(super) cuts: AtomicUsize,
    /// Whether its replies begin with reasoning.
    pub(super) thinks: AtomicBool,
    pub(super) answered: Mutex<Vec<String>>,
    /// Requests that never get an answer.
    pub(super) stuck: Mutex<BTreeSet<String>>,
    /// Failures of the next calls, before the script is asked; none is no failure.
    pub(super) chaos: Mutex<VecDeque<Option<ProviderError>>>,
    pub(super) hook: Mutex<Option<Hook>>,
    in_flight: AtomicUsize,
    pub(super) most_in_flight: AtomicUsize,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").finish_non_exhaustive()
    }
}

impl Model {
    pub(super) fn new(name: &str, answers: &[Value]) -> Arc<Self> {
        let tools = answers.iter().any(|answer| answer["reply"]["tool_calls"].is_array());
        let answers: Answers = serde_json::from_value(json!({ "answers": answers })).unwrap();
        let abilities =
            Capabilities { tools, json_schema: false, context: None, max_output: None, accepts: Accepts::default() };
        Arc::new(Self {
            script: ScriptedProvider::new(name, answers).with_capabilities(abilities),
            asked: Mutex::default(),
            requests: Mutex::default(),
            cuts: AtomicUsize::new(0),
            thinks: AtomicBool::new(false),
            answered: Mutex::default(),
            stuck: Mutex::default(),
            chaos: Mutex::default(),
            hook: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        })
    }

    pub(super) fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }

    pub(super) fn answered(&self) -> Vec<String> {
        lock(&self.answered).clone()
    }
}

struct Flight<'a>(&'a AtomicUsize);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Provider for Model {
    fn name(&self) -> &str {
        self.script.name()
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        self.script.capabilities(model)
    }

    async fn complete(&self, request: &Completion) -> Result<Reply, ProviderError> {
        let tag = RequestTag::of(request).unwrap();
        let (phase, task) = (tag.phase.unwrap(), tag.task.unwrap_or_else(|| "-".to_owned()));
        let tag = format!("{phase}/{task}/{}/{}", tag.attempt.unwrap(), tag.turn.unwrap());
        lock(&self.asked).push(tag.clone());
        lock(&self.requests).push(request.clone());
        let flying = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_in_flight.fetch_max(flying, Ordering::Relaxed);
        let _flight = Flight(&self.in_flight);
        if let Some(hook) = lock(&self.hook).as_ref() {
            hook(&tag);
        }
        breathe().await;
        if lock(&self.stuck).contains(&tag) {
            pending::<()>().await;
        }
        if let Some(Some(error)) = { lock(&self.chaos).pop_front() } {
            return Err(error);
        }
        let mut reply = self.script.complete(request).await?;
        if self.thinks.load(Ordering::Relaxed) {
            let (format, text, data) = ("played".to_owned(), "hm".to_owned(), json!({"signature": tag}));
            let reasoning = Reasoning { format, text, data, author: String::new() };
            reply.blocks.insert(0, Block::Reasoning(reasoning));
        }
        lock(&self.answered).push(tag);
        Ok(reply)
    }

    async fn stream(&self, request: &Completion) -> Result<ReplyStream, ProviderError> {
        let cut = self.cuts.load(Ordering::Relaxed);
        let whole = self.script.stream(request).await?;
        if cut == 0 {
            return Ok(whole);
        }
        self.cuts.store(cut - 1, Ordering::Relaxed);
        let broke = ProviderError::Transport { sent: true, source: "cut".into() }.after(true, None);
        let end = futures_util::stream::iter([Err(broke)]);
        Ok(Box::pin(whole.take(1).chain(end)))
    }

    async fn count_tokens(&self, request: &Completion) -> Result<TokenCount, ProviderError> {
        self.script.count_tokens(request).await
    }

    async fn probe(&self) -> Result<Health, ProviderError> {
        self.script.probe().await
    }
}

/// Takes every file of a tree for text.
#[derive(Debug)]
struct Everything;

#[async_trait]
impl Scanner for Everything {
    async fn scan(&self, source: &dyn TreeSource, _: &Interest) -> Result<Scanned, ScanError> {
        breathe().await;
        let mut files = Vec::new();
        for (path, entry) in &source.tree().0 {
            let bytes = source.read(&[entry.blob]).await?.concat().len() as u64;
            files.push(FileFacts::new(path.clone(), entry.blob, bytes));
        }
        Ok(Scanned { files, ..Scanned::default() })
    }
}

/// Fails a tree in which a file says `BUG`; errors that were ordered come first.
#[derive(Debug)]
pub(super) struct Checks {
    pub(super) tier: Mutex<Tier>,
    pub(super) errors: Mutex<VecDeque<CheckError>>,
    pub(super) runs: AtomicUsize,
    /// What runs after the first two also complain of, if anything fails: no failure is like the one before.
    pub(super) noise: Mutex<Vec<String>>,
}

#[async_trait]
impl Checker for Checks {
    fn tier(&self) -> Option<Tier> {
        Some(*lock(&self.tier))
    }

    async fn check(&self, request: CheckRequest<'_>) -> Result<Checked, CheckError> {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        breathe().await;
        if let Some(error) = lock(&self.errors).pop_front() {
            return Err(error);
        }
        let mut wrong = Vec::new();
        for (path, entry) in &request.source.tree().0 {
            let text = String::from_utf8(request.source.read(&[entry.blob]).await?.concat()).unwrap();
            if text.contains("BUG") {
                wrong.push(path.to_string());
            }
        }
        if run >= 2 && !wrong.is_empty() {
            wrong.extend(lock(&self.noise).iter().cloned());
        }
        let outcome = |command: &crate::check::CheckCommand| CommandOutcome {
            command: command.clone(),
            exit: Exit::Code(i32::from(!wrong.is_empty() && command.source != CommandSource::Language)),
            rerun: None,
            output: wrong.join(" "),
            tests: match command.runner {
                Runner::Pytest => tests(request.source.tree(), &wrong),
                _ => Vec::new(),
            },
            duration_ms: 1,
        };
        let report = CheckReport {
            tier: *lock(&self.tier),
            tree_hash: request.source.tree().root_hash(),
            outcomes: request.commands.iter().map(outcome).collect(),
            setup_failed: None,
        };
        Ok(Checked { report, files: Vec::new() })
    }
}

/// A test per file: it fails if the file is wrong.
fn tests(tree: &FileTree, wrong: &[String]) -> Vec<TestResult> {
    let test = |path: &RepoPath| {
        let status = if wrong.contains(&path.to_string()) { TestStatus::Failed } else { TestStatus::Passed };
        TestResult { name: path.to_string(), status }
    };
    tree.0.keys().map(test).collect()
}

/// A target that takes everything, or nothing.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) is_full: bool,
    pub(super) taken: Mutex<Vec<BlobHash>>,
}

#[async_trait]
impl Deployer for Shelf {
    async fn deploy(&self, deployment: Deployment<'_>) -> Result<Delivery, DeployError> {
        breathe().await;
        if self.is_full {
            return Err(DeployError::Target { target: "shelf".to_owned(), reason: "it is full".to_owned() });
        }
        lock(&self.taken).push(deployment.source.tree().root_hash());
        let files = deployment.source.tree().len() as u64;
        Ok(Delivery { how: "branch".to_owned(), place: "vdo/x".to_owned(), branch: Some("vdo/x".to_owned()), files })
    }
}

/// An answer of text, given whenever it fits.
pub(super) fn says(phase: &str, task: Option<&str>, attempt: u32, text: impl Into<String>) -> Value {
    json!({
        "when": {"phase": phase, "task": task, "attempt": attempt},
        "reply": {"text": text.into()},
        "usage": {"input": 1000, "output": 100},
        "repeat": true,
    })
}

pub(super) fn plan(tasks: Value) -> String {
    json!({"summary": "s", "tasks": tasks}).to_string()
}

pub(super) fn edit(path: &str, find: &str, replace: &str) -> String {
    format!("{path}\n<<<<<<< SEARCH\n{find}\n=======\n{replace}\n>>>>>>> REPLACE\n")
}

/// How the two tasks of the story stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tasks {
    SideBySide,
    InTurn,
    /// In turn, and the first is done with tool calls, a command among them.
    WithTools,
}

/// What the author says: a plan that does not fit, one that does, two tasks, one with a bug, and two repairs.
pub(super) fn author(tasks: Tasks) -> Vec<Value> {
    let after = if tasks == Tasks::SideBySide { Vec::new() } else { vec!["a"] };
    let good = json!([
        {"id": "a", "title": "A", "modify": ["app.py"]},
        {"id": "b", "title": "B", "create": ["b.py"], "depends_on": after},
    ]);
    let mut answers = vec![
        says("plan", None, 1, plan(json!([{"id": "a", "title": "A", "modify": ["no.py"]}]))),
        says("plan", None, 2, plan(good)),
        says("build", Some("b"), 1, "b.py\n```\nb = 1\n```\n"),
        says("repair", None, 1, edit("app.py", "bye = BUG", "bye = 1")),
        says("repair", None, 2, edit("b.py", "b = 1", "b = 2")),
    ];
    if tasks != Tasks::WithTools {
        answers.push(says("build", Some("a"), 1, edit("app.py", "bye = 0", "bye = BUG")));
        return answers;
    }
    let calls = [
        json!([{"name": "edit", "input": {"path": "app.py", "find": "bye = 0", "replace": "bye = BUG"}},
               {"name": "run", "input": {"command": "python app.py"}},
               {"name": "run", "input": {"command": "python -V"}}]),
        json!([{"name": "done", "input": {}}]),
    ];
    answers.extend((1..).zip(calls).map(|(turn, calls)| {
        json!({
            "when": {"phase": "build", "task": "a", "turn": turn},
            "reply": {"tool_calls": calls},
            "usage": {"input": 1000, "output": 100},
            "repeat": true,
        })
    }));
    answers
}

/// What the critic says: something is to be mended, then nothing.
pub(super) fn critic() -> Vec<Value> {
    let finding = json!({"findings": [{"file": "b.py", "severity": "major", "claim": "b is 1"}]});
    vec![says("critique", None, 1, finding.to_string()), says("critique", None, 2, r#"{"findings": []}"#)]
}

/// Everything a run meets. Engines come and go; the world stays.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) store: Arc<Gate>,
    pub(super) clock: Arc<Ticks>,
    pub(super) checks: Arc<Checks>,
    pub(super) author: Arc<Model>,
    pub(super) critic: Arc<Model>,
}

impl World {
    pub(super) fn new(author: &[Value], critic: &[Value]) -> Self {
        Self {
            store: Arc::default(),
            clock: Arc::default(),
            checks: Arc::new(Checks {
                tier: Mutex::new(Tier::T2),
                errors: Mutex::default(),
                runs: AtomicUsize::new(0),
                noise: Mutex::default(),
            }),
            author: Model::new("author", author),
            critic: Model::new("critic", critic),
        }
    }

    /// The story: refused plan, plan, two tasks, a failing check, its repair, a finding, its repair.
    pub(super) fn story(tasks: Tasks) -> Self {
        Self::new(&author(tasks), &critic())
    }

    /// The shortest run there is: a plan, one task, a review without findings.
    pub(super) fn short() -> Self {
        let tasks = plan(json!([{"id": "a", "title": "A", "modify": ["app.py"]}]));
        Self::new(
            &[says("plan", None, 1, tasks), says("build", Some("a"), 1, edit("app.py", "bye = 0", "bye = 1"))],
            &[says("critique", None, 1, r#"{"findings": []}"#)],
        )
    }

    pub(super) fn builder(&self) -> EngineBuilder {
        let mut routes = Routes::all("author:w".parse().unwrap());
        routes.phases.insert(Phase::Critique, vec!["critic:r".parse().unwrap()]);
        let price = |input, output| {
            let read = |text| PicoUsdPerToken::per_million(text).unwrap();
            Price::new(read(input), read(output))
        };
        let prices = [("author:w", price("1", "2")), ("critic:r", price("1", "2"))];
        Engine::builder(self.store.clone(), self.clock.clone(), Arc::new(Everything), self.checks.clone())
            .provider(self.author.clone())
            .provider(self.critic.clone())
            .routes(routes)
            .prices(
                prices
                    .into_iter()
                    .fold(Prices::default(), |all, (name, price)| all.with(&name.parse().unwrap(), price)),
            )
    }

    pub(super) fn engine(&self) -> Engine {
        self.builder().build()
    }

    /// Imports the application; needs no lease and counts as no commit.
    pub(super) fn import(&self, files: &[(&str, &str)]) -> JobId {
        finish(self.engine().import(import(files))).unwrap()
    }

    /// Makes a job that extends the application.
    pub(super) fn job(&self) -> JobId {
        self.job_with(|spec| spec)
    }

    pub(super) fn job_with(&self, change: impl FnOnce(JobSpec) -> JobSpec) -> JobId {
        let parent = self.import(APP);
        let spec =
            JobSpec::new("Say goodbye", "Twice.").with_parent(RevisionRef::head(parent)).with_check("make check");
        finish(self.engine().create(change(spec))).unwrap()
    }

    pub(super) fn run(&self, job: JobId) -> Job {
        finish(self.engine().run(job)).unwrap()
    }

    pub(super) fn calls(&self, job: JobId) -> Vec<CallRow> {
        finish(self.store.calls(job)).unwrap()
    }

    pub(super) fn steps(&self, job: JobId) -> Vec<StepRow> {
        finish(self.store.steps(job)).unwrap()
    }

    pub(super) fn events(&self, job: JobId) -> Vec<Event> {
        finish(self.store.events(job, 0, u32::MAX)).unwrap()
    }

    /// Returns the text of a file as a job's head has it.
    pub(super) fn text(&self, job: JobId, path: &str) -> String {
        let revision = finish(self.store.resolve(RevisionRef::head(job))).unwrap();
        let tree = finish(self.store.manifest(revision.id)).unwrap().tree();
        let blob = tree.get(&path.parse().unwrap()).unwrap().blob;
        let blobs = finish(self.store.blobs(&[blob])).unwrap();
        String::from_utf8(blobs[0].bytes().to_vec()).unwrap()
    }

    /// Returns calls as `step#number route state`.
    pub(super) fn call_lines(&self, job: JobId) -> Vec<String> {
        let line = |row: &CallRow| {
            format!("{}#{} {}:{} {}", row.step, row.number, row.provider, row.model, row.state.as_str())
        };
        self.calls(job).iter().map(line).collect()
    }
}

pub(super) const APP: &[(&str, &str)] = &[("app.py", "hello = 1\nbye = 0\n"), ("base.html", "<nav></nav>\n")];

pub(super) fn import(files: &[(&str, &str)]) -> Import {
    let blobs: Vec<Blob> = files.iter().map(|(_, text)| Blob::new(text.as_bytes())).collect();
    let entries = files.iter().zip(&blobs);
    let tree: FileTree = entries.map(|((path, _), blob)| (path.parse().unwrap(), Entry::file(blob.hash()))).collect();
    let mut spec = JobSpec::new("app", "");
    spec.repo = Some("/srv/app".to_owned());
    Import { spec, tree, blobs }
}
