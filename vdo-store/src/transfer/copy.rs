//! Copies the rows of jobs from one database to another, and hashes them.
//!
//! Never decides what is copied. Invariant: rows are read and written in one order, so that the same rows have the same hash in
//! whatever database they are.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use vdo_core::content::BlobHash;
use vdo_core::event::EventKind;
use vdo_core::id::JobId;

use super::columns::{CORRECTIONS, Copied, Role, TABLES, expression};
use crate::dialect;
use crate::load::{damaged, job_id};
use crate::names;
use crate::pack::{Packed, unpack};
use crate::rows::Table;
use crate::snapshot;
use crate::tables::Kind;

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Int(Option<i64>),
    Flag(Option<bool>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// What ids become: those of the other store.
#[derive(Debug, Default)]
pub(super) struct Renaming {
    /// Added to every job's id.
    pub(super) jobs: i64,
    /// Revisions, old to new.
    pub(super) revisions: BTreeMap<i64, i64>,
    /// The id that the next revision gets.
    pub(super) next_revision: i64,
    /// Keys that jobs have already where the rows go.
    pub(super) keys: BTreeSet<String>,
}

impl Renaming {
    fn job(&self, id: i64) -> i64 {
        id.saturating_add(self.jobs)
    }

    fn revision(&mut self, id: i64) -> i64 {
        let next = &mut self.next_revision;
        *self.revisions.entry(id).or_insert_with(|| {
            *next += 1;
            *next
        })
    }
}

/// Reads the rows of one job in one table, in their order.
pub(super) async fn read(from: &impl ConnectionTrait, copied: &Copied, job: i64) -> Result<Vec<Vec<Cell>>, DbErr> {
    cells(from, copied, &copied.select(), vec![Value::from(job)]).await
}

/// Reads the rows of a table that belong to no job.
pub(super) async fn shared(from: &impl ConnectionTrait, copied: &Copied) -> Result<Vec<Vec<Cell>>, DbErr> {
    cells(from, copied, &copied.select(), Vec::new()).await
}

async fn cells(
    from: &impl ConnectionTrait,
    copied: &Copied,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<Vec<Cell>>, DbErr> {
    let backend = from.get_database_backend();
    let rows = from.query_all_raw(dialect::statement(backend, sql, values)).await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut cells = Vec::with_capacity(copied.table.columns().len());
        for (at, (_, kind)) in copied.table.columns().iter().enumerate() {
            cells.push(match kind {
                Kind::Int => Cell::Int(row.try_get_by_index(at)?),
                Kind::Flag => Cell::Flag(row.try_get_by_index(at)?),
                Kind::Bytes | Kind::Content => Cell::Bytes(row.try_get_by_index(at)?),
                Kind::Text => Cell::Text(row.try_get_by_index(at)?),
                Kind::Free => {
                    let mut text: Option<String> = row.try_get_by_index(at)?;
                    if let Some(text) = &mut text {
                        dialect::restore(backend, text);
                    }
                    Cell::Text(text)
                }
            });
        }
        all.push(cells);
    }
    Ok(all)
}

/// Reads some contents, in the order of their hashes.
pub(super) async fn contents(from: &impl ConnectionTrait, hashes: &[BlobHash]) -> Result<Vec<Vec<Cell>>, DbErr> {
    let Some(blobs) = TABLES.iter().find(|copied| copied.table.name() == "blobs") else { return Ok(Vec::new()) };
    let columns: Vec<String> = blobs.table.columns().iter().map(|(name, kind)| expression(name, *kind)).collect();
    let sql = format!(
        "SELECT {} FROM json_each(?1) e CROSS JOIN blobs t ON t.hash = unhex(e.value) ORDER BY t.hash",
        columns.join(", ")
    );
    cells(from, blobs, &sql, vec![crate::load::json(&hashes)]).await
}

/// Returns the contents that attempts told by these event rows need.
pub(super) fn attempted(events: &[Vec<Cell>]) -> BTreeSet<BlobHash> {
    let kinds = events.iter().filter_map(|row| event(row).ok());
    let attempts = kinds.filter_map(|kind| match kind {
        EventKind::Attempt { attempt } => Some(attempt),
        _ => None,
    });
    attempts.flat_map(|attempt| attempt.contents().collect::<Vec<_>>()).collect()
}

fn event(row: &[Cell]) -> Result<EventKind, String> {
    match row {
        [.., Cell::Int(Some(len)), Cell::Int(Some(codec)), Cell::Bytes(Some(data))] => {
            let bytes = unpack(*len, *codec, data.clone())?;
            serde_json::from_slice(&bytes).map_err(|error| error.to_string())
        }
        _ => Err("it has no text".to_owned()),
    }
}

/// Gives the ids of a row their new values.
pub(super) fn rename(copied: &Copied, row: &mut [Cell], renaming: &mut Renaming) -> Result<(), DbErr> {
    let named: Vec<Role> = copied.table.columns().iter().map(|(name, _)| copied.role(name)).collect();
    let whole = row.to_vec();
    let mut repacked = None;
    for (role, cell) in named.iter().zip(row.iter_mut()) {
        match (role, cell) {
            (Role::Job, Cell::Int(Some(id))) => *id = renaming.job(*id),
            (Role::Revision, Cell::Int(Some(id))) => *id = renaming.revision(*id),
            (Role::Revisions, Cell::Text(Some(text))) => {
                let ids: Vec<i64> = serde_json::from_str(text).map_err(|error| damaged(format!("{text}: {error}")))?;
                let ids: Vec<i64> = ids.into_iter().map(|id| renaming.revision(id)).collect();
                *text = serde_json::to_string(&ids).unwrap_or_default();
            }
            (Role::Manifest, Cell::Bytes(Some(data))) if renaming.jobs != 0 => {
                // The revision's own job is not named in it.
                let none = JobId::new(u64::MAX >> 1).ok_or_else(|| damaged("a job id"))?;
                let mut manifest = snapshot::decode(data, none).map_err(damaged)?;
                for file in manifest.0.values_mut().filter(|file| file.job != none) {
                    file.job = job_id(renaming.job(names::int(file.job.number())))?;
                }
                *data = snapshot::encode(&manifest, Some(none));
            }
            (Role::Event, _) if renaming.jobs != 0 => {
                // What cannot be read stays what it is.
                let Ok(kind) = event(&whole) else { continue };
                let renamed = |id: JobId| job_id(renaming.job(names::int(id.number()))).unwrap_or(id);
                let changed = kind.clone().with_jobs(&renamed);
                if changed != kind {
                    repacked = Some(Packed::new(serde_json::to_vec(&changed).unwrap_or_default()));
                }
            }
            (Role::Key, Cell::Text(text)) if text.as_ref().is_some_and(|key| renaming.keys.contains(key)) => {
                *text = None
            }
            (Role::Lease, Cell::Text(text)) => *text = None,
            (Role::Lease, Cell::Int(until)) => *until = None,
            _ => {}
        }
    }
    if let (Some(packed), [.., len, codec, data]) = (repacked, row) {
        *len = Cell::Int(Some(names::int(packed.len as u64)));
        *codec = Cell::Int(Some(i64::from(packed.codec)));
        *data = Cell::Bytes(Some(packed.data));
    }
    Ok(())
}

/// Writes rows of one table.
pub(super) async fn write(
    into: &impl ConnectionTrait,
    copied: &Copied,
    rows: impl IntoIterator<Item = Vec<Cell>>,
) -> Result<u64, DbErr> {
    let backend = into.get_database_backend();
    let (mut table, mut count) = (Table::new(backend), 0);
    for cells in rows {
        let mut row = table.row();
        for (cell, (_, kind)) in cells.iter().zip(copied.table.columns()) {
            _ = match cell {
                Cell::Int(number) => row.int(*number),
                Cell::Flag(flag) => row.flag(*flag),
                Cell::Text(text) if *kind == Kind::Free => row.free(text.as_deref()),
                Cell::Text(text) => row.text(text.as_deref()),
                Cell::Bytes(bytes) => row.bytes(bytes.as_deref()),
            };
        }
        drop(row);
        count += 1;
        if table.is_large() {
            send(into, copied, std::mem::replace(&mut table, Table::new(backend))).await?;
        }
    }
    send(into, copied, table).await?;
    Ok(count)
}

async fn send(into: &impl ConnectionTrait, copied: &Copied, table: Table) -> Result<(), DbErr> {
    if table.is_empty() {
        return Ok(());
    }
    let backend = into.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => copied.table.postgres().to_owned(),
        _ => {
            let mut text = String::new();
            copied.table.sqlite(&mut text, 1);
            text
        }
    };
    into.execute_raw(Statement::from_sql_and_values(backend, sql, table.values())).await.map(drop)
}

/// Hashes everything that a file has of its jobs: every table, row by row, every value with its kind and length.
///
/// `columns` says which columns count, by table: those that there were when the file was made.
pub(super) async fn seal(
    from: &impl ConnectionTrait,
    columns: &BTreeMap<String, Vec<String>>,
) -> Result<BlobHash, DbErr> {
    let mut hasher = blake3::Hasher::new();
    for copied in TABLES.iter().chain([&CORRECTIONS]) {
        let Some(names) = columns.get(copied.table.name()) else { continue };
        hasher.update(copied.table.name().as_bytes());
        let known: Vec<(&str, Kind)> =
            copied.table.columns().iter().filter(|(name, _)| names.iter().any(|one| one == name)).copied().collect();
        let parts: Vec<String> = known.iter().map(|(name, kind)| expression(name, *kind)).collect();
        let mut after = 0i64;
        loop {
            let sql = format!(
                "SELECT {} FROM {} t ORDER BY {} LIMIT 1000 OFFSET ?1",
                parts.join(", "),
                copied.table.name(),
                copied.order
            );
            let rows =
                from.query_all_raw(dialect::statement(from.get_database_backend(), &sql, [Value::from(after)])).await?;
            if rows.is_empty() {
                break;
            }
            after += i64::try_from(rows.len()).unwrap_or(i64::MAX);
            for row in &rows {
                for (at, (_, kind)) in known.iter().enumerate() {
                    let bytes: Option<Vec<u8>> = match kind {
                        Kind::Int => {
                            row.try_get_by_index::<Option<i64>>(at)?.map(|number| number.to_le_bytes().to_vec())
                        }
                        Kind::Flag => row.try_get_by_index::<Option<bool>>(at)?.map(|flag| vec![u8::from(flag)]),
                        Kind::Text | Kind::Free => row.try_get_by_index::<Option<String>>(at)?.map(String::into_bytes),
                        Kind::Bytes | Kind::Content => row.try_get_by_index(at)?,
                    };
                    match bytes {
                        Some(bytes) => {
                            hasher.update(&(bytes.len() as u64).to_le_bytes());
                            hasher.update(&bytes);
                        }
                        None => _ = hasher.update(&[0xff; 8]),
                    }
                }
            }
        }
    }
    Ok(BlobHash::from_bytes(*hasher.finalize().as_bytes()))
}

/// Returns the columns that count today.
pub(super) fn columns() -> BTreeMap<String, Vec<String>> {
    let of = |copied: &Copied| {
        let names = copied.table.columns().iter().map(|(name, _)| (*name).to_owned());
        (copied.table.name().to_owned(), names.collect())
    };
    TABLES.iter().chain([&CORRECTIONS]).map(of).collect()
}
