//! What lineage costs: a chain of jobs in a real store, beside the naive design in which every job copies all files of its
//! parent and reading walks the chain and loads everything; and the merge of two large trees.
//!
//! `cargo bench -p vdo-bench --bench lineage`. Sizes and the time to write are printed; reading and merging are timed by
//! criterion. `VDO_BENCH_DEEP=10000` makes the deep chain shorter.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stderr, missing_docs)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait as _};
use tokio::runtime::Runtime;
use vdo_core::content::{Blob, Entry};
use vdo_core::contents::Contents;
use vdo_core::id::{JobId, RevisionId, RevisionRef};
use vdo_core::job::{Cause, JobSpec, JobStatus};
use vdo_core::merge;
use vdo_core::port::changes::{Changes, Guard, NewRevision};
use vdo_core::port::{Blobs as _, Jobs as _, Store as _};
use vdo_core::syntax::NoSyntax;
use vdo_core::time::Timestamp;
use vdo_core::tree::FileTree;
use vdo_store::{Options, SqlStore};

const FILES: usize = 1_000;
const CHANGED: usize = 5;
const JOBS: usize = 1_000;
/// Jobs of the naive design: each is the same size, so that more tell nothing new.
const NAIVE_JOBS: usize = 40;

/// Numbers that look random and are the same every time (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((value ^ (value >> 31)) % sides as u64).unwrap()
    }
}

const WORDS: [&str; 24] = [
    "request", "response", "handler", "session", "config", "user", "token", "update", "delete", "create", "result",
    "value", "index", "render", "template", "database", "query", "commit", "branch", "merge", "budget", "provider",
    "error", "retry",
];

/// A source file of about 5 KB.
fn source(dice: &mut Dice) -> String {
    let mut text =
        String::from("\"\"\"Part of an application.\"\"\"\n\nfrom flask import Blueprint, render_template\n\n");
    while text.len() < 5 * 1024 {
        let mut word = || WORDS[dice.roll(WORDS.len())];
        let (name, other, third) = (word(), word(), word());
        let number = dice.roll(10_000);
        text.push_str(&format!(
            "def {name}_{other}_{number}({third}, {other}=None):\n    if {third} is None:\n        return {other}\n    \
             {name} = {third}.{other}({number})\n    return render_template(\"{name}/{third}.html\", {other}={name})\n\n\n"
        ));
    }
    text
}

fn edit(dice: &mut Dice, text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let at = dice.roll(lines.len());
    let mut new: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    new[at] = format!("    # changed {}", dice.roll(1_000_000));
    new.join("\n") + "\n"
}

/// The files of the chain and what each job changes.
struct Story {
    dice: Dice,
    files: BTreeMap<String, String>,
}

impl Story {
    fn new() -> Self {
        let mut dice = Dice(7);
        let name = |at: usize| format!("src/package_{:02}/module_{at:04}.py", at % 40);
        let files = (0..FILES).map(|at| (name(at), source(&mut dice))).collect();
        Self { dice, files }
    }

    fn next(&mut self) -> Vec<(String, String)> {
        let names: Vec<String> = self.files.keys().cloned().collect();
        let mut changed = Vec::new();
        for _ in 0..CHANGED {
            let name = names[self.dice.roll(names.len())].clone();
            let text = edit(&mut self.dice, &self.files[&name]);
            self.files.insert(name.clone(), text.clone());
            changed.push((name, text));
        }
        changed
    }
}

/// What the disk alone takes to keep a small write.
fn flush(dir: &Path) -> Duration {
    use std::io::Write as _;
    let mut file = std::fs::File::create(dir.join("flush")).unwrap();
    let mut times: Vec<Duration> = (0..50)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[7; 40_000]).unwrap();
            file.sync_data().unwrap();
            start.elapsed()
        })
        .collect();
    std::fs::remove_file(dir.join("flush")).unwrap();
    times.sort_unstable();
    times[25]
}

fn told(times: &[Duration]) -> String {
    let mut times = times.to_vec();
    times.sort_unstable();
    let mean = times.iter().sum::<Duration>() / u32::try_from(times.len().max(1)).unwrap();
    format!("{mean:?} a write on average, {:?} in the middle, {:?} at best", times[times.len() / 2], times[0])
}

/// Times something by itself: on a busy machine the best of many says more than their mean.
fn best<T>(name: &str, mut work: impl FnMut() -> T) {
    let mut times: Vec<Duration> = (0..60)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    eprintln!("{name}: {:?} at best, {:?} in the middle", times[0], times[times.len() / 2]);
}

fn size_of(dir: &Path) -> u64 {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// A chain in a real store.
struct Chain {
    dir: tempfile::TempDir,
    store: SqlStore,
    tree: FileTree,
    last: Option<(JobId, RevisionId)>,
    story: Story,
    revisions: Vec<RevisionId>,
}

impl Chain {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("vdo.db");
        let store = SqlStore::open(place.to_str().unwrap(), Options::default()).await.unwrap();
        let story = Story::new();
        Self { dir, store, tree: FileTree::default(), last: None, story, revisions: Vec::new() }
    }

    /// Adds a job and returns how long its write took.
    async fn grow(&mut self) -> Duration {
        let changed: Vec<(String, String)> = match self.last {
            None => self.story.files.clone().into_iter().collect(),
            Some(_) => self.story.next(),
        };
        let old = self.tree.clone();
        let mut spec = JobSpec::new("A step", "Changes a few files.");
        spec.parents = self.last.iter().map(|(job, _)| RevisionRef { job: *job, number: Some(1) }).collect();
        let mut changes = Changes::new(Guard::Create(Box::new(spec)), Timestamp(1_700_000_000_000));
        for (name, text) in changed {
            let blob = Blob::new(text.into_bytes());
            self.tree.0.insert(name.parse().unwrap(), Entry::file(blob.hash()));
            changes.blobs.push(blob);
        }
        changes.revision = Some(NewRevision {
            root_hash: self.tree.root_hash(),
            base: self.last.map(|(_, revision)| revision),
            delta: self.tree.delta_from(&old, &BTreeMap::new()),
            cause: Cause::Run,
            author: "bench".to_owned(),
            also: Vec::new(),
        });
        let changes = changes.with_status(JobStatus::Completed, None);
        let start = Instant::now();
        let receipt = self.store.commit(changes).await.unwrap();
        let took = start.elapsed();
        let revision = receipt.revision.unwrap().0;
        self.last = Some((receipt.job, revision));
        self.revisions.push(revision);
        took
    }

    /// Returns the size of the store as it lies there when nobody has it open.
    async fn size(&self) -> u64 {
        let address = format!("sqlite://{}?mode=rw", self.dir.path().join("vdo.db").display());
        let connection = Database::connect(address).await.unwrap();
        connection
            .query_all_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA wal_checkpoint(TRUNCATE)"))
            .await
            .unwrap();
        connection.close().await.unwrap();
        size_of(self.dir.path())
    }

    async fn grow_to(&mut self, jobs: usize) -> Vec<Duration> {
        let mut took = Vec::new();
        while self.revisions.len() < jobs {
            took.push(self.grow().await);
        }
        took
    }
}

/// The seed's design: every job has all files, and reading walks up the chain and loads them all.
struct Naive {
    dir: tempfile::TempDir,
    connection: DatabaseConnection,
}

impl Naive {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let address = format!("sqlite://{}?mode=rwc", dir.path().join("naive.db").display());
        let connection = Database::connect(address).await.unwrap();
        for sql in [
            "CREATE TABLE jobs (id INTEGER PRIMARY KEY, extends_job_id INTEGER)",
            "CREATE TABLE job_files (id INTEGER PRIMARY KEY, job_id INTEGER, filename TEXT, content TEXT)",
            "CREATE INDEX job_files_job ON job_files (job_id)",
        ] {
            connection.execute_unprepared(sql).await.unwrap();
        }
        Self { dir, connection }
    }

    async fn add(&self, job: usize, files: &BTreeMap<String, String>) -> Duration {
        let start = Instant::now();
        let transaction = self.connection.begin().await.unwrap();
        let values = |values: Vec<sea_orm::Value>, sql| Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
        let id = i64::try_from(job).unwrap();
        let parent = (job > 1).then_some(id - 1);
        let sql = "INSERT INTO jobs VALUES (?, ?)";
        transaction.execute_raw(values(vec![id.into(), parent.into()], sql)).await.unwrap();
        for (name, text) in files {
            let sql = "INSERT INTO job_files (job_id, filename, content) VALUES (?, ?, ?)";
            let row = vec![id.into(), name.clone().into(), text.clone().into()];
            transaction.execute_raw(values(row, sql)).await.unwrap();
        }
        transaction.commit().await.unwrap();
        start.elapsed()
    }

    /// Loads what a job sees, as the seed's `load_parent_context` does.
    async fn load(&self, job: usize) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let mut next = Some(i64::try_from(job).unwrap());
        while let Some(id) = next {
            let ask = |sql| Statement::from_sql_and_values(DbBackend::Sqlite, sql, vec![id.into()]);
            let rows = self.connection.query_all_raw(ask("SELECT filename, content FROM job_files WHERE job_id = ?"));
            for row in rows.await.unwrap() {
                let (name, text): (String, String) =
                    (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
                files.entry(name).or_insert(text);
            }
            let row = self.connection.query_one_raw(ask("SELECT extends_job_id FROM jobs WHERE id = ?")).await.unwrap();
            next = row.unwrap().try_get_by_index(0).unwrap();
        }
        files
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn chains(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let deep = std::env::var("VDO_BENCH_DEEP").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let mut chain = runtime.block_on(Chain::new());
    let times = runtime.block_on(chain.grow_to(JOBS));
    let size = runtime.block_on(chain.size());
    eprintln!(
        "{JOBS} jobs: {:.1} MB, {}; a flush of the disk alone takes {:?}",
        megabytes(size),
        told(&times[1..]),
        flush(chain.dir.path())
    );
    let (naive, naive_size) = runtime.block_on(async {
        let (naive, mut story) = (Naive::new().await, Story::new());
        let mut took = Vec::new();
        for job in 1..=NAIVE_JOBS {
            took.push(naive.add(job, &story.files).await);
            story.next();
        }
        let size = size_of(naive.dir.path()) * JOBS as u64 / NAIVE_JOBS as u64;
        eprintln!("naive: {:.0} MB for {JOBS} jobs, {}", megabytes(size), told(&took));
        (naive, size)
    });
    eprintln!("{:.0} times less than copying", naive_size as f64 / size as f64);
    let mut group = criterion.benchmark_group("chain");
    group.sample_size(30);
    let thousandth = chain.revisions[JOBS - 1];
    let furthest = *chain.revisions.iter().take(JOBS).rev().nth(JOBS % 32).unwrap();
    let manifest = |id| runtime.block_on(chain.store.manifest(id)).unwrap();
    group.bench_function("manifest at depth 1,000", |bench| bench.iter(|| black_box(manifest(thousandth))));
    group.bench_function("manifest, furthest from a snapshot", |bench| bench.iter(|| black_box(manifest(furthest))));
    best("manifest at depth 1,000", || manifest(thousandth));
    best("manifest, furthest from a snapshot", || manifest(furthest));
    let hashes: Vec<_> = manifest(thousandth).0.values().map(|file| file.entry.blob).collect();
    best("all contents at depth 1,000", || runtime.block_on(chain.store.blobs(&hashes)).unwrap());
    group.bench_function("all contents at depth 1,000", |bench| {
        bench.iter(|| black_box(runtime.block_on(chain.store.blobs(&hashes)).unwrap()));
    });
    group.bench_function(format!("naive: all contents at depth {NAIVE_JOBS}"), |bench| {
        bench.iter(|| black_box(runtime.block_on(naive.load(NAIVE_JOBS))));
    });
    group.finish();
    let times = runtime.block_on(chain.grow_to(deep));
    eprintln!("{deep} jobs: {:.1} MB, {}", megabytes(runtime.block_on(chain.size())), told(&times));
    let last = *chain.revisions.last().unwrap();
    best("manifest at the depth of all", || runtime.block_on(chain.store.manifest(last)).unwrap());
    let mut group = criterion.benchmark_group("deep chain");
    group.sample_size(30);
    group.bench_function(format!("manifest at depth {deep}"), |bench| {
        bench.iter(|| black_box(runtime.block_on(chain.store.manifest(last)).unwrap()));
    });
    group.finish();
}

/// Two trees of 10,000 files, 50 changed on each side: ten in both, ten moved on one side and changed on the other.
fn merges(criterion: &mut Criterion) {
    let (mut dice, mut contents) = (Dice(3), Contents::default());
    let mut put = |tree: &mut FileTree, name: String, text: &str| {
        let blob = Blob::new(text.as_bytes());
        contents.add(&blob);
        tree.0.insert(name.parse().unwrap(), Entry::file(blob.hash()));
    };
    let name = |at: usize| format!("src/package_{:03}/module_{at:05}.py", at % 200);
    let texts: Vec<String> = (0..10_000).map(|_| source(&mut dice)).collect();
    let mut base = FileTree::default();
    for (at, text) in texts.iter().enumerate() {
        put(&mut base, name(at), text);
    }
    let (mut ours, mut theirs) = (base.clone(), base.clone());
    for at in 0..50 {
        // The first ten lines on one side, the last ten on the other: all merges are clean.
        let text = &texts[at * 7];
        let (top, bottom) = (format!("# ours {at}\n{text}"), format!("{text}# theirs {at}\n"));
        if at < 40 {
            put(&mut ours, name(at * 7), &top);
        } else {
            ours.0.remove(&*name(at * 7));
            put(&mut ours, format!("moved/{at}.py"), &top);
        }
        let other = if !(10..40).contains(&at) { at * 7 } else { at * 7 + 1 };
        let bottom = if other == at * 7 { bottom } else { format!("{}# theirs\n", texts[other]) };
        put(&mut theirs, name(other), &bottom);
    }
    let needed = merge::needed(&base, &ours, &theirs);
    let clean = merge::trees(&base, &ours, &theirs, &contents, &NoSyntax);
    assert_eq!((clean.conflicts.len(), clean.blobs.len(), needed.len()), (0, 20, 60));
    best("merge of two trees of 10,000 files", || {
        black_box(merge::needed(&base, &ours, &theirs));
        merge::trees(&base, &ours, &theirs, &contents, &NoSyntax)
    });
    let mut group = criterion.benchmark_group("merge");
    group.sample_size(30);
    group.bench_function("two trees of 10,000 files", |bench| {
        bench.iter(|| {
            black_box(merge::needed(&base, &ours, &theirs));
            black_box(merge::trees(&base, &ours, &theirs, &contents, &NoSyntax))
        });
    });
    group.finish();
}

criterion_group!(lineage, merges, chains);
criterion_main!(lineage);
