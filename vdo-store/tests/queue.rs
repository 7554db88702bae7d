//! The queue contract, on a file and on a PostgreSQL server.
#![cfg(feature = "worker")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[cfg(feature = "worker-postgres")]
#[path = "common/postgres.rs"]
mod postgres;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use tempfile::TempDir;
use vdo_core::port::Queue;
use vdo_core::testing::queue_contract::{self, Bench};
use vdo_core::time::Timestamp;
use vdo_store::worker::SqliteQueue;

const LEASE: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct InFile {
    folder: TempDir,
    queue: Arc<SqliteQueue>,
}

impl InFile {
    async fn open(folder: &TempDir) -> Arc<SqliteQueue> {
        let path = folder.path().join("vdo.db");
        Arc::new(SqliteQueue::open(path.to_str().unwrap(), LEASE).await.unwrap())
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

#[async_trait]
impl Bench for InFile {
    fn queue(&self) -> Arc<dyn Queue> {
        self.queue.clone()
    }

    async fn reopen(&mut self) {
        self.queue = Self::open(&self.folder).await;
    }

    fn now(&self) -> Timestamp {
        now()
    }

    async fn pause(&self) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn the_queue_in_a_file_keeps_the_contract() {
    queue_contract::run(|| async {
        let folder = tempfile::tempdir().unwrap();
        let queue = InFile::open(&folder).await;
        Box::new(InFile { folder, queue }) as Box<dyn Bench>
    })
    .await;
}

#[tokio::test]
async fn processes_that_open_a_new_queue_together_all_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let opened = futures_util::future::join_all((0..8).map(|_| InFile::open(&folder))).await;
    assert_eq!(opened.len(), 8);
}

#[cfg(feature = "worker-postgres")]
mod in_postgres {
    use vdo_store::worker::PostgresQueue;

    use super::postgres::Postgres;
    use super::*;

    #[derive(Debug)]
    struct InDatabase {
        url: String,
        queue: Arc<PostgresQueue>,
    }

    #[async_trait]
    impl Bench for InDatabase {
        fn queue(&self) -> Arc<dyn Queue> {
            self.queue.clone()
        }

        async fn reopen(&mut self) {
            self.queue = Arc::new(PostgresQueue::open(&self.url, LEASE).await.unwrap());
        }

        fn now(&self) -> Timestamp {
            now()
        }

        async fn pause(&self) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    #[tokio::test]
    async fn the_queue_in_a_database_keeps_the_contract() {
        let server = Postgres::start();
        queue_contract::run(|| async {
            let url = server.database();
            let queue = Arc::new(PostgresQueue::open(&url, LEASE).await.unwrap());
            Box::new(InDatabase { url, queue }) as Box<dyn Bench>
        })
        .await;
    }

    #[tokio::test]
    async fn processes_that_open_a_new_queue_together_all_succeed() {
        let server = Postgres::start();
        let url = server.database();
        let opened = futures_util::future::join_all((0..4).map(|_| PostgresQueue::open(&url, LEASE))).await;
        assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    }
}
