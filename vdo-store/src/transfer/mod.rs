//! Whole projects in and out: an export is a store of its own in one file, sealed by a hash over all of its rows.
//!
//! The file can be opened like any store, and is looked through before anything is taken from it. Invariant: an export is there
//! whole or not at all, and an import is one transaction.

mod columns;
mod copy;
mod file;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use schemars::JsonSchema;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel,
    TransactionOptions, TransactionTrait, Value,
};
use serde::{Deserialize, Serialize};
use vdo_core::content::BlobHash;
use vdo_core::id::JobId;
use vdo_core::port::{Accounts as _, StoreError};
use vdo_core::time::Timestamp;

use crate::dialect;
use crate::fault;
use crate::load::{Cells, hash_of, job_id};
use crate::names;
use crate::open::begin;
use crate::sql;
use crate::store::SqlStore;
use crate::upkeep::Fail;

use columns::{CORRECTIONS, SHARED, TABLES};
use copy::{Cell, Renaming};

/// The name under which an export keeps what it is.
const SEAL: &str = "export";

/// What an export is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exported {
    /// The root of the project; none for a whole store.
    pub root: Option<JobId>,
    /// The jobs, in the order of their ids.
    pub jobs: Vec<JobId>,
    /// Those among them whose runs are not over: what their models answered stays behind, and they begin anew.
    pub unfinished: Vec<JobId>,
    /// When it was made.
    pub made: Timestamp,
    /// The hash over all rows.
    pub seal: BlobHash,
    /// The columns that the hash is over, by table.
    pub columns: BTreeMap<String, Vec<String>>,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    /// The jobs, each with the id it had and the one it has.
    pub jobs: Vec<(JobId, JobId)>,
    /// Jobs that lost their idempotency key, because another has it.
    pub without_key: Vec<JobId>,
    /// The hash that the file was sealed with.
    pub seal: BlobHash,
}

impl SqlStore {
    /// Writes a project, all jobs that grew out of `root` and what they build on, to one file, or with `None` the whole store.
    /// Jobs may be run meanwhile: what is written is how it was at one moment.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such job; [`StoreError::Backend`] if the file cannot be written. There is no file
    /// then, or the one there was.
    pub async fn export(&self, root: Option<JobId>, path: &Path, now: Timestamp) -> Result<Exported, StoreError> {
        let from = self.snapshot().await?;
        let result = self.export_from(&from, root, path, now).await;
        // It only read.
        let _ = from.rollback().await;
        result
    }

    /// Returns a transaction that sees the store as it is now, whatever is written meanwhile.
    async fn snapshot(&self) -> Result<DatabaseTransaction, StoreError> {
        let options = match self.backend() {
            DbBackend::Postgres => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            },
            _ => TransactionOptions::default(),
        };
        let begun = self.reader().connections.begin_with_options(options).await;
        begun.map_err(|error| fault::error(error, self.place()))
    }

    async fn export_from(
        &self,
        from: &DatabaseTransaction,
        root: Option<JobId>,
        path: &Path,
        now: Timestamp,
    ) -> Result<Exported, StoreError> {
        let fail = |error| fault::error(error, self.place());
        let jobs = match root {
            Some(root) => project(from, root).await.map_err(fail)?,
            None => ids(from, "SELECT id FROM jobs ORDER BY id", Vec::new()).await.map_err(fail)?,
        };
        if jobs.is_empty() {
            return Err(match root {
                Some(root) => StoreError::NotFound(format!("job {root}")),
                None => StoreError::Invalid("the store has no jobs to export".to_owned()),
            });
        }
        let sql = "SELECT id FROM jobs j WHERE (status NOT IN ('completed', 'archived', 'cancelled') OR lease_owner IS NOT NULL) \
                   AND EXISTS (SELECT 1 FROM steps WHERE job_id = j.id) ORDER BY id";
        let mut unfinished = ids(from, sql, Vec::new()).await.map_err(fail)?;
        unfinished.retain(|job| root.is_some() && jobs.binary_search(job).is_ok());
        let building = file::Building::new(path)?;
        let target = building.store().await?;
        let copied = copy_all(from, &target, &jobs, &unfinished, root.is_none()).await;
        copied.map_err(|fail| fail.at(self.place()))?;
        let known = copy::columns();
        let seal = copy::seal(&target, &known).await.map_err(fail)?;
        let number = |ids: &[i64]| ids.iter().map(|id| job_id(*id)).collect::<Result<Vec<_>, _>>();
        let exported = Exported {
            root,
            jobs: number(&jobs).map_err(fail)?,
            unfinished: number(&unfinished).map_err(fail)?,
            made: now,
            seal,
            columns: known,
        };
        let text = serde_json::to_string(&exported).map_err(|error| self.reader().backend(error))?;
        let sql = "INSERT INTO settings (name, value) VALUES (?1, ?2)";
        let values = vec![Value::from(SEAL), Value::from(text)];
        target.execute_raw(dialect::statement(DbBackend::Sqlite, sql, values)).await.map_err(fail)?;
        building.finish(target).await?;
        Ok(exported)
    }

    /// Takes everything from a file that [`SqlStore::export`] wrote, with new ids where the store has jobs already.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the file is not what it was sealed as, [`StoreError::Invalid`] if it is no export,
    /// [`StoreError::Newer`]. Nothing was written then.
    pub async fn import(&self, path: &Path, now: Timestamp) -> Result<Imported, StoreError> {
        let opened = file::Opened::open(path).await?;
        let exported = opened.exported.clone();
        let place = self.place().to_owned();
        let imported = self
            .alone(move |connection| async move {
                let done = import_from(&opened, &connection).await;
                drop(opened);
                done
            })
            .await
            .map_err(|error| match error {
                StoreError::Corrupt { detail, .. } => {
                    StoreError::Corrupt { what: format!("the import into {place}"), detail }
                }
                other => other,
            })?;
        // What the calls cost counts in the budgets that cover them.
        for account in self.budgets(now).await? {
            self.set_budget(account.budget, now).await?;
        }
        Ok(Imported { seal: exported.seal, ..imported })
    }

    /// Looks through an export and returns what it is.
    ///
    /// # Errors
    /// As [`SqlStore::import`].
    pub async fn inspect(path: &Path) -> Result<Exported, StoreError> {
        Ok(file::Opened::open(path).await?.exported)
    }
}

/// Returns the jobs of a project, and those outside it that they build on, in the order of their ids.
async fn project(from: &impl ConnectionTrait, root: JobId) -> Result<Vec<i64>, DbErr> {
    let number = names::int(root.number());
    let sql = "SELECT id FROM jobs WHERE root_id = (SELECT root_id FROM jobs WHERE id = ?1) ORDER BY id";
    let mut all: BTreeSet<i64> = ids(from, sql, vec![Value::from(number)]).await?.into_iter().collect();
    let mut open: Vec<i64> = all.iter().copied().collect();
    while let Some(job) = open.pop() {
        for parent in
            ids(from, "SELECT parent_job_id FROM job_parents WHERE job_id = ?1", vec![Value::from(job)]).await?
        {
            if all.insert(parent) {
                open.push(parent);
            }
        }
    }
    Ok(all.into_iter().collect())
}

async fn ids(from: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Result<Vec<i64>, DbErr> {
    let rows = from.query_all_raw(dialect::statement(from.get_database_backend(), sql, values)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Copies jobs into an empty store, with the ids they have.
async fn copy_all(
    from: &DatabaseTransaction,
    target: &DatabaseConnection,
    jobs: &[i64],
    unfinished: &[i64],
    is_whole: bool,
) -> Result<(), Fail> {
    let into = begin(target).await?;
    if is_whole {
        everything_else(from, &into).await?;
    }
    for copied in &TABLES {
        for job in jobs {
            if copied.table.name() == "steps" && unfinished.contains(job) {
                continue;
            }
            let mut rows = copy::read(from, copied, *job).await?;
            for row in &mut rows {
                stand(copied, row);
            }
            if copied.table.name() == "events" {
                let hashes: Vec<BlobHash> = copy::attempted(&rows).into_iter().collect();
                for hashes in hashes.chunks(256) {
                    let Some(blobs) = TABLES.iter().find(|copied| copied.table.name() == "blobs") else { continue };
                    copy::write(&into, blobs, copy::contents(from, hashes).await?).await?;
                }
            }
            copy::write(&into, copied, rows).await?;
        }
    }
    for job in jobs {
        copy::write(&into, &CORRECTIONS, copy::read(from, &CORRECTIONS, *job).await?).await?;
    }
    into.commit().await?;
    Ok(())
}

/// Copies what belongs to no job, and the contents that only runs under way know of.
async fn everything_else(from: &DatabaseTransaction, into: &DatabaseTransaction) -> Result<(), Fail> {
    for copied in &SHARED {
        copy::write(into, copied, copy::shared(from, copied).await?).await?;
    }
    let Some(blobs) = TABLES.iter().find(|copied| copied.table.name() == "blobs") else { return Ok(()) };
    let mut after = 0i64;
    loop {
        let sql = "SELECT id, hash FROM blobs WHERE id > ?1 ORDER BY id LIMIT 256";
        let rows =
            from.query_all_raw(dialect::statement(from.get_database_backend(), sql, [Value::from(after)])).await?;
        let mut hashes = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut cells = Cells::of(row);
            after = cells.take()?;
            hashes.push(hash_of(&cells.take::<Vec<u8>>()?)?);
        }
        if hashes.is_empty() {
            return Ok(());
        }
        copy::write(into, blobs, copy::contents(from, &hashes).await?).await?;
    }
}

/// Makes a job's row that of a job nobody runs.
fn stand(copied: &columns::Copied, row: &mut [Cell]) {
    for ((name, _), cell) in copied.table.columns().iter().zip(row) {
        match (copied.role(name), *name, cell) {
            (columns::Role::Lease, _, Cell::Text(owner)) => *owner = None,
            (columns::Role::Lease, _, Cell::Int(until)) => *until = None,
            (_, "status", Cell::Text(Some(status))) if copied.table.name() == "jobs" && status == "running" => {
                *status = "queued".to_owned();
            }
            _ => {}
        }
    }
}

async fn import_from(opened: &file::Opened, connection: &DatabaseConnection) -> Result<Imported, Fail> {
    let into = begin(connection).await?;
    match import_in(opened, &into).await {
        Ok(imported) => {
            into.commit().await?;
            Ok(imported)
        }
        Err(fail) => {
            into.rollback().await?;
            Err(fail)
        }
    }
}

async fn import_in(opened: &file::Opened, into: &DatabaseTransaction) -> Result<Imported, Fail> {
    let is_postgres = into.get_database_backend() == DbBackend::Postgres;
    let (mut last_job, mut last_revision) = (0, 0);
    let last = if is_postgres { sql::READ_IDS_POSTGRES } else { sql::READ_IDS_SQLITE };
    for row in into.query_all_raw(dialect::statement(into.get_database_backend(), last, [])).await? {
        let mut cells = Cells::of(&row);
        let (name, last): (String, i64) = (cells.take()?, cells.take()?);
        *(if name == "jobs" { &mut last_job } else { &mut last_revision }) = last;
    }
    let mut keys = BTreeSet::new();
    let known = "SELECT idempotency_key FROM jobs WHERE idempotency_key IS NOT NULL";
    for row in into.query_all_raw(dialect::statement(into.get_database_backend(), known, [])).await? {
        let mut key: String = row.try_get_by_index(0)?;
        dialect::restore(into.get_database_backend(), &mut key);
        keys.insert(key);
    }
    let jobs: Vec<i64> = opened.exported.jobs.iter().map(|job| names::int(job.number())).collect();
    let mut renaming = Renaming { jobs: last_job, revisions: BTreeMap::new(), next_revision: last_revision, keys };
    let mut imported = Imported { jobs: Vec::new(), without_key: Vec::new(), seal: opened.exported.seal };
    for copied in &TABLES {
        for job in &jobs {
            let mut rows = copy::read(&opened.connection, copied, *job).await?;
            if copied.table.name() == "events" {
                let hashes: Vec<BlobHash> = copy::attempted(&rows).into_iter().collect();
                for hashes in hashes.chunks(256) {
                    let Some(blobs) = TABLES.iter().find(|copied| copied.table.name() == "blobs") else { continue };
                    copy::write(into, blobs, copy::contents(&opened.connection, hashes).await?).await?;
                }
            }
            for row in &mut rows {
                let key = key_of(copied, row).cloned();
                copy::rename(copied, row, &mut renaming)?;
                if key.is_some() && key_of(copied, row).is_none() {
                    imported.without_key.push(job_id(job.saturating_add(last_job))?);
                }
            }
            copy::write(into, copied, rows).await?;
        }
    }
    for job in &jobs {
        let mut rows = copy::read(&opened.connection, &CORRECTIONS, *job).await?;
        for row in &mut rows {
            copy::rename(&CORRECTIONS, row, &mut renaming)?;
        }
        copy::write(into, &CORRECTIONS, rows).await?;
    }
    if last_job == 0 && opened.exported.root.is_none() {
        // A whole store, into one that is new.
        for copied in &SHARED {
            copy::write(into, copied, copy::shared(&opened.connection, copied).await?).await?;
        }
        let sql = "SELECT hash FROM blobs ORDER BY hash LIMIT 256 OFFSET ?1";
        let mut after = 0i64;
        loop {
            let values = [Value::from(after)];
            let rows = opened.connection.query_all_raw(dialect::statement(DbBackend::Sqlite, sql, values)).await?;
            let mut hashes = Vec::with_capacity(rows.len());
            for row in &rows {
                hashes.push(hash_of(&Cells::of(row).take::<Vec<u8>>()?)?);
            }
            let Some(blobs) = TABLES.iter().find(|copied| copied.table.name() == "blobs") else { break };
            if hashes.is_empty() {
                break;
            }
            after += names::int(hashes.len() as u64);
            copy::write(into, blobs, copy::contents(&opened.connection, &hashes).await?).await?;
        }
    }
    for job in &jobs {
        imported.jobs.push((job_id(*job)?, job_id(job.saturating_add(last_job))?));
    }
    if is_postgres {
        let newest = jobs.last().map_or(last_job, |job| job.saturating_add(last_job));
        for (sql, last) in [(sql::KEEP_JOB_ID, newest), (sql::KEEP_REVISION_ID, renaming.next_revision)] {
            if last > 0 {
                into.query_all_raw(dialect::statement(DbBackend::Postgres, sql, [Value::from(last)])).await?;
            }
        }
    }
    Ok(imported)
}

fn key_of<'c>(copied: &columns::Copied, row: &'c [Cell]) -> Option<&'c String> {
    let at = copied.table.columns().iter().position(|(name, _)| copied.role(name) == columns::Role::Key)?;
    match row.get(at) {
        Some(Cell::Text(key)) => key.as_ref(),
        _ => None,
    }
}
