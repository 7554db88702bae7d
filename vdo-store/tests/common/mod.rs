//! What the tests share: stores in folders that live as long as they do.
#![allow(dead_code, reason = "not every test file uses all of it")]

use std::sync::Arc;

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, QueryResult, Statement};
use tempfile::TempDir;
use vdo_core::content::{Blob, BlobHash};
use vdo_core::event::EventKind;
use vdo_core::id::JobId;
use vdo_core::job::JobSpec;
use vdo_core::port::changes::{Changes, Guard};
use vdo_core::port::{ClaimRequest, Lease, Store};
use vdo_core::time::Timestamp;
use vdo_store::{Durability, Options, SqlStore};

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// A folder with a store's file in it.
pub(crate) struct Place(pub(crate) TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> String {
        self.0.path().join("vdo.db").to_str().unwrap().to_owned()
    }

    pub(crate) async fn open(&self) -> Arc<SqlStore> {
        let options = Options::default().with_durability(Durability::Normal);
        Arc::new(SqlStore::open(&self.path(), options).await.unwrap())
    }

    /// Opens the file beside the store.
    pub(crate) async fn raw(&self) -> DatabaseConnection {
        Database::connect(format!("sqlite://{}?mode=rw", self.path())).await.unwrap()
    }
}

pub(crate) async fn query(connection: &DatabaseConnection, sql: &str) -> Vec<QueryResult> {
    connection.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap()
}

pub(crate) async fn texts(connection: &DatabaseConnection, sql: &str) -> Vec<String> {
    query(connection, sql).await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

pub(crate) async fn job(store: &dyn Store, title: &str) -> JobId {
    store.commit(Changes::new(Guard::Create(Box::new(JobSpec::new(title, ""))), NOW)).await.unwrap().job
}

pub(crate) async fn claim(store: &dyn Store, job: JobId, owner: &str) -> Lease {
    let ttl = std::time::Duration::from_secs(60);
    let request = ClaimRequest { job, owner: owner.to_owned(), now: NOW, ttl, presumed_dead: None, per_project: None };
    store.claim(request).await.unwrap()
}

pub(crate) fn leased(lease: &Lease) -> Changes {
    Changes::new(Guard::Lease(lease.clone()), NOW)
}

pub(crate) fn note(text: impl Into<String>) -> EventKind {
    EventKind::Note { text: text.into(), tier: None }
}

pub(crate) fn blob(text: &str) -> (Blob, BlobHash) {
    let blob = Blob::new(text.as_bytes());
    let hash = blob.hash();
    (blob, hash)
}
