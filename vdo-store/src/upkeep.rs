//! Taking things out of the file: purging jobs, making jobs stand on their own, redacting.
//!
//! Runs on the writer's connection while nothing else is written. Invariant: one transaction each; what is refused leaves
//! nothing. Trees are read before it begins, and are immutable: only a revision that was added meanwhile has to be looked for.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, Value};
use tokio::sync::oneshot;
use vdo_core::event::EventKind;
use vdo_core::id::{JobId, RevisionId, RevisionRef};
use vdo_core::port::StoreError;
use vdo_core::port::upkeep::{Collected, Collection, Purged, Redacted, Redaction, Seen, Upkeep};
use vdo_core::time::Timestamp;
use vdo_core::tree::Manifest;

use crate::collect;
use crate::dialect;
use crate::fault::{self, StoreFault};
use crate::load::{Cells, job_id, json, small};
use crate::names;
use crate::open::begin;
use crate::pack::{Packed, unpack};
use crate::redact;
use crate::store::SqlStore;
use crate::writer::{Exclusive, Request};

/// Why work on the store ended without a result.
#[derive(Debug)]
pub(crate) enum Fail {
    Store(StoreError),
    Db(DbErr),
}

impl Fail {
    /// Returns the store's error, for the store at `place`.
    pub(crate) fn at(self, place: &str) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Db(error) => fault::error(error, place),
        }
    }
}

impl From<DbErr> for Fail {
    fn from(error: DbErr) -> Self {
        Self::Db(error)
    }
}

impl From<StoreError> for Fail {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

pub(crate) async fn rows(
    transaction: &DatabaseTransaction,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<QueryResult>, DbErr> {
    transaction.query_all_raw(dialect::statement(transaction.get_database_backend(), sql, values)).await
}

pub(crate) async fn run(transaction: &DatabaseTransaction, sql: &str, values: Vec<Value>) -> Result<u64, DbErr> {
    let done = transaction.execute_raw(dialect::statement(transaction.get_database_backend(), sql, values)).await?;
    Ok(done.rows_affected())
}

/// Has what is deleted overwritten, in a file.
pub(crate) async fn overwrite(connection: &DatabaseConnection) -> Result<(), DbErr> {
    if connection.get_database_backend() == DbBackend::Sqlite {
        connection.execute_unprepared("PRAGMA secure_delete = ON").await?;
    }
    Ok(())
}

fn ids(jobs: &[(JobId, u64)]) -> Value {
    json(&jobs.iter().map(|(id, _)| id.number()).collect::<Vec<_>>())
}

/// Insists that the jobs are as they were seen and that nobody runs them.
async fn guard(transaction: &DatabaseTransaction, seen: &Seen) -> Result<(), Fail> {
    let sql = "SELECT id, version, lease_owner, lease_epoch, lease_until FROM jobs \
               WHERE id IN (SELECT value FROM json_each(?1))";
    let mut known = std::collections::BTreeMap::new();
    for row in rows(transaction, sql, vec![ids(&seen.jobs)]).await? {
        let mut cells = Cells::of(&row);
        let job = job_id(cells.take()?)?;
        known.insert(job, names::uint(cells.take()?));
        refuse_busy(job, &mut cells, seen.now)?;
    }
    for (job, expected) in &seen.jobs {
        match known.get(job) {
            None => return Err(StoreError::NotFound(format!("job {job}")).into()),
            Some(found) if found != expected => {
                return Err(StoreError::Conflict { job: *job, expected: *expected, found: *found }.into());
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Reads the owner, the epoch and the end of a lease, and refuses one that lives.
pub(crate) fn refuse_busy(job: JobId, cells: &mut Cells<'_>, now: Timestamp) -> Result<(), Fail> {
    let (owner, epoch): (Option<String>, i64) = (cells.take()?, cells.take()?);
    let until: Option<i64> = cells.take()?;
    if let (Some(owner), Some(until)) = (owner, until)
        && until > now.0
    {
        return Err(StoreError::Busy { job, owner, epoch: names::uint(epoch), until: Timestamp(until) }.into());
    }
    Ok(())
}

/// Purges inside a transaction.
async fn purge(transaction: &DatabaseTransaction, seen: &Seen) -> Result<Purged, Fail> {
    guard(transaction, seen).await?;
    let set = || vec![ids(&seen.jobs)];
    let sql = "SELECT parent_job_id, job_id FROM job_parents WHERE parent_job_id IN (SELECT value FROM json_each(?1)) \
               AND job_id NOT IN (SELECT value FROM json_each(?1)) ORDER BY parent_job_id, job_id";
    let mut children: Vec<(JobId, JobId)> = Vec::new();
    for row in rows(transaction, sql, set()).await? {
        let mut cells = Cells::of(&row);
        children.push((job_id(cells.take()?)?, job_id(cells.take()?)?));
    }
    if let Some((job, _)) = children.first().copied() {
        let children = children.into_iter().filter(|(parent, _)| *parent == job).map(|(_, child)| child).collect();
        return Err(StoreError::HasChildren { job, children }.into());
    }
    let mut purged = Purged { jobs: seen.jobs.iter().map(|(id, _)| *id).collect(), ..Purged::default() };
    let sql = "SELECT id FROM jobs j WHERE status NOT IN ('completed', 'archived', 'cancelled') AND head_id IS NULL \
               AND id NOT IN (SELECT value FROM json_each(?1)) AND EXISTS (SELECT 1 FROM steps WHERE job_id = j.id)";
    for row in rows(transaction, sql, set()).await? {
        purged.waits_for.push(job_id(Cells::of(&row).take()?)?);
    }
    for (table, count) in
        [("revisions", &mut purged.revisions), ("events", &mut purged.events), ("steps", &mut purged.steps)]
    {
        let sql = format!("SELECT count(*) FROM {table} WHERE job_id IN (SELECT value FROM json_each(?1))");
        for row in rows(transaction, &sql, set()).await? {
            *count = names::uint(Cells::of(&row).take()?);
        }
    }
    // References inside the set would hold each other.
    for sql in [
        "UPDATE revisions SET base_id = NULL WHERE job_id IN (SELECT value FROM json_each(?1))",
        "UPDATE jobs SET extends_job_id = NULL WHERE id IN (SELECT value FROM json_each(?1))",
        "DELETE FROM job_parents WHERE job_id IN (SELECT value FROM json_each(?1))",
        "DELETE FROM revisions WHERE job_id IN (SELECT value FROM json_each(?1))",
        "DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?1))",
    ] {
        run(transaction, sql, set()).await?;
    }
    if purged.waits_for.is_empty() {
        let unused = format!("{} AND lower(hex(hash)) NOT IN (SELECT value FROM json_each+(?1))", collect::UNUSED);
        let kept = attempted(transaction).await?;
        let sql = format!("SELECT count(*), CAST(coalesce(sum(length(data)), 0) AS BIGINT) FROM blobs WHERE {unused}");
        for row in rows(transaction, &sql, vec![Value::from(kept.clone())]).await? {
            let mut cells = Cells::of(&row);
            (purged.blobs, purged.bytes) = (names::uint(cells.take()?), names::uint(cells.take()?));
        }
        run(transaction, &format!("DELETE FROM blobs WHERE {unused}"), vec![Value::from(kept)]).await?;
    }
    Ok(purged)
}

/// Returns the contents of attempts, as a JSON list of hashes: they are looked at and gone back to later.
async fn attempted(transaction: &DatabaseTransaction) -> Result<String, Fail> {
    let mut hashes: BTreeSet<String> = BTreeSet::new();
    let (mut job, mut seq) = (0i64, 0i64);
    loop {
        let sql = "SELECT job_id, seq, len, codec, kind FROM events WHERE (job_id, seq) > (?1, ?2) ORDER BY job_id, seq LIMIT 256";
        let page = rows(transaction, sql, vec![Value::from(job), Value::from(seq)]).await?;
        if page.is_empty() {
            return serde_json::to_string(&hashes).map_err(|error| DbErr::Custom(error.to_string()).into());
        }
        for row in page {
            let mut cells = Cells::of(&row);
            (job, seq) = (cells.take()?, cells.take()?);
            let (len, codec): (i64, i64) = (cells.take()?, cells.take()?);
            // What cannot be read keeps nothing, and is told of where it is read.
            let Ok(bytes) = unpack(len, codec, cells.take()?) else { continue };
            if let Ok(EventKind::Attempt { attempt }) = serde_json::from_slice(&bytes) {
                hashes.extend(attempt.contents().map(|hash| hash.to_string()));
            }
        }
    }
}

/// A revision that stood on another job's, with its whole tree.
struct Standing {
    job: JobId,
    revision: RevisionId,
    manifest: Manifest,
    /// What else it grew out of, of its own job.
    also: Vec<u64>,
    /// What it was made from.
    from: RevisionRef,
}

/// Makes jobs stand on their own inside a transaction.
async fn detach(transaction: &DatabaseTransaction, seen: &Seen, standing: &[Standing]) -> Result<(), Fail> {
    guard(transaction, seen).await?;
    for row in standing {
        let id = names::int(row.revision.0);
        let steps = "SELECT path, step FROM job_files WHERE revision_id = ?1 AND step IS NOT NULL";
        let mut written = std::collections::BTreeMap::new();
        for found in rows(transaction, steps, vec![Value::from(id)]).await? {
            let mut cells = Cells::of(&found);
            written.insert(cells.take::<String>()?, cells.take::<String>()?);
        }
        run(transaction, "DELETE FROM job_files WHERE revision_id = ?1", vec![Value::from(id)]).await?;
        for (path, file) in &row.manifest.0 {
            let sql = "INSERT INTO job_files (revision_id, path, blob_id, mode, op, step, origin_id) \
                       VALUES (?1, ?2, (SELECT id FROM blobs WHERE hash = ?3), ?4, 0, ?5, ?6)";
            let origin = (file.job != row.job).then(|| names::int(file.job.number()));
            let values = vec![
                Value::from(id),
                Value::from(path.as_str()),
                Value::from(file.entry.blob.as_bytes().to_vec()),
                Value::from(names::mode_number(file.entry.mode)),
                Value::from(written.get(path.as_str()).cloned()),
                Value::from(origin),
            ];
            run(transaction, sql, values).await?;
        }
        let also = (!row.also.is_empty()).then(|| serde_json::to_string(&row.also).unwrap_or_default());
        let sql = "UPDATE revisions SET base_id = NULL, chain = 0, also = ?2 WHERE id = ?1";
        run(transaction, sql, vec![Value::from(id), Value::from(also)]).await?;
    }
    for (job, _) in &seen.jobs {
        let id = names::int(job.number());
        let of_job = standing.iter().filter(|row| row.job == *job);
        let from: Vec<RevisionRef> =
            of_job.map(|row| row.from).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        run(transaction, "DELETE FROM job_parents WHERE job_id = ?1", vec![Value::from(id)]).await?;
        let sql = "UPDATE jobs SET extends_job_id = NULL, is_extension = FALSE WHERE id = ?1";
        run(transaction, sql, vec![Value::from(id)]).await?;
        let sql = "WITH RECURSIVE below(id, depth) AS (\
                   SELECT CAST(?1 AS BIGINT), 1 UNION ALL SELECT p.job_id, depth + 1 FROM below b \
                   JOIN job_parents p ON p.parent_job_id = b.id AND p.ordinal = 0) \
                   UPDATE jobs SET root_id = ?1, depth = (SELECT depth FROM below WHERE below.id = jobs.id) \
                   WHERE id IN (SELECT id FROM below)";
        run(transaction, sql, vec![Value::from(id)]).await?;
        tell(transaction, *job, seen.now, &EventKind::Detached { from }).await?;
    }
    Ok(())
}

/// Adds an event to a job, and counts its version on.
pub(crate) async fn tell(
    transaction: &DatabaseTransaction,
    job: JobId,
    at: Timestamp,
    kind: &EventKind,
) -> Result<(), DbErr> {
    let packed = Packed::new(serde_json::to_vec(kind).unwrap_or_default());
    let id = names::int(job.number());
    let sql = "INSERT INTO events (job_id, seq, at, len, codec, kind) \
               SELECT id, next_seq, ?2, ?3, ?4, ?5 FROM jobs WHERE id = ?1";
    let values = vec![
        Value::from(id),
        Value::from(at.0),
        Value::from(names::int(packed.len as u64)),
        Value::from(i64::from(packed.codec)),
        Value::from(packed.data),
    ];
    run(transaction, sql, values).await?;
    let sql = "UPDATE jobs SET next_seq = next_seq + 1, version = version + 1 WHERE id = ?1";
    run(transaction, sql, vec![Value::from(id)]).await?;
    Ok(())
}

impl SqlStore {
    /// Does work on the writer's connection, while nothing else is written.
    pub(crate) async fn alone<T, F>(
        &self,
        work: impl FnOnce(DatabaseConnection) -> F + Send + Sync + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Fail>> + Send + 'static,
    {
        let place = self.place().to_owned();
        let gone = || StoreFault::WriterGone.at(&place);
        let (answer, answered) = oneshot::channel();
        let exclusive = Exclusive(Box::new(move |connection| {
            Box::pin(async move {
                // Whoever stopped waiting for the answer does not get one; the work is done all the same.
                let _ = answer.send(work(connection).await);
            })
        }));
        self.requests().send(Request::Exclusive(exclusive)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?.map_err(|fail| fail.at(&place))
    }

    async fn standing(&self, seen: &Seen) -> Result<Vec<Standing>, StoreError> {
        let mut standing = Vec::new();
        for (job, _) in &seen.jobs {
            let sql = "SELECT r.id, b.job_id, b.number, r.also FROM revisions r JOIN revisions b ON b.id = r.base_id \
                       WHERE r.job_id = ?1 AND b.job_id <> ?1 ORDER BY r.id";
            let found = self.reader().rows(sql, vec![Value::from(names::int(job.number()))]).await?;
            for row in found {
                let read = || -> Result<(i64, JobId, u32, Option<String>), DbErr> {
                    let mut cells = Cells::of(&row);
                    Ok((cells.take()?, job_id(cells.take()?)?, small(cells.take()?), cells.take()?))
                };
                let (id, parent, number, also) = read().map_err(|error| fault::error(error, self.place()))?;
                let also: Vec<u64> = serde_json::from_str(also.as_deref().unwrap_or("[]")).unwrap_or_default();
                let mut own = Vec::new();
                for other in also {
                    if self.reader().revision(RevisionId(other)).await?.job == *job {
                        own.push(other);
                    }
                }
                let revision = RevisionId(names::uint(id));
                let manifest = self.reader().chained_manifest(revision).await?.0;
                let from = RevisionRef { job: parent, number: Some(number) };
                standing.push(Standing { job: *job, revision, manifest, also: own, from });
            }
        }
        Ok(standing)
    }

    async fn purging(&self, seen: &Seen, keep: bool) -> Result<Purged, StoreError> {
        let seen = seen.clone();
        self.alone(move |connection| async move {
            overwrite(&connection).await?;
            let transaction = begin(&connection).await?;
            match purge(&transaction, &seen).await {
                Ok(purged) if keep => {
                    transaction.commit().await?;
                    Ok(purged)
                }
                other => {
                    transaction.rollback().await?;
                    other
                }
            }
        })
        .await
    }
}

#[async_trait::async_trait]
impl Upkeep for SqlStore {
    async fn purge_plan(&self, seen: &Seen) -> Result<Purged, StoreError> {
        self.purging(seen, false).await
    }

    async fn purge(&self, seen: &Seen) -> Result<Purged, StoreError> {
        self.purging(seen, true).await
    }

    async fn detach(&self, seen: &Seen) -> Result<(), StoreError> {
        let (standing, seen) = (self.standing(seen).await?, seen.clone());
        self.alone(move |connection| async move {
            let transaction = begin(&connection).await?;
            match detach(&transaction, &seen, &standing).await {
                Ok(()) => Ok(transaction.commit().await?),
                Err(fail) => {
                    transaction.rollback().await?;
                    Err(fail)
                }
            }
        })
        .await
    }

    async fn redact(&self, redaction: &Redaction) -> Result<Redacted, StoreError> {
        redact::redact(self, redaction).await
    }

    async fn collect(&self, collection: &Collection) -> Result<Collected, StoreError> {
        self.collecting(collection).await
    }
}
