//! The store itself: reads go to the reading connections, every write through the one door.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{DbBackend, DbErr};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use vdo_core::check::CheckReport;
use vdo_core::conflict::ConflictRow;
use vdo_core::content::{Blob, BlobHash};
use vdo_core::event::Event;
use vdo_core::id::{JobId, Phase, RevisionId, RevisionRef};
use vdo_core::job::{Correction, Job, Revision};
use vdo_core::port::accounts::Accounts;
use vdo_core::port::backlog::Backlog;
use vdo_core::port::changes::{Changes, Receipt};
use vdo_core::port::upkeep::Upkeep;
use vdo_core::port::{
    Blobs, CallRow, ClaimRequest, EventLog, JobQuery, Jobs, Journal, Lease, Ledger, PartialReply, SpendRow, StepRow,
    Store, StoreError, StoreFigures, Watch,
};
use vdo_core::time::Timestamp;
use vdo_core::tree::{Delta, Manifest};

use crate::fault::{Identity, StoreFault};
use crate::open;
use crate::options::Options;
use crate::prepare::prepare;
use crate::read::Reader;
use crate::stats::{Counters, StoreStats};
use crate::watch::Teller;
use crate::writer::{Request, Writer};

/// Writes that may wait; whoever comes later waits for a place.
const QUEUE: usize = 1024;

/// A store in one SQLite file, or in a database of a PostgreSQL server (feature `postgres`).
///
/// Any number of values and processes may have the same store open. Writes that wait at the same time share one
/// transaction and one flush to the disk. Dropping the store ends its writer once everything that was sent is written.
///
/// ```
/// use vdo_core::job::JobSpec;
/// use vdo_core::port::changes::{Changes, Guard};
/// use vdo_core::port::{Jobs, Store};
/// use vdo_core::time::Timestamp;
/// use vdo_store::{Options, SqlStore};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("vdo.db");
/// let store = SqlStore::open(path.to_str().unwrap(), Options::default()).await?;
/// let spec = JobSpec::new("Say goodbye", "Add a goodbye() beside hello().");
/// let receipt = store.commit(Changes::new(Guard::Create(Box::new(spec)), Timestamp(0))).await?;
/// assert_eq!(store.job(receipt.job).await?.spec.title, "Say goodbye");
/// # Ok::<(), vdo_core::port::StoreError>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct SqlStore {
    reader: Reader,
    requests: mpsc::Sender<Request>,
    counters: Arc<Counters>,
    teller: Teller,
    /// What listens to other processes; ends with the store.
    listener: Option<AbortHandle>,
}

impl Drop for SqlStore {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

impl SqlStore {
    /// Opens the store at `address` and makes its tables if they are not there: a path or `sqlite:PATH`, which is made, too,
    /// or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, a database that is there.
    ///
    /// Has to be called within a tokio runtime: the writer is a task of it.
    ///
    /// # Errors
    /// [`StoreError::Newer`] if a newer version made it; [`StoreError::Backend`] with a [`StoreFault`] if the address is
    /// none, the folder is missing, the file cannot be written, the server is not to be reached, or there is something else.
    pub async fn open(address: &str, options: Options) -> Result<Self, StoreError> {
        let opened = open::open(address, &options).await?;
        let place: Arc<str> = opened.place.into();
        let counters = Arc::new(Counters::default());
        let (requests, waiting) = mpsc::channel(QUEUE);
        let teller = Teller::default();
        #[cfg(feature = "postgres")]
        let listener = (opened.readers.get_database_backend() == DbBackend::Postgres).then(|| {
            let pool = opened.readers.get_postgres_connection_pool().clone();
            tokio::spawn(crate::watch::listen(pool, teller.clone())).abort_handle()
        });
        #[cfg(not(feature = "postgres"))]
        let listener = None;
        let writer = Writer {
            backend: opened.writer.get_database_backend(),
            connection: opened.writer,
            place: Arc::clone(&place),
            counters: Arc::clone(&counters),
            teller: teller.clone(),
            identity: Identity::of(&place),
        };
        tokio::spawn(writer.run(waiting));
        let reader = Reader { connections: opened.readers, place, written: Arc::default() };
        Ok(Self { reader, requests, counters, teller, listener })
    }

    /// Returns the path of the file, or the address of the database without a password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.reader.place
    }

    /// Returns what the writer did since the store was opened.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        self.counters.read()
    }

    /// Looks through the whole store for damage and returns what it found, one line each.
    ///
    /// # Errors
    /// [`StoreError::Backend`] if the file cannot be read at all.
    pub async fn check_integrity(&self) -> Result<Vec<String>, StoreError> {
        self.reader.faults().await
    }

    /// Returns what was read from a row, or the error that it is damaged.
    pub(crate) fn read<T>(&self, value: Result<T, DbErr>) -> Result<T, StoreError> {
        value.map_err(|error| crate::fault::error(error, &self.reader.place))
    }

    /// Returns what tells of writes.
    pub(crate) fn teller(&self) -> &Teller {
        &self.teller
    }

    /// Returns the kind of database.
    pub(crate) fn backend(&self) -> DbBackend {
        self.reader.database()
    }

    /// Returns what reads.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Returns the way to the writer.
    pub(crate) fn requests(&self) -> &mpsc::Sender<Request> {
        &self.requests
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Request,
    ) -> Result<T, StoreError> {
        let gone = || StoreFault::WriterGone.at(&self.reader.place);
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

#[async_trait]
impl Jobs for SqlStore {
    async fn job(&self, id: JobId) -> Result<Job, StoreError> {
        self.reader.job(id).await
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Vec<Job>, StoreError> {
        self.reader.jobs(query).await
    }

    async fn resolve(&self, reference: RevisionRef) -> Result<Revision, StoreError> {
        self.reader.resolve(reference).await
    }

    async fn revision(&self, id: RevisionId) -> Result<Revision, StoreError> {
        self.reader.revision(id).await
    }

    async fn manifest(&self, id: RevisionId) -> Result<Manifest, StoreError> {
        Ok(self.reader.chained_manifest(id).await?.0)
    }

    async fn delta(&self, id: RevisionId) -> Result<Delta, StoreError> {
        self.reader.delta(id).await
    }

    async fn corrections(&self, job: JobId) -> Result<Vec<Correction>, StoreError> {
        self.reader.corrections(job).await
    }
}

#[async_trait]
impl Blobs for SqlStore {
    async fn blobs(&self, hashes: &[BlobHash]) -> Result<Vec<Blob>, StoreError> {
        self.reader.blobs(hashes).await
    }
}

#[async_trait]
impl Journal for SqlStore {
    async fn steps(&self, job: JobId) -> Result<Vec<StepRow>, StoreError> {
        self.reader.steps(job).await
    }

    async fn checks(&self, job: JobId) -> Result<Vec<(Phase, u32, CheckReport)>, StoreError> {
        self.reader.checks(job).await
    }

    async fn conflicts(&self, job: JobId) -> Result<Vec<ConflictRow>, StoreError> {
        self.reader.conflicts(job).await
    }

    async fn partials(&self, job: JobId) -> Result<Vec<PartialReply>, StoreError> {
        self.reader.partials(job).await
    }
}

#[async_trait]
impl Ledger for SqlStore {
    async fn calls(&self, job: JobId) -> Result<Vec<CallRow>, StoreError> {
        self.reader.calls(job).await
    }

    async fn spend(&self, since: Timestamp) -> Result<Vec<SpendRow>, StoreError> {
        self.reader.spend(since).await
    }
}

#[async_trait]
impl EventLog for SqlStore {
    async fn events(&self, job: JobId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.reader.events(job, after, limit).await
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn commit(&self, changes: Changes) -> Result<Receipt, StoreError> {
        let mut prepared = Box::new(prepare(&self.reader, changes).await?);
        let made = prepared.revision.as_mut().map(|new| (std::mem::take(&mut new.manifest), new.mark, new.chain));
        let receipt = self.ask(|answer| Request::Commit(prepared, answer)).await?;
        if let (Some((id, _)), Some((manifest, mark, chain))) = (receipt.revision, made) {
            self.reader.written.keep(id, receipt.job, mark, manifest, chain);
        }
        Ok(receipt)
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Lease, StoreError> {
        self.ask(|answer| Request::Claim(request, answer)).await
    }

    fn accounts(&self) -> Option<&dyn Accounts> {
        Some(self)
    }

    fn backlog(&self) -> Option<&dyn Backlog> {
        Some(self)
    }

    fn figures(&self) -> Option<StoreFigures> {
        let StoreStats { commits, transactions, statements, rows } = self.stats();
        Some(StoreFigures { commits, transactions, statements, rows })
    }

    fn upkeep(&self) -> Option<&dyn Upkeep> {
        Some(self)
    }

    fn watch(&self) -> Option<&dyn Watch> {
        Some(self)
    }
}
