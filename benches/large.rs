//! What a store answers after a year of heavy use, beside one that is new: `vdo-large [--jobs N] [--events N] [--calls N] [--store FOLDER]`.
//!
//! Fills a SQLite store by plain SQL with `--jobs` jobs of `--events` events and `--calls` calls each, spread over a year, then asks
//! both it and a store of 100 such jobs the same things through the store's own interface, and prints a table. Never measures the
//! filling. Both stores are made the same way, so that they differ in their sizes only.

use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection};
use vdo_core::content::{Blob, Entry};
use vdo_core::event::EventKind;
use vdo_core::id::JobId;
use vdo_core::job::{Cause, JobSpec, JobStatus};
use vdo_core::port::backlog::{AgendaQuery, Backlog as _};
use vdo_core::port::changes::{Changes, Guard, LeaseChange, NewRevision};
use vdo_core::port::upkeep::{Collection, Upkeep as _};
use vdo_core::port::{ClaimRequest, EventLog as _, JobQuery, Jobs as _, Ledger as _, Store as _};
use vdo_core::time::Timestamp;
use vdo_core::tree::FileTree;
use vdo_store::{Options, SqlStore};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// When the year begins.
const BEGIN: i64 = 1_700_000_000_000;
const YEAR: i64 = 365 * 86_400_000;
const NOW: Timestamp = Timestamp(BEGIN + YEAR);
/// Events of the first job on top of the others'.
const LONG: u64 = 10_000;
/// Jobs that wait to be run.
const WAITING: usize = 20;
/// Jobs written in one transaction.
const AT_ONCE: u64 = 1_000;

#[derive(Clone, Copy)]
struct Size {
    jobs: u64,
    events: u64,
    calls: u64,
}

/// A store, and what is known of it.
struct Filled {
    store: SqlStore,
    address: String,
    size: Size,
    waiting: Vec<JobId>,
}

/// What something took, in microseconds: the middle of several times, and the processor's share of one.
struct Took {
    wall: f64,
    cpu: f64,
}

/// One job as a run leaves it; the others are copies of it.
async fn template(store: &SqlStore) -> Result<JobId, Failure> {
    let text = "def hello():\n    return 'hello'\n";
    let blob = Blob::new(text.as_bytes());
    let mut tree = FileTree::default();
    tree.0.insert("hello.py".parse()?, Entry::file(blob.hash()));
    let spec = JobSpec::new("Say hello", "Add a hello() that says so.");
    let mut changes = Changes::new(Guard::Create(Box::new(spec)), Timestamp(BEGIN));
    changes.revision = Some(NewRevision {
        root_hash: tree.root_hash(),
        base: None,
        delta: tree.delta_from(&FileTree::default(), &std::collections::BTreeMap::new()),
        cause: Cause::Run,
        author: "vdo".to_owned(),
        also: Vec::new(),
    });
    changes.blobs.push(blob);
    changes
        .events
        .push(EventKind::Note { text: "The plan was refused; another one is asked for.".to_owned(), tier: None });
    Ok(store.commit(changes.with_status(JobStatus::Completed, None)).await?.job)
}

/// Makes copies of the first job until there are as many as wanted.
async fn fill(raw: &DatabaseConnection, size: Size) -> Result<(), Failure> {
    let Size { jobs, events, calls } = size;
    let step = YEAR / i64::try_from(jobs.max(1))?;
    let mut first = 2;
    while first <= jobs {
        let last = (first + AT_ONCE - 1).min(jobs);
        let all = format!("WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})");
        let every = |count: u64, from: u64| {
            format!("{all}, m(k) AS (SELECT {from} UNION ALL SELECT k + 1 FROM m WHERE k < {})", from + count - 1)
        };
        let at = format!("{BEGIN} + n.i * {step}");
        let text = format!(
            "BEGIN;
            {all} INSERT INTO jobs (id, depth, root_id, kind, status, version, autonomy, created, updated, title, description, head_id,
                head_number, next_seq, cost) SELECT n.i, 1, n.i, j.kind, j.status, 3, j.autonomy, {at}, {at}, 'Job ' || n.i, j.description,
                n.i, 1, {events} + 1, 1000 * {calls} FROM n, jobs j WHERE j.id = 1;
            {all} INSERT INTO revisions (id, job_id, number, chain, cause, created, root_hash, author)
                SELECT n.i, n.i, 1, 0, r.cause, {at}, r.root_hash, r.author FROM n, revisions r WHERE r.id = 1;
            {all} INSERT INTO job_files (revision_id, path, blob_id, mode, op, step)
                SELECT n.i, f.path, f.blob_id, f.mode, f.op, f.step FROM n, job_files f WHERE f.revision_id = 1;
            {} INSERT INTO events (job_id, seq, at, len, codec, kind)
                SELECT n.i, m.k, {at} + m.k, e.len, e.codec, e.kind FROM n, m, events e WHERE e.job_id = 1 AND e.seq = 1;
            {steps} INSERT INTO steps (job_id, key, state, epoch, request_hash, len, codec, answer)
                SELECT n.i, 'build/task-' || m.k || '/1', 2, 1, randomblob(32), 200, 0, randomblob(200) FROM n, m;
            {steps} INSERT INTO calls (job_id, step, number, state, started, ended, reserved, cost, usage_known, usage_input,
                usage_cache_read, usage_cache_write, usage_cache_write_long, usage_output, usage_reasoning, usage_estimated, outcome,
                provider, model, prompt, request_hash, prompt_hash)
                SELECT n.i, 'build/task-' || m.k || '/1', 1, 1, {at} + m.k, {at} + m.k + 50, 2000, 1000, 1, 900, 0, 0, 0, 300, 0, 0, 0,
                'provider-' || (m.k % 3), 'model-' || (m.k % 2), 'build', randomblob(32), randomblob(32) FROM n, m;
            COMMIT;",
            every(events, 1),
            steps = every(calls, 1),
        );
        raw.execute_unprepared(&text).await?;
        first = last + 1;
    }
    // The first job is a long one; it has no calls.
    let long = format!(
        "BEGIN;
        WITH RECURSIVE m(k) AS (SELECT 2 UNION ALL SELECT k + 1 FROM m WHERE k < {LONG})
            INSERT INTO events (job_id, seq, at, len, codec, kind)
            SELECT 1, m.k, {BEGIN} + m.k, e.len, e.codec, e.kind FROM m, events e WHERE e.job_id = 1 AND e.seq = 1;
        UPDATE jobs SET next_seq = {LONG} + 1 WHERE id = 1;
        COMMIT;
        PRAGMA wal_checkpoint(TRUNCATE);"
    );
    raw.execute_unprepared(&long).await?;
    Ok(())
}

async fn filled(folder: &Path, name: &str, size: Size) -> Result<Filled, Failure> {
    let file = folder.join(name).display().to_string();
    let store = SqlStore::open(&file, Options::default()).await?;
    template(&store).await?;
    drop(store);
    let raw = Database::connect(format!("sqlite://{file}?mode=rw")).await?;
    let begun = Instant::now();
    fill(&raw, size).await?;
    raw.close().await?;
    let bytes = std::fs::metadata(&file)?.len();
    say(&format!("{name}: {} jobs, {} MB, filled in {:.0} s", size.jobs, bytes >> 20, begun.elapsed().as_secs_f64()))?;
    let store = SqlStore::open(&file, Options::default()).await?;
    let mut waiting = Vec::new();
    for at in 0..WAITING {
        let spec = JobSpec::new(format!("Waits {at}"), "To be run.");
        waiting.push(store.commit(Changes::new(Guard::Create(Box::new(spec)), NOW)).await?.job);
    }
    Ok(Filled { store, address: file, size, waiting })
}

/// Does something `times` times.
async fn timed<F, R, T>(times: u32, mut work: F) -> Result<Took, Failure>
where
    F: FnMut(u32) -> R,
    R: Future<Output = Result<T, Failure>>,
{
    let mut walls = Vec::new();
    let before = cpu();
    for at in 0..times {
        let begun = Instant::now();
        work(at).await?;
        walls.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    let used = (cpu() - before).as_secs_f64() * 1e6 / f64::from(times.max(1));
    walls.sort_by(f64::total_cmp);
    Ok(Took { wall: walls.get(walls.len() / 2).copied().unwrap_or_default(), cpu: used })
}

/// Asks one store everything.
async fn ask(filled: &Filled) -> Result<Vec<(&'static str, Took)>, Failure> {
    let Filled { store, size, waiting, .. } = filled;
    let some = |at: u32| JobId::new(2 + u64::from(at) * 7919 % (size.jobs - 1)).ok_or("the job 0");
    let mut all = Vec::new();
    let open = timed(5, |_| async {
        SqlStore::open(&filled.address, Options::default()).await?;
        Ok(())
    });
    all.push(("open", open.await?));
    all.push(("first page of jobs", timed(50, |_| async { Ok(store.jobs(&JobQuery::default()).await?) }).await?));
    all.push(("a job", timed(200, |at| async move { Ok(store.job(some(at)?).await?) }).await?));
    let first = JobId::new(1).ok_or("the job 0")?;
    let page = timed(50, |_| async { Ok(store.events(first, LONG - 100, 100).await?) });
    all.push(("last 100 of 10,000 events", page.await?));
    let query = AgendaQuery { now: NOW, limit: 64, only: None };
    all.push(("agenda", timed(50, |_| async { Ok(store.agenda(query).await?) }).await?));
    let claim = timed(u32::try_from(waiting.len())?, |at| async move {
        let job = *waiting.get(at as usize).ok_or("no such job")?;
        let (owner, ttl) = ("bench".to_owned(), Duration::from_secs(600));
        Ok(store.claim(ClaimRequest { job, owner, now: NOW, ttl, presumed_dead: None, per_project: Some(4) }).await?)
    });
    all.push(("claim", claim.await?));
    let job = *waiting.first().ok_or("no job")?;
    let request = ClaimRequest {
        job,
        owner: "bench".to_owned(),
        now: NOW,
        ttl: Duration::from_secs(600),
        presumed_dead: None,
        per_project: None,
    };
    let lease = store.claim(request).await?;
    let lease = &lease;
    let commit = timed(200, |at| async move {
        let mut changes = Changes::new(Guard::Lease(lease.clone()), NOW);
        changes.lease = LeaseChange::Extend(NOW.after(Duration::from_secs(600)));
        changes.events.push(EventKind::Note { text: format!("note {at}"), tier: None });
        changes.blobs.push(Blob::new(format!("content {at}").into_bytes()));
        Ok(store.commit(changes).await?)
    });
    all.push(("commit under a lease", commit.await?));
    let month = Timestamp(NOW.0 - 30 * 86_400_000);
    all.push(("spend of a month", timed(5, |_| async { Ok(store.spend(month).await?) }).await?));
    let collection = Collection {
        now: NOW,
        grace: Duration::from_secs(3600),
        journals_before: None,
        compact: false,
        is_trial: false,
    };
    all.push(("collect", timed(1, |_| async { Ok(store.collect(&collection).await?) }).await?));
    let whole = timed(1, |_| async {
        let faults = store.check_integrity().await?;
        match faults.first() {
            None => Ok(()),
            Some(fault) => Err(format!("{} faults, as {fault}", faults.len()).into()),
        }
    });
    all.push(("check_integrity", whole.await?));
    Ok(all)
}

/// Returns the processor time this process has used.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn say(line: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout().lock(), "{line}")
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str, default: &str| {
        let at = arguments.iter().position(|one| one == name);
        at.and_then(|at| arguments.get(at + 1)).cloned().unwrap_or_else(|| default.to_owned())
    };
    let (events, calls) = (value("--events", "100").parse()?, value("--calls", "6").parse()?);
    let jobs: u64 = value("--jobs", "100000").parse()?;
    let folder = match value("--store", "").as_str() {
        "" => tempfile::tempdir()?,
        folder => tempfile::tempdir_in(folder)?,
    };
    let small = filled(folder.path(), "small.db", Size { jobs: 100, events, calls }).await?;
    let large = filled(folder.path(), "large.db", Size { jobs: jobs.max(100), events, calls }).await?;
    say("\n| | 100 jobs: ms | processor, ms | large: ms | processor, ms | |\n|---|--:|--:|--:|--:|--:|")?;
    for ((name, small), (_, large)) in ask(&small).await?.into_iter().zip(ask(&large).await?) {
        let ms = |us: f64| format!("{:.2}", us / 1e3);
        let (times, wall) = (large.cpu / small.cpu.max(1.0), ms(large.wall));
        say(&format!(
            "| {name} | {} | {} | {wall} | {} | {times:.1} x |",
            ms(small.wall),
            ms(small.cpu),
            ms(large.cpu)
        ))?;
    }
    Ok(())
}
