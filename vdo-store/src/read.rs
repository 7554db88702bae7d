//! Everything that reads: many connections, no transaction, no state kept between calls. Invariant: a read that has a connection
//! comes to its end whether whoever asked looks at it or not.
//!
//! Reads of several statements name immutable rows only (revisions, their files, snapshots, contents), so that a write
//! between them cannot show.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QueryResult, QuerySelect, Value,
};
use vdo_core::check::CheckReport;
use vdo_core::conflict::ConflictRow;
use vdo_core::content::{Blob, BlobHash};
use vdo_core::event::Event;
use vdo_core::id::{JobId, Phase, RevisionId, RevisionRef};
use vdo_core::job::{Correction, Job, JobStatus, Revision};
use vdo_core::port::{CallRow, JobQuery, PartialReply, SpendRow, StepRow, StoreError};
use vdo_core::time::Timestamp;
use vdo_core::tree::{Delta, Manifest};

use crate::convert;
use crate::dialect;
use crate::entity::{JobRow, SpendSum, call, check, event, revision, step};
use crate::fault::{self, StoreFault};
use crate::load::{Cells, damaged, hash_of, job_id, json};
use crate::names;
use crate::pack::unpack;
use crate::recent::Written;
use crate::snapshot;
use crate::sql;

/// Contents asked for in one statement.
const MOST_HASHES: usize = 256;
/// Contents beyond this are unpacked off the caller's thread.
const LARGE: usize = 256 * 1024;

/// The reading connections.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) connections: DatabaseConnection,
    pub(crate) place: Arc<str>,
    pub(crate) written: Arc<Written>,
}

impl Reader {
    /// Returns the error of something that is not the database's fault.
    pub(crate) fn backend(&self, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        StoreFault::Other(Box::new(error)).at(&self.place)
    }

    pub(crate) fn error(&self, error: DbErr) -> StoreError {
        fault::error(error, &self.place)
    }

    /// Returns the kind of database.
    pub(crate) fn database(&self) -> DbBackend {
        self.connections.get_database_backend()
    }

    /// Runs a query.
    pub(crate) async fn rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, StoreError> {
        let statement = dialect::statement(self.database(), sql, values);
        self.apart(|connections| async move { connections.query_all_raw(statement).await }).await
    }

    /// Reads in a task of its own. Whoever asked may do other things before he looks at the answer, as a run does that has several
    /// steps under way: a connection, or the turn for one, that only he could move on would be missing to all others until then,
    /// and for ever if what he does is to wait for one himself.
    async fn apart<T: Send + 'static, F>(&self, read: impl FnOnce(DatabaseConnection) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, DbErr>> + Send + 'static,
    {
        match tokio::spawn(read(self.connections.clone())).await {
            Ok(read) => read.map_err(|error| self.error(error)),
            Err(error) => Err(self.backend(error)),
        }
    }

    pub(crate) fn all<T>(&self, rows: impl IntoIterator<Item = Result<T, DbErr>>) -> Result<Vec<T>, StoreError> {
        rows.into_iter().collect::<Result<_, _>>().map_err(|error| self.error(error))
    }

    pub(crate) async fn job(&self, id: JobId) -> Result<Job, StoreError> {
        let sql = format!("{} WHERE j.id = ?1", sql::SELECT_JOBS);
        let jobs = self.select_jobs(&sql, vec![Value::from(names::int(id.number()))]).await?;
        jobs.into_iter().next().ok_or_else(|| no_job(id))
    }

    pub(crate) async fn jobs(&self, query: &JobQuery) -> Result<Vec<Job>, StoreError> {
        let (mut conditions, mut values) = (Vec::new(), Vec::new());
        let mut condition = |text: &str, value: Value| {
            values.push(value);
            conditions.push(text.replace('?', &format!("?{}", values.len())));
        };
        match query.status {
            Some(status) => condition("j.status = ?", Value::from(status.as_str())),
            None if query.archived => {}
            None => condition("j.status <> ?", Value::from(JobStatus::Archived.as_str())),
        }
        if let Some(kind) = query.kind {
            condition("j.kind = ?", Value::from(names::word(&kind)));
        }
        if let Some(parent) = query.parent {
            let sql = "j.id IN (SELECT job_id FROM job_parents WHERE parent_job_id = ?)";
            condition(sql, Value::from(names::int(parent.number())));
        }
        if let Some(root) = query.root {
            condition("j.root_id = ?", Value::from(names::int(root.number())));
        }
        if let Some(before) = query.before {
            condition("j.id < ?", Value::from(names::int(before.number())));
        }
        let limit = if query.limit == 0 { 100 } else { query.limit };
        values.push(Value::from(i64::from(limit)));
        let conditions = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
        let sql = format!("{} WHERE {conditions} ORDER BY j.id DESC LIMIT ?{}", sql::SELECT_JOBS, values.len());
        self.select_jobs(&sql, values).await
    }

    async fn select_jobs(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Job>, StoreError> {
        let rows = self.rows(sql, values).await?;
        let mut jobs = self.all(rows.iter().map(|row| convert::job(JobRow::from_query_result(row, "")?)))?;
        let backend = self.database();
        jobs.iter_mut().flat_map(convert::texts_of_job).for_each(|text| dialect::restore(backend, text));
        Ok(jobs)
    }

    pub(crate) async fn resolve(&self, reference: RevisionRef) -> Result<Revision, StoreError> {
        let mut query = revision::Entity::find().filter(revision::Column::JobId.eq(names::int(reference.job.number())));
        query = match reference.number {
            Some(number) => query.filter(revision::Column::Number.eq(i64::from(number))),
            None => query.order_by_desc(revision::Column::Number),
        };
        let row = self.apart(|connections| async move { query.one(&connections).await }).await?;
        let row = row.ok_or_else(|| StoreError::NotFound(format!("revision {reference}")))?;
        self.restored(convert::revision(row))
    }

    pub(crate) async fn revision(&self, id: RevisionId) -> Result<Revision, StoreError> {
        let query = revision::Entity::find_by_id(names::int(id.0));
        let row = self.apart(|connections| async move { query.one(&connections).await }).await?;
        self.restored(convert::revision(row.ok_or_else(|| no_revision(id))?))
    }

    fn restored(&self, revision: Result<Revision, DbErr>) -> Result<Revision, StoreError> {
        let mut revision = revision.map_err(|error| self.error(error))?;
        dialect::restore(self.database(), &mut revision.author);
        Ok(revision)
    }

    /// As [`Reader::chained_manifest`], of a base for a new revision: what was written last is at hand. Whether the base is
    /// there is for the transaction to say.
    pub(crate) async fn base_manifest(&self, id: RevisionId) -> Result<(Manifest, u64), StoreError> {
        match self.written.get(id) {
            Some(found) => Ok(found),
            None => self.chained_manifest(id).await,
        }
    }

    /// Returns the manifest of a revision and how many bases it stands on.
    pub(crate) async fn chained_manifest(&self, id: RevisionId) -> Result<(Manifest, u64), StoreError> {
        let corrupt = |detail: String| StoreError::Corrupt { what: format!("the tree of revision {}", id.0), detail };
        let chain = self.rows(sql::CHAIN, vec![Value::from(names::int(id.0))]).await?;
        let mut manifest = Manifest::default();
        let (mut jobs, mut deltas) = (HashMap::new(), Vec::new());
        let mut last = None;
        for row in &chain {
            let link = link(row).map_err(|error| self.error(error))?;
            match link.snapshot {
                Some(data) => manifest = snapshot::decode(&data, link.job).map_err(corrupt)?,
                None => deltas.push(link.id),
            }
            jobs.insert(link.id, link.job);
            last = Some((link.root_hash, link.chain));
        }
        let (root_hash, chain) = last.ok_or_else(|| no_revision(id))?;
        for row in self.rows(sql::DELTAS, vec![json(&deltas)]).await? {
            convert::lay(&mut manifest, &jobs, &row).map_err(|error| self.error(error))?;
        }
        let found = manifest.root_hash();
        if found != root_hash {
            return Err(corrupt(format!("it has the hash {found} instead of {root_hash}")));
        }
        Ok((manifest, chain))
    }

    pub(crate) async fn delta(&self, id: RevisionId) -> Result<Delta, StoreError> {
        let rows = self.rows(sql::DELTA, vec![Value::from(names::int(id.0))]).await?;
        if rows.is_empty() {
            // An empty delta is fine; a revision that is not there is not.
            self.revision(id).await?;
        }
        let entries = self.all(rows.iter().map(convert::delta))?;
        Ok(Delta(entries.into_iter().collect()))
    }

    pub(crate) async fn corrections(&self, job: JobId) -> Result<Vec<Correction>, StoreError> {
        let rows = self.rows(sql::SELECT_CORRECTIONS, vec![Value::from(names::int(job.number()))]).await?;
        self.exists(job, rows.is_empty()).await?;
        self.all(rows.iter().map(convert::correction))
    }

    pub(crate) async fn blobs(&self, hashes: &[BlobHash]) -> Result<Vec<Blob>, StoreError> {
        let mut found = HashMap::with_capacity(hashes.len());
        for hashes in hashes.chunks(MOST_HASHES) {
            let rows = self.rows(sql::CONTENTS, vec![json(&hashes)]).await?;
            let packed = self.all(rows.iter().map(Content::of))?;
            let size: usize = packed.iter().map(|content| content.data.len()).sum();
            let blobs = if size > LARGE {
                let unpacked = tokio::task::spawn_blocking(move || unpack_all(packed)).await;
                unpacked.map_err(|error| self.backend(error))?
            } else {
                unpack_all(packed)
            };
            found.extend(blobs);
        }
        let missing = |hash: &BlobHash| StoreError::NotFound(format!("content {hash}"));
        hashes
            .iter()
            .map(|hash| match found.get(hash) {
                Some(Ok(blob)) => Ok(blob.clone()),
                Some(Err(detail)) => Err(corrupt_blob(hash, detail)),
                None => Err(missing(hash)),
            })
            .collect()
    }

    pub(crate) async fn steps(&self, job: JobId) -> Result<Vec<StepRow>, StoreError> {
        let query = step::Entity::find().filter(step::Column::JobId.eq(names::int(job.number())));
        let query = query.order_by_asc(step::Column::Id);
        let rows = self.apart(|connections| async move { query.all(&connections).await }).await?;
        self.exists(job, rows.is_empty()).await?;
        self.all(rows.into_iter().map(convert::step))
    }

    pub(crate) async fn checks(&self, job: JobId) -> Result<Vec<(Phase, u32, CheckReport)>, StoreError> {
        let query = check::Entity::find().filter(check::Column::JobId.eq(names::int(job.number())));
        let query = query.order_by_asc(check::Column::Id);
        let rows = self.apart(|connections| async move { query.all(&connections).await }).await?;
        self.exists(job, rows.is_empty()).await?;
        self.all(rows.into_iter().map(convert::check))
    }

    pub(crate) async fn conflicts(&self, job: JobId) -> Result<Vec<ConflictRow>, StoreError> {
        let rows = self.rows(sql::SELECT_CONFLICTS, vec![Value::from(names::int(job.number()))]).await?;
        self.exists(job, rows.is_empty()).await?;
        let mut conflicts = self.all(rows.iter().map(convert::conflict))?;
        let backend = self.database();
        conflicts.iter_mut().flat_map(convert::texts_of_conflict).for_each(|text| dialect::restore(backend, text));
        Ok(conflicts)
    }

    pub(crate) async fn partials(&self, job: JobId) -> Result<Vec<PartialReply>, StoreError> {
        let rows = self.rows(sql::SELECT_PARTIALS, vec![Value::from(names::int(job.number()))]).await?;
        self.exists(job, rows.is_empty()).await?;
        let mut partials = self.all(rows.iter().map(convert::partial))?;
        partials.iter_mut().for_each(|partial| dialect::restore(self.database(), &mut partial.text));
        Ok(partials)
    }

    pub(crate) async fn calls(&self, job: JobId) -> Result<Vec<CallRow>, StoreError> {
        let query = call::Entity::find().filter(call::Column::JobId.eq(names::int(job.number())));
        let query = query.order_by_asc(call::Column::Id);
        let rows = self.apart(|connections| async move { query.all(&connections).await }).await?;
        self.exists(job, rows.is_empty()).await?;
        self.all(rows.into_iter().map(convert::call))
    }

    pub(crate) async fn spend(&self, since: Timestamp) -> Result<Vec<SpendRow>, StoreError> {
        let rows = self.rows(sql::SPEND, vec![Value::from(since.0)]).await?;
        self.all(rows.iter().map(|row| Ok(convert::spend(SpendSum::from_query_result(row, "")?))))
    }

    pub(crate) async fn events(&self, job: JobId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let query = event::Entity::find()
            .filter(event::Column::JobId.eq(names::int(job.number())))
            .filter(event::Column::Seq.gt(names::int(after)))
            .order_by_asc(event::Column::Seq)
            .limit(u64::from(limit));
        let rows = self.apart(|connections| async move { query.all(&connections).await }).await?;
        self.exists(job, rows.is_empty()).await?;
        self.all(rows.into_iter().map(convert::event))
    }

    /// Tells a job without rows from one that is not there.
    async fn exists(&self, job: JobId, in_doubt: bool) -> Result<(), StoreError> {
        if !in_doubt {
            return Ok(());
        }
        let rows = self.rows("SELECT 1 FROM jobs WHERE id = ?1", vec![Value::from(names::int(job.number()))]).await?;
        if rows.is_empty() { Err(no_job(job)) } else { Ok(()) }
    }
}

fn no_job(id: JobId) -> StoreError {
    StoreError::NotFound(format!("job {id}"))
}

fn no_revision(id: RevisionId) -> StoreError {
    StoreError::NotFound(format!("revision {}", id.0))
}

pub(crate) fn corrupt_blob(hash: &BlobHash, detail: &str) -> StoreError {
    StoreError::Corrupt { what: format!("the content {hash}"), detail: detail.to_owned() }
}

/// One revision on the way from a snapshot to the revision asked for.
struct Link {
    id: i64,
    job: JobId,
    chain: u64,
    root_hash: BlobHash,
    snapshot: Option<Vec<u8>>,
}

fn link(row: &QueryResult) -> Result<Link, DbErr> {
    let mut cells = Cells::of(row);
    Ok(Link {
        id: cells.take()?,
        job: job_id(cells.take()?)?,
        chain: names::uint(cells.take()?),
        root_hash: hash_of(&cells.take::<Vec<u8>>()?)?,
        snapshot: cells.take()?,
    })
}

pub(crate) struct Content {
    hash: BlobHash,
    len: i64,
    codec: i64,
    data: Vec<u8>,
}

impl Content {
    pub(crate) fn of(row: &QueryResult) -> Result<Self, DbErr> {
        let mut cells = Cells::of(row);
        let hash = hash_of(&cells.take::<Vec<u8>>()?)?;
        Ok(Self { hash, len: cells.take()?, codec: cells.take()?, data: cells.take()? })
    }
}

pub(crate) fn unpack_all(contents: Vec<Content>) -> BTreeMap<BlobHash, Result<Blob, String>> {
    let unpack = |content: Content| {
        let blob = unpack(content.len, content.codec, content.data).map(Blob::new).and_then(|blob| {
            let found = blob.hash();
            if found == content.hash { Ok(blob) } else { Err(format!("its bytes have the hash {found}")) }
        });
        (content.hash, blob)
    };
    contents.into_iter().map(unpack).collect()
}

/// Returns an error for a value in a row that cannot be.
pub(crate) fn odd(what: &str, value: impl std::fmt::Display) -> DbErr {
    damaged(format!("the {what} {value}"))
}
