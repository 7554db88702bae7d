//! What SQLite adds to the contract: the file, other processes, grouping, damage.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::*;
use futures_util::future::join_all;
use sea_orm::ConnectionTrait;
use vdo_core::content::{Blob, BlobHash, Entry};
use vdo_core::event::Event;
use vdo_core::id::{JobId, RevisionRef};
use vdo_core::job::{Cause, JobSpec};
use vdo_core::money::NanoUsd;
use vdo_core::port::changes::{Changes, Guard, NewRevision};
use vdo_core::port::{Blobs, ClaimRequest, EventLog, JobQuery, Jobs, Journal, Store, StoreError};
use vdo_core::tree::FileTree;
use vdo_store::{Options, SqlStore, StoreFault};

fn fault(result: Result<SqlStore, StoreError>) -> (String, StoreFault) {
    match result {
        Err(StoreError::Backend { place, source }) => (place, *source.downcast::<StoreFault>().unwrap()),
        other => panic!("expected a fault of the file, got {other:?}"),
    }
}

#[tokio::test]
async fn the_names_of_the_seed_exist() {
    let place = Place::new();
    let store = place.open().await;
    job(&*store, "root").await;
    let raw = place.raw().await;
    let columns = texts(&raw, "SELECT name FROM pragma_table_info('jobs')").await;
    for name in ["id", "title", "description", "status", "extends_job_id", "is_extension", "rating", "github_repo_url"]
    {
        assert!(columns.iter().any(|column| column == name), "{name}");
    }
    let names = texts(&raw, "SELECT name FROM sqlite_master WHERE type IN ('table', 'index', 'view')").await;
    for name in [
        "jobs",
        "job_parents",
        "revisions",
        "blobs",
        "job_files",
        "snapshots",
        "steps",
        "calls",
        "checks",
        "events",
        "corrections",
        "budgets",
        "idx_jobs_extends",
        "job_lineage",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}");
    }
    let columns = texts(&raw, "SELECT name FROM pragma_table_info('job_lineage')").await;
    assert_eq!(columns, ["id", "title", "extends_job_id", "depth", "root_id"]);
}

#[tokio::test]
async fn reads_and_writes_go_through_indexes() {
    let place = Place::new();
    let _store = place.open().await;
    let raw = place.raw().await;
    for sql in [
        "SELECT * FROM job_lineage WHERE id = 1",
        "SELECT * FROM jobs WHERE extends_job_id = 1",
        "SELECT * FROM job_files WHERE revision_id = 1",
        "SELECT * FROM events WHERE job_id = 1 AND seq > 5 ORDER BY seq",
        "SELECT * FROM steps WHERE job_id = 1 AND key = 'x'",
        "SELECT * FROM jobs WHERE id IN (SELECT value FROM json_each('[1]'))",
        "UPDATE jobs SET version = v.version FROM (SELECT value->>0 AS id, value->>1 AS version FROM json_each('[]')) v \
         WHERE jobs.id = v.id",
        "SELECT b.data FROM json_each('[]') e CROSS JOIN blobs b ON b.hash = unhex(e.value)",
    ] {
        let plan = query(&raw, &format!("EXPLAIN QUERY PLAN {sql}")).await;
        let plan: Vec<String> = plan.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
        assert!(plan.iter().any(|line| line.starts_with("SEARCH")), "{sql}: {plan:?}");
        let scans = plan.iter().filter(|line| line.starts_with("SCAN") && !line.contains("json_each"));
        assert_eq!(scans.filter(|line| !line.contains("VIRTUAL")).count(), 0, "{sql}: {plan:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_opened_again_has_everything() {
    let place = Place::new();
    let store = place.open().await;
    let id = job(&*store, "kept").await;
    let lease = claim(&*store, id, "one").await;
    let (content, hash) = blob("content");
    let mut changes = leased(&lease).with_event(note("kept"));
    changes.blobs = vec![content.clone()];
    store.commit(changes).await.unwrap();
    let before = store.job(id).await.unwrap();
    drop(store);
    let store = place.open().await;
    assert_eq!(store.job(id).await.unwrap(), before);
    assert_eq!(store.blobs(&[hash]).await.unwrap(), [content]);
    let event = Event { job: id, seq: 1, at: NOW, kind: note("kept") };
    assert_eq!(store.events(id, 0, 9).await.unwrap(), [event]);
    store.commit(leased(&lease).with_event(note("the lease goes on"))).await.unwrap();
    assert_eq!(store.check_integrity().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn waiting_writes_share_transactions_and_statements() {
    let place = Place::new();
    let store = place.open().await;
    let mut leases = Vec::new();
    for number in 0..64 {
        let id = job(&*store, &number.to_string()).await;
        leases.push(claim(&*store, id, "one").await);
    }
    let before = store.stats();
    let writes = leases.iter().map(|lease| store.commit(leased(lease).with_event(note("x"))));
    assert!(join_all(writes).await.iter().all(Result::is_ok));
    let after = store.stats();
    assert_eq!(after.commits - before.commits, 64);
    let (transactions, statements) = (after.transactions - before.transactions, after.statements - before.statements);
    assert!(transactions <= 8, "{transactions} transactions");
    assert!(statements <= transactions * 3, "{statements} statements in {transactions} transactions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_several_stores_on_one_file_take_turns() {
    let place = Place::new();
    let first = place.open().await;
    let spec = JobSpec::new("x", "").with_budget(NanoUsd(1000));
    let id = first.commit(Changes::new(Guard::Create(Box::new(spec)), NOW)).await.unwrap().job;
    let lease = claim(&*first, id, "one").await;
    let mut writers = Vec::new();
    for writer in 0..8 {
        let store = if writer == 0 { Arc::clone(&first) } else { place.open().await };
        let lease = lease.clone();
        writers.push(tokio::spawn(async move {
            for number in 0..25 {
                let (content, _) = blob(&format!("{writer} {number}"));
                let mut changes = leased(&lease).with_event(note(format!("{writer} {number}")));
                changes.blobs = vec![content];
                store.commit(changes).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let events = first.events(id, 0, 1000).await.unwrap();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=200).collect::<Vec<u64>>());

    // One store takes the job over; the other's next write is refused although it knows nothing of it.
    let second = place.open().await;
    claim(&*second, id, "one").await;
    let stale = first.commit(leased(&lease).with_event(note("stale"))).await;
    assert!(matches!(stale, Err(StoreError::Fenced { epoch: 1, .. })), "{stale:?}");
}

#[tokio::test]
async fn a_file_is_made_by_two_at_once() {
    let place = Place::new();
    let (one, two) = futures_util::future::join(place.open(), place.open()).await;
    let (first, second) = (job(&*one, "one").await, job(&*two, "two").await);
    assert_ne!(first, second);
    assert_eq!(one.job(second).await.unwrap(), two.job(second).await.unwrap());
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_both_names() {
    let place = Place::new();
    drop(place.open().await);
    let raw = place.raw().await;
    raw.execute_unprepared("INSERT INTO seaql_migrations VALUES ('m9999_future', 0)").await.unwrap();
    match SqlStore::open(&place.path(), Options::default()).await {
        Err(StoreError::Newer { found, known }) => {
            assert_eq!(found, "m9999_future");
            assert!(known.starts_with("m00"), "{known}");
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_store_is_told_apart() {
    let place = Place::new();
    std::fs::write(place.path(), "not a database, but long enough to have a header ".repeat(100)).unwrap();
    let (at, found) = fault(SqlStore::open(&place.path(), Options::default()).await);
    assert!(matches!(found, StoreFault::NotAStore(_)), "{found:?}");
    assert_eq!(at, place.path());

    let folder = place.0.path().to_str().unwrap();
    let (_, found) = fault(SqlStore::open(folder, Options::default()).await);
    assert!(matches!(found, StoreFault::NotAStore(_)), "{found:?}");
    let missing = format!("{folder}/none/vdo.db");
    let (at, found) = fault(SqlStore::open(&missing, Options::default()).await);
    assert!(matches!(found, StoreFault::FolderMissing(_)), "{found:?}");
    assert_eq!(at, missing);
    for address in ["", "sqlite::memory:", "mysql://host/db", "sqlite:"] {
        let (_, found) = fault(SqlStore::open(address, Options::default()).await);
        assert!(matches!(found, StoreFault::Address(_)), "{address}: {found:?}");
    }

    let other = Place::new();
    let path = format!("sqlite://{}?mode=rwc", other.path());
    let raw = sea_orm::Database::connect(path).await.unwrap();
    raw.execute_unprepared("CREATE TABLE jobs (id INTEGER)").await.unwrap();
    let (_, found) = fault(SqlStore::open(&other.path(), Options::default()).await);
    assert!(matches!(found, StoreFault::NotAStore(_)), "{found:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_said_so_when_it_is_opened() {
    let place = Place::new();
    drop(place.open().await);
    let mut permissions = std::fs::metadata(place.path()).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(place.path(), permissions).unwrap();
    if std::fs::OpenOptions::new().append(true).open(place.path()).is_ok() {
        return; // Whoever runs this may write everything.
    }
    let (_, found) = fault(SqlStore::open(&place.path(), Options::default()).await);
    assert!(matches!(found, StoreFault::ReadOnly(_)), "{found:?}");
}

#[tokio::test]
async fn a_damaged_content_is_named_and_the_others_stay_readable() {
    let place = Place::new();
    let store = place.open().await;
    let id = job(&*store, "x").await;
    let lease = claim(&*store, id, "one").await;
    let ((good, good_hash), (bad, bad_hash)) = (blob("good"), blob(&"bad ".repeat(1000)));
    let mut changes = leased(&lease);
    changes.blobs = vec![good.clone(), bad];
    store.commit(changes).await.unwrap();
    let raw = place.raw().await;
    for damage in ["data = x'00'", "data = x'', len = 0", "data = x'616263', len = 3, codec = 0"] {
        let sql = format!("UPDATE blobs SET {damage} WHERE hash = x'{bad_hash}'");
        raw.execute_unprepared(&sql).await.unwrap();
        assert_eq!(store.blobs(&[good_hash]).await.unwrap(), std::slice::from_ref(&good));
        match store.blobs(&[good_hash, bad_hash]).await {
            Err(StoreError::Corrupt { what, .. }) => assert!(what.contains(&bad_hash.to_string()), "{what}"),
            other => panic!("expected damage, got {other:?}"),
        }
        let faults = store.check_integrity().await.unwrap();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains(&bad_hash.to_string()));
    }
}

#[tokio::test]
async fn a_damaged_tree_is_not_handed_out() {
    let place = Place::new();
    let store = place.open().await;
    let (id, _) = chain(&store, 1, 3).await;
    let head = store.resolve(RevisionRef::head(id)).await.unwrap();
    let raw = place.raw().await;
    raw.execute_unprepared("UPDATE job_files SET mode = 1 WHERE path = 'f1'").await.unwrap();
    let result = store.manifest(head.id).await;
    assert!(matches!(result, Err(StoreError::Corrupt { .. })), "{result:?}");
    assert_eq!(store.check_integrity().await.unwrap().len(), 1);
}

/// A job whose revisions each change one of `files` files.
async fn chain(store: &SqlStore, revisions: usize, files: usize) -> (JobId, FileTree) {
    let entry = |text: &str| Entry::file(BlobHash::of(text.as_bytes()));
    let mut tree: FileTree = (0..files).map(|at| (format!("f{at}").parse().unwrap(), entry("start"))).collect();
    let new = |base: &FileTree, tree: &FileTree, id| NewRevision {
        root_hash: tree.root_hash(),
        base: id,
        delta: tree.delta_from(base, &BTreeMap::new()),
        also: Vec::new(),
        cause: Cause::Import,
        author: "test".to_owned(),
    };
    let mut changes = Changes::new(Guard::Create(Box::new(JobSpec::new("chain", ""))), NOW);
    changes.blobs = vec![blob("start").0];
    changes.revision = Some(new(&FileTree::default(), &tree, None));
    let receipt = store.commit(changes).await.unwrap();
    let lease = claim(store, receipt.job, "one").await;
    let mut last = receipt.revision.unwrap().0;
    for number in 1..revisions {
        let text = format!("version {number}");
        let base = tree.clone();
        tree.0.insert(format!("f{}", number % files).parse().unwrap(), entry(&text));
        let mut changes = leased(&lease);
        changes.blobs = vec![Blob::new(text.as_bytes())];
        changes.revision = Some(new(&base, &tree, Some(last)));
        last = store.commit(changes).await.unwrap().revision.unwrap().0;
    }
    (receipt.job, tree)
}

#[tokio::test]
async fn a_chain_of_a_thousand_revisions_is_read_from_its_nearest_snapshot() {
    let place = Place::new();
    let store = place.open().await;
    let (id, tree) = chain(&store, 1000, 50).await;
    let head = store.resolve(RevisionRef::head(id)).await.unwrap();
    assert_eq!(head.number, 1000);
    assert_eq!(store.manifest(head.id).await.unwrap().tree(), tree);
    let raw = place.raw().await;
    let counted = query(&raw, "SELECT count(*) FROM snapshots").await;
    assert_eq!(counted[0].try_get_by_index::<i64>(0).unwrap(), 31);
}

#[tokio::test]
async fn a_write_the_database_cannot_take_does_not_hurt_its_neighbours() {
    let place = Place::new();
    let store = place.open().await;
    let raw = place.raw().await;
    raw.execute_unprepared(
        "CREATE TRIGGER poison BEFORE INSERT ON jobs WHEN NEW.title = 'poison' BEGIN SELECT raise(ABORT, 'no'); END",
    )
    .await
    .unwrap();
    let writes = (0..20).map(|number| {
        let title = if number == 7 { "poison".to_owned() } else { number.to_string() };
        store.commit(Changes::new(Guard::Create(Box::new(JobSpec::new(title, ""))), NOW).with_event(note("x")))
    });
    let results = join_all(writes).await;
    for (number, result) in results.iter().enumerate() {
        assert_eq!(result.is_ok(), number != 7, "{result:?}");
    }
    let jobs = store.jobs(&JobQuery::default()).await.unwrap();
    assert_eq!(jobs.len(), 19);
    for job in jobs {
        assert_eq!(store.events(job.id, 0, 9).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_commit_nobody_waits_for_is_done_whole_or_not_at_all() {
    let place = Place::new();
    let store = place.open().await;
    let id = job(&*store, "x").await;
    let lease = claim(&*store, id, "one").await;
    for number in 0..20_u64 {
        let (content, _) = blob(&number.to_string());
        let mut changes = leased(&lease).with_event(note("1")).with_event(note("2"));
        changes.blobs = vec![content];
        let mut commit = Box::pin(store.commit(changes));
        for _ in 0..number % 4 {
            let _ = futures_util::poll!(&mut commit);
            tokio::task::yield_now().await;
        }
    }
    let receipt = store.commit(leased(&lease).with_event(note("last"))).await.unwrap();
    let events = store.events(id, 0, 100).await.unwrap();
    assert_eq!(receipt.first_seq, events.len() as u64);
    assert_eq!(events.len() % 2, 1, "the two events of a commit come together");
    assert_eq!(store.check_integrity().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_store_of_the_first_schema_is_brought_up_to_date_with_all_it_has() {
    let place = Place::new();
    let store = place.open().await;
    let id = job(&*store, "before merges").await;
    let before = store.job(id).await.unwrap();
    drop(store);
    let raw = place.raw().await;
    for statement in [
        "DROP TABLE conflicts",
        "ALTER TABLE jobs DROP COLUMN merge_policy",
        "ALTER TABLE job_files DROP COLUMN origin_id",
        "DELETE FROM seaql_migrations WHERE version = 'm0002_merge'",
    ] {
        raw.execute_unprepared(statement).await.unwrap();
    }
    raw.close().await.unwrap();
    let store = place.open().await;
    assert_eq!(store.job(id).await.unwrap(), before);
    assert_eq!(store.conflicts(id).await.unwrap(), []);
}

#[tokio::test]
async fn what_others_write_is_seen_by_the_next_write_of_a_store_that_wrote_before() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let create = |title: &str| Changes::new(Guard::Create(Box::new(JobSpec::new(title, ""))), NOW);
    let id = job(&*one, "x").await;
    let lease = claim(&*one, id, "one").await;
    let first = one.commit(leased(&lease).with_event(note("1"))).await.unwrap();
    // Ids and numbers of events go on from what the other wrote.
    assert_eq!(two.commit(create("y")).await.unwrap().job.number(), 2);
    let other = two.commit(leased(&lease).with_event(note("2"))).await.unwrap();
    let last = one.commit(leased(&lease).with_event(note("3"))).await.unwrap();
    assert_eq!(one.commit(create("z")).await.unwrap().job.number(), 3);
    assert_eq!([other.first_seq, last.first_seq], [first.first_seq + 1, first.first_seq + 2]);
    // A content that the other marked as garbage is none any more once it is written again.
    let (content, hash) = blob("content");
    let mut changes = leased(&lease);
    changes.blobs = vec![content];
    one.commit(changes.clone()).await.unwrap();
    let raw = place.raw().await;
    raw.execute_unprepared("INSERT INTO garbage SELECT hash, 1 FROM blobs").await.unwrap();
    one.commit(changes).await.unwrap();
    assert_eq!(texts(&raw, "SELECT hex(hash) FROM garbage").await, Vec::<String>::new(), "{hash}");
    // Whoever was taken over is told so by the very next write.
    let taken = ClaimRequest {
        job: id,
        owner: "two".to_owned(),
        now: NOW,
        ttl: std::time::Duration::from_secs(60),
        presumed_dead: Some(lease.epoch),
        per_project: None,
    };
    let new = two.claim(taken).await.unwrap();
    let fenced = one.commit(leased(&lease)).await.unwrap_err();
    assert!(matches!(fenced, StoreError::Fenced { .. }), "{fenced}");
    two.commit(leased(&new).with_event(note("4"))).await.unwrap();
    assert_eq!(one.events(id, 0, 100).await.unwrap().len() as u64, last.first_seq + 1);
    assert_eq!(one.check_integrity().await.unwrap(), Vec::<String>::new());
}
