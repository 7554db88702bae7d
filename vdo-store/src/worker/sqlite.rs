//! Words in a second SQLite file beside the store, kept by apalis: its table `Jobs` would collide with the store's `jobs`.
//!
//! apalis pushes, fetches, acknowledges, registers and takes back; the loop is not its. What is set on purpose, as apalis has it
//! otherwise: one word is fetched at a time (10), a worker counts as dead after the lease in seconds (heartbeats of 30 s), its words
//! are deleted once acknowledged (kept), and the file is written with `synchronous = NORMAL` (OFF), as words can be lost.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use apalis_core::backend::WorkerFilter;
use apalis_core::worker::context::WorkerContext;
use apalis_sqlite::{Config, SqliteStorage, queries};
use async_trait::async_trait;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use vdo_core::port::{Acked, Queue, QueueError, Ticket, Wake};

use super::task::{QUEUE, done, task, ticket};

/// How often a file that another process is just creating is tried again.
const TRIES: u32 = 100;

/// A queue in the file beside a store.
#[derive(Debug)]
pub struct SqliteQueue {
    pool: SqlitePool,
    place: Arc<str>,
    config: Config,
    dead_after: i64,
    registered: Mutex<BTreeSet<String>>,
}

impl SqliteQueue {
    /// Opens the queue of the store at `address`, a path or `sqlite:PATH`, and makes it if it is not there. Pullers that are silent
    /// for `lease` count as dead; whole seconds, at least two.
    ///
    /// # Errors
    /// [`QueueError`] if the file cannot be opened or is something else.
    pub async fn open(address: &str, lease: Duration) -> Result<Self, QueueError> {
        let path = path(address);
        let place: Arc<str> = path.display().to_string().into();
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new().max_connections(2).connect_lazy_with(options);
        let seconds = lease.as_secs().max(2);
        let config = Config::default()
            .queue(QUEUE)
            .batch_size(1)
            .heartbeat_interval(Duration::from_secs(seconds) / 3)
            .missed_heartbeats(3);
        let dead_after = i64::try_from(seconds).unwrap_or(i64::MAX);
        let queue = Self { pool, place, config, dead_after, registered: Mutex::default() };
        queue.migrate().await?;
        Ok(queue)
    }

    /// Returns whether the store at `address` has one.
    #[must_use]
    pub fn is_there(address: &str) -> bool {
        path(address).exists()
    }

    async fn migrate(&self) -> Result<(), QueueError> {
        let mut tries = 0;
        loop {
            tries += 1;
            // Another process may be at it: the second try finds the work done.
            match SqliteStorage::migrations().run(&self.pool).await {
                Err(_) if tries < TRIES => tokio::time::sleep(Duration::from_millis(20)).await,
                result => return result.map_err(|error| self.fault(error)),
            }
        }
    }

    fn fault(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> QueueError {
        QueueError { place: self.place.to_string(), source: source.into() }
    }

    async fn register(&self, puller: &str) -> Result<(), QueueError> {
        let known = |set: &Mutex<BTreeSet<String>>| set.lock().unwrap_or_else(PoisonError::into_inner).contains(puller);
        if known(&self.registered) {
            return Ok(());
        }
        let context = WorkerContext::new(puller);
        match queries::register_worker(&self.pool, &self.config, &context, "vdo").await {
            // It was at work a moment ago, in a value that is closed by now.
            Ok(()) | Err(sqlx::Error::Io(_)) => {}
            Err(error) if error.as_database_error().is_some_and(|error| error.message().contains("NOT NULL")) => {}
            Err(error) => return Err(self.fault(error)),
        }
        let forgotten = "DELETE FROM Workers WHERE last_seen < strftime('%s', 'now') - 86400
            AND id NOT IN (SELECT lock_by FROM Jobs WHERE lock_by IS NOT NULL)";
        sqlx::query(forgotten).execute(&self.pool).await.map_err(|error| self.fault(error))?;
        self.registered.lock().unwrap_or_else(PoisonError::into_inner).insert(puller.to_owned());
        Ok(())
    }
}

/// Returns the file of the queue of a store.
fn path(address: &str) -> PathBuf {
    let path = address.strip_prefix("sqlite:").map_or(address, |rest| rest.strip_prefix("//").unwrap_or(rest));
    let path = Path::new(path);
    let mut name = path.file_name().map(std::ffi::OsStr::to_owned).unwrap_or_default();
    name.push(".queue");
    path.with_file_name(name)
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn push(&self, wake: Wake) -> Result<(), QueueError> {
        let mut connection = self.pool.acquire().await.map_err(|error| self.fault(error))?;
        queries::push_tasks(&mut *connection, QUEUE, &[task(&wake)]).await.map_err(|error| self.fault(error))
    }

    async fn pull(&self, puller: &str) -> Result<Option<Ticket>, QueueError> {
        let context = WorkerContext::new(puller);
        let tasks = queries::fetch_next(&self.pool, &self.config, &context).await.map_err(|error| self.fault(error))?;
        Ok(tasks.first().and_then(ticket))
    }

    async fn ack(&self, puller: &str, held: &Ticket) -> Result<Acked, QueueError> {
        let fault = |error| self.fault(error);
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
        let acked = queries::ack_tasks(&mut *transaction, &[&done(held)], puller).await.map_err(fault)?;
        if acked > 0 {
            let gone = "DELETE FROM Jobs WHERE id = ? AND status = 'Done'";
            sqlx::query(gone).bind(&held.token).execute(&mut *transaction).await.map_err(fault)?;
        }
        transaction.commit().await.map_err(fault)?;
        Ok(if acked > 0 { Acked::Done } else { Acked::Lost })
    }

    async fn beat(&self, puller: &str) -> Result<(), QueueError> {
        self.register(puller).await?;
        let fault = |error| self.fault(error);
        let context = WorkerContext::new(puller);
        queries::keep_alive(&self.pool, &self.config, &context).await.map_err(|error| self.fault(error))?;
        let others = WorkerFilter::AllExcept(puller.to_owned());
        queries::reenqueue_orphaned(&self.pool, self.dead_after, QUEUE, &others).await.map_err(fault)?;
        Ok(())
    }
}
