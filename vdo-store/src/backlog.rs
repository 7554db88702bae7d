//! What is to be run and what runs, read for workers. Never writes.

use async_trait::async_trait;
use sea_orm::Value;
use vdo_core::port::StoreError;
use vdo_core::port::backlog::{AGEING_MS, Agenda, AgendaQuery, Backlog, Running, Waiting};
use vdo_core::time::Timestamp;

use crate::load::{Cells, job_id, merges, running};
use crate::names;
use crate::store::SqlStore;

/// The parents of a job, as JSON of their numbers.
const PARENTS: &str = "(SELECT coalesce(CAST(json_group_array(parent_job_id) AS TEXT), '[]') FROM job_parents \
                       WHERE job_id = j.id) AS parents";

/// That nobody holds a live lease on a job that is not over, and that every parent has a result. `?1` is the time now.
const COULD_RUN: &str = "j.status IN ('queued', 'running') AND (j.lease_owner IS NULL OR j.lease_until <= ?1)
  AND NOT EXISTS (
    SELECT 1 FROM job_parents p JOIN jobs q ON q.id = p.parent_job_id
    WHERE p.job_id = j.id AND p.parent_revision_id IS NULL AND q.head_id IS NULL
  )";

#[async_trait]
impl Backlog for SqlStore {
    async fn agenda(&self, query: AgendaQuery) -> Result<Agenda, StoreError> {
        let now = Value::from(query.now.0);
        let since = "CASE WHEN j.not_before > j.created THEN j.not_before ELSE j.created END";
        let due = "(j.status = 'running' OR j.not_before IS NULL OR j.not_before <= ?1)";
        let only = if query.only.is_some() { " AND j.id = ?3" } else { "" };
        let sql = format!(
            "SELECT j.id, j.root_id, j.priority, {since} AS since, {PARENTS} FROM jobs j
             WHERE {COULD_RUN} AND {due}{only} ORDER BY {since} - j.priority * {AGEING_MS}, j.id LIMIT ?2"
        );
        let mut values = vec![now.clone(), Value::from(i64::from(query.limit))];
        values.extend(query.only.map(|id| Value::from(names::int(id.number()))));
        let rows = self.reader().rows(&sql, values).await?;
        let waiting = rows.iter().map(|row| {
            let mut cells = Cells::of(row);
            Ok(Waiting {
                job: job_id(cells.take()?)?,
                root: job_id(cells.take()?)?,
                priority: i8::try_from(cells.take::<i64>()?).unwrap_or_default(),
                since: Timestamp(cells.take()?),
                merges: merges(&cells.take::<String>()?)?,
            })
        });
        let waiting: Vec<Waiting> = self.read(waiting.collect())?;
        if query.only.is_some() {
            return Ok(Agenda { waiting, ..Agenda::default() });
        }
        let sql = format!(
            "SELECT j.id, j.root_id, j.lease_until, {PARENTS} FROM jobs j
             WHERE j.status IN ('queued', 'running') AND j.lease_owner IS NOT NULL AND j.lease_until > ?1 ORDER BY j.id"
        );
        let rows = self.reader().rows(&sql, vec![now.clone()]).await?;
        let running: Vec<Running> = self.read(rows.iter().map(|row| running(&mut Cells::of(row))).collect())?;
        let sql = format!(
            "SELECT min(j.not_before) FROM jobs j WHERE {COULD_RUN} AND j.status = 'queued' AND j.not_before > ?1"
        );
        let rows = self.reader().rows(&sql, vec![now]).await?;
        let next: Result<Vec<Option<i64>>, _> = rows.iter().map(|row| Cells::of(row).take()).collect();
        let next_due = self.read(next)?.into_iter().flatten().next().map(Timestamp);
        Ok(Agenda { waiting, running, next_due })
    }
}
