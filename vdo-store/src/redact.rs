//! Taking a content or a text out of everything that is stored, and out of the file itself.
//!
//! A content that is redacted is replaced by a tombstone in every tree that has it. Those revisions get new root hashes, so
//! that a tree can still be told to be whole; the checks that ran on the old tree stay, and do not speak for the new one.
//! Invariant: after the transaction nothing refers to the redacted content; after the vacuum no page and no log has its bytes.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Value};
use vdo_core::content::BlobHash;
use vdo_core::event::EventKind;
use vdo_core::id::{JobId, RevisionId, RevisionRef};
use vdo_core::port::StoreError;
use vdo_core::port::upkeep::{REDACTED, Redacted, Redaction, Searched, TOMBSTONE};

use crate::dialect;
use crate::load::{Cells, hash_of, job_id};
use crate::names;
use crate::open::begin;
use crate::pack::{Packed, unpack};
use crate::snapshot;
use crate::store::SqlStore;
use crate::upkeep::{Fail, overwrite, refuse_busy, rows, run, tell};

/// A content as it is stored: hash, length, compression, bytes, id.
type Row = (Vec<u8>, i64, i64, Vec<u8>, i64);

/// How often it is begun again because somebody added a revision.
const TRIES: u32 = 3;

/// A revision whose tree has a redacted content.
struct Affected {
    revision: RevisionRef,
    id: RevisionId,
    root_hash: BlobHash,
    /// The whole manifest, where a snapshot of it is kept.
    snapshot: Option<Vec<u8>>,
}

/// The texts that stand for one secret: as it is, and as JSON writes it.
fn needles(text: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![text.to_vec()];
    if let Ok(text) = std::str::from_utf8(text) {
        let json = serde_json::to_string(text).unwrap_or_default();
        let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default().as_bytes().to_vec();
        // A report inside an answer is JSON in JSON.
        let outer = serde_json::to_string(&String::from_utf8_lossy(&inner)).unwrap_or_default();
        let outer = outer.get(1..outer.len().saturating_sub(1)).unwrap_or_default().as_bytes().to_vec();
        for form in [inner, outer] {
            if !all.contains(&form) && !form.is_empty() {
                all.push(form);
            }
        }
    }
    all.sort_by_key(|form| std::cmp::Reverse(form.len()));
    all
}

fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|window| window == needle)
}

/// Returns the bytes without the secret, if they have it.
fn without(bytes: &[u8], needles: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut changed = None;
    for needle in needles {
        let mut rest: Vec<u8> = changed.clone().unwrap_or_else(|| bytes.to_vec());
        let mut done = Vec::new();
        let mut hit = false;
        while let Some(at) = find(&rest, needle) {
            hit = true;
            done.extend_from_slice(rest.get(..at).unwrap_or_default());
            done.extend_from_slice(REDACTED.as_bytes());
            rest.drain(..at + needle.len());
        }
        if hit {
            done.extend_from_slice(&rest);
            changed = Some(done);
        }
    }
    changed
}

/// Redacts.
pub(crate) async fn redact(store: &SqlStore, redaction: &Redaction) -> Result<Redacted, StoreError> {
    if redaction.text.as_ref().is_some_and(|text| text.len() < 4) {
        return Err(StoreError::Invalid("a text of fewer than 4 bytes would be found everywhere".to_owned()));
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let gone = store.wanted(redaction).await?;
        let (affected, last) = store.affected(&gone).await?;
        let request = redaction.clone();
        let done = store
            .alone(move |connection| async move { whole(&connection, &request, &gone, &affected, last).await })
            .await?;
        match done {
            Some(mut redacted) => {
                redacted.erased = store.erase().await;
                return Ok(redacted);
            }
            None if tries < TRIES => {}
            None => return Err(StoreError::Invalid("revisions were added all the while; try again".to_owned())),
        }
    }
}

/// Does all of it in one transaction; `None` if there are revisions now that were not looked at.
async fn whole(
    connection: &DatabaseConnection,
    request: &Redaction,
    gone: &BTreeSet<BlobHash>,
    affected: &[Affected],
    last: i64,
) -> Result<Option<Redacted>, Fail> {
    overwrite(connection).await?;
    let transaction = begin(connection).await?;
    let done = async {
        let newest = rows(&transaction, "SELECT coalesce(max(id), 0) FROM revisions", Vec::new()).await?;
        if newest.first().map(|row| Cells::of(row).take::<i64>()).transpose()? != Some(last) {
            return Ok(None);
        }
        inside(&transaction, request, gone, affected).await.map(Some)
    };
    match done.await {
        Ok(Some(redacted)) => {
            transaction.commit().await?;
            Ok(Some(redacted))
        }
        other => {
            transaction.rollback().await?;
            other
        }
    }
}

async fn inside(
    transaction: &DatabaseTransaction,
    request: &Redaction,
    gone: &BTreeSet<BlobHash>,
    affected: &[Affected],
) -> Result<Redacted, Fail> {
    let sql = "SELECT id, lease_owner, lease_epoch, lease_until FROM jobs WHERE lease_owner IS NOT NULL";
    for row in rows(transaction, sql, Vec::new()).await? {
        let mut cells = Cells::of(&row);
        let job = job_id(cells.take()?)?;
        refuse_busy(job, &mut cells, request.now)?;
    }
    let mut redacted = Redacted { blobs: gone.iter().copied().collect(), ..Redacted::default() };
    let mut places: std::collections::BTreeMap<JobId, u64> = std::collections::BTreeMap::new();
    redacted.searched.push(Searched { place: "contents".to_owned(), hits: gone.len() as u64 });
    if !gone.is_empty() {
        bury(transaction, request, gone).await?;
    }
    for one in affected {
        let id = Value::from(names::int(one.id.0));
        let hash = Value::from(one.root_hash.as_bytes().to_vec());
        run(transaction, "UPDATE revisions SET root_hash = ?2 WHERE id = ?1", vec![id.clone(), hash]).await?;
        if let Some(manifest) = &one.snapshot {
            let values = vec![id, Value::from(manifest.clone())];
            run(transaction, "UPDATE snapshots SET manifest = ?2 WHERE revision_id = ?1", values).await?;
        }
        redacted.revisions.push(one.revision);
        *places.entry(one.revision.job).or_default() += 1;
    }
    redacted.searched.push(Searched { place: "files of revisions".to_owned(), hits: affected.len() as u64 });
    if let Some(text) = &request.text {
        let needles = needles(text);
        for (place, table, key, data) in [
            ("answers in journals", "steps", "id", "answer"),
            ("reports of checks", "checks", "id", "report"),
            ("events", "events", "seq", "kind"),
        ] {
            let hits = packed(transaction, (table, key, data), &needles, &mut places).await?;
            redacted.searched.push(Searched { place: place.to_owned(), hits });
        }
        for (place, table, id, columns) in TEXTS {
            let hits = plain(transaction, (table, id, columns), &needles, &mut places).await?;
            redacted.searched.push(Searched { place: (*place).to_owned(), hits });
        }
    }
    for (job, places) in places {
        tell(transaction, job, request.now, &EventKind::Redacted { places }).await?;
    }
    Ok(redacted)
}

/// Columns with plain text: what they are called, the table, the column with the job's id, and the columns.
const TEXTS: &[(&str, &str, &str, &[&str])] = &[
    (
        "titles, descriptions and other texts of jobs",
        "jobs",
        "id",
        &["title", "description", "reason", "note", "parameters", "checks", "tags", "repo", "project"],
    ),
    ("replies that were not heard to their end", "partials", "job_id", &["text"]),
    ("failures of calls", "calls", "job_id", &["failure"]),
    ("reasons of conflicts", "conflicts", "job_id", &["reason"]),
];

/// Puts the tombstone in the place of contents, and writes down that it was done.
async fn bury(
    transaction: &DatabaseTransaction,
    request: &Redaction,
    gone: &BTreeSet<BlobHash>,
) -> Result<(), DbError> {
    let tombstone = BlobHash::of(TOMBSTONE);
    let packed = Packed::new(TOMBSTONE);
    let sql = "INSERT INTO blobs (hash, len, codec, data) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (hash) DO NOTHING";
    let mark = || Value::from(tombstone.as_bytes().to_vec());
    let values = vec![
        mark(),
        Value::from(names::int(packed.len as u64)),
        Value::from(i64::from(packed.codec)),
        Value::from(packed.data),
    ];
    run(transaction, sql, values).await?;
    for hash in gone {
        let hash = || Value::from(hash.as_bytes().to_vec());
        let sql = "UPDATE job_files SET blob_id = (SELECT id FROM blobs WHERE hash = ?2) \
                   WHERE blob_id = (SELECT id FROM blobs WHERE hash = ?1)";
        run(transaction, sql, vec![hash(), mark()]).await?;
        for column in ["base_blob", "ours_blob", "theirs_blob", "result_blob"] {
            let sql = format!("UPDATE conflicts SET {column} = ?2 WHERE {column} = ?1");
            run(transaction, &sql, vec![hash(), mark()]).await?;
        }
        run(transaction, "DELETE FROM blobs WHERE hash = ?1", vec![hash()]).await?;
        let sql = "INSERT INTO redactions (at, hash, tombstone, author) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (hash) DO UPDATE SET at = excluded.at, author = excluded.author";
        let values = vec![Value::from(request.now.0), hash(), mark(), Value::from(request.author.clone())];
        run(transaction, sql, values).await?;
    }
    Ok(())
}

type DbError = sea_orm::DbErr;

/// Rewrites packed columns that have the secret.
async fn packed(
    transaction: &DatabaseTransaction,
    (table, key, data): (&str, &str, &str),
    needles: &[Vec<u8>],
    places: &mut std::collections::BTreeMap<JobId, u64>,
) -> Result<u64, Fail> {
    let (mut hits, mut after) = (0, 0i64);
    loop {
        let sql = format!(
            "SELECT id, job_id, len, codec, {data} FROM {table} WHERE {data} IS NOT NULL AND id > ?1 ORDER BY id LIMIT 64"
        );
        let sql = match table {
            // No id there: its key is the job and the number.
            "events" => format!(
                "SELECT job_id * 4294967296 + seq AS at, job_id, len, codec, {data}, seq FROM events \
                 WHERE job_id * 4294967296 + seq > ?1 ORDER BY job_id, seq LIMIT 64"
            ),
            _ => sql,
        };
        let found = rows(transaction, &sql, vec![Value::from(after)]).await?;
        if found.is_empty() {
            return Ok(hits);
        }
        for row in found {
            let mut cells = Cells::of(&row);
            after = cells.take()?;
            let job: i64 = cells.take()?;
            let (len, codec): (i64, i64) = (cells.take()?, cells.take()?);
            let Ok(bytes) = unpack(len, codec, cells.take()?) else { continue };
            let Some(clean) = without(&bytes, needles) else { continue };
            hits += 1;
            *places.entry(job_id(job)?).or_default() += 1;
            let packed = Packed::new(clean);
            let mut values = vec![
                Value::from(names::int(packed.len as u64)),
                Value::from(i64::from(packed.codec)),
                Value::from(packed.data),
            ];
            let condition = match table {
                "events" => {
                    values.extend([Value::from(job), Value::from(after - job * 4_294_967_296)]);
                    "job_id = ?4 AND seq = ?5".to_owned()
                }
                _ => {
                    values.push(Value::from(after));
                    format!("{key} = ?4")
                }
            };
            let sql = format!("UPDATE {table} SET len = ?1, codec = ?2, {data} = ?3 WHERE {condition}");
            run(transaction, &sql, values).await?;
        }
    }
}

/// Rewrites columns of plain text that have the secret.
async fn plain(
    transaction: &DatabaseTransaction,
    (table, id, columns): (&str, &str, &[&str]),
    needles: &[Vec<u8>],
    places: &mut std::collections::BTreeMap<JobId, u64>,
) -> Result<u64, Fail> {
    let mut hits = 0;
    for needle in needles.iter().filter_map(|needle| std::str::from_utf8(needle).ok()) {
        let needle = dialect::keep(transaction.get_database_backend(), needle);
        let needle = needle.as_ref();
        for column in columns {
            let sql = format!("SELECT {id} FROM {table} WHERE instr({column}, ?1) > 0");
            for row in rows(transaction, &sql, vec![Value::from(needle)]).await? {
                hits += 1;
                *places.entry(job_id(Cells::of(&row).take()?)?).or_default() += 1;
            }
            let sql = format!("UPDATE {table} SET {column} = replace({column}, ?1, ?2) WHERE instr({column}, ?1) > 0");
            run(transaction, &sql, vec![Value::from(needle), Value::from(REDACTED)]).await?;
        }
    }
    Ok(hits)
}

impl SqlStore {
    /// Returns the contents that are to go: those named, and those that have the text.
    async fn wanted(&self, redaction: &Redaction) -> Result<BTreeSet<BlobHash>, StoreError> {
        let mut gone = BTreeSet::new();
        for hash in &redaction.blobs {
            // One that is damaged can go, too; one that is not there is an error.
            match self.reader().blobs(&[*hash]).await {
                Ok(_) | Err(StoreError::Corrupt { .. }) => gone.insert(*hash),
                Err(error) => return Err(error),
            };
        }
        let Some(text) = &redaction.text else { return Ok(gone) };
        let mut after = 0i64;
        loop {
            let found = self.reader().rows(crate::sql::ALL_CONTENTS, vec![Value::from(after)]).await?;
            if found.is_empty() {
                break;
            }
            for row in found {
                let read = || -> Result<Row, DbError> {
                    let mut cells = Cells::of(&row);
                    Ok((cells.take()?, cells.take()?, cells.take()?, cells.take()?, cells.take()?))
                };
                let fail = |error| crate::fault::error(error, self.place());
                let (hash, len, codec, data, id) = read().map_err(fail)?;
                after = id;
                if unpack(len, codec, data).is_ok_and(|bytes| bytes.len() >= text.len() && find(&bytes, text).is_some())
                {
                    gone.insert(hash_of(&hash).map_err(fail)?);
                }
            }
        }
        gone.remove(&BlobHash::of(TOMBSTONE));
        Ok(gone)
    }

    /// Returns the revisions that have one of some contents, and the newest revision there is.
    async fn affected(&self, gone: &BTreeSet<BlobHash>) -> Result<(Vec<Affected>, i64), StoreError> {
        let sql =
            "SELECT r.id, EXISTS (SELECT 1 FROM snapshots s WHERE s.revision_id = r.id) FROM revisions r ORDER BY r.id";
        let (mut affected, mut last) = (Vec::new(), 0);
        let tombstone = BlobHash::of(TOMBSTONE);
        for row in self.reader().rows(sql, Vec::new()).await? {
            let read = || -> Result<(i64, bool), DbError> {
                let mut cells = Cells::of(&row);
                Ok((cells.take()?, cells.take()?))
            };
            let (id, has_snapshot) = read().map_err(|error| crate::fault::error(error, self.place()))?;
            last = id;
            if gone.is_empty() {
                continue;
            }
            let id = RevisionId(names::uint(id));
            let mut manifest = self.reader().chained_manifest(id).await?.0;
            let mut hit = false;
            for file in manifest.0.values_mut().filter(|file| gone.contains(&file.entry.blob)) {
                (file.entry.blob, hit) = (tombstone, true);
            }
            if hit {
                let revision = self.reader().revision(id).await?;
                let snapshot = has_snapshot.then(|| snapshot::encode(&manifest, Some(revision.job)));
                affected.push(Affected {
                    revision: RevisionRef { job: revision.job, number: Some(revision.number) },
                    id,
                    root_hash: manifest.tree().root_hash(),
                    snapshot,
                });
            }
        }
        Ok((affected, last))
    }

    /// Takes freed pages and the log out of the file; tells whether that was possible.
    async fn erase(&self) -> bool {
        let work = |connection: DatabaseConnection| async move {
            if connection.get_database_backend() == DbBackend::Postgres {
                for table in ["blobs", "steps", "checks", "events", "calls", "conflicts", "jobs"] {
                    connection.execute_unprepared(&format!("VACUUM (FULL) {table}")).await?;
                }
                // The server's log of writes keeps what it has until it is used again.
                return Ok(false);
            }
            connection.execute_unprepared("VACUUM").await?;
            connection.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
            Ok(true)
        };
        self.alone(work).await.unwrap_or(false)
    }
}
