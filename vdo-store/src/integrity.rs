//! Looks for damage: what the database itself finds, contents and trees that do not have their hash, lineage that cannot be,
//! events with gaps, and sums that are not those of the calls. Every line says what to do.
//!
//! Never changes anything.

use sea_orm::{DbBackend, DbErr, QueryResult, Value};
use vdo_core::content::BlobHash;
use vdo_core::id::RevisionId;
use vdo_core::money::NanoUsd;
use vdo_core::port::StoreError;

use crate::load::{Cells, job_id};
use crate::names;
use crate::read::{Content, Reader, corrupt_blob, unpack_all};
use crate::sql;

const FROM_BACKUP: &str = "take it from a backup (vdo import)";

/// Jobs whose sums are not those of their calls.
const SUMS: &str = "
SELECT j.id, j.cost, CAST(coalesce(sum(c.cost) FILTER (WHERE c.state <> 0), 0) AS BIGINT), j.reserved,
  CAST(coalesce(sum(c.reserved) FILTER (WHERE c.state IN (0, 3)), 0) AS BIGINT)
FROM jobs j LEFT JOIN calls c ON c.job_id = j.id GROUP BY j.id, j.cost, j.reserved
HAVING j.cost <> coalesce(sum(c.cost) FILTER (WHERE c.state <> 0), 0)
  OR j.reserved <> coalesce(sum(c.reserved) FILTER (WHERE c.state IN (0, 3)), 0)
ORDER BY j.id";

/// Jobs whose events have gaps.
const GAPS: &str = "
SELECT j.id, j.next_seq - 1, count(e.seq), coalesce(max(e.seq), 0)
FROM jobs j LEFT JOIN events e ON e.job_id = j.id GROUP BY j.id, j.next_seq
HAVING count(e.seq) <> j.next_seq - 1 OR coalesce(max(e.seq), 0) <> j.next_seq - 1 ORDER BY j.id";

/// Parents that cannot be: not older than the job, or pinned to a revision of another job.
const PARENTS: &str = "
SELECT p.job_id, p.parent_job_id FROM job_parents p LEFT JOIN revisions r ON r.id = p.parent_revision_id
WHERE p.parent_job_id >= p.job_id OR (p.parent_revision_id IS NOT NULL AND (r.id IS NULL OR r.job_id <> p.parent_job_id))
ORDER BY p.job_id";

/// Jobs whose root, depth or parent is not what their first parent says.
const PLACES: &str = "
SELECT j.id, p.parent_job_id FROM jobs j JOIN job_parents p ON p.job_id = j.id AND p.ordinal = 0
JOIN jobs f ON f.id = p.parent_job_id
WHERE j.root_id <> f.root_id OR j.depth <> f.depth + 1 OR j.extends_job_id IS NULL OR j.extends_job_id <> f.id ORDER BY j.id";

/// Jobs whose newest revision is another's, or not the newest.
const HEADS: &str = "
SELECT j.id, j.head_number FROM jobs j LEFT JOIN revisions r ON r.id = j.head_id
WHERE (j.head_id IS NOT NULL AND (r.id IS NULL OR r.job_id <> j.id OR r.number <> j.head_number))
  OR j.head_number <> coalesce((SELECT max(number) FROM revisions WHERE job_id = j.id), 0) ORDER BY j.id";

impl Reader {
    /// Returns what is wrong, one line each.
    pub(crate) async fn faults(&self) -> Result<Vec<String>, StoreError> {
        let mut faults = Vec::new();
        if self.database() == DbBackend::Sqlite {
            self.file_faults(&mut faults).await?;
        }
        self.content_faults(&mut faults).await?;
        for row in self.rows("SELECT head_id FROM jobs WHERE head_id IS NOT NULL", Vec::new()).await? {
            let id: i64 = row.try_get_by_index(0).map_err(|error| self.error(error))?;
            if let Err(error) = self.chained_manifest(RevisionId(names::uint(id))).await {
                faults.push(format!("{error}; {FROM_BACKUP}, or roll the job back to an older revision"));
            }
        }
        self.told(&mut faults, SUMS, |cells| {
            let job = job_id(cells.take()?)?;
            let mut amount = || Ok::<_, DbErr>(NanoUsd(cells.take()?));
            let (cost, calls, reserved, open) = (amount()?, amount()?, amount()?, amount()?);
            Ok(format!(
                "job {job} says that it cost {cost} and has {reserved} reserved; its calls say {calls} and {open}: trust the calls \
                 (vdo log {} --journal)",
                job.number()
            ))
        })
        .await?;
        self.budget_faults(&mut faults).await?;
        self.told(&mut faults, GAPS, |cells| {
            let job = job_id(cells.take()?)?;
            let (wanted, count, last): (i64, i64, i64) = (cells.take()?, cells.take()?, cells.take()?);
            Ok(format!("job {job} has {count} events up to number {last} instead of {wanted}; {FROM_BACKUP}"))
        })
        .await?;
        self.told(&mut faults, PARENTS, |cells| {
            let (job, parent) = (job_id(cells.take()?)?, job_id(cells.take()?)?);
            Ok(format!("job {job} has job {parent} as a parent, which cannot be; {FROM_BACKUP}"))
        })
        .await?;
        self.told(&mut faults, PLACES, |cells| {
            let (job, parent) = (job_id(cells.take()?)?, job_id(cells.take()?)?);
            Ok(format!("job {job} does not stand where its parent {parent} does in the lineage; {FROM_BACKUP}"))
        })
        .await?;
        self.told(&mut faults, HEADS, |cells| {
            let (job, number) = (job_id(cells.take()?)?, cells.take::<i64>()?);
            Ok(format!("job {job} names revision {number} as its newest, which it is not; {FROM_BACKUP}"))
        })
        .await?;
        Ok(faults)
    }

    async fn told(
        &self,
        faults: &mut Vec<String>,
        sql: &str,
        tell: impl Fn(&mut Cells<'_>) -> Result<String, DbErr>,
    ) -> Result<(), StoreError> {
        let rows = self.rows(sql, Vec::new()).await?;
        faults.extend(self.all(rows.iter().map(|row| tell(&mut Cells::of(row))))?);
        Ok(())
    }

    /// Has SQLite look through its file.
    async fn file_faults(&self, faults: &mut Vec<String>) -> Result<(), StoreError> {
        let text = |row: &QueryResult| row.try_get_by_index::<String>(0).map_err(|error| self.error(error));
        for row in self.rows("PRAGMA quick_check", Vec::new()).await? {
            let line = text(&row)?;
            if line != "ok" {
                faults.push(format!("{line}; copy the file away and {FROM_BACKUP}"));
            }
        }
        for row in self.rows("PRAGMA foreign_key_check", Vec::new()).await? {
            faults.push(format!("a row of {} refers to nothing; {FROM_BACKUP}", text(&row)?));
        }
        Ok(())
    }

    async fn content_faults(&self, faults: &mut Vec<String>) -> Result<(), StoreError> {
        let mut after = 0i64;
        loop {
            let rows = self.rows(sql::ALL_CONTENTS, vec![Value::from(after)]).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.try_get_by_index(4).map_err(|error| self.error(error))?;
            let packed = self.all(rows.iter().map(Content::of))?;
            let unpacked = tokio::task::spawn_blocking(move || unpack_all(packed)).await;
            let unpacked = unpacked.map_err(|error| self.backend(error))?;
            let damaged =
                unpacked.into_iter().filter_map(|(hash, blob)| Some((hash, corrupt_blob(&hash, &blob.err()?))));
            for (hash, error) in damaged {
                let users = self.users(&hash).await?;
                faults.push(format!("{error}{users}; {FROM_BACKUP}, or vdo redact --blob {hash} to go on without it"));
            }
        }
    }

    /// Names the first files that have a content.
    async fn users(&self, hash: &BlobHash) -> Result<String, StoreError> {
        let values = vec![Value::from(hash.as_bytes().to_vec())];
        let rows = self.rows(sql::USERS, values).await?;
        let mut names = Vec::new();
        for row in &rows {
            let mut cells = Cells::of(row);
            let read = |cells: &mut Cells<'_>| Ok::<_, DbErr>((cells.take::<String>()?, job_id(cells.take()?)?));
            let (path, job) = read(&mut cells).map_err(|error| self.error(error))?;
            names.push(format!("{path} of job {job}"));
        }
        Ok(if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) })
    }
}
