//! Takes away what nothing needs any more: contents that nothing refers to, and the answers in journals of jobs that are over.
//!
//! Contents are marked first and swept by a later look, once they were marked for longer than the grace. Invariant: a content
//! that an unfinished run may refer to is never swept. Whoever writes a content takes its mark off, so a run that began after
//! the mark was set has it; while a run that began before is unfinished, what was marked since stays.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, Value};
use vdo_core::event::EventKind;
use vdo_core::id::JobId;
use vdo_core::port::StoreError;
use vdo_core::port::upkeep::{Collected, Collection};

use crate::load::{Cells, job_id, json};
use crate::names;
use crate::open::begin;
use crate::pack::{self, unpack};
use crate::store::SqlStore;
use crate::upkeep::{Fail, rows, run};

/// How many contents or answers go in one transaction, so that others can write between.
const AT_ONCE: i64 = 2000;

/// How the JSON of an attempt begins: the tag comes first.
const ATTEMPT: &[u8] = br#"{"kind":"attempt""#;

/// Contents that no file and no conflict refers to.
pub(crate) const UNUSED: &str = "NOT EXISTS (SELECT 1 FROM job_files f WHERE f.blob_id = blobs.id) AND hash NOT IN (\
    SELECT base_blob FROM conflicts WHERE base_blob IS NOT NULL \
    UNION SELECT ours_blob FROM conflicts WHERE ours_blob IS NOT NULL \
    UNION SELECT theirs_blob FROM conflicts WHERE theirs_blob IS NOT NULL \
    UNION SELECT result_blob FROM conflicts WHERE result_blob IS NOT NULL)";

/// Jobs whose runs may need contents that only their journals know of, and since when there are.
const UNFINISHED: &str = "
SELECT id, created FROM jobs j WHERE status NOT IN ('completed', 'archived', 'cancelled') AND head_id IS NULL
  AND EXISTS (SELECT 1 FROM steps WHERE job_id = j.id) ORDER BY id";

/// Journals that can go: as the WHERE of `steps`.
const OLD: &str = "answer IS NOT NULL AND job_id IN (SELECT id FROM jobs WHERE lease_owner IS NULL AND updated < ?1 \
                   AND status IN ('completed', 'archived', 'cancelled'))";

impl SqlStore {
    /// Marks and sweeps; see [`vdo_core::port::upkeep::Upkeep::collect`].
    pub(crate) async fn collecting(&self, request: &Collection) -> Result<Collected, StoreError> {
        let mut collected = Collected::default();
        let before = self.unfinished().await?;
        let kept = self.attempted().await?;
        let (now, until) = (request.now.0, request.now.0.saturating_sub(millis(request.grace)));
        if !request.is_trial {
            let kept = json(&kept);
            self.alone(move |connection| async move { mark(&connection, now, kept).await }).await?;
        }
        let after = self.unfinished().await?;
        let oldest = before.iter().chain(&after).map(|(_, created)| *created).min().unwrap_or(i64::MAX);
        let jobs: BTreeSet<JobId> = before.iter().chain(&after).map(|(job, _)| *job).collect();
        collected.waits_for = jobs.into_iter().collect();
        self.count(&mut collected, until, oldest, json(&kept)).await?;
        if request.is_trial {
            self.journals(&mut collected, request, true).await?;
            return Ok(collected);
        }
        loop {
            let kept = json(&kept);
            let swept =
                self.alone(move |connection| async move { sweep(&connection, until, oldest, kept).await }).await?;
            if swept == 0 {
                break;
            }
        }
        self.journals(&mut collected, request, false).await?;
        if request.compact {
            self.alone(compact).await?;
            collected.compacted = true;
        }
        Ok(collected)
    }

    async fn unfinished(&self) -> Result<Vec<(JobId, i64)>, StoreError> {
        let rows = self.reader().rows(UNFINISHED, Vec::new()).await?;
        let read = rows.iter().map(|row| {
            let mut cells = Cells::of(row);
            Ok((job_id(cells.take()?)?, cells.take()?))
        });
        self.reader().all(read)
    }

    /// Returns the contents of attempts: they are looked at and gone back to later.
    async fn attempted(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut hashes = BTreeSet::new();
        let (mut job, mut seq) = (0i64, 0i64);
        loop {
            // Most events are short, lie there as they are, and can be told from attempts by the database.
            let sql = format!(
                "SELECT job_id, seq, len, codec, kind FROM events WHERE (job_id, seq) > (?1, ?2) \
                 AND (codec <> ?3 OR substr(kind, 1, {}) = ?4) ORDER BY job_id, seq LIMIT 1000",
                ATTEMPT.len()
            );
            let values = vec![job.into(), seq.into(), i64::from(pack::RAW).into(), ATTEMPT.to_vec().into()];
            let page = self.reader().rows(&sql, values).await?;
            if page.is_empty() {
                return Ok(hashes);
            }
            for row in page {
                let mut cells = Cells::of(&row);
                let mut number = || self.read(cells.take::<i64>());
                (job, seq) = (number()?, number()?);
                let (len, codec) = (number()?, number()?);
                // What cannot be read keeps nothing, and is told of where it is read.
                let Ok(bytes) = unpack(len, codec, self.read(cells.take())?) else { continue };
                if !bytes.starts_with(ATTEMPT) {
                    continue;
                }
                if let Ok(EventKind::Attempt { attempt }) = serde_json::from_slice(&bytes) {
                    hashes.extend(attempt.contents().map(|hash| hash.to_string()));
                }
            }
        }
    }

    /// Counts what is marked and what can be swept.
    async fn count(&self, collected: &mut Collected, until: i64, oldest: i64, kept: Value) -> Result<(), StoreError> {
        let sql = "SELECT count(*) FROM garbage";
        for row in self.reader().rows(sql, Vec::new()).await? {
            collected.marked = names::uint(self.read(row.try_get_by_index(0))?);
        }
        let sql =
            format!("SELECT count(*), CAST(coalesce(sum(length(data)), 0) AS BIGINT) FROM blobs WHERE {}", sweepable());
        for row in self.reader().rows(&sql, vec![Value::from(until), Value::from(oldest), kept]).await? {
            let mut cells = Cells::of(&row);
            collected.blobs = names::uint(self.read(cells.take())?);
            collected.bytes = names::uint(self.read(cells.take())?);
        }
        Ok(())
    }

    /// Drops answers of journals, or counts them.
    async fn journals(
        &self,
        collected: &mut Collected,
        request: &Collection,
        is_trial: bool,
    ) -> Result<(), StoreError> {
        let Some(before) = request.journals_before else { return Ok(()) };
        let sql = format!("SELECT count(*), CAST(coalesce(sum(length(answer)), 0) AS BIGINT) FROM steps WHERE {OLD}");
        for row in self.reader().rows(&sql, vec![Value::from(before.0)]).await? {
            let mut cells = Cells::of(&row);
            collected.answers = names::uint(self.read(cells.take())?);
            collected.answer_bytes = names::uint(self.read(cells.take())?);
        }
        if is_trial {
            return Ok(());
        }
        loop {
            let gone = self
                .alone(move |connection| async move {
                    let transaction = begin(&connection).await?;
                    let sql = format!(
                        "UPDATE steps SET answer = NULL, len = NULL, codec = NULL \
                         WHERE id IN (SELECT id FROM steps WHERE {OLD} LIMIT {AT_ONCE})"
                    );
                    let gone = run(&transaction, &sql, vec![Value::from(before.0)]).await?;
                    transaction.commit().await?;
                    Ok(gone)
                })
                .await?;
            if gone == 0 {
                return Ok(());
            }
        }
    }
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn sweepable() -> String {
    format!(
        "{UNUSED} AND hash IN (SELECT hash FROM garbage WHERE since <= ?1 AND since < ?2) \
         AND lower(hex(hash)) NOT IN (SELECT value FROM json_each+(?3))"
    )
}

async fn mark(connection: &DatabaseConnection, now: i64, kept: Value) -> Result<(), Fail> {
    let transaction = begin(connection).await?;
    let unused = format!("{UNUSED} AND lower(hex(hash)) NOT IN (SELECT value FROM json_each+(?1))");
    let sql = format!("DELETE FROM garbage WHERE hash NOT IN (SELECT hash FROM blobs WHERE {unused})");
    run(&transaction, &sql, vec![kept.clone()]).await?;
    let sql = format!(
        "INSERT INTO garbage (hash, since) SELECT hash, CAST(?2 AS BIGINT) FROM blobs WHERE {unused} ON CONFLICT (hash) DO NOTHING"
    );
    run(&transaction, &sql, vec![kept, Value::from(now)]).await?;
    transaction.commit().await?;
    Ok(())
}

async fn sweep(connection: &DatabaseConnection, until: i64, oldest: i64, kept: Value) -> Result<u64, Fail> {
    let transaction = begin(connection).await?;
    // A run that began since is unfinished, too, and what it needs was marked after it began or has lost its mark.
    let oldest = unfinished_in(&transaction).await?.unwrap_or(i64::MAX).min(oldest);
    let sql = format!("SELECT lower(hex(hash)) FROM blobs WHERE {} LIMIT {AT_ONCE}", sweepable());
    let values = vec![Value::from(until), Value::from(oldest), kept];
    let mut hashes: Vec<String> = Vec::new();
    for row in rows(&transaction, &sql, values).await? {
        hashes.push(Cells::of(&row).take()?);
    }
    let list = json(&hashes);
    for table in ["blobs", "garbage"] {
        let sql = format!("DELETE FROM {table} WHERE hash IN (SELECT unhex(e.value) FROM json_each(?1) e)");
        run(&transaction, &sql, vec![list.clone()]).await?;
    }
    transaction.commit().await?;
    Ok(hashes.len() as u64)
}

async fn unfinished_in(transaction: &DatabaseTransaction) -> Result<Option<i64>, Fail> {
    let sql = format!("SELECT min(created) FROM ({UNFINISHED}) u");
    let found = rows(transaction, &sql, Vec::new()).await?;
    Ok(found.first().map(|row| row.try_get_by_index::<Option<i64>>(0)).transpose()?.flatten())
}

async fn compact(connection: DatabaseConnection) -> Result<(), Fail> {
    if connection.get_database_backend() == DbBackend::Postgres {
        connection.execute_unprepared("VACUUM (ANALYZE)").await?;
        return Ok(());
    }
    connection.execute_unprepared("VACUUM").await?;
    connection.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
    connection.execute_unprepared("PRAGMA optimize").await?;
    Ok(())
}
