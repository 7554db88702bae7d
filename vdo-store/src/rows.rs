//! The rows of one batch on their way into the database.
//!
//! Every table travels as two bound values whatever the number of its rows: a JSON array of numbers, and one run of
//! bytes that texts and contents are cut from. So the SQL text never changes, statements stay prepared, and a table
//! costs one statement per batch. Pure: nothing here talks to a database.

use std::collections::HashSet;
use std::fmt::Write as _;

use sea_orm::{DbBackend, Value};

use crate::dialect;
use crate::tables;

/// Contents beyond this go in a statement of their own, so that a large import is never held several times over.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// Rows beyond this go in a statement of their own where many are copied.
const MOST_ROWS: usize = 2000;

/// The rows of one table.
#[derive(Debug)]
pub(crate) struct Table {
    backend: DbBackend,
    json: String,
    bytes: Vec<u8>,
    rows: usize,
    /// Rows that come before these, in statements of their own.
    before: Vec<[Value; 2]>,
    /// The keys of the rows, where two of them may be the same.
    keys: HashSet<String>,
}

impl Table {
    /// Returns a table without rows.
    pub(crate) fn new(backend: DbBackend) -> Self {
        // SQLite takes `substr` of an empty blob for NULL: the first byte is never used.
        Self { backend, json: String::new(), bytes: vec![0], rows: 0, before: Vec::new(), keys: HashSet::new() }
    }

    /// Starts a row.
    pub(crate) fn row(&mut self) -> Row<'_> {
        self.json.push(if self.rows == 0 { '[' } else { ',' });
        self.json.push('[');
        self.rows += 1;
        Row { table: self, first: true }
    }

    /// Starts a row that replaces one with the same key: one statement of PostgreSQL touches a row only once.
    pub(crate) fn keyed(&mut self, key: impl FnOnce() -> String) -> Row<'_> {
        if self.backend == DbBackend::Postgres {
            let key = key();
            if !self.keys.insert(key.clone()) {
                let full = std::mem::replace(self, Self::new(self.backend));
                let mut before = full.before.clone();
                before.push(full.values());
                self.before = before;
                self.keys.insert(key);
            }
        }
        self.row()
    }

    /// Returns whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Returns whether its rows should be sent before more are added.
    pub(crate) fn is_large(&self) -> bool {
        self.bytes.len() > MOST_BYTES || self.rows >= MOST_ROWS
    }

    /// Returns the two values that its rows travel as.
    pub(crate) fn values(self) -> [Value; 2] {
        if self.rows == 0 {
            return [Value::String(None), Value::Bytes(None)];
        }
        let mut json = self.json;
        json.push(']');
        [Value::from(json), Value::from(self.bytes)]
    }
}

/// A row being written; ends when dropped.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    table: &'a mut Table,
    first: bool,
}

impl Row<'_> {
    fn comma(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.table.json.push(',');
        }
    }

    /// Adds a number, or NULL.
    pub(crate) fn int(&mut self, number: impl Into<Option<i64>>) -> &mut Self {
        self.comma();
        match number.into() {
            // Writing to a string cannot fail.
            Some(number) => _ = write!(self.table.json, "{number}"),
            None => self.table.json.push_str("null"),
        }
        self
    }

    /// Adds a truth value, or NULL.
    pub(crate) fn flag(&mut self, flag: impl Into<Option<bool>>) -> &mut Self {
        self.int(flag.into().map(i64::from))
    }

    /// Adds bytes or a text, or NULL: takes two places in the row, the start and the length.
    pub(crate) fn bytes<'b>(&mut self, bytes: impl Into<Option<&'b [u8]>>) -> &mut Self {
        match bytes.into() {
            Some(bytes) => {
                let start = i64::try_from(self.table.bytes.len() + 1).unwrap_or(i64::MAX);
                self.table.bytes.extend_from_slice(bytes);
                self.int(start).int(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
            }
            None => self.int(None).int(None),
        }
    }

    /// Adds a text, or NULL; as [`Row::bytes`].
    pub(crate) fn text<'b>(&mut self, text: impl Into<Option<&'b str>>) -> &mut Self {
        self.bytes(text.into().map(str::as_bytes))
    }

    /// Adds any text, or NULL, as the database can keep it; as [`Row::bytes`].
    pub(crate) fn free<'b>(&mut self, text: impl Into<Option<&'b str>>) -> &mut Self {
        let text = text.into().map(|text| dialect::keep(self.table.backend, text));
        self.bytes(text.as_deref().map(str::as_bytes))
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        self.table.json.push(']');
    }
}

/// The tables of a batch, in the order they are written.
#[derive(Debug)]
pub(crate) struct Rows {
    backend: DbBackend,
    pub(crate) jobs: Table,
    pub(crate) parents: Table,
    blobs: Vec<Table>,
    pub(crate) wanted: Table,
    pub(crate) steps: Table,
    pub(crate) calls: Table,
    pub(crate) events: Table,
    pub(crate) revisions: Table,
    pub(crate) files: Table,
    pub(crate) snapshots: Table,
    pub(crate) pins: Table,
    pub(crate) checks: Table,
    pub(crate) counters: Table,
    pub(crate) states: Table,
    pub(crate) outcomes: Table,
    pub(crate) conflicts: Table,
    pub(crate) corrections: Table,
    pub(crate) sums: Table,
    pub(crate) health: Table,
    pub(crate) partials: Table,
    pub(crate) needless: Table,
}

/// A piece of SQL and what is bound to it.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
    pub(crate) statements: u64,
    pub(crate) rows: u64,
}

impl Rows {
    /// Returns a batch without rows.
    pub(crate) fn new(backend: DbBackend) -> Self {
        let table = || Table::new(backend);
        Self {
            backend,
            jobs: table(),
            parents: table(),
            blobs: Vec::new(),
            wanted: table(),
            steps: table(),
            calls: table(),
            events: table(),
            revisions: table(),
            files: table(),
            snapshots: table(),
            pins: table(),
            checks: table(),
            counters: table(),
            states: table(),
            outcomes: table(),
            conflicts: table(),
            corrections: table(),
            sums: table(),
            health: table(),
            partials: table(),
            needless: table(),
        }
    }

    /// Returns the table that the next content goes into.
    pub(crate) fn blobs(&mut self) -> &mut Table {
        if self.blobs.last().is_none_or(|table| table.bytes.len() > MOST_BYTES) {
            self.blobs.push(Table::new(self.backend));
        }
        let last = self.blobs.len() - 1;
        // One was pushed just now if there was none.
        #[expect(clippy::indexing_slicing)]
        &mut self.blobs[last]
    }

    /// Leaves out that the contents are no garbage: nothing is marked as such.
    pub(crate) fn none_is_garbage(&mut self) {
        self.wanted = Table::new(self.backend);
    }

    /// Returns the SQL that writes all rows. SQLite takes several statements as one piece, with one more for every large run
    /// of contents; PostgreSQL takes one statement a piece.
    pub(crate) fn pieces(mut self) -> Vec<Piece> {
        let last = self.blobs.pop().unwrap_or_else(|| Table::new(self.backend));
        let large = std::mem::take(&mut self.blobs);
        let tables = [
            (&tables::JOBS, self.jobs),
            (&tables::PARENTS, self.parents),
            (&tables::BLOBS, last),
            (&tables::WANTED, self.wanted),
            (&tables::STEPS, self.steps),
            (&tables::CALLS, self.calls),
            (&tables::EVENTS, self.events),
            (&tables::REVISIONS, self.revisions),
            (&tables::FILES, self.files),
            (&tables::SNAPSHOTS, self.snapshots),
            (&tables::PINS, self.pins),
            (&tables::CHECKS, self.checks),
            (&tables::COUNTERS, self.counters),
            (&tables::STATES, self.states),
            (&tables::OUTCOMES, self.outcomes),
            (&tables::CONFLICTS, self.conflicts),
            (&tables::CORRECTIONS, self.corrections),
            (&tables::BUDGET_SUMS, self.sums),
            (&tables::HEALTH, self.health),
            (&tables::PARTIALS, self.partials),
            (&tables::NEEDLESS, self.needless),
        ];
        if self.backend == DbBackend::Postgres {
            let large = large.into_iter().map(|table| (&tables::BLOBS, table));
            return large.chain(tables).flat_map(|(sql, table)| one_by_one(sql, table)).collect();
        }
        let none = || Table::new(self.backend);
        // At the place that contents have among all tables.
        let alone = |blobs| [(&tables::JOBS, none()), (&tables::PARENTS, none()), (&tables::BLOBS, blobs)];
        let mut pieces: Vec<Piece> = large.into_iter().map(|blobs| together(alone(blobs))).collect();
        pieces.push(together(tables));
        pieces.retain(|piece| piece.statements > 0);
        pieces
    }
}

/// Returns the statements of one table.
fn one_by_one(sql: &tables::Table, mut table: Table) -> Vec<Piece> {
    if table.is_empty() {
        return Vec::new();
    }
    let rows = table.rows as u64;
    let mut all = std::mem::take(&mut table.before);
    all.push(table.values());
    let piece =
        |values: [Value; 2]| Piece { sql: sql.postgres().to_owned(), values: values.into(), statements: 1, rows };
    all.into_iter().map(piece).collect()
}

/// Returns one piece that writes several tables. The numbers of parameters are those of the tables' places, whether a table has
/// rows or not, and written `$n`, not `?n`: SQLite counts the unused numbers below a `?n` as parameters of that statement,
/// and the driver would run out of values for them.
fn together(tables: impl IntoIterator<Item = (&'static tables::Table, Table)>) -> Piece {
    let mut piece = Piece { sql: String::new(), values: Vec::with_capacity(42), statements: 0, rows: 0 };
    for (sql, table) in tables {
        if !table.is_empty() {
            sql.sqlite(&mut piece.sql, piece.values.len() + 1);
            piece.statements += 1;
            piece.rows += table.rows as u64;
        }
        piece.values.extend(table.values());
    }
    piece
}
