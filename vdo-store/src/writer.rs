//! The one door for writes: a task that takes all that wait, and writes them in one transaction.
//!
//! Invariant: every decision is taken on rows read inside the transaction that writes, or read and written in the one before if
//! the database says that nobody else wrote since, so that any number of processes may share the file. A refused write
//! leaves nothing; an answered one is on the disk.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, Statement, Value,
};
use tokio::sync::{mpsc, oneshot};
use vdo_core::port::changes::Receipt;
use vdo_core::port::{ClaimRequest, Lease, StoreError};

use crate::decide;
use crate::dialect;
use crate::emit;
use crate::fault::{self, Identity};
use crate::load;
use crate::names;
use crate::open::begin;
use crate::prepare::Prepared;
use crate::rows::{Piece, Rows};
use crate::sql;
use crate::state::{Needs, State};
use crate::stats::Counters;
use crate::watch::{self, Heard, Teller};

/// The most writes in one transaction; beyond it, the first would wait too long, and their rows take memory all at once.
const MOST: usize = 64;

/// The answer to one write.
type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// The work of somebody who needs the connection for himself.
type Work = Box<dyn FnOnce(DatabaseConnection) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Work on the connection while nothing else is written; it answers for itself.
pub(crate) struct Exclusive(pub(crate) Work);

impl fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exclusive")
    }
}

/// What somebody wants written.
#[derive(Debug)]
pub(crate) enum Request {
    /// Changes.
    Commit(Box<Prepared>, Answer<Receipt>),
    /// A claim.
    Claim(ClaimRequest, Answer<Lease>),
    /// Something that is done alone.
    Exclusive(Exclusive),
}

/// What was decided on a request; it is sent once it is on the disk.
enum Decision {
    Commit(Result<Receipt, StoreError>),
    Claim(Result<Lease, StoreError>),
}

impl Decision {
    fn is_accepted(&self) -> bool {
        match self {
            Self::Commit(result) => result.is_ok(),
            Self::Claim(result) => result.is_ok(),
        }
    }
}

/// What was done in a transaction that is not committed yet.
struct Batch {
    decisions: Vec<Decision>,
    accepted: u64,
    heard: Vec<Heard>,
    state: State,
}

/// Writes until nobody can ask any more.
pub(crate) struct Writer {
    pub(crate) backend: DbBackend,
    pub(crate) connection: DatabaseConnection,
    pub(crate) place: Arc<str>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) teller: Teller,
    /// The file that was opened.
    pub(crate) identity: Identity,
}

/// Why a batch was not written.
struct Failed {
    error: DbErr,
    /// Whether it is known that nothing of it was written, so that it may be tried again.
    is_certain: bool,
}

impl Writer {
    /// Serves requests until every sender is gone and all that was sent is written.
    pub(crate) async fn run(self, mut requests: mpsc::Receiver<Request>) {
        let mut waiting = Vec::new();
        let mut known = None;
        while requests.recv_many(&mut waiting, MOST).await > 0 {
            let mut shared = Vec::with_capacity(waiting.len());
            let mut alone = Vec::new();
            for request in waiting.drain(..) {
                match request {
                    Request::Exclusive(work) => alone.push(work),
                    other => shared.push(other),
                }
            }
            if !shared.is_empty() {
                self.serve(shared, &mut known).await;
            }
            for Exclusive(work) in alone {
                // The same connection wrote: the database would not tell.
                known = None;
                work(self.connection.clone()).await;
            }
        }
        if let Err(error) = self.connection.close_by_ref().await {
            tracing::debug!(%error, "the store did not close cleanly");
        }
    }

    async fn serve(&self, mut requests: Vec<Request>, known: &mut Option<State>) {
        let Failed { error, is_certain } = match self.write(&requests, known).await {
            Ok(decisions) => return answer(requests, decisions),
            Err(failed) => failed,
        };
        if requests.len() == 1
            && let Some(request) = requests.pop()
        {
            return self.fail(request, error);
        }
        if !is_certain {
            // Trying again could write twice what was written after all.
            let error = Arc::new(error);
            for request in requests {
                self.fail(request, shared(&error));
            }
            return;
        }
        // One of them may be what the database cannot take; the others must not suffer for it.
        tracing::debug!(%error, "a batch failed; its writes are tried one by one");
        for request in requests {
            match self.write(std::slice::from_ref(&request), known).await {
                Ok(decisions) => answer(vec![request], decisions),
                Err(failed) => self.fail(request, failed.error),
            }
        }
    }

    /// Writes; `known` is what the last transaction left, and what this one leaves if it was written.
    async fn write(&self, requests: &[Request], known: &mut Option<State>) -> Result<Vec<Decision>, Failed> {
        let carried = known.take();
        let before = |error| Failed { error, is_certain: true };
        let transaction = begin(&self.connection).await.map_err(before)?;
        if self.backend == DbBackend::Sqlite && Identity::of(&self.place) != self.identity {
            let _ = transaction.rollback().await;
            return Err(before(fault::gone()));
        }
        match self.write_in(&transaction, requests, carried).await {
            Ok(Batch { decisions, accepted: 0, .. }) => {
                transaction.rollback().await.map_err(before)?;
                Ok(decisions)
            }
            Ok(Batch { decisions, accepted, heard, state }) => {
                let refused = |error| Failed { is_certain: fault::is_refusal(&error), error };
                transaction.commit().await.map_err(refused)?;
                *known = Some(state.carried());
                self.counters.committed(accepted);
                self.teller.tell(heard);
                Ok(decisions)
            }
            Err(error) => {
                // What is reported is why it failed; a rollback that fails too adds nothing.
                let _ = transaction.rollback().await;
                Err(before(error))
            }
        }
    }

    async fn write_in(
        &self,
        transaction: &DatabaseTransaction,
        requests: &[Request],
        carried: Option<State>,
    ) -> Result<Batch, DbErr> {
        let mut needs = Needs::default();
        for request in requests {
            match request {
                Request::Commit(prepared, _) => decide::needs(prepared, &mut needs),
                Request::Claim(request, _) => {
                    needs.jobs.insert(request.job);
                    *needs.claims.entry(request.job).or_default() |= request.per_project.is_some();
                }
                Request::Exclusive(_) => {}
            }
        }
        let mut statements = 0;
        let mut state = load::load(transaction, needs, carried, &mut statements).await?;
        let last = (state.last_job, state.last_revision);
        let mut rows = Rows::new(self.backend);
        let decisions: Vec<Decision> = requests
            .iter()
            .filter_map(|request| match request {
                Request::Commit(prepared, _) => Some(Decision::Commit(decide::commit(&mut state, prepared, &mut rows))),
                Request::Claim(request, _) => Some(Decision::Claim(decide::claim(&mut state, request))),
                Request::Exclusive(_) => None,
            })
            .collect();
        emit::jobs(&mut rows, &state);
        state.book.emit(&mut rows);
        if state.garbage == Some(false) {
            rows.none_is_garbage();
        }
        let mut written = 0;
        for piece in rows.pieces() {
            statements += piece.statements;
            written += piece.rows;
            run(transaction, piece).await?;
        }
        let heard = heard(requests, &decisions);
        if self.backend == DbBackend::Postgres {
            for (sql, last, now) in
                [(sql::KEEP_JOB_ID, last.0, state.last_job), (sql::KEEP_REVISION_ID, last.1, state.last_revision)]
            {
                if last != now {
                    statements += 1;
                    self.tell(transaction, sql, vec![Value::from(names::int(now))]).await?;
                }
            }
            for note in watch::notes(&heard) {
                statements += 1;
                let values = vec![Value::from(watch::CHANNEL), Value::from(note)];
                self.tell(transaction, "SELECT CAST(pg_notify(?1, ?2) AS TEXT)", values).await?;
            }
        }
        self.counters.wrote(statements, written);
        let accepted = decisions.iter().filter(|decision| decision.is_accepted()).count();
        Ok(Batch { decisions, accepted: accepted as u64, heard, state })
    }

    async fn tell(&self, transaction: &DatabaseTransaction, sql: &str, values: Vec<Value>) -> Result<(), DbErr> {
        transaction.query_all_raw(dialect::statement(self.backend, sql, values)).await.map(drop)
    }

    fn fail(&self, request: Request, error: DbErr) {
        let error = fault::error(error, &self.place);
        // Whoever stopped waiting for the answer does not get one.
        match request {
            Request::Commit(_, answer) => _ = answer.send(Err(error)),
            Request::Claim(_, answer) => _ = answer.send(Err(error)),
            Request::Exclusive(_) => {}
        }
    }
}

async fn run(transaction: &DatabaseTransaction, piece: Piece) -> Result<(), DbErr> {
    let backend = transaction.get_database_backend();
    transaction.execute_raw(Statement::from_sql_and_values(backend, piece.sql, piece.values)).await.map(drop)
}

/// Returns what followers have to be told of.
fn heard(requests: &[Request], decisions: &[Decision]) -> Vec<Heard> {
    let pairs = requests.iter().zip(decisions);
    let told = pairs.filter_map(|(request, decision)| match (request, decision) {
        (Request::Commit(prepared, _), Decision::Commit(Ok(receipt))) if !receipt.existed => {
            watch::told(receipt, prepared.events.len() + receipt.crossings.len())
        }
        _ => None,
    });
    told.collect()
}

/// Returns an error once more, for another who waits for the same.
fn shared(error: &Arc<DbErr>) -> DbErr {
    match &**error {
        DbErr::Conn(inner) => DbErr::Conn(copy(inner)),
        DbErr::Exec(inner) => DbErr::Exec(copy(inner)),
        DbErr::Query(inner) => DbErr::Query(copy(inner)),
        other => DbErr::Custom(other.to_string()),
    }
}

fn copy(error: &RuntimeErr) -> RuntimeErr {
    match error {
        RuntimeErr::SqlxError(error) => RuntimeErr::SqlxError(Arc::clone(error)),
        RuntimeErr::Internal(text) => RuntimeErr::Internal(text.clone()),
    }
}

fn answer(requests: Vec<Request>, decisions: Vec<Decision>) {
    for (request, decision) in requests.into_iter().zip(decisions) {
        // Whoever stopped waiting for the answer does not get one; the write is done all the same.
        match (request, decision) {
            (Request::Commit(_, answer), Decision::Commit(result)) => _ = answer.send(result),
            (Request::Claim(_, answer), Decision::Claim(result)) => _ = answer.send(result),
            (Request::Commit(..), Decision::Claim(_))
            | (Request::Claim(..), Decision::Commit(_))
            | (Request::Exclusive(_), _) => {}
        }
    }
}
