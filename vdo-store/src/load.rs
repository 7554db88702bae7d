//! Reads what the decisions on a batch depend on, inside its transaction.
//!
//! One statement for the jobs, and one more for each rarer thing that the batch needs; in SQLite only what the last transaction
//! did not know, as long as nobody else wrote since. Never writes, never decides.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, QueryResult, TryGetable, Value};
use vdo_core::budget::SumKey;
use vdo_core::content::BlobHash;
use vdo_core::id::{JobId, RevisionId, RevisionRef};
use vdo_core::job::ParentLink;
use vdo_core::money::NanoUsd;
use vdo_core::pace::MINUTE;
use vdo_core::port::Running;
use vdo_core::time::Timestamp;
use vdo_core::tries::{Retries, Tries};
use vdo_core::usage::Usage;

use crate::accounts;
use crate::dialect;
use crate::names;
use crate::sql;
use crate::state::{JobState, Needs, RevisionState, State};

/// Loads what is needed and what the last transaction of the same connection does not know; adds the number of statements to
/// `statements`.
pub(crate) async fn load(
    transaction: &DatabaseTransaction,
    mut needs: Needs,
    carried: Option<State>,
    statements: &mut u64,
) -> Result<State, DbErr> {
    let mut load = Load { transaction, statements };
    let version = load.version().await?;
    let mut state = carried.filter(|known| version.is_some() && known.version == version).unwrap_or_default();
    state.version = version;
    if !needs.keys.is_empty() {
        let backend = transaction.get_database_backend();
        let keys: Vec<_> = needs.keys.iter().map(|key| dialect::keep(backend, key)).collect();
        for row in load.rows(sql::READ_KEYS, json(&keys)).await? {
            let mut cells = Cells::of(&row);
            let id = job_id(cells.take()?)?;
            let mut key: String = cells.take()?;
            dialect::restore(backend, &mut key);
            state.keys.insert(key, id);
            needs.jobs.insert(id);
        }
    }
    let ids: Vec<u64> = needs.jobs.iter().filter(|id| !state.jobs.contains_key(id)).map(|id| id.number()).collect();
    if !ids.is_empty() {
        for row in load.rows(sql::READ_JOBS, json(&ids)).await? {
            let (id, job) = job(&row)?;
            state.jobs.insert(id, job);
        }
    }
    load.live(&mut state, &needs).await?;
    let unknown = |id: &&RevisionId| !state.revisions.contains_key(id);
    let revisions: BTreeSet<u64> = needs.revisions.iter().filter(unknown).map(|id| id.0).collect();
    if !revisions.is_empty() {
        load.revisions(&mut state, sql::READ_REVISIONS, json(&revisions)).await?;
    }
    if !needs.numbered.is_empty() {
        let all = needs.numbered.iter().flat_map(|(job, numbers)| numbers.iter().map(|number| (job.number(), *number)));
        load.revisions(&mut state, sql::READ_NUMBERED, json(&all.collect::<Vec<_>>())).await?;
    }
    if !needs.blobs.is_empty() {
        for row in load.rows(sql::READ_HASHES, json(&needs.blobs)).await? {
            let hash: Vec<u8> = Cells::of(&row).take()?;
            state.blobs.insert(hash_of(&hash)?);
        }
    }
    load.accounts(&mut state, &needs).await?;
    load.traffic(&mut state, &needs).await?;
    if needs.ids && !state.ids {
        state.ids = true;
        let ids = match transaction.get_database_backend() {
            DbBackend::Postgres => sql::READ_IDS_POSTGRES,
            _ => sql::READ_IDS_SQLITE,
        };
        for row in load.all(ids).await? {
            let mut cells = Cells::of(&row);
            let (name, last): (String, i64) = (cells.take()?, cells.take()?);
            match name.as_str() {
                "jobs" => state.last_job = names::uint(last),
                _ => state.last_revision = names::uint(last),
            }
        }
    }
    if needs.contents && version.is_some() && state.garbage.is_none() {
        let marked = load.all("SELECT EXISTS (SELECT 1 FROM garbage)").await?;
        state.garbage = marked.first().map(|row| Cells::of(row).take()).transpose()?;
    }
    Ok(state)
}

struct Load<'a> {
    transaction: &'a DatabaseTransaction,
    statements: &'a mut u64,
}

impl Load<'_> {
    async fn rows(&mut self, sql: &str, value: Value) -> Result<Vec<QueryResult>, DbErr> {
        *self.statements += 1;
        let backend = self.transaction.get_database_backend();
        self.transaction.query_all_raw(dialect::statement(backend, sql, [value])).await
    }

    async fn all(&mut self, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
        *self.statements += 1;
        let backend = self.transaction.get_database_backend();
        self.transaction.query_all_raw(dialect::statement(backend, sql, [])).await
    }

    /// Returns the number that changes whenever another connection, of whatever process, has written: inside a transaction that
    /// nobody can write beside, whoever finds the same number as in his last one knows that nothing changed in between.
    async fn version(&mut self) -> Result<Option<i64>, DbErr> {
        if self.transaction.get_database_backend() != DbBackend::Sqlite {
            return Ok(None);
        }
        let rows = self.all("PRAGMA data_version").await?;
        rows.first().map(|row| Cells::of(row).take()).transpose()
    }

    /// Loads what runs beside the jobs that are claimed: other merges for merges, their projects where that is asked for.
    async fn live(&mut self, state: &mut State, needs: &Needs) -> Result<(), DbErr> {
        let claimed = |id: &JobId| state.jobs.get(id);
        let is_merge = needs.claims.keys().filter_map(claimed).any(|job| job.parents.len() > 1);
        let counted = needs.claims.iter().filter(|(_, counts)| **counts);
        let roots: BTreeSet<u64> = counted.filter_map(|(id, _)| Some(claimed(id)?.root.number())).collect();
        let mut rows = Vec::new();
        if is_merge {
            rows.extend(self.all(sql::READ_LIVE_MERGES).await?);
        }
        if !roots.is_empty() {
            rows.extend(self.rows(sql::READ_LIVE, json(&roots)).await?);
        }
        for row in rows {
            let running = running(&mut Cells::of(&row))?;
            state.live.insert(running.job, running);
        }
        Ok(())
    }

    /// Loads the calls that count of providers whose keys have limits.
    async fn traffic(&mut self, state: &mut State, needs: &Needs) -> Result<(), DbErr> {
        if needs.paced.is_empty() {
            return Ok(());
        }
        let minute = i64::try_from(MINUTE.as_millis()).unwrap_or(i64::MAX);
        let asked: Vec<(&str, i64, i64)> =
            needs.paced.iter().map(|(provider, at)| (provider.as_str(), at.0, at.0.saturating_sub(minute))).collect();
        for (provider, ..) in &asked {
            state.book.traffic.entry((*provider).to_owned()).or_default();
        }
        for row in self.rows(sql::READ_RECENT, json(&asked)).await? {
            let mut cells = Cells::of(&row);
            let (provider, started): (String, i64) = (cells.take()?, cells.take()?);
            state.book.traffic.entry(provider).or_default().recent.push(Timestamp(started));
        }
        for row in self.rows(sql::READ_UNDER_WAY, json(&asked)).await? {
            let mut cells = Cells::of(&row);
            let (provider, count): (String, i64) = (cells.take()?, cells.take()?);
            state.book.traffic.entry(provider).or_default().under_way = small(count);
        }
        Ok(())
    }

    /// Loads the budgets and where they stand, and how the providers have been doing.
    async fn accounts(&mut self, state: &mut State, needs: &Needs) -> Result<(), DbErr> {
        if !needs.charged.is_empty() && !state.book.is_open {
            state.book.is_open = true;
            for row in self.all(sql::READ_BUDGETS).await? {
                state.book.books.budgets.push(accounts::budget(&mut Cells::of(&row))?);
            }
        }
        let budgets = &state.book.books.budgets;
        let keys: BTreeSet<SumKey> = budgets
            .iter()
            .flat_map(|budget| {
                let of = |at: &Timestamp| (budget.scope.clone(), budget.per, budget.per.start(*at));
                needs.charged.iter().map(of)
            })
            .filter(|key| !state.book.read.0.contains(key))
            .collect();
        if !keys.is_empty() {
            let keys: Vec<(String, &str, i64)> = {
                state.book.read.0.extend(keys.iter().cloned());
                keys.iter().map(|(scope, per, start)| (scope.to_string(), per.as_str(), start.0)).collect()
            };
            for row in self.rows(sql::READ_SUMS, json(&keys)).await? {
                let mut cells = Cells::of(&row);
                let (scope, per): (String, String) = (cells.take()?, cells.take()?);
                let scope = scope.parse().map_err(|error| damaged(format!("{error}")))?;
                let per = per.parse().map_err(|error: String| damaged(error))?;
                let start = Timestamp(cells.take()?);
                state.book.books.sums.insert((scope, per, start), accounts::sums(&mut cells)?);
            }
        }
        let health: BTreeSet<_> = needs.health.difference(&state.book.read.1).cloned().collect();
        if !health.is_empty() {
            for row in self.rows(sql::READ_HEALTH, json(&health)).await? {
                state.book.health.extend([accounts::health(&row)?]);
            }
            state.book.read.1.extend(health);
        }
        Ok(())
    }

    async fn revisions(&mut self, state: &mut State, sql: &str, value: Value) -> Result<(), DbErr> {
        for row in self.rows(sql, value).await? {
            let mut cells = Cells::of(&row);
            let id = RevisionId(names::uint(cells.take()?));
            let (job, number) = (job_id(cells.take()?)?, small(cells.take()?));
            state.revisions.insert(id, RevisionState { job, number });
            state.numbered.insert((job, number), id);
        }
        Ok(())
    }
}

fn job(row: &QueryResult) -> Result<(JobId, JobState), DbErr> {
    let mut cells = Cells::of(row);
    let id = job_id(cells.take()?)?;
    let status: String = cells.take()?;
    let job = JobState {
        status: names::status(&status).ok_or_else(|| damaged(format!("the status {status:?}")))?,
        updated: Timestamp(cells.take()?),
        version: names::uint(cells.take()?),
        owner: cells.take()?,
        epoch: names::uint(cells.take()?),
        until: cells.take::<Option<i64>>()?.map(Timestamp),
        next_seq: names::uint(cells.take()?),
        cost: NanoUsd(cells.take()?),
        reserved: NanoUsd(cells.take()?),
        usage: Usage {
            input: names::uint(cells.take()?),
            cache_read: names::uint(cells.take()?),
            cache_write: names::uint(cells.take()?),
            cache_write_long: names::uint(cells.take()?),
            output: names::uint(cells.take()?),
            reasoning: names::uint(cells.take()?),
            estimated: cells.take()?,
        },
        cancel_requested: cells.take()?,
        stamps: cells.take()?,
        head: cells.take::<Option<i64>>()?.map(|id| RevisionId(names::uint(id))),
        head_number: small(cells.take()?),
        budget: cells.take::<Option<i64>>()?.map(NanoUsd),
        depth: small(cells.take()?),
        root: job_id(cells.take()?)?,
        reason: cells.take()?,
        parents: parents(&cells.take::<String>()?)?.into_iter().map(|(_, link)| link).collect(),
        retries: Retries {
            not_before: cells.take::<Option<i64>>()?.map(Timestamp),
            crashes: small(cells.take()?),
            tries: Tries {
                transient: small(cells.take()?),
                fatal: small(cells.take()?),
                verdict: small(cells.take()?),
                infrastructure: small(cells.take()?),
            },
        },
        branch: None,
        rating: None,
        moved: false,
    };
    Ok((id, job))
}

/// Reads what runs: the job, its root, until when, and its parents as JSON.
pub(crate) fn running(cells: &mut Cells<'_>) -> Result<Running, DbErr> {
    let (job, root) = (job_id(cells.take()?)?, job_id(cells.take()?)?);
    let until = Timestamp(cells.take::<Option<i64>>()?.unwrap_or(0));
    Ok(Running { job, root, until, merges: merges(&cells.take::<String>()?)? })
}

/// Reads the parents that a job merges, from the JSON of their numbers; none if it has fewer than two.
pub(crate) fn merges(json: &str) -> Result<Vec<JobId>, DbErr> {
    let all: Vec<i64> = serde_json::from_str(json).map_err(|error| damaged(format!("the parents {json}: {error}")))?;
    if all.len() < 2 { Ok(Vec::new()) } else { all.into_iter().map(job_id).collect() }
}

/// Reads the parents of a job, as asked for and as pinned, from the JSON that the queries make of them.
pub(crate) fn parents(json: &str) -> Result<Vec<(RevisionRef, ParentLink)>, DbErr> {
    if json == "[]" {
        return Ok(Vec::new());
    }
    // The parent, its revision's number, the pinned revision, and the number that was asked for.
    type Row = (u64, Option<u32>, Option<u64>, Option<u32>);
    let rows: Vec<Row> = serde_json::from_str(json).map_err(|error| damaged(format!("the parents {json}: {error}")))?;
    rows.into_iter()
        .map(|(job, number, revision, asked)| {
            let job = JobId::new(job).ok_or_else(|| damaged("the parent 0"))?;
            Ok((RevisionRef { job, number: asked }, ParentLink { job, number, revision: revision.map(RevisionId) }))
        })
        .collect()
}

/// Reads a job's id.
pub(crate) fn job_id(number: i64) -> Result<JobId, DbErr> {
    JobId::new(names::uint(number)).ok_or_else(|| damaged(format!("the job id {number}")))
}

/// Reads a hash.
pub(crate) fn hash_of(bytes: &[u8]) -> Result<BlobHash, DbErr> {
    let bytes = bytes.try_into().map_err(|_| damaged(format!("a hash of {} bytes", bytes.len())))?;
    Ok(BlobHash::from_bytes(bytes))
}

/// Reads a small number.
pub(crate) fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Returns the error for a value that no version of the store wrote.
pub(crate) fn damaged(what: impl Into<String>) -> DbErr {
    DbErr::Type(format!("{} is not what the store writes", what.into()))
}

/// Returns a value as a JSON parameter. Plain numbers, texts and hashes: writing them cannot fail.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Value {
    Value::from(serde_json::to_string(value).unwrap_or_default())
}

/// The columns of a row, taken one after the other.
pub(crate) struct Cells<'a> {
    row: &'a QueryResult,
    at: usize,
}

impl<'a> Cells<'a> {
    /// Starts at the first column.
    pub(crate) fn of(row: &'a QueryResult) -> Self {
        Self { row, at: 0 }
    }

    /// Takes the next column.
    pub(crate) fn take<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        let value = self.row.try_get_by_index(self.at)?;
        self.at += 1;
        Ok(value)
    }
}
