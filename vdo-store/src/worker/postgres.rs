//! Words in the same PostgreSQL database as the store, kept by apalis in its schema `apalis`.
//!
//! As [`super::sqlite`]; set on purpose, besides: a worker counts as dead after the lease (in code apalis has ten missed heartbeats of
//! 30 s, whatever its documentation says). Workers are registered by a statement of our own, as apalis keeps the type that its
//! function takes to itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use apalis_core::worker::context::WorkerContext;
use apalis_postgres::{Config, Error, PostgresStorage, queries};
use async_trait::async_trait;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use vdo_core::port::{Acked, Queue, QueueError, Ticket, Wake};

use super::task::{QUEUE, done, task, ticket};

/// A queue in a PostgreSQL database.
#[derive(Debug)]
pub struct PostgresQueue {
    pool: PgPool,
    place: Arc<str>,
    config: Config,
    dead_after: u64,
    registered: Mutex<BTreeSet<String>>,
}

impl PostgresQueue {
    /// Opens the queue in the database at `url` (`postgres://…`), and makes its tables if they are not there. Pullers that are silent
    /// for `lease` count as dead; whole seconds, at least two.
    ///
    /// # Errors
    /// [`QueueError`] if the database cannot be reached or does not take the tables.
    pub async fn open(url: &str, lease: Duration) -> Result<Self, QueueError> {
        let bad = |place: &str, source: sqlx::Error| QueueError { place: place.to_owned(), source: source.into() };
        let options: PgConnectOptions = url.parse().map_err(|error| bad("the address of the store", error))?;
        // Without the user's name and password.
        let place =
            format!("{}:{}/{}", options.get_host(), options.get_port(), options.get_database().unwrap_or_default());
        let pool = PgPoolOptions::new().max_connections(3).acquire_timeout(Duration::from_secs(10));
        let pool = pool.connect_with(options).await.map_err(|error| bad(&place, error))?;
        let seconds = lease.as_secs().max(2);
        let config = Config::default()
            .queue(QUEUE)
            .batch_size(1)
            .heartbeat_interval(Duration::from_secs(seconds) / 3)
            .missed_heartbeats(3);
        let queue = Self { pool, place: place.into(), config, dead_after: seconds, registered: Mutex::default() };
        // Under a lock of the database: of several processes, the others find the work done.
        PostgresStorage::migrations().run(&queue.pool).await.map_err(|error| queue.fault(error))?;
        Ok(queue)
    }

    fn fault(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> QueueError {
        QueueError { place: self.place.to_string(), source: source.into() }
    }

    async fn register(&self, puller: &str) -> Result<(), QueueError> {
        if self.registered.lock().unwrap_or_else(PoisonError::into_inner).contains(puller) {
            return Ok(());
        }
        let register = "INSERT INTO apalis.workers (id, worker_type, storage_name, layers, last_seen)
            VALUES ($1, $2, 'PgStorage', 'vdo', now()) ON CONFLICT (id) DO UPDATE SET last_seen = now()";
        let fault = |error| self.fault(error);
        sqlx::query(register).bind(puller).bind(QUEUE).execute(&self.pool).await.map_err(fault)?;
        let forgotten =
            "DELETE FROM apalis.workers w WHERE w.last_seen < now() - interval '1 day' AND w.worker_type = $1
            AND NOT EXISTS (SELECT 1 FROM apalis.jobs j WHERE j.lock_by = w.id)";
        sqlx::query(forgotten).bind(QUEUE).execute(&self.pool).await.map_err(fault)?;
        self.registered.lock().unwrap_or_else(PoisonError::into_inner).insert(puller.to_owned());
        Ok(())
    }
}

/// Returns whether an error says that there is such a word already.
fn is_there_already(error: &Error) -> bool {
    match error {
        Error::Database(error) => error.as_database_error().is_some_and(|error| error.is_unique_violation()),
        _ => false,
    }
}

#[async_trait]
impl Queue for PostgresQueue {
    async fn push(&self, wake: Wake) -> Result<(), QueueError> {
        let mut connection = self.pool.acquire().await.map_err(|error| self.fault(error))?;
        match queries::push_tasks(&mut *connection, QUEUE, vec![task(&wake)]).await {
            Err(error) if !is_there_already(&error) => Err(self.fault(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn pull(&self, puller: &str) -> Result<Option<Ticket>, QueueError> {
        let mut connection = self.pool.acquire().await.map_err(|error| self.fault(error))?;
        let context = WorkerContext::new(puller);
        let tasks = queries::fetch_next(&mut *connection, &self.config, &context).await;
        Ok(tasks.map_err(|error| self.fault(error))?.first().and_then(ticket))
    }

    async fn ack(&self, puller: &str, held: &Ticket) -> Result<Acked, QueueError> {
        let fault = |error| self.fault(error);
        let mut transaction = self.pool.begin().await.map_err(fault)?;
        let acked = queries::handle_results(&mut *transaction, &[&done(held)], puller).await;
        let acked = acked.map_err(|error| self.fault(error))?;
        if acked > 0 {
            let gone = "DELETE FROM apalis.jobs WHERE id = $1 AND status = 'Done'";
            sqlx::query(gone).bind(&held.token).execute(&mut *transaction).await.map_err(fault)?;
        }
        transaction.commit().await.map_err(fault)?;
        Ok(if acked > 0 { Acked::Done } else { Acked::Lost })
    }

    async fn beat(&self, puller: &str) -> Result<(), QueueError> {
        self.register(puller).await?;
        let mut connection = self.pool.acquire().await.map_err(|error| self.fault(error))?;
        let context = WorkerContext::new(puller);
        queries::keep_alive(&mut *connection, QUEUE, &context).await.map_err(|error| self.fault(error))?;
        let taken_back = queries::reenqueue_orphaned(&mut *connection, QUEUE, self.dead_after).await;
        taken_back.map(drop).map_err(|error| self.fault(error))
    }
}
