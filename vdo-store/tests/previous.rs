//! Stores of previous releases: each opens with today's code, is brought up to date, and has everything it had.
//!
//! A fixture is a store as that release wrote it (`fixtures/NAME.sql`), and what that release itself said is in it
//! (`fixtures/NAME.json`); `fixtures/make.py` makes both. A release's schema gets a fixture before it changes.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::collections::BTreeMap;

use common::*;
use sea_orm::{ConnectionTrait, DatabaseConnection, Value as Sql};
use serde_json::{Value, json};
use vdo_core::id::{JobId, RevisionRef};
use vdo_core::job::JobSpec;
use vdo_core::port::changes::{Changes, Guard};
use vdo_core::port::{Accounts as _, Blobs, EventLog, JobQuery, Jobs, Journal, Ledger, Store as _, StoreError};
use vdo_core::time::Timestamp;
use vdo_store::{Options, SqlStore};

/// The fixtures: the last migration of each, in order.
const RELEASES: [(&str, &str, &str); 1] =
    [("m0004_accounts", include_str!("fixtures/m0004.sql"), include_str!("fixtures/m0004.json"))];

/// A row of a table: every column, as SQLite writes it as a literal.
type Rows = BTreeMap<String, Vec<String>>;

async fn build(place: &Place, sql: &str) {
    let raw = sea_orm::Database::connect(format!("sqlite://{}?mode=rwc", place.path())).await.unwrap();
    // Rows may come before those they refer to.
    raw.execute_unprepared("PRAGMA foreign_keys = OFF").await.unwrap();
    raw.execute_unprepared(sql).await.unwrap();
    raw.execute_unprepared("PRAGMA journal_mode = WAL").await.unwrap();
    raw.close().await.unwrap();
}

/// The columns of every table.
async fn columns(raw: &DatabaseConnection) -> BTreeMap<String, Vec<String>> {
    let mut columns = BTreeMap::new();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    for table in texts(raw, tables).await {
        let names = texts(raw, &format!("SELECT name FROM pragma_table_info('{table}')")).await;
        columns.insert(table, names);
    }
    columns
}

/// Every row of some tables, in the columns that are named.
async fn rows(raw: &DatabaseConnection, columns: &BTreeMap<String, Vec<String>>) -> Rows {
    let mut all = Rows::new();
    for (table, names) in columns.iter().filter(|(table, _)| *table != "seaql_migrations") {
        let list = names.iter().map(|name| format!("quote({name})")).collect::<Vec<_>>().join(" || ', ' || ");
        all.insert(table.clone(), texts(raw, &format!("SELECT {list} FROM {table} ORDER BY 1")).await);
    }
    all
}

/// What today's code says of a job, in the words of the fixture.
async fn told(store: &SqlStore, id: JobId) -> Value {
    let job = store.job(id).await.unwrap();
    let mut files = Vec::new();
    if let Some(head) = &job.head {
        let manifest = store.manifest(head.id).await.unwrap();
        assert_eq!(manifest.tree().root_hash(), head.root_hash);
        let hashes: Vec<_> = manifest.tree().blobs().into_iter().collect();
        assert_eq!(store.blobs(&hashes).await.unwrap().len(), hashes.len());
        for (path, file) in &manifest.0 {
            let from = (file.job != id).then(|| file.job.number());
            files.push(json!([path.as_str(), from]));
        }
    }
    let calls = store.calls(id).await.unwrap();
    let steps = store.steps(id).await.unwrap();
    let of_steps = steps.iter().flat_map(|step| calls.iter().filter(|call| call.step == step.key));
    let conflicts = store.conflicts(id).await.unwrap();
    let open: Vec<_> = conflicts.iter().filter(|row| row.decision.is_none()).collect();
    json!({
        "id": id.number(), "title": job.spec.title, "status": job.status.as_str(), "cost": job.cost.0,
        "revision": job.head.as_ref().map(|head| head.number),
        "root_hash": job.head.as_ref().map(|head| head.root_hash.to_string()),
        "files": files,
        "steps": steps.iter().map(|step| json!([step.key.to_string(), step.state.as_str()])).collect::<Vec<_>>(),
        "calls": of_steps
            .map(|call| json!([call.step.to_string(), call.number, call.state.as_str(), call.cost.map(|cost| cost.0)]))
            .collect::<Vec<_>>(),
        "checks": store.checks(id).await.unwrap().iter().map(|(_, _, report)| suites(report)).sum::<usize>(),
        "conflicts": {
            "open": open.len(), "resolved": conflicts.len() - open.len(),
            "paths": open.iter().map(|row| row.path.as_str()).collect::<Vec<_>>(),
        },
        "events": store.events(id, 0, 1000).await.unwrap().iter().map(|event| event.seq).collect::<Vec<_>>(),
    })
}

/// Commands of the project's own; those of the languages are not told as checks.
fn suites(report: &vdo_core::check::CheckReport) -> usize {
    let own =
        |outcome: &&vdo_core::check::CommandOutcome| outcome.command.source != vdo_core::check::CommandSource::Language;
    report.outcomes.iter().filter(own).count()
}

#[tokio::test]
async fn a_store_of_the_previous_release_opens_migrates_and_has_everything() {
    for (name, sql, expected) in RELEASES {
        let place = Place::new();
        build(&place, sql).await;
        let raw = place.raw().await;
        assert_eq!(texts(&raw, "SELECT max(version) FROM seaql_migrations").await, [name]);
        let columns = columns(&raw).await;
        let before = rows(&raw, &columns).await;
        raw.close().await.unwrap();

        let store = place.open().await;
        let expected: Value = serde_json::from_str(expected).unwrap();
        let mut found = Vec::new();
        for job in expected["jobs"].as_array().unwrap() {
            found.push(told(&store, JobId::new(job["id"].as_u64().unwrap()).unwrap()).await);
        }
        assert_eq!(Value::from(found), expected["jobs"], "{name}");
        let start = Timestamp(expected["budgets"][0]["start"].as_i64().unwrap());
        assert_eq!(serde_json::to_value(store.budgets(start).await.unwrap()).unwrap(), expected["budgets"], "{name}");
        assert_eq!(store.check_integrity().await.unwrap(), Vec::<String>::new(), "{name}");
        assert_eq!(store.corrections(JobId::new(3).unwrap()).await.unwrap().len(), 1);
        drop(store);

        // Nothing that was there has moved, in any table.
        let raw = place.raw().await;
        assert_eq!(rows(&raw, &columns).await, before, "{name}");
        raw.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_store_of_the_previous_release_goes_on_as_if_this_one_had_made_it() {
    for (name, sql, expected) in RELEASES {
        let place = Place::new();
        build(&place, sql).await;
        let store = place.open().await;
        let expected: Value = serde_json::from_str(expected).unwrap();
        let last = expected["jobs"].as_array().unwrap().len() as u64;
        let parent = RevisionRef::head(JobId::new(2).unwrap());
        let spec = JobSpec::new("Goes on", "").with_parent(parent);
        let id = store.commit(Changes::new(Guard::Create(Box::new(spec)), NOW)).await.unwrap().job;
        assert_eq!(id.number(), last + 1, "{name}: ids go on");
        let lease = claim(&*store, id, "one").await;
        store.commit(leased(&lease).with_event(note("written"))).await.unwrap();
        assert_eq!(store.jobs(&JobQuery::default()).await.unwrap()[0].id, id);
        drop(store);
        // Opened again there is nothing left to migrate.
        let store = place.open().await;
        assert_eq!(store.events(id, 0, 9).await.unwrap().len(), 1, "{name}");
        assert_eq!(store.check_integrity().await.unwrap(), Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn a_newer_store_is_refused_with_both_names_and_what_to_do_and_is_not_touched() {
    let place = Place::new();
    drop(place.open().await);
    let raw = place.raw().await;
    let known = texts(&raw, "SELECT max(version) FROM seaql_migrations").await.remove(0);
    let statement = sea_orm::Statement::from_sql_and_values(
        sea_orm::DbBackend::Sqlite,
        "INSERT INTO seaql_migrations VALUES (?1, 0)",
        [Sql::from("m9999_future")],
    );
    raw.execute_raw(statement).await.unwrap();
    raw.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    raw.close().await.unwrap();
    let before = std::fs::read(place.path()).unwrap();
    let error = SqlStore::open(&place.path(), Options::default()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Newer { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!(
            "the store was made by a newer version of VDO (schema m9999_future; this one knows {known}); use that version"
        )
    );
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
}
