//! The store in PostgreSQL: the contract, and what only a server does. Each test has a server of its own.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

#[path = "common/mod.rs"]
mod common;
#[path = "common/postgres.rs"]
mod server;

use std::sync::Arc;
use std::time::Duration;

use common::{NOW, blob, claim, job, leased, note};
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, Database, TransactionTrait as _};
use server::Postgres;
use vdo_core::job::JobSpec;
use vdo_core::money::NanoUsd;
use vdo_core::port::changes::{Changes, Guard};
use vdo_core::port::{Blobs as _, EventLog as _, Jobs as _, Store, StoreError, Watch as _};
use vdo_core::testing::store_contract;
use vdo_store::{Options, SqlStore, StoreFault};

#[tokio::test]
async fn the_store_contract_holds_in_postgres() {
    let server = Arc::new(Postgres::start());
    let mut failed = Vec::new();
    for case in store_contract::CASES {
        let server = Arc::clone(&server);
        let fresh = store_contract::Fresh::new(move || {
            let server = Arc::clone(&server);
            async move {
                let store = SqlStore::open(&server.database(), Options::default()).await.unwrap();
                Arc::new(store) as Arc<dyn Store>
            }
        });
        if tokio::spawn(case.run(fresh)).await.is_err() {
            failed.push(case.name);
        }
    }
    assert_eq!(failed, Vec::<&str>::new());
}

async fn open(address: &str) -> Arc<SqlStore> {
    Arc::new(SqlStore::open(address, Options::default()).await.unwrap())
}

fn fault(result: Result<SqlStore, StoreError>) -> (String, StoreFault) {
    match result {
        Err(StoreError::Backend { place, source }) => (place, *source.downcast::<StoreFault>().unwrap()),
        other => panic!("expected a fault, got {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_several_stores_take_turns_and_fence_each_other() {
    let server = Postgres::start();
    let address = server.database();
    let opened = join_all((0..8).map(|_| open(&address))).await;
    let first = &opened[0];
    let spec = JobSpec::new("x", "").with_budget(NanoUsd(1000));
    let id = first.commit(Changes::new(Guard::Create(Box::new(spec)), NOW)).await.unwrap().job;
    let lease = claim(&**first, id, "one").await;
    let writers = opened.iter().enumerate().map(|(writer, store)| {
        let (lease, store) = (lease.clone(), Arc::clone(store));
        tokio::spawn(async move {
            for number in 0..25 {
                let (content, _) = blob(&format!("{} of all", number % 3));
                let mut changes = leased(&lease).with_event(note(format!("{writer} {number}")));
                changes.blobs = vec![content];
                store.commit(changes).await.unwrap();
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    let events = first.events(id, 0, 1000).await.unwrap();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=200).collect::<Vec<u64>>());
    claim(&*opened[1], id, "one").await;
    let stale = first.commit(leased(&lease).with_event(note("stale"))).await;
    assert!(matches!(stale, Err(StoreError::Fenced { epoch: 1, .. })), "{stale:?}");
    assert_eq!(first.check_integrity().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn ids_of_jobs_that_went_are_never_given_out_again() {
    let server = Postgres::start();
    let address = server.database();
    let store = open(&address).await;
    let (first, second) = (job(&*store, "one").await, job(&*store, "two").await);
    server.sql("vdo0", &format!("DELETE FROM jobs WHERE id = {}", second.number()));
    drop(store);
    let third = job(&*open(&address).await, "three").await;
    assert_eq!((first.number(), second.number(), third.number()), (1, 2, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_follows_a_job_hears_of_events_that_another_process_wrote() {
    let server = Postgres::start();
    let address = server.database();
    let (writer, follower) = (open(&address).await, open(&address).await);
    let id = job(&*writer, "followed").await;
    let lease = claim(&*writer, id, "one").await;
    for after in 0..5 {
        let heard = {
            let follower = Arc::clone(&follower);
            tokio::spawn(async move { follower.changed(id, after).await })
        };
        tokio::task::yield_now().await;
        assert!(!heard.is_finished());
        writer.commit(leased(&lease).with_event(note("heard"))).await.unwrap();
        tokio::time::timeout(Duration::from_secs(20), heard).await.unwrap().unwrap().unwrap();
        assert_eq!(follower.events(id, after, 9).await.unwrap().len(), 1);
    }
    follower.changed(id, 3).await.unwrap();
    let missing = follower.changed(vdo_core::id::JobId::new(99).unwrap(), 0).await;
    assert!(matches!(missing, Err(StoreError::NotFound(_))), "{missing:?}");
}

#[tokio::test]
async fn what_is_no_store_or_a_newer_one_is_told_apart() {
    let server = Postgres::start();
    let address = server.database();
    drop(open(&address).await);
    server.sql("vdo0", "INSERT INTO seaql_migrations VALUES ('m9999_future', 0)");
    match SqlStore::open(&address, Options::default()).await {
        Err(StoreError::Newer { found, .. }) => assert_eq!(found, "m9999_future"),
        other => panic!("expected a refusal, got {other:?}"),
    }
    let other = server.database();
    server.sql("vdo1", "CREATE TABLE customers (id int)");
    let (place, found) = fault(SqlStore::open(&other, Options::default()).await);
    assert!(matches!(found, StoreFault::NotAStore(_)), "{found:?}");
    assert_eq!(place, other);
    let (_, found) = fault(SqlStore::open(&server.address("nowhere"), Options::default()).await);
    assert!(matches!(found, StoreFault::Refused(_)), "{found:?}");
    let gone = "postgres://me:secret@127.0.0.1:1/vdo";
    let (place, found) = fault(SqlStore::open(gone, Options::default()).await);
    assert!(matches!(found, StoreFault::Unreachable(_)), "{found:?}");
    assert_eq!(place, "postgres://me@127.0.0.1:1/vdo");
}

#[tokio::test]
async fn two_processes_may_make_the_tables_at_once() {
    let server = Postgres::start();
    let address = server.database();
    let (one, two) = futures_util::future::join(open(&address), open(&address)).await;
    let (first, second) = (job(&*one, "one").await, job(&*two, "two").await);
    assert_ne!(first, second);
    assert_eq!(one.job(second).await.unwrap(), two.job(second).await.unwrap());
}

#[tokio::test]
async fn a_server_that_crashed_has_everything_that_was_acknowledged_and_is_connected_to_again() {
    let mut server = Postgres::with(&[]);
    let store = open(&server.database()).await;
    let id = job(&*store, "kept").await;
    let lease = claim(&*store, id, "one").await;
    let (content, hash) = blob(&"content ".repeat(1000));
    let mut changes = leased(&lease).with_event(note("kept"));
    changes.blobs = vec![content.clone()];
    store.commit(changes).await.unwrap();
    server.crash_and_restart();
    let lost = store.commit(leased(&lease).with_event(note("on a broken connection"))).await;
    if let Err(error) = &lost {
        assert!(matches!(error, StoreError::Backend { .. }), "{error:?}");
    }
    store.commit(leased(&lease).with_event(note("again"))).await.unwrap();
    assert_eq!(store.blobs(&[hash]).await.unwrap(), [content]);
    let texts: Vec<_> = store.events(id, 0, 9).await.unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!((&texts[0], texts.last().unwrap()), (&note("kept"), &note("again")));
    assert_eq!(texts.len(), if lost.is_ok() { 3 } else { 2 });
}

#[tokio::test]
async fn a_process_that_stands_still_in_the_middle_of_a_write_holds_nobody_up_for_long() {
    let server = Postgres::start();
    let address = server.database();
    let options = Options::default().with_stall_timeout(Duration::from_millis(300));
    let store = SqlStore::open(&address, options.clone()).await.unwrap();
    // What a process that was stopped leaves behind: a session in a transaction that has the lock.
    let stopped = Database::connect(&address).await.unwrap();
    let settings = "SET idle_in_transaction_session_timeout = 300";
    let transaction = stopped.begin().await.unwrap();
    transaction.execute_unprepared(settings).await.unwrap();
    transaction.execute_unprepared("SELECT pg_advisory_xact_lock(8530797285480461925)").await.unwrap();
    let id = job(&store, "written all the same").await;
    assert_eq!(id.number(), 1);
    assert!(transaction.execute_unprepared("SELECT 1").await.is_err(), "the session that stood still was ended");
}

#[tokio::test]
async fn a_lock_that_is_never_given_back_is_a_typed_error() {
    let server = Postgres::start();
    let address = server.database();
    let options = Options::default().with_busy_timeout(Duration::from_millis(200));
    let store = SqlStore::open(&address, options).await.unwrap();
    let other = Database::connect(&address).await.unwrap();
    let transaction = other.begin().await.unwrap();
    transaction.execute_unprepared("SELECT pg_advisory_xact_lock(8530797285480461925)").await.unwrap();
    let refused = store.commit(Changes::new(Guard::Create(Box::new(JobSpec::new("x", ""))), NOW)).await;
    match refused {
        Err(StoreError::Backend { source, .. }) => {
            assert!(matches!(*source.downcast::<StoreFault>().unwrap(), StoreFault::Locked(_)));
        }
        other => panic!("expected a lock, got {other:?}"),
    }
    transaction.rollback().await.unwrap();
    assert_eq!(job(&store, "y").await.number(), 1);
}
